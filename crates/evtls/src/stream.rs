//! A session moved to and from the stream below it, one task a direction.
//! What the bytes mean is the session's business.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};

use evcore::net::{Address, ByteStream};
use futures_io::{AsyncRead, AsyncWrite};

use crate::error::Error;
use crate::session::{Agreed, Session};

/// A stream inside a TLS session. Cheap to clone; the stream below is closed
/// when the last clone is dropped.
///
/// What is written may wait in the session: see it on its way with
/// [`poll_flush`](ByteStream::poll_flush). An end of the connection without
/// the session's end is an error of kind [`io::ErrorKind::UnexpectedEof`].
pub struct TlsStream<S>(Rc<Inner<S>>);

struct Inner<S> {
    session: RefCell<Session>,
    stream: S,
    /// The task that waits to write: a reader that has to send something of
    /// the session's own must not take its place.
    writer: RefCell<Option<Waker>>,
}

impl<S: ByteStream> TlsStream<S> {
    pub(crate) fn new(session: Session, stream: S) -> TlsStream<S> {
        TlsStream(Rc::new(Inner {
            session: RefCell::new(session),
            stream,
            writer: RefCell::default(),
        }))
    }

    pub(crate) fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let session = &self.0.session;
        loop {
            if let Err(error) = ready!(self.0.poll_send(cx)) {
                return Poll::Ready(Err(self.0.why_not_sent(cx, &error)));
            }
            if !session.borrow().is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            let digested = session.borrow_mut().digest();
            match digested {
                Ok(true) => {}
                Ok(false) => {
                    let received = ready!(self.0.poll_receive(cx));
                    if received.map_err(|error| Error::from_io(&error))? == 0 {
                        return Poll::Ready(Err(Error::truncated(true)));
                    }
                }
                Err(error) => {
                    // The peer is told why, if that goes without waiting.
                    _ = self.0.poll_send(cx);
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// What the two sides have agreed on.
    pub fn agreed(&self) -> Agreed {
        self.0.session.borrow().agreed()
    }
}

impl<S> TlsStream<S> {
    /// The stream below. To read or write there breaks the session.
    pub fn get_ref(&self) -> &S {
        &self.0.stream
    }
}

impl<S: ByteStream> Inner<S> {
    /// Ready when all ciphertext is sent.
    fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut session = self.session.borrow_mut();
        while session.wants_to_send() {
            let mut pending = false;
            let sent = session.send(|pieces| match self.stream.poll_write_vectored(cx, pieces) {
                Poll::Ready(sent) => sent,
                Poll::Pending => {
                    pending = true;
                    Err(io::ErrorKind::WouldBlock.into())
                }
            });
            match sent {
                Err(_) if pending => return Poll::Pending,
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                outcome => outcome?,
            };
        }
        Poll::Ready(Ok(()))
    }

    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut pending = false;
        let received =
            self.session
                .borrow_mut()
                .receive(|into| match self.stream.poll_read(cx, into) {
                    Poll::Ready(received) => received,
                    Poll::Pending => {
                        pending = true;
                        Err(io::ErrorKind::WouldBlock.into())
                    }
                });
        match pending {
            true => Poll::Pending,
            false => Poll::Ready(received),
        }
    }

    /// A peer that refuses us closes, and may have said why before.
    fn why_not_sent(&self, cx: &mut Context<'_>, error: &io::Error) -> Error {
        _ = self.poll_receive(cx);
        match self.session.borrow_mut().digest() {
            Err(said) => said,
            Ok(_) => Error::from_io(error),
        }
    }

    /// Sends what reading has made necessary (key updates, alerts), for a
    /// reader: a writer that waits goes on waiting.
    fn send_for_reader(&self, cx: &mut Context<'_>) {
        if !self.session.borrow().wants_to_send() {
            return;
        }
        let both = match &*self.writer.borrow() {
            Some(writer) => Waker::from(Arc::new(Both(writer.clone(), cx.waker().clone()))),
            None => cx.waker().clone(),
        };
        // A failure is the writer's to hear, or the next read's.
        _ = self.poll_send(&mut Context::from_waker(&both));
    }

    /// Keeps the waker of a writer that has to wait.
    fn note_writer<T>(&self, cx: &Context<'_>, outcome: &Poll<T>) {
        let waiting = outcome.is_pending().then(|| cx.waker().clone());
        *self.writer.borrow_mut() = waiting;
    }

    /// All that is understood already, up to the room there is.
    fn read_all(&self, into: &mut [u8]) -> Result<Option<usize>, Error> {
        let mut session = self.session.borrow_mut();
        let mut read = 0;
        while read < into.len() {
            match session.read(&mut into[read..]) {
                Ok(Some(0)) if read == 0 => return Ok(Some(0)),
                Ok(Some(0)) => break,
                Ok(Some(more)) => read += more,
                Ok(None) => match session.digest() {
                    Ok(true) => {}
                    Ok(false) => break,
                    // Said again at the next read: what came before it counts.
                    Err(_) if read > 0 => break,
                    Err(error) => return Err(error),
                },
                Err(_) if read > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok((read > 0).then_some(read))
    }
}

struct Both(Waker, Waker);

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
        self.1.wake_by_ref();
    }
}

impl<S: ByteStream> ByteStream for TlsStream<S> {
    fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        if into.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            if let Some(error) = self.0.session.borrow().broken() {
                return Poll::Ready(Err(error.clone().into()));
            }
            let read = self.0.read_all(into);
            self.0.send_for_reader(cx);
            match read {
                Ok(Some(read)) => return Poll::Ready(Ok(read)),
                Ok(None) => _ = ready!(self.0.poll_receive(cx))?,
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.0.session.borrow().broken() {
            return Poll::Ready(Err(error.clone().into()));
        }
        ready!(self.poll_flush(cx))?;
        let written = self.0.session.borrow_mut().write(from)?;
        // What does not go out now goes with the next write, or the flush.
        let flushed = self.poll_flush(cx);
        if let Poll::Ready(Err(error)) = flushed {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = self.0.poll_send(cx);
        self.0.note_writer(cx, &sent);
        ready!(sent)?;
        self.0.stream.poll_flush(cx)
    }

    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.session.borrow_mut().say_goodbye();
        ready!(self.poll_flush(cx))?;
        self.0.stream.poll_shutdown(cx)
    }

    fn peer(&self) -> Address {
        self.0.stream.peer()
    }

    fn local(&self) -> io::Result<Address> {
        self.0.stream.local()
    }
}

impl<S: ByteStream> AsyncRead for TlsStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ByteStream::poll_read(&*self, cx, into)
    }
}

impl<S: ByteStream> AsyncWrite for TlsStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored_at(cx, &[IoSlice::new(from)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored_at(cx, from)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ByteStream::poll_flush(&*self, cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_shutdown(cx)
    }
}

impl<S: ByteStream> TlsStream<S> {
    /// Two traits have a function of that name; this is the one for `&self`.
    fn poll_write_vectored_at(
        &self,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ByteStream::poll_write_vectored(self, cx, from)
    }
}

impl<S> Clone for TlsStream<S> {
    fn clone(&self) -> TlsStream<S> {
        TlsStream(self.0.clone())
    }
}

impl<S: ByteStream> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsStream({})", self.0.stream.peer())
    }
}
