//! Parts: some characters are kept, the others become `*`, or `0` in numbers.

use super::{Partial, address};
use crate::engine::identifier::{
    Kind, Verdict, check, half_width, is_dash, is_extension, is_interpunct, is_personal, is_space,
    read_landline,
};

/// Writes what is kept of a text; none if the rule cannot treat it.
#[inline]
pub(super) fn text(rule: &Partial, text: &str, shown: &mut String) -> Option<()> {
    match rule {
        Partial::Keep { first, last } => ends(text, (*first).into(), (*last).into(), shown),
        Partial::Name => name(text, shown),
        Partial::Email => return email(text, shown),
        Partial::Address => {
            shown.push_str(text.get(..address::township_end(text)?)?);
            stars(4, shown);
        }
        Partial::Landline => return landline(text, shown),
        Partial::Uscc => match part_of_uscc(text)? {
            Part::Whole => shown.push_str(text),
            Part::Ends(first, last) => ends(text, first, last, shown),
        },
    }
    Some(())
}

/// Writes what is kept of a number; none if the rule cannot treat it.
pub(super) fn number(rule: &Partial, lexeme: &str, shown: &mut String) -> Option<()> {
    match rule {
        Partial::Keep { first, last } => digits(lexeme, (*first).into(), (*last).into(), shown),
        Partial::Uscc => match part_of_uscc(lexeme)? {
            Part::Whole => {
                shown.push_str(lexeme);
                Some(())
            }
            Part::Ends(first, last) => digits(lexeme, first, last, shown),
        },
        Partial::Name | Partial::Email | Partial::Address | Partial::Landline => None,
    }
}

/// How many of so many places are kept at each end: none, if that were more than two thirds of them.
pub(super) fn kept_of(count: usize, first: usize, last: usize) -> (usize, usize) {
    if 3 * (first + last) > 2 * count { (0, 0) } else { (first, last) }
}

#[inline]
fn ends(text: &str, first: usize, last: usize, shown: &mut String) {
    let count = if text.is_ascii() { text.len() } else { text.chars().count() };
    let (first, last) = kept_of(count, first, last);
    around(text, count, first, last, shown);
}

/// The first and the last of `count` characters, and stars between.
#[inline]
fn around(text: &str, count: usize, first: usize, last: usize, shown: &mut String) {
    let byte_of = |character: Option<(usize, char)>| character.map_or(text.len(), |(byte, _)| byte);
    let (start, end) = match last.checked_sub(1) {
        _ if count == text.len() => (first, count - last),
        None => (byte_of(text.char_indices().nth(first)), text.len()),
        Some(back) => (byte_of(text.char_indices().nth(first)), byte_of(text.char_indices().nth_back(back))),
    };
    shown.push_str(text.get(..start).unwrap_or_default());
    stars(count - first - last, shown);
    shown.push_str(text.get(end..).unwrap_or_default());
}

/// So many stars, many at once.
fn stars(count: usize, shown: &mut String) {
    const STARS: &str = "********************************";
    let mut left = count;
    while left > 0 {
        let now = left.min(STARS.len());
        shown.push_str(STARS.get(..now).unwrap_or_default());
        left -= now;
    }
}

/// Keeps sign and decimal point; leading zeros that come up are dropped, because JSON has none. What is
/// written with an exponent is not treated: its digits do not stand where they count.
fn digits(lexeme: &str, first: usize, last: usize, shown: &mut String) -> Option<()> {
    let sound = lexeme.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    let count = lexeme.bytes().filter(u8::is_ascii_digit).count();
    if !sound || count == 0 {
        return None;
    }
    let (first, last) = kept_of(count, first, last);
    let whole = lexeme.bytes().take_while(|byte| *byte != b'.').filter(u8::is_ascii_digit).count();
    let (mut place, mut started) = (0, false);
    for c in lexeme.chars() {
        if !c.is_ascii_digit() {
            shown.push(c);
            continue;
        }
        let kept = if place < first || place >= count - last { c } else { '0' };
        place += 1;
        started |= kept != '0' || place >= whole;
        if started {
            shown.push(kept);
        }
    }
    Some(())
}

fn name(text: &str, shown: &mut String) {
    let usual = text.chars().try_fold(0, |count, c| is_usual_letter(c).then_some(count + 1));
    if let Some(count) = usual {
        return around(text, count, (count > 1).into(), (count > 2).into(), shown);
    }
    let (mut count, mut dotted) = (0, false);
    for c in text.chars() {
        if is_letter_of_name(c) {
            count += 1;
        } else {
            dotted |= is_interpunct(c);
        }
    }
    let mut place = 0;
    for c in text.chars() {
        if is_letter_of_name(c) {
            place += 1;
            let kept = (place == 1 && count > 1) || (place == count && count > 2 && !dotted);
            shown.push(if kept { c } else { '*' });
        } else if is_interpunct(c) || is_space(c) {
            shown.push(c);
        }
    }
}

/// Marks that have no place of their own are neither counted nor shown: a variation selector or a
/// zero-width character must not stand for the last character of a name.
#[inline]
fn is_letter_of_name(c: char) -> bool {
    is_usual_letter(c) || is_other_letter(c)
}

/// Nearly all there are, and no mark is one of them.
#[inline]
fn is_usual_letter(c: char) -> bool {
    matches!(c, '\u{4E00}'..='\u{9FFF}' | '0'..='9' | 'A'..='Z' | 'a'..='z')
}

fn is_other_letter(c: char) -> bool {
    let attached = matches!(
        c,
        '\u{AD}' | '\u{300}'..='\u{36F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{20D0}'..='\u{20FF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
            | '\u{180B}'..='\u{180F}' | '\u{3164}' | '\u{E0000}'..='\u{E0FFF}'
    );
    !attached && !c.is_control() && !c.is_whitespace() && !is_interpunct(c)
}

/// The domain must be nothing but a domain, or it might carry what follows an address in free text.
fn email(text: &str, shown: &mut String) -> Option<()> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let plain = domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    let first = local.chars().next()?;
    if domain.is_empty() || !plain {
        return None;
    }
    let hidden = local.chars().count() - 1;
    shown.push(if hidden == 0 { '*' } else { first });
    stars(hidden, shown);
    shown.push('@');
    shown.push_str(domain);
    Some(())
}

/// Only in the form within the country: `0571-85123421`.
fn landline(text: &str, shown: &mut String) -> Option<()> {
    let text = text.trim();
    let line = read_landline(text).ok().filter(|_| half_width(text.chars().next().unwrap_or('+')) == '0')?;
    let end = line.area + line.local;
    if text.starts_with("00") {
        return None;
    }
    let mut place = 0;
    for c in text.chars() {
        if is_dash(c) || is_space(c) || is_extension(c) {
            shown.push(c);
            continue;
        }
        let kept = place < line.area || (end - 2..end).contains(&place);
        shown.push(if kept { c } else { '*' });
        place += 1;
    }
    Some(())
}

/// What is kept of a unified social credit code.
enum Part {
    Whole,
    Ends(usize, usize),
}

/// Every resident number has the form of a code with a wrong check character, and some people's
/// number stands where their trade's code belongs: that is looked at first.
fn part_of_uscc(text: &str) -> Option<Part> {
    if matches!(check(Kind::ResidentId, text), Verdict::Valid(_)) {
        return Some(Part::Ends(1, 2));
    }
    match check(Kind::Uscc, text) {
        Verdict::Valid(code) if !is_personal(code.canonical()) => Some(Part::Whole),
        Verdict::Valid(_) | Verdict::ChecksumWarning(_) => Some(Part::Ends(8, 2)),
        Verdict::Invalid(_) => None,
    }
}
