//! Connections whose peers let us wait for too long are closed. One timer for
//! all of them, and none while there are none: an idle server sleeps.

use std::cell::{Cell, RefCell};
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use evcore::{Await, Reactor, Result, sleep_until};

use super::State;
use super::io::Turn;
use crate::limits::{HEAD_WITHIN, LINGER, SERVER_IDLE};

/// How long a server waits for whom.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    pub(super) head: Duration,
    pub(super) idle: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            head: HEAD_WITHIN,
            idle: SERVER_IDLE,
        }
    }
}

impl Patience {
    /// How long the peer may take for its turn.
    fn limit(&self, turn: Turn) -> Option<Duration> {
        match turn {
            Turn::Ours | Turn::Switched => None,
            Turn::Head => Some(self.head),
            Turn::Idle | Turn::Body => Some(self.idle),
            Turn::Farewell => Some(LINGER.min(self.idle)),
        }
    }

    /// When who has had this turn `since` will be late; never, if his time is more than the clock can count.
    pub(super) fn due(&self, turn: Turn, since: Instant) -> Option<Instant> {
        since.checked_add(self.limit(turn)?)
    }

    /// The least time between two looks, which is also how much too late a
    /// connection may be closed: a look costs more the more there are.
    fn step(&self) -> Duration {
        self.head.min(self.idle).min(LINGER) / 8
    }
}

/// When somebody has to be looked after, at the earliest.
pub(super) struct Watch {
    pub(super) patience: Patience,
    due: Cell<Option<Instant>>,
    sweeper: RefCell<Waker>,
}

impl Watch {
    pub(super) fn new(patience: Patience) -> Watch {
        Watch {
            patience,
            due: Cell::new(None),
            sweeper: RefCell::new(Waker::noop().clone()),
        }
    }

    /// It is the peer's turn since `now`.
    pub(super) fn note(&self, turn: Turn, now: Instant) {
        let Some(due) = self.patience.due(turn, now) else {
            return;
        };
        if self.due.get().is_none_or(|earlier| due < earlier) {
            self.due.set(Some(due));
            self.sweeper.borrow().wake_by_ref();
        }
    }

    /// Ready when somebody may be late.
    fn poll_due(
        &self,
        timer: &mut Option<(Instant, Await<()>)>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<()>> {
        self.sweeper.borrow_mut().clone_from(cx.waker());
        let Some(due) = self.due.get() else {
            *timer = None;
            return Poll::Pending;
        };
        let (_, alarm) = match timer {
            Some(set) if set.0 == due => set,
            _ => timer.insert((due, sleep_until(due).into_future())),
        };
        ready!(Pin::new(alarm).poll(cx))?;
        *timer = None;
        Poll::Ready(Ok(()))
    }
}

/// Closes what is late, whenever something may be.
pub(super) async fn sweep(state: Rc<State>) -> Result<()> {
    let watch = &state.shared.watch;
    let mut timer = None;
    loop {
        poll_fn(|cx| watch.poll_due(&mut timer, cx)).await?;
        let now = Reactor::current().now();
        let next = close_late(&state, now);
        watch
            .due
            .set(next.map(|next| next.max(now + watch.patience.step())));
    }
}

/// Closes who is late; says when the next one will be.
fn close_late(state: &State, now: Instant) -> Option<Instant> {
    let mut next: Option<Instant> = None;
    let mut connections = state.connections.borrow_mut();
    let late: Vec<_> = connections
        .extract_if(|_, (io, _)| {
            let due = io.due();
            let late = due.is_some_and(|due| due <= now);
            if !late {
                next = next.into_iter().chain(due).min();
            }
            late
        })
        .collect();
    drop(connections);
    late.into_iter()
        .for_each(|(_, (_, connection))| connection.cancel());
    next
}
