//! Text from outside, made harmless: one line, no terminal control, no reordering, bounded.

use crate::engine::canonical::bytes::{HIGHS, below, equal};
use aws_lc_rs::digest;

/// Longest ordinary text of an entry, in bytes; the rest is replaced by its length and digest.
pub const TEXT_BYTES_MAX: usize = 256;
/// Longest justification of an emergency access, in bytes.
pub const JUSTIFICATION_BYTES_MAX: usize = 2048;

/// Appends a JSON string of at most `bytes_max` source bytes.
///
/// What is cut is named by its byte count and SHA-256, so that a longer original can be matched.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str, bytes_max: usize) {
    out.push(b'"');
    let kept = &text[..text.floor_char_boundary(bytes_max)];
    push_escaped(out, kept);
    if kept.len() < text.len() {
        let rest = &text.as_bytes()[kept.len()..];
        out.extend_from_slice("…(+".as_bytes());
        push_number(out, rest.len() as u64);
        out.extend_from_slice(b" bytes, sha256 ");
        push_hex(out, digest::digest(&digest::SHA256, rest).as_ref());
        out.push(b')');
    }
    out.push(b'"');
}

/// Copies runs of harmless bytes; escapes the rest.
fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    loop {
        let (plain, odd) = rest.split_at(plain_ascii(rest.as_bytes()));
        out.extend_from_slice(plain.as_bytes());
        match odd.as_bytes().first() {
            None => return,
            Some(0x80..) => return push_escaped_chars(out, odd),
            Some(byte) => push_escape(out, char::from(*byte)),
        }
        // The byte just escaped is ASCII, so a character begins behind it.
        rest = &odd[1..];
    }
}

/// Length of the run of ASCII bytes at the start that need no escape, eight at a time.
fn plain_ascii(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    if let Some(at) = words.iter().position(|word| odd_byte(*word) < 8) {
        return at * 8 + words.get(at).map_or(0, |word| odd_byte(*word));
    }
    // The last eight, some of which were looked at already.
    if let Some(word) = bytes.last_chunk::<8>() {
        return bytes.len() - 8 + odd_byte(*word);
    }
    let plain = |byte: &&u8| matches!(**byte, 0x20..=0x7e) && !matches!(**byte, b'"' | b'\\');
    rest.iter().take_while(plain).count()
}

/// The place of the first byte that is not ASCII or needs an escape; 8: there is none.
fn odd_byte(word: [u8; 8]) -> usize {
    let word = u64::from_le_bytes(word);
    let control = below(word, 0x20) | equal(word, 0x7f);
    let odd = word & HIGHS | control | equal(word, b'"') | equal(word, b'\\');
    (odd.trailing_zeros() / 8) as usize
}

fn push_escaped_chars(out: &mut Vec<u8>, text: &str) {
    let mut utf8 = [0; 4];
    for character in text.chars() {
        if character == '"' || character == '\\' || is_harmful(character) {
            push_escape(out, character);
        } else {
            out.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
        }
    }
}

/// Controls, line separators, marks that reorder or hide text (Unicode TR 36, "Trojan Source").
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn push_escape(out: &mut Vec<u8>, character: char) {
    if character == '"' || character == '\\' {
        out.extend_from_slice(&[b'\\', character as u8]);
        return;
    }
    for unit in character.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(b"\\u");
        push_hex(out, &unit.to_be_bytes());
    }
}

/// Lower-case hexadecimal.
pub(super) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    for (pair, byte) in out[start..].chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// Decimal digits.
pub(in crate::engine) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// RFC 3339 in UTC with milliseconds; a moment before 1970 counts as 1970.
pub(super) fn push_time(out: &mut Vec<u8>, unix_ms: i64) {
    let unix_ms = unix_ms.max(0) as u64;
    let (seconds, milliseconds) = (unix_ms / 1000, unix_ms % 1000);
    let (year, month, day) = civil(seconds / 86_400);
    let clock = seconds % 86_400;
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (number, place) in [
        (year / 100, 0),
        (year % 100, 2),
        (month, 5),
        (day, 8),
        (clock / 3600, 11),
        (clock / 60 % 60, 14),
        (clock % 60, 17),
        (milliseconds / 10, 20),
    ] {
        text[place] += (number / 10 % 10) as u8;
        text[place + 1] += (number % 10) as u8;
    }
    text[22] += (milliseconds % 10) as u8;
    out.extend_from_slice(&text);
}

/// Milliseconds since 1970 of a time as [`push_time`] writes it, also without the milliseconds; the
/// whole text must be one.
///
/// ```
/// use zhamen::engine::evidence::read_time;
/// assert_eq!(read_time("2026-11-23T01:30:00.500Z"), Some(1_795_397_400_500));
/// assert_eq!(read_time("2026-02-30T00:00:00Z"), None);
/// ```
pub fn read_time(text: &str) -> Option<i64> {
    let bare = text.strip_suffix('Z')?;
    let (clock, ms) = bare.split_once('.').unwrap_or((bare, "000"));
    let form =
        |text: &str| text.bytes().map(|b| if b.is_ascii_digit() { b'0' } else { b }).collect::<Vec<u8>>();
    if form(clock) != b"0000-00-00T00:00:00" || form(ms) != b"000" {
        return None;
    }
    let number = |from: usize, to: usize| clock.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // A month has at most 31 days, so the day since 1970 lies close to this.
    let near = year.checked_sub(1970)? * 1461 / 4 + month.checked_sub(1)? * 30;
    let date = (near.saturating_sub(3)..=near + 9 + day).find(|one| civil(*one) == (year, month, day))?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = ((date * 24 + hour) * 60 + minute) * 60 + second;
    i64::try_from(seconds * 1000 + ms.parse::<u64>().ok()?).ok()
}

/// Year, month and day of a day since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hostile_text_becomes_one_harmless_line() {
        for (text, expect) in [
            ("plain", r#""plain""#),
            ("", r#""""#),
            ("民政 window", r#""民政 window""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("民\"\\", r#""民\"\\""#),
            ("x\r\n{\"seq\":1}", r#""x\u000d\u000a{\"seq\":1}""#),
            ("\u{1b}[2J\0\u{7f}", r#""\u001b[2J\u0000\u007f""#),
            ("民\n", r#""民\u000a""#),
            ("a\u{202e}b\u{2066}\u{2028}\u{feff}\u{85}", r#""a\u202eb\u2066\u2028\ufeff\u0085""#),
            ("\u{e0041}", r#""\udb40\udc41""#),
        ] {
            let json = written(|out| push_text(out, text, 100));
            assert_eq!(json, expect);
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    #[test]
    fn a_byte_to_escape_is_found_wherever_it_stands() {
        for odd in ["\"", "\\", "\n", "\u{1f}", "\u{7f}", "民", "\u{202e}"] {
            for before in 0..20 {
                let text =
                    format!("{}{odd}{}", "~ !x".repeat(5).split_at(before).0, "tail of more than eight");
                let json = written(|out| push_text(out, &text, 100));
                assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
                assert_eq!(json.bytes().filter(|byte| *byte < 0x20 || *byte == 0x7f).count(), 0);
                assert!(!json.contains('\u{202e}'));
            }
        }
    }

    #[test]
    fn long_text_is_cut_at_a_character_and_its_rest_is_named() {
        let json = written(|out| push_text(out, "民政局", 7));
        // SHA-256 of the last character, computed with Python.
        let rest = "8f6b4037f89bae732f7cf7dbd4008ee31d0e2e574a80c13acf6ce4fef19ec09d";
        assert_eq!(json, format!("\"民政…(+3 bytes, sha256 {rest})\""));
    }

    #[test]
    fn times_are_rfc_3339() {
        for (unix_ms, expect) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-5, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_397_400_500, "2026-11-23T01:30:00.500Z"),
            (4_102_444_799_001, "2099-12-31T23:59:59.001Z"),
        ] {
            assert_eq!(written(|out| push_time(out, unix_ms)), expect);
        }
    }

    #[test]
    fn times_are_read_back_day_by_day() {
        for day in 0..47_500 {
            let unix_ms = day * 86_400_000 + day % 86_400_000;
            let text = written(|out| push_time(out, unix_ms));
            assert_eq!(read_time(&text), Some(unix_ms), "{text}");
        }
        for bad in [
            "",
            "Z",
            "2026-11-23",
            "2026-11-23T24:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-10T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-11-23T01:30:00+08:00",
            "+026-11-23T01:30:00Z",
            "2026-11-23T01:30:00.5Z",
        ] {
            assert_eq!(read_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 7, 10, 4096, u64::MAX] {
            assert_eq!(written(|out| push_number(out, number)), number.to_string());
        }
    }
}
