//! How long the audit log is kept, under which keys its subjects stand, and what subjects may ask.

use super::meaning::Meaning;
use super::settings::{self, RetentionSettings, UsageSettings};
use super::written::{Audit, SubjectKey, Usage};
use crate::written::Period;
use std::path::PathBuf;

const DAY: u64 = 24 * 3600;
/// Cybersecurity Law: network logs are kept for no less than six months.
const ORDINARY_MIN: Period = Period::seconds(180 * DAY);
/// PIPL 56 and Network Data Security Regulation 12: records of handling and provision, three years.
const PERSONAL_MIN: Period = Period::seconds(1095 * DAY);

impl Meaning<'_> {
    pub fn retention(&mut self, written: &Audit) -> RetentionSettings {
        let kept = &written.retention;
        for (at, least, law) in [
            (&kept.ordinary, ORDINARY_MIN, "180d: the Cybersecurity Law wants network logs for six months"),
            (
                &kept.personal,
                PERSONAL_MIN,
                "1095d: PIPL 56 and Network Data Security Regulation 12 want three years",
            ),
        ] {
            if let Some(at) = at.as_ref().filter(|at| at.value < least) {
                self.fault(at.mark, format!("this is kept for at least {law}"));
            }
        }
        RetentionSettings {
            archive_dir: written.archive_dir.as_ref().map(|at| self.path(at)),
            ordinary: self.period(kept.ordinary.as_ref(), ORDINARY_MIN),
            personal: self.period(kept.personal.as_ref(), PERSONAL_MIN),
        }
    }

    pub fn subject_keys(&mut self, written: &[SubjectKey]) -> Vec<(String, PathBuf)> {
        let mut keys: Vec<(String, PathBuf)> = Vec::new();
        for SubjectKey { id, file } in written {
            let well_formed = id.value.starts_with(|first: char| first.is_ascii_alphabetic())
                && id.value.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && id.value.len() <= 16;
            if !well_formed {
                self.fault(id.mark, "a key's id is a letter, then letters and digits, at most 16");
            }
            if keys.iter().any(|(known, _)| *known == id.value) {
                self.fault(id.mark, "another key has this id");
            }
            keys.push((id.value.clone(), self.secret(file)));
        }
        keys
    }

    pub fn usage(&mut self, written: &Usage) -> UsageSettings {
        let quota = written.quota.as_ref();
        if let Some(at) = quota.filter(|at| at.value.per_second == 0 || at.value.burst == 0) {
            self.fault(at.mark, "nobody could ask: `per_second` and `burst` must be 1 or more");
        }
        UsageSettings {
            dir: self.folder(written.dir.as_ref(), "var/usage", false),
            on_data_plane: written.on_data_plane,
            quota: quota.map_or(settings::Quota { per_second: 1, burst: 30 }, |at| settings::Quota {
                per_second: at.value.per_second,
                burst: at.value.burst,
            }),
        }
    }
}
