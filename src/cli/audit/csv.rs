//! Entries as CSV (RFC 4180), safe to open in a spreadsheet.

use serde_json::Value;

/// Columns. Lists are written as JSON.
const COLUMNS: &[&str] = &[
    "seq",
    "kind",
    "ts_in",
    "ts",
    "request_id",
    "department",
    "application",
    "officer",
    "post",
    "auth_method",
    "purpose",
    "legal_basis",
    "consent_ref",
    "matter_id",
    "matter_type",
    "grants",
    "explained",
    "break_glass",
    "dataset",
    "interface",
    "route",
    "method",
    "subject_type",
    "subject_token",
    "records_requested",
    "decision",
    "reason",
    "cause",
    "reasons",
    "policies",
    "modes",
    "policy_digest",
    "risk",
    "tier",
    "features",
    "status",
    "visible_to_subject_from",
    "records",
    "labels",
    "delivered",
    "released",
    "fault",
    "hash",
];

/// The first line.
pub(super) fn head() -> String {
    COLUMNS.join(",") + "\r\n"
}

/// One entry.
pub(super) fn row(entry: &Value) -> String {
    let cell = |name: &&str| match &entry[*name] {
        Value::Null => String::new(),
        Value::String(text) => quoted(text),
        other => quoted(&other.to_string()),
    };
    COLUMNS.iter().map(cell).collect::<Vec<String>>().join(",") + "\r\n"
}

/// A cell: what a spreadsheet would take for a formula is led by an apostrophe (OWASP, CSV injection),
/// and what could end the cell is quoted.
fn quoted(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    match text.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        for (text, expect) in [
            ("plain 民政", "plain 民政"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("@SUM(1,2)", "\"'@SUM(1,2)\""),
            ("-1", "'-1"),
            ("＝1", "'＝1"),
            ("", ""),
        ] {
            assert_eq!(quoted(text), expect, "{text}");
        }
    }

    #[test]
    fn every_row_has_every_column() {
        let entry =
            serde_json::json!({ "seq": 3, "kind": "request", "modes": [{ "label": "name" }], "risk": 7 });
        let row = row(&entry);
        assert!(row.starts_with("3,request,") && row.ends_with("\r\n"));
        assert!(row.contains(r#""[{""label"":""name""}]""#), "{row}");
        assert_eq!(head().matches(',').count(), COLUMNS.len() - 1);
    }
}
