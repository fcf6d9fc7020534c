//! A connection that has left HTTP: bytes both ways, whoever made it and whatever it runs over. What they mean is the
//! other protocol's business, and how the two sides came to agree is that of `conn` and `server`.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use evcore::Promise;
use evcore::net::{Address, ByteStream, Promised};
use futures_io::{AsyncRead, AsyncWrite};

/// The stream behind a change of protocol: a client gets it from [`Response::upgrade`](crate::Response::upgrade), a
/// server's callback is handed it ([`Response::switching`](crate::Response::switching),
/// [`Response::tunnel`](crate::Response::tunnel)).
///
/// What had come behind the head already is read first, then what comes. It is nobody's but yours: no limit of time
/// holds any more, nor does the client's pool or the server's idle limit know of it. Cheap to clone; the connection is closed
/// when the last clone is dropped and the last promised operation has ended, at once and without a goodbye: that is
/// [`shutdown`](Upgraded::shutdown)'s.
///
/// There are two doors, as to evcore's own streams. Promised operations keep a line in each direction; the `poll_*` of
/// [`ByteStream`] and of the `futures-io` traits let one task wait in each. They must not be mixed in one direction.
///
/// ```
/// use evhttp::{Response, Upgraded, server::Request};
///
/// /// Says everything back.
/// async fn echo(stream: Upgraded) -> evcore::Result<()> {
///     loop {
///         let bytes = stream.read(1_000).await?;
///         if bytes.is_empty() {
///             return Ok(());
///         }
///         stream.write_all(bytes).await?;
///     }
/// }
///
/// let server = evhttp::serve("127.0.0.1:0", |_: Request| Response::switching("echo", echo))?;
/// let url = format!("http://{}/", server.local_addr());
/// let stream = evcore::run(evhttp::get(url).upgrade("echo").send())?.upgrade()?;
/// stream.write_all("hello");
/// assert_eq!(evcore::run(stream.read_exact(5))?, b"hello");
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Upgraded(Promised<Early>);

/// A stream of which the first bytes have been received before.
struct Early {
    /// Received behind the head and not read yet.
    early: RefCell<Bytes>,
    stream: Box<dyn ByteStream>,
}

impl Upgraded {
    /// `early` is read before anything of `stream`.
    pub(crate) fn new(early: Bytes, stream: impl ByteStream + 'static) -> Upgraded {
        Upgraded(Promised::new(Early {
            early: RefCell::new(early),
            stream: Box::new(stream),
        }))
    }

    /// Promises the next bytes, at most `max` of them (nor more than [`READ_STEP`](evcore::limits::READ_STEP) at once):
    /// as soon as some are there. Empty at the end of the stream (and for a `max` of 0).
    ///
    /// # Errors
    /// Those of the connection.
    #[track_caller]
    pub fn read(&self, max: usize) -> Promise<Vec<u8>> {
        self.0.read(max)
    }

    /// Promises exactly `length` bytes. If the stream ends before, or the promise is cancelled, those that had come are
    /// lost.
    ///
    /// # Errors
    /// Those of the connection, and [`io::ErrorKind::UnexpectedEof`] inside.
    #[track_caller]
    pub fn read_exact(&self, length: usize) -> Promise<Vec<u8>> {
        self.0.read_exact(length)
    }

    /// Writes all of `bytes`: everything is with the system when the promise resolves. After an error, or if the promise
    /// is cancelled, an unknown part of it is.
    ///
    /// # Errors
    /// Those of the connection.
    #[track_caller]
    pub fn write_all(&self, bytes: impl Into<Vec<u8>>) -> Promise<()> {
        self.0.write_all(bytes)
    }

    /// Tells the peer that nothing more will be written, once all that was to be written before is. Reading goes on.
    ///
    /// # Errors
    /// Those of the connection.
    #[track_caller]
    pub fn shutdown(&self) -> Promise<()> {
        self.0.shutdown()
    }

    /// The address of the other end: the peer's, or a proxy's.
    pub fn peer(&self) -> Address {
        self.0.get_ref().peer()
    }

    /// The address of this end.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local(&self) -> io::Result<Address> {
        self.0.get_ref().local()
    }
}

impl Early {
    /// Bytes from behind the head, as many as fit.
    fn read_early(&self, into: &mut [u8]) -> usize {
        let mut early = self.early.borrow_mut();
        let length = early.len().min(into.len());
        early.copy_to_slice(&mut into[..length]);
        if early.is_empty() {
            // The memory it lay in is free.
            *early = Bytes::new();
        }
        length
    }
}

impl ByteStream for Early {
    fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.read_early(into) {
            0 if !into.is_empty() => self.stream.poll_read(cx, into),
            read => Poll::Ready(Ok(read)),
        }
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write_vectored(cx, from)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_flush(cx)
    }

    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shutdown(cx)
    }

    fn peer(&self) -> Address {
        self.stream.peer()
    }

    fn local(&self) -> io::Result<Address> {
        self.stream.local()
    }
}

impl ByteStream for Upgraded {
    fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.get_ref().poll_read(cx, into)
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.get_ref().poll_write_vectored(cx, from)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.get_ref().poll_flush(cx)
    }

    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.get_ref().poll_shutdown(cx)
    }

    fn peer(&self) -> Address {
        self.0.get_ref().peer()
    }

    fn local(&self) -> io::Result<Address> {
        self.0.get_ref().local()
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ByteStream::poll_read(&*self, cx, into)
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        ByteStream::poll_write_vectored(&*self, cx, &[IoSlice::new(from)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ByteStream::poll_write_vectored(&*self, cx, from)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ByteStream::poll_flush(&*self, cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_shutdown(cx)
    }
}

/// Shows nothing of what goes over it.
impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upgraded({})", self.peer())
    }
}
