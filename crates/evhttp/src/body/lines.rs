//! A body line by line, as it comes.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use evcore::Result;
use futures_core::Stream;

use super::Body;
use crate::error::{Error, ErrorKind, Phase};
use crate::limits::LINE_BYTES;

/// The lines of a body: what [`Body::lines`] returns. Also a
/// [`Stream`](futures_core::Stream).
pub struct Lines {
    body: Body,
    held: BytesMut,
    /// Bytes of `held` in which no line ends.
    searched: usize,
    over: bool,
}

impl Lines {
    pub(super) fn new(body: Body) -> Lines {
        Lines {
            body,
            held: BytesMut::new(),
            searched: 0,
            over: false,
        }
    }

    /// The next line without its end (LF or CRLF); `None` after the last.
    ///
    /// # Errors
    /// What stopped the body from coming; a line that is no UTF-8 or longer
    /// than [`LINE_BYTES`](crate::limits::LINE_BYTES).
    pub async fn next(&mut self) -> Result<Option<String>> {
        poll_fn(|cx| self.poll_line(cx)).await.transpose()
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<String>>> {
        loop {
            let unseen = &self.held[self.searched..];
            if let Some(end) = unseen.iter().position(|byte| *byte == b'\n') {
                let line = self.take(self.searched + end);
                self.held.advance(1);
                return Poll::Ready(Some(line));
            }
            self.searched = self.held.len();
            if self.over {
                let last = self.take(self.searched);
                let nothing = matches!(&last, Ok(line) if line.is_empty());
                return Poll::Ready((!nothing).then_some(last));
            }
            if self.held.len() > LINE_BYTES {
                let limit = LINE_BYTES as u64;
                let error = Error::new(Phase::Body, ErrorKind::TooLarge { limit });
                return Poll::Ready(Some(Err(error.into())));
            }
            match ready!(self.body.poll_piece(cx)) {
                Some(Ok(piece)) => self.held.extend_from_slice(&piece),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.over = true,
            }
        }
    }

    fn take(&mut self, length: usize) -> Result<String> {
        self.searched = 0;
        let line = self.held.split_to(length);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        let text = std::str::from_utf8(line);
        let text = text.map_err(|e| Error::new(Phase::Body, ErrorKind::NotText(e)))?;
        Ok(text.to_owned())
    }
}

impl Stream for Lines {
    type Item = Result<String>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<String>>> {
        self.get_mut().poll_line(cx)
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lines({} bytes held)", self.held.len())
    }
}
