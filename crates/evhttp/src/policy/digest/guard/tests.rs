//! Our client's answers, right and wrong, put to the guard.

use super::*;

const NOW: Duration = Duration::from_secs(1_700_000_000);
const ALL: [Algorithm; 6] = [
    Algorithm::Md5,
    Algorithm::Md5Session,
    Algorithm::Sha256,
    Algorithm::Sha256Session,
    Algorithm::Sha512_256,
    Algorithm::Sha512_256Session,
];
const ASKED: Asked<'_> = Asked {
    method: "POST",
    target: "/a?b=\"c\"",
    content: b"content",
};

fn guard(algorithm: Algorithm) -> Guard {
    let mut guard = Guard::new("a \"realm\"\r\n", ["key".into(), "nobody".into()]);
    guard.algorithms = vec![algorithm];
    for name in ["me", "J\u{e4}s\u{f8}n Doe"] {
        guard.add(name.into(), "secret");
    }
    guard
}

/// What our client says to the first challenge.
fn answer(guard: &Guard, name: &str, password: &str, count: u32) -> String {
    let challenge = parse(&guard.challenges(false, NOW, 1)[0]).remove(0);
    let ask = Ask {
        name,
        password,
        method: ASKED.method,
        target: ASKED.target,
        content: ASKED.content,
        cnonce: "0a4f113b",
        count,
    };
    Digest::of(&challenge, true).unwrap().answer(&ask)
}

#[test]
fn the_right_answer_passes_once_in_every_algorithm() {
    for algorithm in ALL {
        for (content, userhash) in [(false, false), (true, false), (false, true)] {
            let mut guard = guard(algorithm);
            (guard.content, guard.userhash) = (content, userhash);
            for (count, name) in [(1, "me"), (2, "J\u{e4}s\u{f8}n Doe")] {
                let field = answer(&guard, name, "secret", count);
                assert_eq!(
                    guard.verify(&field, &ASKED, NOW),
                    Ok(name.into()),
                    "{field}"
                );
                let again = guard.verify(&field, &ASKED, NOW);
                assert_eq!(again, Err(Refusal::Stale), "{field}");
            }
        }
    }
}

#[test]
fn a_wrong_answer_passes_nowhere() {
    for algorithm in ALL {
        let mut guard = guard(algorithm);
        guard.content = true;
        let right = answer(&guard, "me", "secret", 1);
        let mut refused = |field: &str, asked: &Asked<'_>| guard.verify(field, asked, NOW);
        let other = |method, target, content| Asked {
            method,
            target,
            content,
        };
        let (target, content) = (ASKED.target, ASKED.content);
        let elsewhere = refused(&right, &other("POST", "/", content));
        assert_eq!(elsewhere, Err(Refusal::Malformed));
        for asked in [
            other("PUT", target, content),
            other("POST", target, b"Content"),
        ] {
            assert_eq!(refused(&right, &asked), Err(Refusal::Unknown));
        }
        for (from, to) in [
            ("\"me\"", "\"you\""),
            ("username=", "username*="),
            ("realm=\"a", "realm=\"b"),
            ("qop=auth-int", "qop=auth"),
            ("nc=00000001", "nc=00000002"),
            ("response=\"", "response=\"0"),
            ("0a4f113b", "0a4f113c"),
            ("algorithm=", "algorithm=X"),
            ("Digest ", "Basic "),
        ] {
            assert!(right.contains(from), "{right}");
            let wrong = right.replacen(from, to, 1);
            assert_eq!(refused(&wrong, &ASKED), Err(Refusal::Unknown), "{wrong}");
        }
        for (from, to) in [
            ("nc=00000001", "nc=1"),
            ("nonce=", "once="),
            ("cnonce=", "x="),
        ] {
            let wrong = right.replacen(from, to, 1);
            assert_eq!(refused(&wrong, &ASKED), Err(Refusal::Malformed), "{wrong}");
        }
        let doubled = format!("{right}, {right}");
        assert_eq!(refused(&doubled, &ASKED), Err(Refusal::Unknown));
        assert_eq!(refused("", &ASKED), Err(Refusal::Unknown));
        assert_eq!(refused(&right, &ASKED), Ok("me".into()));
    }
    // An empty name is nobody's, even with nobody's secret.
    for (name, password) in [("me", "wrong"), ("you", "secret"), ("", "nobody")] {
        let mut guard = guard(Algorithm::Sha256);
        let field = answer(&guard, name, password, 1);
        let verdict = guard.verify(&field, &ASKED, NOW);
        assert_eq!(verdict, Err(Refusal::Unknown), "{field}");
    }
}

#[test]
fn nobody_chooses_something_weaker_than_was_asked_for() {
    let md5 = answer(&guard(Algorithm::Md5), "me", "secret", 1);
    let mut strong = guard(Algorithm::Sha256);
    assert_eq!(strong.verify(&md5, &ASKED, NOW), Err(Refusal::Unknown));
    strong.content = true;
    let without = answer(&guard(Algorithm::Sha256), "me", "secret", 1);
    assert_eq!(strong.verify(&without, &ASKED, NOW), Err(Refusal::Unknown));
}

#[test]
fn an_old_nonce_is_stale_only_for_who_knows_the_password() {
    let mut guard = guard(Algorithm::Sha256);
    let late = NOW + crate::limits::NONCE_FOR + Duration::from_secs(1);
    let right = answer(&guard, "me", "secret", 1);
    let wrong = answer(&guard, "me", "wrong", 1);
    assert_eq!(guard.verify(&right, &ASKED, late), Err(Refusal::Stale));
    assert_eq!(guard.verify(&wrong, &ASKED, late), Err(Refusal::Unknown));
    let stale = &guard.challenges(true, late, 2)[0];
    assert!(stale.ends_with(", stale=true"), "{stale}");
}
