//! The shape of a connection that protocols are written against, so that one
//! code speaks over TCP, a Unix-domain socket or a TLS session. No socket
//! lives here.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use super::Address;

/// An ordered stream of bytes in both directions.
///
/// It takes `&self`, so a reader and a writer may share it through an `Rc`.
/// In each direction one task may wait at a time: a second one replaces the
/// first, which is not woken any more.
///
/// ```
/// use evcore::net::{ByteStream, TcpListener, connect};
/// use std::future::poll_fn;
/// use std::io;
///
/// /// Reads to the end, of whatever it is.
/// async fn length(stream: impl ByteStream) -> io::Result<usize> {
///     let (mut piece, mut length) = ([0; 512], 0);
///     loop {
///         match poll_fn(|cx| stream.poll_read(cx, &mut piece)).await? {
///             0 => return Ok(length),
///             read => length += read,
///         }
///     }
/// }
///
/// let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
/// let asked = connect(listener.local_addr()?).and_then(|stream| {
///     stream.write_all("hello");
///     stream.shutdown()
/// });
/// let heard = evcore::spawn(async move { Ok(length(listener.accept().await?).await?) });
/// assert_eq!(evcore::run(heard)?, 5);
/// evcore::run(asked)?;
/// # Ok::<(), evcore::Error>(())
/// ```
pub trait ByteStream {
    /// Reads what is there; `Ok(0)` is the end.
    ///
    /// # Errors
    /// Those of the connection.
    fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes what there is room for, and says how much that was.
    ///
    /// # Errors
    /// Those of the connection.
    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Sees everything written on its way; a plain socket keeps nothing back.
    ///
    /// # Errors
    /// Those of the connection.
    fn poll_flush(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Says that nothing more will be written. Reading goes on.
    ///
    /// # Errors
    /// Those of the connection.
    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The address of the other end.
    fn peer(&self) -> Address;

    /// The address of this end.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    fn local(&self) -> io::Result<Address>;
}
