//! Runs of letters and digits, folded to half-width upper case.

use crate::engine::identifier::half_width;

/// Longest group that is looked at: longer ones are hashes, keys and encodings.
pub(super) const GROUP_MAX: usize = 40;

/// One group: where it stands and what it says.
#[derive(Clone, Copy)]
pub(super) struct Group {
    pub start: usize,
    pub end: usize,
    folded: [u8; GROUP_MAX],
    len: u8,
    /// More than [`GROUP_MAX`] characters.
    pub long: bool,
    /// Only digits, perhaps with an `X` at the end.
    pub numeric: bool,
}

impl Group {
    /// ASCII, upper case.
    pub fn folded(&self) -> &[u8] {
        self.folded.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// The first digit of either width in `at..to`.
pub(super) fn next_digit(bytes: &[u8], mut at: usize, to: usize) -> Option<usize> {
    while at < to {
        let end = to.min(at + 8);
        let word = bytes.get(at..end).and_then(|word| <[u8; 8]>::try_from(word).ok());
        if word.is_none_or(|word| may_hold_digit(u64::from_le_bytes(word)))
            && let Some(digit) = (at..end).find(|at| is_digit(bytes, *at))
        {
            return Some(digit);
        }
        at = end;
    }
    None
}

fn is_digit(bytes: &[u8], at: usize) -> bool {
    match bytes.get(at) {
        Some(b'0'..=b'9') => true,
        // U+FF10 to U+FF19.
        Some(0xEF) => matches!(bytes.get(at + 1..at + 3), Some([0xBC, 0x90..=0x99])),
        _ => false,
    }
}

/// Whether one of eight bytes is a digit or begins a full-width one. Now and then it is wrongly said
/// to be so, never wrongly not.
fn may_hold_digit(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let digits = word ^ (ONES * 0x30);
    let lead = word ^ (ONES * 0xEF);
    let below_ten = digits.wrapping_sub(ONES * 10) & !digits;
    let zero = lead.wrapping_sub(ONES) & !lead;
    (below_ten | zero) & HIGH != 0
}

/// Where the group begins that has a digit at `digit`, but not before `from`.
pub(super) fn start(text: &str, digit: usize, from: usize) -> usize {
    let before = text.get(from..digit).unwrap_or_default();
    let run = before.chars().rev().take_while(|c| half_width(*c).is_ascii_alphanumeric());
    digit - run.map(char::len_utf8).sum::<usize>()
}

/// Reads the group that begins at `start`, which is a letter or digit.
pub(super) fn read(text: &str, start: usize, to: usize) -> Option<Group> {
    let mut group = Group { start, end: start, folded: [0; GROUP_MAX], len: 0, long: false, numeric: true };
    for c in text.get(start..to)?.chars() {
        let half = half_width(c);
        if !half.is_ascii_alphanumeric() {
            break;
        }
        group.end += c.len_utf8();
        match group.folded.get_mut(usize::from(group.len)) {
            Some(place) => {
                *place = half.to_ascii_uppercase() as u8;
                group.len += 1;
            }
            None => group.long = true,
        }
    }
    let body = group.folded().strip_suffix(b"X").unwrap_or(group.folded());
    group.numeric = !body.is_empty() && body.iter().all(u8::is_ascii_digit);
    (group.end > start).then_some(group)
}
