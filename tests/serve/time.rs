//! Peers that take their time.

use std::time::{Duration, Instant};

use evcore::{ManualClock, Reactor};
use evhttp::{Response, Server, ServerBuilder, serve};

use crate::{LIMIT, SECOND, Served, serving};

const SHORT: Duration = Duration::from_millis(200);

/// Little time for a head, much for everything else.
fn short() -> Served {
    serving(|| {
        let server = Server::builder().head_within(SHORT).idle_for(10 * LIMIT);
        server.serve("127.0.0.1:0", |_| "hi").unwrap()
    })
}

#[test]
fn who_never_asks_is_closed() {
    let server = short();
    let began = Instant::now();
    let mut peer = server.connect();
    assert!(peer.is_closed_within(LIMIT));
    let took = began.elapsed();
    assert!(took >= SHORT * 9 / 10, "{took:?}");
}

#[test]
fn a_head_that_trickles_in_is_closed() {
    let server = short();
    let mut peer = server.connect();
    let began = Instant::now();
    let mut head = b"GET / HTTP/1.1\r\nHost: x\r\nX: "
        .iter()
        .chain(std::iter::repeat(&b'y'));
    // Each byte is in time, their sum is not. Sending to who has closed fails in the end.
    while std::io::Write::write_all(&mut peer.stream, &[*head.next().unwrap()]).is_ok() {
        assert!(began.elapsed() < LIMIT, "it is listened to for ever");
        std::thread::sleep(SHORT / 20);
    }
    assert!(peer.is_closed_within(LIMIT));
}

#[test]
fn a_kept_connection_has_more_time() {
    let server = short();
    let mut peer = server.connect();
    for _ in 0..3 {
        peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(peer.answer(), (200, "hi".into()));
        std::thread::sleep(SHORT * 3 / 2);
    }
}

#[test]
fn a_limit_of_all_time_is_none() {
    let served = |idle| {
        serving(move || {
            let server = Server::builder().head_within(Duration::MAX).idle_for(idle);
            server.serve("127.0.0.1:0", |_| "hi").unwrap()
        })
    };
    for idle in [Duration::MAX, SHORT] {
        let server = served(idle);
        for _ in 0..2 {
            let mut peer = server.connect();
            peer.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nup");
            assert_eq!(peer.answer(), (200, "hi".into()));
            // Who has a limit is held to it.
            assert!(idle == Duration::MAX || peer.is_closed_within(LIMIT));
        }
    }
}

/// Content without end.
fn endless() -> Response {
    let piece = bytes::Bytes::from(vec![0; 1 << 16]);
    let next = move || evcore::Promise::ready(Some(piece.clone()));
    Response::new(evhttp::http::StatusCode::OK).with_body(evhttp::Body::from_fn(None, next))
}

/// Reads a body in a coroutine of its own, when the answer is under way.
fn read_later(body: evhttp::Body) {
    let read = evcore::sleep(SECOND).and_then({
        let body = std::cell::RefCell::new(Some(body));
        move |()| body.take().expect("asked once").done()
    });
    read.settled(|_| ());
}

/// For how long a server keeps a connection on which this was sent, by a clock that leaps; and the peer, who has read nothing.
fn kept_after(server: ServerBuilder, sent: &[u8]) -> (Duration, std::net::TcpStream) {
    let clock = ManualClock::leaping();
    let reactor = Reactor::builder().clock(&clock).build().unwrap();
    let began = clock.now();
    let entered = reactor.enter();
    let answer = |request: evhttp::server::Request| match request.path() {
        "/endless" => {
            read_later(request.body);
            endless()
        }
        _ => Response::plain("hi"),
    };
    let server = server.serve("127.0.0.1:0", answer).unwrap();
    let most = evcore::sleep(1_000 * SECOND);
    let mut peer = std::net::TcpStream::connect(server.local_addr()).unwrap();
    std::io::Write::write_all(&mut peer, sent).unwrap();
    drop(entered);
    while server.connections() == 0 {
        reactor.turn(Duration::ZERO);
    }
    while server.connections() > 0 && !most.is_settled() {
        reactor.turn(None);
    }
    (clock.now() - began, peer)
}

#[test]
fn limits_hold_by_a_clock_that_leaps() {
    let own = Server::builder()
        .head_within(7 * SECOND)
        .idle_for(90 * SECOND);
    let usual = Server::builder();
    let table = [
        (&usual, "", 30, "no head"),
        (&usual, "GET / HT", 30, "half a head"),
        (&own, "GET / HT", 7, "half a head"),
        (
            &usual,
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            75,
            "no second request",
        ),
        (
            &own,
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            90,
            "no second request",
        ),
        (
            &usual,
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            5,
            "a peer that does not close",
        ),
    ];
    for (server, sent, limit, what) in table {
        let (took, _peer) = kept_after(server.clone(), sent.as_bytes());
        let limit = Duration::from_secs(limit);
        assert!(took >= limit && took < limit + SECOND, "{what}: {took:?}");
    }
}

#[test]
fn who_takes_nothing_is_closed() {
    for rest in ["\r\n", "Content-Length: 4\r\n\r\nbody"] {
        takes_nothing(rest);
    }
}

fn takes_nothing(rest: &str) {
    let ask = format!("PUT /endless HTTP/1.1\r\nHost: x\r\n{rest}");
    let (took, mut peer) = kept_after(Server::builder().idle_for(90 * SECOND), ask.as_bytes());
    assert!(
        took >= 90 * SECOND && took < 102 * SECOND,
        "{rest:?}: {took:?}"
    );
    // What the system holds still comes, then the end.
    let mut buffer = vec![0; 1 << 20];
    let mut received = 0;
    while let Ok(count @ 1..) = std::io::Read::read(&mut peer, &mut buffer) {
        received += count;
        assert!(received < 100 << 20, "it goes on for ever");
    }
}

#[test]
fn who_goes_away_is_not_worked_for() {
    let server = serve("127.0.0.1:0", |request: evhttp::server::Request| {
        let late = evcore::sleep(1_000 * SECOND);
        match request.path() {
            "/answer" => late.then(|()| Response::plain("late")),
            _ => {
                let mut first = Some(late.then(|()| None));
                let body = evhttp::Body::from_fn(None, move || first.take().expect("asked once"));
                evcore::Promise::ready(Response::plain("").with_body(body))
            }
        }
    });
    let server = server.unwrap();
    let address = server.local_addr();
    let asked_and_left = async move {
        for path in ["/answer", "/body"] {
            let mut peer = std::net::TcpStream::connect(address).unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            std::io::Write::write_all(&mut peer, request.as_bytes()).unwrap();
            evcore::sleep(SHORT).await?;
            assert_eq!(server.connections(), 1);
            drop(peer);
            while server.connections() > 0 {
                evcore::sleep(SHORT / 100).await?;
            }
        }
        Ok(())
    };
    evcore::run(evcore::spawn(asked_and_left).timeout(LIMIT)).unwrap();
}
