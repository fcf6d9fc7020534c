//! International names: labels beyond ASCII become A-labels (RFC 3492, RFC 5891). Nothing else lives here.
//!
//! Letters are lowered as `char::to_lowercase` does; there is no normalisation (that takes tables of 25 crates, which
//! `url`, and so evhttp, has anyway). What is typed on a keyboard is in the normal form already.

use crate::name::BadName;

/// The ASCII form of a name, label by label.
pub(crate) fn to_ascii(name: &str) -> Result<String, BadName> {
    // UTS 46 §4: these stand for a dot as well.
    let labels = name.split(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}']);
    let labels: Result<Vec<String>, BadName> = labels.map(label_to_ascii).collect();
    Ok(labels?.join("."))
}

fn label_to_ascii(label: &str) -> Result<String, BadName> {
    if label.is_ascii() {
        return Ok(label.to_owned());
    }
    // 'İ' is lowered to two characters; ß and ς stay what they are (RFC 5892).
    let lower: Vec<char> = label.chars().flat_map(char::to_lowercase).collect();
    if let Some(c) = lower.iter().find(|c| !is_allowed(**c)) {
        return Err(BadName(match c.is_ascii() {
            true => "a label with other than letters, digits and hyphens",
            false => "a character that no name can have",
        }));
    }
    Ok(format!("xn--{}", encode(&lower)?))
}

fn is_allowed(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || c == '-',
        false => !c.is_control() && !c.is_whitespace(),
    }
}

// RFC 3492 §5.
const BASE: u32 = 36;
const TMIN: u32 = 1;
const TMAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;

/// RFC 3492 §6.3.
fn encode(label: &[char]) -> Result<String, BadName> {
    const TOO_LONG: BadName = BadName("a label longer than 63 octets");
    let mut out: String = label.iter().filter(|c| c.is_ascii()).collect();
    let basic = out.len() as u32;
    if basic > 0 {
        out.push('-');
    }
    let (mut n, mut delta, mut bias, mut handled) = (0x80, 0_u32, 72, basic);
    while (handled as usize) < label.len() {
        let later = label.iter().map(|&c| c as u32).filter(|&c| c >= n);
        let next = later.min().unwrap_or(n);
        let step = (next - n).checked_mul(handled + 1).ok_or(TOO_LONG)?;
        delta = delta.checked_add(step).ok_or(TOO_LONG)?;
        n = next;
        for c in label.iter().map(|&c| c as u32) {
            if c < n {
                delta += 1;
            }
            if c == n {
                write_number(&mut out, delta, bias);
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta += 1;
        n += 1;
    }
    Ok(out)
}

fn write_number(out: &mut String, number: u32, bias: u32) {
    let (mut rest, mut k) = (number, BASE);
    loop {
        let threshold = k.saturating_sub(bias).clamp(TMIN, TMAX);
        if rest < threshold {
            return out.push(digit(rest));
        }
        out.push(digit(threshold + (rest - threshold) % (BASE - threshold)));
        rest = (rest - threshold) / (BASE - threshold);
        k += BASE;
    }
}

fn digit(value: u32) -> char {
    char::from_digit(value + 10, 36)
        .or_else(|| char::from_digit(value.wrapping_sub(26), 10))
        .unwrap_or('0')
}

/// RFC 3492 §6.1.
fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = delta / if first { DAMP } else { 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > ((BASE - TMIN) * TMAX) / 2 {
        delta /= BASE - TMIN;
        k += BASE;
    }
    k + (BASE - TMIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names() {
        // The last two are samples (A) and (L) of RFC 3492 §7.1.
        for (name, ascii) in [
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("faß.de", "xn--fa-hia.de"),
            ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
            ("ليهمابتكلموشعربي؟", "xn--egbpdaj6bu4bxfgehfvwxn"),
            ("3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"),
        ] {
            assert_eq!(to_ascii(name).as_deref(), Ok(ascii));
        }
    }

    #[test]
    fn what_no_name_can_have_is_refused() {
        for bad in ["ü b", "ü\u{a0}", "ü_", "ü\u{85}"] {
            assert!(to_ascii(bad).is_err(), "{bad:?}");
        }
    }
}
