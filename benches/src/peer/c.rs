//! The loops written in C, by small programs of our own that are compiled when they are needed: a file for each library,
//! with all of its cases.

pub(crate) const LIBEV: &str = include_str!("c/libev.c");
pub(crate) const LIBEVENT: &str = include_str!("c/libevent.c");
pub(crate) const LIBUV: &str = include_str!("c/libuv.c");
