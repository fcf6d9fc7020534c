//! A netrc file: no panic; what is found stands in the file; an entry that is written is found, and nobody else's.

#![no_main]

use evhttp::fuzzing::netrc;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    // Whatever stands there, nothing is made up: escapes only leave out.
    for host in ["a.example", "default", "", "login"] {
        if let Some((name, password)) = netrc(&text, host) {
            assert!(is_in(&name, &text) && is_in(&password, &text), "{text:?}");
            let known = text.contains("default") || text.to_ascii_lowercase().contains(host);
            assert!(known, "{text:?} {host:?}");
        }
    }
    written(&text);
});

/// Whether `word` comes out of `text` by leaving out.
fn is_in(word: &str, text: &str) -> bool {
    let mut text = text.chars();
    word.chars().all(|wanted| text.any(|c| c == wanted))
}

fn written(text: &str) {
    let mut words = text.split('\n');
    let (name, password) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let before = format!("machine b.example login {} password x\n", quoted("b"));
    let entry = format!(
        "machine a.example login {} password {}\n",
        quoted(name),
        quoted(password)
    );
    let ours = Some((name.to_owned(), password.to_owned()));
    for file in [format!("{before}{entry}"), format!("{entry}{before}")] {
        assert_eq!(netrc(&file, "A.example"), ours, "{file:?}");
        assert_eq!(netrc(&file, "c.example"), None, "{file:?}");
    }
    // A macro goes up to an empty line, whatever stands in it.
    let text = text.trim_start_matches('\n');
    let (lines, _) = text.split_once("\n\n").unwrap_or((text, ""));
    let file = format!("{entry}macdef m\n{lines}");
    assert_eq!(netrc(&file, "a.example"), ours, "{file:?}");
}

fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}
