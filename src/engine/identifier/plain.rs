//! Values that identify nobody by a number: names, addresses, dates, amounts, coordinates.
//!
//! They have one form to be compared by, so that a claim can be verified however it was typed.

use super::calendar::read_date;
use super::decimal::Decimal;
use super::normal::{TEXT_BYTES_MAX, half_width, is_interpunct, is_space};
use super::{Flaw, Form, Kind};
use unicode_normalization::UnicodeNormalization;

/// Name of a person or a body: NFC, one interpunct (U+00B7), single spaces, and none beside Han
/// characters. Case is kept.
pub(super) fn name(text: &str) -> Result<Form, Flaw> {
    Ok(Form::sound(Kind::Name, &spaced(text, |c| if is_interpunct(c) { '\u{B7}' } else { half_width(c) })?))
}

/// Address: NFC, half-width, single spaces, and none beside Han characters.
pub(super) fn address(text: &str) -> Result<Form, Flaw> {
    Ok(Form::sound(Kind::Address, &spaced(text, half_width)?))
}

fn spaced(text: &str, fold: fn(char) -> char) -> Result<String, Flaw> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Flaw::Length);
    }
    let mut form = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.trim().nfc().map(fold) {
        if is_space(c) {
            gap = true;
        } else if c.is_control() {
            return Err(Flaw::Character);
        } else {
            let between_words = form.chars().next_back().is_some_and(char::is_alphanumeric)
                && !form.ends_with(is_han)
                && !is_han(c);
            if gap && (between_words || form.ends_with([',', '.', ';'])) {
                form.push(' ');
            }
            gap = false;
            form.push(c);
        }
    }
    if form.is_empty() { Err(Flaw::Empty) } else { Ok(form) }
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}' | '〇')
}

/// Date: `YYYYMMDD`. A month or a year alone is not a date.
pub(super) fn date(text: &str) -> Result<Form, Flaw> {
    let (year, month, day) = read_date(text).and_then(|written| written.day).ok_or(Flaw::Date)?;
    Ok(Form::sound(Kind::Date, &format!("{year:04}{month:02}{day:02}")))
}

/// Amount: the plain decimal without needless zeros.
pub(super) fn amount(text: &str) -> Result<Form, Flaw> {
    Ok(Form::sound(Kind::Amount, &decimal(text)?.plain().ok_or(Flaw::Length)?))
}

/// Coordinate: one number of degrees (−180 to 180), or two with a comma between.
pub(super) fn coordinate(text: &str) -> Result<Form, Flaw> {
    let mut form = String::new();
    let parts = text.split([',', '，']);
    for (place, part) in parts.enumerate() {
        let degrees = decimal(part)?;
        let plain = degrees.plain().ok_or(Flaw::Length)?;
        if place > 1 || !((-180..180).contains(&degrees.floor()) || plain == "180") {
            return Err(Flaw::Shape);
        }
        form.push_str(if place == 1 { "," } else { "" });
        form.push_str(&plain);
    }
    Ok(Form::sound(Kind::Coordinate, &form))
}

fn decimal(text: &str) -> Result<Decimal, Flaw> {
    if text.trim().is_empty() {
        return Err(Flaw::Empty);
    }
    Decimal::read(text).ok_or(Flaw::Shape)
}
