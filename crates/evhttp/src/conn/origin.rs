//! Whom a connection goes to, and how: all that makes two connections
//! different.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::rc::Rc;

use http::HeaderValue;
use url::{Host, Url};

use super::network::Network;
use super::proxy::Proxy;
use crate::error::{Error, ErrorKind, Phase};

/// The pool's whole key.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) secure: bool,
    /// A way through the proxy is wanted, even where it could be asked for documents.
    pub(crate) tunnel: bool,
    pub(crate) host: Name,
    pub(crate) port: u16,
    /// What it goes through; compared with its credentials.
    pub(crate) proxy: Option<Proxy>,
    /// What the user wants of the connection; compared last, since it is
    /// nearly always the client's.
    pub(crate) network: Rc<Network>,
}

/// A host as it has to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Literal(IpAddr),
    Domain(String),
}

impl Origin {
    pub(crate) fn of(url: &Url, network: &Rc<Network>) -> Result<Origin, Error> {
        let secure = match url.scheme() {
            "http" => false,
            "https" if cfg!(feature = "tls-without-provider") => true,
            other => {
                let scheme = ErrorKind::UnknownScheme(other.to_owned());
                return Err(Error::new(Phase::Request, scheme).about(url));
            }
        };
        let host = match url.host() {
            Some(Host::Ipv4(ip)) => Name::Literal(ip.into()),
            Some(Host::Ipv6(ip)) => Name::Literal(ip.into()),
            Some(Host::Domain(name)) => Name::Domain(name.to_owned()),
            None => {
                let why = ErrorKind::BadUrl("it has no host".into());
                return Err(Error::new(Phase::Request, why).about(url));
            }
        };
        let proxy = match network.unix {
            None => network
                .proxies
                .choose(url)
                .map_err(|error| error.about(url))?,
            Some(_) => None,
        };
        Ok(Origin {
            secure,
            tunnel: false,
            proxy,
            host,
            port: url.port_or_known_default().unwrap_or(80),
            network: network.clone(),
        })
    }

    /// The proxy that is asked for the document itself, instead of a way to
    /// its server (RFC 9112 §3.2.2).
    pub(crate) fn forwarder(&self) -> Option<&Proxy> {
        self.proxy
            .as_ref()
            .filter(|proxy| !self.secure && !self.tunnel && proxy.speaks_http())
    }

    /// Whom errors name: with what stands between.
    pub(crate) fn way(&self) -> String {
        match &self.proxy {
            Some(proxy) => format!("{self} through {proxy}"),
            None => self.to_string(),
        }
    }

    /// The Host field: without the scheme's own port (RFC 9110 §7.2).
    pub(crate) fn host_field(&self) -> Result<HeaderValue, Error> {
        let host = match (self.secure, self.port) {
            (false, 80) | (true, 443) => self.host.to_string(),
            _ => self.to_string(),
        };
        HeaderValue::try_from(host).map_err(|_| {
            let why = ErrorKind::BadUrl("its host can't be sent".into());
            Error::new(Phase::Request, why).to(self.to_string())
        })
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Origin) -> bool {
        self.host == other.host
            && self.port == other.port
            && self.secure == other.secure
            && self.tunnel == other.tunnel
            && self.proxy == other.proxy
            && (Rc::ptr_eq(&self.network, &other.network) || self.network == other.network)
    }
}

impl Eq for Origin {}

impl Hash for Origin {
    /// What differs rarely is left to `eq`. Each write has its price: an address is one with its port.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let port = u64::from(self.port);
        match &self.host {
            Name::Literal(IpAddr::V4(ip)) => state.write_u64(u64::from(ip.to_bits()) << 16 | port),
            Name::Literal(IpAddr::V6(ip)) => {
                state.write(&ip.octets());
                state.write_u64(port);
            }
            Name::Domain(name) => {
                state.write(name.as_bytes());
                state.write_u64(port);
            }
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Literal(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Name::Literal(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Name::Domain(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
