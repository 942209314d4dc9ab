//! The one door that every value of an answer goes through, whatever its format.
//!
//! A walker knows where values begin and end and which label each carries. Everything else about a
//! value is decided, counted and shown here, so that two formats cannot treat one value differently.
//! The room knows nothing of bytes, quotes or columns.
//!
//! A walker asks once per label what its [`Fate`] is. Values that are kept or dropped need only be
//! [counted](Showing::count); values that are masked or looked at come here whole, as scalars.

use super::links::{self, Links};
use super::plan::{Plan, Tally};
use super::scalar::{Ends, LabelAction, Scalar, ShowContext, View, show_into};
use super::subjects::{SubjectCount, Subjects};
use super::watch::{self, Chooser, Watch};
use std::sync::Arc;

/// What happens to the values of one label in one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine::mask) enum Fate {
    /// Leaves as it is; nobody asks what it says.
    Keep,
    /// Leaves as it is, unless [`Showing::show`] says otherwise.
    Look,
    /// Leaves as [`Showing::show`] says.
    Mask,
    /// Does not leave; nobody asks what it says.
    Drop,
}

/// One answer: its plan, what was seen so far, and the buffer that its masks write to.
pub(in crate::engine::mask) struct Showing {
    plan: Arc<Plan>,
    pub(in crate::engine::mask) tally: Tally,
    buffer: String,
    chooser: Chooser,
    subjects: Subjects,
    /// None where no label is an identifier's.
    links: Option<Links>,
}

/// Unknown names that are compared with named ones, for they must be normalised first.
const LOOKED_AT_MAX: u64 = 1000;
/// Templates of unknown fields that are told beside the first.
const UNKNOWN_MORE_MAX: usize = 15;
/// So many unknown values are asked where they are; making a template costs more than leaving a value out.
const UNKNOWN_ASKED_MAX: u64 = 128;

impl Showing {
    pub(in crate::engine::mask) fn new(plan: Arc<Plan>) -> Showing {
        let tally = Tally { labels: vec![0; plan.actions.len()], ..Tally::default() };
        let [seed, _] = plan.watched.key;
        let subjects = Subjects::new(plan.watched.key);
        let links = links::are_read(&plan.actions).then(Links::default);
        Showing { plan, tally, buffer: String::new(), chooser: Chooser(seed), subjects, links }
    }

    /// The fate of a label's values. A label without a rule is dropped. Subjects are counted also where
    /// their values do not leave; then [`show`](Self::show) is asked, and shows nothing.
    pub(in crate::engine::mask) fn fate(&self, label: u16) -> Fate {
        let label = usize::from(label);
        match self.plan.actions.get(label).map(|rule| &rule.action) {
            Some(LabelAction::Keep) if self.is_watched(label) => Fate::Look,
            Some(LabelAction::Keep) => Fate::Keep,
            Some(
                LabelAction::Generalise(_)
                | LabelAction::Partial(_)
                | LabelAction::Token
                | LabelAction::Verify,
            ) => Fate::Mask,
            Some(LabelAction::Drop) if self.plan.watched.of(label).counts_subjects => Fate::Mask,
            Some(LabelAction::Drop) | None => Fate::Drop,
        }
    }

    /// Whether kept texts that [may begin](links::may_begin) a reference are [shown](Self::show), too.
    pub(in crate::engine::mask) fn reads_links(&self) -> bool {
        self.links.is_some()
    }

    /// What is done to a label's values.
    pub(in crate::engine::mask) fn action(&self, label: u16) -> Option<&LabelAction> {
        self.plan.actions.get(usize::from(label)).map(|rule| &rule.action)
    }

    /// Whether something of the label's values leaves.
    pub(in crate::engine::mask) fn is_shown(&self, label: usize) -> bool {
        self.plan.actions.get(label).is_some_and(|rule| rule.action != LabelAction::Drop)
    }

    fn is_watched(&self, label: usize) -> bool {
        let asked = self.plan.watched.of(label);
        asked.counts_subjects || asked.watch != Watch::Off
    }

    /// A value of the label was met, whatever becomes of it.
    #[inline]
    pub(in crate::engine::mask) fn count(&mut self, label: u16) {
        if let Some(count) = self.tally.labels.get_mut(usize::from(label)) {
            *count += 1;
        }
    }

    /// So many at once, in formats that hold them column by column.
    #[cfg(feature = "columnar")]
    pub(in crate::engine::mask) fn count_many(&mut self, label: u16, values: u64) {
        if let Some(count) = self.tally.labels.get_mut(usize::from(label)) {
            *count += values;
        }
    }

    /// What [`show`](Self::show) shows of a text, ASCII only, where its length is all that is asked.
    #[inline]
    pub(in crate::engine::mask) fn ends(&self, label: u16, text: &[u8]) -> Option<Ends> {
        let label = usize::from(label);
        let LabelAction::Partial(rule) = &self.plan.actions.get(label)?.action else { return None };
        let seen = self.plan.watched.of(label).counts_subjects;
        if seen { None } else { rule.ends_of_ascii(text.len()) }
    }

    /// What is shown of a value whose label is masked or looked at, or that may be a reference. It was
    /// counted before.
    #[inline]
    pub(in crate::engine::mask) fn show(&mut self, label: u16, scalar: Scalar<'_>) -> View<'_> {
        let label = usize::from(label);
        let Some(rule) = self.plan.actions.get(label) else { return View::Absent };
        let asked = self.plan.watched.of(label);
        if asked.counts_subjects
            && let Scalar::Text(text) | Scalar::Number(text) = scalar
        {
            self.subjects.see(rule.kind, text);
        }
        match (&rule.action, scalar) {
            (LabelAction::Keep, _) => return self.show_kept(label, scalar),
            // What is done most often, and needs nothing else.
            (LabelAction::Partial(part), Scalar::Text(text)) => {
                self.buffer.clear();
                return part.text(text, &mut self.buffer);
            }
            _ => {}
        }
        let claim = self.plan.claim.as_ref().filter(|(about, _)| *about == label).map(|(_, claim)| &**claim);
        let context = ShowContext { token_key: &self.plan.token_key, claim, today: self.plan.today };
        show_into(&rule.action, rule.kind, scalar, &context, &mut self.buffer)
    }

    /// What is shown of a value whose label is kept: without what may not stand in a reference, and
    /// without what the watch hides.
    fn show_kept(&mut self, label: usize, scalar: Scalar<'_>) -> View<'_> {
        let Some(rule) = self.plan.actions.get(label) else { return View::Absent };
        let reference = match (&mut self.links, scalar) {
            (Some(links), Scalar::Text(text)) => {
                links.hide(text, (label, &self.plan), &mut self.tally.found).then_some(&*links.shown)
            }
            (_, Scalar::Text(_) | Scalar::Number(_) | Scalar::Bool(_) | Scalar::Null) => None,
        };
        let kept = reference.map_or(View::Kept, View::Text);
        let asked = self.plan.watched.of(label);
        if !self.chooser.chooses(asked.watch) {
            return kept;
        }
        self.tally.looked_at += 1;
        let context = watch::context(&self.plan.token_key, self.plan.today);
        let scalar = reference.map_or(scalar, Scalar::Text);
        let (tally, buffer) = (&mut self.tally, &mut self.buffer);
        match watch::look((label, rule), asked.on_find, scalar, tally, buffer, &context) {
            View::Kept => kept,
            shown => shown,
        }
    }

    /// What was seen so far.
    pub(in crate::engine::mask) fn seen(&self) -> Tally {
        Tally { subjects: self.told_of(), ..self.tally.clone() }
    }

    /// What was seen in all; afterwards nothing is known of it here.
    pub(in crate::engine::mask) fn taken(&mut self) -> Tally {
        Tally { subjects: self.told_of(), ..std::mem::take(&mut self.tally) }
    }

    fn told_of(&self) -> Option<SubjectCount> {
        let counted = self.plan.watched.labels.iter().any(|asked| asked.counts_subjects);
        counted.then(|| self.subjects.count())
    }

    /// No further record leaves.
    pub(in crate::engine::mask) fn is_full(&self) -> bool {
        self.plan.records_max.is_some_and(|max| self.tally.records >= max)
    }

    /// So many records may still leave; none if there is no limit.
    #[cfg(feature = "columnar")]
    pub(in crate::engine::mask) fn records_left(&self) -> Option<u64> {
        self.plan.records_max.map(|max| max.saturating_sub(self.tally.records))
    }

    /// Something was left out because no path or column names it; `template` says where, without data.
    pub(in crate::engine::mask) fn count_unknown(&mut self, template: impl FnOnce() -> String) {
        self.tally.dropped_unknown += 1;
        if self.tally.dropped_unknown > UNKNOWN_ASKED_MAX || self.tally.unknown_more.len() >= UNKNOWN_MORE_MAX
        {
            return;
        }
        let template = template();
        match &self.tally.unknown_sample {
            None => self.tally.unknown_sample = Some(template),
            Some(first) if *first == template || self.tally.unknown_more.contains(&template) => {}
            Some(_) => self.tally.unknown_more.push(template),
        }
    }

    /// Something unknown goes by a name that looks like one in the catalogue; see
    /// [`fields`](super::fields). `template` names that.
    pub(in crate::engine::mask) fn count_lookalike(&mut self, template: impl FnOnce() -> String) {
        self.tally.dropped_unknown += 1;
        self.tally.lookalikes += 1;
        if self.tally.lookalikes == 1
            && let Some(before) = self.tally.unknown_sample.replace(template())
            && self.tally.unknown_more.len() < UNKNOWN_MORE_MAX
        {
            self.tally.unknown_more.push(before);
        }
    }

    /// Whether an unknown name may still be looked at: names come again record by record, so that the
    /// first ones tell as much as all.
    pub(in crate::engine::mask) fn looks_for_lookalikes(&self) -> bool {
        self.tally.dropped_unknown < LOOKED_AT_MAX
    }
}
