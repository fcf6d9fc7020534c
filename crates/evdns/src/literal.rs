//! Addresses written as text, in every form getaddrinfo(3) takes. Pure; interface names are asked of the caller.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address with the interface it is meant for (0: none).
pub(crate) type Scoped = (IpAddr, u32);

/// What a text is that was meant as an address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    Address(Scoped),
    /// An IPv6 address with a scope that does not exist.
    BadScope(Ipv6Addr),
}

/// `None` if the text is no address. `index_of` gives the number of an interface.
pub(crate) fn parse(text: &str, index_of: impl Fn(&str) -> Option<u32>) -> Option<Literal> {
    if let Some(ip) = parse_v4(text) {
        return Some(Literal::Address((ip.into(), 0)));
    }
    let (address, scope) = match text.split_once('%') {
        Some((address, scope)) => (address, Some(scope)),
        None => (text, None),
    };
    let ip: Ipv6Addr = address.parse().ok()?;
    let Some(scope) = scope else {
        return Some(Literal::Address((ip.into(), 0)));
    };
    let local = ip.is_unicast_link_local()
        || matches!(ip.octets(), [0xff, s, ..] if matches!(s & 15, 1 | 2));
    let named = local.then(|| index_of(scope)).flatten();
    let number = || {
        let digits = scope.bytes().all(|c| c.is_ascii_digit());
        digits.then(|| scope.parse().ok()).flatten()
    };
    Some(match named.or_else(number) {
        Some(index) => Literal::Address((ip.into(), index)),
        None => Literal::BadScope(ip),
    })
}

/// As inet_aton(3): one to four parts, each decimal, octal (`0...`) or hexadecimal (`0x...`); the last one fills what
/// is left. Nothing may follow.
pub(crate) fn parse_v4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    let (last, first) = parts.split_last()?;
    if first.len() > 3 {
        return None;
    }
    let mut address = 0_u32;
    for part in first {
        let part = number(part).filter(|part| *part <= 255)?;
        address = address << 8 | part;
    }
    let left = 8 * (4 - first.len() as u32);
    let last = number(last)?;
    if left < 32 && last >> left != 0 {
        return None;
    }
    Some(Ipv4Addr::from(
        address.checked_shl(left).unwrap_or(0) | last,
    ))
}

fn number(text: &str) -> Option<u32> {
    let lower = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match (lower, text.strip_prefix('0')) {
        (Some(hex), _) => (hex, 16),
        (None, Some("")) => return Some(0),
        (None, Some(octal)) => (octal, 8),
        (None, None) => (text, 10),
    };
    let fine = digits.chars().all(|c| c.is_digit(radix));
    fine.then(|| u32::from_str_radix(digits, radix).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_inet_aton() {
        for (text, ip) in [
            ("1.2.3.4", "1.2.3.4"),
            ("127.1", "127.0.0.1"),
            ("1.2.258", "1.2.1.2"),
            ("0x7f.0.0.01", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0", "0.0.0.0"),
            ("010.0.0.0", "8.0.0.0"),
            ("0xffffffff", "255.255.255.255"),
        ] {
            assert_eq!(parse_v4(text), ip.parse().ok(), "{text}");
        }
        for bad in [
            "",
            "1.",
            ".1",
            "1.2.3.4.5",
            "256.1",
            "1.2.3.256",
            "1.16777216",
            "08",
            "0x",
            "1.2.3.4 ",
            "+1",
            "1e1",
            "4294967296",
            "a",
        ] {
            assert_eq!(parse_v4(bad), None, "{bad}");
        }
    }

    #[test]
    fn scopes_are_names_or_numbers() {
        let index = |name: &str| (name == "eth0").then_some(7);
        let parse = |text| parse(text, index);
        let at = |ip: &str, scope| Some(Literal::Address((ip.parse().unwrap(), scope)));
        assert_eq!(parse("fe80::1%eth0"), at("fe80::1", 7));
        assert_eq!(parse("fe80::1%3"), at("fe80::1", 3));
        assert_eq!(parse("ff02::1%eth0"), at("ff02::1", 7));
        assert_eq!(parse("2001:db8::1%3"), at("2001:db8::1", 3));
        for bad in ["2001:db8::1%eth0", "fe80::1%nowhere", "fe80::1%"] {
            assert!(matches!(parse(bad), Some(Literal::BadScope(_))), "{bad}");
        }
        assert_eq!(parse("::1"), at("::1", 0));
        assert_eq!(parse("host"), None);
        assert_eq!(parse("host%eth0"), None);
    }
}
