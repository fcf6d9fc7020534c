//! What goes wrong with a call, on one line: what was being done, to whom,
//! and why it failed.

use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use evcore::net::Address;
use http::StatusCode;
use url::Url;

use crate::h1::{Fault, FaultKind, Size};
use crate::secrets::{nameless, redacted};

/// The step of a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Making sense of what was asked for.
    Request,
    /// Waiting for a connection, because there are as many as may be.
    Queue,
    /// Finding the addresses of a name.
    Resolve,
    /// Connecting to one of them.
    Connect,
    /// Making the TLS session.
    Secure,
    /// Sending the request.
    Send,
    /// Waiting for the response's head.
    Head,
    /// Receiving its body.
    Body,
}

impl Phase {
    pub(crate) const ALL: [Phase; 8] = [
        Phase::Request,
        Phase::Queue,
        Phase::Resolve,
        Phase::Connect,
        Phase::Secure,
        Phase::Send,
        Phase::Head,
        Phase::Body,
    ];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Request => "request",
            Phase::Queue => "queue",
            Phase::Resolve => "resolve",
            Phase::Connect => "connect",
            Phase::Secure => "secure",
            Phase::Send => "send",
            Phase::Head => "head",
            Phase::Body => "body",
        })
    }
}

/// What is wrong.
///
/// ```
/// use evhttp::{Error, ErrorKind, http::StatusCode};
///
/// let server = evhttp::serve("127.0.0.1:0", |_| StatusCode::NOT_FOUND)?;
/// let page = evcore::run(evhttp::fetch(format!("http://{}/", server.local_addr())))?;
/// let error = page.ok().unwrap_err();
/// match error.downcast_ref::<Error>().map(Error::kind) {
///     Some(ErrorKind::Status(status)) => assert_eq!(*status, 404),
///     _ => panic!("{error}"),
/// }
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL can't be parsed, or lacks a host.
    BadUrl(String),
    /// No layer speaks the URL's scheme.
    UnknownScheme(String),
    /// A field or target that can't be sent as it is.
    BadRequest(String),
    /// The peer broke HTTP, or ended in the middle.
    Protocol(Fault),
    /// The operating system said no.
    Io(std::io::Error),
    /// A limit of time has passed: a step's, the call's, or that on nothing
    /// moving. The [`evcore::Error`] around it is of kind
    /// [`TimedOut`](evcore::Kind::TimedOut).
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// A name could not be looked up.
    #[cfg(feature = "dns")]
    Lookup(Box<evdns::Error>),
    /// The proxy said no, or what makes no sense; a sentence.
    Proxy(String),
    /// The TLS session could not be made, or broke.
    #[cfg(feature = "tls-without-provider")]
    Tls(evtls::Error),
    /// The body has been taken already.
    BodyTaken,
    /// The body is no valid UTF-8.
    NotText(std::str::Utf8Error),
    /// The body is not the JSON that was expected.
    #[cfg(feature = "json")]
    Json(serde_json::Error),
    /// The body is larger than the call allows.
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The body can't be had a second time, and this needs it.
    BodyNotReplayable(String),
    /// The content's coding can't be undone; a sentence why.
    Decode(String),
    /// The server has not proven that it knows the password, and
    /// `Credentials::mutual` asks for that; a sentence what it did.
    Unproven(String),
    /// A redirect that must not be followed; a sentence why.
    Redirect(String),
    /// The server redirects without end.
    TooManyRedirects {
        /// How many were followed.
        limit: u32,
    },
    /// The status is 4xx or 5xx and the caller asked for that to be an error.
    Status(http::StatusCode),
    /// The server answered this, and the caller asked for the stream behind a change of protocol.
    NotSwitched(http::StatusCode),
    /// The stream behind a change of protocol has been taken already, or there never was one.
    StreamTaken,
}

/// A failed call. Inside an [`evcore::Error`], from which
/// [`downcast_ref`](evcore::Error::downcast_ref) gets it back.
///
/// ```
/// use evhttp::{Error, ErrorKind, Phase};
///
/// let error = evcore::run(evhttp::fetch("ftp://a.example/")).unwrap_err();
/// let parts = error.downcast_ref::<Error>().unwrap();
/// assert_eq!(parts.phase(), Phase::Request);
/// assert!(matches!(parts.kind(), ErrorKind::UnknownScheme(_)));
/// assert_eq!(
///     error.to_string(),
///     "request ftp://a.example/: unknown scheme \"ftp\": only http and https are spoken here"
/// );
/// ```
pub struct Error {
    phase: Phase,
    target: Option<Box<Target>>,
    peer: Option<SocketAddr>,
    received: Option<(u64, Option<u64>)>,
    kind: ErrorKind,
}

/// Whom a call was for. Apart, so that a `Result` with an error stays small.
struct Target {
    shown: String,
    /// Whole, for who asks.
    url: Option<Url>,
}

impl Error {
    pub(crate) fn new(phase: Phase, kind: ErrorKind) -> Error {
        Error {
            phase,
            target: None,
            peer: None,
            received: None,
            kind,
        }
    }

    pub(crate) fn io(phase: Phase, error: std::io::Error) -> Error {
        #[cfg(feature = "tls-without-provider")]
        if let Some(tls) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<evtls::Error>())
        {
            return Error::new(phase, ErrorKind::Tls(tls.clone()));
        }
        Error::new(phase, ErrorKind::Io(error))
    }

    pub(crate) fn to(mut self, target: impl Into<String>) -> Error {
        let (shown, url) = (target.into(), None);
        self.target = Some(Box::new(Target { shown, url }));
        self
    }

    /// Of a call to `url`, of which the line shows what may be seen.
    pub(crate) fn about(self, url: &Url) -> Error {
        self.on_the_way(redacted(url), url)
    }

    /// Of a call to `url` that has come as far as `target`, which the line shows.
    pub(crate) fn on_the_way(mut self, target: impl Into<String>, url: &Url) -> Error {
        let (shown, url) = (target.into(), Some(nameless(url)));
        self.target = Some(Box::new(Target { shown, url }));
        self
    }

    pub(crate) fn at(mut self, peer: SocketAddr) -> Error {
        self.peer = Some(peer);
        self
    }

    pub(crate) fn at_end(mut self, peer: &Address) -> Error {
        match peer {
            Address::Inet(peer) => self.peer = Some(*peer),
            // A path stands in no URL, and says nothing of whom it leads to.
            #[cfg(unix)]
            Address::Unix(_) => {}
        }
        self
    }

    pub(crate) fn after(mut self, received: u64, total: Option<u64>) -> Error {
        self.received = Some((received, total));
        self
    }

    /// The status with which a server answers a request whose body has this
    /// fault; `None` if it is no fault of a request's body. A failed call
    /// that a server's function has made names its target.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match &self.kind {
            _ if self.target.is_some() => None,
            ErrorKind::TooLarge { .. } => Some(StatusCode::PAYLOAD_TOO_LARGE),
            ErrorKind::Protocol(fault) if self.phase == Phase::Body => Some(fault.status()),
            _ => None,
        }
    }

    /// Whether the same may go well another time. What a TLS session fails
    /// for does not pass, but for a connection that was cut. A limit of time for
    /// connecting is a failure to connect; one for an answer is the caller's own
    /// patience.
    pub(crate) fn may_pass(&self) -> bool {
        match &self.kind {
            ErrorKind::TimedOut { .. } => self.is_connect(),
            #[cfg(feature = "tls-without-provider")]
            ErrorKind::Tls(error) => matches!(
                error.kind(),
                evtls::ErrorKind::Truncated | evtls::ErrorKind::Io(_)
            ),
            _ => self.phase != Phase::Secure,
        }
    }

    /// The step that failed.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What is wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Whether too much time has passed: by a limit of the user's, or the
    /// system's own for a connection.
    ///
    /// ```
    /// use evhttp::{Error, Phase};
    ///
    /// let server = evhttp::serve("127.0.0.1:0", |_| evcore::sleep(evcore::secs(60)).then(|_| "late"))?;
    /// let url = format!("http://{}/", server.local_addr());
    /// let late = evcore::run(evhttp::get(&url).deadline(evcore::ms(10)).send()).unwrap_err();
    /// let parts = late.downcast_ref::<Error>().unwrap();
    /// assert!(parts.is_timeout() && !parts.is_connect());
    /// assert_eq!((parts.phase(), parts.url().map(|url| url.as_str())), (Phase::Head, Some(&*url)));
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn is_timeout(&self) -> bool {
        match &self.kind {
            ErrorKind::TimedOut { .. } => true,
            ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::TimedOut,
            _ => false,
        }
    }

    /// Whether there was no connection yet: the name, the address, the TLS
    /// session, or a proxy's way to it.
    pub fn is_connect(&self) -> bool {
        matches!(self.phase, Phase::Resolve | Phase::Connect | Phase::Secure)
    }

    /// The URL that was asked, with its query, of which the line shows no
    /// more than `?...`; but without a name or password. `None` where there
    /// was none: a text that is no URL, a body of no call's.
    ///
    /// ```
    /// use evhttp::Error;
    ///
    /// let error = evcore::run(evhttp::fetch("ftp://me:secret@a.example/?token=7")).unwrap_err();
    /// assert!(error.to_string().starts_with("request ftp://a.example/?...: "));
    /// let url = error.downcast_ref::<Error>().and_then(Error::url);
    /// assert_eq!(url.unwrap().as_str(), "ftp://a.example/?token=7");
    /// ```
    pub fn url(&self) -> Option<&Url> {
        self.target.as_ref()?.url.as_ref()
    }

    /// The address that was spoken to, once there was one.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Bytes of the body that came, of how many.
    pub fn received(&self) -> Option<(u64, Option<u64>)> {
        self.received
    }
}

/// What was being done, to whom, and how far that had come.
struct Place<'a> {
    phase: Phase,
    target: Option<&'a str>,
    peer: Option<SocketAddr>,
    received: Option<(u64, Option<u64>)>,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.phase)?;
        match (self.target, self.peer) {
            // A URL with a literal address says it already.
            (Some(target), Some(peer)) if !target.contains(&peer.to_string()) => {
                write!(f, " {target} ({peer})")?;
            }
            (Some(target), _) => write!(f, " {target}")?,
            (None, Some(peer)) => write!(f, " {peer}")?,
            (None, None) => {}
        }
        match self.received {
            Some((received, Some(total))) => write!(f, ", {received} of {} received", Size(total)),
            Some((received, None)) => write!(f, ", {} received", Size(received)),
            None => Ok(()),
        }
    }
}

impl Error {
    fn shown(&self) -> Option<&str> {
        self.target.as_ref().map(|target| &*target.shown)
    }

    fn place(&self) -> Place<'_> {
        // A truncated message's own sentence says how far it came.
        let told = match &self.kind {
            ErrorKind::Protocol(fault) => matches!(fault.kind(), FaultKind::Truncated { .. }),
            _ => false,
        };
        Place {
            phase: self.phase,
            target: self.shown(),
            peer: self.peer,
            received: self.received.filter(|_| !told),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.kind)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::BadUrl(why) => write!(f, "not a URL: {why}"),
            ErrorKind::UnknownScheme(scheme) if scheme == "https" => {
                f.write_str("https needs TLS: evhttp was built without its feature `tls`")
            }
            ErrorKind::UnknownScheme(scheme) => {
                write!(
                    f,
                    "unknown scheme \"{scheme}\": only http and https are spoken here"
                )
            }
            ErrorKind::BadRequest(why) | ErrorKind::Proxy(why) => f.write_str(why),
            ErrorKind::Protocol(fault) => fault.fmt(f),
            ErrorKind::Io(error) => error.fmt(f),
            ErrorKind::TimedOut { limit } => write!(f, "timed out after {limit:?}"),
            // Its own line names the name, which is in this one already.
            #[cfg(feature = "dns")]
            ErrorKind::Lookup(error) => match error.why() {
                Some(why) => write!(f, "{} ({why})", error.kind()),
                None => error.kind().fmt(f),
            },
            #[cfg(feature = "tls-without-provider")]
            ErrorKind::Tls(error) => error.fmt(f),
            ErrorKind::BodyTaken => f.write_str("the body has been taken already"),
            ErrorKind::NotText(error) => write!(f, "not text: {error}"),
            #[cfg(feature = "json")]
            ErrorKind::Json(error) => write!(f, "not the JSON that was expected: {error}"),
            ErrorKind::TooLarge { limit } => {
                write!(f, "the body is larger than the {} allowed", Size(*limit))
            }
            ErrorKind::BodyNotReplayable(what) => {
                write!(
                    f,
                    "{what} needs the body a second time, but it is a stream that can be read once"
                )
            }
            ErrorKind::Decode(why) => write!(f, "the content can't be decoded: {why}"),
            ErrorKind::Unproven(what) => f.write_str(what),
            ErrorKind::Redirect(why) => write!(f, "the redirect is not followed: {why}"),
            ErrorKind::TooManyRedirects { limit } => write!(f, "more than {limit} redirects"),
            ErrorKind::Status(status) => write!(f, "the server answered {status}"),
            ErrorKind::NotSwitched(status) => write!(
                f,
                "the server answered {status} instead of switching protocols"
            ),
            ErrorKind::StreamTaken => f.write_str("the stream has been taken already"),
        }
    }
}

/// What the line shows, and the kind: the whole URL has to be asked for.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("phase", &self.phase)
            .field("target", &self.shown())
            .field("peer", &self.peer)
            .field("received", &self.received)
            .field("kind", &self.kind)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.kind {
            ErrorKind::Io(error) => Some(error),
            #[cfg(feature = "tls-without-provider")]
            ErrorKind::Tls(error) => Some(error),
            ErrorKind::Protocol(fault) => Some(fault),
            ErrorKind::NotText(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for evcore::Error {
    fn from(error: Error) -> evcore::Error {
        let kind = match error.kind {
            ErrorKind::TimedOut { .. } => evcore::Kind::TimedOut,
            _ => evcore::Kind::Other,
        };
        evcore::Error::carrying(kind, error)
    }
}
