//! zstd (RFC 8878), a block at a time, with the window RFC 9659 allows.

use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{CUT, Undo};
use crate::limits::ZSTD_WINDOW;

/// RFC 8878 §3.1.1: magic number, descriptor, and up to 13 bytes more.
const LONGEST_HEADER: usize = 18;

pub(super) struct Zstd {
    decoder: FrameDecoder,
    /// Bytes that are no whole block yet; a block is at most 128 KiB.
    held: Vec<u8>,
    /// Bytes of a skippable frame that are still to come.
    skip: usize,
    inside: bool,
    checked: bool,
    more: bool,
}

fn broken(why: impl std::fmt::Display) -> String {
    format!("it is broken: {why}")
}

impl Zstd {
    pub(super) fn new() -> Zstd {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW);
        Zstd {
            decoder,
            held: Vec::new(),
            skip: 0,
            inside: false,
            checked: false,
            more: false,
        }
    }

    /// Bytes of the next block with its header and, after the last one, the
    /// checksum. `None` while that can't be told.
    fn block(&self) -> Option<usize> {
        let header: &[u8; 3] = self.held.first_chunk()?;
        let header = u32::from_le_bytes([header[0], header[1], header[2], 0]);
        let (last, kind, size) = (header & 1 == 1, header >> 1 & 3, header >> 3);
        let content = if kind == 1 { 1 } else { size as usize };
        Some(3 + content + if last && self.checked { 4 } else { 0 })
    }

    fn open(&mut self, enough: bool) -> Result<(), String> {
        if self.held.len() < LONGEST_HEADER && !enough {
            return Ok(());
        }
        // RFC 8878 §3.1.1.1: the flag for a checksum.
        self.checked = self.held.get(4).is_some_and(|flags| flags & 4 != 0);
        let mut rest = self.held.as_slice();
        self.decoder.init(&mut rest).map_err(|error| match error {
            FrameDecoderError::ReadFrameHeaderError(_) => broken("no zstd frame begins like this"),
            FrameDecoderError::WindowSizeTooBig { requested, max } => {
                format!("it looks back {requested} bytes, and {max} are allowed")
            }
            other => broken(other),
        })?;
        let taken = self.held.len() - rest.len();
        self.held.drain(..taken);
        self.inside = true;
        Ok(())
    }

    fn decode_block(&mut self, length: usize, output: &mut Vec<u8>) -> Result<(), String> {
        let one = BlockDecodingStrategy::UptoBlocks(1);
        let decoded = self.decoder.decode_blocks(&self.held[..length], one);
        decoded.map_err(broken)?;
        self.held.drain(..length);
        output.append(&mut self.decoder.collect().unwrap_or_default());
        if self.decoder.is_finished() {
            let decoder = &self.decoder;
            let (said, is) = (
                decoder.get_checksum_from_data(),
                decoder.get_calculated_checksum(),
            );
            if said.is_some() && said != is {
                return Err(broken("its checksum is wrong"));
            }
            self.inside = false;
        }
        Ok(())
    }

    /// RFC 8878 §3.1.2: frames with content that is not ours, such as pzstd
    /// writes before each of its own. Whether it has got on.
    fn pass_over(&mut self) -> bool {
        let before = self.held.len();
        if self.skip == 0
            && !self.inside
            && let Some(&[0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d]) = self.held.first_chunk()
        {
            self.skip = u32::from_le_bytes([a, b, c, d]) as usize;
            self.held.drain(..8);
        }
        let passed = self.skip.min(self.held.len());
        self.held.drain(..passed);
        self.skip -= passed;
        self.held.len() < before
    }

    /// Decodes the next block if it is here as a whole.
    fn advance(&mut self, last: bool, output: &mut Vec<u8>) -> Result<bool, String> {
        if self.pass_over() {
            return Ok(true);
        }
        if !self.inside && !self.held.is_empty() {
            self.open(last)?;
        }
        let Some(length) = self.whole_block() else {
            return Ok(false);
        };
        self.decode_block(length, output).map(|()| true)
    }

    fn whole_block(&self) -> Option<usize> {
        let block = self.block().filter(|_| self.inside);
        block.filter(|length| *length <= self.held.len())
    }
}

impl Undo for Zstd {
    fn step(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<usize, String> {
        // One block a step: four bytes may stand for 128 KiB.
        let taken = match self.more {
            true => 0,
            false => input.len().min(4 << 10),
        };
        self.held.extend_from_slice(&input[..taken]);
        self.advance(false, output)?;
        self.more = match self.inside {
            true => self.whole_block().is_some(),
            false => self.held.len() >= LONGEST_HEADER,
        };
        Ok(taken)
    }

    fn more(&self) -> bool {
        self.more
    }

    fn is_over(&self) -> bool {
        false
    }

    fn end(&mut self, output: &mut Vec<u8>) -> Result<bool, String> {
        if self.advance(true, output)? {
            return Ok(false);
        }
        match self.held.is_empty() && !self.inside && self.skip == 0 {
            true => Ok(true),
            false => Err(CUT.into()),
        }
    }
}
