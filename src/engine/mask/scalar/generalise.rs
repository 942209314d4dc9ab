//! Coarser values: years, age bands, bands of amounts, districts, days, rounded coordinates, prefixes.

use super::{Ends, Generalise, View, address};
use crate::engine::identifier::{Date, Decimal, age, civil_date, day_start, is_plain_number, read_date};
use std::fmt::{Display, Write};

/// The coarser form of a text; nothing if the rule cannot treat it.
pub(super) fn text<'b>(rule: &Generalise, text: &str, today: Date, shown: &'b mut String) -> View<'b> {
    if matches!(rule, Generalise::Year)
        && let Some(ends) = leading_year(text)
    {
        return View::Ends(ends);
    }
    write_text(rule, text, today, shown).map_or(View::Absent, |()| View::Text(shown))
}

pub(super) fn write_text(rule: &Generalise, text: &str, today: Date, shown: &mut String) -> Option<()> {
    match rule {
        Generalise::Year => padded(shown, read_date(text)?.year, 4),
        Generalise::AgeBand { years } => {
            let low = age_floor(read_date(text)?.day?, today, *years)?;
            write(shown, format_args!("{low}-{}", low + u32::from(*years) - 1))
        }
        Generalise::Bands { bounds } => band(bounds, &Decimal::read(text)?, shown),
        Generalise::District => write(shown, text.get(..address::district_end(text)?)?),
        Generalise::Day => {
            let (year, month, day) = read_date(text)?.day?;
            padded(shown, year, 4)?;
            for part in [month, day] {
                shown.push('-');
                padded(shown, part.into(), 2)?;
            }
            Some(())
        }
        Generalise::Decimals { decimals } => rounded_list(text, (*decimals).into(), shown),
        Generalise::Prefix { characters } => prefix(text.trim(), (*characters).into(), shown),
    }
}

/// The year of a date, where it is written as the text's first four digits, as it mostly is.
pub(super) fn leading_year(text: &str) -> Option<Ends> {
    let digits = text.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let value = digits.bytes().fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
    (read_date(text)?.year == value).then_some(Ends { first: 4, stars: 0, last: 0 })
}

/// The coarser form of a number, as a number.
pub(super) fn number<'b>(rule: &Generalise, lexeme: &str, today: Date, shown: &'b mut String) -> View<'b> {
    let treated = match rule {
        Generalise::Year => date_in_number(lexeme).and_then(|(year, _)| write(shown, year)),
        Generalise::AgeBand { years } => date_in_number(lexeme)
            .and_then(|(_, day)| age_floor(day?, today, *years))
            .and_then(|low| write(shown, low)),
        Generalise::Bands { bounds } => return lower_bound(bounds, lexeme, shown),
        Generalise::District => None,
        Generalise::Day => day_in_number(lexeme, shown),
        Generalise::Decimals { decimals } => rounded(lexeme, (*decimals).into(), shown),
        Generalise::Prefix { characters } => Some(lexeme)
            .filter(|all| is_plain_number(all))
            .and_then(|all| prefix(all, (*characters).into(), shown)),
    };
    treated.map_or(View::Absent, |()| View::Number(shown))
}

/// Writing to a text never fails.
fn write(shown: &mut String, what: impl Display) -> Option<()> {
    write!(shown, "{what}").ok()
}

/// The last digits of a number that is not negative, so many; a format would take longer than the reading.
fn padded(shown: &mut String, number: i32, digits: u32) -> Option<()> {
    let number = u32::try_from(number).ok()?;
    for place in (0..digits).rev() {
        shown.push(char::from_digit(number / 10u32.pow(place) % 10, 10)?);
    }
    Some(())
}

fn age_floor(birth: Date, today: Date, years: u8) -> Option<u32> {
    let age = age(birth, today)?;
    Some(age - age.checked_rem(u32::from(years))?)
}

/// A number that writes a date, or seconds (ten digits) or milliseconds (thirteen) since 1970.
fn date_in_number(lexeme: &str) -> Option<(i32, Option<Date>)> {
    if !is_plain_number(lexeme) {
        return None;
    }
    let day = match lexeme.len() {
        10 => civil_date(lexeme.parse().ok()?),
        13 => civil_date(lexeme.parse::<i64>().ok()? / 1000),
        _ => return read_date(lexeme).map(|written| (written.year, written.day)),
    };
    Some((day.0, Some(day)))
}

fn day_in_number(lexeme: &str, shown: &mut String) -> Option<()> {
    let (_, day) = date_in_number(lexeme)?;
    let (year, month, day) = day?;
    match lexeme.len() {
        10 => write(shown, day_start(lexeme.parse().ok()?)),
        13 => write(shown, day_start(lexeme.parse::<i64>().ok()? / 1000).checked_mul(1000)?),
        _ => write(shown, format_args!("{year:04}{month:02}{day:02}")),
    }
}

/// How many bounds are not above the value: the number of its band, from below.
fn band_of(bounds: &[i64], value: &Decimal) -> usize {
    let floor = value.floor();
    bounds.iter().take_while(|bound| i128::from(**bound) <= floor).count()
}

fn band(bounds: &[i64], value: &Decimal, shown: &mut String) -> Option<()> {
    let place = band_of(bounds, value);
    match (place.checked_sub(1).and_then(|below| bounds.get(below)), bounds.get(place)) {
        (Some(low), Some(high)) => write(shown, format_args!("[{low},{high})")),
        (Some(low), None) => write(shown, format_args!("[{low},)")),
        (None, Some(high)) => write(shown, format_args!("(,{high})")),
        (None, None) => None,
    }
}

fn lower_bound<'b>(bounds: &[i64], lexeme: &str, shown: &'b mut String) -> View<'b> {
    let Some(value) = Decimal::read(lexeme).filter(|_| !bounds.is_empty()) else { return View::Absent };
    let low = match band_of(bounds, &value).checked_sub(1).and_then(|below| bounds.get(below)) {
        Some(low) => *low,
        None if value.is_negative() => return View::Null,
        None => 0,
    };
    write(shown, low).map_or(View::Absent, |()| View::Number(shown))
}

fn prefix(text: &str, characters: usize, shown: &mut String) -> Option<()> {
    let end = text.char_indices().nth(characters).map_or(text.len(), |(byte, _)| byte);
    shown.push_str(text.get(..end)?);
    if shown.is_empty() { None } else { Some(()) }
}

/// One number, or numbers with commas between, as coordinates are written.
fn rounded_list(text: &str, decimals: usize, shown: &mut String) -> Option<()> {
    for (place, part) in text.split(',').enumerate() {
        if place > 1 {
            return None;
        }
        shown.push_str(if place == 1 { "," } else { "" });
        rounded(part.trim(), decimals, shown)?;
    }
    Some(())
}

/// Most digits before the point of a number that is rounded. A longer one is no measurement but a number
/// of a person, a telephone or a day in the wrong place, and rounding would show it whole.
const ROUNDED_WHOLE_DIGITS_MAX: usize = 7;

/// Rounds a plain decimal, half away from zero, on its digits.
fn rounded(text: &str, decimals: usize, shown: &mut String) -> Option<()> {
    let (sign, size) = text.strip_prefix('-').map_or(("", text), |size| ("-", size));
    let (whole, fraction) = size.split_once('.').unwrap_or((size, "0"));
    let measured = whole.len() <= ROUNDED_WHOLE_DIGITS_MAX;
    if !measured || !is_plain_number(whole) || !is_plain_number(fraction) {
        return None;
    }
    let Some((kept, dropped)) = fraction.split_at_checked(decimals).filter(|(_, left)| !left.is_empty())
    else {
        return write(shown, text);
    };
    let mut digits = [whole.as_bytes(), kept.as_bytes()].concat();
    if dropped.as_bytes().first() >= Some(&b'5') {
        carry(&mut digits);
    }
    let zero = digits.iter().all(|digit| *digit == b'0');
    shown.push_str(if zero { "" } else { sign });
    let point = digits.len() - kept.len();
    for (place, digit) in digits.iter().enumerate() {
        shown.push_str(if place == point { "." } else { "" });
        shown.push(char::from(*digit));
    }
    Some(())
}

/// Adds one to the last digit.
fn carry(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit != b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}
