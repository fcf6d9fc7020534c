//! gzip (RFC 1952) and deflate, the latter in both dialects that go by that
//! name: in zlib's frame (RFC 1950), as the RFC says, and bare (RFC 1951).

use std::io::Write;

use flate2::write::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

use super::{CUT, Undo};

/// Bytes that one step takes and gives, about.
const STEP: usize = 16 << 10;

fn broken(why: impl std::fmt::Display) -> String {
    format!("it is broken: {why}")
}

/// One member after the other (RFC 1952 §2.2).
#[derive(Default)]
pub(super) struct Gzip {
    member: Option<GzDecoder<Vec<u8>>>,
    members: u32,
    padded: bool,
}

impl Gzip {
    /// The member is over: its checksum has to be right.
    fn close(&mut self, output: &mut Vec<u8>) -> Result<(), String> {
        if let Some(mut member) = self.member.take() {
            member.try_finish().map_err(broken)?;
            output.append(member.get_mut());
            self.members += 1;
        }
        Ok(())
    }
}

impl Undo for Gzip {
    fn step(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<usize, String> {
        if self.member.is_none() && self.members > 0 && input[0] != 0x1f {
            self.padded = true;
            return Ok(0);
        }
        let new = || GzDecoder::new(Vec::new());
        let member = self.member.get_or_insert_with(new);
        let input = &input[..input.len().min(STEP)];
        let taken = member.write(input).map_err(broken)?;
        if taken == 0 {
            self.close(output)?;
            return Ok(0);
        }
        member.flush().map_err(broken)?;
        output.append(member.get_mut());
        Ok(taken)
    }

    fn is_over(&self) -> bool {
        self.padded
    }

    fn end(&mut self, output: &mut Vec<u8>) -> Result<bool, String> {
        // A member that has come to its end takes no byte more.
        let unfinished = |member: &mut GzDecoder<_>| !matches!(member.write(&[0]), Ok(0));
        match self.member.as_mut().is_some_and(unfinished) {
            true => Err(CUT.into()),
            false => self.close(output).map(|()| true),
        }
    }
}

/// In zlib's frame or without: the first two bytes tell.
#[derive(Default)]
pub(super) struct Deflate {
    inflate: Option<Decompress>,
    first: Option<u8>,
    more: bool,
    over: bool,
}

/// RFC 1950 §2.2: method 8, a window that exists, and a check of both bytes.
fn has_zlib_frame(first: u8, second: u8) -> bool {
    let check = u16::from_be_bytes([first, second]).is_multiple_of(31);
    first & 0x0f == 8 && first >> 4 <= 7 && check
}

impl Deflate {
    fn inflate(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<usize, String> {
        let Some(inflate) = &mut self.inflate else {
            return Ok(0);
        };
        let (taken, given) = (inflate.total_in(), inflate.total_out());
        let mut room = vec![0; 2 * STEP];
        let status = inflate.decompress(input, &mut room, FlushDecompress::None);
        let status = status.map_err(broken)?;
        let (taken, given) = (inflate.total_in() - taken, inflate.total_out() - given);
        self.over = status == Status::StreamEnd;
        self.more = given as usize == room.len() && !self.over;
        if taken == 0 && given == 0 && !self.over && !input.is_empty() {
            return Err(broken("it does not go on"));
        }
        room.truncate(given as usize);
        output.append(&mut room);
        Ok(taken as usize)
    }
}

impl Undo for Deflate {
    fn step(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<usize, String> {
        if self.inflate.is_some() {
            return self.inflate(input, output);
        }
        let Some(first) = self.first.take() else {
            self.first = Some(input[0]);
            return Ok(1);
        };
        self.inflate = Some(Decompress::new(has_zlib_frame(first, input[0])));
        self.inflate(&[first], output)?;
        Ok(0)
    }

    fn more(&self) -> bool {
        self.more
    }

    fn is_over(&self) -> bool {
        self.over
    }
}
