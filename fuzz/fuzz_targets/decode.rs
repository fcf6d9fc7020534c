//! Content codings, stacked: no panic, no standstill; limits hold; however the input is cut, the same comes out or it
//! fails; what encoders made comes back.

#![no_main]

use std::io::Write;

use evhttp::fuzzing::Decoder;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use fuzz::{pieces, split};
use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// Small enough that a fuzzer reaches both.
const RATIO: u64 = 20;
const FREE: u64 = 3_000;
/// What one step may give: a block of zstd, or a window of the others.
const MOST_AT_ONCE: usize = 512 << 10;

const STACKS: &[&str] = &[
    "gzip",
    "deflate",
    "br",
    "zstd",
    "deflate, gzip",
    "gzip, br",
    "br, zstd",
    "zstd, deflate",
    "gzip, gzip, gzip, gzip",
    "zstd, br, deflate, gzip",
];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, input)) = input.split_first() else {
        return;
    };
    let (cuts, bytes) = split(input);
    let stack = STACKS[usize::from(choice) % STACKS.len()];
    let whole = decode(stack, std::iter::once(bytes), RATIO, FREE);
    let cut = [
        decode(stack, pieces(bytes, cuts), RATIO, FREE),
        decode(stack, bytes.chunks(1), RATIO, FREE),
    ];
    // A limit counts what has come so far, so smaller pieces can only fail where larger ones don't.
    for (said, came) in &cut {
        let (one, other) = (came.len().min(whole.1.len()), &whole.1);
        assert_eq!(came[..one], other[..one], "as far as both came");
        assert!(said.is_err() || whole.0.is_ok(), "{stack}: {:?}", whole.0);
    }
    if whole.0.is_ok() {
        for pieces in [bytes.chunks(1), bytes.chunks(3)] {
            let unlimited = decode(stack, pieces, u64::MAX, u64::MAX);
            assert!(
                unlimited == whole,
                "{stack}: {:?}, {:?}",
                unlimited.0,
                whole.0
            );
        }
    }
    encode_and_decode(choice, cuts, bytes);
});

/// Whether all was well, and what came before that showed.
type Told = (Result<(), String>, Vec<u8>);

fn decode<'a>(
    codings: &str,
    pieces: impl Iterator<Item = &'a [u8]>,
    ratio: u64,
    free: u64,
) -> Told {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_ENCODING,
        HeaderValue::from_str(codings).unwrap(),
    );
    let mut decoder = Decoder::new(&headers, ratio, free).expect("codings of this build");
    let (mut came, mut taken) = (Vec::new(), 0);
    let drain = |decoder: &mut Decoder, came: &mut Vec<u8>, taken: u64| {
        while let Some(piece) = decoder.next()? {
            assert!(!piece.is_empty() && piece.len() <= MOST_AT_ONCE);
            came.extend_from_slice(&piece);
            let given = came.len() as u64;
            assert!(
                given <= free || given / ratio <= taken,
                "{given} of {taken}"
            );
        }
        assert_eq!(decoder.next(), Ok(None));
        Ok(())
    };
    for piece in pieces {
        taken += piece.len() as u64;
        decoder.feed(piece);
        if let Err(why) = drain(&mut decoder, &mut came, taken) {
            return (Err(why), came);
        }
    }
    decoder.finish();
    (drain(&mut decoder, &mut came, taken), came)
}

fn encode_and_decode(choice: u8, cuts: &[u8], content: &[u8]) {
    let best = Compression::best();
    let (coding, encoded) = match choice / 16 % 4 {
        0 => (
            "gzip",
            finished(GzEncoder::new(Vec::new(), best), content, GzEncoder::finish),
        ),
        1 => (
            "deflate",
            finished(
                ZlibEncoder::new(Vec::new(), best),
                content,
                ZlibEncoder::finish,
            ),
        ),
        2 => (
            "deflate",
            finished(
                DeflateEncoder::new(Vec::new(), best),
                content,
                DeflateEncoder::finish,
            ),
        ),
        _ => ("zstd", compress_to_vec(content, CompressionLevel::Fastest)),
    };
    let (said, came) = decode(coding, pieces(&encoded, cuts), u64::MAX, u64::MAX);
    assert!(said.is_ok() && came == content, "{coding}: {said:?}");
}

fn finished<E: Write>(
    mut encoder: E,
    content: &[u8],
    finish: impl Fn(E) -> std::io::Result<Vec<u8>>,
) -> Vec<u8> {
    encoder.write_all(content).unwrap();
    finish(encoder).unwrap()
}
