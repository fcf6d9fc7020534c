//! A connection that has left HTTP: bytes both ways, whoever made it and whatever it runs over. What they mean is the
//! other protocol's business, and how the two sides came to agree is that of `conn` and `server`.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use evcore::net::{Address, ByteStream};
use futures_io::{AsyncRead, AsyncWrite};

mod line;
mod promised;

use line::Line;

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
pub struct Upgraded(Rc<Inner>);

struct Inner {
    /// Received behind the head and not read yet.
    early: RefCell<Bytes>,
    stream: Box<dyn ByteStream>,
    reading: Line,
    writing: Line,
}

impl Upgraded {
    /// `early` is read before anything of `stream`.
    pub(crate) fn new(early: Bytes, stream: impl ByteStream + 'static) -> Upgraded {
        Upgraded(Rc::new(Inner {
            early: RefCell::new(early),
            stream: Box::new(stream),
            reading: Line::default(),
            writing: Line::default(),
        }))
    }

    /// The address of the other end: the peer's, or a proxy's.
    pub fn peer(&self) -> Address {
        self.0.stream.peer()
    }

    /// The address of this end.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local(&self) -> io::Result<Address> {
        self.0.stream.local()
    }

    /// Bytes from behind the head, as many as fit.
    fn read_early(&self, into: &mut [u8]) -> usize {
        let mut early = self.0.early.borrow_mut();
        let length = early.len().min(into.len());
        early.copy_to_slice(&mut into[..length]);
        if early.is_empty() {
            // The memory it lay in is free.
            *early = Bytes::new();
        }
        length
    }
}

impl ByteStream for Upgraded {
    fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.read_early(into) {
            0 if !into.is_empty() => self.0.stream.poll_read(cx, into),
            read => Poll::Ready(Ok(read)),
        }
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.stream.poll_write_vectored(cx, from)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.stream.poll_flush(cx)
    }

    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.stream.poll_shutdown(cx)
    }

    fn peer(&self) -> Address {
        self.0.stream.peer()
    }

    fn local(&self) -> io::Result<Address> {
        self.0.stream.local()
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
