//! How connections come about, as the user wants it: of a client, or of one
//! request. Values only; `dial.rs` acts on them.

#[cfg(feature = "tls-without-provider")]
use std::cell::OnceCell;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
#[cfg(feature = "tls-without-provider")]
use std::rc::Rc;

use super::names::Names;
use super::proxy::Proxies;
use crate::address;

/// Two connections made under different ones are never taken for each other.
#[derive(Clone)]
pub(crate) struct Network {
    /// Who knows the addresses of names.
    pub(crate) names: Names,
    /// Addresses of names that are not looked up; port 0 is the URL's.
    pub(crate) fixed: Vec<(String, SocketAddr)>,
    /// This end's address.
    pub(crate) local: Option<IpAddr>,
    /// All connections go to this Unix-domain socket.
    pub(crate) unix: Option<PathBuf>,
    /// What connections go through.
    pub(crate) proxies: Proxies,
    /// In the place of the usual one.
    #[cfg(feature = "tls-without-provider")]
    pub(crate) tls: Option<evtls::Connector>,
    #[cfg(feature = "tls-without-provider")]
    usual: Rc<OnceCell<evtls::Connector>>,
}

impl Default for Network {
    fn default() -> Network {
        Network {
            names: Names::default(),
            fixed: Vec::new(),
            local: None,
            unix: None,
            proxies: Proxies::from_env(),
            #[cfg(feature = "tls-without-provider")]
            tls: None,
            #[cfg(feature = "tls-without-provider")]
            usual: Rc::default(),
        }
    }
}

impl Network {
    /// Gives a name an address.
    pub(crate) fn fix(&mut self, host: &str, addr: SocketAddr) {
        self.fixed.push((address::host(host), addr));
    }

    /// The addresses the user has given a name (in lower case, as in URLs).
    pub(crate) fn fixed(&self, name: &str, port: u16) -> Vec<SocketAddr> {
        let own = self.fixed.iter().filter(|(fixed, _)| fixed == name);
        own.map(|(_, addr)| match addr.port() {
            0 => SocketAddr::new(addr.ip(), port),
            _ => *addr,
        })
        .collect()
    }
}

#[cfg(feature = "tls-without-provider")]
impl Network {
    /// The user's connector, or the usual one, made when first needed.
    pub(crate) fn connector(&self) -> Result<evtls::Connector, evtls::Error> {
        if let Some(connector) = self.tls.as_ref().or(self.usual.get()) {
            return Ok(connector.clone());
        }
        let usual = evtls::Connector::new()?;
        Ok(self.usual.get_or_init(|| usual).clone())
    }
}

/// By value, but for what can't be compared: a function or a connector equals
/// only itself. Proxies are chosen for each URL and compared then.
impl PartialEq for Network {
    fn eq(&self, other: &Network) -> bool {
        #[cfg(feature = "tls-without-provider")]
        let same_tls = self.tls == other.tls;
        #[cfg(not(feature = "tls-without-provider"))]
        let same_tls = true;
        same_tls
            && self.names == other.names
            && self.local == other.local
            && self.unix == other.unix
            && self.fixed == other.fixed
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("names", &self.names)
            .field("fixed", &self.fixed)
            .field("local", &self.local)
            .field("unix", &self.unix)
            .finish_non_exhaustive()
    }
}
