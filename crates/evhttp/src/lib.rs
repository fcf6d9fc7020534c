//! One excellent HTTP library on [`evcore`]: a page, with a progress bar, in
//! one line and on one thread.
//!
//! ```no_run
//! let page = evcore::run(evhttp::fetch("http://example.com/").on(evhttp::PROGRESS, |p| eprint!("\r{p:79}")))?;
//! println!("{}", page.text()?);
//! # Ok::<(), evcore::Error>(())
//! ```
//!
//! [`fetch()`] and its kin use this thread's default [`Client`]; a promise of
//! theirs tells [`PROGRESS`] and other events besides its outcome. Requests
//! go through [`Layer`]s to the wire; [`serve`] is the other side, and
//! [`h1`] the protocol between them, without I/O.
//!
//! # Where to begin
//!
//! | you want | look at |
//! |---|---|
//! | a page, its text, its JSON | [`fetch()`], [`Response::text`], `Response::json` |
//! | fields, a query, a form, files to send | [`get`], [`post`], [`Request`], [`Multipart`] |
//! | 4xx and 5xx as errors | [`Response::ok`] |
//! | a page in a file, with a progress bar | [`Response::save`], [`PROGRESS`] |
//! | a page piece by piece, line by line | [`Request::stream`], [`Body::next`], [`Body::lines`] |
//! | the same fields, cookies, passwords for many calls | [`Client::builder`] |
//! | limits of time | [`Request::deadline`], [`Request::time_limit`], [`Request::stall_limit`] |
//! | many calls at once, not too many | [`evcore::Promise::all`], [`ClientBuilder::connections_in_all`] |
//! | to answer without a server, to change each call | [`Layer`] |
//! | what failed | [`Error`], [`ErrorKind`], [`Phase`] |
//!
//! # Features
//!
//! By default: `mio` (the poller), `tls` (https, by ring), `gzip`, `dns` (names
//! are looked up without a thread). Besides: `json`, `cookies`, `digest`
//! (Digest and WSSE), `charset` (text that is not UTF-8), `br`, `zstd`, `har`
//! (recording calls), `tls-aws-lc-rs`, `tls-without-provider`, `polling`
//! (another poller), `conformance` (tests for authors of layers).

mod address;
mod body;
mod call;
mod chance;
mod client;
mod clock;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod conn;
#[cfg(feature = "cookies")]
mod cookies;
mod course;
mod credentials;
mod error;
mod event;
mod fetch;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod h1;
#[cfg(feature = "har")]
pub mod har;
mod layer;
pub mod limits;
mod multipart;
mod policy;
mod request;
mod response;
mod secrets;
pub mod server;
mod spelling;
mod upgraded;

pub use http;

pub use body::{Body, Lines, Pieces};
pub use call::{Answer, Call, Layer, Next, Options, Parts};
pub use client::{Client, ClientBuilder};
pub use conn::{Proxies, Proxy};
#[cfg(feature = "cookies")]
pub use cookies::CookieJar;
pub use course::{Course, Link, Timings};
pub use credentials::{Challenged, Credentials};
pub use error::{Error, ErrorKind, Phase};
#[cfg(feature = "dns")]
pub use evdns;
pub use event::{
    AUTH, Auth, CHUNK, CONNECTED, Connected, DONE, Done, HEAD, Head, INFORMATIONAL, Informational,
    PROGRESS, Progress, REDIRECT, RESOLVED, RETRY, Redirect, Resolved, Retry, SENT, Sent, UPLOAD,
};
#[cfg(feature = "tls-without-provider")]
pub use event::{SECURED, Secured};
#[cfg(feature = "tls-without-provider")]
pub use evtls;
pub use fetch::{delete, fetch, get, head, patch, post, put, request};
pub use multipart::Multipart;
pub use request::Request;
pub use response::Response;
pub use server::{Server, ServerBuilder, serve};
pub use upgraded::Upgraded;
pub use url::Url;
