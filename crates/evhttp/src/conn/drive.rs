//! One exchange on one connection: what the codec wants to write and read is
//! moved to and from the socket, both ways at once. Which connection, and
//! what to do about failures, is decided elsewhere.

use std::cell::RefCell;
use std::future::{Future, IntoFuture};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use evcore::net::{Address, ByteStream};
use evcore::{Await, Emitter, Reactor, sleep};
use http::{HeaderValue, StatusCode};

use super::room::Permit;
use super::transport::Transport;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Phase};
use crate::event::{INFORMATIONAL, Informational, Progress, SENT, Sent, UPLOAD};
use crate::h1::{ClientExchange, Event, Fault, ResponseHead};
use crate::limits::{CONTINUE_WITHIN, RECEIVED_AT_ONCE};

/// A connection with what belongs to it between two exchanges.
pub(crate) struct Connection {
    pub(crate) stream: Transport,
    pub(crate) peer: Address,
    /// The Host field of all its requests.
    pub(crate) host: HeaderValue,
    pub(crate) reused: bool,
    /// How often the network had changed before it was made.
    pub(crate) generation: u64,
    /// Its place among those of its client, from 1.
    pub(crate) number: u64,
    /// Its place among the client's connections.
    pub(crate) permit: Option<Permit>,
    /// Received and not understood yet.
    input: BytesMut,
    /// Written and not sent yet.
    output: BytesMut,
}

impl Connection {
    /// In one place for life: it goes from hand to hand with each call.
    pub(crate) fn new(stream: Transport, peer: Address, host: HeaderValue) -> Box<Connection> {
        let (input, output) = (BytesMut::new(), BytesMut::new());
        Box::new(Connection {
            stream,
            peer,
            host,
            reused: false,
            generation: 0,
            number: 0,
            permit: None,
            input,
            output,
        })
    }

    /// Whether something has come, or the end, that nobody asked for. No
    /// system call unless the loop has heard something.
    pub(crate) fn is_dead(&self, cx: &mut Context<'_>) -> bool {
        // A byte is never taken from a good connection: none is there.
        self.stream.poll_read(cx, &mut [0]).is_ready()
    }
}

impl Connection {
    /// As [`is_dead`](Connection::is_dead) denied, but by asking the socket.
    pub(crate) fn is_quiet(&self) -> bool {
        self.stream.is_quiet()
    }
}

/// Memory to receive into, which comes back when the bytes are let go.
#[derive(Clone)]
pub(crate) struct Recycler(Arc<Mutex<Vec<Vec<u8>>>>);

/// Pieces of that memory kept for the next receive; the rest is freed.
const KEPT: usize = 4;

struct Lent {
    memory: Vec<u8>,
    home: Recycler,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.memory
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut kept = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(std::mem::take(&mut self.memory));
        }
    }
}

impl Recycler {
    pub(crate) fn new() -> Recycler {
        Recycler(Arc::default())
    }

    fn borrow(&self) -> Vec<u8> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| vec![0; RECEIVED_AT_ONCE])
    }

    fn put_back(&self, memory: Vec<u8>) {
        drop(Lent {
            memory,
            home: self.clone(),
        });
    }

    /// What was received, as a piece of its own. A small one is copied: who
    /// keeps it must not keep all of the memory.
    fn piece(&self, memory: Vec<u8>, length: usize) -> Bytes {
        if length < DIRECT {
            let piece = Bytes::copy_from_slice(&memory[..length]);
            self.put_back(memory);
            return piece;
        }
        Bytes::from_owner(Lent {
            memory,
            home: self.clone(),
        })
        .slice(..length)
    }
}

/// What all connections of a client share for moving bytes.
pub(crate) struct Buffers {
    /// Small messages are received here, and only what they hold is copied.
    pub(crate) scratch: RefCell<Vec<u8>>,
    pub(crate) recycler: Recycler,
}

/// From this size on, the rest of a body is received straight into the
/// memory the consumer gets: below it a copy is cheaper.
const DIRECT: usize = 16 << 10;

/// What one receive brought.
enum Received {
    /// Something for the codec, in its input.
    Input,
    /// A piece of the body, accounted for.
    Piece(Bytes),
    /// The peer has ended its side.
    End,
}

/// How the request's body goes out.
struct Upload {
    body: Body,
    /// The piece being sent, and what ends its frame.
    piece: Bytes,
    suffix: &'static [u8],
    sent: u64,
    total: Option<u64>,
    began: Option<Instant>,
    written: bool,
}

/// What the body of a request with `Expect: 100-continue` waits for (RFC 9110 §10.1.1).
enum Hold {
    /// A 100, or a second from when the head has gone.
    Asking(Option<Await<()>>),
    /// It was answered before it was sent: it never goes.
    Refused,
}

/// Whether the server was asked if it wants the body, and what it has made of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Not,
    /// It has answered, or may yet.
    InTime,
    /// It let all the time pass: the body went without a word.
    InVain,
}

/// One exchange on its way.
pub(crate) struct Drive {
    connection: Option<Box<Connection>>,
    codec: ClientExchange,
    upload: Upload,
    /// Boxed, and looked at apart from the usual way: few requests have one.
    hold: Option<Box<Hold>>,
    pub(crate) asked: Asked,
    emitter: Emitter,
    /// Which hop and attempt of its call this is.
    place: Sent,
    /// It was told that all is sent.
    told_sent: bool,
    buffers: Rc<Buffers>,
    /// Bytes moved both ways.
    pub(crate) moved: u64,
    /// The kernel has taken some of the request.
    pub(crate) some_sent: bool,
    /// The server has said something.
    pub(crate) some_received: bool,
    /// Sending has failed; the server may have said why before it closed.
    send_error: Option<io::Error>,
}

impl Drive {
    pub(crate) fn new(
        connection: Box<Connection>,
        codec: ClientExchange,
        body: Body,
        (emitter, place): (Emitter, Sent),
        buffers: Rc<Buffers>,
    ) -> Drive {
        let total = body.length();
        let upload = Upload {
            body,
            piece: Bytes::new(),
            suffix: b"",
            sent: 0,
            total,
            began: None,
            written: false,
        };
        Drive {
            connection: Some(connection),
            codec,
            upload,
            hold: None,
            asked: Asked::Not,
            emitter,
            place,
            told_sent: false,
            buffers,
            moved: 0,
            some_sent: false,
            some_received: false,
            send_error: None,
        }
    }

    /// Sends the body only when the server says so, or nothing.
    pub(crate) fn ask_first(&mut self) {
        self.hold = Some(Box::new(Hold::Asking(None)));
        self.asked = Asked::InTime;
    }

    /// Whether the head has gone and the server is waited for to allow the body: for a time of its own, which is no limit's
    /// to cut short.
    pub(crate) fn is_asking(&self) -> bool {
        matches!(self.hold.as_deref(), Some(Hold::Asking(Some(_))))
    }

    /// Whether the body waits to be allowed, or never was.
    pub(crate) fn holds_body(&self) -> bool {
        self.hold.is_some()
    }

    /// The body, if nobody has allowed it to go: none of it has been read.
    #[cold]
    pub(crate) fn unread_body(&mut self) -> Option<Body> {
        self.hold.is_some().then(|| self.upload.body.take())
    }

    pub(crate) fn codec(&self) -> &ClientExchange {
        &self.codec
    }

    fn connection(&mut self) -> &mut Connection {
        self.connection
            .as_mut()
            .expect("given away only when the exchange is over")
    }

    /// The codec and the buffer it writes to.
    pub(crate) fn writer(&mut self) -> (&mut ClientExchange, &mut BytesMut, HeaderValue) {
        let connection = self.connection.as_mut().expect("as above");
        (
            &mut self.codec,
            &mut connection.output,
            connection.host.clone(),
        )
    }

    pub(crate) fn peer(&mut self) -> &Address {
        &self.connection().peer
    }

    /// The connection, if it may carry another exchange.
    pub(crate) fn finish(&mut self) -> Option<Box<Connection>> {
        let mut connection = self.connection.take()?;
        let unsent = !connection.output.is_empty() || !self.upload.piece.is_empty();
        if unsent || self.codec.verdict() != crate::h1::Verdict::Keep {
            return None;
        }
        connection.reused = true;
        Some(connection)
    }

    /// The stream, and what has come behind the head, once the connection speaks another protocol; `None` if some of
    /// the request is still to be sent. Its place among the client's connections is free from now on.
    #[cold]
    pub(crate) fn hand_over(&mut self) -> Option<(Transport, Bytes)> {
        let connection = *self.connection.take()?;
        let sent = connection.output.is_empty() && self.upload.piece.is_empty();
        sent.then(|| (connection.stream, connection.input.freeze()))
    }

    /// The next event of the response, sending the request meanwhile.
    pub(crate) fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Event<ResponseHead>, Error>> {
        if self.send_error.is_none()
            && let Poll::Ready(Err(error)) = self.poll_send(cx)
        {
            return Poll::Ready(Err(error));
        }
        loop {
            let connection = self.connection.as_mut().expect("as above");
            match self
                .codec
                .next(&mut connection.input)
                .map_err(|f| self.broken(f))?
            {
                Event::NeedInput => {}
                event => {
                    if self.hold.is_some() {
                        self.note_answer(&event);
                    }
                    return Poll::Ready(Ok(event));
                }
            }
            match ready!(self.poll_receive(cx)) {
                Ok(Received::Input) => {}
                Ok(Received::Piece(piece)) => return Poll::Ready(Ok(Event::Piece(piece))),
                Ok(Received::End) => return Poll::Ready(self.at_end()),
                Err(error) => return Poll::Ready(Err(self.lost(error))),
            }
        }
    }

    /// A 100 lets the body go; a final answer keeps it for good.
    #[cold]
    fn note_answer(&mut self, event: &Event<ResponseHead>) {
        match event {
            Event::Informational(head) if head.status == StatusCode::CONTINUE => {
                self.hold = None;
            }
            Event::Head(..) => self.hold = Some(Box::new(Hold::Refused)),
            _ => {}
        }
    }

    /// Sends the head, and waits until the body may go.
    #[cold]
    #[inline(never)]
    fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        let Some(Hold::Asking(timer)) = self.hold.as_deref_mut() else {
            return Poll::Pending;
        };
        let timer = timer.get_or_insert_with(|| sleep(CONTINUE_WITHIN).into_future());
        ready!(Pin::new(timer).poll(cx)).map_err(io::Error::other)?;
        (self.hold, self.asked) = (None, Asked::InVain);
        Poll::Ready(Ok(()))
    }

    /// An event that needs no more bytes than are there.
    pub(crate) fn next_at_hand(&mut self) -> Option<Event<ResponseHead>> {
        let connection = self.connection.as_mut().expect("as above");
        match self.codec.want() {
            Some(want) if want > connection.input.len() => None,
            _ => self.codec.next(&mut connection.input).ok(),
        }
    }

    fn at_end(&mut self) -> Result<Event<ResponseHead>, Error> {
        let connection = self.connection.as_mut().expect("as above");
        let event = self.codec.end_of_input(&mut connection.input);
        event.map_err(|fault| match self.send_error.take() {
            Some(error) => self.failed(Phase::Send, error),
            None => self.broken(fault),
        })
    }

    /// Receives once: into the codec's input, or, in the middle of a large
    /// body, straight into a piece of it.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Received>> {
        let buffers = self.buffers.clone();
        let connection = self.connection.as_mut().expect("as above");
        let want = self
            .codec
            .want()
            .filter(|&want| connection.input.is_empty() && want >= DIRECT);
        let Some(want) = want else {
            let mut scratch = buffers.scratch.borrow_mut();
            let received = ready!(connection.stream.poll_read(cx, &mut scratch))?;
            if received == 0 {
                return Poll::Ready(Ok(Received::End));
            }
            connection.input.extend_from_slice(&scratch[..received]);
            self.some_received = true;
            self.moved += received as u64;
            return Poll::Ready(Ok(Received::Input));
        };
        let mut memory = buffers.recycler.borrow();
        let room = want.min(memory.len());
        match connection.stream.poll_read(cx, &mut memory[..room]) {
            Poll::Ready(Ok(received)) if received > 0 => {
                self.codec.pass(received);
                self.moved += received as u64;
                Poll::Ready(Ok(Received::Piece(
                    buffers.recycler.piece(memory, received),
                )))
            }
            other => {
                buffers.recycler.put_back(memory);
                other.map_ok(|_| Received::End)
            }
        }
    }

    /// Sends what there is to send. Ready when all of the request is sent,
    /// or when that has failed in a way the response may explain.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.hold.is_some()
            && let Err(error) = ready!(self.poll_hold(cx))
        {
            self.send_error = Some(error);
            return Poll::Ready(Ok(()));
        }
        self.gather()?;
        loop {
            if let Err(error) = ready!(self.poll_flush(cx)) {
                self.send_error = Some(error);
                return Poll::Ready(Ok(()));
            }
            if self.upload.written {
                if !std::mem::replace(&mut self.told_sent, true) && self.emitter.wants(SENT) {
                    self.emitter.emit(SENT, self.place);
                }
                return Poll::Ready(Ok(()));
            }
            match ready!(self.upload.body.poll_piece(cx)) {
                Some(Ok(piece)) => self.frame(piece)?,
                Some(Err(error)) => {
                    let why = io::Error::other(error);
                    return Poll::Ready(Err(self.failed(Phase::Send, why)));
                }
                None => self.end_request()?,
            }
        }
    }

    /// A body that is all there goes out with the head: one call less.
    fn gather(&mut self) -> Result<(), Error> {
        let whole = self.upload.body.as_whole().cloned();
        match whole.filter(|_| !self.upload.written && self.upload.piece.is_empty()) {
            Some(whole) if whole.is_empty() => self.end_request(),
            Some(whole) => {
                drop(self.upload.body.take());
                self.frame(whole)
            }
            None => Ok(()),
        }
    }

    fn frame(&mut self, piece: Bytes) -> Result<(), Error> {
        let frame = self
            .codec
            .frame_piece(piece.len())
            .map_err(|f| self.unsendable(f))?;
        self.connection().output.extend_from_slice(frame.prefix());
        self.upload
            .began
            .get_or_insert_with(|| Reactor::current().now());
        self.upload.piece = piece;
        self.upload.suffix = frame.suffix();
        Ok(())
    }

    fn end_request(&mut self) -> Result<(), Error> {
        let connection = self.connection.as_mut().expect("as above");
        let trailers = self.upload.body.take_trailers();
        let ended = self
            .codec
            .write_end(trailers.as_ref(), &mut connection.output);
        self.upload.written = true;
        ended.map_err(|fault| self.unsendable(fault))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let connection = self.connection.as_mut().expect("as above");
            let Upload { piece, suffix, .. } = &mut self.upload;
            let slices = [&connection.output[..], &piece[..], suffix];
            if slices.iter().all(|slice| slice.is_empty()) {
                connection.output.clear();
                return connection.stream.poll_flush(cx);
            }
            let sent = match piece.is_empty() && suffix.is_empty() {
                true => {
                    let slices = [IoSlice::new(&connection.output)];
                    ready!(connection.stream.poll_write_vectored(cx, &slices))?
                }
                false => {
                    let slices = slices.map(IoSlice::new);
                    ready!(connection.stream.poll_write_vectored(cx, &slices))?
                }
            };
            self.some_sent = true;
            self.moved += sent as u64;
            let head = sent.min(connection.output.len());
            match head == connection.output.len() {
                // Unlike `advance`, it leaves the memory whole for the next request.
                true => connection.output.clear(),
                false => connection.output.advance(head),
            }
            let body = (sent - head).min(piece.len());
            piece.advance(body);
            *suffix = &suffix[sent - head - body..];
            if body > 0 {
                self.tell_upload(body as u64);
            }
        }
    }

    fn tell_upload(&mut self, sent: u64) {
        let upload = &mut self.upload;
        upload.sent += sent;
        let now = Reactor::current().now();
        let elapsed = now - *upload.began.get_or_insert(now);
        self.emitter
            .emit(UPLOAD, Progress::new(upload.sent, upload.total, elapsed));
    }

    pub(crate) fn tell_informational(&self, head: ResponseHead) {
        let Sent { hop, attempt } = self.place;
        let ResponseHead {
            status, headers, ..
        } = head;
        let told = Informational {
            status,
            headers,
            hop,
            attempt,
        };
        self.emitter.emit(INFORMATIONAL, told);
    }

    /// The step this is in, for who gives it up.
    pub(crate) fn step(&self) -> Phase {
        let unsent = self
            .connection
            .as_ref()
            .is_some_and(|c| !c.output.is_empty());
        match self.codec.head_received() {
            false if unsent || !self.upload.written || !self.upload.piece.is_empty() => Phase::Send,
            _ => self.phase(),
        }
    }

    fn phase(&self) -> Phase {
        if self.codec.head_received() {
            Phase::Body
        } else {
            Phase::Head
        }
    }

    fn lost(&mut self, error: io::Error) -> Error {
        match self.send_error.take() {
            Some(earlier) => self.failed(Phase::Send, earlier),
            None => self.failed(self.step(), error),
        }
    }

    fn failed(&mut self, phase: Phase, error: io::Error) -> Error {
        Error::io(phase, error).at_end(self.peer())
    }

    fn broken(&mut self, fault: Fault) -> Error {
        Error::new(self.phase(), ErrorKind::Protocol(fault)).at_end(self.peer())
    }

    fn unsendable(&mut self, fault: Fault) -> Error {
        Error::new(Phase::Send, ErrorKind::Protocol(fault)).at_end(self.peer())
    }
}
