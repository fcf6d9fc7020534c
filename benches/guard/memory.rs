//! A world without a system under it: the other end of each connection is a few lines of this file, and the clock stands
//! still. What it costs itself is a copy and a push per call.

use evcore::Token;
use evcore::sys::{Address, Adopted, Datagram, Listener, Notify, Ready, Stream, Wait, World};
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

const REQUEST: &[u8] = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\nHello, world!";

/// As many requests as evbench keeps under way on a connection.
const PIPELINE: usize = 16;
const PIPELINED: &[u8] = {
    let requests: &'static [[u8; REQUEST.len()]] = &[REQUEST_BYTES; PIPELINE];
    requests.as_flattened()
};
const REQUEST_BYTES: [u8; REQUEST.len()] = *REQUEST.first_chunk().unwrap();

/// How long the body of a response is.
pub(crate) const BODY: u64 = 13;

/// Who is at the other end.
#[derive(Clone, Copy)]
pub(crate) enum Peer {
    /// Answers every head it hears.
    Server,
    /// Asks so often in all, over as many connections as are kept busy, each time after an answer.
    Client { asks: u64 },
    /// As a client, but as many times at once as a pipeline holds.
    Pipeline { asks: u64 },
}

impl Peer {
    /// What a client says at once, and how many requests that is.
    fn burst(self) -> (&'static [u8], u64) {
        match self {
            Peer::Pipeline { .. } => (PIPELINED, PIPELINE as u64),
            _ => (REQUEST, 1),
        }
    }
}

/// What all sockets of the world share.
struct Shared {
    ready: RefCell<Vec<Ready>>,
    /// How many requests are still to be made.
    asks: Cell<u64>,
}

impl Shared {
    fn tell(&self, token: Token, writable: bool) {
        self.ready.borrow_mut().push(Ready {
            token,
            readable: true,
            writable,
            hangup: false,
        });
    }

    /// So many requests fewer; false if all are made.
    fn ask(&self, requests: u64) -> bool {
        let left = self.asks.get();
        self.asks.set(left.saturating_sub(requests));
        left > 0
    }
}

pub(crate) struct Memory {
    shared: Rc<Shared>,
    peer: Peer,
    now: Instant,
}

impl Memory {
    pub(crate) fn new(peer: Peer) -> Memory {
        let asks = match peer {
            Peer::Client { asks } | Peer::Pipeline { asks } => asks,
            Peer::Server => 0,
        };
        let shared = Shared {
            ready: RefCell::default(),
            asks: Cell::new(asks),
        };
        Memory {
            shared: Rc::new(shared),
            peer,
            now: Instant::now(),
        }
    }
}

struct Nobody;

impl Notify for Nobody {
    fn notify(&self) {}
}

fn unsupported<S>() -> io::Result<S> {
    Err(ErrorKind::Unsupported.into())
}

impl World for Memory {
    fn now(&self) -> Instant {
        self.now
    }

    fn wait(&self, wait: Wait, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.append(&mut self.shared.ready.borrow_mut());
        match ready.is_empty() && wait.timeout.is_none() {
            // Nobody else could ever end this wait.
            true => Err(ErrorKind::TimedOut.into()),
            false => Ok(()),
        }
    }

    fn notifier(&self) -> Arc<dyn Notify> {
        Arc::new(Nobody)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn connect_tcp(
        &self,
        token: Token,
        peer: SocketAddr,
        _: Option<SocketAddr>,
    ) -> io::Result<Box<dyn Stream>> {
        self.shared.tell(token, true);
        Ok(Box::new(Line {
            shared: self.shared.clone(),
            token,
            peer,
            kind: self.peer,
            incoming: Cell::new(&[]),
        }))
    }

    fn listen_tcp(&self, token: Token, local: SocketAddr) -> io::Result<Box<dyn Listener>> {
        self.shared.tell(token, false);
        Ok(Box::new(Door {
            shared: self.shared.clone(),
            kind: self.peer,
            local,
            left: Cell::new(crate::CONNECTIONS),
        }))
    }

    fn bind_udp(&self, _: Token, _: SocketAddr) -> io::Result<Box<dyn Datagram>> {
        unsupported()
    }

    fn connect_unix(&self, _: Token, _: &Path) -> io::Result<Box<dyn Stream>> {
        unsupported()
    }

    fn listen_unix(&self, _: Token, _: &Path) -> io::Result<Box<dyn Listener>> {
        unsupported()
    }

    fn adopt(&self, _: Token, _: Adopted) -> io::Result<Box<dyn Stream>> {
        unsupported()
    }
}

/// A connection. Each write of ours is a whole message, because a head and a small body leave in one call.
struct Line {
    shared: Rc<Shared>,
    token: Token,
    peer: SocketAddr,
    kind: Peer,
    incoming: Cell<&'static [u8]>,
}

impl Line {
    fn say(&self, message: &'static [u8]) {
        self.incoming.set(message);
        self.shared.tell(self.token, false);
    }
}

impl Stream for Line {
    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let from = self.incoming.get();
        let length = from.len().min(into.len());
        if length == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        into[..length].copy_from_slice(&from[..length]);
        self.incoming.set(&from[length..]);
        Ok(length)
    }

    fn write(&self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        let (burst, requests) = self.kind.burst();
        match self.kind {
            Peer::Server => self.say(RESPONSE),
            _ if self.shared.ask(requests) => self.say(burst),
            _ => {}
        }
        Ok(from.iter().map(|piece| piece.len()).sum())
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
        Ok(Address::Inet(self.peer))
    }

    fn peer_addr(&self) -> io::Result<Address> {
        Ok(Address::Inet(self.peer))
    }

    fn set_nodelay(&self, _: bool) -> io::Result<()> {
        Ok(())
    }
}

/// A listener; as many clients as are kept busy knock at once, each with a first request.
struct Door {
    shared: Rc<Shared>,
    kind: Peer,
    local: SocketAddr,
    left: Cell<u64>,
}

impl Listener for Door {
    fn accept(&self, token: Token) -> io::Result<(Box<dyn Stream>, Address)> {
        let left = self.left.get();
        let (burst, requests) = self.kind.burst();
        if left == 0 || !self.shared.ask(requests) {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.left.set(left - 1);
        let line = Line {
            shared: self.shared.clone(),
            token,
            peer: self.local,
            kind: self.kind,
            incoming: Cell::new(&[]),
        };
        self.shared.tell(token, true);
        line.incoming.set(burst);
        Ok((Box::new(line), Address::Inet(self.local)))
    }

    fn local_addr(&self) -> io::Result<Address> {
        Ok(Address::Inet(self.local))
    }
}
