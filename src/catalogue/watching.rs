//! Which values are watched: `watch` and `on_find` of a dataset, and of a label.
//!
//! What a label says goes before what its dataset says; where neither speaks, nothing is watched.

use super::loading::Loading;
use super::written;
use crate::engine::dataset::Label;
use crate::engine::mask::watch::{LabelWatch, OnFind, Watch, names_subjects};
use crate::written::{At, Source};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use std::fmt;
use std::sync::Arc;

/// `off`, `full`, or one value in so many: `1/16`.
#[derive(Clone, Copy, Debug)]
pub(super) struct WatchWord(pub Watch);

/// What a label itself asks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    pub watch: Option<Watch>,
    pub on_find: Option<OnFind>,
}

impl Loading<'_> {
    /// What is asked of each label of a dataset.
    pub fn watching(
        &mut self,
        source: &Source<'_>,
        id: &At<String>,
        written: &written::Dataset,
        labels: &[Arc<Label>],
    ) -> Arc<[LabelWatch]> {
        let of_dataset = Asked { watch: written.watch.map(|word| word.0), on_find: written.on_find };
        let asked: Vec<LabelWatch> = labels
            .iter()
            .map(|label| {
                let own = self.label_watch.get(&label.id).copied().unwrap_or_default();
                LabelWatch {
                    watch: own.watch.or(of_dataset.watch).unwrap_or_default(),
                    on_find: own.on_find.or(of_dataset.on_find).unwrap_or(OnFind::Alarm),
                    counts_subjects: names_subjects(label.kind),
                }
            })
            .collect();
        for (label, one) in labels.iter().zip(&asked) {
            if matches!(one.watch, Watch::Sample(_)) && one.on_find == OnFind::Mask {
                let message = format!(
                    "`on_find: mask` with a sample: the values of `{}` that are not looked at would leave as they are",
                    label.id
                );
                self.faults.push(
                    source.fault(id.mark, message).help("watch them in full, or be content with an alarm"),
                );
                break;
            }
        }
        asked.into()
    }
}

impl<'de> Deserialize<'de> for WatchWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;

        impl Visitor<'_> for Words {
            type Value = WatchWord;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`off`, `full`, or one value in so many, such as 1/16")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<WatchWord, E> {
                read(text).map(WatchWord).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Words)
    }
}

fn read(text: &str) -> Option<Watch> {
    match text {
        "off" => Some(Watch::Off),
        "full" | "1/1" => Some(Watch::Full),
        _ => match text.strip_prefix("1/")?.parse() {
            Ok(one_in @ 2..=1_000_000) => Some(Watch::Sample(one_in)),
            Ok(_) | Err(_) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_watching() {
        for (text, expect) in [
            ("off", Some(Watch::Off)),
            ("full", Some(Watch::Full)),
            ("1/1", Some(Watch::Full)),
            ("1/16", Some(Watch::Sample(16))),
            ("1/0", None),
            ("2/16", None),
            ("1/-3", None),
            ("on", None),
            ("", None),
        ] {
            assert_eq!(read(text), expect, "{text}");
        }
    }
}
