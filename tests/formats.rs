//! What is withheld leaves in no format, under no coding, at no split and after no fault.
//!
//! Records with canaries in every field that is not shown whole are written in every format, coded,
//! cut into pieces, and then broken: cut off, damaged, run over. Whatever comes out holds no canary; and
//! if the body was sound, it holds everything that is to be shown, the same for every split.

mod fuzz_targets;

use bytes::Bytes;
use fuzz_targets::{FORMATS, decode, fields, mask_table, masker};
use proptest::prelude::*;
use std::io::{Read as _, Write as _};
use zhamen::engine::mask::{Columns, Format, Masked, Null, Quoting};
use zhamen::engine::reason::Cause;
use zhamen::net::body::coding::{Coding, DecodeLimits, Decoding};

/// Stands in what is dropped, masked, unknown or around the records.
const CANARY: &str = "kanarie7391";

/// One record: what is shown, what is withheld, and a number.
#[derive(Clone, Debug)]
struct Record {
    shown: String,
    secret: String,
    number: u32,
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let shown = prop::sample::select(vec![
        "",
        "a",
        "x,y",
        "say \"no\"",
        "two\nlines",
        "t\tb",
        "back\\slash",
        "浙江",
        "'",
    ]);
    let around = prop::sample::select(vec!["", ",", "\"", "\n", "\\", "\t", "甲", "\\N"]);
    let record = (shown, around.clone(), around, any::<u32>()).prop_map(|(shown, before, after, number)| {
        Record { shown: shown.to_owned(), secret: format!("{before}{CANARY}{after}"), number }
    });
    prop::collection::vec(record, 0..5)
}

/// The columns of every table: shown, in part, dropped, unknown, in bands.
const NAMES: [&str; 5] = ["k", "p", "n", "unknown", "b"];

fn values(record: &Record) -> [serde_json::Value; 5] {
    let Record { shown, secret, number } = record;
    [
        shown.as_str().into(),
        secret.as_str().into(),
        secret.as_str().into(),
        secret.as_str().into(),
        (*number).into(),
    ]
}

fn object(record: &Record) -> String {
    let members: serde_json::Map<_, _> =
        NAMES.iter().map(|name| (*name).to_owned()).zip(values(record)).collect();
    serde_json::Value::Object(members).to_string()
}

fn array(record: &Record) -> String {
    serde_json::Value::from(values(record).to_vec()).to_string()
}

fn write(format: &Format, records: &[Record]) -> String {
    let lines = |line: fn(&Record) -> String, before: &str| -> String {
        records.iter().map(|record| format!("{before}{}\n", line(record))).collect()
    };
    let joined = |line: fn(&Record) -> String| records.iter().map(line).collect::<Vec<_>>().join(",");
    let names = serde_json::to_string(&NAMES).unwrap();
    let types = r#"["String","String","String","String","UInt32"]"#;
    let meta = r#""meta":[{"name":"k","type":"String"},{"name":"p","type":"String"},{"name":"n","type":"String"},{"name":"unknown","type":"String"},{"name":"b","type":"UInt32"}]"#;
    match format {
        Format::Json => format!("{{\"note\":\"{CANARY}\",\"data\":[{}]}}", joined(object)),
        Format::JsonLines => lines(object, ""),
        Format::JsonSequence => lines(object, "\u{1e}"),
        Format::ClickHouseJson => format!(
            "{{{meta},\"data\":[{}],\"extremes\":{{\"min\":{{\"k\":\"{CANARY}\"}}}},\"rows\":{}}}",
            joined(object),
            records.len()
        ),
        Format::ClickHouseCompact => format!(
            "{{{meta},\"data\":[{}],\"{CANARY}\":\"{CANARY}\",\"rows\":{}}}",
            joined(array),
            records.len()
        ),
        Format::ClickHouseCompactLines(columns) => match columns {
            Columns::Declared(_) => lines(array, ""),
            Columns::Header => format!("{names}\n{}", lines(array, "")),
            Columns::HeaderAndTypes => format!("{names}\n{types}\n{}", lines(array, "")),
        },
        // Written and broken in tests/columnar.rs: no text.
        #[cfg(feature = "columnar")]
        Format::Columnar(_) => String::new(),
        Format::Table(dialect) => {
            let cell = |value: &serde_json::Value| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                match dialect.quoting {
                    Quoting::Quotes(_) if value.is_number() => text,
                    Quoting::Quotes(quote) => {
                        let quote = char::from(quote);
                        format!("{quote}{}{quote}", text.replace(quote, &format!("{quote}{quote}")))
                    }
                    Quoting::Backslash => text
                        .replace('\\', "\\\\")
                        .replace('\t', "\\t")
                        .replace('\n', "\\n")
                        .replace('\'', "\\'"),
                    Quoting::Never => text.replace(['\t', '\n'], " "),
                }
            };
            let delimiter = char::from(dialect.delimiter).to_string();
            let mut rows = vec![];
            if !matches!(dialect.columns, Columns::Declared(_)) {
                rows.push(NAMES.join(&delimiter));
            }
            if dialect.columns == Columns::HeaderAndTypes {
                rows.push(["String", "String", "String", "String", "UInt32"].join(&delimiter));
            }
            rows.extend(
                records
                    .iter()
                    .map(|record| values(record).iter().map(cell).collect::<Vec<_>>().join(&delimiter)),
            );
            rows.iter().map(|row| format!("{row}\n")).collect()
        }
    }
}

fn code(coding: Coding, text: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Gzip => {
            let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            coder.write_all(text).unwrap();
            coder.finish().unwrap()
        }
        Coding::Deflate => {
            let mut coder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            coder.write_all(text).unwrap();
            coder.finish().unwrap()
        }
        Coding::Brotli => {
            let mut out = Vec::new();
            brotli::CompressorReader::new(text, 4096, 2, 20).read_to_end(&mut out).unwrap();
            out
        }
        Coding::Zstd => zstd::encode_all(text, 1).unwrap(),
    }
}

/// Decodes and masks a body given in pieces: what left, and whether it came to its end.
fn carry(format: &Format, codings: &[Coding], body: &[u8], piece: usize) -> (Vec<u8>, bool) {
    let mut out = Masked::nothing();
    let done = (|| {
        let mut decoding = Decoding::new(codings, DecodeLimits { ratio_max: 1000 }).unwrap();
        let (mut masker, mut room) = (masker(format), [0; 64]);
        for piece in body.chunks(piece.max(1)) {
            decoding.feed(Bytes::copy_from_slice(piece));
            loop {
                let length = decoding.fill(&mut room)?;
                if length == 0 {
                    break;
                }
                masker.push(&room[..length], &mut out).map_err(|_| Cause::MaskFailed)?;
            }
        }
        if !codings.is_empty() {
            decoding.finish()?;
        }
        masker.finish(&mut out).map(|_| ()).map_err(|_| Cause::MaskFailed)
    })();
    (out.into_bytes(), done.is_ok())
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    memchr::memmem::find(haystack, needle.as_bytes()).is_some()
}

/// What befalls a body on its way.
#[derive(Clone, Debug)]
enum Fault {
    None,
    CutAt(prop::sample::Index),
    Damaged(prop::sample::Index, u8),
    Inserted(prop::sample::Index, Vec<u8>),
    Followed(Vec<u8>),
}

fn faults() -> impl Strategy<Value = Fault> {
    let odd = prop::sample::select(vec![
        b"\n".to_vec(),
        b"\"".to_vec(),
        b",".to_vec(),
        b"\\".to_vec(),
        b"]".to_vec(),
        b"}".to_vec(),
        b"\xff".to_vec(),
        b"\r".to_vec(),
        b"\x1e".to_vec(),
        b"Code: 1, DB::Exception: ".to_vec(),
        b"\xef\xbb\xbf".to_vec(),
        b"\t".to_vec(),
        b"\0".to_vec(),
    ]);
    prop_oneof![
        2 => Just(Fault::None),
        2 => any::<prop::sample::Index>().prop_map(Fault::CutAt),
        1 => (any::<prop::sample::Index>(), 1_u8..).prop_map(|(at, bits)| Fault::Damaged(at, bits)),
        3 => (any::<prop::sample::Index>(), odd.clone()).prop_map(|(at, bytes)| Fault::Inserted(at, bytes)),
        1 => odd.prop_map(Fault::Followed),
    ]
}

fn befall(fault: &Fault, mut body: Vec<u8>) -> Vec<u8> {
    match fault {
        Fault::None => {}
        Fault::CutAt(at) => body.truncate(at.index(body.len() + 1)),
        Fault::Damaged(at, bits) if !body.is_empty() => {
            let at = at.index(body.len());
            body[at] ^= bits;
        }
        Fault::Damaged(..) => {}
        Fault::Inserted(at, bytes) => {
            let at = at.index(body.len() + 1);
            body.splice(at..at, bytes.iter().copied());
        }
        Fault::Followed(bytes) => body.extend_from_slice(bytes),
    }
    body
}

/// What a body decodes to, as far as it does.
fn decoded(codings: &[Coding], body: &[u8]) -> Vec<u8> {
    let mut decoding = Decoding::new(codings, DecodeLimits { ratio_max: 1000 }).unwrap();
    let (mut out, mut room) = (Vec::new(), [0; 64]);
    decoding.feed(Bytes::copy_from_slice(body));
    while let Ok(length @ 1..) = decoding.fill(&mut room) {
        out.extend_from_slice(&room[..length]);
    }
    out
}

/// The text as a whole shows a canary, too.
fn moved_into_sight(format: &Format, text: &[u8]) -> bool {
    let (out, _) = carry(format, &[], text, usize::MAX);
    contains(&out, CANARY)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn what_is_withheld_never_leaves(
        format in prop::sample::select(FORMATS.iter().map(|(_, format)| format()).collect::<Vec<_>>()),
        records in records(),
        codings in prop::collection::vec(prop::sample::select(Coding::ALL), 0..3),
        fault in faults(),
        piece in 1_usize..40,
    ) {
        let text = write(&format, &records);
        let body = codings.iter().fold(text.clone().into_bytes(), |body, coding| code(*coding, &body));
        let sound = carry(&format, &codings, &body, piece);
        prop_assert!(sound.1, "{format:?} {text}");
        prop_assert!(!contains(&sound.0, CANARY), "{}", String::from_utf8_lossy(&sound.0));
        prop_assert_eq!(&sound, &carry(&format, &[], text.as_bytes(), usize::MAX), "coding and splits change nothing");
        if !records.is_empty() {
            prop_assert!(contains(&sound.0, "k") || matches!(format, Format::Table(_) | Format::ClickHouseCompactLines(_)));
        }

        let broken = befall(&fault, body);
        let (out, _) = carry(&format, &codings, &broken, piece);
        if contains(&out, CANARY) {
            // A byte that was changed or put in may make a shown value of a withheld one.
            prop_assert!(matches!(fault, Fault::Damaged(..) | Fault::Inserted(..)), "{fault:?}");
            prop_assert!(moved_into_sight(&format, &decoded(&codings, &broken)), "{fault:?}");
        }
    }

    /// The targets that a fuzzer runs, on what proptest finds.
    #[test]
    fn fuzz_targets_hold_on_random_bytes(data in prop::collection::vec(any::<u8>(), 0..300)) {
        mask_table(&data);
        decode(&data);
    }
}

#[test]
fn fuzz_targets_hold_on_their_seeds() {
    for (folder, target) in [("mask_csv", mask_table as fn(&[u8])), ("decode", decode)] {
        let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(folder);
        let mut count = 0;
        for seed in std::fs::read_dir(&seeds).unwrap().flatten() {
            let seed = std::fs::read(seed.path()).unwrap();
            let mut other = seed.clone();
            // The same with rows filtered, or coded twice.
            other[0] ^= 0x80;
            for seed in [seed, other] {
                // Every beginning of it, and every byte of it changed.
                for at in 0..=seed.len() {
                    target(&seed[..at]);
                    let mut changed = seed.clone();
                    if let Some(byte) = changed.get_mut(at) {
                        *byte ^= 0x11;
                    }
                    target(&changed);
                }
            }
            count += 1;
        }
        assert!(count >= 8, "{folder} has {count} seeds");
    }
}

#[test]
fn the_fields_of_this_test_say_what_they_hide() {
    assert!(fields().has_columns() && fields().has_data_member());
    let tsv = FORMATS
        .iter()
        .map(|(_, format)| format())
        .filter(|format| matches!(format, Format::Table(dialect) if dialect.null == Null::BackslashN));
    assert_eq!(tsv.count(), 3);
}
