//! Entries as lines of text for a terminal.

use crate::state::usage::Seen;
use serde_json::{Value, json};

/// Members shown, in this order, where an entry has them.
const SHOWN: &[&str] = &[
    "request_id",
    "department",
    "application",
    "officer",
    "purpose",
    "matter_type",
    "grants",
    "explained",
    "dataset",
    "interface",
    "subject_token",
    "decision",
    "reason",
    "cause",
    "delivered",
    "released",
    "records",
    "fault",
    "status",
    "visible_to_subject_from",
    "what",
    "reader",
    "caller",
    "old",
    "new",
    "accepted",
    "digest_after",
    "actor",
    "action",
    "detail",
    "count",
    "first",
    "last",
];

/// One entry in one line: number, time, kind, then what there is of the rest.
pub(super) fn line(entry: &Value) -> String {
    let time = entry["ts_in"].as_str().or(entry["ts"].as_str()).unwrap_or("-");
    let kind = entry["kind"].as_str().unwrap_or("?");
    let mut line = format!("{} {} {}", entry["seq"], plain(time), plain(kind));
    for name in SHOWN {
        match &entry[*name] {
            Value::Null => {}
            Value::String(text) => line.push_str(&format!(" {name}={}", plain(text))),
            other => line.push_str(&format!(" {name}={other}")),
        }
    }
    line
}

/// One use in one line.
pub(super) fn used(seen: &Seen) -> String {
    let ended = seen.ended.map(|ended| if ended.delivered { "delivered" } else { "not delivered" });
    let members = [
        ("reader", seen.reader.as_deref()),
        ("department", seen.department.as_deref()),
        ("officer", seen.officer.as_deref()),
        ("purpose", seen.purpose.as_deref()),
        ("matter_type", seen.matter_type.as_deref()),
        ("dataset", seen.dataset.as_deref()),
        ("interface", seen.interface.map(|one| one.code())),
        ("decision", seen.decision.map(|one| one.code())),
        ("reason", seen.reason.map(|one| one.code())),
        ("outcome", ended),
        ("request_id", Some(&seen.request_id)),
    ];
    let shown = members.iter().filter_map(|(name, text)| Some(format!(" {name}={}", plain((*text)?))));
    let modes = seen.modes.iter().map(|one| format!(" {}:{}", plain(&one.label), one.mode.code()));
    format!("{} {}{}{}", seen.seq, plain(&seen.time), shown.collect::<String>(), modes.collect::<String>())
}

/// One use as a JSON line.
pub(super) fn used_json(seen: &Seen) -> Value {
    let modes = seen.modes.iter().map(|one| json!({ "label": one.label, "mode": one.mode.code() }));
    json!({
        "seq": seen.seq, "time": seen.time, "request_id": seen.request_id, "reader": seen.reader,
        "department": seen.department, "officer": seen.officer, "subject_token": seen.subject_token,
        "purpose": seen.purpose, "legal_basis": seen.legal_basis.map(|one| one.code()),
        "matter_type": seen.matter_type, "dataset": seen.dataset,
        "interface": seen.interface.map(|one| one.code()), "decision": seen.decision.map(|one| one.code()),
        "reason": seen.reason.map(|one| one.code()), "modes": modes.collect::<Vec<_>>(),
        "delivered": seen.ended.map(|one| one.delivered), "records": seen.ended.and_then(|one| one.records),
    })
}

/// Text that cannot move the cursor, end the line or reorder what stands beside it; a space is shown as
/// `␠`, so that one value stays one word.
pub(super) fn plain(text: &str) -> String {
    let harmless = |letter: char| match letter {
        ' ' => '␠',
        _ if letter.is_control() || is_hidden(letter) => '\u{fffd}',
        _ => letter,
    };
    text.chars().map(harmless).collect()
}

/// Marks that reorder or hide text (Unicode TR 36).
fn is_hidden(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_one_inert_word() {
        for (text, expect) in [
            ("mz-0417", "mz-0417"),
            ("a b\r\nc", "a␠b\u{fffd}\u{fffd}c"),
            ("\u{1b}[2J", "\u{fffd}[2J"),
            ("x\u{202e}y\u{9b}", "x\u{fffd}y\u{fffd}"),
        ] {
            assert_eq!(plain(text), expect);
        }
        let entry =
            json!({ "seq": 4, "kind": "request", "ts_in": "t", "officer": "a\u{1b}[0m\n5 x", "status": 200 });
        assert_eq!(line(&entry), "4 t request officer=a\u{fffd}[0m\u{fffd}5␠x status=200");
    }
}
