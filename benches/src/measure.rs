//! How it is measured: alternately, each run in a fresh process, medians of CPU time first.
//!
//! Here: what a run yields, and the child's own part. Beside: the parent's (`alternate`), servers seen from outside
//! (`served`), exact counts (`count`), medians (`summary`). Never here: what is measured, or how it is shown.

use crate::area::{Case, How, Job, cases};
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

mod alternate;
mod build;
mod count;
mod outside;
mod served;
mod summary;

pub(crate) use alternate::alternate;
pub(crate) use build::built;
pub(crate) use outside::machine;
pub(crate) use summary::{Figures, Row};

/// What one run took.
pub(crate) struct Sample {
    ops: u64,
    cpu: Duration,
    wall: Duration,
}

/// CPU and wall nanoseconds per operation, peak KiB: what a child prints and what is learned from outside.
type Measured = [f64; 3];

/// Times a piece of work: all threads' CPU time, and the clock on the wall.
pub(crate) fn sample(ops: u64, work: impl FnOnce()) -> Sample {
    let (cpu, wall) = (cpu_time(), Instant::now());
    work();
    Sample {
        ops,
        cpu: cpu_time() - cpu,
        wall: wall.elapsed(),
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn per_op(time: Duration, ops: u64) -> f64 {
    time.as_nanos() as f64 / ops as f64
}

/// The child's part: one peer, one case, once; prints its figures. A server prints its port, and serves.
pub(crate) fn one(case: &str, peer: &str, ops: &str, port: &str) -> Result<(), String> {
    let case: Case = cases()
        .into_iter()
        .find(|known| known.id() == case)
        .ok_or("no such case")?;
    let peer = case
        .peers
        .iter()
        .find(|known| known.name == peer)
        .ok_or("no such peer")?;
    let job = Job {
        case: case.name,
        ops: ops.parse().map_err(|_| "how many operations?")?,
        port: port.parse().map_err(|_| "which port?")?,
    };
    match peer.how {
        How::Here(run) => {
            let Sample { ops, cpu, wall } = run(&job);
            let peak = outside::peak_kb("self");
            println!("{} {} {peak}", per_op(cpu, ops), per_op(wall, ops));
            Ok(())
        }
        How::Server(serve) => serve(),
        _ => Err("this peer is not in this binary".to_owned()),
    }
}
