//! Kept connections: used again, given up, never trusted with what can't be sent twice.

use std::time::Duration;

use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::{Promise, Reactor, run, sleep};
use evhttp::{Body, CONNECTED, Client, fetch, get, post, put, serve};

use crate::{LIMIT, OK, listing, rounds};

/// How many requests with this method all connections saw.
fn count(raw: &Raw, method: &str) -> usize {
    let seen = raw.seen();
    let start = format!("{method} / HTTP/1.1\r\n");
    seen.iter()
        .map(|seen| seen.text().matches(&start).count())
        .sum()
}

/// Answers once, then hangs up on the next request as if it had been idle too long. The second connection is good.
fn stale() -> Raw {
    Raw::serve_each(vec![
        vec![Step::ReadHead, send(OK), Step::ReadHead, Step::Close],
        rounds(2),
    ])
}

#[test]
fn a_get_on_a_stale_connection_is_sent_again() {
    let raw = stale();
    run(fetch(raw.url("/"))).unwrap();
    let (connected, add) = listing();
    let page = run(fetch(raw.url("/")).on(CONNECTED, add)).unwrap();
    assert_eq!(page.text().unwrap(), "ok");
    let told: Vec<_> = connected
        .borrow()
        .iter()
        .map(|c| (c.reused, c.attempt))
        .collect();
    assert_eq!(told, [(true, 0), (false, 1)]);
    assert_eq!(count(&raw, "GET"), 3);
}

#[test]
fn a_put_of_bytes_is_sent_again_whole() {
    let raw = Raw::serve_each(vec![
        vec![Step::ReadHead, send(OK), Step::ReadHead, Step::Close],
        vec![Step::ReadHead, Step::ReadBody(9), send(OK)],
    ]);
    run(fetch(raw.url("/"))).unwrap();
    run(put(raw.url("/")).body("all of it").send()).unwrap();
    assert!(
        raw.seen()[1].text().ends_with("\r\n\r\nall of it"),
        "{:?}",
        raw.seen()[1].text()
    );
}

#[test]
fn a_post_on_a_stale_connection_is_never_sent_twice() {
    let raw = stale();
    run(fetch(raw.url("/"))).unwrap();
    let error = run(post(raw.url("/")).body("pay 100").send()).unwrap_err();
    let (url, cause) = (
        raw.url("/"),
        "the server closed the connection without a response",
    );
    assert_eq!(error.to_string(), format!("head {url}: {cause}"));
    assert_eq!(count(&raw, "POST"), 1);
}

#[test]
fn a_body_made_of_pieces_is_not_sent_again_empty() {
    let raw = stale();
    run(fetch(raw.url("/"))).unwrap();
    let mut pieces = ["one", "two"].into_iter();
    let body = Body::from_fn(None, move || Promise::ready(pieces.next().map(Bytes::from)));
    run(put(raw.url("/")).body(body).send()).unwrap_err();
    assert_eq!(count(&raw, "PUT"), 1);
}

#[test]
fn a_first_connection_that_dies_is_no_reason_to_send_again() {
    let raw = Raw::serve_each(vec![vec![Step::ReadHead, Step::Close], rounds(1)]);
    run(fetch(raw.url("/"))).unwrap_err();
    assert_eq!(count(&raw, "GET"), 1);
}

#[test]
fn a_server_that_has_begun_to_answer_is_not_asked_again() {
    let raw = Raw::serve_each(vec![
        vec![
            Step::ReadHead,
            send(OK),
            Step::ReadHead,
            send("HTTP/1.1 20"),
            Step::Close,
        ],
        rounds(1),
    ]);
    run(fetch(raw.url("/"))).unwrap();
    run(fetch(raw.url("/"))).unwrap_err();
    assert_eq!(count(&raw, "GET"), 2);
}

#[test]
fn a_post_asks_the_socket_before_it_trusts_it() {
    let raw = Raw::serve_each(vec![vec![Step::ReadHead, send(OK), Step::Close], rounds(1)]);
    run(fetch(raw.url("/"))).unwrap();
    // The end has come, and the loop has had no turn to hear of it.
    assert!(raw.closed_by_server(1, LIMIT));
    let page = run(post(raw.url("/")).body("pay 100").send()).unwrap();
    assert_eq!(page.text().unwrap(), "ok");
    assert_eq!(count(&raw, "POST"), 1);
}

#[test]
fn bytes_after_a_response_end_the_connection() {
    let leftover = format!("{OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    let raw = Raw::serve_each(vec![
        vec![Step::ReadHead, send(&leftover), Step::Pause(LIMIT)],
        rounds(1),
    ]);
    for _ in 0..2 {
        assert_eq!(run(fetch(raw.url("/"))).unwrap().text().unwrap(), "ok");
    }
    assert_eq!(
        raw.seen().len(),
        2,
        "the second call had a connection of its own"
    );
    assert!(raw.closed_by_client(1, LIMIT));
}

#[test]
fn bytes_that_come_later_end_the_connection_too() {
    let late = vec![
        Step::ReadHead,
        send(OK),
        Step::Pause(Duration::from_millis(30)),
        send("HTTP/1.1 408 x\r\n\r\n"),
        Step::Pause(LIMIT),
    ];
    let raw = Raw::serve_each(vec![late, rounds(1)]);
    run(fetch(raw.url("/"))).unwrap();
    given_up_meanwhile(&raw);
    assert_eq!(run(fetch(raw.url("/"))).unwrap().text().unwrap(), "ok");
    assert_eq!(raw.seen().len(), 2);
}

#[test]
fn the_loop_notices_that_a_server_ends_an_idle_connection() {
    // Finish ends the server's side and waits for ours: only we can be the one that closes.
    let raw = Raw::serve(vec![
        Step::ReadHead,
        send(OK),
        Step::Pause(Duration::from_millis(50)),
        Step::Finish,
    ]);
    run(fetch(raw.url("/"))).unwrap();
    given_up_meanwhile(&raw);
}

/// While the loop turns and nobody calls, the client closes its first connection.
fn given_up_meanwhile(raw: &Raw) {
    let reactor = Reactor::current();
    let closed = bed::wait_until(LIMIT, || {
        reactor.turn(Duration::from_millis(1));
        raw.seen()[0].ended.is_some()
    });
    assert!(closed, "it is kept for the next call");
}

#[test]
fn connection_close_is_obeyed_both_ways() {
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    let raw = Raw::serve(vec![Step::ReadHead, send(closing), Step::Pause(LIMIT)]);
    run(fetch(raw.url("/"))).unwrap();
    assert!(raw.closed_by_client(1, LIMIT));
    let raw = Raw::answer(OK);
    run(get(raw.url("/")).header("connection", "close").send()).unwrap();
    assert!(raw.closed_by_client(1, LIMIT));
}

#[test]
fn many_at_once_share_what_they_can() {
    let server = serve("127.0.0.1:0", |request: evhttp::server::Request| {
        request.path().to_owned()
    })
    .unwrap();
    let address = server.local_addr();
    for _ in 0..3 {
        let calls = (0..150).map(|n| fetch(format!("http://{address}/{n}")));
        let pages = run(Promise::all(calls)).unwrap();
        for (n, page) in pages.iter().enumerate() {
            assert_eq!(page.text().unwrap(), format!("/{n}"));
        }
    }
    assert_eq!(
        server.connections(),
        150,
        "the second and third time on the connections of the first"
    );
}

#[test]
fn clients_and_reactors_have_connections_of_their_own() {
    let raw = Raw::answer(OK);
    let (first, second) = (Reactor::new().unwrap(), Reactor::new().unwrap());
    for _ in 0..2 {
        for reactor in [&first, &second] {
            let url = raw.url("/");
            reactor.run(async move { fetch(url).await }).unwrap();
        }
    }
    assert_eq!(raw.seen().len(), 2, "one for each reactor's default client");
    let client = Client::new();
    run(client.fetch(raw.url("/"))).unwrap();
    run(client.clone().fetch(raw.url("/"))).unwrap();
    assert_eq!(raw.seen().len(), 3, "a clone is the same client");
    drop(client);
    run(sleep(Duration::from_millis(1))).unwrap();
    assert!(
        raw.closed_by_client(1, LIMIT),
        "a client's connections go with it"
    );
    drop(first);
    assert!(
        raw.closed_by_client(2, LIMIT),
        "a reactor's default client goes with it"
    );
}
