//! Public keys that a peer is expected to have: values, and how they are
//! written. Who checks them is `verify.rs`.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// The SHA-256 of a certificate's public key (its SubjectPublicKeyInfo, as in
/// RFC 7469).
///
/// A session whose peer's certificate has none of the connector's pins fails,
/// however well it is signed. Written as curl does, in base 64, or in
/// hexadecimal:
///
/// ```
/// use evtls::Pin;
///
/// let pin: Pin = "sha256//AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=".parse()?;
/// assert_eq!(pin, Pin::sha256([1; 32]));
/// assert_eq!(pin, "01".repeat(32).parse()?);
/// # Ok::<(), evtls::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin(pub(crate) [u8; 32]);

impl Pin {
    /// The pin with this hash.
    pub fn sha256(hash: [u8; 32]) -> Pin {
        Pin(hash)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(")?;
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

impl FromStr for Pin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Pin, Error> {
        let bare = text.strip_prefix("sha256//");
        let bare = bare.or_else(|| text.strip_prefix("sha256/"));
        let bytes = match bare {
            Some(base64) => decode(base64.trim_end_matches('='), 6, base64_digit),
            None => decode(text, 4, |digit| char::from(digit).to_digit(16)),
        };
        let hash = bytes.and_then(|bytes| bytes.try_into().ok());
        hash.map(Pin)
            .ok_or_else(|| Error::bad(format!("{text:?} is no SHA-256 of a key")))
    }
}

/// Digits of `bits` bits each as bytes; bits left over are dropped.
fn decode(text: &str, bits: u32, digit: impl Fn(u8) -> Option<u32>) -> Option<Vec<u8>> {
    let (mut bytes, mut held, mut count) = (Vec::new(), 0_u32, 0);
    for byte in text.bytes() {
        held = held << bits | digit(byte)?;
        count += bits;
        if count >= 8 {
            count -= 8;
            bytes.push((held >> count) as u8);
            held &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

fn base64_digit(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_hash_is_no_pin() {
        for text in [
            "",
            "sha256//",
            "sha256//AQ==",
            "zz",
            "sha256//AQEB!QEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
        ] {
            assert!(text.parse::<Pin>().is_err(), "{text}");
        }
    }

    #[test]
    fn both_spellings_agree() {
        // RFC 7469 §2.1.1, an example of a pin.
        let pin: Pin = "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM="
            .parse()
            .unwrap();
        assert_eq!(
            format!("{pin:?}"),
            "Pin(77aab346ef7338409bf7451ecf6ef15a5b4db23d1ed4c77b1a4618915a195a63)"
        );
    }
}
