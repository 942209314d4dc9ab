//! Reads the `Disclosure` header: which label came back in which mode, and why.
//!
//! It is an RFC 8941 list of tokens with parameters, of which only tokens occur here.
//!
//! ```
//! use zhamen::demo::play::disclosure;
//! use zhamen::engine::terms::DisclosureMode;
//! let items = disclosure::parse("id-number;mode=PARTIAL;reason=E-FIELD-NOT-NEEDED, name;mode=CLEAR").unwrap();
//! assert_eq!(items[1].mode, DisclosureMode::Clear);
//! ```

use crate::engine::reason::Reason;
use crate::engine::terms::DisclosureMode;

/// One label's outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub label: String,
    pub mode: DisclosureMode,
    pub reason: Option<Reason>,
}

/// The items in order; `None` if the header is anything else.
pub fn parse(header: &str) -> Option<Vec<Item>> {
    header.split(',').map(|member| item(member.trim())).collect()
}

fn item(member: &str) -> Option<Item> {
    let mut parts = member.split(';');
    let label = parts.next()?;
    if label.is_empty()
        || !label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    {
        return None;
    }
    let (mut mode, mut reason) = (None, None);
    for parameter in parts {
        match parameter.trim_start().split_once('=')? {
            ("mode", code) => mode = Some(DisclosureMode::parse(code)?),
            ("reason", code) => reason = Some(Reason::parse(code)?),
            _ => return None,
        }
    }
    Some(Item { label: label.to_owned(), mode: mode?, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_or_refused() {
        let table = [
            ("name;mode=CLEAR", Some(1)),
            ("a;mode=NONE;reason=E-NO-POLICY,b;mode=VERIFY", Some(2)),
            ("a; mode=TOKEN ,  b;mode=GENERALISED", Some(2)),
            ("", None),
            ("name", None),
            ("name;mode=OPEN", None),
            ("name;mode=CLEAR;reason=E-WHATEVER", None),
            ("Name;mode=CLEAR", None),
            ("name;mode=\"CLEAR\"", None),
            ("name;mode=CLEAR,", None),
        ];
        for (header, items) in table {
            assert_eq!(parse(header).map(|items| items.len()), items, "{header}");
        }
    }
}
