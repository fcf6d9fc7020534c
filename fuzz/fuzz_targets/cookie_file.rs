//! A jar as text (Netscape's form), as strangers' programs write it: no panic; what is read can be written and is
//! read the same; what would go out is a field, to nobody but whom a line is for.

#![no_main]

use std::time::Duration;

use evhttp::fuzzing::Jar;
use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use url::Url;

const NOW: Duration = Duration::from_secs(1_700_000_000);

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let jar = Jar::from_text(&text, NOW);
    let written = jar.to_text();
    let again = Jar::from_text(&written, NOW);
    assert_eq!(again.to_text(), written, "{text:?}");
    for url in [
        "https://a.shop.example/dir/x",
        "http://a.shop.example/",
        "https://192.0.2.1/",
    ] {
        let url: Url = url.parse().unwrap();
        let Some(field) = jar.field(&url, NOW) else {
            continue;
        };
        HeaderValue::from_str(&field).unwrap_or_else(|_| panic!("{field:?} of {text:?}"));
        let host = url.host_str().unwrap();
        let lower = text.to_ascii_lowercase();
        let parents = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
        let meant = lower.contains(host) || parents.into_iter().any(|p| lower.contains(p));
        assert!(meant, "{field:?} of {text:?} to {url}");
        let is_secure = |line: &str| line.split('\t').nth(3) == Some("TRUE");
        let all_secure = written.lines().skip(1).all(is_secure);
        assert!(url.scheme() == "https" || !all_secure, "{field:?}");
    }
});
