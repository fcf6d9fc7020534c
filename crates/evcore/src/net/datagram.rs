//! UDP sockets, with both doors.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::gate::Gate;
use super::line::{self, Lined, Lines};
use crate::{Direction, Promise, Reactor, sys};

/// A UDP socket.
///
/// Cheap to clone; closed when the last clone is dropped and the last
/// promised operation has ended. `poll_*` let one task wait in each
/// direction: a second one replaces the first. Promised operations keep a
/// line instead, but must not be mixed with `poll_*` in one direction.
///
/// ```
/// use evcore::net::UdpSocket;
///
/// let a = UdpSocket::bind(([127, 0, 0, 1], 0))?;
/// let b = UdpSocket::bind(([127, 0, 0, 1], 0))?;
/// a.send_to("hello", b.local_addr()?);
/// let (bytes, from) = evcore::run(b.recv_from(512))?;
/// assert_eq!((&bytes[..], from), (&b"hello"[..], a.local_addr()?));
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Clone)]
pub struct UdpSocket {
    mailbox: Rc<Mailbox>,
}

/// What the clones of a UDP socket share.
struct Mailbox {
    socket: Box<dyn sys::Datagram>,
    gate: Gate,
    lines: Lines,
}

impl Lined for Mailbox {
    fn lines(&self) -> &Lines {
        &self.lines
    }
}

impl Mailbox {
    fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let receive = || self.socket.recv_from(into);
        let outcome = self.gate.poll(Direction::Read, cx, receive);
        outcome.map_ok(|(length, from)| {
            self.gate.moved(length);
            (length, from)
        })
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        from: &[u8],
        peer: Option<SocketAddr>,
    ) -> Poll<io::Result<usize>> {
        let send = || self.socket.send_to(from, peer);
        let outcome = self.gate.poll(Direction::Write, cx, send);
        outcome.map_ok(|length| {
            self.gate.moved(length);
            length
        })
    }
}

impl UdpSocket {
    /// Opens a socket on `local`, on the current reactor. Port 0 has the
    /// system choose one.
    ///
    /// # Errors
    /// Those of `bind(2)`.
    pub fn bind(local: impl Into<SocketAddr>) -> io::Result<UdpSocket> {
        let local = local.into();
        let bind = |world: &dyn sys::World, token| world.bind_udp(token, local);
        let (source, socket) = Reactor::current().open(bind)?;
        let mailbox = Mailbox {
            socket,
            lines: Lines::new(&source.reactor()),
            gate: Gate::new(source),
        };
        Ok(UdpSocket {
            mailbox: Rc::new(mailbox),
        })
    }

    /// Fixes the peer: only its datagrams are received, and [`send`]
    /// goes to it. A peer that refuses makes the next operation fail.
    ///
    /// # Errors
    /// Those of `connect(2)`.
    ///
    /// [`send`]: UdpSocket::send
    pub fn connect(&self, peer: impl Into<SocketAddr>) -> io::Result<()> {
        self.mailbox.socket.connect(peer.into())
    }

    /// The address of this socket.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.mailbox.socket.local_addr()
    }

    /// Sends `bytes` as one datagram to `peer`.
    #[track_caller]
    pub fn send_to(&self, bytes: impl Into<Vec<u8>>, peer: impl Into<SocketAddr>) -> Promise<()> {
        let peer = peer.into();
        self.promise_to_send(bytes.into(), Some(peer), format!("send to {peer}"))
    }

    /// Sends `bytes` as one datagram to the fixed peer.
    #[track_caller]
    pub fn send(&self, bytes: impl Into<Vec<u8>>) -> Promise<()> {
        self.promise_to_send(bytes.into(), None, "send".to_owned())
    }

    #[track_caller]
    fn promise_to_send(
        &self,
        bytes: Vec<u8>,
        peer: Option<SocketAddr>,
        doing: String,
    ) -> Promise<()> {
        let doing = move |_: &Mailbox| doing;
        let send = |mailbox: Rc<Mailbox>| async move {
            poll_fn(|cx| mailbox.poll_send(cx, &bytes, peer)).await?;
            Ok(())
        };
        line::promise(&self.mailbox, Direction::Write, doing, send)
    }

    /// Promises the next datagram and who sent it. What is longer than `max`
    /// bytes is cut.
    #[track_caller]
    pub fn recv_from(&self, max: usize) -> Promise<(Vec<u8>, SocketAddr)> {
        let receive = move |mailbox: Rc<Mailbox>| async move {
            let mut bytes = vec![0; max];
            let (length, from) = poll_fn(|cx| mailbox.poll_recv_from(cx, &mut bytes)).await?;
            bytes.truncate(length);
            Ok((bytes, from))
        };
        let doing = |_: &Mailbox| "receive".to_owned();
        line::promise(&self.mailbox, Direction::Read, doing, receive)
    }

    /// Receives the next datagram: its length and who sent it. What does not
    /// fit is lost.
    ///
    /// # Errors
    /// Those of `recvfrom(2)`; with a fixed peer also its refusals.
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.mailbox.poll_recv_from(cx, into)
    }

    /// Sends one datagram to `peer`.
    ///
    /// # Errors
    /// Those of `sendto(2)`.
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        from: &[u8],
        peer: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.mailbox.poll_send(cx, from, Some(peer))
    }

    /// Sends one datagram to the fixed peer.
    ///
    /// # Errors
    /// Those of `send(2)`; also the peer's refusals.
    pub fn poll_send(&self, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.mailbox.poll_send(cx, from, None)
    }

    /// Receives at once, without waiting for the reactor's word.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is there; as
    /// [`poll_recv_from`](UdpSocket::poll_recv_from).
    pub fn try_recv_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let Mailbox { socket, gate, .. } = &*self.mailbox;
        gate.attempt(Direction::Read, || socket.recv_from(into))
    }

    /// Sends at once, to the fixed peer if `peer` is `None`.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is no room; those of
    /// `sendto(2)`.
    pub fn try_send_to(&self, from: &[u8], peer: Option<SocketAddr>) -> io::Result<usize> {
        let Mailbox { socket, gate, .. } = &*self.mailbox;
        gate.attempt(Direction::Write, || socket.send_to(from, peer))
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UdpSocket")
            .field(&self.local_addr().ok())
            .finish()
    }
}
