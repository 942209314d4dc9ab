//! Using a field without being shown it: to filter, sort, group, search, aggregate or select by it, or to make
//! a claim about it.
//!
//! Whoever may filter by a field, or place one record between two others by it, reads its values bit
//! by bit, however well they are masked. So each use of a labelled field is a question of its own:
//! action `use` on the field group, with `context.use.as` and `context.use.mode`, the mode in which
//! this caller would see the label. What is permitted is written in policies (`use.cedar` permits what
//! is seen in the clear, and claims about what may be verified); nothing permitted is a refusal. This room asks; it does not know parameters.
//!
//! ```
//! use zhamen::engine::uses::{Use, UseAs};
//! let sorted = Use { label: 2, how: UseAs::Sort };
//! assert_eq!(UseAs::parse("sort"), Some(sorted.how));
//! ```

use super::decide::{Answer, Core, Denied, PolicyIds, SetCache, Slice};
use super::disclose::Disclosure;
use super::reason::Reason;
use crate::closed_enum;

closed_enum! {
    /// What a request does with a field besides reading it; the code is `context.use.as`.
    pub enum UseAs {
        /// Chooses records by the field's value: equal, below, with this beginning, present, …
        Filter = "filter",
        /// Orders records by it; with paging that is a comparison.
        Sort = "sort",
        /// Makes one row of each of its values.
        Group = "group",
        /// Looks for a text in it, perhaps among others.
        Search = "search",
        /// Sums it up: average, greatest, number of values, …
        Aggregate = "aggregate",
        /// Names it as wanted in the answer, where it is masked as ever.
        Select = "select",
        /// Claims what its value is, on routes that verify.
        Verify = "verify",
    }
}

/// One use of one label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Use {
    /// Index into the dataset's labels.
    pub label: usize,
    pub how: UseAs,
}

/// Asks for each use; all of them must be permitted. Gives the permits that held.
///
/// # Errors
/// Every use that is refused, with the reasons of the forbids that held and [`Reason::FieldUse`].
pub(super) fn judge(
    core: &Core,
    slice: &Slice,
    uses: &[Use],
    disclosure: &Disclosure,
    sets: &mut SetCache,
) -> Result<PolicyIds, Denied> {
    let mut permits = Vec::new();
    let mut refused: Vec<(Use, Answer)> = Vec::new();
    for wanted in uses {
        let answer = ask(core, slice, *wanted, disclosure, sets);
        if answer.allowed && answer.is_sound() {
            permits.extend(answer.determining);
        } else {
            refused.push((*wanted, answer));
        }
    }
    if refused.is_empty() {
        return Ok(core.ids(&ascending(permits)));
    }
    Err(denied(core, &refused))
}

fn ask(core: &Core, slice: &Slice, wanted: Use, disclosure: &Disclosure, sets: &mut SetCache) -> Answer {
    let unaskable = || Answer { unaskable: true, ..Answer::default() };
    let label = disclosure.labels.get(wanted.label).zip(slice.groups.get(wanted.label));
    let Some((outcome, group)) = label else { return unaskable() };
    match slice.context_of_use(wanted.how, outcome.mode) {
        Some(context) => core.ask_in(slice, &context, core.using(), group, sets),
        None => unaskable(),
    }
}

fn denied(core: &Core, refused: &[(Use, Answer)]) -> Denied {
    let mut reasons = vec![Reason::FieldUse];
    let (mut forbids, mut errors) = (Vec::new(), Vec::new());
    for (_, answer) in refused {
        reasons.extend(core.reasons(answer));
        errors.extend(&answer.errors);
        if !answer.allowed {
            forbids.extend(&answer.determining);
        }
    }
    reasons.sort_unstable();
    reasons.dedup();
    Denied {
        reasons: reasons.into(),
        determining: core.ids(&ascending(forbids)),
        errors: core.ids(&ascending(errors)),
        uses: refused.iter().map(|(refused, _)| *refused).collect(),
    }
}

fn ascending(mut places: Vec<u32>) -> Vec<u32> {
    places.sort_unstable();
    places.dedup();
    places
}
