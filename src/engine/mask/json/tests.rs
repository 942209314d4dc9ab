//! Documents and what leaves of them, each at every split of the input.

mod strict;

use super::*;
use crate::engine::identifier::Kind;
use crate::engine::mask::scalar::{LabelAction, Partial, TokenKey};
use crate::engine::mask::subjects::SubjectCount;
use crate::engine::mask::watch::{LabelWatch, Watched};
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
        token_key: token_key.into(),
        claim: Some((ASK, "v".into())),
        today: (2026, 11, 22),
        records_max,
        subject: None,
        watched: Default::default(),
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
    let other =
        [r#"{"\\u0069dCard":1}"#, r#"{"":1}"#, r#"{"id_card":1}"#, r#"{"idCards":1}"#, r#"{"身份":1}"#];
    for input in other {
        let (text, tally) = outcome(&fields(paths), &plan(None), input.as_bytes()).unwrap();
        assert_eq!((&*text, tally.dropped_unknown, tally.lookalikes), ("{}", 1, 0), "{input}");
    }
    let alike = [
        r#"{"idcard":1}"#,
        r#"{"IDCARD":1}"#,
        r#"{"idCard ":1}"#,
        r#"{" idCard":1}"#,
        r#"{"idCard\u0000":1}"#,
        r#"{"idCard\u200b":1}"#,
        r#"{"ｉｄＣａｒｄ":1}"#,
        r#"{"e\u0301":1}"#,
        r#"{"E\u0301":1}"#,
        r#"{"ıdCard":1,"ID\u2060CARD":1}"#,
    ];
    for input in alike {
        let (text, tally) = outcome(&fields(paths), &plan(None), input.as_bytes()).unwrap();
        assert_eq!((&*text, tally.lookalikes), ("{}", 1), "{input}");
        let sample = tally.unknown_sample.unwrap();
        assert!(["$.idCard≈", "$.é≈"].contains(&&*sample), "{sample}");
    }
    let input = r#"{"data":[{"new":1,"A":2}]}"#;
    let (_, tally) = outcome(&fields(RECORDS), &plan(None), input.as_bytes()).unwrap();
    assert_eq!((tally.dropped_unknown, tally.unknown_sample.as_deref()), (2, Some("$.data[*].a≈")));
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
        (&[("$[*]", KEEP)], r#"["a","b"]"#, Some(1), r#"["a"]"#, 1, 1),
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
fn what_is_held_is_one_token() {
    let mut masker = JsonMasker::new(fields(RECORDS), plan(None), LIMITS);
    let mut out = Masked::nothing();
    masker.push(br#"{"data":[0"#, &mut out).unwrap();
    for _ in 0..1000 {
        for piece in
            [&br#" , {"a" :[1,{"b":"x"}],"q":"vvvvvvvvvv"#[..], br#"vvv","x":{"a":[{}]},"in":{"a":2}}"#]
        {
            masker.push(piece, &mut out).unwrap();
        }
    }
    let walk = &masker.walk;
    assert_eq!((walk.around.len(), walk.seen.len(), walk.held.len()), (2, 1, 0));
    assert!(walk.held.capacity() + walk.scratch.capacity() < 3 * LIMITS.token_bytes_max);
    assert!(walk.seen.capacity() + walk.around.capacity() < 4 * LIMITS.depth_max);
}

/// ClickHouse answers `meta` before `data`: with the records named, neither count nor cap is spent on it.
#[test]
fn arrays_beside_the_named_records_are_neither_counted_nor_cut() {
    let paths = [("$.meta[*].name".to_owned(), KEEP), ("$.data[*].x".to_owned(), KEEP)];
    let fields = Arc::new(FieldMap::compile(&paths).unwrap().with_records("$.data").unwrap());
    let input = br#"{"meta":[{"name":"x"},{"name":"y"}],"data":[{"x":1},{"x":2},{"x":3}]}"#;
    let (text, tally) = outcome(&fields, &plan(Some(2)), input).unwrap();
    assert_eq!(text, r#"{"meta":[{"name":"x"},{"name":"y"}],"data":[{"x":1},{"x":2}]}"#);
    assert_eq!((tally.records, tally.dropped_records), (2, 1));
}

/// Also of texts of which the length alone says what is shown.
#[test]
fn subjects_are_counted_on_both_ways() {
    let part = LabelAction::Partial(Partial::Keep { first: 1, last: 2 });
    let rule = LabelRule { mode: DisclosureMode::Partial, action: part, kind: Some(Kind::ResidentId) };
    let asked = LabelWatch { counts_subjects: true, ..LabelWatch::NONE };
    let watched = Watched { labels: [asked].into(), key: [1, 2] };
    let plan = Arc::new(Plan { actions: [rule].into(), watched, ..Arc::into_inner(plan(None)).unwrap() });
    let input = r#"[{"a":"11010519491231002X"},{"a":"330106199003071236"},{"a":"11010519491231002x"}]"#;
    let (text, tally) = outcome(&fields(&[("$[*].a", 0)]), &plan, input.as_bytes()).unwrap();
    let shown = |last: &str| format!(r#"{{"a":"{}***************{}"}}"#, &last[..1], &last[1..]);
    assert_eq!(text, format!("[{},{},{}]", shown("12X"), shown("336"), shown("12x")));
    assert_eq!(tally.subjects, Some(SubjectCount { subjects: 2, estimated: false }));
}
