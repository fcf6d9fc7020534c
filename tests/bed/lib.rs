//! The test bed: real peers on free loopback ports, scripted raw servers, patterned bodies, patience.
//!
//! It knows neither evcore nor evhttp (but for TLS, which no test writes itself, it is std only), so that it cannot share their mistakes. What a
//! peer needs (a configuration, files) is made in a temporary folder; every guard here stops what it
//! started when it is dropped. A missing peer panics with its name: a test that needs it fails.

pub mod command;
pub mod dns;
pub mod hole;
pub mod nginx;
pub mod pattern;
pub mod proxies;
pub mod raw;
pub mod servers;
pub mod strace;
pub mod temp;
pub mod tls;
pub mod wait;

pub use command::{Finished, Running};
pub use hole::{BlackHole, Refusing};
pub use nginx::Nginx;
pub use pattern::Hash;
pub use raw::Raw;
pub use strace::Strace;
pub use temp::TempDir;
pub use tls::{Authority, TlsServer};
pub use wait::{free_port, listening, wait_until};

// Doctests are built of a package's lib alone, and this is ours.
#[cfg(doctest)]
#[path = "../docs.rs"]
mod docs;
