//! What a masker saw in an answer, told to those who must know: counters, the book of drift, the log.

use super::Record;
use crate::engine::evidence::{self, Entry};
use crate::engine::mask::Tally;

impl Record {
    /// Tells what one answer showed of the upstream and of its own size.
    pub(super) fn seen(&self, tally: &Tally) {
        let Some(dataset) = &self.learnt.dataset else { return };
        self.books.metrics.answered(&dataset.id, tally.records, tally.subjects.map(|count| count.subjects));
        self.books.metrics.dropped(&dataset.id, tally.dropped_unknown, tally.lookalikes);
        self.books.metrics.looked_at(&dataset.id, tally.looked_at);
        if tally.dropped_unknown > 0 {
            self.drifted(&dataset.id, tally);
        }
        for found in &tally.found {
            let label = dataset.labels.get(found.label).map_or("", |label| &*label.id);
            let first = self.books.metrics.found(&dataset.id, label, found.kind, found.values);
            // One line for each place and kind in the life of a process: the counter says how often.
            if first {
                tracing::warn!(dataset = &*dataset.id, label, kind = %found.kind, "an identifier was found where none belongs");
            }
        }
    }

    /// Charges the caller for what it was given.
    pub(super) fn charge_volume(&self, tally: Option<&Tally>) {
        let (Some(principal), Some(tally)) = (&self.learnt.principal, tally) else { return };
        let subjects = tally.subjects.map_or(0, |count| count.subjects);
        self.books.quotas.charge_volume(&principal.caller_key(), tally.records.max(subjects), self.opened);
    }

    /// Unclassified fields: a line and an entry for each that is new in this snapshot.
    fn drifted(&self, dataset: &str, tally: &Tally) {
        let digest = self.learnt.policy_digest.as_deref().unwrap_or_default();
        let templates = tally.unknown_sample.iter().chain(&tally.unknown_more).map(String::as_str);
        let now = self.books.clock.now();
        for template in self.books.drifts.note(dataset, digest, templates, now.unix_seconds()) {
            tracing::warn!(dataset, template, "a field that no label covers was left out");
            let drift = evidence::Drift { ts: now.unix_ms, dataset, template, policy_digest: digest };
            drop(self.books.audit.note(evidence::encode(&Entry::Drift(drift))));
        }
    }
}
