//! tokio's timers: a boxed `Sleep`, polled once so that it is armed; cancelling is dropping. Each that fires wakes a task.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::deadlines::{Deadlines, LIVE_FEW, LIVE_MANY};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::{Sleep, sleep_until};

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime with a timer needs no system resource")
}

fn armed(deadline: Instant) -> Pin<Box<Sleep>> {
    let mut sleep = Box::pin(sleep_until(deadline.into()));
    let pending = sleep
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending();
    assert!(pending, "its deadline is far away");
    sleep
}

pub(crate) fn cancel(job: &Job) -> Sample {
    let runtime = runtime();
    let _inside = runtime.enter();
    let mut deadlines = Deadlines::far();
    let _live: Vec<_> = (0..LIVE_MANY).map(|_| armed(deadlines.next())).collect();
    sample(job.ops, || {
        (0..job.ops).for_each(|_| drop(armed(deadlines.next())))
    })
}

pub(crate) fn churn(job: &Job) -> Sample {
    let runtime = runtime();
    let _inside = runtime.enter();
    let mut deadlines = Deadlines::far();
    let mut live: Vec<_> = (0..LIVE_FEW).map(|_| armed(deadlines.next())).collect();
    sample(job.ops, || {
        for at in (0..live.len()).cycle().take(job.ops as usize) {
            live[at] = armed(deadlines.next());
        }
    })
}

/// Counts down to a notification.
struct Countdown {
    left: Cell<u64>,
    done: Notify,
}

impl Countdown {
    fn one(&self) {
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0 {
            self.done.notify_one();
        }
    }
}

pub(crate) fn fire(job: &Job) -> Sample {
    let (runtime, local) = (runtime(), LocalSet::new());
    let mut deadlines = Deadlines::soon();
    let start = deadlines.start();
    let countdown = Rc::new(Countdown {
        left: Cell::new(job.ops),
        done: Notify::new(),
    });
    for _ in 0..job.ops {
        let (deadline, countdown) = (deadlines.next(), countdown.clone());
        local.spawn_local(async move {
            sleep_until(deadline.into()).await;
            countdown.one();
        });
    }
    // All tasks are polled, so all timers armed, before this task's turn comes again.
    local.block_on(&runtime, async {
        tokio::task::spawn_local(async {})
            .await
            .expect("it does not panic")
    });
    assert!(
        Instant::now() < start && countdown.left.get() == job.ops,
        "made in time"
    );
    sample(job.ops, || {
        local.block_on(&runtime, countdown.done.notified())
    })
}
