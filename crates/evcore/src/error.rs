//! The one error type of promises. It knows kinds, causes and places; it
//! knows nothing of any protocol.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// What a promise, a coroutine or [`run`](crate::run) ends with.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a promise was rejected.
///
/// Cheap to clone, `Send + Sync`, and one line when displayed, causes
/// included. As [`std::io::Error`] it carries either a kind with a message or
/// somebody else's error, which [`downcast_ref`](Error::downcast_ref) gives
/// back.
///
/// ```
/// use evcore::{Error, Kind};
///
/// let e = Error::from("x".parse::<u16>().unwrap_err()).during("port");
/// assert_eq!(e.to_string(), "port: invalid digit found in string");
/// assert_eq!(e.kind(), Kind::Other);
/// assert!(e.downcast_ref::<std::num::ParseIntError>().is_some());
/// ```
#[derive(Clone)]
pub struct Error {
    /// `None`: it was cancelled, and there is no more to say. Most errors are that one, of time limits that were not
    /// needed; so it allocates nothing and counts nothing.
    inner: Option<Arc<Inner>>,
}

struct Inner {
    kind: Kind,
    message: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    place: Option<&'static Location<'static>>,
}

/// The kinds of [`Error`] that any promise can meet, whatever the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Somebody called `cancel`, or nobody was interested any more.
    Cancelled,
    /// A time limit ran out.
    TimedOut,
    /// The resolver was dropped without settling.
    Abandoned,
    /// A callback, coroutine or destructor panicked.
    Panicked,
    /// A promise was told to follow itself.
    Cycle,
    /// `run` found nothing left that could ever settle its promise.
    Idle,
    /// `run` was called from inside a callback.
    Nested,
    /// The reactor is gone.
    Closed,
    /// An operation of the operating system failed; the source is an
    /// [`std::io::Error`].
    Io,
    /// Anything else: see the source.
    Other,
}

impl Kind {
    fn sentence(self) -> &'static str {
        match self {
            Kind::Cancelled => "cancelled",
            Kind::TimedOut => "timed out",
            Kind::Abandoned => "abandoned: its resolver was dropped unsettled",
            Kind::Panicked => "panicked",
            Kind::Cycle => "a promise can't follow itself",
            Kind::Idle => "idle: nothing is left that could settle the promise",
            Kind::Nested => "run was called from inside a callback: return a promise instead",
            Kind::Closed => "the reactor is closed",
            Kind::Io => "input/output error",
            Kind::Other => "failed",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl Error {
    /// An error that carries `error`, of kind [`Kind::Other`].
    ///
    /// ```
    /// let full = std::io::Error::other("disk full");
    /// let error = evcore::Error::new(full);
    /// assert!(error.downcast_ref::<std::io::Error>().is_some());
    /// ```
    pub fn new(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        Error::build(Kind::Other, "".into(), Some(Arc::from(error.into())))
    }

    /// An error of `kind` that carries `error`: for a protocol's own error that
    /// is more than [`Kind::Other`].
    ///
    /// ```
    /// use evcore::{Error, Kind};
    ///
    /// let error = Error::carrying(Kind::TimedOut, std::io::Error::other("the server is late"));
    /// assert_eq!((error.kind(), error.to_string()), (Kind::TimedOut, "the server is late".to_owned()));
    /// assert!(error.downcast_ref::<std::io::Error>().is_some());
    /// ```
    pub fn carrying(kind: Kind, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        Error::build(kind, "".into(), Some(Arc::from(error.into())))
    }

    /// An error of `kind` that says `message`.
    ///
    /// ```
    /// use evcore::{Error, Kind};
    ///
    /// let error = Error::of(Kind::TimedOut, "no answer in 5 s");
    /// assert_eq!((error.kind(), error.to_string()), (Kind::TimedOut, "no answer in 5 s".to_owned()));
    /// ```
    pub fn of(kind: Kind, message: impl Into<Cow<'static, str>>) -> Error {
        Error::build(kind, message.into(), None)
    }

    /// The same error with what was being done put before it: its phase, its
    /// address. Kind and source stay.
    ///
    /// ```
    /// use evcore::{Error, Kind};
    ///
    /// let error = Error::from(Kind::Cancelled).during("save notes.txt");
    /// assert_eq!(error.to_string(), "save notes.txt: cancelled");
    /// assert!(error.is_cancelled());
    /// ```
    pub fn during(self, doing: impl Into<Cow<'static, str>>) -> Error {
        let kind = self.kind();
        Error::build(kind, doing.into(), Some(Arc::new(self)))
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> Kind {
        self.inner
            .as_ref()
            .map_or(Kind::Cancelled, |inner| inner.kind)
    }

    /// Whether the promise was cancelled: no fault, and never reported.
    pub fn is_cancelled(&self) -> bool {
        self.kind() == Kind::Cancelled
    }

    /// The first error of type `E` along the chain of causes.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        let mut next: Option<&(dyn StdError + 'static)> = self.source();
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// For [`Kind::Panicked`]: where the callback that panicked was attached.
    pub fn place(&self) -> Option<&'static Location<'static>> {
        let inner = self.inner.as_ref()?;
        inner.place.or_else(|| {
            let source = inner.source.as_deref()?;
            source.downcast_ref::<Error>()?.place()
        })
    }

    pub(crate) fn bare(kind: Kind) -> Error {
        match kind {
            Kind::Cancelled => Error { inner: None },
            kind => Error::build(kind, "".into(), None),
        }
    }

    /// Whether it carries no other error, which could be the user's.
    pub(crate) fn is_bare(&self) -> bool {
        self.inner
            .as_ref()
            .is_none_or(|inner| inner.source.is_none())
    }

    pub(crate) fn abandoned(because: Option<Error>) -> Error {
        let source = because.map(|e| Arc::new(e) as Arc<dyn StdError + Send + Sync>);
        Error::build(Kind::Abandoned, Kind::Abandoned.sentence().into(), source)
    }

    pub(crate) fn panicked(
        payload: &(dyn std::any::Any + Send),
        place: Option<&'static Location<'static>>,
    ) -> Error {
        let said = match payload.downcast_ref::<&str>() {
            Some(text) => text,
            None => payload
                .downcast_ref::<String>()
                .map_or("(no message)", String::as_str),
        };
        let message = match place {
            Some(place) => format!("panicked: {said} (attached at {place})"),
            None => format!("panicked: {said}"),
        };
        let kind = Kind::Panicked;
        let inner = Inner {
            kind,
            message: message.into(),
            source: None,
            place,
        };
        Error {
            inner: Some(Arc::new(inner)),
        }
    }

    fn build(
        kind: Kind,
        message: Cow<'static, str>,
        source: Option<Arc<dyn StdError + Send + Sync>>,
    ) -> Error {
        let inner = Inner {
            kind,
            message,
            source,
            place: None,
        };
        Error {
            inner: Some(Arc::new(inner)),
        }
    }
}

/// How an operation on a socket fails when its reactor is closed.
pub(crate) fn closed_for_io() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::NotConnected, Error::from(Kind::Closed))
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(inner) = &self.inner else {
            return Kind::Cancelled.fmt(f);
        };
        let Inner {
            kind,
            message,
            source,
            ..
        } = &**inner;
        match source {
            None if message.is_empty() => kind.fmt(f),
            None => f.write_str(message),
            Some(source) if message.is_empty() => write_chain(f, &**source),
            Some(source) => {
                write!(f, "{message}: ")?;
                write_chain(f, &**source)
            }
        }
    }
}

/// Writes `error` and its causes, skipping a cause whose text the line
/// already ends with (many libraries repeat their source in their Display).
fn write_chain(f: &mut fmt::Formatter<'_>, error: &(dyn StdError + 'static)) -> fmt::Result {
    let mut line = error.to_string();
    let mut next = if error.is::<Error>() {
        None
    } else {
        error.source()
    };
    while let Some(cause) = next {
        let text = cause.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        next = cause.source();
    }
    f.write_str(&line)
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({self})", self.kind())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.inner.as_ref()?.source.as_ref()?;
        Some(&**source)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        let kind = match error.kind() {
            std::io::ErrorKind::TimedOut => Kind::TimedOut,
            _ => Kind::Io,
        };
        Error::build(kind, "".into(), Some(Arc::new(error)))
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Error {
        Error::bare(kind)
    }
}

impl From<&'static str> for Error {
    fn from(message: &'static str) -> Error {
        Error::of(Kind::Other, message)
    }
}

impl From<String> for Error {
    fn from(message: String) -> Error {
        Error::of(Kind::Other, message)
    }
}

macro_rules! from_std {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Error {
                Error::new(error)
            }
        }
    )*};
}

from_std!(
    fmt::Error,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    std::net::AddrParseError,
    std::char::ParseCharError,
    std::str::ParseBoolError,
    std::time::SystemTimeError,
);
