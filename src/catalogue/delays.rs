//! When the subject of a use may be told of it.
//!
//! A citizen is shown every use of their data, unless law lets the telling wait (PIPL 18 and 35:
//! where notice would impede a statutory duty). Which uses wait, and until when, is written in
//! `purposes.yaml`; the rules in force at the time of the question decide.

use super::Catalogue;
use super::loading::{Loading, unknown};
use super::parameter::date;
use super::written;
use crate::engine::identifier::midnight;
use crate::engine::terms::LegalBasis;
use crate::written::{At, Source};
use std::sync::Arc;
use std::time::Duration;

/// Uses that wait, and until when. Absent conditions hold for every use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delay {
    pub purpose: Option<Arc<str>>,
    pub legal_basis: Option<LegalBasis>,
    pub matter_type: Option<Arc<str>>,
    pub until: Until,
    /// What allows it.
    pub cite: String,
}

/// How long a use waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So long after the use.
    After(Duration),
    /// Up to this day, in Chinese time: year, month, day.
    Day((u16, u8, u8)),
}

/// A use of somebody's data, as far as its visibility depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Use<'a> {
    pub purpose: Option<&'a str>,
    pub legal_basis: Option<LegalBasis>,
    pub matter_type: Option<&'a str>,
    /// Seconds since 1970.
    pub at: i64,
}

impl Catalogue {
    /// Whether the subject may be told of a use now (seconds since 1970).
    pub fn is_visible(&self, used: &Use<'_>, now: i64) -> bool {
        self.visible_from(used).is_none_or(|from| now >= from)
    }

    /// From when on the subject may be told of a use, seconds since 1970; none: from its beginning. Where
    /// several delays fit, the longest counts.
    pub fn visible_from(&self, used: &Use<'_>) -> Option<i64> {
        let fitting = self.delays.iter().filter(|delay| self.fits(delay, used));
        let ends = fitting.map(|delay| match delay.until {
            Until::After(wait) => used.at.saturating_add_unsigned(wait.as_secs()),
            Until::Day((year, month, day)) => midnight((i32::from(year), month, day)),
        });
        ends.max().filter(|from| *from > used.at)
    }

    fn fits(&self, delay: &Delay, used: &Use<'_>) -> bool {
        let purpose = delay.purpose.as_ref();
        purpose.is_none_or(|wide| used.purpose.is_some_and(|purpose| self.covers(wide, purpose)))
            && delay.legal_basis.is_none_or(|basis| used.legal_basis == Some(basis))
            && delay.matter_type.as_deref().is_none_or(|kind| used.matter_type == Some(kind))
    }

    /// Whether a purpose is this one or narrower. Purposes have no circle.
    fn covers(&self, wide: &str, narrow: &str) -> bool {
        wide == narrow
            || self
                .purposes
                .get(narrow)
                .is_some_and(|purpose| purpose.parents.iter().any(|parent| self.covers(wide, parent)))
    }
}

impl Loading<'_> {
    pub(super) fn delays(&mut self, source: &Source<'_>, written: &[At<written::Delay>]) {
        for at in written {
            let delay = &at.value;
            for purpose in delay.purpose.iter().filter(|one| !self.declared.purposes.contains(&one.value)) {
                let fault = unknown(source, purpose, "purpose", &self.declared.purposes);
                self.faults.push(fault);
            }
            let mut fault = |mark, message: &str| self.faults.push(source.fault(mark, message));
            if delay.purpose.is_none() && delay.legal_basis.is_none() && delay.matter_type.is_none() {
                fault(
                    at.mark,
                    "a delay names a purpose, a legal basis or a matter type: it would hide every use",
                );
            }
            if delay.cite.value.trim().is_empty() {
                fault(delay.cite.mark, "a delay says in `cite` which law allows it");
            }
            let until = match (&delay.visible_after, &delay.visible_from) {
                (Some(after), None) => Some(Until::After(after.value.0)),
                (None, Some(from)) => {
                    let day = date(&from.value);
                    if day.is_none() {
                        fault(from.mark, "not a day (YYYY-MM-DD)");
                    }
                    day.map(Until::Day)
                }
                (Some(_), Some(_)) | (None, None) => {
                    fault(at.mark, "a delay ends either by `visible_after` or by `visible_from`");
                    None
                }
            };
            let Some(until) = until else { continue };
            self.catalogue.delays.push(Delay {
                purpose: delay.purpose.as_ref().map(|one| one.value.as_str().into()),
                legal_basis: delay.legal_basis,
                matter_type: delay.matter_type.as_ref().map(|one| one.value.as_str().into()),
                until,
                cite: delay.cite.value.clone(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Folder, load};

    const PURPOSES: &str = "purposes:
  enforcement: {title: {zh: 执法, en: E}, iri: dpv:E, legal_bases: [STATUTORY_DUTY]}
  fraud: {title: {zh: 反诈, en: F}, iri: dpv:F, parents: [enforcement], legal_bases: [STATUTORY_DUTY]}
  service: {title: {zh: 服务, en: S}, iri: dpv:S, legal_bases: [CONSENT]}
";
    const LABELS: &str = "labels: {name: {title: {zh: 姓名, en: Name}, level: L2, category: NONE}}\n";

    fn catalogue(delays: &str) -> Result<Catalogue, String> {
        let purposes = format!("{PURPOSES}delayed_visibility:\n{delays}");
        let department = "department: {code: 11330100MB0000019K, title: {zh: 民政局, en: Civil Affairs}}\n";
        let files = [
            ("labels.yaml", LABELS),
            ("purposes.yaml", &*purposes),
            ("catalogue/civil-affairs.yaml", department),
        ];
        let folder = Folder::from_files(files).unwrap();
        load(&folder).map_err(|faults| faults.to_string())
    }

    const DAY: i64 = 86_400;

    #[test]
    fn uses_wait_as_long_as_the_longest_delay_that_fits() {
        let rules = "  - {purpose: enforcement, visible_after: 180d, cite: PIPL 35}
  - {purpose: fraud, matter_type: case, visible_from: 1971-01-01, cite: PIPL 35}
  - {legal_basis: EMERGENCY, visible_after: 1d, cite: PIPL 18}
";
        let catalogue = catalogue(rules).unwrap();
        let year = 365 * DAY - 8 * 3600; // midnight in China
        for (purpose, basis, matter, from) in [
            (Some("service"), None, None, 0),
            (None, None, None, 0),
            (Some("enforcement"), None, None, 180 * DAY),
            (Some("fraud"), None, None, 180 * DAY),
            (Some("fraud"), None, Some("case"), year),
            (Some("service"), None, Some("case"), 0),
            (Some("service"), Some(LegalBasis::Emergency), None, DAY),
            (Some("gone"), Some(LegalBasis::Consent), None, 0),
        ] {
            let used = Use { purpose, legal_basis: basis, matter_type: matter, at: 0 };
            assert!(catalogue.is_visible(&used, from), "{used:?}");
            assert!(from == 0 || !catalogue.is_visible(&used, from - 1), "{used:?}");
            assert_eq!(catalogue.visible_from(&used), Some(from).filter(|from| *from > 0), "{used:?}");
            // A day that is past at the use, and a wait that begins with it.
            let later = Use { at: 400 * DAY, ..used };
            let waits = if from == 0 || from == DAY { from } else { 180 * DAY };
            let expect = Some(400 * DAY + waits).filter(|_| waits > 0);
            assert_eq!(catalogue.visible_from(&later), expect, "{later:?}");
        }
    }

    #[test]
    fn a_delay_that_hides_everything_or_ends_never_is_refused() {
        for (rule, expect) in [
            ("{visible_after: 1d, cite: x}", "it would hide every use"),
            ("{purpose: fraud, cite: x}", "either by `visible_after` or by `visible_from`"),
            ("{purpose: fraud, visible_after: 1d, visible_from: 2027-01-01, cite: x}", "either by"),
            ("{purpose: fraud, visible_from: 2027-02-30, cite: x}", "not a day"),
            ("{purpose: fraud, visible_after: 1d, cite: ' '}", "which law"),
            ("{purpose: nothing, visible_after: 1d, cite: x}", "nothing"),
            ("{purpose: fraud, visible_after: 1d}", "cite"),
        ] {
            let faults = catalogue(&format!("  - {rule}\n")).map(|_| ()).unwrap_err();
            assert!(faults.contains(expect), "{rule}: {faults}");
        }
    }
}
