//! The demonstration: a synthetic city, its departments' data APIs, credentials, and scenarios.
//!
//! `citizens` makes the registers, `departments` serves them as the upstreams of the gateway,
//! `certs` and `tokens` make what callers prove themselves with, `workspace` lays everything out in
//! one folder that is also a first deployment, `play` plays the scenarios through real TLS. Nothing
//! here is on the path of a request of the gateway.

pub mod certs;
pub mod citizens;
pub mod departments;
pub mod model;
pub mod numbers;
pub mod passes;
pub mod play;
pub mod policies;
pub mod random;
pub mod tokens;
mod words;
pub mod workspace;
