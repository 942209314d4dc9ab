//! What people write into statements must not carry identifiers into the log.
//!
//! Officers, matters, purposes and represented parties come out of tokens and headers. They should be
//! codes, but nothing stops an issuer from using identity numbers for staff, or an officer from
//! writing one into a justification. Whatever is a valid identity number is replaced here; in free
//! text every longer run of digits is, because telephone and card numbers have no certain form.

use crate::engine::identifier::{Kind, Verdict, check};
use std::borrow::Cow;

/// Digits in a row that may stand in a free text: years, room numbers, articles of a law.
const FREE_DIGITS_MAX: usize = 6;
/// The number of characters of a resident identity number (GB 11643).
const RESIDENT_ID_CHARACTERS: usize = 18;

/// A code that a credential or a header states, without identity numbers: by themselves, or as a word
/// in it.
pub(super) fn statement(text: &str) -> Cow<'_, str> {
    // Nearly every text is too short to hold one, or holds none: that is seen without a copy.
    if text.len() < RESIDENT_ID_CHARACTERS || !words(text).any(|(word, _)| is_person(word)) {
        return Cow::Borrowed(text);
    }
    rewritten(text, is_person, "identity number")
}

/// A text written by a person, without identity numbers and without longer runs of digits.
pub(super) fn free_text(text: &str) -> Cow<'_, str> {
    if !words(text).any(|(word, _)| is_telling(word)) {
        return Cow::Borrowed(text);
    }
    rewritten(text, is_telling, "number")
}

fn rewritten(text: &str, is_hidden: fn(&str) -> bool, what: &str) -> Cow<'static, str> {
    let mut out = String::with_capacity(text.len());
    for (word, gap) in words(text) {
        if is_hidden(word) {
            out.push_str(&format!("[{what}]"));
        } else {
            out.push_str(word);
        }
        out.push_str(gap);
    }
    Cow::Owned(out)
}

/// Words with the gap behind each. In a word stand ASCII letters and digits, full-width digits, and
/// single separators between digits: `3301 0619 6502 1420 15` is one word.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (word, after) = rest.split_at(word_length(rest));
        let gap = after.find(is_inner).unwrap_or(after.len());
        let (gap, after) = after.split_at(gap);
        rest = after;
        Some((word, gap))
    })
}

fn word_length(text: &str) -> usize {
    let mut end = 0;
    let mut characters = text.char_indices().peekable();
    let mut before_is_digit = false;
    while let Some((at, character)) = characters.next() {
        let follows = characters.peek().is_some_and(|(_, next)| is_digit(*next));
        let joins = matches!(character, ' ' | '-' | '.' | '\u{3000}') && before_is_digit && follows;
        if !is_inner(character) && !joins {
            break;
        }
        before_is_digit = is_digit(character);
        end = at + character.len_utf8();
    }
    end
}

fn is_inner(character: char) -> bool {
    character.is_ascii_alphanumeric() || is_digit(character)
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit() || ('０'..='９').contains(&character)
}

/// The number of a natural person that proves itself by its check digit.
fn is_person(word: &str) -> bool {
    if digits(word) + 1 < RESIDENT_ID_CHARACTERS || digits(word) > RESIDENT_ID_CHARACTERS {
        return false;
    }
    let bare: String = word.chars().filter(|c| is_inner(*c)).collect();
    match check(Kind::ResidentId, &bare) {
        Verdict::Valid(_) => true,
        Verdict::ChecksumWarning(_) | Verdict::Invalid(_) => false,
    }
}

fn is_telling(word: &str) -> bool {
    digits(word) > FREE_DIGITS_MAX
}

fn digits(word: &str) -> usize {
    word.chars().filter(|c| is_digit(*c)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "330106196502142015";

    #[test]
    fn identity_numbers_are_not_kept_in_statements() {
        for (text, expect) in [
            ("mz-0417", "mz-0417"),
            ("MZ-2026-1104-0001", "MZ-2026-1104-0001"),
            ("202611040001234567890123", "202611040001234567890123"),
            ("330106196502142016", "330106196502142016"), // its check digit is wrong
            (ID, "[identity number]"),
            ("officer:330106196502142015", "officer:[identity number]"),
            ("3301 0619 6502 1420 15", "[identity number]"),
            ("３３０１０６１９６５０２１４２０１５", "[identity number]"),
            ("33010619581111331x/2", "[identity number]/2"),
            ("", ""),
        ] {
            assert_eq!(statement(text), expect, "{text}");
        }
    }

    #[test]
    fn free_text_keeps_no_longer_number() {
        for (text, expect) in [
            ("车祸，患者昏迷", "车祸，患者昏迷"),
            ("2026-11, room 101, article 13(4)", "2026-11, room 101, article 13(4)"),
            ("call 13812345678 now", "call [number] now"),
            ("call 138-1234-5678.", "call [number]."),
            ("患者330106196502142015昏迷", "患者[number]昏迷"),
            ("护照 E12345678", "护照 [number]"),
        ] {
            assert_eq!(free_text(text), expect, "{text}");
        }
    }

    proptest! {
        /// Wherever the number stands, whatever is around it.
        #[test]
        fn the_number_never_survives(before in "[^0-9a-zA-Z０-９]{0,9}", after in "[^0-9a-zA-Z０-９]{0,9}") {
            let text = format!("{before}{ID}{after}");
            prop_assert!(!statement(&text).contains(ID));
            prop_assert!(!free_text(&text).contains(ID));
        }

        /// What holds no digits is left as it is.
        #[test]
        fn words_without_digits_stay(text in "[^0-9０-９]{0,40}") {
            prop_assert_eq!(statement(&text), text.as_str());
            prop_assert_eq!(free_text(&text), text.as_str());
        }
    }
}
