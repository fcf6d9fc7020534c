//! A real world whose datagrams fail when a test says so.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use evcore::sys::{Adopted, Datagram, Listener, Notify, Poller, Ready, Stream, Wait, World};
use evcore::{Reactor, Token};

/// The errors that sockets have from now on.
#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) receiving: Cell<Option<io::ErrorKind>>,
    /// By the system's number.
    pub(crate) opening: Cell<Option<i32>>,
}

impl Faults {
    /// A reactor on a world that has them.
    pub(crate) fn reactor() -> (Reactor, Rc<Faults>) {
        let faults = Rc::new(Faults::default());
        let faulty = Faulty {
            inner: Poller::chosen().open().unwrap(),
            faults: faults.clone(),
        };
        let reactor = Reactor::builder().world(faulty).build().unwrap();
        (reactor, faults)
    }
}

struct Faulty {
    inner: Box<dyn World>,
    faults: Rc<Faults>,
}

impl World for Faulty {
    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn wait(&self, wait: Wait, ready: &mut Vec<Ready>) -> io::Result<()> {
        self.inner.wait(wait, ready)
    }

    fn notifier(&self) -> Arc<dyn Notify> {
        self.inner.notifier()
    }

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
        match self.faults.opening.get() {
            Some(number) => Err(io::Error::from_raw_os_error(number)),
            None => Ok(Box::new(Socket {
                inner: self.inner.bind_udp(token, local)?,
                faults: self.faults.clone(),
            })),
        }
    }

    fn connect_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Stream>> {
        self.inner.connect_unix(token, path)
    }

    fn listen_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Listener>> {
        self.inner.listen_unix(token, path)
    }

    fn adopt(&self, token: Token, socket: Adopted) -> io::Result<Box<dyn Stream>> {
        self.inner.adopt(token, socket)
    }
}

struct Socket {
    inner: Box<dyn Datagram>,
    faults: Rc<Faults>,
}

impl Datagram for Socket {
    fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        self.inner.connect(peer)
    }

    /// What has come is lost with the error.
    fn recv_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = self.inner.recv_from(into)?;
        match self.faults.receiving.get() {
            Some(kind) => Err(kind.into()),
            None => Ok(received),
        }
    }

    fn send_to(&self, from: &[u8], peer: Option<SocketAddr>) -> io::Result<usize> {
        self.inner.send_to(from, peer)
    }

    fn tells_each(&self) -> bool {
        self.inner.tells_each()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}
