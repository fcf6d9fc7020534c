//! Tries again what `policy::retry` says may help: below the layers that
//! would remember an answer, so that they see the last one.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use evcore::{Result, sleep};

use super::drain::drain;
use crate::call::{Answer, Call, Layer, Next};
use crate::clock;
use crate::error::Error;
use crate::event::{RETRY, Retry};
use crate::policy::retry::{Budget, Outcome, wait};
use crate::response::Response;

pub(crate) struct Again {
    pub(crate) most: u32,
    budget: RefCell<Budget>,
}

impl Again {
    pub(crate) fn new(most: u32) -> Again {
        Again {
            most,
            budget: RefCell::default(),
        }
    }
}

impl Layer for Again {
    fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
        match call.options.retries.unwrap_or(self.most) {
            0 => next.send(call),
            most => Answer::later(attempts(self, call, next, most)),
        }
    }
}

async fn attempts(layer: Rc<Again>, mut call: Call, next: Next, most: u32) -> Result<Response> {
    let origin = call.url.origin().ascii_serialization();
    layer.budget.borrow_mut().earn(&origin);
    for tried in 0.. {
        let (method, emitter, again) = (call.method.clone(), call.emitter.clone(), call.replay());
        let course = call.phase.clone();
        let outcome = next.clone().send(call).await;
        let Some(again) = again.filter(|_| tried < most) else {
            return outcome;
        };
        let pause = match judge(&outcome) {
            Some(judged) => wait(
                &method,
                &judged,
                tried,
                clock::unix(),
                crate::chance::number(),
            ),
            None => None,
        };
        let Some(pause) = pause.filter(|_| layer.budget.borrow_mut().spend(&origin)) else {
            return outcome;
        };
        emitter.emit(RETRY, told(&outcome, tried, pause));
        if let Ok(response) = &outcome {
            drain(response).await;
        }
        course.pause();
        sleep(pause).await?;
        call = again;
    }
    unreachable!("the last attempt returns")
}

/// `None`: an error that is no failed call, such as the loop's end, or one
/// that comes again.
fn judge(outcome: &Result<Response>) -> Option<Outcome<'_>> {
    match outcome {
        Ok(response) => Some(Outcome::Answered(response.status(), response.headers())),
        Err(error) => {
            let error = error.downcast_ref::<Error>()?;
            error.may_pass().then_some(Outcome::Failed(error.phase()))
        }
    }
}

fn told(outcome: &Result<Response>, tried: u32, pause: Duration) -> Retry {
    let why = match outcome {
        Ok(response) => response.status().to_string(),
        Err(error) => error.to_string(),
    };
    Retry::new(tried + 1, pause, why)
}
