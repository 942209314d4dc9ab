//! Fuzz targets as functions: `cargo test` runs them over seeds, `cargo fuzz` over what it finds.

// A fuzzer's crate and a test use different parts of this.
#![allow(dead_code, reason = "each user of this file uses a part of it")]

use bytes::Bytes;
use std::sync::Arc;
use zhamen::engine::mask::fields::FieldMap;
use zhamen::engine::mask::scalar::{Generalise, LabelAction, Partial, TokenKey};
use zhamen::engine::mask::sieve::{Order, SieveSpec};
use zhamen::engine::mask::{
    Columns, Dialect, Format, Formulas, LabelRule, MaskLimits, Masked, Masker, Plan, Quoting,
};
use zhamen::engine::terms::DisclosureMode;
use zhamen::net::body::coding::{Coding, DecodeLimits, Decoding};

/// Makes a format.
type Make = fn() -> Format;

/// Every format, by name.
pub const FORMATS: &[(&str, Make)] = &[
    ("json", || Format::Json),
    ("ndjson", || Format::JsonLines),
    ("json-seq", || Format::JsonSequence),
    ("csv", || Format::Table(Dialect::csv())),
    ("csv-semicolon", || {
        let quoting = Quoting::Quotes(b'\'');
        Format::Table(Dialect { delimiter: b';', quoting, formulas: Formulas::Quote, ..Dialect::csv() })
    }),
    ("csv-bare", || Format::Table(Dialect { columns: declared(), ..Dialect::csv() })),
    ("tsv", || Format::Table(Dialect::tsv())),
    ("clickhouse-csv", || Format::Table(Dialect::clickhouse_csv())),
    ("clickhouse-tsv", || Format::Table(Dialect::clickhouse_tsv(false))),
    ("clickhouse-tsv-types", || Format::Table(Dialect::clickhouse_tsv(true))),
    ("clickhouse-json", || Format::ClickHouseJson),
    ("clickhouse-compact", || Format::ClickHouseCompact),
    ("clickhouse-compact-lines", || Format::ClickHouseCompactLines(declared())),
    ("clickhouse-compact-lines-names", || Format::ClickHouseCompactLines(Columns::Header)),
    ("clickhouse-compact-lines-types", || Format::ClickHouseCompactLines(Columns::HeaderAndTypes)),
];

fn declared() -> Columns {
    Columns::Declared(["k", "p", "n", "unknown", "b"].map(str::to_owned).into())
}

/// `k` is kept, `p` shown in part, `n` dropped, `b` shown in bands.
pub fn fields() -> FieldMap {
    let paths = ["k", "p", "n", "b"].map(|name| format!("$.data[*].{name}"));
    let paths: Vec<_> = paths.into_iter().enumerate().map(|(label, path)| (path, label)).collect();
    FieldMap::compile(&paths).unwrap().with_records("$.data").unwrap()
}

pub fn masker(format: &Format) -> Masker {
    masker_of(format, false)
}

/// `sieved`: rows are filtered by `k`, and groups by `b`.
fn masker_of(format: &Format, sieved: bool) -> Masker {
    let rule = |mode, action| LabelRule { mode, action, kind: None };
    let plan = Plan {
        actions: [
            rule(DisclosureMode::Clear, LabelAction::Keep),
            rule(DisclosureMode::Partial, LabelAction::Partial(Partial::Keep { first: 1, last: 1 })),
            rule(DisclosureMode::None, LabelAction::Drop),
            rule(
                DisclosureMode::Generalised,
                LabelAction::Generalise(Generalise::Bands { bounds: vec![10, 1000] }),
            ),
        ]
        .into(),
        token_key: TokenKey::derive(&[7; 32], "department", "matter").into(),
        claim: None,
        today: (2026, 11, 22),
        records_max: Some(1000),
        subject: None,
        watched: Default::default(),
    };
    let limits = MaskLimits { depth_max: 16, token_bytes_max: 1 << 16 };
    if !sieved {
        return Masker::new(format, Arc::new(fields()), Arc::new(plan), limits).watching();
    }
    let spec =
        SieveSpec::compile(&["$.data[*].k".into()], &["$.data[*].b".into(), "$.rows".into()], 5).unwrap();
    let order = Order { wanted: vec!["a".into()], suppressed: vec![true; 2], totals_withheld: true };
    let sifting = (Arc::new(spec), order);
    Masker::sieving(format, Arc::new(fields()), Arc::new(plan), limits, sifting).watching()
}

fn run(format: &Format, sieved: bool, body: &[u8], piece: usize) -> (Vec<u8>, bool) {
    let (mut masker, mut out) = (masker_of(format, sieved), Masked::nothing());
    let mut pieces = body.chunks(piece.max(1));
    let pushed = pieces.all(|piece| masker.push(piece, &mut out).is_ok());
    let ended = pushed && masker.finish(&mut out).is_ok();
    (out.into_bytes(), ended)
}

/// The first byte chooses the format and whether rows are filtered, the second the pieces. A split changes nothing; what left can be
/// masked again, and then nothing is left out any more.
pub fn mask_table(data: &[u8]) {
    let [format, piece, body @ ..] = data else { return };
    let sieved = *format >= 0x80;
    let (_, format) = FORMATS[usize::from(*format & 0x7f) % FORMATS.len()];
    let format = format();
    let (whole, ended) = run(&format, sieved, body, usize::MAX);
    let (split, split_ended) = run(&format, sieved, body, usize::from(*piece % 32) + 1);
    assert_eq!(ended, split_ended, "a split changes the outcome");
    if ended {
        assert_eq!(whole, split, "a split changes the output");
        assert!(std::str::from_utf8(&whole).is_ok());
        let declared = matches!(&format, Format::Table(Dialect { columns: Columns::Declared(_), .. }))
            || matches!(&format, Format::ClickHouseCompactLines(Columns::Declared(_)));
        // Of an answer in which nothing is shown, no column is left to be described.
        let described = !whole.starts_with(b"{\"meta\":[]");
        if !declared && described && !whole.is_empty() {
            assert!(
                run(&format, false, &whole, usize::MAX).1,
                "what left cannot be read: {}",
                String::from_utf8_lossy(&whole)
            );
        }
    }
}

/// The first byte chooses the codings, the second the pieces. It ends, within its limits, and the same
/// for every split.
pub fn decode(data: &[u8]) {
    let [codings, piece, body @ ..] = data else { return };
    let at = |place: u8| Coding::ALL[usize::from(codings >> (2 * place)) % Coding::ALL.len()];
    let stack = [at(0), at(1)];
    let stack = &stack[..1 + usize::from(*codings >= 0x80)];
    let run = |piece: usize, room: usize| {
        let mut decoding = Decoding::new(stack, DecodeLimits { ratio_max: 50 }).unwrap();
        let (mut out, mut buffer) = (Vec::new(), vec![0; room]);
        for piece in body.chunks(piece.max(1)) {
            decoding.feed(Bytes::copy_from_slice(piece));
            loop {
                match decoding.fill(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) => out.extend_from_slice(&buffer[..length]),
                    Err(cause) => return Err(cause),
                }
                assert!(out.len() <= (1 << 20).max(50 * body.len()) + room, "beyond the limit");
            }
        }
        decoding.finish().map(|()| out)
    };
    let (whole, split) = (run(usize::MAX, 4096), run(usize::from(*piece % 32) + 1, 512));
    assert_eq!(whole.is_ok(), split.is_ok(), "a split changes the outcome");
    if let (Ok(whole), Ok(split)) = (whole, split) {
        assert_eq!(whole, split, "a split changes the output");
    }
}
