//! Writes heads straight into the caller's buffer: start line, fields, and the framing fields, which only the codec
//! writes. Never lets through what would end a line early; the `http` crate's types see to names and values.

use super::super::fault::FaultKind;
use super::super::framing::{BodyLength, Summary, parse_decimal};
use super::check_target;
use bytes::{BufMut, BytesMut};
use http::{HeaderName, HeaderValue, Method, StatusCode};

/// What the caller's fields said that the codec has to know.
#[derive(Debug, Default)]
pub(in super::super) struct Sent {
    pub(in super::super) summary: Summary,
    pub(in super::super) length: Option<u64>,
    pub(in super::super) coded: bool,
}

pub(in super::super) fn write_request_line(
    method: &Method,
    target: &str,
    out: &mut BytesMut,
) -> Result<(), FaultKind> {
    check_target(method, target.as_bytes())?;
    let method = method.as_str().as_bytes();
    out.reserve(method.len() + target.len() + 12);
    out.put_slice(method);
    out.put_slice(b" ");
    out.put_slice(target.as_bytes());
    out.put_slice(b" HTTP/1.1\r\n");
    Ok(())
}

/// RFC 9112 §2.3 and RFC 9110 §6.2: a server states its own version, whatever the client's is. The space before an
/// absent reason is required (RFC 9112 §4).
pub(in super::super) fn write_status_line(status: StatusCode, out: &mut BytesMut) {
    // Nearly every one, and one copy.
    if status == StatusCode::OK {
        return out.put_slice(b"HTTP/1.1 200 OK\r\n");
    }
    let reason = status.canonical_reason().unwrap_or_default();
    out.reserve(15 + reason.len());
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status.as_str().as_bytes());
    out.put_slice(b" ");
    out.put_slice(reason.as_bytes());
    out.put_slice(b"\r\n");
}

/// Writes the caller's fields, except the two that say how long the body is.
pub(in super::super) fn write_fields<'a>(
    headers: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>,
    out: &mut BytesMut,
) -> Result<Sent, FaultKind> {
    let mut sent = Sent::default();
    for (name, value) in headers {
        let (name, value) = (name.as_str(), value.as_bytes());
        match name {
            "content-length" => sent.note_length(value)?,
            "transfer-encoding" if value.eq_ignore_ascii_case(b"chunked") => sent.coded = true,
            "transfer-encoding" => return Err(FaultKind::UnsupportedTransferCoding),
            _ => {
                sent.summary.note(name, value);
                write_field(name, value, out);
            }
        }
    }
    Ok(sent)
}

impl Sent {
    fn note_length(&mut self, value: &[u8]) -> Result<(), FaultKind> {
        let length = parse_decimal(value).ok_or(FaultKind::BadContentLength)?;
        if self
            .length
            .replace(length)
            .is_some_and(|earlier| earlier != length)
        {
            return Err(FaultKind::ConflictingFraming);
        }
        Ok(())
    }

    /// The caller may repeat what it announces, not contradict it.
    pub(in super::super) fn check(&self, body: BodyLength) -> Result<(), FaultKind> {
        let agrees = match (body, self.length, self.coded) {
            (_, None, false) => true,
            (BodyLength::None, Some(0), false) => true,
            (BodyLength::Known(length), Some(sent), false) => length == sent,
            (BodyLength::Unknown, None, true) => true,
            _ => false,
        };
        if agrees {
            Ok(())
        } else {
            Err(FaultKind::ConflictingFraming)
        }
    }
}

/// One reservation for all of it; the two short ends are copied in place.
#[inline]
pub(in super::super) fn write_field(name: &str, value: &[u8], out: &mut BytesMut) {
    out.reserve(name.len() + value.len() + 4);
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// RFC 9110 §7.8: who sends Upgrade sends the connection option too, so that nobody passes the field on.
pub(in super::super) fn write_upgrade_option(sent: &Sent, out: &mut BytesMut) {
    if sent.summary.upgrade && !sent.summary.upgrade_option {
        write_field("connection", b"upgrade", out);
    }
}

pub(in super::super) fn write_length(length: u64, out: &mut BytesMut) {
    write_field("content-length", decimal(length, &mut [0; 20]), out);
}

/// A message whose head was written up to the length of its body.
pub(in super::super) fn write_message(head: &[u8], body: &[u8], out: &mut BytesMut) {
    let mut digits = [0; 20];
    let digits = decimal(body.len() as u64, &mut digits);
    out.reserve(head.len() + digits.len() + body.len() + 4);
    out.put_slice(head);
    out.put_slice(digits);
    out.put_slice(b"\r\n\r\n");
    out.put_slice(body);
}

fn decimal(length: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    let mut rest = length;
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return &digits[start..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_decimal() {
        for length in [0, 9, 10, 1234567890, u64::MAX] {
            let mut out = BytesMut::new();
            write_length(length, &mut out);
            assert_eq!(out, format!("content-length: {length}\r\n"));
        }
    }

    #[test]
    fn callers_may_repeat_but_not_contradict() {
        let sent = Sent {
            length: Some(5),
            ..Sent::default()
        };
        assert_eq!(sent.check(BodyLength::Known(5)), Ok(()));
        for body in [BodyLength::None, BodyLength::Known(6), BodyLength::Unknown] {
            assert_eq!(sent.check(body), Err(FaultKind::ConflictingFraming));
        }
    }
}
