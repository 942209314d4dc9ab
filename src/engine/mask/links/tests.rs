use super::*;
use crate::engine::mask::fields::FieldMap;
use crate::engine::mask::scalar::{Partial, TokenKey};
use crate::engine::mask::watch::{LabelWatch, OnFind, Watch, Watched};
use crate::engine::mask::{Columns, Dialect, Format, MaskLimits, Masked, Masker, Tally};
use crate::engine::terms::DisclosureMode;
use proptest::prelude::*;
use std::sync::Arc;

/// A sound number of nobody.
const CANARY: &str = "330106199003071236";
const LIMITS: MaskLimits = MaskLimits { depth_max: 8, token_bytes_max: 4096 };

/// Label 0 is free text, 1 resident numbers, 2 mobile numbers (never shown), 3 public codes of enterprises.
fn plan(mode: DisclosureMode, watch: Option<LabelWatch>) -> Plan {
    let rule = |mode, action, kind| LabelRule { mode, action, kind };
    let action = match mode {
        DisclosureMode::Clear => LabelAction::Keep,
        DisclosureMode::Partial | DisclosureMode::Generalised => {
            LabelAction::Partial(Partial::Keep { first: 1, last: 2 })
        }
        DisclosureMode::Token => LabelAction::Token,
        DisclosureMode::Verify => LabelAction::Verify,
        DisclosureMode::None => LabelAction::Drop,
    };
    Plan {
        actions: [
            rule(DisclosureMode::Clear, LabelAction::Keep, None),
            rule(mode, action, Some(Kind::ResidentId)),
            rule(DisclosureMode::None, LabelAction::Drop, Some(Kind::Mobile)),
            rule(DisclosureMode::Clear, LabelAction::Keep, Some(Kind::Uscc)),
        ]
        .into(),
        token_key: TokenKey::derive(&[7; 32], "department", "matter").into(),
        claim: None,
        today: (2026, 11, 22),
        records_max: None,
        subject: None,
        watched: Watched { labels: watch.into_iter().collect(), key: [1, 2] },
    }
}

fn masked(format: &Format, plan: &Arc<Plan>, body: &[u8], split: usize) -> (String, Tally) {
    let paths: Vec<_> = ["u", "s", "k"].iter().map(|name| (format!("$.data[*].{name}"), 0)).collect();
    let fields = FieldMap::compile(&paths).unwrap().with_records("$.data").unwrap();
    let mut masker = Masker::new(format, Arc::new(fields), Arc::clone(plan), LIMITS);
    let mut out = Masked::nothing();
    for piece in [&body[..split], &body[split..]] {
        masker.push(piece, &mut out).unwrap();
    }
    let tally = masker.finish(&mut out).unwrap();
    (String::from_utf8(out.into_bytes()).unwrap(), tally)
}

fn unicode_escapes(text: &str) -> String {
    let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    format!("\"{}\"", units.concat())
}

/// A record of which `u` is this text, and `s` holds it deep inside, in every format and spelling.
fn bodies(text: &str) -> Vec<(Format, String)> {
    let json = serde_json::to_string(text).unwrap();
    let quoted = format!("\"{}\"", text.replace('"', "\"\""));
    let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
    let meta = r#"{"meta":[{"name":"k","type":"UInt8"},{"name":"u","type":"String"}],"data":"#;
    let mut bodies = Vec::new();
    for json in [json.clone(), json.replace('/', "\\/"), unicode_escapes(text)] {
        let record = format!(r#"{{"k":1,"u":{json},"s":{{"deep":[{json}, {{"x":{json}}}]}}}}"#);
        bodies.push((Format::Json, format!(r#"{{"data":[{record},{record}]}}"#)));
        bodies.push((Format::JsonLines, format!("{record}\n{record}\n")));
        bodies.push((Format::JsonSequence, format!("\u{1e}{record}\n")));
        bodies.push((Format::ClickHouseJson, format!("{meta}[{record}]}}")));
        bodies.push((Format::ClickHouseCompact, format!("{meta}[[1,{json}]]}}")));
        let columns = Columns::Declared(["k".into(), "u".into()].into());
        bodies.push((Format::ClickHouseCompactLines(columns), format!("[1,{json}]\n[2,{json}]\n")));
    }
    for dialect in [Dialect::csv(), Dialect::clickhouse_csv()] {
        bodies.push((Format::Table(dialect), format!("k,u,s\n1,{quoted},2\n1,2,{quoted}\n")));
    }
    if !text.contains(['\t', '\n', '\r']) {
        bodies.push((
            Format::Table(Dialect::clickhouse_tsv(false)),
            format!("k\tu\ts\n1\t{escaped}\t{escaped}\n"),
        ));
    }
    if !text.contains(['"', ',', '\n', '\r']) {
        bodies.push((Format::Table(Dialect::csv()), format!("s,u,k\n{text},{text},1\n")));
    }
    bodies
}

/// Whether an output says the number, once everything that hides digits is undone.
fn tells(out: &str) -> bool {
    let mut bare = String::new();
    let mut rest = out;
    while let Some(at) = rest.find("\\u") {
        bare.push_str(&rest[..at]);
        let unit = u16::from_str_radix(&rest[at + 2..at + 6], 16).unwrap();
        bare.push(char::from_u32(unit.into()).unwrap_or('?'));
        rest = &rest[at + 6..];
    }
    bare.push_str(rest);
    let mut decoded = Decoded::default();
    Escapes::ALL.iter().any(|way| {
        decoded.read(&bare, *way);
        let text = String::from_utf8_lossy(&decoded.bytes).into_owned();
        let digits: String = text.chars().map(half_width).filter(char::is_ascii_digit).collect();
        digits.contains(CANARY)
    })
}

/// The text of `u` and what it becomes where resident numbers are shown as `1***…**2`.
#[test]
fn references_show_what_the_labels_show() {
    let (part, stars) = ("3***************36", "*".repeat(18));
    let own =
        |before: &str, after: &str| (format!("{before}{CANARY}{after}"), format!("{before}{part}{after}"));
    let same = |text: &str| (text.to_owned(), text.to_owned());
    let of = |text: String, expect: String| (text, expect);
    let table = [
        own("/people/", "?x=1"),
        own("https://api.gov.cn/v1/people?idCard=", "&page=2#top"),
        own("https://api.gov.cn/v1/people#", ""),
        own("?ids=1,", ",2"),
        own("../people/", ".json"),
        own("/People('", "')"),
        own("/people/id_", "-2"),
        own("https://", "@host/"),
        own("https://", ".people.gov.cn/"),
        own("//host/", ";v=1"),
        own("urn:cn:id:", ""),
        own(" /people/", ""),
        own("/go?to=%2Fpeople%2F", "%3Fx"),
        own("%2fpeople%2f", ""),
        own("/x/%ff%fe/%zz/", "/%"),
        own(&format!("/people/{part}/and/"), "/张"),
        // In other spellings.
        of("/p/%3330106199003071236".into(), format!("/p/{part}")),
        of("/p/%2533%2533010619900307123%36".into(), format!("/p/{part}")),
        of("/p/330106%2019900307+1236/x".into(), "/p/3*****************36/x".into()),
        of("/p/330106-19900307-1236/x".into(), "/p/3*****************36/x".into()),
        of(
            "/p/３３０１０６１９９００３０７１２３６".into(),
            "/p/%EF%BC%93***************%EF%BC%93%EF%BC%96".into(),
        ),
        of("/p/110105194912310 02x".replace(' ', ""), "/p/1***************2x".into()),
        // Two of them; a label that shows nothing; kinds that have no label here.
        of(format!("/a/{CANARY}/b/{CANARY}"), format!("/a/{part}/b/{part}")),
        of("tel:+8613812345678".into(), "tel:**************".into()),
        of("/sms/13812345678.json".into(), "/sms/***********.json".into()),
        of("mailto:zhang@example.cn?x".into(), "mailto:****************?x".into()),
        of(format!("/a/G{CANARY}"), format!("/a/*{stars}")),
        // Of a label that is CLEAR; too like other numbers; no reference; nothing in it.
        same("/enterprises/91350100M000100Y43"),
        same("/orders/20261123000012/550e8400-e29b-41d4-a716-446655440000"),
        same("/v1/people/list?from=2026-11-23&page=2"),
        same(&format!("the number {CANARY}")),
        same(&format!("note: {CANARY}")),
        same(CANARY),
        same("http"),
        same("/"),
        same(""),
        same("12:30"),
    ];
    let plan = Arc::new(plan(DisclosureMode::Partial, None));
    for (nth, (text, expect)) in table.iter().enumerate() {
        for ((format, body), (_, wanted)) in bodies(text).iter().zip(bodies(expect)) {
            let kept = text == expect;
            // All splits of the first; of the others every seventh, each time others.
            let step = if nth == 0 { 1 } else { 7 };
            for split in (nth % step..=body.len()).step_by(step) {
                let (out, tally) = masked(format, &plan, body.as_bytes(), split);
                let wanted = if kept { body.clone() } else { plainly(&wanted) };
                let out = if kept { out } else { plainly(&out) };
                assert_eq!(out, wanted, "{text} at {split}: {body}");
                let found = tally.found.iter().filter(|found| found.label == 0).count();
                assert_eq!((found == 0, found), (kept, tally.found.len()), "{text}");
            }
        }
    }
}

/// The same whatever escapes and quotes of its format it was written with.
fn plainly(out: &str) -> String {
    let mut plain = String::new();
    let mut rest = out;
    while let Some(at) = rest.find("\\u") {
        plain.push_str(&rest[..at]);
        plain.push(char::from_u32(u32::from_str_radix(&rest[at + 2..at + 6], 16).unwrap()).unwrap());
        rest = &rest[at + 6..];
    }
    plain.push_str(rest);
    plain.replace("\\/", "/").replace("\\\\", "\\")
}

#[test]
fn the_mode_of_the_label_is_the_mode_in_references() {
    for (mode, expect) in [
        (DisclosureMode::Clear, format!("/p/{CANARY}")),
        (DisclosureMode::Partial, "/p/3***************36".into()),
        (DisclosureMode::Verify, format!("/p/{}", "*".repeat(18))),
        (DisclosureMode::None, format!("/p/{}", "*".repeat(18))),
    ] {
        let plan = Arc::new(plan(mode, None));
        assert_eq!(plan.show_text(0, &format!("/p/{CANARY}")), Some(expect), "{mode}");
    }
    let plan = Arc::new(plan(DisclosureMode::Token, None));
    let token = plan.show_text(0, &format!("/p/{CANARY}")).unwrap();
    let own = plan.show_text(1, CANARY).unwrap();
    assert_eq!(token, format!("/p/{own}"), "the pseudonym of the field itself");
    let plan = Arc::new(self::plan(DisclosureMode::None, None));
    assert_eq!(plan.show_text(0, &format!("\\\\p\\{CANARY}")), Some(format!("\\\\p\\{}", "*".repeat(18))));
    // Without a label of identifiers nothing is read.
    let mut blind = self::plan(DisclosureMode::None, None);
    blind.actions = blind.actions.iter().take(1).cloned().collect();
    assert_eq!(Arc::new(blind).show_text(0, &format!("/p/{CANARY}")), Some(format!("/p/{CANARY}")));
}

#[test]
fn the_watch_sees_what_is_left() {
    let watch = LabelWatch { watch: Watch::Full, on_find: OnFind::Mask, counts_subjects: false };
    let plan = Arc::new(plan(DisclosureMode::None, Some(watch)));
    let text = format!("/p/{CANARY}?u=91350100M000100Y43");
    let body = format!("{{\"u\":\"{text}\"}}\n");
    let (out, tally) = masked(&Format::JsonLines, &plan, body.as_bytes(), 3);
    assert!(!out.contains(CANARY) && out.contains("91350100M000100Y43"), "{out}");
    let counted: Vec<_> = tally.found.iter().map(|found| (found.kind, found.values)).collect();
    assert_eq!(counted, [(Kind::ResidentId, 1), (Kind::Uscc, 1)]);
}

/// Half undone, the escapes of a number leave pieces that chance makes a bank card's: it may leave all the
/// same where its label is CLEAR.
#[test]
fn pieces_of_what_may_leave_hide_nothing() {
    let text = "/3301%25306199003071%253236";
    let clear = Arc::new(plan(DisclosureMode::Clear, None));
    assert_eq!(clear.show_text(0, text), Some(text.to_owned()));
    let masked = Arc::new(plan(DisclosureMode::None, None));
    assert_ne!(masked.show_text(0, text), Some(text.to_owned()));
}

/// One way to write a character of an identifier.
fn spelling() -> impl Strategy<Value = fn(char) -> String> {
    let ways: [fn(char) -> String; 5] = [
        |c| c.to_string(),
        |c| c.to_string(),
        |c| format!("%{:02X}", u32::from(c)),
        |c| format!("%25{:02x}", u32::from(c)),
        |c| format!("%25{:x}%3{}", u32::from(c) >> 4, u32::from(c) & 15),
    ];
    prop::sample::select(ways.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_canary_leaves_unless_its_label_is_clear(
        before in prop::sample::select(vec![
            "/", "/p/", "?id=", "#", "./", "https://h.cn/", "HTTP://h/x?a=b&c=", "ftp://", "urn:", "/x('", "%2f", "//",
            "/张/", "/%E5%BC%A0/", "https://a:b@h/", "/a%20", "/a+", "/a_", "/a-", "/a.", "/%", "/%2", "/%25",
        ]),
        after in prop::sample::select(vec!["", "/", "?x=1", "&y", "#z", ".json", "')", ",1", "%2Fx", "_1", "-1", "%", "张", "\"", "\\"]),
        spellings in prop::collection::vec(spelling(), CANARY.len()),
        mode in prop::sample::select(vec![DisclosureMode::Token, DisclosureMode::Partial, DisclosureMode::Verify, DisclosureMode::None]),
        place in 0.0..1.0f64,
    ) {
        let number: String = CANARY.chars().zip(&spellings).map(|(c, spell)| spell(c)).collect();
        let text = format!("{before}{number}{after}");
        // A percent sign right before some escapes makes others of them: then the number is not there.
        prop_assume!(tells(&text));
        for (format, body) in bodies(&text) {
            let split = (body.len() as f64 * place) as usize;
            prop_assert!(tells(&body), "the test sees it in {}", body);
            let (out, _) = masked(&format, &Arc::new(plan(mode, None)), body.as_bytes(), split);
            prop_assert!(!tells(&out), "{} became {}", body, out);
            let (out, _) = masked(&format, &Arc::new(plan(DisclosureMode::Clear, None)), body.as_bytes(), split);
            prop_assert_eq!(out, body);
        }
    }
}

/// A record's link to itself leads there, where the caller named it; other links tell no more than before.
#[test]
fn the_subject_that_the_request_named_may_stand_in_references() {
    const OTHER: &str = "11010519491231002X";
    let shown = |mode, subject: Option<&str>, text: &str| {
        let plan = Arc::new(Plan { subject: subject.map(Arc::from), ..plan(mode, None) });
        let body = serde_json::json!({"data": [{"u": text}]}).to_string();
        let whole = masked(&Format::Json, &plan, body.as_bytes(), 0);
        for split in 0..body.len() {
            assert_eq!(masked(&Format::Json, &plan, body.as_bytes(), split), whole, "{text} at {split}");
        }
        let shown: serde_json::Value = serde_json::from_str(&whole.0).unwrap();
        let hidden: u64 = whole.1.found.iter().map(|found| found.values).sum();
        (shown["data"][0]["u"].as_str().unwrap().to_owned(), hidden)
    };
    let own = format!("/people/{CANARY}");
    let stars = "*".repeat(18);
    let both = format!("https://api/people/{CANARY}/spouse?id={OTHER}");
    let masked_both = format!("https://api/people/{CANARY}/spouse?id=1***************2X");
    let escaped = own.replace('3', "%33");
    let lower = (format!("/people/{}", OTHER.to_lowercase()), Some(OTHER));
    for (mode, subject, text, expect, hidden) in [
        (DisclosureMode::Partial, Some(CANARY), &*own, &*own, 0),
        (DisclosureMode::Token, Some(CANARY), &own, &own, 0),
        (DisclosureMode::Clear, Some(CANARY), &own, &own, 0),
        (DisclosureMode::Partial, Some(CANARY), &escaped, &escaped, 0),
        (DisclosureMode::Partial, lower.1, &lower.0, &lower.0, 0),
        (DisclosureMode::Partial, Some(CANARY), &both, &masked_both, 1),
        // Of whom nothing is shown: not even that it is the same one.
        (DisclosureMode::None, Some(CANARY), &own, &format!("/people/{stars}"), 1),
        (DisclosureMode::Partial, Some(OTHER), &own, "/people/3***************36", 1),
        (DisclosureMode::Partial, None, &own, "/people/3***************36", 1),
        // Something else that is nobody's label.
        (DisclosureMode::Partial, Some(CANARY), "/people/13812345678", "/people/***********", 1),
    ] {
        assert_eq!(shown(mode, subject, text), (expect.to_owned(), hidden), "{mode} {subject:?} {text}");
    }
}
