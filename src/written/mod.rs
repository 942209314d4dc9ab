//! What people wrote: YAML into plain structs, with the place of every value and all faults at once.
//!
//! Used by every room that reads files of people (`config`, `catalogue`). It may not know what the
//! files mean, nor open them. YAML itself is `serde-saphyr`'s work; this room only keeps the places
//! and goes on after the first fault: unknown keys, wrong types, missing keys and keys written twice
//! are all collected, each with its line shown.
//!
//! ```
//! use zhamen::written::{At, Source};
//! #[derive(Debug, serde::Deserialize)]
//! struct Written { port: At<u16> }
//! let source = Source::new("x.yaml", "prot: 1\nport: 90000\n");
//! let faults = source.read::<Written>().unwrap_err().to_string();
//! assert!(faults.starts_with("x.yaml:1:1: unknown key `prot`"), "{faults}");
//! assert!(faults.contains("help: did you mean `port`?"), "{faults}");
//! assert!(faults.contains("x.yaml:2:7: expected a whole number from 0 to 65535"), "{faults}");
//! ```

mod at;
mod cursor;
mod stop;
mod tree;
mod units;
mod words;

pub use at::{At, Entries, Mark};
pub use tree::{Node, Value};
pub use units::{Bytes, Period};
pub use words::{did_you_mean, one_of};

use crate::fault::{Fault, Faults};
use serde::de::DeserializeOwned;

/// One file's name, as faults show it, and its text.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl<'a> Source<'a> {
    /// A file that was read already.
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Source { file, text }
    }

    /// The name that faults show.
    pub fn file(&self) -> &'a str {
        self.file
    }

    /// Reads the text as one YAML 1.2 document into a plain struct.
    ///
    /// # Errors
    /// Every fault that can be found: see the room's documentation. A text that is not YAML, or
    /// exceeds the limits of [`tree`], gives one fault.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Faults> {
        let tree = self.tree()?;
        cursor::read(self, &tree)
    }

    /// Reads the text without expecting a shape, for documents of other standards (OpenAPI).
    ///
    /// # Errors
    /// One fault where the text is not YAML or exceeds a limit.
    pub fn tree(&self) -> Result<Node, Faults> {
        tree::parse(self)
    }

    /// A fault at a place of this file, with its line shown.
    pub fn fault(&self, mark: Mark, message: impl Into<String>) -> Fault {
        let line = self.text.lines().nth(mark.line.saturating_sub(1)).unwrap_or_default();
        Fault::new(self.file, message).at(mark.line, mark.column, words::without_secret(line))
    }

    /// A fault somewhere inside a text value: `offset` bytes after its first character.
    pub fn fault_inside(&self, mark: Mark, offset: usize, message: impl Into<String>) -> Fault {
        let line = self.text.lines().nth(mark.line.saturating_sub(1)).unwrap_or_default();
        let first = line.chars().nth(mark.column.saturating_sub(1));
        let quote = usize::from(matches!(first, Some('"' | '\'')));
        let column = mark.column + quote + offset;
        // A value that goes over several lines, or is escaped, is shown at its beginning.
        let column = if column <= line.chars().count() + 1 { column } else { mark.column };
        self.fault(Mark { line: mark.line, column }, message)
    }
}

/// Faults in the order in which people read: by file, line and column.
pub fn in_order(mut faults: Faults) -> Faults {
    let place = |fault: &Fault| fault.place.as_ref().map(|place| (place.line, place.column));
    faults.0.sort_by(|one, other| (&one.file, place(one)).cmp(&(&other.file, place(other))));
    faults
}

#[cfg(test)]
mod tests;
