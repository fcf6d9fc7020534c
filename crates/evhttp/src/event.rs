//! What a call tells on its promise besides its outcome. Names, payloads and
//! how they print; emitting is done where things happen.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use evcore::Event;
use evcore::net::Address;
use http::{HeaderMap, Method, StatusCode, Version};
use url::Url;

use crate::course::Timings;
use crate::secrets::{Fields, Shown};

/// How far the body has come. Merged if it comes faster than it is heard.
///
/// The last one tells the whole length. It is told by calls whose body is
/// fetched whole, by [`Body::done`](crate::Body::done) and by
/// [`Body::save`](crate::Body::save).
///
/// ```
/// let server = evhttp::serve("127.0.0.1:0", |_| "x".repeat(1_000))?;
/// let page = evhttp::fetch(format!("http://{}/", server.local_addr()));
/// let page = page.on(evhttp::PROGRESS, |p| eprintln!("{} of {:?} bytes", p.received, p.total));
/// evcore::run(page)?;
/// # Ok::<(), evcore::Error>(())
/// ```
pub const PROGRESS: Event<Progress> = Event::latest("evhttp.progress");

/// How far the request's body has been sent. Merged like [`PROGRESS`].
pub const UPLOAD: Event<Progress> = Event::latest("evhttp.upload");

/// The response's head has come; once a call.
///
/// ```
/// let server = evhttp::serve("127.0.0.1:0", |_| "hello")?;
/// let url = format!("http://{}/", server.local_addr());
/// let page = evhttp::fetch(url).on(evhttp::HEAD, |head| assert_eq!(head.status, 200));
/// evcore::run(page)?;
/// # Ok::<(), evcore::Error>(())
/// ```
pub const HEAD: Event<Head> = Event::new("evhttp.head");

/// A piece of the body has come.
///
/// It is told by calls whose body is fetched whole, by
/// [`Body::done`](crate::Body::done) and by [`Body::save`](crate::Body::save).
pub const CHUNK: Event<Bytes> = Event::new("evhttp.chunk");

/// A 1xx response has come (100 Continue, 102, 103 Early Hints); once each, at
/// most [`limits::INFORMATIONAL`](crate::limits::INFORMATIONAL) times an exchange.
pub const INFORMATIONAL: Event<Informational> = Event::new("evhttp.informational");

/// The call is over, well or not; the last thing it tells. For who listens
/// from the start, and for calls whose body is fetched whole.
///
/// ```
/// let server = evhttp::serve("127.0.0.1:0", |_| "hello")?;
/// let page = evhttp::fetch(format!("http://{}/", server.local_addr()));
/// let page = page.on(evhttp::DONE, |done| println!("{:?} in {:?}", done.status, done.timings.total()));
/// evcore::run(page)?;
/// # Ok::<(), evcore::Error>(())
/// ```
pub const DONE: Event<Done> = Event::new("evhttp.done");

/// Payload of [`INFORMATIONAL`].
#[derive(Clone)]
#[non_exhaustive]
pub struct Informational {
    /// The status, 1xx.
    pub status: StatusCode,
    /// The fields.
    pub headers: HeaderMap,
    /// Which hop of the call, from 0.
    pub hop: u32,
    /// Which attempt of that hop, from 0.
    pub attempt: u32,
}

/// Shows nothing secret.
impl fmt::Debug for Informational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Informational")
            .field("status", &self.status)
            .field("headers", &Fields(&self.headers))
            .field("hop", &self.hop)
            .field("attempt", &self.attempt)
            .finish()
    }
}

/// Payload of [`DONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Done {
    /// The status of the response; `None` if the call failed.
    pub status: Option<StatusCode>,
    /// Where the time went.
    pub timings: Timings,
}

impl Done {
    pub(crate) fn new(status: Option<StatusCode>, timings: Timings) -> Done {
        Done { status, timings }
    }
}

/// The call has a connection, a new one or one kept from before.
///
/// ```
/// let server = evhttp::serve("127.0.0.1:0", |_| "hello")?;
/// let url = format!("http://{}/", server.local_addr());
/// evcore::run(evhttp::fetch(&url).on(evhttp::CONNECTED, |c| assert!(!c.reused)))?;
/// evcore::run(evhttp::fetch(&url).on(evhttp::CONNECTED, |c| assert!(c.reused)))?;
/// # Ok::<(), evcore::Error>(())
/// ```
pub const CONNECTED: Event<Connected> = Event::new("evhttp.connected");

/// A redirect is followed; once a hop.
///
/// ```
/// use evhttp::{Response, http::{HeaderValue, StatusCode, header::LOCATION}};
///
/// let server = evhttp::serve("127.0.0.1:0", |request: evhttp::server::Request| match request.path() {
///     "/new" => Response::plain("here"),
///     _ => Response::new(StatusCode::FOUND).with_header(LOCATION, HeaderValue::from_static("/new")),
/// })?;
/// let url = format!("http://{}/old", server.local_addr());
/// let page = evhttp::fetch(url).on(evhttp::REDIRECT, |r| assert_eq!(r.to.path(), "/new"));
/// assert_eq!(evcore::run(page)?.text()?, "here");
/// # Ok::<(), evcore::Error>(())
/// ```
pub const REDIRECT: Event<Redirect> = Event::new("evhttp.redirect");

/// A challenge (401) is answered; once each.
///
/// ```no_run
/// let page = evhttp::get("https://example.com/private").credentials("ada", "s3cret").send();
/// evcore::run(page.on(evhttp::AUTH, |auth| println!("{} for {:?}", auth.scheme, auth.realm)))?;
/// # Ok::<(), evcore::Error>(())
/// ```
pub const AUTH: Event<Auth> = Event::new("evhttp.auth");

/// Payload of [`AUTH`].
#[derive(Clone)]
#[non_exhaustive]
pub struct Auth {
    /// Who asked.
    pub url: Url,
    /// How it is answered: `Basic`, `Digest`, `Bearer`, `WSSE`.
    pub scheme: &'static str,
    /// What the server calls the place, if it says so.
    pub realm: Option<String>,
}

/// Shows nothing secret.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("url", &Shown(&self.url))
            .field("scheme", &self.scheme)
            .field("realm", &self.realm)
            .finish()
    }
}

impl Auth {
    pub(crate) fn new(url: Url, scheme: &'static str, realm: Option<&str>) -> Auth {
        Auth {
            url,
            scheme,
            realm: realm.map(str::to_owned),
        }
    }
}

/// A call is going to be tried again; once an attempt. See
/// [`ClientBuilder::retries`](crate::ClientBuilder::retries).
pub const RETRY: Event<Retry> = Event::new("evhttp.retry");

/// Payload of [`RETRY`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Retry {
    /// Which attempt comes, from 1.
    pub attempt: u32,
    /// The time until then.
    pub wait: Duration,
    /// What came of the last one: an error's line, or a status.
    pub why: String,
}

impl Retry {
    pub(crate) fn new(attempt: u32, wait: Duration, why: String) -> Retry {
        Retry { attempt, wait, why }
    }
}

/// Payload of [`REDIRECT`].
#[derive(Clone)]
#[non_exhaustive]
pub struct Redirect {
    /// What the server answered; `None` if it was not asked, because it is
    /// known to want https (RFC 6797).
    pub status: Option<StatusCode>,
    /// Who redirects.
    pub from: Url,
    /// Where to.
    pub to: Url,
    /// The method of the next request.
    pub method: Method,
}

/// Shows nothing secret.
impl fmt::Debug for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redirect")
            .field("status", &self.status)
            .field("from", &Shown(&self.from))
            .field("to", &Shown(&self.to))
            .field("method", &self.method)
            .finish()
    }
}

impl Redirect {
    pub(crate) fn new(status: Option<StatusCode>, from: Url, to: Url, method: Method) -> Redirect {
        Redirect {
            status,
            from,
            to,
            method,
        }
    }
}

/// Payload of [`HEAD`].
#[derive(Clone)]
#[non_exhaustive]
pub struct Head {
    /// The status.
    pub status: StatusCode,
    /// The peer's version.
    pub version: Version,
    /// The fields.
    pub headers: HeaderMap,
}

/// Shows nothing secret.
impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("status", &self.status)
            .field("version", &self.version)
            .field("headers", &Fields(&self.headers))
            .finish()
    }
}

impl Head {
    pub(crate) fn new(status: StatusCode, version: Version, headers: HeaderMap) -> Head {
        Head {
            status,
            version,
            headers,
        }
    }
}

/// The host's name has become addresses; not told for a host that is an
/// address, nor for a kept connection. Told again, with all addresses, if one
/// family's were there first and connecting began with those.
pub const RESOLVED: Event<Resolved> = Event::new("evhttp.resolved");

/// A new connection's TLS session stands.
///
/// ```no_run
/// let page = evhttp::fetch("https://example.com/").on(evhttp::SECURED, |s| println!("{:?}", s.agreed.version));
/// # evcore::run(page)?;
/// # Ok::<(), evcore::Error>(())
/// ```
#[cfg(feature = "tls-without-provider")]
pub const SECURED: Event<Secured> = Event::new("evhttp.secured");

/// The request has been given to the system, to its last byte; once an
/// attempt, unless the response was there first.
pub const SENT: Event<Sent> = Event::new("evhttp.sent");

/// Payload of [`RESOLVED`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// The name.
    pub host: String,
    /// Its addresses, in the order of preference.
    pub addresses: Vec<SocketAddr>,
    /// Which hop of the call asked, from 0.
    pub hop: u32,
    /// Which attempt of that hop, from 0.
    pub attempt: u32,
}

impl Resolved {
    pub(crate) fn new(
        host: String,
        addresses: Vec<SocketAddr>,
        hop: u32,
        attempt: u32,
    ) -> Resolved {
        Resolved {
            host,
            addresses,
            hop,
            attempt,
        }
    }
}

/// Payload of [`SECURED`].
#[cfg(feature = "tls-without-provider")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Secured {
    /// What the two sides have agreed on.
    pub agreed: evtls::Agreed,
    /// Which hop of the call uses it, from 0.
    pub hop: u32,
    /// Which attempt of that hop, from 0.
    pub attempt: u32,
}

#[cfg(feature = "tls-without-provider")]
impl Secured {
    pub(crate) fn new(agreed: evtls::Agreed, hop: u32, attempt: u32) -> Secured {
        Secured {
            agreed,
            hop,
            attempt,
        }
    }
}

/// Payload of [`SENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Which hop of the call, from 0.
    pub hop: u32,
    /// Which attempt of that hop, from 0.
    pub attempt: u32,
}

impl Sent {
    pub(crate) fn new(hop: u32, attempt: u32) -> Sent {
        Sent { hop, attempt }
    }
}

/// Payload of [`CONNECTED`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connected {
    /// The other end.
    pub peer: Address,
    /// Whether the connection had carried a call before.
    pub reused: bool,
    /// Which hop of the call uses it, from 0.
    pub hop: u32,
    /// Which attempt of that hop, from 0.
    pub attempt: u32,
}

impl Connected {
    pub(crate) fn new(peer: Address, reused: bool, hop: u32, attempt: u32) -> Connected {
        Connected {
            peer,
            reused,
            hop,
            attempt,
        }
    }
}

/// Payload of [`PROGRESS`] and [`UPLOAD`]: how many bytes of how many, and
/// how fast. It prints as a one-line bar:
///
/// ```
/// # use evhttp::Progress;
/// # use std::time::Duration;
/// let half = Progress::new(50_000_000, Some(100_000_000), Duration::from_secs(5));
/// assert_eq!(half.to_string(), " 50% [############            ] 50.0 of 100.0 MB, 10.0 MB/s, 5 s left");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes of content so far, as they are on the wire.
    pub received: u64,
    /// Bytes of content so far, as they are handed out: more, if the content
    /// came compressed.
    pub decoded: u64,
    /// Bytes in all, if that was announced.
    pub total: Option<u64>,
    /// Time since the body began.
    pub elapsed: Duration,
}

impl Progress {
    /// `received` bytes of `total` after `elapsed`.
    pub fn new(received: u64, total: Option<u64>, elapsed: Duration) -> Progress {
        Progress {
            received,
            decoded: received,
            total,
            elapsed,
        }
    }

    /// The same, when it has become so many bytes.
    pub fn with_decoded(self, decoded: u64) -> Progress {
        Progress { decoded, ..self }
    }

    /// The part that is there, 0.0 to 1.0; 0.0 while the total is unknown.
    pub fn fraction(&self) -> f64 {
        match self.total {
            Some(0) => 1.0,
            Some(total) => self.received as f64 / total as f64,
            None => 0.0,
        }
    }

    /// Bytes per second, on average since the body began.
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 {
            self.received as f64 / seconds
        } else {
            0.0
        }
    }

    /// The time the rest will take at that rate, if both are known.
    pub fn left(&self) -> Option<Duration> {
        let rest = self.total?.saturating_sub(self.received) as f64;
        let rate = self.rate();
        if rest == 0.0 {
            return Some(Duration::ZERO);
        }
        (rate > 0.0)
            .then(|| Duration::try_from_secs_f64(rest / rate).ok())
            .flatten()
    }
}

const BAR: usize = 24;

/// A width is kept to: `{p:79}` covers what a longer line has left there.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(total) = self.total else {
            let (size, rate) = (Scaled(self.received as f64), Scaled(self.rate()));
            return f.pad(&format!("{size} received, {rate}/s"));
        };
        let full = (self.fraction() * BAR as f64) as usize;
        let percent = (self.fraction() * 100.0) as u64;
        let bar = "#".repeat(full.min(BAR));
        let unit = Unit::of(total as f64);
        let (done, all) = (unit.scale(self.received as f64), unit.scale(total as f64));
        let (name, rate) = (unit.name, Scaled(self.rate()));
        let mut line = format!("{percent:3}% [{bar:BAR$}] {done} of {all} {name}, {rate}/s");
        if let Some(left) = self.left() {
            line += &format!(", {} s left", left.as_secs_f64().ceil() as u64);
        }
        f.pad(&line)
    }
}

/// A number of bytes with a decimal unit.
struct Scaled(f64);

struct Unit {
    name: &'static str,
    size: f64,
}

impl Unit {
    fn of(bytes: f64) -> Unit {
        let units = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
        let fit = units.into_iter().find(|(_, size)| bytes >= *size);
        let (name, size) = fit.unwrap_or(("B", 1.0));
        Unit { name, size }
    }

    fn scale(&self, bytes: f64) -> String {
        let digits = usize::from(self.size > 1.0);
        format!("{:.digits$}", bytes / self.size)
    }
}

impl fmt::Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = Unit::of(self.0);
        write!(f, "{} {}", unit.scale(self.0), unit.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_of_unknown_total_has_no_percent() {
        let p = Progress::new(1_500, None, Duration::from_secs(1));
        assert_eq!(p.to_string(), "1.5 kB received, 1.5 kB/s");
        assert_eq!((p.fraction(), p.left()), (0.0, None));
    }

    #[test]
    fn a_shorter_line_covers_a_longer_one() {
        for total in [Some(3_000), None] {
            let p = Progress::new(1_500, total, Duration::from_secs(1));
            let line = format!("{p:79}");
            assert_eq!((line.trim_end(), line.len()), (&*p.to_string(), 79));
        }
    }

    #[test]
    fn nothing_of_nothing_is_all() {
        let p = Progress::new(0, Some(0), Duration::ZERO);
        assert_eq!(p.fraction(), 1.0);
        assert_eq!(
            p.to_string(),
            "100% [########################] 0 of 0 B, 0 B/s, 0 s left"
        );
    }
}
