//! Whether to follow a redirect, and with what request (RFC 9110 §15.4).
//! Sending it is the layer's.

use http::header::{self, HeaderName};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::secrets::quoted;

/// What the answer asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is no redirect, or none that can be followed without a Location.
    Stay,
    /// Go there.
    Follow(Box<Hop>),
    /// It must not be followed; a sentence why.
    Refuse(String),
}

/// Where to go on, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) url: Url,
    pub(crate) method: Method,
    /// Whether the content goes along.
    pub(crate) keeps_body: bool,
    /// Whether another origin will get the request.
    pub(crate) crosses: bool,
}

/// Decides about an answer to `method url`. `downgrade`: https may lead to
/// http.
pub(crate) fn decide(
    method: &Method,
    url: &Url,
    status: StatusCode,
    headers: &HeaderMap,
    downgrade: bool,
) -> Verdict {
    // 300 offers a choice and 304 concerns a cache; 305 and 306 are history.
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Verdict::Stay;
    }
    let mut locations = headers.get_all(header::LOCATION).into_iter();
    let Some(location) = locations.next() else {
        return Verdict::Stay;
    };
    if locations.any(|other| other != location) {
        return Verdict::Refuse("it names several places".into());
    }
    let location = text(location.as_bytes());
    let to = match url.join(location.trim()) {
        Ok(to) => to,
        Err(why) => return Verdict::Refuse(format!("{} is not a URL: {why}", quoted(&location))),
    };
    if !matches!(to.scheme(), "http" | "https") {
        return Verdict::Refuse(format!("it leads to the scheme {:?}", to.scheme()));
    }
    if to.host_str().is_none_or(str::is_empty) {
        return Verdict::Refuse("it leads to no host".into());
    }
    if url.scheme() == "https" && to.scheme() == "http" && !downgrade {
        return Verdict::Refuse("it leads from https to http".into());
    }
    let (method, keeps_body) = rewrite(method, status);
    Verdict::Follow(Box::new(Hop {
        crosses: !same_origin(url, &to),
        url: inherit(url, to),
        method,
        keeps_body,
    }))
}

/// A Location is a URI reference and so ASCII; some servers send UTF-8, or
/// bytes in nobody knows what, which a path may carry percent-encoded.
fn text(location: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(location) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(location.len() * 3);
    for &byte in location {
        match byte.is_ascii() {
            true => text.push(byte.into()),
            false => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// RFC 9110 §15.4.2 ff.: POST becomes GET at 301 and 302 as everybody does
/// it, everything but HEAD becomes GET at 303, 307 and 308 change nothing.
fn rewrite(method: &Method, status: StatusCode) -> (Method, bool) {
    let becomes_get = match status.as_u16() {
        301 | 302 => *method == Method::POST,
        303 => *method != Method::HEAD && *method != Method::GET,
        _ => false,
    };
    match becomes_get {
        true => (Method::GET, false),
        false => (method.clone(), true),
    }
}

/// RFC 9110 §10.2.2: a fragment is inherited. A name and password are the
/// user's to give (RFC 9110 §4.2.4): those of a Location are not believed,
/// and the user's own stay within their origin.
fn inherit(from: &Url, mut to: Url) -> Url {
    if to.fragment().is_none() {
        to.set_fragment(from.fragment());
    }
    let (name, password) = match same_origin(from, &to) {
        true => (from.username(), from.password()),
        false => ("", None),
    };
    // Fails only for URLs without a host.
    _ = to.set_username(name);
    _ = to.set_password(password);
    to
}

pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host() == b.host()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// About the content that does not go along (RFC 9110 §15.4, last list).
static CONTENT: [HeaderName; 9] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::CONTENT_RANGE,
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::EXPECT,
];

/// Fields that are meant for one origin. The others of a user's own are
/// dropped too if they are marked as sensitive.
static SECRET: [HeaderName; 9] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::WWW_AUTHENTICATE,
    header::HOST,
    header::ORIGIN,
    header::REFERER,
    HeaderName::from_static("cookie2"),
    HeaderName::from_static("x-wsse"),
];

/// Takes out of `headers` what must not go to the next hop.
pub(crate) fn strip(headers: &mut HeaderMap, hop: &Hop) {
    if !hop.keeps_body {
        CONTENT.iter().for_each(|name| _ = headers.remove(name));
    }
    if !hop.crosses {
        return;
    }
    SECRET.iter().for_each(|name| _ = headers.remove(name));
    let sensitive = |(name, value): (&HeaderName, &http::HeaderValue)| {
        value.is_sensitive().then(|| name.clone())
    };
    let sensitive: Vec<HeaderName> = headers.iter().filter_map(sensitive).collect();
    sensitive.iter().for_each(|name| _ = headers.remove(name));
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn decided(method: &str, from: &str, status: u16, location: &str) -> Verdict {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::LOCATION,
            HeaderValue::from_bytes(location.as_bytes()).unwrap(),
        );
        let method = method.parse().unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        decide(&method, &Url::parse(from).unwrap(), status, &headers, false)
    }

    fn hop(method: &str, from: &str, status: u16, location: &str) -> Hop {
        match decided(method, from, status, location) {
            Verdict::Follow(hop) => *hop,
            other => panic!("{method} {from} {status} {location}: {other:?}"),
        }
    }

    /// RFC 9110 §15.4.2 to §15.4.9.
    #[test]
    fn methods_are_rewritten_as_the_rfc_says() {
        let table = [
            (301, "GET", "GET", true),
            (301, "POST", "GET", false),
            (301, "PUT", "PUT", true),
            (302, "POST", "GET", false),
            (302, "DELETE", "DELETE", true),
            (303, "POST", "GET", false),
            (303, "PUT", "GET", false),
            (303, "HEAD", "HEAD", true),
            (307, "POST", "POST", true),
            (308, "POST", "POST", true),
            (308, "PATCH", "PATCH", true),
        ];
        for (status, method, becomes, keeps_body) in table {
            let hop = hop(method, "http://a/", status, "/b");
            assert_eq!(
                (hop.method.as_str(), hop.keeps_body),
                (becomes, keeps_body),
                "{method} {status}"
            );
        }
        for status in [200, 201, 300, 304, 305, 306, 400] {
            assert_eq!(decided("GET", "http://a/", status, "/b"), Verdict::Stay);
        }
    }

    #[test]
    fn places_are_resolved_and_fragments_inherited() {
        let table = [
            ("http://a/b/c?d", "e", "http://a/b/e", false),
            ("http://a/b#here", "/e", "http://a/e#here", false),
            ("http://a/b#here", "/e#there", "http://a/e#there", false),
            ("http://a/b", "//c/d", "http://c/d", true),
            ("http://a/b", "?x", "http://a/b?x", false),
            ("http://a:80/", "http://a/x", "http://a/x", false),
            ("http://a/", "http://a:81/x", "http://a:81/x", true),
            ("http://a/", "https://a/", "https://a/", true),
            ("http://u:p@a/", "/x", "http://u:p@a/x", false),
            ("http://u:p@a/", "http://b/x", "http://b/x", true),
            ("http://a/", "http://evil:pw@a/x", "http://a/x", false),
            ("http://a/", "/sp ace", "http://a/sp%20ace", false),
            ("http://a/", "/\u{e4}", "http://a/%C3%A4", false),
        ];
        for (from, location, to, crosses) in table {
            let hop = hop("GET", from, 302, location);
            assert_eq!(
                (hop.url.as_str(), hop.crosses),
                (to, crosses),
                "{from} {location}"
            );
        }
    }

    #[test]
    fn bytes_of_no_known_charset_are_percent_encoded() {
        assert_eq!(text(b"/caf\xe9"), "/caf%E9");
    }

    #[test]
    fn some_places_are_refused() {
        let table = [
            ("https://a/", "http://a/", "it leads from https to http"),
            (
                "http://a/",
                "file:///etc/passwd",
                "it leads to the scheme \"file\"",
            ),
            (
                "http://a/",
                "javascript:alert(1)",
                "it leads to the scheme \"javascript\"",
            ),
            (
                "http://a/",
                "http://",
                "\"http://\" is not a URL: empty host",
            ),
        ];
        for (from, location, why) in table {
            assert_eq!(
                decided("GET", from, 302, location),
                Verdict::Refuse(why.into())
            );
        }
    }

    #[test]
    fn a_redirect_with_two_places_is_refused_and_with_none_is_an_answer() {
        let url = Url::parse("http://a/").unwrap();
        let decide =
            |headers: &HeaderMap| decide(&Method::GET, &url, StatusCode::FOUND, headers, false);
        let mut headers = HeaderMap::new();
        assert_eq!(decide(&headers), Verdict::Stay);
        headers.append(header::LOCATION, HeaderValue::from_static("/b"));
        headers.append(header::LOCATION, HeaderValue::from_static("/b"));
        assert!(matches!(decide(&headers), Verdict::Follow(_)));
        headers.append(header::LOCATION, HeaderValue::from_static("/c"));
        assert!(matches!(decide(&headers), Verdict::Refuse(_)));
    }

    #[test]
    fn secrets_stay_with_their_origin() {
        let mut headers = HeaderMap::new();
        for name in ["authorization", "cookie", "host", "x-kept", "content-type"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("v"));
        }
        let mut key = HeaderValue::from_static("k");
        key.set_sensitive(true);
        headers.insert("x-api-key", key);
        let left = |hop: &Hop| {
            let mut headers = headers.clone();
            strip(&mut headers, hop);
            let mut names: Vec<String> = headers.keys().map(|k| k.to_string()).collect();
            names.sort();
            names.join(" ")
        };
        let same = hop("POST", "http://a/", 307, "/b");
        assert_eq!(
            left(&same),
            "authorization content-type cookie host x-api-key x-kept"
        );
        let other = hop("POST", "http://a/", 302, "http://b/");
        assert_eq!(left(&other), "x-kept");
    }
}
