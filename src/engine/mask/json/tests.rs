//! Documents and what leaves of them, each at every split of the input.

use super::*;
use crate::engine::mask::scalar::{LabelAction, TokenKey};
use crate::engine::terms::DisclosureMode;

/// Labels of these tests: 0 is kept, 1 answers whether it is `v`, 2 is dropped.
const KEEP: usize = 0;
const ASK: usize = 1;
const DROP: usize = 2;

const LIMITS: MaskLimits = MaskLimits { depth_max: 8, token_bytes_max: 40 };

/// Paths, each with its label.
type Paths<'a> = &'a [(&'a str, usize)];
/// Paths, a document, what leaves.
type Row<'a> = (Paths<'a>, &'a str, &'a str);

fn plan(records_max: Option<u64>) -> Arc<Plan> {
    let rule = |mode, action| LabelRule { mode, action, kind: None };
    let actions = vec![
        rule(DisclosureMode::Clear, LabelAction::Keep),
        rule(DisclosureMode::Verify, LabelAction::Verify),
        rule(DisclosureMode::None, LabelAction::Drop),
    ];
    let token_key = TokenKey::derive(&[7; 32], "department", "matter");
    Arc::new(Plan {
        actions: actions.into(),
        token_key,
        claim: Some((ASK, "v".into())),
        today: (2026, 11, 22),
        records_max,
    })
}

fn fields(paths: Paths<'_>) -> Arc<FieldMap> {
    let paths: Vec<_> = paths.iter().map(|(path, label)| ((*path).to_owned(), *label)).collect();
    Arc::new(FieldMap::compile(&paths).unwrap())
}

type Outcome = Result<(String, Tally), (FaultKind, u64)>;

fn masked<'a>(
    fields: &Arc<FieldMap>,
    plan: &Arc<Plan>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let mut masker = JsonMasker::new(Arc::clone(fields), Arc::clone(plan), LIMITS);
    let mut out = Masked::nothing();
    let pushed = pieces.into_iter().try_for_each(|piece| masker.push(piece, &mut out));
    let short = |fault: MaskFault| (fault.kind, fault.offset);
    pushed.map_err(short)?;
    let tally = masker.finish(&mut out).map_err(short)?;
    assert_eq!(tally.bytes_out, out.len() as u64);
    Ok((String::from_utf8(out.into_bytes()).unwrap(), tally))
}

/// The outcome of the whole input, after checking that every split has the same.
fn outcome(fields: &Arc<FieldMap>, plan: &Arc<Plan>, input: &[u8]) -> Outcome {
    let whole = masked(fields, plan, [input]);
    let shown = String::from_utf8_lossy(input);
    for at in 0..=input.len() {
        let (left, right) = input.split_at(at);
        assert_eq!(masked(fields, plan, [left, right]), whole, "split at {at}: {shown}");
    }
    for size in [1, 2, 3, 5, 7] {
        assert_eq!(masked(fields, plan, input.chunks(size)), whole, "pieces of {size}: {shown}");
    }
    whole
}

fn text(paths: Paths<'_>, input: &str) -> String {
    match outcome(&fields(paths), &plan(None), input.as_bytes()) {
        Ok((text, _)) => text,
        Err(fault) => panic!("{input}: {fault:?}"),
    }
}

const RECORDS: Paths<'_> =
    &[("$.data[*].a", KEEP), ("$.data[*].q", ASK), ("$.data[*].d", DROP), ("$.data[*].in.a", KEEP)];

#[test]
fn what_no_path_names_is_left_out_with_its_comma() {
    let table = [
        (r#"{"data":[{"a":1,"x":2}]}"#, r#"{"data":[{"a":1}]}"#),
        (r#"{"data":[{"x":2,"a":1}]}"#, r#"{"data":[{"a":1}]}"#),
        (
            r#"{"data":[{"x":2,"y":3,"a":1,"z":{"a":[1,{"a":2}]},"in":{"a":2}}]}"#,
            r#"{"data":[{"a":1,"in":{"a":2}}]}"#,
        ),
        (r#"{"data":[{"x":2}]}"#, r#"{"data":[{}]}"#),
        (r#"{"data":[{"d":2}, {"d":3,"a":4}]}"#, r#"{"data":[{}, {"a":4}]}"#),
        (r#"{"total":1,"data":[]}"#, r#"{"data":[]}"#),
        (r#"{"total":1}"#, r#"{}"#),
        ("{}", "{}"),
        // The whole document has the wrong shape.
        ("[]", "null"),
        (r#"[{"a":1}]"#, "null"),
        (r#""text""#, "null"),
        ("17", "null"),
        // A container of the wrong shape on the way, and a scalar where a container belongs.
        (r#"{"data":{"a":1}}"#, r#"{}"#),
        (r#"{"data":"3301"}"#, r#"{}"#),
        (r#"{"data":[{"in":"3301","a":1}]}"#, r#"{"data":[{"a":1}]}"#),
        (r#"{"data":[{"in":[{"a":1}],"a":1}]}"#, r#"{"data":[{"a":1}]}"#),
        (r#"{"data":[1,"x",[2],{"a":1},true]}"#, r#"{"data":[{"a":1}]}"#),
        // Nothing there stays nothing there.
        (r#"{"data":[{"in":null},null]}"#, r#"{"data":[{"in":null},null]}"#),
        (r#"{"data":null}"#, r#"{"data":null}"#),
    ];
    for (input, expect) in table {
        assert_eq!(text(RECORDS, input), expect, "{input}");
    }
}

#[test]
fn what_stays_stays_byte_for_byte() {
    let table = [
        "{ \"data\" : [ { \"a\" : 1 , \"in\" : { } } ] }\r\n\t ",
        "{\n  \"data\": [\n    {\n      \"a\": 12345678901234567890123\n    }\n  ]\n}\n",
        r#"{"data":[{"a":1e400},{"a":-0.0},{"a":1E+2},{"a":0e-7},{"a":0.10}]}"#,
        r#"{"data":[{"a":"\u0041\/\\\"\b\f\n\r\t"},{"a":"张三·😀"},{"a":"\ud83d\ude00"},{"a":"\u0000"}]}"#,
        r#"{"data":[{"a":{"k":[1,{"k":null,"":true}],"3301":false}},{"a":[[],{}]}]}"#,
        r#"{"data":[{"a":"{\"idCard\":\"in a string\"}"}]}"#,
        r#"{"\u0064at\u0061":[{"\u0061":1}]}"#,
        "{\"data\":[{\"a\":\"\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{ffff}\u{10000}\u{10ffff}\"}]}",
    ];
    for input in table {
        assert_eq!(text(RECORDS, input), input);
    }
    // White space around what is left out: all of it outside of the member stays.
    let input = "{\n \"data\" : [\n {\n \"d\" : 1 ,\n \"a\" : 2 ,\n \"d2\" : 3\n }\n ]\n}";
    assert_eq!(text(RECORDS, input), "{\n \"data\" : [\n { \n \"a\" : 2 \n }\n ]\n}");
}

#[test]
fn a_labelled_subtree_follows_the_shape_rule() {
    let table: &[Row<'_>] = &[
        (&[("$.q", ASK)], r#"{"q":"v"}"#, r#"{"q":true}"#),
        (&[("$.q", ASK)], r#"{ "q" : "\u0076" }"#, r#"{ "q" : true }"#),
        (&[("$.q", ASK)], r#"{"q":"w"}"#, r#"{"q":false}"#),
        (&[("$.q", ASK)], r#"{"q":["v","w",["v"],[]]}"#, r#"{"q":[true,false,[true],[]]}"#),
        (&[("$.q", ASK)], r#"{"q":["v",{"v":"v"},"w"]}"#, r#"{"q":[true,false]}"#),
        (&[("$.q", ASK)], r#"{"q":{"v":"v"},"x":1}"#, "{}"),
        (&[("$.q", ASK)], r#"{"q":[{"v":"v"}]}"#, r#"{"q":[]}"#),
        (&[("$.d", DROP), ("$.a", KEEP)], r#"{"d":[1,{"a":2}],"a":{"d":3}}"#, r#"{"a":{"d":3}}"#),
        // The inner label stands.
        (&[("$.a", KEEP), ("$.a.d", DROP)], r#"{"a":{"x":1,"d":2,"y":3}}"#, r#"{"a":{"x":1,"y":3}}"#),
        (&[("$.a", KEEP), ("$.a.d", DROP)], r#"{"a":{"d":2,"y":{"d":3}}}"#, r#"{"a":{"y":{"d":3}}}"#),
        (&[("$.a", KEEP), ("$.a.q", ASK)], r#"{"a":{"x":1,"q":"w"}}"#, r#"{"a":{"x":1,"q":false}}"#),
        (&[("$.a", KEEP), ("$.a[*].q", ASK)], r#"{"a":[{"q":"v"},7]}"#, r#"{"a":[{"q":true},7]}"#),
        (&[("$.d", DROP), ("$.d.a", KEEP)], r#"{"d":{"a":1},"e":2}"#, "{}"),
        // The document itself.
        (&[("$", KEEP)], "  true ", "  true "),
        (&[("$", KEEP)], "-12.5e3", "-12.5e3"),
        (&[("$", ASK)], r#" "v" "#, " true "),
        (&[("$", DROP)], r#" {"a":1} "#, "null "),
        (&[("$", ASK)], r#"{"v":"v"}"#, "null"),
        (&[], r#"{"a":1}"#, "null"),
    ];
    for (paths, input, expect) in table {
        assert_eq!(text(paths, input), *expect, "{input}");
    }
}

#[test]
fn a_container_that_shows_nothing_is_left_out() {
    let paths = &[("$.data[*].health.visits", DROP), ("$.data[*].a", KEEP)];
    let input = r#"{"data":[{"health":{"visits":1},"a":2},{"health":null}]}"#;
    assert_eq!(text(paths, input), r#"{"data":[{"a":2},{}]}"#);
    // Not even how many records there were; the frame around them stays.
    let paths = &[("$.data[*].d", DROP), ("$.page.d", DROP)];
    let input = r#"{"page":{"d":1},"data":[{"d":1},{"d":2}]}"#;
    let (text, tally) = outcome(&fields(paths), &plan(None), input.as_bytes()).unwrap();
    assert_eq!((&*text, tally.records, tally.dropped_unknown), (r#"{"data":[]}"#, 0, 0));
}

#[test]
fn keys_are_compared_exactly_after_unescaping() {
    let paths = &[("$.idCard", KEEP), ("$.é", KEEP), ("$['身份证']", KEEP)];
    let same = [
        r#"{"idCard":1}"#,
        r#"{"\u0069dC\u0061rd":1}"#,
        r#"{"é":1}"#,
        r#"{"\u00e9":1}"#,
        r#"{"\u8eab\u4EFD证":1}"#,
    ];
    for input in same {
        assert_eq!(text(paths, input), input);
    }
    let quoted = &[("$['say \"x\"']", KEEP), ("$['back\\\\slash']", KEEP)];
    let input = r#"{"say \"x\"":1,"back\\slash":2,"back\/slash":3}"#;
    assert_eq!(text(quoted, input), r#"{"say \"x\"":1,"back\\slash":2}"#);
    let other = [
        r#"{"idcard":1}"#,
        r#"{"IDCARD":1}"#,
        r#"{"idCard ":1}"#,
        r#"{" idCard":1}"#,
        r#"{"idCard\u0000":1}"#,
        r#"{"idCard\u200b":1}"#,
        r#"{"ｉｄＣａｒｄ":1}"#,
        r#"{"e\u0301":1}"#,
        r#"{"E\u0301":1}"#,
        r#"{"\\u0069dCard":1}"#,
        r#"{"":1}"#,
    ];
    for input in other {
        assert_eq!(text(paths, input), "{}", "{input}");
    }
}

#[test]
fn keys_under_a_wildcard_must_be_names() {
    let paths = &[("$.map.*.y", KEEP)];
    let table = [
        (r#"{"map":{"north":{"y":1},"q_4.b-c":{"y":2}}}"#, r#"{"map":{"north":{"y":1},"q_4.b-c":{"y":2}}}"#),
        (r#"{"map":{"330106196502142015":{"y":1},"b":{"y":2}}}"#, r#"{"map":{"b":{"y":2}}}"#),
        (r#"{"map":{"E12345678":{"y":1},"张三":{"y":2},"a b":{"y":3},"":{"y":4}}}"#, r#"{"map":{}}"#),
        (r#"{"map":[{"y":1}]}"#, "{}"),
    ];
    for (input, expect) in table {
        assert_eq!(text(paths, input), *expect, "{input}");
    }
    // A named key is a name whatever it looks like.
    assert_eq!(text(&[("$['3301']", KEEP)], r#"{"3301":1}"#), r#"{"3301":1}"#);
    let deep = &[("$..x", KEEP)];
    let input = r#"{"x":1,"p":{"z":0,"x":[{"q":2}]},"r":[{"x":3},4]}"#;
    assert_eq!(text(deep, input), r#"{"x":1,"p":{"x":[{"q":2}]},"r":[{"x":3}]}"#);
}

/// Bodies, the fault of each and its offset.
const NOT_JSON: &[(&[u8], FaultKind, u64)] = &[
    (b"", FaultKind::Empty, 0),
    (b" \n", FaultKind::Empty, 2),
    (b"\xEF\xBB\xBF{}", FaultKind::ByteOrderMark, 0),
    (b"\xFF\xFE{\0}\0", FaultKind::ByteOrderMark, 0),
    (b"\xFE\xFF\0{\0}", FaultKind::ByteOrderMark, 0),
    (b"{\0}\0", FaultKind::Unexpected, 1),
    (b"\0{\0}", FaultKind::Unexpected, 0),
    (b"{} \xEF\xBB\xBF", FaultKind::TrailingData, 3),
    (b"{}{}", FaultKind::TrailingData, 2),
    (b"{}\n{}", FaultKind::TrailingData, 3),
    (b"1 2", FaultKind::TrailingData, 2),
    (b"{},", FaultKind::TrailingData, 2),
    (b")]}'\n{}", FaultKind::Unexpected, 0),
    (b"callback({})", FaultKind::Unexpected, 0),
    (b"<html>", FaultKind::Unexpected, 0),
    (b"\x1e{}", FaultKind::Unexpected, 0),
    (b"{", FaultKind::Truncated, 1),
    (b"[1", FaultKind::Truncated, 2),
    (b"\"abc", FaultKind::Truncated, 4),
    (b"tru", FaultKind::Truncated, 3),
    (b"-", FaultKind::Truncated, 1),
    (b"1.", FaultKind::Truncated, 2),
    (b"1e", FaultKind::Truncated, 2),
    (b"{\"data\"", FaultKind::Truncated, 7),
    (b"[1,]", FaultKind::Unexpected, 3),
    (b"[,1]", FaultKind::Unexpected, 1),
    (b"[1 2]", FaultKind::Unexpected, 3),
    (b"{\"a\":1,}", FaultKind::Unexpected, 7),
    (b"{,\"a\":1}", FaultKind::Unexpected, 1),
    (b"{\"a\" 1}", FaultKind::Unexpected, 5),
    (b"{\"a\"}", FaultKind::Unexpected, 4),
    (b"{\"a\":}", FaultKind::Unexpected, 5),
    (b"{a:1}", FaultKind::Unexpected, 1),
    (b"{'a':1}", FaultKind::Unexpected, 1),
    (b"{1:1}", FaultKind::Unexpected, 1),
    (b"[1}", FaultKind::Unexpected, 2),
    (b"{]", FaultKind::Unexpected, 1),
    (b"]", FaultKind::Unexpected, 0),
    (b"[1/*x*/]", FaultKind::Unexpected, 2),
    (b"\x0b1", FaultKind::Unexpected, 0),
    (b"\xc2\xa01", FaultKind::Unexpected, 0),
    (b"True", FaultKind::Unexpected, 0),
    (b"truE", FaultKind::Unexpected, 3),
    (b"nul1", FaultKind::Unexpected, 3),
    (b"nulll", FaultKind::TrailingData, 4),
    (b"NaN", FaultKind::Unexpected, 0),
    (b"Infinity", FaultKind::Unexpected, 0),
    (b"-Infinity", FaultKind::BadNumber, 1),
    (b"+1", FaultKind::Unexpected, 0),
    (b".5", FaultKind::Unexpected, 0),
    (b"01", FaultKind::BadNumber, 1),
    (b"-01", FaultKind::BadNumber, 2),
    (b"00", FaultKind::BadNumber, 1),
    (b"1.e5", FaultKind::BadNumber, 2),
    (b"[1.]", FaultKind::BadNumber, 3),
    (b"1e+", FaultKind::Truncated, 3),
    (b"[1e+]", FaultKind::BadNumber, 4),
    (b"0x10", FaultKind::TrailingData, 1),
    (b"1_000", FaultKind::TrailingData, 1),
    (b"\"a\nb\"", FaultKind::ControlCharacter, 2),
    (b"\"12345678\x1f\"", FaultKind::ControlCharacter, 9),
    (b"\"\\x\"", FaultKind::BadEscape, 2),
    (b"\"\\u12g4\"", FaultKind::BadEscape, 5),
    (b"\"\\u123\"", FaultKind::BadEscape, 6),
    (b"\"\\U0041\"", FaultKind::BadEscape, 2),
    (br#""\ud800""#, FaultKind::LoneSurrogate, 7),
    (br#""\udc00""#, FaultKind::LoneSurrogate, 6),
    (br#""\ud800\ud800""#, FaultKind::LoneSurrogate, 12),
    (br#""\ud800\u0041""#, FaultKind::LoneSurrogate, 12),
    (br#""\ud800\n""#, FaultKind::LoneSurrogate, 8),
    (br#""\ud800x""#, FaultKind::LoneSurrogate, 7),
    (br#"{"\ud800":1}"#, FaultKind::LoneSurrogate, 8),
    (b"\"a\xff\"", FaultKind::InvalidUtf8, 2),
    (b"\"\x80\"", FaultKind::InvalidUtf8, 1),
    (b"\"\xc0\xaf\"", FaultKind::InvalidUtf8, 1),
    (b"\"\xe0\x80\xaf\"", FaultKind::InvalidUtf8, 1),
    (b"\"\xed\xa0\x80\"", FaultKind::InvalidUtf8, 1),
    (b"\"\xf4\x90\x80\x80\"", FaultKind::InvalidUtf8, 1),
    (b"\"\xe5\xbc\"", FaultKind::InvalidUtf8, 1),
    (b"\"\xe5\xbc", FaultKind::Truncated, 3),
    (b"\"12345678\xe5\xbc\"12345678", FaultKind::InvalidUtf8, 9),
    (b"{\"\xff\":1}", FaultKind::InvalidUtf8, 2),
];

#[test]
fn what_is_not_json_is_a_fault() {
    use FaultKind::{TokenTooLong, TooDeep};
    let long_key = format!(r#"{{"data":1,"{}":1}}"#, "k".repeat(39));
    let long_number = format!("[{}]", "1".repeat(41));
    let long_space = format!("[{}]", " ".repeat(41));
    let deep = "[".repeat(9);
    let table: &[(&[u8], FaultKind, u64)] = &[
        (deep.as_bytes(), TooDeep, 8),
        (long_key.as_bytes(), TokenTooLong, 50),
        (long_number.as_bytes(), TokenTooLong, 41),
        (long_space.as_bytes(), TokenTooLong, 41),
    ];
    // In what is kept, masked, dropped and unknown alike.
    let maps: [Paths<'_>; 6] =
        [&[("$", KEEP)], &[("$", ASK)], &[("$", DROP)], &[], RECORDS, &[("$..x", KEEP)]];
    for paths in maps {
        let fields = fields(paths);
        for (input, kind, offset) in NOT_JSON.iter().chain(table) {
            let found = outcome(&fields, &plan(None), input);
            assert_eq!(found, Err((*kind, *offset)), "{paths:?}: {}", String::from_utf8_lossy(input));
        }
    }
}

#[test]
fn limits_are_exact() {
    let fields = fields(&[("$", KEEP)]);
    let fits = [
        format!("\"{}\"", "k".repeat(38)),
        "1".repeat(40),
        format!("[{}1]", " ".repeat(40)),
        format!("{}{}", "[".repeat(8), "]".repeat(8)),
    ];
    for input in fits {
        assert!(outcome(&fields, &plan(None), input.as_bytes()).is_ok(), "{input}");
    }
}

#[test]
fn a_named_key_comes_once() {
    use FaultKind::DuplicateKey;
    let table = [
        (r#"{"data":[{"a":1,"a":2}]}"#, 16),
        (r#"{"data":[{"a":1,"x":0,"\u0061":2}]}"#, 22),
        (r#"{"data":[{"d":1,"d":2}]}"#, 16),
        (r#"{"data":[{"q":1,"q":2}]}"#, 16),
        (r#"{"data":[],"data":[]}"#, 11),
        (r#"{"data":[{"in":{"a":1,"a":1}}]}"#, 22),
    ];
    for (input, offset) in table {
        let found = outcome(&fields(RECORDS), &plan(None), input.as_bytes());
        assert_eq!(found, Err((DuplicateKey, offset)), "{input}");
    }
    // Once in each object, and as often as it likes in what is left out.
    let input = r#"{"data":[{"a":1,"in":{"a":1}},{"a":1,"x":{"a":1,"a":2},"x":3}]}"#;
    assert_eq!(text(RECORDS, input), r#"{"data":[{"a":1,"in":{"a":1}},{"a":1}]}"#);
    // More than 64 names in one object.
    let paths: Vec<_> = (0..200).map(|n| (format!("$.k{n}"), KEEP)).collect();
    let fields = Arc::new(FieldMap::compile(&paths).unwrap());
    let members: Vec<_> = (0..200).map(|n| format!("\"k{n}\":{n}")).collect();
    let once = format!("{{{}}}", members.join(","));
    assert_eq!(masked(&fields, &plan(None), [once.as_bytes()]).unwrap().0, once);
    let twice = format!("{{{},\"k150\":0}}", members.join(","));
    let expect = (DuplicateKey, twice.len() as u64 - 9);
    assert_eq!(masked(&fields, &plan(None), [twice.as_bytes()]), Err(expect));
}

#[test]
fn what_was_seen_is_counted() {
    let input = r#"{"n":0,"data":[{"a":[1,2],"q":"v","d":{"z":1},"new":1},{"a":"x","330106":2},7]}"#;
    let (_, tally) = outcome(&fields(RECORDS), &plan(None), input.as_bytes()).unwrap();
    assert_eq!((tally.records, tally.dropped_records), (2, 0));
    assert_eq!(tally.labels, [3, 1, 1]);
    assert_eq!((tally.dropped_unknown, tally.unknown_sample.as_deref()), (4, Some("$.n")));
    assert_eq!(tally.bytes_in, input.len() as u64);
}

#[test]
fn a_sample_of_the_unknown_names_no_data() {
    let long = format!("$.{}.b", "k".repeat(300));
    let table: &[Row<'_>] = &[
        (RECORDS, r#"{"data":[{"newField":1}]}"#, "$.data[*].newField"),
        (RECORDS, r#"{"data":[{"330106196502142015":1}]}"#, "$.data[*].?"),
        (RECORDS, r#"{"data":[{"张三":1}]}"#, "$.data[*].?"),
        (RECORDS, r#"{"data":[{"G330106196502":1}]}"#, "$.data[*].?"),
        (RECORDS, r#"{"data":[7]}"#, "$.data[*]"),
        (RECORDS, r#"{"data":[{"in":7}]}"#, "$.data[*].in"),
        (RECORDS, "7", "$"),
        (&[("$.m.*.y", KEEP)], r#"{"m":{"abc":{"z":1}}}"#, "$.m.*.z"),
        (&[("$.m.*.y", KEEP)], r#"{"m":{"abc":4}}"#, "$.m.*"),
        (&[(&long, KEEP)], &format!(r#"{{"{}":0}}"#, "k".repeat(30)), "$.kkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"),
    ];
    for (paths, input, expect) in table {
        let (_, tally) = outcome(&fields(paths), &plan(None), input.as_bytes()).unwrap();
        assert_eq!(tally.unknown_sample.as_deref(), Some(*expect), "{input}");
    }
}

const TWO_LISTS: Paths<'_> = &[("$.b[*].x", KEEP), ("$.c[*].x", KEEP)];

#[test]
fn records_are_counted_and_capped() {
    let three = r#"{"data":[{"a":1},{"a":2} , {"a":3}],"x":1}"#;
    type Capped<'a> = (Paths<'a>, &'a str, Option<u64>, &'a str, u64, u64);
    let table: &[Capped<'_>] = &[
        (RECORDS, three, None, r#"{"data":[{"a":1},{"a":2} , {"a":3}]}"#, 3, 0),
        (RECORDS, three, Some(3), r#"{"data":[{"a":1},{"a":2} , {"a":3}]}"#, 3, 0),
        (RECORDS, three, Some(2), r#"{"data":[{"a":1},{"a":2} ]}"#, 2, 1),
        (RECORDS, three, Some(0), r#"{"data":[ ]}"#, 0, 3),
        (RECORDS, r#"{"data":[]}"#, None, r#"{"data":[]}"#, 0, 0),
        (
            TWO_LISTS,
            r#"{"b":[{"x":1}],"c":[{"x":2},{"x":3}]}"#,
            Some(2),
            r#"{"b":[{"x":1}],"c":[{"x":2}]}"#,
            2,
            1,
        ),
        (TWO_LISTS, r#"{"c":[{"x":[1,2]}],"b":[7]}"#, None, r#"{"c":[{"x":[1,2]}],"b":[]}"#, 1, 0),
        (&[("$.a", KEEP)], r#"{"a":1}"#, Some(9), r#"{"a":1}"#, 1, 0),
        (&[("$.a", KEEP)], r#"{"b":1}"#, None, "{}", 0, 0),
        (&[("$.a", KEEP)], r#"{"a":[1,2]}"#, Some(1), r#"{"a":[1,2]}"#, 1, 0),
        (&[("$[*]", KEEP)], "[1,[2,3],4]", Some(2), "[1,[2,3]]", 2, 1),
        (&[("$[*]", ASK)], r#"["v",{},"w","v"]"#, Some(2), "[true,false]", 2, 1),
        (
            &[("$[*].c[*].a", KEEP)],
            r#"[{"c":[{"a":1},{"a":2}]}]"#,
            Some(1),
            r#"[{"c":[{"a":1},{"a":2}]}]"#,
            1,
            0,
        ),
    ];
    for (paths, input, max, expect, records, dropped) in table {
        let (text, tally) = outcome(&fields(paths), &plan(*max), input.as_bytes()).unwrap();
        assert_eq!(text, *expect, "{input}");
        assert_eq!((tally.records, tally.dropped_records), (*records, *dropped), "{input}");
    }
}

#[test]
fn a_label_without_a_rule_is_dropped() {
    assert_eq!(text(&[("$.a", 9), ("$.b", KEEP)], r#"{"a":1,"b":2}"#), r#"{"b":2}"#);
}

#[test]
fn after_a_fault_nothing_more_is_read_or_written() {
    let mut masker = JsonMasker::new(fields(RECORDS), plan(None), LIMITS);
    let mut out = Masked::nothing();
    masker.push(br#"{"data":[{"a":1},{"#, &mut out).unwrap();
    let fault = masker.push(br#""a":01"#, &mut out).unwrap_err();
    let written = out.len();
    assert_eq!(masker.push(b"1}]}", &mut out), Err(fault));
    assert_eq!(masker.tally().records, 2);
    assert_eq!(masker.finish(&mut out), Err(fault));
    assert_eq!((out.len(), fault.to_string()), (written, "bad_number at byte 23".into()));
}

#[test]
fn the_quick_check_of_utf8_is_the_slow_one() {
    // All beginnings of one, two and three bytes, after and before others.
    let bytes = || {
        [0x41, 0x7F, 0x80, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF, 0xA0]
    };
    let tails: [&[u8]; 4] = [b"", b"abcdefgh", "张三李四".as_bytes(), b"\x80\x80\x80"];
    for head in [&b""[..], b"1234567", "张".as_bytes(), "张三a".as_bytes()] {
        for (first, second, third) in bytes()
            .into_iter()
            .flat_map(|a| bytes().into_iter().flat_map(move |b| bytes().map(|c| (a, b, c))))
        {
            for tail in tails {
                let text = [head, &[first, second, third], tail].concat();
                assert_eq!(text::is_utf8(&text), std::str::from_utf8(&text).is_ok(), "{text:x?}");
            }
        }
    }
}
