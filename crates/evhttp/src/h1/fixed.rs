//! Bodies of a stated length (RFC 9112 §6.2), from both sides: what is left to read, what is left to write.

use super::fault::FaultKind;
use bytes::{Bytes, BytesMut};

/// Counts down a Content-Length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fixed {
    announced: u64,
    left: u64,
}

impl Fixed {
    pub(super) fn new(announced: u64) -> Fixed {
        Fixed {
            announced,
            left: announced,
        }
    }

    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// The next piece, as long as what has come; `None` if nothing has.
    pub(super) fn read(&mut self, input: &mut BytesMut) -> Option<Bytes> {
        if input.is_empty() {
            return None;
        }
        let length = clamp(self.left).min(input.len());
        self.left -= length as u64;
        Some(input.split_to(length).freeze())
    }

    /// Counts bytes that were read elsewhere.
    pub(super) fn pass(&mut self, length: usize) {
        self.left = self.left.saturating_sub(length as u64);
    }

    pub(super) fn truncated(&self) -> FaultKind {
        FaultKind::Truncated {
            received: self.announced - self.left,
            expected: Some(self.announced),
        }
    }

    /// Accounts for a piece about to be written.
    pub(super) fn write(&mut self, length: usize) -> Result<(), FaultKind> {
        let left = self.left.checked_sub(length as u64);
        self.left = left.ok_or(FaultKind::BodyTooLong {
            announced: self.announced,
        })?;
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), FaultKind> {
        match self.left {
            0 => Ok(()),
            left => Err(FaultKind::BodyTooShort {
                written: self.announced - left,
                announced: self.announced,
            }),
        }
    }
}

/// What of a 64-bit length fits this machine's memory.
pub(super) fn clamp(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_no_more_than_announced() {
        let mut fixed = Fixed::new(5);
        let mut input = BytesMut::from("abc");
        assert_eq!(fixed.read(&mut input).unwrap(), "abc");
        assert_eq!(fixed.read(&mut input), None);
        assert_eq!(
            fixed.truncated(),
            FaultKind::Truncated {
                received: 3,
                expected: Some(5)
            }
        );
        input.extend_from_slice(b"defg");
        assert_eq!(fixed.read(&mut input).unwrap(), "de");
        assert_eq!((fixed.left(), &input[..]), (0, &b"fg"[..]));
    }

    #[test]
    fn writes_exactly_what_was_announced() {
        let mut fixed = Fixed::new(3);
        fixed.write(2).unwrap();
        assert_eq!(
            fixed.finish(),
            Err(FaultKind::BodyTooShort {
                written: 2,
                announced: 3
            })
        );
        assert_eq!(fixed.write(2), Err(FaultKind::BodyTooLong { announced: 3 }));
        fixed.write(1).unwrap();
        fixed.finish().unwrap();
    }
}
