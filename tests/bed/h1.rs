//! Feeds the HTTP/1.1 codec, in any pieces, and writes down what it says as one line. Expects nothing itself: the tables
//! do.
//!
//! A line reads like `200 fixed 5; x-a: b; "hello"; end; keep`: the head, its fields that begin with `x-`, the body in
//! one string however it was cut, the end with its trailers, and the verdict. A fault reads `! BadChunkSize`.

use bytes::{Bytes, BytesMut};
use evhttp::h1::{
    BodyLength, ClientExchange, Event, Fault, FaultKind, Framing, Limits, RequestHead,
    ResponseHead, ServerExchange, Verdict,
};
use http::{HeaderMap, HeaderValue, Method, Version, header};

/// The request that the response answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Get,
    Head,
    Connect,
    Upgrade,
    Close,
    Unfinished,
    Nothing,
}

/// What was said, and the fault it ended with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) line: String,
    pub(crate) fault: Option<FaultKind>,
}

/// Hears a response that comes in `pieces`; then the connection closes, if that is needed for it to end.
pub(crate) fn hear_response<'a>(
    asked: Asked,
    limits: Limits,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Heard {
    let mut exchange = ask(asked, limits);
    let mut minutes = Minutes::default();
    let mut input = BytesMut::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        while minutes.take(exchange.next(&mut input), response) {}
    }
    while !minutes.over && minutes.take(exchange.end_of_input(&mut input), response) {}
    minutes.close(exchange.verdict())
}

/// Hears requests that come in `pieces`, each answered with an empty 200, until the connection has to be closed.
pub(crate) fn hear_requests<'a>(limits: Limits, pieces: impl Iterator<Item = &'a [u8]>) -> Heard {
    let mut exchange = ServerExchange::new(limits);
    let mut minutes = Minutes::default();
    let mut input = BytesMut::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        if !minutes.over {
            hear_all(&mut exchange, &mut minutes, &mut input);
        }
    }
    while !minutes.over && minutes.take(exchange.end_of_input(&mut input), request) {}
    minutes.close(exchange.verdict())
}

fn hear_all(exchange: &mut ServerExchange, minutes: &mut Minutes, input: &mut BytesMut) {
    loop {
        while minutes.take(exchange.next(input), request) {}
        if !std::mem::take(&mut minutes.over) || minutes.fault.is_some() {
            minutes.over = minutes.fault.is_some();
            return;
        }
        let mut answer = BytesMut::new();
        exchange
            .write_head(http::StatusCode::OK, None, BodyLength::None, &mut answer)
            .unwrap();
        exchange.write_end(None, &mut answer).unwrap();
        if exchange.restart() != Verdict::Keep {
            minutes.over = true;
            return;
        }
    }
}

fn ask(asked: Asked, limits: Limits) -> ClientExchange {
    let mut exchange = ClientExchange::new(limits);
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("a.example"));
    let (method, target, body) = match asked {
        Asked::Nothing => return exchange,
        Asked::Head => (Method::HEAD, "/", BodyLength::None),
        Asked::Connect => (Method::CONNECT, "a.example:443", BodyLength::None),
        Asked::Unfinished => (Method::POST, "/", BodyLength::Known(5)),
        _ => (Method::GET, "/", BodyLength::None),
    };
    match asked {
        Asked::Upgrade => headers.insert(header::UPGRADE, HeaderValue::from_static("other")),
        Asked::Close => headers.insert(header::CONNECTION, HeaderValue::from_static("close")),
        _ => None,
    };
    let mut out = BytesMut::new();
    exchange
        .write_head(&method, target, &headers, body, &mut out)
        .unwrap();
    if asked != Asked::Unfinished {
        exchange.write_end(None, &mut out).unwrap();
    }
    exchange
}

#[derive(Default)]
struct Minutes {
    said: Vec<String>,
    body: Vec<u8>,
    over: bool,
    fault: Option<FaultKind>,
}

impl Minutes {
    /// Whether to ask again.
    fn take<H>(&mut self, event: Result<Event<H>, Fault>, head_line: fn(&H) -> String) -> bool {
        if let Ok(Event::Piece(piece)) = &event {
            assert!(!piece.is_empty(), "an empty piece says nothing");
            self.body.extend_from_slice(piece);
            return true;
        }
        if !self.body.is_empty() && !matches!(event, Ok(Event::NeedInput)) {
            self.said.push(shorten(&std::mem::take(&mut self.body)));
        }
        match event {
            Ok(Event::NeedInput) | Ok(Event::Piece(_)) => return false,
            Ok(Event::Informational(head)) => {
                self.said.push(format!("informational {}", response(&head)))
            }
            Ok(Event::Head(head, framing)) => {
                self.said
                    .push(head_line(&head).replacen("FRAMING", &framing_words(framing), 1));
            }
            Ok(Event::End { trailers }) => {
                self.said.push(trailers.map_or("end".into(), |trailers| {
                    format!("end with {}", fields(&trailers))
                }));
                self.over = true;
            }
            Ok(Event::Closed) => {
                self.said.push("closed".into());
                self.over = true;
            }
            Err(fault) => {
                assert!(!fault.to_string().contains('\n') && !fault.to_string().is_empty());
                if self.fault.is_some() {
                    assert_eq!(self.fault, Some(fault.kind()), "a fault stays the same");
                    return false;
                }
                self.said.push(format!("! {:?}", fault.kind()));
                self.fault = Some(fault.kind());
                self.over = true;
                return false;
            }
        }
        !self.over
    }

    fn close(mut self, verdict: Verdict) -> Heard {
        self.said.push(match verdict {
            Verdict::Keep => "keep".into(),
            Verdict::Close(reason) => format!("close {reason:?}"),
        });
        Heard {
            line: self.said.join("; "),
            fault: self.fault,
        }
    }
}

fn response(head: &ResponseHead) -> String {
    let old = if head.version == Version::HTTP_10 {
        " 1.0"
    } else {
        ""
    };
    let reason = head
        .reason
        .as_ref()
        .map(|reason| format!(" ({})", reason.escape_ascii()))
        .unwrap_or_default();
    let framing = if head.status.is_informational() && head.status.as_u16() != 101 {
        ""
    } else {
        " FRAMING"
    };
    let line = format!(
        "{}{old}{reason}{framing}; {}",
        head.status.as_str(),
        fields(&head.headers)
    );
    line.trim_end_matches("; ").into()
}

fn request(head: &RequestHead) -> String {
    let old = if head.version == Version::HTTP_10 {
        " 1.0"
    } else {
        ""
    };
    let line = format!(
        "{} {}{old} FRAMING; {}",
        head.method,
        head.target,
        fields(&head.headers)
    );
    line.trim_end_matches("; ").into()
}

fn framing_words(framing: Framing) -> String {
    match framing {
        Framing::Fixed(length) => format!("fixed {length}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn fields(headers: &HeaderMap) -> String {
    let shown = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-"));
    let lines = shown.map(|(name, value)| format!("{name}: {}", value.as_bytes().escape_ascii()));
    lines.collect::<Vec<_>>().join(", ")
}

fn shorten(body: &[u8]) -> String {
    if body.len() > 60 {
        format!("{} bytes", body.len())
    } else {
        format!("\"{}\"", body.escape_ascii())
    }
}

/// Hears `bytes` whole, byte by byte and cut at random; all must sound the same.
pub(crate) fn hear_in_every_cut(
    name: &str,
    bytes: &[u8],
    hear: impl Fn(&mut dyn Iterator<Item = &[u8]>) -> Heard,
) -> Heard {
    let whole = hear(&mut std::iter::once(bytes));
    let single = hear(&mut bytes.chunks(1));
    assert_eq!(single, whole, "{name}: byte by byte");
    let seed = seed();
    let mut random = Random(seed);
    for _ in 0..12 {
        let cuts = random.cut(bytes);
        let heard = hear(&mut cuts.iter().map(|piece| &piece[..]));
        assert_eq!(
            heard,
            whole,
            "{name}: in pieces {:?}, H1_SEED={seed}",
            cuts.iter().map(Bytes::len).collect::<Vec<_>>()
        );
    }
    whole
}

/// `H1_SEED`, or another one every time; a failure prints it.
fn seed() -> u64 {
    static SEED: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *SEED.get_or_init(|| {
        let given = std::env::var("H1_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let clock = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_nanos() as u64;
        let seed = given.unwrap_or(clock) | 1;
        println!("H1_SEED={seed}");
        seed
    })
}

/// Marsaglia's xorshift64: enough to cut bytes with.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn cut(&mut self, bytes: &[u8]) -> Vec<Bytes> {
        let mut rest = Bytes::copy_from_slice(bytes);
        let mut pieces = Vec::new();
        let longest = 1 + self.below(1 + bytes.len() / 2);
        while !rest.is_empty() {
            let length = (1 + self.below(longest)).min(rest.len());
            pieces.push(rest.split_to(length));
        }
        pieces
    }
}
