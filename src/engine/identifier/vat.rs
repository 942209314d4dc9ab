//! Value-added-tax numbers of the European Union, for the member states whose check is known here.
//!
//! AT, BE, DE, DK, EE, FI, IT, LU, NL, PL, PT, SE. Others are refused with [`Flaw::Issuer`]: a number
//! that cannot be checked is not called valid.

use super::checksum::{luhn, mod_11_10, mod_97, weighted};
use super::normal::{Compact, digits, number};
use super::{Flaw, Form, Kind};

/// A number with its country's two letters before it.
pub(super) fn vat(text: &str) -> Result<Form, Flaw> {
    let all = Compact::read(text)?;
    let (country, rest) = all.bytes().split_first_chunk::<2>().ok_or(Flaw::Length)?;
    let full;
    let rest = match country {
        b"NL" => {
            full = padded(rest, 12)?;
            &full
        }
        b"BE" => {
            full = padded(rest, 10)?;
            &full
        }
        _ => rest,
    };
    if wanted_length(country).ok_or(Flaw::Issuer)? != rest.len() {
        return Err(Flaw::Length);
    }
    match holds(country, rest) {
        None => Err(Flaw::Shape),
        Some(false) => Err(Flaw::Checksum),
        Some(true) => {
            let canonical = Compact::of(&[country, rest].concat())?;
            Ok(Form::sound(Kind::EuVat, canonical.as_str()))
        }
    }
}

/// Leading zeros are left out on paper in the Netherlands and, of old, in Belgium.
fn padded(rest: &[u8], length: usize) -> Result<Vec<u8>, Flaw> {
    let missing = length.checked_sub(rest.len()).ok_or(Flaw::Length)?;
    Ok([&b"000000000000"[..missing.min(12)], rest].concat())
}

fn wanted_length(country: &[u8; 2]) -> Option<usize> {
    match country {
        b"DK" | b"FI" | b"LU" => Some(8),
        b"AT" | b"DE" | b"EE" | b"PT" => Some(9),
        b"BE" | b"PL" => Some(10),
        b"IT" => Some(11),
        b"NL" | b"SE" => Some(12),
        _ => None,
    }
}

/// Whether the check holds; none if the shape is wrong.
fn holds(country: &[u8; 2], rest: &[u8]) -> Option<bool> {
    match country {
        b"AT" => austria(rest),
        b"NL" => netherlands(rest),
        _ if !digits(rest) => None,
        b"BE" => belgium(rest),
        b"DE" => (!rest.starts_with(b"0")).then(|| mod_11_10(rest)),
        b"DK" => (!rest.starts_with(b"0")).then(|| weighted(rest, &[2, 7, 6, 5, 4, 3, 2, 1]) % 11 == 0),
        b"EE" => Some(weighted(rest, &[3, 7, 1, 3, 7, 1, 3, 7, 1]) % 10 == 0),
        b"FI" => Some(weighted(rest, &[7, 9, 10, 5, 8, 4, 2, 1]) % 11 == 0),
        b"IT" => italy(rest),
        b"LU" => {
            rest.split_at_checked(6).and_then(|(first, check)| Some(number(first)? % 89 == number(check)?))
        }
        b"PL" => Some(weighted(rest, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == last(rest)?),
        b"PT" => (!rest.starts_with(b"0"))
            .then(|| Some((11 - weighted(rest, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10 == last(rest)?))?,
        b"SE" => rest.split_at_checked(10).map(|(body, branch)| branch != b"00" && luhn(body) == 0),
        _ => None,
    }
}

fn last(rest: &[u8]) -> Option<u32> {
    rest.last().map(|byte| u32::from(byte - b'0'))
}

/// U and eight digits; the check brings the sum of the others and four to a multiple of ten.
fn austria(rest: &[u8]) -> Option<bool> {
    let body = rest.strip_prefix(b"U").filter(|body| digits(body))?;
    let (_, first) = body.split_last()?;
    Some((luhn(first) + 4 + last(body)?) % 10 == 0)
}

/// Ten digits from 0 or 1; the last two are 97 less the rest by 97.
fn belgium(rest: &[u8]) -> Option<bool> {
    let (first, check) = rest.split_at_checked(8)?;
    matches!(rest.first(), Some(b'0' | b'1')).then_some(97 - number(first)? % 97 == number(check)?)
}

/// Seven digits of the company, three of the office (001 to 100, 120, 121, 888, 999), one of Luhn.
fn italy(rest: &[u8]) -> Option<bool> {
    let (company, office) = rest.split_at_checked(7)?;
    let office = number(office.get(..3)?)?;
    let known = number(company)? != 0 && matches!(office, 1..=100 | 120 | 121 | 888 | 999);
    known.then(|| luhn(rest) == 0)
}

/// Nine digits, B, two digits: eleven-proof (numbers before 2020) or MOD 97-10 with the letters.
fn netherlands(rest: &[u8]) -> Option<bool> {
    let (body, suffix) = rest.split_at_checked(9)?;
    let suffix = suffix.strip_prefix(b"B")?;
    if !digits(body) || !digits(suffix) || number(body)? == 0 || number(suffix)? == 0 {
        return None;
    }
    let eleven = weighted(body, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == last(body)?;
    Some(eleven || mod_97(b"NL".iter().chain(rest).copied()) == Some(1))
}
