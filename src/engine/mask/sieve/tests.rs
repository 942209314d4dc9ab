//! What a sieve lets through, at every split of the input, and against a reading of the whole document.

mod formats;

use super::*;
use crate::engine::mask::FaultKind;
use proptest::prelude::*;
use serde_json::{Value, json};

const LIMITS: MaskLimits = MaskLimits { depth_max: 16, token_bytes_max: 256 };

fn spec() -> Arc<SieveSpec> {
    let rows = ["$.data[*].region".to_owned(), "$.data[*].at.office".to_owned()];
    let counts = ["$.total".to_owned(), "$.data[*].count".to_owned(), "$.page.of".to_owned()];
    Arc::new(SieveSpec::compile(&rows, &counts, 5).unwrap())
}

fn order(suppressed: bool, totals_withheld: bool) -> Order {
    Order { wanted: vec!["330106".into(), "west".into()], suppressed: vec![suppressed; 3], totals_withheld }
}

fn sieve(spec: &Arc<SieveSpec>, order: &Order, pieces: &[&[u8]]) -> Result<(String, (u64, u64)), FaultKind> {
    let mut sieve = Sieve::new(spec.clone(), order.clone(), LIMITS);
    let mut out = Vec::new();
    for piece in pieces {
        sieve.push(piece, &mut out).map_err(|fault| fault.kind)?;
    }
    Ok((String::from_utf8(out).unwrap(), sieve.left_out()))
}

/// The same for every split into three, and byte by byte.
fn everywhere(spec: &Arc<SieveSpec>, order: &Order, text: &str) -> Result<(String, (u64, u64)), FaultKind> {
    let bytes = text.as_bytes();
    let whole = sieve(spec, order, &[bytes]);
    for first in 0..=bytes.len() {
        for second in [first, usize::midpoint(first, bytes.len()), bytes.len()] {
            let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            assert_eq!(sieve(spec, order, &pieces), whole, "{text} at {first}, {second}");
        }
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(sieve(spec, order, &single), whole, "{text}");
    whole
}

#[test]
fn rows_and_counts() {
    let ours = r#"{"region":"330106","at":{"office":"west"}}"#;
    for (input, expect, left_out) in [
        (format!("{{\"data\":[{ours}]}}"), format!("{{\"data\":[{ours}]}}"), (0, 0)),
        (format!("{{\"data\": [ {{\"region\":1}} , {ours} ] }}"), format!("{{\"data\": [ {ours} ] }}"), (1, 0)),
        (format!("{{\"data\":[{ours},{{}},{ours}]}}"), format!("{{\"data\":[{ours},{ours}]}}"), (1, 0)),
        (r#"{"data":[ ],"x":[{"region":1}]}"#.into(), r#"{"data":[ ],"x":[{"region":1}]}"#.into(), (0, 0)),
        // Numbers and escapes say the same as plain text.
        (
            r#"{"d\u0061ta":[{"r\u0065gion":330106,"at":{"office":"w\u0065st"}}]}"#.into(),
            r#"{"d\u0061ta":[{"r\u0065gion":330106,"at":{"office":"w\u0065st"}}]}"#.into(),
            (0, 0),
        ),
        // Brackets and quotes in texts end nothing.
        (
            r#"{"data":[{"a":"]},\"","region":"330106","at":{"office":"west"}},{"a":"[{"}]}"#.into(),
            r#"{"data":[{"a":"]},\"","region":"330106","at":{"office":"west"}}]}"#.into(),
            (1, 0),
        ),
        // Only one filter holds; scalars, fractions, null and containers hold for nobody.
        (
            r#"{"data":[{"region":"330106"},"330106",[["330106"]],null,{"region":330106.0,"at":{"office":"west"}},
               {"region":null},{"region":["330106"],"at":{"office":"west"}},{"region":"330106","at":"west"}]}"#
                .into(),
            r#"{"data":[]}"#.into(),
            (8, 0),
        ),
        // Counts: of a row, of all, deeper; absent ones say nothing, others than whole numbers are small.
        (
            r#"{"total":5,"page":{"of":4},"data":[{"region":"330106","at":{"office":"west"},"count":5}]}"#.into(),
            r#"{"total":5,"page":{"of":null},"data":[{"region":"330106","at":{"office":"west"},"count":5}]}"#.into(),
            (0, 1),
        ),
        (
            r#"{"data":[{"region":"330106","at":{"office":"west"},"count":4},{"region":"330106","at":{"office":"west"},"count":"12"},{"region":"330106","at":{"office":"west"},"count":null}]}"#.into(),
            r#"{"data":[{"region":"330106","at":{"office":"west"},"count":"12"}]}"#.into(),
            (2, 0),
        ),
        (r#"{"total":"5","page":{"of":"4"}}"#.into(), r#"{"total":"5","page":{"of":null}}"#.into(), (0, 1)),
        (r#"{"total":-7,"page":{"of":1e9}}"#.into(), r#"{"total":null,"page":{"of":null}}"#.into(), (0, 2)),
        (r#"{"total":null,"page":{"of":true}}"#.into(), r#"{"total":null,"page":{"of":null}}"#.into(), (0, 2)),
        (r#"{"total":99999999999999999999}"#.into(), r#"{"total":null}"#.into(), (0, 1)),
        // Elsewhere the names mean nothing.
        (r#"{"x":{"total":1},"y":[{"total":1}]}"#.into(), r#"{"x":{"total":1},"y":[{"total":1}]}"#.into(), (0, 0)),
        (r#"[{"total":1}]"#.into(), r#"[{"total":1}]"#.into(), (0, 0)),
        (" 1 ".into(), " 1 ".into(), (0, 0)),
    ] {
        assert_eq!(everywhere(&spec(), &order(true, false), &input), Ok((expect, left_out)), "{input}");
    }
}

#[test]
fn who_may_see_small_counts_does_and_totals_of_other_rows_are_withheld() {
    let text = r#"{"total":3,"data":[{"region":"330106","at":{"office":"west"},"count":1}]}"#;
    assert_eq!(everywhere(&spec(), &order(false, false), text), Ok((text.to_owned(), (0, 0))));
    let many = text.replace(":3,", ":3000,");
    let withheld = text.replace(":3,", ":null,");
    assert_eq!(everywhere(&spec(), &order(false, true), &many), Ok((withheld, (0, 1))));
    // An order that says too little leaves nothing.
    let silent = Order { wanted: Vec::new(), suppressed: Vec::new(), totals_withheld: false };
    assert_eq!(everywhere(&spec(), &silent, text), Ok((r#"{"total":null,"data":[]}"#.to_owned(), (1, 1))));
}

#[test]
fn what_cannot_be_judged_is_a_fault() {
    let long = format!("{{\"data\":[{{\"a\":\"{}\"}}]}}", "x".repeat(256));
    for (input, expect) in [
        (r#"{"data":[{"region":1,"region":2}]}"#, FaultKind::Unexpected),
        (r#"{"data":[{"region":1,"r\u0065gion":2}]}"#, FaultKind::Unexpected),
        (r#"{"data":[{"at":{"office":1},"at":{}}]}"#, FaultKind::Unexpected),
        (r#"{"data":[{"region":1}{"region":2}]}"#, FaultKind::Unexpected),
        (r#"{"data":[{"region":1},]}"#, FaultKind::Unexpected),
        (r#"{"data":[,{"region":1}]}"#, FaultKind::Unexpected),
        (r#"{"data":[{"region":1},,{}]}"#, FaultKind::Unexpected),
        (r#"{"data":[{"region":}]}"#, FaultKind::Unexpected),
        (r#"{"data":[x]}"#, FaultKind::Unexpected),
        (r#"{"total":{"value":9}}"#, FaultKind::NotACount),
        (r#"{"total":[9]}"#, FaultKind::NotACount),
        (&long, FaultKind::RecordTooLong),
        (&"[".repeat(17), FaultKind::TooDeep),
    ] {
        assert_eq!(everywhere(&spec(), &order(true, false), input), Err(expect), "{input}");
    }
}

#[test]
fn a_root_array_is_an_array_of_records() {
    let spec = Arc::new(SieveSpec::compile(&["$[*].district".into()], &[], 0).unwrap());
    let order = Order { wanted: vec!["1".into()], suppressed: Vec::new(), totals_withheld: true };
    let text = r#"[{"district":"1"},{"district":"2"},{"district":1}]"#;
    let kept = r#"[{"district":"1"},{"district":1}]"#;
    assert_eq!(everywhere(&spec, &order, text), Ok((kept.to_owned(), (1, 0))));
}

#[test]
fn paths_that_are_refused() {
    for (rows, counts, index, says) in [
        (vec!["$.region"], vec![], 0, "stands in records"),
        (vec!["$.data[*]"], vec![], 0, "after `[*]`"),
        (vec!["$..region"], vec![], 0, "only member names"),
        (vec!["$.*[*].region"], vec![], 0, "only member names"),
        (vec!["$.a[*].b[*].region"], vec![], 0, "only member names"),
        (vec!["$.data[*].region", "$.rows[*].region"], vec![], 1, "one array"),
        (vec!["$.data[*].region"], vec!["$.groups[*].count"], 1, "one array"),
        (vec![], vec!["$"], 0, "a member's name"),
        (vec![], vec!["x"], 0, "starts with `$`"),
    ] {
        let owned = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
        let fault = SieveSpec::compile(&owned(&rows), &owned(&counts), 5).unwrap_err();
        assert!(fault.index == index && fault.message.contains(says), "{rows:?} {counts:?}: {fault}");
    }
    let spec = spec();
    for (path, covered) in [
        ("$.data[*].name", true),
        ("$.data[*].a.b[*]", true),
        ("$.data.name", false),
        ("$.name", false),
        ("$..name", false),
        ("$.data", false),
    ] {
        assert_eq!(spec.covers(path), covered, "{path}");
    }
}

fn records() -> impl Strategy<Value = Vec<Value>> {
    let region =
        prop_oneof![Just(json!("330106")), Just(json!(330106)), Just(json!("330105")), Just(json!(null))];
    let office = prop_oneof![3 => Just(json!("west")), 1 => Just(json!("east"))];
    let count = prop_oneof![Just(json!(4)), Just(json!(5)), Just(json!("70")), Just(json!(2.5))];
    let record = (region, office, prop::option::of(count), "[\\]\\[{},:\"\\\\ a]{0,6}").prop_map(
        |(region, office, count, text)| {
            let mut record = json!({"text": text, "region": region, "at": {"office": office}});
            if let Some(count) = count {
                record["count"] = count;
            }
            record
        },
    );
    prop::collection::vec(record, 0..6)
}

/// What a reader of the whole document would leave.
fn reference(records: &[Value], total: u64) -> Value {
    let count = |value: &Value| match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    let passes = |record: &&Value| {
        let region = &record["region"];
        (region == "330106" || *region == json!(330106))
            && record["at"]["office"] == "west"
            && record.get("count").is_none_or(|value| count(value).is_some_and(|count: u64| count >= 5))
    };
    let total = if total < 5 { Value::Null } else { total.into() };
    json!({"total": total, "data": records.iter().filter(passes).collect::<Vec<_>>()})
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_as_a_reading_of_the_whole(records in records(), total in 0..10u64, pretty in any::<bool>(), at in any::<prop::sample::Index>()) {
        let document = json!({"total": total, "data": records});
        let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) }.unwrap();
        let limits = MaskLimits { token_bytes_max: 4096, ..LIMITS };
        let mut sieve = Sieve::new(spec(), order(true, false), limits);
        let (first, second) = text.as_bytes().split_at(at.index(text.len()));
        let mut out = Vec::new();
        sieve.push(first, &mut out).unwrap();
        sieve.push(second, &mut out).unwrap();
        let left: Value = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(&left, &reference(&records, total));
        let kept = left["data"].as_array().unwrap().len();
        prop_assert_eq!(sieve.left_out().0, (records.len() - kept) as u64);
    }
}
