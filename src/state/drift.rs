//! Where upstreams have drifted from the catalogue: fields that no label covers.
//!
//! Such fields are dropped; this book says which they were, so that somebody can classify them. It
//! holds path templates (names, never values), at most [`TEMPLATES_MAX`] a dataset, and tells which of
//! them are news: each once in every snapshot of the policies, because a new snapshot may have meant to
//! cover it. It decides nothing, and only answers with unknown fields ever touch its lock.
//!
//! ```
//! use zhamen::state::drift::Drifts;
//! let drifts = Drifts::default();
//! assert_eq!(drifts.note("marriage", "digest-1", ["$.data[*].note"], 60), ["$.data[*].note"]);
//! assert!(drifts.note("marriage", "digest-1", ["$.data[*].note"], 61).is_empty());
//! assert_eq!(drifts.note("marriage", "digest-2", ["$.data[*].note"], 62).len(), 1);
//! ```

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Templates remembered of one dataset; what comes beyond is only counted.
pub const TEMPLATES_MAX: usize = 64;
/// Datasets remembered; a catalogue that had more in the life of a process loses the others.
const DATASETS_MAX: usize = 4096;

/// One unclassified field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    pub dataset: String,
    /// Path template, with `?` for keys that may be data.
    pub template: String,
    /// Seconds since 1970.
    pub first_seen: i64,
    pub last_seen: i64,
    /// Answers in which it was among the places told.
    pub answers: u64,
    /// Digest of the snapshot under which it was last seen.
    pub digest: String,
}

/// The book of a process.
#[derive(Debug, Default)]
pub struct Drifts(Mutex<BTreeMap<String, OfDataset>>);

#[derive(Debug, Default)]
struct OfDataset {
    by_template: BTreeMap<String, Seen>,
    /// Sightings of templates for which there was no room.
    beyond: u64,
}

#[derive(Debug)]
struct Seen {
    first_seen: i64,
    last_seen: i64,
    answers: u64,
    digest: String,
}

impl Drifts {
    /// Notes the templates of one answer, and gives those that are new in this snapshot.
    pub fn note<'t>(
        &self,
        dataset: &str,
        digest: &str,
        templates: impl IntoIterator<Item = &'t str>,
        now_s: i64,
    ) -> Vec<&'t str> {
        let mut book = self.book();
        if !book.contains_key(dataset) {
            if book.len() >= DATASETS_MAX {
                return Vec::new();
            }
            book.insert(dataset.to_owned(), OfDataset::default());
        }
        let Some(of_dataset) = book.get_mut(dataset) else { return Vec::new() };
        templates.into_iter().filter(|template| of_dataset.note(template, digest, now_s)).collect()
    }

    /// Everything noted, by dataset and template.
    pub fn list(&self) -> Vec<Drift> {
        let book = self.book();
        let all = book.iter().flat_map(|(dataset, of)| of.by_template.iter().map(move |one| (dataset, one)));
        all.map(|(dataset, (template, seen))| Drift {
            dataset: dataset.clone(),
            template: template.clone(),
            first_seen: seen.first_seen,
            last_seen: seen.last_seen,
            answers: seen.answers,
            digest: seen.digest.clone(),
        })
        .collect()
    }

    /// By dataset: templates seen under this snapshot, and sightings beyond the bound.
    pub fn counts(&self, digest: &str) -> Vec<(String, u64, u64)> {
        let current = |of: &OfDataset| of.by_template.values().filter(|seen| seen.digest == digest).count();
        self.book().iter().map(|(dataset, of)| (dataset.clone(), current(of) as u64, of.beyond)).collect()
    }

    /// What a panic elsewhere left is still a book of names.
    fn book(&self) -> MutexGuard<'_, BTreeMap<String, OfDataset>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfDataset {
    /// Whether the template is new in this snapshot.
    fn note(&mut self, template: &str, digest: &str, now_s: i64) -> bool {
        if let Some(seen) = self.by_template.get_mut(template) {
            seen.last_seen = now_s;
            seen.answers = seen.answers.saturating_add(1);
            let is_new = seen.digest != digest;
            if is_new {
                digest.clone_into(&mut seen.digest);
            }
            return is_new;
        }
        if self.by_template.len() >= TEMPLATES_MAX && !self.forget_before(digest) {
            self.beyond = self.beyond.saturating_add(1);
            return false;
        }
        let seen = Seen { first_seen: now_s, last_seen: now_s, answers: 1, digest: digest.to_owned() };
        self.by_template.insert(template.to_owned(), seen);
        true
    }

    /// Makes room by letting go of the oldest sighting under another snapshot.
    fn forget_before(&mut self, digest: &str) -> bool {
        let of_before = self.by_template.iter().filter(|(_, seen)| seen.digest != digest);
        let oldest = of_before.min_by_key(|(_, seen)| seen.last_seen).map(|(template, _)| template.clone());
        oldest.is_some_and(|template| self.by_template.remove(&template).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_news_once_a_snapshot() {
        let drifts = Drifts::default();
        for (dataset, digest, template, news) in [
            ("a", "1", "$.x", true),
            ("a", "1", "$.x", false),
            ("a", "1", "$.y", true),
            ("b", "1", "$.x", true),
            ("a", "2", "$.x", true),
            ("a", "2", "$.x", false),
        ] {
            assert_eq!(
                drifts.note(dataset, digest, [template], 5).len(),
                usize::from(news),
                "{dataset} {digest} {template}"
            );
        }
        let listed = drifts.list();
        assert_eq!(listed.len(), 3);
        assert_eq!(
            (listed[0].template.as_str(), listed[0].answers, listed[0].digest.as_str()),
            ("$.x", 4, "2")
        );
        assert_eq!(drifts.counts("2"), [("a".to_owned(), 1, 0), ("b".to_owned(), 0, 0)]);
    }

    #[test]
    fn the_book_is_bounded_and_prefers_the_present() {
        let drifts = Drifts::default();
        let template = |n: usize| format!("$.f{n}");
        for n in 0..TEMPLATES_MAX + 10 {
            drifts.note("a", "1", [template(n).as_str()], n as i64);
        }
        assert_eq!(drifts.list().len(), TEMPLATES_MAX);
        assert_eq!(drifts.counts("1"), [("a".to_owned(), TEMPLATES_MAX as u64, 10)]);
        // Under another snapshot there is room again, at the cost of what was seen before.
        assert_eq!(drifts.note("a", "2", ["$.new"], 1000), ["$.new"]);
        assert_eq!(drifts.list().len(), TEMPLATES_MAX);
    }
}
