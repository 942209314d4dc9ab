//! The check characters of the standards, as arithmetic on ASCII.
//!
//! Every function takes what it checks by value and knows nothing of dates, regions or kinds.

use super::normal::{digits, number};

/// The alphabet of GB 32100-2015: no I, O, S, V, Z.
const USCC_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Weights of GB 11714.
const ORGANISATION_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// Weights of ISO 3779; the ninth place is the check itself.
const VIN_WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];

/// The last character of a resident identity number: GB 11643-1999, ISO 7064 MOD 11-2.
///
/// ```
/// use zhamen::engine::identifier::resident_check_digit;
/// assert_eq!(resident_check_digit("11010519491231002"), Some('X'));
/// assert_eq!(resident_check_digit("1101051949123100"), None);
/// ```
pub fn resident_check_digit(first17: &str) -> Option<char> {
    let first: &[u8; 17] = first17.as_bytes().try_into().ok()?;
    digits(first).then(|| char::from(mod_11_2(first)))
}

/// The last character of a unified social credit code: GB 32100-2015, weights 3^i mod 31.
///
/// ```
/// use zhamen::engine::identifier::uscc_check_char;
/// assert_eq!(uscc_check_char("91350100M000100Y4"), Some('3'));
/// ```
pub fn uscc_check_char(first17: &str) -> Option<char> {
    let first: &[u8; 17] = first17.as_bytes().try_into().ok()?;
    let mut weight = 1;
    let mut sum = 0;
    for byte in first {
        sum += weight * uscc_value(*byte)?;
        weight = weight * 3 % 31;
    }
    USCC_ALPHABET.get((31 - sum % 31) % 31).map(|byte| char::from(*byte))
}

/// The last character of an organisation code: GB 11714.
///
/// ```
/// use zhamen::engine::identifier::organisation_check_char;
/// assert_eq!(organisation_check_char("MB000001"), Some('9'));
/// ```
pub fn organisation_check_char(first8: &str) -> Option<char> {
    let first: &[u8; 8] = first8.as_bytes().try_into().ok()?;
    let mut sum = 0;
    for (byte, weight) in first.iter().zip(ORGANISATION_WEIGHTS) {
        sum += weight * letter_value(*byte)?;
    }
    match 11 - sum % 11 {
        10 => Some('X'),
        11 => Some('0'),
        digit => char::from_digit(digit, 10),
    }
}

/// Whether a character may stand in a unified social credit code.
pub(super) fn in_uscc_alphabet(byte: u8) -> bool {
    uscc_value(byte).is_some()
}

fn uscc_value(byte: u8) -> Option<usize> {
    USCC_ALPHABET.iter().position(|candidate| *candidate == byte)
}

/// `0`-`9` are themselves, `A` is 10, `Z` is 35.
fn letter_value(byte: u8) -> Option<u32> {
    if byte.is_ascii_lowercase() { None } else { char::from(byte).to_digit(36) }
}

/// ISO 7064 MOD 11-2: the check character that belongs to these digits.
pub(super) fn mod_11_2(first: &[u8]) -> u8 {
    let product = first.iter().fold(0u32, |product, byte| (product + digit(*byte)) * 2 % 11);
    match (12 - product) % 11 {
        10 => b'X',
        check => b'0' + check as u8,
    }
}

/// ISO 7064 MOD 11,10 over digits of which the last is the check.
pub(super) fn mod_11_10(all: &[u8]) -> bool {
    let Some((check, first)) = all.split_last() else { return false };
    let product = first.iter().fold(10u32, |product, byte| {
        let sum = (product + digit(*byte)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    digits(all) && (11 - product) % 10 == digit(*check)
}

/// The sum of Luhn's formula (ISO/IEC 7812-1, annex B) modulo 10; a sound number has 0.
pub(super) fn luhn(all: &[u8]) -> u32 {
    let sum: u32 = all
        .iter()
        .rev()
        .enumerate()
        .map(|(place, byte)| match (place % 2, digit(*byte)) {
            (0, value) => value,
            (_, value) => value * 2 / 10 + value * 2 % 10,
        })
        .sum();
    sum % 10
}

/// The remainder by 97 of a text in which letters stand for two digits (ISO 7064 MOD 97-10).
pub(super) fn mod_97(all: impl Iterator<Item = u8>) -> Option<u32> {
    let mut rest = 0;
    for byte in all {
        let value = letter_value(byte)?;
        rest = (rest * if value < 10 { 10 } else { 100 } + value) % 97;
    }
    Some(rest)
}

/// Σ digit × weight; the shorter of the two decides how far.
pub(super) fn weighted(all: &[u8], weights: &[u32]) -> u32 {
    all.iter().zip(weights).map(|(byte, weight)| digit(*byte) * weight).sum()
}

/// The check character of a vehicle identification number, place 9.
pub(super) fn vin_check(vin: &[u8; 17]) -> Option<u8> {
    let mut sum = 0;
    for (byte, weight) in vin.iter().zip(VIN_WEIGHTS) {
        sum += weight * vin_value(*byte)?;
    }
    Some(if sum % 11 == 10 { b'X' } else { b'0' + (sum % 11) as u8 })
}

/// The transliteration of ISO 3779: letters count 1 to 9 in rows, without I, O and Q.
fn vin_value(byte: u8) -> Option<u32> {
    match byte {
        b'0'..=b'9' => Some(digit(byte)),
        b'A'..=b'H' => Some(u32::from(byte - b'A') + 1),
        b'J'..=b'N' => Some(u32::from(byte - b'J') + 1),
        b'P' => Some(7),
        b'R' => Some(9),
        b'S'..=b'Z' => Some(u32::from(byte - b'S') + 2),
        _ => None,
    }
}

/// The check character of a Finnish personal identity code: the nine digits modulo 31.
pub(super) fn hetu_check(nine_digits: &[u8]) -> Option<u8> {
    let place = number(nine_digits)? % 31;
    b"0123456789ABCDEFHJKLMNPRSTUVWXY".get(usize::try_from(place).ok()?).copied()
}

fn digit(byte: u8) -> u32 {
    u32::from(byte.wrapping_sub(b'0') % 10)
}
