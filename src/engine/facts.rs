//! The facts of one request that policies may read: Cedar's `context`, as a Rust value.
//!
//! ```
//! use zhamen::engine::facts::{ClockFacts, Facts};
//! // 2026-11-23 01:30 UTC is Monday 09:30 in China.
//! let facts = Facts { clock: ClockFacts::at(1_795_397_400), ..Facts::default() };
//! assert_eq!(facts.clock.hour, 9);
//! ```

use super::terms::{AgeBand, Interface, RiskTier, SubjectType};
use std::net::IpAddr;

/// What is known about the person or body that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectFacts {
    pub subject_type: SubjectType,
    pub age_band: AgeBand,
    /// On the list of protected subjects (witnesses, officers, …).
    pub protected: bool,
}

/// The shared-data grant that covers caller and dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantFacts {
    pub valid: bool,
    /// Requests left today; `i64::MAX` where the grant has no quota.
    pub quota_left: i64,
}

/// Where the request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkFacts {
    pub address: IpAddr,
    /// The address lies in a network registered for the application.
    pub known: bool,
}

/// Local time in China (UTC+8, no daylight saving), from the request's one clock reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockFacts {
    /// 0 to 23.
    pub hour: u8,
    /// Monday to Friday. The holiday calendar refines this when the deployment loads one.
    pub workday: bool,
}

impl ClockFacts {
    /// The facts at a moment in seconds since 1970, UTC.
    pub fn at(unix_seconds: i64) -> Self {
        let local = unix_seconds.saturating_add(8 * 3600);
        let day = local.div_euclid(86_400);
        // 1970-01-01 was a Thursday: day 0 is weekday 3 counted from Monday.
        let weekday = (day + 3).rem_euclid(7);
        ClockFacts { hour: (local.rem_euclid(86_400) / 3600) as u8, workday: weekday < 5 }
    }
}

/// Everything of `context` that is not already in the principal's statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub interface: Interface,
    /// `None` where the request names no subject.
    pub subject: Option<SubjectFacts>,
    /// The subject belongs to the matter that the statement names.
    pub subject_in_matter: bool,
    /// The officer is assigned to that matter.
    pub officer_assigned: bool,
    pub grant: Option<GrantFacts>,
    pub network: NetworkFacts,
    pub clock: ClockFacts,
    /// 0 to 1000.
    pub risk: u16,
    pub tier: RiskTier,
    /// A second factor was proved recently enough.
    pub step_up_fresh: bool,
    /// How many records the request asks for at most.
    pub records_requested: u32,
}

impl Default for Facts {
    fn default() -> Self {
        Facts {
            interface: Interface::Query,
            subject: None,
            subject_in_matter: false,
            officer_assigned: false,
            grant: None,
            network: NetworkFacts { address: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), known: true },
            clock: ClockFacts::at(0),
            risk: 0,
            tier: RiskTier::Normal,
            step_up_fresh: false,
            records_requested: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_hours_and_workdays() {
        for (seconds, hour, workday) in [
            (0, 8, true),              // Thursday 08:00
            (1_795_397_400, 9, true),  // Monday 2026-11-23 09:30
            (1_795_305_600, 8, false), // Sunday 2026-11-22 08:00
            (-1, 7, true),
        ] {
            assert_eq!(ClockFacts::at(seconds), ClockFacts { hour, workday }, "{seconds}");
        }
    }
}
