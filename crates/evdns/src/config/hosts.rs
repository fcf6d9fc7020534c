//! hosts(5). Pure.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The lines of a hosts file, found by name and by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hosts {
    lines: Vec<Line>,
    /// Lines by the lower-case form of each name on them, in the file's order.
    by_name: HashMap<String, Vec<usize>>,
    multi: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    address: IpAddr,
    name: String,
}

/// Which addresses are wanted. Asking for IPv4 alone turns the IPv6 loopback into the IPv4 one, and mapped addresses
/// into what they map: so does glibc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Both,
    V4,
    V6,
}

impl Wanted {
    fn admit(self, address: IpAddr) -> Option<IpAddr> {
        match (self, address) {
            (Wanted::Both, _) | (Wanted::V4, IpAddr::V4(_)) | (Wanted::V6, IpAddr::V6(_)) => {
                Some(address)
            }
            (Wanted::V4, IpAddr::V6(Ipv6Addr::LOCALHOST)) => Some(Ipv4Addr::LOCALHOST.into()),
            (Wanted::V4, IpAddr::V6(address)) => address.to_ipv4_mapped().map(IpAddr::from),
            (Wanted::V6, IpAddr::V4(_)) => None,
        }
    }
}

impl Hosts {
    /// `multi`: whether all lines with a name count, not only the first.
    pub(crate) fn parse(text: &str, multi: bool) -> Hosts {
        let mut hosts = Hosts {
            multi,
            ..Hosts::default()
        };
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line
                .split([' ', '\t', '\r', '\x0b', '\x0c'])
                .filter(|word| !word.is_empty());
            let Some(address) = words.next().and_then(|word| word.parse().ok()) else {
                continue;
            };
            let Some(name) = words.next() else { continue };
            let number = hosts.lines.len();
            let mut index = |name: &str| {
                let lines = hosts.by_name.entry(name.to_ascii_lowercase()).or_default();
                if lines.last() != Some(&number) {
                    lines.push(number);
                }
            };
            index(name);
            words.for_each(index);
            let name = name.to_owned();
            hosts.lines.push(Line { address, name });
        }
        hosts
    }

    /// The addresses of `name`, in the order of the file. The name is compared as it is written.
    pub(crate) fn addresses(&self, name: &str, wanted: Wanted) -> Vec<IpAddr> {
        let lines = self.by_name.get(&name.to_ascii_lowercase());
        let lines = lines
            .into_iter()
            .flatten()
            .filter_map(|&n| self.lines.get(n));
        let found = lines.filter_map(|line| wanted.admit(line.address));
        found
            .take(if self.multi { usize::MAX } else { 1 })
            .collect()
    }

    /// The first name of the first line with this address.
    pub(crate) fn name_of(&self, address: IpAddr) -> Option<&str> {
        let line = self.lines.iter().find(|line| line.address == address);
        line.map(|line| line.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "127.0.0.1 localhost\n::1\tlocalhost ip6-localhost # loopback\n192.0.2.1 Host.example host\n\
        #192.0.2.2 host\n192.0.2.3 host alias\nbad host\n::ffff:192.0.2.4 mapped\n192.0.2.5\n192.0.2.1 later\n";

    fn found(multi: bool, name: &str, wanted: Wanted) -> Vec<String> {
        let found = Hosts::parse(TEXT, multi).addresses(name, wanted);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_line_or_the_first() {
        assert_eq!(
            found(true, "HOST", Wanted::Both),
            ["192.0.2.1", "192.0.2.3"]
        );
        assert_eq!(found(false, "host", Wanted::Both), ["192.0.2.1"]);
        assert_eq!(found(true, "host.example", Wanted::Both), ["192.0.2.1"]);
        assert!(found(true, "host.example.", Wanted::Both).is_empty());
    }

    #[test]
    fn one_family_alone() {
        assert_eq!(found(true, "localhost", Wanted::V6), ["::1"]);
        assert_eq!(
            found(true, "localhost", Wanted::V4),
            ["127.0.0.1", "127.0.0.1"]
        );
        assert_eq!(found(true, "ip6-localhost", Wanted::V4), ["127.0.0.1"]);
        assert_eq!(found(true, "mapped", Wanted::V4), ["192.0.2.4"]);
        assert!(found(true, "host", Wanted::V6).is_empty());
    }

    #[test]
    fn the_name_of_an_address_is_the_first_on_its_first_line() {
        let hosts = Hosts::parse(TEXT, true);
        assert_eq!(hosts.name_of([192, 0, 2, 1].into()), Some("Host.example"));
        assert_eq!(hosts.name_of([192, 0, 2, 5].into()), None);
    }
}
