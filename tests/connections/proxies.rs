//! What proxies are asked, what they are told, and how their refusals read. Real ones are in `peers_proxies.rs`.

use bed::Raw;
use bed::raw::{Step, send};
use evcore::run;
use evhttp::{Client, Proxies};

use crate::{LIMIT, OK};

fn through(scheme: &str, raw: &Raw) -> Client {
    let proxy = format!("{scheme}://me:secret@{}", raw.address());
    Client::builder()
        .proxies(Proxies::all(proxy.parse().unwrap()))
        .build()
}

#[test]
fn a_proxy_is_asked_for_the_whole_url() {
    let raw = Raw::answer(OK);
    let client = through("http", &raw);
    run(client.fetch("http://a.example:81/x?y#z")).unwrap();
    let head = raw.seen()[0].text();
    assert!(
        head.starts_with("GET http://a.example:81/x?y HTTP/1.1\r\nhost: a.example:81\r\n"),
        "{head}"
    );
    assert!(!head.contains("authorization"), "nobody has asked: {head}");
}

#[test]
fn a_407_is_answered_before_anybody_sees_it() {
    let refusal =
        "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 2\r\n\r\nno";
    let raw = Raw::serve_each(vec![
        vec![Step::ReadHead, send(refusal)],
        vec![Step::ReadHead, send(OK), Step::ReadHead, send(OK)],
    ]);
    let client = through("http", &raw);
    let (statuses, add) = crate::listing();
    let page = client
        .fetch("http://a.example/")
        .on(evhttp::HEAD, move |head| add(&head.status.as_u16()));
    assert_eq!(run(page).unwrap().text().unwrap(), "ok");
    assert_eq!(*statuses.borrow(), [200]);
    run(client.fetch("http://a.example/")).unwrap();
    let second = raw.seen()[1].text();
    // me:secret, also shown unasked from then on.
    assert_eq!(
        second
            .matches("proxy-authorization: Basic bWU6c2VjcmV0\r\n")
            .count(),
        2,
        "{second}"
    );
}

#[test]
fn refusals_are_one_line_without_secrets() {
    let line = |scheme: &str, url: &str, script: Vec<Step>| {
        let raw = Raw::serve(script);
        let error = run(through(scheme, &raw).get(url).deadline(LIMIT).send()).unwrap_err();
        let line = error.to_string();
        assert!(!line.contains("secret"), "{line}");
        let place = format!(" through {scheme}://{}", raw.address());
        assert!(line.contains(&place), "{line}");
        line.replace(&place, "")
    };
    let connect = |answer: &str| {
        let script = vec![Step::ReadHead, send(answer), Step::Close];
        line("http", "https://a.example/", script)
    };
    let early = "HTTP/1.1 200 OK\r\n\r\nhello";
    let table = [
        (
            connect("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
            "the proxy answered 403 Forbidden",
        ),
        (
            connect("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"),
            "the proxy asks for credentials in no way known here (407)",
        ),
        (connect(early), "the proxy sent more than its answer"),
        (
            connect("nonsense\r\n\r\n"),
            "the response does not begin with an HTTP version",
        ),
        (
            connect(""),
            "the proxy closed the connection without an answer",
        ),
    ];
    for (line, cause) in table {
        let expected = "connect a.example:443: ";
        assert!(line.starts_with(expected), "{line}");
        if !cause.contains("HTTP version") {
            assert_eq!(line, format!("{expected}{cause}"));
        }
    }
    let socks = |answer: &[u8]| {
        let script = vec![Step::Read(1), Step::Send(answer.to_vec()), Step::Close];
        line("socks5h", "http://a.example/", script)
    };
    let said = |cause: &str| format!("connect a.example:80: {cause}");
    assert_eq!(socks(b"HT"), said("the proxy does not speak SOCKS 5"));
    assert_eq!(
        socks(&[5, 255]),
        said("the proxy takes no user name and password")
    );
    assert_eq!(
        socks(&[5, 2, 1, 1]),
        said("the proxy refused the user name and password")
    );
    assert_eq!(
        socks(&[5, 0, 5, 4, 0, 1]),
        said("the proxy refused: host unreachable")
    );
    assert_eq!(
        socks(&[5, 0, 5, 0, 0, 9]),
        said("the proxy's answer makes no sense")
    );
}

#[test]
fn proxies_and_their_credentials_are_part_of_the_key() {
    let raw = Raw::answer(OK);
    let client = Client::new();
    let connections = |proxy: &str| {
        let proxies = match proxy {
            "" => Proxies::none(),
            proxy => Proxies::all(format!("http://{proxy}{}", raw.address()).parse().unwrap()),
        };
        // The server takes a whole URL as well as a path.
        let url = raw.url("/");
        run(client.get(url).proxies(proxies).send()).unwrap();
        raw.seen().len()
    };
    assert_eq!([connections(""), connections("")], [1, 1]);
    assert_eq!([connections("me:one@"), connections("me:one@")], [2, 2]);
    assert_eq!([connections("me:two@"), connections("")], [3, 3]);
    assert_eq!(connections("me:one@"), 3);
}

#[test]
fn a_change_of_protocol_goes_through_a_tunnel() {
    let opened = send("HTTP/1.1 200 Go on\r\n\r\n");
    let agreed = send("HTTP/1.1 101 Switching\r\nUpgrade: chat\r\n\r\nhello");
    let raw = Raw::serve_each(vec![
        vec![
            Step::ReadHead,
            opened,
            Step::ReadHead,
            send(OK),
            Step::ReadHead,
            agreed,
        ],
        vec![Step::ReadHead, send(OK)],
    ]);
    let client = through("http", &raw);
    let request = || client.get("http://a.example/x").upgrade("chat");
    let asked = || run(request().deadline(LIMIT).send()).unwrap();
    // Refused, the tunnel is kept for who wants just such a one, and nobody else.
    assert_eq!(asked().text().unwrap(), "ok");
    run(client.fetch("http://a.example/")).unwrap();
    let stream = asked().upgrade().unwrap();
    assert_eq!(run(stream.read(100)).unwrap(), b"hello");
    let seen = raw.seen();
    let heads: Vec<String> = seen[0]
        .text()
        .split("\r\n\r\n")
        .map(str::to_owned)
        .collect();
    assert_eq!(
        heads[0],
        "CONNECT a.example:80 HTTP/1.1\r\nhost: a.example:80"
    );
    for head in &heads[1..3] {
        assert!(
            head.starts_with("GET /x HTTP/1.1\r\nhost: a.example\r\n"),
            "{head}"
        );
        assert!(
            head.contains("\r\nupgrade: chat\r\n") && head.ends_with("\r\nconnection: upgrade"),
            "{head}"
        );
    }
    let plain = seen[1].text();
    assert!(
        plain.starts_with("GET http://a.example/ HTTP/1.1\r\n"),
        "{plain}"
    );
}
