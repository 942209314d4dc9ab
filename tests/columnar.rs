//! Columnar answers: what leaves of them is what leaves of the same records as JSON, and nothing else does.

#[path = "columnar/clickhouse.rs"]
mod clickhouse;
#[path = "columnar/differential.rs"]
mod differential;
#[allow(dead_code, reason = "the tests of whole gateways use all of it")]
#[path = "e2e/support/mod.rs"]
mod e2e;
#[path = "columnar/files.rs"]
mod files;
#[path = "columnar/fuzz.rs"]
mod fuzz;
#[path = "columnar/gateway.rs"]
mod gateway;
#[path = "columnar/hidden.rs"]
mod hidden;
#[path = "columnar/outcomes.rs"]
mod outcomes;
#[path = "columnar/python.rs"]
mod python;
#[path = "columnar/seeds.rs"]
mod seeds;
#[path = "columnar/support.rs"]
mod support;
