//! Bodies whose every byte is known without storing them, and a hash to compare bodies by.
//!
//! The hash finds damage, not forgery: eight bytes a step, so that a gigabyte takes a moment even in a
//! build without optimisation.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// The pattern repeats after this many bytes: prime, so that no power of two, no page and no chunk
/// size ever lines up with it, and a piece put in the wrong place shows.
pub const PERIOD: usize = 1_048_573;

/// One period of the pattern.
#[must_use]
pub fn period() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(PERIOD + 8);
    while bytes.len() < PERIOD {
        state = mix(state);
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(PERIOD);
    bytes
}

/// The pattern's first `length` bytes.
#[must_use]
pub fn bytes(length: usize) -> Vec<u8> {
    period().into_iter().cycle().take(length).collect()
}

/// Writes the pattern's first `length` bytes to a file; their hash.
///
/// # Errors
/// What the file system says.
pub fn write_file(path: &Path, length: u64) -> io::Result<u64> {
    let mut file = File::create(path)?;
    let mut hash = Hash::new();
    let period = period();
    let mut left = length;
    while left > 0 {
        let piece = &period[..left.min(PERIOD as u64) as usize];
        file.write_all(piece)?;
        hash.update(piece);
        left -= piece.len() as u64;
    }
    Ok(hash.finish())
}

/// xorshift64* without its last multiplication: enough to look random.
fn mix(mut state: u64) -> u64 {
    state ^= state >> 12;
    state ^= state << 25;
    state ^ (state >> 27)
}

/// A running 64-bit hash; how the bytes were cut into pieces makes no difference.
#[derive(Clone, Debug)]
pub struct Hash {
    state: u64,
    length: u64,
    /// Bytes that do not fill a word yet.
    rest: [u8; 8],
    held: usize,
}

impl Default for Hash {
    fn default() -> Hash {
        Hash {
            state: 0xcbf2_9ce4_8422_2325,
            length: 0,
            rest: [0; 8],
            held: 0,
        }
    }
}

impl Hash {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Hash {
        Hash::default()
    }

    /// The hash of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> u64 {
        let mut hash = Hash::new();
        hash.update(bytes);
        hash.finish()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.held > 0 {
            let taken = bytes.len().min(8 - self.held);
            self.rest[self.held..self.held + taken].copy_from_slice(&bytes[..taken]);
            self.held += taken;
            bytes = &bytes[taken..];
            if self.held < 8 {
                return;
            }
            self.step(u64::from_le_bytes(self.rest));
        }
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.step(u64::from_le_bytes(*word));
        }
        self.rest[..rest.len()].copy_from_slice(rest);
        self.held = rest.len();
    }

    /// FNV-1a's multiplication a word at a time, with a rotation so that high bits reach low ones.
    fn step(&mut self, word: u64) {
        self.state = (self.state ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }

    /// The hash of all that came so far, its length included.
    #[must_use]
    pub fn finish(&self) -> u64 {
        let mut last = self.clone();
        last.rest[self.held..].fill(0);
        last.step(u64::from_le_bytes(last.rest));
        last.step(self.length);
        last.state
    }

    /// How many bytes came so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_no_difference() {
        let bytes = bytes(10_000);
        for piece in [1, 3, 7, 8, 9, 4096] {
            let mut hash = Hash::new();
            bytes.chunks(piece).for_each(|piece| hash.update(piece));
            assert_eq!(hash.finish(), Hash::of(&bytes), "pieces of {piece}");
        }
    }

    #[test]
    fn damage_shows() {
        let good = bytes(100_000);
        let mut flipped = good.clone();
        flipped[77_777] ^= 1;
        let mut swapped = good.clone();
        swapped.swap(8, 16);
        let longer = [&good[..], &[0]].concat();
        for bad in [&flipped[..], &swapped, &good[..99_999], &longer] {
            assert_ne!(Hash::of(bad), Hash::of(&good));
        }
        assert_ne!(Hash::of(b""), Hash::of(b"\0"));
    }

    #[test]
    fn a_file_of_the_pattern_has_the_hash_it_was_given() {
        let dir = crate::TempDir::new("pattern");
        let length = PERIOD as u64 * 2 + 5;
        let hash = write_file(&dir.join("x"), length).unwrap();
        let read = std::fs::read(dir.join("x")).unwrap();
        assert_eq!((read.len() as u64, Hash::of(&read)), (length, hash));
        assert_eq!(read, bytes(length as usize));
    }
}
