//! What a head is, once it has been read: the start line and the fields. Reading it is `head/reader.rs`, naming what is
//! wrong with it `head/blame.rs`, writing it `head/writer.rs`. What a body's length is, is not decided here.

pub(super) mod blame;
pub(super) mod reader;
pub(super) mod writer;

use super::fault::FaultKind;
use crate::secrets::{Fields, quoted};
use bytes::Bytes;
use http::uri::InvalidUri;
use http::{HeaderMap, Method, StatusCode, Uri, Version};
use std::fmt;

/// The head of a request, as its receiver sees it. Its `Debug` shows nothing secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The target as it was sent.
    pub target: Target,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The fields.
    pub headers: HeaderMap,
}

/// The head of a response, as its receiver sees it. Its `Debug` shows nothing secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct ResponseHead {
    /// The status, 100 to 999 (RFC 9110 §15: treat what is beyond 599 as a 5xx).
    pub status: StatusCode,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The reason phrase, unless it is the registered one. Empty when none was sent; may hold bytes beyond ASCII.
    pub reason: Option<Bytes>,
    /// The fields.
    pub headers: HeaderMap,
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("version", &self.version)
            .field("headers", &Fields(&self.headers))
            .finish()
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseHead")
            .field("status", &self.status)
            .field("version", &self.version)
            .field("reason", &self.reason)
            .field("headers", &Fields(&self.headers))
            .finish()
    }
}

/// A request target as it stood on the wire (RFC 9112 §3.2): visible ASCII, in the form its method asks for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target(Box<str>);

impl Target {
    /// The target, verbatim.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text of [`as_str`](Target::as_str), without copying it.
    pub fn into_string(self) -> String {
        self.0.into_string()
    }

    /// The target as a [`Uri`].
    ///
    /// # Errors
    /// The `http` crate is stricter than the wire in places, for instance about an authority.
    pub fn to_uri(&self) -> Result<Uri, InvalidUri> {
        Uri::try_from(self.as_str())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Without its query, and without the name and password that an absolute target may have.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(self.as_str()))
    }
}

/// RFC 9112 §3.2: the four forms, each with its methods. Bytes are not held to RFC 3986's grammar, for browsers send
/// `|`, `{` and the like as they are (WHATWG URL); blanks, controls, `#` and bytes beyond ASCII are what makes two
/// readers disagree.
pub(super) fn check_target(method: &Method, target: &[u8]) -> Result<(), FaultKind> {
    if !target
        .iter()
        .all(|&byte| (0x21..=0x7e).contains(&byte) && byte != b'#')
    {
        return Err(FaultKind::BadTarget);
    }
    let suits = match (method, target) {
        (&Method::CONNECT, authority) => is_authority(authority),
        (_, [b'/', ..]) => true,
        (&Method::OPTIONS, b"*") => true,
        (_, absolute) => is_absolute(absolute),
    };
    if suits {
        Ok(())
    } else {
        Err(FaultKind::BadTarget)
    }
}

/// `host ":" port`; the port is required (RFC 9112 §3.2.3).
fn is_authority(target: &[u8]) -> bool {
    let Some(colon) = target.iter().rposition(|&byte| byte == b':') else {
        return false;
    };
    let (host, port) = (&target[..colon], &target[colon + 1..]);
    let plain = !host.is_empty() && !host.iter().any(|byte| b"/?@,\\".contains(byte));
    let bracketed = host.starts_with(b"[") && host.ends_with(b"]");
    plain
        && (bracketed || !host.contains(&b':'))
        && super::framing::parse_decimal(port).is_some_and(|port| port <= u64::from(u16::MAX))
}

/// `scheme "://" authority`, as a proxy is asked and a server must understand (RFC 9112 §3.2.2).
fn is_absolute(target: &[u8]) -> bool {
    let Some(colon) = target.iter().position(|&byte| byte == b':') else {
        return false;
    };
    let (scheme, rest) = target.split_at(colon);
    let named = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    named && matches!(rest, [b':', b'/', b'/', first, ..] if !b"/?@:".contains(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_show_nothing_secret() {
        let secret = http::HeaderValue::from_static("t0ken");
        let headers = HeaderMap::from_iter(
            [http::header::AUTHORIZATION, http::header::COOKIE].map(|name| (name, secret.clone())),
        );
        let request = RequestHead {
            method: Method::GET,
            target: Target("http://me:t0ken@a.example/b?t0ken".into()),
            version: Version::HTTP_11,
            headers: headers.clone(),
        };
        let response = ResponseHead {
            status: StatusCode::OK,
            version: Version::HTTP_11,
            reason: None,
            headers,
        };
        let shown = format!("{request:?} {response:?}");
        assert!(!shown.contains("t0ken"), "{shown}");
        assert!(
            shown.contains("a.example/b?...") && shown.contains("authorization"),
            "{shown}"
        );
    }

    #[test]
    fn targets_suit_their_methods() {
        let good = [
            ("GET", "/"),
            ("GET", "/a|b{c}?d=%20"),
            ("GET", "//x"),
            ("OPTIONS", "*"),
            ("GET", "http://a:8/b"),
            ("CONNECT", "a.example:443"),
            ("CONNECT", "[::1]:1"),
        ];
        let bad = [
            ("GET", ""),
            ("GET", "*"),
            ("GET", "a"),
            ("GET", "/#"),
            ("GET", "/\u{e9}"),
            ("GET", "http:///x"),
            ("CONNECT", "/"),
            ("CONNECT", "a"),
            ("CONNECT", "a:"),
            ("CONNECT", ":1"),
            ("CONNECT", "::1:1"),
            ("CONNECT", "u@a:1"),
            ("CONNECT", "a:65536"),
            ("GET", "1http://a/"),
            ("GET", "mailto:a"),
        ];
        for (wanted, table) in [(true, &good[..]), (false, &bad[..])] {
            for (method, target) in table {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                assert_eq!(
                    check_target(&method, target.as_bytes()).is_ok(),
                    wanted,
                    "{method} {target}"
                );
            }
        }
    }
}
