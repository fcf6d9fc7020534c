//! The table of registered things of the outside: what they are ready for,
//! and who waits for that. A stale token finds nobody. Pure: who waits is
//! opaque, and nobody is woken here.

use crate::token::{Slab, Token};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards us: reads and accepts.
    Read,
    /// Away from us: writes, and the end of a connect.
    Write,
}

struct Side<W> {
    ready: bool,
    waiting: Option<W>,
}

/// One source's state.
pub(crate) struct State<W> {
    read: Side<W>,
    write: Side<W>,
    hung_up: bool,
}

impl<W> State<W> {
    fn new() -> State<W> {
        let side = || Side {
            ready: false,
            waiting: None,
        };
        State {
            read: side(),
            write: side(),
            hung_up: false,
        }
    }

    fn side(&mut self, direction: Direction) -> &mut Side<W> {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }
}

/// The table of a reactor's sources.
pub(crate) struct Sources<W>(Slab<State<W>>);

impl<W> Sources<W> {
    pub(crate) fn new() -> Sources<W> {
        Sources(Slab::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn add(&mut self) -> Token {
        self.0.insert(State::new())
    }

    pub(crate) fn remove(&mut self, token: Token) -> Option<State<W>> {
        self.0.remove(token)
    }

    /// Notes what the outside told of one direction, and hands out who waited
    /// for it.
    pub(crate) fn mark(&mut self, token: Token, direction: Direction) -> Option<W> {
        let side = self.0.get_mut(token)?.side(direction);
        side.ready = true;
        side.waiting.take()
    }

    pub(crate) fn mark_hangup(&mut self, token: Token) {
        if let Some(state) = self.0.get_mut(token) {
            state.hung_up = true;
        }
    }

    pub(crate) fn is_ready(&mut self, token: Token, direction: Direction) -> bool {
        self.0
            .get_mut(token)
            .is_some_and(|state| state.side(direction).ready)
    }

    /// Has `wakeup` woken at the next readiness; hands out whom it replaces.
    pub(crate) fn wait(&mut self, token: Token, direction: Direction, waiting: W) -> Option<W> {
        self.0
            .get_mut(token)?
            .side(direction)
            .waiting
            .replace(waiting)
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
