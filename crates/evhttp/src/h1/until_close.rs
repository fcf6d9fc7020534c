//! Bodies that end with the connection (RFC 9112 §6.3, item 8): all there is, until there is no more.

use super::fault::FaultKind;
use bytes::{Bytes, BytesMut};

/// Hands out whatever comes, up to the caller's limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct UntilClose {
    allowed: u64,
}

impl UntilClose {
    pub(super) fn new(allowed: u64) -> UntilClose {
        UntilClose { allowed }
    }

    pub(super) fn read(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, FaultKind> {
        if input.is_empty() {
            return Ok(None);
        }
        self.allowed = self
            .allowed
            .checked_sub(input.len() as u64)
            .ok_or(FaultKind::BodyTooLarge)?;
        Ok(Some(input.split().freeze()))
    }
}
