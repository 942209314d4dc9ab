//! Parts: some characters are kept, the others become `*`, or `0` in numbers.

use super::{Ends, Partial, View, address};
use crate::engine::identifier::{
    Kind, Verdict, check, half_width, is_dash, is_extension, is_interpunct, is_personal, is_space,
    read_landline,
};

impl Partial {
    /// What is kept of a text of so many characters, one byte each, if that is all the rule asks for.
    #[inline]
    pub(in crate::engine::mask) fn ends_of_ascii(&self, count: usize) -> Option<Ends> {
        let Partial::Keep { first, last } = self else { return None };
        let (first, last) = kept_of(count, (*first).into(), (*last).into());
        Some(Ends { first, stars: count - first - last, last })
    }

    /// What is kept of a text; nothing if the rule cannot treat it. `shown` is empty, and used where that
    /// is more than its ends.
    #[inline]
    pub(in crate::engine::mask) fn text<'b>(&self, text: &str, shown: &'b mut String) -> View<'b> {
        let treated = match self {
            Partial::Keep { first, last } => {
                return View::Ends(ends(text, (*first).into(), (*last).into()));
            }
            Partial::Name => match usual_name(text) {
                Some(ends) => return View::Ends(ends),
                None => name(text, shown),
            },
            Partial::Email => email(text, shown),
            Partial::Address => address(text, shown),
            Partial::Landline => landline(text, shown),
            Partial::Uscc => match part_of_uscc(text) {
                Some(Part::Ends(first, last)) => return View::Ends(ends(text, first, last)),
                Some(Part::Whole) => {
                    shown.push_str(text);
                    Some(())
                }
                None => None,
            },
        };
        treated.map_or(View::Absent, |()| View::Text(shown))
    }
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
fn ends(text: &str, first: usize, last: usize) -> Ends {
    let count = if text.is_ascii() { text.len() } else { text.chars().count() };
    let (first, last) = kept_of(count, first, last);
    around(text, count, first, last)
}

/// The first and the last of `count` characters, and stars between.
#[inline]
fn around(text: &str, count: usize, first: usize, last: usize) -> Ends {
    let stars = count - first - last;
    if count == text.len() {
        return Ends { first, stars, last };
    }
    Ends { first: bytes_of(text.chars(), first), stars, last: bytes_of(text.chars().rev(), last) }
}

/// How many bytes so many characters take.
#[inline]
fn bytes_of(characters: impl Iterator<Item = char>, count: usize) -> usize {
    characters.take(count).map(char::len_utf8).sum()
}

/// So many stars, many at once.
pub(super) fn stars(count: usize, shown: &mut String) {
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

/// What is kept of a name in which every character is a letter.
#[inline]
pub(super) fn usual_name(text: &str) -> Option<Ends> {
    let count = text.chars().try_fold(0usize, |count, c| is_usual_letter(c).then_some(count + 1))?;
    // Such a letter takes three bytes, or one.
    let bytes = |end: Option<&u8>| if end.is_some_and(u8::is_ascii) { 1 } else { 3 };
    let first = if count > 1 { bytes(text.as_bytes().first()) } else { 0 };
    let last = if count > 2 { bytes(text.as_bytes().last()) } else { 0 };
    Some(Ends { first, stars: count - usize::from(count > 1) - usize::from(count > 2), last })
}

pub(super) fn name(text: &str, shown: &mut String) -> Option<()> {
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
    Some(())
}

fn address(text: &str, shown: &mut String) -> Option<()> {
    shown.push_str(text.get(..address::township_end(text)?)?);
    stars(4, shown);
    Some(())
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
