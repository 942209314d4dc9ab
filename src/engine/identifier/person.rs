//! Numbers of natural persons in China, and the documents whose number contains one.
//!
//! The three families of eighteen characters share structure and check (GB 11643-1999): citizens,
//! residence permits of Hong Kong, Macao and Taiwan residents, and foreigners' permanent-resident
//! cards of 2023. An [`Identifier`](super::Identifier) always carries the family it belongs to.

use super::calendar::{Date, compact_birth};
use super::checksum::mod_11_2;
use super::normal::{Compact, digits};
use super::{Flaw, Form, Kind};

/// Province codes of GB/T 2260. County codes change over the years and are therefore not checked:
/// a number keeps the code of the place and day of its issue.
const PROVINCES: [u8; 32] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54,
    61, 62, 63, 64, 65, 71,
];

/// A citizen or a permit holder: permits are used as resident identity, and their numbers can never
/// be a citizen's. The result says which it is. The form of fifteen digits is raised to eighteen.
pub(super) fn resident(text: &str) -> Result<Form, Flaw> {
    let compact = Compact::read(text)?;
    let number = match compact.exactly::<15>() {
        Ok(old) => raised(old)?,
        Err(_) => compact,
    };
    match numbered(&number)? {
        kind @ (Kind::ResidentId | Kind::HkMoTwPermit) => Ok(Form::sound(kind, number.as_str())),
        _ => Err(Flaw::Issuer),
    }
}

/// A residence permit only.
pub(super) fn permit(text: &str) -> Result<Form, Flaw> {
    let number = Compact::read(text)?;
    match numbered(&number)? {
        Kind::HkMoTwPermit => Ok(Form::sound(Kind::HkMoTwPermit, number.as_str())),
        _ => Err(Flaw::Issuer),
    }
}

/// The card of 2023 (first digit 9), or the form before it: three letters and twelve digits, which
/// has no public check.
pub(super) fn foreigner(text: &str) -> Result<Form, Flaw> {
    let number = Compact::read(text)?;
    if let Ok(old) = number.exactly::<15>() {
        let (letters, rest) = old.split_at(3);
        let sound = letters.iter().all(u8::is_ascii_uppercase) && digits(rest);
        return if sound { Ok(Form::sound(Kind::ForeignerId, number.as_str())) } else { Err(Flaw::Shape) };
    }
    match numbered(&number)? {
        Kind::ForeignerId => Ok(Form::sound(Kind::ForeignerId, number.as_str())),
        _ => Err(Flaw::Issuer),
    }
}

/// Disability certificate: an identity number, a category (1 to 7) and a grade (1 to 4).
pub(super) fn disability(text: &str) -> Result<Form, Flaw> {
    let all = Compact::read(text)?;
    let (id, [category, grade]) = all.exactly::<20>()?.split_last_chunk::<2>().ok_or(Flaw::Length)?;
    numbered(&Compact::of(id)?)?;
    let sound = (b'1'..=b'7').contains(category) && (b'1'..=b'4').contains(grade);
    if sound { Ok(Form::sound(Kind::DisabilityCertificate, all.as_str())) } else { Err(Flaw::Shape) }
}

/// Student number (学籍号): G, L or J and an identity number.
pub(super) fn student(text: &str) -> Result<Form, Flaw> {
    let all = Compact::read(text)?;
    let (first, id) = all.exactly::<19>()?.split_first().ok_or(Flaw::Length)?;
    if !matches!(first, b'G' | b'L' | b'J') {
        return Err(Flaw::Shape);
    }
    numbered(&Compact::of(id)?)?;
    Ok(Form::sound(Kind::StudentNumber, all.as_str()))
}

/// The fifteen-digit form raised: the century is the twentieth, and the check is added.
fn raised(old: &[u8; 15]) -> Result<Compact, Flaw> {
    if !digits(old) {
        return Err(Flaw::Character);
    }
    let (region, rest) = old.split_at(6);
    let mut full = [region, b"19", rest].concat();
    full.push(mod_11_2(&full));
    Compact::of(&full)
}

/// Checks eighteen characters and tells the family.
fn numbered(compact: &Compact) -> Result<Kind, Flaw> {
    let number = compact.exactly::<18>()?;
    let (check, first) = number.split_last().ok_or(Flaw::Length)?;
    if !digits(first) || !(check.is_ascii_digit() || *check == b'X') {
        return Err(Flaw::Character);
    }
    let (region, rest) = first.split_at(6);
    let kind = family(region).ok_or(Flaw::Issuer)?;
    compact_birth(rest.get(..8).unwrap_or_default()).ok_or(Flaw::Date)?;
    if mod_11_2(first) == *check { Ok(kind) } else { Err(Flaw::Checksum) }
}

fn family(region: &[u8]) -> Option<Kind> {
    match region {
        b"810000" | b"820000" | b"830000" => Some(Kind::HkMoTwPermit),
        [b'9', ..] => Some(Kind::ForeignerId),
        [tens, ones, ..] => {
            let province = (tens - b'0') * 10 + (ones - b'0');
            PROVINCES.contains(&province).then_some(Kind::ResidentId)
        }
        _ => None,
    }
}

/// The eighteen characters inside a canonical form of these kinds; none in the old foreign form.
fn embedded(kind: Kind, canonical: &str) -> Option<&[u8; 18]> {
    let all = canonical.as_bytes();
    match kind {
        Kind::StudentNumber => all.last_chunk(),
        _ => all.first_chunk(),
    }
}

pub(super) fn birth(kind: Kind, canonical: &str) -> Option<Date> {
    compact_birth(embedded(kind, canonical)?.get(6..14)?)
}

/// Whether the seventeenth digit is odd, which means male.
pub(super) fn is_male(kind: Kind, canonical: &str) -> Option<bool> {
    embedded(kind, canonical)?.get(16).map(|digit| digit % 2 == 1)
}
