//! Dates without a clock: what exists, how old somebody is, how dates are written.

use super::normal::{digits, half_width, number};
use crate::engine::terms::AgeBand;

/// Year, month, day of the Gregorian calendar.
pub type Date = (i32, u8, u8);

/// China has one time and no summer time: UTC+8 (since 1992).
const CHINA_OFFSET_SECONDS: i64 = 8 * 3600;

/// The earliest year of birth that an identifier may name.
pub(super) const BIRTH_YEAR_MIN: i32 = 1850;

/// The day in China at a moment, as (year, month, day).
///
/// Moments more than a million years away are taken as that far away.
///
/// ```
/// use zhamen::engine::identifier::civil_date;
/// assert_eq!(civil_date(0), (1970, 1, 1));
/// assert_eq!(civil_date(57_600), (1970, 1, 2)); // 16:00 UTC is midnight in China
/// ```
pub fn civil_date(unix_seconds: i64) -> Date {
    const DAYS_MAX: i64 = 365_000_000;
    let days = unix_seconds.saturating_add(CHINA_OFFSET_SECONDS).div_euclid(86_400);
    // Days since 0000-03-01, in 400-year eras: years begin in March, so that leap days come last.
    let days = days.clamp(-DAYS_MAX, DAYS_MAX) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    // All three are inside their types: the clamp above bounds the year to ±1,000,000.
    (year as i32, month as u8, day as u8)
}

/// The first second of a day in China: the inverse of [`civil_date`].
///
/// ```
/// use zhamen::engine::identifier::{civil_date, midnight};
/// assert_eq!(civil_date(midnight((2026, 11, 23))), (2026, 11, 23));
/// for day in -800_000..800_000 {
///     let begins = day * 86_400 - 8 * 3600; // eight hours before UTC
///     assert_eq!(midnight(civil_date(begins)), begins);
/// }
/// ```
pub fn midnight((year, month, day): Date) -> i64 {
    // Years begin in March, so that leap days come last.
    let (month, year) = (i64::from(month), i64::from(year) - i64::from(month <= 2));
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era - 719_468) * 86_400 - CHINA_OFFSET_SECONDS
}

/// The first second of a day in China.
pub(in crate::engine) fn day_start(unix_seconds: i64) -> i64 {
    let local = unix_seconds.saturating_add(CHINA_OFFSET_SECONDS);
    (local - local.rem_euclid(86_400)).saturating_sub(CHINA_OFFSET_SECONDS)
}

/// Whether the calendar has this day.
pub fn exists((year, month, day): Date) -> bool {
    let days = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Completed years of life; none before birth.
///
/// A year is completed on the birthday; who was born on 29 February completes it on 1 March where
/// the year has no such day.
pub fn age(birth: Date, today: Date) -> Option<u32> {
    if birth > today {
        return None;
    }
    let before_birthday = (today.1, today.2) < (birth.1, birth.2);
    u32::try_from(today.0.checked_sub(birth.0)?.checked_sub(i32::from(before_birthday))?).ok()
}

/// The age as far as the law asks: below fourteen a guardian consents (PIPL, article 31), below
/// eighteen a person is a minor (Civil Code, article 17). A birth after `today` is `Unknown`.
///
/// ```
/// use zhamen::engine::identifier::age_band;
/// use zhamen::engine::terms::AgeBand;
/// assert_eq!(age_band((2012, 6, 1), (2026, 5, 31)), AgeBand::Under14);
/// assert_eq!(age_band((2012, 6, 1), (2026, 6, 1)), AgeBand::Minor);
/// ```
pub fn age_band(birth: Date, today: Date) -> AgeBand {
    match age(birth, today) {
        None => AgeBand::Unknown,
        Some(0..14) => AgeBand::Under14,
        Some(14..18) => AgeBand::Minor,
        Some(_) => AgeBand::Adult,
    }
}

/// A day of birth written `YYYYMMDD`; it must exist, and not before 1850.
pub(super) fn compact_birth(eight: &[u8]) -> Option<Date> {
    let date = compact_date(eight)?;
    (date.0 >= BIRTH_YEAR_MIN).then_some(date)
}

fn compact_date(eight: &[u8]) -> Option<Date> {
    if eight.len() != 8 {
        return None;
    }
    let (year, rest) = eight.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    date_of(number(year)?, number(month)?, number(day)?)
}

/// A date from its numbers, if it exists and its year has four digits.
pub(super) fn date_of(year: u64, month: u64, day: u64) -> Option<Date> {
    let date = (i32::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    ((1000..=9999).contains(&date.0) && exists(date)).then_some(date)
}

/// A date as far as it was written: a year, a year and a month, or a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct WrittenDate {
    pub(in crate::engine) year: i32,
    /// The whole date, where the day was written.
    pub(in crate::engine) day: Option<Date>,
}

/// Reads a date or a moment as departments write them; the time of day is only skipped.
///
/// `1949-12-31`, `1949/12/31`, `1949.12.31`, `1949年12月31日`, `19491231`, `19491231080000`,
/// `1949-12-31T08:00:00+08:00`, `1949-12`, `194912`, `1949`. Anything else is no date.
pub(in crate::engine) fn read_date(text: &str) -> Option<WrittenDate> {
    if let Some(day) = usual_day(text.as_bytes()) {
        return Some(WrittenDate { year: day.0, day: Some(day) });
    }
    let mut rest = text.trim();
    let year = take_digits(&mut rest);
    match year.len() {
        4 => {}
        6 | 8 | 14 if rest.is_empty() => return run_together(year.as_bytes()),
        _ => return None,
    }
    let year = number(year.as_bytes())?;
    if !(1000..=9999).contains(&year) {
        return None;
    }
    let written = WrittenDate { year: i32::try_from(year).ok()?, day: None };
    let Some(first) = take_separator(&mut rest, '年') else {
        return rest.is_empty().then_some(written);
    };
    if rest.is_empty() {
        return (first == '年').then_some(written);
    }
    let month = short_number(&mut rest).filter(|month| (1..=12).contains(month))?;
    let Some(second) = take_separator(&mut rest, '月') else {
        return rest.is_empty().then_some(written);
    };
    if rest.is_empty() {
        return (second == '月').then_some(written);
    }
    if (first == '年') != (second == '月') || (first != '年' && first != second) {
        return None;
    }
    let day = date_of(year, month, short_number(&mut rest)?)?;
    time_of_day(rest.strip_prefix('日').unwrap_or(rest)).then_some(WrittenDate { day: Some(day), ..written })
}

/// `1949-12-31`, `1949/12/31` or `1949.12.31` and nothing else, as nearly all are written.
fn usual_day(text: &[u8]) -> Option<Date> {
    let &[y0, y1, y2, y3, first @ (b'-' | b'/' | b'.'), m0, m1, second, d0, d1] = text else { return None };
    if first != second {
        return None;
    }
    date_of(number(&[y0, y1, y2, y3])?, number(&[m0, m1])?, number(&[d0, d1])?)
}

fn run_together(all: &[u8]) -> Option<WrittenDate> {
    let (year, rest) = all.split_at_checked(4)?;
    let year = i32::try_from(number(year)?).ok().filter(|year| (1000..=9999).contains(year))?;
    if rest.len() == 2 {
        let month = number(rest).is_some_and(|month| (1..=12).contains(&month));
        return month.then_some(WrittenDate { year, day: None });
    }
    Some(WrittenDate { year, day: Some(compact_date(all.get(..8)?)?) })
}

/// Leading ASCII digits; full-width digits are no date that a system wrote.
fn take_digits<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let (taken, left) = rest.split_at_checked(end).unwrap_or((rest, ""));
    *rest = left;
    taken
}

fn short_number(rest: &mut &str) -> Option<u64> {
    let taken = take_digits(rest);
    if taken.len() > 2 { None } else { number(taken.as_bytes()) }
}

fn take_separator(rest: &mut &str, word: char) -> Option<char> {
    let c = rest.chars().next().filter(|c| matches!(c, '-' | '/' | '.') || *c == word)?;
    *rest = rest.strip_prefix(c)?;
    Some(c)
}

/// Nothing, or `T` or a space and then only what writes times and offsets.
fn time_of_day(rest: &str) -> bool {
    let Some(time) = rest.strip_prefix(['T', 't', ' ']) else { return rest.is_empty() };
    time.len() <= 40
        && time.chars().all(|c| {
            matches!(half_width(c), '0'..='9' | ':' | '.' | '+' | '-' | 'Z' | 'z' | ' ' | '时' | '分' | '秒')
        })
}

/// Whether these bytes write a plain whole number.
pub(in crate::engine) fn is_plain_number(text: &str) -> bool {
    !text.is_empty() && digits(text.as_bytes())
}
