//! Our own side, through the public interface only. Without the feature `ours` each entry is empty and its row says so.

use crate::area::Job;
use crate::measure::Sample;

/// One case's function, if it is built in.
pub(crate) type Entry = Option<fn(&Job) -> Sample>;

pub(crate) const READY: Entry = None;
pub(crate) const HOT: Entry = None;
pub(crate) const PENDING: Entry = None;
pub(crate) const CHAIN: Entry = None;
pub(crate) const MANY: Entry = None;
pub(crate) const CANCEL: Entry = None;
pub(crate) const CHURN: Entry = None;
pub(crate) const FIRE: Entry = None;
pub(crate) const PINGPONG: Entry = None;
pub(crate) const FETCH_ON_1: Entry = None;
pub(crate) const FETCH_ON_64: Entry = None;
