//! What all sockets share: a source to wait on, and the lines in which
//! promised operations stand before it. No socket lives here.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use crate::{Direction, Error, Promise, Reactor, Source};

/// A socket's source, with a line before each direction.
#[derive(Debug)]
pub(super) struct Gate {
    source: Source,
    /// Made for the first promised operation: a hot path has none.
    lines: OnceCell<Box<[Line; 2]>>,
}

impl Gate {
    pub(super) fn new(source: Source) -> Gate {
        Gate {
            source,
            lines: OnceCell::new(),
        }
    }

    pub(super) fn reactor(&self) -> Reactor {
        self.source.reactor()
    }

    /// Tries `operation` as often as the source is said to be ready.
    pub(super) fn poll<T>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut operation: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            ready!(self.source.poll_ready(direction, cx))?;
            match self.attempt(direction, &mut operation) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    /// Tries `operation` once, whatever was said of the source.
    pub(super) fn attempt<T>(
        &self,
        direction: Direction,
        mut operation: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match operation() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.source.clear(direction);
                    return Err(error);
                }
                outcome => return outcome,
            }
        }
    }

    /// An operation has moved so many bytes and could go on: that counts.
    pub(super) fn moved(&self, bytes: usize) {
        self.source.moved(bytes);
    }

    /// An operation did less than it was asked to: the buffer is drained (or
    /// full), and news makes a new edge. This saves the call that would only
    /// find that out. After a hangup no edge is to come, so the flag stays.
    pub(super) fn fell_short(&self, direction: Direction) {
        if !self.source.hung_up() {
            self.source.clear(direction);
        }
    }

    fn line(&self, direction: Direction) -> &Line {
        let [read, write] = &**self.lines.get_or_init(Box::default);
        match direction {
            Direction::Read => read,
            Direction::Write => write,
        }
    }
}

/// A socket that has a gate.
pub(super) trait Gated: 'static {
    fn gate(&self) -> &Gate;
}

/// Those who wait their turn in one direction, in order of their numbers.
/// The first is being served.
#[derive(Debug, Default)]
struct Line {
    issued: Cell<u64>,
    waiting: RefCell<VecDeque<(u64, Option<Waker>)>>,
}

/// Somebody's place in a line; dropping it lets the next one go on.
pub(super) struct Place<S: Gated> {
    socket: Rc<S>,
    direction: Direction,
    number: u64,
}

impl<S: Gated> Place<S> {
    pub(super) fn take(socket: &Rc<S>, direction: Direction) -> Place<S> {
        let line = socket.gate().line(direction);
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
        self.socket.gate().line(self.direction)
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

impl<S: Gated> Drop for Place<S> {
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
/// earlier in the same direction are done: at once if there are none and the
/// source is ready. `doing` names it in its error.
#[track_caller]
pub(super) fn promise<S, T, F>(
    socket: &Rc<S>,
    direction: Direction,
    doing: impl FnOnce(&S) -> String + 'static,
    operation: impl FnOnce(Rc<S>) -> F,
) -> Promise<T>
where
    S: Gated,
    T: 'static,
    F: Future<Output = io::Result<T>> + 'static,
{
    let place = Place::take(socket, direction);
    let mut operation = Box::pin(operation(socket.clone()));
    let _current = socket.gate().reactor().enter();
    if place.is_first() && socket.gate().source.is_ready(direction) {
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
