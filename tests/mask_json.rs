//! The JSON masker against a reference that reads the whole document into a tree.
//!
//! Documents, paths, plans, splits and damage are generated. The reference knows the rules of
//! `engine::mask::json` but none of its code: it walks a tree, follows the paths one by one, and
//! asks the same mask of a value (`scalar::show`).

#[path = "mask_json/document.rs"]
mod document;
#[path = "mask_json/fuzz.rs"]
mod fuzz;
#[path = "mask_json/reference.rs"]
mod reference;

use document::{Node, Tree, tree};
use proptest::prelude::*;
use proptest::sample::select;
use reference::{Path, Reference};
use std::sync::Arc;
use zhamen::engine::identifier::Kind;
use zhamen::engine::mask::fields::FieldMap;
use zhamen::engine::mask::json::JsonMasker;
use zhamen::engine::mask::scalar::{LabelAction, Partial, TokenKey};
use zhamen::engine::mask::watch::{LabelWatch, Watch, Watched};
use zhamen::engine::mask::{Format, LabelRule, MaskFault, MaskLimits, Masked, Masker, Plan, Tally};
use zhamen::engine::terms::DisclosureMode;

const LIMITS: MaskLimits = MaskLimits { depth_max: 64, token_bytes_max: 4096 };
/// A value that answers yes.
const CLAIM: &str = "yes";

/// Labels: 0 and 1 kept (1 is looked at), 2 dropped, 3 asked, 4 in part, 5 a pseudonym.
fn plan(records_max: Option<u64>) -> Plan {
    let actions = [
        (DisclosureMode::Clear, LabelAction::Keep),
        (DisclosureMode::Clear, LabelAction::Keep),
        (DisclosureMode::None, LabelAction::Drop),
        (DisclosureMode::Verify, LabelAction::Verify),
        (DisclosureMode::Partial, LabelAction::Partial(Partial::Keep { first: 1, last: 1 })),
        (DisclosureMode::Token, LabelAction::Token),
    ];
    Plan {
        actions: actions.map(|(mode, action)| LabelRule { mode, action, kind: None }).into(),
        token_key: TokenKey::derive(&[9; 32], "91330100MA2DEMA108", "matter-1").into(),
        claim: Some((3, CLAIM.into())),
        today: (2026, 11, 22),
        records_max,
        subject: None,
        watched: Watched {
            labels: [LabelWatch::NONE, LabelWatch { watch: Watch::Full, ..LabelWatch::NONE }].into(),
            key: [0; 2],
        },
    }
}

/// The same, but that label 4 is one of identifiers.
fn with_identifiers(plan: Plan) -> Plan {
    let mut actions = plan.actions.to_vec();
    actions[4].kind = Some(Kind::ResidentId);
    Plan { actions: actions.into(), ..plan }
}

fn paths() -> impl Strategy<Value = Vec<Path>> {
    let step =
        select(vec![".a", ".a", ".b", ".c", ".data", ".id", "[*]", "[*]", ".*", "..a", "..id", "..[*]"]);
    let path = (prop::collection::vec(step, 0..5), 0..6usize);
    let any = prop::collection::vec(path, 1..7).prop_map(|paths| {
        let whole = |(steps, label): (Vec<&str>, usize)| Path::new(&format!("${}", steps.concat()), label);
        paths.into_iter().map(whole).collect::<Vec<_>>()
    });
    let usual =
        ["$.data[*].a", "$.data[*].b", "$.data[*].c", "$.data[*].id", "$.data[*].data.a", "$.a", "$.b[*].*"];
    let usual = prop::collection::vec(0..6usize, usual.len()).prop_map(move |labels| {
        usual.iter().zip(labels).map(|(text, label)| Path::new(text, label)).collect()
    });
    prop_oneof![any, usual]
}

fn compile(paths: &[Path]) -> Option<Arc<FieldMap>> {
    let paths: Vec<_> = paths.iter().map(|path| (path.text.clone(), path.label)).collect();
    FieldMap::compile(&paths).ok().map(Arc::new)
}

/// What was written, and how it ended.
fn run<'a>(
    fields: &Arc<FieldMap>,
    plan: &Arc<Plan>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (String, Result<Tally, MaskFault>) {
    let mut masker = JsonMasker::new(Arc::clone(fields), Arc::clone(plan), LIMITS);
    let mut out = Masked::nothing();
    let pushed = pieces.into_iter().try_for_each(|piece| masker.push(piece, &mut out));
    let ended = pushed.and_then(|()| masker.finish(&mut out));
    (String::from_utf8_lossy(out.as_bytes()).into_owned(), ended)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// The masker gives what the reference gives, at every split, and the same bytes each time.
    #[test]
    fn agrees_with_a_tree(
        tree in tree(),
        paths in paths(),
        noise: u64,
        cap in prop::option::of(0..4u64),
        references: bool,
    ) {
        let Some(fields) = compile(&paths) else { return Ok(()) };
        let input = tree.write(noise);
        // With a label of identifiers, kept texts that begin like references are looked at; in texts so short
        // only an address of mail could be found, and these are left out here.
        let may_find = ["@", "%", "0040", "0025"].iter().any(|part| input.contains(part));
        let plan = Arc::new(if references && !may_find { with_identifiers(plan(cap)) } else { plan(cap) });
        let (text, tally) = run(&fields, &plan, [input.as_bytes()]);
        let tally = tally.map_err(|fault| TestCaseError::fail(format!("{fault}: {input}")))?;
        let mut reference = Reference::new(&paths, &plan);
        let expect = reference.document(&Node::read(&input));
        prop_assert_eq!(&Node::read(&text), &expect, "{} became {}", input, text);
        prop_assert_eq!(tally.records, reference.records(), "records of {}", input);
        prop_assert_eq!(tally.dropped_records, reference.dropped_records, "records beyond the cap of {}", input);
        prop_assert_eq!(tally.dropped_unknown, reference.unknown, "unknown of {}", input);
        prop_assert_eq!(&tally.labels, &reference.labels, "labels of {}", input);
        prop_assert_eq!(tally.looked_at, reference.looked_at, "looked at in {}", input);
        let valid: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&text);
        prop_assert!(valid.is_ok(), "{}", text);
        for at in 0..=input.len() {
            let (left, right) = input.as_bytes().split_at(at);
            let (split, ended) = run(&fields, &plan, [left, right]);
            prop_assert_eq!(&split, &text, "split at {} of {}", at, &input);
            prop_assert_eq!(ended.as_ref(), Ok(&tally));
        }
        prop_assert_eq!(run(&fields, &plan, input.as_bytes().chunks(1)), (text, Ok(tally)));
    }

    /// No value that is not kept leaves, and no key that is not named: also when the body breaks.
    #[test]
    fn nothing_hidden_leaves(tree in tree(), paths in paths(), noise: u64, hurt: (usize, u8, bool), piece in 1..40usize) {
        let Some(fields) = compile(&paths) else { return Ok(()) };
        let plan = Arc::new(plan(None));
        let input = tree.write(noise);
        let mut reference = Reference::new(&paths, &plan);
        let allowed = reference.document(&Node::read(&input)).write();
        let mut body = input.clone().into_bytes();
        let (at, byte, cut) = hurt;
        let at = at % body.len();
        if cut { body.truncate(at) } else { body[at] = byte }
        let (text, _) = run(&fields, &plan, body.chunks(piece));
        for canary in tree.canaries() {
            prop_assert!(allowed.contains(&canary) || !text.contains(&canary), "{canary} of {input} in {text}");
        }
    }

    /// Whatever comes, it ends the same way at any split, and what is written is as strict as serde_json.
    #[test]
    fn noise_is_read_the_same_in_any_pieces(
        parts in prop::collection::vec(select(NOISE.to_vec()), 0..14),
        paths in paths(),
        piece in 1..6usize,
    ) {
        let Some(fields) = compile(&paths) else { return Ok(()) };
        let plan = Arc::new(plan(None));
        let body = parts.concat();
        let (text, ended) = run(&fields, &plan, [&*body]);
        let (again, split) = run(&fields, &plan, body.chunks(piece));
        prop_assert_eq!(&ended, &split);
        let strict: Result<serde_json::Value, _> = serde_json::from_slice(&body);
        let read: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(&body);
        match ended {
            Ok(_) => {
                prop_assert_eq!(text, again);
                prop_assert!(read.is_ok() && std::str::from_utf8(&body).is_ok(), "{}", String::from_utf8_lossy(&body));
            }
            Err(fault) => prop_assert!(
                strict.is_err() || fault.kind.code() == "duplicate_key",
                "{} refused: {}", fault, String::from_utf8_lossy(&body)
            ),
        }
    }
}

/// Pieces of JSON and of what is not.
const NOISE: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b" ",
    b"\n",
    b"\"a\"",
    b"\"b\"",
    b"\"data\"",
    b"\"a\":",
    b"\"id\":",
    b"{\"data\":[",
    b"]}",
    b"{\"a\":1}",
    b"1",
    b"0",
    b"-",
    b".5",
    b"e9",
    b"true",
    b"null",
    b"fals",
    b"e",
    b"\"",
    b"\\",
    b"\\u00",
    b"41",
    b"\\ud83d",
    b"\\ude00",
    b"\xe5\xbc\xa0",
    b"\xe5",
    b"\xbc",
    b"\x00",
    b"\xef\xbb\xbf",
];

#[test]
fn memory_does_not_grow_with_the_body() {
    let fields = compile(&[Path::new("$.data[*].a", 0), Path::new("$.data[*].id", 4)]).expect("good paths");
    let mut masker = Masker::new(&Format::Json, fields, Arc::new(plan(None)), LIMITS);
    let record = format!(r#"{{"a":"{}","id":"3301","unknown":[1,2,3]}},"#, "x".repeat(100));
    let mut written = 0;
    masker.mask(br#"{"data":["#).expect("good so far");
    for _ in 0..20_000 {
        // What a piece brings leaves with it, but for a token's length.
        let out = masker.mask(record.as_bytes()).expect("good so far");
        assert!(out.len() <= record.len() + 10);
        written += out.len();
    }
    let (_, tally) = masker.mask(b"0]}").and_then(|_| masker.mask_end()).expect("good to the end");
    assert_eq!((tally.records, tally.dropped_unknown), (20_000, 20_001));
    assert!(written > 20_000 * 100);
}

#[test]
fn trees_are_written_as_they_read() {
    let tree =
        Tree::Object(vec![("a".into(), Tree::Text("张\"\u{1}😀".into())), ("b".into(), Tree::Array(vec![]))]);
    for noise in 0..200 {
        let text = tree.write(noise);
        let value: serde_json::Value = serde_json::from_str(&text).expect("valid");
        assert_eq!(value, serde_json::json!({"a": "张\"\u{1}😀", "b": []}), "{text}");
        assert_eq!(Node::read(&Node::read(&text).write()), Node::read(&text));
    }
}

/// The fuzz target's seeds, each at every split: so that neither the target nor the seeds can rot.
#[test]
fn the_fuzz_target_holds_on_its_seeds() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/mask_json");
    let mut count = 0;
    for entry in std::fs::read_dir(seeds).expect("the seeds are there") {
        let seed = std::fs::read(entry.expect("a seed").path()).expect("a file");
        for split in 0..=u8::try_from(seed.len() - 1).unwrap_or(u8::MAX) {
            fuzz::check(&[&[split], &seed[1..]].concat());
        }
        count += 1;
    }
    assert!(count > 10, "{count} seeds");
}
