//! Answers that want the call sent again: where that must not be, or can't.

use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::Promise;
use evhttp::{Body, Client, Credentials, Request, get, post};

use super::row::{Row, Told, row, told, told_by};

fn redirected(status: &str, location: &str) -> Told {
    let answer = format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let rounds = [Step::ReadHead, send(&answer)];
    told_by(
        rounds.iter().cycle().take(100).cloned().collect(),
        Request::send,
    )
}

fn few() -> Told {
    let raw = Raw::answer("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    told(get(raw.url("/")).redirects(2).send()).naming(raw.address(), "SERVER")
}

/// A body that can be had once, and an answer that wants it again.
fn once(answer: &str, change: fn(Request) -> Request) -> Told {
    let raw = Raw::answer(answer);
    let mut pieces = vec![Bytes::from("once")];
    let body = Body::from_fn(Some(4), move || Promise::ready(pieces.pop()));
    told(change(post(raw.url("/")).body(body)).send()).naming(raw.address(), "SERVER")
}

/// The same on a kept connection that ends when it is used.
fn once_too_late() -> Told {
    let raw = Raw::serve(vec![
        Step::ReadHead,
        send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Step::ReadHead,
        Step::Close,
    ]);
    let client = Client::new();
    told(client.fetch(raw.url("/")));
    let mut pieces = vec![Bytes::from("once")];
    let body = Body::from_fn(Some(4), move || Promise::ready(pieces.pop()));
    told(client.put(raw.url("/")).body(body).send()).naming(raw.address(), "SERVER")
}

fn as_me(request: Request) -> Request {
    request.credentials("me", "secret")
}

/// Unasked, the server would be asked before the stream is read, and the stream be there for the second sending.
fn as_me_at_once(request: Request) -> Request {
    as_me(request).expect_continue(false)
}

/// Asks for Digest, and answers who has been asked with this field, if any.
fn mutual(info: &str) -> Told {
    let ask = "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=r, nonce=n, qop=auth\r\nContent-Length: 0\r\n\r\n";
    let answer = format!("HTTP/1.1 200 OK\r\n{info}Content-Length: 0\r\n\r\n");
    let raw = Raw::serve(vec![
        Step::ReadHead,
        send(ask),
        Step::ReadHead,
        send(&answer),
    ]);
    let me = Credentials::password("me", "secret").mutual(true);
    let client = Client::builder().credentials_for(raw.url("/"), me).build();
    told(client.fetch(raw.url("/"))).naming(raw.address(), "SERVER")
}

/// A challenge that is never content is an answer like any other.
fn never_content() -> Told {
    let answer =
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 2\r\n\r\nno";
    told(as_me(get(Raw::answer(answer).url("/"))).send())
}

pub(crate) const ROWS: &[Row] = &[
    row(
        "redirects in a circle",
        "TooManyRedirects",
        "head http://SERVER/again: more than 20 redirects",
        || redirected("302 Found", "/again"),
    ),
    row(
        "more redirects than the caller wants",
        "TooManyRedirects",
        "head http://SERVER/again: more than 2 redirects",
        few,
    ),
    row(
        "a redirect to no URL",
        "Redirect",
        "head http://SERVER/: the redirect is not followed: \"http://[::1\" is not a URL: invalid IPv6 address",
        || redirected("302 Found", "http://[::1"),
    ),
    row(
        "a redirect to another scheme",
        "Redirect",
        "head http://SERVER/: the redirect is not followed: it leads to the scheme \"ftp\"",
        || redirected("302 Found", "ftp://a.example/"),
    ),
    row(
        "a redirect (307) that wants a stream again",
        "BodyNotReplayable",
        "head http://SERVER/: a redirect with status 307 needs the body a second time, but it is a stream that can be read once",
        || {
            once(
                "HTTP/1.1 307 T\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n",
                |request| request,
            )
        },
    ),
    row(
        "a redirect (308) that wants a stream again",
        "BodyNotReplayable",
        "head http://SERVER/: a redirect with status 308 needs the body a second time, but it is a stream that can be read once",
        || {
            once(
                "HTTP/1.1 308 P\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n",
                |request| request,
            )
        },
    ),
    row(
        "a kept connection that ends and wants a stream again",
        "BodyNotReplayable",
        "head http://SERVER/: a new connection for one that had been closed needs the body a second time, but it is a stream that can be read once",
        once_too_late,
    ),
    row(
        "a challenge (401) that wants a stream again",
        "BodyNotReplayable",
        "head http://SERVER/: the answer to a 401 needs the body a second time, but it is a stream that can be read once",
        || {
            once(
                "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\n\r\n",
                as_me_at_once,
            )
        },
    ),
    row(
        "a server that is to prove that it knows the password, and does not",
        "Unproven",
        "head http://SERVER/: the server does not prove that it knows the password",
        || mutual(""),
    ),
    row(
        "the same with a wrong proof",
        "Unproven",
        "head http://SERVER/: the server's proof that it knows the password is wrong",
        || mutual("Authentication-Info: rspauth=\"0123456789abcdef0123456789abcdef\"\r\n"),
    ),
    row(
        "a password that is refused: the 401 is the answer",
        "answer",
        "401 no",
        never_content,
    ),
];
