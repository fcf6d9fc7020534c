//! The vectors of RFC 7616 §3.9 and RFC 2617 §3.5; the rest was computed by another implementation (Python's hashlib).

use super::*;
use crate::policy::challenge::parse;

pub(super) fn digest(field: &str) -> Digest {
    let field = field.replace('\n', " ");
    Digest::of(&parse(&field)[0], true).unwrap()
}

pub(super) const MUFASA: Ask<'_> = Ask {
    name: "Mufasa",
    password: "Circle of Life",
    method: "GET",
    target: "/dir/index.html",
    content: b"",
    cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    count: 1,
};

fn rfc(algorithm: &str, qop: &str) -> Digest {
    digest(&format!(
        r#"Digest realm="http-auth@example.org", qop="{qop}", algorithm={algorithm},
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#
    ))
}

#[test]
fn rfc_7616_section_3_9_1() {
    let md5 = rfc("MD5", "auth, auth-int");
    assert_eq!(md5.response(&MUFASA), "8ca523f5e9506fed4657c9700eebdbec");
    let sha = rfc("SHA-256", "auth, auth-int");
    assert_eq!(
        sha.answer(&MUFASA),
        "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"/dir/index.html\", \
         response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", \
         opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", \
         cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", algorithm=SHA-256, qop=auth, nc=00000001"
    );
}

/// With the figures of erratum 4897: those in the text are of a truncated SHA-512.
#[test]
fn rfc_7616_section_3_9_2() {
    let digest = digest(
        r#"Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256,
        nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
        opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true"#,
    );
    let ask = Ask {
        name: "J\u{e4}s\u{f8}n Doe",
        password: "Secret, or not?",
        target: "/doe.json",
        cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        ..MUFASA
    };
    assert_eq!(
        digest.response(&ask),
        "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    );
    let answer = digest.answer(&ask);
    let user =
        "Digest username=\"793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b\", ";
    assert!(answer.starts_with(user), "{answer}");
    assert!(answer.ends_with(", userhash=true"), "{answer}");
}

#[test]
fn rfc_2617_section_3_5() {
    let digest = digest(
        r#"Digest realm="testrealm@host.com", qop="auth,auth-int",
        nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#,
    );
    let ask = Ask {
        password: "Circle Of Life",
        cnonce: "0a4f113b",
        ..MUFASA
    };
    assert_eq!(digest.response(&ask), "6629fae49393a05397450978507c4ef1");
    assert!(
        !digest.answer(&ask).contains("algorithm"),
        "as the server did not say one"
    );
}

#[test]
fn sessions_content_and_the_oldest_kind() {
    let post = Ask {
        method: "POST",
        content: b"hello",
        count: 10,
        ..MUFASA
    };
    let table = [
        ("MD5-sess", "auth", "32fd703e87261db98dc97c9b5b6c88f2"),
        (
            "SHA-256",
            "auth-int",
            "2e10b546f5c98ac7d47da5963d431c4e5092e8a7dddc72c0ae590f9ecd5dceca",
        ),
        (
            "SHA-512-256-sess",
            "auth-int",
            "1308c6e44ba53ae8a43ec4dd374a7533ed0409a4925f60846ba0fc15f48f82b9",
        ),
    ];
    for (algorithm, qop, expected) in table {
        assert_eq!(
            rfc(algorithm, qop).response(&post),
            expected,
            "{algorithm} {qop}"
        );
    }
    let old = digest(r#"Digest realm="r", nonce="n""#);
    assert_eq!(old.response(&MUFASA), "0bab5c24c08a1ef94a6cc3d446ce558a");
    assert!(!old.answer(&MUFASA).contains("cnonce"));
}

#[test]
fn what_is_unknown_is_not_answered() {
    for field in [
        r#"Digest realm="r", nonce="n", algorithm=TOKEN"#,
        r#"Digest realm="r", qop="auth""#,
        r#"Digest realm="r", nonce="n", qop="auth-conf""#,
    ] {
        assert_eq!(Digest::of(&parse(field)[0], true), None, "{field}");
    }
    let content_only = r#"Digest realm="r", nonce="n", qop="auth-int""#;
    assert_eq!(Digest::of(&parse(content_only)[0], false), None);
    assert!(Digest::of(&parse(content_only)[0], true).is_some());
}

#[test]
fn odd_names_are_quoted_or_encoded() {
    let digest = digest(r#"Digest realm="a \"b\"", nonce="n", qop=auth, stale=TRUE"#);
    assert!(digest.stale);
    let answer = digest.answer(&Ask {
        name: "q\"\\",
        ..MUFASA
    });
    assert!(
        answer.contains(r#"username="q\"\\", realm="a \"b\"""#),
        "{answer}"
    );
    let answer = digest.answer(&Ask {
        name: "J\u{e4}s\u{f8}n Doe",
        ..MUFASA
    });
    assert!(
        answer.starts_with("Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, "),
        "{answer}"
    );
}
