//! Responses: no panic; whole and in pieces say the same; what a server writes is what a client reads.

#![no_main]

use bytes::BytesMut;
use evhttp::h1::{BodyLength, ClientExchange, Framing, ServerExchange};
use fuzz::{Said, feed, limits, pieces, split};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (cuts, bytes) = split(input);
    let method = [Method::GET, Method::HEAD, Method::CONNECT, Method::POST]
        [usize::from(input.len() as u8 % 4)]
    .clone();
    let whole = hear(
        &method,
        std::iter::once(bytes).filter(|bytes| !bytes.is_empty()),
    );
    assert_eq!(hear(&method, pieces(bytes, cuts)), whole);
    assert_eq!(hear(&method, bytes.chunks(1)), whole);
    write_and_read(cuts, bytes);
});

fn hear<'a>(method: &Method, pieces: impl Iterator<Item = &'a [u8]>) -> Said {
    let mut client = ClientExchange::new(limits());
    ask(&mut client, method, &mut BytesMut::new());
    let mut said = feed(
        &mut client,
        pieces,
        |client, input, said| {
            let before = input.len();
            let event = client.next(input);
            assert!(input.len() <= before);
            said.note(event)
        },
        |client, input, said| said.note(client.end_of_input(input)),
    );
    said.verdict = client.verdict();
    said
}

fn ask(client: &mut ClientExchange, method: &Method, out: &mut BytesMut) {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("a"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("x"));
    let target = if *method == Method::CONNECT {
        "a:1"
    } else {
        "/"
    };
    client
        .write_head(method, target, &headers, BodyLength::None, out)
        .unwrap();
    client.write_end(None, out).unwrap();
}

/// The fuzzer chooses status, a field and the body; whatever may be written has to be read as it was meant.
fn write_and_read(choice: &[u8], bytes: &[u8]) {
    let (mut up, mut down) = (BytesMut::new(), BytesMut::new());
    let mut client = ClientExchange::new(limits());
    ask(&mut client, &Method::GET, &mut up);
    let mut server = ServerExchange::new(limits());
    while !matches!(server.next(&mut up).unwrap(), evhttp::h1::Event::End { .. }) {}
    let pick = |at: usize| choice.get(at).copied().unwrap_or_default();
    let Ok(status) = StatusCode::from_u16(100 + u16::from(pick(0)) * 2) else {
        return;
    };
    let length = if pick(1) & 1 == 0 {
        BodyLength::Known(bytes.len() as u64)
    } else {
        BodyLength::Unknown
    };
    let mut headers = HeaderMap::new();
    let (name, value) = bytes.split_at(bytes.len().min(usize::from(pick(2) % 16)));
    let value = &value[..value.len().min(40)];
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
        headers.insert(name, value);
    }
    let Ok(framing) = server.write_head(status, &headers, length, &mut down) else {
        assert!(down.is_empty());
        return;
    };
    let body = if framing == Framing::None || framing == Framing::Switched {
        &[]
    } else {
        bytes
    };
    for piece in body.chunks(1 + usize::from(pick(3))) {
        server.write_piece(piece, &mut down).unwrap();
    }
    server.write_end(None, &mut down).unwrap();
    let said = feed(
        &mut client,
        std::iter::once(&down[..]),
        |client, input, said| said.note(client.next(input)),
        |client, input, said| said.note(client.end_of_input(input)),
    );
    assert_eq!(
        (said.fault, &said.body[..], said.framing),
        (None, body, Some(framing)),
        "{down:?}"
    );
    assert!(said.events[0].contains(&format!("status: {}", status.as_str())));
}
