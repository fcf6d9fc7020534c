//! The real world watched by the `polling` crate.
//!
//! Where the system has edge-triggered readiness a socket is registered once;
//! elsewhere (poll(2), IOCP, event ports) it is armed again whenever an
//! operation would have blocked. Registering a source is `unsafe` in this
//! crate, hence here and nowhere else. Only translation lives here.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
#[cfg(unix)]
use std::os::fd::{AsRawFd as AsRawSocket, BorrowedFd};
#[cfg(unix)]
use std::os::unix::net::UnixListener;
#[cfg(windows)]
use std::os::windows::io::AsRawSocket;
#[cfg(unix)]
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use polling::{Event, Events, PollMode, Poller};

use super::shared::{Polls, Shared};
use super::socket::{self, AsSocket, Connected, Side};
use super::{Address, Adopted, Datagram, Listener, Notify, Ready, Stream, Wait, Waiter, World};
use crate::token::Token;

pub(super) struct RealWorld {
    watcher: Rc<Watcher>,
    poll: Shared<(Arc<Poller>, Events)>,
}

/// The poller and, without edges, what each source still waits to be told.
struct Watcher {
    poller: Arc<Poller>,
    edge: bool,
    armed: RefCell<HashMap<usize, Rc<Armed>>>,
}

/// Which directions of a one-shot source the poller is watching.
struct Armed {
    read: Cell<bool>,
    write: Cell<bool>,
}

struct Bell(Arc<Poller>);

impl Notify for Bell {
    fn notify(&self) {
        // Fails only if the descriptor is bad, which it is not while we own it.
        let _ = self.0.notify();
    }
}

impl Polls for (Arc<Poller>, Events) {
    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let (poller, events) = self;
        events.clear();
        let mut timeout = timeout;
        loop {
            match poller.wait(events, timeout) {
                // Its emulation over poll(2) may take back a notification of another thread's that is announced and
                // not written yet. That is a wake-up; but only a wait that ends well lets the next one be notified.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    timeout = Some(Duration::ZERO);
                }
                outcome => return outcome.map(drop),
            }
        }
    }
}

impl RealWorld {
    pub(super) fn open() -> io::Result<RealWorld> {
        let poller = Arc::new(Poller::new()?);
        let poll = Shared::new((Arc::clone(&poller), Events::new()));
        let watcher = Watcher {
            edge: poller.supports_edge(),
            poller,
            armed: RefCell::default(),
        };
        Ok(RealWorld {
            watcher: Rc::new(watcher),
            poll,
        })
    }
}

impl Watcher {
    fn watch<S>(self: &Rc<Watcher>, token: Token, socket: S) -> io::Result<Watched<S>>
    where
        S: AsRawSocket + AsSocket,
    {
        let key = token.to_usize();
        let mode = match self.edge {
            true => PollMode::Edge,
            false => PollMode::Oneshot,
        };
        // SAFETY: the source has to be deleted before it is closed. `Watched`
        // owns the socket from here on, never lends it out for keeps, and
        // deletes it in `drop`, before its fields go; if adding fails there
        // is nothing to delete.
        unsafe { self.poller.add_with_mode(&socket, Event::all(key), mode)? };
        Ok(Watched {
            socket,
            key,
            armed: (!self.edge).then(|| self.armed(key)),
            watcher: Rc::clone(self),
        })
    }

    /// Notes that this one-shot source is watched in both directions.
    fn armed(&self, key: usize) -> Rc<Armed> {
        let armed = Rc::new(Armed {
            read: Cell::new(true),
            write: Cell::new(true),
        });
        self.armed.borrow_mut().insert(key, Rc::clone(&armed));
        armed
    }

    fn ready(&self, event: Event) -> Ready {
        let mut ready = Ready {
            token: Token::from_usize(event.key),
            readable: event.readable,
            writable: event.writable,
            hangup: event.is_interrupt() || event.is_err() == Some(true),
        };
        // One event disarms both directions. Both are told, so that whoever
        // was waiting tries, would block, and arms its own direction again.
        if let Some(armed) = self.armed.borrow().get(&event.key) {
            armed.read.set(false);
            armed.write.set(false);
            (ready.readable, ready.writable) = (true, true);
        }
        ready
    }
}

impl World for RealWorld {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wait(&self, wait: Wait, into: &mut Vec<Ready>) -> io::Result<()> {
        let bell = Bell(Arc::clone(&self.watcher.poller));
        self.poll.wait(wait.timeout, &bell, |(_, events)| {
            into.extend(events.iter().map(|event| self.watcher.ready(event)))
        })
    }

    fn waiter(&self) -> Option<Box<dyn Waiter>> {
        Some(self.poll.waiter())
    }

    fn notifier(&self) -> Arc<dyn Notify> {
        Arc::new(Bell(Arc::clone(&self.watcher.poller)))
    }

    #[cfg(unix)]
    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        // A poll(2) loop has no descriptor to show.
        #[cfg(polling_test_poll_backend)]
        return None;
        #[cfg(not(polling_test_poll_backend))]
        return Some(std::os::fd::AsFd::as_fd(&*self.watcher.poller));
    }

    fn connect_tcp(
        &self,
        token: Token,
        peer: SocketAddr,
        local: Option<SocketAddr>,
    ) -> io::Result<Box<dyn Stream>> {
        let socket = socket::connect_tcp(peer, local)?;
        Ok(Box::new(self.watcher.watch(token, socket)?))
    }

    fn listen_tcp(&self, token: Token, local: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let socket = socket::listen_tcp(local)?;
        Ok(Box::new(self.watcher.watch(token, socket)?))
    }

    fn bind_udp(&self, token: Token, local: SocketAddr) -> io::Result<Box<dyn Datagram>> {
        let socket = socket::bind_udp(local)?;
        Ok(Box::new(self.watcher.watch(token, socket)?))
    }

    #[cfg(unix)]
    fn connect_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Stream>> {
        let socket = socket::connect_unix(path)?;
        Ok(Box::new(self.watcher.watch(token, socket)?))
    }

    #[cfg(unix)]
    fn listen_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Listener>> {
        let socket = socket::listen_unix(path)?;
        Ok(Box::new(self.watcher.watch(token, socket)?))
    }

    fn adopt(&self, token: Token, socket: Adopted) -> io::Result<Box<dyn Stream>> {
        match socket {
            Adopted::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                Ok(Box::new(self.watcher.watch(token, socket)?))
            }
            #[cfg(unix)]
            Adopted::Unix(socket) => {
                socket.set_nonblocking(true)?;
                Ok(Box::new(self.watcher.watch(token, socket)?))
            }
        }
    }
}

/// A socket the poller knows.
struct Watched<S: AsSocket> {
    socket: S,
    key: usize,
    /// `None` with edges: the poller needs no reminding.
    armed: Option<Rc<Armed>>,
    watcher: Rc<Watcher>,
}

impl<S: AsSocket> Watched<S> {
    /// Passes an outcome on; if it is a would-block, asks to be told again.
    fn rearm<T>(&self, side: Side, outcome: io::Result<T>) -> io::Result<T> {
        match &outcome {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.arm(side)?,
            _ => {}
        }
        outcome
    }

    fn arm(&self, side: Side) -> io::Result<()> {
        let Some(armed) = &self.armed else {
            return Ok(());
        };
        let flag = match side {
            Side::Read => &armed.read,
            Side::Write => &armed.write,
        };
        if flag.replace(true) {
            return Ok(());
        }
        let interest = Event::new(self.key, armed.read.get(), armed.write.get());
        self.watcher.poller.modify(&self.socket, interest)
    }
}

impl<S: AsSocket> Drop for Watched<S> {
    fn drop(&mut self) {
        let _ = self.watcher.poller.delete(&self.socket);
        let Some(ours) = &self.armed else {
            return;
        };
        // Where a key is the bare slot number its next owner may be in already.
        let mut table = self.watcher.armed.borrow_mut();
        if table.get(&self.key).is_some_and(|at| Rc::ptr_eq(at, ours)) {
            table.remove(&self.key);
        }
    }
}

impl<S: AsSocket> Connected for Watched<S> {
    type Socket = S;

    // epoll is not asked for RDHUP by this crate: the end of a stream can
    // come together with its last bytes and would be told no second time.
    const SHORT_DRAINS: bool = false;

    fn socket(&self) -> &S {
        &self.socket
    }

    fn outcome(&self, side: Side, outcome: io::Result<usize>) -> io::Result<usize> {
        self.rearm(side, outcome)
    }
}

impl Listener for Watched<TcpListener> {
    fn accept(&self, token: Token) -> io::Result<(Box<dyn Stream>, Address)> {
        let (socket, peer) = self.rearm(Side::Read, self.socket.accept())?;
        socket.set_nonblocking(true)?;
        let socket = self.watcher.watch(token, socket)?;
        Ok((Box::new(socket), Address::Inet(peer)))
    }

    fn local_addr(&self) -> io::Result<Address> {
        socket::local_address(&self.socket)
    }
}

#[cfg(unix)]
impl Listener for Watched<UnixListener> {
    fn accept(&self, token: Token) -> io::Result<(Box<dyn Stream>, Address)> {
        let (socket, peer) = self.rearm(Side::Read, self.socket.accept())?;
        socket.set_nonblocking(true)?;
        let socket = self.watcher.watch(token, socket)?;
        let peer = peer.as_pathname().map(Path::to_path_buf);
        Ok((Box::new(socket), Address::Unix(peer)))
    }

    fn local_addr(&self) -> io::Result<Address> {
        socket::local_address(&self.socket)
    }
}

impl Datagram for Watched<UdpSocket> {
    fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        self.socket.connect(peer)
    }

    fn recv_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.rearm(Side::Read, self.socket.recv_from(into))
    }

    fn send_to(&self, from: &[u8], peer: Option<SocketAddr>) -> io::Result<usize> {
        let sent = match peer {
            Some(peer) => self.socket.send_to(from, peer),
            None => self.socket.send(from),
        };
        self.rearm(Side::Write, sent)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}
