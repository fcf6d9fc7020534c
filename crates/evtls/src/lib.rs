//! A TLS session as a stream over any [`evcore`] stream.
//!
//! ```no_run
//! let tls = evtls::Connector::new()?; // the system's roots, TLS 1.2 and 1.3
//! let stream = evcore::net::connect(("example.com", 443))
//!     .and_then(move |tcp| tls.connect("example.com", tcp.clone()));
//! let stream = evcore::run(stream)?;
//! println!("{:?}", stream.agreed());
//! # Ok::<(), evcore::Error>(())
//! ```
//!
//! A [`TlsStream`] is an [`evcore::net::ByteStream`] and speaks the
//! `futures-io` traits. It can be laid over a plain socket, over another
//! session, or over a connection that has been in use before (STARTTLS).
//! [`evcore::net::Promised`] gives it the promises of a socket.
//!
//! The protocol is `rustls`, always with an explicit crypto provider: feature
//! `ring` (on by default) or `aws-lc-rs`, or one's own
//! ([`Builder::provider`]).

mod builder;
mod error;
pub mod limits;
mod pin;
mod roots;
mod session;
mod stream;
mod verify;

/// What bringing one's own provider, certificates and keys takes.
pub use rustls;

pub use builder::{Builder, Connector};
pub use error::{Error, ErrorKind};
pub use pin::Pin;
pub use session::{Agreed, Version};
pub use stream::TlsStream;
