//! The one trait that levels between user and wire have, seen from a user who writes one.

use std::cell::Cell;
use std::rc::Rc;

use bed::raw::Raw;
use evcore::run;
use evhttp::http::{HeaderValue, StatusCode};
use evhttp::{Answer, Call, Client, Layer, Next, Response};

use crate::OK;

struct Named;

impl Layer for Named {
    fn send(self: Rc<Self>, mut call: Call, next: Next) -> Answer {
        call.headers
            .insert("x-name", HeaderValue::from_static("ada"));
        next.send(call)
    }
}

/// Answers some calls by itself.
struct Twin(Rc<Cell<u32>>);

impl Layer for Twin {
    fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
        self.0.set(self.0.get() + 1);
        match call.url.path() {
            "/mine" => Answer::ready(Ok(Response::plain("from here"))),
            "/bad" => Answer::ready(Err("refused by a layer".into())),
            _ => next.send(call),
        }
    }
}

/// Sends again as long as the answer is 503.
struct Stubborn;

impl Layer for Stubborn {
    fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
        Answer::later(async move {
            let mut call = call;
            loop {
                let again = call.replay();
                let response = next.clone().send(call).await?;
                match again {
                    Some(again) if response.status() == StatusCode::SERVICE_UNAVAILABLE => {
                        call = again
                    }
                    _ => return Ok(response),
                }
            }
        })
    }
}

#[test]
fn a_layer_changes_a_call_or_answers_it() {
    let raw = Raw::answer(OK);
    let asked = Rc::new(Cell::new(0));
    let client = Client::builder()
        .layer(Named)
        .layer(Twin(asked.clone()))
        .build();
    assert_eq!(
        run(client.fetch(raw.url("/mine"))).unwrap().text().unwrap(),
        "from here"
    );
    assert!(raw.seen().is_empty(), "nothing went to the wire");
    let error = run(client.fetch(raw.url("/bad"))).unwrap_err();
    assert_eq!(error.to_string(), "refused by a layer");
    assert_eq!(
        run(client.fetch(raw.url("/"))).unwrap().text().unwrap(),
        "ok"
    );
    assert!(raw.seen()[0].text().contains("\r\nx-name: ada\r\n"));
    assert_eq!(asked.get(), 3);
}

#[test]
fn a_layer_sends_again() {
    let busy = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
    let raw = Raw::serve(vec![
        bed::raw::Step::ReadHead,
        bed::raw::send(busy),
        bed::raw::Step::ReadHead,
        bed::raw::send(busy),
        bed::raw::Step::ReadHead,
        bed::raw::send(OK),
    ]);
    let client = Client::builder().layer(Stubborn).build();
    assert_eq!(
        run(client.fetch(raw.url("/"))).unwrap().text().unwrap(),
        "ok"
    );
    assert_eq!(
        raw.seen().len(),
        1,
        "a body that is all there does not hold its connection"
    );
}
