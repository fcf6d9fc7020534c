//! Names what httparse refused. Only runs when a message is refused already, so it may walk the bytes again; it never
//! accepts or refuses anything itself.
//!
//! The blame falls on the first byte that cannot be right, so that it is the same whether the message came whole or
//! byte by byte.

use super::super::fault::FaultKind;

/// What is wrong with a status line.
pub(super) fn status_line(bytes: &[u8]) -> FaultKind {
    let ours = bytes.starts_with(b"HTTP/1.1") || bytes.starts_with(b"HTTP/1.0");
    if bytes.starts_with(b"HTTP/") && !ours {
        FaultKind::UnsupportedVersion
    } else {
        FaultKind::BadStatusLine
    }
}

/// What is wrong with a request line, and where; `None` if it is not to blame.
pub(super) fn request_line(bytes: &[u8]) -> Option<(usize, FaultKind)> {
    let method = bytes.iter().position(|&byte| !is_token(byte))?;
    if bytes[method] != b' ' || method == 0 {
        return Some((method, FaultKind::BadRequestLine));
    }
    let start = method + 1;
    let end = start
        + bytes[start..]
            .iter()
            .position(|&byte| byte <= b' ' || byte == 0x7f)?;
    let fault = match bytes[end] {
        b'\r' | b'\n' if end > start => FaultKind::MissingVersion,
        // httparse looks at the whole target's encoding once it has its end.
        b' ' if end > start && std::str::from_utf8(&bytes[start..end]).is_ok() => {
            return version(bytes, end + 1);
        }
        _ => FaultKind::BadTarget,
    };
    Some((end, fault))
}

fn version(bytes: &[u8], start: usize) -> Option<(usize, FaultKind)> {
    let rest = &bytes[start..];
    let fault = if bytes.starts_with(b"PRI * HTTP/2") {
        FaultKind::Http2Preface
    } else if rest.starts_with(b"HTTP/1.1") || rest.starts_with(b"HTTP/1.0") {
        match rest[8..] {
            [] | [b'\r'] | [b'\r', b'\n', ..] | [b'\n', ..] => return None,
            _ => FaultKind::BadRequestLine,
        }
    } else if rest.starts_with(b"HTTP/") {
        FaultKind::UnsupportedVersion
    } else {
        FaultKind::BadRequestLine
    };
    Some((start, fault))
}

/// What is wrong with the field lines, which begin after the first line feed if `after_line` says so.
pub(super) fn fields(bytes: &[u8], after_line: bool, may_fold: bool) -> FaultKind {
    let mut lines = bytes
        .split_inclusive(|&byte| byte == b'\n')
        .skip(usize::from(after_line));
    let mut first = true;
    lines
        .find_map(|line| {
            let fault = field(line, may_fold && !first);
            first = false;
            fault
        })
        .unwrap_or(FaultKind::BadHeaderValue)
}

fn field(line: &[u8], may_fold: bool) -> Option<FaultKind> {
    let end = line.iter().position(|&byte| !is_token(byte))?;
    match line[end] {
        b' ' | b'\t' if end == 0 && may_fold => value(line),
        b' ' | b'\t' if end == 0 => Some(FaultKind::ObsFold),
        b' ' | b'\t' => Some(FaultKind::SpaceBeforeColon),
        b':' if end > 0 => value(&line[end..]),
        b'\r' if end == 0 => match line.get(1) {
            None | Some(b'\n') => None,
            Some(_) => Some(FaultKind::BareCr),
        },
        b'\n' if end == 0 => None,
        _ => Some(FaultKind::BadHeaderName),
    }
}

fn value(rest: &[u8]) -> Option<FaultKind> {
    let end = rest
        .iter()
        .position(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f)?;
    match rest[end..] {
        [b'\n'] | [b'\r', b'\n'] | [b'\r'] => None,
        [b'\r', ..] => Some(FaultKind::BareCr),
        _ => Some(FaultKind::BadHeaderValue),
    }
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_impossible_byte_is_blamed() {
        assert_eq!(
            request_line(b"GET /x\r\n"),
            Some((6, FaultKind::MissingVersion))
        );
        assert_eq!(request_line(b"GET  /"), Some((4, FaultKind::BadTarget)));
        assert_eq!(
            request_line(b"GET / HTTP/3"),
            Some((6, FaultKind::UnsupportedVersion))
        );
        assert_eq!(request_line(b"GET / HTTP/1.1\r\n"), None);
        assert_eq!(fields(b"l\r\nA: b\r\n c", true, false), FaultKind::ObsFold);
        assert_eq!(
            fields(b"l\r\nA: b\r\n c\r\nD : e", true, true),
            FaultKind::SpaceBeforeColon
        );
        assert_eq!(fields(b"A: b\rc", false, true), FaultKind::BareCr);
    }
}
