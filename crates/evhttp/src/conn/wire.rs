//! The innermost layer: finds a connection for a call, has it carried, and
//! keeps the connection. A kept one that turns out to be dead costs a second
//! try, where that is safe.

use std::cell::{Cell, RefCell};
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use evcore::{Await, Reactor, Result, sleep_until, spawn};
use http::header::{EXPECT, HOST, PROXY_AUTHORIZATION, UPGRADE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use url::Url;

use super::dial::dial;
use super::drive::{Asked, Buffers, Connection, Drive, Recycler};
use super::expect::{Answers, Manners, Upload};
use super::network::Network;
use super::origin::Origin;
use super::patience::{Time, Watch, within};
use super::pool::Pool;
use super::queue::Full;
use super::room::{Grant, Room};
use super::{switch, tunnel};
use crate::body::{Body, Pieces};
use crate::call::{Answer, Call, Layer, Next};
use crate::course::Link;
use crate::error::{Error, ErrorKind, Phase};
use crate::event::{CONNECTED, Connected, Sent};
use crate::h1::{BodyLength, ClientExchange, Event, Limits, ResponseHead};
use crate::limits::{CHALLENGES, IDLE_IN_ALL, RECEIVED_AT_ONCE};
use crate::response::Response;
use crate::spelling::Spelling;

/// Carries calls over connections of its own.
pub(crate) struct Wire {
    keeper: Rc<Keeper>,
    network: Rc<Network>,
    time: Rc<Time>,
    /// How names of fields are written, if not in lower case.
    spelling: Option<Rc<Spelling>>,
}

/// The connections that wait, and who watches over them.
struct Keeper {
    pool: RefCell<Pool<Origin, Box<Connection>>>,
    room: Rc<Room>,
    buffers: Rc<Buffers>,
    /// Wakes the janitor: a kept connection has something to say.
    janitor: RefCell<Waker>,
    watched: Cell<bool>,
    /// How often the network has changed: what is older is not kept.
    generation: Cell<u64>,
    /// Connections made so far.
    made: Cell<u64>,
    /// Whether servers are asked before a body is sent, if the client was told.
    expect: Option<bool>,
    manners: RefCell<Manners>,
}

impl Wire {
    /// Keeps at most `idle` unused connections of one origin, and has at most
    /// `most` to one and in all.
    pub(crate) fn new(
        idle: usize,
        most: (usize, usize),
        expect: Option<bool>,
        network: Rc<Network>,
        time: Rc<Time>,
        spelling: Option<Rc<Spelling>>,
    ) -> Wire {
        let scratch = RefCell::new(vec![0; RECEIVED_AT_ONCE]);
        let buffers = Rc::new(Buffers {
            scratch,
            recycler: Recycler::new(),
        });
        let keeper = Rc::new(Keeper {
            pool: RefCell::new(Pool::new(idle, idle.max(IDLE_IN_ALL))),
            room: Room::new(most.0, most.1),
            buffers,
            janitor: RefCell::new(Waker::noop().clone()),
            watched: Cell::new(false),
            generation: Cell::new(0),
            made: Cell::new(0),
            expect,
            manners: RefCell::default(),
        });
        Wire {
            keeper,
            network,
            time,
            spelling,
        }
    }
}

impl Wire {
    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn time(&self) -> Time {
        *self.time
    }

    pub(crate) fn spelling(&self) -> Option<&Rc<Spelling>> {
        self.spelling.as_ref()
    }

    /// Nothing of what there is now is used for another call.
    pub(crate) fn network_changed(&self) {
        self.keeper.generation.update(|generation| generation + 1);
        let closed = self.keeper.pool.borrow_mut().clear();
        drop(closed);
    }
}

impl Layer for Wire {
    fn send(self: Rc<Self>, mut call: Call, _: Next) -> Answer {
        let network = call.options.network.as_ref().unwrap_or(&self.network);
        let origin = Origin::of(&call.url, network);
        call.options.time.get_or_insert_with(|| self.time.clone());
        // A call of some layer's own.
        if call.options.spelling.is_none() {
            call.options.spelling.clone_from(&self.spelling);
        }
        match origin {
            Ok(mut origin) => {
                origin.tunnel = origin.forwarder().is_some() && wants_upgrade(&call);
                Answer::later(carry(self.keeper.clone(), origin, call))
            }
            Err(error) => Answer::ready(Err(error.into())),
        }
    }
}

/// RFC 9110 §7.8: Upgrade is for the next hop alone. A proxy that is asked for a document would take it for its own
/// connection; the server itself is only reached by a tunnel (RFC 6455 §4.1 has the same).
fn wants_upgrade(call: &Call) -> bool {
    call.headers.contains_key(UPGRADE)
}

async fn carry(keeper: Rc<Keeper>, origin: Origin, mut call: Call) -> Result<Response> {
    // That of the hop before says nothing about this one.
    call.phase.note_link(|| None);
    let mut again = false;
    let mut shown = 0;
    loop {
        let kept = match again {
            false => keeper.check_out(&origin, &call.method),
            true => None,
        };
        let connection = match kept {
            Some(kept) => kept,
            // Boxed, so that the usual call, which needs no new connection,
            // is small.
            None => Box::pin(keeper.connect(&origin, &call)).await?,
        };
        if call.emitter.wants(CONNECTED) {
            let (peer, reused) = (connection.peer.clone(), connection.reused);
            let told = Connected::new(peer, reused, call.hop, call.attempt);
            call.emitter.emit(CONNECTED, told);
        }
        let reused = connection.reused;
        call.phase.note_link(|| {
            Some(Link::new(
                connection.peer.clone(),
                connection.number,
                reused,
            ))
        });
        // `begin` takes the body; one made of pieces can't be had again.
        let spare = call.body.replay();
        let phase = call.phase.clone();
        let mut drive = begin(&keeper, connection, &origin, &mut call)?;
        let time = call.options.time.clone();
        let mut watch = Watch::default();
        let head = poll_fn(|cx| {
            let head = poll_head(&mut drive, cx);
            let step = drive.step();
            phase.set(step);
            match head {
                Poll::Pending if drive.is_asking() => {
                    watch = Watch::default();
                    Poll::Pending
                }
                Poll::Pending => watch
                    .poll(cx, time.as_deref(), step, drive.moved)
                    .map(Waited::TooLong),
                Poll::Ready(head) => Poll::Ready(Waited::For(head)),
            }
        });
        let head = match head.await {
            Waited::For(head) => head,
            Waited::TooLong(late) => return Err(Watch::error(late?, &call.url, None).into()),
        };
        let held = drive.holds_body();
        let spare = match held {
            true => drive.unread_body().or(spare),
            false => spare,
        };
        if let Ok(head) = &head
            && (drive.asked != Asked::Not || head.version == Version::HTTP_10)
        {
            keeper.note_manners(&origin, drive.asked, head);
        }
        match (head, spare) {
            (Ok(head), Some(body))
                if head.status == StatusCode::EXPECTATION_FAILED && may_stop_asking(&mut call) =>
            {
                call.body = body;
                call.attempt += 1;
            }
            // A 407 is the way's business: no layer ever sees one that can be answered.
            (Ok(head), Some(body)) if shown < CHALLENGES && asks_for_more(&origin, &head) => {
                call.body = body;
                call.attempt += 1;
                shown += 1;
            }
            (Ok(head), None) if shown < CHALLENGES && asks_for_more(&origin, &head) => {
                return Err(read_once("the answer to a proxy's 407", &call.url));
            }
            (Ok(head), _) if drive.codec().upgraded() => {
                let asked = std::mem::take(&mut call.headers);
                return Ok(switch::respond(drive, head, &asked, call.into_url())?);
            }
            (Ok(head), spare) => {
                if let Some(proxy) = origin.forwarder() {
                    tunnel::inform(proxy, &head.headers);
                }
                if held && let Some(body) = spare {
                    call.phase.give_back(body);
                }
                return Ok(respond(&keeper, origin, drive, head, call.into_url(), time));
            }
            (Err(_), Some(body)) if reused && may_resend(&drive, &call.method) => {
                call.body = body;
                call.attempt += 1;
                again = true;
            }
            (Err(_), None) if reused && may_resend(&drive, &call.method) => {
                return Err(read_once(
                    "a new connection for one that had been closed",
                    &call.url,
                ));
            }
            (Err(error), _) => return Err(named(error, &call.url)),
        }
    }
}

/// What a body that is gone would have been needed for.
fn read_once(what: &str, url: &Url) -> evcore::Error {
    let kind = ErrorKind::BodyNotReplayable(what.into());
    named(Error::new(Phase::Head, kind), url)
}

fn named(error: Error, url: &Url) -> evcore::Error {
    error.about(url).into()
}

/// What came of waiting for a head.
enum Waited {
    For(Result<ResponseHead, Error>),
    TooLong(Result<(Phase, Duration)>),
}

pub(crate) static US: HeaderValue =
    HeaderValue::from_static(concat!("evhttp/", env!("CARGO_PKG_VERSION")));
const CONTINUE: HeaderValue = HeaderValue::from_static("100-continue");

/// Whether a proxy wants something that it can be shown.
fn asks_for_more(origin: &Origin, head: &ResponseHead) -> bool {
    head.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
        && origin
            .forwarder()
            .is_some_and(|proxy| tunnel::can_answer(proxy, &head.headers).is_ok())
}

/// Writes the head; nothing is sent yet.
fn begin(
    keeper: &Keeper,
    connection: Box<Connection>,
    origin: &Origin,
    call: &mut Call,
) -> Result<Box<Drive>> {
    let body = call.body.take();
    let fresh = !connection.reused;
    let asks = !body.is_empty() && asks_first(keeper, origin, call, &body, fresh);
    let length = match body.length() {
        Some(0) => BodyLength::None,
        Some(length) => BodyLength::Known(length),
        None => BodyLength::Unknown,
    };
    let codec = ClientExchange::new(Limits::default());
    let buffers = keeper.buffers.clone();
    let told = (call.emitter.clone(), Sent::new(call.hop, call.attempt));
    let drive = Drive::new(connection, codec, body, told, buffers);
    let mut drive = Box::new(drive);
    if asks {
        drive.ask_first();
    }
    let (codec, output, host) = drive.writer();
    let path = call.target();
    // RFC 9112 §3.2.2: a proxy is told the whole URL.
    let whole = origin
        .forwarder()
        .map(|proxy| (proxy, whole_url(&host, path)));
    let target = whole.as_ref().map_or(path, |(_, whole)| whole);
    let shown = whole
        .as_ref()
        .and_then(|(proxy, whole)| tunnel::shown(proxy, call.method.as_str(), whole));
    let shown = shown.as_ref().map(|value| (&PROXY_AUTHORIZATION, value));
    let fields = fields(&host, &call.headers).chain(shown);
    codec
        .write_head(&call.method, target, fields, length, output)
        .map_err(|fault| {
            named(
                Error::new(Phase::Request, ErrorKind::Protocol(fault)),
                &call.url,
            )
        })?;
    if let Some(spelling) = &call.options.spelling {
        spelling.rewrite(output);
    }
    Ok(drive)
}

/// RFC 9110 §15.5.18: a server that does not know this expectation is asked once more without. Any other one is
/// the user's, and its 417 the answer to it.
#[cold]
#[inline(never)]
fn may_stop_asking(call: &mut Call) -> bool {
    let asked = expects_continue(&call.headers);
    if asked {
        call.options.expect_continue = Some(false);
    }
    asked
}

fn expects_continue(headers: &HeaderMap) -> bool {
    let field = headers.get(EXPECT);
    field.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(CONTINUE.as_bytes()))
}

/// Whether the request is to ask before its body is sent, and the field for it.
#[inline(never)]
fn asks_first(keeper: &Keeper, origin: &Origin, call: &mut Call, body: &Body, fresh: bool) -> bool {
    match call.options.expect_continue {
        Some(true) => _ = call.headers.insert(EXPECT, CONTINUE),
        Some(false) if expects_continue(&call.headers) => _ = call.headers.remove(EXPECT),
        Some(false) => {}
        None if call.headers.contains_key(EXPECT) => {}
        None => {
            let upload = Upload {
                length: body.length(),
                once: call.options.doubtful && body.replay().is_none(),
                doubtful: call.options.doubtful,
                fresh,
            };
            if keeper.asks_unasked(origin, &upload) {
                call.headers.insert(EXPECT, CONTINUE);
            }
        }
    }
    expects_continue(&call.headers)
}

/// RFC 9112 §3.2.4: `*` at a proxy is the URL without a path.
fn whole_url(host: &HeaderValue, path: &str) -> String {
    let path = if path == "*" { "" } else { path };
    format!("http://{}{path}", host.to_str().unwrap_or_default())
}

/// RFC 9110 §7.2: Host first. A caller's own Host stands in its place.
fn fields<'a>(
    host: &'a HeaderValue,
    headers: &'a HeaderMap,
) -> impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)> {
    // Looking at the few there are is cheaper than hashing a name.
    let theirs = |wanted: HeaderName| headers.iter().find(|(name, _)| **name == wanted);
    let host = theirs(HOST).map_or(host, |(_, value)| value);
    let us = theirs(USER_AGENT).is_none().then_some((&USER_AGENT, &US));
    let others = headers.iter().filter(|(name, _)| **name != HOST);
    std::iter::once((&HOST, host)).chain(us).chain(others)
}

fn poll_head(drive: &mut Drive, cx: &mut Context<'_>) -> Poll<Result<ResponseHead, Error>> {
    loop {
        match ready!(drive.poll_event(cx))? {
            Event::Head(head, _) => return Poll::Ready(Ok(head)),
            Event::Informational(head) => drive.tell_informational(head),
            // The codec gives a head before anything else.
            _ => return Poll::Pending,
        }
    }
}

/// RFC 9110 §9.2.2: what is idempotent may be sent again; so may what the
/// server can't have seen. A server that has begun to answer has seen it.
fn may_resend(drive: &Drive, method: &Method) -> bool {
    !drive.some_received && (method.is_idempotent() || !drive.some_sent)
}

fn respond(
    keeper: &Rc<Keeper>,
    origin: Origin,
    mut drive: Box<Drive>,
    head: ResponseHead,
    url: Url,
    time: Option<Rc<Time>>,
) -> Response {
    let AtHand { first, total, end } = AtHand::take(&mut drive);
    if end.is_some() {
        // The connection is free at once, whether the body is read or not.
        keeper.check_in(&origin, &mut drive);
    }
    let body = match end {
        // Most small answers: all of it came with the head.
        Some(None) => Body::from(first.unwrap_or_default()),
        _ => Body::pieces(WireBody {
            keeper: keeper.clone(),
            total,
            received: 0,
            first,
            origin,
            drive: end.is_none().then_some(drive),
            trailers: end.flatten(),
            url: url.clone(),
            time,
            watch: Watch::default(),
        }),
    };
    Response::received(head, url, body)
}

/// What of a body came with its head.
struct AtHand {
    first: Option<Bytes>,
    total: Option<u64>,
    /// The end, and the trailers if there are any.
    end: Option<Option<HeaderMap>>,
}

impl AtHand {
    fn take(drive: &mut Drive) -> AtHand {
        let mut event = drive.next_at_hand();
        let mut left = drive.codec().want();
        let mut first = None;
        if let Some(Event::Piece(piece)) = event {
            event = (left == Some(0)).then(|| drive.next_at_hand()).flatten();
            left = left.map(|left| left + piece.len());
            first = Some(piece);
        }
        let end = match event {
            Some(Event::End { trailers }) => Some(trailers),
            _ => None,
        };
        let total = match end {
            Some(_) => Some(first.as_ref().map_or(0, Bytes::len)),
            None => left,
        };
        AtHand {
            first,
            total: total.map(|total| total as u64),
            end,
        }
    }
}

/// A body that is still on the wire.
struct WireBody {
    keeper: Rc<Keeper>,
    origin: Origin,
    url: Url,
    first: Option<Bytes>,
    drive: Option<Box<Drive>>,
    trailers: Option<HeaderMap>,
    received: u64,
    total: Option<u64>,
    time: Option<Rc<Time>>,
    watch: Watch,
}

impl Pieces for WireBody {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if let Some(first) = self.first.take() {
            self.received += first.len() as u64;
            return Poll::Ready(Some(Ok(first)));
        }
        let Some(drive) = &mut self.drive else {
            return Poll::Ready(None);
        };
        loop {
            let event = match drive.poll_event(cx) {
                Poll::Ready(event) => event,
                Poll::Pending => {
                    let time = self.time.as_deref();
                    let late = ready!(self.watch.poll(cx, time, Phase::Body, drive.moved))?;
                    self.drive = None;
                    let so_far = Some((self.received, self.total));
                    return Poll::Ready(Some(Err(Watch::error(late, &self.url, so_far).into())));
                }
            };
            match event {
                Ok(Event::Piece(piece)) => {
                    self.received += piece.len() as u64;
                    self.watch.rest();
                    return Poll::Ready(Some(Ok(piece)));
                }
                Ok(Event::End { trailers }) => {
                    self.trailers = trailers;
                    self.keeper.check_in(&self.origin, drive);
                    self.drive = None;
                    return Poll::Ready(None);
                }
                Ok(_) => {}
                Err(error) => {
                    self.drive = None;
                    let error = error.after(self.received, self.total);
                    return Poll::Ready(Some(Err(named(error, &self.url))));
                }
            }
        }
    }

    fn length(&self) -> Option<u64> {
        self.total.map(|total| total - self.received)
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }
}

/// Whether a kept connection is good enough for a call with this method.
fn may_carry(kept: &Connection, method: &Method, cx: &mut Context<'_>) -> bool {
    match method.is_idempotent() {
        true => !kept.is_dead(cx),
        false => kept.is_quiet(),
    }
}

impl Keeper {
    /// Whether a server is asked before this body is sent, if the call says nothing of that.
    fn asks_unasked(&self, origin: &Origin, upload: &Upload) -> bool {
        match self.expect {
            Some(wanted) => wanted,
            None => upload.is_worth_asking() && self.manners.borrow().asks(&origin.way(), upload),
        }
    }

    /// Remembers what a server makes of being asked.
    #[cold]
    fn note_manners(&self, origin: &Origin, asked: Asked, head: &ResponseHead) {
        let refuses = head.status == StatusCode::EXPECTATION_FAILED;
        let deaf = refuses || asked == Asked::InVain || head.version == Version::HTTP_10;
        let answers = if deaf { Answers::No } else { Answers::Yes };
        self.manners.borrow_mut().note(origin.way(), answers);
    }

    /// A kept connection that nothing has been heard of. For what can't be
    /// sent twice the socket itself is asked.
    fn check_out(&self, origin: &Origin, method: &Method) -> Option<Box<Connection>> {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            let kept = self.pool.borrow_mut().take(origin)?;
            if may_carry(&kept, method, &mut cx) {
                return Some(kept);
            }
        }
    }

    /// A new connection, as soon as there is room for it; or one that has
    /// become free meanwhile.
    async fn connect(&self, origin: &Origin, call: &Call) -> Result<Box<Connection>> {
        let permit = loop {
            let full = match self.room.open(origin) {
                Ok(permit) => break permit,
                Err(full) => full,
            };
            // Closed after the pool is let go of.
            let unused = match full {
                Full::InAll => self.pool.borrow_mut().evict(),
                Full::Origin => None,
            };
            if unused.is_some() {
                continue;
            }
            let waiting = self.room.wait(origin);
            let waiting = async { Ok(waiting.await) };
            match within(Phase::Queue, call, &origin.way(), waiting).await? {
                Grant::Open(permit) => break permit,
                Grant::Kept(kept) => {
                    let mut cx = Context::from_waker(Waker::noop());
                    if may_carry(&kept, &call.method, &mut cx) {
                        return Ok(kept);
                    }
                }
            }
        };
        // The network may change while it comes about.
        let generation = self.generation.get();
        let mut new = dial(origin, call).await?;
        self.made.update(|made| made + 1);
        new.number = self.made.get();
        (new.generation, new.permit) = (generation, Some(permit));
        Ok(new)
    }

    /// Keeps the connection of an exchange that is over, if it may be used
    /// again; else closes it.
    fn check_in(self: &Rc<Self>, origin: &Origin, drive: &mut Drive) {
        let Some(connection) = drive.finish() else {
            return;
        };
        if connection.generation != self.generation.get() {
            return;
        }
        let waker = self.janitor.borrow().clone();
        if connection.is_dead(&mut Context::from_waker(&waker)) {
            return;
        }
        let Some(connection) = self.room.pass_on(origin, connection) else {
            return;
        };
        let now = Reactor::current().now();
        let dropped = self.pool.borrow_mut().put(origin, connection, now);
        drop(dropped);
        if !self.watched.replace(true) {
            drop(spawn(Janitor::new(self)));
        }
    }
}

impl Drop for Keeper {
    /// The janitor has nothing left to watch.
    fn drop(&mut self) {
        self.janitor.borrow().wake_by_ref();
    }
}

/// Closes kept connections that the server has closed, or that have waited
/// for too long. Lives while there are any.
struct Janitor {
    keeper: Weak<Keeper>,
    alarm: Option<(Instant, Await<()>)>,
}

impl Janitor {
    fn new(keeper: &Rc<Keeper>) -> Janitor {
        Janitor {
            keeper: Rc::downgrade(keeper),
            alarm: None,
        }
    }
}

impl Future for Janitor {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(keeper) = self.keeper.upgrade() else {
            return Poll::Ready(Ok(()));
        };
        *keeper.janitor.borrow_mut() = cx.waker().clone();
        loop {
            let now = Reactor::current().now();
            let culled = keeper.pool.borrow_mut().cull(now, |kept| kept.is_dead(cx));
            drop(culled);
            let Some(expiry) = keeper.pool.borrow().next_expiry() else {
                keeper.watched.set(false);
                *keeper.janitor.borrow_mut() = Waker::noop().clone();
                return Poll::Ready(Ok(()));
            };
            if self.alarm.as_ref().is_none_or(|(at, _)| *at != expiry) {
                self.alarm = Some((expiry, sleep_until(expiry).into_future()));
            }
            let Some((_, alarm)) = &mut self.alarm else {
                continue;
            };
            if Pin::new(alarm).poll(cx)?.is_pending() {
                return Poll::Pending;
            }
            self.alarm = None;
        }
    }
}
