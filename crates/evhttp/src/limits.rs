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

/// How long a client that has sent `Expect: 100-continue` waits for a word before it sends the body all the same:
/// servers that do not know the field say nothing (RFC 9110 §10.1.1). A second is curl's and Go's choice.
pub const CONTINUE_WITHIN: std::time::Duration = std::time::Duration::from_secs(1);

/// Unasked, a server new to the client is asked before a body of so many bytes, or of an unknown number, is sent. curl has
/// the same number: what a refusal saves is then more than what the question costs, for at 100 Mbit/s it takes 80 ms.
pub const EXPECT_FROM: u64 = 1 << 20;

/// Servers of which a client remembers what they make of the question. Who is forgotten is asked once more.
pub const EXPECT_ORIGINS: usize = 1_024;

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

/// A whole body is put together in memory that was reserved for at most this
/// many bytes ahead, whatever Content-Length promises: a lie must not cost
/// memory. Large enough that an honest body moves only a few times.
pub const RESERVED_AHEAD: u64 = 64 << 20;

/// A body that is fetched whole may have this many bytes by default. Two
/// gibibytes are more than any page and less than what a machine has; larger
/// bodies are for [`stream`](crate::Request::stream), or for a limit of one's own.
pub const WHOLE_BODY: u64 = 2 << 30;

/// A file is read in pieces of this size, and written in pieces of about it: as large as the wire takes at
/// once, as small as two of them are cheap to hold.
pub const FILE_PIECE: usize = 256 << 10;

/// Bytes that one receive may bring. The buffer is shared by all connections
/// of a thread.
pub const RECEIVED_AT_ONCE: usize = 128 << 10;

/// Connections of a client to one origin. A browser, which shares servers with all other browsers, has 6; a program
/// has asked for each of its calls, and reqwest and Go open as many as that takes. This is for the loop that starts ten
/// thousand calls: it is served in turns, and the server is not flooded. As many as are kept ([`IDLE_PER_ORIGIN`]).
pub const CONNECTIONS_PER_ORIGIN: usize = 256;

/// Connections of a client in all, as many as are kept ([`IDLE_IN_ALL`]): below the descriptors that systems give a
/// program for the asking.
pub const CONNECTIONS: usize = 1_024;

/// Kept connections per origin. As many as a busy program has calls in
/// flight to one place; more would only be closed by the server.
pub const IDLE_PER_ORIGIN: usize = 256;

/// Kept connections of one client in all.
pub const IDLE_IN_ALL: usize = 1_024;

/// How long an unused connection is kept. Servers close theirs after 5 s to
/// 2 min; those are noticed when they do.
pub const IDLE_FOR: std::time::Duration = std::time::Duration::from_secs(90);

/// An address has so long to answer before the next one is tried beside it: what RFC 8305 §8 recommends.
pub const CONNECT_STAGGER: std::time::Duration = std::time::Duration::from_millis(250);

/// IPv4 addresses wait so long for the IPv6 ones of the same name: what RFC 8305 §8 recommends.
#[cfg(feature = "dns")]
pub const RESOLUTION_DELAY: std::time::Duration = std::time::Duration::from_millis(50);

/// How long connecting may take, all addresses together. Four retransmitted SYNs, as in Go's default dialer.
pub const CONNECT_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);

/// How long making a TLS session may take: two round trips and some arithmetic. Twice what Go allows.
pub const SECURE_WITHIN: std::time::Duration = std::time::Duration::from_secs(20);

/// How long a server waits for a request's head once it has begun, and for
/// the first one of a connection: against peers that send a byte a minute.
pub const HEAD_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);

/// How long a server keeps a connection on which nothing is asked.
pub const SERVER_IDLE: std::time::Duration = std::time::Duration::from_secs(75);

/// How long a server that closes waits for the peer to do so too, as nginx
/// does: closing at once could cost the peer the response (RFC 9112 §9.6).
pub const LINGER: std::time::Duration = std::time::Duration::from_secs(5);

/// Connections a server has at once. More wait in the system's queue.
pub const SERVER_CONNECTIONS: usize = 20_000;

/// A body that nobody will read (a request's that its server ignored, an
/// answer's that a layer swallowed) is read and dropped up to this many bytes,
/// so that the connection can go on; beyond it is closed.
pub const DRAINED: u64 = 64 << 10;

/// Response bytes a server gathers before it writes, when more requests wait
/// in its buffer.
pub const GATHERED: usize = 64 << 10;

/// Bytes of a buffer that a server's busy connections lend each other: most heads, and most small answers, fit.
pub const SPARE_BYTES: usize = 2 << 10;

/// Such buffers kept while nobody uses them. A turn's connections take theirs one after the other.
pub const SPARE_BUFFERS: usize = 16;

/// A head's fields share the memory they were received in if that has at most so many bytes; else they are copied, so
/// that who keeps a field does not keep a large piece of a body with it.
pub const SHARED_HEAD: usize = 4 << 10;

/// Redirects that one call follows. Browsers and the Fetch standard draw the
/// line here.
pub const REDIRECTS: u32 = 20;

/// Codings on top of one another that a body may have. Two are a mistake of
/// some servers; more are an attack.
pub const CODINGS: usize = 4;

/// A coded body may grow to so many times its size. Text reaches 20, logs 100;
/// gzip's own end is at 1,032, br and zstd have none.
pub const DECODED_RATIO: u64 = 256;

/// A coded body may grow to so many bytes, whatever the ratio: a page of
/// blanks is no attack.
pub const DECODED_FREE: u64 = 16 << 20;

/// Memory that undoing zstd may take for what it looks back at, as RFC 9659
/// has it.
pub const ZSTD_WINDOW: u64 = 8 << 20;

/// Entries that a recorder keeps (`har::Recorder`): a program that records for
/// days keeps its last hours.
pub const HAR_ENTRIES: usize = 10_000;

/// How long the rest of a small answer that nobody will see (a redirect's, a
/// challenge's) is waited for, to save its connection. Bytes: [`DRAINED`].
pub const DRAINED_WITHIN: std::time::Duration = std::time::Duration::from_secs(1);

/// Challenges that one call answers: a nonce that was too old, a password
/// that a user mistyped a few times.
pub const CHALLENGES: u32 = 5;

/// Origins whose way of asking for credentials is remembered. What is
/// forgotten costs a round trip; those that the client was given credentials
/// for are forgotten last.
pub const AUTH_ORIGINS: usize = 1_024;

/// Bytes of a cookie's name and value together (RFC 6265bis §5.6).
pub const COOKIE_BYTES: usize = 4_096;

/// Bytes of an attribute's value (RFC 6265bis §5.6).
pub const COOKIE_ATTRIBUTE: usize = 1_024;

/// Days that a cookie lives at most (RFC 6265bis §5.5).
pub const COOKIE_DAYS: u64 = 400;

/// Cookies of one host; the oldest makes room. RFC 6265bis §6.1 wants 50 at
/// least, browsers have 150 to 180.
pub const COOKIES_OF_A_HOST: usize = 150;

/// Cookies of a jar, as RFC 6265bis §6.1 wants at least.
pub const COOKIES: usize = 3_000;

/// Hosts that are remembered to want https. A browser's own list is longer;
/// a program that asks more hosts than this is a crawler.
pub const HSTS_HOSTS: usize = 10_000;

/// The longest wait before a call is tried a second time; doubled each time.
pub const RETRY_FIRST: std::time::Duration = std::time::Duration::from_millis(200);

/// The longest wait before any attempt, unless the server names one.
pub const RETRY_LONGEST: std::time::Duration = std::time::Duration::from_secs(10);

/// The longest Retry-After that is waited for: who is told to come back in an
/// hour gets the answer instead.
pub const RETRY_AFTER: std::time::Duration = std::time::Duration::from_secs(60);

/// Second attempts an origin may have at once; each call earns it a tenth of
/// one more.
pub const RETRY_BUDGET: u32 = 10;

/// Origins whose budget is remembered.
pub const RETRY_ORIGINS: usize = 1_024;

/// How long a server takes answers to one Digest nonce: what was overheard is
/// of no use for longer, and a client has to ask anew seldom enough.
pub const NONCE_FOR: std::time::Duration = std::time::Duration::from_secs(300);

/// Nonces whose uses a server remembers; of those that are forgotten, all are
/// refused as stale. Only who knows a password fills this.
pub const NONCES: usize = 10_000;

/// Bytes of a line that [`Body::lines`](crate::Body::lines) holds: an event
/// stream or a log has none that long.
pub const LINE_BYTES: usize = 1 << 20;
