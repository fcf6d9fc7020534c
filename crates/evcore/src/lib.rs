//! evcore.

mod limits;
#[allow(dead_code)]
mod sys;
#[allow(dead_code)]
mod timer;
#[allow(dead_code)]
mod token;
