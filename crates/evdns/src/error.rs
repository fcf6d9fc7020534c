//! Why a look-up failed, on one line: what was looked up, and the cause, named as getaddrinfo(3) names it.

use std::fmt;

/// A failed look-up. Inside an [`evcore::Error`], from which [`downcast_ref`](evcore::Error::downcast_ref) gets it
/// back.
///
/// ```
/// let error = evcore::run(evdns::lookup("-no-host-is-called-this")).unwrap_err();
/// let error = error.downcast_ref::<evdns::Error>().unwrap();
/// assert_eq!(error.kind(), evdns::ErrorKind::NoName);
/// assert_eq!(error.eai(), "EAI_NONAME");
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    name: String,
    kind: ErrorKind,
    why: Option<String>,
}

/// The kinds of failure, those of getaddrinfo(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such name, or its text can't be one (`EAI_NONAME`).
    NoName,
    /// The name exists and has none of what was asked for (`EAI_NODATA`).
    NoRecords,
    /// No server could tell; one might later (`EAI_AGAIN`).
    TryAgain,
    /// The servers won't tell (`EAI_FAIL`).
    Fail,
    /// An address of a family this machine has no other address of (`EAI_ADDRFAMILY`).
    AddressFamily,
    /// Something of the system failed, or a server's answer was of no use (`EAI_SYSTEM`).
    System,
}

impl ErrorKind {
    fn sentence(self) -> &'static str {
        match self {
            ErrorKind::NoName => "no such name",
            ErrorKind::NoRecords => "the name has no such record",
            ErrorKind::TryAgain => "no server could tell",
            ErrorKind::Fail => "the servers won't tell",
            ErrorKind::AddressFamily => "this machine has no address of that family",
            ErrorKind::System => "the system failed",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl Error {
    pub(crate) fn new(name: impl fmt::Display, kind: ErrorKind) -> Error {
        Error {
            name: name.to_string(),
            kind,
            why: None,
        }
    }

    pub(crate) fn because(mut self, why: impl fmt::Display) -> Error {
        self.why = Some(why.to_string());
        self
    }

    /// What was looked up.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What made it so, if there is more to say: `not a name`, what each server
    /// answered.
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// The name of the code getaddrinfo(3) returns for this.
    pub fn eai(&self) -> &'static str {
        match self.kind {
            ErrorKind::NoName => "EAI_NONAME",
            ErrorKind::NoRecords => "EAI_NODATA",
            ErrorKind::TryAgain => "EAI_AGAIN",
            ErrorKind::Fail => "EAI_FAIL",
            ErrorKind::AddressFamily => "EAI_ADDRFAMILY",
            ErrorKind::System => "EAI_SYSTEM",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "look up {}: {}", self.name, self.kind)?;
        match &self.why {
            Some(why) => write!(f, " ({why})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for evcore::Error {
    fn from(error: Error) -> evcore::Error {
        evcore::Error::new(error)
    }
}

impl From<crate::BadName> for evcore::Error {
    fn from(error: crate::BadName) -> evcore::Error {
        evcore::Error::new(error)
    }
}
