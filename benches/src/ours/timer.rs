//! Our timers: a promise each, cancelled by cancelling it. Each that fires calls a callback.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::deadlines::{Deadlines, LIVE_FEW, LIVE_MANY};
use evcore::{Promise, Reactor, sleep_until};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How many operations a turn of the loop sees.
const PER_TURN: u64 = 1_000;

fn live(deadlines: &mut Deadlines, count: u64) -> Vec<Promise<()>> {
    (0..count).map(|_| sleep_until(deadlines.next())).collect()
}

fn turn_at(reactor: &Reactor, n: u64) {
    if n.is_multiple_of(PER_TURN) {
        reactor.turn(Duration::ZERO);
    }
}

pub(crate) fn cancel(job: &Job) -> Sample {
    let reactor = Reactor::current();
    let mut deadlines = Deadlines::far();
    let _live = live(&mut deadlines, LIVE_MANY);
    sample(job.ops, || {
        for n in 0..job.ops {
            sleep_until(deadlines.next()).cancel();
            turn_at(&reactor, n);
        }
    })
}

pub(crate) fn churn(job: &Job) -> Sample {
    let reactor = Reactor::current();
    let mut deadlines = Deadlines::far();
    let mut live = live(&mut deadlines, LIVE_FEW);
    sample(job.ops, || {
        for n in 0..job.ops {
            let oldest = &mut live[(n % LIVE_FEW) as usize];
            oldest.cancel();
            *oldest = sleep_until(deadlines.next());
            turn_at(&reactor, n);
        }
    })
}

pub(crate) fn fire(job: &Job) -> Sample {
    let reactor = Reactor::current();
    let mut deadlines = Deadlines::soon();
    let fired = Rc::new(Cell::new(0));
    for _ in 0..job.ops {
        let fired = fired.clone();
        sleep_until(deadlines.next()).then(move |()| fired.set(fired.get() + 1));
    }
    reactor.turn(Duration::ZERO);
    assert!(Instant::now() < deadlines.start(), "made in time");
    sample(job.ops, || {
        while fired.get() < job.ops {
            reactor.turn(None);
        }
    })
}
