//! Travel documents and the military officer's card: shapes, without public checks.

use super::normal::{Compact, digits, half_width, is_dash, is_space, plain_letter};
use super::{Flaw, Form, Kind};

/// Passports of the mainland (E, G, D, S, P, DE, SE, PE, 14, 15), of Macao (MA) and Hong Kong (H, K, KJ).
pub(super) fn passport(text: &str) -> Result<Form, Flaw> {
    let compact = Compact::read(text)?;
    let sound = match compact.exactly::<9>()? {
        [b'D' | b'S' | b'P', b'E', rest @ ..] => digits(rest),
        [b'M', b'A', rest @ ..] | [b'K', b'J', rest @ ..] | [b'1', b'4' | b'5', rest @ ..] => digits(rest),
        [b'E', second, rest @ ..] => digits(rest) && (second.is_ascii_digit() || plain_letter(*second)),
        [b'G' | b'D' | b'S' | b'P' | b'H' | b'K', rest @ ..] => digits(rest),
        _ => false,
    };
    if sound { Ok(Form::sound(Kind::Passport, compact.as_str())) } else { Err(Flaw::Shape) }
}

/// Home-visit permit of Hong Kong (H) and Macao (M) residents: eight digits, or ten with the issue.
pub(super) fn home_visit(text: &str) -> Result<Form, Flaw> {
    let compact = Compact::read(text)?;
    match compact.bytes() {
        [b'H' | b'M', rest @ ..] if digits(rest) => match rest.len() {
            8 | 10 => Ok(Form::sound(Kind::HomeVisitPermit, compact.as_str())),
            _ => Err(Flaw::Length),
        },
        _ => Err(Flaw::Shape),
    }
}

/// Taiwan compatriot permit: eight digits now; ten and perhaps a letter before.
pub(super) fn taiwan(text: &str) -> Result<Form, Flaw> {
    let compact = Compact::read(text)?;
    let sound = match compact.bytes() {
        all if all.len() == 8 || all.len() == 10 => digits(all),
        [first @ .., letter] if first.len() == 10 => digits(first) && letter.is_ascii_uppercase(),
        _ => return Err(Flaw::Length),
    };
    if sound { Ok(Form::sound(Kind::TaiwanPermit, compact.as_str())) } else { Err(Flaw::Shape) }
}

/// Military officer's card: one to four Han characters, `字第`, four to eight letters or digits, and
/// `号`, which the canonical form leaves out.
pub(super) fn military(text: &str) -> Result<Form, Flaw> {
    if text.len() > super::normal::TEXT_BYTES_MAX {
        return Err(Flaw::Length);
    }
    let compact: String = text
        .chars()
        .map(half_width)
        .filter(|c| !is_space(*c) && !is_dash(*c))
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let number = compact.strip_suffix('号').unwrap_or(&compact);
    let (unit, serial) = number.rsplit_once("字第").ok_or(Flaw::Shape)?;
    let han = unit.chars().all(|c| matches!(c, '\u{4E00}'..='\u{9FA5}'));
    if !han || !serial.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Flaw::Character);
    }
    let lengths = (1..=4).contains(&unit.chars().count()) && (4..=8).contains(&serial.len());
    if lengths { Ok(Form::sound(Kind::MilitaryCard, number)) } else { Err(Flaw::Length) }
}
