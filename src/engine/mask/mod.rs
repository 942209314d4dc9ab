//! Disclosure carried out: a format's masker walks, a kind's mask acts on one scalar.
//!
//! This room alone makes [`Masked`], and only that becomes a response body: an answer that did not
//! pass through here cannot be sent. It may not ask why a mode was chosen, nor know HTTP; it takes
//! a [`Plan`] (what happens to each label) and bytes, and gives bytes and a [`Tally`].
//!
//! - [`fields`]: which field carries which label, as an automaton over keys and elements;
//! - [`json`]: the walker of JSON; `lines`, [`csv`], `clickhouse` and `columnar`: those of the other formats;
//! - [`Masker`]: the walker of the format that the catalogue declares;
//! - [`sieve`]: which records come to the walker at all;
//! - [`scalar`]: what a mode does to one value;
//! - `showing`: the one door that every value of an answer goes through, whatever its format;
//! - [`links`]: identifiers inside URLs that leave as they are;
//! - [`watch`]: which kept values are looked at for identifiers, and what happens to one;
//! - [`subjects`]: how many persons and bodies an answer tells of.
//!
//! ```
//! use zhamen::engine::mask::Masked;
//! // Whoever is outside this room can make only this one, and take apart those it is given.
//! assert!(Masked::nothing().is_empty());
//! ```

mod capture;
mod clickhouse;
#[cfg(feature = "columnar")]
mod columnar;
mod columns;
pub mod csv;
pub mod fields;
mod format;
pub mod json;
mod lines;
pub mod links;
mod plan;
pub mod scalar;
mod showing;
pub mod sieve;
pub mod subjects;
#[cfg(test)]
mod tests;
pub mod watch;

pub use csv::{Columns, Dialect, Formulas, Null, Quoting};
pub use format::{Container, Format, Masker};
pub use plan::{FaultKind, LabelRule, MaskFault, MaskLimits, Plan, Tally};

use super::dataset::Dataset;
use std::fmt;

/// Bytes that went through a masker, or that need none.
#[derive(Default)]
pub struct Masked(Vec<u8>);

impl Masked {
    /// No bytes: the buffer that a masker writes to.
    pub fn nothing() -> Masked {
        Masked::default()
    }

    /// Passes bytes that nobody looked at, where the dataset allows that.
    pub fn opaque(bytes: Vec<u8>, _grant: &OpaqueGrant) -> Masked {
        Masked(bytes)
    }

    /// Takes the bytes out, to be sent.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends what came later.
    pub fn append(&mut self, mut later: Masked) {
        self.0.append(&mut later.0);
    }
}

/// Shows the size, never the content.
impl fmt::Debug for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masked({} bytes)", self.0.len())
    }
}

/// Leave to pass bodies of one dataset without reading them.
#[derive(Debug)]
pub struct OpaqueGrant(());

impl OpaqueGrant {
    /// Given only where there is nothing to mask: level L1 and no personal information.
    pub fn for_dataset(dataset: &Dataset) -> Option<OpaqueGrant> {
        (!dataset.is_classified()).then_some(OpaqueGrant(()))
    }
}
