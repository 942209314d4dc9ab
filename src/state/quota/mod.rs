//! Quotas: how much each caller, application and department may ask for, and all of them together.
//!
//! Four scopes, checked narrowest first: a caller over its own quota never reaches the wider ones,
//! so it cannot spend the others' share. A request costs a caller as many cells as its tier says; the
//! bucket is the same in every tier, so a change of tier never grants a fresh burst. Denied requests
//! are charged like allowed ones. What a caller is told is its standing in the scope of which the least
//! is left, the narrowest of several. Keys are proven principals only; each scope remembers at most
//! `keys_max` of them, and further keys share one bucket.
//!
//! The arithmetic is governor's GCRA. Time is an argument: the monotonic part of a clock reading at the
//! moment of charging.
//!
//! ```
//! use zhamen::config::settings::{Quota, QuotaSettings};
//! use zhamen::engine::{clock::Moment, terms::RiskTier};
//! use zhamen::state::quota::{QuotaKeys, Quotas};
//! let one = Quota { per_second: 1, burst: 1 };
//! let cost = std::array::from_fn(|tier| (RiskTier::ALL[tier], 1));
//! let quotas = Quotas::new(&QuotaSettings {
//!     caller: one, application: one, department: one, total: one, volume: None, cost, keys_max: 10,
//! });
//! let keys = QuotaKeys { caller: "a|o".into(), application: "a".into(), department: "d".into() };
//! let now = Moment { unix_ms: 0, monotonic_us: 0 };
//! assert!(quotas.charge_denied(&keys, RiskTier::Normal, now).is_ok());
//! let over = quotas.charge_denied(&keys, RiskTier::Normal, now).unwrap_err();
//! assert_eq!((over.scope.code(), over.standing.remaining), ("caller", 0));
//! ```

mod limiter;
mod store;
mod volume;

use crate::closed_enum;
use crate::config::settings::{Quota, QuotaSettings};
use crate::engine::clock::Moment;
use crate::engine::decide::Allowed;
use crate::engine::reason::Cause;
pub use crate::engine::standing::Standing;
use crate::engine::terms::RiskTier;
use limiter::{Limiter, Spent};
use std::num::NonZeroU32;
use std::sync::Arc;
use volume::Volume;

closed_enum! {
    /// Whose quota, narrowest first; the last is of a caller's records rather than its requests.
    pub enum Scope { Caller = "caller", Application = "application", Department = "department", Total = "total", Volume = "volume" }
}

/// All scopes, in the order in which they are checked.
pub const SCOPES: &[Scope] = Scope::ALL;

impl Scope {
    /// The cause that a refusal of this scope is recorded with.
    pub const fn cause(self) -> Cause {
        match self {
            Scope::Caller => Cause::QuotaCaller,
            Scope::Application => Cause::QuotaApplication,
            Scope::Department => Cause::QuotaDepartment,
            Scope::Total => Cause::QuotaTotal,
            Scope::Volume => Cause::QuotaVolume,
        }
    }
}

/// Most seconds that jitter adds to `Retry-After`.
const JITTER_SECONDS_MAX: u64 = 8;

/// Whose cells one request spends: keys of proven principals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaKeys {
    /// `Principal::caller_key`.
    pub caller: Arc<str>,
    pub application: Arc<str>,
    pub department: Arc<str>,
}

/// Proof that a request passed policy and its quotas. Only [`Quotas::admit`] makes it.
#[derive(Debug)]
pub struct Admitted {
    allowed: Allowed,
    standing: Standing,
}

impl Admitted {
    /// The decision that was admitted.
    pub fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    /// The caller's standing after this request, in the quota of which the least is left.
    pub fn standing(&self) -> Standing {
        self.standing
    }
}

/// A quota was exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverQuota {
    pub scope: Scope,
    /// The standing in that scope; nothing is left.
    pub standing: Standing,
    /// When to come back: never before `standing.reset_s`, spread by caller so that those who were
    /// refused together do not return together.
    pub retry_after_s: u64,
}

impl OverQuota {
    /// The cause for record and counters.
    pub const fn cause(&self) -> Cause {
        self.scope.cause()
    }
}

/// How many keys each scope remembers now, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaSizes {
    pub caller: usize,
    pub application: usize,
    pub department: usize,
    /// Charges that fell into a shared overflow bucket since the start.
    pub overflowed: u64,
}

/// All quotas of this process.
#[derive(Debug)]
pub struct Quotas {
    caller: Limiter,
    application: Limiter,
    department: Limiter,
    total: Limiter,
    total_key: Arc<str>,
    volume: Option<Volume>,
    /// Cells by `RiskTier::number`; never more than the caller's burst, because then no waiting
    /// would ever be long enough.
    cost: [NonZeroU32; 6],
}

impl Quotas {
    /// Empty buckets of the configured sizes. A rate or burst of 0 counts as 1.
    pub fn new(settings: &QuotaSettings) -> Self {
        let limiter = |quota: Quota| Limiter::new(quota, settings.keys_max);
        let burst = settings.caller.burst.max(1);
        let mut cost = [NonZeroU32::MIN; 6];
        for (tier, cells) in settings.cost {
            cost[usize::from(tier.number())] = NonZeroU32::new(cells.min(burst)).unwrap_or(NonZeroU32::MIN);
        }
        Quotas {
            caller: limiter(settings.caller),
            application: limiter(settings.application),
            department: limiter(settings.department),
            total: limiter(settings.total),
            total_key: "total".into(),
            volume: settings.volume.map(|quota| Volume::new(quota, settings.keys_max)),
            cost,
        }
    }

    /// Admits an allowed request, or says which quota it exceeds.
    pub fn admit(
        &self,
        allowed: Allowed,
        keys: &QuotaKeys,
        tier: RiskTier,
        now: Moment,
    ) -> Result<Admitted, OverQuota> {
        let standing = self.charge(keys, tier, now)?;
        self.has_volume(keys, now)?;
        Ok(Admitted { allowed, standing })
    }

    /// Charges a caller for what an answer gave: records, or subjects where they are more.
    pub fn charge_volume(&self, caller: &Arc<str>, cells: u64, now: Moment) {
        if let Some(volume) = &self.volume {
            volume.charge(caller, cells, now);
        }
    }

    /// Who has taken more than its volume is not given more until it has grown back.
    fn has_volume(&self, keys: &QuotaKeys, now: Moment) -> Result<(), OverQuota> {
        let Some(volume) = &self.volume else { return Ok(()) };
        let Some(wait_s) = volume.wait_s(&keys.caller, now) else { return Ok(()) };
        let Quota { per_second, burst } = volume.quota();
        let standing = Standing {
            policy: Scope::Volume.code(),
            limit: burst,
            remaining: 0,
            reset_s: wait_s,
            window_s: u64::from(burst).div_ceil(u64::from(per_second.max(1))),
        };
        let retry_after_s = wait_s.saturating_add(jitter(&keys.caller, now));
        Err(OverQuota { scope: Scope::Volume, standing, retry_after_s })
    }

    /// Charges a denied or refused request of a proven principal, so that probing is not free.
    ///
    /// An error means that the caller is to be told to come back later instead of why it was denied.
    pub fn charge_denied(
        &self,
        keys: &QuotaKeys,
        tier: RiskTier,
        now: Moment,
    ) -> Result<Standing, OverQuota> {
        self.charge(keys, tier, now)
    }

    /// Forgets keys whose buckets are full again. To be called on a timer, never by a request.
    pub fn sweep(&self, now: Moment) {
        for limiter in [&self.caller, &self.application, &self.department] {
            limiter.sweep(now);
        }
        if let Some(volume) = &self.volume {
            volume.sweep(now);
        }
    }

    /// Keys remembered now.
    pub fn sizes(&self) -> QuotaSizes {
        let limiters = [&self.caller, &self.application, &self.department];
        QuotaSizes {
            caller: self.caller.keys(),
            application: self.application.keys(),
            department: self.department.keys(),
            overflowed: limiters.iter().map(|limiter| limiter.overflowed()).sum(),
        }
    }

    fn charge(&self, keys: &QuotaKeys, tier: RiskTier, now: Moment) -> Result<Standing, OverQuota> {
        let cost = self.cost[usize::from(tier.number())];
        let one = NonZeroU32::MIN;
        let mut tightest = (Scope::Caller, cost, self.spend(Scope::Caller, &keys.caller, cost, keys, now)?);
        let wider = [
            (Scope::Application, &keys.application),
            (Scope::Department, &keys.department),
            (Scope::Total, &self.total_key),
        ];
        for (scope, key) in wider {
            let spent = self.spend(scope, key, one, keys, now)?;
            let (_, cost, least) = tightest;
            if spent.cells_left < least.cells_left / cost {
                tightest = (scope, one, spent);
            }
        }
        let (scope, cost, spent) = tightest;
        Ok(self.standing(scope, cost, spent))
    }

    fn spend(
        &self,
        scope: Scope,
        key: &Arc<str>,
        cost: NonZeroU32,
        keys: &QuotaKeys,
        now: Moment,
    ) -> Result<Spent, OverQuota> {
        self.limiter(scope).spend(key, cost, now).map_err(|wait_s| {
            let standing =
                Standing { reset_s: wait_s, ..self.standing(scope, cost, Spent { cells_left: 0 }) };
            let retry_after_s = wait_s.saturating_add(jitter(&keys.caller, now));
            OverQuota { scope, standing, retry_after_s }
        })
    }

    fn standing(&self, scope: Scope, cost: NonZeroU32, spent: Spent) -> Standing {
        let Quota { per_second, burst } = self.limiter(scope).quota();
        let missing = u64::from(burst.saturating_sub(spent.cells_left));
        Standing {
            policy: scope.code(),
            limit: burst / cost,
            remaining: spent.cells_left / cost,
            reset_s: missing.div_ceil(u64::from(per_second)),
            window_s: u64::from(burst).div_ceil(u64::from(per_second)),
        }
    }

    fn limiter(&self, scope: Scope) -> &Limiter {
        match scope {
            // Volume has a book of its own; its requests are the caller's.
            Scope::Caller | Scope::Volume => &self.caller,
            Scope::Application => &self.application,
            Scope::Department => &self.department,
            Scope::Total => &self.total,
        }
    }
}

/// Seconds derived from caller and second: reproducible, yet different from caller to caller.
fn jitter(caller: &str, now: Moment) -> u64 {
    let seed = store::hash(caller.as_bytes()) ^ (now.monotonic_us / 1_000_000);
    // One round of splitmix64, so that neighbouring seconds do not give neighbouring values.
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)) % (JITTER_SECONDS_MAX + 1)
}

#[cfg(test)]
mod tests;
