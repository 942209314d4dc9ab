//! What a part still hides: how many values of a kind look the same behind it.
//!
//! Counted over the places of the kind's written form ([`forms`]): a hidden place may hold whatever
//! the kind allows there, a day of birth any day on which somebody alive may be born, and of all
//! combinations only those count whose check character comes out right. That count depends on the
//! characters that are shown; the **least** of all is the one that is stated, since a mask is worth
//! what it leaves of the worst placed. Where the world uses fewer numbers than the form allows
//! (counties, issuers of bank cards) the size of what is in use stands in [`forms`] as an assumption.
//!
//! Whoever knows more than the mask shows (the year of birth, the city of a telephone) is left with
//! fewer. The figures are upper bounds of secrecy, not promises.
//!
//! ```
//! use zhamen::engine::identifier::Kind;
//! use zhamen::engine::mask::scalar::{Partial, candidates};
//! let strict = candidates(Kind::ResidentId, &Partial::Keep { first: 1, last: 2 }).unwrap();
//! let widespread = candidates(Kind::ResidentId, &Partial::Keep { first: 6, last: 4 }).unwrap();
//! assert!(strict > 100_000_000 && widespread < 4_000);
//! ```

mod forms;
#[cfg(test)]
mod tests;

use super::Partial;
use super::partial::kept_of;
use crate::engine::identifier::Kind;
use forms::{Form, Slot};
use std::collections::{BTreeMap, BTreeSet};

/// The fewest candidates that a part should leave: as many as the usual part of a mobile number.
pub const CANDIDATES_MIN: u128 = 10_000;

/// The fewest values of a kind that one shown part can stand for.
///
/// None where values cannot be counted: names, addresses, email addresses, amounts and dates, and the
/// kinds that have no harmless part ([`Partial::usual`]); nor for a rule that is another kind's.
pub fn candidates(kind: Kind, rule: &Partial) -> Option<u128> {
    let form = forms::of(kind)?;
    let (first, last) = match rule {
        Partial::Keep { first, last } => (usize::from(*first), usize::from(*last)),
        Partial::Uscc if kind == Kind::Uscc => (8, 2),
        Partial::Landline if kind == Kind::Landline => (4, 2),
        Partial::Uscc | Partial::Landline | Partial::Name | Partial::Email | Partial::Address => return None,
    };
    let places = form.slots.iter().map(Slot::width).sum();
    let (first, last) = kept_of(places, first, last);
    Some(least(&form, |place| place < first || place >= places - last))
}

/// How many ways lead to each state of the check.
type Ways = BTreeMap<u32, u128>;

/// The fewest values that agree with one choice of characters in the shown places.
fn least(form: &Form, shown: impl Fn(usize) -> bool) -> u128 {
    // One for each choice of shown characters that still makes a difference.
    let mut choices = BTreeSet::from([Ways::from([(form.start, 1)])]);
    let (mut at, mut factor) = (0, 1);
    for slot in &form.slots {
        let width = slot.width();
        let seen: Vec<bool> = (at..at + width).map(&shown).collect();
        let passed_over = form.is_sum && seen.iter().all(|shown| *shown);
        choices = match slot {
            Slot::Values(_) if passed_over => choices,
            Slot::Values(values) => {
                choices.iter().flat_map(|ways| after(form, ways, at, values, &seen)).collect()
            }
            Slot::InUse { counts, digits } => {
                let known = seen.iter().take_while(|shown| **shown).count();
                factor *= counts.get(known).copied().unwrap_or(1);
                if form.is_sum {
                    at += width;
                    continue;
                }
                // Which ones are in use is not known, so that the least favourable is taken.
                (at..at + width).fold(choices, |choices, place| {
                    choices.iter().flat_map(|ways| after(form, ways, place, digits, &[true])).collect()
                })
            }
        };
        at += width;
    }
    let agreeing = |ways: &Ways| -> u128 {
        ways.iter().filter(|(state, _)| (form.accepts)(**state)).map(|(_, count)| count).sum()
    };
    // What the shown characters add to a sum may make any remainder the right one.
    let fewest = |ways: &Ways| ways.values().copied().min().unwrap_or(0);
    let counts = choices.iter().map(|ways| if form.is_sum { fewest(ways) } else { agreeing(ways) });
    factor * counts.filter(|count| *count > 0).min().unwrap_or(0)
}

/// The ways after one slot: one for each of its shown parts that can occur.
fn after(form: &Form, ways: &Ways, at: usize, values: &[Box<[u8]>], seen: &[bool]) -> BTreeSet<Ways> {
    let mut parts: BTreeMap<Vec<u8>, Ways> = BTreeMap::new();
    for value in values {
        let part = value.iter().zip(seen).filter(|(_, shown)| **shown).map(|(byte, _)| *byte).collect();
        let next = parts.entry(part).or_default();
        for (state, count) in ways {
            let step = |(state, place), byte: &u8| ((form.step)(state, place, *byte), place + 1);
            let (state, _) = value.iter().fold((*state, at), step);
            *next.entry(state).or_default() += count;
        }
    }
    parts.into_values().collect()
}
