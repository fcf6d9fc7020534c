//! Bad input, one error line each: what was being done, to whom, and why it failed. Every case ends by itself.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bed::raw::{Raw, Step, early_refusal, send};
use bytes::Bytes;
use evcore::{Kind, Promise, ms, run};
use evhttp::{Body, CHUNK, CONNECTED, Error, Phase, Response, SENT, fetch, get, post};

#[path = "faults/still.rs"]
mod still;

use still::Still;

const LIMIT: Duration = Duration::from_secs(30);

/// Fetches and hands out the one line, which has to come soon.
fn line(url: &str) -> String {
    line_of(url, get(url).deadline(LIMIT).send())
}

fn line_of(url: &str, call: Promise<Response>) -> String {
    let began = Instant::now();
    let error = run(call).expect_err(url);
    assert!(began.elapsed() < LIMIT / 2, "{url}: {error}");
    let text = error.to_string();
    assert!(
        !text.contains(['\n', '\r', '\0', '\x1b']),
        "{text:?} is more than a line"
    );
    text
}

#[test]
fn what_is_no_url_says_so() {
    let long = "x".repeat(300);
    let shown = format!(
        "request \"{}…\": not a URL: it does not begin with http:// or https://",
        "x".repeat(100)
    );
    let table = [
        (
            "",
            "request \"\": not a URL: it does not begin with http:// or https://",
        ),
        (
            "example.com",
            "request \"example.com\": not a URL: it does not begin with http:// or https://",
        ),
        (
            "/path",
            "request \"/path\": not a URL: it does not begin with http:// or https://",
        ),
        ("http://", "request \"http://\": not a URL: empty host"),
        ("http:///", "request \"http:///\": not a URL: empty host"),
        (
            "http://:80/",
            "request \"http://:80/\": not a URL: empty host",
        ),
        (
            "http://a b/",
            "request \"http://a b/\": not a URL: invalid international domain name",
        ),
        (
            "http://[::1",
            "request \"http://[::1\": not a URL: invalid IPv6 address",
        ),
        (
            "http://1.2.3.400/",
            "request \"http://1.2.3.400/\": not a URL: invalid IPv4 address",
        ),
        (
            "http://127.0.0.1:99999/",
            "request \"http://127.0.0.1:99999/\": not a URL: invalid port number",
        ),
        (
            "http://127.0.0.1:x/",
            "request \"http://127.0.0.1:x/\": not a URL: invalid port number",
        ),
        (
            "two\nlines",
            "request \"two\\nlines\": not a URL: it does not begin with http:// or https://",
        ),
        (&long, &shown),
        (
            "ftp://example.com/",
            "request ftp://example.com/: unknown scheme \"ftp\": only http and https are spoken here",
        ),
        (
            "file:///etc/passwd",
            "request file:///etc/passwd: unknown scheme \"file\": only http and https are spoken here",
        ),
        (
            "mailto:a@b",
            "request mailto:...: unknown scheme \"mailto\": only http and https are spoken here",
        ),
        (
            "ftp://me:secret@example.com/",
            "request ftp://example.com/: unknown scheme \"ftp\": only http and https are spoken here",
        ),
    ];
    for (url, expected) in table {
        assert_eq!(line(url), expected);
    }
}

#[test]
fn a_request_that_cannot_be_sent_says_so() {
    let raw = Raw::answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let url = raw.url("/");
    let said = |request: evhttp::Request| run(request.send()).unwrap_err().to_string();
    assert_eq!(
        said(get(&url).header("a b", "c")),
        format!("request {url}: field \"a b\" can't be sent: bad name or value")
    );
    assert_eq!(
        said(get(&url).header("x", "one\r\ntwo: 2")),
        format!("request {url}: field \"x\" can't be sent: bad name or value")
    );
    let pieces = |known, length: usize| {
        let mut left = Some(Bytes::from(vec![0; length]));
        Body::from_fn(known, move || Promise::ready(left.take()))
    };
    assert_eq!(
        said(post(&url).body(pieces(Some(10), 11))),
        format!("send {url}: the body is longer than the 10 bytes announced")
    );
    assert_eq!(
        said(post(&url).body(pieces(Some(10), 9))),
        format!("send {url}: the body ended after 9 of the 10 bytes announced")
    );
    let failing = Body::from_fn(None, || Promise::failed("the disk is on fire"));
    assert_eq!(
        said(post(&url).expect_continue(false).body(failing)),
        format!("send {url}: the disk is on fire")
    );
}

#[test]
fn who_is_not_there_is_named() {
    let port = bed::free_port();
    let refused = |host: &str| format!("connect {host}:{port}: Connection refused (os error 111)");
    assert_eq!(
        line(&format!("http://127.0.0.1:{port}/x")),
        refused("127.0.0.1")
    );
    let error = run(fetch(format!("http://127.0.0.1:{port}/x"))).unwrap_err();
    let ours: &Error = error.downcast_ref().unwrap();
    assert_eq!(
        (ours.phase(), ours.peer()),
        (Phase::Connect, Some(([127, 0, 0, 1], port).into()))
    );
    // The machine's own table of names decides how many addresses it has: each that was tried is named.
    let text = line(&format!("http://localhost:{port}/"));
    assert!(
        text.starts_with(&format!("connect localhost:{port}")),
        "{text}"
    );
    assert!(
        text.contains(&format!("127.0.0.1:{port}")) && text.contains("refused"),
        "{text}"
    );
    // No connection may go to a broadcast address: it fails on this machine.
    let text = line("http://255.255.255.255/");
    assert!(
        text.starts_with("connect 255.255.255.255:80: ") && text.contains("(os error "),
        "{text}"
    );
    // A label of more than 63 bytes can't be asked for: the look-up fails without a packet.
    let name = format!("{}.example", "a".repeat(70));
    let text = line(&format!("http://{name}/"));
    assert!(text.starts_with(&format!("resolve {name}:80: ")), "{text}");
}

/// What a server says before it closes, and the line that comes of it; `U` stands for the URL.
const BROKEN: &[(&str, &str)] = &[
    (
        "",
        "head U: the server closed the connection without a response",
    ),
    (
        "H",
        "head U: the peer closed the connection within a head, after 1 byte of it",
    ),
    (
        "HTTP/1.1 200 OK\r\nConte",
        "head U: the peer closed the connection within a head, after 22 bytes of it",
    ),
    (
        "garbage\r\n\r\n",
        "head U: the response does not begin with an HTTP/1.x status line",
    ),
    (
        "SSH-2.0-OpenSSH_9.2\r\n",
        "head U: the response does not begin with an HTTP/1.x status line",
    ),
    (
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
        "head U: the response does not begin with an HTTP/1.x status line",
    ),
    (
        "HTTP/2.0 200 OK\r\n\r\n",
        "head U: the peer speaks neither HTTP/1.0 nor HTTP/1.1",
    ),
    (
        "HTTP/1.1 20x OK\r\n\r\n",
        "head U: the response does not begin with an HTTP/1.x status line",
    ),
    (
        "HTTP/1.1 200 OK\r\nnocolon\r\n\r\n",
        "head U: a header line does not begin with a name and a colon",
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",
        "head U: Content-Length is not a decimal number of 64 bits",
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "head U: Content-Length is given more than once",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "head U: Transfer-Encoding names a coding other than chunked",
    ),
    (
        "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
        "head U: the server switched protocols without being asked to",
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        "body U: the peer closed the connection after 5 of 10 bytes of the body",
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "body U: the peer closed the connection after 0 of 10 bytes of the body",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        "body U: the peer closed the connection after 5 bytes of a chunked body, before its end",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
        "body U: the peer closed the connection after 3 bytes of a chunked body, before its end",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "body U, 0 bytes received: a chunk size is not a hexadecimal number of 64 bits",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n1234567\r\n",
        "body U, 5 bytes received: a chunk is not followed by CRLF",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        "body U, 0 bytes received: a chunk size is not a hexadecimal number of 64 bits",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n",
        "body U, 0 bytes received: a chunk size is not a hexadecimal number of 64 bits",
    ),
];

#[test]
fn a_broken_response_is_told_with_its_step_and_its_fault() {
    for (response, expected) in BROKEN {
        for size in [1, 1_000] {
            let trickle =
                Step::Trickle(response.as_bytes().into(), size, Duration::from_micros(200));
            let raw = Raw::serve(vec![Step::ReadHead, trickle, Step::Close]);
            let url = raw.url("/x?y");
            assert_eq!(
                line(&url),
                expected.replace('U', &raw.url("/x?...")),
                "{response:?} by {size}"
            );
        }
    }
}

#[test]
fn a_head_has_its_limits() {
    let large = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(70_000));
    let raw = Raw::serve(vec![Step::ReadHead, send(&large)]);
    let url = raw.url("/");
    assert_eq!(
        line(&url),
        format!("head {url}: the head is larger than the limit")
    );
    let endless = vec![
        Step::ReadHead,
        send("HTTP/1.1 200 OK\r\n"),
        Step::SendForEver(b"X-Y: z\r\n".into()),
    ];
    let raw = Raw::serve(endless);
    let url = raw.url("/");
    assert_eq!(
        line(&url),
        format!("head {url}: there are more header lines than the limit")
    );
    let endless = vec![
        Step::ReadHead,
        send("HTTP/1.1 200 OK\r\nX: "),
        Step::SendForEver(vec![b'x'; 100]),
    ];
    let raw = Raw::serve(endless);
    let url = raw.url("/");
    assert_eq!(
        line(&url),
        format!("head {url}: the head is larger than the limit")
    );
    let raw = Raw::serve(vec![
        Step::ReadHead,
        Step::SendForEver(b"HTTP/1.1 102 Wait\r\n\r\n".into()),
    ]);
    let url = raw.url("/");
    assert_eq!(
        line(&url),
        format!("head {url}: there are more informational responses than the limit")
    );
}

/// One connection: reads a little, says this, and resets when told to, or when whom it was to hear from is gone.
fn resetting(says: &'static str) -> (String, mpsc::Sender<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // The rest stays unread: closing then resets.
        stream.read_exact(&mut [0; 10]).unwrap();
        stream.write_all(says.as_bytes()).unwrap();
        _ = told.recv();
    });
    (url, tell)
}

#[test]
fn a_reset_is_told_with_its_step() {
    let table = [
        ("", "head U: Connection reset by peer (os error 104)"),
        (
            "HTTP/1.1 200 ",
            "head U: Connection reset by peer (os error 104)",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123",
            "body U, 3 of 10 bytes received: Connection reset by peer (os error 104)",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n",
            "body U, 3 bytes received: Connection reset by peer (os error 104)",
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\n123",
            "body U, 3 bytes received: Connection reset by peer (os error 104)",
        ),
    ];
    for (says, expected) in table {
        let (url, reset) = resetting(says);
        // A reset overtakes what was not read yet: a body's beginning has to be there, of a head it does not matter.
        if !says.contains("123") {
            reset.send(()).unwrap();
        }
        let call = get(&url).deadline(LIMIT).send();
        let call = call.on(CHUNK, move |_| _ = reset.send(()));
        assert_eq!(line_of(&url, call), expected.replace('U', &url), "{says:?}");
    }
}

#[test]
fn a_reset_while_sending_is_told_as_such() {
    let (url, reset) = resetting("");
    reset.send(()).unwrap();
    let error = run(post(&url).body(vec![0; 50_000_000]).send()).unwrap_err();
    let text = error.to_string();
    let causes = [
        "Connection reset by peer (os error 104)",
        "Broken pipe (os error 32)",
    ];
    assert!(
        causes
            .iter()
            .any(|cause| text == format!("send {url}: {cause}")),
        "{text}"
    );
}

#[test]
fn a_refusal_in_the_middle_of_an_upload_is_heard() {
    // The server answers and closes its side without reading all: the answer counts, not the broken pipe.
    let raw = Raw::serve(early_refusal());
    let page = run(post(raw.url("/")).body(vec![0; 30_000_000]).send()).unwrap();
    assert_eq!(
        (page.status().as_u16(), &*page.text().unwrap()),
        (413, "much")
    );
}

#[test]
fn silence_is_told_with_its_step() {
    let limit = ms(60);
    let table = [
        (vec![Step::ReadHead], "head U: timed out after 60ms"),
        (
            vec![Step::ReadHead, send("HTTP/1.1 2")],
            "head U: timed out after 60ms",
        ),
        (
            vec![
                Step::ReadHead,
                send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"),
            ],
            "body U, 3 of 10 bytes received: timed out after 60ms",
        ),
        (
            vec![Step::ReadHead, send("HTTP/1.1 200 OK\r\n\r\n123")],
            "body U, 3 bytes received: timed out after 60ms",
        ),
    ];
    for (script, expected) in table {
        let raw = Raw::serve(script);
        let url = raw.url("/");
        let signed = url.replace("http://", "http://me:secret@");
        let still = Still::new();
        let call = get(signed).deadline(limit).send();
        let late = match expected.starts_with("head") {
            true => still.late_after(SENT, limit, call),
            false => still.late_after(CHUNK, limit, call),
        };
        let error = late.unwrap_err();
        assert_eq!(error.kind(), Kind::TimedOut);
        assert_eq!(
            error.to_string(),
            expected.replace('U', &url),
            "and no password"
        );
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let still = Still::new();
    let call = post(&url).body(vec![0; 50_000_000]).deadline(limit).send();
    let error = still.late_after(CONNECTED, limit, call).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("send {url}: timed out after 60ms")
    );
}

#[test]
fn what_came_before_a_streamed_body_broke_is_delivered() {
    let raw = Raw::serve(vec![
        Step::ReadHead,
        send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"),
        Step::Pause(Duration::from_millis(30)),
        send("45"),
        Step::Close,
    ]);
    let url = raw.url("/");
    let (got, error) = run(async move {
        let mut body = get(url).stream().await?.take_body()?;
        let mut got = Vec::new();
        loop {
            match body.next().await {
                Ok(piece) => got.extend_from_slice(&piece.expect("it does not end well")),
                Err(error) => return Ok((got, error)),
            }
        }
    })
    .unwrap();
    assert_eq!(got, b"12345");
    let ours: &Error = error.downcast_ref().unwrap();
    assert_eq!(
        (ours.phase(), ours.received(), ours.peer()),
        (Phase::Body, Some((5, Some(10))), Some(raw.address()))
    );
}
