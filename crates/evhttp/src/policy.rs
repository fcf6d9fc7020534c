//! What the layers decide, and how: pure, a file each. No socket, no clock,
//! no promise: the time and chance are arguments.

pub(crate) mod auth;
#[cfg(any(feature = "digest", feature = "har"))]
pub(crate) mod calendar;
pub(crate) mod challenge;
pub(crate) mod coding;
#[cfg(feature = "cookies")]
pub(crate) mod cookie;
#[cfg(feature = "digest")]
pub(crate) mod digest;
pub(crate) mod hsts;
pub(crate) mod netrc;
pub(crate) mod redirect;
pub(crate) mod retry;
#[cfg(feature = "digest")]
mod wsse;
