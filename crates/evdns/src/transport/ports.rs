//! Datagrams, from ports that change all the time: a forger has to guess port, id and letters.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::Instant;

use evcore::sys::Datagram;
use evcore::{Direction, Reactor, Source, sleep_until, spawn};

use super::cookie::Cookies;
use super::expected::{Expected, Expecting};
use super::{Carrier, Outgoing};
use crate::limits::{PORT_AGE, PORT_QUERIES, PORTS, PORTS_REMEMBERED, RECEIVED};
use crate::query::Trouble;
use crate::random::Random;

/// The ports to one server.
pub(super) struct Ports {
    server: SocketAddr,
    places: Rc<RefCell<Vec<Option<Port>>>>,
    random: Rc<Random>,
    cookies: Rc<Cookies>,
    /// Where all of them receive.
    buffer: Rc<RefCell<[u8; RECEIVED]>>,
    /// Numbers of the last ports: not to be used again soon, or the two together carry more than one may.
    used: RefCell<VecDeque<u16>>,
    /// Somebody retires those that are old.
    swept: Rc<Cell<bool>>,
}

/// A connected socket on a port of the kernel's choice. Its reader has the same socket.
struct Port {
    socket: Rc<Socket>,
    expected: Rc<Expected>,
    /// Queries it may still carry.
    left: u8,
    expires: Instant,
}

/// A socket and its readiness by themselves: `evcore::net::UdpSocket` receives until would-block, where we know when
/// nothing more is to come.
struct Socket {
    datagrams: Box<dyn Datagram>,
    source: Source,
}

impl Socket {
    fn bind(local: SocketAddr) -> io::Result<Socket> {
        let open = |world: &dyn evcore::sys::World, token| world.bind_udp(token, local);
        let (source, datagrams) = Reactor::current().open(open)?;
        Ok(Socket { datagrams, source })
    }

    fn port(&self) -> io::Result<u16> {
        Ok(self.datagrams.local_addr()?.port())
    }
}

impl Drop for Port {
    /// Retired: closed when the last reply is in.
    fn drop(&mut self) {
        self.expected.tell_when_empty();
    }
}

impl Ports {
    pub(super) fn new(server: SocketAddr, random: Rc<Random>, cookies: Rc<Cookies>) -> Ports {
        let places = (0..PORTS).map(|_| None).collect();
        Ports {
            server,
            places: Rc::new(RefCell::new(places)),
            random,
            cookies,
            buffer: Rc::new(RefCell::new([0; RECEIVED])),
            used: RefCell::default(),
            swept: Rc::default(),
        }
    }

    pub(super) fn send(
        &self,
        outgoing: &Outgoing<'_>,
        write: impl FnOnce(u16) -> Vec<u8>,
    ) -> io::Result<Expecting> {
        let [place] = self.random.octets::<1>()?;
        let mut places = self.places.borrow_mut();
        let place = &mut places[usize::from(place) % PORTS];
        if place.as_ref().is_none_or(|port| port.expected.has_ended()) {
            *place = Some(self.open()?);
        }
        let Some(port) = place else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let id = port.expected.free_id(&self.random)?;
        let query = write(id);
        let sent = port.socket.datagrams.send_to(&query, None);
        let expecting = port.expected.expect(id, query, outgoing);
        port.left -= 1;
        if port.left == 0 || sent.is_err() {
            *place = None;
        }
        match sent {
            // A full buffer loses it on the way, as any network may: the next round sends it again.
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Err(error)
            }
            _ => Ok(expecting),
        }
    }

    /// Notes that a port is used now.
    fn was_used(&self, port: u16) -> bool {
        let mut used = self.used.borrow_mut();
        let again = used.contains(&port);
        if !again {
            used.push_back(port);
        }
        if used.len() > PORTS_REMEMBERED {
            used.pop_front();
        }
        again
    }

    fn open(&self) -> io::Result<Port> {
        let local: SocketAddr = match self.server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let mut socket = Socket::bind(local)?;
        for _ in 0..PORT_TRIES {
            if !self.was_used(socket.port()?) {
                break;
            }
            socket = Socket::bind(local)?;
        }
        socket.datagrams.connect(self.server)?;
        let socket = Rc::new(socket);
        let expected = Expected::new(Carrier::Datagrams, self.cookies.clone());
        let reader = Reader {
            socket: socket.clone(),
            expected: expected.clone(),
            buffer: self.buffer.clone(),
        };
        drop(spawn(async move {
            poll_fn(|cx| reader.poll(cx)).await;
            Ok(())
        }));
        let (fewest, most) = PORT_QUERIES;
        let [random] = self.random.octets::<1>()?;
        let left = fewest + random % (most - fewest + 1);
        let expires = Reactor::current().now() + PORT_AGE;
        if !self.swept.replace(true) {
            drop(spawn(sweep(
                Rc::downgrade(&self.places),
                self.swept.clone(),
            )));
        }
        Ok(Port {
            socket,
            expected,
            left,
            expires,
        })
    }
}

/// How often the kernel is asked for another port: it gives one of the last few in a hundred times.
const PORT_TRIES: usize = 3;

/// Retires ports when they are old, for as long as there are any.
async fn sweep(
    places: Weak<RefCell<Vec<Option<Port>>>>,
    swept: Rc<Cell<bool>>,
) -> evcore::Result<()> {
    loop {
        let next = places.upgrade().and_then(|places| {
            let now = Reactor::current().now();
            let mut places = places.borrow_mut();
            for place in places.iter_mut() {
                if place.as_ref().is_some_and(|port| port.expires <= now) {
                    *place = None;
                }
            }
            places.iter().flatten().map(|port| port.expires).min()
        });
        match next {
            Some(next) => sleep_until(next).await?,
            None => {
                swept.set(false);
                return Ok(());
            }
        }
    }
}

/// Reads one socket until it is retired and nothing more is expected.
struct Reader {
    socket: Rc<Socket>,
    expected: Rc<Expected>,
    buffer: Rc<RefCell<[u8; RECEIVED]>>,
}

impl Reader {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.expected.read_by(cx.waker());
        let Socket { datagrams, source } = &*self.socket;
        let buffer = &mut *self.buffer.borrow_mut();
        loop {
            match source.poll_ready(Direction::Read, cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    self.expected.end(Trouble::Refused);
                    return Poll::Ready(());
                }
                Poll::Pending if self.expected.is_over() => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
            match datagrams.recv_from(buffer) {
                Ok((length, _)) => {
                    source.moved(length);
                    self.expected.hear(&mut buffer[..length]);
                    // Whatever else comes is told again: no need to find out that nothing is left.
                    if datagrams.tells_each() && !self.expected.awaits_any() {
                        source.clear(Direction::Read);
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => source.clear(Direction::Read),
                    io::ErrorKind::Interrupted => {}
                    // The server's host says that nobody listens.
                    io::ErrorKind::ConnectionRefused => self.expected.lose(Trouble::Refused),
                    // The network is gone, or forbidden, if only for now: the next query opens another port.
                    _ => {
                        self.expected.end(Trouble::Refused);
                        return Poll::Ready(());
                    }
                },
            }
        }
    }
}
