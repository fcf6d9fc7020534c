//! A clock that stands still, moves by hand, or leaps when everything
//! sleeps. It wraps a world; nothing above knows the difference.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::BorrowedFd;
#[cfg(unix)]
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sys::{Adopted, Datagram, Listener, Notify, Ready, Stream, Wait, World};
use crate::token::Token;

/// The clock of a reactor made with
/// [`Builder::clock`](crate::reactor::Builder::clock).
///
/// ```
/// use evcore::{ManualClock, Reactor};
/// use std::time::Duration;
///
/// let clock = ManualClock::leaping();
/// let reactor = Reactor::builder().clock(&clock).build()?;
/// let began = clock.now();
/// reactor.run(async { evcore::sleep(Duration::from_secs(3_600)).await })?;
/// assert_eq!(clock.now() - began, Duration::from_secs(3_600)); // at once
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Rc<Cell<Instant>>,
    leaps: Rc<Cell<bool>>,
}

impl ManualClock {
    /// A clock that only [`advance`](ManualClock::advance) moves.
    #[expect(
        clippy::new_without_default,
        reason = "a clock starts at a time, not at a default"
    )]
    pub fn new() -> ManualClock {
        ManualClock {
            now: Rc::new(Cell::new(Instant::now())),
            leaps: Rc::default(),
        }
    }

    /// A clock that moves to the next deadline whenever nothing is left to do
    /// until then: no delivery, no readiness, no helper thread at work.
    pub fn leaping() -> ManualClock {
        let clock = ManualClock::new();
        clock.leaps.set(true);
        clock
    }

    /// What the clock shows.
    pub fn now(&self) -> Instant {
        self.now.get()
    }

    /// Moves the clock. Timers that are due fire in the reactor's next turn.
    ///
    /// ```
    /// use evcore::{ManualClock, Reactor, secs};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let reactor = Reactor::builder().clock(&clock).build()?;
    /// let entered = reactor.enter();
    /// let nap = evcore::sleep(secs(60));
    /// clock.advance(secs(60));
    /// reactor.turn(Duration::ZERO);
    /// assert!(nap.is_settled());
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn advance(&self, by: Duration) {
        self.now.set(self.now.get() + by);
    }
}

/// A world that is real but for its clock.
pub(crate) struct Clocked {
    pub(crate) inner: Box<dyn World>,
    pub(crate) clock: ManualClock,
}

/// How much real time sockets get to bring something before the clock leaps.
/// On loopback the kernel has it there by then.
const GRACE: Duration = Duration::from_millis(1);

impl World for Clocked {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn wait(&self, wait: Wait, ready: &mut Vec<Ready>) -> io::Result<()> {
        let leap = wait
            .timeout
            .filter(|t| self.clock.leaps.get() && wait.may_leap && !t.is_zero());
        let Some(leap) = leap else {
            // A timeout of a clock that stands still never runs out: wait
            // for the outside, in steps in which somebody may move the clock.
            let timeout = wait.timeout.map(|timeout| timeout.min(GRACE));
            return self.inner.wait(Wait { timeout, ..wait }, ready);
        };
        let before = ready.len();
        self.inner.wait(
            Wait {
                timeout: Some(GRACE),
                may_leap: false,
            },
            ready,
        )?;
        if ready.len() == before {
            self.clock.advance(leap);
        }
        Ok(())
    }

    fn notifier(&self) -> Arc<dyn Notify> {
        self.inner.notifier()
    }

    #[cfg(unix)]
    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.inner.as_fd()
    }

    fn connect_tcp(
        &self,
        token: Token,
        peer: SocketAddr,
        local: Option<SocketAddr>,
    ) -> io::Result<Box<dyn Stream>> {
        self.inner.connect_tcp(token, peer, local)
    }

    fn listen_tcp(&self, token: Token, local: SocketAddr) -> io::Result<Box<dyn Listener>> {
        self.inner.listen_tcp(token, local)
    }

    fn bind_udp(&self, token: Token, local: SocketAddr) -> io::Result<Box<dyn Datagram>> {
        self.inner.bind_udp(token, local)
    }

    #[cfg(unix)]
    fn connect_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Stream>> {
        self.inner.connect_unix(token, path)
    }

    #[cfg(unix)]
    fn listen_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Listener>> {
        self.inner.listen_unix(token, path)
    }

    fn adopt(&self, token: Token, socket: Adopted) -> io::Result<Box<dyn Stream>> {
        self.inner.adopt(token, socket)
    }
}
