//! Where a body ends: RFC 9112 §6 as pure decisions over what a head's fields say. Never looks at the bytes of a body.
//!
//! Requests are judged strictly, for a server may stand behind a proxy that reads them otherwise and every second
//! opinion on a boundary is a smuggled request (RFC 9112 §11.2). Responses are judged as leniently as the RFC asks,
//! and where a lenient reading leaves a doubt the connection is not used again.

use super::fault::FaultKind;
use http::{Method, StatusCode, Version};

/// How a body's end is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// This many bytes (Content-Length).
    Fixed(u64),
    /// Until the last chunk (Transfer-Encoding: chunked).
    Chunked,
    /// Until the peer closes the connection; responses only.
    UntilClose,
    /// There is no body and no next message: what follows belongs to another protocol.
    Switched,
}

/// How long the body is that a caller is about to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// There is no body.
    None,
    /// This many bytes will be written.
    Known(u64),
    /// Nobody knows yet: chunked, or until-close for an HTTP/1.0 peer.
    Unknown,
}

/// Which request a response answers, as far as its framing cares (RFC 9112 §6.3, items 1 and 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Head,
    Connect,
    Other,
}

impl Asked {
    pub(super) fn by(method: &Method) -> Asked {
        match *method {
            Method::HEAD => Asked::Head,
            Method::CONNECT => Asked::Connect,
            _ => Asked::Other,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Length {
    #[default]
    Absent,
    Is(u64),
    Repeated(u64),
    Differing,
    Bad,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Coding {
    #[default]
    Absent,
    Chunked,
    Other,
    OtherThenChunked,
    Faulty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Host {
    #[default]
    Absent,
    Good,
    Bad,
    Many,
}

/// What a head's fields say about framing and the connection, noted in the same pass that builds the map: five
/// look-ups in the map would cost more than the comparisons.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Summary {
    length: Length,
    coding: Coding,
    host: Host,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    /// There is an Upgrade field, and the connection option that has to go with it.
    pub(super) upgrade: bool,
    pub(super) upgrade_option: bool,
    pub(super) expect_continue: bool,
}

impl Summary {
    /// `name` is in lower case.
    pub(super) fn note(&mut self, name: &str, value: &[u8]) {
        match name {
            "content-length" => self.note_length(value),
            "transfer-encoding" => self.note_coding(value),
            "connection" => self.note_connection(value),
            "host" => self.note_host(value),
            "upgrade" => self.upgrade = true,
            "expect" => self.expect_continue |= value.eq_ignore_ascii_case(b"100-continue"),
            _ => {}
        }
    }

    fn note_length(&mut self, value: &[u8]) {
        // Nearly always it is one number, said once.
        if let (Length::Absent, Some(length)) = (self.length, parse_decimal(value)) {
            self.length = Length::Is(length);
            return;
        }
        for item in value.split(|&byte| byte == b',') {
            self.length = match (self.length, parse_decimal(item.trim_ascii())) {
                (Length::Bad, _) | (_, None) => Length::Bad,
                (Length::Absent, Some(new)) => Length::Is(new),
                (Length::Is(old) | Length::Repeated(old), Some(new)) if old == new => {
                    Length::Repeated(old)
                }
                (_, Some(_)) => Length::Differing,
            };
        }
    }

    fn note_coding(&mut self, value: &[u8]) {
        for item in value.split(|&byte| byte == b',') {
            let item = item.trim_ascii();
            let chunked = item.eq_ignore_ascii_case(b"chunked");
            self.coding = match (self.coding, chunked) {
                _ if item.is_empty() => Coding::Faulty,
                (Coding::Absent, true) => Coding::Chunked,
                (Coding::Other, true) => Coding::OtherThenChunked,
                (Coding::Absent | Coding::Other, false) => Coding::Other,
                // RFC 9112 §6.1: chunked is applied once and last.
                _ => Coding::Faulty,
            };
        }
    }

    fn note_connection(&mut self, value: &[u8]) {
        for token in value.split(|&byte| byte == b',') {
            let token = token.trim_ascii();
            self.close |= token.eq_ignore_ascii_case(b"close");
            self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade_option |= token.eq_ignore_ascii_case(b"upgrade");
        }
    }

    fn note_host(&mut self, value: &[u8]) {
        self.host = match self.host {
            Host::Absent if is_host(value) => Host::Good,
            Host::Absent => Host::Bad,
            _ => Host::Many,
        };
    }

    /// RFC 9110 §7.8: Upgrade is for the next hop alone. Without its connection option it was passed on by somebody who
    /// does not know it, and asks nothing of us.
    pub(super) fn asks_upgrade(&self) -> bool {
        self.upgrade && self.upgrade_option
    }

    /// RFC 9112 §3.2: exactly one Host, except from HTTP/1.0, which did not have it.
    pub(super) fn check_host(&self, version: Version) -> Result<(), FaultKind> {
        match self.host {
            Host::Good => Ok(()),
            Host::Absent if version == Version::HTTP_10 => Ok(()),
            Host::Absent => Err(FaultKind::MissingHost),
            Host::Bad => Err(FaultKind::BadHost),
            Host::Many => Err(FaultKind::ManyHosts),
        }
    }

    /// RFC 9112 §6.3 for a request, where every MAY is used to refuse.
    pub(super) fn frame_request(&self, version: Version) -> Result<Framing, FaultKind> {
        match (self.coding, self.length) {
            (Coding::Absent, Length::Absent) => Ok(Framing::None),
            (Coding::Absent, Length::Is(0)) => Ok(Framing::None),
            (Coding::Absent, Length::Is(length)) => Ok(Framing::Fixed(length)),
            // §6.3 item 5 lets identical values pass; a proxy that joins or drops one sees another message.
            (Coding::Absent, Length::Repeated(_) | Length::Differing) => {
                Err(FaultKind::RepeatedContentLength)
            }
            (Coding::Absent, Length::Bad) => Err(FaultKind::BadContentLength),
            // §6.1: faulty framing, even with a Content-Length beside it.
            _ if version == Version::HTTP_10 => Err(FaultKind::TransferCodingInHttp10),
            // §6.3 item 3: "ought to be handled as an error".
            (_, length) if length != Length::Absent => Err(FaultKind::ConflictingFraming),
            (Coding::Chunked, _) => Ok(Framing::Chunked),
            (Coding::OtherThenChunked, _) => Err(FaultKind::UnsupportedTransferCoding),
            // §6.3 item 4: without a final chunked the length of a request cannot be known.
            (Coding::Other | Coding::Faulty, _) => Err(FaultKind::BadTransferCoding),
        }
    }

    /// RFC 9112 §6.3 for a response, item by item.
    pub(super) fn frame_response(
        &self,
        version: Version,
        status: StatusCode,
        asked: Asked,
    ) -> Result<Framing, FaultKind> {
        if is_bodiless(status) || asked == Asked::Head {
            return Ok(Framing::None);
        }
        if asked == Asked::Connect && status.is_success() {
            return Ok(Framing::Switched);
        }
        match (self.coding, self.length) {
            (Coding::Absent, Length::Absent) => Ok(Framing::UntilClose),
            (Coding::Absent, Length::Is(0) | Length::Repeated(0)) => Ok(Framing::None),
            // Item 5: the same value twice is a proxy's harmless doubling.
            (Coding::Absent, Length::Is(length) | Length::Repeated(length)) => {
                Ok(Framing::Fixed(length))
            }
            (Coding::Absent, Length::Differing) => Err(FaultKind::RepeatedContentLength),
            (Coding::Absent, Length::Bad) => Err(FaultKind::BadContentLength),
            // §6.1 says faulty; browsers disagree on what to make of it, so nothing is made of it.
            _ if version == Version::HTTP_10 => Err(FaultKind::TransferCodingInHttp10),
            // Item 3: Transfer-Encoding wins over Content-Length; `is_doubtful` sees to the rest.
            (Coding::Chunked, _) => Ok(Framing::Chunked),
            // No TE was sent, so no other coding may come, and its bytes would be handed out undecoded.
            (Coding::Other | Coding::OtherThenChunked, _) => {
                Err(FaultKind::UnsupportedTransferCoding)
            }
            (Coding::Faulty, _) => Err(FaultKind::BadTransferCoding),
        }
    }

    /// Whether a response that was accepted may have been read otherwise by somebody on the path: both framing fields
    /// (§6.3 item 3), or framing fields where a body is impossible (§6.3 item 1) and its bytes may be on their way.
    pub(super) fn is_doubtful(&self, status: StatusCode, asked: Asked) -> bool {
        if asked == Asked::Head || status == StatusCode::NOT_MODIFIED {
            return false;
        }
        let coded = self.coding != Coding::Absent;
        let long = !matches!(self.length, Length::Absent | Length::Is(0));
        if is_bodiless(status) {
            coded || long
        } else {
            coded && self.length != Length::Absent
        }
    }
}

/// RFC 9110 §6.4.1: these end with their head whatever their fields say.
pub(super) fn is_bodiless(status: StatusCode) -> bool {
    status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}

/// `1*DIGIT` of 64 bits: no sign, no blank, no `0x`, which is what `str::parse` would not refuse in full.
pub(super) fn parse_decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            None
        } else {
            sum.checked_mul(10)?.checked_add(u64::from(digit))
        }
    })
}

/// The characters of `uri-host [":" port]` (RFC 3986 §3.2.2), which leaves out what is used to make two readers
/// disagree: `/`, `@`, `?`, `#`, blanks, bytes beyond ASCII. An empty Host is allowed (RFC 9110 §7.2).
fn is_host(value: &[u8]) -> bool {
    value.iter().all(|&byte| IN_HOST[usize::from(byte)])
}

const IN_HOST: [bool; 256] = {
    let mut table = [false; 256];
    let (others, mut at) = (b"-._~!$&'()*+;=:%[]", 0);
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] |= byte.is_ascii_alphanumeric();
        byte += 1;
    }
    table
};

/// Fields that may not be trailers: they would change framing, routing or how the message is to be read after the
/// fact (RFC 9110 §6.5.1).
pub(super) fn is_forbidden_in_trailers(name: &str) -> bool {
    const FORBIDDEN: [&str; 24] = [
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "location",
        "max-forwards",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "vary",
        "www-authenticate",
    ];
    FORBIDDEN.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(fields: &[(&str, &str)]) -> Summary {
        let mut summary = Summary::default();
        fields
            .iter()
            .for_each(|(name, value)| summary.note(name, value.as_bytes()));
        summary
    }

    #[test]
    fn decimal_is_digits_only() {
        assert_eq!(parse_decimal(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_decimal(b"007"), Some(7));
        for bad in [
            "",
            "+1",
            "-1",
            "1 ",
            "0x10",
            "18446744073709551616",
            "1e3",
            "1_0",
            "\u{664}",
        ] {
            assert_eq!(parse_decimal(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn lists_are_judged_by_role() {
        let twice = summary(&[("content-length", "5, 5")]);
        assert_eq!(
            twice.frame_request(Version::HTTP_11),
            Err(FaultKind::RepeatedContentLength)
        );
        let framing = twice.frame_response(Version::HTTP_11, StatusCode::OK, Asked::Other);
        assert_eq!(framing, Ok(Framing::Fixed(5)));
    }

    #[test]
    fn forbidden_trailers_are_sorted() {
        assert!(
            is_forbidden_in_trailers("authorization")
                && is_forbidden_in_trailers("www-authenticate")
        );
        assert!(
            is_forbidden_in_trailers("content-length")
                && is_forbidden_in_trailers("transfer-encoding")
        );
        assert!(is_forbidden_in_trailers("host") && !is_forbidden_in_trailers("digest"));
    }
}
