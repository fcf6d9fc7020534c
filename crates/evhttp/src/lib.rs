//! evhttp.

pub mod h1;
pub mod limits;
