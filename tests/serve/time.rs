//! Peers that take their time.

use std::time::{Duration, Instant};

use evcore::{ManualClock, Reactor};
use evhttp::{Response, Server, serve};

use crate::{SECOND, Served, serving};

const SHORT: Duration = Duration::from_millis(200);

fn short() -> Served {
    serving(|| {
        let server = Server::builder().head_within(SHORT).idle_for(3 * SHORT);
        let piece = bytes::Bytes::from(vec![0; 1 << 16]);
        let endless = move |request: evhttp::server::Request| {
            let piece = piece.clone();
            match request.path() {
                "/endless" => {
                    Response::new(evhttp::http::StatusCode::OK)
                        .with_body(evhttp::Body::from_fn(None, move || {
                            evcore::Promise::ready(Some(piece.clone()))
                        }))
                }
                _ => Response::plain("hi"),
            }
        };
        server.serve("127.0.0.1:0", endless).unwrap()
    })
}

/// How long after `began` the server closes.
fn closed_after(peer: &mut crate::Peer, began: Instant) -> Duration {
    assert!(peer.is_closed_within(10 * SECOND));
    began.elapsed()
}

#[test]
fn who_never_asks_is_closed() {
    let server = short();
    let mut peer = server.connect();
    let took = closed_after(&mut peer, Instant::now());
    assert!(took >= SHORT * 9 / 10 && took < SHORT * 3, "{took:?}");
}

#[test]
fn a_head_that_trickles_in_is_closed() {
    let server = short();
    let mut peer = server.connect();
    let began = Instant::now();
    let head =
        b"GET / HTTP/1.1\r\nHost: x\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy";
    for byte in head.chunks(1) {
        // Sending to who has closed fails in the end; that is what is waited for.
        if std::io::Write::write_all(&mut peer.stream, byte).is_err() {
            break;
        }
        std::thread::sleep(SHORT / 20);
    }
    let took = began.elapsed();
    assert!(
        took < SHORT * 3,
        "each byte was in time, their sum was not: {took:?}"
    );
    assert!(peer.is_closed_within(SECOND));
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
    let began = Instant::now();
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.answer();
    let took = closed_after(&mut peer, began);
    assert!(took >= SHORT * 2 && took < SHORT * 6, "{took:?}");
}

#[test]
fn who_takes_nothing_is_closed() {
    let server = short();
    let mut peer = server.connect();
    peer.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.head();
    std::thread::sleep(SHORT * 6);
    // What the system holds still comes, then the end.
    peer.stream.set_read_timeout(Some(SECOND)).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut received = 0;
    loop {
        match std::io::Read::read(&mut peer.stream, &mut buffer) {
            Ok(0) => break,
            Ok(count) => received += count,
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                break;
            }
        }
        assert!(received < 100 << 20, "it goes on for ever");
    }
}

/// For how long a server with its usual limits keeps a connection on which this was sent, by a clock that leaps.
fn kept_after(sent: &[u8]) -> Duration {
    let clock = ManualClock::leaping();
    let reactor = Reactor::builder().clock(&clock).build().unwrap();
    let began = clock.now();
    let entered = reactor.enter();
    let server = serve("127.0.0.1:0", |_| "hi").unwrap();
    let mut peer = std::net::TcpStream::connect(server.local_addr()).unwrap();
    std::io::Write::write_all(&mut peer, sent).unwrap();
    drop(entered);
    while server.connections() == 0 {
        reactor.turn(Duration::ZERO);
    }
    while server.connections() > 0 {
        reactor.turn(None);
    }
    clock.now() - began
}

#[test]
fn the_usual_limits_hold_by_a_clock_that_leaps() {
    let table = [
        ("GET / HT", 30, "half a head"),
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 75, "no second request"),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            5,
            "a peer that does not close",
        ),
    ];
    for (sent, limit, what) in table {
        let took = kept_after(sent.as_bytes());
        let limit = Duration::from_secs(limit);
        assert!(
            took >= limit && took < limit + Duration::from_secs(10),
            "{what}: {took:?}"
        );
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
    evcore::run(async move {
        for path in ["/answer", "/body"] {
            let mut peer = std::net::TcpStream::connect(address).unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            std::io::Write::write_all(&mut peer, request.as_bytes()).unwrap();
            evcore::sleep(SHORT).await?;
            assert_eq!(server.connections(), 1);
            drop(peer);
            evcore::sleep(SHORT).await?;
            assert_eq!(server.connections(), 0, "{path}");
        }
        Ok(())
    })
    .unwrap();
}
