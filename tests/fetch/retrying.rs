//! Second attempts as a caller sees them: where they are made, told, and where they end.

use std::time::{Duration, Instant};

use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::{Promise, run};
use evhttp::evtls::Connector;
use evhttp::http::StatusCode;
use evhttp::{Body, CONNECTED, Client, Phase, RETRY};

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
fn a_handshake_that_is_cut_is_made_again_and_a_bad_certificate_is_not() {
    let authority = bed::Authority::new();
    let trusting = Connector::builder()
        .only_own_roots()
        .root_certificates(authority.pem())
        .build()
        .unwrap();
    let scripts = || {
        let cut = vec![Step::Read(1), Step::Close];
        vec![vec![Step::Reset], cut.clone(), cut.clone(), cut]
    };
    // Nothing of the request was sent, so a POST may go again as well.
    let raw = Raw::serve_each(scripts());
    let (retries, add) = listing();
    let url = format!("https://{}/", raw.address());
    let call = patient().post(&url).body("x").tls(trusting.clone()).send();
    let error = run(call.on(RETRY, add)).unwrap_err().to_string();
    assert!(error.starts_with("secure "), "{error}");
    assert_eq!((retries.borrow().len(), raw.seen().len()), (2, 3));

    let stranger = bed::Authority::new().issue(&["a.example"]).server();
    let server = bed::tls::TlsServer::answer(stranger, OK);
    let call = patient()
        .get(server.url("a.example", "/"))
        .resolve("a.example", server.address())
        .tls(trusting.clone());
    let error = run(call.send()).unwrap_err().to_string();
    assert!(error.contains("signed by nobody"), "{error}");
    assert_eq!(server.accepted(), 1);

    // A limit of time for connecting is a failure to connect.
    let raw = Raw::serve(vec![Step::Pause(Duration::from_secs(60))]);
    let (retries, add) = listing();
    let call = patient()
        .post(format!("https://{}/", raw.address()))
        .tls(trusting)
        .time_limit(Phase::Secure, Duration::from_millis(100));
    let error = run(call.send().on(RETRY, add)).unwrap_err();
    assert_eq!(error.kind(), evcore::Kind::TimedOut);
    assert_eq!(retries.borrow().len(), 2);
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
    // As many as tell ten from nine and from eleven.
    for _ in 0..15 {
        run(client.fetch(raw.url("/"))).unwrap();
    }
    let asked = raw.seen()[0].text().matches("GET /").count();
    assert_eq!(
        asked, 26,
        "ten more at once, and one that ten calls have earned"
    );
}
