//! A file as a body: read by helper threads, one piece ahead of the wire, so
//! that the loop's thread never waits for a disk.

use std::fs::File;
use std::future::{Future, IntoFuture};
use std::io;
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
        let opened = open_regular(path);
        let (file, length) = opened
            .map_err(|error| Error::from(error).during(format!("open {}", path.display())))?;
        Ok(FilePieces {
            file: Arc::new(file),
            offset: 0,
            left: length,
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

/// The file and its length. What is no regular file has none, and is not even opened: with a pipe that would be to wait
/// for who writes into it.
fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    let no_file = || io::Error::other("no regular file");
    if !std::fs::metadata(path)?.is_file() {
        return Err(no_file());
    }
    let file = File::open(path)?;
    let about = file.metadata()?;
    match about.is_file() {
        true => Ok((file, about.len())),
        false => Err(no_file()),
    }
}

/// Reads where it is told to: the file has one position for all who read it (a replay is one more), so nobody goes by that.
fn read_at(file: &File, offset: u64, length: usize) -> Result<Bytes> {
    let mut piece = vec![0; length];
    read_exact_at(file, &mut piece, offset)?;
    Ok(piece.into())
}

#[cfg(unix)]
fn read_exact_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut into: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !into.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, into, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                into = &mut into[read..];
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The bodies of two requests may be one file: each reads where it is, whoever else reads.
    #[test]
    fn readers_of_one_file_do_not_move_each_other() {
        let path = std::env::temp_dir().join(format!("evhttp-read-at-{}", std::process::id()));
        let content: Vec<u8> = (0..40_000u32).flat_map(u32::to_be_bytes).collect();
        std::fs::write(&path, &content).unwrap();
        let file = File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::thread::scope(|scope| {
            for first in 0..4 {
                let (file, content) = (&file, &content);
                scope.spawn(move || {
                    for n in 0..5_000 {
                        let at = (first * 7_919 + n * 13) % (content.len() - 100);
                        let read = read_at(file, at as u64, 100).unwrap();
                        assert_eq!(read, content[at..at + 100], "at {at}");
                    }
                });
            }
        });
        let beyond = read_at(&file, content.len() as u64 - 1, 2);
        assert!(beyond.is_err(), "beyond its end");
    }

    /// To open a pipe would be to wait for who writes into it, in the loop's thread.
    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_at_once() {
        let path = std::env::temp_dir().join(format!("evhttp-pipe-{}", std::process::id()));
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let (tell, told) = std::sync::mpsc::channel();
        let opened = path.clone();
        std::thread::spawn(move || {
            let refused = FilePieces::open(&opened).err();
            tell.send(refused.map(|error| error.to_string())).unwrap();
        });
        let refused = told.recv_timeout(std::time::Duration::from_secs(20));
        std::fs::remove_file(&path).unwrap();
        let why = format!("open {}: no regular file", path.display());
        assert_eq!(refused.expect("it does not wait"), Some(why));
    }
}
