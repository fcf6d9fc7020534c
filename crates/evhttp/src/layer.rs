//! The built-in layers: glue between one policy and the calls, a file each.

pub(crate) mod deadline;
