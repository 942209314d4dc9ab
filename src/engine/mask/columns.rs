//! Columns: which place of the field map a named column of a table is.
//!
//! A column is a member of a record (`FieldMap::row`), so one dataset can be answered as documents
//! and as tables. Names match exactly, as keys do; a column that only a wildcard reaches must look
//! like a name. What no path names is unknown, counted and left out, header and cells; a column that reads
//! like one that is named is counted as a lookalike, too.

use super::fields::{DEAD, FieldMap, StateId};
use super::json::is_name;
use super::plan::FaultKind;
use super::showing::Showing;

/// The place of each column; [`DEAD`] for an unknown one.
///
/// # Errors
/// [`FaultKind::DuplicateKey`]: a known name twice, [`FaultKind::BadHeader`]: no column at all.
pub(super) fn places<'a>(
    fields: &FieldMap,
    showing: &mut Showing,
    names: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<StateId>, FaultKind> {
    let row = fields.state(fields.row());
    let mut seen: Vec<&[u8]> = Vec::new();
    let mut places = Vec::new();
    for (position, name) in names.enumerate() {
        let state = match row.find(name, position) {
            Some((_, state)) => state,
            None if is_name(name) => row.other(),
            None => DEAD,
        };
        if state == DEAD {
            let looks = showing.looks_for_lookalikes();
            match if looks { row.lookalike(name) } else { None } {
                Some(named) => showing.count_lookalike(|| format!("$[*].{named}≈")),
                None => showing.count_unknown(|| template(name)),
            }
        } else if seen.contains(&name) {
            return Err(FaultKind::DuplicateKey);
        } else {
            seen.push(name);
        }
        places.push(state);
    }
    if places.is_empty() { Err(FaultKind::BadHeader) } else { Ok(places) }
}

/// Where an unknown column is, without data.
fn template(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(name) if is_name(name.as_bytes()) => format!("$[*].{name}"),
        Ok(_) | Err(_) => "$[*].?".into(),
    }
}

/// A column's type as ClickHouse names it, for what is shown instead of its values.
///
/// A mask that leaves a number a number keeps the type; every other mask makes a text, and what a
/// mask cannot treat is NULL. `wide_as_text`: integers of 64 bits and more and decimals come quoted, as
/// in ClickHouse's JSON, so that a mask of one is a text.
pub(super) fn shown_type(
    showing: &Showing,
    label: Option<u16>,
    declared: &str,
    wide_as_text: bool,
) -> String {
    use super::scalar::LabelAction::{Drop, Generalise, Keep, Partial, Token, Verify};
    match label.and_then(|label| showing.action(label)) {
        None | Some(Keep | Drop) => declared.to_owned(),
        Some(Verify) => "Nullable(Bool)".to_owned(),
        Some(Token) => "Nullable(String)".to_owned(),
        Some(Generalise(_) | Partial(_)) => {
            let inner = inner_type(declared);
            let wide = ["Int64", "UInt64", "Int128", "UInt128", "Int256", "UInt256"].contains(&inner)
                || inner.starts_with("Decimal");
            if is_numeric(declared) && !(wide_as_text && wide) {
                format!("Nullable({inner})")
            } else {
                "Nullable(String)".to_owned()
            }
        }
    }
}

/// Values of the type are written as numbers.
pub(super) fn is_numeric(declared: &str) -> bool {
    let inner = inner_type(declared);
    ["Int", "UInt", "Float", "BFloat"].iter().any(|kind| {
        let bits = inner.strip_prefix(kind);
        bits.is_some_and(|bits| !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit()))
    }) || inner.starts_with("Decimal")
}

fn inner_type(declared: &str) -> &str {
    let mut inner = declared;
    for around in ["LowCardinality(", "Nullable("] {
        inner = inner.strip_prefix(around).and_then(|rest| rest.strip_suffix(')')).unwrap_or(inner);
    }
    inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_types_of_clickhouse() {
        for (declared, numeric) in [
            ("UInt32", true),
            ("Nullable(Int8)", true),
            ("LowCardinality(Nullable(UInt64))", true),
            ("Float64", true),
            ("Decimal(9, 2)", true),
            ("Decimal64(4)", true),
            ("String", false),
            ("Date", false),
            ("IntervalDay", false),
            ("Array(UInt8)", false),
            ("Enum8('a' = 1)", false),
            ("", false),
        ] {
            assert_eq!(is_numeric(declared), numeric, "{declared}");
        }
    }
}
