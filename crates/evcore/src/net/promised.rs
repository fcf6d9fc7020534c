//! The door of promises to a connected stream. Operations of one direction
//! are done one after the other, in the order in which they were asked for.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::rc::Rc;
use std::task::Context;

use super::gate::{self, Gated};
use super::stream::{Connection, Stream};
use crate::limits::READ_STEP;
use crate::{Direction, Promise};

/// Where promised reads of all streams arrive: each answer is as long as what
/// has come, and nobody clears memory that is overwritten. It is taken out
/// for a read and put back, never borrowed: a replaced waker's Drop is
/// somebody's code (rule P28), and may read too.
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

impl<E: 'static> Stream<E> {
    /// Promises the next bytes, at most `max` of them (nor more than
    /// [`READ_STEP`] at once): as soon as some are there. Empty at the end of
    /// the stream (and for a `max` of 0).
    #[track_caller]
    pub fn read(&self, max: usize) -> Promise<Vec<u8>> {
        let scratch = self.connection.gate().reactor().local(Scratch::default);
        self.reading(move |connection| async move {
            let into = |cx: &mut Context<'_>| {
                let mut memory = scratch.take();
                let read = connection.poll_read(cx, &mut memory[..max.min(READ_STEP)]);
                let bytes = read.map_ok(|read| memory[..read].to_vec());
                scratch.0.set(memory);
                bytes
            };
            poll_fn(into).await
        })
    }

    /// Promises exactly `length` bytes. If the stream ends before, or the
    /// promise is cancelled, those that had come are lost.
    #[track_caller]
    pub fn read_exact(&self, length: usize) -> Promise<Vec<u8>> {
        self.reading(move |connection| async move {
            let mut bytes = Vec::new();
            let mut filled = 0;
            while filled < length {
                // Memory follows the bytes: a length may come from a peer.
                bytes.resize(length.min(filled.max(READ_STEP) * 2), 0);
                match read(&connection, &mut bytes[filled..]).await? {
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
    #[track_caller]
    pub fn write_all(&self, bytes: impl Into<Vec<u8>>) -> Promise<()> {
        let bytes = bytes.into();
        self.writing(|connection| async move {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                match poll_fn(|cx| connection.poll_write(cx, &[IoSlice::new(rest)])).await? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    written => rest = &rest[written..],
                }
            }
            Ok(())
        })
    }

    /// Tells the peer that nothing more will be written, once all that was to
    /// be written before is. Reading goes on.
    #[track_caller]
    pub fn shutdown(&self) -> Promise<()> {
        self.writing(|connection| async move { connection.shutdown(Shutdown::Write) })
    }

    #[track_caller]
    fn reading<T: 'static, F>(&self, operation: impl FnOnce(Rc<Connection>) -> F) -> Promise<T>
    where
        F: Future<Output = io::Result<T>> + 'static,
    {
        let doing = |connection: &Connection| format!("read from {}", connection.peer());
        gate::promise(&self.connection, Direction::Read, doing, operation)
    }

    #[track_caller]
    fn writing<T: 'static, F>(&self, operation: impl FnOnce(Rc<Connection>) -> F) -> Promise<T>
    where
        F: Future<Output = io::Result<T>> + 'static,
    {
        let doing = |connection: &Connection| format!("write to {}", connection.peer());
        gate::promise(&self.connection, Direction::Write, doing, operation)
    }
}

async fn read(connection: &Connection, into: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| connection.poll_read(cx, into)).await
}

fn ended(filled: usize, length: usize) -> io::Error {
    let text = format!("the stream ended after {filled} of {length} bytes");
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}
