//! Identifiers where none belong: inside values that leave as they are, and inside free text.
//!
//! Duty: find the stretches of a text that are identifiers by their own check or form, whatever the
//! field is called. It says where and of which kind, never what; it decides nothing, and it keeps
//! nothing of a text it has seen.
//!
//! A *group* is a run of ASCII letters and digits, of either width. A candidate begins and ends where
//! groups do, so that eighteen digits inside thirty are not found, and neither is the middle of a hash.
//! Groups joined by single spaces or dashes of one sort are also read together, where the kind is
//! written so (`6222 0212 …`, `138-1234-5678`). What is found does not overlap.
//!
//! **How sure.** A kind with a strong check (resident numbers of 18, unified social credit codes,
//! IBAN, real-estate units) or a form of its own (email, plate) is believed anywhere. Where chance
//! would make too many, something beside the number must speak for it: the *whole value* is the
//! number, or a *word* shortly before it says what it is (`护照`, `card`). The rates at which random
//! text is mistaken are measured by `cargo test --test detect_rates -- --nocapture` and stated in
//! `docs/detectors.md`.
//!
//! Not looked for: names and addresses (no form), organisation codes, business licences and military
//! cards (too short or too common a form), numbers of other countries than IBAN.
//!
//! ```
//! use zhamen::engine::detect::{Found, scan};
//! use zhamen::engine::identifier::Kind;
//! let text = "申请人身份证１１０１０５１９４９１２３１００２Ｘ，电话138-1234-5678。";
//! let mut found = Vec::new();
//! scan(text, |one| found.push(one.kind));
//! assert_eq!(found, [Kind::ResidentId, Kind::Mobile]);
//! ```

mod chain;
mod email;
mod forms;
mod group;
#[cfg(test)]
mod tests;
mod words;

use super::identifier::Kind;
use chain::Chain;

/// The kinds that are looked for: a closed set, as counters need it.
pub const KINDS: [Kind; 16] = [
    Kind::ResidentId,
    Kind::HkMoTwPermit,
    Kind::ForeignerId,
    Kind::DisabilityCertificate,
    Kind::StudentNumber,
    Kind::Uscc,
    Kind::BankCard,
    Kind::Iban,
    Kind::Mobile,
    Kind::Landline,
    Kind::Email,
    Kind::Passport,
    Kind::HomeVisitPermit,
    Kind::TaiwanPermit,
    Kind::Plate,
    Kind::RealEstateUnit,
];

/// One identifier in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: Kind,
    /// First byte, and the byte after the last; both on character boundaries.
    pub start: usize,
    pub end: usize,
}

/// Finds the identifiers of a text, from its beginning to its end.
pub fn scan(text: &str, mut each: impl FnMut(Found)) {
    let mut from = 0;
    for at in memchr::memchr_iter(b'@', text.as_bytes()) {
        if let Some(found) = email::around(text, at, from) {
            stretch(text, from, found.start, &mut each);
            each(found);
            from = found.end;
        }
    }
    stretch(text, from, text.len(), &mut each);
}

/// Whether a label's values are expected to be such identifiers, so that finding one is no news.
///
/// One register's numbers are also found under its neighbour's label: the permits and cards that
/// stand for a resident number, a landline where a mobile number belongs.
pub fn expects(label: Option<Kind>, found: Kind) -> bool {
    let Some(label) = label else { return false };
    let family = |kind| match kind {
        Kind::ResidentId | Kind::HkMoTwPermit | Kind::ForeignerId => 1,
        Kind::Mobile | Kind::Landline => 2,
        Kind::Passport | Kind::HomeVisitPermit | Kind::TaiwanPermit => 3,
        Kind::BankCard | Kind::Iban => 4,
        _ => 0,
    };
    label == found || (family(label) != 0 && family(label) == family(found))
}

/// The part of a text between two email addresses.
fn stretch(text: &str, from: usize, to: usize, each: &mut impl FnMut(Found)) {
    let mut chain = Chain::new(text);
    let mut at = from;
    while let Some(digit) = group::next_digit(text.as_bytes(), at, to) {
        let Some(group) = group::read(text, group::start(text, digit, at), to) else { break };
        at = group.end;
        chain.push(group, each);
    }
    chain.flush(each);
}
