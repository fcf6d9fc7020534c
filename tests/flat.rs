//! Calls that are given up leave nothing behind: no memory, no descriptor, nobody waiting. One test alone in its program, so
//! that nobody else takes memory meanwhile. `EVHTTP_ROUNDS` says how many calls: 20,000 unless told.
#![cfg(target_os = "linux")]

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use evcore::{Promise, Reactor, Result, defer, run, sleep, spawn};
use evhttp::http::StatusCode;
use evhttp::server::Request;
use evhttp::{Body, CHUNK, CONNECTED, HEAD, Response, Server, get, post, serve};

/// Calls in flight at once.
const BATCH: usize = 50;

/// What this program holds: memory in KiB, descriptors, lines of the reactor's dump.
fn held() -> (u64, usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let resident = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
    (
        resident,
        descriptors,
        Reactor::current().dump().lines().count(),
    )
}

/// Begins a body and never goes on.
fn stuck() -> Response {
    let mut first = Some(Bytes::from_static(b"begun"));
    let next = move || match first.take() {
        Some(first) => Promise::ready(Some(first)),
        None => sleep(Duration::from_secs(3_600)).then(|()| None),
    };
    Response::new(StatusCode::OK).with_body(Body::from_fn(Some(100), next))
}

/// A call that is given up in the `n`th of ten ways.
fn give_up(url: &str, n: usize) -> Promise<()> {
    let short = Duration::from_millis(2);
    let call = match n % 10 {
        8 | 9 => return change(url, n % 10 == 9),
        // The only handle: its loss ends the call.
        5 => post(url).body(vec![7; 1_000]).send().timeout(short),
        6 => get(url).deadline(short).send(),
        _ => get(url).send(),
    };
    let (watched, stopped) = (call.clone(), call.clone());
    let stop = move || stopped.cancel();
    match n % 10 {
        0 => stop(),
        1 => defer(stop),
        2 => _ = watched.on(CONNECTED, move |_| stop()),
        3 => _ = watched.on(HEAD, move |_| stop()),
        4 => _ = watched.on(CHUNK, move |_| stop()),
        7 => _ = sleep(short / 2).then(move |()| stop()),
        _ => {}
    }
    call.settled(|outcome| assert!(outcome.is_err(), "it can't have ended well"))
}

/// A change of protocol whose stream goes with its response, or in the middle of a word each way.
fn change(url: &str, taken: bool) -> Promise<()> {
    let call = get(url).upgrade("x").send();
    if !taken {
        return call.then(|page| assert_eq!(page.status(), 101));
    }
    call.and_then(|page| {
        let stream = page.upgrade().unwrap();
        let reading = stream.read_exact(100);
        stream.write_all("word").then(move |()| reading.cancel())
    })
}

async fn rounds(url: Rc<str>, count: usize, done: Rc<Cell<usize>>) -> Result<()> {
    while done.get() < count {
        Promise::all((0..BATCH).map(|n| give_up(&url, n))).await?;
        done.set(done.get() + BATCH);
    }
    Ok(())
}

/// The server's side hears of the last ones.
async fn end_of(server: Rc<Server>) -> Result<()> {
    while server.connections() > 0 {
        sleep(Duration::from_millis(1)).await?;
    }
    sleep(Duration::from_millis(200)).await
}

#[test]
fn calls_given_up_leave_nothing_behind() {
    let count =
        std::env::var("EVHTTP_ROUNDS").map_or(20_000, |count| count.parse().expect("a number"));
    let answer = |request: Request| match request.wants_upgrade("x") {
        true => Response::switching("x", |stream| async move {
            stream.write_all("begun").await?;
            stream.read_exact(100).await.map(drop)
        }),
        false => stuck(),
    };
    let server = Rc::new(serve("127.0.0.1:0", answer).unwrap());
    let url: Rc<str> = format!("http://{}/", server.local_addr()).into();
    let done = Rc::new(Cell::new(0));
    let end = || run(spawn(end_of(server.clone())).timeout(Duration::from_secs(20)));
    run(rounds(url.clone(), count / 10, done.clone())).unwrap();
    end().expect("the server's side is closed as well");
    let before = held();
    run(rounds(url, count, done)).unwrap();
    end().expect("the server's side is closed as well");
    let after = held();
    println!("{count} calls: {before:?} before, {after:?} after (KiB, descriptors, waiting)");
    assert_eq!((before.1, before.2), (after.1, after.2));
    // Less than 20 bytes a call: no allocation of any kind is that small.
    assert!(
        after.0 <= before.0 + 1_024 + count as u64 * 20 / 1_024,
        "{before:?} {after:?}"
    );
}
