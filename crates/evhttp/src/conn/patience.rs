//! Time limits of the steps of a call, as the wire keeps them. The limit of a
//! whole call is a layer.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use evcore::{Await, Reactor, Result, sleep, sleep_until};

use crate::call::Call;
use crate::error::{Error, ErrorKind, Phase};
use crate::limits::{CONNECT_WITHIN, SECURE_WITHIN};

/// Has `work`, which is a call's step `phase`, done within its limit.
pub(crate) async fn within<T>(
    phase: Phase,
    call: &Call,
    target: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    call.phase.set(phase);
    let Some(limit) = call
        .options
        .time
        .as_ref()
        .and_then(|time| time.limit(phase))
    else {
        return work.await;
    };
    let (mut work, mut timer) = (pin!(work), sleep(limit).into_future());
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Pending => Pin::new(&mut timer).poll(cx).map(|ended| {
            Err(ended.err().unwrap_or_else(|| {
                let late = Error::new(phase, ErrorKind::TimedOut { limit });
                late.on_the_way(target, &call.url).into()
            }))
        }),
        ready => ready,
    })
    .await
}

/// Watches one exchange: its steps, and that something moves while we wait.
/// Asked only when the exchange has to wait, so a reader that pauses or a
/// user who is asked for a password has all the time in the world.
#[derive(Default)]
pub(crate) struct Watch {
    /// The step it is in, since when.
    step: Option<(Phase, Instant)>,
    /// Bytes moved so far, and since when no more.
    moved: Option<(u64, Instant)>,
    timer: Option<(Instant, Await<()>)>,
}

impl Watch {
    /// The exchange has got on: what waits next waits anew.
    pub(crate) fn rest(&mut self) {
        self.moved = None;
    }

    /// Ready when the exchange of `call`, which is in `phase` and has moved
    /// `moved` bytes both ways, has waited for too long.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        time: Option<&Time>,
        phase: Phase,
        moved: u64,
    ) -> Poll<Result<(Phase, Duration)>> {
        let Some(time) = time else {
            return Poll::Pending;
        };
        let (limit, stall) = (time.limit(phase), time.stall);
        if limit.is_none() && stall.is_none() {
            return Poll::Pending;
        }
        loop {
            let now = Reactor::current().now();
            if self.step.is_none_or(|(before, _)| before != phase) {
                self.step = Some((phase, now));
            }
            if self.moved.is_none_or(|(before, _)| before != moved) {
                self.moved = Some((moved, now));
            }
            // Beyond what the clock can count nobody is late.
            let since = |at: Option<Instant>, limit: Option<Duration>| {
                Some((at?.checked_add(limit?)?, limit?))
            };
            let by_step = since(self.step.map(|(_, at)| at), limit);
            let by_stall = since(self.moved.map(|(_, at)| at), stall);
            let Some((due, limit)) = by_step.into_iter().chain(by_stall).min() else {
                return Poll::Pending;
            };
            if due <= now {
                return Poll::Ready(Ok((phase, limit)));
            }
            // One that rings too early is cheaper than a new one for each byte.
            if self.timer.as_ref().is_none_or(|(set, _)| *set > due) {
                self.timer = Some((due, sleep_until(due).into_future()));
            }
            let Some((_, timer)) = &mut self.timer else {
                return Poll::Pending;
            };
            std::task::ready!(Pin::new(timer).poll(cx))?;
            self.timer = None;
        }
    }

    /// The error of a call that has waited for too long.
    pub(crate) fn error(
        (phase, limit): (Phase, Duration),
        url: &url::Url,
        received: Option<(u64, Option<u64>)>,
    ) -> Error {
        let late = Error::new(phase, ErrorKind::TimedOut { limit }).about(url);
        match received {
            Some((received, total)) => late.after(received, total),
            None => late,
        }
    }
}

/// How long each step of a call may take, and how long nothing may move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    steps: [Option<Duration>; Phase::ALL.len()],
    pub(crate) stall: Option<Duration>,
}

impl Default for Time {
    fn default() -> Time {
        let steps = [None; Phase::ALL.len()];
        let mut time = Time { steps, stall: None };
        time.set(Phase::Connect, CONNECT_WITHIN);
        time.set(Phase::Secure, SECURE_WITHIN);
        time
    }
}

impl Time {
    /// The limit of one step.
    pub(crate) fn limit(&self, phase: Phase) -> Option<Duration> {
        self.steps[phase as usize]
    }

    /// Sets the limit of one step.
    pub(crate) fn set(&mut self, phase: Phase, limit: Duration) {
        self.steps[phase as usize] = Some(limit);
    }
}
