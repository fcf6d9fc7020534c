//! What the system's files say, as values. Text in, value out; who reads the files, and when, is not known here.

pub(crate) mod aliases;
pub(crate) mod gai_conf;
pub(crate) mod host_conf;
pub(crate) mod hosts;
pub(crate) mod nsswitch;
pub(crate) mod resolv_conf;
