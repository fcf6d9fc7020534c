//! The time limit of a whole call, to the last byte of its body. Says nothing
//! about what happens within that time.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use evcore::{Await, Error, Kind, Result, sleep};
use http::HeaderMap;

use crate::body::{Body, Pieces};
use crate::call::{Answer, Call, Layer, Next};

pub(crate) struct Deadline;

impl Layer for Deadline {
    fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
        let Some(limit) = call.options.deadline else {
            return next.send(call);
        };
        let target = call.url.to_string();
        let mut answer = next.send(call);
        let mut alarm = Alarm {
            timer: sleep(limit).into_future(),
            limit,
            target,
        };
        Answer::later(async move {
            let response = poll_fn(|cx| match Pin::new(&mut answer).poll(cx) {
                Poll::Pending => alarm.poll(cx).map(Err),
                ready => ready,
            });
            let response = response.await?;
            Ok(response.map_body(|body| Body::pieces(Timed { body, alarm })))
        })
    }
}

struct Alarm {
    timer: Await<()>,
    limit: Duration,
    target: String,
}

impl Alarm {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        Pin::new(&mut self.timer).poll(cx).map(|ended| match ended {
            Ok(()) => Error::of(Kind::TimedOut, format!("timed out after {:?}", self.limit))
                .during(self.target.clone()),
            Err(closed) => closed,
        })
    }
}

/// A body that has to end in time.
struct Timed {
    body: Body,
    alarm: Alarm,
}

impl Pieces for Timed {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        match self.body.poll_piece(cx) {
            Poll::Pending => self.alarm.poll(cx).map(|error| Some(Err(error))),
            ready => ready,
        }
    }

    fn length(&self) -> Option<u64> {
        self.body.length()
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.body.take_trailers()
    }
}
