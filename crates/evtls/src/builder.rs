//! How sessions are to be made: trust, identity, versions; and making them.
//! Settings become a rustls configuration at the first session, when the
//! roots have been read.

use std::cell::OnceCell;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;

use evcore::Promise;
use evcore::net::ByteStream;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, KeyLogFile};

use crate::error::Error;
use crate::limits::SESSIONS;
use crate::pin::Pin;
use crate::roots::Roots;
use crate::session::{Memory, Session, Version};
use crate::stream::TlsStream;
use crate::verify::Verifier;

/// Makes sessions, all with the same settings. Cheap to clone; equal only to
/// its clones, which share remembered sessions too.
#[derive(Clone)]
pub struct Connector(Rc<Shared>);

struct Shared {
    settings: Settings,
    roots: Roots,
    config: OnceCell<Arc<ClientConfig>>,
    memory: Memory,
}

struct Settings {
    provider: Arc<CryptoProvider>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    pins: Vec<Pin>,
    /// Those to offer, if that was said.
    protocols: Option<Vec<Vec<u8>>>,
    oldest: Version,
    newest: Version,
    server_name: Option<ServerName<'static>>,
    tells_name: bool,
    key_log: bool,
    resumes: bool,
    any_certificate: bool,
}

/// Chooses a [`Connector`]'s settings.
///
/// ```no_run
/// let tls = evtls::Connector::builder()
///     .root_certificates(std::fs::read("our-ca.pem")?)
///     .client_certificate(std::fs::read("me.pem")?, std::fs::read("me.key")?)
///     .protocols(["h2", "http/1.1"])
///     .build()?;
/// # Ok::<(), evcore::Error>(())
/// ```
pub struct Builder {
    provider: Option<Arc<CryptoProvider>>,
    roots: Vec<CertificateDer<'static>>,
    platform: bool,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    pins: Vec<Pin>,
    protocols: Option<Vec<Vec<u8>>>,
    oldest: Version,
    newest: Version,
    server_name: Option<ServerName<'static>>,
    tells_name: bool,
    key_log: bool,
    resumes: bool,
    any_certificate: bool,
    wrong: Option<Error>,
}

impl Connector {
    /// A connector with the usual settings.
    ///
    /// # Errors
    /// If no crypto provider is compiled in.
    pub fn new() -> Result<Connector, Error> {
        Connector::builder().build()
    }

    /// Chooses settings.
    pub fn builder() -> Builder {
        Builder {
            provider: None,
            roots: Vec::new(),
            platform: true,
            identity: None,
            pins: Vec::new(),
            protocols: None,
            oldest: Version::Tls12,
            newest: Version::Tls13,
            server_name: None,
            tells_name: true,
            key_log: true,
            resumes: true,
            any_certificate: false,
            wrong: None,
        }
    }

    /// Makes a session with `host` over `stream`, which may have been in use
    /// before: nothing of the peer's may have been read ahead of it.
    ///
    /// `host` is a name or an address, without a port; the peer's certificate
    /// has to be for it. Rejected with an [`Error`]; cancelling closes `stream`.
    #[track_caller]
    pub fn connect<S: ByteStream + 'static>(
        &self,
        host: impl Into<String>,
        stream: S,
    ) -> Promise<TlsStream<S>> {
        let (connector, host) = (self.clone(), host.into());
        evcore::spawn(async move { connector.handshake(&host, stream).await })
    }

    /// As [`connect`](Connector::connect), as a plain future for authors of
    /// protocols. Dropping it closes the stream.
    ///
    /// # Errors
    /// An [`Error`], and those of a reactor that ends.
    pub async fn handshake<S: ByteStream>(
        &self,
        host: &str,
        stream: S,
    ) -> evcore::Result<TlsStream<S>> {
        self.handshake_for(&[], host, stream).await
    }

    /// As [`handshake`](Connector::handshake), for who speaks one of the
    /// application protocols `spoken`, best first: they are offered unless the
    /// settings name others ([`Builder::protocols`]). Whether the peer has
    /// chosen one of them, [`Agreed::protocol`](crate::Agreed::protocol) says.
    ///
    /// # Errors
    /// As [`handshake`](Connector::handshake).
    pub async fn handshake_for<S: ByteStream>(
        &self,
        spoken: &[&[u8]],
        host: &str,
        stream: S,
    ) -> evcore::Result<TlsStream<S>> {
        let config = self.config().await?;
        let protocols = match &self.0.settings.protocols {
            Some(protocols) => protocols.clone(),
            None => spoken.iter().map(|spoken| spoken.to_vec()).collect(),
        };
        let name = match &self.0.settings.server_name {
            Some(name) => name.clone(),
            None => name_of(host)?,
        };
        let session = Session::new(config, name, protocols, self.0.memory.clone())?;
        let stream = TlsStream::new(session, stream);
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    async fn config(&self) -> evcore::Result<Arc<ClientConfig>> {
        if let Some(config) = self.0.config.get() {
            return Ok(config.clone());
        }
        let roots = match self.0.settings.any_certificate {
            true => None,
            false => Some(self.0.roots.load().await?),
        };
        let settings = &self.0.settings;
        let provider = settings.provider.clone();
        let verifier = Verifier::new(provider, roots, settings.pins.clone())?;
        let config = settings.config(verifier)?;
        // Another session may have been faster; its memory of sessions counts.
        Ok(self.0.config.get_or_init(|| Arc::new(config)).clone())
    }
}

impl Settings {
    fn config(&self, verifier: Verifier) -> Result<ClientConfig, Error> {
        let bad = |error: rustls::Error| Error::bad(error.to_string());
        let versions = Version::between(self.oldest, self.newest);
        let builder = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&versions)
            .map_err(bad)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.identity {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(|error| Error::bad(format!("the client certificate: {error}")))?,
            None => builder.with_no_client_auth(),
        };
        config.enable_sni = self.tells_name;
        config.resumption = match self.resumes {
            true => Resumption::in_memory_sessions(SESSIONS),
            false => Resumption::disabled(),
        };
        if self.key_log {
            config.key_log = Arc::new(KeyLogFile::new());
        }
        Ok(config)
    }
}

fn name_of(host: &str) -> Result<ServerName<'static>, Error> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    ServerName::try_from(bare.unwrap_or(host))
        .map(|name| name.to_owned())
        .map_err(|_| {
            Error::bad(format!(
                "{host:?} is no name that a certificate could be for"
            ))
        })
}

impl Builder {
    /// Trusts the certificates in this PEM text too.
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Builder {
        match certificates(pem.as_ref(), "root certificates") {
            Ok(found) => self.roots.extend(found),
            Err(error) => self.wrong = Some(error),
        }
        self
    }

    /// Trusts only [`root_certificates`](Builder::root_certificates), and not
    /// those of the system (which `SSL_CERT_FILE` and `SSL_CERT_DIR` replace).
    pub fn only_own_roots(mut self) -> Builder {
        self.platform = false;
        self
    }

    /// Shows this certificate (PEM, with those above it) to peers that ask,
    /// and proves to own its key (PEM: PKCS#8, PKCS#1 or SEC1).
    pub fn client_certificate(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Builder {
        let chain = certificates(chain.as_ref(), "the client certificate");
        let key = PrivateKeyDer::from_pem_slice(key.as_ref())
            .map_err(|_| Error::bad("no private key in the text given as one"));
        match (chain, key) {
            (Ok(chain), Ok(key)) => self.identity = Some((chain, key)),
            (Err(error), _) | (_, Err(error)) => self.wrong = Some(error),
        }
        self
    }

    /// Takes only peers whose own key is this one, or another one pinned.
    pub fn pin(mut self, pin: Pin) -> Builder {
        self.pins.push(pin);
        self
    }

    /// Offers these application protocols (ALPN, RFC 7301), best first; with an
    /// empty list none, whoever [speaks](Connector::handshake_for) over the session.
    pub fn protocols<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Builder {
        let protocols = protocols.into_iter().map(|p| p.as_ref().to_vec());
        self.protocols = Some(protocols.collect());
        self
    }

    /// Speaks no version older than this (TLS 1.2 unless told).
    pub fn min_version(mut self, version: Version) -> Builder {
        self.oldest = version;
        self
    }

    /// Speaks no version newer than this (TLS 1.3 unless told).
    pub fn max_version(mut self, version: Version) -> Builder {
        self.newest = version;
        self
    }

    /// Asks for, and expects the certificate of, this host, whatever the name
    /// given when connecting.
    pub fn server_name(mut self, host: &str) -> Builder {
        match name_of(host) {
            Ok(name) => self.server_name = Some(name),
            Err(error) => self.wrong = Some(error),
        }
        self
    }

    /// Whether the peer is told the wanted name in the clear (SNI, RFC 6066
    /// §3): yes unless told otherwise.
    pub fn sni(mut self, tells: bool) -> Builder {
        self.tells_name = tells;
        self
    }

    /// Whether keys are written to the file that the environment's
    /// `SSLKEYLOGFILE` names, for Wireshark: yes unless told otherwise, as in
    /// curl and browsers.
    pub fn key_log(mut self, logs: bool) -> Builder {
        self.key_log = logs;
        self
    }

    /// Whether sessions are resumed, which saves a round trip's computation:
    /// yes unless told otherwise.
    pub fn resumption(mut self, resumes: bool) -> Builder {
        self.resumes = resumes;
        self
    }

    /// Takes any certificate for any name. **Whoever is on the way can read
    /// and change everything**; pins are still checked.
    pub fn danger_accept_any_certificate(mut self) -> Builder {
        self.any_certificate = true;
        self
    }

    /// Computes with this, instead of the provider compiled in.
    pub fn provider(mut self, provider: Arc<CryptoProvider>) -> Builder {
        self.provider = Some(provider);
        self
    }

    /// The connector.
    ///
    /// # Errors
    /// What is wrong with the settings, of kind
    /// [`BadSettings`](crate::ErrorKind::BadSettings). What only a file of the
    /// system's can tell is told when connecting.
    pub fn build(self) -> Result<Connector, Error> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        if Version::between(self.oldest, self.newest).is_empty() {
            return Err(Error::bad("the oldest version is newer than the newest"));
        }
        let settings = Settings {
            provider: self.provider.map_or_else(compiled_in, Ok)?,
            identity: self.identity,
            pins: self.pins,
            protocols: self.protocols,
            oldest: self.oldest,
            newest: self.newest,
            server_name: self.server_name,
            tells_name: self.tells_name,
            key_log: self.key_log,
            resumes: self.resumes,
            any_certificate: self.any_certificate,
        };
        Ok(Connector(Rc::new(Shared {
            settings,
            roots: Roots::new(self.roots, self.platform),
            config: OnceCell::new(),
            memory: Memory::default(),
        })))
    }
}

/// Never the process's default one: with two providers in one tree there is
/// none, and rustls panics.
fn compiled_in() -> Result<Arc<CryptoProvider>, Error> {
    #[cfg(feature = "ring")]
    return Ok(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
    return Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    return Err(Error::bad(
        "no crypto provider is compiled in, and none was given",
    ));
}

fn certificates(pem: &[u8], given_as: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| Error::bad(format!("{given_as}: {error}")))?;
    let certificates: Vec<_> = found
        .into_iter()
        .filter(|(kind, _)| *kind == SectionKind::Certificate)
        .map(|(_, der)| CertificateDer::from(der))
        .collect();
    match certificates.is_empty() {
        true => Err(Error::bad(format!(
            "no certificate in the text given as {given_as}"
        ))),
        false => Ok(certificates),
    }
}

impl PartialEq for Connector {
    fn eq(&self, other: &Connector) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Connector {}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Builder")
    }
}
