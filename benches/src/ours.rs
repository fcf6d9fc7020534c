//! Our own side, through the public interface only, written as a user would write it.

use crate::area::Job;
use crate::measure::Sample;

pub(crate) mod promise;
pub(crate) mod timer;

/// A case we cannot run yet, and why.
pub(crate) type Entry = Result<fn(&Job) -> Sample, &'static str>;

const NO_SOCKETS: &str = "evcore has no sockets yet";
const NO_FETCH: &str = "evhttp has no fetch yet";

pub(crate) const PINGPONG: Entry = Err(NO_SOCKETS);
pub(crate) const FETCH_ON_1: Entry = Err(NO_FETCH);
pub(crate) const FETCH_ON_64: Entry = Err(NO_FETCH);
