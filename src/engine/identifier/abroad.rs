//! Personal numbers of Estonia, Finland and the United States.

use super::calendar::{Date, date_of};
use super::checksum::{hetu_check, weighted};
use super::normal::{Compact, digits, half_width, is_dash, is_space, number};
use super::{Flaw, Form, Kind};

/// Estonian isikukood, EVS 585: sex and century, birth, serial, check in two passes.
pub(super) fn isikukood(text: &str) -> Result<Form, Flaw> {
    let compact = Compact::read(text)?;
    let code = compact.exactly::<11>()?;
    if !digits(code) {
        return Err(Flaw::Character);
    }
    isikukood_birth(compact.as_str()).ok_or(Flaw::Date)?;
    let check = match weighted(code, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11 {
        10 => weighted(code, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10,
        check => check,
    };
    let holds = code.last().is_some_and(|last| u32::from(last - b'0') == check);
    if holds { Ok(Form::sound(Kind::EstonianId, compact.as_str())) } else { Err(Flaw::Checksum) }
}

/// First digit 1 and 2: born in the 1800s; 3 and 4: 1900s; 5 and 6: 2000s; 7 and 8: 2100s.
pub(super) fn isikukood_birth(canonical: &str) -> Option<Date> {
    let [first, y1, y2, m1, m2, d1, d2, ..] = canonical.as_bytes() else { return None };
    let century = match first {
        b'1'..=b'8' => 1800 + u64::from((first - b'1') / 2) * 100,
        _ => return None,
    };
    date_of(century + number(&[*y1, *y2])?, number(&[*m1, *m2])?, number(&[*d1, *d2])?)
}

/// Finnish personal identity code (henkilötunnus): DDMMYY, sign of the century, individual number 002
/// to 899 (from 900 temporary ones that are never official), check. The sign is a part of the code,
/// so that the canonical form keeps it, also where it is `-` or `+`.
pub(super) fn hetu(text: &str) -> Result<Form, Flaw> {
    if text.len() > super::normal::TEXT_BYTES_MAX {
        return Err(Flaw::Length);
    }
    let code: String = text
        .chars()
        .map(half_width)
        .filter(|c| !is_space(*c))
        .map(|c| if is_dash(c) { '-' } else { c.to_ascii_uppercase() })
        .collect();
    let bytes: &[u8; 11] = code.as_bytes().try_into().map_err(|_| Flaw::Length)?;
    let [d1, d2, m1, m2, y1, y2, _, n1, n2, n3, check] = bytes;
    let nine = [*d1, *d2, *m1, *m2, *y1, *y2, *n1, *n2, *n3];
    if !digits(&nine) {
        return Err(Flaw::Character);
    }
    hetu_birth(&code).ok_or(Flaw::Date)?;
    match number(&[*n1, *n2, *n3]) {
        Some(2..=899) if hetu_check(&nine) == Some(*check) => Ok(Form::sound(Kind::FinnishHetu, &code)),
        Some(2..=899) => Err(Flaw::Checksum),
        _ => Err(Flaw::Reserved),
    }
}

/// `+` 1800s; `- Y X W V U` 1900s; `A B C D E F` 2000s (the letters after the first since 2023).
pub(super) fn hetu_birth(canonical: &str) -> Option<Date> {
    let [d1, d2, m1, m2, y1, y2, sign, ..] = canonical.as_bytes() else { return None };
    let century = match sign {
        b'+' => 1800,
        b'-' | b'U'..=b'Y' => 1900,
        b'A'..=b'F' => 2000,
        _ => return None,
    };
    date_of(century + number(&[*y1, *y2])?, number(&[*m1, *m2])?, number(&[*d1, *d2])?)
}

/// Whether the individual number (HETU) is odd, which means male.
pub(super) fn hetu_is_male(canonical: &str) -> Option<bool> {
    canonical.as_bytes().get(9).map(|digit| digit % 2 == 1)
}

/// United States social security number: area, group, serial; areas 000, 666 and 9xx, group 00 and
/// serial 0000 are never issued, and two numbers of advertisements are not either.
pub(super) fn ssn(text: &str) -> Result<Form, Flaw> {
    let compact = Compact::read(text)?;
    let all = compact.exactly::<9>()?;
    if !digits(all) {
        return Err(Flaw::Character);
    }
    let never = matches!(all, [b'0', b'0', b'0', ..] | [b'6', b'6', b'6', ..] | [b'9', ..])
        || matches!(all, [_, _, _, b'0', b'0', ..] | [.., b'0', b'0', b'0', b'0'])
        || matches!(all, b"078051120" | b"219099999");
    if never { Err(Flaw::Reserved) } else { Ok(Form::sound(Kind::UsSsn, compact.as_str())) }
}
