//! The built-in layers: glue between one policy and the calls, a file each.

pub(crate) mod auth;
pub(crate) mod deadline;
pub(crate) mod decode;
mod drain;
pub(crate) mod harvest;
pub(crate) mod redirect;
pub(crate) mod retry;
pub(crate) mod usual;
