//! tokio's nearest thing: a oneshot awaited by a task of a `LocalSet`, `futures::Shared` where many wait for one. The
//! result of a callback is what its task returns.

use crate::area::Job;
use crate::measure::{Sample, sample};
use futures_util::FutureExt;
use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot::{Receiver, Sender, channel};
use tokio::task::{JoinHandle, LocalSet, spawn_local, yield_now};

const BATCH: u64 = 1_000;

type Called = Rc<Cell<u64>>;

/// Runs a round unmeasured, then one measured, as V8 is.
fn rounds<F: Future<Output = ()>>(job: &Job, round: impl Fn(u64, Called) -> F) -> Sample {
    let (local, called) = (LocalSet::new(), Called::default());
    let runtime: Runtime = Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers needs no system resource");
    let ops = job.ops;
    local.block_on(&runtime, round(ops, called.clone()));
    let sample = sample(ops, || local.block_on(&runtime, round(ops, called.clone())));
    assert_eq!(called.get(), 2 * ops, "every callback is called once");
    sample
}

fn one(called: &Called) {
    called.set(called.get() + 1);
}

/// `then`: a task that awaits the value and calls back.
fn attach(receiver: Receiver<u64>, called: &Called) -> JoinHandle<()> {
    let called = called.clone();
    spawn_local(async move {
        if let Ok(n) = receiver.await {
            black_box(n);
            one(&called);
        }
    })
}

async fn until(called: &Called, wanted: u64) {
    while called.get() < wanted {
        yield_now().await;
    }
}

/// The nearest thing to a settled promise is a channel whose value has been sent.
pub(crate) fn ready(job: &Job) -> Sample {
    rounds(job, |ops, called| async move {
        for _ in 0..ops / BATCH {
            let wanted = called.get() + BATCH;
            for n in 0..BATCH {
                let (sender, receiver) = channel();
                let _ = sender.send(n);
                attach(receiver, &called);
            }
            until(&called, wanted).await;
        }
    })
}

pub(crate) fn hot(job: &Job) -> Sample {
    rounds(job, |ops, called| async move {
        for _ in 0..ops / BATCH {
            let wanted = called.get() + BATCH;
            for n in 0..BATCH {
                let (sender, receiver) = channel();
                attach(receiver, &called);
                let _ = sender.send(n);
            }
            until(&called, wanted).await;
        }
    })
}

pub(crate) fn pending(job: &Job) -> Sample {
    rounds(job, |ops, called| async move {
        let wanted = called.get() + ops;
        let senders: Vec<Sender<u64>> = (0..ops)
            .map(|_| {
                let (sender, receiver) = channel();
                attach(receiver, &called);
                sender
            })
            .collect();
        // Let them all begin to wait.
        yield_now().await;
        for (sender, n) in senders.into_iter().zip(0..) {
            let _ = sender.send(n);
        }
        until(&called, wanted).await;
    })
}

/// Each task awaits the one before.
pub(crate) fn chain(job: &Job) -> Sample {
    rounds(job, |ops, called| async move {
        let wanted = called.get() + ops;
        let (sender, receiver) = channel::<u64>();
        let mut last = spawn_local(async move { receiver.await.unwrap_or(0) });
        for _ in 0..ops {
            let called = called.clone();
            last = spawn_local(async move {
                let n = last.await.unwrap_or(0);
                one(&called);
                n + 1
            });
        }
        let _ = sender.send(0);
        black_box(last.await.unwrap_or(0));
        until(&called, wanted).await;
    })
}

pub(crate) fn many(job: &Job) -> Sample {
    rounds(job, |ops, called| async move {
        let wanted = called.get() + ops;
        let (sender, receiver) = channel::<u64>();
        let shared = receiver.shared();
        for _ in 0..ops {
            let (shared, called) = (shared.clone(), called.clone());
            spawn_local(async move {
                black_box(shared.await.is_ok());
                one(&called);
            });
        }
        yield_now().await;
        let _ = sender.send(1);
        until(&called, wanted).await;
    })
}
