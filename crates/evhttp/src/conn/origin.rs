//! Whom a connection goes to: all that makes two connections different.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::error::{Error, ErrorKind, Phase};
use crate::request::redacted;

/// The pool's whole key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) host: Name,
    pub(crate) port: u16,
}

/// A host as it has to be found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    Literal(IpAddr),
    Domain(String),
}

impl Origin {
    pub(crate) fn of(url: &Url) -> Result<Origin, Error> {
        if url.scheme() != "http" {
            let scheme = ErrorKind::UnknownScheme(url.scheme().to_owned());
            return Err(Error::new(Phase::Request, scheme).to(redacted(url)));
        }
        let host = match url.host() {
            Some(Host::Ipv4(ip)) => Name::Literal(ip.into()),
            Some(Host::Ipv6(ip)) => Name::Literal(ip.into()),
            Some(Host::Domain(name)) => Name::Domain(name.to_owned()),
            None => {
                let why = ErrorKind::BadUrl("it has no host".into());
                return Err(Error::new(Phase::Request, why).to(redacted(url)));
            }
        };
        Ok(Origin {
            host,
            port: url.port_or_known_default().unwrap_or(80),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Name::Literal(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            Name::Literal(IpAddr::V4(ip)) => write!(f, "{ip}:{}", self.port),
            Name::Domain(name) => write!(f, "{name}:{}", self.port),
        }
    }
}
