use crate::engine::mask::csv::Columns;
use crate::engine::mask::tests::support::{becomes, run, usual};
use crate::engine::mask::{FaultKind, Format};

const META: &str = r#""meta":[{"name":"k","type":"UInt8"},{"name":"n","type":"String"},{"name":"p","type":"UInt64"},{"name":"x","type":"Date"}]"#;
const SHOWN: &str = r#""meta":[{"name":"k","type":"UInt8"},{"name":"p","type":"Nullable(String)"}]"#;

#[test]
fn documents_describe_what_they_show() {
    for (rest, expect) in [
        (r#","data":[],"rows":0}"#, r#","data":[],"rows":0}"#),
        (
            "\n,\t\"data\" :\r\n[ {\"k\": 1, \"n\": \"secret\", \"p\": \"abc\", \"x\": 0} ] ,\"rows\": 1 }\n",
            r#","data":[ {"k": 1, "p": "a*c"} ],"rows":1}"#,
        ),
        // Other members have their own paths, or none.
        (
            r#","data":[{"k":1}],"statistics":{"elapsed":0.1},"extremes":{"min":{"k":1},"max":{"k":9}}}"#,
            r#","data":[{"k":1}]}"#,
        ),
        (
            r#","totals":{"k":7,"n":8,"p":"abc"},"data":[{"k":1}],"rows_before_limit_at_least":9}"#,
            r#","totals":{"k":7,"p":"a*c"},"data":[{"k":1}]}"#,
        ),
        (r#","rows":5,"data":[{"k":1}]}"#, r#","data":[{"k":1}]}"#),
    ] {
        let body = format!("{{{META}{rest}");
        assert_eq!(becomes(&Format::ClickHouseJson, &body), Ok(format!("{{{SHOWN}{expect}")), "{rest}");
    }
}

#[test]
fn compact_rows_keep_their_places() {
    for (rest, expect) in [
        (r#","data":[],"rows":0}"#, r#","data":[],"rows":0}"#),
        (
            r#","data":[[1,"secret","abc","x"],[ 2 , null,"def" ,0 ]],"rows":2}"#,
            r#","data":[[1,"a*c"],[2,"d*f"]],"rows":2}"#,
        ),
        // NULL; a mask that cannot treat a value; containers in a masked, a kept and a dropped column.
        (
            r#","data":[[null,1,null,2],[3,[1],true,{}],[[4,{"a":"b"}],"n",{"q":1},1]]}"#,
            r#","data":[[null,null],[3,null],[[4,{"a":"b"}],null]]}"#,
        ),
        (
            r#","data":[[1,2,"abc",4]],"totals":[9,8,"xyz",6],"extremes":{"min":[1,1,"a",1],"max":[2,2,"z",2]}}"#,
            r#","data":[[1,"a*c"]],"totals":[9,"x*z"]}"#,
        ),
    ] {
        let body = format!("{{{META}{rest}");
        assert_eq!(becomes(&Format::ClickHouseCompact, &body), Ok(format!("{{{SHOWN}{expect}")), "{rest}");
    }
    let hidden = r#"{"meta":[{"name":"n","type":"String"}],"data":[["secret"],["more"]],"rows":2}"#;
    let expect = r#"{"meta":[],"data":[],"rows":0}"#;
    assert_eq!(becomes(&Format::ClickHouseCompact, hidden).as_deref(), Ok(expect));
}

#[test]
fn documents_that_are_not_understood_are_refused() {
    use FaultKind::{BadHeader, DuplicateKey, Empty, Exception, Ragged, TrailingData, Truncated, Unexpected};
    for (format, body, fault) in [
        (Format::ClickHouseJson, "".to_owned(), Empty),
        (Format::ClickHouseJson, "[]".to_owned(), Unexpected),
        (Format::ClickHouseJson, "{}".to_owned(), BadHeader),
        (Format::ClickHouseJson, format!("{{{META}}}"), BadHeader),
        (Format::ClickHouseJson, r#"{"data":[]}"#.to_owned(), BadHeader),
        (Format::ClickHouseJson, r#"{"meta":[{"name":"k"}],"data":[]}"#.to_owned(), BadHeader),
        (Format::ClickHouseJson, r#"{"meta":[],"data":[]}"#.to_owned(), BadHeader),
        (Format::ClickHouseJson, r#"{"meta":7,"data":[]}"#.to_owned(), BadHeader),
        (Format::ClickHouseJson, format!("{{{META},{META}"), DuplicateKey),
        (Format::ClickHouseJson, format!("{{{META},\"d\\u0061ta\":[]}}"), Unexpected),
        (Format::ClickHouseJson, format!("{{{META},\"data\":[]}}x"), TrailingData),
        (Format::ClickHouseJson, format!("{{{META},\"data\":[]"), Truncated),
        (Format::ClickHouseJson, format!("{{{META},\"data\":[],}}"), Unexpected),
        (Format::ClickHouseJson, format!("{{{META},\"data\":[],\"rows\":\"1\"}}"), Unexpected),
        (Format::ClickHouseJson, format!("{{{META},\"data\":[{{\"k\":1,\"k\":2}}]}}"), DuplicateKey),
        (Format::ClickHouseCompact, format!("{{{META},\"data\":{{}}}}"), Unexpected),
        (Format::ClickHouseCompact, format!("{{{META},\"data\":[{{}}]}}"), Unexpected),
        (Format::ClickHouseCompact, format!("{{{META},\"data\":[[1,2,3]]}}"), Ragged),
        (Format::ClickHouseCompact, format!("{{{META},\"data\":[[1,2,3,4,5]]}}"), Ragged),
        (Format::ClickHouseCompact, format!("{{{META},\"data\":[[]]}}"), Ragged),
        (Format::ClickHouseCompact, format!("{{{META},\"data\":[[1,2,3,4],]}}"), Unexpected),
        (Format::ClickHouseCompact, format!("{{{META},\"data\":[[1,2,3,4,]]}}"), Ragged),
        (Format::ClickHouseCompact, format!("{{{META},\"data\":[[1,2,3,4]"), Truncated),
        (Format::ClickHouseCompact, format!("{{{META},\"data\":[[1,2,\"DB::Exception"), Exception),
        (
            Format::ClickHouseJson,
            format!("{{{META},\"data\":[],\"exception\":\"Code: 1. DB::Exception: x\"}}"),
            Exception,
        ),
        (
            Format::ClickHouseJson,
            r#"{"meta":[{"name":"k","type":"A"},{"name":"k","type":"A"}],"data":[]}"#.to_owned(),
            DuplicateKey,
        ),
    ] {
        assert_eq!(becomes(&format, &body), Err(fault), "{body}");
    }
}

#[test]
fn compact_lines_are_named_by_their_head_or_by_the_catalogue() {
    let names = Format::ClickHouseCompactLines(Columns::Header);
    let types = Format::ClickHouseCompactLines(Columns::HeaderAndTypes);
    let declared =
        Format::ClickHouseCompactLines(Columns::Declared(["k".into(), "n".into(), "p".into()].into()));
    for (format, body, expect) in [
        (&names, "[\"k\", \"n\", \"p\"]\n[1, 2, \"abc\"]\n", Ok("[\"k\",\"p\"]\n[1,\"a*c\"]\n")),
        (&names, "[\"n\"]\n[1]\n[2]\n", Ok("")),
        (
            &types,
            "[\"k\", \"n\", \"v\"]\n[\"Date\", \"String\", \"String\"]\n[\"2026-01-01\", 2, \"yes\"]\n",
            Ok("[\"k\",\"v\"]\n[\"Date\",\"Nullable(Bool)\"]\n[\"2026-01-01\",true]\n"),
        ),
        (&declared, "[1,2,\"abc\"]\n[3,4,null]\n", Ok("[1,\"a*c\"]\n[3,null]\n")),
        (&declared, "", Ok("")),
        (&declared, "[1,2]\n", Err(FaultKind::Ragged)),
        (&declared, "[1,2,3]", Err(FaultKind::Truncated)),
        (&declared, "[1,\n2,3]\n", Err(FaultKind::Truncated)),
        (&declared, "[1,2,3][1,2,3]\n", Err(FaultKind::TrailingData)),
        (&names, "", Err(FaultKind::Empty)),
        (&names, "[\"k\"]", Err(FaultKind::Truncated)),
        (&names, "[1]\n", Err(FaultKind::BadHeader)),
        (&types, "[\"k\"]\n", Err(FaultKind::Truncated)),
        (&types, "[\"k\"]\n[]\n", Err(FaultKind::Ragged)),
    ] {
        assert_eq!(becomes(format, body), expect.map(str::to_owned), "{body}");
    }
}

#[test]
fn records_are_counted_and_capped() {
    let body = format!("{{{META},\"data\":[[1,2,\"abc\",4],[5,6,\"def\",8],[9,10,\"ghi\",12]],\"rows\":3}}");
    let (out, tally) = run(&Format::ClickHouseCompact, usual(), Some(2), body.as_bytes());
    let tally = tally.unwrap();
    assert_eq!(out, format!("{{{SHOWN},\"data\":[[1,\"a*c\"],[5,\"d*f\"]],\"rows\":2}}"));
    assert_eq!((tally.records, tally.dropped_records), (2, 1));
    assert_eq!(tally.unknown_sample.as_deref(), Some("$[*].x"));
    let body = format!("{{{META},\"data\":[{{\"k\":1}},{{\"k\":5}},{{\"k\":9}}],\"rows\":3}}");
    let (out, tally) = run(&Format::ClickHouseJson, usual(), Some(2), body.as_bytes());
    let tally = tally.unwrap();
    assert_eq!(out, format!("{{{SHOWN},\"data\":[{{\"k\":1}},{{\"k\":5}}],\"rows\":2}}"));
    assert_eq!((tally.records, tally.dropped_records), (2, 1));
}
