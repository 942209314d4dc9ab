//! The same filters in every format that is not one JSON document, at every split.

use super::*;
use crate::engine::mask::tests::support::{self, fields, plan};
use crate::engine::mask::{Columns, Dialect, Masked, Masker, Null};

/// Rows of the west, groups of five.
fn west() -> (Arc<SieveSpec>, Order) {
    let (rows, counts) = (["$.data[*].r".to_owned()], ["$.data[*].c".to_owned(), "$.of".to_owned()]);
    let spec = SieveSpec::compile(&rows, &counts, 5).unwrap();
    (spec.into(), Order { wanted: vec!["west".into()], suppressed: vec![true; 2], totals_withheld: true })
}

/// What leaves, records left out and counts withheld; or the fault.
type Outcome = Result<(String, u64, u64), FaultKind>;

fn pieces<'a>(
    format: &Format,
    records_max: Option<u64>,
    body: impl Iterator<Item = &'a [u8]>,
) -> (String, Outcome) {
    let fields = fields(&[("k", 0), ("n", 2), ("c", 0)]);
    let plan = Arc::new(plan(records_max));
    let mut masker = Masker::sieving(format, fields.into(), plan, support::LIMITS, west());
    let mut out = Masked::nothing();
    let text = |out: Masked| String::from_utf8(out.into_bytes()).unwrap();
    for piece in body {
        if let Err(fault) = masker.push(piece, &mut out) {
            return (text(out), Err(fault.kind));
        }
    }
    match masker.finish(&mut out) {
        Err(fault) => (text(out), Err(fault.kind)),
        Ok(tally) => {
            let out = text(out);
            assert_eq!(tally.bytes_out, out.len() as u64);
            (out.clone(), Ok((out, tally.filtered_records, tally.suppressed_counts)))
        }
    }
}

/// The same at every split into two, and byte by byte; nothing of the east leaves, whatever happens.
fn capped(format: &Format, records_max: Option<u64>, body: &str) -> Outcome {
    let bytes = body.as_bytes();
    let (_, whole) = pieces(format, records_max, std::iter::once(bytes));
    for split in 0..=bytes.len() {
        let (first, second) = bytes.split_at(split);
        let (out, end) = pieces(format, records_max, [first, second].into_iter());
        assert_eq!(end, whole, "{body:?} at {split}");
        assert!(!out.contains("east"), "{body:?} at {split}: {out:?}");
    }
    let (out, end) = pieces(format, records_max, bytes.chunks(1));
    assert_eq!(end, whole, "{body:?} byte by byte");
    assert!(!out.contains("east"), "{body:?}: {out:?}");
    whole
}

/// A body, and the same of it.
type Row<'a> = (&'a str, Result<(&'a str, u64, u64), FaultKind>);

fn table(format: &Format, rows: &[Row<'_>]) {
    for (body, expect) in rows {
        let expect = expect.map(|(out, filtered, suppressed)| (out.to_owned(), filtered, suppressed));
        assert_eq!(capped(format, None, body), expect, "{format:?} {body:?}");
    }
}

#[test]
fn lines() {
    use FaultKind::{RecordTooLong, Truncated, Unexpected};
    let long = format!("{{\"r\":\"west\",\"k\":\"{}\"}}\n", "x".repeat(200));
    table(
        &Format::JsonLines,
        &[
            ("", Ok(("", 0, 0))),
            ("{\"r\":\"west\",\"k\":1}\n{\"r\":\"east\",\"k\":\"east\"}\n", Ok(("{\"k\":1}\n", 1, 0))),
            // The last line needs no line break, a number neither.
            (
                "{\"r\":\"east\",\"k\":\"east\"}\n\r\n {\"k\":1.50, \"r\" : \"w\\u0065st\"} ",
                Ok(("{\"k\":1.50}\n", 1, 0)),
            ),
            ("{\"k\":\"east\",\"r\":\"east\"}", Ok(("", 1, 0))),
            ("12\n\"east\"\nnull\n[]\n12", Ok(("", 5, 0))),
            // Absent, of another type, in another case; a small group, one that is none, one that is large.
            ("{\"k\":\"east\"}\n{\"r\":null}\n{\"r\":[\"west\"]}\n{\"R\":\"west\"}\n", Ok(("", 4, 0))),
            (
                "{\"r\":\"west\",\"c\":4}\n{\"r\":\"west\",\"c\":null}\n{\"r\":\"west\",\"c\":\"5\"}\n",
                Ok(("{\"c\":\"5\"}\n", 2, 0)),
            ),
            // A line that cannot be read, a member twice, one cut off, one too long.
            ("{\"r\":\"west\",\"k\":\"}{\\\"\"}\n{\"r\":\"east\" \"k\":\"east\"}\n", Err(Unexpected)),
            ("{\"r\":\"west\",\"k\":\"east\",\"r\":\"east\"}\n", Err(Unexpected)),
            ("{\"r\":\"east\",\n\"k\":\"east\"}\n", Err(Truncated)),
            ("{\"r\":\"west\",\"k\":\"east\"", Err(Truncated)),
            ("{\"r\":\"east\"} {\"r\":\"west\",\"k\":\"east\"}\n", Err(FaultKind::TrailingData)),
            (&long, Err(RecordTooLong)),
        ],
    );
}

#[test]
fn sequences() {
    use FaultKind::{TrailingData, Truncated, Unexpected};
    table(
        &Format::JsonSequence,
        &[
            ("", Ok(("", 0, 0))),
            (
                "\u{1e}{\"r\":\"east\",\"k\":\"east\"}\n\u{1e}{\"r\":\"west\",\n\"k\":1}\n",
                Ok(("\u{1e}{\n\"k\":1}\n", 1, 0)),
            ),
            ("\u{1e}\u{1e}12\n\u{1e}\"east\"\n", Ok(("", 2, 0))),
            // Also what does not leave was whole.
            ("\u{1e}{\"r\":\"east\",\"k\":\"east\"}", Err(Truncated)),
            ("\u{1e}{\"r\":\"east\"}\u{1e}{\"r\":\"west\",\"k\":\"east\"}\n", Err(TrailingData)),
            ("{\"r\":\"west\",\"k\":\"east\"}\n", Err(Unexpected)),
            ("\u{1e}{\"r\":\"west\",\"k\":\u{1e}\"east\"}\n", Err(Unexpected)),
        ],
    );
}

#[test]
fn tables_of_text() {
    use FaultKind::{BadQuote, DuplicateKey, Ragged, TokenTooLong, Truncated};
    let long = format!("r,k\nwest,\"{}\"\n", "x\n".repeat(100));
    table(
        &Format::Table(Dialect::csv()),
        &[
            ("r,k\nwest,1\neast,east\n\"west\",2\n", Ok(("k\n1\n2\n", 1, 0))),
            ("k,x,r\n\"a,\neast\"\"\",0,\"east\"\n\"b\nc\",0,west\n", Ok(("k\n\"b\nc\"\n", 1, 0))),
            ("k,r\neast,west \neast,West\neast,\neast,\"\"\n1,west", Ok(("k\n1", 4, 0))),
            // Without the filter's column no row is anybody's; without the count's nothing is counted.
            ("k\neast\neast\n", Ok(("k\n", 2, 0))),
            ("k,R\neast,west\n", Ok(("k\n", 1, 0))),
            ("r,c\nwest,4\nwest,5\nwest,\nwest,many\nwest,007\nwest,-9\n", Ok(("c\n5\n007\n", 4, 0))),
            // Nothing is shown of it, and all is read.
            ("r,n\nwest,east\neast,east\n", Ok(("", 1, 0))),
            ("r,k\neast,east,east\n", Err(Ragged)),
            ("r,k\neast,\"east\"x\nwest,east\n", Err(BadQuote)),
            ("r,k,r\nwest,east,east\n", Err(DuplicateKey)),
            ("r,k\nwest,\"east", Err(Truncated)),
            (&long, Err(TokenTooLong)),
        ],
    );
    table(&Format::Table(Dialect::tsv()), &[("r\tk\nwest\t1\n\"west\"\teast\n", Ok(("k\n1\n", 1, 0)))]);
    let bare =
        Dialect { columns: Columns::Declared(["k".to_owned(), "r".to_owned()].into()), ..Dialect::csv() };
    table(&Format::Table(bare), &[("east,east\n1,west\n", Ok(("1\n", 1, 0)))]);
}

#[test]
fn tables_of_clickhouse() {
    assert_eq!(Dialect::clickhouse_csv().null, Null::BackslashN);
    table(
        &Format::Table(Dialect::clickhouse_csv()),
        &[("\"k\",\"r\"\n1,\"west\"\n\"east\",\"east\"\n2,\\N\n", Ok(("\"k\"\n1\n", 2, 0)))],
    );
    table(
        &Format::Table(Dialect::clickhouse_tsv(true)),
        &[
            (
                "k\tr\nUInt8\tString\n1\twest\n2\t\\N\n3\tea\\x73t\n4\tw\\x65st\n",
                Ok(("k\nUInt8\n1\n4\n", 2, 0)),
            ),
            // Totals stand behind an empty line.
            ("k\tr\nUInt8\tString\n1\twest\n\n9\teast\n", Err(FaultKind::Ragged)),
        ],
    );
}

const META: &str =
    r#"{"meta":[{"name":"r","type":"String"},{"name":"k","type":"String"},{"name":"c","type":"UInt64"}]"#;
const SHOWN: &str = r#"{"meta":[{"name":"k","type":"String"},{"name":"c","type":"UInt64"}]"#;

#[test]
fn documents_of_clickhouse() {
    let shown = |rest: &str| format!("{SHOWN}{rest}");
    for (compact, rest, expect, filtered, suppressed) in [
        (
            false,
            r#","data":[{"r":"east","k":"east","c":"9"},{"r":"west","k":"a","c":"9"},{"r":"west","k":"b","c":"4"}],"rows":3}"#,
            r#","data":[{"k":"a","c":"9"}],"rows":1}"#,
            2,
            0,
        ),
        (
            true,
            r#","data":[["east","east","9"], ["west","a","9"] ,[ "west" , "b" , "4" ],["west","c",5]],"rows":4}"#,
            r#","data":[["a","9"],["c",5]],"rows":2}"#,
            2,
            0,
        ),
        (true, r#","data":[["east","east","9"]],"rows":1}"#, r#","data":[],"rows":0}"#, 1, 0),
        (true, r#","data":[]}"#, r#","data":[]}"#, 0, 0),
        // Totals and counts around the rows tell of rows that are not here.
        (true, r#","data":[],"totals":["","east","99"],"rows":1,"of":7}"#, r#","data":[],"rows":0}"#, 0, 1),
        (false, r#","data":[],"totals":{"r":"","k":"east","c":"99"}}"#, r#","data":[]}"#, 0, 0),
        (
            true,
            r#","totals":["","east","9"],"data":[[null,"east","9"],[["west"],"east","9"]]}"#,
            r#","data":[]}"#,
            2,
            0,
        ),
    ] {
        let format = if compact { Format::ClickHouseCompact } else { Format::ClickHouseJson };
        let found = capped(&format, None, &format!("{META}{rest}"));
        assert_eq!(found, Ok((shown(expect), filtered, suppressed)), "{rest}");
    }
}

#[test]
fn compact_rows_that_cannot_be_judged() {
    use FaultKind::{BadHeader, DuplicateKey, Ragged, RecordTooLong, Unexpected};
    let long = format!(r#","data":[["east","{}","9"]]}}"#, "x".repeat(200));
    for (rest, kind) in [
        (r#","data":[["west","east"]]}"#, Ragged),
        (r#","data":[["east","east"]]}"#, Ragged),
        (r#","data":[["west","east","9","east"]]}"#, Ragged),
        (r#","data":[["west" "east","9"]]}"#, Unexpected),
        (r#","data":["west"]}"#, Unexpected),
        (r#","data":[{"r":"west","k":"east","c":"9"}]}"#, Unexpected),
        (r#","data":[west]}"#, Unexpected),
        (&long, RecordTooLong),
    ] {
        assert_eq!(capped(&Format::ClickHouseCompact, None, &format!("{META}{rest}")), Err(kind), "{rest}");
    }
    let late = r#"{"data":[["west","east","9"]],"meta":[]}"#;
    assert_eq!(capped(&Format::ClickHouseCompact, None, late), Err(BadHeader));
    let twice = r#"{"meta":[{"name":"r","type":""},{"name":"r","type":""},{"name":"k","type":""}],"data":[["west","east","east"]]}"#;
    assert_eq!(capped(&Format::ClickHouseCompact, None, twice), Err(DuplicateKey));
    let absent = r#"{"meta":[{"name":"k","type":"String"}],"data":[["east"],["east"]],"rows":2}"#;
    let shown = r#"{"meta":[{"name":"k","type":"String"}],"data":[],"rows":0}"#;
    assert_eq!(capped(&Format::ClickHouseCompact, None, absent), Ok((shown.into(), 2, 0)));
}

#[test]
fn compact_lines_of_clickhouse() {
    use FaultKind::{DuplicateKey, Ragged, Truncated};
    let names = Format::ClickHouseCompactLines(Columns::Header);
    table(
        &names,
        &[
            ("[\"r\",\"k\"]\n[\"east\",\"east\"]\n\n[\"west\",1]\n", Ok(("[\"k\"]\n[1]\n", 1, 0))),
            ("[\"k\"]\n[\"east\"]\n", Ok(("[\"k\"]\n", 1, 0))),
            ("[\"r\",\"k\"]\n[\"east\"]\n", Err(Ragged)),
            ("[\"r\",\"k\"]\n[\"east\",\n\"east\"]\n", Err(Truncated)),
            ("[\"r\",\"k\"]\n[\"east\",\"east\"]", Err(Truncated)),
            ("[\"r\",\"r\",\"k\"]\n[\"west\",\"east\",\"east\"]\n", Err(DuplicateKey)),
        ],
    );
    let types = Format::ClickHouseCompactLines(Columns::HeaderAndTypes);
    let body = "[\"r\",\"k\"]\n[\"String\",\"UInt8\"]\n[\"east\",\"east\"]\n[\"west\",1]\n";
    table(&types, &[(body, Ok(("[\"k\"]\n[\"UInt8\"]\n[1]\n", 1, 0)))]);
    let bare = Format::ClickHouseCompactLines(Columns::Declared(["r".to_owned(), "k".to_owned()].into()));
    table(&bare, &[("[\"east\",\"east\"]\n[\"west\",1]\n", Ok(("[1]\n", 1, 0)))]);
}

#[test]
fn the_cap_counts_what_the_filters_left() {
    let lines = "{\"r\":\"east\"}\n{\"r\":\"west\",\"k\":1}\n{\"r\":\"east\"}\n{\"r\":\"west\",\"k\":2}\n{\"r\":\"west\",\"k\":3}\n";
    let csv = "r,k\neast,0\nwest,1\neast,0\nwest,2\nwest,3\n";
    let compact = "[\"r\",\"k\"]\n[\"east\",0]\n[\"west\",1]\n[\"east\",0]\n[\"west\",2]\n[\"west\",3]\n";
    let document = r#"{"meta":[{"name":"r","type":""},{"name":"k","type":""}],"data":[["east",0],["west",1],["east",0],["west",2],["west",3]],"rows":5}"#;
    for (format, body, expect) in [
        (Format::JsonLines, lines, "{\"k\":1}\n{\"k\":2}\n"),
        (Format::Table(Dialect::csv()), csv, "k\n1\n2\n"),
        (Format::ClickHouseCompactLines(Columns::Header), compact, "[\"k\"]\n[1]\n[2]\n"),
        (
            Format::ClickHouseCompact,
            document,
            r#"{"meta":[{"name":"k","type":""}],"data":[[1],[2]],"rows":2}"#,
        ),
    ] {
        assert_eq!(capped(&format, Some(2), body), Ok((expect.to_owned(), 2, 0)), "{format:?}");
    }
}

#[test]
fn what_does_not_fit_a_format_is_said_before() {
    let spec =
        |row: &str, count: &str| SieveSpec::compile(&[row.to_owned()], &[count.to_owned()], 5).unwrap();
    let usual = spec("$.data[*].r", "$.data[*].c");
    let deep = spec("$.data[*].at.r", "$.total");
    let elsewhere = spec("$.list[*].r", "$.total");
    let counted = SieveSpec::compile(&[], &["$.data[*].in.c".to_owned()], 5).unwrap();
    let totals = SieveSpec::compile(&[], &["$.total".to_owned()], 5).unwrap();
    let declared = |names: &[&str]| Columns::Declared(names.iter().map(|name| (*name).to_owned()).collect());
    let bare = |names: &[&str]| Format::Table(Dialect { columns: declared(names), ..Dialect::csv() });
    let fields = fields(&[("k", 0)]);
    for (spec, format, expect) in [
        (&usual, Some(Format::Json), None),
        (&elsewhere, Some(Format::Json), None),
        (&usual, Some(Format::JsonLines), None),
        (&deep, Some(Format::JsonSequence), None),
        (&usual, Some(Format::ClickHouseJson), None),
        (&deep, Some(Format::ClickHouseJson), None),
        (&usual, Some(Format::ClickHouseCompact), None),
        (&usual, Some(bare(&["k", "r"])), None),
        (&totals, None, Some("nobody reads")),
        (&totals, Some(Format::Table(Dialect::csv())), None),
        (&elsewhere, Some(Format::JsonLines), Some("stand elsewhere")),
        (&elsewhere, Some(Format::ClickHouseJson), Some("ClickHouse has them in `$.data[*]`")),
        (&deep, Some(Format::ClickHouseCompact), Some("`at.r`, which is no column")),
        (&deep, Some(Format::Table(Dialect::csv())), Some("`at.r`, which is no column")),
        (&counted, Some(Format::Table(Dialect::csv())), Some("`in.c`, which is no column")),
        (&usual, Some(bare(&["k", "c"])), Some("`r`, which is none of the table's `columns`")),
        (&usual, Some(Format::ClickHouseCompactLines(declared(&["k"]))), Some("none of the table's")),
        (&usual, None, Some("nobody reads")),
    ] {
        let found = spec.unfit(format.as_ref(), &fields);
        let fits = match (&found, expect) {
            (Some(found), Some(expect)) => found.contains(expect),
            (found, expect) => found.is_none() && expect.is_none(),
        };
        assert!(fits, "{format:?}: {found:?}");
    }
}
