//! A body that goes into a file: written by helper threads under a name of its
//! own, which becomes the file's when all of it is there.

use std::fs::{self, File, OpenOptions};
use std::future::poll_fn;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use bytes::Bytes;
use evcore::{Emitter, Error, Result, blocking};

use super::{Body, Tally};
use crate::chance;
use crate::limits::FILE_PIECE;

/// Writes all of `body`; returns its length.
pub(super) async fn save(body: Body, path: PathBuf, emitter: Emitter) -> Result<u64> {
    let doing = format!("save {}", path.display());
    let saved = write(body, path, emitter).await;
    saved.map_err(|error| error.during(doing))
}

async fn write(mut body: Body, path: PathBuf, emitter: Emitter) -> Result<u64> {
    let file = Saving::begin(path).await?;
    let mut tally = Tally::new(&body);
    let mut written = 0;
    loop {
        let come = gather(&mut body, &mut tally, &emitter).await?;
        written += come.bytes();
        if !come.pieces.is_empty() {
            file.write(come.pieces).await?;
        }
        if come.last {
            file.keep().await?;
            return Ok(written);
        }
    }
}

/// Pieces that came together, and whether nothing comes after them.
struct Come {
    pieces: Vec<Bytes>,
    last: bool,
}

impl Come {
    fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }
}

/// What is there, up to [`FILE_PIECE`] bytes and a piece, so that small pieces
/// cost no helper each; waits only if nothing is.
async fn gather(body: &mut Body, tally: &mut Tally, emitter: &Emitter) -> Result<Come> {
    let (mut pieces, mut held) = (Vec::new(), 0);
    let last = poll_fn(|cx| {
        while held < FILE_PIECE {
            let piece = match body.poll_piece(cx) {
                Poll::Ready(piece) => piece.transpose()?,
                Poll::Pending if pieces.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            };
            tally.tell(body, piece.as_ref(), emitter);
            let Some(piece) = piece else {
                return Poll::Ready(Ok::<bool, Error>(true));
            };
            held += piece.len();
            pieces.push(piece);
        }
        Poll::Ready(Ok(false))
    });
    let last = last.await?;
    Ok(Come { pieces, last })
}

/// The loop's hold on a file. What is dropped before it is kept goes, and a
/// helper takes it away: removing a large file may take a while.
struct Saving(Option<Arc<Partial>>);

impl Saving {
    async fn begin(path: PathBuf) -> Result<Saving> {
        let begun = blocking(move || Ok(Arc::new(Partial::begin(&path)?)));
        let begun: Result<Arc<Partial>> = begun.await?;
        Ok(Saving(Some(begun?)))
    }

    async fn write(&self, pieces: Vec<Bytes>) -> Result<()> {
        self.help(move |file| file.write(&pieces)).await
    }

    async fn keep(&self) -> Result<()> {
        self.help(Partial::keep).await
    }

    async fn help(
        &self,
        work: impl FnOnce(&Partial) -> io::Result<()> + Send + 'static,
    ) -> Result<()> {
        let Some(file) = self.0.clone() else {
            return Ok(());
        };
        blocking(move || work(&file).map_err(Error::from)).await?
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        let file = self.0.take();
        if file.as_ref().is_some_and(|file| !file.is_kept()) {
            // Where no helper is to be had, the closure is dropped here, and the file with it.
            blocking(move || drop(file)).settled(|_| ());
        }
    }
}

/// A file that is not all there yet.
struct Partial {
    file: File,
    /// Its name for now, and the one it will have; none for what can't be
    /// replaced: a device, a pipe.
    names: Option<(PathBuf, PathBuf)>,
    kept: AtomicBool,
}

impl Partial {
    fn begin(path: &Path) -> io::Result<Partial> {
        // Opened, not only looked at: what may not be written may not be replaced either.
        let old = match OpenOptions::new().write(true).open(path) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let Some(old) = old else {
            let (file, now) = create_beside(path, None)?;
            return Ok(Partial::new(file, Some((now, path.to_owned()))));
        };
        let about = old.metadata()?;
        if !about.is_file() {
            return Ok(Partial::new(old, None));
        }
        // A link goes on being one.
        let path = fs::canonicalize(path)?;
        let (file, now) = create_beside(&path, Some(about.permissions()))?;
        Ok(Partial::new(file, Some((now, path))))
    }

    fn new(file: File, names: Option<(PathBuf, PathBuf)>) -> Partial {
        let kept = AtomicBool::new(names.is_none());
        Partial { file, names, kept }
    }

    fn write(&self, pieces: &[Bytes]) -> io::Result<()> {
        pieces
            .iter()
            .try_for_each(|piece| (&self.file).write_all(piece))
    }

    fn keep(&self) -> io::Result<()> {
        if let Some((now, then)) = &self.names {
            fs::rename(now, then)?;
            self.kept.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some((now, _)) = self.names.as_ref().filter(|_| !self.is_kept()) {
            _ = fs::remove_file(now);
        }
    }
}

/// A new file in the folder of `path`, for only there a rename is one step; as
/// private as the one it will replace, from the start.
fn create_beside(path: &Path, like: Option<fs::Permissions>) -> io::Result<(File, PathBuf)> {
    let now = path.with_file_name(format!(".evhttp-{:016x}.part", chance::number()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if let Some(like) = &like {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        options.mode(like.mode() & 0o700);
    }
    let file = options.open(&now)?;
    match like.map_or(Ok(()), |like| file.set_permissions(without_rise(like))) {
        Ok(()) => Ok((file, now)),
        Err(error) => {
            _ = fs::remove_file(&now);
            Err(error)
        }
    }
}

/// What comes over the net runs as nobody else: no set-user-id bit is taken over.
#[cfg(unix)]
fn without_rise(like: fs::Permissions) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(like.mode() & 0o777)
}

#[cfg(not(unix))]
fn without_rise(like: fs::Permissions) -> fs::Permissions {
    like
}
