//! What was written becomes what it means.
pub mod settings;
