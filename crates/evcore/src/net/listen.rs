//! Listeners: taking in connections.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::gate::Gate;
use super::line::{self, Lined, Lines, Place};
use super::stream::{Stream, Tcp, inet};
use crate::limits::{ACCEPT_COST, ACCEPT_PAUSE};
use crate::{Direction, Error, Event, Promise, Reactor, Source, sys};

/// Takes in connections: a [`TcpListener`] or a `UnixListener`.
///
/// Cheap to clone; it listens until the last clone is dropped and the last
/// promise of it is settled.
///
/// ```
/// use evcore::net::{TcpListener, connect};
///
/// let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
/// let asked = connect(listener.local_addr()?);
/// let stream = evcore::run(listener.accept())?;
/// assert_eq!(stream.peer_addr()?, evcore::run(asked)?.local_addr()?);
/// # Ok::<(), evcore::Error>(())
/// ```
pub struct Listener<E> {
    pub(super) door: Rc<Door>,
    ends: PhantomData<E>,
}

/// Takes in TCP connections.
pub type TcpListener = Listener<Tcp>;

/// What the clones of a listener share.
pub(super) struct Door {
    pub(super) socket: Box<dyn sys::Listener>,
    gate: Gate,
    lines: Lines,
}

impl Lined for Door {
    fn lines(&self) -> &Lines {
        &self.lines
    }
}

impl Door {
    fn poll_accept<E>(&self, cx: &mut Context<'_>) -> Poll<io::Result<Stream<E>>> {
        self.gate.poll(Direction::Read, cx, || {
            loop {
                match self.accept() {
                    // The peer gave up while it was waiting: nobody's failure.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    outcome => return outcome,
                }
            }
        })
    }

    fn accept<E>(&self) -> io::Result<Stream<E>> {
        let accept = |_: &dyn sys::World, token| self.socket.accept(token);
        let (source, (socket, peer)) = self.gate.reactor().open(accept)?;
        self.gate.moved(ACCEPT_COST);
        Ok(Stream::new(source, socket, peer))
    }

    fn name(&self) -> String {
        match self.socket.local_addr() {
            Ok(address) => address.to_string(),
            Err(_) => "(closed)".to_owned(),
        }
    }
}

impl<E: 'static> Listener<E> {
    /// Tells each connection that [`incoming`](Listener::incoming) takes in.
    pub const ACCEPTED: Event<Stream<E>> = Event::new("accepted");

    pub(super) fn new(source: Source, socket: Box<dyn sys::Listener>) -> Listener<E> {
        let door = Door {
            socket,
            lines: Lines::new(&source.reactor()),
            gate: Gate::new(source),
        };
        Listener {
            door: Rc::new(door),
            ends: PhantomData,
        }
    }

    /// Promises the next connection.
    #[track_caller]
    pub fn accept(&self) -> Promise<Stream<E>> {
        let doing = |door: &Door| format!("accept on {}", door.name());
        line::promise(&self.door, Direction::Read, doing, |door| async move {
            poll_fn(|cx| door.poll_accept(cx)).await
        })
    }

    /// Takes in every connection and tells it as
    /// [`ACCEPTED`](Listener::ACCEPTED), until the promise is cancelled. It
    /// is never resolved, and rejected only if listening itself fails: while
    /// the system is short of descriptors or memory it pauses instead.
    ///
    /// ```
    /// use evcore::net::{TcpListener, connect};
    ///
    /// let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
    /// let addr = listener.local_addr()?;
    /// let server = listener.incoming().on(TcpListener::ACCEPTED, |stream| {
    ///     stream.write_all("hello");
    /// });
    /// let hello = connect(addr).and_then(|stream| stream.read_exact(5));
    /// assert_eq!(evcore::run(hello)?, b"hello");
    /// server.cancel();
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[track_caller]
    pub fn incoming(&self) -> Promise<()> {
        let door = self.door.clone();
        let _current = door.gate.reactor().enter();
        crate::spawn_with(|emitter| async move {
            loop {
                let place = Place::take(&door, Direction::Read);
                place.reached().await;
                match poll_fn(|cx| door.poll_accept(cx)).await {
                    Ok(stream) => emitter.emit(Listener::<E>::ACCEPTED, stream),
                    Err(error) if passes(&error) => crate::sleep(ACCEPT_PAUSE).await?,
                    Err(error) => return Err(lost(&door, error)),
                }
            }
        })
    }

    /// Takes the next connection, if one is waiting. One task may wait: a
    /// second one replaces the first.
    ///
    /// # Errors
    /// Those of `accept(2)`, but not that the peer has gone already. Short of
    /// descriptors (`EMFILE`) it says so each time it is asked: pause before
    /// asking again.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Stream<E>>> {
        self.door.poll_accept(cx)
    }
}

fn lost(door: &Door, error: io::Error) -> Error {
    Error::from(error).during(format!("accept on {}", door.name()))
}

/// Whether it is the system that is short of something, for a while.
fn passes(error: &io::Error) -> bool {
    #[cfg(unix)]
    if let Some(code) = error.raw_os_error() {
        return [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM].contains(&code);
    }
    // WSAEMFILE and WSAENOBUFS.
    #[cfg(windows)]
    if let Some(code) = error.raw_os_error() {
        return [10_024, 10_055].contains(&code);
    }
    error.kind() == io::ErrorKind::OutOfMemory
}

impl TcpListener {
    /// Listens on `local`, on the current reactor. Port 0 has the system
    /// choose one: see [`local_addr`](TcpListener::local_addr).
    ///
    /// # Errors
    /// Those of `bind(2)` and `listen(2)`.
    pub fn bind(local: impl Into<SocketAddr>) -> io::Result<TcpListener> {
        let local = local.into();
        let listen = |world: &dyn sys::World, token| world.listen_tcp(token, local);
        let (source, socket) = Reactor::current().open(listen)?;
        Ok(Listener::new(source, socket))
    }

    /// The address listened on.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        inet(self.door.socket.local_addr()?)
    }
}

impl<E> Clone for Listener<E> {
    fn clone(&self) -> Listener<E> {
        Listener {
            door: self.door.clone(),
            ends: PhantomData,
        }
    }
}

impl<E> fmt::Debug for Listener<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({})", self.door.name())
    }
}
