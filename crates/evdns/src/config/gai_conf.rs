//! gai.conf(5): the tables by which addresses are ordered (RFC 6724 §2.1), with glibc's defaults. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::literal;

/// The tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GaiConf {
    labels: Vec<Prefix>,
    precedences: Vec<Prefix>,
    scopes: Vec<Scope>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prefix {
    address: u128,
    bits: u32,
    value: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scope {
    address: u32,
    mask: u32,
    value: u32,
}

const fn prefix(address: u128, bits: u32, value: u32) -> Prefix {
    Prefix {
        address,
        bits,
        value,
    }
}

const LOOPBACK: u128 = 1;
const MAPPED: u128 = 0xffff_0000_0000;
const SIX_TO_FOUR: u128 = 0x2002 << 112;
const SITE_LOCAL: u128 = 0xfec0 << 112;
const UNIQUE_LOCAL: u128 = 0xfc00 << 112;
const TEREDO: u128 = 0x2001 << 112;

/// RFC 3484 with glibc's additions: not quite RFC 6724's table, and what the system answers by.
const LABELS: [Prefix; 8] = [
    prefix(LOOPBACK, 128, 0),
    prefix(SIX_TO_FOUR, 16, 2),
    prefix(0, 96, 3),
    prefix(MAPPED, 96, 4),
    prefix(SITE_LOCAL, 10, 5),
    prefix(UNIQUE_LOCAL, 7, 6),
    prefix(TEREDO, 32, 7),
    prefix(0, 0, 1),
];

const PRECEDENCES: [Prefix; 5] = [
    prefix(LOOPBACK, 128, 50),
    prefix(SIX_TO_FOUR, 16, 30),
    prefix(0, 96, 20),
    prefix(MAPPED, 96, 10),
    prefix(0, 0, 40),
];

const SCOPES: [Scope; 3] = [
    Scope {
        address: 0xa9fe_0000,
        mask: 0xffff_0000,
        value: 2,
    },
    Scope {
        address: 0x7f00_0000,
        mask: 0xff00_0000,
        value: 2,
    },
    Scope {
        address: 0,
        mask: 0,
        value: 14,
    },
];

impl Default for GaiConf {
    fn default() -> GaiConf {
        GaiConf::parse("")
    }
}

impl GaiConf {
    pub(crate) fn parse(text: &str) -> GaiConf {
        let (mut labels, mut precedences, mut scopes) = (Vec::new(), Vec::new(), Vec::new());
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let (Some(keyword), Some(range), Some(value)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let Some(value) = value.parse().ok().filter(|value| *value <= i32::MAX as u32) else {
                continue;
            };
            match keyword {
                "label" => labels.extend(parse_prefix(range, value)),
                "precedence" => precedences.extend(parse_prefix(range, value)),
                "scopev4" => scopes.extend(parse_scope(range, value)),
                _ => {}
            }
        }
        GaiConf {
            labels: complete(labels, &LABELS, 1),
            precedences: complete(precedences, &PRECEDENCES, 40),
            scopes: complete_scopes(scopes),
        }
    }

    pub(crate) fn label(&self, ip: IpAddr) -> u32 {
        find(&self.labels, ip)
    }

    pub(crate) fn precedence(&self, ip: IpAddr) -> u32 {
        find(&self.precedences, ip)
    }

    /// RFC 6724 §3.1 and §3.2.
    pub(crate) fn scope(&self, ip: IpAddr) -> u32 {
        match ip {
            IpAddr::V4(ip) => {
                let ip = u32::from(ip);
                let found = self
                    .scopes
                    .iter()
                    .find(|scope| ip & scope.mask == scope.address);
                found.map_or(14, |scope| scope.value)
            }
            IpAddr::V6(ip) if ip.is_multicast() => u32::from(ip.octets()[1] & 15),
            IpAddr::V6(ip) if ip.is_unicast_link_local() || ip.is_loopback() => 2,
            IpAddr::V6(ip) if u128::from(ip) >> 118 == SITE_LOCAL >> 118 => 5,
            IpAddr::V6(_) => 14,
        }
    }
}

fn find(table: &[Prefix], ip: IpAddr) -> u32 {
    let ip = match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let matches = |prefix: &&Prefix| {
        let differs = u128::from(ip) ^ prefix.address;
        differs.leading_zeros() >= prefix.bits
    };
    table.iter().find(matches).map_or(0, |prefix| prefix.value)
}

/// A file's table stands in place of the default one; what it leaves out has the default's last value.
fn complete(mut table: Vec<Prefix>, default: &[Prefix], rest: u32) -> Vec<Prefix> {
    if table.is_empty() {
        return default.to_vec();
    }
    if table.iter().all(|prefix| prefix.bits > 0) {
        table.push(prefix(0, 0, rest));
    }
    table.sort_by_key(|prefix| std::cmp::Reverse(prefix.bits));
    table
}

fn complete_scopes(mut table: Vec<Scope>) -> Vec<Scope> {
    if table.is_empty() {
        return SCOPES.to_vec();
    }
    if table.iter().all(|scope| scope.mask != 0) {
        table.push(Scope {
            address: 0,
            mask: 0,
            value: 14,
        });
    }
    table.sort_by_key(|scope| std::cmp::Reverse(scope.mask));
    table
}

fn parse_prefix(range: &str, value: u32) -> Option<Prefix> {
    let (address, bits) = split(range)?;
    let address: Ipv6Addr = address.parse().ok()?;
    let bits = bits.unwrap_or(128);
    (bits <= 128).then(|| prefix(address.into(), bits, value))
}

/// An IPv4 network, or its mapped form.
fn parse_scope(range: &str, value: u32) -> Option<Scope> {
    let (address, bits) = split(range)?;
    let (address, bits) = match address.parse::<Ipv6Addr>() {
        Ok(mapped) => (
            mapped.to_ipv4_mapped()?,
            bits.unwrap_or(128).checked_sub(96)?,
        ),
        Err(_) => (strict_v4(address)?, bits.unwrap_or(32)),
    };
    if bits > 32 {
        return None;
    }
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    let address = u32::from(address) & mask;
    Some(Scope {
        address,
        mask,
        value,
    })
}

fn strict_v4(text: &str) -> Option<Ipv4Addr> {
    text.parse()
        .ok()
        .filter(|_| literal::parse_v4(text).is_some())
}

fn split(range: &str) -> Option<(&str, Option<u32>)> {
    match range.split_once('/') {
        Some((address, bits)) => Some((address, Some(bits.parse().ok()?))),
        None => Some((range, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_default_tables() {
        let conf = GaiConf::default();
        for (address, label, precedence, scope) in [
            ("::1", 0, 50, 2),
            ("2001:db8::1", 1, 40, 14),
            ("2002:c000:201::1", 2, 30, 14),
            ("192.0.2.1", 4, 10, 14),
            ("127.0.0.1", 4, 10, 2),
            ("169.254.1.1", 4, 10, 2),
            ("10.0.0.1", 4, 10, 14),
            ("fec0::1", 5, 40, 5),
            ("fd00::1", 6, 40, 14),
            ("2001::1", 7, 40, 14),
            ("fe80::1", 1, 40, 2),
            ("ff05::1", 1, 40, 5),
            ("::192.0.2.1", 3, 20, 14),
        ] {
            let found = (
                conf.label(ip(address)),
                conf.precedence(ip(address)),
                conf.scope(ip(address)),
            );
            assert_eq!(found, (label, precedence, scope), "{address}");
        }
    }

    #[test]
    fn a_table_of_the_file_replaces_the_default_one() {
        let conf = GaiConf::parse(
            "precedence ::ffff:0:0/96 100 # prefer IPv4\nscopev4 ::ffff:10.0.0.0/104 5\n",
        );
        assert_eq!(conf.precedence(ip("192.0.2.1")), 100);
        assert_eq!(conf.precedence(ip("::1")), 40);
        assert_eq!(conf.label(ip("::1")), 0);
        assert_eq!(conf.scope(ip("10.1.2.3")), 5);
        assert_eq!(conf.scope(ip("127.0.0.1")), 14);
    }

    #[test]
    fn the_longest_prefix_counts_and_nonsense_does_not() {
        let text = "label ::/0 9\nlabel 2001:db8::/32 11\nlabel 2001:db8::/129 12\nlabel x/1 1\nlabel ::1\nscopev4 1.2.3.4/33 1";
        let conf = GaiConf::parse(text);
        assert_eq!(conf.label(ip("2001:db8::1")), 11);
        assert_eq!(conf.label(ip("::1")), 9);
        assert_eq!(conf.scope(ip("1.2.3.4")), 14);
    }
}
