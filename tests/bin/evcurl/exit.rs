//! What went wrong, as curl's exit codes say it (curl's manual, "EXIT CODES"). Pure.

use std::fmt;

use evcore::Kind;
use evhttp::h1::FaultKind;
use evhttp::{Error, ErrorKind, Phase, evtls};

/// How a transfer ended that did not end well.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) code: u8,
    why: String,
}

pub(crate) const UNSUPPORTED_PROTOCOL: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const BAD_URL: u8 = 3;
const NO_HOST: u8 = 6;
const NO_CONNECTION: u8 = 7;
const NOT_HTTP: u8 = 8;
const PARTIAL: u8 = 18;
pub(crate) const STATUS: u8 = 22;
pub(crate) const WRITE: u8 = 23;
pub(crate) const READ: u8 = 26;
const TIMED_OUT: u8 = 28;
pub(crate) const NO_RANGE: u8 = 33;
const NO_SESSION: u8 = 35;
const BAD_ARGUMENT: u8 = 43;
const REDIRECTS: u8 = 47;
const EMPTY_REPLY: u8 = 52;
const SEND: u8 = 55;
const RECEIVE: u8 = 56;
const OWN_CERTIFICATE: u8 = 58;
const PEER_CERTIFICATE: u8 = 60;
const CODING: u8 = 61;
const TOO_LARGE: u8 = 63;
const NO_REWIND: u8 = 65;
pub(crate) const ROOTS: u8 = 77;
const NOT_PINNED: u8 = 90;
const PROXY: u8 = 97;

impl Ending {
    pub(crate) fn new(code: u8, why: impl Into<String>) -> Ending {
        let why = why.into();
        Ending { code, why }
    }

    /// An option that can't be kept.
    pub(crate) fn refused(option: &str, why: impl fmt::Display) -> Ending {
        Ending::new(USAGE, format!("option {option}: {why}"))
    }

    /// A call that failed.
    pub(crate) fn of(error: &evcore::Error) -> Ending {
        let code = match error.downcast_ref::<Error>() {
            _ if error.kind() == Kind::TimedOut => TIMED_OUT,
            Some(error) => of_call(error),
            None => RECEIVE,
        };
        Ending::new(code, error.to_string())
    }

    pub(crate) fn why(&self) -> &str {
        &self.why
    }
}

fn of_call(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::BadUrl(_) => BAD_URL,
        ErrorKind::UnknownScheme(_) | ErrorKind::Redirect(_) => UNSUPPORTED_PROTOCOL,
        ErrorKind::BadRequest(_) => BAD_ARGUMENT,
        ErrorKind::Proxy(why) if why.contains("SOCKS") => PROXY,
        ErrorKind::Proxy(_) => RECEIVE,
        ErrorKind::Tls(why) if error.phase() == Phase::Secure => of_session(why.kind()),
        ErrorKind::TooLarge { .. } => TOO_LARGE,
        ErrorKind::BodyNotReplayable(_) => NO_REWIND,
        ErrorKind::Decode(_) => CODING,
        ErrorKind::TooManyRedirects { .. } => REDIRECTS,
        ErrorKind::Protocol(fault) => of_fault(fault.kind()),
        _ => of_phase(error.phase()),
    }
}

fn of_session(kind: &evtls::ErrorKind) -> u8 {
    use evtls::ErrorKind::*;
    match kind {
        Expired | NotYetValid | WrongName | UnknownIssuer | Revoked | BadCertificate => {
            PEER_CERTIFICATE
        }
        NotPinned => NOT_PINNED,
        NoRoots => ROOTS,
        BadSettings => OWN_CERTIFICATE,
        Truncated => RECEIVE,
        _ => NO_SESSION,
    }
}

fn of_fault(kind: FaultKind) -> u8 {
    match kind {
        FaultKind::NoResponse => EMPTY_REPLY,
        FaultKind::Truncated { .. } => PARTIAL,
        FaultKind::TruncatedHead { .. } | FaultKind::HeadTooLarge => RECEIVE,
        FaultKind::BadChunkSize | FaultKind::BadChunkEnd | FaultKind::BadChunkExtension => RECEIVE,
        // What curl takes for HTTP/0.9, which it has to be told to believe.
        FaultKind::BadStatusLine => UNSUPPORTED_PROTOCOL,
        _ => NOT_HTTP,
    }
}

fn of_phase(phase: Phase) -> u8 {
    match phase {
        Phase::Resolve => NO_HOST,
        Phase::Connect | Phase::Queue => NO_CONNECTION,
        Phase::Secure => NO_SESSION,
        Phase::Send => SEND,
        _ => RECEIVE,
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            USAGE => write!(f, "evcurl: {}", self.why),
            code => write!(f, "evcurl: ({code}) {}", self.why),
        }
    }
}
