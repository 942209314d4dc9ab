//! Failures that ClickHouse reports in the middle of an answer whose status was 200 already.
//!
//! By version and format it writes them as a line of text, as a member `exception`, or behind
//! `__exception__`; all of them name the exception's class. A body that says so anywhere is refused
//! from there on, also where a value just happens to quote one: a table that looks whole and is not
//! does more harm.

use memchr::memmem;

/// The end of every class's name, in both spellings of its first letter.
const SIGN: &[u8] = b"xception";
/// What stands before it.
const BEFORE: &[&[u8]] = &[b"DB::E", b"DB::NetE", b"DB::ParsingE", b"Poco::E", b"std::e", b"__e"];
/// A sign with the longest of those before it, less one byte.
const KEPT_BYTES: usize = 8 + 12 - 1;

/// Looks at a body piece by piece.
#[derive(Default)]
pub(in crate::engine::mask) struct Watch {
    /// The end of the last piece.
    tail: Vec<u8>,
}

impl Watch {
    /// Whether a failure is reported here, or began in the piece before.
    pub(in crate::engine::mask) fn sees(&mut self, piece: &[u8]) -> bool {
        let kept = self.tail.len();
        let seam = piece.get(..piece.len().min(KEPT_BYTES)).unwrap_or_default();
        self.tail.extend_from_slice(seam);
        let found = reports(&self.tail) || reports(piece);
        if piece.len() >= KEPT_BYTES {
            self.tail.clear();
            self.tail.extend_from_slice(piece.get(piece.len() - KEPT_BYTES..).unwrap_or_default());
        } else {
            let spare = (kept + seam.len()).saturating_sub(KEPT_BYTES);
            self.tail.drain(..spare);
        }
        found
    }
}

fn reports(text: &[u8]) -> bool {
    memmem::find_iter(text, SIGN).any(|at| {
        let before = text.get(..at).unwrap_or_default();
        BEFORE.iter().any(|word| before.ends_with(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_seen_at_every_split() {
        for (text, seen) in [
            ("a\tb\nCode: 395, e.displayText() = DB::Exception: Value", true),
            ("{\"exception\": \"Code: 395. DB::Exception: x", true),
            ("\r\n__exception__\r\ntag", true),
            ("Poco::Exception. Code: 1000, e.code() = 0", true),
            ("std::exception. Code: 1001", true),
            ("an Exception to the rule, without exception", false),
            ("xception", false),
            ("", false),
        ] {
            for split in 0..=text.len() {
                let mut watch = Watch::default();
                let first = watch.sees(&text.as_bytes()[..split]);
                assert_eq!(first | watch.sees(&text.as_bytes()[split..]), seen, "{text} at {split}");
            }
            let mut watch = Watch::default();
            let bytes = text.as_bytes().chunks(1).fold(false, |seen, byte| watch.sees(byte) | seen);
            assert_eq!(bytes, seen, "{text} byte by byte");
        }
    }
}
