//! Whether a connection may carry another exchange (RFC 9112 §9.3), with a sentence why not. Closing it is the
//! caller's act.

use super::framing::Summary;
use http::Version;
use std::fmt;

/// What to do with the connection when the exchange is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may carry another exchange.
    Keep,
    /// It must be closed (or, after [`CloseReason::Switched`], belongs to another protocol).
    Close(CloseReason),
}

/// Why a connection cannot carry another exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// We said `Connection: close`.
    AskedByUs,
    /// The peer said `Connection: close`.
    AskedByPeer,
    /// The peer speaks HTTP/1.0 and did not ask to keep the connection.
    OldVersion,
    /// The end of the connection is the end of the body.
    UntilClose,
    /// The head had framing fields that contradict one another: it was read the safe way, but another reader on the
    /// path may have seen other boundaries (RFC 9112 §6.3).
    DoubtfulFraming,
    /// Bytes followed the response that no request asked for (RFC 9112 §9.2).
    BytesAfterEnd,
    /// The request was not written, or not read, to its end.
    RequestUnfinished,
    /// The response was not read, or not written, to its end.
    ResponseUnfinished,
    /// The connection now belongs to another protocol (101, or 2xx to CONNECT).
    Switched,
    /// The peer closed the connection.
    PeerClosed,
    /// The peer broke the protocol.
    Broken,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Keep => f.write_str("the connection may carry another exchange"),
            Verdict::Close(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CloseReason::AskedByUs => "this side asked to close the connection",
            CloseReason::AskedByPeer => "the peer asked to close the connection",
            CloseReason::OldVersion => {
                "the peer speaks HTTP/1.0 and did not ask to keep the connection"
            }
            CloseReason::UntilClose => "the body ends where the connection ends",
            CloseReason::DoubtfulFraming => {
                "the framing fields of the message contradict one another"
            }
            CloseReason::BytesAfterEnd => "bytes followed the end of the response",
            CloseReason::RequestUnfinished => "the request did not reach its end",
            CloseReason::ResponseUnfinished => "the response did not reach its end",
            CloseReason::Switched => "the connection belongs to another protocol now",
            CloseReason::PeerClosed => "the peer closed the connection",
            CloseReason::Broken => "the peer broke the protocol",
        })
    }
}

/// RFC 9112 §9.3, in its order: close wins; 1.1 persists; 1.0 persists only if it says so.
pub(super) fn reason_to_close(version: Version, summary: &Summary) -> Option<CloseReason> {
    if summary.close {
        Some(CloseReason::AskedByPeer)
    } else if version == Version::HTTP_10 && !summary.keep_alive {
        Some(CloseReason::OldVersion)
    } else {
        None
    }
}
