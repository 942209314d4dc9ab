use super::*;
use crate::engine::mask::tests::support::{LIMITS, becomes, fields, plan, run, usual};
use crate::engine::mask::{Format, Masker};
use proptest::prelude::*;

fn csv() -> Format {
    Format::Table(Dialect::csv())
}

fn with(change: impl FnOnce(&mut Dialect)) -> Format {
    let mut dialect = Dialect::csv();
    change(&mut dialect);
    Format::Table(dialect)
}

#[test]
fn csv_by_column_name() {
    for (body, expect) in [
        // In any order, unknown and dropped columns left out.
        ("k,p\na,bcd\n", "k,p\na,b*d\n"),
        ("p,x,k,n\nbcd,unknown,a,secret\n", "p,k\nb*d,a\n"),
        ("n,x\n1,2\n3,4\n", ""),
        ("x,k\n1,2\n", "k\n2\n"),
        // Runs of kept columns stay as they are.
        ("k,k2,p\n\"a\"\"b\",  c ,bcd\n", "k,k2,p\n\"a\"\"b\",  c ,b*d\n"),
        // Delimiters and line breaks inside quotes.
        ("k,p\n\"a,\nb\",\"c,\n\"\"d\"\n", "k,p\n\"a,\nb\",\"c***d\"\n"),
        ("\"k\",\"p\"\r\na,bcd\r\n", "\"k\",\"p\"\r\na,b*d\r\n"),
        ("k,p\na,bcd", "k,p\na,b*d"),
        ("k\n\nb\n", "k\n\nb\n"),
        ("k,p\n", "k,p\n"),
        ("k,p", "k,p"),
        // What is not there stays away; what a mask cannot treat is not shown.
        ("k,p,b,v\na,,,\n", "k,p,b,v\na,,,false\n"),
        ("k,p,b,v\na,\"\",word,yes\n", "k,p,b,v\na,\"\",,true\n"),
        // A mask whose text has the delimiter in it.
        ("b\n15\n", "b\n\"[10,20)\"\n"),
        ("k,p\n甲,乙丙丁\n", "k,p\n甲,乙*丁\n"),
        // A byte order mark before the header, and only there.
        ("\u{feff}k,p\na,bcd\n", "k,p\na,b*d\n"),
        ("\u{feff}\"k\"\n\u{feff}a\n", "\"k\"\n\u{feff}a\n"),
        ("k\n=1+1\n", "k\n=1+1\n"),
    ] {
        assert_eq!(becomes(&csv(), body).as_deref(), Ok(expect), "{body:?}");
    }
}

#[test]
fn csv_that_readers_read_differently_is_refused() {
    use FaultKind::{
        BadQuote, DuplicateKey, Empty, InvalidUtf8, Ragged, TokenTooLong, Truncated, Unexpected,
    };
    let long = format!("k\n{}\n", "x".repeat(LIMITS.token_bytes_max + 1));
    for (body, fault) in [
        ("", Empty),
        ("k,p,k\n", DuplicateKey),
        ("k,\"k\"\n", DuplicateKey),
        ("k,p\na\n", Ragged),
        ("k,p\na,b,c\n", Ragged),
        ("k,p\na,b\n\nc,d\n", Ragged),
        ("k,p\na\"b,c\n", BadQuote),
        ("k,p\n\"a\"b,c\n", BadQuote),
        ("k,p\n \"a\",c\n", BadQuote),
        ("k,p\n\"a,b\n", Truncated),
        ("k,p\na\rb,c\n", Unexpected),
        ("k,p\na,b\r", Unexpected),
        ("k\u{feff},\"p\"x\n", BadQuote),
        (long.as_str(), TokenTooLong),
    ] {
        assert_eq!(becomes(&csv(), body), Err(fault), "{body:?}");
    }
    for body in [&b"k,n\na,\xff\n"[..], b"k\n\xe7\x94", b"\xff", b"k\n\"\xc3\"\n"] {
        assert_eq!(run(&csv(), usual(), None, body).1, Err(InvalidUtf8), "{body:?}");
    }
}

#[test]
fn what_is_no_character_is_found_where_it_begins() {
    let body = b"k\na\nb\xe7\x94x\n";
    for split in 0..body.len() {
        let plan = Arc::new(plan(None));
        let mut masker = Masker::new(&csv(), Arc::new(usual()), plan, LIMITS);
        let (first, second) = body.split_at(split);
        let fault = masker.mask(first).and_then(|_| masker.mask(second)).unwrap_err();
        assert_eq!((fault.kind, fault.offset), (FaultKind::InvalidUtf8, 5), "{split}");
    }
}

#[test]
fn a_row_leaves_whole_or_not_at_all() {
    let (out, end) = run(&csv(), usual(), None, b"k,p\na,bcd\nsecret,x,y\n");
    assert_eq!((out.as_str(), end), ("k,p\na,b*d\n", Err(FaultKind::Ragged)));
    let refuse = with(|dialect| dialect.formulas = Formulas::Refuse);
    let (out, end) = run(&refuse, usual(), None, b"k,p\na,bcd\nb,=1+1\n");
    assert_eq!((out.as_str(), end), ("k,p\na,b*d\n", Err(FaultKind::Formula)));
}

#[test]
fn dialects_are_declared() {
    let semicolons = with(|dialect| {
        dialect.delimiter = b';';
        dialect.quoting = Quoting::Quotes(b'\'');
    });
    let bare =
        with(|dialect| dialect.columns = Columns::Declared(["x".into(), "p".into(), "k".into()].into()));
    let tsv = Format::Table(Dialect::tsv());
    for (format, body, expect) in [
        (&semicolons, "k;p;b\n'a;''';b\"d;15\n", Ok("k;p;b\n'a;''';b*d;[10,20)\n")),
        (&bare, "k,bcd,a\n", Ok("b*d,a\n")),
        (&bare, "a,b\n", Err(FaultKind::Ragged)),
        (&bare, "", Ok("")),
        (&tsv, "k\tp\n\"a\tb\"d\n", Ok("k\tp\n\"a\tb*d\n")),
        (&tsv, "k\tp\na\\tb\tbcd\n", Ok("k\tp\na\\tb\tb*d\n")),
    ] {
        assert_eq!(becomes(format, body), expect.map(str::to_owned), "{body:?}");
    }
}

#[test]
fn formulas_have_the_declared_outcome() {
    let quote = with(|dialect| dialect.formulas = Formulas::Quote);
    let refuse = with(|dialect| dialect.formulas = Formulas::Refuse);
    for (cell, quoted) in [
        ("=1+1", Some("'=1+1")),
        ("\"=HYPERLINK(\"\"x\"\")\"", Some("\"'=HYPERLINK(\"\"x\"\")\"")),
        ("@x", Some("'@x")),
        ("+cmd", Some("'+cmd")),
        ("-2+3", Some("'-2+3")),
        ("\tx", Some("'\tx")),
        ("\"\rx\"", Some("\"'\rx\"")),
        ("-5", None),
        ("+8613805718848", None),
        ("-0.5e3", None),
        ("a=b", None),
        ("", None),
    ] {
        let body = format!("k,n\n{cell},=secret\n");
        let expect = format!("k\n{}\n", quoted.unwrap_or(cell));
        assert_eq!(becomes(&quote, &body), Ok(expect), "{cell}");
        let refused = if quoted.is_some() { Err(FaultKind::Formula) } else { Ok(format!("k\n{cell}\n")) };
        assert_eq!(becomes(&refuse, &body), refused, "{cell}");
        assert_eq!(becomes(&csv(), &body), Ok(format!("k\n{cell}\n")), "{cell}");
    }
    // What a mask shows is looked at like what it is shown for.
    assert_eq!(becomes(&quote, "p\n=ab\n").as_deref(), Ok("p\n'=*b\n"));
}

#[test]
fn clickhouse_tsv_is_escaped_exactly() {
    let tsv = Format::Table(Dialect::clickhouse_tsv(false));
    for (body, expect) in [
        ("k\tp\na\\tb\\n\\\\\\'\t\\N\n", Ok("k\tp\na\\tb\\n\\\\\\'\t\\N\n")),
        // Masked: read, masked, written again.
        ("p\n\\ta\\n\n", Ok("p\n\\t*\\n\n")),
        ("p\n\\x41b\\0\n", Ok("p\nA*\\0\n")),
        ("p\n\\'b\\\\\n", Ok("p\n\\'*\\\\\n")),
        ("p\nabc\\N\n", Ok("p\na*c\n")),
        ("p\n\\b\\f\\r\n", Ok("p\n\\b*\\r\n")),
        ("p\n\\q-\\e\n", Ok("p\nq*\u{1b}\n")),
        // NULL, and what a mask cannot treat.
        ("b\tv\n\\N\t\\N\n", Ok("b\tv\n\\N\tfalse\n")),
        ("b\tv\nword\tyes\n", Ok("b\tv\n\\N\ttrue\n")),
        ("b\n\n", Ok("b\n\\N\n")),
        ("p\n\\xZZ\n", Err(FaultKind::InvalidUtf8)),
        ("p\n\\xff\n", Err(FaultKind::InvalidUtf8)),
        ("p\nab\\\ncd\n", Err(FaultKind::BadEscape)),
        ("k\tp\na\tb", Err(FaultKind::Truncated)),
        ("k\tp\na\tb\n\n", Err(FaultKind::Ragged)),
        ("k\nCode: 395, e.displayText() = DB::Exception: Value\n", Err(FaultKind::Exception)),
        ("k\na\n__exception__\n", Err(FaultKind::Exception)),
    ] {
        assert_eq!(becomes(&tsv, body), expect.map(str::to_owned), "{body:?}");
    }
    let types = Format::Table(Dialect::clickhouse_tsv(true));
    for (body, expect) in [
        (
            "k\tb\tp\tn\tv\tt\nUInt8\tUInt16\tNullable(UInt32)\tDate\tString\tUInt64\n1\t15\t123\tx\tyes\t\\N\n",
            Ok(
                "k\tb\tp\tv\tt\nUInt8\tNullable(UInt16)\tNullable(UInt32)\tNullable(Bool)\tNullable(String)\n\
                1\t10\t103\ttrue\t\\N\n",
            ),
        ),
        ("k\tp\nUInt8\n", Err(FaultKind::Ragged)),
        ("k\tp\n", Err(FaultKind::Truncated)),
        ("p\nEnum8(\\'a\\' = 1)\nabc\n", Ok("p\nNullable(String)\na*c\n")),
        ("k\nEnum8(\\'a\\' = 1)\na\n", Ok("k\nEnum8(\\'a\\' = 1)\na\n")),
    ] {
        assert_eq!(becomes(&types, body), expect.map(str::to_owned), "{body:?}");
    }
}

#[test]
fn clickhouse_csv_knows_null() {
    let format = Format::Table(Dialect::clickhouse_csv());
    for (body, expect) in [
        ("\"k\",\"p\",\"b\"\n\\N,\\N,\\N\n", Ok("\"k\",\"p\",\"b\"\n\\N,\\N,\\N\n")),
        ("p,b\n\"\\N\",word\n", Ok("p,b\n\"**\",\\N\n")),
        ("k,p\n1,\"a\"\"b\"\n", Ok("k,p\n1,\"a*b\"\n")),
        ("k\n1", Err(FaultKind::Truncated)),
    ] {
        assert_eq!(becomes(&format, body), expect.map(str::to_owned), "{body:?}");
    }
}

#[test]
fn records_and_labels_are_counted() {
    let body = b"k,n,secret,9a\n1,2,3,4\n5,6,7,8\n9,10,11,12\n";
    let (out, tally) = run(&csv(), usual(), Some(2), body);
    let tally = tally.unwrap();
    assert_eq!(out, "k\n1\n5\n");
    assert_eq!((tally.records, tally.dropped_records, tally.dropped_unknown), (2, 1, 2));
    assert_eq!(tally.labels, [2, 0, 2, 0, 0, 0]);
    assert_eq!(tally.unknown_sample.as_deref(), Some("$[*].secret"));
    let (out, tally) = run(&csv(), fields(&[("a", 2)]), None, b"a,330106196502142015\n1,2\n");
    assert_eq!((out.as_str(), tally.unwrap().unknown_sample.as_deref()), ("", Some("$[*].?")));
}

#[test]
fn wildcards_reach_columns_that_look_like_names() {
    let any = || FieldMap::compile(&[("$[*].*".into(), 1)]).unwrap();
    let (out, _) = run(&csv(), any(), None, b"a,p,330106196502142015,b c\n1,bcd,3,4\n");
    assert_eq!(out, "a,p\n*,b*d\n");
}

#[test]
fn columns_in_disguise_are_told_of_as_such() {
    // Documents count what is left out cell by cell, too.
    for (format, body, unknown) in [
        (csv(), "K,k,unknown\n1,2,3\n", 2),
        (Format::ClickHouseCompactLines(Columns::Header), "[\"\u{ff2b}\",\"k\",\"x\"]\n[1,2,3]\n", 4),
    ] {
        let (_, tally) = run(&format, usual(), None, body.as_bytes());
        let tally = tally.unwrap();
        assert_eq!((tally.dropped_unknown, tally.lookalikes), (unknown, 1), "{body}");
        assert_eq!(tally.unknown_sample.as_deref(), Some("$[*].k≈"), "{body}");
    }
}

/// Each dialect, and how a text is written in it; `quoted` where it need not be.
fn written(which: usize, text: &str, quoted: bool) -> String {
    match which {
        0 | 1 if quoted || text.contains([',', '"']) => format!("\"{}\"", text.replace('"', "\"\"")),
        0 | 1 => text.to_owned(),
        2 if quoted => text.replace('\\', "\\\\").replace('\'', "\\'"),
        2 => text.replace('\\', "\\\\"),
        _ => text.to_owned(),
    }
}

proptest! {
    /// What leaves where it stands, and what is written anew because formulas are looked for.
    #[test]
    fn cells_leave_the_same_on_both_ways(
        which in 0..4usize,
        rows in prop::collection::vec(prop::collection::vec(("[a-cN,'\"\\\\ é甲0-9]{0,6}", any::<bool>()), 4), 1..4),
        order in Just(["k", "p", "n", "k2"]).prop_shuffle(),
    ) {
        let dialect = match which {
            0 => Dialect::csv(),
            1 => Dialect::clickhouse_csv(),
            2 => Dialect::clickhouse_tsv(false),
            _ => Dialect::tsv(),
        };
        let delimiter = char::from(dialect.delimiter).to_string();
        let mut body = order.join(&delimiter) + "\n";
        for row in rows {
            let cells: Vec<_> = row.iter().map(|(text, quoted)| written(which, text, *quoted)).collect();
            body += &(cells.join(&delimiter) + "\n");
        }
        let anew = Format::Table(Dialect { formulas: Formulas::Quote, ..dialect.clone() });
        prop_assert_eq!(becomes(&Format::Table(dialect), &body), becomes(&anew, &body), "{}", body);
    }
}
