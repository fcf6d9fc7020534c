//! The content of a message, on its way out or in: nothing, bytes, or pieces
//! that come one by one.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use evcore::{Emitter, Promise, Reactor, Result, spawn_with};
use http::HeaderMap;

use crate::error::{Error, ErrorKind, Phase};
use crate::event::{CHUNK, PROGRESS, Progress};

mod file;
mod lines;
mod save;

pub use lines::Lines;

/// Something that supplies a body piece by piece.
///
/// ```
/// use bytes::Bytes;
/// use evhttp::{Body, Pieces};
/// use std::task::{Context, Poll};
///
/// /// So many zeros, a kilobyte at a time.
/// struct Zeros(u64);
///
/// impl Pieces for Zeros {
///     fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<evcore::Result<Bytes>>> {
///         let piece = vec![0; self.0.min(1_000) as usize];
///         self.0 -= piece.len() as u64;
///         Poll::Ready((!piece.is_empty()).then_some(Ok(piece.into())))
///     }
///
///     fn length(&self) -> Option<u64> {
///         Some(self.0)
///     }
/// }
///
/// let all = evcore::run(Body::pieces(Zeros(2_500)).collect(1 << 20))?;
/// assert_eq!(all.len(), 2_500);
/// # Ok::<(), evcore::Error>(())
/// ```
pub trait Pieces {
    /// The next piece, `None` after the last. Called again only when the
    /// piece before has been dealt with: not asking is not reading.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>>;

    /// Bytes still to come, if that is known.
    fn length(&self) -> Option<u64>;

    /// What followed the body, after its end.
    fn take_trailers(&mut self) -> Option<HeaderMap> {
        None
    }

    /// Bytes taken from the wire and how many there will be, where those are
    /// others than the bytes handed out: content that was compressed.
    fn encoded(&self) -> Option<(u64, Option<u64>)> {
        None
    }

    /// The same content from its beginning once more, if it can be had. Asked
    /// before the first piece.
    fn replay(&self) -> Option<Body> {
        None
    }
}

/// The content of a request or a response.
///
/// A request's body made of bytes, or a file, can be sent again if a redirect
/// or a dead connection asks for that; one that comes in pieces only if it
/// says so ([`Pieces::replay`]).
///
/// ```
/// let server = evhttp::serve("127.0.0.1:0", |_| "one two three")?;
/// let url = format!("http://{}/", server.local_addr());
/// let length = evcore::run(async move {
///     let mut body = evhttp::get(url).stream().await?.take_body()?;
///     let mut length = 0;
///     while let Some(piece) = body.next().await? {
///         length += piece.len();
///     }
///     Ok(length)
/// })?;
/// assert_eq!(length, 13);
/// # Ok::<(), evcore::Error>(())
/// ```
pub struct Body(Kind);

enum Kind {
    Empty,
    Whole(Bytes),
    Pieces(Box<dyn Pieces>),
}

impl Body {
    /// No content.
    pub const fn empty() -> Body {
        Body(Kind::Empty)
    }

    /// Content that comes piece by piece.
    pub fn pieces(pieces: impl Pieces + 'static) -> Body {
        Body(Kind::Pieces(Box::new(pieces)))
    }

    /// Content that `next` supplies, called for each piece until it says
    /// `None`. With a `length`, exactly so many bytes must come.
    ///
    /// ```
    /// let mut lines = vec!["one\n", "two\n"].into_iter();
    /// let body = evhttp::Body::from_fn(None, move || {
    ///     evcore::Promise::ready(lines.next().map(|line| line.into()))
    /// });
    /// ```
    pub fn from_fn(
        length: Option<u64>,
        next: impl FnMut() -> Promise<Option<Bytes>> + 'static,
    ) -> Body {
        Body::pieces(FromFn {
            next,
            asked: None,
            left: length,
        })
    }

    /// A file's content, read by helper threads ahead of the wire.
    ///
    /// ```no_run
    /// let page = evhttp::put("https://example.com/notes.txt").body(evhttp::Body::file("notes.txt")?);
    /// evcore::run(page.send())?.ok()?;
    /// # Ok::<(), evcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the file can't be opened or is no regular file.
    pub fn file(path: impl AsRef<std::path::Path>) -> Result<Body> {
        Ok(Body::pieces(file::FilePieces::open(path.as_ref())?))
    }

    /// Bytes to come, if that is known.
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Kind::Empty => Some(0),
            Kind::Whole(bytes) => Some(bytes.len() as u64),
            Kind::Pieces(pieces) => pieces.length(),
        }
    }

    /// Whether there is nothing in it, for certain.
    pub fn is_empty(&self) -> bool {
        self.length() == Some(0)
    }

    /// The next piece; `None` after the last, and after an error.
    ///
    /// # Errors
    /// What stopped the body from coming.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_piece(cx)).await.transpose()
    }

    /// As [`next`](Body::next), for authors of layers.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Pieces(pieces) => {
                let piece = pieces.poll_piece(cx);
                // What would come behind a gap, or after the time for it, is not asked for.
                if let Poll::Ready(Some(Err(_))) = &piece {
                    self.0 = Kind::Empty;
                }
                piece
            }
            Kind::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Kind::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
        }
    }

    /// What followed the body on the wire, once its end has been read.
    pub fn take_trailers(&mut self) -> Option<HeaderMap> {
        match &mut self.0 {
            Kind::Pieces(pieces) => pieces.take_trailers(),
            _ => None,
        }
    }

    /// All of it. Fails if it is longer than `limit` bytes.
    ///
    /// `limit` is in bytes. One piece alone is handed out without a copy.
    ///
    /// ```
    /// assert_eq!(evcore::run(evhttp::Body::from("hello").collect(5))?, "hello");
    /// let error = evcore::run(evhttp::Body::from("hello").collect(4)).unwrap_err();
    /// assert_eq!(error.to_string(), "body: the body is larger than the 4 bytes allowed");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// What stopped the body from coming, and
    /// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge).
    pub async fn collect(mut self, limit: u64) -> Result<Bytes> {
        if let Kind::Whole(bytes) = &mut self.0 {
            check(bytes.len() as u64, limit)?;
            return Ok(std::mem::take(bytes));
        }
        let mut all = Collected::new(self.length(), limit)?;
        while let Some(piece) = self.next().await? {
            all.add(piece)?;
        }
        Ok(all.finish())
    }

    /// The body line by line, as it comes.
    ///
    /// ```
    /// let mut lines = evhttp::Body::from("one\ntwo\n").lines();
    /// let first = evcore::run(async move { lines.next().await })?;
    /// assert_eq!(first.as_deref(), Some("one"));
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn lines(self) -> Lines {
        Lines::new(self)
    }

    /// Reads the body to its end, telling [`CHUNK`] and [`PROGRESS`]; the
    /// promise resolves to the trailers.
    ///
    /// ```
    /// use evhttp::{Body, CHUNK};
    ///
    /// let done = Body::from("hello").done().on(CHUNK, |piece| assert_eq!(piece, "hello"));
    /// assert!(evcore::run(done)?.is_empty());
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[track_caller]
    pub fn done(self) -> Promise<Rc<HeaderMap>> {
        spawn_with(|emitter| async move {
            let mut body = self;
            let mut tally = Tally::new(&body);
            loop {
                let piece = body.next().await?;
                tally.tell(&body, piece.as_ref(), &emitter);
                if piece.is_none() {
                    break;
                }
            }
            Ok(Rc::new(body.take_trailers().unwrap_or_default()))
        })
    }

    /// Writes the body to a file, as it comes; the promise resolves to its
    /// length in bytes. It tells [`CHUNK`] and [`PROGRESS`].
    ///
    /// The file has its name when all of it is there: until then it lies beside
    /// it as `.evhttp-*.part`, and is removed if the body breaks off, a write
    /// fails, or the promise is cancelled. So `path` is all of the new file, or
    /// what it was before; only a program that is killed leaves the other one
    /// behind. A file that was there is replaced, with its permissions; a link
    /// is followed; what is no regular file (a device, a pipe) is written as it
    /// is. Helper threads do it, and while one writes nothing is read: a slow
    /// disk slows the sender down, and memory stays small. As with curl the
    /// system is not asked to have it all on the disk.
    ///
    /// ```
    /// let path = std::env::temp_dir().join(format!("saved-{}", std::process::id()));
    /// let body = evhttp::Body::from("three words long");
    /// assert_eq!(evcore::run(body.save(&path))?, 16);
    /// assert_eq!(std::fs::read_to_string(&path)?, "three words long");
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), evcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// What stopped the body from coming or the file from being written, with
    /// `path` in front.
    #[doc(alias("download", "copy_to", "write_to"))]
    #[track_caller]
    pub fn save(self, path: impl AsRef<std::path::Path>) -> Promise<u64> {
        let path = path.as_ref().to_owned();
        spawn_with(|emitter| save::save(self, path, emitter))
    }

    /// The same body once more, if it can be had.
    pub fn replay(&self) -> Option<Body> {
        match &self.0 {
            Kind::Empty => Some(Body::empty()),
            Kind::Whole(bytes) => Some(Body(Kind::Whole(bytes.clone()))),
            Kind::Pieces(pieces) => pieces.replay(),
        }
    }

    /// As [`Pieces::encoded`].
    pub fn encoded(&self) -> Option<(u64, Option<u64>)> {
        match &self.0 {
            Kind::Pieces(pieces) => pieces.encoded(),
            _ => None,
        }
    }

    pub(crate) fn take(&mut self) -> Body {
        std::mem::replace(self, Body::empty())
    }

    /// The bytes, if they are all there.
    pub(crate) fn as_whole(&self) -> Option<&Bytes> {
        static NOTHING: Bytes = Bytes::new();
        match &self.0 {
            Kind::Empty => Some(&NOTHING),
            Kind::Whole(bytes) => Some(bytes),
            Kind::Pieces(_) => None,
        }
    }
}

impl futures_core::Stream for Body {
    type Item = Result<Bytes>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes>>> {
        self.get_mut().poll_piece(cx)
    }
}

impl<B: Into<Bytes>> From<B> for Body {
    fn from(bytes: B) -> Body {
        Body(Kind::Whole(bytes.into()))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0, self.length()) {
            (Kind::Pieces(_), None) => f.write_str("Body(pieces)"),
            (_, length) => write!(f, "Body({} bytes)", length.unwrap_or(0)),
        }
    }
}

/// How far a body has come.
pub(crate) struct Tally {
    total: Option<u64>,
    began: Instant,
    handed_out: u64,
}

impl Tally {
    /// For a body that begins.
    pub(crate) fn new(body: &Body) -> Tally {
        Tally {
            total: body.length(),
            began: Reactor::current().now(),
            handed_out: 0,
        }
    }

    /// After one more `piece`, or the end.
    pub(crate) fn count(&mut self, body: &Body, piece: Option<&Bytes>) -> Progress {
        self.handed_out += piece.map_or(0, |piece| piece.len() as u64);
        let elapsed = Reactor::current().now() - self.began;
        let (received, total) = body.encoded().unwrap_or((self.handed_out, self.total));
        Progress::new(received, total, elapsed).with_decoded(self.handed_out)
    }

    /// Tells it, and the piece.
    fn tell(&mut self, body: &Body, piece: Option<&Bytes>, emitter: &Emitter) {
        emitter.emit(PROGRESS, self.count(body, piece));
        if let Some(piece) = piece.filter(|_| emitter.wants(CHUNK)) {
            emitter.emit(CHUNK, piece.clone());
        }
    }
}

fn check(length: u64, limit: u64) -> Result<(), Error> {
    match length > limit {
        true => Err(Error::new(Phase::Body, ErrorKind::TooLarge { limit })),
        false => Ok(()),
    }
}

/// Pieces being put together. One piece alone is never copied.
pub(crate) struct Collected {
    first: Bytes,
    rest: BytesMut,
    expected: Option<u64>,
    limit: u64,
}

impl Collected {
    /// Fails at once if more than `limit` is announced.
    pub(crate) fn new(expected: Option<u64>, limit: u64) -> Result<Collected, Error> {
        check(expected.unwrap_or(0), limit)?;
        Ok(Collected {
            first: Bytes::new(),
            rest: BytesMut::new(),
            expected,
            limit,
        })
    }

    pub(crate) fn add(&mut self, piece: Bytes) -> Result<(), Error> {
        let held = self.len() + piece.len() as u64;
        check(held, self.limit)?;
        if self.len() == 0 {
            self.first = piece;
            return Ok(());
        }
        if self.rest.is_empty() {
            // What was announced may be a lie: never reserve more than this.
            let hint = self
                .expected
                .unwrap_or(0)
                .min(crate::limits::RESERVED_AHEAD);
            self.rest.reserve(hint.max(held) as usize);
            self.rest
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&piece);
        Ok(())
    }

    fn len(&self) -> u64 {
        (self.first.len() + self.rest.len()) as u64
    }

    pub(crate) fn finish(self) -> Bytes {
        if self.rest.is_empty() {
            self.first
        } else {
            self.rest.freeze()
        }
    }
}

/// Pieces that a function supplies as promises.
struct FromFn<F> {
    next: F,
    asked: Option<evcore::Await<Option<Bytes>>>,
    left: Option<u64>,
}

impl<F: FnMut() -> Promise<Option<Bytes>>> Pieces for FromFn<F> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let next = &mut self.next;
        let asked = self.asked.get_or_insert_with(|| next().into_future());
        let Poll::Ready(piece) = std::pin::Pin::new(asked).poll(cx) else {
            return Poll::Pending;
        };
        self.asked = None;
        if let (Some(left), Ok(Some(piece))) = (&mut self.left, &piece) {
            *left = left.saturating_sub(piece.len() as u64);
        }
        Poll::Ready(piece.transpose())
    }

    fn length(&self) -> Option<u64> {
        self.left
    }
}
