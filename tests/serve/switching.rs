//! Connections that a server hands over: what it says before, what it refuses, and what becomes of them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use evcore::{Promise, Result, run, sleep};
use evhttp::http::{Method, StatusCode};
use evhttp::server::Request;
use evhttp::{Response, Server, Upgraded, serve};

use crate::{LIMIT, Peer, SECOND, Served, field, serving};

/// Says back what comes, until the peer ends its side.
async fn echo(stream: Upgraded) -> Result<()> {
    loop {
        let bytes = stream.read(1_000).await?;
        if bytes.is_empty() {
            return stream.shutdown().await;
        }
        stream.write_all(bytes).await?;
    }
}

fn echoing() -> Served {
    serving(|| {
        let answer = |request: Request| match (request.path(), &request.method) {
            (_, &Method::CONNECT) => Response::tunnel(echo),
            ("/tunnel", _) => Response::tunnel(echo),
            ("/bare", _) => Response::new(StatusCode::SWITCHING_PROTOCOLS),
            ("/asks", _) if !request.wants_upgrade("echo") => Response::upgrade_required("echo"),
            _ => Response::switching("echo", echo),
        };
        serve("127.0.0.1:0", answer).unwrap()
    })
}

const WANTED: &str =
    "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\n";

/// What comes of this until the server closes.
fn last(peer: &mut Peer, request: &str) -> String {
    peer.send(request);
    let head = peer.head();
    let rest = field(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    head + &String::from_utf8(peer.body(rest)).unwrap()
}

fn echoes(peer: &mut Peer, text: &str) {
    peer.send(text);
    assert_eq!(String::from_utf8(peer.body(text.len())).unwrap(), text);
}

#[test]
fn the_head_says_what_is_spoken_and_early_bytes_are_handed_over() {
    let server = echoing();
    let mut peer = server.connect();
    peer.send(WANTED.to_owned() + "early");
    let head = peer.head();
    let lines: Vec<&str> = head
        .lines()
        .filter(|line| !line.starts_with("date: "))
        .collect();
    assert_eq!(
        lines,
        [
            "HTTP/1.1 101 Switching Protocols",
            "upgrade: echo",
            "connection: upgrade",
            ""
        ]
    );
    assert_eq!(peer.body(5), b"early");
    echoes(&mut peer, "GET / HTTP/1.1\r\n\r\n");
    peer.finish();
    assert_eq!(peer.rest(), "", "who has said all is let go");
}

#[test]
fn answers_before_it_go_out_first() {
    let server = serving(|| {
        let answer = |request: Request| async move {
            match request.path() {
                "/up" => Response::switching("echo", echo),
                path => {
                    sleep(SECOND / 100).await.unwrap();
                    Response::plain(path)
                }
            }
        };
        serve("127.0.0.1:0", answer).unwrap()
    });
    let mut peer = server.connect();
    let plain = |path| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.send(plain("/1") + &plain("/2") + &WANTED.replace(" / ", " /up ") + "early");
    assert_eq!(peer.answer(), (200, "/1".into()));
    assert_eq!(peer.answer(), (200, "/2".into()));
    assert!(peer.head().starts_with("HTTP/1.1 101 "));
    assert_eq!(peer.body(5), b"early");
}

#[test]
fn who_has_not_asked_gets_an_error_and_goes_on_with_http() {
    let server = echoing();
    let table = [
        ("no field", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        (
            "no connection option",
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\n\r\n",
        ),
        (
            "no Upgrade",
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\n\r\n",
        ),
        (
            "HTTP/1.0",
            "GET / HTTP/1.0\r\nConnection: keep-alive, upgrade\r\nUpgrade: echo\r\n\r\n",
        ),
        (
            "a tunnel without CONNECT",
            "GET /tunnel HTTP/1.1\r\nHost: x\r\n\r\n",
        ),
        (
            "nobody takes it",
            "GET /bare HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
        ),
    ];
    let mut peer = server.connect();
    for (case, request) in table {
        let text = last(&mut peer, request);
        assert!(text.starts_with("HTTP/1.1 500 "), "{case}: {text}");
        assert!(
            text.ends_with("\r\n\r\ninternal server error\n"),
            "{case}: {text}"
        );
    }
    // The same connection can still change.
    peer.send(WANTED);
    assert!(peer.head().starts_with("HTTP/1.1 101 "));
    echoes(&mut peer, "hello");
}

#[test]
fn a_request_says_what_it_wants_and_426_what_it_should() {
    let server = echoing();
    let mut peer = server.connect();
    let ask = |fields: &str| format!("GET /asks HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    for fields in [
        "",
        "Connection: upgrade\r\nUpgrade: echoes, chat\r\n",
        "Upgrade: echo\r\n",
        "Connection: close-not\r\nUpgrade: echo\r\n",
    ] {
        let text = last(&mut peer, &ask(fields));
        assert!(
            text.starts_with("HTTP/1.1 426 Upgrade Required\r\n"),
            "{fields}: {text}"
        );
        assert_eq!(field(&text, "upgrade"), Some("echo"));
        assert_eq!(field(&text, "connection"), Some("upgrade"));
    }
    peer.send(ask("Connection: x, UPGRADE\r\nUpgrade: chat , ECHO\r\n"));
    assert!(peer.head().starts_with("HTTP/1.1 101 "));
    echoes(&mut peer, "hello");
}

#[test]
fn a_body_is_read_to_its_end_before() {
    let server = echoing();
    let asked = |fields: &str| {
        WANTED
            .replace("GET", "POST")
            .replace("Host: x\r\n", &format!("Host: x\r\n{fields}"))
    };
    // With a length, and chunked: what follows is the other protocol's.
    for (fields, body) in [
        ("Content-Length: 4\r\n", "body"),
        ("Transfer-Encoding: chunked\r\n", "4\r\nbody\r\n0\r\n\r\n"),
    ] {
        let mut peer = server.connect();
        peer.send(asked(fields) + body + "early");
        assert!(peer.head().starts_with("HTTP/1.1 101 "), "{fields}");
        assert_eq!(peer.body(5), b"early", "{fields}");
    }
    // RFC 9110 §7.8: 100 before 101.
    let mut peer = server.connect();
    peer.send(asked("Content-Length: 4\r\nExpect: 100-continue\r\n"));
    assert_eq!(peer.head(), "HTTP/1.1 100 Continue\r\n\r\n");
    peer.send("body");
    assert!(peer.head().starts_with("HTTP/1.1 101 "));
    echoes(&mut peer, "hello");
    // What is too much to be read for nothing, and what is no body.
    let large = "x".repeat(evhttp::limits::DRAINED as usize + 100_000);
    let mut peer = server.connect();
    let text = last(
        &mut peer,
        &(asked(&format!("Content-Length: {}\r\n", large.len())) + &large),
    );
    assert!(text.starts_with("HTTP/1.1 500 "), "{text}");
    let mut peer = server.connect();
    let text = last(
        &mut peer,
        &(asked("Transfer-Encoding: chunked\r\n") + "no size\r\n"),
    );
    assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
    assert_eq!(field(&text, "connection"), Some("close"));
}

#[test]
fn connect_hands_over_too() {
    let server = echoing();
    let mut peer = server.connect();
    peer.send("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\nearly");
    let head = peer.head();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for name in [
        "content-length",
        "transfer-encoding",
        "upgrade",
        "connection",
    ] {
        assert_eq!(field(&head, name), None, "{head}");
    }
    assert_eq!(peer.body(5), b"early");
    echoes(&mut peer, "hello");

    // A function that knows no CONNECT opens no tunnel by accident.
    let server = serving(|| serve("127.0.0.1:0", |_| StatusCode::OK).unwrap());
    let mut peer = server.connect();
    let text = last(
        &mut peer,
        "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
    );
    assert!(text.starts_with("HTTP/1.1 500 "), "{text}");
}

#[test]
fn time_limits_are_over_and_an_error_closes() {
    let server = serving(|| {
        let answer = |request: Request| match request.path() {
            "/fails" => Response::switching("echo", |_| async { Err("no more".into()) }),
            _ => Response::switching("echo", echo),
        };
        let short = Duration::from_millis(200);
        let builder = Server::builder().idle_for(short).head_within(short);
        builder.serve("127.0.0.1:0", answer).unwrap()
    });
    let mut peer = server.connect();
    peer.send(WANTED);
    assert!(peer.head().starts_with("HTTP/1.1 101 "));
    assert!(
        !peer.hears_within(SECOND),
        "nothing has been said for five times the limit"
    );
    echoes(&mut peer, "hello");
    let mut peer = server.connect();
    peer.send(WANTED.replace(" / ", " /fails "));
    assert!(peer.head().starts_with("HTTP/1.1 101 "));
    assert_eq!(peer.rest(), "");
}

#[test]
fn a_handed_over_connection_is_the_servers_until_it_is_closed() {
    let kept: Rc<RefCell<Vec<Upgraded>>> = Rc::default();
    let keep = kept.clone();
    let answer = move |_: Request| {
        let keep = keep.clone();
        Response::switching("echo", move |stream| {
            keep.borrow_mut().push(stream);
            Promise::ready(())
        })
    };
    let server = Server::builder()
        .connections(2)
        .serve("127.0.0.1:0", answer)
        .unwrap();
    let url = format!("http://{}/", server.local_addr());
    let upgraded = || evhttp::get(&url).upgrade("echo").send();
    let streams = run(Promise::all([upgraded(), upgraded()]).timeout(LIMIT)).unwrap();
    let streams = [0, 1].map(|n| streams[n].upgrade().unwrap());
    run(sleep(SECOND / 20)).unwrap();
    assert_eq!(
        (server.connections(), kept.borrow().len()),
        (2, 2),
        "the work is over, the streams are there"
    );
    // A third one waits in the system's queue until one is closed.
    let third = upgraded();
    run(sleep(SECOND / 5)).unwrap();
    assert!(!third.is_settled());
    kept.borrow_mut().remove(0);
    run(third.timeout(LIMIT)).unwrap();
    assert_eq!(server.connections(), 2);
    // The server's end is the end of them all, wherever they are.
    server.close();
    assert_eq!(server.connections(), 0);
    for stream in streams {
        assert_eq!(run(stream.read(1).timeout(LIMIT)).unwrap(), b"");
    }
    let ours = kept.borrow()[0].clone();
    assert_eq!(run(ours.read(1).timeout(LIMIT)).unwrap(), b"");
}

/// A chat server keeps its guests where its function finds them: what that function owns owns their streams.
#[test]
fn a_server_whose_function_owns_its_streams_goes_with_them() {
    let kept: Rc<RefCell<Vec<Upgraded>>> = Rc::default();
    let keep = kept.clone();
    let server = evhttp::serve("127.0.0.1:0", move |_| {
        let keep = keep.clone();
        Response::switching("echo", move |stream| {
            keep.borrow_mut().push(stream);
            Promise::ready(())
        })
    })
    .unwrap();
    let url = format!("http://{}/", server.local_addr());
    run(evhttp::get(url).upgrade("echo").send().timeout(LIMIT)).unwrap();
    assert_eq!(kept.borrow().len(), 1);
    let kept = Rc::downgrade(&{ kept });
    server.close();
    drop(server);
    // Its work is dropped in the next turn.
    run(sleep(Duration::ZERO)).unwrap();
    assert!(
        kept.upgrade().is_none(),
        "nobody is left who could use them"
    );
}

/// Counts when it goes, as what it is a part of does.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Work that hears nothing of its stream, on a loop that goes on.
#[test]
fn a_closed_server_drops_work_that_waits_for_something_else() {
    let ended = Arc::new(AtomicUsize::new(0));
    let count = ended.clone();
    let server = serve("127.0.0.1:0", move |_: Request| {
        let counted = Counted(count.clone());
        Response::switching("echo", |stream| async move {
            let _held = (counted, stream);
            sleep(3_600 * SECOND).await
        })
    })
    .unwrap();
    let url = format!("http://{}/", server.local_addr());
    let upgraded = evhttp::get(url).upgrade("echo").send().timeout(LIMIT);
    let _page = run(upgraded).unwrap();
    run(sleep(SECOND / 20)).unwrap();
    assert_eq!(ended.load(Ordering::SeqCst), 0);
    server.close();
    run(sleep(Duration::ZERO)).unwrap();
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[test]
fn the_end_of_a_server_ends_the_work_on_its_streams() {
    let ended = Arc::new(AtomicUsize::new(0));
    let served = serving({
        let ended = ended.clone();
        move || {
            let answer = move |_: Request| {
                let counted = Counted(ended.clone());
                Response::switching("echo", |stream| async move {
                    let _counted = counted;
                    echo(stream).await
                })
            };
            serve("127.0.0.1:0", answer).unwrap()
        }
    });
    let mut peers: Vec<Peer> = (0..3).map(|_| served.connect()).collect();
    for peer in &mut peers {
        peer.send(WANTED);
        assert!(peer.head().starts_with("HTTP/1.1 101 "));
        echoes(peer, "hello");
    }
    // A peer that goes away ends his.
    drop(peers.pop());
    assert!(bed::wait_until(10 * SECOND, || ended
        .load(Ordering::SeqCst)
        == 1));
    drop(served);
    assert_eq!(ended.load(Ordering::SeqCst), 3);
    for peer in peers {
        assert_eq!(peer.rest(), "");
    }
}
