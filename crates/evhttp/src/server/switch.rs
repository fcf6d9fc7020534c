//! A connection that a server hands over: the head that does so, and the stream that keeps its seat. Who takes it, and what
//! for, is the user's.

use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::{Context, Poll};

use evcore::Result;
use evcore::net::{Address, ByteStream};
use http::header::DATE;

use super::accept::Seat;
use super::exchange::{broken, drain, flush};
use super::failed;
use super::io::Io;
use crate::error::Phase;
use crate::h1::BodyLength;
use crate::response::{Response, Taker};
use crate::upgraded::Upgraded;

/// Sends the head after which the connection is somebody else's; or the answer to give instead.
#[cold]
pub(super) async fn answer(io: &Rc<Io>, response: &Response) -> Result<Option<Response>> {
    if !io.codec.borrow().would_switch(response.status()) {
        let why = "the response hands the connection over, and the request does not ask for that";
        return Ok(Some(failed(&why.into())));
    }
    // RFC 9110 §7.8: until the request is over the peer can't speak otherwise, and a 100 it waits for comes first.
    io.end_exchange();
    if let Err(error) = drain(io).await {
        return Ok(Some(failed(&error)));
    }
    if !io.all_read.get() {
        let why = "too much of the request's body is unread for the connection to be handed over";
        return Ok(Some(failed(&why.into())));
    }
    let written = {
        let stock = (!response.has(&DATE)).then(|| io.stock());
        let date = stock.iter().map(|stock| (&DATE, stock.date()));
        let (mut codec, mut output) = (io.codec.borrow_mut(), io.output());
        let (status, fields) = (response.status(), response.fields().chain(date));
        codec
            .write_head(status, fields, BodyLength::None, &mut output)
            .and_then(|_| codec.write_end(None, &mut output))
    };
    written.map_err(|fault| broken(Phase::Send, io, fault))?;
    flush(io).await?;
    Ok(None)
}

/// Gives the stream to who takes it, and sees his work to its end.
#[cold]
pub(super) async fn hand_over(io: Rc<Io>, seat: Seat, taker: Taker) -> Result<()> {
    let early = io.hand_over();
    let stream = Upgraded::new(early, Handed { _seat: seat, io });
    taker(stream).await
}

/// A connection that was handed over: one of its server's until it is closed.
struct Handed {
    /// Goes first: it lets go of the connection as well.
    _seat: Seat,
    io: Rc<Io>,
}

impl ByteStream for Handed {
    fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.io.stream().poll_read(cx, into)
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io.stream().poll_write_vectored(cx, from)
    }

    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.stream().poll_shutdown(cx)
    }

    fn peer(&self) -> Address {
        self.io.stream().peer()
    }

    fn local(&self) -> io::Result<Address> {
        self.io.stream().local()
    }
}
