//! Rows of others leave in no format, at no split and after no fault; the rows of the caller leave as if
//! the upstream had sent no others.
//!
//! Random records are written in every format. The reference writes those that may leave, and masks that;
//! the filter has to come to the same bytes. Then bodies are broken: cut off, damaged, run over.

use proptest::prelude::*;
use std::sync::Arc;
use zhamen::engine::mask::fields::FieldMap;
use zhamen::engine::mask::scalar::{LabelAction, TokenKey};
use zhamen::engine::mask::sieve::{Order, SieveSpec};
use zhamen::engine::mask::{
    Columns, Dialect, Format, LabelRule, MaskLimits, Masked, Masker, Plan, Quoting, Tally,
};
use zhamen::engine::terms::DisclosureMode;

/// Stands in every record of somebody else, and in totals. Records of ours that count too few have none: a
/// damaged name of the count makes one that counts nothing.
const CANARY: &str = "kanarie7391";
/// Of the caller; of others, more than one byte away.
const OURS: &str = "330106";
const THEIRS: &str = "110228";
const GROUP_MIN: u64 = 5;
const NAMES: [&str; 4] = ["note", "region", "count", "hidden"];

#[derive(Clone, Debug)]
struct Record {
    ours: bool,
    count: u64,
    note: &'static str,
    quoted_count: bool,
}

impl Record {
    fn leaves(&self) -> bool {
        self.ours && self.count >= GROUP_MIN
    }

    fn values(&self) -> [serde_json::Value; 4] {
        let note =
            if self.ours { self.note.to_owned() } else { format!("{}{CANARY}{}", self.note, self.note) };
        let region = if self.ours { OURS } else { THEIRS };
        let count = if self.quoted_count { self.count.to_string().into() } else { self.count.into() };
        let hidden = if self.ours { "hidden" } else { CANARY };
        [note.into(), region.into(), count, hidden.into()]
    }

    fn object(&self) -> String {
        let members: serde_json::Map<_, _> =
            NAMES.iter().map(|name| (*name).to_owned()).zip(self.values()).collect();
        serde_json::Value::Object(members).to_string()
    }

    fn array(&self) -> String {
        serde_json::Value::from(self.values().to_vec()).to_string()
    }
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let note = prop::sample::select(vec![
        "",
        "a",
        ",",
        "say \"no\"",
        "two\nlines",
        "\t",
        "\\",
        "]}",
        "浙江",
        "\\N",
        "'",
    ]);
    let record = (any::<bool>(), 0..10_u64, note, any::<bool>())
        .prop_map(|(ours, count, note, quoted_count)| Record { ours, count, note, quoted_count });
    prop::collection::vec(record, 0..7)
}

fn formats() -> Vec<Format> {
    let declared = || Columns::Declared(NAMES.map(str::to_owned).into());
    vec![
        Format::Json,
        Format::JsonLines,
        Format::JsonSequence,
        Format::Table(Dialect::csv()),
        Format::Table(Dialect { columns: declared(), ..Dialect::csv() }),
        Format::Table(Dialect { delimiter: b';', quoting: Quoting::Quotes(b'\''), ..Dialect::csv() }),
        Format::Table(Dialect::tsv()),
        Format::Table(Dialect::clickhouse_csv()),
        Format::Table(Dialect::clickhouse_tsv(false)),
        Format::Table(Dialect::clickhouse_tsv(true)),
        Format::ClickHouseJson,
        Format::ClickHouseCompact,
        Format::ClickHouseCompactLines(declared()),
        Format::ClickHouseCompactLines(Columns::Header),
        Format::ClickHouseCompactLines(Columns::HeaderAndTypes),
    ]
}

/// `others`: the totals tell of records that do not leave.
fn write(format: &Format, records: &[Record], others: bool) -> String {
    let lines = |line: fn(&Record) -> String, before: &str| -> String {
        records.iter().map(|record| format!("{before}{}\n", line(record))).collect()
    };
    let joined = |line: fn(&Record) -> String| records.iter().map(line).collect::<Vec<_>>().join(",");
    let names = serde_json::to_string(&NAMES).unwrap();
    let types = r#"["String","String","UInt64","String"]"#;
    let meta = r#""meta":[{"name":"note","type":"String"},{"name":"region","type":"String"},{"name":"count","type":"UInt64"},{"name":"hidden","type":"String"}]"#;
    let rows = records.len();
    let totals = |text: &str| {
        if others { format!(",\"totals\":{}", text.replace('?', CANARY)) } else { String::new() }
    };
    match format {
        Format::Json => format!("{{\"data\":[{}]}}", joined(Record::object)),
        Format::JsonLines => lines(Record::object, ""),
        Format::JsonSequence => lines(Record::object, "\u{1e}"),
        Format::ClickHouseJson => {
            let totals = totals(r#"{"note":"?","region":"","count":99}"#);
            format!("{{{meta},\"data\":[{}]{totals},\"rows\":{rows}}}", joined(Record::object))
        }
        Format::ClickHouseCompact => {
            let totals = totals(r#"["?","",99,"?"]"#);
            format!("{{{meta},\"data\":[{}]{totals},\"rows\":{rows}}}", joined(Record::array))
        }
        Format::ClickHouseCompactLines(Columns::Declared(_)) => lines(Record::array, ""),
        Format::ClickHouseCompactLines(Columns::Header) => format!("{names}\n{}", lines(Record::array, "")),
        Format::ClickHouseCompactLines(Columns::HeaderAndTypes) => {
            format!("{names}\n{types}\n{}", lines(Record::array, ""))
        }
        Format::Table(dialect) => table(dialect, records),
        // Written and filtered in tests/columnar.rs: no text.
        #[cfg(feature = "columnar")]
        Format::Columnar(_) => String::new(),
    }
}

fn table(dialect: &Dialect, records: &[Record]) -> String {
    let cell = |value: &serde_json::Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match dialect.quoting {
            Quoting::Quotes(_) if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => text,
            Quoting::Quotes(quote) => {
                let quote = char::from(quote);
                format!("{quote}{}{quote}", text.replace(quote, &format!("{quote}{quote}")))
            }
            Quoting::Backslash => {
                text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\'', "\\'")
            }
            Quoting::Never => text.replace(['\t', '\n'], " "),
        }
    };
    let delimiter = char::from(dialect.delimiter).to_string();
    let mut rows = vec![];
    if !matches!(dialect.columns, Columns::Declared(_)) {
        rows.push(NAMES.join(&delimiter));
    }
    if dialect.columns == Columns::HeaderAndTypes {
        rows.push(["String", "String", "UInt64", "String"].join(&delimiter));
    }
    rows.extend(
        records.iter().map(|record| record.values().iter().map(cell).collect::<Vec<_>>().join(&delimiter)),
    );
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// Everything is kept but `hidden`; rows are filtered where `sieved`.
fn masker(format: &Format, sieved: bool, records_max: u64) -> Masker {
    let paths: Vec<_> = [("note", 0), ("count", 0), ("hidden", 1)]
        .map(|(name, label)| (format!("$.data[*].{name}"), label))
        .into();
    let fields = Arc::new(FieldMap::compile(&paths).unwrap().with_records("$.data").unwrap());
    let rule = |mode, action| LabelRule { mode, action, kind: None };
    let plan = Plan {
        actions: [
            rule(DisclosureMode::Clear, LabelAction::Keep),
            rule(DisclosureMode::None, LabelAction::Drop),
        ]
        .into(),
        token_key: TokenKey::derive(&[7; 32], "department", "matter").into(),
        claim: None,
        today: (2026, 11, 22),
        records_max: Some(records_max),
        subject: None,
        watched: Default::default(),
    };
    let limits = MaskLimits { depth_max: 16, token_bytes_max: 1 << 12 };
    if !sieved {
        return Masker::new(format, fields, plan.into(), limits);
    }
    let spec =
        SieveSpec::compile(&["$.data[*].region".into()], &["$.data[*].count".into()], GROUP_MIN).unwrap();
    assert_eq!(spec.unfit(Some(format), &fields), None);
    let order = Order { wanted: vec![OURS.into()], suppressed: vec![true], totals_withheld: true };
    Masker::sieving(format, fields, plan.into(), limits, (spec.into(), order))
}

/// What left, and what was seen; nothing if the body had a fault.
fn carry(mut masker: Masker, body: &[u8], piece: usize) -> (Vec<u8>, Option<Tally>) {
    let mut out = Masked::nothing();
    let pushed = body.chunks(piece.max(1)).all(|piece| masker.push(piece, &mut out).is_ok());
    let tally = if pushed { masker.finish(&mut out).ok() } else { None };
    (out.into_bytes(), tally)
}

fn has_canary(out: &[u8]) -> bool {
    memchr::memmem::find(out, CANARY.as_bytes()).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn the_callers_rows_leave_as_if_there_were_no_others(
        format in prop::sample::select(formats()),
        records in records(),
        piece in 1_usize..40,
        records_max in prop_oneof![Just(1000_u64), 0..4_u64],
    ) {
        let ours: Vec<Record> = records.iter().filter(|record| record.leaves()).cloned().collect();
        let (expect, seen) = carry(masker(&format, false, records_max), write(&format, &ours, false).as_bytes(), usize::MAX);
        let seen = seen.expect("the reference is sound");
        let body = write(&format, &records, true);
        for piece in [piece, 1, usize::MAX] {
            let (out, tally) = carry(masker(&format, true, records_max), body.as_bytes(), piece);
            let tally = tally.ok_or_else(|| TestCaseError::fail(format!("{format:?} {body}")))?;
            prop_assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&expect), "{:?} {}", format, body);
            prop_assert_eq!(tally.filtered_records, (records.len() - ours.len()) as u64);
            prop_assert_eq!((tally.records, tally.dropped_records), (seen.records, seen.dropped_records));
            prop_assert_eq!(&tally.labels, &seen.labels, "values of other rows are not counted");
            prop_assert_eq!((tally.bytes_in, tally.bytes_out), (body.len() as u64, out.len() as u64));
        }
    }

    #[test]
    fn nothing_of_other_rows_leaves_a_broken_body(
        format in prop::sample::select(formats()),
        records in records(),
        piece in 1_usize..40,
        at in any::<prop::sample::Index>(),
        put in prop::option::of(prop::sample::select(vec![
            &b""[..], b"\n", b"\"", b",", b"\\", b"]", b"}", b"{", b"[", b":", b"\xff", b"\r", b"\x1e", b"\t", b"\0", b";", b"'",
        ])),
    ) {
        let mut body = write(&format, &records, true).into_bytes();
        let at = at.index(body.len() + 1);
        match put {
            None => body.truncate(at),
            Some(bytes) => drop(body.splice(at..(at + 1).min(body.len()), bytes.iter().copied())),
        }
        let (out, _) = carry(masker(&format, true, 1000), &body, piece);
        prop_assert!(!has_canary(&out), "{format:?} {} => {}", String::from_utf8_lossy(&body), String::from_utf8_lossy(&out));
    }
}

/// A record is held until it is judged, and no longer.
#[test]
fn each_record_leaves_as_soon_as_it_is_whole() {
    const NOTE: &str = "besonders";
    let left = |out: &Masked| memchr::memmem::find_iter(out.as_bytes(), NOTE).count();
    for format in formats() {
        let record = Record { ours: true, count: 9, note: NOTE, quoted_count: false };
        let body = write(&format, &vec![record; 9], false);
        let (mut masker, mut out) = (masker(&format, true, 1000), Masked::nothing());
        for (at, byte) in body.bytes().enumerate() {
            masker.push(&[byte], &mut out).unwrap();
            let came = body[..=at].matches(NOTE).count();
            assert!(left(&out) + 1 >= came, "{format:?}: {} of {came} at {at}", left(&out));
        }
        assert_eq!(left(&out), 9, "{format:?}");
    }
}
