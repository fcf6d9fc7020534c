//! The door of promises to any stream of bytes: operations of one direction
//! are done one after the other, in the order in which they were asked for.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::Context;

use super::ByteStream;
use super::line::{self, Lined, Lines};
use crate::limits::READ_STEP;
use crate::{Direction, Promise, Reactor};

/// Where promised reads of all streams arrive: each answer is as long as what
/// has come, and nobody clears memory that is overwritten. It is taken out
/// for a read and put back, never borrowed: a stream, or a replaced waker's
/// Drop, is somebody's code (rule P28), and may read too.
#[derive(Default)]
struct Scratch(Cell<Vec<u8>>);

impl Scratch {
    fn take(&self) -> Vec<u8> {
        let memory = self.0.take();
        match memory.is_empty() {
            true => vec![0; READ_STEP],
            false => memory,
        }
    }
}

/// A [`ByteStream`] of any kind with the promises that a
/// [`TcpStream`](super::TcpStream) has: for a TLS session, or a stream of
/// your own.
///
/// Cheap to clone; the stream is dropped when the last clone is and the last
/// promised operation has ended. Promised operations keep a line in each
/// direction. They must not be mixed with the `poll_*` of the stream in one
/// direction: there one task may wait.
///
/// ```
/// use evcore::net::{Promised, UnixStream};
///
/// let (a, b) = UnixStream::pair()?;
/// // Whatever is a stream of bytes: a session over it, or the socket itself.
/// let (a, b) = (Promised::new(a), Promised::new(b));
/// a.write_all("hello");
/// a.shutdown();
/// assert_eq!(evcore::run(b.read_exact(5))?, b"hello");
/// assert_eq!(evcore::run(b.read(100))?, b"");
/// # Ok::<(), evcore::Error>(())
/// ```
pub struct Promised<S>(Rc<Shared<S>>);

struct Shared<S> {
    stream: S,
    lines: Lines,
}

impl<S: 'static> Lined for Shared<S> {
    fn lines(&self) -> &Lines {
        &self.lines
    }
}

impl<S> Promised<S> {
    /// Promises of `stream`, kept by the current reactor.
    pub fn new(stream: S) -> Promised<S> {
        Promised::on(&Reactor::current(), stream)
    }

    pub(super) fn on(reactor: &Reactor, stream: S) -> Promised<S> {
        let lines = Lines::new(reactor);
        Promised(Rc::new(Shared { stream, lines }))
    }

    /// The stream itself.
    #[inline]
    pub fn get_ref(&self) -> &S {
        &self.0.stream
    }
}

impl<S: ByteStream + 'static> Promised<S> {
    /// Promises the next bytes, at most `max` of them (nor more than
    /// [`READ_STEP`] at once): as soon as some are there. Empty at the end of
    /// the stream (and for a `max` of 0).
    ///
    /// # Errors
    /// Those of the stream.
    #[track_caller]
    pub fn read(&self, max: usize) -> Promise<Vec<u8>> {
        let scratch = Reactor::current().local(Scratch::default);
        self.promise(Direction::Read, move |shared| async move {
            let into = |cx: &mut Context<'_>| {
                let mut memory = scratch.take();
                let into = &mut memory[..max.min(READ_STEP)];
                let read = shared.stream.poll_read(cx, into);
                // Of what was there to read into: beyond it lies what other streams have read.
                let bytes = read.map_ok(|read| into[..read].to_vec());
                scratch.0.set(memory);
                bytes
            };
            poll_fn(into).await
        })
    }

    /// Promises exactly `length` bytes. If the stream ends before, or the
    /// promise is cancelled, those that had come are lost.
    ///
    /// # Errors
    /// Those of the stream, and [`io::ErrorKind::UnexpectedEof`] inside.
    #[track_caller]
    pub fn read_exact(&self, length: usize) -> Promise<Vec<u8>> {
        self.promise(Direction::Read, move |shared| async move {
            let mut bytes = Vec::new();
            let mut filled = 0;
            while filled < length {
                // Memory follows the bytes: a length may come from a peer.
                bytes.resize(length.min(filled.max(READ_STEP) * 2), 0);
                let into = &mut bytes[filled..];
                match poll_fn(|cx| shared.stream.poll_read(cx, into)).await? {
                    0 => return Err(ended(filled, length)),
                    read => filled += read,
                }
            }
            Ok(bytes)
        })
    }

    /// Writes all of `bytes`: everything is with the system when the promise
    /// resolves. After an error, or if the promise is cancelled, an unknown
    /// part of it is.
    ///
    /// # Errors
    /// Those of the stream.
    #[track_caller]
    pub fn write_all(&self, bytes: impl Into<Vec<u8>>) -> Promise<()> {
        let bytes = bytes.into();
        self.promise(Direction::Write, |shared| async move {
            let stream = &shared.stream;
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let pieces = [IoSlice::new(rest)];
                match poll_fn(|cx| stream.poll_write_vectored(cx, &pieces)).await? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    written => rest = &rest[written..],
                }
            }
            // A session may keep back what the socket has no room for.
            poll_fn(|cx| stream.poll_flush(cx)).await
        })
    }

    /// Tells the peer that nothing more will be written, once all that was to
    /// be written before is. Reading goes on.
    ///
    /// # Errors
    /// Those of the stream.
    #[track_caller]
    pub fn shutdown(&self) -> Promise<()> {
        self.promise(Direction::Write, |shared| async move {
            poll_fn(|cx| shared.stream.poll_shutdown(cx)).await
        })
    }

    #[track_caller]
    fn promise<T: 'static, F>(
        &self,
        direction: Direction,
        operation: impl FnOnce(Rc<Shared<S>>) -> F,
    ) -> Promise<T>
    where
        F: Future<Output = io::Result<T>> + 'static,
    {
        let doing = move |shared: &Shared<S>| match direction {
            Direction::Read => format!("read from {}", shared.stream.peer()),
            Direction::Write => format!("write to {}", shared.stream.peer()),
        };
        line::promise(&self.0, direction, doing, operation)
    }
}

impl<S> Clone for Promised<S> {
    fn clone(&self) -> Promised<S> {
        Promised(self.0.clone())
    }
}

impl<S: fmt::Debug> fmt::Debug for Promised<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Promised").field(&self.0.stream).finish()
    }
}

fn ended(filled: usize, length: usize) -> io::Error {
    let text = format!("the stream ended after {filled} of {length} bytes");
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}
