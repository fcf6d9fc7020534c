//! Time limits and cancelling: the call ends, and the server sees its connection closed.

use std::time::{Duration, Instant};

use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::{Kind, Promise, Reactor, Result, run, sleep};
use evhttp::{Body, Response, fetch, get, post};

use crate::{LIMIT, OK};

const SHORT: Duration = Duration::from_millis(80);

/// Servers that stop at each step of a call.
fn stalls() -> Vec<(&'static str, Vec<Step>)> {
    vec![
        ("no head", vec![]),
        (
            "half a head",
            vec![Step::ReadHead, send("HTTP/1.1 200 OK\r\nContent-")],
        ),
        (
            "only informational",
            vec![Step::ReadHead, send("HTTP/1.1 102 Processing\r\n\r\n")],
        ),
        (
            "no body",
            vec![
                Step::ReadHead,
                send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
            ],
        ),
        (
            "half a body",
            vec![
                Step::ReadHead,
                send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"),
            ],
        ),
        (
            "half a chunk",
            vec![
                Step::ReadHead,
                send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12"),
            ],
        ),
        (
            "an endless body",
            vec![
                Step::ReadHead,
                send("HTTP/1.1 200 OK\r\n\r\n"),
                Step::SendForEver(vec![0; 1000]),
            ],
        ),
        (
            "a trickle",
            vec![
                Step::ReadHead,
                Step::Trickle(
                    b"HTTP/1.1 200 OK\r\n\r\n012345678901234567890123456789".into(),
                    1,
                    SHORT / 8,
                ),
            ],
        ),
    ]
}

#[test]
fn a_cancelled_call_closes_its_connection_at_each_step() {
    for (step, script) in stalls() {
        let raw = Raw::serve(script);
        let call = fetch(raw.url("/"));
        let ended = run({
            let call = call.clone();
            async move {
                sleep(SHORT).await?;
                assert!(!call.is_settled(), "{step}");
                call.cancel();
                call.settled(|outcome| outcome.map(|_| ()).unwrap_err().kind())
                    .await
            }
        });
        assert_eq!(ended.unwrap(), Kind::Cancelled, "{step}");
        assert!(raw.closed_by_client(1, LIMIT), "{step}");
    }
}

#[test]
fn a_call_nobody_waits_for_closes_its_connection() {
    for (step, script) in stalls() {
        let raw = Raw::serve(script);
        let url = raw.url("/");
        run(async move {
            let call = fetch(url).owned();
            sleep(SHORT).await?;
            drop(call);
            Ok(())
        })
        .unwrap();
        assert!(raw.closed_by_client(1, LIMIT), "{step}");
    }
}

#[test]
fn a_deadline_ends_the_call_at_each_step() {
    for (step, script) in stalls() {
        let raw = Raw::serve(script);
        let began = Instant::now();
        let error = run(get(raw.url("/")).deadline(SHORT).send()).unwrap_err();
        assert_eq!(error.kind(), Kind::TimedOut, "{step}");
        assert!(began.elapsed() >= SHORT, "{step}");
        assert!(raw.closed_by_client(1, LIMIT), "{step}");
    }
}

#[test]
fn a_timeout_from_outside_does_the_same() {
    for (step, script) in stalls() {
        let raw = Raw::serve(script);
        let error = run(fetch(raw.url("/")).timeout(SHORT)).unwrap_err();
        assert_eq!(error.kind(), Kind::TimedOut, "{step}");
        run(sleep(Duration::ZERO)).unwrap();
        assert!(raw.closed_by_client(1, LIMIT), "{step}");
    }
}

#[test]
fn a_deadline_that_is_kept_disturbs_nobody() {
    let raw = Raw::answer(OK);
    for _ in 0..3 {
        let page = run(get(raw.url("/")).deadline(LIMIT).send()).unwrap();
        assert_eq!(page.text().unwrap(), "ok");
    }
    assert_eq!(raw.seen().len(), 1);
}

#[test]
fn an_upload_stops_when_it_is_cancelled() {
    // A server that never reads: the system's buffers fill, and the call waits.
    let raw = Raw::serve(vec![
        Step::ReadHead,
        Step::Pause(SHORT),
        send("HTTP/1.1 100 Continue\r\n\r\n"),
    ]);
    let body = Body::from_fn(None, || {
        sleep(Duration::from_millis(1)).then(|()| Some(Bytes::from(vec![0; 10])))
    });
    let call = post(raw.url("/")).body(body).send();
    let reactor = Reactor::current();
    let on_its_way = bed::wait_until(LIMIT, || {
        reactor.turn(Duration::from_millis(1));
        raw.seen().iter().any(|seen| seen.received.len() > 500)
    });
    assert!(on_its_way);
    call.cancel();
    run(sleep(Duration::from_millis(1))).unwrap();
    assert!(raw.closed_by_client(1, LIMIT));
}

async fn head_of(raw: &Raw) -> Result<Response> {
    get(raw.url("/")).stream().await
}

#[test]
fn a_streamed_body_that_is_dropped_closes_the_connection() {
    for (step, script) in stalls().split_off(3) {
        let raw = std::rc::Rc::new(Raw::serve(script));
        run({
            let raw = raw.clone();
            async move {
                let mut body = head_of(&raw).await?.take_body()?;
                if !matches!(step, "no body" | "half a chunk") {
                    body.next().await?;
                }
                assert!(raw.seen()[0].ended.is_none(), "{step}");
                drop(body);
                Ok(())
            }
        })
        .unwrap();
        assert!(raw.closed_by_client(1, LIMIT), "{step}");
    }
}

#[test]
fn a_response_that_is_dropped_with_its_body_closes_the_connection() {
    let raw = std::rc::Rc::new(Raw::serve(stalls().remove(4).1));
    run({
        let raw = raw.clone();
        async move { head_of(&raw).await.map(drop) }
    })
    .unwrap();
    assert!(raw.closed_by_client(1, LIMIT));
}

#[test]
fn the_loser_of_a_race_closes_its_connection() {
    let (slow, fast) = (Raw::serve(vec![]), Raw::answer(OK));
    let page = run(Promise::race([fetch(slow.url("/")), fetch(fast.url("/"))])).unwrap();
    assert_eq!(page.text().unwrap(), "ok");
    run(sleep(Duration::from_millis(1))).unwrap();
    assert!(slow.closed_by_client(1, LIMIT));
}

/// A listener whose queue is full: to it a connect never gets done.
fn full_listener() -> (
    socket2::Socket,
    Vec<std::net::TcpStream>,
    std::net::SocketAddr,
) {
    let any: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
    let listener =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, SHORT) {
        queue.push(stream);
    }
    (listener, queue, address)
}

/// Connections to `address` that have not come about, as the system lists them.
#[cfg(target_os = "linux")]
fn connecting(address: std::net::SocketAddr) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let peer = format!("0100007F:{:04X} 02 ", address.port());
    table.lines().filter(|line| line.contains(&peer)).count()
}

#[cfg(target_os = "linux")]
#[test]
fn connecting_can_be_cancelled_and_timed_out() {
    let (_listener, _queue, address) = full_listener();
    let url = format!("http://{address}/");
    // connect_timeout's own last try may still be listed.
    assert!(bed::wait_until(LIMIT, || connecting(address) == 0));
    let error = run(get(&url).deadline(SHORT).send()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("connect {url}: timed out after 80ms")
    );
    run(async move {
        let call = fetch(url);
        sleep(SHORT).await?;
        assert_eq!(connecting(address), 1);
        call.cancel();
        sleep(Duration::from_millis(1)).await
    })
    .unwrap();
    assert_eq!(connecting(address), 0);
}
