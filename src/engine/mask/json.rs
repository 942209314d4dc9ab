//! JSON, masked as it streams.
//!
//! Pushes in, pushes out, holding one token and never the document. It may not build a tree, guess
//! at bytes it does not understand, or let one byte pass before it is known to be allowed to.
//!
//! **What stays.** A member whose path is labelled and whose label is kept stays byte for byte:
//! numbers with their exact text, escapes, key order, white space. A container stays if some
//! label at or below it is shown. Everything that no path names is left out, with its comma.
//!
//! **Shape rule.** A label stands for a whole subtree, scalar by scalar:
//!
//! | value of a labelled member | kept | masked | dropped |
//! |---|---|---|---|
//! | string, number, `true`, `false`, `null` | as it is | what the mask says | member left out |
//! | array | as it is | element by element; what is left out of it leaves no gap | member left out |
//! | object | as it is, keys too | left out: its keys may be data | member left out |
//!
//! A path that ends inside a labelled subtree stands there instead of the outer label, except below
//! an object that was left out. On the way to labels, a container of the wrong shape (or a string
//! where an object belongs) is unknown; `null` stays. A container below which nothing is shown is
//! left out, so that its presence tells nothing; only the objects and arrays around records stay.
//! If the whole document is left out, `null` is the answer: the output is always one JSON value.
//!
//! **Keys.** Compared after unescaping, exactly (see [`fields`](super::fields)). A key named by the
//! paths that comes twice in one object is a fault, in whatever disguise, even if it is dropped:
//! readers differ about which one counts. Keys not named are not remembered: they are dropped, or
//! treated alike each time. A key that only a wildcard reaches must look like a name (a letter or
//! `_`, then letters, digits, `_`, `.`, `-`; 41 at most; at most four digits in all) or it is
//! unknown: a map keyed by identifiers must not carry them out as keys.
//!
//! **Strictness.** RFC 8259 exactly, in what is dropped too, and UTF-8 without byte order mark; no
//! lone surrogates; limits on depth, tokens and white space. A fault ends the stream: what was
//! written before stays correct, nothing is written after.
//!
//! **What becomes of what** (every row has its test):
//!
//! | what comes | what becomes of it |
//! |---|---|
//! | not JSON in any way, also below what is dropped | fault, with kind and offset |
//! | byte order mark, UTF-16, UTF-8 that is none, half a surrogate pair | fault |
//! | a named key twice, however escaped | fault, even where both are dropped |
//! | a key in another case, width, normalisation, with invisible characters | left out; counted as unknown and as lookalike, and its path shown with `≈` |
//! | a map keyed by identifiers under a wildcard | keys that are no names are left out with their values |
//! | a labelled value of another type than usual | masked by the type it has; objects are left out |
//! | a text that holds JSON, base64 or anything | one text: kept or masked as such, never read |
//! | `1e400`, twenty-three digits, `-0.0`, `\u0041` in what is kept | the same bytes |
//! | deeper than [`depth_max`](MaskLimits::depth_max); a token or white space beyond [`token_bytes_max`](MaskLimits::token_bytes_max) | fault |
//! | anything after the value, a second one too | fault: lines of JSON are another format |
//! | a fault after much that was good | the stream ends there; nothing unmasked stands before it |
//!
//! ```
//! use std::sync::Arc;
//! use zhamen::engine::mask::{Masked, MaskLimits, Plan, LabelRule, fields::FieldMap, json::JsonMasker};
//! use zhamen::engine::mask::scalar::{LabelAction, TokenKey};
//! use zhamen::engine::terms::DisclosureMode;
//! let fields = FieldMap::compile(&[("$.name".into(), 0)]).unwrap();
//! let keep = LabelRule { mode: DisclosureMode::Clear, action: LabelAction::Keep, kind: None };
//! let token_key = TokenKey::derive(&[0; 32], "department", "matter").into();
//! let plan = Plan {
//!     actions: vec![keep].into(),
//!     token_key,
//!     claim: None,
//!     today: (2026, 1, 1),
//!     records_max: None,
//!     subject: None,
//!     watched: Default::default(),
//! };
//! let limits = MaskLimits { depth_max: 64, token_bytes_max: 1 << 20 };
//! let mut masker = JsonMasker::new(Arc::new(fields), Arc::new(plan), limits);
//! let mut out = Masked::nothing();
//! masker.push(br#"{"name": "x", "secr"#, &mut out).unwrap();
//! masker.push(br#"et": 1}"#, &mut out).unwrap();
//! let tally = masker.finish(&mut out).unwrap();
//! assert_eq!(out.as_bytes(), br#"{"name": "x"}"#);
//! assert_eq!((tally.dropped_unknown, tally.unknown_sample.as_deref()), (1, Some("$.secret")));
//! ```

mod decide;
mod embedded;
mod frame;
mod literal;
mod number;
mod order;
mod quick;
mod sink;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod value;
mod walk;

use super::Masked;
use super::fields::FieldMap;
pub use super::plan::{FaultKind, LabelRule, MaskFault, MaskLimits, Plan, Tally};
pub(super) use embedded::{Role, Values};
pub(super) use frame::is_name;
#[cfg(feature = "columnar")]
pub(super) use frame::{Rules, Treat};
pub(super) use number::is_number;
use std::sync::Arc;
use walk::Walk;

/// Masks one JSON document, given in any pieces.
pub struct JsonMasker {
    walk: Walk,
    /// The first fault; there is no going on after it.
    fault: Option<MaskFault>,
}

impl JsonMasker {
    /// A masker for one answer. `fields` and `plan` speak of the labels of one dataset.
    pub fn new(fields: Arc<FieldMap>, plan: Arc<Plan>, limits: MaskLimits) -> JsonMasker {
        JsonMasker { walk: Walk::new(fields, plan, limits), fault: None }
    }

    /// Reads on, and appends to `out` what may leave.
    ///
    /// # Errors
    /// The first fault, with its offset in the body; the same again if pushed on.
    pub fn push(&mut self, input: &[u8], out: &mut Masked) -> Result<(), MaskFault> {
        match self.fault {
            Some(fault) => Err(fault),
            None => self.walk.push(input, &mut out.0).inspect_err(|fault| self.fault = Some(*fault)),
        }
    }

    /// Says that the body is over.
    ///
    /// # Errors
    /// The fault of an earlier push; [`FaultKind::Empty`] or [`FaultKind::Truncated`].
    pub fn finish(mut self, out: &mut Masked) -> Result<Tally, MaskFault> {
        self.end(out)
    }

    /// [`finish`](Self::finish) in its place; nothing is known afterwards.
    pub(super) fn end(&mut self, out: &mut Masked) -> Result<Tally, MaskFault> {
        match self.fault {
            Some(fault) => Err(fault),
            None => self.walk.finish(&mut out.0),
        }
    }

    /// What was seen so far: for the record of a stream that was cut. Bytes of a piece with a fault
    /// are not counted as read.
    pub fn tally(&self) -> Tally {
        self.walk.tally()
    }
}
