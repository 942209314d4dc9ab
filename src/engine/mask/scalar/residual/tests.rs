//! The counts against the kinds' own readers, by trying every value.

use super::*;
use crate::engine::identifier::{Verdict, check};

fn keep(first: u8, last: u8) -> Partial {
    Partial::Keep { first, last }
}

/// Every way to fill the stars with characters of an alphabet, that the kind's reader accepts.
fn accepted(kind: Kind, pattern: &str, alphabet: &str) -> u128 {
    let Some((before, after)) = pattern.split_once('*') else {
        return u128::from(matches!(check(kind, pattern), Verdict::Valid(_)));
    };
    alphabet.chars().map(|c| accepted(kind, &format!("{before}{c}{after}"), alphabet)).sum()
}

/// What the form counts for this very pattern.
fn counted(kind: Kind, pattern: &str) -> u128 {
    let mut form = forms::of(kind).unwrap();
    form.is_sum = false;
    let mut at = 0;
    let bytes = pattern.as_bytes();
    // With the shown characters fixed there is one choice left, so that the least is the count.
    for slot in &mut form.slots {
        let width = slot.width();
        let fits = |value: &[u8]| value.iter().zip(&bytes[at..]).all(|(a, b)| *b == b'*' || a == b);
        match slot {
            Slot::Values(values) => values.retain(|value| fits(value)),
            Slot::InUse { .. } => *slot = Slot::Values(vec![bytes[at..at + width].into()]),
        }
        at += width;
    }
    least(&form, |place| bytes[place] != b'*')
}

#[test]
fn counts_are_what_trying_every_value_finds() {
    const DIGITS: &str = "0123456789";
    const CAPITALS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (kind, pattern, alphabet) in [
        (Kind::ResidentId, "1101051949****002X", DIGITS),
        (Kind::ResidentId, "11010519491231****", "0123456789X"),
        (Kind::ResidentId, "1101051949123*0**X", DIGITS),
        (Kind::HkMoTwPermit, "810000199001*100**", "0123456789X"),
        (Kind::ForeignerId, "93268219850*01001*", "0123456789X"),
        (Kind::StudentNumber, "G33010620190820****", "0123456789X"),
        (Kind::Uscc, "92330106MA2DEMC*X*", CAPITALS),
        (Kind::Uscc, "92330106**2DEMC3X3", CAPITALS),
        (Kind::OrganisationCode, "60003*3**", CAPITALS),
        (Kind::BusinessLicence, "3301000000*****", DIGITS),
        (Kind::Mobile, "1385****678", DIGITS),
        (Kind::Landline, "0571***2342", DIGITS),
        (Kind::BankCard, "622202****45", DIGITS),
        (Kind::Iban, "NO9386011***947", DIGITS),
        (Kind::Passport, "E1****678", DIGITS),
        (Kind::HomeVisitPermit, "H****5678", DIGITS),
        (Kind::TaiwanPermit, "1****678", DIGITS),
        (Kind::Vin, "1M8GDM9A*KP0427**", CAPITALS),
        (Kind::EstonianId, "37605****99", DIGITS),
        (Kind::FinnishHetu, "131052-3**T", DIGITS),
        (Kind::FinnishHetu, "13*052-308*", CAPITALS),
        (Kind::UsSsn, "536*04***", DIGITS),
        (Kind::EuVat, "LU26****18", DIGITS),
    ] {
        let found = accepted(kind, pattern, alphabet);
        assert!(found > 0, "{kind}: {pattern} is a form of nothing");
        assert_eq!(counted(kind, pattern), found, "{kind}: {pattern}");
    }
}

/// A sum need not be followed through what is shown: that finds the same.
#[test]
fn the_short_way_through_sums_finds_the_same() {
    for (kind, rule) in [
        (Kind::ResidentId, keep(6, 4)),
        (Kind::OrganisationCode, keep(2, 2)),
        (Kind::BankCard, keep(4, 2)),
        (Kind::Passport, keep(1, 3)),
    ] {
        let mut form = forms::of(kind).unwrap();
        let places = form.slots.iter().map(Slot::width).sum::<usize>();
        let Partial::Keep { first, last } = rule else { continue };
        let shown = |place| place < usize::from(first) || place >= places - usize::from(last);
        let short = least(&form, shown);
        form.is_sum = false;
        assert_eq!(short, least(&form, shown), "{kind} {first}+{last}");
    }
}

#[test]
fn the_usual_parts_leave_many() {
    for (kind, rule, least) in [
        // The widespread part: few enough to try them all by hand over a weekend.
        (Kind::ResidentId, keep(6, 4), 3_181),
        (Kind::ResidentId, keep(3, 4), 100 * 3_181),
        (Kind::ResidentId, keep(1, 2), 500 * 318_541),
        (Kind::Mobile, keep(3, 4), 10_000),
        (Kind::Landline, Partial::Landline, 100_000),
        (Kind::Passport, keep(1, 3), 100_000),
        (Kind::UsSsn, keep(0, 4), 898 * 99),
        // Nothing is kept where it would be more than two thirds.
        (Kind::Mobile, keep(5, 4), 7_000_000_000),
    ] {
        assert_eq!(candidates(kind, &rule), Some(least), "{kind} {rule:?}");
    }
    for kind in Kind::ALL {
        let Some(rule) = Partial::usual(*kind) else { continue };
        if let Some(count) = candidates(*kind, &rule) {
            assert!(count >= CANDIDATES_MIN, "{kind}: {count}");
        }
    }
    assert!(candidates(Kind::ResidentId, &keep(6, 4)) < Some(CANDIDATES_MIN));
    assert_eq!(candidates(Kind::Name, &Partial::Name), None);
    assert_eq!(candidates(Kind::Mobile, &Partial::Uscc), None);
}
