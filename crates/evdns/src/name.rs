//! Domain names: their text, their wire form, and which of them may name a host. No policy lives here.

use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// A domain name, absolute. Cheap to clone; equal if it differs in the case of ASCII letters only.
///
/// ```
/// use evdns::Name;
///
/// let name: Name = "Example.COM".parse()?;
/// assert_eq!(name, "example.com.".parse()?);
/// assert_eq!(name.to_string(), "Example.COM");
/// # Ok::<(), evdns::BadName>(())
/// ```
#[derive(Clone)]
pub struct Name {
    /// Length octets and labels up to the root's empty one (RFC 1035 §3.1).
    wire: Rc<[u8]>,
}

/// Text that is no domain name, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadName(pub(crate) &'static str);

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadName {}

/// RFC 1035 §2.3.4.
const MOST_OCTETS: usize = 255;
const MOST_IN_LABEL: usize = 63;

impl Name {
    /// From its labels, outermost last, as far as they can be read.
    pub(crate) fn from_labels<'a, E: From<BadName>>(
        labels: impl IntoIterator<Item = Result<&'a [u8], E>>,
    ) -> Result<Name, E> {
        let mut wire = Wire::new();
        for label in labels {
            wire.push_all(label?)?;
            wire.end_label()?;
        }
        Ok(wire.finish()?)
    }

    /// Length octets and labels, the root's included.
    pub(crate) fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// The labels without the root.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.wire[..];
        std::iter::from_fn(move || {
            let (&length, after) = rest.split_first()?;
            let (label, after) = after.split_at_checked(usize::from(length))?;
            rest = after;
            (length > 0).then_some(label)
        })
    }

    /// Whether it may name a host: letters, digits, `-` and `_`, no `-` in front. glibc asks and accepts no other.
    pub(crate) fn is_host(&self) -> bool {
        let fine = |label: &[u8]| {
            let fine = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
            label.iter().all(fine)
        };
        self.labels().all(fine) && self.wire.get(1) != Some(&b'-')
    }

    /// How many letters it has.
    pub(crate) fn letters(&self) -> usize {
        // Length octets are at most 63 and no letters.
        let letters = self.wire.iter().filter(|c| c.is_ascii_alphabetic());
        letters.count()
    }

    /// Flips the case of letter number n of a name wherever bit n of `coins` is set (the "0x20" trick: a forger has to
    /// guess these bits too).
    pub(crate) fn shuffle(wire: &mut [u8], coins: &[u8]) {
        // Length octets are at most 63 and no letters.
        let letters = wire.iter_mut().filter(|c| c.is_ascii_alphabetic());
        for (n, letter) in letters.enumerate() {
            let coin = coins.get(n / 8).map_or(0, |coins| coins >> (n % 8) & 1);
            *letter ^= coin << 5;
        }
    }

    /// The name under which an address has its PTR record (RFC 1035 §3.5, RFC 3596 §2.5).
    pub(crate) fn of_address(ip: std::net::IpAddr) -> Name {
        let text = match ip {
            std::net::IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            std::net::IpAddr::V6(ip) => {
                let nibbles = ip.octets().into_iter().rev();
                let nibbles = nibbles.flat_map(|octet| [octet & 15, octet >> 4]);
                nibbles
                    .map(|nibble| format!("{nibble:x}."))
                    .collect::<String>()
                    + "ip6.arpa"
            }
        };
        text.parse().expect("made of short labels")
    }
}

/// A name's wire form in the making.
struct Wire {
    octets: [u8; MOST_OCTETS + 1],
    length: usize,
    /// Where the length octet of the label in the making lies.
    label: usize,
}

impl Wire {
    fn new() -> Wire {
        Wire {
            octets: [0; MOST_OCTETS + 1],
            length: 1,
            label: 0,
        }
    }

    fn push(&mut self, octet: u8) -> Result<(), BadName> {
        let place = self.octets.get_mut(self.length).ok_or(TOO_LONG)?;
        *place = octet;
        self.length += 1;
        Ok(())
    }

    fn push_all(&mut self, octets: &[u8]) -> Result<(), BadName> {
        let end = self.length + octets.len();
        let place = self.octets.get_mut(self.length..end).ok_or(TOO_LONG)?;
        place.copy_from_slice(octets);
        self.length = end;
        Ok(())
    }

    fn end_label(&mut self) -> Result<(), BadName> {
        match self.length - self.label - 1 {
            0 => return Err(BadName("an empty label")),
            length if length > MOST_IN_LABEL => {
                return Err(BadName("a label longer than 63 octets"));
            }
            length => self.octets[self.label] = u8::try_from(length).unwrap_or(0),
        }
        self.label = self.length;
        // The next one's length, or the root.
        self.push(0)
    }

    /// Between two labels, and at the beginning.
    fn finish(self) -> Result<Name, BadName> {
        match self.octets.get(..self.length) {
            Some(wire) if self.length <= MOST_OCTETS => Ok(Name { wire: wire.into() }),
            _ => Err(TOO_LONG),
        }
    }
}

const TOO_LONG: BadName = BadName("longer than 255 octets");

/// The text of RFC 1035 §5.1: `\.` is a dot inside a label, `\DDD` an octet. A dot at the end changes nothing. Labels
/// with other than ASCII characters become A-labels (RFC 5891).
impl std::str::FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Name, BadName> {
        let ascii = match text.is_ascii() {
            true => None,
            false => Some(crate::idn::to_ascii(text)?),
        };
        let text = ascii.as_deref().unwrap_or(text).as_bytes();
        let mut wire = Wire::new();
        if matches!(text, b"" | b".") {
            return wire.finish();
        }
        let mut rest = text.iter().copied();
        let mut open = true;
        while let Some(c) = rest.next() {
            open = c != b'.';
            match c {
                b'.' => wire.end_label()?,
                b'\\' => wire.push(escaped(&mut rest)?)?,
                c => wire.push(c)?,
            }
        }
        if open {
            wire.end_label()?;
        }
        wire.finish()
    }
}

fn escaped(rest: &mut impl Iterator<Item = u8>) -> Result<u8, BadName> {
    const BAD: BadName = BadName("a bad escape");
    let first = rest.next().ok_or(BAD)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut number = u32::from(first - b'0');
    for _ in 0..2 {
        let digit = rest.next().filter(u8::is_ascii_digit).ok_or(BAD)?;
        number = number * 10 + u32::from(digit - b'0');
    }
    u8::try_from(number).map_err(|_| BAD)
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wire.len() == 1 {
            return f.write_str(".");
        }
        for (n, label) in self.labels().enumerate() {
            if n > 0 {
                f.write_str(".")?;
            }
            for &c in label {
                match c {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(c))?,
                    b'!'..=b'~' => f.write_char(char::from(c))?,
                    c => write!(f, "\\{c:03}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        // As a rule the case is the same, and that is found out at once.
        self.wire == other.wire || self.wire.eq_ignore_ascii_case(&other.wire)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for piece in self.wire.chunks(32) {
            // All of it each time, so that no length has to be looked at: two registers' worth.
            let mut lower = [0; 32];
            lower[..piece.len()].copy_from_slice(piece);
            lower.make_ascii_lowercase();
            state.write(&lower[..piece.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn text_and_wire_form_say_the_same() {
        assert_eq!(name("a.bc").wire(), b"\x01a\x02bc\x00");
        assert_eq!(name("a.bc.").wire(), b"\x01a\x02bc\x00");
        assert_eq!(name(".").wire(), b"\x00");
        assert_eq!(name(r"a\.b\\\200").wire(), b"\x05a.b\\\xc8\x00");
        for text in ["a.bc", r"a\.b.c", r"\000.x", "."] {
            assert_eq!(name(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "a".repeat(64);
        let far = ["abcdefg"; 32].join(".");
        for bad in ["a..b", ".a", "a..", r"a\", r"\25", r"\999", &long, &far] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
        assert!("a".repeat(63).parse::<Name>().is_ok());
    }

    #[test]
    fn host_names_are_those_glibc_takes() {
        for good in ["a", "A-b_9.x-", "_a._b", "."] {
            assert!(name(good).is_host(), "{good}");
        }
        for bad in ["-a", "a b", "a*.b", r"a\.b"] {
            assert!(!name(bad).is_host(), "{bad}");
        }
        assert!(name("a.-b").is_host(), "only the first label's dash counts");
    }

    #[test]
    fn coins_flip_letters_only() {
        let shuffled = |coins: &[u8]| {
            let mut wire = name("ab1c").wire().to_vec();
            Name::shuffle(&mut wire, coins);
            wire
        };
        assert_eq!(shuffled(&[0b101]), b"\x04Ab1C\x00");
        assert_eq!(shuffled(&[]), b"\x04ab1c\x00");
    }

    #[test]
    fn reverse_names() {
        let of = |ip: &str| Name::of_address(ip.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.1"), "1.2.0.192.in-addr.arpa");
        let zeros = "0.".repeat(23);
        assert_eq!(
            of("2001:db8::f"),
            format!("f.{zeros}8.b.d.0.1.0.0.2.ip6.arpa")
        );
    }
}
