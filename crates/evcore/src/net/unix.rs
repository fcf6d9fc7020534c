//! What is particular to Unix-domain sockets: paths and pairs.

use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};

use super::listen::Listener;
use super::stream::Stream;
use super::{Address, Adopted};
use crate::{Direction, Error, Promise, Reactor, sys};

/// Says of a [`Stream`] or a [`Listener`] that it is a Unix-domain socket.
#[derive(Debug)]
pub enum Unix {}

/// A Unix-domain connection.
pub type UnixStream = Stream<Unix>;

/// Takes in Unix-domain connections.
pub type UnixListener = Listener<Unix>;

impl UnixStream {
    /// Connects to the socket at `path`, on the current reactor.
    #[track_caller]
    pub fn connect(path: impl Into<PathBuf>) -> Promise<UnixStream> {
        let path = path.into();
        crate::spawn(async move {
            let outcome = connect(&path).await;
            outcome
                .map_err(|error| Error::from(error).during(format!("connect {}", path.display())))
        })
    }

    /// Two streams connected to each other, on the current reactor.
    ///
    /// ```
    /// use evcore::net::UnixStream;
    ///
    /// let (a, b) = UnixStream::pair()?;
    /// a.write_all("hello");
    /// assert_eq!(evcore::run(b.read_exact(5))?, b"hello");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of `socketpair(2)`.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = std::os::unix::net::UnixStream::pair()?;
        Ok((UnixStream::from_std(a)?, UnixStream::from_std(b)?))
    }

    /// Takes over a connected socket, on the current reactor. It is made
    /// non-blocking.
    ///
    /// # Errors
    /// If it is not connected, or the reactor's world has no real sockets.
    pub fn from_std(socket: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
        Stream::adopt(Adopted::Unix(socket))
    }
}

/// Connecting to a path ends at once, for better or worse, but the reactor
/// still has to hear that writing may begin.
async fn connect(path: &Path) -> io::Result<UnixStream> {
    let connect = |world: &dyn sys::World, token| world.connect_unix(token, path);
    let (source, socket) = Reactor::current().open(connect)?;
    poll_fn(|cx| source.poll_ready(Direction::Write, cx)).await?;
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    let peer = Address::Unix(Some(path.to_path_buf()));
    Ok(Stream::new(source, socket, peer))
}

impl UnixListener {
    /// Listens on a new socket at `path`, on the current reactor. The file
    /// stays when the listener goes: removing it is the caller's business,
    /// before (a leftover makes this fail) or after.
    ///
    /// # Errors
    /// Those of `bind(2)` and `listen(2)`.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixListener> {
        let path = path.as_ref();
        let listen = |world: &dyn sys::World, token| world.listen_unix(token, path);
        let (source, socket) = Reactor::current().open(listen)?;
        Ok(Listener::new(source, socket))
    }
}
