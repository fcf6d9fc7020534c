//! Limits on the steps of a call, and on nothing moving: who is late is named, who takes his time is not.

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use bed::BlackHole;
use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::{Kind, ManualClock, Promise, Reactor, ms, run, secs, sleep, spawn};
use evhttp::{Body, CHUNK, Error, ErrorKind, Phase, Request, get, post};

use crate::OK;
use crate::still::Still;

/// The line of a call that is late, which has its parts as well.
fn line(request: Request) -> String {
    let error = run(request.send()).unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut, "{error}");
    let parts: &Error = error.downcast_ref().expect("one of ours");
    let ErrorKind::TimedOut { limit } = parts.kind() else {
        panic!("{parts:?}");
    };
    let line = error.to_string();
    assert!(line.starts_with(&parts.phase().to_string()), "{parts:?}");
    assert!(line.ends_with(&format!("timed out after {limit:?}")));
    assert!(parts.is_timeout() && parts.url().is_some(), "{parts:?}");
    assert_eq!(parts.received().is_some(), parts.phase() == Phase::Body);
    line
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn a_limit_of_all_time_is_none() {
    let late = |_| sleep(ms(20)).then(|()| "late");
    let server = evhttp::serve("127.0.0.1:0", late).unwrap();
    let all = Duration::MAX;
    let call = get(format!("http://{}/", server.local_addr()));
    let call = call.deadline(all).stall_limit(all);
    let steps = [Phase::Connect, Phase::Send, Phase::Head, Phase::Body];
    let limited = |call: Request, phase| call.time_limit(phase, all);
    let call = steps.into_iter().fold(call, limited);
    assert_eq!(run(call.send()).unwrap().text().unwrap(), "late");
}

#[test]
fn each_step_has_a_limit_of_its_own() {
    let mute = Raw::serve(vec![Step::ReadHead, Step::Pause(LONG)]);
    let url = mute.url("/");
    let late = line(get(&url).time_limit(Phase::Head, ms(100)));
    assert_eq!(late, format!("head {url}: timed out after 100ms"));

    let half = Raw::serve(vec![
        Step::ReadHead,
        send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf."),
        Step::Pause(LONG),
    ]);
    let url = half.url("/");
    let late = line(get(&url).time_limit(Phase::Body, ms(100)));
    assert_eq!(
        late,
        format!("body {url}, 5 of 10 bytes received: timed out after 100ms")
    );

    let never = get("http://a.example/").resolver(|_| sleep(LONG).then(|()| Vec::new()));
    let late = line(never.time_limit(Phase::Resolve, ms(100)));
    assert_eq!(late, "resolve a.example:80: timed out after 100ms");

    let deaf = Raw::serve(vec![Step::Pause(Duration::ZERO), Step::Pause(LONG)]);
    let addr = deaf.address();
    let late = line(
        get(format!("https://{addr}/"))
            .tls(any())
            .time_limit(Phase::Secure, ms(100)),
    );
    assert_eq!(late, format!("secure {addr}: timed out after 100ms"));
}

#[test]
fn who_is_late_or_not_there_is_told_with_the_url_that_was_asked() {
    let port = bed::free_port();
    let refused = get(format!("http://me:secret@127.0.0.1:{port}/a?b=c")).send();
    let nowhere = get("http://a.example/a?b=c").resolver(|_| Promise::ready(Vec::new()));
    let silent = Raw::serve(vec![Step::Pause(LONG)]);
    let secured = get(format!("https://{}/a?b=c", silent.address())).tls(any());
    let secured = secured.time_limit(Phase::Secure, ms(100));
    let never = get("http://a.example/a?b=c").resolver(|_| sleep(LONG).then(|()| Vec::new()));
    let table = [
        (
            refused,
            Phase::Connect,
            format!("http://127.0.0.1:{port}/a?b=c"),
        ),
        (
            nowhere.send(),
            Phase::Resolve,
            "http://a.example/a?b=c".into(),
        ),
        (
            secured.send(),
            Phase::Secure,
            format!("https://{}/a?b=c", silent.address()),
        ),
        (
            never.deadline(ms(100)).send(),
            Phase::Resolve,
            "http://a.example/a?b=c".into(),
        ),
    ];
    for (call, phase, url) in table {
        let error = run(call).unwrap_err();
        let parts: &Error = error.downcast_ref().unwrap();
        assert!(parts.phase() == phase && parts.is_connect(), "{parts:?}");
        assert_eq!(
            parts.url().map(|url| url.as_str()),
            Some(&*url),
            "{parts:?}"
        );
        assert_eq!(parts.is_timeout(), error.kind() == Kind::TimedOut);
        assert!(!error.to_string().contains("secret"));
    }
}

fn any() -> evhttp::evtls::Connector {
    evhttp::evtls::Connector::builder()
        .danger_accept_any_certificate()
        .build()
        .unwrap()
}

#[test]
fn a_peer_that_stops_is_stalled() {
    let stops = Raw::serve(vec![
        Step::ReadHead,
        send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234"),
        Step::Pause(LONG),
    ]);
    let url = stops.url("/");
    let still = Still::new();
    let late = still.late_after(CHUNK, ms(200), get(&url).stall_limit(ms(200)).send());
    assert_eq!(
        late.unwrap_err().to_string(),
        format!("body {url}, 5 of 10 bytes received: timed out after 200ms")
    );
    assert!(stops.closed_by_client(1, crate::LIMIT));
}

/// A server of this thread's, and the URL it is met under.
fn listening() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

/// Says each piece to who comes when he waits for it, and has time go by after each.
fn says(still: &Still, listener: &TcpListener, pieces: &[&str], pause: Duration) {
    let mut peer = loop {
        still.reactor.turn(ms(1));
        if let Ok((peer, _)) = listener.accept() {
            break peer;
        }
    };
    peer.set_nodelay(true).unwrap();
    for piece in pieces {
        (0..3).for_each(|_| _ = still.reactor.turn(ms(1)));
        peer.write_all(piece.as_bytes()).unwrap();
        (0..3).for_each(|_| _ = still.reactor.turn(ms(1)));
        still.clock.advance(pause);
    }
}

#[test]
fn a_peer_that_trickles_is_no_stall() {
    let still = Still::new();
    let (listener, url) = listening();
    let page = get(url).stall_limit(secs(10)).send();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
    // Head and body byte by byte; in all they take far longer than the limit.
    let bytes: Vec<&str> = answer.split_inclusive(|_| true).collect();
    says(&still, &listener, &bytes, secs(3));
    let page = still.reactor.run(page).unwrap();
    assert_eq!(page.text().unwrap(), "0123456789");
}

#[test]
fn a_reader_that_pauses_is_no_stall() {
    let still = Still::new();
    let (listener, url) = listening();
    let clock = still.clock.clone();
    let reading = spawn(async move {
        let page = get(url).stall_limit(secs(1)).stream().await?;
        let (mut body, mut read) = (page.take_body()?, Vec::new());
        while let Some(piece) = body.next().await? {
            read.extend(piece);
            // Longer than the limit, with a turn in which it would run out.
            clock.advance(secs(2));
            sleep(ms(0)).await?;
        }
        Ok(read)
    });
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n";
    says(&still, &listener, &[head, "01", "23", "45"], ms(0));
    assert_eq!(still.reactor.run(reading).unwrap(), b"012345");
}

#[test]
fn a_peer_that_takes_nothing_is_late_to_send() {
    let deaf = Raw::serve(vec![
        Step::Pause(Duration::ZERO),
        Step::ReadHead,
        Step::Pause(LONG),
    ]);
    let url = deaf.url("/");
    let piece = Bytes::from(vec![0; 1 << 20]);
    let body = Body::from_fn(None, move || Promise::ready(Some(piece.clone())));
    // The script reads while it pauses, so this one is bounded by the step.
    let late = line(post(&url).body(body).time_limit(Phase::Send, ms(300)));
    assert_eq!(late, format!("send {url}: timed out after 300ms"));
}

#[test]
fn limits_in_time_change_nothing() {
    let raw = Raw::answer(OK);
    let patient = get(raw.url("/"))
        .time_limit(Phase::Head, LONG)
        .time_limit(Phase::Body, LONG)
        .stall_limit(LONG);
    assert_eq!(run(patient.send()).unwrap().text().unwrap(), "ok");
}

/// The line of a call that waits for its usual limit, by a clock that leaps.
fn usual(request: impl FnOnce() -> Request) -> String {
    let clock = ManualClock::leaping();
    let reactor = Reactor::builder().clock(&clock).build().unwrap();
    let entered = reactor.enter();
    let call = request().send();
    drop(entered);
    reactor.run(call).unwrap_err().to_string()
}

#[test]
fn connecting_and_securing_have_usual_limits() {
    let hole = BlackHole::new();
    let addr = hole.address();
    let late = usual(|| get(format!("http://{addr}/")));
    assert_eq!(late, format!("connect {addr}: timed out after 30s"));

    let mute = Raw::serve(vec![Step::Pause(LONG)]);
    let addr = mute.address();
    let late = usual(|| get(format!("https://{addr}/")).tls(any()));
    assert_eq!(late, format!("secure {addr}: timed out after 20s"));
}
