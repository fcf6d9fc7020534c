//! Forms: what is written is read by a small reader that knows RFC 2046 §5.1.1 and nothing of ours; the announced
//! length is the length; a second reading gives the same.

#![no_main]

use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use evhttp::fuzzing::form;
use evhttp::{Body, Multipart};
use libfuzzer_sys::fuzz_target;

/// What a part has to say: its head's lines, and its content.
type Part = (Vec<String>, Vec<u8>);

fuzz_target!(|input: &[u8]| {
    let (mut written, mut expected) = (Multipart::new(), Vec::new());
    // Parts stand between bytes 0xff, which no text has; a byte says which kind one is, and where it is cut.
    for part in input.split(|byte| *byte == 0xff).skip(1).take(8) {
        let Some((&kind, rest)) = part.split_first() else {
            continue;
        };
        let (name, rest) = cut(rest, kind >> 2);
        if kind & 1 == 0 {
            let value = String::from_utf8_lossy(rest);
            written = written.text(&name, value.clone());
            expected.push(field(&name, value.as_bytes()));
            continue;
        }
        let (file_name, rest) = cut(rest, kind >> 4);
        let (content_type, content) = cut(rest, kind >> 5);
        let body = match kind & 2 {
            0 => Body::from(content.to_vec()),
            _ => in_pieces(content),
        };
        written = written.part(&name, &file_name, &content_type, body);
        expected.push(file(&name, &file_name, &content_type, content));
    }
    let (content_type, mut body) = form(written);
    let boundary = content_type
        .strip_prefix("multipart/form-data; boundary=")
        .unwrap();
    let again = body.replay();
    let length = body.length();
    let content = all(&mut body);
    if let Some(length) = length {
        assert_eq!(length, content.len() as u64);
    }
    assert_eq!(read(&content, boundary), expected);
    if let Some(mut again) = again {
        assert_eq!(all(&mut again), content);
    }
});

/// A text of a few octets, and the rest.
fn cut(bytes: &[u8], length: u8) -> (String, &[u8]) {
    let (text, rest) = bytes.split_at(bytes.len().min(usize::from(length)));
    (String::from_utf8_lossy(text).into_owned(), rest)
}

/// A body whose length nobody knows.
fn in_pieces(content: &[u8]) -> Body {
    let pieces: Vec<Bytes> = content.chunks(7).map(Bytes::copy_from_slice).collect();
    let mut pieces = pieces.into_iter();
    struct Few<F>(F);
    impl<F: FnMut() -> Option<Bytes>> evhttp::Pieces for Few<F> {
        fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<evcore::Result<Bytes>>> {
            Poll::Ready((self.0)().map(Ok))
        }

        fn length(&self) -> Option<u64> {
            None
        }
    }
    Body::pieces(Few(move || pieces.next()))
}

fn all(body: &mut Body) -> Vec<u8> {
    let mut content = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        match body.poll_piece(&mut cx) {
            Poll::Ready(Some(piece)) => content.extend_from_slice(&piece.unwrap()),
            Poll::Ready(None) => return content,
            Poll::Pending => panic!("nothing here is waited for"),
        }
    }
}

/// WHATWG HTML, "multipart/form-data encoding": these three and no others.
fn escaped(name: &str) -> String {
    let escape = |c| match c {
        '"' => "%22".to_owned(),
        '\r' => "%0D".to_owned(),
        '\n' => "%0A".to_owned(),
        c => String::from(c),
    };
    name.chars().map(escape).collect()
}

fn field(name: &str, value: &[u8]) -> Part {
    let name = escaped(name);
    let head = format!("Content-Disposition: form-data; name=\"{name}\"");
    (vec![head], value.to_vec())
}

fn file(name: &str, file_name: &str, content_type: &str, content: &[u8]) -> Part {
    let (mut head, content) = field(name, content);
    head[0].push_str(&format!("; filename=\"{}\"", escaped(file_name)));
    let one_line = content_type.replace(['\r', '\n'], " ");
    head.push(format!("Content-Type: {one_line}"));
    (head, content)
}

/// All parts between the delimiters, to the last byte.
fn read(content: &[u8], boundary: &str) -> Vec<Part> {
    let delimiter = format!("\r\n--{boundary}");
    // RFC 2046 §5.1.1: the first delimiter's line end may be the beginning of the content.
    let content = [b"\r\n", content].concat();
    let places: Vec<usize> = content
        .windows(delimiter.len())
        .enumerate()
        .filter_map(|(at, window)| (window == delimiter.as_bytes()).then_some(at))
        .collect();
    assert_eq!(places[0], 0, "nothing stands before the first part");
    let last = places[places.len() - 1] + delimiter.len();
    assert_eq!(&content[last..], b"--\r\n", "and nothing after the last");
    let parts = places.windows(2).map(|place| {
        let part = &content[place[0] + delimiter.len()..place[1]];
        let part = part
            .strip_prefix(b"\r\n")
            .expect("the delimiter's line ends");
        let end = part.windows(4).position(|window| window == b"\r\n\r\n");
        let (head, body) = part.split_at(end.expect("a head ends with an empty line"));
        let head = std::str::from_utf8(head).expect("heads are text");
        let lines = head.split("\r\n").map(str::to_owned).collect();
        (lines, body[4..].to_vec())
    });
    parts.collect()
}
