//! What stands in a head's place, and heads that are wrong, endless or cut.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use bed::raw::{Raw, Step, early_refusal, send};
use evcore::{run, secs, sleep};
use evhttp::{Body, CHUNK, Client, Request, get, post};

use super::row::{Row, Told, answered, row, said, told, told_by};

/// A server that says this and resets: the kernel does so to who closes with bytes unread.
pub(crate) fn reset_after(says: &'static str) -> Told {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told_of) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 10]).unwrap();
        stream.write_all(says.as_bytes()).unwrap();
        // A reset overtakes what was not read yet: a body's beginning has to be there.
        if says.contains("123") {
            _ = told_of.recv();
        }
    });
    let call = get(format!("http://{address}/")).send();
    told(call.on(CHUNK, move |_| _ = tell.send(()))).naming(address, "SERVER")
}

/// A server that changes to `x` as soon as it has the head.
fn switching() -> Vec<Step> {
    let agreed = "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n";
    vec![Step::ReadHead, send(agreed)]
}

/// A server that says this, and then the same piece for ever.
pub(crate) fn endless(says: &str, piece: &str) -> Told {
    let for_ever = Step::SendForEver(piece.repeat(10).into());
    told_by(vec![Step::ReadHead, send(says), for_ever], Request::send)
}

/// The answer comes, and the end of the reading, before the request is sent.
fn early() -> Told {
    let raw = Raw::serve(early_refusal());
    told(post(raw.url("/")).body(vec![0; 30_000_000]).send())
}

fn asked_with_a_token() -> Told {
    let raw = Raw::serve(vec![Step::ReadHead, Step::Close]);
    told(get(raw.url("/x?token=7#here")).send()).naming(raw.address(), "SERVER")
}

/// What a second call meets after a first one was answered by the first of two connections.
fn second(first: Vec<Step>) -> Told {
    let raw = Raw::serve_each(vec![
        first,
        vec![
            Step::ReadHead,
            send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew"),
        ],
    ]);
    let client = Client::new();
    assert_eq!(
        run(client.fetch(raw.url("/"))).unwrap().text().unwrap(),
        "old"
    );
    told(client.fetch(raw.url("/")))
}

const OLD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold";

pub(crate) const ROWS: &[Row] = &[
    row(
        "closed without an answer",
        "Protocol(NoResponse)",
        "head http://SERVER/: the server closed the connection without a response",
        || said(""),
    ),
    row(
        "closed within the status line",
        "Protocol(TruncatedHead)",
        "head http://SERVER/: the peer closed the connection within a head, after 1 byte of it",
        || said("H"),
    ),
    row(
        "closed within a field",
        "Protocol(TruncatedHead)",
        "head http://SERVER/: the peer closed the connection within a head, after 22 bytes of it",
        || said("HTTP/1.1 200 OK\r\nConte"),
    ),
    row(
        "closed without an answer to a question with a token",
        "Protocol(NoResponse)",
        "head http://SERVER/x?...: the server closed the connection without a response",
        asked_with_a_token,
    ),
    row(
        "reset before the head",
        "Io",
        "head http://SERVER/: Connection reset by peer (os error 104)",
        || reset_after(""),
    ),
    row(
        "reset within the head",
        "Io",
        "head http://SERVER/: Connection reset by peer (os error 104)",
        || reset_after("HTTP/1.1 200 "),
    ),
    row(
        "garbage before the status line",
        "Protocol(BadStatusLine)",
        "head http://SERVER/: the response does not begin with an HTTP/1.x status line",
        || said("garbage\r\nHTTP/1.1 200 OK\r\n\r\n"),
    ),
    row(
        "another protocol's greeting",
        "Protocol(BadStatusLine)",
        "head http://SERVER/: the response does not begin with an HTTP/1.x status line",
        || said("SSH-2.0-OpenSSH_9.2\r\n"),
    ),
    row(
        "TLS where plain HTTP was expected",
        "Protocol(BadStatusLine)",
        "head http://SERVER/: the response does not begin with an HTTP/1.x status line",
        || said(b"\x15\x03\x01\x00\x02\x02\x16"),
    ),
    row(
        "a version that is not spoken here",
        "Protocol(UnsupportedVersion)",
        "head http://SERVER/: the peer speaks neither HTTP/1.0 nor HTTP/1.1",
        || said("HTTP/2.0 200 OK\r\n\r\n"),
    ),
    row(
        "a status that is no number",
        "Protocol(BadStatusLine)",
        "head http://SERVER/: the response does not begin with an HTTP/1.x status line",
        || said("HTTP/1.1 20x OK\r\n\r\n"),
    ),
    row(
        "a field without a colon",
        "Protocol(BadHeaderName)",
        "head http://SERVER/: a header line does not begin with a name and a colon",
        || said("HTTP/1.1 200 OK\r\nnocolon\r\n\r\n"),
    ),
    row(
        "a control character in a field",
        "Protocol(BadHeaderValue)",
        "head http://SERVER/: a header value holds a control character",
        || said("HTTP/1.1 200 OK\r\na: b\x01c\r\n\r\n"),
    ),
    row(
        "a length that is no number",
        "Protocol(BadContentLength)",
        "head http://SERVER/: Content-Length is not a decimal number of 64 bits",
        || said("HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n"),
    ),
    row(
        "a negative length",
        "Protocol(BadContentLength)",
        "head http://SERVER/: Content-Length is not a decimal number of 64 bits",
        || said("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    ),
    row(
        "two lengths",
        "Protocol(RepeatedContentLength)",
        "head http://SERVER/: Content-Length is given more than once",
        || said("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    ),
    row(
        "a transfer coding nobody asked for",
        "Protocol(UnsupportedTransferCoding)",
        "head http://SERVER/: Transfer-Encoding names a coding other than chunked",
        || said("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
    ),
    row(
        "a change of protocol nobody asked for",
        "Protocol(UnaskedUpgrade)",
        "head http://SERVER/: the server switched protocols without being asked to",
        || said("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"),
    ),
    row(
        "a change to another protocol than asked for",
        "Protocol(OtherUpgrade)",
        "head http://SERVER/: the server switched to another protocol than it was asked to",
        || told_by(switching(), |request| request.upgrade("chat").send()),
    ),
    row(
        "a change of protocol in the middle of the request",
        "Protocol(EarlyUpgrade)",
        "head http://SERVER/: the server switched protocols before it had the whole request",
        || {
            let endless = |request: Request| {
                let body = Body::from_fn(None, || sleep(secs(3_600)).then(|()| None));
                request.upgrade("x").body(body).send()
            };
            told_by(switching(), endless)
        },
    ),
    row(
        "an answer where a change of protocol was wanted",
        "NotSwitched",
        "head http://SERVER/: the server answered 200 OK instead of switching protocols",
        || {
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            answered(answer, |page| page.upgrade().map(|_| page))
        },
    ),
    row(
        "a field without end",
        "Protocol(HeadTooLarge)",
        "head http://SERVER/: the head is larger than the limit",
        || endless("HTTP/1.1 200 OK\r\nX: ", "xxxxxxxxxx"),
    ),
    row(
        "fields without end",
        "Protocol(TooManyHeaders)",
        "head http://SERVER/: there are more header lines than the limit",
        || endless("HTTP/1.1 200 OK\r\n", "X-Y: z\r\n"),
    ),
    row(
        "informational answers without end",
        "Protocol(TooManyInformational)",
        "head http://SERVER/: there are more informational responses than the limit",
        || endless("", "HTTP/1.1 102 Wait\r\n\r\n"),
    ),
    row(
        "an answer before the request's end",
        "answer",
        "413 much",
        early,
    ),
    row(
        "bytes after an answer: the connection is not used again",
        "answer",
        "200 new",
        || {
            second(vec![
                Step::ReadHead,
                send(&format!(
                    "{OLD}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
                )),
            ])
        },
    ),
    row(
        "a kept connection that ends: the call is sent anew",
        "answer",
        "200 new",
        || second(vec![Step::ReadHead, send(OLD), Step::ReadHead, Step::Close]),
    ),
];
