//! Set-Cookie: no panic; nothing is kept that RFC 6265bis forbids, by a second reading of the jar's own text; nothing
//! goes where it may not; a jar as text is the same jar.

#![no_main]

use std::time::Duration;

use evhttp::fuzzing::Jar;
use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use url::{Host, Url};

const DAY: Duration = Duration::from_secs(86_400);
const NOW: Duration = Duration::from_secs(1_700_000_000);

const URLS: &[&str] = &[
    "https://sub.shop.example/dir/page?q",
    "http://sub.shop.example/dir/page",
    "https://shop.example/",
    "http://shop.co.uk/a/b/c",
    "https://co.uk/",
    "https://192.0.2.1/x",
    "http://[2001:db8::1]/x",
    "https://xn--bcher-kva.example/",
    "https://other.test/",
];

/// The public suffixes that those hosts end with.
const SUFFIXES: &[&str] = &["example", "uk", "co.uk", "test"];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, fields)) = input.split_first() else {
        return;
    };
    let urls: Vec<Url> = URLS.iter().map(|url| url.parse().unwrap()).collect();
    // The last one sends nothing.
    let from = &urls[usize::from(choice) % (urls.len() - 1)];
    let mut jar = Jar::default();
    for (n, field) in fields.split(|byte| *byte == b'\n').enumerate() {
        jar.store(from, field, NOW + DAY * n as u32);
    }
    let text = jar.to_text();
    for line in text.lines().skip(1) {
        fits(line, from);
    }
    let again = Jar::from_text(&text, NOW);
    assert_eq!(again.to_text(), text, "as text and back");
    for url in &urls {
        let field = jar.field(url, NOW);
        may_go(field.as_deref(), url, from);
        if !has_tab(fields) {
            assert_eq!(again.field(url, NOW), field, "{url}");
            let all_secure = text.lines().skip(1).all(|line| of(line)[3] == "TRUE");
            assert!(field.is_none() || url.scheme() == "https" || !all_secure);
        }
    }
    let late = NOW + DAY * 1_400;
    let session = text.lines().skip(1).any(|line| of(line)[4] == "0");
    let left = urls.iter().any(|url| jar.field(url, late).is_some());
    assert!(!left || session || has_tab(fields), "400 days are the most");
});

/// A cookie with a tab inside can't be said in the text.
fn has_tab(fields: &[u8]) -> bool {
    fields.contains(&b'\t')
}

/// domain, below it too, path, secure, expires, name, value.
fn of(line: &str) -> [&str; 7] {
    let line = line.strip_prefix("#HttpOnly_").unwrap_or(line);
    let fields: Vec<&str> = line.split('\t').collect();
    fields.try_into().unwrap_or_else(|_| panic!("{line:?}"))
}

/// What the RFC asks of each cookie that is kept.
fn fits(line: &str, from: &Url) {
    let [domain, wide, path, secure, expires, name, value] = of(line);
    let (host, secure) = (from.host_str().unwrap(), secure == "TRUE");
    assert!(!secure || from.scheme() == "https", "{line:?}");
    assert!((1..=4_096).contains(&(name.len() + value.len())));
    assert!(!name.contains([';', '=']) && !value.contains(';'));
    let expires: u64 = expires.parse().unwrap();
    let last = NOW + DAY * 1_400; // a field a day, and 400 days after it
    assert!(expires == 0 || (NOW.as_secs()..last.as_secs()).contains(&expires));
    match wide {
        "FALSE" => assert_eq!(domain, host),
        _ => {
            let domain = domain.strip_prefix('.').unwrap();
            assert!(matches!(from.host(), Some(Host::Domain(_))), "{line:?}");
            assert!(host == domain || host.ends_with(&format!(".{domain}")));
            assert!(!SUFFIXES.contains(&domain), "{line:?}");
        }
    }
    let marked = if name.is_empty() { value } else { name };
    let marked = marked.to_ascii_lowercase();
    if marked.starts_with("__host-") {
        assert_eq!((secure, wide, path), (true, "FALSE", "/"), "{line:?}");
    }
    if marked.starts_with("__host-") || marked.starts_with("__secure-") {
        assert!(secure && !name.is_empty(), "{line:?}");
    }
}

fn may_go(field: Option<&str>, url: &Url, from: &Url) {
    let Some(field) = field else { return };
    HeaderValue::from_str(field).unwrap_or_else(|_| panic!("{field:?} is no field"));
    let related = |url: &Url| {
        let host = url.host_str().unwrap().to_owned();
        host.strip_prefix("sub.").map(str::to_owned).unwrap_or(host)
    };
    assert_eq!(
        related(url),
        related(from),
        "{field:?} from {from} to {url}"
    );
}
