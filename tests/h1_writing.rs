//! What the HTTP/1.1 codec writes, from both sides, and what it refuses to write: framing that follows from the message,
//! no way to end a line early, no body longer or shorter than announced.

use bytes::BytesMut;
use evhttp::h1::{
    BodyLength, ClientExchange, CloseReason, Event, Fault, FaultKind, Framing, Limits,
    ServerExchange, Verdict,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

type Fields = &'static [(&'static str, &'static str)];

/// A server's exchange that has read `text`.
fn asked(text: &str) -> ServerExchange {
    let mut exchange = ServerExchange::new(Limits::default());
    let mut input = BytesMut::from(text);
    while !matches!(exchange.next(&mut input).unwrap(), Event::NeedInput) {}
    exchange
}

fn kind<T: std::fmt::Debug>(outcome: Result<T, Fault>) -> FaultKind {
    outcome.unwrap_err().kind()
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\n\r\n";
const KEPT: &str = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
const TUNNEL: &str = "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n";
const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";

#[test]
#[rustfmt::skip] // one row a line
fn responses_are_framed_for_their_request() {
    use BodyLength::{Known, None as Empty, Unknown};
    let keep = Verdict::Keep;
    let close = |reason| Verdict::Close(reason);
    let rows = [
        (GET, 200, Empty, Framing::None, "content-length: 0\r\n", keep),
        (GET, 200, Known(5), Framing::Fixed(5), "content-length: 5\r\n", keep),
        (GET, 200, Unknown, Framing::Chunked, "transfer-encoding: chunked\r\n", keep),
        (GET, 204, Empty, Framing::None, "", keep),
        (GET, 205, Empty, Framing::None, "content-length: 0\r\n", keep),
        (GET, 304, Empty, Framing::None, "", keep),
        (GET, 304, Known(5), Framing::None, "content-length: 5\r\n", keep),
        (HEAD, 200, Empty, Framing::None, "", keep),
        (HEAD, 200, Known(5), Framing::None, "content-length: 5\r\n", keep),
        (HEAD, 200, Unknown, Framing::None, "", keep),
        (OLD, 200, Known(5), Framing::Fixed(5), "content-length: 5\r\nconnection: close\r\n", close(CloseReason::OldVersion)),
        (OLD, 200, Unknown, Framing::UntilClose, "connection: close\r\n", close(CloseReason::OldVersion)),
        (KEPT, 200, Known(5), Framing::Fixed(5), "content-length: 5\r\nconnection: keep-alive\r\n", keep),
        (KEPT, 200, Unknown, Framing::UntilClose, "connection: close\r\n", close(CloseReason::UntilClose)),
        (TUNNEL, 200, Empty, Framing::Switched, "", close(CloseReason::Switched)),
        (TUNNEL, 403, Known(5), Framing::Fixed(5), "content-length: 5\r\n", keep),
        (UPGRADE, 101, Empty, Framing::Switched, "", close(CloseReason::Switched)),
        (UPGRADE, 200, Known(5), Framing::Fixed(5), "content-length: 5\r\n", keep),
    ];
    for (request, status, body, framing, fields, verdict) in rows {
        let row = format!("{request:?} {status} {body:?}");
        let mut exchange = asked(request);
        let mut out = BytesMut::new();
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(exchange.write_head(status, None, body, &mut out).unwrap(), framing, "{row}");
        let line = format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap());
        assert_eq!(out, format!("{line}{fields}\r\n"), "{row}");
        if !matches!(framing, Framing::None | Framing::Switched) {
            exchange.write_piece(b"hello", &mut out).unwrap();
        } else {
            assert_eq!(kind(exchange.write_piece(b"hello", &mut out)), FaultKind::BodyNotAllowed, "{row}");
        }
        exchange.write_end(None, &mut out).unwrap();
        assert_eq!((exchange.verdict(), exchange.upgraded()), (verdict, framing == Framing::Switched), "{row}");
        assert_eq!(exchange.restart(), verdict);
    }
}

#[test]
#[rustfmt::skip] // one row a line
fn servers_cannot_write_nonsense() {
    use BodyLength::{Known, None as Empty, Unknown};
    use FaultKind::*;
    let rows: [(&str, u16, BodyLength, Fields, FaultKind); 13] = [
        (GET, 100, Empty, &[], BadStatus),
        (GET, 101, Empty, &[], BadStatus),
        (GET, 600, Empty, &[], BadStatus),
        (UPGRADE, 101, Known(5), &[], BodyNotAllowed),
        (GET, 204, Known(5), &[], BodyNotAllowed),
        (GET, 204, Unknown, &[], BodyNotAllowed),
        (GET, 205, Unknown, &[], BodyNotAllowed),
        (TUNNEL, 200, Known(5), &[], BodyNotAllowed),
        (GET, 200, Known(5), &[("content-length", "6")], ConflictingFraming),
        (GET, 200, Unknown, &[("content-length", "6")], ConflictingFraming),
        (GET, 200, Known(5), &[("transfer-encoding", "chunked")], ConflictingFraming),
        (GET, 200, Unknown, &[("transfer-encoding", "gzip")], UnsupportedTransferCoding),
        (GET, 200, Known(5), &[("content-length", "5"), ("content-length", "x")], BadContentLength),
    ];
    for (request, status, body, fields, fault) in rows {
        let mut exchange = asked(request);
        let mut out = BytesMut::from("before");
        let status = StatusCode::from_u16(status).unwrap();
        let outcome = exchange.write_head(status, &headers(fields), body, &mut out);
        assert_eq!(kind(outcome), fault, "{request:?} {status} {body:?} {fields:?}");
        assert_eq!(out, "before", "nothing is left behind");
        exchange.write_head(StatusCode::OK, None, Empty, &mut out).unwrap();
        assert_eq!(kind(exchange.write_head(StatusCode::OK, None, Empty, &mut out)), OutOfOrder);
    }
}

fn headers(fields: Fields) -> HeaderMap {
    let line = |(name, value): &(&str, &str)| {
        (
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    fields
        .iter()
        .map(line)
        .fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
}

#[test]
#[rustfmt::skip] // one row a line
fn clients_cannot_write_nonsense() {
    use BodyLength::{Known, None as Empty, Unknown};
    use FaultKind::*;
    let rows: [(&str, &str, Fields, BodyLength, FaultKind); 17] = [
        ("GET", "", &[("host", "a")], Empty, BadTarget),
        ("GET", "/ HTTP/1.1\r\nX: y", &[("host", "a")], Empty, BadTarget),
        ("GET", "/a b", &[("host", "a")], Empty, BadTarget),
        ("GET", "/a\0", &[("host", "a")], Empty, BadTarget),
        ("GET", "/#a", &[("host", "a")], Empty, BadTarget),
        ("GET", "/\u{e9}", &[("host", "a")], Empty, BadTarget),
        ("GET", "*", &[("host", "a")], Empty, BadTarget),
        ("CONNECT", "/", &[("host", "a")], Empty, BadTarget),
        ("GET", "/", &[], Empty, MissingHost),
        ("GET", "/", &[("host", "a"), ("host", "a")], Empty, ManyHosts),
        ("GET", "/", &[("host", "a b")], Empty, BadHost),
        ("POST", "/", &[("host", "a"), ("content-length", "6")], Known(5), ConflictingFraming),
        ("POST", "/", &[("host", "a"), ("content-length", "5")], Empty, ConflictingFraming),
        ("POST", "/", &[("host", "a"), ("content-length", "5")], Unknown, ConflictingFraming),
        ("POST", "/", &[("host", "a"), ("transfer-encoding", "chunked")], Known(5), ConflictingFraming),
        ("TRACE", "/", &[("host", "a")], Known(5), BodyNotAllowed),
        ("CONNECT", "a:1", &[("host", "a")], Unknown, BodyNotAllowed),
    ];
    for (method, target, fields, body, fault) in rows {
        let mut exchange = ClientExchange::new(Limits::default());
        let mut out = BytesMut::from("before");
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let outcome = exchange.write_head(&method, target, &headers(fields), body, &mut out);
        assert_eq!(kind(outcome), fault, "{method} {target:?} {fields:?} {body:?}");
        assert_eq!(out, "before", "nothing is left behind");
    }
}

#[test]
#[rustfmt::skip] // one row a line
fn requests_are_framed() {
    use BodyLength::{Known, None as Empty, Unknown};
    let rows = [
        ("GET", Empty, "", ""),
        ("GET", Known(0), "", ""),
        ("GET", Known(5), "content-length: 5\r\n", "hello"),
        ("POST", Empty, "content-length: 0\r\n", ""),
        ("PUT", Known(0), "content-length: 0\r\n", ""),
        ("PATCH", Known(5), "content-length: 5\r\n", "hello"),
        ("POST", Unknown, "transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("DELETE", Empty, "", ""),
    ];
    for (method, body, field, rest) in rows {
        let mut exchange = ClientExchange::new(Limits::default());
        let mut out = BytesMut::new();
        let name = Method::from_bytes(method.as_bytes()).unwrap();
        let framing = exchange.write_head(&name, "/", &headers(&[("host", "a")]), body, &mut out).unwrap();
        if framing != Framing::None {
            let frame = exchange.frame_piece(0).unwrap();
            assert_eq!((frame.prefix(), frame.suffix()), (&b""[..], &b""[..]), "an empty piece ends nothing");
            exchange.write_piece(b"hello", &mut out).unwrap();
        }
        exchange.write_end(None, &mut out).unwrap();
        assert_eq!(out, format!("{method} / HTTP/1.1\r\nhost: a\r\n{field}\r\n{rest}"));
        assert_eq!(kind(exchange.write_end(None, &mut out)), FaultKind::OutOfOrder);
    }
}

#[test]
#[rustfmt::skip] // one row a line
fn bodies_are_as_long_as_announced() {
    let mut exchange = ClientExchange::new(Limits::default());
    let mut out = BytesMut::new();
    assert_eq!(kind(exchange.write_piece(b"x", &mut out)), FaultKind::OutOfOrder);
    let host = headers(&[("host", "a")]);
    exchange.write_head(&Method::POST, "/", &host, BodyLength::Known(5), &mut out).unwrap();
    exchange.write_piece(b"hel", &mut out).unwrap();
    let short = FaultKind::BodyTooShort { written: 3, announced: 5 };
    assert_eq!(kind(exchange.write_end(None, &mut out)), short);
    assert_eq!(kind(exchange.frame_piece(3)), FaultKind::BodyTooLong { announced: 5 });
    assert_eq!(exchange.frame_piece(2).unwrap().prefix(), b"");
    assert_eq!(kind(exchange.write_end(Some(&headers(&[("x", "y")])), &mut out)), FaultKind::ForbiddenField);
    exchange.write_end(None, &mut out).unwrap();
}

#[test]
fn trailers_go_both_ways() {
    let mut exchange = asked(GET);
    let mut out = BytesMut::new();
    exchange
        .write_head(StatusCode::OK, None, BodyLength::Unknown, &mut out)
        .unwrap();
    let forbidden = headers(&[("content-length", "5")]);
    out.clear();
    assert_eq!(
        kind(exchange.write_end(Some(&forbidden), &mut out)),
        FaultKind::ForbiddenField
    );
    assert!(out.is_empty());
    exchange
        .write_end(Some(&headers(&[("digest", "x")])), &mut out)
        .unwrap();
    assert_eq!(out, "0\r\ndigest: x\r\n\r\n");
}

#[test]
#[rustfmt::skip] // one row a line
fn continue_is_asked_for_once() {
    let mut exchange = ServerExchange::new(Limits::default());
    let mut input = BytesMut::from("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
    let mut out = BytesMut::new();
    assert_eq!(kind(exchange.write_continue(&mut out)), FaultKind::OutOfOrder);
    assert!(matches!(exchange.next(&mut input), Ok(Event::Head(_, Framing::Fixed(2)))));
    assert!(exchange.expects_continue());
    assert_eq!(exchange.want(), Some(2));
    exchange.write_informational(StatusCode::EARLY_HINTS, &headers(&[("link", "b")]), &mut out).unwrap();
    assert!(exchange.expects_continue());
    exchange.write_continue(&mut out).unwrap();
    assert_eq!(out, "HTTP/1.1 103 Early Hints\r\nlink: b\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    assert!(!exchange.expects_continue());
    let switching = exchange.write_informational(StatusCode::SWITCHING_PROTOCOLS, None, &mut out);
    assert_eq!(kind(switching), FaultKind::BadStatus);
    for (text, expects) in [
        ("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", false),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n", false),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", true),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nh", false),
    ] {
        assert_eq!(asked(text).expects_continue(), expects, "{text:?}");
    }
}

#[test]
#[rustfmt::skip] // one row a line
fn an_early_answer_closes_unless_the_body_is_read() {
    for (rest, verdict) in [("hel", Verdict::Close(CloseReason::RequestUnfinished)), ("hello", Verdict::Keep)] {
        let mut exchange = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
        let mut out = BytesMut::new();
        exchange.write_head(StatusCode::FORBIDDEN, None, BodyLength::None, &mut out).unwrap();
        exchange.write_end(None, &mut out).unwrap();
        let mut input = BytesMut::from(rest);
        while !matches!(exchange.next(&mut input).unwrap(), Event::NeedInput) {}
        assert_eq!(exchange.verdict(), verdict);
    }
}

#[test]
#[rustfmt::skip] // one row a line
fn a_close_is_announced_once() {
    let cases: [(Fields, bool, &str); 3] = [(&[], true, "connection: close\r\n"), (&[("connection", "close")], true, ""), (&[("connection", "close")], false, "")];
    for (fields, asks, last) in cases {
        let mut exchange = asked(GET);
        if asks {
            exchange.close_when_done();
        }
        let mut out = BytesMut::new();
        exchange.write_head(StatusCode::OK, &headers(fields), BodyLength::None, &mut out).unwrap();
        exchange.write_end(None, &mut out).unwrap();
        assert!(out.ends_with(format!("content-length: 0\r\n{last}\r\n").as_bytes()), "{out:?}");
        assert_eq!(exchange.verdict(), Verdict::Close(CloseReason::AskedByUs));
    }
}

#[test]
#[rustfmt::skip] // one row a line
fn upgrade_never_goes_without_its_connection_option() {
    // What the caller's fields say, and what the codec adds to them.
    let rows: [(Fields, &str); 4] = [
        (&[("upgrade", "x")], "connection: upgrade\r\n"),
        (&[("connection", "keep-alive"), ("upgrade", "x")], "connection: upgrade\r\n"),
        (&[("connection", "keep-alive, Upgrade"), ("upgrade", "x")], ""),
        (&[("connection", "upgrade")], ""),
    ];
    for (fields, added) in rows {
        let lines: String = headers(fields).iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect();
        let mut out = BytesMut::new();
        let mut client = ClientExchange::new(Limits::default());
        let host = headers(&[("host", "a")]);
        client.write_head(&Method::GET, "/", host.iter().chain(&headers(fields)), BodyLength::None, &mut out).unwrap();
        assert_eq!(out, format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}{added}\r\n"));
        out.clear();
        asked(UPGRADE).write_head(StatusCode::SWITCHING_PROTOCOLS, &headers(fields), BodyLength::None, &mut out).unwrap();
        assert_eq!(out, format!("HTTP/1.1 101 Switching Protocols\r\n{lines}{added}\r\n"));
    }
}

#[test]
#[rustfmt::skip] // one row a line
fn a_server_knows_what_hands_its_connection_over() {
    let unasked = ["Upgrade: x\r\n", "Connection: upgrade\r\n", "Connection: upgrades\r\nUpgrade: x\r\n"];
    let mut rows = unasked.map(|fields| (format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"), 101, false)).to_vec();
    rows.extend([(GET, 101, false), (GET, 200, false), (UPGRADE, 101, true), (UPGRADE, 200, false)].map(|(text, status, does)| (text.to_owned(), status, does)));
    rows.extend([(TUNNEL, 200, true), (TUNNEL, 299, true), (TUNNEL, 300, false), (TUNNEL, 101, false)].map(|(text, status, does)| (text.to_owned(), status, does)));
    rows.push((UPGRADE.replace("1.1", "1.0"), 101, false));
    for (request, status, does) in rows {
        let status = StatusCode::from_u16(status).unwrap();
        let mut server = asked(&request);
        assert_eq!(server.would_switch(status), does, "{request:?} {status}");
        let mut out = BytesMut::new();
        let written = server.write_head(status, None, BodyLength::None, &mut out);
        assert_eq!(written == Ok(Framing::Switched), does, "{request:?} {status}");
    }
    assert!(!ServerExchange::new(Limits::default()).would_switch(StatusCode::OK));
}

#[test]
fn a_server_that_switches_before_the_request_is_written_is_at_fault() {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n";
    for ends in [false, true] {
        let mut client = ClientExchange::new(Limits::default());
        let (mut out, mut input) = (BytesMut::new(), BytesMut::from(answer));
        let fields = headers(&[("host", "a"), ("upgrade", "x")]);
        client
            .write_head(&Method::GET, "/", &fields, BodyLength::Known(4), &mut out)
            .unwrap();
        if ends {
            client.write_piece(b"body", &mut out).unwrap();
            client.write_end(None, &mut out).unwrap();
        }
        match client.next(&mut input) {
            Ok(Event::Head(_, Framing::Switched)) => assert!(ends && client.upgraded()),
            outcome => {
                assert!(!ends);
                assert_eq!(kind(outcome), FaultKind::EarlyUpgrade);
            }
        }
    }
}
