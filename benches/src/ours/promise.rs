//! Our promises, all their rules on.

use crate::area::Job;
use crate::measure::{Sample, sample};
use evcore::{Promise, Reactor, Resolver};
use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

const BATCH: u64 = 1_000;

fn deliver(reactor: &Reactor) {
    while reactor.turn(Duration::ZERO).more {}
}

/// Runs a round unmeasured, then one measured, as V8 is.
fn rounds(job: &Job, round: impl Fn(&Reactor, u64, &Rc<Cell<u64>>)) -> Sample {
    let (reactor, called) = (Reactor::current(), Rc::default());
    round(&reactor, job.ops, &called);
    let sample = sample(job.ops, || round(&reactor, job.ops, &called));
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
    rounds(job, |reactor, ops, called| {
        for _ in 0..ops / BATCH {
            for n in 0..BATCH {
                Promise::ready(n).then(count(called));
            }
            deliver(reactor);
        }
    })
}

pub(crate) fn hot(job: &Job) -> Sample {
    rounds(job, |reactor, ops, called| {
        for _ in 0..ops / BATCH {
            for n in 0..BATCH {
                let (promise, resolver) = Promise::pending();
                promise.then(count(called));
                resolver.resolve(n);
            }
            deliver(reactor);
        }
    })
}

pub(crate) fn pending(job: &Job) -> Sample {
    rounds(job, |reactor, ops, called| {
        let resolvers: Vec<Resolver<u64>> = (0..ops)
            .map(|_| {
                let (promise, resolver) = Promise::pending();
                promise.then(count(called));
                resolver
            })
            .collect();
        for (resolver, n) in resolvers.into_iter().zip(0..) {
            resolver.resolve(n);
        }
        deliver(reactor);
    })
}

pub(crate) fn chain(job: &Job) -> Sample {
    rounds(job, |reactor, ops, called| {
        let (mut last, resolver) = Promise::pending();
        for _ in 0..ops {
            let count = count(called);
            last = last.then(move |n| {
                count(n);
                n + 1
            });
        }
        resolver.resolve(0);
        deliver(reactor);
    })
}

pub(crate) fn many(job: &Job) -> Sample {
    rounds(job, |reactor, ops, called| {
        let (promise, resolver) = Promise::pending();
        for _ in 0..ops {
            promise.then(count(called));
        }
        resolver.resolve(1);
        deliver(reactor);
    })
}
