//! Bodies that are cut, mis-framed, mis-coded, too large, or not what the caller took them for.

use std::io::Write;
use std::path::Path;

use bed::TempDir;
use bed::raw::{Raw, Step, send};
use evcore::{Result, run};
use evhttp::{Body, Request, Response, get};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::heads::{endless, reset_after};
use super::row::{Row, Told, answered, row, said, told_by};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunked(body: &str) -> Told {
    said(format!("{CHUNKED}{body}"))
}

/// A whole body that is said to be coded so.
fn coded(coding: &str, body: &[u8]) -> Told {
    let length = body.len();
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    answer.extend_from_slice(body);
    said(answer)
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn cut_gzip() -> Told {
    let whole = gzip(b"hello, hello, hello");
    coded("gzip", &whole[..15])
}

fn wrong_checksum() -> Told {
    let mut whole = gzip(b"hello");
    let at = whole.len() - 8;
    whole[at] ^= 1;
    coded("gzip", &whole)
}

fn limited(answer: &str) -> Told {
    let script = vec![Step::ReadHead, send(answer), Step::Close];
    told_by(script, |request: Request| request.body_limit(4).send())
}

/// Two bytes that are no UTF-8, and what the caller takes them for.
fn taken_for(then: fn(Response) -> Result<Response>) -> Told {
    answered(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xc3\x28",
        then,
    )
}

/// Twenty million blanks, coded once or more. How small that gets is the encoder's business.
fn bomb(coding: &str, code: fn(Vec<u8>) -> Vec<u8>) -> Told {
    let small = code(vec![b' '; 20_000_000]);
    let Told { kind, line } = coded(coding, &small);
    let line = line.replace(&small.len().to_string(), "N");
    Told { kind, line }
}

fn saved(body: Body, path: &Path) -> Told {
    match run(body.save(path)) {
        Ok(bytes) => panic!("{bytes} bytes went where none can go"),
        Err(error) => error.into(),
    }
}

fn saved_half() -> Told {
    let folder = TempDir::new("half");
    let path = folder.join("file");
    let half = send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    let raw = Raw::serve(vec![Step::ReadHead, half, Step::Close]);
    let page = run(get(raw.url("/")).stream()).expect("the head came");
    let told = saved(page.take_body().expect("once"), &path);
    assert!(!path.exists());
    let line = told.line.replace(&path.display().to_string(), "PATH");
    Told { line, ..told }.naming(raw.address(), "SERVER")
}

pub(crate) const ROWS: &[Row] = &[
    row(
        "a body that ends early",
        "Protocol(Truncated)",
        "body http://SERVER/: the peer closed the connection after 5 of 10 bytes of the body",
        || said("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"),
    ),
    row(
        "a body that does not begin",
        "Protocol(Truncated)",
        "body http://SERVER/: the peer closed the connection after 0 of 10 bytes of the body",
        || said("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
    ),
    row(
        "chunks that end early",
        "Protocol(Truncated)",
        "body http://SERVER/: the peer closed the connection after 5 bytes of a chunked body, before its end",
        || chunked("5\r\n12345\r\n"),
    ),
    row(
        "a chunk that ends early",
        "Protocol(Truncated)",
        "body http://SERVER/: the peer closed the connection after 3 bytes of a chunked body, before its end",
        || chunked("5\r\n123"),
    ),
    row(
        "reset in a body with a length",
        "Io",
        "body http://SERVER/, 3 of 10 bytes received: Connection reset by peer (os error 104)",
        || reset_after("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"),
    ),
    row(
        "reset in a chunked body",
        "Io",
        "body http://SERVER/, 3 bytes received: Connection reset by peer (os error 104)",
        || reset_after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n"),
    ),
    row(
        "reset in a body until the end",
        "Io",
        "body http://SERVER/, 3 bytes received: Connection reset by peer (os error 104)",
        || reset_after("HTTP/1.1 200 OK\r\n\r\n123"),
    ),
    row(
        "a chunk size that is no number",
        "Protocol(BadChunkSize)",
        "body http://SERVER/, 0 bytes received: a chunk size is not a hexadecimal number of 64 bits",
        || chunked("xyz\r\n"),
    ),
    row(
        "a negative chunk size",
        "Protocol(BadChunkSize)",
        "body http://SERVER/, 0 bytes received: a chunk size is not a hexadecimal number of 64 bits",
        || chunked("-5\r\n"),
    ),
    row(
        "a chunk size of more than 64 bits",
        "Protocol(BadChunkSize)",
        "body http://SERVER/, 0 bytes received: a chunk size is not a hexadecimal number of 64 bits",
        || chunked("11111111111111111\r\n"),
    ),
    row(
        "a chunk that is longer than it says",
        "Protocol(BadChunkEnd)",
        "body http://SERVER/, 5 bytes received: a chunk is not followed by CRLF",
        || chunked("5\r\n1234567\r\n"),
    ),
    row(
        "a chunk extension without end",
        "Protocol(ChunkExtensionsTooLarge)",
        "body http://SERVER/, 0 bytes received: the chunk extensions are larger than the limit",
        || endless(&format!("{CHUNKED}5;"), "xxxxxxxxxx"),
    ),
    row(
        "trailers without end",
        "Protocol(TrailersTooLarge)",
        "body http://SERVER/, 0 bytes received: the trailers are larger than the limit",
        || endless(&format!("{CHUNKED}0\r\nX: "), "xxxxxxxxxx"),
    ),
    row(
        "a body longer than allowed, as it says itself",
        "TooLarge",
        "body http://SERVER/: the body is larger than the 4 bytes allowed",
        || limited("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345"),
    ),
    row(
        "a body longer than allowed, as it turns out",
        "TooLarge",
        "body http://SERVER/: the body is larger than the 4 bytes allowed",
        || limited("HTTP/1.1 200 OK\r\n\r\n12345"),
    ),
    row(
        "a body longer than is fetched whole",
        "TooLarge",
        "body http://SERVER/: the body is larger than the 2147483648 bytes allowed",
        || said("HTTP/1.1 200 OK\r\nContent-Length: 3000000000\r\n\r\n"),
    ),
    row(
        "zstd that wants 16 MiB to look back at",
        "Decode",
        "body http://SERVER/, 9 of 9 bytes received: the content can't be decoded: it looks back 16777216 bytes, and 8388608 are allowed",
        || coded("zstd", b"\x28\xb5\x2f\xfd\x00\x70\x01\x00\x00"),
    ),
    row(
        "gzip that is none",
        "Decode",
        "body http://SERVER/, 12 of 12 bytes received: the content can't be decoded: it is broken: invalid gzip header",
        || coded("gzip", b"hello, hello"),
    ),
    row(
        "gzip that ends early",
        "Decode",
        "body http://SERVER/, 15 of 15 bytes received: the content can't be decoded: it ends in the middle",
        cut_gzip,
    ),
    row(
        "gzip with a wrong checksum",
        "Decode",
        "body http://SERVER/, 25 of 25 bytes received: the content can't be decoded: it is broken: corrupt gzip stream does not have a matching checksum",
        wrong_checksum,
    ),
    row(
        "deflate that is none",
        "Decode",
        "body http://SERVER/, 4 of 4 bytes received: the content can't be decoded: it is broken: deflate decompression error",
        || coded("deflate", b"\xff\xff\xff\xff"),
    ),
    row(
        "br that is none",
        "Decode",
        "body http://SERVER/, 4 of 4 bytes received: the content can't be decoded: it is broken",
        || coded("br", b"\xff\xff\xff\xff"),
    ),
    row(
        "zstd that is none",
        "Decode",
        "body http://SERVER/, 12 of 12 bytes received: the content can't be decoded: it is broken: no zstd frame begins like this",
        || coded("zstd", b"hello, hello"),
    ),
    row(
        "a bomb: 20 MB of blanks",
        "Decode",
        "body http://SERVER/, N of N bytes received: the content can't be decoded: it grows to more than 256 times its size",
        || bomb("gzip", |blanks| gzip(&blanks)),
    ),
    row(
        "a bomb within gzip",
        "Decode",
        "body http://SERVER/, N of N bytes received: the content can't be decoded: it grows to more than 256 times its size",
        || bomb("gzip, gzip", |blanks| gzip(&gzip(&blanks))),
    ),
    row(
        "text that is none",
        "NotText",
        "body http://SERVER/: not text: invalid utf-8 sequence of 1 bytes from index 0",
        || taken_for(|page| page.text().map(drop).map(|()| page.clone())),
    ),
    row(
        "JSON that is none",
        "Json",
        "body http://SERVER/: not the JSON that was expected: expected value at line 1 column 1",
        || taken_for(|page| page.json::<Vec<u8>>().map(|_| page)),
    ),
    row(
        "a body that is taken twice",
        "BodyTaken",
        "body http://SERVER/: the body has been taken already",
        || {
            taken_for(|page| {
                page.take_body()
                    .and_then(|_| page.take_body())
                    .map(|_| page)
            })
        },
    ),
    row(
        "a status of 4xx that `ok()` makes an error",
        "Status",
        "head http://SERVER/: the server answered 404 Not Found",
        || {
            answered(
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                |page| page.ok(),
            )
        },
    ),
    row(
        "a body saved where a folder is",
        "Io",
        "save /: Is a directory (os error 21)",
        || saved(Body::from("content"), Path::new("/")),
    ),
    row(
        "a body saved in a folder that is not there",
        "Io",
        "save no/such/file: No such file or directory (os error 2)",
        || saved(Body::from("content"), Path::new("no/such/file")),
    ),
    row(
        "a body that ends early while it is saved",
        "Protocol(Truncated)",
        "save PATH: body http://SERVER/: the peer closed the connection after 5 of 10 bytes of the body",
        saved_half,
    ),
];
