//! Answers challenges (401) with the credentials of their origin, and shows
//! them unasked where they were accepted before. Which way, `policy::auth`
//! decides; whose credentials they are, `layer::auth::keyring`.

use std::rc::Rc;

use evcore::Result;
use http::StatusCode;
use http::header::AUTHORIZATION;
use url::Url;

use super::drain::drain;
use crate::call::{Answer, Call, Layer, Next};
use crate::clock;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Phase};
use crate::event::{AUTH, Auth};
use crate::limits::CHALLENGES;
use crate::policy::auth::{self, Informed, Message, Scheme};
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
        // Not shown yet, not shown before, or by a nonce that may be stale.
        let unsure = |scheme: &Scheme| round > 0 || scheme.name() == "Digest";
        call.options.doubtful = credentials.is_some() && scheme.as_ref().is_none_or(unsure);
        let response = next.clone().send(call).await?;
        let proven = match (&mut scheme, &credentials) {
            (Some(scheme), Some(credentials)) => {
                let informed = inform(scheme, credentials, &head, &response);
                if informed.renewed {
                    keyring.remember(&origin, credentials, scheme);
                }
                informed.proven
            }
            _ => None,
        };
        if response.status() != StatusCode::UNAUTHORIZED {
            let trusted = proven == Some(true);
            return match credentials.filter(|found| found.is_mutual() && !trusted) {
                Some(_) => Err(unproven(proven, &head.url)),
                None => Ok(response),
            };
        }
        if round == CHALLENGES {
            return Ok(response);
        }
        let body = body.or_else(|| head.phase.take_unread());
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

/// What the server has said with its answer to `asked`.
fn inform(
    scheme: &mut Scheme,
    credentials: &Credentials,
    asked: &Call,
    response: &Response,
) -> Informed {
    let Some(info) = response.header("authentication-info") else {
        return Informed::default();
    };
    let message = Message {
        method: asked.method.as_str(),
        target: asked.target(),
        content: None,
        now: clock::unix(),
    };
    scheme.informed(credentials, &message, info)
}

fn unproven(proven: Option<bool>, url: &Url) -> evcore::Error {
    let what = match proven {
        None => "the server does not prove that it knows the password",
        _ => "the server's proof that it knows the password is wrong",
    };
    let kind = ErrorKind::Unproven(what.into());
    Error::new(Phase::Head, kind).about(url).into()
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
