//! Bodies in both directions: expectations, streaming, back-pressure.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bed::pattern;
use bytes::Bytes;
use evcore::Promise;
use evhttp::http::{HeaderMap, StatusCode};
use evhttp::server::Request;
use evhttp::{Body, CHUNK, Response, Server, serve};

use crate::{LIMIT, SECOND, Served, field, serving};

#[test]
fn a_body_is_called_for_when_it_is_read() {
    let server = serving(|| {
        let answer = |request: Request| async move {
            match request.path() {
                "/read" => request
                    .body
                    .collect(100)
                    .await
                    .map(|body| String::from_utf8_lossy(&body).into_owned()),
                _ => Ok("unwanted".to_owned()),
            }
        };
        serve("127.0.0.1:0", answer).unwrap()
    });
    let mut peer = server.connect();
    let expecting = |path: &str| {
        format!(
            "PUT {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        )
    };
    peer.send(expecting("/read"));
    assert_eq!(peer.head(), "HTTP/1.1 100 Continue\r\n\r\n");
    peer.send("body");
    assert_eq!(peer.answer(), (200, "body".into()));
    // Who does not wait is not told.
    peer.send(expecting("/read") + "body");
    assert_eq!(peer.answer(), (200, "body".into()));
    // Whose body is not wanted gets the answer at once; it may still come, so nothing else can.
    peer.send(expecting("/leave"));
    assert_eq!(peer.answer(), (200, "unwanted".into()));
    assert!(peer.is_closed_within(LIMIT));
}

#[test]
fn bytes_of_unknown_number_go_in_chunks_or_until_the_end() {
    let server = serving(|| {
        let answer = |_| {
            let mut pieces = ["hello ", "", "world"].into_iter();
            let body = Body::from_fn(None, move || Promise::ready(pieces.next().map(Bytes::from)));
            Response::new(StatusCode::OK).with_body(body)
        };
        serve("127.0.0.1:0", answer).unwrap()
    });
    let text = server.ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(field(&text, "transfer-encoding"), Some("chunked"));
    assert!(
        text.ends_with("\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"),
        "{text}"
    );
    let text = server.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(
        (
            field(&text, "transfer-encoding"),
            field(&text, "connection")
        ),
        (None, Some("close"))
    );
    assert!(text.ends_with("\r\n\r\nhello world"), "{text}");
}

#[test]
fn a_body_that_fails_is_seen_to_be_incomplete() {
    let server = serving(|| {
        let answer = |request: Request| {
            let mut pieces = [Some(Promise::ready(Some(Bytes::from("half")))), None]
                .into_iter()
                .flatten();
            let known = (request.path() == "/known").then_some(8);
            let body = Body::from_fn(known, move || {
                pieces.next().unwrap_or_else(|| Promise::failed("disk"))
            });
            Response::new(StatusCode::OK).with_body(body)
        };
        serve("127.0.0.1:0", answer).unwrap()
    });
    for (path, end) in [
        ("/known", "\r\n\r\nhalf"),
        ("/chunked", "\r\n\r\n4\r\nhalf\r\n"),
    ] {
        let text = server.ask(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert!(text.ends_with(end), "{text}");
    }
}

#[test]
fn an_echo_streams_both_ways_at_once() {
    let server = serving(|| {
        let echo = |request: Request| Response::new(StatusCode::OK).with_body(request.body);
        serve("127.0.0.1:0", echo).unwrap()
    });
    let mut peer = server.connect();
    peer.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    peer.head();
    for _ in 0..3 {
        peer.send("4\r\nping\r\n");
        assert_eq!(
            peer.body(9),
            b"4\r\nping\r\n",
            "before the next one is sent"
        );
    }
    peer.send("0\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(peer.body(5), b"0\r\n\r\n");
    assert_eq!(peer.answer(), (200, String::new()));
}

#[test]
fn a_request_body_kept_for_later_says_that_it_is_gone() {
    let (tell, told) = std::sync::mpsc::channel();
    let server = serving(move || {
        let answer = move |request: Request| {
            let (tell, mut body) = (tell.clone(), request.body);
            let late = evcore::spawn(async move {
                evcore::sleep(Duration::from_millis(50)).await?;
                let read = body
                    .next()
                    .await
                    .map(|piece| piece.map(|piece| piece.len()));
                tell.send(read.map_err(|error| error.to_string())).unwrap();
                Ok(())
            });
            drop(late);
            "answered"
        };
        serve("127.0.0.1:0", answer).unwrap()
    });
    let mut peer = server.connect();
    peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(peer.answer(), (200, "answered".into()));
    assert_eq!(told.recv_timeout(LIMIT).unwrap(), Err(LATE.to_owned()));
}

type Told = Result<usize, String>;

/// Reads a body in a coroutine of its own, and tells of each piece and of an error.
fn telling(body: Body, tell: Sender<Told>) -> Promise<Rc<HeaderMap>> {
    let failed = tell.clone();
    let read = body
        .done()
        .on(CHUNK, move |piece| tell.send(Ok(piece.len())).unwrap());
    read.settled(move |outcome| {
        if let Err(error) = outcome {
            // The test may be over.
            _ = failed.send(Err(error.to_string()));
        }
    });
    read
}

/// A server that reads bodies in a coroutine beside the conversation (`Body::done`), which goes on with what `/go` lets
/// go on; and what is told of the bodies: the length of a piece, or the error.
fn reading_apart(idle: Duration) -> (Served, Receiver<Told>) {
    let (tell, told) = channel();
    let server = serving(move || {
        let (go, resolver) = Promise::pending();
        let resolver = Rc::new(RefCell::new(Some(resolver)));
        let answer = move |request: Request| {
            let (tell, resolver, go) = (tell.clone(), resolver.clone(), go.fork());
            async move {
                if request.path() == "/go" {
                    resolver.take().expect("said once").resolve(());
                    return Ok("gone");
                }
                let fails = request.path() == "/fails";
                let read = telling(request.body, tell);
                go.await?;
                match fails {
                    true => Err(evcore::Error::from("not for you")),
                    false => read.await.map(|_| "read"),
                }
            }
        };
        let server = Server::builder().idle_for(idle);
        server.serve("127.0.0.1:0", answer).unwrap()
    });
    (server, told)
}

const LATE: &str = "the request's body went with its exchange, which is over";

/// A socket wakes one coroutine in a direction: the one that reads is not to be forgotten when the other has a look.
#[test]
fn a_body_read_apart_goes_on_while_the_answer_is_made() {
    let (server, told) = reading_apart(10 * LIMIT);
    let mut peer = server.connect();
    peer.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nbo");
    assert_eq!(told.recv_timeout(LIMIT).unwrap(), Ok(2));
    let mut other = server.connect();
    other.send("GET /go HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(other.answer(), (200, "gone".into()));
    for _ in 0..3 {
        peer.send("dy");
        assert_eq!(told.recv_timeout(LIMIT), Ok(Ok(2)));
    }
    assert_eq!(peer.answer(), (200, "read".into()));
}

#[test]
fn a_body_read_apart_hears_that_its_exchange_is_over() {
    let (server, told) = reading_apart(10 * LIMIT);
    let mut peer = server.connect();
    peer.send("PUT /fails HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nten bytes.");
    assert_eq!(told.recv_timeout(LIMIT).unwrap(), Ok(10));
    let mut other = server.connect();
    other.send("GET /go HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(other.answer(), (200, "gone".into()));
    assert_eq!(peer.answer().0, 500);
    assert_eq!(told.recv_timeout(LIMIT), Ok(Err(LATE.to_owned())));
}

/// The end of a connection is that of its body, and nobody who reads that keeps the socket.
#[test]
fn a_body_read_apart_goes_with_its_connection() {
    let (server, told) = reading_apart(SECOND / 5);
    let mut peer = server.connect();
    peer.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nten bytes.");
    assert_eq!(told.recv_timeout(LIMIT).unwrap(), Ok(10));
    assert!(peer.is_closed_within(LIMIT), "it is swept");
    assert_eq!(told.recv_timeout(LIMIT), Ok(Err(LATE.to_owned())));
}

#[test]
fn a_body_that_is_kept_keeps_no_connection() {
    let kept: Rc<RefCell<Option<Body>>> = Rc::default();
    let keep = kept.clone();
    let server = serve("127.0.0.1:0", move |request: Request| {
        *keep.borrow_mut() = Some(request.body);
        evcore::sleep(10 * LIMIT).then(|()| "late")
    });
    let server = server.unwrap();
    let mut peer = TcpStream::connect(server.local_addr()).unwrap();
    peer.set_read_timeout(Some(LIMIT)).unwrap();
    peer.write_all(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
        .unwrap();
    let looking = kept.clone();
    let asked = evcore::spawn(async move {
        while looking.borrow().is_none() {
            evcore::sleep(evcore::ms(1)).await?;
        }
        Ok(())
    });
    evcore::run(asked.timeout(LIMIT)).unwrap();
    server.close();
    // Its work is dropped in the next turn.
    evcore::run(evcore::sleep(Duration::ZERO)).unwrap();
    let read = peer.read(&mut [0]);
    assert!(matches!(read, Ok(0)), "{read:?}");
    let mut body = kept.take().expect("it was kept");
    let late = evcore::run(evcore::spawn(async move { body.next().await }));
    assert_eq!(late.unwrap_err().to_string(), LATE);
}

/// Memory of this program that is in use, in KiB.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_large_file_is_streamed_in_little_memory() {
    let length = 400 << 20;
    let dir = bed::TempDir::new("stream");
    let path = dir.join("file");
    let hash = pattern::write_file(&path, length).unwrap();
    let server = serving(move || serve("127.0.0.1:0", move |_| Response::file(&path)).unwrap());
    let mut peer = server.connect();
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let head = peer.head();
    assert_eq!(field(&head, "content-length"), Some(&*length.to_string()));
    // A reader that is slow at first: what it does not take must stay in the file.
    std::thread::sleep(Duration::from_millis(300));
    let mut got = pattern::Hash::new();
    let begun = peer.body(peer.received.len());
    got.update(&begun);
    let (before, mut most) = (resident(), 0);
    let mut buffer = vec![0; 1 << 16];
    while got.length() < length {
        let count = peer.stream.read(&mut buffer).unwrap();
        assert!(count > 0, "closed after {}", got.length());
        got.update(&buffer[..count]);
        most = most.max(if got.length() % (1 << 24) < 1 << 16 {
            resident()
        } else {
            0
        });
    }
    assert_eq!(got.finish(), hash);
    // Other tests run beside this one; a tenth of the file leaves them room and is still no buffering.
    assert!(
        most < before + 40 * 1024,
        "{before} KiB before, {most} KiB at most"
    );
}
