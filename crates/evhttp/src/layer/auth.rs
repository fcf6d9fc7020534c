//! Answers challenges (401) with the credentials of their origin, and shows
//! them unasked where they were accepted before. Which way, `policy::auth`
//! decides; whose credentials they are, `layer::auth::keyring`.

use std::rc::Rc;

use evcore::Result;
use http::StatusCode;
use http::header::AUTHORIZATION;

use super::drain::drain;
use crate::call::{Answer, Call, Layer, Next};
use crate::clock;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Phase};
use crate::event::{AUTH, Auth};
use crate::limits::CHALLENGES;
use crate::policy::auth::{self, Message, Scheme};
use crate::policy::challenge::{Challenge, challenges};
use crate::response::Response;

pub(crate) mod keyring;

use keyring::Keyring;

pub(crate) struct Authenticate(pub(crate) Keyring);

impl Layer for Authenticate {
    fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
        // Who shows something by hand wants nothing else shown.
        if call.headers.contains_key(AUTHORIZATION) || !self.0.may_help(&call) {
            return next.send(call);
        }
        Answer::later(answer(self, call, next))
    }
}

async fn answer(layer: Rc<Authenticate>, mut call: Call, next: Next) -> Result<Response> {
    let keyring = &layer.0;
    let origin = call.url.origin().ascii_serialization();
    let mut credentials = keyring.of(&call, &origin);
    let mut scheme = keyring.scheme(&origin, credentials.as_ref());
    let mut refused = false;
    for round in 0.. {
        let (head, body) = (call.bodiless(), call.body.replay());
        if let (Some(scheme), Some(credentials)) = (&mut scheme, &credentials) {
            show(scheme, credentials, &mut call);
            keyring.remember(&origin, credentials, scheme);
        }
        let response = next.clone().send(call).await?;
        if let (Some(scheme), Some(credentials)) = (&mut scheme, &credentials)
            && let Some(info) = response.header("authentication-info")
            && scheme.informed(info)
        {
            keyring.remember(&origin, credentials, scheme);
        }
        if response.status() != StatusCode::UNAUTHORIZED || round == CHALLENGES {
            return Ok(response);
        }
        let offered = challenges(response.headers());
        if auth::offers_digest(&offered) {
            keyring.saw_digest(&origin);
        }
        if scheme.is_some() && !auth::is_stale(&offered) {
            keyring.forget(&origin);
            (credentials, refused) = (None, true);
        }
        if credentials.is_none() {
            head.phase.pause();
            credentials = keyring.ask(&head.url, &origin, &offered, refused).await?;
        }
        let found = credentials
            .as_ref()
            .and_then(|found| choose(keyring, &origin, &offered, found, body.as_ref()));
        let Some(found) = found else {
            return Ok(response);
        };
        call = again(head, body, &found, &offered)?;
        scheme = Some(found);
        drain(&response).await;
    }
    unreachable!("the last round returns")
}

fn choose(
    keyring: &Keyring,
    origin: &str,
    offered: &[Challenge],
    credentials: &Credentials,
    body: Option<&crate::body::Body>,
) -> Option<Scheme> {
    let content = body.is_some_and(|body| body.as_whole().is_some());
    let strict = keyring.has_seen_digest(origin);
    auth::choose(
        offered,
        credentials,
        content,
        strict,
        crate::chance::nonce(),
    )
}

fn show(scheme: &mut Scheme, credentials: &Credentials, call: &mut Call) {
    let message = Message {
        method: call.method.as_str(),
        target: call.target(),
        content: call.body.as_whole().map(|bytes| &bytes[..]),
        now: clock::unix(),
    };
    for (name, value) in scheme.fields(credentials, &message).into_iter().flatten() {
        call.headers.insert(name, value);
    }
}

fn again(
    mut head: Call,
    body: Option<crate::body::Body>,
    scheme: &Scheme,
    offered: &[Challenge],
) -> Result<Call> {
    let Some(body) = body else {
        let why = ErrorKind::BodyNotReplayable("the answer to a 401".into());
        return Err(Error::new(Phase::Head, why).about(&head.url).into());
    };
    head.body = body;
    head.next_hop();
    if head.emitter.wants(AUTH) {
        let name = scheme.name();
        let same = |c: &&Challenge| c.scheme.eq_ignore_ascii_case(name);
        let realm = offered.iter().find(same).and_then(|c| c.get("realm"));
        head.emitter
            .emit(AUTH, Auth::new(head.url.clone(), name, realm));
    }
    Ok(head)
}
