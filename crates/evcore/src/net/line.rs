//! The lines before a socket or a stream: promised operations of one direction
//! are done one after the other, in the order in which they were asked for.
//! Knows neither sockets nor bytes.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::error::Kind;
use crate::reactor::WeakReactor;
use crate::{Direction, Error, Promise, Reactor};

/// A line for each direction, and the reactor on which those who are first
/// are served.
#[derive(Debug)]
pub(super) struct Lines {
    reactor: WeakReactor,
    /// Made for the first promised operation: a hot path has none.
    lines: OnceCell<Box<[Line; 2]>>,
}

impl Lines {
    pub(super) fn new(reactor: &Reactor) -> Lines {
        Lines {
            reactor: reactor.downgrade(),
            lines: OnceCell::new(),
        }
    }

    fn of(&self, direction: Direction) -> &Line {
        let [read, write] = &**self.lines.get_or_init(Box::default);
        match direction {
            Direction::Read => read,
            Direction::Write => write,
        }
    }
}

/// What has lines before it.
pub(super) trait Lined: 'static {
    fn lines(&self) -> &Lines;
}

/// Those who wait their turn in one direction, in order of their numbers.
/// The first is being served.
#[derive(Debug, Default)]
struct Line {
    issued: Cell<u64>,
    waiting: RefCell<VecDeque<(u64, Option<Waker>)>>,
}

/// Somebody's place in a line; dropping it lets the next one go on.
pub(super) struct Place<S: Lined> {
    socket: Rc<S>,
    direction: Direction,
    number: u64,
}

impl<S: Lined> Place<S> {
    pub(super) fn take(socket: &Rc<S>, direction: Direction) -> Place<S> {
        let line = socket.lines().of(direction);
        let number = line.issued.get();
        line.issued.set(number + 1);
        line.waiting.borrow_mut().push_back((number, None));
        Place {
            socket: socket.clone(),
            direction,
            number,
        }
    }

    /// Waits until everybody before has left.
    pub(super) async fn reached(&self) {
        poll_fn(|cx| self.poll_reached(cx)).await;
    }

    fn line(&self) -> &Line {
        self.socket.lines().of(self.direction)
    }

    fn is_first(&self) -> bool {
        let waiting = self.line().waiting.borrow();
        waiting.front().is_some_and(|place| place.0 == self.number)
    }

    fn poll_reached(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.line().waiting.borrow_mut();
        match waiting.binary_search_by_key(&self.number, |place| place.0) {
            Ok(at) if at > 0 => {
                waiting[at].1 = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl<S: Lined> Drop for Place<S> {
    fn drop(&mut self) {
        let mut waiting = self.line().waiting.borrow_mut();
        let Ok(at) = waiting.binary_search_by_key(&self.number, |place| place.0) else {
            return;
        };
        waiting.remove(at);
        let next = match at {
            0 => waiting.front_mut().and_then(|next| next.1.take()),
            _ => None,
        };
        drop(waiting);
        if let Some(next) = next {
            next.wake();
        }
    }
}

/// Promises the outcome of an operation, done when all that were asked for
/// earlier in the same direction are done: if there are none, it is tried at
/// once. `doing` names it in its error.
#[track_caller]
pub(super) fn promise<S, T, F>(
    socket: &Rc<S>,
    direction: Direction,
    doing: impl FnOnce(&S) -> String + 'static,
    operation: impl FnOnce(Rc<S>) -> F,
) -> Promise<T>
where
    S: Lined,
    T: 'static,
    F: Future<Output = io::Result<T>> + 'static,
{
    let Some(reactor) = socket.lines().reactor.upgrade() else {
        return Err(Error::from(Kind::Closed).during(doing(socket))).into();
    };
    let _current = reactor.enter();
    let place = Place::take(socket, direction);
    let mut operation = Box::pin(operation(socket.clone()));
    if place.is_first() {
        let cx = &mut Context::from_waker(Waker::noop());
        if let Poll::Ready(outcome) = operation.as_mut().poll(cx) {
            return named(outcome, || doing(socket)).into();
        }
    }
    crate::spawn(async move {
        place.reached().await;
        named(operation.await, || doing(&place.socket))
    })
}

fn named<T>(outcome: io::Result<T>, doing: impl FnOnce() -> String) -> crate::Result<T> {
    outcome.map_err(|error| Error::from(error).during(doing()))
}
