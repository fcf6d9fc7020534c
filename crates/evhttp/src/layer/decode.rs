//! Asks for coded content and undoes the coding, piece by piece as it is read.
//! A part of a representation (206) is handed on as it is: it can't be decoded
//! alone.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use evcore::Result;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};
use url::Url;

use crate::body::{Body, Pieces};
use crate::call::{Answer, Call, Layer, Next};
use crate::error::{Error, ErrorKind, Phase};
use crate::limits::{DECODED_FREE, DECODED_RATIO};
use crate::policy::coding::{self, Decoder};
use crate::response::Response;

pub(crate) struct Decode {
    /// See [`DECODED_RATIO`](crate::limits::DECODED_RATIO).
    ratio: u64,
    /// The fields of a call that had none: a copy is cheaper than putting one
    /// into an empty map.
    alone: HeaderMap,
}

impl Decode {
    pub(crate) fn new(ratio: u64) -> Decode {
        let accepted = HeaderValue::from_static(coding::ACCEPTED);
        let alone = HeaderMap::from_iter([(ACCEPT_ENCODING, accepted)]);
        Decode { ratio, alone }
    }

    /// Whether a coding is built in.
    pub(crate) fn is_possible() -> bool {
        !coding::ACCEPTED.is_empty()
    }
}

impl Layer for Decode {
    fn send(self: Rc<Self>, mut call: Call, next: Next) -> Answer {
        if call.options.as_sent {
            return next.send(call);
        }
        if call.headers.is_empty() {
            call.headers = self.alone.clone();
        } else if !call.headers.contains_key(ACCEPT_ENCODING) {
            // RFC 9110 §14.2: a range counts coded bytes, if coding is agreed.
            let accepted = match call.headers.contains_key(RANGE) {
                true => HeaderValue::from_static("identity"),
                false => HeaderValue::from_static(coding::ACCEPTED),
            };
            call.headers.insert(ACCEPT_ENCODING, accepted);
        }
        let answer = next.send(call);
        match self.ratio {
            // What captures nothing needs no memory.
            DECODED_RATIO => answer.map(|response| decode(response, DECODED_RATIO)),
            ratio => answer.map(move |response| decode(response, ratio)),
        }
    }
}

fn decode(response: Response, ratio: u64) -> Result<Response> {
    let headers = response.headers();
    if !headers.contains_key(CONTENT_ENCODING) || response.status() == StatusCode::PARTIAL_CONTENT {
        return Ok(response);
    }
    let codings = match coding::applied(headers) {
        Some(codings) if !codings.is_empty() => codings,
        _ => return Ok(response),
    };
    let body = response.take_body()?;
    if body.is_empty() {
        return Ok(response.with_body(body));
    }
    let decoded = Decoded {
        decoder: Decoder::new(&codings, ratio, DECODED_FREE),
        taken: 0,
        total: body.length(),
        url: response.url().cloned(),
        body,
        over: false,
    };
    let decoded = response.with_body(Body::pieces(decoded));
    Ok(decoded.without(&[CONTENT_ENCODING, CONTENT_LENGTH]))
}

struct Decoded {
    body: Body,
    decoder: Decoder,
    /// Bytes that came from the wire, and how many there will be.
    taken: u64,
    total: Option<u64>,
    /// Whose body it is.
    url: Option<Url>,
    over: bool,
}

impl Pieces for Decoded {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            match self.decoder.next() {
                Ok(Some(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(None) if self.over => return Poll::Ready(None),
                Ok(None) => {}
                Err(why) => {
                    let error = Error::new(Phase::Body, ErrorKind::Decode(why));
                    let error = error.after(self.taken, self.total);
                    let error = match &self.url {
                        Some(url) => error.about(url),
                        None => error,
                    };
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
            match ready!(self.body.poll_piece(cx)) {
                Some(Ok(piece)) => {
                    self.taken += piece.len() as u64;
                    self.decoder.feed(piece);
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.over = true;
                    self.decoder.finish();
                }
            }
        }
    }

    fn length(&self) -> Option<u64> {
        None
    }

    fn encoded(&self) -> Option<(u64, Option<u64>)> {
        Some((self.taken, self.total))
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.body.take_trailers()
    }
}
