//! Chunked bodies: no panic; whole and in pieces say the same; strict readers accept nothing that lenient ones read
//! otherwise; what is written is read, trailers included.

#![no_main]

use bytes::BytesMut;
use evhttp::h1::{BodyLength, ClientExchange, ServerExchange};
use fuzz::{Said, feed, limits, pieces, split};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (cuts, bytes) = split(input);
    let whole = hear_request(std::iter::once(bytes).filter(|bytes| !bytes.is_empty()));
    assert_eq!(hear_request(pieces(bytes, cuts)), whole);
    assert_eq!(hear_request(bytes.chunks(1)), whole);
    let lenient = hear_response(std::iter::once(bytes).filter(|bytes| !bytes.is_empty()));
    assert_eq!(hear_response(pieces(bytes, cuts)), lenient);
    assert_eq!(hear_response(bytes.chunks(1)), lenient);
    if whole.fault.is_none() {
        assert_eq!(
            (lenient.fault, &lenient.body, &lenient.trailers),
            (None, &whole.body, &whole.trailers)
        );
    }
    write_and_read(cuts, bytes);
});

fn hear_request<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Said {
    let mut server = ServerExchange::new(limits());
    let mut head =
        BytesMut::from("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    server.next(&mut head).unwrap();
    let mut said = feed(
        &mut server,
        pieces,
        |server, input, said| said.note(server.next(input)),
        |server, input, said| said.note(server.end_of_input(input)),
    );
    said.verdict = server.verdict();
    said
}

fn hear_response<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Said {
    let mut client = ClientExchange::new(limits());
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("a"));
    let mut out = BytesMut::new();
    client
        .write_head(&Method::GET, "/", &headers, BodyLength::None, &mut out)
        .unwrap();
    client.write_end(None, &mut out).unwrap();
    client
        .next(&mut BytesMut::from(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ))
        .unwrap();
    let mut said = feed(
        &mut client,
        pieces,
        |client, input, said| said.note(client.next(input)),
        |client, input, said| said.note(client.end_of_input(input)),
    );
    said.verdict = client.verdict();
    said
}

fn write_and_read(choice: &[u8], bytes: &[u8]) {
    let pick = |at: usize| choice.get(at).copied().unwrap_or_default();
    let (name, rest) = bytes.split_at(bytes.len().min(usize::from(pick(0) % 16)));
    let (value, body) = rest.split_at(rest.len().min(usize::from(pick(1) % 32)));
    let mut trailers = HeaderMap::new();
    if let (Ok(name), Ok(value)) = (
        HeaderName::from_bytes(name),
        HeaderValue::from_bytes(value.trim_ascii()),
    ) {
        trailers.insert(name, value);
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("a"));
    let mut out = BytesMut::new();
    let mut client = ClientExchange::new(limits());
    client
        .write_head(&Method::POST, "/", &headers, BodyLength::Unknown, &mut out)
        .unwrap();
    out.clear();
    for piece in body.chunks(1 + usize::from(pick(2))) {
        client.write_piece(piece, &mut out).unwrap();
    }
    let before = out.len();
    if client.write_end(Some(&trailers), &mut out).is_err() {
        assert_eq!(out.len(), before);
        client.write_end(None, &mut out).unwrap();
        trailers.clear();
    }
    let said = hear_request(std::iter::once(&out[..]));
    assert_eq!((said.fault, &said.body[..]), (None, body));
    assert_eq!(said.trailers.unwrap_or_default(), trailers);
}
