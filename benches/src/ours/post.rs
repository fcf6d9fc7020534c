//! Our posts: closures given to the reactor's `Remote`.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::posted::join;
use evcore::Reactor;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) fn run(job: &Job) -> Sample {
    let reactor = Reactor::current();
    let remote = reactor.remote();
    let ran = Arc::new(AtomicU64::new(0));
    let (count, ops) = (ran.clone(), job.ops);
    sample(ops, || {
        let poster = std::thread::spawn(move || {
            for _ in 0..ops {
                let count = count.clone();
                // Only the loop's thread writes: no locked addition.
                remote.post(move || {
                    count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed)
                });
            }
        });
        while ran.load(Ordering::Relaxed) < ops {
            reactor.turn(None);
        }
        join(poster);
    })
}
