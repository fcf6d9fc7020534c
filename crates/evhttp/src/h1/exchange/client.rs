//! The client's side: writes one request, reads its response. Knows what a response means for the connection; never
//! touches it.

use super::super::chunked::{Frame, Step};
use super::super::fault::{Fault, FaultKind};
use super::super::framing::{Asked, BodyLength, Framing, Summary};
use super::super::head::ResponseHead;
use super::super::head::reader::{Progress, read_response};
use super::super::head::writer::{
    Sent, write_field, write_fields, write_length, write_request_line, write_upgrade_option,
};
use super::super::verdict::{CloseReason, Verdict, reason_to_close};
use super::{BodyReader, Event, Reading, Writing, write_whole};
use crate::limits::Limits;
use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

/// One request and its response on a connection, seen by the client.
///
/// ```
/// use bytes::BytesMut;
/// use evhttp::h1::{BodyLength, ClientExchange, CloseReason, Event, Limits, Verdict};
/// use http::{HeaderMap, HeaderValue, Method, header::HOST};
///
/// let mut out = BytesMut::new();
/// let mut client = ClientExchange::new(Limits::default());
/// let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("a.example"))]);
/// client.write_head(&Method::HEAD, "/", &headers, BodyLength::None, &mut out)?;
/// client.write_end(None, &mut out)?;
///
/// let mut input = BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n");
/// let Event::Head(head, _) = client.next(&mut input)? else { panic!() };
/// assert_eq!(head.status, 200);
/// assert!(matches!(client.next(&mut input)?, Event::End { .. })); // HEAD: no body
/// assert_eq!(client.verdict(), Verdict::Close(CloseReason::AskedByPeer));
/// # Ok::<(), evhttp::h1::Fault>(())
/// ```
#[derive(Debug)]
pub struct ClientExchange {
    limits: Limits,
    writing: Writing,
    reading: Reading,
    asked: Asked,
    asked_upgrade: bool,
    switched: bool,
    informational: usize,
    reason: Option<CloseReason>,
    got_head: bool,
}

impl ClientExchange {
    /// An exchange whose request is still to be written.
    pub fn new(limits: Limits) -> ClientExchange {
        ClientExchange {
            limits,
            writing: Writing::Head,
            reading: Reading::Head(Progress::default()),
            asked: Asked::Other,
            asked_upgrade: false,
            switched: false,
            informational: 0,
            reason: None,
            got_head: false,
        }
    }

    /// The connection will not be used again: the head to be written says `Connection: close`.
    pub fn close_when_done(&mut self) {
        self.reason.get_or_insert(CloseReason::AskedByUs);
    }

    /// Appends the head of an HTTP/1.1 request to `out`. `headers` must have Host, best first (RFC 9110 §7.2);
    /// Content-Length and Transfer-Encoding follow from `body`, `Connection: upgrade` from Upgrade.
    ///
    /// # Errors
    /// A target that is malformed or does not suit the method, a missing or malformed Host, framing fields that
    /// contradict `body`, a body where none may be (CONNECT, TRACE).
    pub fn write_head<'a>(
        &mut self,
        method: &Method,
        target: &str,
        headers: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>,
        body: BodyLength,
        out: &mut BytesMut,
    ) -> Result<Framing, Fault> {
        if !matches!(self.writing, Writing::Head) {
            return Err(FaultKind::OutOfOrder.into());
        }
        let asked_close = self.reason == Some(CloseReason::AskedByUs);
        let (framing, sent) = write_whole(out, |out| {
            write_request_line(method, target, out)?;
            let sent = write_fields(headers, out)?;
            sent.summary.check_host(Version::HTTP_11)?;
            let framing = frame(method, body, &sent)?;
            write_framing(method, framing, &sent, out);
            write_upgrade_option(&sent, out);
            if asked_close && !sent.summary.close {
                write_field("connection", b"close", out);
            }
            out.extend_from_slice(b"\r\n");
            Ok((framing, sent))
        })?;
        if sent.summary.close {
            self.close_when_done();
        }
        self.asked = Asked::by(method);
        self.asked_upgrade = sent.summary.upgrade;
        self.writing = Writing::body(framing);
        Ok(framing)
    }

    /// Appends a piece of the body to `out`.
    ///
    /// # Errors
    /// More bytes than announced; a piece before the head or after the end.
    pub fn write_piece(&mut self, piece: &[u8], out: &mut BytesMut) -> Result<(), Fault> {
        Ok(self.writing.write_piece(piece, out)?)
    }

    /// Accounts for a piece of `length` bytes that the caller writes itself, between the frame's two ends.
    ///
    /// # Errors
    /// As [`write_piece`](Self::write_piece).
    pub fn frame_piece(&mut self, length: usize) -> Result<Frame, Fault> {
        Ok(self.writing.frame_piece(length)?)
    }

    /// Ends the request. Every request needs it, with a body or without.
    ///
    /// # Errors
    /// Fewer bytes than announced; trailers where the body is not chunked, or with fields that may not be trailers.
    pub fn write_end(
        &mut self,
        trailers: Option<&HeaderMap>,
        out: &mut BytesMut,
    ) -> Result<(), Fault> {
        Ok(self.writing.write_end(trailers, out)?)
    }

    /// Reads on, taking what it understands off the front of `input`.
    ///
    /// # Errors
    /// What is wrong with the response; the same from then on.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Event<ResponseHead>, Fault> {
        self.advance(input, false)
    }

    /// Reads on, as [`next`](Self::next), when the peer has closed and nothing will be added to `input`. To be called
    /// until it says [`Event::End`] or [`Event::Closed`]. Whether the end was genuine (TLS's close_notify) is the
    /// caller's to know.
    ///
    /// # Errors
    /// As [`next`](Self::next), and that the response is cut off.
    pub fn end_of_input(&mut self, input: &mut BytesMut) -> Result<Event<ResponseHead>, Fault> {
        self.advance(input, true)
    }

    /// Bytes that a Content-Length body still lacks, so that reads can be sized.
    pub fn want(&self) -> Option<usize> {
        self.reading.want()
    }

    /// Accounts for `length` bytes of a Content-Length body that the caller received somewhere else than in the input,
    /// which has to be empty then. At most [`want`](Self::want).
    pub fn pass(&mut self, length: usize) {
        if let Reading::Body(BodyReader::Fixed(fixed)) = &mut self.reading {
            fixed.pass(length);
        }
    }

    /// Whether the final head has come.
    pub fn head_received(&self) -> bool {
        self.got_head
    }

    /// Whether the rest of the input belongs to another protocol: after 101, or 2xx to CONNECT.
    pub fn upgraded(&self) -> bool {
        self.switched
    }

    /// What to do with the connection; final once both sides have ended.
    pub fn verdict(&self) -> Verdict {
        let reason = match &self.reading {
            Reading::Broken(
                FaultKind::NoResponse
                | FaultKind::Truncated { .. }
                | FaultKind::TruncatedHead { .. },
            ) => Some(CloseReason::PeerClosed),
            Reading::Broken(_) => Some(CloseReason::Broken),
            _ if self.switched => Some(CloseReason::Switched),
            _ if self.reason.is_some() => self.reason,
            _ if !self.writing.has_ended() => Some(CloseReason::RequestUnfinished),
            reading if !reading.has_ended() => Some(CloseReason::ResponseUnfinished),
            _ => None,
        };
        reason.map_or(Verdict::Keep, Verdict::Close)
    }

    fn advance(
        &mut self,
        input: &mut BytesMut,
        at_end: bool,
    ) -> Result<Event<ResponseHead>, Fault> {
        let event = match &mut self.reading {
            Reading::Broken(kind) => Err(*kind),
            Reading::Head(progress) => {
                let progress = *progress;
                self.read_head(progress, input, at_end)
            }
            Reading::Body(body) => match body.read(input, &self.limits, at_end) {
                Ok(Step::End(trailers)) => Ok(self.end(trailers, input)),
                Ok(Step::Piece(piece)) => Ok(Event::Piece(piece)),
                Ok(Step::NeedInput) => Ok(Event::NeedInput),
                Err(kind) => Err(kind),
            },
            Reading::Ended => Ok(self.after_end(input, at_end)),
        };
        event.map_err(|kind| {
            self.reading = Reading::Broken(kind);
            kind.into()
        })
    }

    fn read_head(
        &mut self,
        mut progress: Progress,
        input: &mut BytesMut,
        at_end: bool,
    ) -> Result<Event<ResponseHead>, FaultKind> {
        if matches!(self.writing, Writing::Head) {
            return self.before_request(input, at_end);
        }
        if input.is_empty() {
            return if at_end {
                Err(FaultKind::NoResponse)
            } else {
                Ok(Event::NeedInput)
            };
        }
        let worth = progress.is_worth_trying(input, self.limits.head_bytes, at_end);
        self.reading = Reading::Head(progress);
        let mut summary = Summary::default();
        if worth && let Some(head) = read_response(input, &self.limits, &mut summary)? {
            return self.interpret(head, &summary);
        }
        if at_end {
            Err(FaultKind::TruncatedHead {
                received: input.len() as u64,
            })
        } else {
            Ok(Event::NeedInput)
        }
    }

    /// Servers say 408 on a connection they are tired of; it answers nothing (RFC 9112 §9.2).
    fn before_request(
        &mut self,
        input: &BytesMut,
        at_end: bool,
    ) -> Result<Event<ResponseHead>, FaultKind> {
        match (input.is_empty(), at_end) {
            (false, _) => Err(FaultKind::Unsolicited),
            (true, false) => Ok(Event::NeedInput),
            (true, true) => {
                self.reason.get_or_insert(CloseReason::PeerClosed);
                Ok(Event::Closed)
            }
        }
    }

    fn interpret(
        &mut self,
        head: ResponseHead,
        summary: &Summary,
    ) -> Result<Event<ResponseHead>, FaultKind> {
        self.note_doubt(&head, summary);
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            if !self.asked_upgrade {
                return Err(FaultKind::UnaskedUpgrade);
            }
            // RFC 9110 §7.8: not in the middle of a message, of which the rest would belong to neither protocol.
            if !self.writing.has_ended() {
                return Err(FaultKind::EarlyUpgrade);
            }
            return Ok(self.switch(head));
        }
        if head.status.is_informational() {
            self.informational += 1;
            if self.informational > self.limits.informational {
                return Err(FaultKind::TooManyInformational);
            }
            self.reading = Reading::Head(Progress::default());
            return Ok(Event::Informational(head));
        }
        let framing = summary.frame_response(head.version, head.status, self.asked)?;
        if framing == Framing::Switched {
            return Ok(self.switch(head));
        }
        let body = BodyReader::new(framing, false, &self.limits)?;
        if let Some(reason) = reason_to_close(head.version, summary) {
            self.reason.get_or_insert(reason);
        }
        if framing == Framing::UntilClose {
            self.reason.get_or_insert(CloseReason::UntilClose);
        }
        self.reading = Reading::Body(body);
        self.got_head = true;
        Ok(Event::Head(head, framing))
    }

    fn note_doubt(&mut self, head: &ResponseHead, summary: &Summary) {
        if summary.is_doubtful(head.status, self.asked) {
            self.reason.get_or_insert(CloseReason::DoubtfulFraming);
        }
    }

    fn switch(&mut self, head: ResponseHead) -> Event<ResponseHead> {
        self.switched = true;
        self.got_head = true;
        self.reading = Reading::Body(BodyReader::Empty);
        Event::Head(head, Framing::Switched)
    }

    fn end(&mut self, trailers: Option<HeaderMap>, input: &BytesMut) -> Event<ResponseHead> {
        self.reading = Reading::Ended;
        self.note_leftovers(input);
        Event::End { trailers }
    }

    fn after_end(&mut self, input: &BytesMut, at_end: bool) -> Event<ResponseHead> {
        self.note_leftovers(input);
        if at_end {
            self.reason.get_or_insert(CloseReason::PeerClosed);
            return Event::Closed;
        }
        Event::NeedInput
    }

    /// RFC 9112 §9.2: nothing may follow the last response; whoever takes it for the next one is fooled.
    fn note_leftovers(&mut self, input: &BytesMut) {
        if !input.is_empty() && !self.switched {
            self.reason.get_or_insert(CloseReason::BytesAfterEnd);
        }
    }
}

fn frame(method: &Method, body: BodyLength, sent: &Sent) -> Result<Framing, FaultKind> {
    sent.check(body)?;
    match body {
        BodyLength::None | BodyLength::Known(0) => Ok(Framing::None),
        // RFC 9110 §9.3.6, §9.3.8.
        _ if method == Method::CONNECT || method == Method::TRACE => Err(FaultKind::BodyNotAllowed),
        BodyLength::Known(length) => Ok(Framing::Fixed(length)),
        BodyLength::Unknown => Ok(Framing::Chunked),
    }
}

/// RFC 9110 §8.6: methods that anticipate a body say so when they have none.
fn write_framing(method: &Method, framing: Framing, sent: &Sent, out: &mut BytesMut) {
    let anticipated = [Method::POST, Method::PUT, Method::PATCH].contains(method);
    match framing {
        Framing::Fixed(length) => write_length(length, out),
        Framing::Chunked => write_field("transfer-encoding", b"chunked", out),
        _ if anticipated || sent.length.is_some() && method != Method::CONNECT => {
            write_length(0, out)
        }
        _ => {}
    }
}
