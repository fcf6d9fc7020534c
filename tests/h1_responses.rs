//! Responses, malformed and well-formed, as tables: each is fed whole, byte by byte and in random pieces, and must come
//! to the stated fault, or to the stated events and verdict. The rows are from RFC 9112 and 9110 and from what public
//! parsers check (llhttp, hyper, h11, curl, Go's net/http).

#[allow(dead_code, reason = "each table uses its half of the bed")]
#[path = "bed/h1.rs"]
mod bed;

use bed::{Asked, Heard, hear_in_every_cut, hear_response};
use evhttp::h1::{FaultKind, Limits};

fn hear(asked: Asked, bytes: &[u8]) -> Heard {
    let name = bytes[..bytes.len().min(200)].escape_ascii().to_string();
    hear_in_every_cut(&name, bytes, |pieces| {
        hear_response(asked, Limits::default(), pieces)
    })
}

fn fails(rows: &[(Vec<u8>, FaultKind)]) {
    for (bytes, fault) in rows {
        let heard = hear(Asked::Get, bytes);
        assert_eq!(
            heard.fault,
            Some(*fault),
            "{}: {}",
            bytes[..bytes.len().min(200)].escape_ascii(),
            heard.line
        );
        assert!(
            heard.line.contains("; close ") || heard.line.starts_with("! "),
            "{}",
            heard.line
        );
        assert!(!heard.line.ends_with("keep"));
    }
}

fn says(rows: &[(Asked, &str, &str)]) {
    for (asked, text, line) in rows {
        assert_eq!(
            hear(*asked, text.as_bytes()).line,
            *line,
            "{asked:?} {text:?}"
        );
    }
}

fn raw(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    bytes.as_ref().to_vec()
}

/// A 200 with these field lines, each without its CRLF.
fn with(fields: &[&str]) -> Vec<u8> {
    raw(format!(
        "HTTP/1.1 200 OK\r\n{}\r\n\r\n",
        fields.join("\r\n")
    ))
}

fn chunked(body: impl AsRef<[u8]>) -> Vec<u8> {
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        body.as_ref(),
    ]
    .concat()
}

#[test]
#[rustfmt::skip] // one row a line
fn malformed_status_lines() {
    use FaultKind::*;
    fails(&[
        (raw(""), NoResponse),
        (raw("\r\nHTTP/1.1 200 OK\r\n\r\n"), BadStatusLine),
        (raw("\nHTTP/1.1 200 OK\r\n\r\n"), BadStatusLine),
        (raw(" HTTP/1.1 200 OK\r\n\r\n"), BadStatusLine),
        (raw("garbage\r\nHTTP/1.1 200 OK\r\n\r\n"), BadStatusLine),
        (raw("<html>HTTP/0.9</html>"), BadStatusLine),
        (raw("ICY 200 OK\r\n\r\n"), BadStatusLine),
        (raw("SSH-2.0-OpenSSH_9.2\r\n"), BadStatusLine),
        (raw(b"\x15\x03\x01\x00\x02\x02\x28"), BadStatusLine),
        (raw(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"), BadStatusLine),
        (raw("http/1.1 200 OK\r\n\r\n"), BadStatusLine),
        (raw("HTTP /1.1 200 OK\r\n\r\n"), BadStatusLine),
        (raw("HTTPS/1.1 200 OK\r\n\r\n"), BadStatusLine),
        (raw("HTTP/2 200\r\n\r\n"), UnsupportedVersion),
        (raw("HTTP/2.0 200 OK\r\n\r\n"), UnsupportedVersion),
        (raw("HTTP/0.9 200 OK\r\n\r\n"), UnsupportedVersion),
        (raw("HTTP/1.2 200 OK\r\n\r\n"), UnsupportedVersion),
        (raw("HTTP/11.1 200 OK\r\n\r\n"), UnsupportedVersion),
        (raw("HTTP/1.10 200 OK\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1200 OK\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1  200 OK\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1\t200 OK\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1 20 OK\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1 2000 OK\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1 20x OK\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1 -20 OK\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1 000 Zero\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1 099 Low\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1 \r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1 200 O\0K\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1 200 O\x7fK\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1 200 OK\rX: y\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1 200\rX\r\n\r\n"), BadStatusLine),
        (raw("HTTP/1.1 200 OK"), TruncatedHead { received: 15 }),
        (raw("H"), TruncatedHead { received: 1 }),
    ]);
}

#[test]
#[rustfmt::skip] // one row a line
fn malformed_fields() {
    use FaultKind::*;
    let many: Vec<_> = (0..101).map(|i| format!("X-{i}: y")).collect();
    let many: Vec<_> = many.iter().map(|line| &line[..]).collect();
    fails(&[
        (with(&["X : y"]), SpaceBeforeColon),
        (with(&["X\t: y"]), SpaceBeforeColon),
        (with(&["X y: z"]), SpaceBeforeColon),
        (with(&["Content-Length : 5"]), SpaceBeforeColon),
        (with(&[" X: y"]), ObsFold),
        (with(&["\tX: y"]), ObsFold),
        (with(&[": y"]), BadHeaderName),
        (with(&["nocolon"]), BadHeaderName),
        (with(&["X: y", "nocolon"]), BadHeaderName),
        (with(&["X\0: y"]), BadHeaderName),
        (with(&["X(: y"]), BadHeaderName),
        (with(&["X\u{e9}: y"]), BadHeaderName),
        (with(&["\"X\": y"]), BadHeaderName),
        (with(&["X: a\0b"]), BadHeaderValue),
        (with(&["X: a\x01b"]), BadHeaderValue),
        (with(&["X: a\x0bb"]), BadHeaderValue),
        (with(&["X: \x7f"]), BadHeaderValue),
        (with(&["X: a\rb"]), BareCr),
        (with(&["X: a\r"]), BareCr),
        (with(&["\rX: a"]), BareCr),
        (with(&["X: a\r\n \0"]), BadHeaderValue),
        (with(&many), TooManyHeaders),
        (with(&[&format!("X: {}", "y".repeat(70_000))]), HeadTooLarge),
        (raw(format!("HTTP/1.1 200 OK\r\n{}", "X: y\r\n".repeat(20_000))), TooManyHeaders),
        (raw(format!("HTTP/1.1 200 {}", "y".repeat(200_000))), HeadTooLarge),
        (raw("HTTP/1.1 200 OK\r\nX: y\r\n"), TruncatedHead { received: 23 }),
        (raw("HTTP/1.1 200 OK\r\nX: y\r\n\r"), TruncatedHead { received: 24 }),
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
        "'5'",
        "\"5\"",
        "5,",
        ",5",
        "5, x",
        "\u{665}",
        "18446744073709551616",
        "99999999999999999999",
        "5\t5",
        "_5",
        "NaN",
    ];
    let rows: Vec<_> = bad_lengths.iter().map(|bad| (with(&[&format!("Content-Length: {bad}")]), BadContentLength)).collect();
    fails(&rows);
    fails(&[
        (with(&["Content-Length: 5, 6"]), RepeatedContentLength),
        (with(&["Content-Length: 5", "Content-Length: 6"]), RepeatedContentLength),
        (with(&["Content-Length: 5", "Content-Length: 5, 5, 4"]), RepeatedContentLength),
        (with(&["Content-Length: 5", "Content-Length: x"]), BadContentLength),
        (with(&["Content-Length:\r\n 5"]), ObsFold),
        (with(&["Content-Length: 1\r\n 5"]), ObsFold),
        (with(&["Content-Length: 5\r\n\t"]), ObsFold),
        (with(&["Content-Length:\n 5"]), ObsFold),
        (with(&["Transfer-Encoding: x\r\n chunked"]), ObsFold),
        (with(&["Transfer-Encoding: xchunked"]), UnsupportedTransferCoding),
        (with(&["Transfer-Encoding: chunkedx"]), UnsupportedTransferCoding),
        (with(&["Transfer-Encoding: chunked;q=1"]), UnsupportedTransferCoding),
        (with(&["Transfer-Encoding: \"chunked\""]), UnsupportedTransferCoding),
        (with(&["Transfer-Encoding: chunked foo"]), UnsupportedTransferCoding),
        (with(&["Transfer-Encoding: gzip"]), UnsupportedTransferCoding),
        (with(&["Transfer-Encoding: identity"]), UnsupportedTransferCoding),
        (with(&["Transfer-Encoding: gzip, chunked"]), UnsupportedTransferCoding),
        (with(&["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"]), UnsupportedTransferCoding),
        (with(&["Transfer-Encoding: chunked, gzip"]), BadTransferCoding),
        (with(&["Transfer-Encoding: chunked, chunked"]), BadTransferCoding),
        (with(&["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]), BadTransferCoding),
        (with(&["Transfer-Encoding: chunked", "Transfer-Encoding: identity"]), BadTransferCoding),
        (with(&["Transfer-Encoding: "]), BadTransferCoding),
        (with(&["Transfer-Encoding: ,chunked"]), BadTransferCoding),
        (with(&["Transfer-Encoding: chunked,"]), BadTransferCoding),
        (with(&["Transfer-Encoding: \x0bchunked"]), BadHeaderValue),
        (with(&["Transfer-Encoding : chunked"]), SpaceBeforeColon),
        (raw("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), TransferCodingInHttp10),
        (raw("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello"), TransferCodingInHttp10),
        (raw("HTTP/1.1 100 Continue\r\n\r\n".repeat(65)), TooManyInformational),
        (raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\n"), UnaskedUpgrade),
        (raw("HTTP/1.1 100 Continue\r\n\r\n"), NoResponse),
        (raw("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 2"), TruncatedHead { received: 10 }),
        (raw("HTTP/1.1 103 Early Hints\r\n\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), BadStatusLine),
    ]);
}

#[test]
#[rustfmt::skip] // one row a line
fn malformed_bodies() {
    use FaultKind::*;
    let cut = |received, expected| Truncated { received, expected };
    let extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(17_000));
    let extensions = format!("1;{}\r\nx\r\n", "x".repeat(99)).repeat(200);
    let trailers = format!("0\r\n{}\r\n", "X: y\r\n".repeat(101));
    let trailer = format!("0\r\nX: {}\r\n\r\n", "y".repeat(17_000));
    fails(&[
        (chunked("\r\n"), BadChunkSize),
        (chunked("\n"), BadChunkSize),
        (chunked("g\r\n"), BadChunkSize),
        (chunked("0x5\r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked("-5\r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked("+5\r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked(" 5\r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked("5 5\r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked(";x\r\n"), BadChunkSize),
        (chunked("5,\r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked("10000000000000000\r\n"), BadChunkSize),
        (chunked("00000000000000005\r\nhello\r\n0\r\n\r\n"), BadChunkSize),
        (chunked("1\r\nx\r\nffffffffffffffff\r\n"), BodyTooLarge),
        (chunked("5\nhello\r\n0\r\n\r\n"), BareLf),
        (chunked("5\rhello\r\n0\r\n\r\n"), BareCr),
        (chunked("5\r\rhello\r\n0\r\n\r\n"), BareCr),
        (chunked("5;x\nhello\r\n0\r\n\r\n"), BareLf),
        (chunked("5;x\ry\r\nhello\r\n0\r\n\r\n"), BareCr),
        (chunked("5;\0\r\nhello\r\n0\r\n\r\n"), BadChunkExtension),
        (chunked("5;a=\"\x1b\"\r\nhello\r\n0\r\n\r\n"), BadChunkExtension),
        (chunked(extension), ChunkExtensionsTooLarge),
        (chunked(extensions), ChunkExtensionsTooLarge),
        (chunked(format!("5{}\r\n", " ".repeat(17_000))), ChunkExtensionsTooLarge),
        (chunked("5\r\nhelloX"), BadChunkEnd),
        (chunked("5\r\nhello world\r\n0\r\n\r\n"), BadChunkEnd),
        (chunked("5\r\nhello0\r\n\r\n"), BadChunkEnd),
        (chunked("5\r\nhello\n0\r\n\r\n"), BadChunkEnd),
        (chunked("5\r\nhello\r0\r\n\r\n"), BadChunkEnd),
        (chunked("5\r\nhello\r\n\r\n0\r\n\r\n"), BadChunkSize),
        (chunked("0\r\nX: y\n\r\n"), BareLf),
        (chunked("0\r\n\n"), BareLf),
        (chunked("0\r\nX : y\r\n\r\n"), SpaceBeforeColon),
        (chunked("0\r\n X: y\r\n\r\n"), ObsFold),
        (chunked("0\r\nX: y\r\n z\r\n\r\n"), ObsFold),
        (chunked("0\r\nX: \0\r\n\r\n"), BadHeaderValue),
        (chunked("0\r\nX: y\rz\r\n\r\n"), BareCr),
        (chunked("0\r\nnocolon\r\n\r\n"), BadHeaderName),
        (chunked("0\r\n\rX"), BareCr),
        (chunked(trailers), TooManyHeaders),
        (chunked(trailer), TrailersTooLarge),
        (chunked(""), cut(0, None)),
        (chunked("5"), cut(0, None)),
        (chunked("5;"), cut(0, None)),
        (chunked("5\r"), cut(0, None)),
        (chunked("5\r\nhel"), cut(3, None)),
        (chunked("5\r\nhello"), cut(5, None)),
        (chunked("5\r\nhello\r"), cut(5, None)),
        (chunked("5\r\nhello\r\n"), cut(5, None)),
        (chunked("5\r\nhello\r\n0\r\n"), cut(5, None)),
        (chunked("5\r\nhello\r\n0\r\n\r"), cut(5, None)),
        (chunked("5\r\nhello\r\n0\r\nX: y\r\n"), cut(5, None)),
        (chunked("ffffffffffffffff\r\nx"), cut(1, None)),
        ([with(&["Content-Length: 5"]), raw("hell")].concat(), cut(4, Some(5))),
        (with(&["Content-Length: 18446744073709551615"]), cut(0, Some(u64::MAX))),
    ]);
}

#[test]
fn bytes_before_a_request_are_a_fault() {
    let heard = hear(
        Asked::Nothing,
        b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(heard.fault, Some(FaultKind::Unsolicited));
    assert_eq!(hear(Asked::Nothing, b"").line, "closed; close PeerClosed");
}

#[test]
#[rustfmt::skip] // one row a line
fn bodies_within_a_limit() {
    let mut limits = Limits::default();
    limits.body_bytes = 5;
    let cases: [(&[u8], Option<FaultKind>); 6] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!", Some(FaultKind::BodyTooLarge)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n", Some(FaultKind::BodyTooLarge)),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", None),
        (b"HTTP/1.1 200 OK\r\n\r\nhello!", Some(FaultKind::BodyTooLarge)),
    ];
    for (bytes, fault) in cases {
        assert_eq!(hear_response(Asked::Get, limits, bytes.chunks(2)).fault, fault, "{}", bytes.escape_ascii());
        assert_eq!(hear_response(Asked::Get, limits, [bytes].into_iter()).fault, fault, "{}", bytes.escape_ascii());
    }
}

#[test]
#[rustfmt::skip] // one row a line
fn well_formed_heads() {
    use Asked::*;
    says(&[
        (Get, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 none; end; keep"),
        (Get, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 () none; end; keep"),
        (Get, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200 () none; end; keep"),
        (Get, "HTTP/1.1 200 Fine, thanks\r\nContent-Length: 0\r\n\r\n", "200 (Fine, thanks) none; end; keep"),
        (Get, "HTTP/1.1 200 \u{e9}\r\nContent-Length: 0\r\n\r\n", "200 (\\xc3\\xa9) none; end; keep"),
        (Get, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404 none; end; keep"),
        (Get, "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n", "299 () none; end; keep"),
        (Get, "HTTP/1.1 999 Denied\r\nContent-Length: 0\r\n\r\n", "999 (Denied) none; end; keep"),
        (Get, "HTTP/1.1 200 OK\nContent-Length: 5\nX-A: b\n\nhello", "200 fixed 5; x-a: b; \"hello\"; end; keep"),
        (Get, "HTTP/1.1 200 OK\r\nX-A:b\r\nContent-Length:0\r\n\r\n", "200 none; x-a: b; end; keep"),
        (Get, "HTTP/1.1 200 OK\r\nX-A: \t b \t\r\nContent-Length: 0\r\n\r\n", "200 none; x-a: b; end; keep"),
        (Get, "HTTP/1.1 200 OK\r\nX-A:\r\nContent-Length: 0\r\n\r\n", "200 none; x-a: ; end; keep"),
        (Get, "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 0\r\n\r\n", "200 none; x-a: 1, x-a: 2; end; keep"),
        (Get, "HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\n\t3\r\nContent-Length: 0\r\n\r\n", "200 none; x-a: 1   2  \\t3; end; keep"),
        (Get, "HTTP/1.1 200 OK\r\nX-A: \u{fc}\r\nContent-Length: 0\r\n\r\n", "200 none; x-a: \\xc3\\xbc; end; keep"),
        (Get, "HTTP/1.1 200 OK\r\nX-!#$%&'*+.^_`|~9: y\r\nContent-Length: 0\r\n\r\n", "200 none; x-!#$%&'*+.^_`|~9: y; end; keep"),
        (Get, "HTTP/1.1 200 OK\r\nCONNECTION: CLOSE\r\nContent-Length: 0\r\n\r\n", "200 none; end; close AskedByPeer"),
        (Get, "HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 0\r\n\r\n", "200 none; end; close AskedByPeer"),
        (Get, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "200 none; end; close AskedByPeer"),
        (Get, "HTTP/1.1 200 OK\r\nConnection: closed\r\nContent-Length: 0\r\n\r\n", "200 none; end; keep"),
        (Get, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "200 1.0 none; end; close OldVersion"),
        (Get, "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", "200 1.0 none; end; keep"),
        (Close, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 none; end; close AskedByUs"),
        (Unfinished, "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n", "413 none; end; close RequestUnfinished"),
    ]);
}

#[test]
#[rustfmt::skip] // one row a line
fn well_formed_bodies() {
    use Asked::*;
    says(&[
        (Get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 fixed 5; \"hello\"; end; keep"),
        (Get, "HTTP/1.1 200 OK\r\nContent-Length: 005\r\n\r\nhello", "200 fixed 5; \"hello\"; end; keep"),
        (Get, "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", "200 fixed 5; \"hello\"; end; keep"),
        (Get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "200 fixed 5; \"hello\"; end; keep"),
        (Get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!", "200 fixed 5; \"hello\"; end; close BytesAfterEnd"),
        (Get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n", "200 fixed 5; \"hello\"; end; close BytesAfterEnd"),
        (Get, "HTTP/1.1 200 OK\r\n\r\nhello", "200 untilclose; \"hello\"; end; close UntilClose"),
        (Get, "HTTP/1.1 200 OK\r\n\r\n", "200 untilclose; end; close UntilClose"),
        (Get, "HTTP/1.0 200 OK\r\n\r\nhello\r\n\r\n", "200 1.0 untilclose; \"hello\\r\\n\\r\\n\"; end; close OldVersion"),
        (Get, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello", "200 1.0 untilclose; \"hello\"; end; close UntilClose"),
        (Get, "HTTP/1.1 204 No Content\r\n\r\n", "204 none; end; keep"),
        (Get, "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204 none; end; keep"),
        (Get, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "204 none; end; close DoubtfulFraming"),
        (Get, "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "204 none; end; close DoubtfulFraming"),
        (Get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304 none; end; keep"),
        (Get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", "304 none; end; close BytesAfterEnd"),
        (Get, "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", "205 none; end; keep"),
        (Head, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 none; end; keep"),
        (Head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200 none; end; keep"),
        (Head, "HTTP/1.1 200 OK\r\n\r\n", "200 none; end; keep"),
        (Head, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 none; end; close BytesAfterEnd"),
        (Connect, "HTTP/1.1 200 Connection established\r\n\r\n\x16\x03\x01", "200 (Connection established) switched; end; close Switched"),
        (Connect, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 switched; end; close Switched"),
        (Connect, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno", "407 fixed 2; \"no\"; end; keep"),
        (Upgrade, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\nbytes", "101 switched; end; close Switched"),
        (Upgrade, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", "200 fixed 2; \"no\"; end; keep"),
        (Get, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "informational 100; 200 none; end; keep"),
        (
            Get,
            "HTTP/1.1 103 Early Hints\r\nX-Link: a\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            "informational 103; x-link: a; informational 102; 204 none; end; keep",
        ),
        (Get, "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "informational 100; 204 none; end; close DoubtfulFraming"),
    ]);
}

#[test]
#[rustfmt::skip] // one row a line
fn well_formed_chunks() {
    let rows = [
        ("0\r\n\r\n", "200 chunked; end; keep"),
        ("5\r\nhello\r\n0\r\n\r\n", "200 chunked; \"hello\"; end; keep"),
        ("3\r\nhel\r\n02\r\nlo\r\n000\r\n\r\n", "200 chunked; \"hello\"; end; keep"),
        ("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "200 chunked; \"01234567890123456789\"; end; keep"),
        ("0000000000000005\r\nhello\r\n0\r\n\r\n", "200 chunked; \"hello\"; end; keep"),
        ("5;x\r\nhello\r\n0;y=z\r\n\r\n", "200 chunked; \"hello\"; end; keep"),
        ("5 ; x = \"a;b\t\u{e9}\"\r\nhello\r\n0\r\n\r\n", "200 chunked; \"hello\"; end; keep"),
        ("5   \r\nhello\r\n0\r\n\r\n", "200 chunked; \"hello\"; end; keep"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "200 chunked; \"\\r\\n\"; end; keep"),
        ("0\r\nX-T: v\r\n\r\n", "200 chunked; end with x-t: v; keep"),
        ("5\r\nhello\r\n0\r\nX-T: v\r\nx-u:w\r\n\r\n", "200 chunked; \"hello\"; end with x-t: v, x-u: w; keep"),
        ("0\r\nContent-Length: 7\r\nX-T: v\r\nHost: evil\r\nTransfer-Encoding: gzip\r\n\r\n", "200 chunked; end with x-t: v; keep"),
        ("5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "200 chunked; \"hello\"; end; close BytesAfterEnd"),
        ("0\r\n\r\n\r\n", "200 chunked; end; close BytesAfterEnd"),
    ];
    for (body, line) in rows {
        assert_eq!(hear(Asked::Get, &chunked(body)).line, line, "{body:?}");
    }
    let both = with(&["Content-Length: 3", "Transfer-Encoding: Chunked"]);
    let both = [both, raw("5\r\nhello\r\n0\r\n\r\n")].concat();
    assert_eq!(hear(Asked::Get, &both).line, "200 chunked; \"hello\"; end; close DoubtfulFraming");
}

#[test]
#[rustfmt::skip] // one row a line
fn limits_let_through_what_they_name() {
    let many: Vec<_> = (0..100).map(|i| format!("H-{i}: y")).collect();
    let many: Vec<_> = many.iter().map(|line| &line[..]).collect();
    assert_eq!(hear(Asked::Head, &with(&many)).line, "200 none; end; keep");
    let filler = "y".repeat(64 * 1024 - with(&["H: "]).len());
    let longest = with(&[&format!("H: {filler}")]);
    assert_eq!(longest.len(), 64 * 1024);
    assert_eq!(hear(Asked::Head, &longest).line, "200 none; end; keep");
    let flood = "HTTP/1.1 100 Continue\r\n\r\n".repeat(64) + "HTTP/1.1 204 No Content\r\n\r\n";
    assert!(hear(Asked::Get, flood.as_bytes()).line.ends_with("204 none; end; keep"));
    let mut wide = Limits::default();
    wide.headers = 300;
    let more: Vec<_> = (0..300).map(|i| format!("H-{i}: y")).collect();
    let more: Vec<_> = more.iter().map(|line| &line[..]).collect();
    assert_eq!(hear_response(Asked::Head, wide, with(&more).chunks(1000)).line, "200 none; end; keep");
}

/// The last that goes through, and the first that does not.
#[test]
#[rustfmt::skip] // one row a line
fn limits_end_where_they_say() {
    use FaultKind::*;
    let lines = |count| "H: y\r\n".repeat(count);
    let head = |fields: String| format!("HTTP/1.1 204 No Content\r\n{fields}\r\n").into_bytes();
    let bytes = |length: usize| head(format!("H: {}\r\n", "y".repeat(length - head("H: \r\n".into()).len())));
    let early = |count| ("HTTP/1.1 100 Continue\r\n\r\n".repeat(count) + "HTTP/1.1 204 No Content\r\n\r\n").into_bytes();
    let trailer = |length: usize| chunked(format!("0\r\nX: {}\r\n\r\n", "y".repeat(length - "X: \r\n\r\n".len())));
    let trailers = |count| chunked(format!("0\r\n{}\r\n", lines(count)));
    let extended = |length: usize| chunked(format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(length - 1)));
    let digits = |count| chunked(format!("{:0>count$}\r\nhello\r\n0\r\n\r\n", 5));
    let table = [
        (head(lines(100)), head(lines(101)), TooManyHeaders),
        (bytes(64 << 10), bytes((64 << 10) + 1), HeadTooLarge),
        (early(64), early(65), TooManyInformational),
        (trailers(100), trailers(101), TooManyHeaders),
        (trailer(16 << 10), trailer((16 << 10) + 1), TrailersTooLarge),
        (extended(16 << 10), extended((16 << 10) + 1), ChunkExtensionsTooLarge),
        (digits(16), digits(17), BadChunkSize),
    ];
    let fault = |bytes: &[u8]| hear_response(Asked::Get, Limits::default(), std::iter::once(bytes)).fault;
    for (last, first, kind) in table {
        assert_eq!((fault(&last), fault(&first)), (None, Some(kind)), "{kind:?}");
    }
}

#[test]
fn a_limit_on_fields_ends_where_the_map_does() {
    let mut limits = Limits::default();
    (limits.headers, limits.head_bytes) = (usize::MAX, 1 << 20);
    let fault = |count| {
        let lines = "a: b\r\n".repeat(count);
        let head = format!("HTTP/1.1 204 No Content\r\n{lines}\r\n");
        hear_response(Asked::Get, limits, std::iter::once(head.as_bytes())).fault
    };
    assert_eq!(fault(16 << 10), None);
    assert_eq!(fault((16 << 10) + 1), Some(FaultKind::TooManyHeaders));
}
