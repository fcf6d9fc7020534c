//! Request targets sent as they were given.

use bed::raw::{Raw, Step, send};
use evcore::run;
use evhttp::http::Method;
use evhttp::{Client, Proxies};

use crate::OK;

fn line(raw: &Raw) -> String {
    let text = raw.seen()[0].text();
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_target_is_sent_as_it_was_given() {
    let table = [
        (
            Method::GET,
            "/a/../b%2f?x=/../y",
            "GET /a/../b%2f?x=/../y HTTP/1.1",
        ),
        (
            Method::GET,
            "//other.example/",
            "GET //other.example/ HTTP/1.1",
        ),
        (Method::OPTIONS, "*", "OPTIONS * HTTP/1.1"),
    ];
    for (method, target, expected) in table {
        let raw = Raw::serve(vec![Step::ReadHead, send(OK)]);
        let call = Client::new()
            .request(method, raw.url("/url"))
            .target(target);
        run(call.send()).unwrap();
        assert_eq!(line(&raw), expected);
        let host = format!("\r\nhost: {}\r\n", raw.address());
        assert!(raw.seen()[0].text().contains(&host));
    }
}

#[test]
fn a_proxy_is_told_the_host_and_the_target() {
    for (method, target, expected) in [
        (
            Method::GET,
            "/a/../b",
            "GET http://a.example/a/../b HTTP/1.1",
        ),
        (Method::OPTIONS, "*", "OPTIONS http://a.example HTTP/1.1"),
    ] {
        let raw = Raw::serve(vec![Step::ReadHead, send(OK)]);
        let proxies = Proxies::all(raw.url("/").parse().unwrap());
        let client = Client::builder().proxies(proxies).build();
        let call = client.request(method, "http://a.example/").target(target);
        run(call.send()).unwrap();
        assert_eq!(line(&raw), expected);
    }
}

#[test]
fn a_redirect_is_asked_for_by_its_own_url() {
    let moved = "HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n";
    let script = vec![Step::ReadHead, send(moved), Step::ReadHead, send(OK)];
    let raw = Raw::serve(script);
    run(Client::new().get(raw.url("/")).target("/a/../b").send()).unwrap();
    let text = raw.seen()[0].text();
    let asked: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("GET"))
        .collect();
    assert_eq!(asked, ["GET /a/../b HTTP/1.1", "GET /new HTTP/1.1"]);
}
