//! The server's side: reads one request, writes its response. Knows what HTTP/1.0 peers, HEAD and the bodiless statuses
//! need; never touches the connection.

use super::super::chunked::{Frame, Step};
use super::super::fault::{Fault, FaultKind};
use super::super::framing::{Asked, BodyLength, Framing, Summary, is_bodiless};
use super::super::head::RequestHead;
use super::super::head::reader::{Progress, read_request};
use super::super::head::writer::{
    Sent, write_field, write_fields, write_length, write_message, write_status_line,
    write_upgrade_option,
};
use super::super::verdict::{CloseReason, Verdict, reason_to_close};
use super::{BodyReader, Event, Reading, Writing, write_whole};
use crate::limits::{EMPTY_LINES, Limits};
use bytes::{Buf, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};

/// One request and its response on a connection, seen by the server.
///
/// ```
/// use bytes::BytesMut;
/// use evhttp::h1::{FaultKind, Limits, ServerExchange};
///
/// let mut server = ServerExchange::new(Limits::default());
/// let mut input = BytesMut::from("GET / HTTP/1.1\r\n\r\n");
/// let fault = server.next(&mut input).unwrap_err();
/// assert_eq!(fault.kind(), FaultKind::MissingHost);
/// assert_eq!(fault.status(), 400);
/// ```
#[derive(Debug)]
pub struct ServerExchange {
    limits: Limits,
    reading: Reading,
    writing: Writing,
    empty_lines: usize,
    /// What is known of the request; before its head has come, what makes an error response right.
    version: Version,
    asked: Asked,
    asked_upgrade: bool,
    expects_continue: bool,
    switched: bool,
    reason: Option<CloseReason>,
}

/// The head of a response that has a body, up to its length: for [`ServerExchange::write_message`]. `fields` are none
/// that the codec has to know. `None` if such a status has no body, or is not final.
pub(crate) fn render_head<'a>(
    status: StatusCode,
    fields: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
) -> Option<Vec<u8>> {
    let bodiless = is_bodiless(status) || status == StatusCode::RESET_CONTENT;
    if bodiless || !is_final(status) {
        return None;
    }
    let mut head = BytesMut::new();
    write_status_line(status, &mut head);
    for (name, value) in fields {
        write_field(name.as_str(), value.as_bytes(), &mut head);
    }
    head.extend_from_slice(b"content-length: ");
    Some(head.into())
}

fn is_final(status: StatusCode) -> bool {
    (200..600).contains(&status.as_u16())
}

impl ServerExchange {
    /// An exchange whose request is still to come.
    pub fn new(limits: Limits) -> ServerExchange {
        ServerExchange {
            limits,
            reading: Reading::Head(Progress::default()),
            writing: Writing::Head,
            empty_lines: 0,
            version: Version::HTTP_11,
            asked: Asked::Other,
            asked_upgrade: false,
            expects_continue: false,
            switched: false,
            reason: None,
        }
    }

    /// Begins the next exchange on the same connection, with what is left in the input, if the verdict is
    /// [`Verdict::Keep`]; otherwise nothing changes. Says which.
    pub fn restart(&mut self) -> Verdict {
        let verdict = self.verdict();
        if verdict == Verdict::Keep {
            *self = ServerExchange::new(self.limits);
        }
        verdict
    }

    /// This response is the connection's last: the head to be written says `Connection: close`.
    pub fn close_when_done(&mut self) {
        self.reason.get_or_insert(CloseReason::AskedByUs);
    }

    /// Reads on, taking what it understands off the front of `input`. After [`Event::End`] the input is left alone: it
    /// is the next request, or another protocol's.
    ///
    /// # Errors
    /// What is wrong with the request; the same from then on. [`Fault::status`] is how to answer it, and
    /// [`write_head`](Self::write_head) will announce the close.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Event<RequestHead>, Fault> {
        self.advance(input, false)
    }

    /// Reads on, as [`next`](Self::next), when the peer has closed its side and nothing will be added to `input`. To be
    /// called until it says [`Event::End`] or [`Event::Closed`].
    ///
    /// # Errors
    /// As [`next`](Self::next), and that the request is cut off.
    pub fn end_of_input(&mut self, input: &mut BytesMut) -> Result<Event<RequestHead>, Fault> {
        self.advance(input, true)
    }

    /// Bytes that a Content-Length body still lacks, so that reads can be sized.
    pub fn want(&self) -> Option<usize> {
        self.reading.want()
    }

    /// Whether the peer holds its body back until it is told to go on (RFC 9110 §10.1.1).
    pub fn expects_continue(&self) -> bool {
        let body =
            matches!(&self.reading, Reading::Body(body) if !matches!(body, BodyReader::Empty));
        self.expects_continue && body && matches!(self.writing, Writing::Head)
    }

    /// Whether a response of this status would hand the connection over: 101 to a request that asks for another
    /// protocol (RFC 9110 §7.8), 2xx to CONNECT (§9.3.6).
    pub fn would_switch(&self, status: StatusCode) -> bool {
        let upgrade = self.asked_upgrade && status == StatusCode::SWITCHING_PROTOCOLS;
        let tunnel = self.asked == Asked::Connect && status.is_success();
        (upgrade || tunnel) && self.has_request()
    }

    /// Whether the rest of the input belongs to another protocol: once 101, or 2xx to CONNECT, is written.
    pub fn upgraded(&self) -> bool {
        self.switched
    }

    /// Appends `100 Continue` to `out`.
    ///
    /// # Errors
    /// As [`write_informational`](Self::write_informational).
    pub fn write_continue(&mut self, out: &mut BytesMut) -> Result<(), Fault> {
        self.write_informational(StatusCode::CONTINUE, None, out)
    }

    /// Appends an informational response, such as `103 Early Hints`, to `out`.
    ///
    /// # Errors
    /// A status that is not informational, or 101; framing fields; a peer that speaks HTTP/1.0, which has no
    /// informational responses (RFC 9110 §15.2); the final head is written already, or no request has come.
    pub fn write_informational<'a>(
        &mut self,
        status: StatusCode,
        headers: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>,
        out: &mut BytesMut,
    ) -> Result<(), Fault> {
        let asked = matches!(self.reading, Reading::Body(_) | Reading::Ended)
            && self.version == Version::HTTP_11;
        if !asked || !matches!(self.writing, Writing::Head) {
            return Err(FaultKind::OutOfOrder.into());
        }
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(FaultKind::BadStatus.into());
        }
        write_whole(out, |out| {
            write_status_line(status, out);
            let sent = write_fields(headers, out)?;
            out.extend_from_slice(b"\r\n");
            if sent.length.is_some() || sent.coded {
                Err(FaultKind::ForbiddenField)
            } else {
                Ok(())
            }
        })?;
        self.expects_continue &= status != StatusCode::CONTINUE;
        Ok(())
    }

    /// Appends the head of the final response (or 101) to `out`, and says how its body goes. Content-Length,
    /// Transfer-Encoding and what has to be said about the connection follow from `body`, the status, an Upgrade field and
    /// the request.
    ///
    /// May be called before a request has come, or after a fault: the response then closes the connection. For HEAD and
    /// 304, `body` (or a Content-Length in `headers`) describes what GET would have given, and nothing of it is
    /// written.
    ///
    /// # Errors
    /// A status that is informational (except 101, if the request has Upgrade) or beyond 599; a body where none may
    /// be; framing fields that contradict `body`.
    pub fn write_head<'a>(
        &mut self,
        status: StatusCode,
        headers: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>,
        body: BodyLength,
        out: &mut BytesMut,
    ) -> Result<Framing, Fault> {
        if !matches!(self.writing, Writing::Head) {
            return Err(FaultKind::OutOfOrder.into());
        }
        self.check_status(status)?;
        let framing = self.frame(status, body)?;
        let closes = self.reason.is_some() || framing == Framing::UntilClose || !self.has_request();
        let sent = write_whole(out, |out| {
            write_status_line(status, out);
            let sent = write_fields(headers, out)?;
            self.write_framing(status, framing, body, &sent, out)?;
            self.write_connection(framing, closes, &sent, out);
            write_upgrade_option(&sent, out);
            out.extend_from_slice(b"\r\n");
            Ok(sent)
        })?;
        if framing == Framing::UntilClose {
            self.reason.get_or_insert(CloseReason::UntilClose);
        } else if closes || sent.summary.close {
            self.close_when_done();
        }
        self.switched = framing == Framing::Switched;
        self.writing = Writing::body(framing);
        Ok(framing)
    }

    /// Appends a response that is all there to `out`: this head, which [`render_head`] has made, and this body. Nothing is
    /// appended, and false returned, where the request or what came before asks for another head.
    pub(crate) fn write_message(&mut self, head: &[u8], body: &[u8], out: &mut BytesMut) -> bool {
        let usual = matches!(self.writing, Writing::Head)
            && self.has_request()
            && self.asked == Asked::Other
            && self.version == Version::HTTP_11
            && self.reason.is_none();
        if usual {
            write_message(head, body, out);
            self.writing = Writing::Ended;
        }
        usual
    }

    /// Appends a piece of the body to `out`.
    ///
    /// # Errors
    /// More bytes than announced, or any where there is no body; a piece before the head or after the end.
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

    /// Ends the response. Every response needs it, with a body or without.
    ///
    /// # Errors
    /// Fewer bytes than announced; trailers where there is no chunked body, or with fields that may not be trailers.
    /// An HTTP/1.0 peer cannot get trailers, so they are dropped.
    pub fn write_end(
        &mut self,
        trailers: Option<&HeaderMap>,
        out: &mut BytesMut,
    ) -> Result<(), Fault> {
        Ok(self.writing.write_end(trailers, out)?)
    }

    /// What to do with the connection; final once both sides have ended.
    pub fn verdict(&self) -> Verdict {
        let reason = match &self.reading {
            Reading::Broken(FaultKind::Truncated { .. } | FaultKind::TruncatedHead { .. }) => {
                Some(CloseReason::PeerClosed)
            }
            Reading::Broken(_) => Some(CloseReason::Broken),
            _ if self.switched => Some(CloseReason::Switched),
            _ if self.reason.is_some() => self.reason,
            reading if !reading.has_ended() => Some(CloseReason::RequestUnfinished),
            _ if !self.writing.has_ended() => Some(CloseReason::ResponseUnfinished),
            _ => None,
        };
        reason.map_or(Verdict::Keep, Verdict::Close)
    }

    #[inline]
    fn advance(&mut self, input: &mut BytesMut, at_end: bool) -> Result<Event<RequestHead>, Fault> {
        let event = match &mut self.reading {
            Reading::Broken(kind) => return Err((*kind).into()),
            Reading::Head(progress) => {
                let progress = *progress;
                self.read_head(progress, input, at_end)
            }
            Reading::Body(_) => self.read_body(input, at_end),
            Reading::Ended if at_end => return Ok(self.closed()),
            Reading::Ended => return Ok(Event::NeedInput),
        };
        // By reference: a head that was moved once more would be a copy of some hundred bytes.
        if let Err(fault) = &event {
            self.reading = Reading::Broken(fault.kind());
        }
        event
    }

    fn read_body(
        &mut self,
        input: &mut BytesMut,
        at_end: bool,
    ) -> Result<Event<RequestHead>, Fault> {
        let Reading::Body(body) = &mut self.reading else {
            return Ok(Event::NeedInput);
        };
        match body.read(input, &self.limits, at_end)? {
            Step::End(trailers) => {
                self.reading = Reading::Ended;
                Ok(Event::End { trailers })
            }
            Step::Piece(piece) => {
                self.expects_continue = false;
                Ok(Event::Piece(piece))
            }
            Step::NeedInput => Ok(Event::NeedInput),
        }
    }

    fn read_head(
        &mut self,
        mut progress: Progress,
        input: &mut BytesMut,
        at_end: bool,
    ) -> Result<Event<RequestHead>, Fault> {
        if !progress.has_begun() {
            self.skip_empty_lines(input)?;
        }
        match &input[..] {
            [] if at_end => return Ok(self.closed()),
            [] => return Ok(Event::NeedInput),
            [b'\r'] if !progress.has_begun() && !at_end => return Ok(Event::NeedInput),
            _ => {}
        }
        let worth = progress.is_worth_trying(input, self.limits.head_bytes, at_end);
        self.reading = Reading::Head(progress);
        let mut summary = Summary::default();
        if worth && let Some(head) = read_request(input, &self.limits, &mut summary)? {
            let framing = self.interpret(&head, &summary)?;
            return Ok(Event::Head(head, framing));
        }
        if at_end {
            let received = input.len() as u64;
            return Err(FaultKind::TruncatedHead { received }.into());
        }
        Ok(Event::NeedInput)
    }

    /// RFC 9112 §2.2: a server should ignore at least one empty line before the request line.
    fn skip_empty_lines(&mut self, input: &mut BytesMut) -> Result<(), FaultKind> {
        while input.starts_with(b"\r\n") {
            input.advance(2);
            self.empty_lines += 1;
            if self.empty_lines > EMPTY_LINES {
                return Err(FaultKind::BadRequestLine);
            }
        }
        match &input[..] {
            [b'\n', ..] => Err(FaultKind::BareLf),
            [b'\r', _, ..] => Err(FaultKind::BareCr),
            _ => Ok(()),
        }
    }

    fn interpret(&mut self, head: &RequestHead, summary: &Summary) -> Result<Framing, FaultKind> {
        // Known even if the rest is at fault, for the answer to it.
        self.version = head.version;
        self.asked = Asked::by(&head.method);
        summary.check_host(head.version)?;
        let framing = summary.frame_request(head.version)?;
        // RFC 9110 §9.3.6 gives CONNECT no content: what follows is the tunnel's, in whose eyes a body is a disguise.
        if self.asked == Asked::Connect && framing != Framing::None {
            return Err(FaultKind::ConflictingFraming);
        }
        let body = BodyReader::new(framing, true, &self.limits)?;
        self.asked_upgrade = summary.asks_upgrade() && head.version == Version::HTTP_11;
        // RFC 9110 §10.1.1: a 1.0 client's expectation is ignored.
        self.expects_continue = summary.expect_continue && head.version == Version::HTTP_11;
        if let Some(reason) = reason_to_close(head.version, summary) {
            self.reason.get_or_insert(reason);
        }
        self.reading = Reading::Body(body);
        Ok(framing)
    }

    fn closed(&mut self) -> Event<RequestHead> {
        self.reason.get_or_insert(CloseReason::PeerClosed);
        Event::Closed
    }

    fn has_request(&self) -> bool {
        matches!(self.reading, Reading::Body(_) | Reading::Ended)
    }

    fn check_status(&self, status: StatusCode) -> Result<(), FaultKind> {
        let good = match status {
            StatusCode::SWITCHING_PROTOCOLS => self.would_switch(status),
            _ => is_final(status),
        };
        if good {
            Ok(())
        } else {
            Err(FaultKind::BadStatus)
        }
    }

    /// RFC 9112 §6, from the sender's side.
    fn frame(&self, status: StatusCode, body: BodyLength) -> Result<Framing, FaultKind> {
        let empty = matches!(body, BodyLength::None | BodyLength::Known(0));
        match status {
            _ if self.would_switch(status) => match empty {
                true => Ok(Framing::Switched),
                false => Err(FaultKind::BodyNotAllowed),
            },
            // RFC 9110 §15.3.6 forbids 205 a body that RFC 9112's framing would allow.
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT if !empty => {
                Err(FaultKind::BodyNotAllowed)
            }
            _ if empty || self.asked == Asked::Head || status == StatusCode::NOT_MODIFIED => {
                Ok(Framing::None)
            }
            _ => match body {
                BodyLength::Known(length) => Ok(Framing::Fixed(length)),
                // RFC 9112 §6.1: never chunked to a peer that may not know it.
                BodyLength::Unknown if self.version == Version::HTTP_10 => Ok(Framing::UntilClose),
                _ => Ok(Framing::Chunked),
            },
        }
    }

    fn write_framing(
        &self,
        status: StatusCode,
        framing: Framing,
        body: BodyLength,
        sent: &Sent,
        out: &mut BytesMut,
    ) -> Result<(), FaultKind> {
        let describes = self.asked == Asked::Head || status == StatusCode::NOT_MODIFIED;
        // RFC 9110 §8.6: for HEAD and 304 the length is that of a body which is not sent, and may be left out.
        let described = match body {
            BodyLength::None if describes => {
                return sent.length.into_iter().try_for_each(|length| {
                    write_length(length, out);
                    Ok(())
                });
            }
            BodyLength::Known(length) => Some(length),
            BodyLength::None => Some(0),
            BodyLength::Unknown => None,
        };
        sent.check(body)?;
        match (framing, described) {
            (Framing::Chunked, _) => write_field("transfer-encoding", b"chunked", out),
            // RFC 9110 §8.6: no Content-Length in 1xx, 204, and 2xx to CONNECT.
            (Framing::Switched, _) => {}
            (_, Some(length)) if status != StatusCode::NO_CONTENT => write_length(length, out),
            _ => {}
        }
        Ok(())
    }

    /// RFC 9112 §9.3, §9.6: a server that will close says so; one that keeps an HTTP/1.0 connection has to say that.
    fn write_connection(&self, framing: Framing, closes: bool, sent: &Sent, out: &mut BytesMut) {
        if framing == Framing::Switched || sent.summary.close {
            return;
        }
        if closes {
            write_field("connection", b"close", out);
        } else if self.version == Version::HTTP_10 && !sent.summary.keep_alive {
            write_field("connection", b"keep-alive", out);
        }
    }
}
