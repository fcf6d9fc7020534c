//! What the targets share: a codec fed in given cuts, and what it said. Judges nothing: the targets do.

use bytes::BytesMut;
use evhttp::h1::{Event, Fault, FaultKind, Framing, Limits, Verdict};
use http::HeaderMap;

/// Small enough that a fuzzer reaches every limit.
pub fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.head_bytes, limits.request_line_bytes, limits.headers) = (600, 200, 8);
    (
        limits.trailer_bytes,
        limits.chunk_extension_bytes,
        limits.informational,
    ) = (100, 50, 3);
    limits
}

/// Everything an exchange said, however its input was cut.
#[derive(Debug, PartialEq)]
pub struct Said {
    /// Heads, ends and the fault, as text; bodies as the sum of their pieces.
    pub events: Vec<String>,
    /// The bytes of all bodies.
    pub body: Vec<u8>,
    /// The trailers of the last message that had some.
    pub trailers: Option<HeaderMap>,
    /// How it was framed.
    pub framing: Option<Framing>,
    /// What made it stop.
    pub fault: Option<FaultKind>,
    /// Whether the message came to its end, or the connection did.
    pub over: bool,
    /// What it was worth.
    pub verdict: Verdict,
}

impl Default for Said {
    fn default() -> Said {
        let (events, body) = (Vec::new(), Vec::new());
        Said {
            events,
            body,
            trailers: None,
            framing: None,
            fault: None,
            over: false,
            verdict: Verdict::Keep,
        }
    }
}

impl Said {
    /// Notes an event; whether to ask again.
    pub fn note<H: std::fmt::Debug>(&mut self, event: Result<Event<H>, Fault>) -> bool {
        let said = match event {
            Ok(Event::NeedInput) => return false,
            Ok(Event::Piece(piece)) => {
                assert!(!piece.is_empty());
                self.body.extend_from_slice(&piece);
                return true;
            }
            Ok(Event::Head(head, framing)) => {
                self.framing = Some(framing);
                format!("{head:?} {framing:?} after {}", self.body.len())
            }
            Ok(Event::End { trailers }) => {
                let said = format!("end {trailers:?} after {}", self.body.len());
                self.trailers = trailers.or(self.trailers.take());
                self.over = true;
                self.events.push(said);
                return false;
            }
            Ok(Event::Closed) => {
                self.over = true;
                format!("closed after {}", self.body.len())
            }
            Ok(other) => format!("{other:?} after {}", self.body.len()),
            Err(fault) if self.fault == Some(fault.kind()) => return false,
            Err(fault) => {
                assert!(self.fault.is_none(), "a fault is final");
                self.fault = Some(fault.kind());
                assert!(fault.status().is_client_error() || fault.status().is_server_error());
                self.events
                    .push(format!("{fault} after {}", self.body.len()));
                return false;
            }
        };
        self.events.push(said);
        !self.over
    }
}

/// Cuts `bytes` into pieces of the lengths that `cuts` asks for.
pub fn pieces<'a>(bytes: &'a [u8], cuts: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = bytes;
    let mut cuts = cuts.iter().cycle();
    std::iter::from_fn(move || {
        let wanted = cuts
            .next()
            .map_or(usize::MAX, |&cut| 1 + usize::from(cut % 32));
        let (piece, after) = rest.split_at(wanted.min(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Splits what the fuzzer gives: how to cut, and what.
pub fn split(input: &[u8]) -> (&[u8], &[u8]) {
    let length = input.first().map_or(0, |&first| usize::from(first % 8));
    let rest = input.get(1..).unwrap_or_default();
    rest.split_at(length.min(rest.len()))
}

/// Feeds `next` with the pieces, then `end` with what is left.
pub fn feed<'a, X>(
    exchange: &mut X,
    pieces: impl Iterator<Item = &'a [u8]>,
    mut next: impl FnMut(&mut X, &mut BytesMut, &mut Said) -> bool,
    mut end: impl FnMut(&mut X, &mut BytesMut, &mut Said) -> bool,
) -> Said {
    let mut said = Said::default();
    let mut input = BytesMut::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        while next(exchange, &mut input, &mut said) {}
    }
    while !said.over && said.fault.is_none() && end(exchange, &mut input, &mut said) {}
    said
}
