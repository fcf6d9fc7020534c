//! WWW-Authenticate: no panic; what was read can be written and is read the same; a field cannot change what stands
//! before it; the answer is one challenge's, and says nothing but what it has to.

#![no_main]

use evhttp::Credentials;
use evhttp::fuzzing::{Challenge, answer, challenges, parameters};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // A line each, as far as they can be fields.
    let lines = input.split(|byte| *byte == b'\n');
    let fields: Vec<HeaderValue> = lines
        .filter_map(|line| HeaderValue::from_bytes(line).ok())
        .collect();
    let found = read(&fields);
    each_field_stands_alone(&fields, &found);
    for (scheme, parameters) in &found {
        assert!(is_token(scheme), "{scheme:?}");
        assert!(parameters.iter().all(|(name, _)| is_token(name)));
    }
    assert_eq!(read(&[written(&found)]), found, "what was read, written");
    answered(&fields, &found);
    if let Some(info) = fields.first().and_then(|field| field.to_str().ok()) {
        assert!(parameters(info).iter().all(|(name, _)| is_token(name)));
    }
});

fn read(fields: &[HeaderValue]) -> Vec<Challenge> {
    challenges(&head(fields))
}

fn head(fields: &[HeaderValue]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append(WWW_AUTHENTICATE, field.clone());
    }
    headers
}

fn is_token(name: &str) -> bool {
    let fine = |c: char| matches!(c, '!'..='~') && !"\"(),/:;<=>?@[\\]{}".contains(c);
    !name.is_empty() && name.chars().all(fine) && name.to_ascii_lowercase() == name
}

fn each_field_stands_alone(fields: &[HeaderValue], found: &[Challenge]) {
    let mut alone = Vec::new();
    for field in fields {
        let its = read(std::slice::from_ref(field));
        let behind = [b"Basic realm=\"x, y\", ", field.as_bytes()].concat();
        let behind = read(&[HeaderValue::from_bytes(&behind).unwrap()]);
        let (first, rest) = behind.split_first().unwrap();
        assert_eq!(first.0, "basic");
        assert_eq!(first.1[0], ("realm".into(), "x, y".into()));
        assert_eq!(rest, its, "behind another challenge");
        alone.extend(its);
    }
    assert_eq!(alone, found, "several fields are one list");
}

/// RFC 9110 §11.6.1, every value quoted.
fn written(challenges: &[Challenge]) -> HeaderValue {
    let mut field = String::new();
    for (scheme, parameters) in challenges {
        let comma = if field.is_empty() { "" } else { ", " };
        field.push_str(&format!("{comma}{scheme}"));
        for (n, (name, value)) in parameters.iter().enumerate() {
            let before = if n == 0 { " " } else { ", " };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            field.push_str(&format!("{before}{name}=\"{value}\""));
        }
    }
    HeaderValue::try_from(field).expect("made of what fields said")
}

fn answered(fields: &[HeaderValue], offered: &[Challenge]) {
    let ada = Credentials::password("ada", "pass\"word");
    let Some((shown, _)) = answer(&head(fields), &ada, "nextnonce=\"n\"") else {
        return;
    };
    let (name, value) = &shown[0];
    assert!(*name == AUTHORIZATION && value.is_sensitive());
    let said = read(std::slice::from_ref(value));
    let [(scheme, parameters)] = &said[..] else {
        panic!("{value:?} is more than one answer: {said:?}");
    };
    assert!(offered.iter().any(|(name, _)| name == scheme));
    if scheme != "digest" {
        return;
    }
    let get = |of: &[(String, String)], wanted: &str| {
        let found = of.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone())
    };
    let is_its = |offer: &Challenge| {
        let same = ["nonce", "opaque", "algorithm"]
            .iter()
            .all(|name| get(&offer.1, name) == get(parameters, name));
        let realm = get(&offer.1, "realm").unwrap_or_default();
        offer.0 == "digest" && same && Some(realm) == get(parameters, "realm")
    };
    assert!(offered.iter().any(is_its), "{said:?} of {offered:?}");
    let names = parameters.iter().map(|(name, _)| name.as_str());
    for name in names.clone() {
        assert_eq!(names.clone().filter(|other| *other == name).count(), 1);
    }
}
