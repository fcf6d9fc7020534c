//! Bodies in every framing, both ways, whole and in pieces.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll};

use bed::pattern;
use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::{Promise, Result, run};
use evhttp::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use evhttp::server::Request;
use evhttp::{
    Body, Client, Error, ErrorKind, Pieces, Response, fetch, get, head, post, put, serve,
};

/// Responses whose body is `hello world`, and whether the connection ends.
const HELLO: [(&str, bool); 6] = [
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
        false,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
        false,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00B;a=\"b\"\r\nhello world\r\n0\r\nx: y\r\n\r\n",
        false,
    ),
    ("HTTP/1.1 200 OK\r\n\r\nhello world", true),
    ("HTTP/1.0 200 OK\r\n\r\nhello world", true),
    (
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 \r\nContent-Length: 11\r\n\r\nhello world",
        false,
    ),
];

fn server(response: &str, closes: bool, piece: usize) -> Raw {
    let trickle = Step::Trickle(
        response.into(),
        piece,
        std::time::Duration::from_micros(100),
    );
    let end = if closes {
        Step::Finish
    } else {
        Step::Pause(crate::LIMIT)
    };
    Raw::serve(vec![Step::ReadHead, trickle, end])
}

#[test]
fn every_framing_whole_however_it_is_cut() {
    for (response, closes) in HELLO {
        for piece in [1, 7, 1_000] {
            let raw = server(response, closes, piece);
            let page = run(fetch(raw.url("/"))).unwrap();
            assert_eq!(
                page.text().unwrap(),
                "hello world",
                "{response:?} by {piece}"
            );
            assert_eq!(page.status(), StatusCode::OK);
        }
    }
}

#[test]
fn every_framing_streamed_however_it_is_cut() {
    for (response, closes) in HELLO {
        for piece in [1, 7, 1_000] {
            let raw = server(response, closes, piece);
            let url = raw.url("/");
            let all = run(async move {
                let mut body = get(url).stream().await?.take_body()?;
                let mut all = Vec::new();
                while let Some(piece) = body.next().await? {
                    assert!(!piece.is_empty());
                    all.extend_from_slice(&piece);
                }
                assert!(body.next().await?.is_none(), "asked again after the end");
                Ok(all)
            });
            assert_eq!(all.unwrap(), b"hello world", "{response:?} by {piece}");
        }
    }
}

#[test]
fn trailers_come_with_the_end_of_a_streamed_body() {
    for response in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 7\r\n\r\n",
    ] {
        let raw = Raw::answer(response);
        let url = raw.url("/");
        let trailers = run(async move {
            let page = get(url).stream().await?;
            page.take_body()?.done().await
        });
        assert_eq!(trailers.unwrap()["x-sum"], "7", "{response:?}");
    }
}

#[test]
fn heads_without_bodies_leave_the_connection_usable() {
    let raw = Raw::serve(vec![
        Step::ReadHead,
        send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
        Step::ReadHead,
        send("HTTP/1.1 204 No Content\r\n\r\n"),
        Step::ReadHead,
        send("HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n"),
        Step::ReadHead,
        send(crate::OK),
    ]);
    let first = run(head(raw.url("/")).send()).unwrap();
    assert_eq!(first.header("content-length"), Some("1000000"));
    assert_eq!(first.bytes().unwrap(), "");
    for status in [204, 304] {
        let page = run(fetch(raw.url("/"))).unwrap();
        assert_eq!(
            (page.status().as_u16(), page.bytes().unwrap()),
            (status, Bytes::new())
        );
    }
    assert_eq!(run(fetch(raw.url("/"))).unwrap().text().unwrap(), "ok");
    assert_eq!(raw.seen().len(), 1, "one connection carried all four");
}

/// Answers with the method, how the body was framed, and its hash.
async fn echo(request: evhttp::server::Request) -> Result<String> {
    let framing = match request.headers.get("content-length") {
        Some(length) => length.to_str().unwrap().to_owned(),
        None => request
            .headers
            .get("transfer-encoding")
            .map_or("none", |te| te.to_str().unwrap())
            .to_owned(),
    };
    let method = request.method.clone();
    let body = request.body.collect(1 << 30).await?;
    Ok(format!("{method} {framing} {}", pattern::Hash::of(&body)))
}

#[test]
fn bodies_are_sent_whole_and_in_pieces() {
    let server = serve("127.0.0.1:0", echo).unwrap();
    let url = format!("http://{}/", server.local_addr());
    let ask = |request: evhttp::Request| run(request.send()).unwrap().text().unwrap().into_owned();
    for length in [1, 100, 70_000, 5_000_000] {
        let bytes = pattern::bytes(length);
        let hash = pattern::Hash::of(&bytes);
        assert_eq!(
            ask(post(&url).body(bytes.clone())),
            format!("POST {length} {hash}")
        );
        let pieces = |known| {
            let mut left = Bytes::from(bytes.clone());
            Body::from_fn(known, move || {
                let piece = left.split_to(left.len().min(50_021));
                Promise::ready(Some(piece).filter(|piece| !piece.is_empty()))
            })
        };
        assert_eq!(
            ask(put(&url).body(pieces(None))),
            format!("PUT chunked {hash}")
        );
        assert_eq!(
            ask(put(&url).body(pieces(Some(length as u64)))),
            format!("PUT {length} {hash}")
        );
    }
    let nothing = pattern::Hash::of(b"");
    // RFC 9110 §8.6: a method that expects a body says that it has none.
    assert_eq!(ask(post(&url)), format!("POST 0 {nothing}"));
    assert_eq!(ask(get(&url)), format!("GET none {nothing}"));
}

#[test]
fn a_small_post_is_one_write() {
    let raw = Raw::serve(vec![
        Step::Read(1),
        send(crate::OK),
        Step::Pause(crate::LIMIT),
    ]);
    run(post(raw.url("/")).body("x=1").send()).unwrap();
    // The first read of the server has all of it: head and body were not sent one by one.
    assert!(
        raw.seen()[0].text().ends_with("\r\n\r\nx=1"),
        "{}",
        raw.seen()[0].text()
    );
}

#[test]
fn the_head_is_what_was_asked_for() {
    let raw = Raw::answer(crate::OK);
    let url = raw.url("/a%20b?c=d#fragment");
    run(evhttp::request(Method::OPTIONS, url)
        .header("X-One", "1")
        .header("x-one", "2")
        .send())
    .unwrap();
    let text = raw.seen()[0].text();
    let host = raw.address();
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "OPTIONS /a%20b?c=d HTTP/1.1\r\nhost: {host}\r\nuser-agent: evhttp/{version}\r\nx-one: 1\r\nx-one: 2\r\naccept-encoding: zstd, br, gzip, deflate\r\n\r\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn a_large_file_comes_through_both_ends() {
    let dir = bed::TempDir::new("large");
    let hash = pattern::write_file(&dir.join("file"), 20_000_003).unwrap();
    let path = dir.join("file");
    let server = serve("127.0.0.1:0", move |_| Response::file(&path)).unwrap();
    let page = run(fetch(format!("http://{}/", server.local_addr()))).unwrap();
    assert_eq!(page.header("content-length"), Some("20000003"));
    assert_eq!(pattern::Hash::of(&page.bytes().unwrap()), hash);
}

#[test]
fn a_body_is_taken_once_and_a_response_is_cheap_to_clone() {
    let raw = Raw::answer(crate::OK);
    let url = raw.url("/x");
    let again = run(async move {
        let page = get(url).stream().await?;
        let twin = page.clone();
        assert!(page.bytes().is_err(), "it is still on the wire");
        let body = twin.take_body()?;
        let again = page.take_body().map(drop).unwrap_err();
        assert_eq!(body.collect(10).await?, "ok");
        Ok(again)
    });
    let again = again.unwrap();
    assert!(matches!(kind(&again), ErrorKind::BodyTaken));
    assert_eq!(
        again.to_string(),
        format!("body {}: the body has been taken already", raw.url("/x"))
    );
    let whole = run(fetch(raw.url("/"))).unwrap();
    assert_eq!(
        whole.bytes().unwrap().as_ptr(),
        whole.clone().bytes().unwrap().as_ptr()
    );
}

fn kind(error: &evcore::Error) -> &ErrorKind {
    error.downcast_ref::<Error>().expect("one of ours").kind()
}

#[test]
fn a_body_has_a_limit() {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
    ] {
        let raw = Raw::answer(response);
        assert_eq!(
            run(get(raw.url("/")).body_limit(11).send())
                .unwrap()
                .text()
                .unwrap(),
            "hello world"
        );
        let error = run(get(raw.url("/")).body_limit(10).send()).unwrap_err();
        assert!(matches!(kind(&error), ErrorKind::TooLarge { limit: 10 }));
        let url = raw.url("/");
        assert_eq!(
            error.to_string(),
            format!("body {url}: the body is larger than the 10 bytes allowed")
        );
    }
    // An announced body that is too large is not even waited for.
    let raw = Raw::answer("HTTP/1.1 200 OK\r\nContent-Length: 9999999999999\r\n\r\n");
    let error = run(fetch(raw.url("/"))).unwrap_err();
    assert!(
        matches!(kind(&error), ErrorKind::TooLarge { .. }),
        "{error}"
    );
}

#[test]
fn a_streamed_body_is_read_only_when_asked_for() {
    let taken = Rc::new(Cell::new(0_u64));
    let count = taken.clone();
    let server = serve("127.0.0.1:0", move |_| {
        let count = count.clone();
        Response::new(StatusCode::OK).with_body(Body::from_fn(None, move || {
            count.set(count.get() + 1);
            Promise::ready(Some(Bytes::from(vec![0; 1 << 16])))
        }))
    });
    let url = format!("http://{}/", server.unwrap().local_addr());
    run(async move {
        let page = get(url).stream().await?;
        let mut before = 0;
        while before == 0 || before != taken.get() {
            before = taken.get();
            assert!(
                before < 400,
                "{before} pieces of 64 KiB: more than two sockets hold, and nobody asked"
            );
            evcore::sleep(evcore::ms(100)).await?;
        }
        let mut body = page.take_body()?;
        let mut received = 0;
        while received < (before << 16) + (10 << 20) {
            received += body.next().await?.expect("it never ends").len() as u64;
        }
        assert!(taken.get() > before);
        Ok(())
    })
    .unwrap();
}

/// A piece, and what follows it.
struct Trailed(Option<Bytes>);

impl Pieces for Trailed {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        Poll::Ready(self.0.take().map(Ok))
    }

    fn length(&self) -> Option<u64> {
        None
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        let sum = (
            HeaderName::from_static("x-sum"),
            HeaderValue::from_static("7"),
        );
        Some(HeaderMap::from_iter([sum]))
    }
}

#[test]
fn trailers_of_a_request_follow_its_body() {
    const SENT: &str = "4\r\nbody\r\n0\r\nx-sum: 7\r\n\r\n";
    let put = |url: String| {
        let call = Client::new()
            .put(url)
            .header("trailer", "x-sum")
            .header("te", "trailers");
        call.body(Body::pieces(Trailed(Some("body".into())))).send()
    };
    let raw = Raw::serve(vec![
        Step::ReadHead,
        send("HTTP/1.1 100 Go\r\n\r\n"),
        Step::ReadBody(SENT.len()),
        send(crate::OK),
    ]);
    crate::soon(put(raw.url("/"))).unwrap();
    let text = raw.seen()[0].text();
    assert!(text.ends_with(&format!("\r\n\r\n{SENT}")), "{text}");
    for field in [
        "trailer: x-sum",
        "te: trailers",
        "transfer-encoding: chunked",
    ] {
        assert!(text.contains(&format!("{field}\r\n")), "{text}");
    }
    let server = serve("127.0.0.1:0", |request: Request| async move {
        let (mut body, mut length) = (request.body, 0);
        while let Some(piece) = body.next().await? {
            length += piece.len();
        }
        let trailers = body.take_trailers().unwrap_or_default();
        Ok::<_, evcore::Error>(format!(
            "{length} {:?} {:?}",
            request.headers["trailer"], trailers["x-sum"]
        ))
    });
    let page = run(put(format!("http://{}/", server.unwrap().local_addr()))).unwrap();
    assert_eq!(page.text().unwrap(), "4 \"x-sum\" \"7\"");
}

#[test]
fn an_answer_before_the_end_stops_the_sending_unasked_too() {
    let refusal = "HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno";
    let raw = Raw::serve_each(vec![
        // It reads no more, and does not close.
        vec![Step::ReadHead, send(refusal), Step::Read(1 << 40)],
        vec![Step::ReadHead, send(crate::OK)],
    ]);
    let (given, piece) = (Rc::new(Cell::new(0_u64)), Bytes::from(vec![0; 1 << 20]));
    let count = given.clone();
    let body = Body::from_fn(Some(1 << 40), move || {
        count.set(count.get() + 1);
        Promise::ready(Some(piece.clone()))
    });
    let client = Client::new();
    let call = client.put(raw.url("/")).expect_continue(false).body(body);
    let page = run(call.send()).unwrap();
    assert_eq!(
        (page.status().as_u16(), &*page.text().unwrap()),
        (413, "no")
    );
    assert!(given.get() < 1 << 20, "all of it was sent");
    assert!(raw.closed_by_client(1, crate::LIMIT));
    assert_eq!(
        run(client.fetch(raw.url("/"))).unwrap().text().unwrap(),
        "ok"
    );
    assert_eq!(raw.seen().len(), 2, "the connection is not kept");
}
