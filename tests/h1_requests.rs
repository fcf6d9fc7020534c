//! Requests, malformed and well-formed, as tables: each is fed whole, byte by byte and in random pieces, and must come
//! to the stated fault and status, or to the stated events and verdict. The rows are from RFC 9112 and 9110, and from
//! what public parsers check (llhttp, hyper, h11, nginx, Go's net/http) and attackers try.

#[allow(dead_code, reason = "each table uses its half of the bed")]
#[path = "bed/h1.rs"]
mod bed;

use bed::{Heard, hear_in_every_cut, hear_requests};
use bytes::BytesMut;
use evhttp::h1::{BodyLength, CloseReason, FaultKind, Limits, ServerExchange, Verdict};

fn hear(bytes: &[u8]) -> Heard {
    let name = bytes[..bytes.len().min(200)].escape_ascii().to_string();
    hear_in_every_cut(&name, bytes, |pieces| {
        hear_requests(Limits::default(), pieces)
    })
}

fn fails(rows: &[(Vec<u8>, FaultKind)]) {
    for (bytes, fault) in rows {
        let heard = hear(bytes);
        assert_eq!(
            heard.fault,
            Some(*fault),
            "{}: {}",
            bytes[..bytes.len().min(200)].escape_ascii(),
            heard.line
        );
        assert!(
            heard.line.ends_with("; close Broken") || heard.line.ends_with("; close PeerClosed")
        );
    }
}

fn says(rows: &[(&str, &str)]) {
    for (text, line) in rows {
        assert_eq!(hear(text.as_bytes()).line, *line, "{text:?}");
    }
}

fn raw(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    bytes.as_ref().to_vec()
}

/// A POST with a Host and these field lines, each without its CRLF, and an innocent-looking end.
fn with(fields: &[&str]) -> Vec<u8> {
    raw(format!(
        "POST / HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n0\r\n\r\n",
        fields.join("\r\n")
    ))
}

fn chunked(body: impl AsRef<[u8]>) -> Vec<u8> {
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        body.as_ref(),
    ]
    .concat()
}

#[test]
#[rustfmt::skip] // one row a line
fn malformed_request_lines() {
    use FaultKind::*;
    fails(&[
        (raw(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), BareLf),
        (raw("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"), BareCr),
        (raw("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw("GET\r\n\r\n"), BadRequestLine),
        (raw("GET \r\n\r\n"), BadTarget),
        (raw("GET /\r\n"), MissingVersion),
        (raw("GET /\r\n\r\n"), MissingVersion),
        (raw("GET /\n"), MissingVersion),
        (raw("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw("GET / HTTP/1.1\rHost: a\r\n\r\n"), BadRequestLine),
        (raw("GET / HTTP/1.1\nHost: a\n\n"), BareLf),
        (raw("GET / HTTP/1.1\nHost: a\r\n\r\n"), BareLf),
        (raw("GET / HTTP/1.1\r\nHost: a\n\r\n"), BareLf),
        (raw("GET / HTTP/1.1\r\nHost: a\r\n\n"), BareLf),
        (raw("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw("GET /a\x7fb HTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw(b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw("GET /#top HTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw("GET a/b HTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw("GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw("CONNECT a:99999 HTTP/1.1\r\nHost: a\r\n\r\n"), BadTarget),
        (raw("G(T / HTTP/1.1\r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw("G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw("G\u{e9}T / HTTP/1.1\r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), BadRequestLine),
        (raw("HTTP/1.1 200 OK\r\n\r\n"), BadRequestLine),
        (raw("GET / http/1.1\r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw("GET / HTTP /1.1\r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw("GET / HTTPS/1.1\r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw("GET / FTP/1.1\r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw("GET / HTTP/1.10\r\nHost: a\r\n\r\n"), BadRequestLine),
        (raw("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), UnsupportedVersion),
        (raw("GET / HTTP/0.9\r\n\r\n"), UnsupportedVersion),
        (raw("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), UnsupportedVersion),
        (raw("GET / HTTP/01.1\r\nHost: a\r\n\r\n"), UnsupportedVersion),
        (raw("GET / HTTP/1,1\r\nHost: a\r\n\r\n"), UnsupportedVersion),
        (raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Http2Preface),
        (raw(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(17_000))), TargetTooLong),
        (raw(format!("GET /{} HTTP/1.1\r\nHost : a\r\n\r\n", "a".repeat(17_000))), TargetTooLong),
        (raw(format!("GET /{}\0", "a".repeat(17_000))), TargetTooLong),
        (raw(format!("GET /{}", "a".repeat(100_000))), TargetTooLong),
        (raw("A".repeat(100_000)), TargetTooLong),
        (raw("GET / HT"), TruncatedHead { received: 8 }),
        (raw("\r"), TruncatedHead { received: 1 }),
    ]);
}

/// The last that goes through, and the first that does not.
#[test]
fn limits_before_a_request_end_where_they_say() {
    let fault = |bytes: String| {
        let pieces = std::iter::once(bytes.as_bytes());
        hear_requests(Limits::default(), pieces).fault
    };
    // Up to the end of its target.
    let line = |length: usize| {
        let path = "a".repeat(length - "GET /".len());
        format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n")
    };
    assert_eq!(fault(line(16 << 10)), None);
    assert_eq!(fault(line((16 << 10) + 1)), Some(FaultKind::TargetTooLong));
    let empty = |count| "\r\n".repeat(count) + "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(fault(empty(4)), None);
    assert_eq!(fault(empty(5)), Some(FaultKind::BadRequestLine));
}

#[test]
#[rustfmt::skip] // one row a line
fn malformed_fields() {
    use FaultKind::*;
    let many: Vec<_> = (0..100).map(|i| format!("X-{i}: y")).collect();
    let many: Vec<_> = many.iter().map(|line| &line[..]).collect();
    let get = |fields: &str| raw(format!("GET / HTTP/1.1\r\n{fields}\r\n"));
    fails(&[
        (with(&["X : y"]), SpaceBeforeColon),
        (with(&["X\t: y"]), SpaceBeforeColon),
        (with(&["Transfer-Encoding : chunked"]), SpaceBeforeColon),
        (with(&["Content-Length : 5"]), SpaceBeforeColon),
        (get(" Host: a\r\n"), ObsFold),
        (with(&["X: y\r\n z"]), ObsFold),
        (with(&["X: y\r\n\tz"]), ObsFold),
        (with(&["Transfer-Encoding:\r\n chunked"]), ObsFold),
        (with(&["X: y\r\n Content-Length: 5"]), ObsFold),
        (with(&[": y"]), BadHeaderName),
        (with(&["nocolon"]), BadHeaderName),
        (with(&["X\0: y"]), BadHeaderName),
        (with(&["X@: y"]), BadHeaderName),
        (with(&["Transfer\u{2010}Encoding: chunked"]), BadHeaderName),
        (with(&["X: a\0b"]), BadHeaderValue),
        (with(&["X: a\x0bb"]), BadHeaderValue),
        (with(&["X: a\x7f"]), BadHeaderValue),
        (with(&["X: a\rTransfer-Encoding: chunked"]), BareCr),
        (with(&["X: a\nTransfer-Encoding: chunked"]), BareLf),
        (with(&["X: a\r\r\nY: b"]), BareCr),
        (with(&["\rX: y"]), BareCr),
        (with(&many), TooManyHeaders),
        (with(&[&format!("X: {}", "y".repeat(70_000))]), HeadTooLarge),
        (raw(format!("GET / HTTP/1.1\r\nHost: {}", "y".repeat(200_000))), HeadTooLarge),
        (get(""), MissingHost),
        (get("X-Host: a\r\n"), MissingHost),
        (get("Host: a\r\nHost: a\r\n"), ManyHosts),
        (get("Host: a\r\nHost: b\r\n"), ManyHosts),
        (raw("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), ManyHosts),
        (get("Host: a b\r\n"), BadHost),
        (get("Host: a/b\r\n"), BadHost),
        (get("Host: u@a\r\n"), BadHost),
        (get("Host: a?b\r\n"), BadHost),
        (get("Host: a, b\r\n"), BadHost),
        (get("Host: a\\b\r\n"), BadHost),
        (get("Host: \u{e9}\r\n"), BadHost),
        (raw("GET http://a/ HTTP/1.1\r\n\r\n"), MissingHost),
        (raw("GET / HTTP/1.1\r\nHost: a\r\n"), TruncatedHead { received: 25 }),
        (raw("GET / HTTP/1.1\r\nHost: a\r\n\r"), TruncatedHead { received: 26 }),
    ]);
}

#[test]
#[rustfmt::skip] // one row a line
fn malformed_framing() {
    use FaultKind::*;
    let bad_lengths = [
        "+5",
        "-5",
        "0x5",
        "5 5",
        "5a",
        "",
        "1e1",
        "5.0",
        "5;",
        "\"5\"",
        "5,",
        ",5",
        "\u{665}",
        "18446744073709551616",
        "-0",
        "99999999999999999999",
        "5\t5",
        "chunked",
        "5_0",
        "5, x",
    ];
    let rows: Vec<_> = bad_lengths.iter().map(|bad| (with(&[&format!("Content-Length: {bad}")]), BadContentLength)).collect();
    fails(&rows);
    fails(&[
        (with(&["Content-Length: 5, 5"]), RepeatedContentLength),
        (with(&["Content-Length: 5, 6"]), RepeatedContentLength),
        (with(&["Content-Length: 5", "Content-Length: 5"]), RepeatedContentLength),
        (with(&["Content-Length: 0", "Content-Length: 44"]), RepeatedContentLength),
        (with(&["Content-Length: 0", "content-length: x"]), BadContentLength),
        (with(&["Content-Length: 5", "Transfer-Encoding: chunked"]), ConflictingFraming),
        (with(&["Transfer-Encoding: chunked", "Content-Length: 0"]), ConflictingFraming),
        (with(&["Content-Length: x", "Transfer-Encoding: chunked"]), ConflictingFraming),
        (with(&["Content-Length: 5", "Transfer-Encoding: xchunked"]), ConflictingFraming),
        (with(&["Transfer-Encoding: chunked, chunked"]), BadTransferCoding),
        (with(&["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]), BadTransferCoding),
        (with(&["Transfer-Encoding: chunked", "Transfer-Encoding: x"]), BadTransferCoding),
        (with(&["Transfer-Encoding: xchunked"]), BadTransferCoding),
        (with(&["Transfer-Encoding: chunke"]), BadTransferCoding),
        (with(&["Transfer-Encoding: chunkedx"]), BadTransferCoding),
        (with(&["Transfer-Encoding: \"chunked\""]), BadTransferCoding),
        (with(&["Transfer-Encoding: chunked;q=1"]), BadTransferCoding),
        (with(&["Transfer-Encoding: chunked foo"]), BadTransferCoding),
        (with(&["Transfer-Encoding: identity"]), BadTransferCoding),
        (with(&["Transfer-Encoding: gzip"]), BadTransferCoding),
        (with(&["Transfer-Encoding: chunked, gzip"]), BadTransferCoding),
        (with(&["Transfer-Encoding: "]), BadTransferCoding),
        (with(&["Transfer-Encoding: ,chunked"]), BadTransferCoding),
        (with(&["Transfer-Encoding: chunked,"]), BadTransferCoding),
        (with(&["Transfer-Encoding: gzip, chunked"]), UnsupportedTransferCoding),
        (with(&["Transfer-Encoding: identity", "Transfer-Encoding: chunked"]), UnsupportedTransferCoding),
        (with(&["Transfer-Encoding: \x0bchunked"]), BadHeaderValue),
        (with(&["Transfer-Encoding: chunked\0"]), BadHeaderValue),
        (raw("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), TransferCodingInHttp10),
        (raw("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), TransferCodingInHttp10),
        (raw("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\n\r\nhello"), ConflictingFraming),
        (raw("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), ConflictingFraming),
    ]);
}

#[test]
#[rustfmt::skip] // one row a line
fn malformed_bodies() {
    use FaultKind::*;
    let cut = |received, expected| Truncated { received, expected };
    fails(&[
        (chunked("\r\n"), BadChunkSize),
        (chunked("g\r\n"), BadChunkSize),
        (chunked("0x5\r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked("+5\r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked("-1\r\n"), BadChunkSize),
        (chunked(" 5\r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked("5 \r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked("5\t\r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked("0 \r\n\r\n"), BadChunkSize),
        (chunked("5 6\r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked("5_0\r\n"), BadChunkSize),
        (chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked("1\r\nx\r\nffffffffffffffff\r\n"), BodyTooLarge),
        (chunked("5\nhello\n0\n\n"), BareLf),
        (chunked("5;\nhello\r\n0\r\n\r\n"), BareLf),
        (chunked("2;\nxx\r\n4c\r\n0\r\n\r\nGET /admin HTTP/1.1\r\n"), BareLf),
        (chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"), BareCr),
        (chunked("5\r\r\nhello\r\n0\r\n\r\n"), BareCr),
        (chunked("5;a=\"\0\"\r\nhello\r\n0\r\n\r\n"), BadChunkExtension),
        (chunked(format!("5;{}\r\n", "x".repeat(17_000))), ChunkExtensionsTooLarge),
        (chunked("1;x=yyyyyyyyyyyyyyyyyyyyyyy\r\nx\r\n".repeat(1000)), ChunkExtensionsTooLarge),
        (chunked("5\r\nhelloXX0\r\n\r\n"), BadChunkEnd),
        (chunked("5\r\nhello\n0\r\n\r\n"), BadChunkEnd),
        (chunked("5\r\nhello\rX"), BadChunkEnd),
        (chunked("0\r\nX: y\nZ: w\r\n\r\n"), BareLf),
        (chunked("0\r\n\n"), BareLf),
        (chunked("0\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n"), SpaceBeforeColon),
        (chunked("0\r\nX: y\r\n z\r\n\r\n"), ObsFold),
        (chunked(format!("0\r\nX: {}\r\n\r\n", "y".repeat(17_000))), TrailersTooLarge),
        (chunked(format!("0\r\n{}", "X: y\r\n".repeat(101))), TooManyHeaders),
        (chunked("5\r\nhel"), cut(3, None)),
        (chunked("5\r\nhello\r\n0\r\n"), cut(5, None)),
        ([with(&["Content-Length: 99"])].concat(), cut(5, Some(99))),
    ]);
}

#[test]
#[rustfmt::skip] // one row a line
fn faults_have_their_status() {
    let cases = [
        ("GET /\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("PRI * HTTP/2.0\r\n\r\n", 505),
        ("GET / HTTP/3.0\r\n\r\n", 505),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", 413),
        ("GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 414),
        ("GET / HTTP/1.1\r\nA: b\r\nC: d\r\nE: f\r\n", 431),
        ("GET / HTTP/1.1\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 431),
    ];
    let mut limits = Limits::default();
    (limits.body_bytes, limits.request_line_bytes, limits.headers, limits.head_bytes) = (10, 40, 2, 90);
    for (text, status) in cases {
        let mut exchange = ServerExchange::new(limits);
        let fault = exchange.next(&mut BytesMut::from(text)).unwrap_err();
        assert_eq!(fault.status().as_u16(), status, "{text:?}: {fault}");
        let mut out = BytesMut::new();
        exchange.write_head(fault.status(), None, BodyLength::Known(0), &mut out).unwrap();
        assert!(out.ends_with(b"content-length: 0\r\nconnection: close\r\n\r\n"), "{out:?}");
        assert_eq!(exchange.verdict(), Verdict::Close(CloseReason::Broken));
    }
}

#[test]
#[rustfmt::skip] // one row a line
fn well_formed_heads() {
    says(&[
        ("", "closed; close PeerClosed"),
        ("\r\n", "closed; close PeerClosed"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / none; end; closed; close PeerClosed"),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / none; end; closed; close PeerClosed"),
        ("\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / none; end; closed; close PeerClosed"),
        ("GET / HTTP/1.1\r\nHost:a\r\n\r\n", "GET / none; end; closed; close PeerClosed"),
        ("GET / HTTP/1.1\r\nHost: \t a \t\r\n\r\n", "GET / none; end; closed; close PeerClosed"),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / none; end; closed; close PeerClosed"),
        ("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / none; end; closed; close PeerClosed"),
        ("GET / HTTP/1.1\r\nHOST: a-b.c_d:8080\r\n\r\n", "GET / none; end; closed; close PeerClosed"),
        ("GET /a?b=c&d=%20{|}^`\" HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a?b=c&d=%20{|}^`\" none; end; closed; close PeerClosed"),
        ("GET //a//..//b HTTP/1.1\r\nHost: a\r\n\r\n", "GET //a//..//b none; end; closed; close PeerClosed"),
        ("GET http://a.example:80/b?c HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://a.example:80/b?c none; end; closed; close PeerClosed"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * none; end; closed; close PeerClosed"),
        ("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", "CONNECT a.example:443 none; end; close Switched"),
        ("CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n\x16\x03", "CONNECT [::1]:443 none; end; close Switched"),
        ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD / none; end; closed; close PeerClosed"),
        ("DELETE /a HTTP/1.1\r\nHost: a\r\n\r\n", "DELETE /a none; end; closed; close PeerClosed"),
        ("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH / none; end; closed; close PeerClosed"),
        ("get / HTTP/1.1\r\nHost: a\r\n\r\n", "get / none; end; closed; close PeerClosed"),
        ("!#$%&'*+-.^_`|~9 / HTTP/1.1\r\nHost: a\r\n\r\n", "!#$%&'*+-.^_`|~9 / none; end; closed; close PeerClosed"),
        ("GET / HTTP/1.0\r\n\r\n", "GET / 1.0 none; end; close OldVersion"),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n", "GET / 1.0 none; end; GET /b 1.0 none; end; close OldVersion"),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n", "GET / none; end; close AskedByPeer"),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, CLOSE\r\n\r\n", "GET / none; end; close AskedByPeer"),
        ("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "GET / 1.0 none; end; close AskedByPeer"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\nx-c:\t\u{e9}\r\n\r\n", "GET / none; x-a: b, x-c: \\xc3\\xa9; end; closed; close PeerClosed"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-A: 2\r\n\r\n", "GET / none; x-a: 1, x-a: 2; end; closed; close PeerClosed"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX-A:\r\nUpgrade: h2c\r\n\r\n", "GET / none; x-a: ; end; closed; close PeerClosed"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / none; end; GET /b none; end; GET /c none; end; closed; close PeerClosed",
        ),
    ]);
}

#[test]
#[rustfmt::skip] // one row a line
fn well_formed_bodies() {
    let post = |fields: &str, rest: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{rest}");
    let coded = |rest: &str| post("Transfer-Encoding: chunked", rest);
    let rows = [
        (post("Content-Length: 0", ""), "POST / none; end"),
        (post("Content-Length: 5", "hello"), "POST / fixed 5; \"hello\"; end"),
        (post("Content-Length: 00005", "hello"), "POST / fixed 5; \"hello\"; end"),
        (post("content-length:5", "hello"), "POST / fixed 5; \"hello\"; end"),
        (post("Content-Length: 5", "helloGET /b HTTP/1.1\r\nHost: a\r\n\r\n"), "POST / fixed 5; \"hello\"; end; GET /b none; end"),
        (post("Content-Length: 5", "hello\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"), "POST / fixed 5; \"hello\"; end; GET /b none; end"),
        (post("Expect: 100-continue\r\nContent-Length: 2", "hi"), "POST / fixed 2; \"hi\"; end"),
        (coded("0\r\n\r\n"), "POST / chunked; end"),
        (post("TRANSFER-ENCODING: CHUNKED", "0\r\n\r\n"), "POST / chunked; end"),
        (post("Transfer-Encoding: \t chunked \t", "0\r\n\r\n"), "POST / chunked; end"),
        (coded("5\r\nhello\r\n0\r\n\r\n"), "POST / chunked; \"hello\"; end"),
        (coded("1\r\nh\r\n4\r\nello\r\n0000\r\n\r\n"), "POST / chunked; \"hello\"; end"),
        (coded("5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n"), "POST / chunked; \"hello\"; end"),
        (coded("5 ;a\r\nhello\r\n0\r\n\r\n"), "POST / chunked; \"hello\"; end"),
        (coded("A\r\n0123456789\r\n0\r\n\r\n"), "POST / chunked; \"0123456789\"; end"),
        (coded("0\r\nX-T: v\r\n\r\n"), "POST / chunked; end with x-t: v"),
        (coded("0\r\nHost: b\r\nContent-Length: 9\r\nX-T: v\r\nAuthorization: c\r\n\r\n"), "POST / chunked; end with x-t: v"),
        (coded("0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"), "POST / chunked; end; GET /b none; end"),
    ];
    for (text, line) in rows {
        assert_eq!(hear(text.as_bytes()).line, format!("{line}; closed; close PeerClosed"), "{text:?}");
    }
    let old = "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(hear(old.as_bytes()).line, "POST / 1.0 fixed 5; \"hello\"; end; close OldVersion");
}
