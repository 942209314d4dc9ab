use super::*;
use bytes::Bytes;
use hyper::header::HeaderMap;
use hyper::header::{ACCEPT_ENCODING, HeaderValue};
use proptest::prelude::*;
use std::io::{Read, Write};

/// Coded by the encoders that others use.
pub(super) fn coded(coding: Coding, text: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Gzip => gzip(text),
        Coding::Deflate => {
            let mut coder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            coder.write_all(text).unwrap();
            coder.finish().unwrap()
        }
        Coding::Brotli => {
            let mut out = Vec::new();
            brotli::CompressorReader::new(text, 4096, 5, 22).read_to_end(&mut out).unwrap();
            out
        }
        Coding::Zstd => zstd::encode_all(text, 3).unwrap(),
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    coder.write_all(text).unwrap();
    coder.finish().unwrap()
}

fn raw_deflate(text: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    coder.write_all(text).unwrap();
    coder.finish().unwrap()
}

/// Decodes `body`, given in pieces of this size, through a buffer of that one.
fn decoded(codings: &[Coding], body: &[u8], piece: usize, room: usize) -> Result<Vec<u8>, Cause> {
    let mut decoding = Decoding::new(codings, DecodeLimits { ratio_max: 100 })?;
    let (mut out, mut buffer) = (Vec::new(), vec![0; room]);
    for piece in body.chunks(piece) {
        decoding.feed(Bytes::copy_from_slice(piece));
        loop {
            let length = decoding.fill(&mut buffer)?;
            if length == 0 {
                break;
            }
            out.extend_from_slice(&buffer[..length]);
        }
    }
    decoding.finish()?;
    Ok(out)
}

const TEXT: &[u8] = b"{\"data\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"a\"}]}";

#[test]
fn names_of_codings_are_read_or_refused() {
    for (lines, expect) in [
        (vec![], Ok(vec![])),
        (vec!["identity"], Ok(vec![])),
        (vec!["gzip"], Ok(vec![Coding::Gzip])),
        (vec!["X-GZIP"], Ok(vec![Coding::Gzip])),
        (vec!["gzip, br"], Ok(vec![Coding::Gzip, Coding::Brotli])),
        (vec!["deflate", "zstd,identity"], Ok(vec![Coding::Deflate, Coding::Zstd])),
        (vec!["compress"], Err(Cause::UpstreamCoding)),
        (vec!["gzip;q=1"], Err(Cause::UpstreamCoding)),
        (vec!["gzip, gzip, gzip, gzip"], Err(Cause::UpstreamCoding)),
        (vec!["gzi\u{a0}p"], Err(Cause::UpstreamCoding)),
    ] {
        assert_eq!(codings_of(lines.iter().map(|line| line.as_bytes())), expect, "{lines:?}");
    }
}

#[test]
fn every_coding_and_stack_is_undone_at_every_split() {
    let [gzip, deflate, br, zstd] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];
    for codings in [
        vec![gzip],
        vec![deflate],
        vec![br],
        vec![zstd],
        vec![gzip, br],
        vec![br, gzip],
        vec![gzip, gzip],
        vec![zstd, deflate, gzip],
    ] {
        for text in [TEXT, b"", &TEXT.repeat(3000)] {
            let body = codings.iter().fold(text.to_vec(), |text, coding| coded(*coding, &text));
            for (piece, room) in [(1, 1), (1, 64), (7, 3), (body.len(), 65536)] {
                if text.len() > 1000 && piece * room < 8 {
                    continue;
                }
                assert_eq!(decoded(&codings, &body, piece, room).as_deref(), Ok(text), "{codings:?} {piece}");
            }
        }
    }
}

#[test]
fn members_frames_and_raw_deflate() {
    let two = |coding| [coded(coding, b"{\"a\""), coded(coding, b":1}")].concat();
    for (codings, body) in [
        (vec![Coding::Gzip], two(Coding::Gzip)),
        (vec![Coding::Zstd], two(Coding::Zstd)),
        // A frame to be skipped between two.
        (
            vec![Coding::Zstd],
            [
                &coded(Coding::Zstd, b"{\"a\"")[..],
                b"\x50\x2a\x4d\x18\x03\0\0\0xyz",
                &coded(Coding::Zstd, b":1}"),
            ]
            .concat(),
        ),
        (vec![Coding::Deflate], raw_deflate(b"{\"a\":1}")),
        (vec![Coding::Gzip, Coding::Gzip], gzip(&two(Coding::Gzip))),
    ] {
        for piece in [1, 5, body.len()] {
            assert_eq!(decoded(&codings, &body, piece, 16).as_deref(), Ok(&b"{\"a\":1}"[..]), "{codings:?}");
        }
    }
    assert_eq!(decoded(&[Coding::Deflate], &raw_deflate(b""), 1, 16).as_deref(), Ok(&b""[..]));
}

/// What is wrong with a body, and the cause it gets.
#[test]
fn every_fault_has_its_own_cause() {
    use Cause::{DecodeGarbage, DecodeLabel, DecodeLimit, DecodeTrailing, DecodeTruncated};
    let with = |body: Vec<u8>, more: &[u8]| [&body, more].concat();
    let damaged = |mut body: Vec<u8>, at: usize| {
        let at = body.len() - at;
        body[at] ^= 0x55;
        body
    };
    let bomb = vec![0; 8 << 20];
    let table: Vec<(Vec<Coding>, Vec<u8>, Cause)> = vec![
        (vec![Coding::Gzip], TEXT.to_vec(), DecodeLabel),
        (vec![Coding::Zstd], TEXT.to_vec(), DecodeLabel),
        (vec![Coding::Zstd], gzip(TEXT), DecodeLabel),
        (vec![Coding::Gzip], coded(Coding::Brotli, TEXT), DecodeLabel),
        (vec![Coding::Brotli], TEXT.to_vec(), DecodeGarbage),
        (vec![Coding::Deflate], TEXT.to_vec(), DecodeGarbage),
        (vec![Coding::Gzip], b"\x1f\x8c\x08".to_vec(), DecodeGarbage),
        // A wrong checksum of gzip, zlib; a wrong length of gzip.
        (vec![Coding::Gzip], damaged(gzip(TEXT), 6), DecodeGarbage),
        (vec![Coding::Gzip], damaged(gzip(TEXT), 2), DecodeGarbage),
        (vec![Coding::Deflate], damaged(coded(Coding::Deflate, TEXT), 1), DecodeGarbage),
        (vec![Coding::Gzip], with(gzip(TEXT), b"trailing"), DecodeTrailing),
        (vec![Coding::Gzip], with(gzip(TEXT), b"\0\0\0"), DecodeTrailing),
        (vec![Coding::Deflate], with(coded(Coding::Deflate, TEXT), b"x"), DecodeTrailing),
        (vec![Coding::Brotli], with(coded(Coding::Brotli, TEXT), b"x"), DecodeTrailing),
        (vec![Coding::Zstd], with(coded(Coding::Zstd, TEXT), b"x"), DecodeTrailing),
        (vec![Coding::Gzip], with(gzip(TEXT), b"\x1f"), DecodeTruncated),
        (vec![Coding::Gzip], Vec::new(), DecodeTruncated),
        (vec![Coding::Gzip, Coding::Gzip], gzip(TEXT), DecodeLabel),
        (vec![Coding::Gzip], gzip(&bomb), DecodeLimit),
        (vec![Coding::Deflate], coded(Coding::Deflate, &bomb), DecodeLimit),
        (vec![Coding::Brotli], coded(Coding::Brotli, &bomb), DecodeLimit),
        (vec![Coding::Zstd], coded(Coding::Zstd, &bomb), DecodeLimit),
        (vec![Coding::Gzip, Coding::Gzip], gzip(&gzip(&bomb)), DecodeLimit),
    ];
    for (number, (codings, body, cause)) in table.into_iter().enumerate() {
        for piece in [1, 1000, body.len().max(1)] {
            assert_eq!(
                decoded(&codings, &body, piece, 4096),
                Err(cause),
                "row {number} {codings:?}, pieces of {piece}"
            );
        }
    }
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
        let body = coded(coding, TEXT);
        for length in 1..body.len() {
            let cut = decoded(&[coding], &body[..length], 8, 64);
            assert_eq!(cut, Err(DecodeTruncated), "{coding} cut at {length}");
        }
    }
    // A window of 16 MiB, twice what RFC 9659 allows.
    let mut wide = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    wide.window_log(24).unwrap();
    wide.write_all(&bomb).unwrap();
    assert_eq!(decoded(&[Coding::Zstd], &wide.finish().unwrap(), 4096, 4096), Err(DecodeGarbage));
}

#[test]
fn callers_get_the_coding_they_prefer() {
    for (accept, expect) in [
        (None, None),
        (Some("gzip"), Some(Coding::Gzip)),
        (Some("gzip, zstd"), Some(Coding::Zstd)),
        (Some("gzip;q=1, zstd;q=0.5"), Some(Coding::Gzip)),
        (Some("br, deflate"), None),
        (Some("*"), Some(Coding::Zstd)),
        (Some("*;q=0"), None),
        (Some("zstd;q=0, *"), Some(Coding::Gzip)),
        (Some("identity, gzip;q=0.5"), None),
        (Some("identity;q=0.5, gzip"), Some(Coding::Gzip)),
        (Some("identity;q=0, *;q=0"), None),
        (Some("GZIP"), Some(Coding::Gzip)),
        (Some("gzip;q=0"), None),
        (Some("gzip;q=oops"), None),
        (Some(""), None),
    ] {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accept));
        }
        assert_eq!(Wanted::of(&headers), Wanted(expect), "{accept:?}");
    }
}

#[test]
fn what_is_coded_can_be_read_after_each_flush() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let mut encoding = Encoding::new(coding).unwrap();
        let mut decoding = Decoding::new(&[coding], DecodeLimits { ratio_max: 100 }).unwrap();
        let mut room = [0; 64];
        for part in [&b"first"[..], b"second"] {
            let mut out = Vec::new();
            encoding.push(part, &mut out).unwrap();
            assert!(encoding.is_open());
            encoding.flush(&mut out).unwrap();
            assert!(!encoding.is_open());
            decoding.feed(out.into());
            let length = decoding.fill(&mut room).unwrap();
            assert_eq!(&room[..length], part);
            assert_eq!(decoding.fill(&mut room), Ok(0));
        }
        let mut out = Vec::new();
        encoding.finish(&mut out).unwrap();
        decoding.feed(out.into());
        assert_eq!((decoding.fill(&mut room), decoding.finish()), (Ok(0), Ok(())));
    }
    assert!(Encoding::new(Coding::Brotli).is_none() && Encoding::new(Coding::Deflate).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Hostile bytes end in a cause, never in a panic, and never in more than the limit.
    #[test]
    fn any_bytes_are_decoded_or_refused(
        coding in prop::sample::select(Coding::ALL),
        mut body in prop::collection::vec(any::<u8>(), 0..200),
        head in any::<bool>(),
        piece in 1_usize..50,
    ) {
        if head {
            let mut valid = coded(coding, TEXT);
            let at = body.len() % valid.len();
            valid.truncate(at);
            valid.append(&mut body);
            body = valid;
        }
        if let Ok(out) = decoded(&[coding], &body, piece, 100) {
            prop_assert!(out.len() <= 1 << 20);
        }
    }
}
