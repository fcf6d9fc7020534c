//! What all sockets share: a source to wait on, and when to believe what is
//! said of it. No socket lives here.

use std::io;
use std::task::{Context, Poll, ready};

use crate::{Direction, Reactor, Source};

/// A socket's source.
#[derive(Debug)]
pub(super) struct Gate {
    source: Source,
}

impl Gate {
    pub(super) fn new(source: Source) -> Gate {
        Gate { source }
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
}
