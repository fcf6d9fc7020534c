//! Reads heads with httparse: finds their end without looking at a byte twice more than needed, builds the map, notes
//! what framing has to know. Decides nothing about bodies.

use super::super::fault::FaultKind;
use super::super::framing::Summary;
use super::{RequestHead, ResponseHead, Target, blame, check_target};
use crate::limits::{HEADERS, Limits, MOST_HEADERS, SHARED_HEAD};
use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use httparse::{Error, Header, ParserConfig, Status};
use std::mem::MaybeUninit;
use std::ops::Range;

type Slots<'a> = [MaybeUninit<Header<'a>>];

/// Which bytes of an unfinished head were looked at. A head that trickles in is parsed again when its empty line has
/// come or its length has doubled, so the work stays linear while nonsense is still noticed early.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Progress {
    searched: usize,
    tried: usize,
}

impl Progress {
    pub(in super::super) fn is_worth_trying(
        &mut self,
        input: &[u8],
        limit: usize,
        at_end: bool,
    ) -> bool {
        if input.is_empty() {
            return false;
        }
        let first = self.tried == 0;
        // The first attempt needs no search: most heads come whole.
        let ended = !first && has_empty_line(&input[self.searched..]);
        // Up to two bytes of an empty line (LF CR) may be there already.
        self.searched = input.len().saturating_sub(2);
        let worth =
            first || ended || at_end || input.len() >= limit || input.len() / 2 >= self.tried;
        if worth {
            self.tried = input.len();
        }
        worth
    }

    pub(in super::super) fn has_begun(&self) -> bool {
        self.tried > 0
    }
}

fn has_empty_line(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\n') {
        rest = &rest[at + 1..];
        if matches!(rest, [b'\n', ..] | [b'\r', b'\n', ..]) {
            return true;
        }
    }
    false
}

/// Takes a response head off the front of `input`, if it is complete.
///
/// Lenient where RFC 9112 says so and a client cannot be tricked by it: the reason may be missing or hold obs-text
/// (§4), lines may end in a bare LF (§2.2), folded lines are unfolded (§5.2, a MUST for user agents).
pub(in super::super) fn read_response(
    input: &mut BytesMut,
    limits: &Limits,
    summary: &mut Summary,
) -> Result<Option<ResponseHead>, FaultKind> {
    let window = &input[..input.len().min(limits.head_bytes)];
    if matches!(window, [b'\r' | b'\n', ..]) {
        return Err(FaultKind::BadStatusLine); // httparse skips empty lines; §2.2 allows that for requests only.
    }
    let mut inline = [const { MaybeUninit::uninit() }; HEADERS];
    let mut heap = Vec::new();
    let slots = slots(&mut inline, &mut heap, limits.headers);
    let mut response = httparse::Response::new(&mut []);
    let mut config = ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    let length = match config.parse_response_with_uninit_headers(&mut response, window, slots) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return need_more(window, limits),
        Err(Error::TooManyHeaders) => return Err(FaultKind::TooManyHeaders),
        Err(Error::Version | Error::Status) => return Err(blame::status_line(window)),
        Err(_) => return Err(blame::fields(window, true, true)),
    };
    let status = response
        .code
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or(FaultKind::BadStatusLine)?;
    let version = version(response.version);
    let registered = response.reason == status.canonical_reason();
    let (mut few, mut many) = ([[Mark::default(); 2]; FEW], Vec::new());
    let marks = mark(response.headers, window, &mut few, &mut many);
    let block = Block::take(input, length);
    let headers = block.fields(marks, summary)?;
    let reason = (!registered).then(|| block.reason());
    Ok(Some(ResponseHead {
        status,
        version,
        reason,
        headers,
    }))
}

/// Takes a request head off the front of `input`, if it is complete, and notes in `summary` what it says. As strict as
/// RFC 9112 allows.
#[inline]
pub(in super::super) fn read_request(
    input: &mut BytesMut,
    limits: &Limits,
    summary: &mut Summary,
) -> Result<Option<RequestHead>, FaultKind> {
    let window = &input[..input.len().min(limits.head_bytes)];
    let mut inline = [const { MaybeUninit::uninit() }; HEADERS];
    let mut heap = Vec::new();
    let slots = slots(&mut inline, &mut heap, limits.headers);
    let mut request = httparse::Request::new(&mut []);
    let parsed = request.parse_with_uninit_headers(window, slots);
    check_request_line(window, request.path, parsed, limits)?;
    let length = match parsed {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return need_more(window, limits),
        Err(Error::TooManyHeaders) => return Err(FaultKind::TooManyHeaders),
        Err(_) => return Err(blame::fields(window, true, false)),
    };
    let target = request.path.unwrap_or_default();
    let start_line = offset(window, target.as_bytes()) + target.len() + " HTTP/1.1".len();
    if has_bare_lf(&window[..length], Some(start_line), request.headers) {
        return Err(FaultKind::BareLf);
    }
    let method = Method::from_bytes(request.method.unwrap_or_default().as_bytes());
    let method = method.map_err(|_| FaultKind::BadRequestLine)?;
    check_target(&method, target.as_bytes())?;
    let target = Target(target.into());
    let version = version(request.version);
    let (mut few, mut many) = ([[Mark::default(); 2]; FEW], Vec::new());
    let marks = mark(request.headers, window, &mut few, &mut many);
    let headers = Block::take(input, length).fields(marks, summary)?;
    Ok(Some(RequestHead {
        method,
        target,
        version,
        headers,
    }))
}

/// The request line has a limit of its own and is judged before the fields, so that the same fault comes first however
/// the bytes were cut.
fn check_request_line(
    window: &[u8],
    target: Option<&str>,
    parsed: httparse::Result<usize>,
    limits: &Limits,
) -> Result<(), FaultKind> {
    let blamed = if parsed.is_err() {
        blame::request_line(window)
    } else {
        None
    };
    let length = match (target, blamed) {
        (Some(target), _) => offset(window, target.as_bytes()) + target.len(),
        (None, Some((at, _))) => at,
        (None, None) => window.len(),
    };
    match blamed {
        _ if length > limits.request_line_bytes => Err(FaultKind::TargetTooLong),
        Some((_, fault)) => Err(fault),
        None => Ok(()),
    }
}

/// Takes a trailer section, its final empty line included, off the front of `input`, if it is complete. Chunked framing
/// is strict in both roles, so bare LFs and folding are refused.
pub(in super::super) fn read_trailers(
    input: &mut BytesMut,
    limits: &Limits,
) -> Result<Option<HeaderMap>, FaultKind> {
    let window = &input[..input.len().min(limits.trailer_bytes)];
    let mut slots = vec![httparse::EMPTY_HEADER; limits.headers.min(MOST_HEADERS)];
    let (length, headers) = match httparse::parse_headers(window, &mut slots) {
        Ok(Status::Complete(parsed)) => parsed,
        Ok(Status::Partial) if window.len() == limits.trailer_bytes => {
            return Err(FaultKind::TrailersTooLarge);
        }
        Ok(Status::Partial) => return Ok(None),
        Err(Error::TooManyHeaders) => return Err(FaultKind::TooManyHeaders),
        Err(_) => return Err(blame::fields(window, false, false)),
    };
    if has_bare_lf(&window[..length], None, headers) {
        return Err(FaultKind::BareLf);
    }
    let (mut few, mut many) = ([[Mark::default(); 2]; FEW], Vec::new());
    let marks = mark(headers, window, &mut few, &mut many);
    let headers = Block::take(input, length).fields(marks, &mut Summary::default())?;
    Ok(Some(headers))
}

fn slots<'s, 'a>(
    inline: &'s mut Slots<'a>,
    heap: &'s mut Vec<MaybeUninit<Header<'a>>>,
    wanted: usize,
) -> &'s mut Slots<'a> {
    if wanted <= inline.len() {
        return &mut inline[..wanted];
    }
    heap.resize_with(wanted.min(MOST_HEADERS), MaybeUninit::uninit);
    heap
}

fn need_more<T>(window: &[u8], limits: &Limits) -> Result<Option<T>, FaultKind> {
    if window.len() == limits.head_bytes {
        Err(FaultKind::HeadTooLarge)
    } else {
        Ok(None)
    }
}

fn version(minor: Option<u8>) -> Version {
    if minor == Some(0) {
        Version::HTTP_10
    } else {
        Version::HTTP_11
    }
}

/// httparse takes a bare LF for a line's end. §2.2 allows that, and proxies that do not are smuggled past with it. Such
/// an LF can only stand where a line ends: after the version (`start_line`), after a value and the blanks that follow it,
/// and on the empty line. Looking there is cheaper than looking at every byte.
fn has_bare_lf(head: &[u8], start_line: Option<usize>, fields: &[Header<'_>]) -> bool {
    let has_cr = |end: usize| {
        let mut rest = head[end..].iter();
        rest.find(|byte| !b" \t".contains(byte)) == Some(&b'\r')
    };
    let end = |field: &Header<'_>| offset(head, field.value) + field.value.len();
    !head.ends_with(b"\r\n")
        || !start_line.is_none_or(has_cr)
        || !fields.iter().map(end).all(has_cr)
}

fn offset(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr() as usize - whole.as_ptr() as usize
}

/// Where something stands in a head.
#[derive(Clone, Copy, Default)]
struct Mark {
    start: usize,
    end: usize,
}

impl Mark {
    fn of(part: &[u8], whole: &[u8]) -> Mark {
        let start = offset(whole, part);
        Mark {
            start,
            end: start + part.len(),
        }
    }

    fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// Where a field stands, name and value: what is left of a parsed one while the memory changes hands.
type Marks = [Mark; 2];

/// Fields that need no allocation to be marked.
const FEW: usize = 16;

fn mark<'a>(
    parsed: &[Header<'_>],
    whole: &[u8],
    few: &'a mut [Marks; FEW],
    many: &'a mut Vec<Marks>,
) -> &'a [Marks] {
    let mark = |header: &Header<'_>| {
        [
            Mark::of(header.name.as_bytes(), whole),
            Mark::of(header.value, whole),
        ]
    };
    if parsed.len() > FEW {
        many.extend(parsed.iter().map(mark));
        return many;
    }
    let slots = few.iter_mut().zip(parsed);
    slots.for_each(|(slot, header)| *slot = mark(header));
    &few[..parsed.len()]
}

/// A head, taken off the input; its values share it.
struct Block(Bytes);

impl Block {
    /// Shares the input's memory if that is small. Else it is copied: a kept field must not pin a piece of a body.
    fn take(input: &mut BytesMut, length: usize) -> Block {
        if input.capacity() <= SHARED_HEAD {
            return Block(input.split_to(length).freeze());
        }
        let copy = Bytes::copy_from_slice(&input[..length]);
        input.advance(length);
        Block(copy)
    }

    fn share(&self, mark: Mark) -> Bytes {
        self.0.slice(mark.range())
    }

    fn fields(&self, marks: &[Marks], summary: &mut Summary) -> Result<HeaderMap, FaultKind> {
        let mut headers = HeaderMap::with_capacity(marks.len());
        for &[name_at, value_at] in marks {
            let name = HeaderName::from_bytes(&self.0[name_at.range()])
                .map_err(|_| FaultKind::BadHeaderName)?;
            let value = match HeaderValue::from_maybe_shared(self.share(value_at)) {
                Ok(value) => value,
                Err(_) => unfold(&self.0[value_at.range()])?,
            };
            if (name == CONTENT_LENGTH || name == TRANSFER_ENCODING) && self.is_folded(name_at) {
                return Err(FaultKind::ObsFold);
            }
            summary.note(name.as_str(), value.as_bytes());
            headers
                .try_append(name, value)
                .map_err(|_| FaultKind::TooManyHeaders)?;
        }
        Ok(headers)
    }

    /// Asked of the two fields that say where the message ends: a reader who does not unfold sees other values there.
    /// A fold before or after the value is trimmed by httparse, so the line itself has to be looked at.
    fn is_folded(&self, name: Mark) -> bool {
        let rest = &self.0[name.start..];
        let end = rest.iter().position(|&byte| byte == b'\n');
        matches!(end.and_then(|end| rest.get(end + 1)), Some(b' ' | b'\t'))
    }

    /// httparse drops a reason with obs-text, which RFC 9112 §4 allows; so it is cut out of the line again.
    fn reason(&self) -> Bytes {
        let line = self.0.split(|&byte| byte == b'\n').next();
        let line = line.unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.get(13..) {
            Some(reason) => self.0.slice_ref(reason),
            None => Bytes::new(),
        }
    }
}

/// RFC 9112 §5.2: each fold becomes one or more blanks.
fn unfold(value: &[u8]) -> Result<HeaderValue, FaultKind> {
    let blank = |&byte: &u8| {
        if matches!(byte, b'\r' | b'\n') {
            b' '
        } else {
            byte
        }
    };
    let value: Vec<u8> = value.iter().map(blank).collect();
    HeaderValue::from_maybe_shared(Bytes::from(value)).map_err(|_| FaultKind::BadHeaderValue)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to end five lines, some with blanks before their ends: refused as soon as one LF has no CR before it.
    #[test]
    fn a_bare_lf_is_found_wherever_a_line_ends() {
        let lines = ["GET / HTTP/1.1", "Host: a", "A:", "B: \t", "C: c \t ", ""];
        for bare in 0..1 << lines.len() {
            let end = |at: usize| if bare >> at & 1 == 1 { "\n" } else { "\r\n" };
            let head: String = (0..)
                .zip(lines)
                .flat_map(|(at, line)| [line, end(at)])
                .collect();
            let mut input = BytesMut::from(&*head);
            let request = read_request(&mut input, &Limits::default(), &mut Summary::default());
            let wanted = (bare > 0).then_some(FaultKind::BareLf);
            assert_eq!(request.err(), wanted, "{head:?}");

            let section = &head[head.find("Host").unwrap()..];
            let trailers = read_trailers(&mut BytesMut::from(section), &Limits::default());
            let wanted = (bare >> 1 > 0).then_some(FaultKind::BareLf);
            assert_eq!(trailers.err(), wanted, "{section:?}");
        }
    }

    #[test]
    fn trickling_heads_are_tried_logarithmically() {
        let head = vec![b'a'; 1 << 16];
        let mut progress = Progress::default();
        let tries = (1..head.len())
            .filter(|&end| progress.is_worth_trying(&head[..end], usize::MAX, false))
            .count();
        assert_eq!(tries, 16);
    }

    #[test]
    fn an_empty_line_is_seen_across_pieces() {
        for end in [&b"\r\n\r\n"[..], b"\n\n", b"\n\r\n"] {
            let whole = [&[b'a'; 100][..], end].concat();
            let mut progress = Progress {
                searched: 0,
                tried: 90,
            };
            let tries = (90..=whole.len())
                .filter(|&end| progress.is_worth_trying(&whole[..end], usize::MAX, false));
            assert_eq!(tries.collect::<Vec<_>>(), [whole.len()], "{end:?}");
        }
    }
}
