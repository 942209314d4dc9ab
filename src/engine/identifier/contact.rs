//! Ways to reach somebody: mobile and landline numbers, email addresses.

use super::normal::{Compact, TEXT_BYTES_MAX, digits, half_width, is_dash, is_space};
use super::{Flaw, Form, Kind};

/// Mobile number: eleven digits from 13 to 19, or thirteen digits of a machine's card (1064…, 14…).
/// `+86` and `0086` are taken away.
pub(super) fn mobile(text: &str) -> Result<Form, Flaw> {
    let all = Compact::read(text)?;
    let number = all.without(b"+86").or_else(|| all.without(b"0086")).unwrap_or(all);
    if !digits(number.bytes()) {
        return Err(Flaw::Character);
    }
    let sound = match number.bytes() {
        [b'1', second, rest @ ..] if rest.len() == 9 => (b'3'..=b'9').contains(second),
        all if all.len() == 13 => all.starts_with(b"1064") || all.starts_with(b"14"),
        _ => return Err(Flaw::Length),
    };
    if sound { Ok(Form::sound(Kind::Mobile, number.as_str())) } else { Err(Flaw::Shape) }
}

/// Landline number: area code, seven or eight digits, and an extension only after a dash. In the
/// canonical form the extension follows an `X`.
pub(super) fn landline(text: &str) -> Result<Form, Flaw> {
    let line = read_landline(text)?;
    Ok(Form::sound(Kind::Landline, &line.canonical))
}

/// A landline number taken apart; lengths in digits.
pub(in crate::engine) struct Landline {
    pub(in crate::engine) area: usize,
    pub(in crate::engine) local: usize,
    canonical: String,
}

/// Reads a landline number. The area code tells its own length: 010 and 02x have three digits, all
/// others four.
pub(in crate::engine) fn read_landline(text: &str) -> Result<Landline, Flaw> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Flaw::Length);
    }
    let mut line = Landline { area: 0, local: 0, canonical: String::with_capacity(20) };
    let mut extension = None;
    let (abroad, rest) = without_country(text.trim());
    if abroad {
        line.canonical.push('0');
    }
    for c in rest.chars().map(half_width) {
        match c {
            '0'..='9' => {
                line.canonical.push(c);
                extension = extension.map(|count: usize| count + 1);
            }
            _ if is_dash(c) && extension.is_none() => {
                let digits = line.canonical.len();
                if matches!(digits.saturating_sub(area_of(&line.canonical)), 7 | 8) {
                    line.local = digits - area_of(&line.canonical);
                    line.canonical.push('X');
                    extension = Some(0);
                }
            }
            _ if is_space(c) => {}
            _ => return Err(Flaw::Character),
        }
    }
    line.area = area_of(&line.canonical);
    if extension.is_none() {
        line.local = line.canonical.len().saturating_sub(line.area);
    }
    let named = line.canonical.starts_with("010") || !line.canonical.starts_with("01");
    match (line.canonical.starts_with('0') && !line.canonical.starts_with("00") && named, extension) {
        (false, _) => Err(Flaw::Shape),
        (true, None | Some(1..=6)) if matches!(line.local, 7 | 8) => Ok(line),
        (true, _) => Err(Flaw::Length),
    }
}

/// The number without `+86` or `0086`, after which an area code has no leading zero.
fn without_country(text: &str) -> (bool, &str) {
    match text.strip_prefix("+86").or_else(|| text.strip_prefix("0086")) {
        Some(rest) => {
            let rest = rest.trim_start_matches(|c| is_space(c) || is_dash(c));
            (!rest.starts_with('0'), rest)
        }
        None => (false, text),
    }
}

fn area_of(number: &str) -> usize {
    if number.starts_with("01") || number.starts_with("02") { 3 } else { 4 }
}

/// Email address: the subset of RFC 5321 that is in use (no quoted local parts, no address literals),
/// with letters beyond ASCII in both parts. The domain is put in lower case; the local part is not,
/// because only its host may say whether case matters (RFC 5321, section 2.4).
pub(super) fn email(text: &str) -> Result<Form, Flaw> {
    let text: String = text.trim().chars().map(half_width).collect();
    if text.len() > 254 {
        return Err(Flaw::Length);
    }
    let (local, domain) = text.rsplit_once('@').ok_or(Flaw::Shape)?;
    if local.is_empty() || local.len() > 64 {
        return Err(Flaw::Length);
    }
    if !local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(in_atom)) {
        return Err(Flaw::Character);
    }
    let domain = domain.to_lowercase();
    let top = domain.rsplit_once('.').map(|(_, top)| top).ok_or(Flaw::Shape)?;
    if digits(top.as_bytes()) || !domain.split('.').all(is_host_label) {
        return Err(Flaw::Shape);
    }
    Ok(Form::sound(Kind::Email, &format!("{local}@{domain}")))
}

fn in_atom(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

fn is_host_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c == '-' || c.is_alphanumeric())
}
