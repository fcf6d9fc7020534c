//! One registered thing as its owner holds it: for authors of sockets.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::limits::BYTES_PER_UNIT;
use crate::reactor::{Core, Reactor};
use crate::source::Direction;
use crate::token::Token;

/// A socket's place in a reactor: its readiness, and the wish to hear of it.
///
/// Made by [`Reactor::open`](crate::Reactor::open), for authors of new kinds
/// of sockets; [`net`](crate::net) is built on it alone. One task may wait in
/// each direction; a second one replaces the first.
///
/// ```
/// use evcore::{Direction, Reactor};
/// use std::future::poll_fn;
///
/// let (source, socket) = Reactor::current().open(|world, token| {
///     world.bind_udp(token, ([127, 0, 0, 1], 0).into())
/// })?;
/// evcore::run(async move {
///     poll_fn(|cx| source.poll_ready(Direction::Write, cx)).await?;
///     socket.send_to(b"hello", Some(socket.local_addr()?))?;
///     Ok(())
/// })?;
/// # Ok::<(), evcore::Error>(())
/// ```
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
    /// Also not ready when so many bytes have been [`moved`](Source::moved)
    /// that the others' time has come; then the task is woken in the next turn.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotConnected`] if the reactor is closed.
    pub fn poll_ready(&self, direction: Direction, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.core.poll_source(self.token, direction, cx)
    }

    /// As [`poll_ready`](Source::poll_ready), for who does not wait for it.
    pub fn is_ready(&self, direction: Direction) -> bool {
        self.core.is_source_ready(self.token, direction)
    }

    /// An operation would have blocked, or has drained what there was: not
    /// ready until the outside tells again.
    pub fn clear(&self, direction: Direction) {
        self.core.sources().clear(self.token, direction);
    }

    /// Counts `bytes` that an operation has moved against the budget of the
    /// turn, so that a peer that never stops does not keep the loop from all
    /// others (rule P23).
    pub fn moved(&self, bytes: usize) {
        self.core.queue.spend(bytes.div_ceil(BYTES_PER_UNIT).max(1));
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
