//! Our client's answers, right and wrong, put to the guard.

use super::*;

const NOW: Duration = Duration::from_secs(1_700_000_000);
const ASKED: Asked<'_> = Asked {
    method: "POST",
    target: "/a?b=\"c\"",
    content: b"content",
};

const ASK: Ask<'_> = Ask {
    name: "me",
    password: "secret",
    method: ASKED.method,
    target: ASKED.target,
    content: ASKED.content,
    cnonce: "0a4f113b",
    count: 1,
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
        count,
        ..ASK
    };
    Digest::of(&challenge, true).unwrap().answer(&ask)
}

fn who(guard: &mut Guard, field: &str, now: Duration) -> Result<String, Refusal> {
    guard.verify(field, &ASKED, now).map(|passed| passed.name)
}

#[test]
fn the_right_answer_passes_once_in_every_algorithm() {
    for algorithm in Algorithm::ALL {
        for (content, userhash) in [(false, false), (true, false), (false, true)] {
            let mut guard = guard(algorithm);
            (guard.content, guard.userhash) = (content, userhash);
            for (count, name) in [(1, "me"), (2, "J\u{e4}s\u{f8}n Doe")] {
                let field = answer(&guard, name, "secret", count);
                assert_eq!(who(&mut guard, &field, NOW), Ok(name.into()), "{field}");
                let again = who(&mut guard, &field, NOW);
                assert_eq!(again, Err(Refusal::Stale), "{field}");
            }
        }
    }
}

#[test]
fn a_wrong_answer_passes_nowhere() {
    for algorithm in Algorithm::ALL {
        let mut guard = guard(algorithm);
        guard.content = true;
        let right = answer(&guard, "me", "secret", 1);
        let mut refused = |field: &str, asked: &Asked<'_>| {
            guard.verify(field, asked, NOW).map(|passed| passed.name)
        };
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
        let verdict = who(&mut guard, &field, NOW);
        assert_eq!(verdict, Err(Refusal::Unknown), "{field}");
    }
}

#[test]
fn nobody_chooses_something_weaker_than_was_asked_for() {
    let md5 = answer(&guard(Algorithm::Md5), "me", "secret", 1);
    let mut strong = guard(Algorithm::Sha256);
    assert_eq!(who(&mut strong, &md5, NOW), Err(Refusal::Unknown));
    strong.content = true;
    let without = answer(&guard(Algorithm::Sha256), "me", "secret", 1);
    assert_eq!(who(&mut strong, &without, NOW), Err(Refusal::Unknown));
}

#[test]
fn an_old_nonce_is_stale_only_for_who_knows_the_password() {
    let mut guard = guard(Algorithm::Sha256);
    let late = NOW + crate::limits::NONCE_FOR + Duration::from_secs(1);
    let right = answer(&guard, "me", "secret", 1);
    let wrong = answer(&guard, "me", "wrong", 1);
    assert_eq!(who(&mut guard, &right, late), Err(Refusal::Stale));
    assert_eq!(who(&mut guard, &wrong, late), Err(Refusal::Unknown));
    let stale = &guard.challenges(true, late, 2)[0];
    assert!(stale.ends_with(", stale=true"), "{stale}");
}

/// Judged by our client's reading, which has the RFC's vectors.
#[test]
fn the_guard_proves_that_it_knows_the_password_too() {
    for algorithm in Algorithm::ALL {
        for (content, method) in [(false, "POST"), (true, "POST"), (true, "HEAD")] {
            let mut guard = guard(algorithm);
            guard.content = content;
            let asked = Asked { method, ..ASKED };
            let ask = Ask { method, ..ASK };
            let challenge = parse(&guard.challenges(false, NOW, 1)[0]).remove(0);
            let digest = Digest::of(&challenge, true).unwrap();
            let passed = guard.verify(&digest.answer(&ask), &asked, NOW).unwrap();
            // A stream is not known beforehand: `auth` is what is left.
            let field = passed.info(None, None);
            let proven = digest.read_info(&field, &ask).proven;
            let known = (content && method == "HEAD").then_some("auth-int");
            assert!(
                field.ends_with(&format!("qop={}", known.unwrap_or("auth"))),
                "{field}"
            );
            assert_eq!(proven, known.is_none().then_some(true), "{field}");
            let field = passed.info(Some(b"answer"), Some("next"));
            let answered = if method == "HEAD" {
                &b""[..]
            } else {
                b"answer"
            };
            let proof = digest.proof(&Ask {
                content: answered,
                ..ask
            });
            assert!(
                field.contains(&format!("rspauth=\"{proof}\", cnonce=\"0a4f113b\"")),
                "{field}"
            );
            assert!(field.ends_with(", nextnonce=\"next\""), "{field}");
        }
    }
}

#[test]
fn a_nonce_is_renewed_in_time() {
    let mut guard = guard(Algorithm::Sha256);
    let half = crate::limits::NONCE_FOR / 2;
    for (count, age, renewed) in [(1, half, false), (2, half + Duration::from_millis(1), true)] {
        let field = answer(&guard, "me", "secret", count);
        let passed = guard.verify(&field, &ASKED, NOW + age).unwrap();
        let next = guard.renewed(&passed, NOW + age, 7);
        assert_eq!(next.is_some(), renewed, "{age:?}");
        if let Some(next) = next {
            assert!(guard.nonces.take(&next, 1, NOW + 3 * half));
        }
    }
}
