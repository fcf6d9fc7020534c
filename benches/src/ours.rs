//! Our own side, through the public interface only, written as a user would write it.

pub(crate) mod dns;
pub(crate) mod echo;
pub(crate) mod fetch;
pub(crate) mod large;
pub(crate) mod pingpong;
pub(crate) mod post;
pub(crate) mod promise;
pub(crate) mod serve;
pub(crate) mod timer;
