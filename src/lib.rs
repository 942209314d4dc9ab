//! zhamen (闸门, "sluice gate"): an adaptive-security data access gateway for digital government.
//!
//! A reverse proxy in front of every department's data API. For each request it proves who asks,
//! for what purpose and which matter, asks Cedar what this caller may see of each privacy class,
//! passes on only that, holds back callers whose behaviour does not fit, and writes evidence.
//!
//! A tour: `request` is the life of a request, top to bottom. It walks through values of `engine`
//! (pure decisions), `identity` (proofs), `net` (listeners, upstreams, bodies) and `state`
//! (snapshot, quotas, profiles, audit). `gateway` builds all of it and owns start and stop.

pub mod catalogue;
pub mod cli;
pub mod config;
pub mod demo;
pub mod engine;
pub mod fault;
pub mod gateway;
pub mod identity;
pub mod net;
pub mod ops;
pub mod record;
pub mod refusal;
pub mod request;
pub mod secret;
pub mod state;
pub mod written;
