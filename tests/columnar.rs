//! Columnar answers: what leaves of them is what leaves of the same records as JSON, and nothing else does.

#[path = "columnar/differential.rs"]
mod differential;
#[path = "columnar/files.rs"]
mod files;
#[path = "columnar/hidden.rs"]
mod hidden;
#[path = "columnar/outcomes.rs"]
mod outcomes;
#[path = "columnar/support.rs"]
mod support;
