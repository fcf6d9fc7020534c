//! Our own side, through the public interface only, written as a user would write it.

pub(crate) mod fetch;
pub(crate) mod pingpong;
pub(crate) mod promise;
pub(crate) mod timer;
