//! evcore.

#[allow(dead_code)]
mod timer;
#[allow(dead_code)]
mod token;
