//! A certificate authority of one's own, certificates good and bad, and a server that speaks TLS with a thread for
//! each connection. What it says over TLS is the test's business.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::wait::wait_until;

/// Signs certificates that nobody outside the test trusts.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub chain: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A new one with a key of its own.
    ///
    /// # Panics
    /// If no key can be made.
    #[must_use]
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Of one name, two would be taken for each other and blamed for a bad signature.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("Authority {}", COUNT.fetch_add(1, Ordering::SeqCst));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let issuer = Issuer::new(params, key);
        Authority { issuer, pem }
    }

    /// Its own certificate.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A good certificate for these names or addresses.
    #[must_use]
    pub fn issue(&self, names: &[&str]) -> Identity {
        self.issue_with(names, |_| {})
    }

    /// One that a client shows.
    #[must_use]
    pub fn issue_to_client(&self, name: &str) -> Identity {
        self.issue_with(&[name], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    /// One that is special.
    ///
    /// # Panics
    /// If a name is none, or the certificate can't be signed.
    #[must_use]
    pub fn issue_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).expect("names");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Identity {
            chain: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Default for Authority {
    fn default() -> Authority {
        Authority::new()
    }
}

impl Identity {
    /// What a server needs to be this.
    ///
    /// # Panics
    /// If the two do not belong together.
    #[must_use]
    pub fn server(&self) -> ServerConfig {
        self.server_of(rustls::ALL_VERSIONS, None)
    }

    /// With some versions only, or with clients signed by an authority only.
    ///
    /// # Panics
    /// As [`server`](Identity::server).
    #[must_use]
    pub fn server_of(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
        clients_of: Option<&Authority>,
    ) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .expect("versions");
        let builder = match clients_of {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(certificate(&authority.pem)).expect("a root");
                let judge = rustls::server::WebPkiClientVerifier::builder_with_provider(
                    Arc::new(roots),
                    provider,
                );
                builder.with_client_cert_verifier(judge.build().expect("a judge"))
            }
        };
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key");
        builder
            .with_single_cert(vec![certificate(&self.chain)], key)
            .expect("a pair")
    }

    /// The hash of its key (SHA-256), as `openssl x509 -pubkey | openssl pkey -outform der | sha256sum` gives it.
    ///
    /// # Panics
    /// If the key is none.
    #[must_use]
    pub fn key_hash(&self) -> [u8; 32] {
        let key = KeyPair::from_pem(&self.key).expect("a key");
        let der = rcgen::PublicKeyData::subject_public_key_info(&key);
        let suite = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
        let suite = suite.tls13().expect("a suite of TLS 1.3");
        let hash = suite.common.hash_provider.hash(&der);
        hash.as_ref().try_into().expect("32 bytes")
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        certificate(&self.chain).to_vec()
    }
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}

/// One connection, seen by the server's thread.
pub type Secured = StreamOwned<ServerConnection, TcpStream>;

/// A server whose connections are each played by a function on a thread; dropping it closes them all.
pub struct TlsServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accept: Option<thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    accepted: AtomicUsize,
    closed: AtomicUsize,
    stopped: AtomicBool,
    /// By number: a connection that was reset has no peer's address any more.
    streams: Mutex<Vec<(usize, TcpStream)>>,
}

impl TlsServer {
    /// Plays each connection with `play`, which is told the connection's number, from 0.
    ///
    /// # Panics
    /// If there is no port.
    #[must_use]
    pub fn start(
        config: ServerConfig,
        play: impl Fn(&mut Secured, usize) -> io::Result<()> + Send + Sync + 'static,
    ) -> TlsServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared::default());
        let accept = thread::spawn({
            let (shared, config, play) = (shared.clone(), Arc::new(config), Arc::new(play));
            move || {
                for stream in listener.incoming() {
                    if shared.stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let number = shared.accepted.fetch_add(1, Ordering::SeqCst);
                    let mut streams = shared
                        .streams
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    streams.extend(stream.try_clone().map(|stream| (number, stream)));
                    drop(streams);
                    let (config, play, shared) = (config.clone(), play.clone(), shared.clone());
                    thread::spawn(move || serve(stream, config, number, &*play, &shared));
                }
            }
        });
        TlsServer {
            address,
            shared,
            accept: Some(accept),
        }
    }

    /// Answers each request's head with the same bytes, for as long as the client likes.
    #[must_use]
    pub fn answer(config: ServerConfig, response: &str) -> TlsServer {
        let response = response.to_owned();
        TlsServer::start(config, move |stream, _| {
            loop {
                read_head(stream)?;
                stream.write_all(response.as_bytes())?;
                stream.flush()?;
            }
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL on it, under a name that its certificate should be for.
    #[must_use]
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.address.port())
    }

    /// Connections so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Waits until the server's own ends of `count` connections are closed.
    #[must_use]
    pub fn closed_by_server(&self, count: usize, limit: Duration) -> bool {
        wait_until(limit, || self.shared.closed.load(Ordering::SeqCst) >= count)
    }
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    number: usize,
    play: &(dyn Fn(&mut Secured, usize) -> io::Result<()> + Send + Sync),
    shared: &Shared,
) {
    _ = stream.set_nodelay(true);
    // A client that hangs must not keep a thread for ever.
    _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let session = ServerConnection::new(config).expect("a configuration");
    let mut stream = StreamOwned::new(session, stream);
    // How it ended is what the client reports.
    _ = play(&mut stream, number);
    _ = stream.flush();
    let mut streams = shared
        .streams
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    streams.retain(|(other, _)| *other != number);
    drop((streams, stream));
    shared.closed.fetch_add(1, Ordering::SeqCst);
}

/// Reads up to a blank line; what was read.
///
/// # Errors
/// Those of the connection, or its end.
pub fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(accept) = self.accept.take() {
            _ = accept.join();
        }
        let mut streams = self
            .shared
            .streams
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (_, stream) in streams.drain(..) {
            _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}
