//! The line before one direction of a stream: promised operations are done one after the other, in the order in which
//! they were asked for. Knows nothing of bytes.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

/// Those who wait their turn, in order of their numbers. The first is being served.
#[derive(Default)]
pub(super) struct Line {
    issued: Cell<u64>,
    waiting: RefCell<VecDeque<(u64, Option<Waker>)>>,
}

impl Line {
    /// The number of who has come last: the caller.
    pub(super) fn join(&self) -> u64 {
        let number = self.issued.get();
        self.issued.set(number + 1);
        self.waiting.borrow_mut().push_back((number, None));
        number
    }

    /// Waits until everybody before `number` has left.
    pub(super) async fn reached(&self, number: u64) {
        poll_fn(|cx| self.poll_reached(number, cx)).await;
    }

    fn poll_reached(&self, number: u64, cx: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.waiting.borrow_mut();
        match waiting.binary_search_by_key(&number, |place| place.0) {
            Ok(at) if at > 0 => {
                waiting[at].1 = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    /// Whoever comes next may go on, if this one was first.
    pub(super) fn leave(&self, number: u64) {
        let mut waiting = self.waiting.borrow_mut();
        let Ok(at) = waiting.binary_search_by_key(&number, |place| place.0) else {
            return;
        };
        waiting.remove(at);
        let next = match at {
            0 => waiting.front_mut().and_then(|next| next.1.take()),
            _ => None,
        };
        drop(waiting);
        if let Some(next) = next {
            next.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(line: &Line, number: u64) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        line.poll_reached(number, cx).is_ready()
    }

    #[test]
    fn one_after_the_other_and_who_leaves_early_holds_nobody_up() {
        let line = Line::default();
        let [first, second, third] = [(); 3].map(|()| line.join());
        assert!(reached(&line, first) && !reached(&line, second));
        line.leave(second);
        assert!(!reached(&line, third), "the first is not done");
        line.leave(first);
        assert!(reached(&line, third));
        line.leave(third);
        let last = line.join();
        assert!(reached(&line, last));
    }
}
