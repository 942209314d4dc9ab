//! Which identifier a candidate is, if any.

use super::Found;
use super::group::Group;
use super::words;
use crate::engine::identifier::{Kind, Verdict, check, half_width, is_dash, is_interpunct, is_space};

/// Longest identifier that is looked for; an IBAN has 34 characters at most.
const TEXT_MAX: usize = 40;

/// The abbreviations of the provinces on plates.
const PROVINCE_SIGNS: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";

/// The check alone lets years to 9999 pass; most random numbers that hold it would be born in them.
const BIRTH_YEAR_MAX: i32 = 2099;

/// Groups that are read as one.
pub(super) struct Candidate<'a> {
    text: &'a str,
    start: usize,
    end: usize,
    /// Folded, without what stands between the groups.
    folded: [u8; TEXT_MAX],
    len: usize,
    /// Lengths of the groups; 0 where there is none.
    parts: [usize; 8],
    /// All digits, perhaps with an `X` at the end.
    numeric: bool,
    /// It is longer than anything that is looked for.
    long: bool,
}

impl<'a> Candidate<'a> {
    pub fn new<'g>(text: &'a str, groups: impl Iterator<Item = &'g Group>) -> Self {
        let mut all = Candidate {
            text,
            start: usize::MAX,
            end: 0,
            folded: [0; TEXT_MAX],
            len: 0,
            parts: [0; 8],
            numeric: true,
            long: false,
        };
        for (group, part) in groups.zip(0..) {
            let bytes = group.folded();
            all.start = all.start.min(group.start);
            all.end = group.end;
            all.numeric &= group.numeric;
            if let Some(place) = all.parts.get_mut(part) {
                *place = bytes.len();
            }
            match all.folded.get_mut(all.len..all.len + bytes.len()) {
                Some(place) if !group.long => {
                    place.copy_from_slice(bytes);
                    all.len += bytes.len();
                }
                _ => all.long = true,
            }
        }
        all
    }

    fn bytes(&self) -> &[u8] {
        self.folded.get(..self.len).unwrap_or_default()
    }

    fn str(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    fn parts(&self) -> &[usize] {
        let count = self.parts.iter().take_while(|part| **part > 0).count();
        self.parts.get(..count).unwrap_or_default()
    }

    fn found(&self, kind: Kind) -> Option<Found> {
        Some(Found { kind, start: self.start, end: self.end })
    }

    fn is(&self, kind: Kind) -> bool {
        matches!(check(kind, self.str()), Verdict::Valid(_))
    }

    fn digits(&self) -> bool {
        self.numeric && !self.bytes().ends_with(b"X")
    }

    /// The number is all there is, or a word before it says what it is.
    fn is_named(&self, kind: Kind) -> bool {
        let around = |part: Option<&str>| {
            part.is_some_and(|part| part.chars().all(|c| c.is_whitespace() || matches!(c, '"' | '\'')))
        };
        (around(self.text.get(..self.start)) && around(self.text.get(self.end..))) || self.is_worded(kind)
    }

    fn is_worded(&self, kind: Kind) -> bool {
        words::name(self.text, self.start, kind)
    }
}

/// Whether a group may stand beside another in one identifier.
pub(super) fn may_join(group: &Group) -> bool {
    !group.long && (group.numeric || group.folded().len() <= 18)
}

/// What the candidate is.
pub(super) fn read(candidate: &Candidate<'_>) -> Option<Found> {
    if candidate.long || is_part_of_number(candidate) {
        return None;
    }
    match candidate.parts() {
        [_] if candidate.numeric => number(candidate),
        [_] => mixed(candidate),
        _ => joined(candidate),
    }
}

/// A digit, then a point or a comma of thousands, then the candidate; or the other way round.
fn is_part_of_number(candidate: &Candidate<'_>) -> bool {
    let bytes = candidate.text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let mark = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| *byte == b'.');
    (mark(candidate.start.checked_sub(1)) && digit(candidate.start.checked_sub(2)))
        || (mark(Some(candidate.end)) && digit(Some(candidate.end + 1)))
}

/// One group of digits, perhaps with an `X` at its end.
fn number(all: &Candidate<'_>) -> Option<Found> {
    match all.len {
        18 => citizen(all).or_else(|| uscc(all)).or_else(|| card(all)),
        20 if all.is(Kind::DisabilityCertificate) => all.found(Kind::DisabilityCertificate),
        _ if !all.digits() => embedded(all),
        11 if mobile(all.bytes()) => all.found(Kind::Mobile),
        13 if all.bytes().starts_with(b"86") && mobile(all.bytes().get(2..)?) => all.found(Kind::Mobile),
        15 if all.bytes().starts_with(b"0086") && mobile(all.bytes().get(4..)?) => all.found(Kind::Mobile),
        15 if old_resident(all) => all.found(Kind::ResidentId),
        8 | 10 if all.is_worded(Kind::HomeVisitPermit) || all.is_worded(Kind::TaiwanPermit) => {
            all.found(Kind::TaiwanPermit)
        }
        9 if all.is(Kind::Passport) && all.is_worded(Kind::Passport) => all.found(Kind::Passport),
        13..=19 => card(all),
        _ => None,
    }
}

/// One group of letters and digits.
fn mixed(all: &Candidate<'_>) -> Option<Found> {
    if let Some(found) = plate(all) {
        return Some(found);
    }
    let bytes = all.bytes();
    match all.len {
        9 if all.is(Kind::Passport) && (ordinary_passport(bytes) || all.is_named(Kind::Passport)) => all
            .found(if all.is_worded(Kind::HomeVisitPermit) { Kind::HomeVisitPermit } else { Kind::Passport }),
        9 | 11 if all.is(Kind::HomeVisitPermit) && all.is_named(Kind::HomeVisitPermit) => {
            all.found(Kind::HomeVisitPermit)
        }
        11 if all.is(Kind::TaiwanPermit) && all.is_worded(Kind::TaiwanPermit) => {
            all.found(Kind::TaiwanPermit)
        }
        15 if all.is(Kind::ForeignerId) && all.is_worded(Kind::ForeignerId) => all.found(Kind::ForeignerId),
        18 if uscc(all).is_some() => uscc(all),
        20 if all.is(Kind::DisabilityCertificate) => all.found(Kind::DisabilityCertificate),
        19 if all.is(Kind::StudentNumber) => all.found(Kind::StudentNumber),
        28 if all.is(Kind::RealEstateUnit) => all.found(Kind::RealEstateUnit),
        15..=34 if all.is(Kind::Iban) => all.found(Kind::Iban),
        _ => embedded(all),
    }
}

/// Groups that are read as one: only as the kind is written.
fn joined(all: &Candidate<'_>) -> Option<Found> {
    if !all.numeric {
        return match all.parts() {
            [4, middle @ .., 1..=4] if middle.iter().all(|part| *part == 4) && all.is(Kind::Iban) => {
                all.found(Kind::Iban)
            }
            [8, 10] => uscc(all),
            _ => None,
        };
    }
    match all.parts() {
        [3, 4, 4] if mobile(all.bytes()) => all.found(Kind::Mobile),
        [2, 3, 4, 4] | [2, 11] if all.bytes().starts_with(b"86") && mobile(all.bytes().get(2..)?) => {
            all.found(Kind::Mobile)
        }
        [4, 3, 4, 4] | [4, 11] if all.bytes().starts_with(b"0086") && mobile(all.bytes().get(4..)?) => {
            all.found(Kind::Mobile)
        }
        [3 | 4, 7 | 8] if landline(all) => all.found(Kind::Landline),
        [4, 4, 4, 1..=4] | [4, 4, 4, 4, 1..=4] | [4, 6, 5] | [6, 10] | [6, 13] if luhn(all) => {
            all.found(Kind::BankCard)
        }
        parts if all.len == 18 && parts.iter().all(|part| *part >= 2) => citizen(all),
        _ => None,
    }
}

/// Eighteen digits with the check of GB 11643.
fn citizen(all: &Candidate<'_>) -> Option<Found> {
    citizen_of(all.str()).and_then(|kind| all.found(kind))
}

fn citizen_of(eighteen: &str) -> Option<Kind> {
    let kind = if eighteen.starts_with('9') { Kind::ForeignerId } else { Kind::ResidentId };
    match check(kind, eighteen) {
        Verdict::Valid(identifier) => {
            identifier.birth_date().filter(|(year, _, _)| *year <= BIRTH_YEAR_MAX).map(|_| identifier.kind())
        }
        Verdict::ChecksumWarning(_) | Verdict::Invalid(_) => None,
    }
}

/// A resident number in a group that has letters around it: `ID11010519491231002X`.
fn embedded(all: &Candidate<'_>) -> Option<Found> {
    // Only where bytes and characters are the same, so that places in the group are places in the text.
    if all.end - all.start != all.len {
        return None;
    }
    let bytes = all.bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    while at + 18 <= bytes.len() {
        let begins = digit(at) && (at == 0 || !digit(at - 1));
        let number = all.str().get(at..at + 18).filter(|_| begins && !digit(at + 18));
        if let Some(kind) = number.and_then(citizen_of) {
            return Some(Found { kind, start: all.start + at, end: all.start + at + 18 });
        }
        at += 1;
    }
    None
}

/// Fifteen digits: a place, a day of the twentieth century, and a serial. A business licence has as
/// many, and a check of its own, so that one of them is believed to be a person only on its word.
fn old_resident(all: &Candidate<'_>) -> bool {
    all.is(Kind::ResidentId)
        && (all.is_worded(Kind::ResidentId)
            || (all.is_named(Kind::ResidentId) && !all.is(Kind::BusinessLicence)))
}

/// Both checks hold, and authority, category and place exist (GB 32100-2015, table 1; GB/T 2260).
fn uscc(all: &Candidate<'_>) -> Option<Found> {
    let [authority, category, tens, ones, ..] = all.bytes() else { return None };
    let categories: &[u8] = match authority {
        b'1' | b'5' => b"1239",
        b'2' | b'4' | b'8' | b'A' => b"19",
        b'3' => b"123459",
        b'6' | b'7' => b"129",
        b'9' => b"123",
        b'N' => b"1239",
        b'Y' => b"1",
        _ => return None,
    };
    let place = matches!((tens, ones), (b'1', b'0'..=b'5') | (b'2', b'1'..=b'3') | (b'3', b'1'..=b'7'))
        || matches!((tens, ones), (b'4', b'1'..=b'6') | (b'5', b'0'..=b'4') | (b'6', b'1'..=b'6'))
        || matches!((tens, ones), (b'7', b'1') | (b'8', b'1' | b'2'));
    let plausible = all.len == 18 && categories.contains(category) && place;
    if plausible && all.is(Kind::Uscc) { all.found(Kind::Uscc) } else { None }
}

/// Eleven digits that begin with a segment in use (MIIT's numbering, 2024).
fn mobile(number: &[u8]) -> bool {
    let [b'1', second, third, ..] = number else { return false };
    let in_use = match second {
        b'3' | b'8' => true,
        b'4' => matches!(third, b'5'..=b'9'),
        b'5' => *third != b'4',
        b'6' => matches!(third, b'2' | b'5' | b'6' | b'7'),
        b'7' => matches!(third, b'0'..=b'3' | b'5'..=b'8'),
        b'9' => *third != b'4',
        _ => false,
    };
    in_use && number.len() == 11
}

/// An area code and a local number, which begins with neither 0 nor 1.
fn landline(all: &Candidate<'_>) -> bool {
    let [area, ..] = all.parts() else { return false };
    let local = all.bytes().get(*area);
    local.is_some_and(|first| (b'2'..=b'9').contains(first)) && all.is(Kind::Landline)
}

/// A card whose issuer is domestic (UnionPay, and ICBC's older 9558), anywhere; one of another network
/// only where something says that it is a card.
fn card(all: &Candidate<'_>) -> Option<Found> {
    let bytes = all.bytes();
    if !all.digits() || !luhn(all) {
        return None;
    }
    let domestic = (bytes.starts_with(b"62") || bytes.starts_with(b"9558")) && (16..=19).contains(&all.len);
    let named = || network(bytes) && all.is_named(Kind::BankCard);
    if domestic || named() { all.found(Kind::BankCard) } else { None }
}

fn luhn(all: &Candidate<'_>) -> bool {
    (13..=19).contains(&all.len) && all.digits() && all.is(Kind::BankCard)
}

/// Issuer ranges of the other networks, with the lengths they use (ISO/IEC 7812).
fn network(number: &[u8]) -> bool {
    let four = number
        .get(..4)
        .and_then(|first| std::str::from_utf8(first).ok())
        .and_then(|first| first.parse().ok());
    matches!(
        (four.unwrap_or(0u16), number.len()),
        (4000..=4999, 13 | 16 | 19)
            | (3400..=3499 | 3700..=3799, 15)
            | (2221..=2720 | 3528..=3589 | 5100..=5599 | 6011 | 6013 | 6440..=6599 | 8100..=8199, 16)
    )
}

/// The ordinary passport of the mainland in use: E and eight digits, or E, a letter and seven.
fn ordinary_passport(bytes: &[u8]) -> bool {
    bytes.starts_with(b"E") && bytes.iter().skip(2).all(u8::is_ascii_digit)
}

/// A province's sign, a letter, perhaps a dot, and the serial; what the group is depends on what
/// stands before it.
fn plate(all: &Candidate<'_>) -> Option<Found> {
    if !(4..=7).contains(&all.len) {
        return None;
    }
    let before = all.text.get(..all.start)?;
    let mut back = before.chars().rev();
    let mut start = all.start;
    let mut sign = back.next()?;
    if is_interpunct(sign) || is_dash(sign) || is_space(sign) {
        let letter = back.next().filter(|c| half_width(*c).is_ascii_alphabetic())?;
        start -= sign.len_utf8() + letter.len_utf8();
        sign = back.next()?;
    }
    if !PROVINCE_SIGNS.contains(sign) {
        return None;
    }
    start -= sign.len_utf8();
    let suffix = all.text.get(all.end..)?.chars().next().filter(|c| "挂学警港澳".contains(*c));
    let ends = [Some(all.end), suffix.map(|c| all.end + c.len_utf8())];
    let is_plate = |end: &usize| {
        let span = all.text.get(start..*end).unwrap_or_default();
        matches!(check(Kind::Plate, span), Verdict::Valid(_))
    };
    let end = ends.into_iter().flatten().find(is_plate)?;
    Some(Found { kind: Kind::Plate, start, end })
}
