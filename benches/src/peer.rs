//! The others, one small file each, written as their own users would write them.

pub(crate) mod deadlines;
pub(crate) mod fetch_epoll;
pub(crate) mod fetch_hyper;
pub(crate) mod pair;
pub(crate) mod pingpong_epoll;
pub(crate) mod pingpong_mio;
pub(crate) mod pingpong_tokio;
pub(crate) mod promise_naive;
pub(crate) mod timer_heap;
pub(crate) mod timer_tokio;
