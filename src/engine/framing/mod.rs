//! Strict framing of HTTP/1.1, watched over the raw bytes of a connection.
//!
//! Duty: see, before the server library does, every request head, chunk line and trailer of a
//! downstream connection, and name the first thing that two readers could frame differently
//! (faults.md, H1-01 to H1-15; RFC 9112). May not change a byte, answer, or judge what a target or a
//! field means: that is `canonical`'s.
//!
//! It is a push machine: bytes go in as they arrive, in pieces of any size, and the verdict does not
//! depend on where the pieces end. The wrapper around the connection holds back every unfinished
//! head, chunk line and trailer until it is whole and clean, and lets body bytes through:
//!
//! ```
//! use zhamen::engine::framing::{FramingLimits, Inspector, Verdict};
//! let mut inspector = Inspector::new(FramingLimits::default());
//! // Half a head: hold it back.
//! let half = inspector.inspect(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n");
//! assert_eq!((half.verdict, half.boundary), (Verdict::Clean, Some(0)));
//! // It ends here, with one byte of body; all of it may pass, what was held back first.
//! let rest = inspector.inspect(b"\r\na");
//! assert_eq!((rest.verdict, rest.boundary), (Verdict::Clean, Some(3)));
//! ```
//!
//! [`answer`] is the same for what upstreams send: it finds where an answer's head and body end.

pub mod answer;
mod head;
mod inspector;

pub use inspector::{FramingLimits, Inspection, Inspector, Verdict};
