//! Which rows and counts of a dataset leave: from what was written to [`Sifting`].
//!
//! A row filter bounds what of a dataset anybody sees by what is proved of the caller; a count of a
//! small group tells of persons, whoever asks (GB/T 37964-2019: group sizes of released statistics).

use super::loading::{File, Loading};
use super::written;
use crate::engine::dataset::Label;
use crate::engine::mask::fields::PathFault;
use crate::engine::mask::sieve::{Order, SieveSpec};
use crate::engine::principal::{CallerAttribute, Principal};
use crate::engine::terms::{DisclosureMode, Level};
use std::sync::Arc;

/// The largest smallest group: beyond it nothing would be told.
const GROUP_MAX: u32 = 1_000_000;

/// What a dataset declares of its rows and counts.
#[derive(Debug)]
pub struct Sifting {
    pub spec: Arc<SieveSpec>,
    /// By row filter of the spec.
    pub rows: Vec<CallerAttribute>,
    /// By count of the spec: index of the label whose `CLEAR` shows small counts, too.
    pub counts: Vec<Option<usize>>,
}

impl Sifting {
    /// What is to be done to the answer to this caller; `mode` gives what it sees of a label. None if
    /// something that rows are filtered by is not proved of it, or if there is nothing to do.
    pub fn order(
        &self,
        principal: &Principal,
        mode: impl Fn(usize) -> Option<DisclosureMode>,
        is_pushed_down: bool,
    ) -> Option<Order> {
        let wanted = self.rows.iter().map(|attribute| principal.attribute(*attribute).cloned());
        let is_clear =
            |label: &Option<usize>| label.is_some_and(|label| mode(label) == Some(DisclosureMode::Clear));
        Some(Order {
            wanted: wanted.collect::<Option<Vec<Arc<str>>>>()?,
            suppressed: self.counts.iter().map(|label| !is_clear(label)).collect(),
            totals_withheld: !self.rows.is_empty() && !is_pushed_down,
        })
    }
}

impl Loading<'_> {
    /// Notes what a dataset declares of its rows and counts.
    pub(super) fn sifting(
        &mut self,
        file: &File<'_>,
        written: &written::Dataset,
        dataset: &Arc<str>,
        labels: &[Arc<Label>],
        fields: &[(String, usize)],
    ) {
        let group_min = self.group_min(file, written);
        if written.rows.is_empty() && written.counts.is_empty() {
            return;
        }
        let rows: Vec<String> = written.rows.iter().map(|row| row.field.value.clone()).collect();
        let counts: Vec<String> = written.counts.iter().map(|count| count.field.value.clone()).collect();
        let spec = match SieveSpec::compile(&rows, &counts, group_min.into()) {
            Ok(spec) => spec,
            Err(PathFault { index, offset, message }) => {
                let marks = written.rows.iter().map(|row| row.field.mark);
                let mut marks = marks.chain(written.counts.iter().map(|count| count.field.mark));
                if let Some(mark) = marks.nth(index) {
                    self.faults.push(file.source.fault_inside(mark, offset, message));
                }
                return;
            }
        };
        self.outside_of_rows(file, written, &spec, labels, fields);
        let counts = written.counts.iter().map(|count| self.counted(file, count, labels)).collect();
        let rows = written.rows.iter().map(|row| row.equals.value).collect();
        let sifting = Sifting { spec: spec.into(), rows, counts };
        self.catalogue.siftings.insert(dataset.clone(), sifting.into());
    }

    fn group_min(&mut self, file: &File<'_>, written: &written::Dataset) -> u32 {
        match (&written.group_min, written.counts.first()) {
            (None, Some(count)) => {
                let fault = file.source.fault(count.field.mark, "`counts` need `group_min`");
                self.faults.push(fault.help("the smallest group that a count may tell of, for example 5"));
                0
            }
            (Some(at), None) => {
                self.faults.push(file.source.fault(at.mark, "`group_min` without `counts`"));
                0
            }
            (Some(at), Some(_)) => {
                if !(2..=GROUP_MAX).contains(&at.value) {
                    let message = format!("a group has 2 to {GROUP_MAX} members");
                    self.faults.push(file.source.fault(at.mark, message));
                }
                at.value
            }
            (None, None) => 0,
        }
    }

    /// With a row filter, what is classified stands in the rows: elsewhere nothing would filter it.
    fn outside_of_rows(
        &mut self,
        file: &File<'_>,
        written: &written::Dataset,
        spec: &SieveSpec,
        labels: &[Arc<Label>],
        fields: &[(String, usize)],
    ) {
        let Some(first) = written.rows.first() else { return };
        for (path, label) in fields.iter().filter(|(path, _)| !spec.covers(path)) {
            if labels.get(*label).is_none_or(|label| label.level > Level::L1) {
                let message = format!("the field `{path}` lies outside of the rows that are filtered here");
                self.faults.push(file.source.fault(first.field.mark, message));
            }
        }
    }

    fn counted(&mut self, file: &File<'_>, count: &written::Count, labels: &[Arc<Label>]) -> Option<usize> {
        let at = count.of.as_ref()?;
        let found = labels.iter().position(|label| *label.id == *at.value);
        if found.is_none() {
            let message = format!("no field of the dataset carries the label `{}`", at.value);
            self.faults.push(file.source.fault(at.mark, message));
        }
        found
    }
}
