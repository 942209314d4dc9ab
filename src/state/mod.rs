//! What outlives a request: the snapshot, quotas, profiles and the audit log.
//!
//! Rooms inside: [`snapshot`] (what was decided to be true), [`reload`] (how it changes), [`quota`],
//! [`profile`], [`audit`], [`follow`] (its reader). None of them knows HTTP; all of them are told the time.

pub mod audit;
pub mod clock;
pub mod drift;
pub mod follow;
pub mod profile;
pub mod quota;
pub mod readings;
pub mod reload;
pub mod snapshot;
pub mod usage;
