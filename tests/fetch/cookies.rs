//! Cookies and HSTS as a caller sees them.

use bed::raw::{Raw, Step, send};
use evcore::run;
use evhttp::{Client, CookieJar, REDIRECT};

use crate::listing;

fn answers(fields: &[&str]) -> Raw {
    let answer = |fields: &&str| {
        let head = format!("HTTP/1.1 {fields}Content-Length: 2\r\n\r\nok");
        [Step::ReadHead, send(&head)]
    };
    Raw::serve(fields.iter().flat_map(answer).collect())
}

fn cookies(raw: &Raw) -> Vec<Option<String>> {
    let all = raw
        .seen()
        .iter()
        .map(|seen| seen.text())
        .collect::<String>();
    let heads = all.split("\r\n\r\n").filter(|head| !head.is_empty());
    let field = |head: &str| {
        let mut lines = head
            .lines()
            .filter_map(|line| line.strip_prefix("cookie: "));
        lines.next().map(str::to_owned)
    };
    heads.map(field).collect()
}

#[test]
fn cookies_are_kept_and_go_along() {
    let raw = answers(&[
        "302 Go\r\nLocation: /b\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Path=/b\r\n",
        "200 OK\r\nSet-Cookie: a=; Max-Age=0\r\n",
        "200 OK\r\n",
        "200 OK\r\n",
    ]);
    let client = Client::builder().cookies(true).build();
    run(client.fetch(raw.url("/a"))).unwrap();
    run(client.fetch(raw.url("/b/c"))).unwrap();
    run(client.get(raw.url("/b")).header("cookie", "mine=1").send()).unwrap();
    let expected = [None, Some("b=2; a=1"), Some("b=2"), Some("mine=1")];
    assert_eq!(
        cookies(&raw),
        expected.map(|field| field.map(str::to_owned))
    );
}

#[test]
fn no_cookies_unless_wanted() {
    let raw = answers(&["200 OK\r\nSet-Cookie: a=1\r\n", "200 OK\r\n"]);
    let client = Client::new();
    run(client.fetch(raw.url("/"))).unwrap();
    run(client.fetch(raw.url("/"))).unwrap();
    assert_eq!(cookies(&raw), [None, None]);
}

#[test]
fn a_jar_is_shared_saved_and_read() {
    let raw = answers(&["200 OK\r\nSet-Cookie: a=1\r\n", "200 OK\r\n"]);
    let jar = CookieJar::new();
    let first = Client::builder().cookie_jar(jar.clone()).build();
    run(first.fetch(raw.url("/"))).unwrap();
    assert_eq!(jar.get(raw.url("/x")).unwrap().as_deref(), Some("a=1"));
    let second = Client::builder()
        .cookie_jar(CookieJar::from_text(&jar.to_text()))
        .build();
    run(second.fetch(raw.url("/"))).unwrap();
    let raw_cookies = cookies(&raw);
    assert!(raw_cookies.contains(&None), "{raw_cookies:?}");
    assert!(jar.set("nonsense", "a=b").is_err());
}

#[test]
fn a_host_that_wants_https_is_never_asked_by_http() {
    let raw = Raw::serve(vec![
        send("HTTP/1.1 400 No TLS here\r\nContent-Length: 0\r\n\r\n"),
        Step::Close,
    ]);
    let client = Client::builder().https_only("localhost").build();
    let url = raw.url("/x").replace("127.0.0.1", "localhost");
    let (redirects, add) = listing();
    let call = client.fetch(&url).on(REDIRECT, move |told| {
        add(&(told.status, told.to.to_string()))
    });
    // The server speaks no TLS.
    let error = run(call).unwrap_err().to_string();
    assert!(error.starts_with("secure localhost"), "{error}");
    assert_eq!(
        *redirects.borrow(),
        [(None, url.replace("http:", "https:"))]
    );
    assert!(!raw.seen().iter().any(|seen| seen.text().contains("GET /x")));
    assert!(
        run(client.fetch(raw.url("/x"))).is_ok(),
        "an address is no host name"
    );
}
