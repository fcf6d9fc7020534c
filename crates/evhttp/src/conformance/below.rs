//! The level below the layer that is checked: answers by a script, counts
//! what is alive of its answers, and notes what it was sent. It judges
//! nothing: that is for the rules.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, IntoFuture};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use evcore::net::{Address, ByteStream};
use evcore::{Await, Event, Result, sleep};
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Method, StatusCode};

use crate::body::{Body, Pieces};
use crate::call::{Answer, Call, Layer, Next};
use crate::response::Response;
use crate::upgraded::Upgraded;

/// What an answer says, in three pieces.
pub(super) const TEXT: &[u8] =
    b"It was a bright cold day in April, and the clocks were striking thirteen.";

/// The same in gzip.
#[rustfmt::skip]
const GZIPPED: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x0d, 0xc9, 0xd1, 0x0d, 0xc0, 0x20,
    0x08, 0x05, 0xc0, 0x55, 0xde, 0x00, 0x4d, 0x77, 0xe8, 0x67, 0xc7, 0xa0, 0x4a, 0x94, 0x48, 0xd0,
    0x00, 0x89, 0xe9, 0xf6, 0xed, 0xfd, 0xde, 0x9d, 0xd8, 0x14, 0x20, 0x3c, 0x2e, 0xad, 0x27, 0xca,
    0xd4, 0x8a, 0x4a, 0x2f, 0xc4, 0x70, 0x2d, 0x17, 0x3d, 0x40, 0x56, 0x91, 0x9d, 0x51, 0x74, 0x96,
    0x11, 0xd8, 0xec, 0x8c, 0x48, 0x97, 0x21, 0xd6, 0xfe, 0x10, 0x4f, 0x66, 0x3b, 0x3f, 0x2a, 0xf3,
    0x94, 0x30, 0x49, 0x00, 0x00, 0x00,
];

/// Told on the way to each answer.
pub(super) const TOLD: Event<()> = Event::new("conformance.told");

/// What stops a body that is cut short.
pub(super) const CUT: &str = "the line is cut";

/// How a body comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// All there, to be had at once.
    Ready,
    /// A second before each piece.
    Slow,
    /// One piece, then an error.
    Cut,
    /// One piece, then nothing for ever.
    Endless,
    /// Not even that.
    Silent,
    /// There is none, and none was to be expected.
    None,
}

/// What the first answer is; the later ones are all plain.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    pub(super) status: StatusCode,
    pub(super) gzipped: bool,
}

/// How the level below behaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Script {
    pub(super) first: First,
    pub(super) shape: Shape,
    /// The call, counted from one, that is never answered.
    pub(super) mute: Option<usize>,
    /// Fails instead of answering.
    pub(super) fails: bool,
}

/// A call as it arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) method: Method,
    pub(super) number: (u32, u32),
    pub(super) body: Bytes,
}

pub(super) struct Below {
    script: Script,
    /// Sends a call of its own through all layers before it answers the first.
    pub(super) inside: RefCell<Option<(Next, Call)>>,
    asked: Cell<usize>,
    pub(super) arrived: RefCell<Vec<Arrived>>,
    alive: Rc<()>,
    /// How often the body of the last answer was asked for a piece.
    polled: RefCell<Rc<Cell<usize>>>,
}

impl Below {
    pub(super) fn new(script: Script) -> Rc<Below> {
        Rc::new(Below {
            script,
            inside: RefCell::default(),
            asked: Cell::new(0),
            arrived: RefCell::default(),
            alive: Rc::new(()),
            polled: RefCell::default(),
        })
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.get()
    }

    /// Answers that are still to come, and bodies that still exist.
    pub(super) fn alive(&self) -> usize {
        Rc::strong_count(&self.alive) - 1
    }

    pub(super) fn polled(&self) -> usize {
        self.polled.borrow().get()
    }

    fn response(&self, call: &Call, number: usize) -> Response {
        let plain = First {
            status: StatusCode::OK,
            gzipped: false,
        };
        let first = if number == 1 {
            self.script.first
        } else {
            plain
        };
        let mut response = Response::new(first.status);
        for (name, value) in fields(first.status) {
            response = response.with_header(name, HeaderValue::from_static(value));
        }
        if first.gzipped {
            response = response.with_header(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let shape = match bodiless(&call.method, first.status) {
            true => Shape::None,
            false => self.script.shape,
        };
        if first.status == StatusCode::SWITCHING_PROTOCOLS {
            let alive = self.alive.clone();
            let stream = Upgraded::new(Bytes::from_static(TEXT), Quiet { _alive: alive });
            return response.with_stream(stream);
        }
        if shape == Shape::None {
            let length = HeaderValue::from(TEXT.len());
            return response.with_header(CONTENT_LENGTH, length);
        }
        self.polled.replace(Rc::default());
        let content = match (first.gzipped, call.url.path()) {
            (true, _) => Bytes::from_static(GZIPPED),
            (false, "/" | "/there") => Bytes::from_static(TEXT),
            // What was asked for by several calls at once.
            (false, path) => Bytes::from(path.to_owned()),
        };
        response.with_body(Body::pieces(Source {
            shape,
            pieces: thirds(&content),
            pause: None,
            polled: self.polled.borrow().clone(),
            _alive: self.alive.clone(),
        }))
    }
}

/// RFC 9110 §6.4.1.
fn bodiless(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD || matches!(status.as_u16(), 204 | 304)
}

fn fields(status: StatusCode) -> Vec<(http::HeaderName, &'static str)> {
    match status.as_u16() {
        301..=303 | 307 | 308 => vec![(LOCATION, "/there")],
        401 => vec![(WWW_AUTHENTICATE, r#"Basic realm="conformance""#)],
        503 => vec![(RETRY_AFTER, "0")],
        _ => Vec::new(),
    }
}

fn thirds(content: &Bytes) -> VecDeque<Bytes> {
    let third = content.len().div_ceil(3).max(1);
    let starts = (0..content.len()).step_by(third);
    starts
        .map(|from| content.slice(from..content.len().min(from + third)))
        .collect()
}

impl Layer for Below {
    fn send(self: Rc<Self>, mut call: Call, _: Next) -> Answer {
        let number = self.asked.get() + 1;
        self.asked.set(number);
        let alive = self.alive.clone();
        Answer::later(async move {
            let _alive = alive;
            let body = std::mem::replace(&mut call.body, Body::empty());
            let arrived = Arrived {
                method: call.method.clone(),
                number: (call.hop, call.attempt),
                body: body.collect(1 << 20).await?,
            };
            self.arrived.borrow_mut().push(arrived);
            sleep(pause(call.url.path())).await?;
            call.emitter.emit(TOLD, ());
            if self.script.mute == Some(number) {
                std::future::pending::<()>().await;
            }
            let inside = self.inside.borrow_mut().take();
            if let Some((next, inner)) = inside {
                next.send(inner).await?;
            }
            match self.script.fails {
                true => Err(CUT.into()),
                false => Ok(self.response(&call, number)),
            }
        })
    }
}

/// The first of several calls is answered last.
fn pause(path: &str) -> Duration {
    match path {
        "/first" => Duration::from_secs(2),
        _ => Duration::from_millis(10),
    }
}

/// The stream behind a change of protocol: its peer says nothing and takes everything.
struct Quiet {
    _alive: Rc<()>,
}

impl ByteStream for Quiet {
    fn poll_read(&self, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_write_vectored(
        &self,
        _: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(from.iter().map(|piece| piece.len()).sum()))
    }

    fn poll_shutdown(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn peer(&self) -> Address {
        Address::Inet(([127, 0, 0, 1], 80).into())
    }

    fn local(&self) -> io::Result<Address> {
        Ok(self.peer())
    }
}

/// The body of an answer.
struct Source {
    shape: Shape,
    pieces: VecDeque<Bytes>,
    pause: Option<Await<()>>,
    polled: Rc<Cell<usize>>,
    _alive: Rc<()>,
}

impl Pieces for Source {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.polled.set(self.polled.get() + 1);
        let begun = self.pieces.len() < 3;
        match self.shape {
            Shape::Silent => return Poll::Pending,
            Shape::Endless if begun => return Poll::Pending,
            Shape::Cut if begun => return Poll::Ready(Some(Err(CUT.into()))),
            Shape::Slow if !self.pieces.is_empty() => {
                let pause = self
                    .pause
                    .get_or_insert_with(|| sleep(Duration::from_secs(1)).into_future());
                let paused = ready!(Pin::new(pause).poll(cx));
                self.pause = None;
                if let Err(closed) = paused {
                    return Poll::Ready(Some(Err(closed)));
                }
            }
            _ => {}
        }
        Poll::Ready(self.pieces.pop_front().map(Ok))
    }

    fn length(&self) -> Option<u64> {
        match self.shape {
            Shape::Ready => Some(self.pieces.iter().map(|piece| piece.len() as u64).sum()),
            _ => None,
        }
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        let trailers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-checked"),
            HeaderValue::from_static("yes"),
        )]);
        self.pieces.is_empty().then_some(trailers)
    }
}
