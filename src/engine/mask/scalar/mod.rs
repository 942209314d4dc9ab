//! What each mode does to one scalar.
//!
//! Duty: given what may be disclosed of a label ([`LabelAction`]) and one value, say what is shown.
//! It knows nothing of documents, paths or policies, and keeps nothing of a value it has seen.
//!
//! Three rules hold for every action but [`LabelAction::Keep`]:
//!
//! 1. **What a rule cannot treat is not shown.** A year of a text that is no date, a band of a word,
//!    a part of a truth value: [`Shown::Absent`].
//! 2. **The type stays.** A masked JSON number is a number: hidden digits are `0`, bands and age
//!    bands are their lower bound. Only a token turns a number into a text. An absent value (`null`)
//!    stays `null`, except that `VERIFY` answers `false` and `NONE` leaves it out.
//! 3. **A value already as coarse as its rule comes back as it is**: the year of `1949` is `1949`.
//!
//! ```
//! use zhamen::engine::identifier::Kind;
//! use zhamen::engine::mask::scalar::*;
//! let key = TokenKey::derive(&[7; 32], "11330100MB0000027E", "matter-1");
//! let ctx = ShowContext { token_key: &key, claim: None, today: (2026, 11, 23) };
//! let action = LabelAction::Partial(Partial::Keep { first: 1, last: 2 });
//! let shown = show(&action, Some(Kind::ResidentId), Scalar::Text("11010519491231002X"), &ctx);
//! assert_eq!(shown, Shown::Text("1***************2X".into()));
//! ```

mod address;
mod generalise;
mod partial;
#[cfg(test)]
pub(crate) mod properties;
mod residual;
#[cfg(test)]
mod tests;
mod token;
mod verify;

#[cfg(test)]
pub(crate) use properties::SAMPLES;
pub use residual::{CANDIDATES_MIN, candidates};
pub use token::TokenKey;

use crate::engine::identifier::{Date, Kind};
use crate::engine::terms::DisclosureMode;

/// One scalar of an answer, borrowed from where it was read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// A text, unescaped.
    Text(&'a str),
    /// A number as its digits were written. Eighteen digits do not fit a double, so that no number
    /// is ever read as one.
    Number(&'a str),
    Bool(bool),
    Null,
}

/// What is shown in a scalar's place, in a buffer that the next value uses again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View<'a> {
    /// The scalar itself, as it was written.
    Kept,
    /// A text, not escaped.
    Text(&'a str),
    /// The text itself, but for what stars stand for: nothing has to be copied.
    Ends(Ends),
    /// A valid JSON number.
    Number(&'a str),
    Bool(bool),
    Null,
    /// Nothing: the member is left out.
    Absent,
}

/// So many bytes at the beginning and at the end of a text, and so many stars between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    pub first: usize,
    pub stars: usize,
    pub last: usize,
}

impl Ends {
    /// What stands before the stars and behind them.
    pub fn of(self, text: &str) -> (&str, &str) {
        let first = text.get(..self.first).unwrap_or_default();
        (first, text.get(text.len().saturating_sub(self.last)..).unwrap_or_default())
    }

    /// All of it, as one text.
    pub fn joined(self, text: &str) -> String {
        let mut shown = String::new();
        self.join(text, &mut shown);
        shown
    }

    /// [`joined`](Self::joined), in a buffer whose content before is forgotten.
    pub fn join(self, text: &str, shown: &mut String) {
        let (first, last) = self.of(text);
        shown.clear();
        shown.push_str(first);
        partial::stars(self.stars, shown);
        shown.push_str(last);
    }
}

/// A [`View`] that owns what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A text, not escaped.
    Text(String),
    /// A valid JSON number.
    Number(String),
    Bool(bool),
    Null,
    /// Nothing: the member is left out.
    Absent,
}

/// What the modes do to the values of one label. A mode without a rule falls to the next weaker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelMasks {
    pub generalised: Option<Generalise>,
    pub partial: Option<Partial>,
    /// Whether a keyed pseudonym may stand for the value.
    pub token: bool,
    /// Whether yes or no may be answered about the value.
    pub verify: bool,
}

/// How a value is made coarser.
#[derive(Clone, Debug, PartialEq)]
pub enum Generalise {
    /// A date becomes its year.
    Year,
    /// A date of birth becomes an age band of so many years, for example `75-79`; a number (`19490101`)
    /// becomes the band's lower bound.
    AgeBand { years: u8 },
    /// A number becomes its band between these bounds (ascending): a text becomes `[30000,60000)`,
    /// `[60000,)` or `(,30000)`. A JSON number becomes the lower bound of its band; in the open lowest
    /// band that is 0, and `null` for a number below 0.
    Bands { bounds: Vec<i64> },
    /// An address is kept to its district.
    District,
    /// A moment becomes its day, as it is written. A JSON number of ten or thirteen digits is read as
    /// seconds or milliseconds since 1970 and becomes the start of its day in China, in the same unit.
    Day,
    /// A coordinate or another measurement is rounded to so many decimals (half away from zero); also a
    /// pair with a comma. More than seven digits before the point are no measurement.
    Decimals { decimals: u8 },
    /// A code keeps its first characters (an administrative division, an industry class).
    Prefix { characters: u8 },
}

/// How part of a value is kept and the rest replaced by `*` (`0` in numbers).
///
/// Characters are Unicode scalar values. The text is masked as it was written: full-width digits,
/// spaces and hyphens count as characters.
#[derive(Clone, Debug, PartialEq)]
pub enum Partial {
    /// Keep so many characters at each end. If they would be more than two thirds of the value, none
    /// is kept: such a value is far shorter than the kind the rule was written for.
    Keep { first: u8, last: u8 },
    /// Personal names: first, and last of three or more; the interpunct of minority names is kept, and
    /// then only the first. Spaces are kept and not counted. Compound surnames are no exception.
    Name,
    /// First character and domain.
    Email,
    /// Down to district and township, and `****` for all the rest.
    Address,
    /// Area code and last two digits.
    Landline,
    /// Enterprises are public; sole traders (92) and rural collectives (N) keep 8 + 2, and so do codes
    /// with a wrong check character. A resident number in such a field keeps 1 + 2.
    Uscc,
}

impl Partial {
    /// The rule that suits a kind where nothing else is wanted; none where no part is harmless: a
    /// disability certificate ends in category and grade, a military card tells by being there.
    ///
    /// ```
    /// use zhamen::engine::{identifier::Kind, mask::scalar::Partial};
    /// assert_eq!(Partial::usual(Kind::Mobile), Some(Partial::Keep { first: 3, last: 4 }));
    /// assert_eq!(Partial::usual(Kind::DisabilityCertificate), None);
    /// ```
    pub fn usual(kind: Kind) -> Option<Partial> {
        let (first, last) = match kind {
            Kind::Name => return Some(Partial::Name),
            Kind::Email => return Some(Partial::Email),
            Kind::Address => return Some(Partial::Address),
            Kind::Landline => return Some(Partial::Landline),
            Kind::Uscc => return Some(Partial::Uscc),
            Kind::ResidentId | Kind::HkMoTwPermit | Kind::ForeignerId => (1, 2),
            Kind::HomeVisitPermit | Kind::TaiwanPermit => (1, 2),
            Kind::Passport => (1, 3),
            Kind::Mobile | Kind::Vin => (3, 4),
            Kind::BankCard | Kind::UsSsn => (0, 4),
            Kind::Iban => (4, 4),
            Kind::Plate | Kind::OrganisationCode | Kind::EuVat | Kind::StudentNumber => (2, 2),
            Kind::BusinessLicence => (6, 2),
            Kind::RealEstateUnit => (6, 0),
            Kind::EstonianId | Kind::FinnishHetu => (0, 2),
            Kind::DisabilityCertificate | Kind::MilitaryCard => return None,
            Kind::Date | Kind::Amount | Kind::Coordinate => return None,
        };
        Some(Partial::Keep { first, last })
    }
}

/// What is done to every value of one label in one answer.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelAction {
    Keep,
    Generalise(Generalise),
    Partial(Partial),
    Token,
    Verify,
    Drop,
}

impl LabelMasks {
    /// What a permitted mode does, and the mode that it then is: one without a rule falls to the next
    /// weaker that has one, down to `NONE`.
    ///
    /// ```
    /// use zhamen::engine::mask::scalar::{LabelAction, LabelMasks};
    /// use zhamen::engine::terms::DisclosureMode;
    /// let masks = LabelMasks { verify: true, ..LabelMasks::default() };
    /// let fallen = masks.action(DisclosureMode::Partial);
    /// assert_eq!(fallen, (DisclosureMode::Verify, LabelAction::Verify));
    /// ```
    pub fn action(&self, mode: DisclosureMode) -> (DisclosureMode, LabelAction) {
        let weaker = |next| self.action(next);
        match mode {
            DisclosureMode::Clear => (mode, LabelAction::Keep),
            DisclosureMode::Generalised => match &self.generalised {
                Some(rule) => (mode, LabelAction::Generalise(rule.clone())),
                None => weaker(DisclosureMode::Partial),
            },
            DisclosureMode::Partial => match &self.partial {
                Some(rule) => (mode, LabelAction::Partial(rule.clone())),
                None => weaker(DisclosureMode::Token),
            },
            DisclosureMode::Token if self.token => (mode, LabelAction::Token),
            DisclosureMode::Token => weaker(DisclosureMode::Verify),
            DisclosureMode::Verify if self.verify => (mode, LabelAction::Verify),
            DisclosureMode::Verify => weaker(DisclosureMode::None),
            DisclosureMode::None => (mode, LabelAction::Drop),
        }
    }
}

/// What showing needs beside the value itself.
#[derive(Clone, Copy)]
pub struct ShowContext<'a> {
    /// The key of this consumer department and matter.
    pub token_key: &'a TokenKey,
    /// What the caller claims the value to be, if it claims something about this label.
    pub claim: Option<&'a str>,
    /// The day of the request in China (year, month, day).
    pub today: Date,
}

/// What is shown of one scalar. `kind` decides how a value is compared and tokenised; the rules of parts
/// and bands carry their own form.
pub fn show(action: &LabelAction, kind: Option<Kind>, scalar: Scalar<'_>, ctx: &ShowContext<'_>) -> Shown {
    match (show_into(action, kind, scalar, ctx, &mut String::new()), scalar) {
        (View::Kept, Scalar::Text(text)) | (View::Text(text), _) => Shown::Text(text.to_owned()),
        (View::Ends(ends), Scalar::Text(text)) => Shown::Text(ends.joined(text)),
        (View::Kept, Scalar::Number(lexeme)) | (View::Number(lexeme), _) => Shown::Number(lexeme.to_owned()),
        (View::Kept, Scalar::Bool(value)) | (View::Bool(value), _) => Shown::Bool(value),
        (View::Kept, Scalar::Null) | (View::Null, _) => Shown::Null,
        // Only texts have ends.
        (View::Absent | View::Ends(_), _) => Shown::Absent,
    }
}

/// [`show`], writing into `buffer`, whose content before is forgotten.
///
/// Nothing is allocated once the buffer is as long as the longest value, save where a value is read in
/// the form of its kind (pseudonyms, questions, unified social credit codes).
#[inline]
pub fn show_into<'b>(
    action: &LabelAction,
    kind: Option<Kind>,
    scalar: Scalar<'_>,
    ctx: &ShowContext<'_>,
    buffer: &'b mut String,
) -> View<'b> {
    buffer.clear();
    match (action, scalar) {
        (LabelAction::Drop, _) => View::Absent,
        (LabelAction::Verify, _) => View::Bool(verify::holds(kind, scalar, ctx.claim)),
        (LabelAction::Keep, _) => View::Kept,
        (_, Scalar::Null) => View::Null,
        // Of two values no part, band or pseudonym hides which one it is.
        (LabelAction::Generalise(_) | LabelAction::Partial(_) | LabelAction::Token, Scalar::Bool(_)) => {
            View::Absent
        }
        (LabelAction::Generalise(rule), Scalar::Text(text)) => {
            generalise::text(rule, text, ctx.today, buffer)
        }
        (LabelAction::Generalise(rule), Scalar::Number(lexeme)) => {
            generalise::number(rule, lexeme, ctx.today, buffer)
        }
        (LabelAction::Partial(rule), Scalar::Text(text)) => rule.text(text, buffer),
        (LabelAction::Partial(rule), Scalar::Number(lexeme)) => {
            let treated = partial::number(rule, lexeme, buffer);
            treated.map_or(View::Absent, |()| View::Number(buffer))
        }
        (LabelAction::Token, Scalar::Text(text) | Scalar::Number(text)) => {
            as_text(ctx.token_key.token(kind, text, buffer), buffer)
        }
    }
}

fn as_text(treated: Option<()>, buffer: &str) -> View<'_> {
    treated.map_or(View::Absent, |()| View::Text(buffer))
}
