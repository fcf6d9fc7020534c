//! The one shape every level has: a [`Call`] goes in, an [`Answer`] comes
//! out. Layers, the pool and the wire know this file and not one another.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use evcore::{Emitter, Result};
use http::{HeaderMap, Method};
use url::{Position, Url};

use crate::address::Target;
use crate::body::Body;
use crate::conn::{Network, Time};
use crate::course::Course;
use crate::credentials::Credentials;
use crate::response::Response;
use crate::secrets::{Fields, Shown};
use crate::spelling::Spelling;

/// A request on its way to the wire, with all that is to be known about it.
///
/// Layers may change it; the head's framing fields (Content-Length,
/// Transfer-Encoding) and Host are the wire's to write.
///
/// Its parts are in one place in memory, so that handing it from layer to
/// layer moves a few bytes: `call.url` is [`Parts::url`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Call {
    /// For events on the user's promise.
    pub emitter: Emitter,
    parts: Box<Parts>,
}

/// What a [`Call`] is made of.
#[non_exhaustive]
pub struct Parts {
    /// The method.
    pub method: Method,
    /// Where to; always absolute, `http`, `https` or a scheme some layer handles.
    pub url: Url,
    /// The fields to send.
    pub headers: HeaderMap,
    /// The content to send.
    pub body: Body,
    /// What the user has chosen for this call.
    pub options: Options,
    /// How many answers came before this one for the same call: redirects,
    /// challenges.
    pub hop: u32,
    /// How often this hop has been tried before.
    pub attempt: u32,
    /// The step the call is in, as the wire last noted: for whoever gives it
    /// up and has to say where that was.
    pub phase: Rc<Course>,
}

/// Shows nothing secret.
impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("method", &self.method)
            .field("url", &Shown(&self.url))
            .field("headers", &Fields(&self.headers))
            .field("body", &self.body)
            .field("options", &self.options)
            .field("hop", &self.hop)
            .field("attempt", &self.attempt)
            .field("phase", &self.phase)
            .finish()
    }
}

/// What a user may choose for one call.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Time for the whole call, from `send` to the last byte of the body.
    pub deadline: Option<Duration>,
    /// The most redirects to follow; 0 takes a 3xx as the answer.
    pub redirects: Option<u32>,
    /// How often to try again; 0 takes the first failure.
    pub retries: Option<u32>,
    /// Whether the server is asked, before the body is sent, if it wants it
    /// (`Expect: 100-continue`); unless told, it is where the fields say so, or
    /// else where [`Request::expect_continue`](crate::Request::expect_continue)
    /// says.
    pub expect_continue: Option<bool>,
    /// What is shown may be refused, and the body wanted a second time.
    pub(crate) doubtful: bool,
    /// Content is handed out as it was sent, with its coding.
    pub as_sent: bool,
    /// Credentials of this call's own, and the origin they are for.
    pub credentials: Option<Rc<(String, Credentials)>>,
    /// The request target as the user wrote it, in the place of the URL's.
    pub(crate) target: Option<Rc<Target>>,
    /// How the fields' names are written, and in which order.
    pub(crate) spelling: Option<Rc<Spelling>>,
    /// How connections come about; the client's way if none.
    pub(crate) network: Option<Rc<Network>>,
    /// Time for each step; the client's if none.
    pub(crate) time: Option<Rc<Time>>,
}

impl Options {
    /// What of this a layer has to see to, as the begin of a sentence.
    pub(crate) fn layered(&self) -> Option<&'static str> {
        match self {
            Options {
                deadline: Some(_), ..
            } => Some("a deadline needs"),
            Options {
                credentials: Some(_),
                ..
            } => Some("credentials need"),
            Options {
                redirects: Some(1..),
                ..
            } => Some("redirects need"),
            Options {
                retries: Some(1..), ..
            } => Some("second attempts need"),
            _ => None,
        }
    }
}

impl Call {
    /// A call without fields or content.
    pub fn new(method: Method, url: Url, emitter: Emitter) -> Call {
        Call::of(Parts::new(method, url), emitter)
    }

    pub(crate) fn of(parts: Box<Parts>, emitter: Emitter) -> Call {
        Call { emitter, parts }
    }

    /// The URL alone, when all else has served.
    pub(crate) fn into_url(self) -> Url {
        self.parts.url
    }

    /// The same call once more, if its body can be sent again.
    pub fn replay(&self) -> Option<Call> {
        let mut again = self.bodiless();
        again.body = self.body.replay()?;
        again.attempt += 1;
        Some(again)
    }

    /// The same call without its body: what a layer keeps that may have to
    /// send once more.
    pub fn bodiless(&self) -> Call {
        Call::of(Box::new(self.parts.bodiless()), self.emitter.clone())
    }

    /// Notes that an answer has come and another is asked for: `hop` counts
    /// them, whichever layer asks.
    pub fn next_hop(&mut self) {
        (self.hop, self.attempt) = (self.phase.next_hop(), 0);
    }
}

impl Parts {
    pub(crate) fn new(method: Method, url: Url) -> Box<Parts> {
        Box::new(Parts {
            method,
            url,
            headers: HeaderMap::new(),
            body: Body::empty(),
            options: Options::default(),
            hop: 0,
            attempt: 0,
            phase: Rc::new(Course::new()),
        })
    }

    /// The same without the body, for a layer that seldom needs it: no box is made for it.
    pub(crate) fn bodiless(&self) -> Parts {
        Parts {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: Body::empty(),
            options: self.options.clone(),
            hop: self.hop,
            attempt: self.attempt,
            phase: self.phase.clone(),
        }
    }

    /// Path and query as the server is asked for them.
    pub(crate) fn target(&self) -> &str {
        match &self.options.target {
            Some(target) => target.as_str(),
            None => &self.url[Position::BeforePath..Position::AfterQuery],
        }
    }

    /// The origin of the URL, and no other, gets these credentials.
    pub(crate) fn trust(&mut self, credentials: Credentials) {
        let origin = self.url.origin().ascii_serialization();
        self.options.credentials = Some(Rc::new((origin, credentials)));
    }
}

impl Deref for Call {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl DerefMut for Call {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.parts
    }
}

/// One level between the user and the wire: a policy's glue.
///
/// A layer may change the call, answer it by itself, look at the answer, send
/// the call again. The built-in ones are written with this trait alone.
///
/// ```
/// use std::rc::Rc;
/// use evhttp::{Answer, Call, Client, Layer, Next};
/// use evhttp::http::HeaderValue;
///
/// struct Named;
///
/// impl Layer for Named {
///     fn send(self: Rc<Self>, mut call: Call, next: Next) -> Answer {
///         call.headers.insert("user-agent", HeaderValue::from_static("mine/1"));
///         next.send(call)
///     }
/// }
///
/// let client = Client::builder().layer(Named).build();
/// ```
pub trait Layer: 'static {
    /// Answers `call`, as a rule by what `next` answers.
    fn send(self: Rc<Self>, call: Call, next: Next) -> Answer;
}

/// The levels below. Cheap to clone: who needs to send again keeps one.
#[derive(Clone)]
pub struct Next {
    layers: Rc<[Rc<dyn Layer>]>,
    at: usize,
}

impl Next {
    /// The whole of `layers`, outermost first. The last one must answer
    /// without a next.
    pub(crate) fn new(layers: Rc<[Rc<dyn Layer>]>) -> Next {
        Next { layers, at: 0 }
    }

    /// Hands `call` to the next level.
    pub fn send(self, call: Call) -> Answer {
        match self.layers.get(self.at).cloned() {
            Some(layer) => layer.send(
                call,
                Next {
                    at: self.at + 1,
                    ..self
                },
            ),
            None => Answer::ready(Err("no layer has answered the call".into())),
        }
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Next({} of {})", self.at, self.layers.len())
    }
}

/// What comes of a call: the response, as soon as its head is there. Owned by
/// one level at a time, and boxed only if it has to be waited for.
///
/// ```
/// use evhttp::{Answer, Call, Client, Layer, Next, Response};
/// use std::rc::Rc;
///
/// /// Answers everything by itself: a test needs no server.
/// struct Mock;
///
/// impl Layer for Mock {
///     fn send(self: Rc<Self>, call: Call, _: Next) -> Answer {
///         Answer::ready(Ok(Response::plain(call.url.path())))
///     }
/// }
///
/// let client = Client::builder().layer(Mock).build();
/// assert_eq!(evcore::run(client.fetch("http://a.example/b"))?.text()?, "/b");
/// # Ok::<(), evcore::Error>(())
/// ```
#[must_use = "a call does nothing until its answer is awaited"]
pub struct Answer(State);

enum State {
    Ready(Option<Result<Response>>),
    /// What will bring it, and what is to be made of it then.
    Later(
        Pin<Box<dyn Future<Output = Result<Response>>>>,
        Option<Change>,
    ),
}

type Change = Box<dyn FnOnce(Response) -> Result<Response>>;

impl Answer {
    /// An answer that is known already.
    pub fn ready(response: Result<Response>) -> Answer {
        Answer(State::Ready(Some(response)))
    }

    /// An answer that `future` will bring.
    pub fn later(future: impl Future<Output = Result<Response>> + 'static) -> Answer {
        Answer(State::Later(Box::pin(future), None))
    }

    /// What `change` makes of the response, once it is there. Cheaper than a
    /// future around this one.
    pub fn map(self, change: impl FnOnce(Response) -> Result<Response> + 'static) -> Answer {
        match self.0 {
            State::Ready(Some(response)) => Answer::ready(response.and_then(change)),
            State::Ready(None) => self,
            State::Later(future, None) => Answer(State::Later(future, Some(Box::new(change)))),
            State::Later(future, Some(earlier)) => {
                let both = move |response| change(earlier(response)?);
                Answer(State::Later(future, Some(Box::new(both))))
            }
        }
    }
}

impl Future for Answer {
    type Output = Result<Response>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Response>> {
        match &mut self.0 {
            State::Ready(response) => {
                Poll::Ready(response.take().expect("polled after it was ready"))
            }
            State::Later(future, change) => {
                let response = ready!(future.as_mut().poll(cx));
                Poll::Ready(match change.take() {
                    Some(change) => response.and_then(change),
                    None => response,
                })
            }
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Ready(_) => "Answer(ready)",
            State::Later(..) => "Answer(later)",
        })
    }
}
