//! Keeping, pipelining, versions, and what a function may return.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use evcore::{Promise, Reactor, run, sleep};
use evhttp::http::StatusCode;
use evhttp::server::Request;
use evhttp::{Response, Server, get, serve};

use crate::{LIMIT, SECOND, echoing, field, serving};

#[test]
fn a_connection_is_kept_and_its_answers_are_dated() {
    let server = echoing();
    let mut peer = server.connect();
    for n in 0..5 {
        peer.send(format!("GET /{n} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let head = peer.head();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(
            field(&head, "date").is_some_and(|date| date.ends_with(" GMT")),
            "{head}"
        );
        assert_eq!(
            field(&head, "content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(field(&head, "connection"), None);
        assert_eq!(peer.body(6), format!("GET /{n}").into_bytes());
    }
    peer.finish();
    assert_eq!(peer.rest(), "", "who has said all is let go");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = serving(|| {
        let answer = |request: Request| async move {
            // The earlier, the slower: order is not a matter of luck.
            let n: u64 = request.target[1..].parse().unwrap();
            evcore::sleep(Duration::from_millis(20_u64.saturating_sub(n))).await?;
            Ok::<_, evcore::Error>(request.target)
        };
        serve("127.0.0.1:0", answer).unwrap()
    });
    let requests: String = (0..40)
        .map(|n| format!("GET /{n} HTTP/1.1\r\nHost: x\r\n\r\n"))
        .collect();
    for size in [requests.len(), 13, 1] {
        let mut peer = server.connect();
        for piece in requests.as_bytes().chunks(size) {
            peer.send(piece);
        }
        for n in 0..40 {
            assert_eq!(peer.answer(), (200, format!("/{n}")));
        }
    }
}

#[test]
fn pipelined_requests_with_bodies_do_not_run_together() {
    let server = serving(|| {
        let echo = |request: Request| async move {
            let path = request.target;
            // Every second body is left unread.
            match path.ends_with(['0', '2', '4', '6', '8']) {
                true => Ok(path),
                false => request
                    .body
                    .collect(100)
                    .await
                    .map(|body| String::from_utf8_lossy(&body).into_owned()),
            }
        };
        serve("127.0.0.1:0", echo).unwrap()
    });
    let mut peer = server.connect();
    for n in 0..10 {
        let chunked = "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
        let framing = if n % 4 < 2 {
            "Content-Length: 4\r\n\r\nbody"
        } else {
            chunked
        };
        peer.send(format!("POST /{n} HTTP/1.1\r\nHost: x\r\n{framing}"));
    }
    for n in 0..10 {
        let expected = if n % 2 == 0 {
            format!("/{n}")
        } else {
            "body".into()
        };
        assert_eq!(peer.answer(), (200, expected), "{n}");
    }
}

#[test]
fn http_1_0_is_kept_only_if_it_asks() {
    let server = echoing();
    let text = server.ask("GET / HTTP/1.0\r\n\r\n");
    assert!(
        text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("GET /"),
        "{text}"
    );
    assert_eq!(field(&text, "connection"), Some("close"));
    let mut peer = server.connect();
    for _ in 0..2 {
        peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let head = peer.head();
        assert_eq!(field(&head, "connection"), Some("keep-alive"));
        peer.body(5);
    }
    let text = server.ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(field(&text, "connection"), Some("close"));
}

#[test]
fn head_has_the_length_and_no_body() {
    let server = echoing();
    let mut peer = server.connect();
    peer.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    let head = peer.head();
    assert_eq!(field(&head, "content-length"), Some("7"));
    assert_eq!(peer.answer(), (200, "GET /b".into()));
}

/// Asks a server once for each path and looks at status and body.
fn check(server: &crate::Served, table: &[(&str, u16, &str)]) {
    for (path, status, body) in table {
        let mut peer = server.connect();
        peer.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(peer.answer(), (*status, (*body).into()), "{path}");
    }
}

#[test]
fn a_function_returns_what_it_likes() {
    let text = serving(|| serve("127.0.0.1:0", |_| "text").unwrap());
    check(&text, &[("/", 200, "text")]);
    let bytes = serving(|| serve("127.0.0.1:0", |_| Bytes::from("bytes")).unwrap());
    check(&bytes, &[("/", 200, "bytes")]);
    let status = serving(|| serve("127.0.0.1:0", |_| StatusCode::NO_CONTENT).unwrap());
    check(&status, &[("/", 204, "")]);
    let result = serving(|| {
        let answer = |request: Request| match request.path() {
            "/good" => Ok(Response::plain("good").with_status(StatusCode::CREATED)),
            _ => Err(evcore::Error::from("a secret of ours")),
        };
        serve("127.0.0.1:0", answer).unwrap()
    });
    check(
        &result,
        &[
            ("/good", 201, "good"),
            ("/bad", 500, "internal server error\n"),
            ("/good", 201, "good"),
        ],
    );
    let promise = serving(|| {
        serve("127.0.0.1:0", |_| {
            evcore::sleep(Duration::from_millis(5)).then(|()| "later")
        })
        .unwrap()
    });
    check(&promise, &[("/", 200, "later")]);
    let failing = serving(|| serve("127.0.0.1:0", |_| Promise::<String>::failed("no")).unwrap());
    check(&failing, &[("/", 500, "internal server error\n")]);
    let coroutine = serving(|| {
        serve("127.0.0.1:0", |request: Request| async move {
            evcore::sleep(Duration::from_millis(5)).await?;
            Ok::<_, evcore::Error>(request.query().unwrap_or("none").to_owned())
        })
        .unwrap()
    });
    check(&coroutine, &[("/?a=b", 200, "a=b"), ("/", 200, "none")]);
}

/// Text, bytes and a status go to the wire without a [`Response`]: with the same bytes as if there had been one.
#[test]
fn what_needs_no_response_is_answered_as_with_one() {
    const LARGE: &str = const {
        match std::str::from_utf8(&[b'x'; 40_000]) {
            Ok(text) => text,
            Err(_) => unreachable!(),
        }
    };
    let local = "127.0.0.1:0";
    let bytes = |text: &str| Response::new(StatusCode::OK).with_body(text.to_owned());
    let pairs = [
        (
            serving(move || serve(local, |_| "text").unwrap()),
            serving(move || serve(local, |_| Response::plain("text")).unwrap()),
        ),
        (
            serving(move || serve(local, |_| LARGE).unwrap()),
            serving(move || serve(local, |_| Response::plain(LARGE)).unwrap()),
        ),
        (
            serving(move || serve(local, |_| Bytes::from("bytes")).unwrap()),
            serving(move || serve(local, move |_| bytes("bytes")).unwrap()),
        ),
        status(StatusCode::NOT_FOUND),
        status(StatusCode::NO_CONTENT),
        status(StatusCode::RESET_CONTENT),
        status(StatusCode::CONTINUE),
    ];
    let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let asked = [
        format!("{get}{get}{last}"),
        format!("{get}HEAD / HTTP/1.1\r\nHost: x\r\n\r\n{last}"),
        format!("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n{last}"),
        "GET / HTTP/1.0\r\n\r\n".into(),
        format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody{last}"),
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n".into(),
        format!("CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n{last}"),
    ];
    for (brief, made) in &pairs {
        for asked in &asked {
            let answers = undated(&made.ask(asked));
            assert!(answers.starts_with("HTTP/1.1 "), "{asked:?}: {answers:?}");
            assert_eq!(undated(&brief.ask(asked)), answers, "{asked:?}");
        }
    }
}

fn status(status: StatusCode) -> (crate::Served, crate::Served) {
    (
        serving(move || serve("127.0.0.1:0", move |_| status).unwrap()),
        serving(move || serve("127.0.0.1:0", move |_| Response::new(status)).unwrap()),
    )
}

/// Without what may differ by a second.
fn undated(answers: &str) -> String {
    let lines = answers.split_inclusive('\n');
    lines.filter(|line| !line.starts_with("date: ")).collect()
}

#[test]
fn one_response_answers_many() {
    let server = serving(|| {
        let page = Response::plain("the same");
        serve("127.0.0.1:0", move |_| page.clone()).unwrap()
    });
    let mut peer = server.connect();
    for _ in 0..3 {
        peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(peer.answer(), (200, "the same".into()));
    }
}

#[test]
fn a_response_that_cannot_be_sent_is_answered_with_500() {
    let server = serving(|| {
        let answer =
            |_| Response::plain("no body may follow 204").with_status(StatusCode::NO_CONTENT);
        serve("127.0.0.1:0", answer).unwrap()
    });
    let mut peer = server.connect();
    for _ in 0..2 {
        peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(peer.answer().0, 500);
    }
}

static REPORTED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn a_panic_ends_its_connection_and_nothing_else() {
    let server = serving(|| {
        Reactor::current().on_unhandled(|unhandled| {
            assert!(
                unhandled.to_string().contains("panicked: on purpose"),
                "{unhandled}"
            );
            REPORTED.fetch_add(1, Ordering::SeqCst);
        });
        let count = Rc::new(());
        let answer = move |request: Request| {
            let alive = count.clone();
            if request.path() == "/now" {
                panic!("on purpose");
            }
            async move {
                evcore::sleep(Duration::from_millis(5)).await?;
                if request.path() == "/later" {
                    panic!("on purpose");
                }
                Ok::<_, evcore::Error>(Rc::strong_count(&alive).to_string())
            }
        };
        serve("127.0.0.1:0", answer).unwrap()
    });
    let mut other = server.connect();
    for (n, path) in ["/now", "/later"].iter().enumerate() {
        let mut peer = server.connect();
        peer.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert!(peer.is_closed_within(LIMIT), "{path}");
        assert!(
            bed::wait_until(LIMIT, || REPORTED.load(Ordering::SeqCst) == n + 1),
            "{path}: reported once"
        );
        other.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(
            other.answer(),
            (200, "2".into()),
            "{path}: what it held is freed"
        );
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(REPORTED.load(Ordering::SeqCst), 2);
}

/// What a server's function owns may own the server: the handle that a request to shut down has it close.
#[test]
fn a_server_that_is_closed_lets_go_of_its_function() {
    for by_request in [true, false] {
        let slot: Rc<OnceCell<Server>> = Rc::default();
        let own = slot.clone();
        let server = serve("127.0.0.1:0", move |_| {
            own.get().unwrap().close();
            "closing"
        });
        slot.set(server.unwrap()).unwrap();
        let url = format!("http://{}/", slot.get().unwrap().local_addr());
        match by_request {
            true => run(get(url).send().settled(|_| ())).unwrap(),
            false => slot.get().unwrap().close(),
        }
        let slot = Rc::downgrade(&{ slot });
        // Its work is dropped in the next turn.
        run(sleep(Duration::ZERO)).unwrap();
        assert!(slot.upgrade().is_none(), "by a request: {by_request}");
    }
}

#[test]
fn closing_the_server_closes_everything() {
    let asked = Rc::new(Cell::new(false));
    let note = asked.clone();
    let server = evhttp::serve("127.0.0.1:0", move |_| {
        note.set(true);
        evcore::sleep(100 * SECOND).then(|()| "late")
    })
    .unwrap();
    let address = server.local_addr();
    let mut peers: Vec<_> = (0..3)
        .map(|_| std::net::TcpStream::connect(address).unwrap())
        .collect();
    std::io::Write::write_all(&mut peers[0], b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let closing = async move {
        while server.connections() < 3 || !asked.get() {
            evcore::sleep(Duration::from_millis(1)).await?;
        }
        server.close();
        while server.connections() > 0 {
            evcore::sleep(Duration::from_millis(1)).await?;
        }
        Ok(())
    };
    evcore::run(evcore::spawn(closing).timeout(LIMIT)).unwrap();
    for mut peer in peers {
        peer.set_read_timeout(Some(LIMIT)).unwrap();
        assert!(matches!(std::io::Read::read(&mut peer, &mut [0]), Ok(0)));
    }
    assert!(
        std::net::TcpStream::connect(address).is_err(),
        "nobody listens any more"
    );
}
