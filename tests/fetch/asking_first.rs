//! `Expect: 100-continue` from the client's side: when the body goes, when it does not, and that it can then go elsewhere.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::{ManualClock, Promise, Reactor, ms, run, spawn};
use evhttp::http::StatusCode;
use evhttp::limits::{CONTINUE_WITHIN, EXPECT_FROM};
use evhttp::{Body, CONNECTED, Client, ClientBuilder, INFORMATIONAL, Phase, Request, UPLOAD};

use crate::{LIMIT, OK, listing, soon};

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const KNOWS_NONE: &str = "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n";

const LARGE: usize = EXPECT_FROM as usize;
const CLOSES: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

/// A connection that is asked first, and says so.
fn asked(length: usize, answer: &str) -> Vec<Step> {
    vec![
        Step::ReadHead,
        send(CONTINUE),
        Step::ReadBody(length),
        send(answer),
    ]
}

/// A connection that is sent a body at once.
fn told(length: usize, answer: &str) -> Vec<Step> {
    vec![Step::ReadHead, Step::ReadBody(length), send(answer)]
}

/// A connection that answers a head.
fn at_once(answer: &str) -> Vec<Step> {
    vec![Step::ReadHead, send(answer)]
}

#[track_caller]
fn is_ok(call: Request) {
    assert_eq!(soon(call.send()).unwrap().text().unwrap(), "ok");
}

fn by(clock: &ManualClock) -> Reactor {
    Reactor::builder().clock(clock).build().unwrap()
}

/// Turns until something is so, by a clock that only the test moves.
#[track_caller]
fn turn_until(reactor: &Reactor, ready: impl Fn() -> bool) {
    assert!(bed::wait_until(LIMIT, || {
        while reactor.turn(Duration::ZERO).more {}
        ready()
    }));
}

/// What a promise comes to by such a clock.
#[track_caller]
fn settled<T: Clone + 'static>(reactor: &Reactor, promise: Promise<T>) -> evcore::Result<T> {
    turn_until(reactor, || promise.is_settled());
    reactor.run(promise)
}

/// A body that can be read once, and how often it was asked for a piece.
fn once() -> (Body, Rc<Cell<u32>>) {
    let asked = Rc::new(Cell::new(0));
    let (count, mut rest) = (asked.clone(), Some(Bytes::from("body")));
    let body = Body::from_fn(Some(4), move || {
        count.set(count.get() + 1);
        Promise::ready(rest.take())
    });
    (body, asked)
}

#[test]
fn the_body_goes_when_the_server_says_so() {
    let raw = Raw::serve(asked(4, OK));
    // No time passes: only the word lets it go.
    let reactor = by(&ManualClock::new());
    let _entered = reactor.enter();
    let order = Rc::new(RefCell::new(Vec::new()));
    let (said, sent) = (order.clone(), order.clone());
    let call = Client::new()
        .put(raw.url("/"))
        .expect_continue(true)
        .body("body")
        .send()
        .on(INFORMATIONAL, move |told| {
            said.borrow_mut().push(told.status.as_u16());
        })
        .on(UPLOAD, move |_| sent.borrow_mut().push(0));
    let page = settled(&reactor, call).unwrap();
    assert_eq!(page.text().unwrap(), "ok");
    assert_eq!(*order.borrow(), [100, 0]);
    let text = raw.seen()[0].text();
    assert!(text.contains("\r\nexpect: 100-continue\r\n"), "{text}");
}

#[test]
fn a_server_that_says_nothing_gets_the_body_after_a_second() {
    let raw = Raw::serve(told(4, OK));
    let clock = ManualClock::leaping();
    let reactor = by(&clock);
    let began = clock.now();
    let (body, _) = once();
    let url = raw.url("/");
    let page = reactor.run(async move {
        let call = Client::new().put(url).expect_continue(true).body(body);
        call.send().await
    });
    assert_eq!(page.unwrap().text().unwrap(), "ok");
    assert_eq!(clock.now() - began, CONTINUE_WITHIN);
}

#[test]
fn a_final_answer_keeps_the_body_and_costs_the_connection() {
    let mut refusal = at_once("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nn");
    refusal.extend([Step::Pause(ms(100)), send("o")]);
    let raw = Raw::serve_each(vec![refusal, at_once(OK)]);
    let clock = ManualClock::new();
    let reactor = by(&clock);
    let _entered = reactor.enter();
    let client = Client::new();
    let (body, asked) = once();
    let call = client.put(raw.url("/")).expect_continue(true).body(body);
    let page = settled(&reactor, call.stream()).unwrap();
    assert_eq!(page.status(), StatusCode::FORBIDDEN);
    // While the answer comes, its time passes: it is refused for good.
    clock.advance(2 * CONTINUE_WITHIN);
    let answer = spawn(async move { page.take_body()?.collect(10).await });
    assert_eq!(settled(&reactor, answer).unwrap(), "no");
    // RFC 9112 §9.3: what has announced a body and sent none can't carry another request.
    let page = settled(&reactor, client.fetch(raw.url("/"))).unwrap();
    assert_eq!(page.text().unwrap(), "ok");
    assert!(raw.closed_by_client(1, LIMIT));
    assert_eq!((raw.seen().len(), asked.get()), (2, 0));
    assert!(raw.seen()[0].text().ends_with("\r\n\r\n"));
}

#[test]
fn after_a_417_it_is_sent_without_asking_even_if_it_can_be_read_once() {
    let raw = Raw::serve_each(vec![at_once(KNOWS_NONE), told(4, OK)]);
    let (attempts, note) = listing();
    let call = Client::new().put(raw.url("/")).body(once().0);
    let call = call.header("Expect", "100-Continue").send();
    let call = call.on(CONNECTED, move |told| note(&told.attempt));
    assert_eq!(soon(call).unwrap().text().unwrap(), "ok");
    assert_eq!(*attempts.borrow(), [0, 1]);
    let seen = raw.seen();
    assert!(seen[0].text().contains("expect: 100-Continue\r\n"));
    assert!(!seen[1].text().contains("expect"), "{}", seen[1].text());
    assert!(seen[1].text().ends_with("\r\n\r\nbody"));
}

#[test]
fn a_417_that_stays_is_an_answer() {
    let raw = Raw::serve(at_once(KNOWS_NONE));
    let call = Client::new().put(raw.url("/")).expect_continue(true);
    let page = soon(call.body("body").send()).unwrap();
    assert_eq!(page.status(), StatusCode::EXPECTATION_FAILED);
    assert_eq!(raw.seen().len(), 2, "once with, once without");
}

/// RFC 9110 §10.1.1: any other expectation is the user's, and so is what comes of it.
#[test]
fn a_417_to_something_else_is_an_answer_too() {
    for forbidden in [false, true] {
        let refused = vec![Step::ReadHead, Step::ReadBody(4), send(KNOWS_NONE)];
        let raw = Raw::serve_each(vec![refused, vec![Step::ReadHead, send(OK)]]);
        let call = Client::new().post(raw.url("/")).header("Expect", "x=y");
        let call = match forbidden {
            true => call.expect_continue(false),
            false => call,
        };
        let page = run(call.body("body").send()).unwrap();
        assert_eq!(page.status(), StatusCode::EXPECTATION_FAILED);
        assert_eq!(raw.seen().len(), 1);
        assert!(raw.seen()[0].text().contains("expect: x=y\r\n"));
    }
}

#[test]
fn it_is_asked_for_and_can_be_forbidden() {
    for (wanted, body) in [(None, "body"), (Some(false), "body")] {
        let raw = Raw::serve(at_once(OK));
        let mut call = Client::new().put(raw.url("/")).body(body);
        if let Some(wanted) = wanted {
            call = call
                .header("expect", "100-continue")
                .expect_continue(wanted);
        }
        is_ok(call);
        assert!(!raw.seen()[0].text().contains("expect"));
    }
    // RFC 9110 §10.1.1: a request without content does not ask.
    let raw = Raw::serve(at_once(OK));
    let call = Client::new().get(raw.url("/")).expect_continue(true);
    is_ok(call);
    assert!(!raw.seen()[0].text().contains("expect"));
}

/// Whether each request so far has asked, by the connections that carried them.
fn questions(raw: &Raw) -> Vec<usize> {
    let ask = |text: String| text.matches("expect: 100-continue\r\n").count();
    raw.seen().iter().map(|seen| ask(seen.text())).collect()
}

fn large(client: &Client, raw: &Raw) -> Request {
    client.put(raw.url("/")).body(vec![b'x'; LARGE])
}

/// A stream of this length, or of one that it does not say.
fn stream(length: usize, says: bool) -> Body {
    let mut left = Some(Bytes::from(vec![b'x'; length]));
    Body::from_fn(says.then_some(length as u64), move || {
        Promise::ready(left.take())
    })
}

#[test]
fn unasked_a_new_server_is_asked_before_a_large_body() {
    let raw = Raw::serve_each(vec![
        [asked(LARGE, OK), told(LARGE, CLOSES)].concat(),
        told(LARGE, OK),
    ]);
    let client = Client::new();
    // On the kept connection and on a new one, the server is no stranger any more.
    for _ in 0..3 {
        is_ok(large(&client, &raw));
    }
    assert_eq!(questions(&raw), [1, 0]);
    // Nor is it on a connection that has carried something else.
    let raw = Raw::serve([at_once(OK), told(LARGE, OK)].concat());
    let client = Client::new();
    is_ok(client.get(raw.url("/")));
    is_ok(large(&client, &raw));
    assert_eq!(questions(&raw), [0]);
    // A refusal costs no byte of the body.
    let raw = Raw::serve(at_once("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"));
    let page = soon(large(&Client::new(), &raw).send()).unwrap();
    assert_eq!(page.status(), 403);
    assert!(raw.closed_by_client(1, LIMIT));
    assert!(raw.seen()[0].text().ends_with("\r\n\r\n"));
}

#[test]
fn small_bodies_never_pay_and_unknown_lengths_do() {
    let table: [(fn() -> Body, usize); 5] = [
        (|| vec![b'x'; LARGE - 1].into(), 0),
        (|| stream(LARGE - 1, true), 0),
        (|| stream(4, true), 0),
        (|| stream(4, false), 1),
        (|| stream(LARGE, true), 1),
    ];
    for (body, asks) in table {
        let raw = Raw::answer(OK);
        soon(Client::new().put(raw.url("/")).body(body()).send()).unwrap();
        assert_eq!(questions(&raw), [asks], "{:?}", body());
    }
}

#[test]
fn who_says_no_is_not_asked_and_who_says_yes_asks_always() {
    let no = |client: ClientBuilder| client.expect_continue(false).build();
    let yes = |client: ClientBuilder| client.expect_continue(true).build();
    let small = |client: &Client, raw: &Raw| client.put(raw.url("/")).body("x");
    let table: [(Client, fn(Request) -> Request, bool, usize); 6] = [
        (no(Client::builder()), |call| call, true, 0),
        (
            no(Client::builder()),
            |call| call.expect_continue(true),
            true,
            1,
        ),
        (
            no(Client::builder()),
            |call| call.header("expect", "100-continue"),
            true,
            1,
        ),
        (yes(Client::builder()), |call| call, false, 1),
        (
            yes(Client::builder()),
            |call| call.expect_continue(false),
            true,
            0,
        ),
        (Client::new(), |call| call.expect_continue(false), true, 0),
    ];
    for (client, change, is_large, asks) in table {
        let raw = Raw::answer(OK);
        let call = if is_large {
            large(&client, &raw)
        } else {
            small(&client, &raw)
        };
        soon(change(call).send()).unwrap();
        assert_eq!(questions(&raw), [asks]);
    }
}

#[test]
fn who_refuses_to_be_asked_or_knows_nothing_of_it_is_not_asked_again() {
    let none = told(LARGE, CLOSES);
    let refuses = vec![at_once(KNOWS_NONE), none.clone(), none.clone()];
    let old = OK.replace("1.1", "1.0");
    let cases = [
        (refuses, vec![1, 0, 0]),
        (vec![none.clone(), none.clone()], vec![1, 0]),
        (vec![asked(LARGE, &old), none.clone()], vec![1, 0]),
        // What it answers to anything else tells as much of its age.
        (vec![at_once(&old), none.clone(), none], vec![0, 0, 0]),
    ];
    for (number, (scripts, asks)) in cases.into_iter().enumerate() {
        let raw = Raw::serve_each(scripts);
        // Where nothing is said, the time for that passes at once.
        let reactor = by(&ManualClock::leaping());
        let entered = reactor.enter();
        let client = Client::new();
        if number == 3 {
            run(client.fetch(raw.url("/"))).unwrap();
        }
        for _ in 0..2 {
            // Who answers would be asked again: that these are shown is not certain.
            let call = large(&client, &raw).credentials("ada", "s3cret");
            let page = run(call.send()).unwrap();
            assert_eq!(page.text().unwrap(), "ok");
        }
        drop(entered);
        assert_eq!(questions(&raw), asks, "{number}");
    }
}

#[test]
fn a_stream_that_was_asked_for_survives_a_challenge_and_a_redirect() {
    let challenge =
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\n\r\n";
    let moved = "HTTP/1.1 307 T\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n";
    let cases: [(&str, fn() -> Body, usize); 3] = [
        // Credentials that are not shown yet make a short stream worth a question.
        (challenge, || stream(4, true), 4),
        (challenge, || stream(4, false), 9),
        (moved, || stream(4, false), 9),
    ];
    for (answer, body, length) in cases {
        let raw = Raw::serve_each(vec![at_once(answer), asked(length, OK)]);
        let call = Client::new().put(raw.url("/")).credentials("ada", "s3cret");
        let page = soon(call.body(body()).send()).unwrap();
        assert_eq!((page.status().as_u16(), raw.seen().len()), (200, 2));
        assert!(
            raw.seen()[0].text().ends_with("\r\n\r\n"),
            "none of it went before"
        );
        assert!(raw.seen()[1].text().contains("xxxx"));
    }
}

/// A client with credentials for this server.
fn knowing(raw: &Raw) -> Client {
    let client = Client::builder();
    client.credentials(raw.url("/"), "ada", "s3cret").build()
}

#[test]
fn credentials_that_may_be_refused_are_shown_before_the_body() {
    let digest = "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256\r\nContent-Length: 0\r\n\r\n";
    let stale = digest.replace("nonce=\"n\"", "nonce=\"m\", stale=true");
    let raw = Raw::serve_each(vec![
        [at_once(digest), at_once(OK), at_once(&stale)].concat(),
        asked(LARGE, OK),
    ]);
    let client = knowing(&raw);
    is_ok(client.get(raw.url("/")));
    // The server is known, and its connection kept; but its nonce is old.
    is_ok(large(&client, &raw));
    assert_eq!(questions(&raw), [1, 1]);
    assert!(raw.seen()[0].received.len() < LARGE);
    // By Basic, what was accepted is.
    let basic = digest.replace("Digest", "Basic");
    let raw = Raw::serve([at_once(&basic), at_once(OK), told(LARGE, OK)].concat());
    let client = knowing(&raw);
    is_ok(client.get(raw.url("/")));
    is_ok(large(&client, &raw));
    assert_eq!(questions(&raw), [0]);
}

#[test]
fn waiting_for_a_word_is_no_stall_and_no_steps_time() {
    let limit = ms(500);
    for (answers, line) in [(true, "ok"), (false, "head URL: timed out after 500ms")] {
        let mut script = told(LARGE, OK);
        script.truncate(if answers { 3 } else { 2 });
        let raw = Raw::serve(script);
        let clock = ManualClock::new();
        let reactor = by(&clock);
        let entered = reactor.enter();
        let call = large(&Client::new(), &raw).stall_limit(limit);
        let call = call
            .time_limit(Phase::Send, limit)
            .time_limit(Phase::Head, limit)
            .send();
        let received = || raw.seen().first().map_or(0, |seen| seen.received.len());
        turn_until(&reactor, || received() > 0 || call.is_settled());
        clock.advance(CONTINUE_WITHIN - ms(1));
        while reactor.turn(Duration::ZERO).more {}
        assert!(
            !call.is_settled() && received() < LARGE,
            "it waits for its second"
        );
        clock.advance(ms(1));
        // All of it, so that it is no longer the sending that is late.
        let whole = |text: String| {
            let body = text.split_once("\r\n\r\n");
            body.is_some_and(|(_, body)| body.len() == LARGE)
        };
        turn_until(&reactor, || {
            whole(raw.seen()[0].text()) || call.is_settled()
        });
        if !answers {
            clock.advance(limit);
        }
        let said = match settled(&reactor, call) {
            Ok(page) => page.text().unwrap().into_owned(),
            Err(error) => error.to_string().replace(&raw.url("/"), "URL"),
        };
        assert_eq!(said, line);
        drop(entered);
    }
}

#[test]
fn a_deadline_ends_the_wait_for_a_word() {
    let raw = Raw::serve(vec![Step::ReadHead, Step::Pause(crate::SECOND * 20)]);
    let clock = ManualClock::new();
    let reactor = by(&clock);
    let _entered = reactor.enter();
    let (body, read) = once();
    let call = Client::new().put(raw.url("/")).expect_continue(true);
    let call = call.body(body).deadline(ms(50)).send();
    let received = || raw.seen().first().map_or(0, |seen| seen.received.len());
    turn_until(&reactor, || received() > 0);
    clock.advance(ms(50));
    let line = settled(&reactor, call).unwrap_err().to_string();
    assert_eq!(line, format!("send {}: timed out after 50ms", raw.url("/")));
    assert_eq!(read.get(), 0, "none of the body has gone");
}
