//! Choosing servers and manners, apart from the system's.

use std::net::SocketAddr;
use std::time::Duration;

use super::{From, Resolver};
use crate::config::aliases::Aliases;
use crate::config::gai_conf::GaiConf;
use crate::config::nsswitch;
use crate::config::resolv_conf::ResolvConf;
use crate::files::{Configuration, Resolved};
use crate::limits::{CACHED, LONGEST_TIMEOUT};
use crate::query::Manner;
use crate::state::Habits;

/// Makes a [`Resolver`] that asks the servers it is given and reads no file.
///
/// The names of the methods are those of resolv.conf(5); so are the values they have unless told.
#[derive(Clone, Debug)]
pub struct Builder {
    conf: ResolvConf,
    timeout: Duration,
    edns0: bool,
    room: usize,
    stale: Duration,
}

impl Builder {
    pub(super) fn new() -> Builder {
        let conf = ResolvConf::default();
        let timeout = Duration::from_secs(conf.timeout.into());
        Builder {
            conf,
            timeout,
            edns0: true,
            room: CACHED,
            stale: Duration::ZERO,
        }
    }

    /// Adds a server, address and port; they are asked in this order. There may be more than a file could name.
    pub fn server(mut self, server: impl Into<SocketAddr>) -> Builder {
        self.conf.servers.push(server.into());
        self
    }

    /// Adds a domain in which short names are looked up.
    pub fn search(mut self, domain: impl Into<String>) -> Builder {
        self.conf.search.push(domain.into());
        self
    }

    /// With so many dots a name is tried as it is before the domains (1 unless told).
    pub fn ndots(mut self, dots: u32) -> Builder {
        self.conf.ndots = dots;
        self
    }

    /// How long a server has to answer (5 s unless told). As in glibc, whole seconds are stretched for later servers;
    /// anything else is taken to the letter. More than a day is a day.
    pub fn timeout(mut self, timeout: Duration) -> Builder {
        self.timeout = timeout.min(LONGEST_TIMEOUT);
        self
    }

    /// How many times the servers are gone through (2 unless told).
    pub fn attempts(mut self, attempts: u32) -> Builder {
        self.conf.attempts = attempts;
        self
    }

    /// Begins with another server each time.
    pub fn rotate(mut self, rotate: bool) -> Builder {
        self.conf.rotate = rotate;
        self
    }

    /// Asks over TCP from the start.
    pub fn use_vc(mut self, use_vc: bool) -> Builder {
        self.conf.use_vc = use_vc;
        self
    }

    /// Whether queries carry EDNS (RFC 6891): larger datagrams, and cookies. On unless told; a server that does not
    /// understand it is asked without.
    pub fn edns0(mut self, edns0: bool) -> Builder {
        self.edns0 = edns0;
        self
    }

    /// Asks for IPv6 addresses after those for IPv4 are there, not at the same time.
    pub fn single_request(mut self, single_request: bool) -> Builder {
        self.conf.single_request = single_request;
        self
    }

    /// Never looks up IPv6 addresses for hosts.
    pub fn no_aaaa(mut self, no_aaaa: bool) -> Builder {
        self.conf.no_aaaa = no_aaaa;
        self
    }

    /// Keeps so many answers (8,192 unless told); 0 keeps none.
    pub fn cache(mut self, answers: usize) -> Builder {
        self.room = answers;
        self
    }

    /// Gives answers up to this time after they have expired, if the servers have none within 1.8 s (RFC 8767). Not
    /// unless told.
    pub fn serve_stale(mut self, at_most: Duration) -> Builder {
        self.stale = at_most;
        self
    }

    /// The resolver.
    pub fn build(self) -> Resolver {
        let manner = Manner {
            timeout: self.timeout,
            attempts: self.conf.attempts,
            use_vc: self.conf.use_vc,
            single_request: self.conf.single_request,
        };
        let configuration = Configuration {
            resolv: self.conf,
            hosts: None,
            sources: nsswitch::parse("hosts: dns"),
            installed: vec![true],
            gai: GaiConf::default(),
            host_name: None,
            aliases: Aliases::default(),
            resolved: Resolved::default(),
        };
        let habits = Habits {
            manner,
            edns: self.edns0,
            room: self.room,
            stale: self.stale,
        };
        Resolver::new(From::Caller(Box::new((configuration, habits))))
    }
}
