//! Every coding in every cut: what an encoder made has to come back, what is
//! broken has to be told, and nothing may grow beyond its limit.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::HeaderValue;

use super::*;
use crate::limits::{DECODED_FREE, DECODED_RATIO};

fn text() -> Vec<u8> {
    let lines = (0..200).map(|line| format!("line {line} of the text\n"));
    lines.collect::<String>().into_bytes()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn bare(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn decode(codings: &[Coding], encoded: &[u8], cut: usize) -> Result<Vec<u8>, String> {
    let mut decoder = Decoder::new(codings, DECODED_RATIO, DECODED_FREE);
    let mut decoded = Vec::new();
    for piece in encoded.chunks(cut) {
        decoder.feed(Bytes::copy_from_slice(piece));
        while let Some(piece) = decoder.next()? {
            assert!(!piece.is_empty());
            decoded.extend_from_slice(&piece);
        }
    }
    decoder.finish();
    while let Some(piece) = decoder.next()? {
        decoded.extend_from_slice(&piece);
    }
    assert_eq!(decoder.next(), Ok(None), "the end is the end");
    Ok(decoded)
}

#[test]
fn what_was_encoded_comes_back_however_it_is_cut() {
    use Coding::{Deflate, Gzip};
    let text = text();
    let table: &[(&[Coding], Vec<u8>)] = &[
        (&[Gzip], gzip(&text)),
        (&[Deflate], zlib(&text)),
        (&[Deflate], bare(&text)),
        (&[Gzip], [gzip(&text[..99]), gzip(&text[99..])].concat()),
        (&[Gzip], [&gzip(&text)[..], &[0; 700]].concat()),
        (&[Gzip], [&gzip(&text)[..], &[0; 9], &gzip(b"no")].concat()),
        (&[Gzip], [&gzip(&text)[..], b"\0\x8b\0\x1f\x08"].concat()),
        (&[Deflate], [&bare(&text)[..], b"rubbish"].concat()),
        (&[Deflate], [&zlib(&text)[..], &zlib(b"no")].concat()),
        (&[Deflate, Gzip], gzip(&zlib(&text))),
        (&[Gzip, Deflate, Gzip], gzip(&bare(&gzip(&text)))),
    ];
    for (codings, encoded) in table {
        for cut in [1, 2, 3, 10, 99, 1 << 20] {
            let decoded = decode(codings, encoded, cut);
            assert!(
                decoded.as_ref() == Ok(&text),
                "{codings:?} by {cut}: {decoded:?}"
            );
        }
    }
}

#[test]
fn no_content_is_no_content_in_any_coding() {
    for coding in [Coding::Gzip, Coding::Deflate] {
        assert_eq!(decode(&[coding], b"", 1), Ok(Vec::new()));
    }
}

#[test]
fn a_cut_is_noticed_wherever_it_is() {
    let text = text();
    let table = [
        (Coding::Gzip, gzip(&text)),
        (Coding::Deflate, zlib(&text)),
        (Coding::Deflate, bare(&text)),
    ];
    for (coding, encoded) in table {
        for length in 1..encoded.len() {
            let decoded = decode(&[coding], &encoded[..length], 100);
            assert!(decoded.is_err(), "{coding:?} cut at {length}");
        }
    }
}

#[test]
fn a_wrong_checksum_is_noticed() {
    for (coding, mut encoded) in [
        (Coding::Gzip, gzip(b"hello")),
        (Coding::Deflate, zlib(b"hello")),
    ] {
        let at = encoded.len() - if coding == Coding::Gzip { 8 } else { 1 };
        encoded[at] ^= 1;
        let why = decode(&[coding], &encoded, 100).unwrap_err();
        assert!(why.starts_with("it is broken: "), "{coding:?}: {why}");
    }
    let why = decode(&[Coding::Gzip], b"no gzip at all", 100).unwrap_err();
    assert!(why.starts_with("it is broken: "), "{why}");
}

#[test]
fn a_bomb_goes_off_at_its_limit_and_not_before() {
    let blanks = vec![b' '; 17 << 20];
    for (coding, bomb) in [
        (Coding::Gzip, gzip(&blanks)),
        (Coding::Deflate, zlib(&blanks)),
    ] {
        let why = decode(&[coding], &bomb, 1 << 20).err();
        assert_eq!(
            why.as_deref(),
            Some("it grows to more than 256 times its size")
        );
    }
    let twice = gzip(&gzip(&blanks));
    assert!(decode(&[Coding::Gzip, Coding::Gzip], &twice, 1 << 20).is_err());
    let page = vec![b' '; DECODED_FREE as usize];
    assert!(decode(&[Coding::Gzip], &gzip(&page), 1 << 20) == Ok(page));
}

/// Memory stays bounded because no step gives more than this.
/// Each limit is the last number that passes.
#[test]
fn limits_on_growth_end_where_they_say() {
    let page = vec![b' '; 1 << 20];
    let bomb = gzip(&page);
    let passes = |ratio, free| {
        let mut decoder = Decoder::new(&[Coding::Gzip], ratio, free);
        decoder.feed(bomb.clone().into());
        decoder.finish();
        loop {
            match decoder.next() {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    };
    let (long, short) = (page.len() as u64, bomb.len() as u64);
    assert!(passes(1, long) && !passes(1, long - 1), "what is free");
    let enough = (1..).find(|ratio| long / ratio <= short).unwrap();
    assert!(
        passes(enough, 0) && !passes(enough - 1, 0),
        "{enough} times"
    );
}

#[test]
fn a_piece_is_never_large() {
    let blanks = vec![b' '; 3 << 20];
    for (coding, encoded) in [
        (Coding::Gzip, gzip(&blanks)),
        (Coding::Deflate, bare(&blanks)),
    ] {
        let mut decoder = Decoder::new(&[coding], DECODED_RATIO, DECODED_FREE);
        decoder.feed(encoded.into());
        while let Some(piece) = decoder.next().unwrap() {
            assert!(piece.len() <= 128 << 10, "{coding:?}: {}", piece.len());
        }
    }
}

#[test]
fn fields_name_codings_in_the_order_they_were_applied() {
    use Coding::{Deflate, Gzip};
    let applied = |fields: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(field));
        }
        applied(&headers)
    };
    assert_eq!(applied(&[]), Some(vec![]));
    assert_eq!(applied(&["identity"]), Some(vec![]));
    assert_eq!(applied(&["X-GZip"]), Some(vec![Gzip]));
    assert_eq!(applied(&["deflate, gzip"]), Some(vec![Deflate, Gzip]));
    assert_eq!(applied(&["deflate", "gzip"]), Some(vec![Deflate, Gzip]));
    assert_eq!(applied(&["gzip, aes128gcm"]), None);
    assert_eq!(
        applied(&["gzip, gzip, gzip, gzip"]),
        Some(vec![Gzip; crate::limits::CODINGS])
    );
    assert_eq!(applied(&["gzip, gzip, gzip, gzip, gzip"]), None);
}

#[cfg(feature = "br")]
mod br {
    use super::*;

    /// What Google's encoder makes of `text()`.
    const TEXT: &str = "1bf90f208c54b53f1d1ba66a88ee02a140513be766f1d05e03ce287cf090ad3fa3288cf9de7fcb3489ab0220042328068b5b \
    d16003a2242baa468b2b7e41946445d56871a52f8892aca81a2daefc0551921555a3c555be204ab2a26ab4b8ea1744495654 \
    8d1657f30551921555a3c5d57e41946445d56871755f1025595135daff15ae1f82a46886e57075894f9014cdb01cae2ef909 \
    92a21996c3d5a53e415234c372b8baf427488a66580e5797f90449d10ccbe1eab29f20299a61395c5dce27488a66580e5797 \
    fb0992a21996c3d5e57d82a46886e570cf03";

    /// And of 40 MiB of zeros.
    const BOMB: &str = "cbffff3ff82700e2b14020f7fe8fffff7ff04f00c4611180eefd1fffffffe09f0088c30200ddfb3ffeffffc13f0110870500 \
    baf77ffcffff837f02200e0b0074efff06";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        digits
            .chunks(2)
            .map(|two| (two[0] * 16 + two[1]) as u8)
            .collect()
    }

    #[test]
    fn what_was_encoded_comes_back_however_it_is_cut() {
        for cut in [1, 2, 3, 99, 1 << 20] {
            assert!(
                decode(&[Coding::Brotli], &bytes(TEXT), cut) == Ok(text()),
                "{cut}"
            );
        }
        let stacked = gzip(&bytes(TEXT));
        let decoded = decode(&[Coding::Brotli, Coding::Gzip], &stacked, 7);
        assert!(decoded == Ok(text()));
    }

    #[test]
    fn a_cut_and_a_bomb_are_noticed() {
        let encoded = bytes(TEXT);
        for length in 1..encoded.len() {
            assert!(
                decode(&[Coding::Brotli], &encoded[..length], 100).is_err(),
                "{length}"
            );
        }
        let why = decode(&[Coding::Brotli], &bytes(BOMB), 100).unwrap_err();
        assert!(why.contains("256 times"), "{why}");
        assert!(decode(&[Coding::Brotli], b"\xff\xff\xff\xff", 100).is_err());
    }
}

#[cfg(feature = "zstd")]
mod zst {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn zstd(content: &[u8]) -> Vec<u8> {
        compress_to_vec(content, CompressionLevel::Fastest)
    }

    #[test]
    fn what_was_encoded_comes_back_however_it_is_cut() {
        let large = text().repeat(100);
        for content in [&text()[..], &large, b"x", b""] {
            for cut in [1, 2, 3, 99, 1 << 20] {
                let decoded = decode(&[Coding::Zstd], &zstd(content), cut);
                assert!(
                    decoded.as_deref() == Ok(content),
                    "{} by {cut}",
                    content.len()
                );
            }
        }
        let two = [zstd(b"one "), zstd(b"two")].concat();
        assert_eq!(decode(&[Coding::Zstd], &two, 5).unwrap(), b"one two");
    }

    /// RFC 8878 §3.1.2: sixteen magic numbers, a length, and as many bytes.
    #[test]
    fn skippable_frames_are_passed_over_wherever_they_stand() {
        let skippable = |number: u8, length: usize| {
            let head = [0x50 + number, 0x2a, 0x4d, 0x18];
            let size = u32::try_from(length).unwrap().to_le_bytes();
            [&head[..], &size, &vec![0x28; length]].concat()
        };
        let (one, two) = (zstd(b"one "), zstd(b"two"));
        for length in [0, 4, 9, 10_000] {
            let between = skippable(15, length);
            let whole = [&between, &one, &between, &between, &two, &between].map(|v| &v[..]);
            let whole = whole.concat();
            for cut in [1, 7, 8, 9, 1 << 20] {
                let decoded = decode(&[Coding::Zstd], &whole, cut);
                assert_eq!(decoded.as_deref(), Ok(&b"one two"[..]), "{length} by {cut}");
            }
            // One that is not whole.
            let short = &whole[..whole.len() - 1];
            assert!(decode(&[Coding::Zstd], short, 100).is_err(), "{length}");
        }
        let none = skippable(0, 3);
        assert_eq!(decode(&[Coding::Zstd], &none, 2).unwrap(), b"");
    }

    /// RFC 8878 §3.1.1.1.2: 2^23 bytes, and an eighth more.
    #[test]
    fn a_window_of_8_mib_is_the_largest() {
        let frame = |window| [b"\x28\xb5\x2f\xfd\0", &[window][..], b"\x09\0\0a"].concat();
        let decode = |window| decode(&[Coding::Zstd], &frame(window), 1 << 20);
        assert_eq!(decode(13 << 3).as_deref(), Ok(&b"a"[..]));
        let why = "it looks back 9437184 bytes, and 8388608 are allowed";
        assert_eq!(decode(13 << 3 | 1).unwrap_err(), why);
    }

    #[test]
    fn a_cut_a_wrong_checksum_and_a_bomb_are_noticed() {
        let encoded = zstd(&text());
        for length in 1..encoded.len() {
            assert!(
                decode(&[Coding::Zstd], &encoded[..length], 100).is_err(),
                "{length}"
            );
        }
        let mut wrong = encoded.clone();
        *wrong.last_mut().unwrap() ^= 1;
        assert!(decode(&[Coding::Zstd], &wrong, 100).is_err());
        let bomb = zstd(&vec![0; 17 << 20]);
        let why = decode(&[Coding::Zstd], &bomb, 1 << 20).unwrap_err();
        assert!(why.contains("256 times"), "{why}");
    }
}
