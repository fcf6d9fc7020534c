//! Whether a peer's certificates are good: rustls's own judgement, then the
//! pins.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::hash::{Hash, HashAlgorithm};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedCipherSuite,
};

use crate::pin::Pin;

/// The judge of a connector: chain and name unless all are accepted, then pins.
#[derive(Debug)]
pub(crate) struct Verifier {
    provider: Arc<CryptoProvider>,
    /// `None` accepts any chain and name. The peer still has to own its key.
    chain: Option<Arc<WebPkiServerVerifier>>,
    pins: Vec<Pin>,
}

impl Verifier {
    pub(crate) fn new(
        provider: Arc<CryptoProvider>,
        roots: Option<RootCertStore>,
        pins: Vec<Pin>,
    ) -> Result<Verifier, crate::Error> {
        let judge = |roots| {
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .map_err(|error| crate::Error::bad(error.to_string()))
        };
        Ok(Verifier {
            chain: roots.map(judge).transpose()?,
            provider,
            pins,
        })
    }

    fn is_pinned(&self, certificate: &CertificateDer<'_>) -> Result<bool, Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        let hash = sha256(&self.provider)
            .ok_or_else(|| Error::General("the crypto provider has no SHA-256".into()))?
            .hash(&key);
        Ok(self.pins.iter().any(|pin| pin.0[..] == *hash.as_ref()))
    }

    /// The peer's own key alone, as curl does: which of the others belong to
    /// the path that was judged good, rustls does not tell, and a peer may add
    /// any certificate to those it shows.
    fn check_pins(&self, end: &CertificateDer<'_>) -> Result<(), Error> {
        match self.pins.is_empty() || self.is_pinned(end)? {
            true => Ok(()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }
}

/// Providers offer hashes as parts of their cipher suites.
fn sha256(provider: &CryptoProvider) -> Option<&'static dyn Hash> {
    let hash = |suite: &SupportedCipherSuite| match suite {
        SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider,
        SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider,
    };
    let mut hashes = provider.cipher_suites.iter().map(hash);
    hashes.find(|hash| hash.algorithm() == HashAlgorithm::SHA256)
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(chain) = &self.chain {
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        }
        self.check_pins(end_entity)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
