//! Strict-Transport-Security: no panic; who is upgraded has asked for it by https, by a second reading of RFC 6797
//! §6.1; never an address, never a stranger, never after its time.

#![no_main]

use std::time::Duration;

use evhttp::fuzzing::Hsts;
use libfuzzer_sys::fuzz_target;
use url::Url;

const NOW: Duration = Duration::from_secs(1_700_000_000);

/// Who says it; the host without a scheme, and whether it may speak.
const SPEAKERS: &[(&str, bool)] = &[
    ("https://shop.example/", true),
    ("http://shop.example/", false),
    ("https://192.0.2.1/", false),
    ("https://[2001:db8::1]/", false),
];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, field)) = input.split_first() else {
        return;
    };
    let field = String::from_utf8_lossy(field);
    let (from, may) = SPEAKERS[usize::from(choice) % SPEAKERS.len()];
    let from: Url = from.parse().unwrap();
    let mut hsts = Hsts::default();
    hsts.heard(&from, &field, NOW);
    let said = read(&field).filter(|(age, _)| may && *age > 0);
    let host = from.host_str().unwrap();
    let now = |host: &str| upgraded(&hsts, host, NOW);
    assert_eq!(now(host), said.is_some(), "{field:?} from {from}");
    assert_eq!(
        now(&format!("a.b.{host}")),
        said.is_some_and(|(_, below)| below)
    );
    assert!(!now("other.example") && !now("example") && !now("xshop.example"));
    if let Some((age, _)) = said {
        let end = NOW.saturating_add(Duration::from_secs(age));
        assert!(!upgraded(&hsts, host, end), "{field:?}: its time is over");
        hsts.heard(&from, "max-age=0", NOW);
        assert!(!upgraded(&hsts, host, NOW), "taken back");
    }
});

fn upgraded(hsts: &Hsts, host: &str, now: Duration) -> bool {
    let Ok(url) = format!("http://{host}:80/x?y").parse::<Url>() else {
        return false;
    };
    let Some(twin) = hsts.upgraded(&url, now) else {
        return false;
    };
    assert_eq!(twin.scheme(), "https");
    assert_eq!(
        (twin.host_str(), twin.port(), twin.path()),
        (url.host_str(), None, "/x")
    );
    true
}

/// max-age in seconds, and whether it is for all below; `None` if it says nothing.
fn read(field: &str) -> Option<(u64, bool)> {
    let named = |part: &str| {
        let (name, value) = match part.find('=') {
            Some(at) => (&part[..at], &part[at + 1..]),
            None => (part, ""),
        };
        (name.trim().to_lowercase(), value.trim().to_owned())
    };
    let parts: Vec<(String, String)> = field.split(';').map(named).collect();
    let ages: Vec<&String> = parts
        .iter()
        .filter(|p| p.0 == "max-age")
        .map(|p| &p.1)
        .collect();
    let [age] = ages[..] else { return None };
    let age = age.trim_matches('"');
    let below = parts.iter().any(|part| part.0 == "includesubdomains");
    Some((age.parse().ok()?, below))
}
