//! Which values are looked at before they leave, and what is done where something is found.
//!
//! A value that leaves as it is may carry an identifier where the catalogue says there is none: a
//! number in a remark, a column that changed its meaning. The room finds it with
//! [`detect`](crate::engine::detect), counts it by kind, and hides it where the catalogue says so. It
//! never says what it found.

use super::plan::{LabelRule, Tally};
use super::scalar::{LabelAction, Partial, Scalar, ShowContext, Shown, TokenKey, View, show};
use crate::closed_enum;
use crate::engine::detect::{self, Found};
use crate::engine::identifier::Kind;
use crate::engine::terms::SubjectType;

/// How many of a label's values are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    #[default]
    Off,
    /// One value in so many, chosen at random; at least 2.
    Sample(u32),
    Full,
}

closed_enum! {
    /// What happens where an identifier is found.
    pub enum OnFind {
        /// It is counted and leaves.
        Alarm = "alarm",
        /// It is counted, and leaves in part, as values of its kind usually do.
        Mask = "mask",
    }
}

/// What is asked of one label's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelWatch {
    pub watch: Watch,
    pub on_find: OnFind,
    /// They name persons or bodies, who are counted, in whatever mode they are shown.
    pub counts_subjects: bool,
}

impl LabelWatch {
    /// Nothing is asked.
    pub const NONE: LabelWatch =
        LabelWatch { watch: Watch::Off, on_find: OnFind::Alarm, counts_subjects: false };
}

/// What is asked of one answer's values. The default asks nothing and costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// By label index of the dataset; a label beyond the end asks nothing.
    pub labels: std::sync::Arc<[LabelWatch]>,
    /// Random, not known to callers: it chooses samples and hides who is counted.
    pub key: [u64; 2],
}

impl Watched {
    /// What is asked of a label.
    pub fn of(&self, label: usize) -> LabelWatch {
        self.labels.get(label).copied().unwrap_or(LabelWatch::NONE)
    }
}

/// Identifiers of one kind that were found in values of one label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundIn {
    /// Label index of the dataset.
    pub label: usize,
    pub kind: Kind,
    pub values: u64,
}

/// Counts one that was found.
pub(super) fn count(found: &mut Vec<FoundIn>, label: usize, kind: Kind) {
    match found.iter_mut().find(|one| one.label == label && one.kind == kind) {
        Some(one) => one.values = one.values.saturating_add(1),
        // Labels of a dataset times kinds: a bound of its own.
        None => found.push(FoundIn { label, kind, values: 1 }),
    }
}

/// Chooses values one by one. The step is a permutation of all states (SplitMix64), so that no period
/// of the data, such as fields a record, meets it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chooser(pub(super) u64);

impl Chooser {
    pub(super) fn chooses(&mut self, watch: Watch) -> bool {
        match watch {
            Watch::Off => false,
            Watch::Full => true,
            Watch::Sample(one_in) => {
                self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (mixed >> 32).is_multiple_of(u64::from(one_in.max(1)))
            }
        }
    }
}

/// Looks at a kept value: counts what is found, and gives what is shown instead if it is hidden.
pub(super) fn look<'b>(
    (label, rule): (usize, &LabelRule),
    on_find: OnFind,
    scalar: Scalar<'_>,
    tally: &mut Tally,
    buffer: &'b mut String,
    context: &ShowContext<'_>,
) -> View<'b> {
    let (Scalar::Text(text) | Scalar::Number(text)) = scalar else { return View::Kept };
    buffer.clear();
    let mut shown_to = 0;
    detect::scan(text, |found| {
        if detect::expects(rule.kind, found.kind) {
            return;
        }
        count(&mut tally.found, label, found.kind);
        if on_find == OnFind::Mask {
            buffer.push_str(text.get(shown_to..found.start).unwrap_or_default());
            hide(text, &found, scalar, buffer, context);
            shown_to = found.end;
        }
    });
    if shown_to == 0 {
        return View::Kept;
    }
    buffer.push_str(text.get(shown_to..).unwrap_or_default());
    match scalar {
        Scalar::Number(_) => View::Number(buffer),
        Scalar::Text(_) | Scalar::Bool(_) | Scalar::Null => View::Text(buffer),
    }
}

/// Writes the part of what was found that its kind usually shows; the type stays.
fn hide(text: &str, found: &Found, scalar: Scalar<'_>, buffer: &mut String, context: &ShowContext<'_>) {
    let span = text.get(found.start..found.end).unwrap_or_default();
    let whole = span.len() == text.len();
    let span_scalar = match scalar {
        Scalar::Number(_) if whole => Scalar::Number(span),
        Scalar::Text(_) | Scalar::Number(_) | Scalar::Bool(_) | Scalar::Null => Scalar::Text(span),
    };
    let rule = Partial::usual(found.kind).map(LabelAction::Partial);
    let shown = rule.map_or(Shown::Absent, |rule| show(&rule, Some(found.kind), span_scalar, context));
    match shown {
        Shown::Text(part) | Shown::Number(part) if matches!(scalar, Scalar::Text(_)) || whole => {
            buffer.push_str(&part);
        }
        _ if matches!(scalar, Scalar::Number(_)) => buffer.push('0'),
        _ => buffer.extend(span.chars().map(|_| '*')),
    }
}

/// Whether values of the kind name a person or a body.
pub fn names_subjects(kind: Option<Kind>) -> bool {
    kind.is_some_and(|kind| kind.subject_type() != SubjectType::Unknown)
}

/// The context of parts: they need neither key nor claim nor day of their own.
pub(super) fn context(token_key: &TokenKey, today: (i32, u8, u8)) -> ShowContext<'_> {
    ShowContext { token_key, claim: None, today }
}
