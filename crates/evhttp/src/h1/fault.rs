//! What can be wrong with a message, one sentence each, and the status a server answers it with. Finding the faults is
//! the other files' work.

use http::StatusCode;
use std::fmt;

/// Why an exchange cannot go on, or why something was not written.
///
/// A fault found while reading is final: every later call repeats it and the connection must be closed (RFC 9112
/// §6.3: a message whose framing is in doubt leaves nothing on that connection to be trusted). A fault found while
/// writing leaves `out` as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
}

/// The kinds of [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The first line is no `HTTP/1.x SP 3DIGIT [SP reason]` (RFC 9112 §4).
    BadStatusLine,
    /// The first line is no `method SP target SP HTTP/1.x` (RFC 9112 §3).
    BadRequestLine,
    /// The target is malformed, or not of the form its method asks for (RFC 9112 §3.2).
    BadTarget,
    /// The request line ends after the target, as in HTTP/0.9.
    MissingVersion,
    /// The peer speaks another version than HTTP/1.0 and HTTP/1.1.
    UnsupportedVersion,
    /// The peer opened with HTTP/2's preface (RFC 9113 §3.4).
    Http2Preface,
    /// The head is longer than [`Limits::head_bytes`](super::Limits).
    HeadTooLarge,
    /// The request line is longer than [`Limits::request_line_bytes`](super::Limits).
    TargetTooLong,
    /// There are more field lines than [`Limits::headers`](super::Limits).
    TooManyHeaders,
    /// A field name is empty, not a token, or lacks its colon.
    BadHeaderName,
    /// Whitespace stands between a field name and its colon (RFC 9112 §5.1).
    SpaceBeforeColon,
    /// A field value holds a control character.
    BadHeaderValue,
    /// A line begins with whitespace where no folding is accepted (RFC 9112 §2.2, §5.2).
    ObsFold,
    /// A CR stands without its LF (RFC 9112 §2.2).
    BareCr,
    /// A LF stands without its CR where that is not accepted (RFC 9112 §2.2).
    BareLf,
    /// An HTTP/1.1 request has no Host (RFC 9112 §3.2).
    MissingHost,
    /// A request has more than one Host (RFC 9112 §3.2).
    ManyHosts,
    /// Host is no `uri-host [":" port]` (RFC 9110 §7.2).
    BadHost,
    /// Content-Length is no decimal number of 64 bits (RFC 9110 §8.6).
    BadContentLength,
    /// Content-Length is given more than once (RFC 9112 §6.3).
    RepeatedContentLength,
    /// Content-Length and Transfer-Encoding, or what the caller announced, contradict one another (RFC 9112 §6.3).
    ConflictingFraming,
    /// The transfer codings do not end in exactly one `chunked` (RFC 9112 §6.3).
    BadTransferCoding,
    /// There is a transfer coding other than `chunked`; none was asked for (RFC 9112 §7).
    UnsupportedTransferCoding,
    /// Transfer-Encoding in an HTTP/1.0 message, which does not know it (RFC 9112 §6.1).
    TransferCodingInHttp10,
    /// A chunk size is no hexadecimal number of 64 bits (RFC 9112 §7.1).
    BadChunkSize,
    /// A chunk extension holds a control character (RFC 9112 §7.1.1).
    BadChunkExtension,
    /// The chunk extensions are longer than [`Limits::chunk_extension_bytes`](super::Limits).
    ChunkExtensionsTooLarge,
    /// A chunk is not followed by CRLF (RFC 9112 §7.1).
    BadChunkEnd,
    /// The trailer section is longer than [`Limits::trailer_bytes`](super::Limits).
    TrailersTooLarge,
    /// The body is longer than [`Limits::body_bytes`](super::Limits).
    BodyTooLarge,
    /// There were more informational responses than [`Limits::informational`](super::Limits).
    TooManyInformational,
    /// The server switched protocols and was not asked to (RFC 9110 §7.8).
    UnaskedUpgrade,
    /// The server switched to a protocol that the request does not name, or does not say to which (RFC 9110 §7.8, §15.2.2).
    OtherUpgrade,
    /// The server switched protocols before the request was written to its end (RFC 9110 §7.8).
    EarlyUpgrade,
    /// Bytes came before a request was written.
    Unsolicited,
    /// The server closed the connection without a byte of a response: on a reused connection the request may be sent
    /// again if it is safe to (RFC 9110 §9.2.2).
    NoResponse,
    /// The peer closed within a head.
    TruncatedHead {
        /// Bytes of that head that came.
        received: u64,
    },
    /// The peer closed within a body.
    Truncated {
        /// Bytes of the body that came.
        received: u64,
        /// Bytes announced, unless the body is chunked.
        expected: Option<u64>,
    },
    /// Writing: this is not the moment for it (two heads, a piece before the head, anything after the end).
    OutOfOrder,
    /// Writing: a final response needs a status from 200 to 599, or 101; an informational one 100 or 102 to 199.
    BadStatus,
    /// Writing: a field that the codec itself has to write, or one that may not be a trailer (RFC 9110 §6.5.1).
    ForbiddenField,
    /// Writing: this message cannot have a body.
    BodyNotAllowed,
    /// Writing: more bytes than Content-Length announced.
    BodyTooLong {
        /// Bytes announced.
        announced: u64,
    },
    /// Writing: fewer bytes than Content-Length announced.
    BodyTooShort {
        /// Bytes written.
        written: u64,
        /// Bytes announced.
        announced: u64,
    },
}

impl Fault {
    /// What is wrong.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// The status with which a server answers a request that has this fault.
    pub fn status(&self) -> StatusCode {
        match self.kind {
            FaultKind::HeadTooLarge | FaultKind::TooManyHeaders | FaultKind::TrailersTooLarge => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            FaultKind::TargetTooLong => StatusCode::URI_TOO_LONG,
            FaultKind::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            FaultKind::UnsupportedTransferCoding => StatusCode::NOT_IMPLEMENTED,
            FaultKind::UnsupportedVersion | FaultKind::Http2Preface => {
                StatusCode::HTTP_VERSION_NOT_SUPPORTED
            }
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<FaultKind> for Fault {
    fn from(kind: FaultKind) -> Fault {
        Fault { kind }
    }
}

/// So many bytes, in words.
pub(crate) struct Size(pub(crate) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 byte"),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            FaultKind::TruncatedHead { received } => {
                write!(
                    f,
                    "the peer closed the connection within a head, after {} of it",
                    Size(received)
                )
            }
            FaultKind::Truncated {
                received,
                expected: Some(expected),
            } => {
                write!(
                    f,
                    "the peer closed the connection after {received} of {} of the body",
                    Size(expected)
                )
            }
            FaultKind::Truncated {
                received,
                expected: None,
            } => {
                write!(
                    f,
                    "the peer closed the connection after {} of a chunked body, before its end",
                    Size(received)
                )
            }
            FaultKind::BodyTooLong { announced } => {
                write!(
                    f,
                    "the body is longer than the {} announced",
                    Size(announced)
                )
            }
            FaultKind::BodyTooShort { written, announced } => {
                write!(
                    f,
                    "the body ended after {written} of the {} announced",
                    Size(announced)
                )
            }
            other => f.write_str(other.sentence()),
        }
    }
}

impl FaultKind {
    fn sentence(self) -> &'static str {
        match self {
            FaultKind::BadStatusLine => "the response does not begin with an HTTP/1.x status line",
            FaultKind::BadRequestLine => "the request line is malformed",
            FaultKind::BadTarget => "the request target is malformed or does not suit the method",
            FaultKind::MissingVersion => "the request line has no HTTP version",
            FaultKind::UnsupportedVersion => "the peer speaks neither HTTP/1.0 nor HTTP/1.1",
            FaultKind::Http2Preface => "the peer speaks HTTP/2 where HTTP/1.1 was expected",
            FaultKind::HeadTooLarge => "the head is larger than the limit",
            FaultKind::TargetTooLong => "the request target is longer than the limit",
            FaultKind::TooManyHeaders => "there are more header lines than the limit",
            FaultKind::BadHeaderName => "a header line does not begin with a name and a colon",
            FaultKind::SpaceBeforeColon => "whitespace stands before the colon of a header line",
            FaultKind::BadHeaderValue => "a header value holds a control character",
            FaultKind::ObsFold => "a header line begins with whitespace",
            FaultKind::BareCr => "a CR stands without its LF",
            FaultKind::BareLf => "a LF stands without its CR",
            FaultKind::MissingHost => "the request has no Host",
            FaultKind::ManyHosts => "the request has more than one Host",
            FaultKind::BadHost => "the Host is malformed",
            FaultKind::BadContentLength => "Content-Length is not a decimal number of 64 bits",
            FaultKind::RepeatedContentLength => "Content-Length is given more than once",
            FaultKind::ConflictingFraming => {
                "Content-Length, Transfer-Encoding and the body contradict one another"
            }
            FaultKind::BadTransferCoding => "Transfer-Encoding does not end in one chunked",
            FaultKind::UnsupportedTransferCoding => {
                "Transfer-Encoding names a coding other than chunked"
            }
            FaultKind::TransferCodingInHttp10 => "an HTTP/1.0 message has a Transfer-Encoding",
            FaultKind::BadChunkSize => "a chunk size is not a hexadecimal number of 64 bits",
            FaultKind::BadChunkExtension => "a chunk extension holds a control character",
            FaultKind::ChunkExtensionsTooLarge => "the chunk extensions are larger than the limit",
            FaultKind::BadChunkEnd => "a chunk is not followed by CRLF",
            FaultKind::TrailersTooLarge => "the trailers are larger than the limit",
            FaultKind::BodyTooLarge => "the body is larger than the limit",
            FaultKind::TooManyInformational => {
                "there are more informational responses than the limit"
            }
            FaultKind::UnaskedUpgrade => "the server switched protocols without being asked to",
            FaultKind::OtherUpgrade => {
                "the server switched to another protocol than it was asked to"
            }
            FaultKind::EarlyUpgrade => {
                "the server switched protocols before it had the whole request"
            }
            FaultKind::Unsolicited => "the server sent bytes before a request was made",
            FaultKind::NoResponse => "the server closed the connection without a response",
            FaultKind::OutOfOrder => "the message was not written in the order head, body, end",
            FaultKind::BadStatus => "the status does not suit the kind of response",
            FaultKind::ForbiddenField => "a field was given that may not stand there",
            FaultKind::BodyNotAllowed => "this message cannot have a body",
            FaultKind::TruncatedHead { .. }
            | FaultKind::Truncated { .. }
            | FaultKind::BodyTooLong { .. }
            | FaultKind::BodyTooShort { .. } => "the message is not as long as it should be",
        }
    }
}
