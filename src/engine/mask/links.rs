//! Identifiers inside references: what a URL in a value that leaves as it is must not carry out.
//!
//! A field of its own label may be kept while its text names somebody all the same: `"self":
//! "/people/330106…"`, `"next": "https://api/…?idCard=330106…"`. This room finds those identifiers and
//! puts what their own label shows in their place. It reads no text that does not begin like a reference
//! (free text is [`watch`](super::watch)'s), follows nothing, and never says what it found.
//!
//! **What is a reference** (RFC 3986, without asking whether it is a good one): a text that begins, after
//! spaces, with `/`, `?`, `#`, `.`, `\` or an escape (`%`); or with a scheme of at most 32 characters, a
//! colon, and no space. The first byte says no to almost everything else.
//!
//! **What is looked at.** The text with its escapes undone until none is left, so that `%2533` is `3`, then
//! undone once, then as it is. Of each come the components (what stands between `/ ? # & = ; , :` and their
//! like), then the parts of each at whatever is neither letter, digit nor dash, then at dashes. The first
//! that is an identifier is replaced whole. Letters and digits without anything between them are one
//! part: `id330106…` is not found, as [`detect`](crate::engine::detect) does not find it.
//!
//! **What is an identifier that may not leave:**
//!
//! | the text checks as a kind | and the dataset has | outcome |
//! |---|---|---|
//! | right | a label of that kind which is not CLEAR | replaced: what the least open such label shows, else `*` for each character |
//! | right, of a kind with a strong check | no such label | replaced by `*` |
//! | right | only CLEAR labels of that kind | stays |
//! | with a wrong check character | a label of that kind which is not CLEAR | replaced as above |
//! | right, the whole component, of a kind that [`detect`](crate::engine::detect) looks for and [`telling`] | no such label | replaced by `*` |
//! | otherwise | | stays |
//!
//! **The subject that the request named** may stand in a reference all the same, in bodies and in headers
//! ([`is_own`]): the caller wrote it itself, and a record's link to itself should lead somewhere. Not where
//! a label of its kind shows this caller nothing: then the reference alone would tell which record names
//! that subject again.
//!
//! The first row that fits counts. Kinds are taken as families there are of them
//! ([`expects`](crate::engine::detect::expects)).
//!
//! Nothing is looked for in datasets without a label of an identifier's kind. Names and addresses have
//! no form that would tell them from words, so they are not found. Headers (`Location`, `Link`) are
//! read by the same [`stretches`], [`readings`] and [`is_own`]; they leave out the link instead.
//!
//! ```
//! use zhamen::engine::mask::links::{readings, stretches};
//! # use zhamen::engine::identifier::Kind;
//! let mut found = None;
//! stretches("/people/11010519491231002X.json", &mut |place, part, _| {
//!     found = readings(part).find(|one| one.is_sound).map(|one| (one.kind, place));
//!     found.is_some()
//! });
//! assert_eq!(found, Some((Kind::ResidentId, 8..26)));
//! ```

#[cfg(test)]
mod tests;

use super::plan::{LabelRule, Plan};
use super::scalar::{LabelAction, Scalar, ShowContext, Shown, show};
use super::watch::{self, FoundIn};
use crate::engine::canonical::bytes::{hex, is_path, push_escaped};
use crate::engine::detect::{KINDS, expects};
use crate::engine::identifier::{Identifier, Kind, Verdict, check, half_width, is_dash};
use std::ops::Range;

/// Longer schemes are not registered.
const SCHEME_BYTES_MAX: usize = 32;
/// No identifier is shorter.
const IDENTIFIER_BYTES_MIN: usize = 6;
/// A scheme's one letter, its colon and an identifier. Most codes that begin with a letter are shorter.
const SCHEMED_BYTES_MIN: usize = 2 + IDENTIFIER_BYTES_MIN;

/// How sure a text that checks as a kind is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Certainty {
    /// It has no form, or names nobody.
    Never,
    /// Too like any other number or word: only where a label says that such are here.
    Labelled,
    /// By its form alone, if nothing else stands beside it.
    Telling,
    /// Chance hardly ever makes one: also in the midst of other text.
    Strong,
}

fn certainty(kind: Kind) -> Certainty {
    match kind {
        Kind::ResidentId
        | Kind::HkMoTwPermit
        | Kind::ForeignerId
        | Kind::DisabilityCertificate
        | Kind::StudentNumber
        | Kind::Uscc
        | Kind::Iban
        | Kind::Email => Certainty::Strong,
        Kind::OrganisationCode
        | Kind::BusinessLicence
        | Kind::Mobile
        | Kind::BankCard
        | Kind::Passport
        | Kind::HomeVisitPermit
        | Kind::Vin
        | Kind::EstonianId
        | Kind::FinnishHetu
        | Kind::UsSsn => Certainty::Telling,
        Kind::Landline
        | Kind::TaiwanPermit
        | Kind::MilitaryCard
        | Kind::Plate
        | Kind::RealEstateUnit
        | Kind::EuVat => Certainty::Labelled,
        Kind::Name | Kind::Address | Kind::Date | Kind::Amount | Kind::Coordinate => Certainty::Never,
    }
}

/// Whether values of the kind name one person, body, thing or account, and have a form.
fn is_identifier(kind: Kind) -> bool {
    certainty(kind) > Certainty::Never
}

/// Whether values of the kind are recognised by their form alone.
pub fn telling(kind: Kind) -> bool {
    certainty(kind) >= Certainty::Telling
}

/// Whether chance hardly ever makes one, so that it is believed also in the midst of other text.
pub fn is_strong(kind: Kind) -> bool {
    certainty(kind) == Certainty::Strong
}

/// What a stretch of text is, read as one kind.
#[derive(Debug)]
pub struct Reading {
    pub kind: Kind,
    pub identifier: Identifier,
    /// Its check character is right, where it has one.
    pub is_sound: bool,
}

/// Everything that this stretch of text is, as a whole. Often nothing, sometimes several kinds.
pub fn readings(stretch: &str) -> impl Iterator<Item = Reading> + '_ {
    let kinds = Kind::ALL.iter().filter(|kind| is_identifier(**kind));
    kinds.filter_map(|kind| match check(*kind, stretch) {
        Verdict::Valid(identifier) => Some(Reading { kind: *kind, identifier, is_sound: true }),
        Verdict::ChecksumWarning(identifier) => Some(Reading { kind: *kind, identifier, is_sound: false }),
        Verdict::Invalid(_) => None,
    })
}

/// Whether this stretch is the identifier that the request named, and may stand in a reference for that.
pub fn is_own(plan: &Plan, stretch: &str) -> bool {
    let Some(subject) = &plan.subject else { return false };
    let mut is_named = false;
    for one in readings(stretch).filter(|one| *one.identifier.canonical() == **subject) {
        match sight(&plan.actions, one.kind) {
            Sight::Hidden(rule) if rule.action == LabelAction::Drop => return false,
            Sight::Hidden(_) | Sight::Clear | Sight::NoLabel => is_named = true,
        }
    }
    is_named
}

/// How much of its component a stretch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A component, from one delimiter of the reference to the next.
    Whole,
    /// What stands in one, without punctuation; dashes are part of it.
    Part,
    /// What stands between dashes.
    Group,
}

/// Gives the stretches of a decoded text that may be identifiers, a whole before its parts: where, what,
/// and of what extent. Those of which `each` says yes are not taken apart further.
pub fn stretches(text: &str, each: &mut impl FnMut(Range<usize>, &str, Extent) -> bool) {
    apart(text, 0, Extent::Whole, each);
}

fn apart(
    text: &str,
    offset: usize,
    extent: Extent,
    each: &mut impl FnMut(Range<usize>, &str, Extent) -> bool,
) {
    for piece in text.split(|c| divides(extent, c)) {
        if piece.len() < IDENTIFIER_BYTES_MIN || !piece.chars().any(promises) {
            continue;
        }
        // The pieces of a split lie inside what was split.
        let start = offset + (piece.as_ptr() as usize - text.as_ptr() as usize);
        let place = start..start + piece.len();
        let is_new = extent == Extent::Whole || piece.len() < text.len();
        // In a query a plus is a space; elsewhere it is a plus.
        if is_new
            && (each(place.clone(), piece, extent)
                || piece.contains('+') && each(place, &piece.replace('+', " "), extent))
        {
            continue;
        }
        match extent {
            Extent::Whole => apart(piece, start, Extent::Part, each),
            Extent::Part => apart(piece, start, Extent::Group, each),
            Extent::Group => {}
        }
    }
}

/// Every identifier has a digit or an at sign.
fn promises(c: char) -> bool {
    matches!(half_width(c), '0'..='9' | '@')
}

fn divides(extent: Extent, c: char) -> bool {
    match extent {
        Extent::Whole => {
            c.is_control() || c.is_ascii_punctuation() && !matches!(c, '-' | '.' | '_' | '@' | '+')
        }
        Extent::Part => !half_width(c).is_ascii_alphanumeric() && !is_dash(c),
        Extent::Group => is_dash(c),
    }
}

/// Whether a text that begins with these bytes may be a reference. `is_cut`: more bytes may follow, so
/// that what they leave open is answered with yes.
#[inline(always)]
pub(in crate::engine::mask) fn may_begin(bytes: &[u8], is_cut: bool) -> bool {
    match bytes.first() {
        Some(b'a'..=b'z' | b'A'..=b'Z') => {
            (is_cut || bytes.len() >= SCHEMED_BYTES_MIN) && may_begin_scheme(bytes, is_cut)
        }
        Some(byte) => matches!(byte, b'/' | b'?' | b'#' | b'.' | b'%' | b'\\' | b' '),
        None => is_cut,
    }
}

#[inline(never)]
fn may_begin_scheme(bytes: &[u8], is_cut: bool) -> bool {
    /// By byte: it may stand in a scheme.
    const IN_SCHEME: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'+' | b'-' | b'.');
            byte += 1;
        }
        table
    };
    let scheme = bytes.get(..SCHEME_BYTES_MAX + 1).unwrap_or(bytes);
    let length = scheme.iter().position(|byte| !IN_SCHEME[usize::from(*byte)]).unwrap_or(scheme.len());
    match (bytes.get(length), bytes.get(length + 1)) {
        _ if length > SCHEME_BYTES_MAX => false,
        // An escape of the format around it may be a colon; so may one of the reference itself.
        (Some(b'\\' | b'%'), _) => true,
        (Some(b':'), after) => after.map_or(is_cut, |byte| *byte != b' '),
        (Some(_), _) => false,
        (None, _) => is_cut,
    }
}

/// Whether a dataset has labels of identifiers, so that references are read.
pub(in crate::engine::mask) fn are_read(rules: &[LabelRule]) -> bool {
    rules.iter().filter_map(|rule| rule.kind).any(is_identifier)
}

/// What one answer's references are read with.
#[derive(Default)]
pub(in crate::engine::mask) struct Links {
    decoded: Decoded,
    /// What is shown of the last reference in which something was replaced.
    pub(in crate::engine::mask) shown: String,
    /// The same, before the next way to read it.
    before: String,
}

impl Links {
    /// Replaces what may not leave of a text, if it is a reference; true if [`shown`](Self::shown) stands
    /// for it now. What was replaced is counted as found in values of the label.
    pub(in crate::engine::mask) fn hide(
        &mut self,
        text: &str,
        (label, plan): (usize, &Plan),
        found: &mut Vec<FoundIn>,
    ) -> bool {
        let begins = text.trim_start();
        if begins.is_empty() || !may_begin(begins.as_bytes(), false) {
            return false;
        }
        let is_escaped = memchr::memchr(b'%', begins.as_bytes()).is_some();
        let ways = if is_escaped { Escapes::ALL } else { &[Escapes::Kept] };
        let mut is_hidden = false;
        for way in ways {
            if is_hidden {
                std::mem::swap(&mut self.shown, &mut self.before);
            }
            let Links { decoded, shown, before } = self;
            let text = if is_hidden { before.as_str() } else { text };
            decoded.read(text, *way);
            if replace(text, decoded, shown, |stretch, extent| {
                let (kind, rule) = hidden(&plan.actions, stretch, extent, *way == ways[0])?;
                if is_own(plan, stretch) {
                    return None;
                }
                watch::count(found, label, kind);
                Some(stand_in(stretch, rule, plan))
            }) {
                is_hidden = true;
            } else if is_hidden {
                std::mem::swap(&mut self.shown, &mut self.before);
            }
        }
        is_hidden
    }
}

/// Writes a text with other parts in place of some; true if there was one.
fn replace(
    text: &str,
    decoded: &Decoded,
    shown: &mut String,
    mut instead: impl FnMut(&str, Extent) -> Option<String>,
) -> bool {
    shown.clear();
    let mut shown_to = 0;
    decoded.stretches(&mut |place, stretch, extent| {
        let Some(part) = instead(stretch, extent) else { return false };
        shown.push_str(text.get(shown_to..place.start).unwrap_or_default());
        escape(&part, shown);
        shown_to = place.end;
        true
    });
    shown.push_str(text.get(shown_to..).unwrap_or_default());
    shown_to > 0
}

/// What the labels of a dataset say of one kind.
enum Sight<'p> {
    Hidden(&'p LabelRule),
    Clear,
    NoLabel,
}

fn sight(rules: &[LabelRule], kind: Kind) -> Sight<'_> {
    let labels = || rules.iter().filter(|rule| expects(rule.kind, kind));
    let hidden = labels().filter(|rule| rule.action != LabelAction::Keep).min_by_key(|rule| rule.mode);
    match hidden {
        Some(rule) => Sight::Hidden(rule),
        None if labels().next().is_some() => Sight::Clear,
        None => Sight::NoLabel,
    }
}

/// The kind of identifier that this stretch is and that may not leave, and the label that says so, where
/// one does: see the table above. `is_likely`: read the most likely way; by the others, weak kinds that no
/// label names are left, for chance makes them of the pieces of a number that may leave.
fn hidden<'p>(
    rules: &'p [LabelRule],
    stretch: &str,
    extent: Extent,
    is_likely: bool,
) -> Option<(Kind, Option<&'p LabelRule>)> {
    let (mut is_clear, mut doubtful) = (false, None);
    for Reading { kind, is_sound, .. } in readings(stretch) {
        match sight(rules, kind) {
            Sight::Hidden(rule) if is_sound => return Some((kind, Some(rule))),
            Sight::Hidden(rule) => doubtful = doubtful.or(Some((kind, Some(rule)))),
            Sight::Clear => is_clear |= is_sound,
            Sight::NoLabel if is_sound && is_strong(kind) => return Some((kind, None)),
            Sight::NoLabel => {
                let is_whole = is_likely && extent == Extent::Whole;
                if is_sound && is_whole && telling(kind) && KINDS.contains(&kind) {
                    doubtful = doubtful.or(Some((kind, None)));
                }
            }
        }
    }
    doubtful.filter(|_| !is_clear)
}

/// What is shown of an identifier: what its label shows, else a star for each character.
fn stand_in(stretch: &str, rule: Option<&LabelRule>, plan: &Plan) -> String {
    let context: ShowContext<'_> = watch::context(&plan.token_key, plan.today);
    match rule.map(|rule| show(&rule.action, rule.kind, Scalar::Text(stretch), &context)) {
        Some(Shown::Text(part)) => part,
        Some(Shown::Number(_) | Shown::Bool(_) | Shown::Null | Shown::Absent) | None => {
            stretch.chars().map(|_| '*').collect()
        }
    }
}

/// Appends a text as part of a path segment or a value of a query.
fn escape(part: &str, shown: &mut String) {
    for byte in part.bytes() {
        if is_path(byte) && byte != b'&' { shown.push(char::from(byte)) } else { push_escaped(shown, byte) }
    }
}

/// How a reference is read. A `%` that was meant as one may stand before two digits, so that no single
/// way is sure to be its writer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escapes {
    Kept,
    UndoneOnce,
    /// Until none is left.
    Undone,
}

impl Escapes {
    const ALL: &[Escapes] = &[Escapes::Undone, Escapes::UndoneOnce, Escapes::Kept];
}

/// A reference without its escapes.
#[derive(Default)]
struct Decoded {
    bytes: Vec<u8>,
    /// Where each byte was written, and where the text ends. Empty where nothing was escaped.
    places: Vec<usize>,
}

impl Decoded {
    /// Undoes escapes, in one pass: what was decoded may begin another escape, where that counts.
    fn read(&mut self, text: &str, escapes: Escapes) {
        self.bytes.clear();
        self.places.clear();
        if escapes == Escapes::Kept {
            self.bytes.extend_from_slice(text.as_bytes());
            return;
        }
        // Before here stands nothing that may be part of an escape.
        let mut fixed = 0;
        for (place, byte) in text.bytes().enumerate() {
            self.bytes.push(byte);
            self.places.push(place);
            while let Some([b'%', high, low]) = self.bytes.get(fixed..).and_then(|open| open.last_chunk())
                && let (Some(high), Some(low)) = (hex(*high), hex(*low))
            {
                let escape = self.bytes.len() - 3;
                self.bytes.truncate(escape);
                self.bytes.push(high << 4 | low);
                self.places.truncate(escape + 1);
                if escapes == Escapes::UndoneOnce {
                    fixed = escape + 1;
                }
            }
        }
        self.places.push(text.len());
    }

    /// [`stretches`], with the places of the text as it was written. Bytes that are no UTF-8 divide.
    fn stretches(&self, each: &mut impl FnMut(Range<usize>, &str, Extent) -> bool) {
        let written = |at: usize| self.places.get(at).copied().unwrap_or(at);
        let mut from = 0;
        for chunk in self.bytes.utf8_chunks() {
            stretches(chunk.valid(), &mut |place, stretch, extent| {
                each(written(from + place.start)..written(from + place.end), stretch, extent)
            });
            from += chunk.valid().len() + chunk.invalid().len();
        }
    }
}
