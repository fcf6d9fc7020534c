//! What the layers decide, and how: pure, a file each. No socket, no clock,
//! no promise: the time and chance are arguments.

pub(crate) mod coding;
pub(crate) mod redirect;
