//! What is kept and what is sent, by tables: RFC 6265bis and what servers try.

use super::*;

const NOW: Duration = Duration::from_secs(1_700_000_000);

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// What `to` gets after `from` has set `field`.
fn sent(from: &str, field: &str, to: &str) -> Option<String> {
    let mut jar = Jar::default();
    jar.store(&url(from), field.as_bytes(), NOW);
    jar.field(&url(to), NOW)
}

#[test]
fn cookies_go_where_they_belong() {
    let table = [
        ("http://a.example/", "n=v", "http://a.example/x", true),
        ("http://a.example/", "n=v", "http://a.example:81/", true),
        ("http://a.example/", "n=v", "http://b.a.example/", false),
        (
            "http://a.example/",
            "n=v; Domain=a.example",
            "http://b.a.example/",
            true,
        ),
        (
            "http://b.a.example/",
            "n=v; Domain=.A.example",
            "http://a.example/",
            true,
        ),
        (
            "http://b.a.example/",
            "n=v; Domain=c.a.example",
            "http://c.a.example/",
            false,
        ),
        (
            "http://a.example/",
            "n=v; Domain=xa.example",
            "http://xa.example/",
            false,
        ),
        (
            "http://xa.example/",
            "n=v; Domain=a.example",
            "http://a.example/",
            false,
        ),
        (
            "http://a.co.uk/",
            "n=v; Domain=co.uk",
            "http://b.co.uk/",
            false,
        ),
        (
            "http://a.co.uk/",
            "n=v; Domain=co.uk",
            "http://a.co.uk/",
            false,
        ),
        (
            "http://a.co.uk./",
            "n=v; Domain=co.uk.",
            "http://b.co.uk./",
            false,
        ),
        (
            "http://a.example/",
            "n=v; Domain=",
            "http://a.example/",
            true,
        ),
        (
            "http://127.0.0.1/",
            "n=v; Domain=127.0.0.1",
            "http://127.0.0.1/",
            true,
        ),
        (
            "http://127.0.0.1/",
            "n=v; Domain=0.0.1",
            "http://127.0.0.1/",
            false,
        ),
        ("http://localhost/", "n=v", "http://localhost/", true),
        ("http://a.example/b/c", "n=v", "http://a.example/b/d", true),
        ("http://a.example/b/c", "n=v", "http://a.example/b", true),
        ("http://a.example/b/c", "n=v", "http://a.example/bc", false),
        (
            "http://a.example/b/c",
            "n=v; Path=/",
            "http://a.example/",
            true,
        ),
        (
            "http://a.example/",
            "n=v; Path=/x",
            "http://a.example/x/y",
            true,
        ),
        (
            "http://a.example/",
            "n=v; Path=/x",
            "http://a.example/xy",
            false,
        ),
        (
            "https://a.example/",
            "n=v; Secure",
            "https://a.example/",
            true,
        ),
        (
            "https://a.example/",
            "n=v; Secure",
            "http://a.example/",
            false,
        ),
        (
            "http://a.example/",
            "n=v; Secure",
            "https://a.example/",
            false,
        ),
        (
            "https://a.example/",
            "n=v; SameSite=None",
            "https://a.example/",
            false,
        ),
        (
            "https://a.example/",
            "n=v; SameSite=None; Secure",
            "https://a.example/",
            true,
        ),
        (
            "https://a.example/",
            "__Secure-n=v; Secure",
            "https://a.example/",
            true,
        ),
        (
            "https://a.example/",
            "__Secure-n=v",
            "https://a.example/",
            false,
        ),
        (
            "https://a.example/",
            "__Host-n=v; Secure; Path=/",
            "https://a.example/",
            true,
        ),
        (
            "https://a.example/",
            "__host-n=v; Secure",
            "https://a.example/",
            false,
        ),
        (
            "https://a.example/",
            "__Host-n=v; Secure; Path=/; Domain=a.example",
            "https://a.example/",
            false,
        ),
        (
            "https://a.example/",
            "=__Host-n; Secure; Path=/",
            "https://a.example/",
            false,
        ),
        ("http://a.example/", "n=v\u{1}", "http://a.example/", false),
        ("http://a.example/", "=", "http://a.example/", false),
        (
            "http://a.example/",
            "n=v; Max-Age=0",
            "http://a.example/",
            false,
        ),
        (
            "http://a.example/",
            "n=v; Max-Age=-9",
            "http://a.example/",
            false,
        ),
        (
            "http://a.example/",
            "n=v; Max-Age=1",
            "http://a.example/",
            true,
        ),
        (
            "http://a.example/",
            "n=v; Max-Age=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "http://a.example/",
            false,
        ),
        (
            "http://a.example/",
            "n=v; Expires=Wed, 21 Oct 2099 07:28:00 GMT",
            "http://a.example/",
            true,
        ),
        (
            "http://a.example/",
            "n=v; Expires=tomorrow",
            "http://a.example/",
            true,
        ),
    ];
    for (from, field, to, goes) in table {
        let sent = sent(from, field, to);
        assert_eq!(
            sent.is_some(),
            goes,
            "{field} from {from} to {to}: {sent:?}"
        );
    }
}

#[test]
fn names_and_values_are_as_they_were_written() {
    let table = [
        ("n=v", "n=v"),
        (" n = v w ", "n=v w"),
        ("n=\"v\"", "n=\"v\""),
        ("n=a=b", "n=a=b"),
        ("value", "value"),
        ("n=", "n="),
        ("n=\u{e4}", "n=\u{e4}"),
    ];
    for (field, expected) in table {
        assert_eq!(
            sent("http://a/", field, "http://a/").as_deref(),
            Some(expected)
        );
    }
    let long = |value| format!("n={}", "x".repeat(value));
    let longest = long(COOKIE_BYTES - 1);
    assert_eq!(sent("http://a/", &longest, "http://a/"), Some(longest));
    assert_eq!(sent("http://a/", &long(COOKIE_BYTES), "http://a/"), None);
    // An attribute that is too long is as if it were not there.
    let long = |path| format!("n=v; Path=/{}", "x".repeat(path));
    assert_eq!(
        sent("http://a/", &long(COOKIE_ATTRIBUTE - 1), "http://a/"),
        None
    );
    let sent = sent("http://a/", &long(COOKIE_ATTRIBUTE), "http://a/");
    assert_eq!(sent.as_deref(), Some("n=v"));
}

#[test]
fn they_are_replaced_in_their_place_expire_and_are_sorted() {
    let (mut jar, here) = (Jar::default(), url("http://a.example/x/y"));
    for field in [
        "a=1; Path=/",
        "b=1; Path=/x",
        "c=1; Path=/",
        "a=2; Path=/; Max-Age=10",
    ] {
        jar.store(&here, field.as_bytes(), NOW);
    }
    assert_eq!(jar.field(&here, NOW).as_deref(), Some("b=1; a=2; c=1"));
    let later = NOW + Duration::from_secs(10);
    assert_eq!(jar.field(&here, later).as_deref(), Some("b=1; c=1"));
    jar.store(&here, b"b=; Path=/x; Max-Age=0", NOW);
    assert_eq!(jar.field(&here, later).as_deref(), Some("c=1"));
}

#[test]
fn none_lives_for_longer_than_400_days() {
    let (mut jar, here) = (Jar::default(), url("http://a.example/"));
    jar.store(&here, b"n=v; Max-Age=99999999999999999999", NOW);
    let last = NOW + Duration::from_secs(400 * 86_400);
    assert!(jar.field(&here, last - Duration::from_secs(1)).is_some());
    assert!(jar.field(&here, last).is_none());
}

#[test]
fn a_plain_connection_does_not_overlay_a_secure_cookie() {
    let mut jar = Jar::default();
    jar.store(&url("https://a.example/"), b"n=good; Secure", NOW);
    jar.store(&url("http://a.example/"), b"n=bad", NOW);
    jar.store(&url("http://a.example/"), b"n=bad; Domain=a.example", NOW);
    assert_eq!(
        jar.field(&url("https://a.example/"), NOW).as_deref(),
        Some("n=good")
    );
}

/// The cases of RFC 6265bis §5.7.
#[test]
fn it_overlays_none_at_or_below_its_path() {
    for (path, may) in [
        ("/", true),
        ("/foo", true),
        ("/login", false),
        ("/login/en", false),
    ] {
        let mut jar = Jar::default();
        jar.store(
            &url("https://a.example/"),
            b"a=good; Secure; Path=/login",
            NOW,
        );
        jar.store(
            &url("http://a.example/"),
            format!("a=bad; Path={path}").as_bytes(),
            NOW,
        );
        assert_eq!(jar.cookies.len() == 2, may, "{path}");
    }
}

#[test]
fn nor_does_it_push_one_out() {
    let mut jar = Jar::default();
    let (secure, plain) = (url("https://a.example/"), url("http://a.example/"));
    jar.store(&secure, b"first=v; Secure", NOW);
    jar.store(&secure, b"second=v", NOW);
    for n in 0..COOKIES_OF_A_HOST {
        jar.store(&plain, format!("n{n}=v").as_bytes(), NOW);
    }
    let field = jar.field(&secure, NOW).unwrap();
    assert!(field.starts_with("first=v; n1=v;"), "{field}");
    assert_eq!(field.matches('=').count(), COOKIES_OF_A_HOST);
    for n in 0..COOKIES {
        jar.store(&url(&format!("http://h{n}.example/")), b"n=v", NOW);
    }
    assert_eq!(jar.cookies.len(), COOKIES);
    assert_eq!(jar.field(&secure, NOW).as_deref(), Some("first=v"));
    let mut jar = Jar::default();
    for n in 0..COOKIES_OF_A_HOST {
        jar.store(&secure, format!("n{n}=v; Secure").as_bytes(), NOW);
    }
    jar.store(&plain, b"plain=v", NOW);
    jar.store(&secure, b"last=v; Secure", NOW);
    let field = jar.field(&secure, NOW).unwrap();
    assert!(
        field.starts_with("n1=v;") && !field.contains("plain"),
        "{field}"
    );
    assert!(field.ends_with("; last=v"), "{field}");
}

#[test]
fn there_is_a_limit_and_the_oldest_goes() {
    let (mut jar, here) = (Jar::default(), url("http://a.example/"));
    for n in 0..COOKIES_OF_A_HOST + 2 {
        jar.store(&here, format!("n{n}=v").as_bytes(), NOW);
    }
    let field = jar.field(&here, NOW).unwrap();
    assert_eq!(field.matches('=').count(), COOKIES_OF_A_HOST);
    assert!(field.starts_with("n2=v;"));
    let mut jar = Jar::default();
    for n in 0..COOKIES + 1 {
        jar.store(&url(&format!("http://h{n}.example/")), b"n=v", NOW);
    }
    assert_eq!(jar.cookies.len(), COOKIES);
}

#[test]
fn a_jar_goes_to_a_file_and_back() {
    let mut jar = Jar::default();
    let here = url("https://a.example/x/");
    for field in [
        "a=1",
        "b=2; Domain=a.example; HttpOnly; Max-Age=60",
        "c=3; Secure; Path=/",
    ] {
        jar.store(&here, field.as_bytes(), NOW);
    }
    // RFC 6265bis lets tabs pass; in a file they would end the column.
    let mut with_tabs = jar.clone();
    for field in ["d\t=4", "e=\"5\t5\"", "f=6; Path=/\tx"] {
        with_tabs.store(&here, field.as_bytes(), NOW);
    }
    let text = jar.to_text();
    assert_eq!(with_tabs.to_text().lines().count(), 5, "but for those");
    assert!(with_tabs.to_text().contains("\td\t4\n"), "trimmed");
    assert_eq!(
        text,
        "# Netscape HTTP Cookie File\na.example\tFALSE\t/x\tFALSE\t0\ta\t1\n\
         #HttpOnly_.a.example\tTRUE\t/x\tFALSE\t1700000060\tb\t2\na.example\tFALSE\t/\tTRUE\t0\tc\t3\n"
    );
    let mut again = Jar::default();
    again.add_text(&text, NOW);
    assert_eq!(again.cookies, jar.cookies);
    again.add_text("rubbish\n\n\t\t\t\na\tb\tc\td\te\tf\tg\n", NOW);
    assert_eq!(again.cookies, jar.cookies);
    // No server can have set these; one of them in a field, and no cookie went out.
    for (name, value) in [("d\x11", "4"), ("d", "\x7f"), ("d", "4; e=5"), ("d=", "4")] {
        let line = format!("a.example\tFALSE\t/\tFALSE\t0\t{name}\t{value}\n");
        again.add_text(&line, NOW);
        assert_eq!(again.cookies, jar.cookies, "{line:?}");
    }
    // Written again, this would be a remark.
    again.add_text(".#a.example\tFALSE\t/\tFALSE\t0\td\t4\n", NOW);
    assert_eq!(again.cookies, jar.cookies);
}
