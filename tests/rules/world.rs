//! A real world that counts what the reactor asks of it, and can be told what
//! to answer: the clock reads, waits and notifications of a turn, and
//! readiness for any token. Its peers may be endless. Nothing else is different.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use evcore::sys::{
    Address, Adopted, Datagram, Listener, Notify, Poller, Ready, Stream, Wait, World,
};
use evcore::{Reactor, Token};

/// What has been asked, and what is to be told.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) waits: RefCell<Vec<Option<Duration>>>,
    pub(crate) clock_reads: Cell<usize>,
    pub(crate) tell: RefCell<Vec<Ready>>,
    /// Connects lead to a peer that never stops sending and takes everything,
    /// and listeners have always one more connection.
    pub(crate) endless: Cell<bool>,
    notified: Arc<AtomicUsize>,
}

impl Watch {
    /// A reactor that stands on the watched world.
    pub(crate) fn reactor() -> (Reactor, Rc<Watch>) {
        let watch = Rc::new(Watch::default());
        let inner = Poller::chosen().open().unwrap();
        let watched = Watched {
            inner,
            watch: watch.clone(),
        };
        let reactor = Reactor::builder().world(watched).build().unwrap();
        (reactor, watch)
    }

    /// How many system calls were made to end a wait.
    pub(crate) fn notified(&self) -> usize {
        self.notified.load(Ordering::SeqCst)
    }

    pub(crate) fn ready(&self, token: Token) {
        let (readable, writable, hangup) = (true, true, false);
        self.tell.borrow_mut().push(Ready {
            token,
            readable,
            writable,
            hangup,
        });
    }
}

struct Watched {
    inner: Box<dyn World>,
    watch: Rc<Watch>,
}

struct Counted {
    inner: Arc<dyn Notify>,
    notified: Arc<AtomicUsize>,
}

impl Notify for Counted {
    fn notify(&self) {
        self.notified.fetch_add(1, Ordering::SeqCst);
        self.inner.notify();
    }
}

/// A peer without end.
struct Endless;

impl Endless {
    fn address() -> Address {
        Address::Inet(([127, 0, 0, 1], 1).into())
    }
}

impl Stream for Endless {
    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        Ok(into.len())
    }

    fn write(&self, from: &[io::IoSlice<'_>]) -> io::Result<usize> {
        Ok(from.iter().map(|slice| slice.len()).sum())
    }

    fn short_drains(&self) -> bool {
        true
    }

    fn shutdown(&self, _: Shutdown) -> io::Result<()> {
        Ok(())
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }

    fn local_addr(&self) -> io::Result<Address> {
        Ok(Endless::address())
    }

    fn peer_addr(&self) -> io::Result<Address> {
        Ok(Endless::address())
    }

    fn set_nodelay(&self, _: bool) -> io::Result<()> {
        Ok(())
    }
}

impl Listener for Endless {
    fn accept(&self, _: Token) -> io::Result<(Box<dyn Stream>, Address)> {
        Ok((Box::new(Endless), Endless::address()))
    }

    fn local_addr(&self) -> io::Result<Address> {
        Ok(Endless::address())
    }
}

impl World for Watched {
    fn now(&self) -> Instant {
        self.watch.clock_reads.set(self.watch.clock_reads.get() + 1);
        self.inner.now()
    }

    fn wait(&self, wait: Wait, ready: &mut Vec<Ready>) -> io::Result<()> {
        self.watch.waits.borrow_mut().push(wait.timeout);
        let told = self.watch.tell.take();
        let timeout = if told.is_empty() {
            wait.timeout
        } else {
            Some(Duration::ZERO)
        };
        self.inner.wait(Wait { timeout, ..wait }, ready)?;
        ready.extend(told);
        Ok(())
    }

    fn notifier(&self) -> Arc<dyn Notify> {
        let (inner, notified) = (self.inner.notifier(), self.watch.notified.clone());
        Arc::new(Counted { inner, notified })
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
        if self.watch.endless.get() {
            self.watch.ready(token);
            return Ok(Box::new(Endless));
        }
        self.inner.connect_tcp(token, peer, local)
    }

    fn listen_tcp(&self, token: Token, local: SocketAddr) -> io::Result<Box<dyn Listener>> {
        if self.watch.endless.get() {
            self.watch.ready(token);
            return Ok(Box::new(Endless));
        }
        self.inner.listen_tcp(token, local)
    }

    fn bind_udp(&self, token: Token, local: SocketAddr) -> io::Result<Box<dyn Datagram>> {
        self.inner.bind_udp(token, local)
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
