//! Compressed content as a caller sees it: asked for, unpacked, told of, refused when it is broken or a bomb.

use std::io::Write;

use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::run;
use evhttp::http::StatusCode;
use evhttp::{CHUNK, Client, Error, ErrorKind, HEAD, PROGRESS, fetch, get, head};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use crate::listing;

const TEXT: &str = "hello hello hello hello hello hello hello hello";

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A server that always answers this, in so many bytes at a time.
fn answering(fields: &str, content: &[u8], status: &str, piece: usize) -> Raw {
    let head = format!(
        "HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n",
        content.len()
    );
    let pause = std::time::Duration::from_millis(1);
    let round = [
        Step::ReadHead,
        send(&head),
        Step::Trickle(content.to_vec(), piece, pause),
    ];
    Raw::serve(round.iter().cycle().take(300).cloned().collect())
}

#[test]
fn compressed_content_is_asked_for_and_unpacked() {
    let zlib = {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(TEXT.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let bare = {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(TEXT.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    for (coding, content) in [
        ("gzip", gzip(TEXT.as_bytes())),
        ("deflate", zlib.clone()),
        ("deflate", bare),
        ("deflate, gzip", gzip(&zlib)),
    ] {
        let raw = answering(
            &format!("Content-Encoding: {coding}\r\nETag: \"x\"\r\n"),
            &content,
            "200 OK",
            5,
        );
        let page = run(fetch(raw.url("/"))).unwrap();
        assert_eq!(page.text().unwrap(), TEXT, "{coding}");
        assert_eq!(
            (
                page.header("content-encoding"),
                page.header("content-length")
            ),
            (None, None)
        );
        assert_eq!(page.header("etag"), Some("\"x\""));
        let asked = raw.seen()[0].text();
        assert!(
            asked.contains("\r\naccept-encoding: zstd, br, gzip, deflate\r\n"),
            "{asked}"
        );
    }
}

#[test]
fn progress_counts_what_is_on_the_wire_and_chunks_are_the_body() {
    let text = TEXT.repeat(1000);
    let content = gzip(text.as_bytes());
    let raw = answering("Content-Encoding: gzip\r\n", &content, "200 OK", 40);
    let ((progress, add), (pieces, keep), (heads, on_head)) =
        (listing(), listing::<Bytes>(), listing());
    let call = fetch(raw.url("/"))
        .on(PROGRESS, add)
        .on(CHUNK, keep)
        .on(HEAD, move |head| on_head(&head.status));
    let page = run(call).unwrap();
    assert_eq!(pieces.borrow().concat(), page.bytes().unwrap());
    assert_eq!(heads.borrow().len(), 1);
    let progress = progress.borrow();
    for pair in progress.windows(2) {
        assert!(pair[0].received <= pair[1].received && pair[0].decoded <= pair[1].decoded);
    }
    let wire = content.len() as u64;
    let last = progress.last().unwrap();
    assert_eq!(
        (last.received, last.total, last.decoded),
        (wire, Some(wire), text.len() as u64)
    );
    assert!(
        progress
            .iter()
            .all(|p| p.received <= wire && p.total == Some(wire))
    );
    assert_eq!(last.fraction(), 1.0);
}

#[test]
fn a_part_is_never_unpacked_and_is_asked_for_uncoded() {
    let content = &gzip(TEXT.as_bytes())[..10];
    let raw = answering(
        "Content-Encoding: gzip\r\n",
        content,
        "206 Partial Content",
        100,
    );
    let page = run(get(raw.url("/")).header("range", "bytes=0-9").send()).unwrap();
    assert_eq!(
        (page.status(), page.bytes().unwrap().as_ref()),
        (StatusCode::PARTIAL_CONTENT, content)
    );
    assert_eq!(page.header("content-encoding"), Some("gzip"));
    assert!(
        raw.seen()[0]
            .text()
            .contains("\r\naccept-encoding: identity\r\n")
    );
}

#[test]
fn a_user_may_ask_for_it_as_it_was_sent() {
    let content = gzip(TEXT.as_bytes());
    let raw = answering("Content-Encoding: gzip\r\n", &content, "200 OK", 100);
    let client = Client::builder().decode(false).build();
    for call in [get(raw.url("/")).decode(false), client.get(raw.url("/"))] {
        let page = run(call.send()).unwrap();
        assert_eq!(page.bytes().unwrap(), content);
    }
    assert!(!raw.seen()[0].text().contains("accept-encoding"));
    let page = run(get(raw.url("/"))
        .header("accept-encoding", "gzip;q=0.5")
        .send())
    .unwrap();
    assert_eq!(
        page.text().unwrap(),
        TEXT,
        "who asks for one by hand gets it unpacked too"
    );
}

#[test]
fn what_has_no_content_or_an_unknown_coding_is_left_alone() {
    let raw = answering("Content-Encoding: aes128gcm\r\n", b"secret", "200 OK", 100);
    let page = run(fetch(raw.url("/"))).unwrap();
    assert_eq!(
        (
            page.text().unwrap().as_ref(),
            page.header("content-encoding")
        ),
        ("secret", Some("aes128gcm"))
    );
    let raw =
        Raw::answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n");
    let page = run(head(raw.url("/")).send()).unwrap();
    assert_eq!(
        (
            page.header("content-encoding"),
            page.header("content-length")
        ),
        (Some("gzip"), Some("99"))
    );
    let raw = answering("Content-Encoding: gzip\r\n", b"", "200 OK", 100);
    assert_eq!(run(fetch(raw.url("/"))).unwrap().text().unwrap(), "");
}

#[test]
fn broken_content_is_an_error_of_one_line() {
    let bomb = gzip(&vec![b' '; 40 << 20]);
    let good = gzip(TEXT.as_bytes());
    let mut wrong = good.clone();
    let at = wrong.len() - 8;
    wrong[at] ^= 1;
    let table = [
        (b"plain text".to_vec(), "it is broken: invalid gzip header"),
        (good[..good.len() - 1].to_vec(), "it ends in the middle"),
        (
            wrong,
            "it is broken: corrupt gzip stream does not have a matching checksum",
        ),
        (bomb, "it grows to more than 256 times its size"),
    ];
    for (content, why) in table {
        let raw = answering("Content-Encoding: gzip\r\n", &content, "200 OK", 1 << 20);
        let error = run(fetch(raw.url("/"))).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("body {}, ", raw.url("/"))),
            "{text}"
        );
        assert!(
            text.ends_with(&format!(
                "bytes received: the content can't be decoded: {why}"
            )),
            "{text}"
        );
        let parts = error.downcast_ref::<Error>().unwrap();
        assert!(matches!(parts.kind(), ErrorKind::Decode(_)));
    }
}
