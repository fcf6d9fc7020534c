//! A server's connection as bytes: reading into the codec, writing out, and
//! since when it waits for what. Knows nothing of requests.

use std::cell::{Cell, RefCell, RefMut};
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use evcore::Reactor;
use evcore::net::TcpStream;

use super::reader::Reader;
use super::spare::Spare;
use super::stock::Stock;
use super::sweep::{Patience, Watch};
use crate::h1::ServerExchange;
use crate::limits::{GATHERED, Limits, RECEIVED_AT_ONCE};

/// What all connections of a server share.
pub(super) struct Shared {
    scratch: RefCell<Vec<u8>>,
    spare: Spare,
    pub(super) watch: Watch,
    stock: RefCell<Stock>,
}

impl Shared {
    pub(super) fn new(now: Instant, patience: Patience) -> Shared {
        let scratch = RefCell::new(vec![0; RECEIVED_AT_ONCE]);
        Shared {
            scratch,
            spare: Spare::default(),
            watch: Watch::new(patience),
            stock: RefCell::new(Stock::new(now)),
        }
    }
}

/// What the peer has to do next, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing: the answer is being made.
    Ours,
    /// Ask something, or leave.
    Idle,
    /// Finish the head it has begun.
    Head,
    /// Send or take more of a body.
    Body,
    /// Close, as we have done.
    Farewell,
    /// Nothing we know of: it speaks another protocol.
    Switched,
}

/// One connection.
pub(crate) struct Io {
    stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) codec: RefCell<ServerExchange>,
    pub(super) input: RefCell<BytesMut>,
    output: RefCell<BytesMut>,
    turn: Cell<(Turn, Instant)>,
    /// The Date is this burst's: pipelined requests that are answered at once need no clock each.
    dated: Cell<bool>,
    shared: Rc<Shared>,
    /// Counts exchanges: a body of an earlier one reads nothing any more.
    pub(super) exchange: Cell<u64>,
    pub(super) reader: Reader,
    /// The request has been read to its end.
    pub(super) all_read: Cell<bool>,
}

impl Io {
    pub(super) fn new(
        stream: TcpStream,
        peer: SocketAddr,
        limits: Limits,
        shared: Rc<Shared>,
        now: Instant,
    ) -> Io {
        shared.watch.note(Turn::Head, now);
        Io {
            stream,
            peer,
            codec: RefCell::new(ServerExchange::new(limits)),
            input: RefCell::default(),
            output: RefCell::default(),
            turn: Cell::new((Turn::Head, now)),
            dated: Cell::new(false),
            shared,
            exchange: Cell::new(0),
            reader: Reader::default(),
            all_read: Cell::new(false),
        }
    }

    /// Notes whose turn it is, from now on.
    pub(super) fn turn_to(&self, turn: Turn) {
        if turn == Turn::Ours {
            // Nobody has to be waited for: since when does not matter, so the clock is not asked.
            self.turn.update(|(_, since)| (turn, since));
            return;
        }
        let now = Reactor::current().now();
        self.turn.set((turn, now));
        self.shared.watch.note(turn, now);
    }

    /// Who polls with `cx` waits for more of the request's body, whatever the conversation does meanwhile.
    pub(super) fn wait_for_body(&self, cx: &Context<'_>) {
        if self.reader.wait(cx) {
            self.wait_anew();
        }
    }

    /// Bytes have moved: who is at a body has all its time again.
    fn moved(&self) {
        if self.turn() == Turn::Body {
            self.wait_anew();
        }
    }

    fn wait_anew(&self) {
        let now = Reactor::current().now();
        self.turn.update(|(turn, _)| (turn, now));
        self.shared.watch.note(Turn::Body, now);
    }

    /// From here on the request's body is the user's no more.
    pub(super) fn end_exchange(&self) {
        self.exchange.set(self.exchange.get() + 1);
        self.reader.let_go();
    }

    /// The connection is about to wait for a request: if none has begun, it lends its memory to the others.
    pub(super) fn wait_for_request(&self) {
        let turn = match (self.turn(), self.input.borrow().is_empty()) {
            (Turn::Ours, true) => Turn::Idle,
            (Turn::Ours | Turn::Idle, false) => Turn::Head,
            (turn, _) => turn,
        };
        if turn != self.turn() {
            self.turn_to(turn);
        }
        self.shared.spare.take_back(&self.input);
        self.shared.spare.take_back(&self.output);
    }

    /// Where what is to be sent is put.
    pub(super) fn output(&self) -> RefMut<'_, BytesMut> {
        self.shared.spare.lend(&self.output)
    }

    /// Bytes of answers that have not gone out.
    pub(super) fn unsent(&self) -> usize {
        self.output.borrow().len()
    }

    /// While an answer is made, the request's body may be waited for.
    pub(super) fn turn(&self) -> Turn {
        match self.turn.get().0 {
            Turn::Ours if self.reader.is_waiting() => Turn::Body,
            turn => turn,
        }
    }

    /// When the peer will have let us wait for too long.
    pub(super) fn due(&self) -> Option<Instant> {
        let (_, since) = self.turn.get();
        self.shared.watch.patience.due(self.turn(), since)
    }

    /// What an answer made now has in common with others.
    pub(super) fn stock(&self) -> RefMut<'_, Stock> {
        let mut stock = self.shared.stock.borrow_mut();
        if !self.dated.replace(true) {
            stock.renew(Reactor::current().now());
        }
        stock
    }

    /// Time has passed: the next answer's Date is another one, perhaps.
    pub(super) fn undate(&self) {
        self.dated.set(false);
    }

    /// Receives once, into the input. `Ok(false)` at the end.
    pub(super) fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut scratch = self.shared.scratch.borrow_mut();
        let received = ready!(self.stream.poll_read(cx, &mut scratch))?;
        self.undate();
        let mut input = self.shared.spare.lend(&self.input);
        input.extend_from_slice(&scratch[..received]);
        self.moved();
        Poll::Ready(Ok(received > 0))
    }

    /// Ready when the peer has ended its side. What it sends meanwhile is
    /// received, up to a limit beyond which nothing is heard of it.
    pub(super) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        while self.input.borrow().len() < GATHERED {
            match ready!(self.poll_receive(cx)) {
                Ok(true) => {}
                Ok(false) | Err(_) => return Poll::Ready(()),
            }
        }
        Poll::Pending
    }

    /// Sends what lies in the output.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx, &mut Bytes::new(), &mut &b""[..])
    }

    /// Sends the output, then `piece`, then `suffix`, in as few calls as the
    /// system lets us.
    pub(super) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        piece: &mut Bytes,
        suffix: &mut &[u8],
    ) -> Poll<io::Result<()>> {
        let mut output = self.output.borrow_mut();
        loop {
            let sent = match (output.is_empty(), piece.is_empty() && suffix.is_empty()) {
                (true, true) => {
                    output.clear();
                    return Poll::Ready(Ok(()));
                }
                (_, true) => ready!(self.stream.poll_write(cx, &output))?,
                _ => {
                    let slices = [&output[..], &piece[..], suffix].map(IoSlice::new);
                    ready!(self.stream.poll_write_vectored(cx, &slices))?
                }
            };
            let head = sent.min(output.len());
            match head == output.len() {
                // Unlike `advance`, it leaves the memory whole for the next answer.
                true => output.clear(),
                false => output.advance(head),
            }
            let body = (sent - head).min(piece.len());
            piece.advance(body);
            *suffix = &suffix[sent - head - body..];
            self.moved();
        }
    }

    /// Ends our side of the connection.
    pub(super) fn shut_down(&self) {
        // Fails if the peer has reset it, which is as good.
        _ = self.stream.shutdown_now(Shutdown::Write);
    }

    /// The connection speaks another protocol from now on: what of that has come already.
    #[cold]
    pub(super) fn hand_over(&self) -> Bytes {
        self.turn_to(Turn::Switched);
        let early = self.input.take().freeze();
        self.shared.spare.take_back(&self.output);
        early
    }

    /// Ends both sides at once, if the connection was handed over: whoever has the stream now.
    pub(super) fn cut_if_switched(&self) {
        if self.turn() == Turn::Switched {
            _ = self.stream.shutdown_now(Shutdown::Both);
        }
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }
}
