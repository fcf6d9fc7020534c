//! Requests, pipelined: no panic; whole and in pieces say the same; what a client writes is what a server reads.

#![no_main]

use bytes::BytesMut;
use evhttp::h1::{BodyLength, ClientExchange, Event, ServerExchange, Verdict};
use fuzz::{Said, feed, limits, pieces, split};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (cuts, bytes) = split(input);
    let whole = hear(std::iter::once(bytes).filter(|bytes| !bytes.is_empty()));
    assert_eq!(hear(pieces(bytes, cuts)), whole);
    assert_eq!(hear(bytes.chunks(1)), whole);
    write_and_read(cuts, bytes);
});

fn hear<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Said {
    let mut server = ServerExchange::new(limits());
    let mut said = feed(
        &mut server,
        pieces,
        |server, input, said| {
            let event = server.next(input);
            let ended = matches!(event, Ok(Event::End { .. }));
            let more = said.note(event);
            if !ended {
                return more;
            }
            said.over = !answer(server);
            !said.over
        },
        |server, input, said| said.note(server.end_of_input(input)),
    );
    said.verdict = server.verdict();
    said
}

/// Whether the next request may come.
fn answer(server: &mut ServerExchange) -> bool {
    let mut out = BytesMut::new();
    server
        .write_head(StatusCode::NO_CONTENT, None, BodyLength::None, &mut out)
        .unwrap();
    server.write_end(None, &mut out).unwrap();
    server.restart() == Verdict::Keep
}

/// The fuzzer chooses method, target, a field and the body; whatever may be written has to be read as it was meant.
fn write_and_read(choice: &[u8], bytes: &[u8]) {
    let pick = |at: usize| choice.get(at).copied().unwrap_or_default();
    let (first, rest) = bytes.split_at(bytes.len().min(usize::from(pick(0) % 32)));
    let (second, body) = rest.split_at(rest.len().min(usize::from(pick(1) % 32)));
    let (name, value) = second.split_at(second.len() / 2);
    let method = if pick(2) & 2 == 0 {
        Method::from_bytes(second).unwrap_or(Method::GET)
    } else {
        Method::POST
    };
    let Ok(target) = std::str::from_utf8(first) else {
        return;
    };
    let length = if pick(2) & 1 == 0 {
        BodyLength::Known(body.len() as u64)
    } else {
        BodyLength::Unknown
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("a"));
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
        headers.append(name, value);
    }
    let mut out = BytesMut::new();
    let mut client = ClientExchange::new(limits());
    let Ok(framing) = client.write_head(&method, target, &headers, length, &mut out) else {
        assert!(out.is_empty());
        return;
    };
    for piece in body.chunks(1 + usize::from(pick(3))) {
        client.write_piece(piece, &mut out).unwrap();
    }
    client.write_end(None, &mut out).unwrap();
    let mut server = ServerExchange::new(limits());
    let Event::Head(head, read) = server.next(&mut out).unwrap() else {
        panic!("{out:?}")
    };
    assert_eq!(
        (head.method, head.target.as_str(), read),
        (method, target, framing)
    );
    let said = feed(
        &mut server,
        std::iter::once(&out[..]),
        |server, input, said| said.note(server.next(input)),
        |server, input, said| said.note(server.end_of_input(input)),
    );
    assert_eq!((said.fault, &said.body[..]), (None, body));
}
