//! What of each label reaches the caller: the strongest mode that policies permit.
//!
//! For every label of the dataset Cedar is asked from `CLEAR` down to `VERIFY`; the first permitted
//! mode wins, and nothing permitted is `NONE`. An evaluation error on the way is `NONE` for that
//! label. This room decides modes; what a mode does to a value is [`super::mask`]'s.
//!
//! ```
//! use zhamen::engine::disclose::{Disclosure, LabelOutcome};
//! use zhamen::engine::{reason::Reason, terms::DisclosureMode};
//! let label = LabelOutcome {
//!     mode: DisclosureMode::Partial,
//!     reason: Some(Reason::FieldNotNeeded),
//!     determining: ["own-department".into()].into(),
//!     withheld_by: ["direct-identifiers".into()].into(),
//! };
//! let answer = Disclosure { labels: vec![label], errors: [].into() };
//! assert!(answer.labels[0].mode < DisclosureMode::Clear);
//! ```

use super::dataset::Dataset;
use super::decide::{Answer, Core, Denied, Node, PolicyIds, SetCache, Slice};
use super::reason::Reason;
use super::terms::DisclosureMode;
use std::sync::Arc;

/// The mode of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelOutcome {
    pub mode: DisclosureMode,
    /// Why not `CLEAR`; none where it is.
    pub reason: Option<Reason>,
    /// The permits that gave the mode; empty for `NONE`.
    pub determining: PolicyIds,
    /// The forbids that denied `CLEAR`.
    pub withheld_by: PolicyIds,
}

/// The modes of a dataset's labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// By label index of the dataset.
    pub labels: Vec<LabelOutcome>,
    /// The policies that could not be evaluated, ascending, each once.
    pub errors: PolicyIds,
}

impl Disclosure {
    /// Nothing of any label, for the reason that access was denied.
    pub fn nothing(dataset: &Dataset, denied: &Denied) -> Self {
        let outcome = LabelOutcome {
            mode: DisclosureMode::None,
            reason: Some(denied.reason()),
            determining: Arc::default(),
            withheld_by: denied.determining.clone(),
        };
        Disclosure { labels: vec![outcome; dataset.labels.len()], errors: denied.errors.clone() }
    }
}

/// Judges every label of the slice's dataset.
pub(super) fn disclose(core: &Core, slice: &Slice, sets: &mut SetCache) -> Disclosure {
    let mut errors = Vec::new();
    let labels = slice.groups.iter().map(|group| outcome(core, slice, group, sets, &mut errors)).collect();
    errors.sort_unstable();
    errors.dedup();
    Disclosure { labels, errors: core.ids(&errors) }
}

fn outcome(
    core: &Core,
    slice: &Slice,
    group: &Node,
    sets: &mut SetCache,
    errors: &mut Vec<u32>,
) -> LabelOutcome {
    // The answer to `CLEAR`, if it was no: it says why the label is weaker than that.
    let mut clear: Option<Answer> = None;
    for mode in DisclosureMode::ALL.iter().rev() {
        let Some(action) = core.disclosing(*mode) else { continue };
        let answer = core.ask(slice, action, group, sets);
        errors.extend(&answer.errors);
        if !answer.is_sound() {
            return withheld(core, &answer);
        }
        if answer.allowed {
            return granted(core, *mode, &answer, clear.as_ref());
        }
        clear.get_or_insert(answer);
    }
    withheld(core, &clear.unwrap_or_default())
}

fn granted(core: &Core, mode: DisclosureMode, answer: &Answer, clear: Option<&Answer>) -> LabelOutcome {
    LabelOutcome {
        mode,
        reason: clear.map(|denied| reason(core, denied)),
        determining: core.ids(&answer.determining),
        withheld_by: clear.map(|denied| core.ids(&denied.determining)).unwrap_or_default(),
    }
}

fn withheld(core: &Core, answer: &Answer) -> LabelOutcome {
    let forbids = if answer.allowed { Arc::default() } else { core.ids(&answer.determining) };
    LabelOutcome {
        mode: DisclosureMode::None,
        reason: Some(reason(core, answer)),
        determining: Arc::default(),
        withheld_by: forbids,
    }
}

/// The forbids' reason of the highest precedence; where nothing forbade, nothing asked for it.
fn reason(core: &Core, denied: &Answer) -> Reason {
    core.reasons(denied).first().copied().unwrap_or(Reason::FieldNotNeeded)
}
