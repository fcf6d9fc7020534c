//! The seam to the outside: waiting, waking, the time, and sockets.
//!
//! Everything above sees only [`World`] and the socket traits here, so a
//! simulated world can stand behind them without a change elsewhere. The real
//! worlds are `sys/mio.rs` and `sys/polling.rs`. No policy lives here: no
//! queues, no promises, no buffers.

use std::io;
use std::net::{Shutdown, SocketAddr};
#[cfg(unix)]
use std::os::fd::BorrowedFd;
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::token::Token;

#[cfg(feature = "mio")]
mod mio;
mod nowhere;
#[cfg(feature = "polling")]
mod polling;
#[cfg(any(feature = "mio", feature = "polling"))]
mod shared;
#[cfg(any(feature = "mio", feature = "polling"))]
mod socket;

pub(crate) use nowhere::Nowhere;

/// What a source has become ready for.
///
/// Readiness is edge-triggered: it is told once, and told again only after an
/// operation returned [`io::ErrorKind::WouldBlock`]. A world may tell more
/// often than needed, never less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The token the source was opened with.
    pub token: Token,
    /// A read, or an accept, may get on.
    pub readable: bool,
    /// A write, or a connect, may get on.
    pub writable: bool,
    /// The peer has ended its side (or the socket has failed): a short read
    /// is not the sign of an empty buffer any more.
    pub hangup: bool,
}

/// How one [`World::wait`] may pass its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Return after this long even if nothing became ready; `None` waits for
    /// readiness or a notification alone. Never return earlier for the sake
    /// of rounding: timers do not fire early.
    pub timeout: Option<Duration>,
    /// Whether a clock that is not the real one may leap over the wait. False
    /// while a helper thread owes us a result: real time has to pass then.
    pub may_leap: bool,
}

/// Ends a [`World::wait`] from any thread.
pub trait Notify: Send + Sync {
    /// Makes the wait under way, or else the next one, return at once.
    fn notify(&self);
}

/// The part of a world that waits, for a thread that does so in the loop's
/// stead: see [`WaitingThread`](crate::reactor::WaitingThread).
pub trait Waiter: Send {
    /// Waits at most `timeout` (`None`: as long as it takes) for readiness or
    /// a notification. What became ready is kept for the next
    /// [`World::wait`], which ends this one if it is still under way. Returns
    /// at once as long as that has not come for what was collected before.
    ///
    /// # Errors
    /// What the operating system reports.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()>;
}

/// The outside of one reactor.
///
/// Sockets are opened with the token under which their readiness is told, and
/// stop telling when they are dropped. All of them are non-blocking.
pub trait World {
    /// The time by this world's clock; it never runs backwards.
    fn now(&self) -> Instant;

    /// Waits for readiness and appends it to `ready`.
    ///
    /// # Errors
    /// What the operating system reports. An interrupted wait is not an
    /// error: it returns early with nothing.
    fn wait(&self, wait: Wait, ready: &mut Vec<Ready>) -> io::Result<()>;

    /// A handle that ends a wait from another thread.
    fn notifier(&self) -> Arc<dyn Notify>;

    /// What another thread waits with; `None` where that can't be, as in a
    /// world whose time is not the real one.
    fn waiter(&self) -> Option<Box<dyn Waiter>> {
        None
    }

    /// The descriptor that becomes readable when there is something to
    /// collect, where the system has one.
    #[cfg(unix)]
    fn as_fd(&self) -> Option<BorrowedFd<'_>>;

    /// Starts a TCP connection, from `local` if given. The connection stands
    /// when the stream becomes writable and [`Stream::take_error`] is `None`.
    ///
    /// # Errors
    /// Those of `socket(2)`, `bind(2)` and an immediately refused `connect(2)`.
    fn connect_tcp(
        &self,
        token: Token,
        peer: SocketAddr,
        local: Option<SocketAddr>,
    ) -> io::Result<Box<dyn Stream>>;

    /// Listens for TCP connections on `local` (with `SO_REUSEADDR` on Unix).
    ///
    /// # Errors
    /// Those of `bind(2)` and `listen(2)`.
    fn listen_tcp(&self, token: Token, local: SocketAddr) -> io::Result<Box<dyn Listener>>;

    /// Opens a UDP socket on `local`.
    ///
    /// # Errors
    /// Those of `bind(2)`.
    fn bind_udp(&self, token: Token, local: SocketAddr) -> io::Result<Box<dyn Datagram>>;

    /// Starts a connection to a Unix-domain socket.
    ///
    /// # Errors
    /// Those of `connect(2)`.
    #[cfg(unix)]
    fn connect_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Stream>>;

    /// Listens on a Unix-domain socket at `path`.
    ///
    /// # Errors
    /// Those of `bind(2)` and `listen(2)`.
    #[cfg(unix)]
    fn listen_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Listener>>;

    /// Takes over a connected stream somebody else has made.
    ///
    /// # Errors
    /// If it can't be made non-blocking or can't be watched; a world without
    /// real sockets answers [`io::ErrorKind::Unsupported`].
    fn adopt(&self, token: Token, socket: Adopted) -> io::Result<Box<dyn Stream>>;
}

/// A connected socket from outside, on its way into a world.
#[derive(Debug)]
pub enum Adopted {
    /// A TCP connection.
    Tcp(std::net::TcpStream),
    /// A Unix-domain connection, or one end of a pair.
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
}

/// The address of one end of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A TCP address.
    Inet(SocketAddr),
    /// A Unix-domain path; `None` for an unnamed socket.
    #[cfg(unix)]
    Unix(Option<PathBuf>),
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Inet(addr) => addr.fmt(f),
            #[cfg(unix)]
            Address::Unix(Some(path)) => path.display().fmt(f),
            #[cfg(unix)]
            Address::Unix(None) => f.write_str("(unnamed)"),
        }
    }
}

/// A connected, ordered byte stream.
pub trait Stream {
    /// As `read(2)`.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is there.
    fn read(&self, into: &mut [u8]) -> io::Result<usize>;
    /// As `writev(2)`.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is no room.
    fn write(&self, from: &[io::IoSlice<'_>]) -> io::Result<usize>;
    /// Whether a read or write that came up short counts as a would-block:
    /// the buffer is empty (or full), and the next change will be told.
    /// Worlds that can't tell a hangup together with the last bytes say no.
    fn short_drains(&self) -> bool;
    /// Ends one side or both.
    ///
    /// # Errors
    /// Those of `shutdown(2)`.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
    /// The pending error of the socket (`SO_ERROR`), cleared by asking.
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    fn take_error(&self) -> io::Result<Option<io::Error>>;
    /// This end's address.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    fn local_addr(&self) -> io::Result<Address>;
    /// The other end's address.
    ///
    /// # Errors
    /// Those of `getpeername(2)`: not connected (yet).
    fn peer_addr(&self) -> io::Result<Address>;
    /// Sends small writes at once (`TCP_NODELAY`); no effect where there is
    /// no such thing.
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    fn set_nodelay(&self, on: bool) -> io::Result<()>;
}

/// A socket that accepts streams.
pub trait Listener {
    /// Takes the next waiting connection; its readiness is told under `token`.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if none is waiting.
    fn accept(&self, token: Token) -> io::Result<(Box<dyn Stream>, Address)>;
    /// The address listened on, with the port the system chose.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    fn local_addr(&self) -> io::Result<Address>;
}

/// A UDP socket.
pub trait Datagram {
    /// Fixes the peer: from then on `send` and `recv` speak with it alone.
    ///
    /// # Errors
    /// Those of `connect(2)`.
    fn connect(&self, peer: SocketAddr) -> io::Result<()>;
    /// Receives one datagram; what does not fit is lost.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if none is there; on a connected socket
    /// also the peer's refusals.
    fn recv_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
    /// Sends one datagram, to the fixed peer if `peer` is `None`.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is no room.
    fn send_to(&self, from: &[u8], peer: Option<SocketAddr>) -> io::Result<usize>;
    /// Whether every arrival is told, even while earlier datagrams wait to be
    /// received: who has got all that it expects may then
    /// [`clear`](crate::Source::clear) the readiness without having met a
    /// would-block, which saves a call.
    fn tells_each(&self) -> bool {
        false
    }
    /// This end's address.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// Which of the compiled-in pollers a real world waits with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Poller {
    /// The `mio` crate (feature `mio`, on by default).
    #[cfg(feature = "mio")]
    Mio,
    /// The `polling` crate (feature `polling`).
    #[cfg(feature = "polling")]
    Polling,
}

impl Poller {
    /// The poller of reactors that were not told another: the one named by
    /// the environment variable `EVCORE_POLLER` (`mio` or `polling`) if it is
    /// compiled in, else mio, else polling.
    pub fn chosen() -> Poller {
        match std::env::var("EVCORE_POLLER").as_deref() {
            #[cfg(feature = "polling")]
            Ok("polling") => Poller::Polling,
            #[cfg(feature = "mio")]
            _ => Poller::Mio,
            #[cfg(not(feature = "mio"))]
            _ => Poller::Polling,
        }
    }

    /// Opens the real world, watched by this poller.
    ///
    /// # Errors
    /// If the system gives no more descriptors.
    pub fn open(self) -> io::Result<Box<dyn World>> {
        match self {
            #[cfg(feature = "mio")]
            Poller::Mio => Ok(Box::new(mio::RealWorld::open()?)),
            #[cfg(feature = "polling")]
            Poller::Polling => Ok(Box::new(polling::RealWorld::open()?)),
        }
    }
}

#[cfg(not(any(feature = "mio", feature = "polling")))]
compile_error!("evcore needs a poller: turn on its feature `mio` or its feature `polling`");

#[cfg(test)]
mod tests;
