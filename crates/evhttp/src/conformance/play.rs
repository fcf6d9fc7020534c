//! One case: a call through the layer to a level below, on a reactor of its
//! own. What a rule looks at, it asks from here.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use evcore::{Kind, ManualClock, Promise, Reactor, Result, sleep, spawn, spawn_with};
use http::{Method, StatusCode};
use url::Url;

use super::below::{Below, First, Script, Shape};
use super::{Breach, Rule};
use crate::body::Body;
use crate::call::{Call, Layer, Next};
use crate::credentials::Credentials;
use crate::response::Response;
use crate::upgraded::Upgraded;

/// How long a call may take; its own deadline is later.
const PATIENCE: Duration = Duration::from_secs(3_600);
const DEADLINE: Duration = Duration::from_secs(36_000);

/// The content of a POST.
pub(super) const SENT: &[u8] = b"what is sent";

/// Where the layers of a case come from.
pub(super) type Make<'a> = &'a dyn Fn() -> Vec<Rc<dyn Layer>>;

/// The answers layers act upon.
pub(super) const FIRSTS: &[(u16, bool)] = &[
    (200, false),
    (200, true),
    (206, false),
    (302, false),
    (307, false),
    (401, false),
    (503, false),
];

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Get,
    Head,
    /// Its body can be sent again.
    Post,
    /// Its body can't.
    PostOnce,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sent::Get => "GET",
            Sent::Head => "HEAD",
            Sent::Post => "POST",
            Sent::PostOnce => "POST with a body that can't be sent again",
        })
    }
}

/// A case under way.
pub(super) struct Play {
    rule: Rule,
    case: String,
    pub(super) below: Rc<Below>,
    next: Next,
    reactor: Reactor,
}

/// The script of a case with this first answer.
pub(super) fn script(first: (u16, bool), shape: Shape) -> Script {
    let (status, gzipped) = first;
    let status = StatusCode::from_u16(status).expect("a status");
    Script {
        first: First { status, gzipped },
        shape,
        mute: None,
        fails: false,
    }
}

impl Play {
    pub(super) fn new(rule: Rule, make: Make<'_>, sent: Sent, script: Script) -> Play {
        let below = Below::new(script);
        let mut layers = make();
        layers.push(below.clone());
        let coded = if script.first.gzipped {
            ", gzipped"
        } else {
            ""
        };
        let clock = ManualClock::leaping();
        let reactor = Reactor::builder().clock(&clock).build();
        Play {
            rule,
            case: format!("{sent} answered with {}{coded}", script.first.status),
            below,
            next: Next::new(layers.into()),
            reactor: reactor.expect("a reactor"),
        }
    }

    pub(super) fn breach(&self, seen: impl Into<String>) -> Breach {
        let (rule, case, seen) = (self.rule, self.case.clone(), seen.into());
        Breach { rule, case, seen }
    }

    /// Fails with what `seen` says unless it is `so`.
    pub(super) fn demand(&self, so: bool, seen: impl FnOnce() -> String) -> Result<(), Breach> {
        match so {
            true => Ok(()),
            false => Err(self.breach(seen())),
        }
    }

    /// Inside the case's reactor.
    pub(super) fn inside<T>(&self, what: impl FnOnce() -> T) -> T {
        let _inside = self.reactor.enter();
        what()
    }

    /// A call to this path, on its way.
    pub(super) fn send(&self, sent: Sent, path: &str) -> Promise<Response> {
        let next = self.next.clone();
        let path = path.to_owned();
        self.inside(|| {
            spawn_with(|emitter| async move { next.send(call(sent, &path, emitter)).await })
        })
    }

    /// The level below sends a call of its own, through all layers, before it answers.
    pub(super) fn nest(&self, path: &'static str) -> Promise<Response> {
        let (outer, inner, below) = (self.next.clone(), self.next.clone(), self.below.clone());
        self.inside(|| {
            spawn_with(|emitter| async move {
                let nested = call(Sent::Get, "/inside", emitter.clone());
                below.inside.replace(Some((inner, nested)));
                outer.send(call(Sent::Get, path, emitter)).await
            })
        })
    }

    /// Time passes, and whatever can happen happens.
    pub(super) fn wait(&self, time: Duration) {
        let slept = self.reactor.run(async move { sleep(time).await });
        debug_assert!(slept.is_ok(), "nothing closes the reactor");
    }

    /// What becomes of a call. That it hangs or panics is a breach.
    pub(super) fn outcome(&self, promise: Promise<Response>) -> Result<Result<Response>, Breach> {
        self.ended(
            promise,
            "no answer after an hour, though its head was there at once",
        )
    }

    /// What comes of reading a body to its end, and its trailers.
    pub(super) fn read(&self, mut body: Body) -> Result<Result<(Bytes, bool)>, Breach> {
        let all = self.inside(|| {
            spawn(async move {
                let mut all = Vec::new();
                while let Some(piece) = body.next().await? {
                    all.extend_from_slice(&piece);
                }
                Ok((Bytes::from(all), body.take_trailers().is_some()))
            })
        });
        self.ended(all, "the reader of its body waits after an hour")
    }

    /// What a stream begins with.
    pub(super) fn first_bytes(&self, stream: &Upgraded) -> Result<Vec<u8>, Breach> {
        let read = self.inside(|| stream.read(1_000));
        let ended = self.ended(read, "its reader waits after an hour")?;
        ended.map_err(|error| self.breach(format!("its stream fails: {error}")))
    }

    /// The first piece of a body, which goes on.
    pub(super) fn begin(&self, mut body: Body) -> Result<Result<Body>, Breach> {
        // A promise's value is shared and a body is not: it comes back by a cell.
        let back = Rc::new(std::cell::RefCell::new(None));
        let kept = back.clone();
        let first = self.inside(|| {
            spawn(async move {
                body.next().await?;
                kept.replace(Some(body));
                Ok(())
            })
        });
        let begun = self.ended(first, "no piece of its body after an hour")?;
        Ok(begun.and_then(|()| back.take().ok_or_else(|| "the body is gone".into())))
    }

    fn ended<T: Clone + 'static>(
        &self,
        promise: Promise<T>,
        late: &str,
    ) -> Result<Result<T>, Breach> {
        let limited = self.inside(|| promise.timeout(PATIENCE));
        let outcome = self.reactor.run(limited);
        match outcome.as_ref().err().map(evcore::Error::kind) {
            Some(Kind::TimedOut) => Err(self.breach(late)),
            Some(Kind::Panicked) => {
                let why = outcome.err().map(|error| error.to_string());
                Err(self.breach(why.unwrap_or_default()))
            }
            _ => Ok(outcome),
        }
    }
}

/// With everything chosen that makes a built-in layer act.
fn call(sent: Sent, path: &str, emitter: evcore::Emitter) -> Call {
    let url = Url::parse("http://conformance.example").and_then(|url| url.join(path));
    let url = url.expect("a URL");
    let (method, body) = match sent {
        Sent::Get => (Method::GET, Body::empty()),
        Sent::Head => (Method::HEAD, Body::empty()),
        Sent::Post => (Method::POST, Body::from(SENT)),
        Sent::PostOnce => {
            let mut piece = Some(Bytes::from_static(SENT));
            let once = move || Promise::ready(piece.take());
            (Method::POST, Body::from_fn(None, once))
        }
    };
    let mut call = Call::new(method, url, emitter);
    call.body = body;
    call.options.deadline = Some(DEADLINE);
    call.options.redirects = Some(5);
    call.options.retries = Some(2);
    call.trust(Credentials::password("name", "password"));
    call
}
