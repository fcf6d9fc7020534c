//! This machine's own addresses: which families it has, what is known of each address, and which one a packet would
//! come from. Asked of the kernel each time it matters; nothing is kept.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use evcore::net::UdpSocket;

use crate::order::{Candidate, Origin};

#[cfg(target_os = "linux")]
mod rtnetlink;

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) address: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) deprecated: bool,
    pub(crate) home: bool,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interfaces {
    own: Vec<Own>,
}

/// Which families are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Families {
    Both,
    V4,
    V6,
}

impl Interfaces {
    /// Where the kernel can't be asked, there are none known: both families are looked up then.
    pub(crate) fn now() -> Interfaces {
        #[cfg(target_os = "linux")]
        return Interfaces {
            own: rtnetlink::addresses().unwrap_or_default(),
        };
        #[cfg(not(target_os = "linux"))]
        return Interfaces::default();
    }

    #[cfg(test)]
    pub(crate) fn of(own: Vec<Own>) -> Interfaces {
        Interfaces { own }
    }

    /// `AI_ADDRCONFIG`: a family counts if an address other than the loopback's is configured. If none does, both do.
    pub(crate) fn families(&self) -> Families {
        let has = |v6: bool| {
            let mut own = self.own.iter().map(|own| own.address);
            own.any(|ip| {
                ip.is_ipv6() == v6 && ip != Ipv4Addr::LOCALHOST && ip != Ipv6Addr::LOCALHOST
            })
        };
        match (has(false), has(true)) {
            (true, false) => Families::V4,
            (false, true) => Families::V6,
            _ => Families::Both,
        }
    }

    /// How this machine would reach an address.
    pub(crate) fn candidate(&self, address: IpAddr, scope_id: u32) -> Candidate {
        let source = source_of(address, scope_id).map(|source| self.origin(source));
        Candidate {
            address,
            scope_id,
            source,
        }
    }

    fn origin(&self, source: IpAddr) -> Origin {
        // glibc knows flags and prefixes only where there is IPv6 at all.
        let known =
            self.families() != Families::V4 && self.own.iter().any(|own| own.address.is_ipv6());
        let searched = match source {
            IpAddr::V4(ip) if ip.is_loopback() => Ipv4Addr::LOCALHOST.into(),
            source => source,
        };
        let own = self.own.iter().find(|own| known && own.address == searched);
        Origin {
            address: source,
            deprecated: own.is_some_and(|own| own.deprecated),
            home: own.is_some_and(|own| own.home),
            prefix: own.map_or(0, |own| own.prefix),
        }
    }
}

/// The source address of a connected UDP socket: no packet is sent for that.
fn source_of(address: IpAddr, scope_id: u32) -> Option<IpAddr> {
    // connect(2) does not mind the port.
    let (local, peer): (SocketAddr, SocketAddr) = match address {
        IpAddr::V4(ip) => ((Ipv4Addr::UNSPECIFIED, 0).into(), (ip, 9).into()),
        IpAddr::V6(ip) => (
            (Ipv6Addr::UNSPECIFIED, 0).into(),
            SocketAddrV6::new(ip, 9, 0, scope_id).into(),
        ),
    };
    let socket = UdpSocket::bind(local).ok()?;
    socket.connect(peer).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(address: &str) -> Own {
        Own {
            address: address.parse().unwrap(),
            prefix: 24,
            deprecated: false,
            home: false,
        }
    }

    fn families(addresses: &[&str]) -> Families {
        Interfaces::of(addresses.iter().map(|address| own(address)).collect()).families()
    }

    #[test]
    fn a_family_counts_by_an_address_that_is_not_the_loopback() {
        assert_eq!(families(&[]), Families::Both);
        assert_eq!(families(&["127.0.0.1", "::1"]), Families::Both);
        assert_eq!(families(&["127.0.0.1", "::1", "192.0.2.1"]), Families::V4);
        assert_eq!(families(&["127.0.0.1", "fe80::1"]), Families::V6);
        assert_eq!(families(&["192.0.2.1", "fe80::1"]), Families::Both);
        assert_eq!(families(&["127.0.0.2"]), Families::V4);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_knows_the_loopback() {
        let interfaces = Interfaces::now();
        let loopback = interfaces
            .own
            .iter()
            .find(|own| own.address == Ipv4Addr::LOCALHOST);
        assert_eq!(loopback.map(|own| own.prefix), Some(8));
        let candidate = interfaces.candidate(Ipv4Addr::LOCALHOST.into(), 0);
        assert_eq!(
            candidate.source.map(|source| source.address),
            Some(Ipv4Addr::LOCALHOST.into())
        );
    }
}
