//! br (RFC 7932).

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::Undo;

/// Bytes that one step gives at most.
const STEP: usize = 64 << 10;

pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    more: bool,
    over: bool,
}

impl Brotli {
    pub(super) fn new() -> Brotli {
        let alloc = StandardAlloc::default;
        let mut state = BrotliState::new(alloc(), alloc(), alloc());
        // RFC 7932 has windows of 16 MiB at most; larger ones are an extension.
        state.large_window = false;
        Brotli {
            state,
            more: false,
            over: false,
        }
    }
}

impl Undo for Brotli {
    fn step(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<usize, String> {
        let mut room = vec![0; STEP];
        let (mut left, mut taken) = (input.len(), 0);
        let (mut free, mut given, mut total) = (STEP, 0, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut taken,
            input,
            &mut free,
            &mut given,
            &mut room,
            &mut total,
            &mut self.state,
        );
        room.truncate(given);
        output.append(&mut room);
        self.more = matches!(result, BrotliResult::NeedsMoreOutput);
        self.over = matches!(result, BrotliResult::ResultSuccess);
        match result {
            BrotliResult::ResultFailure => Err("it is broken".into()),
            _ => Ok(taken),
        }
    }

    fn more(&self) -> bool {
        self.more
    }

    fn is_over(&self) -> bool {
        self.over
    }
}
