//! What holds of every text: no panic, one canonical form, no slip of the pen unnoticed.

use super::*;
use proptest::prelude::*;

/// A valid resident number of a province, county, day, sequence.
pub(in crate::engine) fn resident() -> impl Strategy<Value = String> {
    let province = prop::sample::select(vec!["11", "33", "44", "54", "65", "71"]);
    let day = -3_000_000_000i64..1_700_000_000;
    (province, 0u32..10_000, day, 0u32..1_000).prop_map(|(province, county, seconds, sequence)| {
        let (year, month, day) = civil_date(seconds);
        let first = format!("{province}{county:04}{year:04}{month:02}{day:02}{sequence:03}");
        format!("{first}{}", resident_check_digit(&first).unwrap())
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

fn refused(text: &str) -> bool {
    matches!(check(Kind::ResidentId, text), Verdict::Invalid(_))
}

proptest! {
    #[test]
    fn resident_numbers_are_accepted(number in resident()) {
        let accepted = matches!(check(Kind::ResidentId, &number), Verdict::Valid(id) if id.canonical() == number);
        prop_assert!(accepted);
    }

    #[test]
    fn one_wrong_character_is_refused(
        number in resident(), place in 0usize..18, wrong in prop::sample::select(b"0123456789X".to_vec()),
    ) {
        let mut bytes = number.into_bytes();
        prop_assume!(bytes[place] != wrong);
        bytes[place] = wrong;
        prop_assert!(refused(std::str::from_utf8(&bytes).unwrap()));
    }

    #[test]
    fn two_swapped_neighbours_are_refused(number in resident(), place in 0usize..17) {
        let mut bytes = number.into_bytes();
        prop_assume!(bytes[place] != bytes[place + 1]);
        bytes.swap(place, place + 1);
        prop_assert!(refused(std::str::from_utf8(&bytes).unwrap()));
    }

    #[test]
    fn however_typed_it_is_the_same(number in resident(), gaps in prop::collection::vec(0usize..19, 0..4)) {
        let mut typed: Vec<char> = number.to_lowercase().chars().collect();
        for gap in &gaps {
            let at = (*gap).min(typed.len());
            typed.insert(at, [' ', '-', '\u{3000}', '－'][gap % 4]);
        }
        let wide: String = typed.iter().map(|c| match c {
            '0'..='9' | 'x' => char::from_u32(*c as u32 + 0xFEE0).unwrap(),
            other => *other,
        }).collect();
        prop_assert_eq!(check(Kind::ResidentId, &wide), check(Kind::ResidentId, &number));
    }

    #[test]
    fn no_text_panics(kind in kind(), text in any::<String>()) {
        let _ = check_on(kind, &text, (2026, 11, 23));
    }

    #[test]
    fn the_canonical_form_is_its_own(
        kind in kind(),
        text in "[0-9A-Za-z+. ,@·•字第号浙D学年月日转xX０-９ａ-ｚ－\u{3000}\u{301}-]{0,30}",
    ) {
        if let Some(found) = check(kind, &text).identifier() {
            let again = check(found.kind(), found.canonical()).identifier();
            prop_assert_eq!(again.as_ref().map(Identifier::canonical), Some(found.canonical()));
            let free = matches!(
                found.kind(),
                Kind::Name | Kind::Address | Kind::Email | Kind::Amount | Kind::Coordinate | Kind::FinnishHetu
            );
            prop_assert!(free || !found.canonical().contains(|c| is_space(c) || is_dash(c)));
        }
    }
}
