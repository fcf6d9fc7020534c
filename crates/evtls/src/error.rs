//! What goes wrong with a session, as one sentence: who is to blame, and for
//! what.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError};

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The peer's certificate was valid once.
    Expired,
    /// The peer's certificate will be valid later.
    NotYetValid,
    /// The peer's certificate is for other names.
    WrongName,
    /// Nobody who is trusted has signed the peer's certificate.
    UnknownIssuer,
    /// The peer's certificate has been revoked.
    Revoked,
    /// The peer's key is not one of the pins.
    NotPinned,
    /// The peer's certificate is bad in another way.
    BadCertificate,
    /// The peer has ended the session with this alert (RFC 8446 §6).
    Alert,
    /// The peer and we share no version, cipher or application protocol.
    NothingShared,
    /// What came is not TLS, or breaks its rules.
    Protocol,
    /// The connection ended without the session's end (RFC 8446 §6.1): what
    /// came may have been cut short.
    Truncated,
    /// Neither the system nor the caller has given a root certificate.
    NoRoots,
    /// What the caller has given makes no connector: text that is no
    /// certificate, a key of another certificate, a bad name, no provider.
    BadSettings,
    /// The connection below failed.
    Io(io::ErrorKind),
}

/// A session that could not be made, or broke.
///
/// Inside an [`evcore::Error`] from [`Connector::connect`](crate::Connector::connect),
/// inside an [`io::Error`] from reading and writing.
///
/// ```
/// use evtls::{Connector, ErrorKind};
///
/// let error = Connector::builder().root_certificates("no certificate").build().unwrap_err();
/// assert_eq!(error.kind(), &ErrorKind::BadSettings);
/// assert_eq!(error.to_string(), "no certificate in the text given as root certificates");
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    sentence: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, sentence: impl Into<String>) -> Error {
        let sentence = sentence.into();
        Error { kind, sentence }
    }

    pub(crate) fn bad(sentence: impl Into<String>) -> Error {
        Error::new(ErrorKind::BadSettings, sentence)
    }

    /// What is wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Finds ours in an error of reading or writing, or tells of another.
    pub(crate) fn from_io(error: &io::Error) -> Error {
        let ours = error.get_ref().and_then(|inner| inner.downcast_ref());
        ours.cloned()
            .unwrap_or_else(|| Error::new(ErrorKind::Io(error.kind()), error.to_string()))
    }

    pub(crate) fn truncated(handshaking: bool) -> Error {
        let sentence = match handshaking {
            true => "the peer closed the connection during the TLS handshake",
            false => "the peer closed the connection without ending the TLS session",
        };
        Error::new(ErrorKind::Truncated, sentence)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl StdError for Error {}

impl From<Error> for evcore::Error {
    fn from(error: Error) -> evcore::Error {
        evcore::Error::new(error)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match error.kind {
            ErrorKind::Truncated => io::ErrorKind::UnexpectedEof,
            ErrorKind::Io(kind) => kind,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

impl From<rustls::Error> for Error {
    fn from(error: rustls::Error) -> Error {
        use rustls::Error as E;
        match error {
            E::InvalidCertificate(why) => certificate(why),
            E::AlertReceived(alert) => {
                let sentence = format!("the peer ended the TLS session: {}", in_words(alert));
                Error::new(ErrorKind::Alert, sentence)
            }
            E::NoApplicationProtocol | E::PeerIncompatible(_) => {
                let sentence = format!("nothing in common with the peer: {error}");
                Error::new(ErrorKind::NothingShared, sentence)
            }
            // A server that answers in plain HTTP is the usual case.
            E::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
                Error::new(ErrorKind::Protocol, "the peer does not speak TLS")
            }
            E::PeerMisbehaved(rustls::PeerMisbehaved::SelectedUnofferedApplicationProtocol) => {
                let sentence = "the peer has chosen an application protocol that was not offered";
                Error::new(ErrorKind::Protocol, sentence)
            }
            other => Error::new(ErrorKind::Protocol, other.to_string()),
        }
    }
}

fn certificate(why: CertificateError) -> Error {
    use CertificateError as C;
    let (kind, sentence) = match &why {
        C::ExpiredContext { time, not_after } => {
            let ago = days(time.as_secs().saturating_sub(not_after.as_secs()));
            let sentence = format!("the certificate expired {ago} ago");
            (ErrorKind::Expired, sentence)
        }
        C::Expired => (ErrorKind::Expired, "the certificate has expired".into()),
        C::NotValidYetContext { time, not_before } => {
            let left = days(not_before.as_secs().saturating_sub(time.as_secs()));
            let sentence = format!("the certificate is not valid before another {left}");
            (ErrorKind::NotYetValid, sentence)
        }
        C::NotValidYet => (
            ErrorKind::NotYetValid,
            "the certificate is not valid yet".into(),
        ),
        C::NotValidForNameContext {
            expected,
            presented,
        } => {
            let wanted = expected.to_str().into_owned();
            (ErrorKind::WrongName, other_names(&wanted, presented))
        }
        C::NotValidForName => {
            let sentence = "the certificate is for another name".into();
            (ErrorKind::WrongName, sentence)
        }
        C::UnknownIssuer => {
            let sentence = "the certificate is signed by nobody who is trusted here";
            (ErrorKind::UnknownIssuer, sentence.into())
        }
        C::Revoked => (
            ErrorKind::Revoked,
            "the certificate has been revoked".into(),
        ),
        C::ApplicationVerificationFailure => {
            let sentence = "the certificate's key is none of the pinned ones";
            (ErrorKind::NotPinned, sentence.into())
        }
        other => (
            ErrorKind::BadCertificate,
            format!("bad certificate: {other}"),
        ),
    };
    Error::new(kind, sentence)
}

/// The names come from the peer: no more of them than a line holds.
fn other_names(wanted: &str, presented: &[String]) -> String {
    const SHOWN: usize = 3;
    if presented.is_empty() {
        return format!("the certificate is for no name, not for {wanted}");
    }
    // rustls prints them as `DnsName("a.example")`.
    let bare = |name: &String| match name.split('"').nth(1) {
        Some(inner) => inner.to_owned(),
        None => name.clone(),
    };
    let shown: Vec<String> = presented.iter().take(SHOWN).map(bare).collect();
    let more = match presented.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = shown.join(", ");
    format!("the certificate is for {shown}{more}, not for {wanted}")
}

fn days(seconds: u64) -> String {
    match seconds / 86_400 {
        0 => "day".into(),
        1 => "1 day".into(),
        days => format!("{days} days"),
    }
}

/// `HandshakeFailure` in RFC 8446's words: handshake failure.
fn in_words(alert: AlertDescription) -> String {
    let mut words = String::new();
    for letter in format!("{alert:?}").chars() {
        if letter.is_ascii_uppercase()
            && !words.is_empty()
            && !words.ends_with(|c: char| c.is_ascii_uppercase())
        {
            words.push(' ');
        }
        words.push(letter);
    }
    words.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_words() {
        assert_eq!(
            in_words(AlertDescription::HandshakeFailure),
            "handshake failure"
        );
        assert_eq!(in_words(AlertDescription::UnknownCA), "unknown ca");
    }

    #[test]
    fn the_peer_does_not_fill_the_screen() {
        let names: Vec<String> = (0..100)
            .map(|n| format!("DnsName(\"{n}.example\")"))
            .collect();
        let line = other_names("a.example", &names);
        let expected =
            "the certificate is for 0.example, 1.example, 2.example and 97 more, not for a.example";
        assert_eq!(line, expected);
    }
}
