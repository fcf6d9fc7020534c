//! The promise one writes in an afternoon: a cell with a list of boxed callbacks and a queue of boxed jobs. No errors, no
//! cancelling, no unhandled report, no panic isolation.

use crate::area::Job;
use crate::measure::{Sample, sample};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::hint::black_box;
use std::rc::Rc;

const BATCH: u64 = 1_000;

type Callback<T> = Box<dyn FnOnce(&T)>;
type Queue = Rc<RefCell<VecDeque<Box<dyn FnOnce()>>>>;

struct State<T> {
    value: Option<Rc<T>>,
    waiting: Vec<Callback<T>>,
}

struct Promise<T> {
    state: Rc<RefCell<State<T>>>,
    queue: Queue,
}

impl<T> Clone for Promise<T> {
    fn clone(&self) -> Promise<T> {
        Promise {
            state: self.state.clone(),
            queue: self.queue.clone(),
        }
    }
}

impl<T: 'static> Promise<T> {
    fn new(queue: &Queue) -> Promise<T> {
        let state = State {
            value: None,
            waiting: Vec::new(),
        };
        Promise {
            state: Rc::new(RefCell::new(state)),
            queue: queue.clone(),
        }
    }

    fn ready(queue: &Queue, value: T) -> Promise<T> {
        let promise = Promise::new(queue);
        promise.resolve(value);
        promise
    }

    fn then<U: 'static>(&self, callback: impl FnOnce(&T) -> U + 'static) -> Promise<U> {
        let next = Promise::new(&self.queue);
        let child = next.clone();
        let call: Callback<T> = Box::new(move |value| child.resolve(callback(value)));
        let mut state = self.state.borrow_mut();
        match state.value.clone() {
            Some(value) => self
                .queue
                .borrow_mut()
                .push_back(Box::new(move || call(&value))),
            None => state.waiting.push(call),
        }
        next
    }

    fn resolve(&self, value: T) {
        let value = Rc::new(value);
        let mut state = self.state.borrow_mut();
        state.value = Some(value.clone());
        let waiting = std::mem::take(&mut state.waiting);
        if !waiting.is_empty() {
            let deliver = move || waiting.into_iter().for_each(|call| call(&value));
            self.queue.borrow_mut().push_back(Box::new(deliver));
        }
    }
}

fn deliver(queue: &Queue) {
    while let Some(job) = { queue.borrow_mut().pop_front() } {
        job();
    }
}

/// Runs a round unmeasured, then one measured, as V8 is.
fn rounds(job: &Job, round: impl Fn(&Queue, u64, &Rc<Cell<u64>>)) -> Sample {
    let (queue, called) = (Queue::default(), Rc::default());
    round(&queue, job.ops, &called);
    let sample = sample(job.ops, || round(&queue, job.ops, &called));
    assert_eq!(called.get(), 2 * job.ops, "every callback is called once");
    sample
}

fn count(called: &Rc<Cell<u64>>) -> impl FnOnce(&u64) + 'static {
    let called = called.clone();
    move |n| {
        black_box(n);
        called.set(called.get() + 1);
    }
}

pub(crate) fn ready(job: &Job) -> Sample {
    rounds(job, |queue, ops, called| {
        for _ in 0..ops / BATCH {
            for n in 0..BATCH {
                Promise::ready(queue, n).then(count(called));
            }
            deliver(queue);
        }
    })
}

pub(crate) fn hot(job: &Job) -> Sample {
    rounds(job, |queue, ops, called| {
        for _ in 0..ops / BATCH {
            for n in 0..BATCH {
                let promise = Promise::new(queue);
                promise.then(count(called));
                promise.resolve(n);
            }
            deliver(queue);
        }
    })
}

pub(crate) fn pending(job: &Job) -> Sample {
    rounds(job, |queue, ops, called| {
        let promises: Vec<Promise<u64>> = (0..ops).map(|_| Promise::new(queue)).collect();
        for promise in &promises {
            promise.then(count(called));
        }
        for (promise, n) in promises.into_iter().zip(0..) {
            promise.resolve(n);
        }
        deliver(queue);
    })
}

pub(crate) fn chain(job: &Job) -> Sample {
    rounds(job, |queue, ops, called| {
        let first = Promise::new(queue);
        let mut last = first.clone();
        for _ in 0..ops {
            let count = count(called);
            last = last.then(move |n| {
                count(n);
                n + 1
            });
        }
        first.resolve(0);
        deliver(queue);
    })
}

pub(crate) fn many(job: &Job) -> Sample {
    rounds(job, |queue, ops, called| {
        let promise = Promise::new(queue);
        for _ in 0..ops {
            promise.then(count(called));
        }
        promise.resolve(1);
        deliver(queue);
    })
}
