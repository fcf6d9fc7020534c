//! What may stand in a log, and what may not: names and passwords (RFC 9110
//! §4.2.4), queries and fragments (tokens, and what people search for), fields
//! that let one in. Texts only; who asks to see all of it is not known here.

use std::fmt;

use http::header::{
    AUTHORIZATION, CONTENT_LOCATION, COOKIE, LOCATION, PROXY_AUTHORIZATION, REFERER, SET_COOKIE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

/// What stands in the place of what is not shown.
pub(crate) const HIDDEN: &str = "...";

/// The URL as errors, events and `Debug` show it.
pub(crate) fn redacted(url: &Url) -> String {
    if url.cannot_be_a_base() {
        // `me:secret@a.example` has the scheme `me` and no host.
        return format!("{}:{HIDDEN}", url.scheme());
    }
    let plain = url.username().is_empty() && url.password().is_none();
    if plain && url.query().is_none() && url.fragment().is_none() {
        return url.as_str().to_owned();
    }
    let mut url = nameless(url);
    if url.query().is_some_and(|query| !query.is_empty()) {
        url.set_query(Some(HIDDEN));
    }
    url.set_fragment(None);
    url.into()
}

/// The URL with its query, and nobody's name or password.
pub(crate) fn nameless(url: &Url) -> Url {
    let mut url = url.clone();
    // Both only fail for URLs that can't have a host, and so no password.
    _ = url.set_username("");
    _ = url.set_password(None);
    url
}

/// Where the authority of what looks like a URL begins, and where the host in it does: between them are name and
/// password.
fn authority(text: &str) -> (usize, usize) {
    let start = text.find("//").map_or(0, |slashes| slashes + 2);
    let end = text[start..].find(['/', '?', '#', '\\']);
    let end = end.map_or(text.len(), |length| start + length);
    let at = text[start..end].rfind('@');
    (start, at.map_or(start, |at| start + at + 1))
}

/// What somebody took for a URL, shortened and without control characters. It
/// can't be read as one, so what would be secret is guessed from its look.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 100;
    let (start, host) = authority(text);
    let rest = text[host..].find(['?', '#']).map(|query| host + query);
    let (shown, hidden) = match rest {
        Some(query) if text[query..].len() > 1 => (&text[host..=query], HIDDEN),
        _ => (&text[host..], ""),
    };
    let shown = format!("{}{shown}{hidden}", &text[..start]);
    let mut quoted: String = shown
        .chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if shown.chars().count() > SHOWN {
        quoted.push('…');
    }
    format!("\"{quoted}\"")
}

/// Whether a field's value is nobody's business.
pub(crate) fn is_secret(name: &HeaderName, value: &HeaderValue) -> bool {
    let lets_in = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE];
    value.is_sensitive() || lets_in.contains(name)
}

/// Whether a field's value is a URL, or a reference to one.
fn is_url(name: &HeaderName) -> bool {
    [LOCATION, CONTENT_LOCATION, REFERER].contains(name)
}

/// The value of a field as text; of a URL without name and password.
pub(crate) fn text_of(name: &HeaderName, value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    let (start, host) = authority(&text);
    // Behind a path or a query, slashes begin no authority.
    let begins = start > 0 && !text[..start - 2].contains(['/', '?', '#']);
    match is_url(name) && begins {
        true => format!("{}{}", &text[..start], &text[host..]),
        false => text.into_owned(),
    }
}

/// What was made ready to be shown.
struct Ready(String);

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A URL as `Debug` shows it.
pub(crate) struct Shown<'a>(pub(crate) &'a Url);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(self.0))
    }
}

/// Fields as `Debug` shows them.
pub(crate) struct Fields<'a>(pub(crate) &'a HeaderMap);

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.iter().map(|(name, value)| {
            let value = if is_secret(name, value) {
                format!("{HIDDEN:?}")
            } else if is_url(name) {
                quoted(&text_of(name, value))
            } else {
                format!("{value:?}")
            };
            (name, Ready(value))
        });
        f.debug_map().entries(shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_what_is_secret() {
        let table = [
            ("http://a.example/", "http://a.example/"),
            ("http://a.example/b?", "http://a.example/b?"),
            ("http://a.example/b?c=d", "http://a.example/b?..."),
            ("http://a.example/b#token", "http://a.example/b"),
            ("https://me:secret@a.example/?c#d", "https://a.example/?..."),
            ("https://me@a.example:8443/", "https://a.example:8443/"),
            ("me:secret@a.example", "me:..."),
        ];
        for (url, shown) in table {
            assert_eq!(redacted(&url.parse().unwrap()), shown);
        }
        let url = "https://me:secret@a.example/?c=d".parse().unwrap();
        assert_eq!(nameless(&url).as_str(), "https://a.example/?c=d");
    }

    #[test]
    fn so_is_what_is_none() {
        let table = [
            ("", ""),
            ("/path", "/path"),
            ("a.example/b?c=d", "a.example/b?..."),
            ("me:secret@a.example/b", "a.example/b"),
            ("http://me:sec@ret@a b/c?d", "http://a b/c?..."),
            ("http://[::1#token", "http://[::1#..."),
            ("http://a b/@c", "http://a b/@c"),
            ("http://a b?", "http://a b?"),
            ("//@?#", "//?..."),
        ];
        for (text, shown) in table {
            assert_eq!(quoted(text), format!("\"{shown}\""));
        }
    }

    #[test]
    fn fields_that_let_one_in_are_not_shown() {
        let mut fields = HeaderMap::new();
        for name in [
            "authorization",
            "proxy-authorization",
            "cookie",
            "set-cookie",
            "accept",
        ] {
            let name = HeaderName::from_static(name);
            fields.append(name, HeaderValue::from_static("secret"));
        }
        for name in ["location", "referer", "content-location"] {
            let name = HeaderName::from_static(name);
            let value = "https://me:secret@a.example/b?secret#secret";
            fields.append(name, HeaderValue::from_static(value));
        }
        let shown = format!("{:?}", Fields(&fields));
        assert!(shown.contains(r#""location": "https://a.example/b?...""#));
        assert_eq!(shown.matches("secret").count(), 1, "{shown}");
        assert!(shown.contains(r#""accept": "secret""#), "{shown}");
    }
}
