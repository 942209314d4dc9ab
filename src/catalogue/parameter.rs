//! Parameters that a route declares: what callers may write there, and its one meaning.

use super::route::Place;
use crate::closed_enum;
use crate::engine::identifier::{Identifier, Kind, Verdict, check};
use crate::engine::uses::{Use, UseAs};
use std::sync::Arc;

/// A declared parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: Arc<str>,
    pub place: Place,
    pub kind: ParameterKind,
    pub required: bool,
    /// What giving it does with fields, besides what its value names.
    pub uses: Vec<Use>,
}

/// What a parameter's values are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// Any text without control characters, of so many characters at most.
    Text { characters_max: usize },
    /// A whole number within bounds, both included.
    Int { min: i64, max: i64 },
    /// A day, `YYYY-MM-DD`.
    Date,
    /// A checked identifier.
    Identifier(Kind),
    /// One of these words.
    Choice(Vec<Arc<str>>),
    /// Some of these words, each once, with commas between; each names a field.
    Fields(FieldWords),
}

/// Words that name fields, and what naming one does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldWords {
    /// Each with the index of its field's label; none for what carries no label.
    pub words: Vec<(Arc<str>, Option<usize>)>,
    /// So many at once.
    pub most: usize,
    pub how: UseAs,
}

/// A value that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    Text(String),
    Int(i64),
    /// Year, month, day of a day that exists.
    Date(u16, u8, u8),
    Identifier(Identifier),
    Choice(Arc<str>),
    /// Words, by their place in [`FieldWords::words`], and as they are written.
    Fields(Vec<usize>, String),
}

closed_enum! {
    /// Why a parameter's value was refused. Never carries the value.
    pub enum ParameterFlaw {
        /// Empty, too long, or with control characters.
        Text = "text",
        /// Not a whole number.
        Number = "number",
        /// A number out of bounds.
        Range = "range",
        /// Not a day.
        Date = "date",
        /// Not an identifier of its kind.
        Identifier = "identifier",
        /// None of the words, or too many.
        Choice = "choice",
    }
}

impl Parameter {
    /// Reads what a caller wrote, decoded.
    ///
    /// # Errors
    /// Why it is not of the kind.
    pub fn read(&self, text: &str) -> Result<Argument, ParameterFlaw> {
        self.kind.read(text)
    }

    /// The uses of fields that giving this value means.
    pub fn uses_of(&self, argument: &Argument) -> Vec<Use> {
        let mut uses = self.uses.clone();
        if let (ParameterKind::Fields(fields), Argument::Fields(named, _)) = (&self.kind, argument) {
            let labels = named.iter().filter_map(|place| fields.words.get(*place)?.1);
            uses.extend(labels.map(|label| Use { label, how: fields.how }));
        }
        uses
    }
}

impl ParameterKind {
    /// Reads a text as this kind.
    ///
    /// # Errors
    /// Why it is not of the kind.
    pub fn read(&self, text: &str) -> Result<Argument, ParameterFlaw> {
        match self {
            ParameterKind::Text { characters_max } => {
                let good = !text.is_empty()
                    && text.chars().count() <= *characters_max
                    && !text.chars().any(char::is_control);
                good.then(|| Argument::Text(text.to_owned())).ok_or(ParameterFlaw::Text)
            }
            ParameterKind::Int { min, max } => {
                let number = whole(text).ok_or(ParameterFlaw::Number)?;
                if (*min..=*max).contains(&number) {
                    Ok(Argument::Int(number))
                } else {
                    Err(ParameterFlaw::Range)
                }
            }
            ParameterKind::Date => {
                let (year, month, day) = date(text).ok_or(ParameterFlaw::Date)?;
                Ok(Argument::Date(year, month, day))
            }
            ParameterKind::Identifier(kind) => match check(*kind, text) {
                Verdict::Valid(identifier) | Verdict::ChecksumWarning(identifier) => {
                    Ok(Argument::Identifier(identifier))
                }
                Verdict::Invalid(_) => Err(ParameterFlaw::Identifier),
            },
            ParameterKind::Choice(words) => words
                .iter()
                .find(|word| &***word == text)
                .map(|word| Argument::Choice(word.clone()))
                .ok_or(ParameterFlaw::Choice),
            ParameterKind::Fields(fields) => fields.read(text),
        }
    }
}

impl FieldWords {
    fn read(&self, text: &str) -> Result<Argument, ParameterFlaw> {
        let mut named = Vec::new();
        for word in text.split(',') {
            let place = self.words.iter().position(|(known, _)| **known == *word);
            let place = place.filter(|place| !named.contains(place) && named.len() < self.most);
            named.push(place.ok_or(ParameterFlaw::Choice)?);
        }
        Ok(Argument::Fields(named, text.to_owned()))
    }
}

impl Argument {
    /// The one form in which policy, audit and upstream see it.
    pub fn canonical(&self) -> String {
        match self {
            Argument::Text(text) => text.clone(),
            Argument::Int(number) => number.to_string(),
            Argument::Date(year, month, day) => format!("{year:04}-{month:02}-{day:02}"),
            Argument::Identifier(identifier) => identifier.canonical().to_owned(),
            Argument::Choice(word) => word.to_string(),
            Argument::Fields(_, text) => text.clone(),
        }
    }
}

/// A whole number in its one form: no plus sign, no leading zeros, no minus zero.
pub(super) fn whole(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|number| number.to_string() == text)
}

/// A day of the Gregorian calendar in its one form, years 1900 to 2299.
pub(super) fn date(text: &str) -> Option<(u16, u8, u8)> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return None;
    }
    let (year, month, day): (u16, u8, u8) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    ((1900..=2299).contains(&year) && (1..=days).contains(&day)).then_some((year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_into_one_form() {
        let text = ParameterKind::Text { characters_max: 3 };
        let int = ParameterKind::Int { min: -5, max: 100 };
        let choice = ParameterKind::Choice(vec!["asc".into(), "desc".into()]);
        let person = ParameterKind::Identifier(Kind::ResidentId);
        let words = vec![("income".into(), Some(1)), ("-income".into(), Some(1)), ("id".into(), None)];
        let sort = ParameterKind::Fields(FieldWords { words, most: 2, how: UseAs::Sort });
        for (kind, written, expect) in [
            (&text, "浙江省", Ok("浙江省")),
            (&text, "", Err(ParameterFlaw::Text)),
            (&text, "abcd", Err(ParameterFlaw::Text)),
            (&text, "a\n", Err(ParameterFlaw::Text)),
            (&int, "100", Ok("100")),
            (&int, "-5", Ok("-5")),
            (&int, "101", Err(ParameterFlaw::Range)),
            (&int, "+1", Err(ParameterFlaw::Number)),
            (&int, "01", Err(ParameterFlaw::Number)),
            (&int, "-0", Err(ParameterFlaw::Number)),
            (&int, "1e2", Err(ParameterFlaw::Number)),
            (&int, "99999999999999999999", Err(ParameterFlaw::Number)),
            (&ParameterKind::Date, "2024-02-29", Ok("2024-02-29")),
            (&ParameterKind::Date, "2023-02-29", Err(ParameterFlaw::Date)),
            (&ParameterKind::Date, "2023-2-09", Err(ParameterFlaw::Date)),
            (&ParameterKind::Date, "2023-13-01", Err(ParameterFlaw::Date)),
            (&ParameterKind::Date, "2023-01-00", Err(ParameterFlaw::Date)),
            (&ParameterKind::Date, "2023-01-01-01", Err(ParameterFlaw::Date)),
            (&choice, "asc", Ok("asc")),
            (&choice, "ASC", Err(ParameterFlaw::Choice)),
            (&sort, "-income", Ok("-income")),
            (&sort, "income,id", Ok("income,id")),
            (&sort, "income,id,-income", Err(ParameterFlaw::Choice)),
            (&sort, "income,income", Err(ParameterFlaw::Choice)),
            (&sort, "income,", Err(ParameterFlaw::Choice)),
            (&sort, "income, id", Err(ParameterFlaw::Choice)),
            (&sort, "Income", Err(ParameterFlaw::Choice)),
            (&sort, "", Err(ParameterFlaw::Choice)),
            (&person, "33010619581111331x", Ok("33010619581111331X")),
            (&person, "110105194912310021", Err(ParameterFlaw::Identifier)),
        ] {
            let found = kind.read(written).map(|argument| argument.canonical());
            assert_eq!(found, expect.map(str::to_owned), "{kind:?} {written:?}");
        }
    }
}
