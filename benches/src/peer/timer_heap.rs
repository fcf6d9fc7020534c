//! A floor: std's BinaryHeap with boxed callbacks. It cannot cancel, so "cancel" only pushes and "churn" pops instead.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::deadlines::{Deadlines, LIVE_FEW, LIVE_MANY, WINDOW};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Instant;

struct Timer {
    deadline: Instant,
    sequence: u64,
    callback: Box<dyn FnOnce() -> u64>,
}

impl Timer {
    fn key(&self) -> (Instant, u64) {
        (self.deadline, self.sequence)
    }
}

impl PartialEq for Timer {
    fn eq(&self, other: &Timer) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Timer) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Timer) -> Ordering {
        self.key().cmp(&other.key())
    }
}

type Heap = BinaryHeap<Reverse<Timer>>;

fn push(heap: &mut Heap, deadline: Instant, sequence: u64) {
    heap.push(Reverse(Timer {
        deadline,
        sequence,
        callback: Box::new(move || sequence),
    }));
}

fn filled(deadlines: &mut Deadlines, count: u64) -> Heap {
    let mut heap = Heap::new();
    (0..count).for_each(|n| push(&mut heap, deadlines.next(), n));
    heap
}

pub(crate) fn cancel(job: &Job) -> Sample {
    let mut deadlines = Deadlines::far();
    let mut heap = filled(&mut deadlines, LIVE_MANY);
    sample(job.ops, || {
        (0..job.ops).for_each(|n| push(&mut heap, deadlines.next(), n))
    })
}

pub(crate) fn churn(job: &Job) -> Sample {
    let mut deadlines = Deadlines::far();
    let mut heap = filled(&mut deadlines, LIVE_FEW);
    sample(job.ops, || {
        for n in 0..job.ops {
            heap.pop();
            push(&mut heap, deadlines.next(), n);
        }
    })
}

pub(crate) fn fire(job: &Job) -> Sample {
    let mut deadlines = Deadlines::soon();
    let mut heap = filled(&mut deadlines, job.ops);
    let end = deadlines.start() + WINDOW;
    let mut sum = 0;
    let sample = sample(job.ops, || {
        while let Some(Reverse(timer)) = heap.pop().filter(|Reverse(timer)| timer.deadline <= end) {
            sum += (timer.callback)();
        }
    });
    assert_eq!(sum, job.ops * (job.ops - 1) / 2, "every timer fires once");
    sample
}
