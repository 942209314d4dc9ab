//! Quotas and the defence's thresholds.

use super::meaning::Meaning;
use super::settings::{self, DefenceSettings, QuotaSettings};
use super::written::{Defence, Quota, Quotas};
use crate::engine::terms::RiskTier;
use crate::written::{At, Mark, Period};
use std::collections::BTreeMap;

const COST: [u32; 6] = [1, 1, 2, 4, 8, 16];
const ENTER: [u16; 5] = [200, 350, 500, 700, 900];
const LEAVE: [u16; 5] = [120, 250, 400, 600, 800];
const SCORE_MAX: u16 = 1000;

/// The tiers in order, and their place.
const TIERS: [RiskTier; 6] = [
    RiskTier::Normal,
    RiskTier::Watch,
    RiskTier::StepUp,
    RiskTier::Reduced,
    RiskTier::VerifyOnly,
    RiskTier::Suspended,
];

impl Meaning<'_> {
    pub fn quotas(&mut self, written: &Quotas) -> QuotaSettings {
        let cost = match &written.cost {
            Some(at) => self.tiers(at, TIERS, COST),
            None => COST,
        };
        if let Some(at) = written.cost.as_ref().filter(|_| cost.first() == Some(&0) || !cost.is_sorted()) {
            self.fault(at.mark, "costs begin at 1 or more and never fall from tier to tier");
        }
        let highest = cost.iter().copied().max().unwrap_or(1);
        let at = written.cost.as_ref().map(|at| at.mark);
        QuotaSettings {
            caller: self.quota("caller", written.caller.as_ref(), (50, 100), highest, at),
            application: self.quota("application", written.application.as_ref(), (500, 1000), highest, at),
            department: self.quota("department", written.department.as_ref(), (2000, 4000), highest, at),
            total: self.quota("total", written.total.as_ref(), (20_000, 40_000), highest, at),
            volume: written.volume.as_ref().map(|at| self.quota("volume", Some(at), (1, 1), 1, None)),
            cost: std::array::from_fn(|place| (TIERS[place], cost[place])),
            keys_max: self.count(written.keys_max.as_ref(), 65_536),
        }
    }

    /// A request whose cost exceeds the burst could never be let through.
    fn quota(
        &mut self,
        class: &str,
        written: Option<&At<Quota>>,
        (per_second, burst): (u32, u32),
        highest_cost: u32,
        cost: Option<Mark>,
    ) -> settings::Quota {
        let meant = written.map_or(settings::Quota { per_second, burst }, |at| settings::Quota {
            per_second: at.value.per_second,
            burst: at.value.burst,
        });
        let mark = written.map(|at| at.mark).or(cost).unwrap_or_default();
        if meant.per_second == 0 {
            self.fault(
                mark,
                format!("the quota of `{class}` never grows back: `per_second` must be 1 or more"),
            );
        }
        if meant.burst < highest_cost {
            let message = format!(
                "the burst of `{class}` ({}) is below the highest cost ({highest_cost})",
                meant.burst
            );
            self.fault_with_help(mark, message, "a request of that tier could never be let through");
        }
        meant
    }

    pub fn defence(&mut self, written: &Defence) -> DefenceSettings {
        let [_, raised @ ..] = TIERS;
        let enter = written.enter.as_ref().map_or(ENTER, |at| self.tiers(at, raised, ENTER));
        let leave = written.leave.as_ref().map_or(LEAVE, |at| self.tiers(at, raised, LEAVE));
        for (name, at, scores) in [("enter", &written.enter, enter), ("leave", &written.leave, leave)] {
            let Some(at) = at else { continue };
            let ascending = scores.iter().zip(scores.iter().skip(1)).all(|(low, high)| low < high);
            if !ascending || scores.iter().any(|score| *score == 0 || *score > SCORE_MAX) {
                self.fault(
                    at.mark,
                    format!("the scores of `{name}` must ascend from T1 to T5, within 1 to {SCORE_MAX}"),
                );
            }
        }
        for (tier, (leave_at, enter_at)) in raised.iter().zip(leave.iter().zip(enter.iter())) {
            if leave_at >= enter_at {
                let mark = written.leave.as_ref().or(written.enter.as_ref()).map(|at| at.mark);
                let message =
                    format!("{tier} is left at {leave_at} but entered at {enter_at}: it must be left below");
                self.fault(mark.unwrap_or_default(), message);
            }
        }
        DefenceSettings {
            profiles_max: self.count(written.profiles_max.as_ref(), 65_536),
            enter,
            leave,
            half_life: self.period(written.half_life.as_ref(), Period::seconds(30 * 60)),
            restriction_max: self.period(written.restriction_max.as_ref(), Period::seconds(24 * 3600)),
        }
    }

    /// One number for each tier: all of them, and no other key.
    fn tiers<N: Copy, const SIZE: usize>(
        &mut self,
        at: &At<BTreeMap<String, N>>,
        tiers: [RiskTier; SIZE],
        default: [N; SIZE],
    ) -> [N; SIZE] {
        let mut numbers = default;
        for (tier, number) in tiers.iter().zip(numbers.iter_mut()) {
            match at.value.get(tier.code()) {
                Some(written) => *number = *written,
                None => self.fault(at.mark, format!("the tier {tier} is missing here")),
            }
        }
        for key in at.value.keys() {
            if !tiers.iter().any(|tier| tier.code() == key) {
                self.fault(at.mark, format!("unknown tier `{key}`"));
            }
        }
        numbers
    }
}
