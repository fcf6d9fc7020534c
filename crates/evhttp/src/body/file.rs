//! A file as a body: read by helper threads, one piece ahead of the wire, so
//! that the loop's thread never waits for a disk.

use std::fs::File;
use std::future::{Future, IntoFuture};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use evcore::{Await, Error, Result, blocking};

use super::{Body, Pieces};
use crate::limits::FILE_PIECE;

pub(super) struct FilePieces {
    file: Arc<File>,
    offset: u64,
    left: u64,
    reading: Option<Await<Bytes>>,
}

impl FilePieces {
    pub(super) fn open(path: &Path) -> Result<FilePieces> {
        let named =
            |error: std::io::Error| Error::from(error).during(format!("open {}", path.display()));
        let file = File::open(path).map_err(named)?;
        let about = file.metadata().map_err(named)?;
        if !about.is_file() {
            return Err(named(std::io::Error::other("no regular file")));
        }
        Ok(FilePieces {
            file: Arc::new(file),
            offset: 0,
            left: about.len(),
            reading: None,
        })
    }

    fn read_ahead(&mut self) {
        if self.left == 0 || self.reading.is_some() {
            return;
        }
        let (file, offset) = (self.file.clone(), self.offset);
        let length = self.left.min(FILE_PIECE as u64) as usize;
        let read = blocking(move || read_at(&file, offset, length));
        self.reading = Some(read.and_then(|piece| piece.clone()).into_future());
    }
}

fn read_at(mut file: &File, offset: u64, length: usize) -> Result<Bytes> {
    let mut piece = vec![0; length];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut piece)?;
    Ok(piece.into())
}

impl Pieces for FilePieces {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.read_ahead();
        let Some(reading) = &mut self.reading else {
            return Poll::Ready(None);
        };
        let Poll::Ready(piece) = Pin::new(reading).poll(cx) else {
            return Poll::Pending;
        };
        self.reading = None;
        if let Ok(piece) = &piece {
            self.offset += piece.len() as u64;
            self.left -= piece.len() as u64;
            self.read_ahead();
        }
        Poll::Ready(Some(piece))
    }

    fn length(&self) -> Option<u64> {
        Some(self.left)
    }

    fn replay(&self) -> Option<Body> {
        Some(Body::pieces(FilePieces {
            file: self.file.clone(),
            offset: 0,
            left: self.offset + self.left,
            reading: None,
        }))
    }
}
