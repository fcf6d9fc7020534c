//! Connected streams: making them, and their door for authors of protocols.
//! What its promises do is said in `promised.rs`; connecting is `connect.rs`.

use std::fmt;
use std::io::{self, IoSlice};
use std::marker::PhantomData;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::gate::Gate;
use super::{Address, Adopted, ByteStream, Promised};
use crate::{Direction, Promise, Reactor, Source, sys};

/// A connected stream of bytes: a [`TcpStream`] or a `UnixStream`.
///
/// Cheap to clone; the connection is closed when the last clone is dropped
/// and the last promised operation has ended. Reading and writing at the same
/// time is fine. `poll_*` and the `futures-io` traits let one task wait in
/// each direction: a second one replaces the first. Promised operations keep
/// a line instead, but must not be mixed with `poll_*` in one direction.
///
/// ```
/// use evcore::net::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
/// let addr = listener.local_addr()?;
/// let echo = listener.accept().and_then(|stream| {
///     let stream = stream.clone();
///     stream.read(64).and_then(move |bytes| stream.write_all(bytes.clone()))
/// });
/// let answer = TcpStream::connect(addr).and_then(|stream| {
///     stream.write_all("hello");
///     stream.read_exact(5)
/// });
/// assert_eq!(evcore::run(answer)?, b"hello");
/// drop(echo);
/// # Ok::<(), evcore::Error>(())
/// ```
pub struct Stream<E> {
    promised: Promised<Connection>,
    ends: PhantomData<E>,
}

/// Says of a [`Stream`] or a [`Listener`](super::Listener) that it is TCP.
#[derive(Debug)]
pub enum Tcp {}

/// A TCP connection.
pub type TcpStream = Stream<Tcp>;

/// What the clones of a stream share. The socket goes before its source:
/// nothing may be told under a token that could have a new owner.
pub(super) struct Connection {
    socket: Box<dyn sys::Stream>,
    gate: Gate,
    peer: Address,
}

impl Connection {
    /// Ends one side or both. That the peer was faster is no failure.
    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self.socket.shutdown(how) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            outcome => outcome,
        }
    }

    #[inline]
    fn note(
        &self,
        direction: Direction,
        outcome: io::Result<usize>,
        wanted: usize,
    ) -> io::Result<usize> {
        match outcome {
            Ok(done) if 0 < done && done < wanted && self.socket.short_drains() => {
                self.gate.fell_short(direction);
            }
            // The end (0) is told as often as somebody asks: it stays ready.
            Ok(done) => self.gate.moved(done),
            Err(_) => {}
        }
        outcome
    }
}

impl ByteStream for Connection {
    fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let wanted = into.len();
        let read = || self.socket.read(into);
        let outcome = self.gate.poll(Direction::Read, cx, read);
        outcome.map(|outcome| self.note(Direction::Read, outcome, wanted))
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = || self.socket.write(from);
        let outcome = self.gate.poll(Direction::Write, cx, write);
        outcome.map(|outcome| self.note(Direction::Write, outcome, total(from)))
    }

    fn poll_shutdown(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown(Shutdown::Write))
    }

    fn peer(&self) -> Address {
        self.peer.clone()
    }

    fn local(&self) -> io::Result<Address> {
        self.socket.local_addr()
    }
}

fn total(slices: &[IoSlice<'_>]) -> usize {
    slices.iter().map(|slice| slice.len()).sum()
}

impl<E> Stream<E> {
    pub(super) fn new(source: Source, socket: Box<dyn sys::Stream>, peer: Address) -> Stream<E> {
        let reactor = source.reactor();
        let connection = Connection {
            socket,
            gate: Gate::new(source),
            peer,
        };
        Stream {
            promised: Promised::on(&reactor, connection),
            ends: PhantomData,
        }
    }

    /// Takes over a socket from outside, on the current reactor.
    pub(super) fn adopt(socket: Adopted) -> io::Result<Stream<E>> {
        let open = |world: &dyn sys::World, token| world.adopt(token, socket);
        let (source, socket) = Reactor::current().open(open)?;
        let peer = socket.peer_addr()?;
        Ok(Stream::new(source, socket, peer))
    }

    #[inline]
    fn connection(&self) -> &Connection {
        self.promised.get_ref()
    }

    /// Reads what is there; `Ok(0)` is the end (or an empty `into`).
    ///
    /// # Errors
    /// Those of the connection.
    pub fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.connection().poll_read(cx, into)
    }

    /// Writes what there is room for, and says how much that was.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn poll_write(&self, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.connection()
            .poll_write_vectored(cx, &[IoSlice::new(from)])
    }

    /// As [`poll_write`](Stream::poll_write), from several pieces at once.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection().poll_write_vectored(cx, from)
    }

    /// Reads at once, without waiting for the reactor's word.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is there; those of the
    /// connection.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        let Connection { socket, gate, .. } = self.connection();
        gate.attempt(Direction::Read, || socket.read(into))
    }

    /// Writes at once, without waiting for the reactor's word.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is no room; those of the
    /// connection.
    pub fn try_write(&self, from: &[u8]) -> io::Result<usize> {
        let Connection { socket, gate, .. } = self.connection();
        gate.attempt(Direction::Write, || socket.write(&[IoSlice::new(from)]))
    }

    /// Ends one side or both at once, whatever is still being written.
    ///
    /// # Errors
    /// Those of `shutdown(2)`; none if the peer was faster.
    pub fn shutdown_now(&self, how: Shutdown) -> io::Result<()> {
        self.connection().shutdown(how)
    }
}

/// The door of promises; what they do is said at [`Promised`].
impl<E> Stream<E> {
    /// Promises the next bytes, at most `max` of them (nor more than
    /// [`READ_STEP`](crate::limits::READ_STEP) at once): as soon as some are
    /// there. Empty at the end of the stream (and for a `max` of 0).
    #[track_caller]
    pub fn read(&self, max: usize) -> Promise<Vec<u8>> {
        self.promised.read(max)
    }

    /// Promises exactly `length` bytes. If the stream ends before, or the
    /// promise is cancelled, those that had come are lost.
    #[track_caller]
    pub fn read_exact(&self, length: usize) -> Promise<Vec<u8>> {
        self.promised.read_exact(length)
    }

    /// Writes all of `bytes`: everything is with the system when the promise
    /// resolves. After an error, or if the promise is cancelled, an unknown
    /// part of it is.
    #[track_caller]
    pub fn write_all(&self, bytes: impl Into<Vec<u8>>) -> Promise<()> {
        self.promised.write_all(bytes)
    }

    /// Tells the peer that nothing more will be written, once all that was to
    /// be written before is. Reading goes on.
    #[track_caller]
    pub fn shutdown(&self) -> Promise<()> {
        self.promised.shutdown()
    }
}

impl TcpStream {
    /// Takes over a connected socket, on the current reactor. It is made
    /// non-blocking.
    ///
    /// # Errors
    /// If it is not connected, or the reactor's world has no real sockets.
    pub fn from_std(socket: std::net::TcpStream) -> io::Result<TcpStream> {
        Stream::adopt(Adopted::Tcp(socket))
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] if it is no internet address.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        inet(self.connection().peer.clone())
    }

    /// The address of this end.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        inet(self.connection().socket.local_addr()?)
    }

    /// Has small writes sent at once instead of gathered (`TCP_NODELAY`).
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.connection().socket.set_nodelay(on)
    }
}

pub(super) fn inet(address: Address) -> io::Result<SocketAddr> {
    match address {
        Address::Inet(inet) => Ok(inet),
        #[cfg(unix)]
        Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

impl<E> ByteStream for Stream<E> {
    fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.connection().poll_read(cx, into)
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection().poll_write_vectored(cx, from)
    }

    fn poll_shutdown(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.connection().shutdown(Shutdown::Write))
    }

    fn peer(&self) -> Address {
        self.connection().peer.clone()
    }

    fn local(&self) -> io::Result<Address> {
        self.connection().socket.local_addr()
    }
}

impl<E> AsyncRead for &Stream<E> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.connection().poll_read(cx, into)
    }
}

impl<E> AsyncWrite for &Stream<E> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.connection()
            .poll_write_vectored(cx, &[IoSlice::new(from)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection().poll_write_vectored(cx, from)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.connection().shutdown(Shutdown::Write))
    }
}

impl<E> AsyncRead for Stream<E> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.connection().poll_read(cx, into)
    }
}

impl<E> AsyncWrite for Stream<E> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.connection()
            .poll_write_vectored(cx, &[IoSlice::new(from)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection().poll_write_vectored(cx, from)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.connection().shutdown(Shutdown::Write))
    }
}

impl<E> Clone for Stream<E> {
    fn clone(&self) -> Stream<E> {
        Stream {
            promised: self.promised.clone(),
            ends: PhantomData,
        }
    }
}

impl<E> fmt::Debug for Stream<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({})", self.connection().peer)
    }
}
