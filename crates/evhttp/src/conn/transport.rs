//! What a connection's bytes go over: a socket, or a TLS session over what a
//! connection's bytes go over.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker, ready};

#[cfg(unix)]
use evcore::net::UnixStream;
use evcore::net::{Address, ByteStream, TcpStream};
#[cfg(feature = "tls-without-provider")]
use evtls::TlsStream;

pub(crate) enum Transport {
    Tcp(Asked<TcpStream>),
    #[cfg(unix)]
    Unix(Asked<UnixStream>),
    #[cfg(feature = "tls-without-provider")]
    Tls(TlsStream<Transport>),
}

/// A socket that can be made to ask the system, instead of trusting the word
/// of the loop, which may not have had a turn yet.
pub(crate) struct Asked<S> {
    stream: S,
    asks: Cell<bool>,
}

impl Transport {
    pub(crate) fn tcp(stream: TcpStream) -> Transport {
        Transport::Tcp(Asked::new(stream))
    }

    #[cfg(unix)]
    pub(crate) fn unix(stream: UnixStream) -> Transport {
        Transport::Unix(Asked::new(stream))
    }

    /// Whether nothing has come that nobody asked for, and no end: by the
    /// word of the system itself. What a TLS session tells for itself (its
    /// tickets) counts as nothing.
    pub(crate) fn is_quiet(&self) -> bool {
        self.set_asking(true);
        let heard = self.poll_read(&mut Context::from_waker(Waker::noop()), &mut [0]);
        self.set_asking(false);
        heard.is_pending()
    }

    fn set_asking(&self, asks: bool) {
        match self {
            Transport::Tcp(socket) => socket.asks.set(asks),
            #[cfg(unix)]
            Transport::Unix(socket) => socket.asks.set(asks),
            #[cfg(feature = "tls-without-provider")]
            Transport::Tls(session) => session.get_ref().set_asking(asks),
        }
    }
}

impl Transport {
    pub(crate) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let pieces = [IoSlice::new(bytes)];
            let written = poll_fn(|cx| self.poll_write_vectored(cx, &pieces)).await?;
            bytes = &bytes[written..];
        }
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// What is there, at most so much as fits; nothing is the end.
    pub(crate) async fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, into)).await
    }

    pub(crate) async fn read_exact<const N: usize>(&self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        let mut there = 0;
        while there < N {
            match self.read(&mut bytes[there..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => there += read,
            }
        }
        Ok(bytes)
    }
}

impl<S> Asked<S> {
    fn new(stream: S) -> Asked<S> {
        let asks = Cell::new(false);
        Asked { stream, asks }
    }
}

/// What `try_read` says, as `poll_read` would.
fn at_once(read: io::Result<usize>) -> Poll<io::Result<usize>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        outcome => Poll::Ready(outcome),
    }
}

impl ByteStream for Transport {
    fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Transport::Tcp(tcp) if tcp.asks.get() => at_once(tcp.stream.try_read(into)),
            Transport::Tcp(tcp) => tcp.stream.poll_read(cx, into),
            #[cfg(unix)]
            Transport::Unix(unix) if unix.asks.get() => at_once(unix.stream.try_read(into)),
            #[cfg(unix)]
            Transport::Unix(unix) => unix.stream.poll_read(cx, into),
            #[cfg(feature = "tls-without-provider")]
            Transport::Tls(session) => session.poll_read(cx, into),
        }
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Transport::Tcp(tcp) => tcp.stream.poll_write_vectored(cx, from),
            #[cfg(unix)]
            Transport::Unix(unix) => unix.stream.poll_write_vectored(cx, from),
            #[cfg(feature = "tls-without-provider")]
            Transport::Tls(session) => session.poll_write_vectored(cx, from),
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            #[cfg(feature = "tls-without-provider")]
            Transport::Tls(session) => session.poll_flush(cx),
            _ => {
                _ = cx;
                Poll::Ready(Ok(()))
            }
        }
    }

    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        match self {
            Transport::Tcp(tcp) => ByteStream::poll_shutdown(&tcp.stream, cx),
            #[cfg(unix)]
            Transport::Unix(unix) => ByteStream::poll_shutdown(&unix.stream, cx),
            #[cfg(feature = "tls-without-provider")]
            Transport::Tls(session) => session.poll_shutdown(cx),
        }
    }

    fn peer(&self) -> Address {
        match self {
            Transport::Tcp(tcp) => tcp.stream.peer(),
            #[cfg(unix)]
            Transport::Unix(unix) => unix.stream.peer(),
            #[cfg(feature = "tls-without-provider")]
            Transport::Tls(session) => session.peer(),
        }
    }

    fn local(&self) -> io::Result<Address> {
        match self {
            Transport::Tcp(tcp) => tcp.stream.local(),
            #[cfg(unix)]
            Transport::Unix(unix) => unix.stream.local(),
            #[cfg(feature = "tls-without-provider")]
            Transport::Tls(session) => session.local(),
        }
    }
}
