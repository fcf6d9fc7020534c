//! Authorization as a server reads it: no panic; nobody passes who does not know the password, and nobody twice; who
//! knows it passes, whatever is asked for, and the server proves that it knows it too.

#![no_main]

use std::time::Duration;

use evhttp::fuzzing::{Asking, Guard};
use evhttp::server::Algorithm;
use http::HeaderValue;
use libfuzzer_sys::fuzz_target;

const NOW: Duration = Duration::from_secs(1_700_000_000);
const USERS: &[&str] = &["me", "J\u{e4}s\u{f8}n Doe", "q\"\\"];

fuzz_target!(|input: &[u8]| {
    let [choice, options, rest @ ..] = input else {
        return;
    };
    // The field as it came, then what an honest client is to ask for.
    let mut lines = rest.split(|byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (field, target, cnonce) = (line(), sendable(&line()), sendable(&line()));
    let options = (options & 1 != 0, options & 2 != 0);
    let algorithm = Algorithm::ALL[usize::from(*choice) % Algorithm::ALL.len()];
    let asking = Asking {
        name: USERS[usize::from(*choice) / 16 % USERS.len()],
        password: "secret",
        method: "POST",
        target: "/a?b=c",
        content: b"content",
        cnonce: "c",
        count: 1,
    };
    strangers(&field, algorithm, options, &asking);
    let asking = Asking {
        target: &target,
        cnonce: &cnonce,
        ..asking
    };
    friends(algorithm, options, &asking);
});

/// What a field and a request line can carry.
fn sendable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn strangers(field: &str, algorithm: Algorithm, options: (bool, bool), asking: &Asking<'_>) {
    let mut guard = Guard::new(algorithm, options, USERS, "secret");
    let Some((name, info)) = guard.verify(field, asking, None, NOW) else {
        return;
    };
    HeaderValue::from_str(&info).expect("a field");
    // What passed is what our client would have said, by all that it repeats.
    assert!(USERS.contains(&&*name), "{name:?}");
    let get = |wanted: &str| {
        let said = evhttp::fuzzing::parameters(field.trim_start()[6..].trim_start());
        let found = said.into_iter().find(|(name, _)| name == wanted);
        found.expect("needed to pass").1
    };
    let (cnonce, count) = (get("cnonce"), get("nc"));
    let honest = Asking {
        name: &name,
        cnonce: &cnonce,
        count: u32::from_str_radix(&count, 16).unwrap(),
        ..*asking
    };
    let honest = honest.answer(&guard.challenge(NOW)).unwrap();
    let proof = get("response").to_ascii_lowercase();
    assert!(
        honest.contains(&format!("response=\"{proof}\"")),
        "{field:?}"
    );
    assert_eq!(guard.verify(field, asking, None, NOW), None, "used up");
}

fn friends(algorithm: Algorithm, options: (bool, bool), asking: &Asking<'_>) {
    let mut guard = Guard::new(algorithm, options, USERS, "secret");
    let challenge = guard.challenge(NOW);
    let field = asking.answer(&challenge).expect("our own challenge");
    let (name, info) = guard
        .verify(&field, asking, None, NOW)
        .unwrap_or_else(|| panic!("{field:?} for {asking:?}"));
    assert_eq!(name, asking.name);
    let read = asking.read_info(&challenge, &info);
    assert_eq!(read, Some((Some(true), None)), "{info:?}");
    let wrong = Asking {
        password: "Secret",
        ..*asking
    };
    let field = wrong.answer(&challenge).unwrap();
    assert_eq!(guard.verify(&field, &wrong, None, NOW), None);
    let read = wrong.read_info(&challenge, &info);
    assert_eq!(read, Some((Some(false), None)), "{info:?}");
}
