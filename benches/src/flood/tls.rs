//! The same server over TLS, and whom its clients have to trust.
//!
//! It speaks nothing but TLS 1.3 with AES-256-GCM, so whatever a client would like better, all of them compute the same.
//! Its certificate is made at the start and lies in the workshop, where the clients find it.

use super::{answer, serve_by};
use crate::launch::workshop;
use rustls::crypto::ring::{self, cipher_suite::TLS13_AES_256_GCM_SHA384};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::TLS13;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Prints its port, then serves until standard input ends.
pub(crate) fn serve() -> Result<(), String> {
    let config = config().map_err(|error| format!("a server of TLS: {error}"))?;
    serve_by(move |stream| {
        let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
        answer(StreamOwned::new(session, stream))
    })
}

/// The file, in PEM, of the certificate that clients have to trust.
pub(crate) fn root() -> PathBuf {
    workshop()
        .expect("it was made by the server")
        .join("root.pem")
}

/// What is in that file.
pub(crate) fn root_pem() -> Vec<u8> {
    std::fs::read(root()).expect("it was written by the server")
}

fn config() -> Result<Arc<ServerConfig>, Box<dyn Error>> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    workshop()?;
    std::fs::write(root(), made.cert.pem())?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut provider = ring::default_provider();
    provider.cipher_suites = vec![TLS13_AES_256_GCM_SHA384];
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::from(key))?;
    Ok(Arc::new(config))
}
