//! The real world watched by the `mio` crate: epoll, kqueue, event ports,
//! IOCP, or poll(2).
//!
//! A socket is registered once, in both directions, edge-triggered. Only
//! translation lives here: tokens, events and sockets in the seam's terms.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::BorrowedFd;
#[cfg(unix)]
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::{Event, Source};
use mio::net::{TcpListener, TcpStream, UdpSocket};
#[cfg(unix)]
use mio::net::{UnixListener, UnixStream};
use mio::{Events, Interest, Poll, Registry, Waker};

use super::shared::{Polls, Shared};
use super::socket::{self, AsSocket, Connected, Side};
use super::{Address, Adopted, Datagram, Listener, Notify, Ready, Stream, Wait, Waiter, World};
use crate::limits::EVENTS;
use crate::token::Token;

/// The waker's token. No source has it: a generation never gets that far.
const WAKER: mio::Token = mio::Token(usize::MAX);

pub(super) struct RealWorld {
    poll: Shared<(Poll, Events)>,
    registry: Rc<Registry>,
    waker: Arc<Bell>,
}

struct Bell(Waker);

impl Notify for Bell {
    fn notify(&self) {
        // Fails only if the descriptor is bad, which it is not while we own it.
        let _ = self.0.wake();
    }
}

impl Polls for (Poll, Events) {
    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let (poll, events) = self;
        // mio rounds the timeout up to what its poller can measure.
        match poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            outcome => outcome,
        }
    }
}

impl RealWorld {
    pub(super) fn open() -> io::Result<RealWorld> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = Waker::new(&registry, WAKER)?;
        Ok(RealWorld {
            poll: Shared::new((poll, Events::with_capacity(EVENTS))),
            registry: Rc::new(registry),
            waker: Arc::new(Bell(waker)),
        })
    }
}

/// Registers a socket for good; dropping what comes back ends it.
fn watch<S: Source>(
    registry: &Rc<Registry>,
    token: Token,
    mut socket: S,
) -> io::Result<Watched<S>> {
    let both = Interest::READABLE | Interest::WRITABLE;
    registry.register(&mut socket, mio::Token(token.to_usize()), both)?;
    Ok(Watched {
        socket,
        registry: Rc::clone(registry),
        shared: false,
    })
}

fn ready(event: &Event) -> Ready {
    let hangup = event.is_read_closed() || event.is_error();
    Ready {
        token: Token::from_usize(event.token().0),
        readable: event.is_readable() || hangup,
        writable: event.is_writable() || event.is_write_closed() || event.is_error(),
        hangup,
    }
}

impl World for RealWorld {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wait(&self, wait: Wait, into: &mut Vec<Ready>) -> io::Result<()> {
        self.poll.wait(wait.timeout, &*self.waker, |(_, events)| {
            let told = events.iter().filter(|event| event.token() != WAKER);
            into.extend(told.map(ready));
        })
    }

    fn waiter(&self) -> Option<Box<dyn Waiter>> {
        Some(self.poll.waiter())
    }

    fn notifier(&self) -> Arc<dyn Notify> {
        Arc::clone(&self.waker) as Arc<dyn Notify>
    }

    #[cfg(unix)]
    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        // mio's emulation over poll(2) has no descriptor to show.
        #[cfg(mio_unsupported_force_poll_poll)]
        return None;
        #[cfg(not(mio_unsupported_force_poll_poll))]
        return Some(std::os::fd::AsFd::as_fd(&*self.registry));
    }

    fn connect_tcp(
        &self,
        token: Token,
        peer: SocketAddr,
        local: Option<SocketAddr>,
    ) -> io::Result<Box<dyn Stream>> {
        let socket = TcpStream::from_std(socket::connect_tcp(peer, local)?);
        Ok(Box::new(watch(&self.registry, token, socket)?))
    }

    fn listen_tcp(&self, token: Token, local: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let socket = TcpListener::from_std(socket::listen_tcp(local)?);
        Ok(Box::new(watch(&self.registry, token, socket)?))
    }

    fn bind_udp(&self, token: Token, local: SocketAddr) -> io::Result<Box<dyn Datagram>> {
        let socket = UdpSocket::from_std(socket::bind_udp(local)?);
        Ok(Box::new(watch(&self.registry, token, socket)?))
    }

    #[cfg(unix)]
    fn connect_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Stream>> {
        let socket = UnixStream::from_std(socket::connect_unix(path)?);
        Ok(Box::new(watch(&self.registry, token, socket)?))
    }

    #[cfg(unix)]
    fn listen_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Listener>> {
        let socket = UnixListener::from_std(socket::listen_unix(path)?);
        Ok(Box::new(watch(&self.registry, token, socket)?))
    }

    fn adopt(&self, token: Token, socket: Adopted) -> io::Result<Box<dyn Stream>> {
        match socket {
            Adopted::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                let mut watched = watch(&self.registry, token, TcpStream::from_std(socket))?;
                watched.shared = true;
                Ok(Box::new(watched))
            }
            #[cfg(unix)]
            Adopted::Unix(socket) => {
                socket.set_nonblocking(true)?;
                let mut watched = watch(&self.registry, token, UnixStream::from_std(socket))?;
                watched.shared = true;
                Ok(Box::new(watched))
            }
        }
    }
}

/// A socket registered with the poller.
struct Watched<S: Source> {
    socket: S,
    registry: Rc<Registry>,
    /// Others may hold duplicates of the descriptor, so that closing ours is
    /// not the end of it and the kernel has to be told.
    shared: bool,
}

impl<S: Source> Drop for Watched<S> {
    fn drop(&mut self) {
        if self.shared {
            let _ = self.registry.deregister(&mut self.socket);
        }
    }
}

/// The true edge-triggered pollers see every arrival; where mio only imitates
/// edges it arms a source again upon would-block alone. (The same systems as in
/// tokio's `PollEvented`.)
const EDGES: bool = cfg!(all(
    not(mio_unsupported_force_poll_poll),
    any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "netbsd",
        target_os = "openbsd",
        target_vendor = "apple",
    )
));

impl<S: Source + AsSocket> Connected for Watched<S> {
    type Socket = S;

    const SHORT_DRAINS: bool = EDGES;

    fn socket(&self) -> &S {
        &self.socket
    }

    fn outcome(&self, _: Side, outcome: io::Result<usize>) -> io::Result<usize> {
        outcome // mio's own sockets take note of a would-block
    }
}

impl Listener for Watched<TcpListener> {
    fn accept(&self, token: Token) -> io::Result<(Box<dyn Stream>, Address)> {
        let (socket, peer) = self.socket.accept()?;
        let socket = watch(&self.registry, token, socket)?;
        Ok((Box::new(socket), Address::Inet(peer)))
    }

    fn local_addr(&self) -> io::Result<Address> {
        socket::local_address(&self.socket)
    }
}

#[cfg(unix)]
impl Listener for Watched<UnixListener> {
    fn accept(&self, token: Token) -> io::Result<(Box<dyn Stream>, Address)> {
        let (socket, peer) = self.socket.accept()?;
        let socket = watch(&self.registry, token, socket)?;
        let peer = Address::Unix(peer.as_pathname().map(Path::to_path_buf));
        Ok((Box::new(socket), peer))
    }

    fn local_addr(&self) -> io::Result<Address> {
        socket::local_address(&self.socket)
    }
}

impl Datagram for Watched<UdpSocket> {
    fn tells_each(&self) -> bool {
        EDGES
    }

    fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        self.socket.connect(peer)
    }

    fn recv_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.recv_from(into)
    }

    fn send_to(&self, from: &[u8], peer: Option<SocketAddr>) -> io::Result<usize> {
        match peer {
            Some(peer) => self.socket.send_to(from, peer),
            None => self.socket.send(from),
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}
