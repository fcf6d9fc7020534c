//! The kit on our own layers, alone and on top of each other; and on layers
//! that each break one rule, because a kit that finds nothing proves nothing.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use evcore::{Result, ms, sleep, spawn, spawn_with};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::below::{Shape, TEXT};
use super::play::{Play, Sent, script};
use super::{Rule, check, check_stack};
use crate::body::{Body, Pieces};
use crate::call::{Answer, Call, Layer, Next};
use crate::layer::auth::Authenticate;
use crate::layer::auth::keyring::Keyring;
use crate::layer::deadline::Deadline;
use crate::layer::decode::Decode;
use crate::layer::harvest::{Harvest, Upgrade};
use crate::layer::redirect::Follow;
use crate::layer::retry::Again;
use crate::layer::usual::Usual;
use crate::limits::DECODED_RATIO;
use crate::policy::hsts::Hsts;
use crate::response::Response;

#[track_caller]
fn keeps(make: impl Fn() -> Vec<Rc<dyn Layer>>) {
    if let Err(breach) = check_stack(&make) {
        panic!("{breach}");
    }
}

fn follow() -> Rc<dyn Layer> {
    Rc::new(Follow {
        most: 20,
        downgrade: false,
    })
}

fn decode() -> Rc<dyn Layer> {
    Rc::new(Decode::new(DECODED_RATIO))
}

/// One that upgrades nothing here: the case's URLs are of a host that nobody knows.
fn upgrade() -> Rc<dyn Layer> {
    let mut hsts = Hsts::default();
    hsts.insist("other.example");
    Rc::new(Upgrade(Rc::new(RefCell::new(hsts))))
}

fn harvest() -> Rc<dyn Layer> {
    Rc::new(Harvest {
        #[cfg(feature = "cookies")]
        jar: Some(crate::CookieJar::new()),
        hsts: Rc::default(),
    })
}

#[test]
fn each_built_in_layer_conforms() {
    keeps(|| vec![Rc::new(Deadline)]);
    keeps(|| vec![follow()]);
    keeps(|| vec![upgrade()]);
    keeps(|| vec![Rc::new(Authenticate(Keyring::default()))]);
    keeps(|| vec![decode()]);
    keeps(|| vec![Rc::new(Again::new(2))]);
    keeps(|| vec![harvest()]);
    let accept = || (http::header::ACCEPT, HeaderValue::from_static("text/plain"));
    keeps(move || vec![Rc::new(Usual(HeaderMap::from_iter([accept()])))]);
    #[cfg(feature = "har")]
    keeps(|| vec![Rc::new(crate::har::Recorder::new())]);
    #[cfg(feature = "cookies")]
    keeps(|| {
        vec![Rc::new(crate::layer::harvest::Attach(
            crate::CookieJar::new(),
        ))]
    });
}

/// How often the level below is asked for an answer, and what is read above.
fn played(layer: Rc<dyn Layer>, first: (u16, bool)) -> (usize, Bytes) {
    let script = script(first, Shape::Ready);
    let make = || vec![layer.clone()];
    let play = Play::new(Rule::Ends, &make, Sent::Get, script);
    let answer = play.outcome(play.send(Sent::Get, "/")).unwrap().unwrap();
    let body = play.read(answer.take_body().unwrap()).unwrap().unwrap().0;
    (play.below.asked(), body)
}

/// A layer that has nothing to do conforms easily: the cases give each something to do.
#[test]
fn the_cases_make_layers_act() {
    assert_eq!(played(follow(), (302, false)).0, 2);
    let auth = Rc::new(Authenticate(Keyring::default()));
    assert_eq!(played(auth, (401, false)).0, 2);
    assert_eq!(played(Rc::new(Again::new(2)), (503, false)).0, 2);
    if Decode::is_possible() {
        assert_eq!(played(decode(), (200, true)), (1, TEXT.into()));
    }
}

#[test]
fn all_of_them_on_top_of_each_other_conform() {
    keeps(|| {
        let auth = Rc::new(Authenticate(Keyring::default()));
        let again = Rc::new(Again::new(2));
        vec![
            Rc::new(Deadline),
            follow(),
            upgrade(),
            auth,
            decode(),
            again,
            harvest(),
        ]
    });
}

#[test]
fn no_layer_at_all_conforms() {
    keeps(Vec::new);
}

/// A layer made of a function.
struct Of<F>(F);

impl<F: Fn(Call, Next) -> Answer + 'static> Layer for Of<F> {
    fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
        self.0(call, next)
    }
}

/// That the kit finds this rule broken, and says this.
#[track_caller]
fn breaks<F: Fn(Call, Next) -> Answer + 'static>(rule: Rule, saying: &str, make: impl Fn() -> F) {
    let breach = check(|| Of(make())).expect_err("a broken layer passes");
    assert_eq!(breach.rule(), rule, "{breach}");
    assert!(breach.to_string().contains(saying), "{breach}");
}

#[test]
fn a_layer_that_lets_calls_go_on_is_found() {
    breaks(
        Rule::Cancel,
        "was cancelled, and 1 of what was asked below goes on",
        || {
            |call, next: Next| {
                let apart = Rc::new(RefCell::new(None));
                let found = apart.clone();
                let done = spawn(async move {
                    let outcome = next.send(call).await;
                    found.replace(Some(outcome));
                    Ok(())
                });
                let waits = done.fork();
                // Whoever hears of it keeps it going.
                done.then(|()| ());
                Answer::later(async move {
                    waits.await?;
                    apart.take().expect("it is done")
                })
            }
        },
    );
}

#[test]
fn a_layer_that_goes_on_sending_is_found() {
    breaks(Rule::Cancel, "was cancelled, and", || {
        |call: Call, next: Next| {
            let (again, later) = (call.replay(), next.clone());
            if let Some(again) = again {
                let late = spawn(async move {
                    sleep(ms(90_000)).await?;
                    drop(later.send(again).await);
                    Ok(())
                });
                late.then(|()| ());
            }
            next.send(call)
        }
    });
}

#[test]
fn a_layer_that_keeps_answers_is_found() {
    breaks(
        Rule::Drop,
        "it was dropped unread, and 1 of what came",
        || {
            let kept: Rc<RefCell<Vec<Response>>> = Rc::default();
            move |call, next: Next| {
                let kept = kept.clone();
                next.send(call).map(move |response| {
                    kept.borrow_mut().push(response.clone());
                    Ok(response)
                })
            }
        },
    );
}

/// Sends what `again` makes of a call, where the answer is 503.
fn resend(call: Call, next: Next, again: fn(&Call) -> Option<Call>) -> Answer {
    Answer::later(async move {
        let other = again(&call);
        let response = next.clone().send(call).await?;
        match other {
            Some(other) if response.status() == StatusCode::SERVICE_UNAVAILABLE => {
                next.send(other).await
            }
            _ => Ok(response),
        }
    })
}

#[test]
fn a_layer_that_sends_again_without_the_body_is_found() {
    let said = "send 2 has 0 bytes for a body instead of 12";
    breaks(Rule::Replay, said, || {
        |call, next| {
            resend(call, next, |call| {
                let mut other = call.bodiless();
                other.attempt += 1;
                Some(other)
            })
        }
    });
}

#[test]
fn a_layer_that_sends_again_and_does_not_say_so_is_found() {
    let said = "send 2 is hop 0, attempt 0, as one before it";
    breaks(Rule::Replay, said, || {
        |call, next| {
            resend(call, next, |call| {
                let mut other = call.replay()?;
                other.attempt -= 1;
                Some(other)
            })
        }
    });
}

#[test]
fn a_layer_that_waits_for_the_body_is_found() {
    breaks(Rule::HeadFirst, "no answer after an hour", || {
        |call, next: Next| {
            Answer::later(async move {
                let response = next.send(call).await?;
                let body = response.take_body()?.collect(1 << 20).await?;
                Ok(response.with_body(body))
            })
        }
    });
}

#[test]
fn a_layer_that_requires_content_of_head_is_found() {
    breaks(Rule::Bodiless, "it fails: the body is missing", || {
        |call, next: Next| {
            next.send(call).map(|response| {
                let said = response.headers().contains_key(CONTENT_LENGTH);
                match said && response.body_length() == Some(0) {
                    true => Err("the body is missing".into()),
                    false => Ok(response),
                }
            })
        }
    });
}

#[test]
fn a_layer_that_loses_a_stream_is_found() {
    let switched = |response: &Response| response.status() == StatusCode::SWITCHING_PROTOCOLS;
    breaks(Rule::Stream, "has been taken already", || {
        move |call, next: Next| {
            next.send(call).map(move |response| {
                Ok(match switched(&response) {
                    true => Response::new(response.status()),
                    false => response,
                })
            })
        }
    });
    breaks(Rule::Stream, "the stream is still there", || {
        let kept: Rc<RefCell<Vec<Response>>> = Rc::default();
        move |call, next: Next| {
            let kept = kept.clone();
            next.send(call).map(move |response| {
                if switched(&response) {
                    kept.borrow_mut().push(response.clone());
                }
                Ok(response)
            })
        }
    });
}

#[test]
fn a_layer_that_serves_once_is_found() {
    breaks(Rule::Again, "the second call fails: spent", || {
        let spent = Cell::new(false);
        move |call, next: Next| match spent.replace(true) {
            true => Answer::ready(Err("spent".into())),
            false => next.send(call),
        }
    });
}

#[test]
#[expect(clippy::await_holding_refcell_ref)]
fn a_layer_that_holds_a_borrow_is_found() {
    breaks(Rule::Again, "RefCell already", || {
        let state: Rc<RefCell<u32>> = Rc::default();
        move |call, next: Next| {
            let state = state.clone();
            Answer::later(async move {
                let mut calls = state.borrow_mut();
                *calls += 1;
                next.send(call).await
            })
        }
    });
}

#[test]
fn a_layer_that_mixes_up_calls_is_found() {
    let said = "/first has got the answer to /second";
    breaks(Rule::Again, said, || {
        let latest = Rc::new(RefCell::new(None));
        move |mut call: Call, next: Next| {
            latest.replace(Some(call.url.clone()));
            let latest = latest.clone();
            Answer::later(async move {
                sleep(ms(1)).await?;
                call.url = latest.borrow().clone().expect("a call");
                next.send(call).await
            })
        }
    });
}

#[test]
fn a_layer_that_keeps_events_to_itself_is_found() {
    breaks(
        Rule::Events,
        "1 events were told below, and 0 heard above",
        || {
            |mut call: Call, next: Next| {
                let inner = spawn_with(|emitter| async move {
                    call.emitter = emitter;
                    next.send(call).await
                });
                Answer::later(async move { inner.await })
            }
        },
    );
}

#[test]
fn a_layer_that_hangs_panics_or_refuses_is_found() {
    breaks(Rule::Ends, "no answer after an hour", || {
        |call: Call, next: Next| match call.method == "POST" {
            true => Answer::later(pending()),
            false => next.send(call),
        }
    });
    breaks(Rule::Ends, "no POST today", || {
        |call: Call, next: Next| {
            assert!(call.method != "POST", "no POST today");
            next.send(call)
        }
    });
    breaks(Rule::Ends, "it fails: not with me", || {
        |call: Call, next: Next| match call.method == "POST" {
            true => Answer::ready(Err("not with me".into())),
            false => next.send(call),
        }
    });
}

/// What is wrong with a body's wrapping.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    /// It asks for a piece before its reader does.
    Ahead,
    /// An error is an end.
    Forgiving,
    /// Trailers are not handed on.
    NoTrailers,
    /// The reader is not woken.
    Asleep,
    /// Another length than there is.
    Lying,
    /// One piece is left out.
    Lossy,
}

struct Wrapped {
    body: Body,
    flaw: Flaw,
    ahead: Option<Poll<Option<Result<Bytes>>>>,
}

impl Wrapped {
    fn new(mut body: Body, flaw: Flaw) -> Wrapped {
        let mut cx = Context::from_waker(Waker::noop());
        let ahead = (flaw == Flaw::Ahead).then(|| body.poll_piece(&mut cx));
        let ahead = ahead.filter(Poll::is_ready);
        Wrapped { body, flaw, ahead }
    }
}

impl Pieces for Wrapped {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if let Some(ahead) = self.ahead.take() {
            return ahead;
        }
        if self.flaw == Flaw::Asleep {
            let mut nobody = Context::from_waker(Waker::noop());
            return self.body.poll_piece(&mut nobody);
        }
        match (self.flaw, self.body.poll_piece(cx)) {
            (Flaw::Forgiving, Poll::Ready(Some(Err(_)))) => Poll::Ready(None),
            (Flaw::Lossy, Poll::Ready(Some(Ok(_)))) => {
                self.flaw = Flaw::NoTrailers;
                self.poll_piece(cx)
            }
            (_, polled) => polled,
        }
    }

    fn length(&self) -> Option<u64> {
        match self.flaw {
            Flaw::Lying => Some(5),
            _ => None,
        }
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        match self.flaw {
            Flaw::NoTrailers => None,
            _ => self.body.take_trailers(),
        }
    }
}

fn wrapping(flaw: Flaw) -> impl Fn(Call, Next) -> Answer + 'static {
    move |call, next: Next| {
        next.send(call).map(move |response| {
            Ok(response.map_body(|body| Body::pieces(Wrapped::new(body, flaw))))
        })
    }
}

#[test]
fn layers_that_spoil_bodies_are_found() {
    let flaws = [
        (Flaw::Ahead, Rule::Unread, "1 pieces were asked for"),
        (
            Flaw::Forgiving,
            Rule::CutShort,
            "takes 25 bytes for all of it",
        ),
        (Flaw::NoTrailers, Rule::Pieces, "its trailers are gone"),
        (
            Flaw::Asleep,
            Rule::Pieces,
            "the reader of its body waits after an hour",
        ),
        (Flaw::Lying, Rule::Pieces, "said Some(5) bytes and has 73"),
        (Flaw::Lossy, Rule::Pieces, "48 bytes instead of 73"),
    ];
    for (flaw, rule, saying) in flaws {
        breaks(rule, saying, || wrapping(flaw));
    }
}
