//! The written forms of kinds, place by place, and the arithmetic of their checks.
//!
//! The checks are written once more, as automata over places, apart from the readers of
//! `engine::identifier`; the tests hold the two against each other.

use crate::engine::identifier::{Kind, exists};

/// Years in which somebody alive may be born.
pub(super) const BIRTH_YEARS: std::ops::RangeInclusive<i32> = 1930..=2025;

/// Counties of GB/T 2260 behind so many shown digits: some 3,200 codes were ever in use, about 500
/// behind a first digit, about 100 in a province, which the third digit hardly divides.
const COUNTIES: [u128; 7] = [3_200, 500, 100, 100, 10, 4, 1];
/// Issuers of bank cards (BIN) behind so many shown digits of six: an order of size.
const ISSUERS: [u128; 7] = [2_000, 1_000, 500, 100, 20, 4, 1];
/// Province of issue (32) and country (some 190 of three digits) after the 9 of a foreigner's number.
const FOREIGN_ISSUES: [u128; 7] = [6_000, 6_000, 1_500, 190, 40, 6, 1];

/// A written form.
pub(super) struct Form {
    pub(super) slots: Vec<Slot>,
    /// The state of the check before the first place.
    pub(super) start: u32,
    /// The state after a character in a place.
    pub(super) step: fn(u32, usize, u8) -> u32,
    /// Whether the check holds in this state.
    pub(super) accepts: fn(u32) -> bool,
    /// The state is a remainder of a sum to which every place adds its own: what the shown places add
    /// only says which remainder is the right one.
    pub(super) is_sum: bool,
}

/// Some places that belong together.
pub(super) enum Slot {
    /// One of these, all of one width.
    Values(Vec<Box<[u8]>>),
    /// Digits of which only some combinations are in use: how many behind so many shown at the front.
    InUse { counts: [u128; 7], digits: Vec<Box<[u8]>> },
}

impl Slot {
    pub(super) fn width(&self) -> usize {
        match self {
            Slot::Values(values) => values.first().map_or(0, |value| value.len()),
            Slot::InUse { .. } => 6,
        }
    }
}

const DIGITS: &[u8] = b"0123456789";
const DIGITS_AND_X: &[u8] = b"0123456789X";
const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const USCC: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const VIN: &[u8] = b"0123456789ABCDEFGHJKLMNPRSTUVWXYZ";
const PLATE_LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const PLATE: &[u8] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const HETU_CHECKS: &[u8] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";

/// The form of a kind; of several the shortest, which hides least.
pub(super) fn of(kind: Kind) -> Option<Form> {
    let form = match kind {
        Kind::ResidentId => numbered(counties(), resident),
        Kind::HkMoTwPermit => numbered(values([*b"810000", *b"820000", *b"830000"]), resident),
        Kind::ForeignerId => numbered(in_use(FOREIGN_ISSUES), resident),
        Kind::StudentNumber => student_number(),
        Kind::Uscc => trader(),
        Kind::OrganisationCode => organisation_code(),
        Kind::BusinessLicence => business_licence(),
        Kind::Mobile => free([one_of(b"1"), one_of(b"3456789")].into_iter().chain(run(DIGITS, 9))),
        // 0571-8512342: area code and seven digits.
        Kind::Landline => free([one_of(b"0")].into_iter().chain(run(DIGITS, 10))),
        Kind::BankCard => bank_card(),
        Kind::Iban => account(),
        Kind::Passport => free([one_of(b"EGDSP")].into_iter().chain(run(DIGITS, 8))),
        Kind::HomeVisitPermit => free([one_of(b"HM")].into_iter().chain(run(DIGITS, 8))),
        Kind::TaiwanPermit => free(run(DIGITS, 8)),
        Kind::Plate => plate(),
        Kind::Vin => vehicle(),
        Kind::RealEstateUnit => real_estate_unit(),
        Kind::EstonianId => estonian(),
        Kind::FinnishHetu => finnish(),
        Kind::UsSsn => social_security(),
        Kind::EuVat => value_added_tax(),
        Kind::DisabilityCertificate | Kind::MilitaryCard => return None,
        Kind::Name | Kind::Email | Kind::Address | Kind::Date | Kind::Amount | Kind::Coordinate => {
            return None;
        }
    };
    Some(form)
}

fn student_number() -> Form {
    let mut form = numbered(counties(), student);
    form.slots.insert(0, one_of(b"GLJ"));
    form
}

fn trader() -> Form {
    Form {
        slots: [one_of(b"9"), one_of(b"2"), counties()]
            .into_iter()
            .chain(run(USCC, 8))
            .chain([one_of(DIGITS_AND_X), one_of(USCC)])
            .collect(),
        start: 0,
        step: uscc,
        accepts: |state| state == 0,
        is_sum: true,
    }
}

fn organisation_code() -> Form {
    Form {
        slots: run(ALPHANUMERIC, 8).chain([one_of(DIGITS_AND_X)]).collect(),
        start: 0,
        step: organisation,
        accepts: |state| state == 0,
        is_sum: true,
    }
}

fn business_licence() -> Form {
    Form {
        slots: [counties()].into_iter().chain(run(DIGITS, 9)).collect(),
        start: 10,
        step: licence,
        accepts: |state| state == ACCEPTED,
        is_sum: false,
    }
}

fn bank_card() -> Form {
    Form {
        slots: [in_use(ISSUERS)].into_iter().chain(run(DIGITS, 6)).collect(),
        start: 0,
        step: luhn,
        accepts: |state| state == 0,
        is_sum: true,
    }
}

/// Norway's, the shortest; the checks inside the numbers of a country's banks are not counted.
fn account() -> Form {
    Form {
        slots: [one_of(b"N"), one_of(b"O"), numbers(2, 2..=98)].into_iter().chain(run(DIGITS, 11)).collect(),
        start: 232_400 % 97,
        step: iban,
        accepts: |state| state == 1,
        is_sum: true,
    }
}

/// The 31 signs of provinces, by number.
fn plate() -> Form {
    free(
        [Slot::Values((1..=31).map(|sign| Box::from([sign])).collect()), one_of(PLATE_LETTERS)]
            .into_iter()
            .chain(run(PLATE, 5)),
    )
}

fn vehicle() -> Form {
    Form {
        slots: run(VIN, 8).chain([one_of(DIGITS_AND_X)]).chain(run(VIN, 8)).collect(),
        start: 0,
        step: vin,
        accepts: |state| state == 0,
        is_sum: true,
    }
}

/// Class letters as they stand for state-owned land with a building on it.
fn real_estate_unit() -> Form {
    free(
        [counties()]
            .into_iter()
            .chain(run(DIGITS, 6))
            .chain([one_of(b"G"), one_of(b"B")])
            .chain(run(DIGITS, 5))
            .chain([one_of(b"F")])
            .chain(run(DIGITS, 8)),
    )
}

fn estonian() -> Form {
    Form {
        slots: [estonian_years(), days(|month, day| format!("{month:02}{day:02}"))]
            .into_iter()
            .chain(run(DIGITS, 4))
            .collect(),
        start: 0,
        step: isikukood,
        accepts: |state| state == ACCEPTED,
        is_sum: false,
    }
}

fn finnish() -> Form {
    Form {
        slots: vec![
            days(|month, day| format!("{day:02}{month:02}")),
            years(|year| format!("{:02}{}", year % 100, if year < 2000 { '-' } else { 'A' })),
            numbers(3, 2..=899),
            one_of(HETU_CHECKS),
        ],
        start: 0,
        step: hetu,
        accepts: |state| state == ACCEPTED,
        is_sum: false,
    }
}

fn social_security() -> Form {
    let areas = written((1..=899).filter(|area| *area != 666).map(|area: u32| format!("{area:03}")));
    free([areas, numbers(2, 1..=99), numbers(4, 1..=9999)])
}

/// Luxembourg's: six digits and their remainder by 89.
fn value_added_tax() -> Form {
    Form {
        slots: [one_of(b"L"), one_of(b"U")]
            .into_iter()
            .chain(run(DIGITS, 6))
            .chain([numbers(2, 0..=88)])
            .collect(),
        start: 0,
        step: vat,
        accepts: |state| state == ACCEPTED,
        is_sum: false,
    }
}

/// Not a remainder of anything.
const ACCEPTED: u32 = 1 << 20;
const REFUSED: u32 = ACCEPTED + 1;

fn free(slots: impl IntoIterator<Item = Slot>) -> Form {
    Form { slots: slots.into_iter().collect(), start: 0, step: |_, _, _| 0, accepts: |_| true, is_sum: true }
}

/// A place, a day of birth, three digits, and a check of ISO 7064 MOD 11-2.
fn numbered(place: Slot, step: fn(u32, usize, u8) -> u32) -> Form {
    let slots = [place].into_iter().chain(birthdays()).chain(run(DIGITS, 3)).chain([one_of(DIGITS_AND_X)]);
    Form { slots: slots.collect(), start: 0, step, accepts: |state| state == 1, is_sum: true }
}

fn values<const N: usize>(all: impl IntoIterator<Item = [u8; N]>) -> Slot {
    Slot::Values(all.into_iter().map(Box::from).collect())
}

fn one_of(characters: &[u8]) -> Slot {
    values(characters.iter().map(|byte| [*byte]))
}

fn run(characters: &'static [u8], count: usize) -> impl Iterator<Item = Slot> {
    (0..count).map(|_| one_of(characters))
}

/// Numbers with leading zeros.
fn numbers(width: usize, range: std::ops::RangeInclusive<u32>) -> Slot {
    Slot::Values(range.map(|number| format!("{number:0width$}").into_bytes().into()).collect())
}

fn counties() -> Slot {
    in_use(COUNTIES)
}

fn in_use(counts: [u128; 7]) -> Slot {
    Slot::InUse { counts, digits: DIGITS.iter().map(|digit| Box::from([*digit])).collect() }
}

/// Every year of birth, written.
fn years(write: fn(i32) -> String) -> Slot {
    written(BIRTH_YEARS.map(write))
}

/// Every day of a year but 29 February, so that years and days can be told apart: a mask that leaves
/// some candidates leaves hardly more with it.
fn days(write: fn(u8, u8) -> String) -> Slot {
    let all = (1..=12).flat_map(|month| (1..=31).map(move |day| (month, day)));
    written(all.filter(|(month, day)| exists((1999, *month, *day))).map(|(month, day)| write(month, day)))
}

fn written(all: impl Iterator<Item = String>) -> Slot {
    Slot::Values(all.map(|text| text.into_bytes().into()).collect())
}

/// `YYYYMMDD`.
fn birthdays() -> [Slot; 2] {
    [years(|year| format!("{year:04}")), days(|month, day| format!("{month:02}{day:02}"))]
}

/// Sex and century, and the year in two digits.
fn estonian_years() -> Slot {
    let firsts = |year| if year < 2000 { [3, 4] } else { [5, 6] };
    written(BIRTH_YEARS.flat_map(move |year| firsts(year).map(|first| format!("{first}{:02}", year % 100))))
}

/// `0`-`9` are themselves, `A` is 10; in these forms nothing else stands.
fn value(byte: u8) -> u32 {
    char::from(byte).to_digit(36).unwrap_or(0)
}

fn power(base: u32, exponent: usize, modulus: u32) -> u32 {
    (0..exponent).fold(1, |product, _| product * base % modulus)
}

fn resident(state: u32, place: usize, byte: u8) -> u32 {
    const WEIGHTS: [u32; 18] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1];
    let digit = if byte == b'X' { 10 } else { value(byte) };
    (state + WEIGHTS.get(place).copied().unwrap_or(0) * digit) % 11
}

fn student(state: u32, place: usize, byte: u8) -> u32 {
    place.checked_sub(1).map_or(state, |place| resident(state, place, byte))
}

/// Two remainders: of the whole by 31, of the organisation code inside by 11.
fn uscc(state: u32, place: usize, byte: u8) -> u32 {
    let in_alphabet = USCC.iter().position(|candidate| *candidate == byte).unwrap_or(0) as u32;
    let weight = if place == 17 { 1 } else { power(3, place, 31) };
    let whole = (state / 11 + weight * in_alphabet) % 31;
    let inside = match place {
        8..=16 => organisation(state % 11, place - 8, byte),
        _ => state % 11,
    };
    whole * 11 + inside
}

fn organisation(state: u32, place: usize, byte: u8) -> u32 {
    const WEIGHTS: [u32; 9] = [3, 7, 9, 10, 5, 8, 4, 2, 1];
    let number = if place == 8 && byte == b'X' { 10 } else { value(byte) };
    (state + WEIGHTS.get(place).copied().unwrap_or(0) * number) % 11
}

/// ISO 7064 MOD 11,10: the product runs from 1 to 10.
fn licence(state: u32, place: usize, byte: u8) -> u32 {
    if place == 14 {
        return if (11 - state) % 10 == value(byte) { ACCEPTED } else { REFUSED };
    }
    let sum = (state + value(byte)) % 10;
    (if sum == 0 { 10 } else { sum }) * 2 % 11
}

/// Of twelve digits: those in even places (from 0) are doubled.
fn luhn(state: u32, place: usize, byte: u8) -> u32 {
    let doubled = value(byte) * 2;
    (state + if place.is_multiple_of(2) { doubled / 10 + doubled % 10 } else { value(byte) }) % 10
}

/// The account's eleven digits come before the country and the check.
fn iban(state: u32, place: usize, byte: u8) -> u32 {
    let exponent = match place {
        0 | 1 => return state,
        2 | 3 => 3 - place,
        _ => 6 + 14 - place,
    };
    (state + power(10, exponent, 97) * value(byte)) % 97
}

fn vin(state: u32, place: usize, byte: u8) -> u32 {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 10, 9, 8, 7, 6, 5, 4, 3, 2];
    let number = match byte {
        // The check itself, taken away: its weight is 10, which is −1 by 11.
        b'X' if place == 8 => 10,
        b'0'..=b'9' => value(byte),
        b'A'..=b'I' => u32::from(byte - b'A') + 1,
        b'J'..=b'R' => u32::from(byte - b'J') + 1,
        _ => u32::from(byte.saturating_sub(b'S')) + 2,
    };
    (state + WEIGHTS.get(place).copied().unwrap_or(0) * number) % 11
}

/// Two sums by 11, of which the second counts where the first gives 10.
fn isikukood(state: u32, place: usize, byte: u8) -> u32 {
    const FIRST: [u32; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1];
    const SECOND: [u32; 10] = [3, 4, 5, 6, 7, 8, 9, 1, 2, 3];
    let (first, second) = (state / 11, state % 11);
    match (FIRST.get(place), SECOND.get(place)) {
        (Some(one), Some(two)) => (first + one * value(byte)) % 11 * 11 + (second + two * value(byte)) % 11,
        _ => {
            let check = if first == 10 { second % 10 } else { first };
            if check == value(byte) { ACCEPTED } else { REFUSED }
        }
    }
}

fn hetu(state: u32, place: usize, byte: u8) -> u32 {
    match place {
        6 => state,
        10 => {
            let holds = HETU_CHECKS.get(state as usize) == Some(&byte);
            if holds { ACCEPTED } else { REFUSED }
        }
        _ => (state * 10 + value(byte)) % 31,
    }
}

/// The remainder of six digits by 89, and then two digits that write it.
fn vat(state: u32, place: usize, byte: u8) -> u32 {
    match place {
        0 | 1 => 0,
        2..=7 => (state * 10 + value(byte)) % 89,
        8 => {
            if state / 10 == value(byte) {
                state % 10
            } else {
                REFUSED
            }
        }
        _ => {
            if state == value(byte) {
                ACCEPTED
            } else {
                REFUSED
            }
        }
    }
}
