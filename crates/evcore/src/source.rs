//! Registered things of the outside: what they are ready for, and who waits
//! for that. A stale token finds nobody.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::reactor::{Core, Reactor};
use crate::sys::Ready;
use crate::task::Wakeup;
use crate::token::{Slab, Token};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards us: reads and accepts.
    Read,
    /// Away from us: writes, and the end of a connect.
    Write,
}

#[derive(Default)]
struct Side {
    ready: bool,
    waiting: Option<Wakeup>,
}

/// One source's state.
#[derive(Default)]
pub(crate) struct State {
    read: Side,
    write: Side,
    hung_up: bool,
}

impl State {
    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }
}

/// The table of a reactor's sources.
pub(crate) struct Sources(Slab<State>);

impl Sources {
    pub(crate) fn new() -> Sources {
        Sources(Slab::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn add(&mut self) -> Token {
        self.0.insert(State::default())
    }

    pub(crate) fn remove(&mut self, token: Token) -> Option<State> {
        self.0.remove(token)
    }

    /// Notes what the outside told; `wake` gets those who waited for it.
    pub(crate) fn mark(&mut self, ready: Ready, mut wake: impl FnMut(Wakeup)) {
        let Some(state) = self.0.get_mut(ready.token) else {
            return;
        };
        state.hung_up |= ready.hangup;
        for (told, side) in [
            (ready.readable, &mut state.read),
            (ready.writable, &mut state.write),
        ] {
            if told {
                side.ready = true;
                side.waiting.take().into_iter().for_each(&mut wake);
            }
        }
    }

    pub(crate) fn is_ready(&mut self, token: Token, direction: Direction) -> bool {
        self.0
            .get_mut(token)
            .is_some_and(|state| state.side(direction).ready)
    }

    /// Has `wakeup` woken at the next readiness; hands out whom it replaces.
    pub(crate) fn wait(
        &mut self,
        token: Token,
        direction: Direction,
        wakeup: Wakeup,
    ) -> Option<Wakeup> {
        self.0
            .get_mut(token)?
            .side(direction)
            .waiting
            .replace(wakeup)
    }

    pub(crate) fn clear(&mut self, token: Token, direction: Direction) {
        if let Some(state) = self.0.get_mut(token) {
            state.side(direction).ready = false;
        }
    }

    pub(crate) fn hung_up(&self, token: Token) -> bool {
        self.0.get(token).is_some_and(|state| state.hung_up)
    }
}

/// A socket's place in a reactor: its readiness, and the wish to hear of it.
///
/// Made by [`Reactor::open`](crate::Reactor::open), for authors of new kinds
/// of sockets; [`net`](crate::net) is built on it alone. One task may wait in
/// each direction; a second one replaces the first.
pub struct Source {
    core: Rc<Core>,
    token: Token,
}

impl Source {
    pub(crate) fn new(core: Rc<Core>, token: Token) -> Source {
        Source { core, token }
    }

    /// Ready while the last thing heard is that an operation may get on;
    /// otherwise the task is woken when it may.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotConnected`] if the reactor is closed.
    pub fn poll_ready(&self, direction: Direction, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.core.poll_source(self.token, direction, cx)
    }

    /// An operation would have blocked, or has drained what there was: not
    /// ready until the outside tells again.
    pub fn clear(&self, direction: Direction) {
        self.core.sources().clear(self.token, direction);
    }

    /// Whether the peer has ended its side or the socket has failed.
    pub fn hung_up(&self) -> bool {
        self.core.sources().hung_up(self.token)
    }

    /// The reactor it is registered with.
    pub fn reactor(&self) -> Reactor {
        Reactor::of(self.core.clone())
    }

    /// The token under which the world tells its readiness.
    pub fn token(&self) -> Token {
        self.token
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.core.remove_source(self.token);
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Source").field(&self.token).finish()
    }
}
