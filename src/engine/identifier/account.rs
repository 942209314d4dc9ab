//! Accounts at banks: card numbers and IBANs.

use super::checksum::{luhn, mod_97};
use super::normal::{Compact, digits};
use super::{Flaw, Form, Kind};

/// Bank card: twelve to nineteen digits. Some old domestic cards do not hold Luhn's formula, so that
/// a wrong check is only a warning.
pub(super) fn bank_card(text: &str) -> Result<Form, Flaw> {
    let compact = Compact::read(text)?;
    let number = compact.bytes();
    if !digits(number) {
        Err(Flaw::Character)
    } else if (12..=19).contains(&number.len()) {
        Ok(Form::new(Kind::BankCard, compact.as_str(), luhn(number) == 0))
    } else {
        Err(Flaw::Length)
    }
}

/// IBAN, ISO 13616: the country's own length, and the rest by 97 of the rotated text is 1.
pub(super) fn iban(text: &str) -> Result<Form, Flaw> {
    let compact = Compact::read(text)?;
    let (head, rest) = compact.bytes().split_first_chunk::<4>().ok_or(Flaw::Length)?;
    let [first, second, checks @ ..] = head;
    let wanted = IBAN_LENGTHS.iter().find(|(country, _)| country.as_bytes() == [*first, *second]);
    let (_, length) = wanted.ok_or(Flaw::Issuer)?;
    if compact.bytes().len() != *length {
        return Err(Flaw::Length);
    }
    if !digits(checks) || !rest.iter().all(u8::is_ascii_alphanumeric) {
        return Err(Flaw::Character);
    }
    // 00, 01 and 99 would pass the arithmetic, but the standard never makes them.
    let possible = !matches!(checks, b"00" | b"01" | b"99");
    if possible && mod_97(rest.iter().chain(head).copied()) == Some(1) {
        Ok(Form::sound(Kind::Iban, compact.as_str()))
    } else {
        Err(Flaw::Checksum)
    }
}

/// Length of an IBAN by country: the SWIFT IBAN registry, release 98 (2025) as far as known.
const IBAN_LENGTHS: [(&str, usize); 88] = [
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
];
