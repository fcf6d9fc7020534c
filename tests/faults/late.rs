//! Peers that stop: each step's limit, the stall limit and the deadline name the step that was waited for.

use std::time::Duration;

use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::{Promise, ms, sleep};
use evhttp::evtls::Connector;
use evhttp::{Body, CHUNK, Phase, Request, SENT, get, post};

use super::row::{Row, Told, row, told, told_by};
use super::still::Still;

const LONG: Duration = Duration::from_secs(60);

fn after(says: &str, limit: fn(Request) -> Request) -> Told {
    told_by(
        vec![Step::ReadHead, send(says), Step::Pause(LONG)],
        |request| limit(request).send(),
    )
}

fn look_up() -> Told {
    let never = get("http://a.example/").resolver(|_| sleep(LONG).then(|()| Vec::new()));
    told(never.time_limit(Phase::Resolve, ms(100)).send())
}

fn handshake() -> Told {
    let raw = Raw::serve(vec![Step::Pause(LONG)]);
    let tls = Connector::builder()
        .only_own_roots()
        .root_certificates(bed::Authority::new().pem());
    let call = get(format!("https://{}/", raw.address())).tls(tls.build().unwrap());
    told(call.time_limit(Phase::Secure, ms(100)).send()).naming(raw.address(), "SERVER")
}

/// Endless content, in whose sending the limit falls.
fn sending() -> Told {
    let raw = Raw::serve(vec![Step::ReadHead, Step::Pause(LONG)]);
    let piece = Bytes::from(vec![0; 1 << 20]);
    let body = Body::from_fn(None, move || Promise::ready(Some(piece.clone())));
    let call = post(raw.url("/"))
        .body(body)
        .time_limit(Phase::Send, ms(200));
    told(call.send()).naming(raw.address(), "SERVER")
}

/// The call's own password is not shown.
fn signed() -> Told {
    let raw = Raw::serve(vec![Step::ReadHead, Step::Pause(LONG)]);
    let url = raw.url("/").replace("http://", "http://me:secret@");
    let still = Still::new();
    let late = still.late_after(SENT, ms(100), get(url).deadline(ms(100)).send());
    Told::from(late).naming(raw.address(), "SERVER")
}

/// Says this, and nothing more when 200 ms go by after that.
fn in_a_body(says: &str, limit: fn(Request) -> Request) -> Told {
    let raw = Raw::serve(vec![Step::ReadHead, send(says), Step::Pause(LONG)]);
    let still = Still::new();
    let late = still.late_after(CHUNK, ms(200), limit(get(raw.url("/"))).send());
    Told::from(late).naming(raw.address(), "SERVER")
}

const FIVE_OF_TEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf.";

pub(crate) const ROWS: &[Row] = &[
    row(
        "the look-up takes too long",
        "TimedOut",
        "resolve a.example:80: timed out after 100ms",
        look_up,
    ),
    row(
        "the handshake takes too long",
        "TimedOut",
        "secure SERVER: timed out after 100ms",
        handshake,
    ),
    row(
        "the peer does not take the request in time",
        "TimedOut",
        "send http://SERVER/: timed out after 200ms",
        sending,
    ),
    row(
        "no head comes in time",
        "TimedOut",
        "head http://SERVER/: timed out after 100ms",
        || after("", |r| r.time_limit(Phase::Head, ms(100))),
    ),
    row(
        "half a head comes in time",
        "TimedOut",
        "head http://SERVER/: timed out after 100ms",
        || after("HTTP/1.1 2", |r| r.time_limit(Phase::Head, ms(100))),
    ),
    row(
        "the body takes too long",
        "TimedOut",
        "body http://SERVER/, 5 of 10 bytes received: timed out after 100ms",
        || after(FIVE_OF_TEN, |r| r.time_limit(Phase::Body, ms(100))),
    ),
    row(
        "nothing moves any more",
        "TimedOut",
        "body http://SERVER/, 5 of 10 bytes received: timed out after 200ms",
        || in_a_body(FIVE_OF_TEN, |r| r.stall_limit(ms(200))),
    ),
    row(
        "the deadline passes before the head",
        "TimedOut",
        "head http://SERVER/: timed out after 100ms",
        signed,
    ),
    row(
        "the deadline passes in a body",
        "TimedOut",
        "body http://SERVER/, 5 of 10 bytes received: timed out after 200ms",
        || in_a_body(FIVE_OF_TEN, |r| r.deadline(ms(200))),
    ),
    row(
        "the deadline passes in a body until the end",
        "TimedOut",
        "body http://SERVER/, 5 bytes received: timed out after 200ms",
        || in_a_body("HTTP/1.1 200 OK\r\n\r\nhalf.", |r| r.deadline(ms(200))),
    ),
];
