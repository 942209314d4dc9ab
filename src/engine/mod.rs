//! The decisions, and nothing else.
//!
//! Every function here takes values and returns values: what the caller proved, what it asks for,
//! what the policies say, what the time is. Nothing in this room opens a file or a socket, is
//! `async`, reads a clock or randomness, logs or counts; the shell around it does (`request.rs`
//! tells in which order). `tests/tidy.rs` holds that line.
//!
//! ```
//! use zhamen::engine::terms::DisclosureMode;
//! // The strongest permitted mode wins, and the order is the type's own.
//! assert!(DisclosureMode::Clear > DisclosureMode::Verify);
//! ```

pub mod access;
pub mod canonical;
pub mod clock;
pub mod dataset;
pub mod decide;
pub mod defence;
pub mod detect;
pub mod disclose;
pub mod evidence;
pub mod facts;
pub mod framing;
pub mod identifier;
pub mod json;
pub mod mask;
pub mod principal;
pub mod reason;
pub mod standing;
pub mod terms;
pub mod uses;
