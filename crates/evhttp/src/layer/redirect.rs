//! Follows redirects as `policy::redirect` decides. The answers it has passed
//! hang at the last one: [`Response::previous`].

use std::rc::Rc;

use evcore::Result;

use super::drain::drain;
use crate::call::{Answer, Call, Layer, Next, Parts};
use crate::error::{Error, ErrorKind, Phase};
use crate::event::{REDIRECT, Redirect};
use crate::policy::redirect::{self, Hop, Verdict};
use crate::response::Response;

pub(crate) struct Follow {
    pub(crate) most: u32,
    /// Whether https may lead to http.
    pub(crate) downgrade: bool,
}

impl Layer for Follow {
    fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
        match call.options.redirects.unwrap_or(self.most) {
            0 => next.send(call),
            most => Answer::later(follow(call, next, most, self.downgrade)),
        }
    }
}

async fn follow(mut call: Call, next: Next, most: u32, downgrade: bool) -> Result<Response> {
    let (mut previous, mut followed) = (None, 0);
    loop {
        let mut head = Parts::bodiless(&call);
        let body = call.body.replay();
        let emitter = call.emitter.clone();
        let response = next.clone().send(call).await?;
        let (status, headers) = (response.status(), response.headers());
        // HSTS may have led to another URL than was asked for.
        let asked = response.url().unwrap_or(&head.url);
        let verdict = redirect::decide(&head.method, asked, status, headers, downgrade);
        let hop = match verdict {
            Verdict::Stay => return Ok(with_previous(response, previous)),
            Verdict::Refuse(why) => return Err(failed(&head, ErrorKind::Redirect(why))),
            Verdict::Follow(_) if followed == most => {
                return Err(failed(&head, ErrorKind::TooManyRedirects { limit: most }));
            }
            Verdict::Follow(hop) => *hop,
        };
        if hop.keeps_body {
            let why = || {
                ErrorKind::BodyNotReplayable(format!("a redirect with status {}", status.as_u16()))
            };
            // It may not have been read: the server was asked before.
            let body = body.or_else(|| head.phase.take_unread());
            head.body = body.ok_or_else(|| failed(&head, why()))?;
        }
        drain(&response).await;
        previous = Some(with_previous(response, previous));
        call = step(Call::of(Box::new(head), emitter), hop, status);
        followed += 1;
    }
}

fn step(mut head: Call, hop: Hop, status: http::StatusCode) -> Call {
    redirect::strip(&mut head.headers, &hop);
    head.next_hop();
    head.method = hop.method;
    // It was given for the first URL alone.
    head.options.target = None;
    let from = std::mem::replace(&mut head.url, hop.url);
    if head.emitter.wants(REDIRECT) {
        let told = Redirect::new(Some(status), from, head.url.clone(), head.method.clone());
        head.emitter.emit(REDIRECT, told);
    }
    head
}

fn with_previous(response: Response, previous: Option<Response>) -> Response {
    match previous {
        Some(_) => response.with_previous(previous),
        None => response,
    }
}

fn failed(asked: &Parts, kind: ErrorKind) -> evcore::Error {
    let error = Error::new(Phase::Head, kind).about(&asked.url);
    error.into()
}
