//! Second attempts as a caller sees them: where they are made, told, and where they end.

use std::time::{Duration, Instant};

use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::{Promise, run};
use evhttp::http::StatusCode;
use evhttp::{Body, CONNECTED, Client, RETRY};

use crate::{OK, listing};

const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";

fn patient() -> Client {
    Client::builder().retries(2).build()
}

fn answers(responses: &[&str]) -> Raw {
    let answer = |text: &&str| [Step::ReadHead, send(text)];
    Raw::serve(responses.iter().flat_map(answer).collect())
}

#[test]
fn a_busy_server_is_asked_again() {
    let raw = answers(&[BUSY, BUSY, OK]);
    let ((retries, add), (attempts, note)) = (listing(), listing());
    let call = patient().get(raw.url("/"));
    let call = call
        .send()
        .on(RETRY, add)
        .on(CONNECTED, move |c| note(&(c.hop, c.attempt)));
    assert_eq!(run(call).unwrap().text().unwrap(), "ok");
    let retries = retries.borrow();
    let told: Vec<_> = retries
        .iter()
        .map(|r| (r.attempt, r.why.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (1, "503 Service Unavailable"),
            (2, "503 Service Unavailable")
        ]
    );
    assert!(retries.iter().all(|r| r.wait <= Duration::from_millis(400)));
    assert_eq!(*attempts.borrow(), [(0, 0), (0, 1), (0, 2)]);
    assert_eq!(raw.seen().len(), 1, "all on one connection");
}

#[test]
fn there_is_an_end_and_it_is_off_by_default() {
    let raw = answers(&[BUSY; 9]);
    let page = run(patient().fetch(raw.url("/"))).unwrap();
    assert_eq!(
        (page.status(), &*page.text().unwrap()),
        (StatusCode::SERVICE_UNAVAILABLE, "busy")
    );
    assert_eq!(raw.seen()[0].text().matches("GET /").count(), 3);
    run(Client::new().fetch(raw.url("/"))).unwrap();
    run(patient().get(raw.url("/")).retries(0).send()).unwrap();
    let asked: usize = raw
        .seen()
        .iter()
        .map(|seen| seen.text().matches("GET /").count())
        .sum();
    assert_eq!(asked, 5);
}

#[test]
fn retry_after_is_obeyed_within_reason() {
    let raw = answers(&[
        "HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
        OK,
    ]);
    let began = Instant::now();
    run(patient().post(raw.url("/")).body("x").send()).unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
    let raw = answers(&["HTTP/1.1 503 No\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"]);
    let page = run(patient().fetch(raw.url("/"))).unwrap();
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn what_may_have_been_done_is_not_done_twice() {
    let dies = vec![Step::ReadHead, Step::Close];
    let scripts = || vec![dies.clone(), dies.clone(), vec![Step::ReadHead, send(OK)]];
    let raw = Raw::serve_each(scripts());
    assert_eq!(
        run(patient().fetch(raw.url("/"))).unwrap().text().unwrap(),
        "ok"
    );
    let raw = Raw::serve_each(scripts());
    assert!(run(patient().post(raw.url("/")).body("x").send()).is_err());
    assert_eq!(raw.seen().len(), 1);
    // A stream is there once.
    let raw = Raw::serve_each(scripts());
    let mut once = Some(Bytes::from("x"));
    let body = Body::from_fn(Some(1), move || Promise::ready(once.take()));
    assert!(run(patient().put(raw.url("/")).body(body).send()).is_err());
    assert_eq!(raw.seen().len(), 1);
}

#[test]
fn the_deadline_holds_over_all_attempts() {
    let busy = "HTTP/1.1 503 No\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n";
    let raw = answers(&[busy, OK]);
    let began = Instant::now();
    let error = run(patient()
        .get(raw.url("/"))
        .deadline(Duration::from_millis(50))
        .send())
    .unwrap_err();
    assert_eq!(error.kind(), evcore::Kind::TimedOut);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_origin_in_trouble_gets_few_second_attempts() {
    let raw = answers(&[BUSY; 200]);
    let client = Client::builder().retries(1).build();
    for _ in 0..20 {
        run(client.fetch(raw.url("/"))).unwrap();
    }
    let asked = raw.seen()[0].text().matches("GET /").count();
    assert_eq!(
        asked, 31,
        "ten more at once, and one that ten calls have earned"
    );
}
