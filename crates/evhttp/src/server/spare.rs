//! Memory that connections lend each other: one that waits for a request owns none, so that ten thousand of them cost
//! nothing and a busy one finds what the last one left. Knows nothing of what lies in it.

use std::cell::{RefCell, RefMut};

use bytes::BytesMut;

use crate::limits::{SPARE_BUFFERS, SPARE_BYTES};

/// The buffers nobody uses now.
#[derive(Default)]
pub(super) struct Spare(RefCell<Vec<BytesMut>>);

impl Spare {
    /// `buffer`, with memory in it if there is any to lend.
    pub(super) fn lend<'a>(&self, buffer: &'a RefCell<BytesMut>) -> RefMut<'a, BytesMut> {
        let mut buffer = buffer.borrow_mut();
        if buffer.capacity() == 0 {
            let spare = self.0.borrow_mut().pop();
            *buffer = spare.unwrap_or_else(|| BytesMut::with_capacity(SPARE_BYTES));
        }
        buffer
    }

    /// Takes the memory of `buffer` if nothing is in it.
    pub(super) fn take_back(&self, buffer: &RefCell<BytesMut>) {
        let mut buffer = buffer.borrow_mut();
        if !buffer.is_empty() {
            return;
        }
        let mut free = std::mem::take(&mut *buffer);
        let mut spare = self.0.borrow_mut();
        // What a request that is still alive shares cannot be used by another; what a body has made large goes.
        let whole = free.try_reclaim(SPARE_BYTES) && free.capacity() <= 2 * SPARE_BYTES;
        if whole && spare.len() < SPARE_BUFFERS {
            spare.push(free);
        }
    }
}
