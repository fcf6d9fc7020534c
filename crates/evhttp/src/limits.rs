//! Every limit of this crate, named, with the reason for its value. Numbers that bound what a peer may make us hold
//! or do live here; nothing that decides with them does.

/// A head (start line and fields) may take this many bytes. Browsers' cookies reach 8 KiB a name, and 64 KiB is four
/// times what nginx and Apache allow by default: nothing honest comes near.
pub const HEAD_BYTES: usize = 64 * 1024;

/// A request line may take this many bytes up to the end of its target. RFC 9112 §3 asks for at least 8000; twice
/// that, so that nobody who obeys the recommendation is ever turned away.
pub const REQUEST_LINE_BYTES: usize = 16 * 1024;

/// This many field lines a head or a trailer section may have. hyper and httparse's users agree on 100; more is a
/// sign of an attack on the map's hashing.
pub const HEADERS: usize = 100;

/// Even a caller's own limit on field lines ends here: `http::HeaderMap` refuses to hold more than 32768.
pub const MOST_HEADERS: usize = 16 * 1024;

/// The trailer section of a chunked body may take this many bytes. Trailers carry a checksum or a status, not pages.
pub const TRAILER_BYTES: usize = 16 * 1024;

/// Chunk extensions of one body may take this many bytes in sum. Nobody reads them; without a limit a peer sends
/// endless bytes that are no body (CVE-2023-39326). hyper and Go draw the line at the same number.
pub const CHUNK_EXTENSION_BYTES: usize = 16 * 1024;

/// This many hexadecimal digits a chunk size may have, leading zeros included: what fits 64 bits.
pub const CHUNK_SIZE_DIGITS: u8 = 16;

/// This many informational (1xx) responses may precede the final one. A WebDAV server says 102 every 20 s or so, which
/// makes 64 about twenty minutes; an endless flood is an attack.
pub const INFORMATIONAL: usize = 64;

/// This many empty lines may precede a request line. RFC 9112 §2.2 asks for at least one: some old clients add one
/// after a POST body. More is somebody probing.
pub const EMPTY_LINES: usize = 4;

/// What one HTTP/1.1 exchange accepts from its peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a head, start line and final empty line included.
    pub head_bytes: usize,
    /// Bytes of a request line up to the end of the target.
    pub request_line_bytes: usize,
    /// Field lines of a head, and of a trailer section. At most [`MOST_HEADERS`].
    pub headers: usize,
    /// Bytes of a trailer section.
    pub trailer_bytes: usize,
    /// Bytes of all chunk extensions of a body in sum.
    pub chunk_extension_bytes: usize,
    /// Informational responses before the final one.
    pub informational: usize,
    /// Bytes of a body. Unlimited by default: only the caller knows what it is ready to hold.
    pub body_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_bytes: HEAD_BYTES,
            request_line_bytes: REQUEST_LINE_BYTES,
            headers: HEADERS,
            trailer_bytes: TRAILER_BYTES,
            chunk_extension_bytes: CHUNK_EXTENSION_BYTES,
            informational: INFORMATIONAL,
            body_bytes: u64::MAX,
        }
    }
}
