//! The records of one answer, as a list that knows how long it is good for.

use std::ops::Deref;
use std::time::Duration;

use crate::wire::Record as Raw;
use crate::wire::record::{Record, take};

/// Records of one type, in the order the server gave them. Never empty.
///
/// It is a slice; [`ttl`](Records::ttl) says for how long it may be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records<R> {
    records: Vec<R>,
    ttl: u32,
}

impl<R: Record> Records<R> {
    pub(crate) fn new(raw: &[Raw], ttl: u32) -> Records<R> {
        Records {
            records: raw.iter().filter_map(take).collect(),
            ttl,
        }
    }
}

impl<R> Records<R> {
    /// How long they are good for, from now.
    pub fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl.into())
    }
}

impl<R> Deref for Records<R> {
    type Target = [R];

    fn deref(&self) -> &[R] {
        &self.records
    }
}

impl<R> IntoIterator for Records<R> {
    type Item = R;
    type IntoIter = std::vec::IntoIter<R>;

    fn into_iter(self) -> Self::IntoIter {
        self.records.into_iter()
    }
}

impl<'a, R> IntoIterator for &'a Records<R> {
    type Item = &'a R;
    type IntoIter = std::slice::Iter<'a, R>;

    fn into_iter(self) -> Self::IntoIter {
        self.records.iter()
    }
}
