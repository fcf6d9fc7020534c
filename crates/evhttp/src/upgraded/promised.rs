//! The door of promises to an upgraded stream. Operations of one direction are done one after the other, in the order
//! in which they were asked for.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::Context;

use evcore::limits::READ_STEP;
use evcore::net::ByteStream;
use evcore::{Direction, Error, Promise, Reactor, spawn};

use super::Upgraded;
use super::line::Line;

/// Where promised reads arrive, so that one that waits owns no memory. It is taken out for a read and put back, never
/// borrowed: a stream below may call foreign code, which may read too.
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

impl Upgraded {
    /// Promises the next bytes, at most `max` of them (nor more than [`READ_STEP`] at once): as soon as some are there.
    /// Empty at the end of the stream (and for a `max` of 0).
    ///
    /// # Errors
    /// Those of the connection.
    #[track_caller]
    pub fn read(&self, max: usize) -> Promise<Vec<u8>> {
        let scratch = Reactor::current().local(Scratch::default);
        self.promise(Direction::Read, move |stream| async move {
            let into = |cx: &mut Context<'_>| {
                let mut memory = scratch.take();
                let into = &mut memory[..max.min(READ_STEP)];
                let read = ByteStream::poll_read(&stream, cx, into);
                let bytes = read.map_ok(|read| memory[..read].to_vec());
                scratch.0.set(memory);
                bytes
            };
            poll_fn(into).await
        })
    }

    /// Promises exactly `length` bytes. If the stream ends before, or the promise is cancelled, those that had come are
    /// lost.
    ///
    /// # Errors
    /// Those of the connection, and [`io::ErrorKind::UnexpectedEof`] inside.
    #[track_caller]
    pub fn read_exact(&self, length: usize) -> Promise<Vec<u8>> {
        self.promise(Direction::Read, move |stream| async move {
            let mut bytes = Vec::new();
            let mut filled = 0;
            while filled < length {
                // Memory follows the bytes: a length may come from a peer.
                bytes.resize(length.min(filled.max(READ_STEP) * 2), 0);
                let into = &mut bytes[filled..];
                match poll_fn(|cx| ByteStream::poll_read(&stream, cx, into)).await? {
                    0 => return Err(ended(filled, length)),
                    read => filled += read,
                }
            }
            Ok(bytes)
        })
    }

    /// Writes all of `bytes`: everything is with the system when the promise resolves. After an error, or if the promise
    /// is cancelled, an unknown part of it is.
    ///
    /// # Errors
    /// Those of the connection.
    #[track_caller]
    pub fn write_all(&self, bytes: impl Into<Vec<u8>>) -> Promise<()> {
        let bytes = bytes.into();
        self.promise(Direction::Write, move |stream| async move {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let pieces = [IoSlice::new(rest)];
                let written =
                    poll_fn(|cx| ByteStream::poll_write_vectored(&stream, cx, &pieces)).await?;
                match written {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    written => rest = &rest[written..],
                }
            }
            // A TLS session keeps back what the socket has no room for.
            poll_fn(|cx| ByteStream::poll_flush(&stream, cx)).await
        })
    }

    /// Tells the peer that nothing more will be written, once all that was to be written before is. Reading goes on.
    ///
    /// # Errors
    /// Those of the connection.
    #[track_caller]
    pub fn shutdown(&self) -> Promise<()> {
        self.promise(Direction::Write, |stream| async move {
            poll_fn(|cx| stream.poll_shutdown(cx)).await
        })
    }

    #[track_caller]
    fn promise<T: 'static, F>(
        &self,
        direction: Direction,
        operation: impl FnOnce(Upgraded) -> F,
    ) -> Promise<T>
    where
        F: Future<Output = io::Result<T>> + 'static,
    {
        let place = Place::take(self, direction);
        let operation = operation(self.clone());
        spawn(async move {
            place.line().reached(place.number).await;
            operation
                .await
                .map_err(|error| Error::from(error).during(place.doing()))
        })
    }
}

fn ended(filled: usize, length: usize) -> io::Error {
    let text = format!("the stream ended after {filled} of {length} bytes");
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}

/// Somebody's place in a line; dropping it lets the next one go on.
struct Place {
    stream: Upgraded,
    direction: Direction,
    number: u64,
}

impl Place {
    fn take(stream: &Upgraded, direction: Direction) -> Place {
        let mut place = Place {
            stream: stream.clone(),
            direction,
            number: 0,
        };
        place.number = place.line().join();
        place
    }

    fn line(&self) -> &Line {
        match self.direction {
            Direction::Read => &self.stream.0.reading,
            Direction::Write => &self.stream.0.writing,
        }
    }

    fn doing(&self) -> String {
        let peer = self.stream.peer();
        match self.direction {
            Direction::Read => format!("read from {peer}"),
            Direction::Write => format!("write to {peer}"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.line().leave(self.number);
    }
}
