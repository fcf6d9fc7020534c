//! The states of one exchange, which both roles share: how far reading has come, how far writing has. What each role
//! makes of a head is `exchange/client.rs` and `exchange/server.rs`.
//!
//! | reading  | sees                       | says                    | becomes  |
//! |----------|----------------------------|-------------------------|----------|
//! | `Head`   | a part of a head           | `NeedInput`             | `Head`   |
//! | `Head`   | a 1xx head (client)        | `Informational`         | `Head`   |
//! | `Head`   | a head                     | `Head`                  | `Body`   |
//! | `Body`   | bytes of the body          | `Piece`                 | `Body`   |
//! | `Body`   | its end                    | `End`                   | `Ended`  |
//! | `Ended`  | anything                   | `NeedInput`             | `Ended`  |
//! | `Ended`  | the end of input           | `Closed`                | `Ended`  |
//! | any      | a breach of the protocol   | the fault, from then on | `Broken` |
//!
//! | writing  | on           | becomes  |
//! |----------|--------------|----------|
//! | `Head`   | `write_head` | `Body`   |
//! | `Body`   | a piece      | `Body`   |
//! | `Body`   | `write_end`  | `Ended`  |
//!
//! The two run independently (RFC 9112 §9.5: a response may come before its request is sent); only the verdict looks
//! at both.

pub(super) mod client;
pub(super) mod server;

use super::chunked::{Chunked, Frame, Step};
use super::fault::FaultKind;
use super::fixed::Fixed;
use super::framing::{Framing, is_forbidden_in_trailers};
use super::head::ResponseHead;
use super::head::reader::Progress;
use super::head::writer::write_field;
use super::until_close::UntilClose;
use crate::limits::Limits;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;

/// What the bytes read so far amount to. `H` is the kind of head this side receives.
#[derive(Debug)]
pub enum Event<H> {
    /// Nothing more can be said before more input comes. After [`Event::End`] it is all that is ever said.
    NeedInput,
    /// A 1xx response other than 101; the final one is still to come. Clients only.
    Informational(ResponseHead),
    /// The head, and how the end of its body will be found.
    Head(H, Framing),
    /// Some bytes of the body; they share the memory of the input.
    Piece(Bytes),
    /// The message is complete.
    End {
        /// The trailer section of a chunked body, if it had one; never merged into the head's fields. Fields that may
        /// not be trailers are left out (RFC 9110 §6.5.1).
        trailers: Option<HeaderMap>,
    },
    /// The peer closed the connection where it may: between two messages, or after its last.
    Closed,
}

#[derive(Debug)]
enum Reading {
    Head(Progress),
    Body(BodyReader),
    Ended,
    Broken(FaultKind),
}

#[derive(Debug)]
enum BodyReader {
    Empty,
    Fixed(Fixed),
    Chunked(Chunked),
    UntilClose(UntilClose),
}

impl BodyReader {
    fn new(framing: Framing, strict: bool, limits: &Limits) -> Result<BodyReader, FaultKind> {
        match framing {
            Framing::None | Framing::Switched => Ok(BodyReader::Empty),
            Framing::Fixed(length) if length > limits.body_bytes => Err(FaultKind::BodyTooLarge),
            Framing::Fixed(length) => Ok(BodyReader::Fixed(Fixed::new(length))),
            Framing::Chunked => Ok(BodyReader::Chunked(Chunked::new(strict))),
            Framing::UntilClose => Ok(BodyReader::UntilClose(UntilClose::new(limits.body_bytes))),
        }
    }

    fn read(
        &mut self,
        input: &mut BytesMut,
        limits: &Limits,
        at_end: bool,
    ) -> Result<Step, FaultKind> {
        let step = match self {
            BodyReader::Empty => Step::End(None),
            BodyReader::Fixed(fixed) if fixed.left() == 0 => Step::End(None),
            BodyReader::Fixed(fixed) => fixed.read(input).map_or(Step::NeedInput, Step::Piece),
            BodyReader::Chunked(chunked) => chunked.read(input, limits, at_end)?,
            BodyReader::UntilClose(rest) => rest.read(input)?.map_or(Step::NeedInput, Step::Piece),
        };
        match (step, self) {
            (Step::NeedInput, BodyReader::Fixed(fixed)) if at_end => Err(fixed.truncated()),
            (Step::NeedInput, BodyReader::Chunked(chunked)) if at_end => Err(chunked.truncated()),
            (Step::NeedInput, _) if at_end => Ok(Step::End(None)),
            (Step::End(trailers), _) => Ok(Step::End(trailers.map(without_forbidden))),
            (step, _) => Ok(step),
        }
    }
}

impl Reading {
    fn want(&self) -> Option<usize> {
        match self {
            Reading::Body(BodyReader::Fixed(fixed)) => Some(super::fixed::clamp(fixed.left())),
            _ => None,
        }
    }

    /// A message without a body has ended with its head, whether that was said or not.
    fn has_ended(&self) -> bool {
        matches!(self, Reading::Ended | Reading::Body(BodyReader::Empty))
    }
}

fn without_forbidden(mut trailers: HeaderMap) -> HeaderMap {
    let forbidden: Vec<_> = trailers
        .keys()
        .filter(|name| is_forbidden_in_trailers(name.as_str()))
        .cloned()
        .collect();
    forbidden.iter().for_each(|name| {
        trailers.remove(name);
    });
    trailers
}

#[derive(Debug)]
enum Writing {
    Head,
    Body(BodyWriter),
    Ended,
}

#[derive(Debug)]
enum BodyWriter {
    Empty,
    Fixed(Fixed),
    Chunked,
    UntilClose,
}

impl Writing {
    fn body(framing: Framing) -> Writing {
        Writing::Body(match framing {
            Framing::None | Framing::Switched => BodyWriter::Empty,
            Framing::Fixed(length) => BodyWriter::Fixed(Fixed::new(length)),
            Framing::Chunked => BodyWriter::Chunked,
            Framing::UntilClose => BodyWriter::UntilClose,
        })
    }

    fn frame_piece(&mut self, length: usize) -> Result<Frame, FaultKind> {
        let Writing::Body(body) = self else {
            return Err(FaultKind::OutOfOrder);
        };
        match body {
            // An empty chunk would be the last one.
            _ if length == 0 => Ok(Frame::PLAIN),
            BodyWriter::Empty => Err(FaultKind::BodyNotAllowed),
            BodyWriter::Fixed(fixed) => fixed.write(length).map(|()| Frame::PLAIN),
            BodyWriter::Chunked => Ok(Frame::chunk(length)),
            BodyWriter::UntilClose => Ok(Frame::PLAIN),
        }
    }

    fn write_piece(&mut self, piece: &[u8], out: &mut BytesMut) -> Result<(), FaultKind> {
        let frame = self.frame_piece(piece.len())?;
        out.reserve(frame.prefix().len() + piece.len() + frame.suffix().len());
        out.extend_from_slice(frame.prefix());
        out.extend_from_slice(piece);
        out.extend_from_slice(frame.suffix());
        Ok(())
    }

    fn write_end(
        &mut self,
        trailers: Option<&HeaderMap>,
        out: &mut BytesMut,
    ) -> Result<(), FaultKind> {
        let Writing::Body(body) = self else {
            return Err(FaultKind::OutOfOrder);
        };
        let trailers = trailers.filter(|trailers| !trailers.is_empty());
        match (body, trailers) {
            (BodyWriter::Chunked, trailers) => write_last_chunk(trailers, out)?,
            // RFC 9110 §6.5.1: trailers may be dropped; an HTTP/1.0 peer is the one who cannot get them.
            (BodyWriter::UntilClose, _) => {}
            (_, Some(_)) => return Err(FaultKind::ForbiddenField),
            (BodyWriter::Fixed(fixed), None) => fixed.finish()?,
            (BodyWriter::Empty, None) => {}
        }
        *self = Writing::Ended;
        Ok(())
    }

    fn has_ended(&self) -> bool {
        matches!(self, Writing::Ended)
    }
}

fn write_last_chunk(trailers: Option<&HeaderMap>, out: &mut BytesMut) -> Result<(), FaultKind> {
    if trailers.is_some_and(|trailers| {
        trailers
            .keys()
            .any(|name| is_forbidden_in_trailers(name.as_str()))
    }) {
        return Err(FaultKind::ForbiddenField);
    }
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        write_field(name.as_str(), value.as_bytes(), out);
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Writes all of something or nothing: a refused head leaves no half of it behind.
#[inline]
fn write_whole<T>(
    out: &mut BytesMut,
    write: impl FnOnce(&mut BytesMut) -> Result<T, FaultKind>,
) -> Result<T, FaultKind> {
    let start = out.len();
    write(out).inspect_err(|_| out.truncate(start))
}
