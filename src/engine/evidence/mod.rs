//! What the log says of each request, and how one line holds on to the line before it.
//!
//! This room turns values into the bytes of an entry and links entries into a chain. It writes
//! nothing anywhere: `state::audit` numbers, links and stores what is encoded here, and anybody can
//! check a stored line with [`chain::verify_line`] alone. No raw identifier passes through: subjects
//! appear as keyed tokens ([`subject_token`]), network addresses cut to their prefix.
//!
//! ```
//! use zhamen::engine::evidence::{Entry, Request, chain, encode};
//! let body = encode(&Entry::Request(Request { request_id: "r-1", status: Some(403), ..Request::default() }));
//! let mut line = Vec::new();
//! let hash = chain::frame(1, &chain::GENESIS, &body, &mut line);
//! let found = chain::verify_line(&line).unwrap();
//! assert_eq!((found.seq, found.prev, found.hash), (1, chain::GENESIS, hash));
//! ```

pub mod chain;
pub mod checkpoint;
mod encode;
mod entry;
pub mod note;
pub mod ocsf;
pub mod receipt;
mod redact;
mod subject;
pub(in crate::engine) mod text;
pub mod tile;
pub mod tree;

pub use encode::{EntryBody, encode};
pub use entry::{
    Admin, ClockStep, Decision, Drift, Entry, FoundBy, FoundSeen, Gap, GapCause, Handover, LabelSeen,
    Lifecycle, ModeShown, Outcome, QuotaLeft, Quotas, Reading, Refused, Reload, Reloaded, Request, Retention,
    Tier, UseAsked,
};
pub use subject::{SubjectKey, SubjectKeys, subject_token};
pub use text::{JUSTIFICATION_BYTES_MAX, TEXT_BYTES_MAX, read_time};

use super::defence::TierChange;

/// The entry of a change of tier.
pub fn tier_change(ts: i64, caller: &str, change: &TierChange) -> EntryBody {
    let features = change.features.map(|(feature, share)| (feature.code(), share));
    encode(&Entry::Tier(Tier {
        ts,
        caller,
        old: change.old,
        new: change.new,
        score: change.score,
        cause: change.cause.code(),
        features: &features,
    }))
}
