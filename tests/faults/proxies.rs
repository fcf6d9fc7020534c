//! Proxies that refuse, or make no sense. Each is asked with a user name and password, which no line may show.

use std::net::SocketAddr;

use bed::Refusing;
use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::Promise;
use evhttp::{Body, Client, Proxies};

use super::row::{Row, Told, row, told};

fn through(scheme: &str, proxy: SocketAddr, url: &str) -> Told {
    let proxies = Proxies::all(format!("{scheme}://me:secret@{proxy}").parse().unwrap());
    let client = Client::builder().proxies(proxies).build();
    let told = told(client.fetch(url)).naming(proxy, "PROXY");
    assert!(!told.line.contains("secret"), "{}", told.line);
    told
}

/// An HTTP proxy that says this when it is asked for a tunnel.
fn tunnel(answer: &str) -> Told {
    let raw = Raw::serve(vec![Step::ReadHead, send(answer), Step::Close]);
    through("http", raw.address(), "https://a.example/")
}

/// A SOCKS proxy that says these bytes and waits for the client to hang up.
fn socks(scheme: &str, answer: &[u8]) -> Told {
    let raw = Raw::serve(vec![Step::Read(1), Step::Send(answer.into())]);
    through(scheme, raw.address(), "http://a.example/")
}

/// One that hangs up after the first byte of its second answer. Unread bytes would make that a reset.
fn socks_cut() -> Told {
    let (first, second) = (Step::Send(vec![5, 0]), Step::Send(vec![5]));
    let raw = Raw::serve(vec![
        Step::Read(1),
        first,
        Step::Read(1),
        second,
        Step::Close,
    ]);
    through("socks5h", raw.address(), "http://a.example/")
}

fn nobody(scheme: &str) -> Told {
    let refusing = Refusing::tcp();
    through(scheme, refusing.address(), "https://a.example/")
}

const BASIC: &str =
    "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0\r\n\r\n";

/// A stream for a server behind a proxy that asks for a password when it has come.
fn once() -> Told {
    let raw = Raw::answer(BASIC);
    let proxies = Proxies::all(
        format!("http://me:secret@{}", raw.address())
            .parse()
            .unwrap(),
    );
    let client = Client::builder().proxies(proxies).build();
    let mut pieces = vec![Bytes::from("once")];
    let body = Body::from_fn(Some(4), move || Promise::ready(pieces.pop()));
    told(client.post("http://a.example/").body(body).send())
}

pub(crate) const ROWS: &[Row] = &[
    row(
        "the proxy's challenge (407) wants a stream again",
        "BodyNotReplayable",
        "head http://a.example/: the answer to a proxy's 407 needs the body a second time, but it is a stream that can be read once",
        once,
    ),
    row(
        "the proxy does not listen",
        "Io",
        "connect a.example:443 through http://PROXY: Connection refused (os error 111)",
        || nobody("http"),
    ),
    row(
        "the SOCKS proxy does not listen",
        "Io",
        "connect a.example:443 through socks5h://PROXY: Connection refused (os error 111)",
        || nobody("socks5h"),
    ),
    row(
        "the proxy forbids the tunnel",
        "Proxy",
        "connect a.example:443 through http://PROXY: the proxy answered 403 Forbidden",
        || tunnel("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
    ),
    row(
        "the proxy does not reach the server",
        "Proxy",
        "connect a.example:443 through http://PROXY: the proxy answered 502 Bad Gateway",
        || tunnel("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"),
    ),
    row(
        "the proxy takes no password it is shown",
        "Proxy",
        "connect a.example:443 through http://PROXY: the proxy refused the user name and password (407)",
        || tunnel(BASIC),
    ),
    row(
        "the proxy asks (407) and names no way",
        "Proxy",
        "connect a.example:443 through http://PROXY: the proxy asks for credentials in no way known here (407)",
        || tunnel("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"),
    ),
    row(
        "bytes of the tunnel come with the proxy's answer",
        "Proxy",
        "connect a.example:443 through http://PROXY: the proxy sent more than its answer",
        || tunnel("HTTP/1.1 200 OK\r\n\r\nhello"),
    ),
    row(
        "the proxy speaks no HTTP",
        "Protocol(BadStatusLine)",
        "connect a.example:443 through http://PROXY: the response does not begin with an HTTP/1.x status line",
        || tunnel("nonsense\r\n\r\n"),
    ),
    row(
        "the proxy closes without an answer",
        "Proxy",
        "connect a.example:443 through http://PROXY: the proxy closed the connection without an answer",
        || tunnel(""),
    ),
    row(
        "the proxy closes in the middle of its answer",
        "Protocol(TruncatedHead)",
        "connect a.example:443 through http://PROXY: the peer closed the connection within a head, after 14 bytes of it",
        || tunnel("HTTP/1.1 200 O"),
    ),
    row(
        "a SOCKS proxy that speaks something else",
        "Proxy",
        "connect a.example:80 through socks5h://PROXY: the proxy does not speak SOCKS 5",
        || socks("socks5h", b"HT"),
    ),
    row(
        "a SOCKS proxy that takes no passwords",
        "Proxy",
        "connect a.example:80 through socks5h://PROXY: the proxy takes no user name and password",
        || socks("socks5h", &[5, 255]),
    ),
    row(
        "a SOCKS proxy that refuses the password",
        "Proxy",
        "connect a.example:80 through socks5h://PROXY: the proxy refused the user name and password",
        || socks("socks5h", &[5, 2, 1, 1]),
    ),
    row(
        "a SOCKS proxy whose rules forbid it",
        "Proxy",
        "connect a.example:80 through socks5h://PROXY: the proxy refused: not allowed",
        || socks("socks5h", &[5, 0, 5, 2, 0, 1]),
    ),
    row(
        "a SOCKS proxy that does not reach the server",
        "Proxy",
        "connect a.example:80 through socks5h://PROXY: the proxy refused: host unreachable",
        || socks("socks5h", &[5, 0, 5, 4, 0, 1]),
    ),
    row(
        "a SOCKS proxy whose answer makes no sense",
        "Proxy",
        "connect a.example:80 through socks5h://PROXY: the proxy's answer makes no sense",
        || socks("socks5h", &[5, 0, 5, 0, 0, 9]),
    ),
    row(
        "a SOCKS proxy that closes in the middle",
        "Proxy",
        "connect a.example:80 through socks5h://PROXY: the proxy closed the connection without an answer",
        socks_cut,
    ),
    row(
        "a SOCKS 4 proxy that refuses",
        "Proxy",
        "connect a.example:80 through socks4a://PROXY: the proxy refused, or could not connect",
        || socks("socks4a", &[0, 91, 0, 0, 0, 0, 0, 0]),
    ),
];
