//! Numbers of things: vehicles and real estate.

use super::checksum::vin_check;
use super::normal::{Compact, digits, half_width, is_dash, is_interpunct, is_space, plain_letter};
use super::{Flaw, Form, Kind};

/// The abbreviations of the provinces on plates.
const PROVINCE_SIGNS: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";

/// Plate: seven characters, or eight for new-energy vehicles. The dot after the second is left out.
pub(super) fn plate(text: &str) -> Result<Form, Flaw> {
    if text.len() > super::normal::TEXT_BYTES_MAX {
        return Err(Flaw::Length);
    }
    let compact: String = text
        .chars()
        .filter(|c| !is_interpunct(*c))
        .map(half_width)
        .filter(|c| !is_space(*c) && !is_dash(*c))
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let mut chars = compact.chars();
    let province = chars.next().ok_or(Flaw::Empty)?;
    if !PROVINCE_SIGNS.contains(province) {
        return Err(Flaw::Issuer);
    }
    let rest = chars.as_str();
    let sound = match rest.chars().count() {
        6 => ordinary_plate(rest),
        7 => new_energy_plate(rest.as_bytes()),
        _ => return Err(Flaw::Length),
    };
    if sound { Ok(Form::sound(Kind::Plate, &compact)) } else { Err(Flaw::Shape) }
}

/// A letter, four letters or digits, and one more or a word: trailer, learner, police, Hong Kong, Macao.
fn ordinary_plate(rest: &str) -> bool {
    let body = rest.strip_suffix(['挂', '学', '警', '港', '澳']).unwrap_or(rest);
    let (city, serial) = body.as_bytes().split_first().map_or((0, &[][..]), |(city, serial)| (*city, serial));
    plain_letter(city) && serial.iter().all(|byte| in_serial(*byte))
}

/// A letter, then the class letter before or after five places of which the rest are digits.
fn new_energy_plate(rest: &[u8]) -> bool {
    let class = |byte: &u8| matches!(byte, b'A'..=b'H' | b'J' | b'K');
    match rest {
        [city, first, second, tail @ ..] if tail.len() == 4 => {
            let leading = class(first) && in_serial(*second) && digits(tail);
            let trailing = digits(&[*first, *second])
                && tail.split_last().is_some_and(|(last, middle)| class(last) && digits(middle));
            plain_letter(*city) && (leading || trailing)
        }
        _ => false,
    }
}

fn in_serial(byte: u8) -> bool {
    byte.is_ascii_digit() || plain_letter(byte)
}

/// Vehicle identification number, GB 16735 / ISO 3779. Makers outside China and North America leave
/// the ninth place to themselves, so that a wrong check is only a warning.
pub(super) fn vin(text: &str) -> Result<Form, Flaw> {
    let compact = Compact::read(text)?;
    let number = compact.exactly::<17>()?;
    let check = vin_check(number).ok_or(Flaw::Character)?;
    Ok(Form::new(Kind::Vin, compact.as_str(), number.get(8) == Some(&check)))
}

/// Real-estate unit number, GB/T 37346: county (6), cadastral district (3) and sub-district (3) in
/// digits, class of the parcel (2 letters), its serial (5 digits), class of the fixture (1 letter),
/// building and unit (8, digits where they are buildings).
pub(super) fn real_estate_unit(text: &str) -> Result<Form, Flaw> {
    let compact = Compact::read(text)?;
    let (land, rest) = compact.exactly::<28>()?.split_at(12);
    let sound = match rest {
        [first, second, rest @ ..] => {
            let (serial, fixture) = rest.split_at_checked(5).ok_or(Flaw::Length)?;
            let (class, unit) = fixture.split_first().ok_or(Flaw::Length)?;
            digits(land)
                && [first, second, class].iter().all(|byte| byte.is_ascii_uppercase())
                && digits(serial)
                && unit.iter().all(u8::is_ascii_alphanumeric)
        }
        _ => false,
    };
    if sound { Ok(Form::sound(Kind::RealEstateUnit, compact.as_str())) } else { Err(Flaw::Shape) }
}
