//! `Expect: 100-continue` from the client's side: when the body goes, when it does not, and that it can then go elsewhere.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::{ManualClock, Promise, Reactor, run};
use evhttp::http::StatusCode;
use evhttp::limits::CONTINUE_WITHIN;
use evhttp::{Body, CONNECTED, Client, INFORMATIONAL, UPLOAD};

use crate::{LIMIT, OK, listing};

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const KNOWS_NONE: &str = "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n";

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
    let raw = Raw::serve(vec![
        Step::ReadHead,
        send(CONTINUE),
        Step::ReadBody(4),
        send(OK),
    ]);
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
    assert_eq!(run(call).unwrap().text().unwrap(), "ok");
    assert_eq!(*order.borrow(), [100, 0]);
    let text = raw.seen()[0].text();
    assert!(text.contains("\r\nexpect: 100-continue\r\n"), "{text}");
}

#[test]
fn a_server_that_says_nothing_gets_the_body_after_a_second() {
    let raw = Raw::serve(vec![Step::ReadHead, Step::ReadBody(4), send(OK)]);
    let clock = ManualClock::leaping();
    let reactor = Reactor::builder().clock(&clock).build().unwrap();
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
    let refusal = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno";
    let raw = Raw::serve_each(vec![
        vec![Step::ReadHead, send(refusal)],
        vec![Step::ReadHead, send(OK)],
    ]);
    let client = Client::new();
    let (body, asked) = once();
    let call = client.put(raw.url("/")).expect_continue(true).body(body);
    let page = run(call.send()).unwrap();
    assert_eq!(page.status(), StatusCode::FORBIDDEN);
    assert_eq!(page.text().unwrap(), "no");
    // RFC 9112 §9.3: what has announced a body and sent none can't carry another request.
    assert_eq!(
        run(client.fetch(raw.url("/"))).unwrap().text().unwrap(),
        "ok"
    );
    assert!(raw.closed_by_client(1, LIMIT));
    assert_eq!((raw.seen().len(), asked.get()), (2, 0));
    assert!(raw.seen()[0].text().ends_with("\r\n\r\n"));
}

#[test]
fn after_a_417_it_is_sent_without_asking_even_if_it_can_be_read_once() {
    let raw = Raw::serve_each(vec![
        vec![Step::ReadHead, send(KNOWS_NONE)],
        vec![Step::ReadHead, send(OK)],
    ]);
    let (attempts, note) = listing();
    let call = Client::new().put(raw.url("/")).body(once().0);
    let call = call.header("Expect", "100-Continue").send();
    let call = call.on(CONNECTED, move |told| note(&told.attempt));
    assert_eq!(run(call).unwrap().text().unwrap(), "ok");
    assert_eq!(*attempts.borrow(), [0, 1]);
    let seen = raw.seen();
    assert!(seen[0].text().contains("expect: 100-Continue\r\n"));
    assert!(!seen[1].text().contains("expect"), "{}", seen[1].text());
    // The answer does not wait for the body's last byte.
    let body = || raw.seen()[1].text().ends_with("\r\n\r\nbody");
    assert!(bed::wait_until(LIMIT, body));
}

#[test]
fn a_417_that_stays_is_an_answer() {
    let raw = Raw::serve(vec![Step::ReadHead, send(KNOWS_NONE)]);
    let call = Client::new().put(raw.url("/")).expect_continue(true);
    let page = run(call.body("body").send()).unwrap();
    assert_eq!(page.status(), StatusCode::EXPECTATION_FAILED);
    assert_eq!(raw.seen().len(), 2, "once with, once without");
}

#[test]
fn it_is_asked_for_and_can_be_forbidden() {
    for (wanted, body) in [(None, "body"), (Some(false), "body")] {
        let raw = Raw::serve(vec![Step::ReadHead, send(OK)]);
        let mut call = Client::new().put(raw.url("/")).body(body);
        if let Some(wanted) = wanted {
            call = call
                .header("expect", "100-continue")
                .expect_continue(wanted);
        }
        assert_eq!(run(call.send()).unwrap().text().unwrap(), "ok");
        assert!(!raw.seen()[0].text().contains("expect"));
    }
    // RFC 9110 §10.1.1: a request without content does not ask.
    let raw = Raw::serve(vec![Step::ReadHead, send(OK)]);
    let call = Client::new().get(raw.url("/")).expect_continue(true);
    assert_eq!(run(call.send()).unwrap().text().unwrap(), "ok");
    assert!(!raw.seen()[0].text().contains("expect"));
}
