//! Vectors: the standards' own examples, official samples, and what must be refused.

use super::*;

/// What a row of a table expects.
#[derive(Debug, PartialEq)]
enum Expect {
    Valid(&'static str),
    Warning(&'static str),
    Invalid(Flaw),
}
use Expect::{Invalid, Valid, Warning};

mod others;

fn expect_all(kind: Kind, rows: &[(&str, Expect)]) {
    for (text, expect) in rows {
        let canonical;
        let found = match check(kind, text) {
            Verdict::Valid(identifier) => {
                canonical = identifier;
                format!("Valid({:?})", canonical.canonical())
            }
            Verdict::ChecksumWarning(identifier) => {
                canonical = identifier;
                format!("Warning({:?})", canonical.canonical())
            }
            Verdict::Invalid(flaw) => format!("Invalid({flaw:?})"),
        };
        assert_eq!(found, format!("{expect:?}"), "{kind} {text:?}");
    }
}

#[test]
fn resident_numbers() {
    expect_all(
        Kind::ResidentId,
        &[
            ("11010519491231002X", Valid("11010519491231002X")),
            ("440524188001010014", Valid("440524188001010014")),
            ("360426199101010071", Valid("360426199101010071")),
            ("321083197812162119", Valid("321083197812162119")),
            ("330106199003070022", Valid("330106199003070022")),
            ("330106196502142015", Valid("330106196502142015")),
            ("33010619581111331X", Valid("33010619581111331X")),
            ("330106201908201015", Valid("330106201908201015")),
            // Small x, full width, spaces, hyphens, dashes.
            ("11010519491231002x", Valid("11010519491231002X")),
            ("１１０１０５１９４９１２３１００２Ｘ", Valid("11010519491231002X")),
            ("１１０１０５１９４９１２３１００２ｘ", Valid("11010519491231002X")),
            (" 110105 19491231 002X\u{3000}", Valid("11010519491231002X")),
            ("110105-19491231-002X", Valid("11010519491231002X")),
            ("110105–19491231－002X", Valid("11010519491231002X")),
            // The old form, raised.
            ("150102880730303", Valid("150102198807303035")),
            // Permit holders are residents too, and foreigners are not.
            ("810000199001010019", Valid("810000199001010019")),
            ("932682198501010017", Invalid(Flaw::Issuer)),
            ("110105194912310021", Invalid(Flaw::Checksum)),
            ("11010519491231002Y", Invalid(Flaw::Character)),
            ("110105194902290025", Invalid(Flaw::Date)),
            ("110105184912310021", Invalid(Flaw::Date)),
            ("110105194913310021", Invalid(Flaw::Date)),
            ("000000194912310021", Invalid(Flaw::Issuer)),
            ("160105194912310021", Invalid(Flaw::Issuer)),
            ("811000199001010019", Invalid(Flaw::Issuer)),
            ("15010288073030X", Invalid(Flaw::Character)),
            ("150102881330303", Invalid(Flaw::Date)),
            ("11010519491231002", Invalid(Flaw::Length)),
            ("11010519491231002X1", Invalid(Flaw::Length)),
            ("", Invalid(Flaw::Empty)),
            (" - ", Invalid(Flaw::Empty)),
            ("11010519491231002X\n", Invalid(Flaw::Character)),
            ("11010519491231002\u{0425}", Invalid(Flaw::Character)), // Cyrillic Х
            ("١١٠١٠٥١٩٤٩١٢٣١٠٠٢X", Invalid(Flaw::Character)),        // Arabic digits
            ("1101051949123100²X", Invalid(Flaw::Character)),
        ],
    );
}

#[test]
fn look_alikes_of_resident_numbers() {
    expect_all(
        Kind::HkMoTwPermit,
        &[
            ("810000199001010019", Valid("810000199001010019")),
            ("820000199001010010", Valid("820000199001010010")),
            ("830000199001010012", Valid("830000199001010012")),
            ("11010519491231002X", Invalid(Flaw::Issuer)),
            ("810000199001010018", Invalid(Flaw::Checksum)),
        ],
    );
    expect_all(
        Kind::ForeignerId,
        &[
            ("932682198501010017", Valid("932682198501010017")),
            ("911124198108030024", Valid("911124198108030024")),
            ("can110078102501", Valid("CAN110078102501")),
            ("932682198501010018", Invalid(Flaw::Checksum)),
            ("11010519491231002X", Invalid(Flaw::Issuer)),
            ("CA1110078102501", Invalid(Flaw::Shape)),
        ],
    );
    expect_all(
        Kind::DisabilityCertificate,
        &[
            ("11010519491231002X43", Valid("11010519491231002X43")),
            ("11010519491231002x 4-3", Valid("11010519491231002X43")),
            ("11010519491231002X83", Invalid(Flaw::Shape)),
            ("11010519491231002X45", Invalid(Flaw::Shape)),
            ("11010519491231002143", Invalid(Flaw::Checksum)),
            ("11010519491231002X4", Invalid(Flaw::Length)),
        ],
    );
    expect_all(
        Kind::StudentNumber,
        &[
            ("G330106201908201015", Valid("G330106201908201015")),
            ("j330106201908201015", Valid("J330106201908201015")),
            ("A330106201908201015", Invalid(Flaw::Shape)),
            ("G330106201908201016", Invalid(Flaw::Checksum)),
        ],
    );
}

#[test]
fn registered_bodies() {
    expect_all(
        Kind::Uscc,
        &[
            ("91350100M000100Y43", Valid("91350100M000100Y43")),
            ("91110000600037341L", Valid("91110000600037341L")),
            ("91440300708461136T", Valid("91440300708461136T")),
            ("91110108551385082Q", Valid("91110108551385082Q")),
            ("91330100799655058B", Valid("91330100799655058B")),
            ("N1330109MF0DEM0115", Valid("N1330109MF0DEM0115")),
            ("11330100MB0000019K", Valid("11330100MB0000019K")),
            ("11330100MB0000027E", Valid("11330100MB0000027E")),
            ("11330100MB00000359", Valid("11330100MB00000359")),
            ("11330100MB00000434", Valid("11330100MB00000434")),
            ("11330100MB0000051Y", Valid("11330100MB0000051Y")),
            ("11330100MB000006XN", Valid("11330100MB000006XN")),
            ("11330100MB0000078N", Valid("11330100MB0000078N")),
            ("11330100MB0000086H", Valid("11330100MB0000086H")),
            ("91330100MA2DEMA108", Valid("91330100MA2DEMA108")),
            ("91330100MA2DEMB25E", Valid("91330100MA2DEMB25E")),
            ("92330106ma2demc3x3", Valid("92330106MA2DEMC3X3")),
            ("９２３３０１０６-MA2DEMC3-X3", Valid("92330106MA2DEMC3X3")),
            // A legacy code with a wrong check that circulates.
            ("91350203M0001QAY9B", Warning("91350203M0001QAY9B")),
            ("91330100MA2DEMA107", Warning("91330100MA2DEMA107")),
            ("B1330109MF0DEM0115", Invalid(Flaw::Issuer)),
            ("01330109MF0DEM0115", Invalid(Flaw::Issuer)),
            ("90330100MA2DEMA108", Invalid(Flaw::Issuer)),
            ("9133A100MA2DEMA108", Invalid(Flaw::Issuer)),
            ("91330100MA2DEMI108", Invalid(Flaw::Character)),
            ("91330100MA2DEMA10", Invalid(Flaw::Length)),
        ],
    );
    for (first, authority) in [("A", true), ("N", true), ("Y", true), ("9", true), ("W", false)] {
        let code = format!("{first}1330100MB0000019K");
        assert_eq!(check(Kind::Uscc, &code).identifier().is_some(), authority, "{code}");
    }
    expect_all(
        Kind::OrganisationCode,
        &[
            ("M000100Y-4", Valid("M000100Y4")),
            ("600037341", Valid("600037341")),
            ("MB000006X", Valid("MB000006X")),
            ("600037342", Invalid(Flaw::Checksum)),
            ("60003734", Invalid(Flaw::Length)),
        ],
    );
    expect_all(
        Kind::BusinessLicence,
        &[
            ("330100000012342", Valid("330100000012342")),
            ("330100000012343", Invalid(Flaw::Checksum)),
            ("33010000001234A", Invalid(Flaw::Character)),
        ],
    );
}

#[test]
fn check_characters_can_be_made() {
    assert_eq!(resident_check_digit("33010619900307002"), Some('2'));
    assert_eq!(resident_check_digit("33010619581111331"), Some('X'));
    assert_eq!(uscc_check_char("11330100MB0000019"), Some('K'));
    assert_eq!(organisation_check_char("60003734"), Some('1'));
    for bad in ["", "1234567890123456A", "１２３", "123456789012345678"] {
        assert_eq!(resident_check_digit(bad), None, "{bad}");
    }
    for bad in ["", "I1330100MB0000019", "n1330109MF0DEM011"] {
        assert_eq!(uscc_check_char(bad), None, "{bad}");
    }
    assert_eq!(organisation_check_char("6000373中"), None);
}

#[test]
fn numbers_tell_birth_sex_and_subject() {
    use crate::engine::terms::SubjectType::{Legal, Natural, Unknown};
    for (kind, text, subject, birth, sex) in [
        (Kind::ResidentId, "11010519491231002X", Natural, Some((1949, 12, 31)), Some(Sex::Female)),
        (Kind::ResidentId, "33010619581111331X", Natural, Some((1958, 11, 11)), Some(Sex::Male)),
        (Kind::ResidentId, "150102880730303", Natural, Some((1988, 7, 30)), Some(Sex::Male)),
        (Kind::HkMoTwPermit, "810000199001010019", Natural, Some((1990, 1, 1)), Some(Sex::Male)),
        (Kind::ForeignerId, "911124198108030024", Natural, Some((1981, 8, 3)), Some(Sex::Female)),
        (Kind::ForeignerId, "CAN110078102501", Natural, None, None),
        (
            Kind::DisabilityCertificate,
            "11010519491231002X43",
            Natural,
            Some((1949, 12, 31)),
            Some(Sex::Female),
        ),
        (Kind::StudentNumber, "G330106201908201015", Natural, Some((2019, 8, 20)), Some(Sex::Male)),
        (Kind::EstonianId, "37605030299", Natural, Some((1976, 5, 3)), Some(Sex::Male)),
        (Kind::FinnishHetu, "131052-308T", Natural, Some((1952, 10, 13)), Some(Sex::Female)),
        (Kind::Uscc, "11330100MB0000019K", Legal, None, None),
        (Kind::Mobile, "13812345678", Unknown, None, None),
    ] {
        let found = check(kind, text).identifier().unwrap();
        assert_eq!((found.subject_type(), found.birth_date(), found.sex()), (subject, birth, sex), "{text}");
    }
}

#[test]
fn one_person_has_one_identifier() {
    let forms = ["810000199001010019", "８１００００-19900101-0019"];
    for kind in [Kind::ResidentId, Kind::HkMoTwPermit] {
        for text in forms {
            let found = check(kind, text).identifier().unwrap();
            assert_eq!((found.kind(), found.canonical()), (Kind::HkMoTwPermit, forms[0]));
        }
    }
    assert_eq!(check(Kind::ResidentId, "150102880730303"), check(Kind::ResidentId, "150102198807303035"));
}

#[test]
fn births_are_not_in_the_future() {
    let child = "330106201908201015";
    assert!(matches!(check_on(Kind::ResidentId, child, (2019, 8, 20)), Verdict::Valid(_)));
    assert_eq!(check_on(Kind::ResidentId, child, (2019, 8, 19)), Verdict::Invalid(Flaw::FutureDate));
    assert_eq!(check_on(Kind::ResidentId, "", (2019, 8, 19)), Verdict::Invalid(Flaw::Empty));
    assert_eq!(check(Kind::Uscc, "91330100MA2DEMB108"), Verdict::Invalid(Flaw::Checksum));
    let code = "91350203M0001QAY9B";
    assert!(matches!(check_on(Kind::Uscc, code, (1, 1, 1)), Verdict::ChecksumWarning(_)));
}

#[test]
fn ages_and_days() {
    use crate::engine::terms::AgeBand;
    for (birth, today, band, years) in [
        ((2012, 6, 1), (2026, 5, 31), AgeBand::Under14, Some(13)),
        ((2012, 6, 1), (2026, 6, 1), AgeBand::Minor, Some(14)),
        ((2008, 6, 1), (2026, 5, 31), AgeBand::Minor, Some(17)),
        ((2008, 6, 1), (2026, 6, 1), AgeBand::Adult, Some(18)),
        ((2012, 2, 29), (2026, 2, 28), AgeBand::Under14, Some(13)),
        ((2012, 2, 29), (2026, 3, 1), AgeBand::Minor, Some(14)),
        ((2026, 6, 1), (2026, 6, 1), AgeBand::Under14, Some(0)),
        ((2026, 6, 2), (2026, 6, 1), AgeBand::Unknown, None),
        ((i32::MIN, 1, 1), (i32::MAX, 1, 1), AgeBand::Unknown, None),
    ] {
        assert_eq!((age_band(birth, today), age(birth, today)), (band, years), "{birth:?} {today:?}");
    }
    for (seconds, day) in [
        (0, (1970, 1, 1)),
        (57_599, (1970, 1, 1)),
        (57_600, (1970, 1, 2)),
        (-28_801, (1969, 12, 31)),
        (951_753_600, (2000, 2, 29)),
        (1_795_397_400, (2026, 11, 23)),
        (-2_203_920_000, (1900, 3, 1)),
    ] {
        assert_eq!(civil_date(seconds), day, "{seconds}");
    }
    for end in [i64::MIN, i64::MAX] {
        assert!(exists(civil_date(end)));
    }
}

#[test]
fn debug_never_shows_a_value() {
    let verdict = check(Kind::ResidentId, "11010519491231002X");
    assert_eq!(format!("{verdict:?}"), "Valid(Identifier(resident-id))");
}
