//! Stored queries: fixed SQL with typed places for values, for warehouses that speak ClickHouse's
//! HTTP interface.
//!
//! The text is written by whoever writes the catalogue; callers only give values, and each is read as
//! its type and written as a literal that cannot be anything else. A place is `{name:Type}` outside
//! of quotes, where `Type` is `String`, `UInt32`, `UInt64`, `Int64`, `Date` or a kind of identifier
//! (`{id:resident-id}`, put in as its canonical text).
//!
//! ```
//! use zhamen::catalogue::StoredQuery;
//! let query = StoredQuery::parse("SELECT name FROM people WHERE id = {id:String} FORMAT JSON").unwrap();
//! let sql = query.render(|_| Some("x' OR 'a'='a")).unwrap();
//! assert_eq!(sql, r"SELECT name FROM people WHERE id = 'x\' OR \'a\'=\'a' FORMAT JSON");
//! ```

mod text;

use super::parameter::{date, whole};
use crate::engine::identifier::{Kind, Verdict, check};
use std::sync::Arc;

/// A query whose places are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredQuery {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Arc<str>),
    Value { name: Arc<str>, kind: SqlType },
}

/// What may stand in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlType {
    /// Any text without control characters.
    String,
    UInt32,
    UInt64,
    Int64,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// A checked identifier, as its canonical text.
    Identifier(Kind),
}

/// Why a query could not be written. Carries the place's name, never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("no value for `{0}`")]
    Missing(Arc<str>),
    #[error("the value for `{0}` is not of its type")]
    Type(Arc<str>),
}

impl SqlType {
    /// The type of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "String" => Some(SqlType::String),
            "UInt32" => Some(SqlType::UInt32),
            "UInt64" => Some(SqlType::UInt64),
            "Int64" => Some(SqlType::Int64),
            "Date" => Some(SqlType::Date),
            kind => Kind::parse(kind).map(SqlType::Identifier),
        }
    }

    /// The literal for a value, or nothing if it is not of the type.
    fn literal(self, value: &str) -> Option<String> {
        match self {
            SqlType::String => quoted(value),
            SqlType::UInt32 => u32::try_from(whole(value)?).ok().map(|number| number.to_string()),
            SqlType::UInt64 => {
                value.parse::<u64>().ok().map(|number| number.to_string()).filter(|text| text == value)
            }
            SqlType::Int64 => whole(value).map(|number| number.to_string()),
            SqlType::Date => {
                date(value).map(|(year, month, day)| format!("toDate('{year:04}-{month:02}-{day:02}')"))
            }
            SqlType::Identifier(kind) => match check(kind, value) {
                Verdict::Valid(identifier) | Verdict::ChecksumWarning(identifier) => {
                    quoted(identifier.canonical())
                }
                Verdict::Invalid(_) => None,
            },
        }
    }
}

impl StoredQuery {
    /// Reads a query: one `SELECT` or `WITH` statement that ends in `FORMAT JSON` or another
    /// format of [`AnswerFormat`](super::AnswerFormat), without comments.
    ///
    /// # Errors
    /// Where in the text it is wrong, in characters, and how.
    pub fn parse(sql: &str) -> Result<StoredQuery, (usize, String)> {
        text::parse(sql).map(|parts| StoredQuery { parts })
    }

    /// The places in order, each with its type; a name may stand more than once.
    pub fn places(&self) -> impl Iterator<Item = (&Arc<str>, SqlType)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value { name, kind } => Some((name, *kind)),
            Part::Text(_) => None,
        })
    }

    /// Gives places other names, where `name` has one.
    pub(super) fn rename(mut self, name: impl Fn(&str) -> Option<Arc<str>>) -> StoredQuery {
        for part in &mut self.parts {
            if let Part::Value { name: place, .. } = part
                && let Some(other) = name(place)
            {
                *place = other;
            }
        }
        self
    }

    /// The query with values in its places; `value` gives the canonical text for a place's name.
    ///
    /// # Errors
    /// A place without a value, or with one that is not of its type.
    pub fn render<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Result<String, QueryError> {
        let mut sql = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => sql.push_str(text),
                Part::Value { name, kind } => {
                    let value = value(name).ok_or_else(|| QueryError::Missing(name.clone()))?;
                    let literal = kind.literal(value).ok_or_else(|| QueryError::Type(name.clone()))?;
                    sql.push_str(&literal);
                }
            }
        }
        Ok(sql)
    }
}

/// A string literal of ClickHouse: single quotes, in which only `\` and `'` mean something. Control
/// characters, which no parameter of ours needs, are refused rather than escaped.
fn quoted(value: &str) -> Option<String> {
    if value.chars().any(char::is_control) {
        return None;
    }
    let mut literal = String::with_capacity(value.len() + 2);
    literal.push('\'');
    for letter in value.chars() {
        if matches!(letter, '\'' | '\\') {
            literal.push('\\');
        }
        literal.push(letter);
    }
    literal.push('\'');
    Some(literal)
}

#[cfg(test)]
mod tests;
