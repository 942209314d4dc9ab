//! What holds of every value: no action but `Keep` shows it, and none panics.

use super::*;
use crate::engine::identifier::properties::resident;
use crate::engine::identifier::{Verdict, check};
use proptest::prelude::*;

/// One value of each kind's own shape.
pub(crate) const SAMPLES: &[(Kind, &str)] = &[
    (Kind::ResidentId, "11010519491231002X"),
    (Kind::HkMoTwPermit, "810000199001010019"),
    (Kind::ForeignerId, "932682198501010017"),
    (Kind::Uscc, "92330106MA2DEMC3X3"),
    (Kind::OrganisationCode, "600037341"),
    (Kind::BusinessLicence, "330100000012342"),
    (Kind::Name, "诸葛孔明"),
    (Kind::Mobile, "13812345678"),
    (Kind::Landline, "0571-85123421"),
    (Kind::BankCard, "6222021001116245702"),
    (Kind::Iban, "EE382200221020145685"),
    (Kind::Passport, "E12345678"),
    (Kind::HomeVisitPermit, "H12345678"),
    (Kind::TaiwanPermit, "12345678"),
    (Kind::MilitaryCard, "军字第2001988号"),
    (Kind::Plate, "浙AD12345"),
    (Kind::Vin, "1M8GDM9AXKP042788"),
    (Kind::RealEstateUnit, "330106001001GB00001F00010001"),
    (Kind::DisabilityCertificate, "11010519491231002X43"),
    (Kind::StudentNumber, "G330106201908201015"),
    (Kind::Email, "zhang.san@example.com"),
    (Kind::Address, "浙江省杭州市西湖区文三路12号"),
    (Kind::Date, "1949-12-31"),
    (Kind::Amount, "45000.50"),
    (Kind::Coordinate, "120.15507"),
    (Kind::EstonianId, "37605030299"),
    (Kind::FinnishHetu, "131052-308T"),
    (Kind::UsSsn, "536-90-4399"),
    (Kind::EuVat, "DE136695976"),
];

/// Every rule, as a labels file may ask for it; prefixes shorter than the kinds' shortest value.
fn action() -> impl Strategy<Value = LabelAction> {
    let coarse = prop_oneof![
        Just(Generalise::Year),
        (0u8..20).prop_map(|years| Generalise::AgeBand { years }),
        prop::collection::vec(any::<i64>(), 0..4).prop_map(|mut bounds| {
            bounds.sort_unstable();
            Generalise::Bands { bounds }
        }),
        Just(Generalise::District),
        Just(Generalise::Day),
        (0u8..2).prop_map(|decimals| Generalise::Decimals { decimals }),
        (0u8..4).prop_map(|characters| Generalise::Prefix { characters }),
    ];
    let part = prop_oneof![
        (any::<u8>(), any::<u8>()).prop_map(|(first, last)| Partial::Keep { first, last }),
        (0u8..7, 0u8..5).prop_map(|(first, last)| Partial::Keep { first, last }),
        Just(Partial::Name),
        Just(Partial::Email),
        Just(Partial::Address),
        Just(Partial::Landline),
        Just(Partial::Uscc),
    ];
    prop_oneof![
        coarse.prop_map(LabelAction::Generalise),
        part.prop_map(LabelAction::Partial),
        Just(LabelAction::Token),
        Just(LabelAction::Verify),
        Just(LabelAction::Drop),
    ]
}

fn context(token_key: &TokenKey) -> ShowContext<'_> {
    ShowContext { token_key, claim: None, today: (2026, 11, 23) }
}

#[test]
fn the_samples_are_of_their_kind() {
    assert_eq!(SAMPLES.len(), Kind::ALL.len());
    for (kind, value) in SAMPLES {
        assert!(matches!(check(*kind, value), Verdict::Valid(_)), "{kind}");
    }
}

proptest! {
    #[test]
    fn no_action_but_keep_shows_the_value(
        action in action(), (kind, value) in prop::sample::select(SAMPLES.to_vec()),
    ) {
        // The one rule that is about a value being public cannot meet one here: the sample is a trader.
        // A day is as coarse as the rule that asks for days.
        prop_assume!(!(kind == Kind::Date && action == LabelAction::Generalise(Generalise::Day)));
        let key = TokenKey::derive(&[1; 32], "d", "m");
        let shown = show(&action, Some(kind), Scalar::Text(value), &context(&key));
        prop_assert_ne!(shown, Shown::Text(value.to_owned()));
    }

    #[test]
    fn a_part_of_a_resident_number_is_as_long(number in resident(), first in 0u8..9, last in 0u8..9) {
        let key = TokenKey::derive(&[1; 32], "d", "m");
        let action = LabelAction::Partial(Partial::Keep { first, last });
        let mut buffer = String::with_capacity(18);
        let place = buffer.as_ptr();
        let view = show_into(&action, Some(Kind::ResidentId), Scalar::Text(&number), &context(&key), &mut buffer);
        let View::Ends(ends) = view else { return Err(TestCaseError::fail("more than its ends")) };
        let shown = ends.joined(&number);
        prop_assert_eq!(shown.chars().count(), 18);
        // The shortcut by length says the same.
        let LabelAction::Partial(part) = &action else { return Err(TestCaseError::fail("no part")) };
        prop_assert_eq!(part.ends_of_ascii(number.len()), Some(ends));
        prop_assert!(shown.chars().filter(|c| *c == '*').count() >= 6);
        // Nothing is allocated where the buffer is long enough.
        prop_assert_eq!((place, buffer.capacity()), (buffer.as_ptr(), 18));
    }

    /// The two short ways write nothing; the long ones have to come to the same.
    #[test]
    fn ends_are_what_would_be_written(
        name in "[一张龥A-Za-z0-9]{0,5}",
        date in "[0-9]{4}([-/.]?(0?[1-9]|1[0-2])([-/.]?[0-3]?[0-9]([ T][0-9:]{5})?)?)?|[0-9０-９年月日-]{4,11}",
    ) {
        let mut written = String::new();
        let ends = partial::usual_name(&name).unwrap();
        partial::name(&name, &mut written).unwrap();
        prop_assert_eq!(ends.joined(&name), &*written, "{}", name);
        written.clear();
        let (year, today) = (Generalise::Year, (2026, 11, 23));
        let known = generalise::write_text(&year, &date, today, &mut written);
        if let Some(ends) = generalise::leading_year(&date) {
            prop_assert_eq!((known, ends.joined(&date)), (Some(()), written), "{}", date);
        }
    }

    #[test]
    fn no_value_panics(
        action in action(), kind in prop::option::of(prop::sample::select(Kind::ALL.to_vec())),
        text in any::<String>(), claim in prop::option::of(any::<String>()),
    ) {
        let key = TokenKey::derive(&[1; 32], "d", "m");
        let ctx = ShowContext { claim: claim.as_deref(), ..context(&key) };
        show(&action, kind, Scalar::Text(&text), &ctx);
        show(&action, kind, Scalar::Number(&text), &ctx);
    }

    #[test]
    fn a_masked_number_is_json(action in action(), lexeme in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,6})?(e[+-]?[0-9]{1,3})?") {
        let key = TokenKey::derive(&[1; 32], "d", "m");
        if let Shown::Number(shown) = show(&action, None, Scalar::Number(&lexeme), &context(&key)) {
            let read: Result<serde_json::Value, _> = serde_json::from_str(&shown);
            prop_assert!(read.is_ok(), "{} became {}", lexeme, shown);
        }
    }

    #[test]
    fn an_address_never_shows_its_end(
        text in "[浙江省杭州市区县镇街道路号村旗自治盟西湖东 0-9A]{4,40}",
    ) {
        let key = TokenKey::derive(&[1; 32], "d", "m");
        let action = LabelAction::Partial(Partial::Address);
        if let Shown::Text(shown) = show(&action, None, Scalar::Text(&text), &context(&key)) {
            let kept = shown.strip_suffix("****").unwrap();
            prop_assert!(text.starts_with(kept) && !kept.contains(|c: char| c.is_ascii_digit()));
        }
    }
}
