//! The records of one answer, as a list that knows how long it is good for.

use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

/// Records of one type, in the order the server gave them. Never empty.
///
/// It is a slice; [`ttl`](Records::ttl) says for how long it may be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records<R> {
    /// Shared with the answer that is kept: it is not copied for each who asks.
    records: Rc<Vec<R>>,
    ttl: u32,
}

impl<R> Records<R> {
    pub(crate) fn new(records: Rc<Vec<R>>, ttl: u32) -> Records<R> {
        Records { records, ttl }
    }

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

impl<R: Clone> IntoIterator for Records<R> {
    type Item = R;
    type IntoIter = std::vec::IntoIter<R>;

    fn into_iter(self) -> Self::IntoIter {
        Rc::unwrap_or_clone(self.records).into_iter()
    }
}

impl<'a, R> IntoIterator for &'a Records<R> {
    type Item = &'a R;
    type IntoIter = std::slice::Iter<'a, R>;

    fn into_iter(self) -> Self::IntoIter {
        self.records.iter()
    }
}
