//! Messages over a connection, each with its length in front (RFC 1035 §4.2.2, RFC 7766): for what does not fit a
//! datagram. Queries are pipelined; replies come in any order.

use std::cell::{Cell, RefCell};
use std::future::{IntoFuture, poll_fn};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use evcore::net::{ByteStream, connect_tcp};
use evcore::{Reactor, sleep_until, spawn};

use super::cookie::Cookies;
use super::expected::{Expected, Expecting};
use super::{Carrier, Outgoing, trouble_of};
use crate::limits::{TCP_IDLE, TCP_QUERIES, TCP_QUIET};
use crate::query::Trouble;
use crate::random::Random;

/// The connection to one server, if there is one.
pub(super) struct Streams {
    server: SocketAddr,
    cookies: Rc<Cookies>,
    current: RefCell<Option<Rc<Connection>>>,
}

struct Connection {
    expected: Rc<Expected>,
    /// Written by nobody yet.
    outgoing: RefCell<Vec<u8>>,
    /// When the first query went out behind which nothing has come.
    quiet_since: Cell<Option<Instant>>,
}

impl Connection {
    /// Whether another query may go over it. Connections die without a word (a router forgets them, a server
    /// restarts), and of those that do not answer this is all that can be seen.
    fn takes_queries(&self, now: Instant) -> bool {
        let is_quiet = |since| now.saturating_duration_since(since) >= TCP_QUIET;
        !self.expected.has_ended()
            && self.expected.len() < TCP_QUERIES
            && !self.quiet_since.get().is_some_and(is_quiet)
    }
}

impl Streams {
    pub(super) fn new(server: SocketAddr, cookies: Rc<Cookies>) -> Streams {
        Streams {
            server,
            cookies,
            current: RefCell::default(),
        }
    }

    pub(super) fn send(
        &self,
        outgoing: &Outgoing<'_>,
        write: impl FnOnce(u16) -> Vec<u8>,
        random: &Random,
    ) -> io::Result<Expecting> {
        let now = Reactor::current().now();
        let connection = self.connection(now);
        let id = connection.expected.free_id(random)?;
        let query = write(id);
        let length = u16::try_from(query.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut buffer = connection.outgoing.borrow_mut();
        buffer.extend_from_slice(&length.to_be_bytes());
        buffer.extend_from_slice(&query);
        drop(buffer);
        let since = connection.quiet_since.get().unwrap_or(now);
        connection.quiet_since.set(Some(since));
        let expecting = connection.expected.expect(id, query, outgoing);
        connection.expected.wake_reader();
        Ok(expecting)
    }

    /// The one there is, or a new one; the other goes on for as long as anything is expected of it.
    fn connection(&self, now: Instant) -> Rc<Connection> {
        let mut current = self.current.borrow_mut();
        let usable = |connection: &&Rc<Connection>| connection.takes_queries(now);
        if let Some(connection) = current.as_ref().filter(usable) {
            return connection.clone();
        }
        let connection = Rc::new(Connection {
            expected: Expected::new(Carrier::Stream, self.cookies.clone()),
            outgoing: RefCell::default(),
            quiet_since: Cell::new(None),
        });
        connection.expected.tell_when_empty();
        drop(spawn(drive(self.server, connection.clone())));
        current.insert(connection).clone()
    }
}

async fn drive(server: SocketAddr, connection: Rc<Connection>) -> evcore::Result<()> {
    let trouble = match connect(server, &connection).await {
        Ok(Some(stream)) => {
            exchange(&stream, &connection).await;
            Trouble::Closed
        }
        Ok(None) => Trouble::Closed,
        Err(error) => trouble_of(&error),
    };
    connection.expected.end(trouble);
    Ok(())
}

/// `None` if nobody waits any more.
async fn connect(
    server: SocketAddr,
    connection: &Connection,
) -> io::Result<Option<impl ByteStream>> {
    let mut connecting = pin!(connect_tcp(server, None));
    poll_fn(|cx| {
        connection.expected.read_by(cx.waker());
        match connecting.as_mut().poll(cx) {
            Poll::Ready(connected) => Poll::Ready(connected.map(Some)),
            Poll::Pending if connection.expected.is_empty() => Poll::Ready(Ok(None)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Writes and reads until the other end closes, or nothing was asked for a while.
async fn exchange(stream: &impl ByteStream, connection: &Connection) {
    let mut incoming = Incoming::default();
    let mut idle = None;
    poll_fn(|cx| {
        connection.expected.read_by(cx.waker());
        if write(stream, connection, cx).is_err() {
            return Poll::Ready(());
        }
        while let Poll::Ready(read) = incoming.poll(stream, cx) {
            if !matches!(read, Ok(1..)) {
                return Poll::Ready(());
            }
            connection.quiet_since.set(None);
            while let Some(mut message) = incoming.take() {
                connection.expected.hear(&mut message);
            }
        }
        if !connection.expected.is_empty() {
            idle = None;
            return Poll::Pending;
        }
        let closing = Reactor::current().now() + TCP_IDLE;
        let alarm = idle.get_or_insert_with(|| sleep_until(closing).into_future());
        Pin::new(alarm).poll(cx).map(drop)
    })
    .await;
}

fn write(
    stream: &impl ByteStream,
    connection: &Connection,
    cx: &mut Context<'_>,
) -> io::Result<()> {
    let mut buffer = connection.outgoing.borrow_mut();
    while !buffer.is_empty() {
        match stream.poll_write_vectored(cx, &[IoSlice::new(&buffer)]) {
            Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(written) => drop(buffer.drain(..written?)),
            Poll::Pending => return Ok(()),
        }
    }
    match stream.poll_flush(cx) {
        Poll::Ready(flushed) => flushed,
        Poll::Pending => Ok(()),
    }
}

/// Bytes that have come, up to whole messages: never more than one length field can announce, and a piece.
#[derive(Default)]
struct Incoming {
    buffer: Vec<u8>,
}

const PIECE: usize = 4_096;

impl Incoming {
    fn poll(&mut self, stream: &impl ByteStream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let before = self.buffer.len();
        self.buffer.resize(before + PIECE, 0);
        let read = stream.poll_read(cx, &mut self.buffer[before..]);
        let length = match &read {
            Poll::Ready(Ok(length)) => *length,
            _ => 0,
        };
        self.buffer.truncate(before + length);
        read
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        let (length, rest) = self.buffer.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let message = rest.get(..length)?.to_vec();
        self.buffer.drain(..2 + length);
        Some(message)
    }
}
