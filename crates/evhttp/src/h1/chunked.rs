//! The chunked coding (RFC 9112 §7.1), read byte by byte in a small machine, so that no size line is ever scanned
//! twice, and written as the few bytes around a piece. Which messages are chunked is `framing.rs`.
//!
//! Everything between the chunks is strict in both roles, bare LF included: readers who disagree about where an
//! extension ends see different messages.

use super::fault::FaultKind;
use super::fixed::clamp;
use super::head::reader::{Progress, read_trailers};
use crate::limits::{CHUNK_SIZE_DIGITS, Limits};
use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;

#[derive(Debug, Clone, Copy)]
enum State {
    /// Among the digits of a size.
    Size {
        digits: u8,
        size: u64,
    },
    /// Among blanks after them.
    Blank {
        size: u64,
    },
    /// Within extensions.
    Extension {
        size: u64,
    },
    /// Between the CR and the LF of the size line.
    SizeLf {
        size: u64,
    },
    /// Among a chunk's bytes.
    Piece {
        left: u64,
    },
    /// Before the CR after a chunk, and before its LF.
    PieceCr,
    PieceLf,
    /// After the last chunk.
    Trailers(Progress),
    Ended,
}

const SIZE: State = State::Size { digits: 0, size: 0 };

/// What reading a body came to.
#[derive(Debug)]
pub(super) enum Step {
    NeedInput,
    Piece(Bytes),
    End(Option<HeaderMap>),
}

/// Reads a chunked body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunked {
    state: State,
    /// A request's sizes may not be padded with blanks: some readers stop at them, some do not.
    strict: bool,
    extension_bytes: usize,
    announced: u64,
    received: u64,
}

impl Chunked {
    pub(super) fn new(strict: bool) -> Chunked {
        Chunked {
            state: SIZE,
            strict,
            extension_bytes: 0,
            announced: 0,
            received: 0,
        }
    }

    pub(super) fn truncated(&self) -> FaultKind {
        FaultKind::Truncated {
            received: self.received,
            expected: None,
        }
    }

    pub(super) fn read(
        &mut self,
        input: &mut BytesMut,
        limits: &Limits,
        at_end: bool,
    ) -> Result<Step, FaultKind> {
        self.cross(input, limits)?;
        match self.state {
            State::Piece { left } if !input.is_empty() => {
                let length = clamp(left).min(input.len());
                let left = left - length as u64;
                self.received += length as u64;
                self.state = if left == 0 {
                    State::PieceCr
                } else {
                    State::Piece { left }
                };
                Ok(Step::Piece(input.split_to(length).freeze()))
            }
            State::Trailers(progress) => self.read_end(progress, input, limits, at_end),
            State::Ended => Ok(Step::End(None)),
            _ => Ok(Step::NeedInput),
        }
    }

    /// Crosses what stands between two chunks, as far as it has come.
    fn cross(&mut self, input: &mut BytesMut, limits: &Limits) -> Result<(), FaultKind> {
        let mut crossed = 0;
        for &byte in &input[..] {
            if matches!(
                self.state,
                State::Piece { .. } | State::Trailers(_) | State::Ended
            ) {
                break;
            }
            self.state = self.step(byte, limits)?;
            crossed += 1;
        }
        if crossed > 0 {
            input.advance(crossed);
        }
        Ok(())
    }

    fn step(&mut self, byte: u8, limits: &Limits) -> Result<State, FaultKind> {
        match (self.state, byte) {
            (State::Size { digits, size }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if digits == CHUNK_SIZE_DIGITS {
                    return Err(FaultKind::BadChunkSize);
                }
                Ok(State::Size {
                    digits: digits + 1,
                    size: size << 4 | u64::from(hex_value(byte)),
                })
            }
            (State::Size { digits: 0, .. }, _) => Err(FaultKind::BadChunkSize),
            (State::Size { size, .. }, b'\r') => Ok(State::SizeLf { size }),
            (State::Blank { size }, b'\r') if !self.strict => Ok(State::SizeLf { size }),
            // §7.1.1 puts "bad whitespace" before the semicolon; old servers pad their sizes with it.
            (State::Size { size, .. } | State::Blank { size }, b' ' | b'\t') => {
                self.extend(limits).map(|()| State::Blank { size })
            }
            (State::Size { size, .. } | State::Blank { size }, b';') => {
                self.extend(limits).map(|()| State::Extension { size })
            }
            (State::Extension { size }, b'\r') => Ok(State::SizeLf { size }),
            (State::Size { .. } | State::Blank { .. } | State::Extension { .. }, b'\n') => {
                Err(FaultKind::BareLf)
            }
            (State::Size { .. } | State::Blank { .. }, _) => Err(FaultKind::BadChunkSize),
            (State::Extension { .. }, 0..=0x08 | 0x0b..=0x1f | 0x7f) => {
                Err(FaultKind::BadChunkExtension)
            }
            (State::Extension { size }, _) => {
                self.extend(limits).map(|()| State::Extension { size })
            }
            (State::SizeLf { size }, b'\n') => self.begin(size, limits),
            (State::SizeLf { .. }, _) => Err(FaultKind::BareCr),
            (State::PieceCr, b'\r') => Ok(State::PieceLf),
            (State::PieceLf, b'\n') => Ok(SIZE),
            _ => Err(FaultKind::BadChunkEnd),
        }
    }

    fn extend(&mut self, limits: &Limits) -> Result<(), FaultKind> {
        self.extension_bytes += 1;
        if self.extension_bytes > limits.chunk_extension_bytes {
            return Err(FaultKind::ChunkExtensionsTooLarge);
        }
        Ok(())
    }

    fn begin(&mut self, size: u64, limits: &Limits) -> Result<State, FaultKind> {
        let announced = self
            .announced
            .checked_add(size)
            .filter(|&sum| sum <= limits.body_bytes);
        self.announced = announced.ok_or(FaultKind::BodyTooLarge)?;
        Ok(if size == 0 {
            State::Trailers(Progress::default())
        } else {
            State::Piece { left: size }
        })
    }

    fn read_end(
        &mut self,
        mut progress: Progress,
        input: &mut BytesMut,
        limits: &Limits,
        at_end: bool,
    ) -> Result<Step, FaultKind> {
        let trailers = match &input[..] {
            [b'\r', b'\n', ..] if !progress.has_begun() => {
                input.advance(2);
                None
            }
            [] | [b'\r'] => return Ok(Step::NeedInput),
            bytes if progress.is_worth_trying(bytes, limits.trailer_bytes, at_end) => {
                match read_trailers(input, limits)? {
                    Some(trailers) => Some(trailers),
                    None => return self.wait(progress),
                }
            }
            _ => return self.wait(progress),
        };
        self.state = State::Ended;
        Ok(Step::End(trailers.filter(|trailers| !trailers.is_empty())))
    }

    fn wait(&mut self, progress: Progress) -> Result<Step, FaultKind> {
        self.state = State::Trailers(progress);
        Ok(Step::NeedInput)
    }
}

/// Of a byte that is known to be a hexadecimal digit.
fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// What surrounds a piece on the wire, so that a large piece can be written as it is, between the two (`writev`).
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    prefix: [u8; 18],
    start: u8,
    chunked: bool,
}

impl Frame {
    /// Nothing around it.
    pub(super) const PLAIN: Frame = Frame {
        prefix: [0; 18],
        start: 18,
        chunked: false,
    };

    pub(super) fn chunk(length: usize) -> Frame {
        let mut frame = Frame {
            prefix: [0; 18],
            start: 16,
            chunked: true,
        };
        frame.prefix[16..].copy_from_slice(b"\r\n");
        let mut rest = length;
        loop {
            frame.start -= 1;
            frame.prefix[usize::from(frame.start)] = b"0123456789abcdef"[rest & 15];
            rest >>= 4;
            if rest == 0 {
                return frame;
            }
        }
    }

    /// What goes before the piece; empty unless the body is chunked.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix[usize::from(self.start)..]
    }

    /// What goes after it.
    pub fn suffix(&self) -> &'static [u8] {
        if self.chunked { b"\r\n" } else { b"" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_hexadecimal() {
        for (length, prefix) in [
            (1, "1\r\n"),
            (16, "10\r\n"),
            (0xabc, "abc\r\n"),
            (usize::MAX, "ffffffffffffffff\r\n"),
        ] {
            if usize::BITS == 64 || length < usize::MAX {
                assert_eq!(Frame::chunk(length).prefix(), prefix.as_bytes());
            }
        }
        assert_eq!(
            (Frame::PLAIN.prefix(), Frame::PLAIN.suffix()),
            (&b""[..], &b""[..])
        );
    }

    #[test]
    fn a_size_line_is_never_scanned_twice() {
        let mut chunked = Chunked::new(true);
        let mut input = BytesMut::from("3;a=");
        assert!(matches!(
            chunked.read(&mut input, &Limits::default(), false),
            Ok(Step::NeedInput)
        ));
        assert!(input.is_empty());
        input.extend_from_slice(b"\"b\"\r\nxyz\r\n0\r\n\r\nrest");
        assert!(
            matches!(chunked.read(&mut input, &Limits::default(), false), Ok(Step::Piece(piece)) if piece == "xyz")
        );
        assert!(matches!(
            chunked.read(&mut input, &Limits::default(), false),
            Ok(Step::End(None))
        ));
        assert_eq!(input, "rest");
    }
}
