//! What a catalogue entry might say, guessed from sample answers or from an OpenAPI document.
//!
//! A person decides what a field is; this saves the typing. [`Sample`] gathers the shape of answers and
//! what their values look like by kind, never a value; [`guess`](mod@guess) gives each field the label
//! whose names and kind fit, with its evidence; [`propose`] writes a department's file that
//! `zhamen check` accepts. A field without a good guess stands there as a comment and stays unknown,
//! so that a wrong guess is made by nobody but the reader.
//!
//! ```
//! use zhamen::catalogue::classify::Sample;
//! let mut sample = Sample::default();
//! sample.json(br#"{"data": [{"idCard": "11010519491231002X"}]}"#).unwrap();
//! assert_eq!(sample.paths(), ["$.data[*].idCard"]);
//! assert!(sample.json(b"{").unwrap_err().contains("line 1"));
//! ```

pub mod guess;
mod looks;
mod outline;
mod propose;
mod sample;
mod tables;
#[cfg(test)]
mod tests;

pub use outline::{Operation, operations, plain as plain_name};
pub use propose::{Proposal, Route, propose, template};
pub use sample::{Field, Sample};
