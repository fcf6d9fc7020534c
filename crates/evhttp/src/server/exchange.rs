//! A server's conversation on one connection: requests in, responses out, in
//! order, until one side has enough.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use evcore::Result;
use http::header::DATE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::io::{Io, Turn};
use super::{Brief, Kind, Reply, Request, failed, switch};
use crate::body::{Body, Pieces};
use crate::error::{Error, ErrorKind, Phase};
use crate::h1::{BodyLength, Event, Fault, Framing, RequestHead, Verdict};
use crate::limits::{DRAINED, GATHERED};
use crate::response::{Response, Taker};

/// Answers requests until the connection is over, or goes to somebody else. What is there and can be answered at once
/// takes no step back to the loop, nor a coroutine inside this one.
pub(super) async fn converse(
    function: &dyn Fn(Request) -> Reply,
    io: &Rc<Io>,
) -> Result<Option<Taker>> {
    loop {
        let reply = match poll_fn(|cx| poll_reply(function, io, cx)).await {
            Ok(Some(reply)) => reply,
            Ok(None) => return Ok(None),
            Err(error) => return refuse(io, error).await.map(|()| None),
        };
        let mut answer = match reply.0 {
            Kind::Later(later) => match unless_gone(io, later).await {
                Some(answer) => Kind::Ready(answer.unwrap_or_else(|error| failed(&error))),
                None => return Ok(None),
            },
            at_once => at_once,
        };
        if let Kind::Ready(response) = &answer
            && let Some(taker) = response.take_taker()
        {
            match Box::pin(switch::answer(io, response)).await? {
                None => return Ok(Some(taker)),
                Some(refusal) => answer = Kind::Ready(refusal),
            }
        }
        // RFC 9110 §10.1.1: not told to go on, the peer may send its body or
        // not, so that nothing can follow.
        let unwanted = io.codec.borrow().expects_continue();
        if unwanted {
            io.codec.borrow_mut().close_when_done();
        }
        if let Some(body) = write(io, answer)? {
            send(io, body).await?;
        }
        io.end_exchange();
        let unread = unwanted || !io.all_read.get() && drain(io).await.is_err();
        if unread || io.codec.borrow_mut().restart() != Verdict::Keep {
            return linger(io).await.map(|()| None);
        }
        if io.unsent() >= GATHERED {
            flush(io).await?;
        }
    }
}

/// What the user's work comes to; `None` as soon as the peer ends its side,
/// for then nobody waits for it any more. A peer that only half-closes is
/// taken for gone as well, as nginx and hyper do.
async fn unless_gone<F: Future>(io: &Io, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    let done = poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => io.reader.both(cx, |cx| io.poll_gone(cx)).map(|()| None),
    });
    let done = done.await;
    io.undate();
    done
}

pub(super) fn broken(phase: Phase, io: &Io, fault: Fault) -> Error {
    Error::new(phase, ErrorKind::Protocol(fault)).at(io.peer)
}

fn lost(phase: Phase, io: &Io, error: std::io::Error) -> Error {
    Error::io(phase, error).at(io.peer)
}

/// What the user's function says to the next request; what is answered already goes out while we wait for one. `None`
/// at the end.
fn poll_reply(
    function: &dyn Fn(Request) -> Reply,
    io: &Rc<Io>,
    cx: &mut Context<'_>,
) -> Poll<Result<Option<Reply>, Error>> {
    loop {
        let event = io.codec.borrow_mut().next(&mut io.input.borrow_mut());
        match event {
            Ok(Event::Head(head, framing)) => {
                let reply = function(request(io, head, framing, cx));
                return Poll::Ready(Ok(Some(reply)));
            }
            Ok(Event::Closed) => return Poll::Ready(Ok(None)),
            Ok(_) => {}
            Err(fault) => return Poll::Ready(Err(broken(Phase::Head, io, fault))),
        }
        let more = poll_more(io, cx);
        if more.is_pending() {
            io.wait_for_request();
        }
        if !ready!(more)? {
            let event = io
                .codec
                .borrow_mut()
                .end_of_input(&mut io.input.borrow_mut());
            event.map_err(|fault| broken(Phase::Head, io, fault))?;
            return Poll::Ready(Ok(None));
        }
    }
}

/// It is the user's turn to answer this.
fn request(io: &Rc<Io>, head: RequestHead, framing: Framing, cx: &Context<'_>) -> Request {
    io.turn_to(Turn::Ours);
    io.all_read.set(framing == Framing::None);
    let body = match framing {
        Framing::None => Body::empty(),
        _ => {
            io.reader.begin(cx);
            Body::pieces(Incoming::new(io))
        }
    };
    Request::new(head, body, io.peer)
}

/// Sends what is answered already, then receives once. `Ok(false)` at the end.
fn poll_more(io: &Io, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
    ready!(io.poll_flush(cx)).map_err(|error| lost(Phase::Send, io, error))?;
    io.poll_receive(cx)
        .map_err(|error| lost(Phase::Head, io, error))
}

/// Answers what is no proper request, and closes.
async fn refuse(io: &Rc<Io>, error: Error) -> Result<()> {
    if let ErrorKind::Protocol(fault) = error.kind() {
        let response = Response::plain(format!("{fault}\n")).with_status(fault.status());
        if let Ok(body) = write_response(io, response) {
            if let Some(body) = body {
                send(io, body).await?;
            }
            linger(io).await?;
        }
    }
    Err(error.into())
}

/// Puts the answer into the output, if it is all there and not large; else its head, and hands out its body. What can't
/// be sent is answered with 500.
fn write(io: &Io, answer: Kind) -> Result<Option<Body>> {
    match answer {
        Kind::Brief(brief) => match write_brief(io, &brief) {
            true => Ok(None),
            false => write_response(io, brief.into()),
        },
        Kind::Ready(response) => write_response(io, response),
        Kind::Later(_) => unreachable!("it has been waited for"),
    }
}

/// A small answer with the head that others have had, if its request wants no other.
fn write_brief(io: &Io, brief: &Brief) -> bool {
    let mut stock = io.stock();
    let head = stock.head(brief.status, brief.plain);
    head.filter(|_| brief.body.len() <= COPIED)
        .is_some_and(|head| {
            let mut codec = io.codec.borrow_mut();
            codec.write_message(head, &brief.body, &mut io.output())
        })
}

fn write_response(io: &Io, mut response: Response) -> Result<Option<Body>> {
    let body = match response.body_to_send() {
        Ok(body) => body,
        Err(taken) => return write_response(io, failed(&taken)),
    };
    if io.codec.borrow().would_switch(response.status()) {
        let why = "nobody takes the connection after this response";
        return write_response(io, failed(&why.into()));
    }
    let stock = (!response.has(&DATE)).then(|| io.stock());
    let date = stock.iter().map(|stock| (&DATE, stock.date()));
    write_whole(io, response.status(), response.fields().chain(date), body)
}

/// From this size on a piece is sent from where it lies; below it, copying
/// it behind the head saves gathering.
const COPIED: usize = 16 << 10;

/// Small whole bodies stay in the output, to go out together with what else is there.
fn write_whole<'a>(
    io: &Io,
    status: StatusCode,
    fields: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
    body: Body,
) -> Result<Option<Body>> {
    let length = match body.length() {
        Some(length) => BodyLength::Known(length),
        None => BodyLength::Unknown,
    };
    // The body, which may be the user's to drop, goes after these.
    let (mut codec, mut output) = (io.codec.borrow_mut(), io.output());
    let fail = |fault| broken(Phase::Send, io, fault);
    let framing = codec.write_head(status, fields, length, &mut output);
    let framing = framing.or_else(|fault| {
        log::error!("a response could not be sent: {fault}");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let again = codec.write_head(status, &HeaderMap::new(), BodyLength::None, &mut output);
        again.map_err(fail)
    })?;
    let whole = match framing {
        Framing::None => Some(&b""[..]),
        _ => body.as_whole().map(|whole| &whole[..]),
    };
    match whole.filter(|whole| whole.len() <= COPIED) {
        Some(whole) => {
            codec.write_piece(whole, &mut output).map_err(fail)?;
            codec.write_end(None, &mut output).map_err(fail)?;
            Ok(None)
        }
        None => Ok(Some(body)),
    }
}

/// Sends a body that comes in pieces, or is large, behind its head.
async fn send(io: &Io, mut body: Body) -> Result<()> {
    while let Some(piece) = next_piece(io, &mut body).await? {
        if piece.len() <= COPIED {
            write_piece(io, &piece)?;
            flush(io).await?;
        } else {
            send_piece(io, piece).await?;
        }
    }
    let trailers = body.take_trailers();
    let mut codec = io.codec.borrow_mut();
    let ended = codec.write_end(trailers.as_ref(), &mut io.output());
    ended.map_err(|fault| broken(Phase::Send, io, fault).into())
}

/// Copies a piece behind what is in the output already.
fn write_piece(io: &Io, piece: &Bytes) -> Result<()> {
    let written = io.codec.borrow_mut().write_piece(piece, &mut io.output());
    written.map_err(|fault| broken(Phase::Send, io, fault).into())
}

/// The next piece of an answer's body.
async fn next_piece(io: &Io, body: &mut Body) -> Result<Option<Bytes>> {
    let Some(piece) = unless_gone(io, body.next()).await else {
        let gone = std::io::ErrorKind::ConnectionAborted.into();
        return Err(lost(Phase::Send, io, gone).into());
    };
    piece.inspect_err(|error| log::error!("a response's body ended early: {error}"))
}

async fn send_piece(io: &Io, mut piece: Bytes) -> Result<()> {
    let frame = io.codec.borrow_mut().frame_piece(piece.len());
    let frame = frame.map_err(|fault| broken(Phase::Send, io, fault))?;
    io.output().extend_from_slice(frame.prefix());
    let mut suffix = frame.suffix();
    io.turn_to(Turn::Body);
    let sent = poll_fn(|cx| {
        let reader = &io.reader;
        reader.both(cx, |cx| io.poll_send(cx, &mut piece, &mut suffix))
    });
    let sent = sent.await;
    io.turn_to(Turn::Ours);
    sent.map_err(|error| lost(Phase::Send, io, error).into())
}

pub(super) async fn flush(io: &Io) -> Result<()> {
    io.turn_to(Turn::Body);
    let sent = poll_fn(|cx| io.reader.both(cx, |cx| io.poll_flush(cx))).await;
    io.turn_to(Turn::Ours);
    sent.map_err(|error| lost(Phase::Send, io, error).into())
}

/// Reads what the answer has left unread of the request's body, so that the
/// next request can be found; if that is too much, the connection ends.
pub(super) async fn drain(io: &Rc<Io>) -> Result<()> {
    if io.all_read.get() {
        return Ok(());
    }
    let mut left = Incoming::new(io);
    let mut drained = 0;
    while let Some(piece) = poll_fn(|cx| left.poll_piece(cx)).await {
        drained += piece?.len() as u64;
        if drained > DRAINED {
            return Ok(());
        }
    }
    Ok(())
}

/// RFC 9112 §9.6: closing with unread bytes would reset the connection, and
/// the peer might lose the response: end our side, then wait for its end.
async fn linger(io: &Io) -> Result<()> {
    flush(io).await?;
    io.shut_down();
    io.turn_to(Turn::Farewell);
    let mut drained = 0;
    loop {
        let more = poll_fn(|cx| io.poll_receive(cx)).await;
        let length = io.input.borrow().len();
        io.input.borrow_mut().clear();
        drained += length as u64;
        if !matches!(more, Ok(true)) || drained > DRAINED {
            return Ok(());
        }
    }
}

/// A request's body, on the wire. It keeps no connection: who keeps it may do so for long.
struct Incoming {
    io: Weak<Io>,
    exchange: u64,
    trailers: Option<HeaderMap>,
    ended: bool,
}

impl Incoming {
    fn new(io: &Rc<Io>) -> Incoming {
        Incoming {
            io: Rc::downgrade(io),
            exchange: io.exchange.get(),
            trailers: None,
            ended: false,
        }
    }

    /// The connection, unless the exchange is over.
    fn io(&self) -> Option<Rc<Io>> {
        let io = self.io.upgrade();
        io.filter(|io| io.exchange.get() == self.exchange)
    }

    fn poll_wire(&mut self, io: &Io, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        let fail = |fault| broken(Phase::Body, io, fault);
        let mut at_end = false;
        loop {
            let event = match at_end {
                true => io
                    .codec
                    .borrow_mut()
                    .end_of_input(&mut io.input.borrow_mut()),
                false => io.codec.borrow_mut().next(&mut io.input.borrow_mut()),
            };
            match event.map_err(fail)? {
                Event::Piece(piece) => return Poll::Ready(Ok(Some(piece))),
                Event::End { trailers } => {
                    io.all_read.set(true);
                    self.trailers = trailers;
                    return Poll::Ready(Ok(None));
                }
                Event::Closed => return Poll::Ready(Ok(None)),
                _ => {}
            }
            io.wait_for_body(cx);
            at_end = !ready!(io.reader.both(cx, |cx| poll_more_of_body(io, cx)))?;
        }
    }
}

/// Receives once, for a body that is wanted. `Ok(false)` at the end.
fn poll_more_of_body(io: &Io, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
    ready!(poll_go_on(io, cx))?;
    io.poll_receive(cx)
        .map_err(|error| lost(Phase::Body, io, error))
}

/// RFC 9110 §10.1.1: the peer may be waiting for our word to go on.
fn poll_go_on(io: &Io, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
    let mut codec = io.codec.borrow_mut();
    if codec.expects_continue() {
        let written = codec.write_continue(&mut io.output());
        written.map_err(|fault| broken(Phase::Body, io, fault))?;
    }
    drop(codec);
    io.poll_flush(cx)
        .map_err(|error| lost(Phase::Send, io, error))
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(io) = self.io() {
            io.reader.rest();
        }
    }
}

impl Pieces for Incoming {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let Some(io) = self.io() else {
            self.ended = true;
            let late = "the request's body went with its exchange, which is over";
            return Poll::Ready(Some(Err(late.into())));
        };
        let piece = ready!(self.poll_wire(&io, cx));
        io.reader.rest();
        self.ended = !matches!(piece, Ok(Some(_)));
        Poll::Ready(piece.map_err(Into::into).transpose())
    }

    fn length(&self) -> Option<u64> {
        match self.io().filter(|_| !self.ended) {
            None => Some(0),
            Some(io) => io.codec.borrow().want().map(|want| want as u64),
        }
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }
}
