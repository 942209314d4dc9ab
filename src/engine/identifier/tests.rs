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
fn contacts() {
    expect_all(
        Kind::Mobile,
        &[
            ("13812345678", Valid("13812345678")),
            ("+86 138-1234-5678", Valid("13812345678")),
            ("008613812345678", Valid("13812345678")),
            ("＋８６１９８１２３４５６７８", Valid("19812345678")),
            ("1064812345678", Valid("1064812345678")),
            ("12812345678", Invalid(Flaw::Shape)),
            ("1381234567", Invalid(Flaw::Length)),
            ("+44 7911 123456", Invalid(Flaw::Character)),
            ("138****5678", Invalid(Flaw::Character)),
        ],
    );
    expect_all(
        Kind::Landline,
        &[
            ("0571-85123421", Valid("057185123421")),
            ("010-12345678", Valid("01012345678")),
            ("02112345678", Valid("02112345678")),
            ("0571-8512345-6", Valid("05718512345X6")),
            ("0571-8512-3421", Valid("057185123421")),
            ("0571 8512 3421转801", Valid("057185123421X801")),
            ("057185123421X801", Valid("057185123421X801")),
            ("+86-571-85123421", Valid("057185123421")),
            ("85123421", Invalid(Flaw::Shape)),
            ("0110-1234567", Invalid(Flaw::Shape)),
            ("0571-851234", Invalid(Flaw::Length)),
            ("0571-85123421-1234567", Invalid(Flaw::Length)),
            ("0571x85123421", Invalid(Flaw::Character)),
        ],
    );
    expect_all(
        Kind::Email,
        &[
            ("Zhang.San+x@Example.COM", Valid("Zhang.San+x@example.com")),
            ("张三@例子.中国", Valid("张三@例子.中国")),
            ("ｚｈａｎｇ＠ｅｘａｍｐｌｅ．ｃｏｍ", Valid("zhang@example.com")),
            ("a@b", Invalid(Flaw::Shape)),
            ("a@b.1", Invalid(Flaw::Shape)),
            ("a@-b.cn", Invalid(Flaw::Shape)),
            ("a..b@c.cn", Invalid(Flaw::Character)),
            ("a b@c.cn", Invalid(Flaw::Character)),
            ("@c.cn", Invalid(Flaw::Length)),
            ("zhang", Invalid(Flaw::Shape)),
        ],
    );
}

#[test]
fn documents() {
    expect_all(
        Kind::Passport,
        &[
            ("E12345678", Valid("E12345678")),
            ("EA1234567", Valid("EA1234567")),
            ("G12345678", Valid("G12345678")),
            ("pe1234567", Valid("PE1234567")),
            ("141234567", Valid("141234567")),
            ("MA1234567", Valid("MA1234567")),
            ("KJ1234567", Valid("KJ1234567")),
            ("H12345678", Valid("H12345678")),
            ("EI1234567", Invalid(Flaw::Shape)),
            ("161234567", Invalid(Flaw::Shape)),
            ("A12345678", Invalid(Flaw::Shape)),
            ("E1234567", Invalid(Flaw::Length)),
        ],
    );
    expect_all(
        Kind::HomeVisitPermit,
        &[
            ("H12345678", Valid("H12345678")),
            ("m1234567801", Valid("M1234567801")),
            ("H123456789", Invalid(Flaw::Length)),
            ("T12345678", Invalid(Flaw::Shape)),
        ],
    );
    expect_all(
        Kind::TaiwanPermit,
        &[
            ("12345678", Valid("12345678")),
            ("1234567890", Valid("1234567890")),
            ("1234567890b", Valid("1234567890B")),
            ("1234567890(B)", Invalid(Flaw::Character)),
            ("123456789", Invalid(Flaw::Length)),
        ],
    );
    expect_all(
        Kind::MilitaryCard,
        &[
            ("军字第2001988号", Valid("军字第2001988")),
            ("士字第P011816X", Valid("士字第P011816X")),
            ("南 字第 01234567", Valid("南字第01234567")),
            ("军字第201号", Invalid(Flaw::Length)),
            ("中国人民军字第20019988", Invalid(Flaw::Length)),
            ("A字第2001988号", Invalid(Flaw::Character)),
            ("2001988", Invalid(Flaw::Shape)),
        ],
    );
}

#[test]
fn things_and_accounts() {
    expect_all(
        Kind::Plate,
        &[
            ("浙A12345", Valid("浙A12345")),
            ("浙a·1b345", Valid("浙A1B345")),
            ("京A1234学", Valid("京A1234学")),
            ("粤Z1234港", Valid("粤Z1234港")),
            ("浙AD12345", Valid("浙AD12345")),
            ("浙A12345D", Valid("浙A12345D")),
            ("浙AL12345", Invalid(Flaw::Shape)),
            ("浙I12345", Invalid(Flaw::Shape)),
            ("浙A1234O", Invalid(Flaw::Shape)),
            ("德A12345", Invalid(Flaw::Issuer)),
            ("浙A1234", Invalid(Flaw::Length)),
            ("浙A学警学警学", Invalid(Flaw::Shape)),
        ],
    );
    expect_all(
        Kind::Vin,
        &[
            ("1M8GDM9AXKP042788", Valid("1M8GDM9AXKP042788")),
            ("1m8gdm9axkp042788", Valid("1M8GDM9AXKP042788")),
            ("1M8GDM9A1KP042788", Warning("1M8GDM9A1KP042788")),
            ("1M8GDM9AXKP04278O", Invalid(Flaw::Character)),
            ("1M8GDM9AXKP04278", Invalid(Flaw::Length)),
        ],
    );
    expect_all(
        Kind::RealEstateUnit,
        &[
            ("330106001001GB00001F00010001", Valid("330106001001GB00001F00010001")),
            ("330106 001001 GB00001 F00010001", Valid("330106001001GB00001F00010001")),
            ("330106001001GB00001F0001000", Invalid(Flaw::Length)),
            ("330106001001G100001F00010001", Invalid(Flaw::Shape)),
        ],
    );
    expect_all(
        Kind::BankCard,
        &[
            ("6222021001116245702", Valid("6222021001116245702")),
            ("6228 4804 0256 4890 018", Valid("6228480402564890018")),
            ("6222021001116245703", Warning("6222021001116245703")),
            ("62220210011", Invalid(Flaw::Length)),
            ("622202100111624570X", Invalid(Flaw::Character)),
        ],
    );
    expect_all(
        Kind::Iban,
        &[
            ("GB82 WEST 1234 5698 7654 32", Valid("GB82WEST12345698765432")),
            ("ee382200221020145685", Valid("EE382200221020145685")),
            ("GB83WEST12345698765432", Invalid(Flaw::Checksum)),
            ("GB82WEST1234569876543", Invalid(Flaw::Length)),
            ("ZZ82WEST12345698765432", Invalid(Flaw::Issuer)),
            ("GB8AWEST12345698765432", Invalid(Flaw::Character)),
        ],
    );
}

#[test]
fn other_countries() {
    expect_all(
        Kind::EstonianId,
        &[
            ("36805280109", Valid("36805280109")),
            ("37605030299", Valid("37605030299")),
            ("36805280108", Invalid(Flaw::Checksum)),
            ("36813280109", Invalid(Flaw::Date)),
            ("96805280109", Invalid(Flaw::Date)),
        ],
    );
    expect_all(
        Kind::FinnishHetu,
        &[
            ("131052-308T", Valid("131052-308T")),
            ("131052－308t", Valid("131052-308T")),
            ("010594Y9032", Valid("010594Y9032")),
            ("131052-308U", Invalid(Flaw::Checksum)),
            ("131052Z308T", Invalid(Flaw::Date)),
            ("321052-308T", Invalid(Flaw::Date)),
            ("131052-001T", Invalid(Flaw::Reserved)),
            ("131052308T", Invalid(Flaw::Length)),
        ],
    );
    expect_all(
        Kind::UsSsn,
        &[
            ("536-90-4399", Valid("536904399")),
            ("078-05-1120", Invalid(Flaw::Reserved)),
            ("219-09-9999", Invalid(Flaw::Reserved)),
            ("000-12-3456", Invalid(Flaw::Reserved)),
            ("666-12-3456", Invalid(Flaw::Reserved)),
            ("912-12-3456", Invalid(Flaw::Reserved)),
            ("123-00-3456", Invalid(Flaw::Reserved)),
            ("123-45-0000", Invalid(Flaw::Reserved)),
            ("123-45-678", Invalid(Flaw::Length)),
        ],
    );
    expect_all(
        Kind::EuVat,
        &[
            ("DE136695976", Valid("DE136695976")),
            ("EE 100 931 558", Valid("EE100931558")),
            ("FI20774740", Valid("FI20774740")),
            ("NL4495445B01", Valid("NL004495445B01")),
            ("NL123456789B13", Valid("NL123456789B13")),
            ("ATU13585627", Valid("ATU13585627")),
            ("BE428759497", Valid("BE0428759497")),
            ("DK13585628", Valid("DK13585628")),
            ("IT00743110157", Valid("IT00743110157")),
            ("LU15027442", Valid("LU15027442")),
            ("PL8567346215", Valid("PL8567346215")),
            ("PT501964843", Valid("PT501964843")),
            ("SE556188840401", Valid("SE556188840401")),
            ("DE136695977", Invalid(Flaw::Checksum)),
            ("EE100931559", Invalid(Flaw::Checksum)),
            ("FI20774741", Invalid(Flaw::Checksum)),
            ("NL123456789B14", Invalid(Flaw::Checksum)),
            ("ATU13585628", Invalid(Flaw::Checksum)),
            ("BE0428759498", Invalid(Flaw::Checksum)),
            ("DK13585627", Invalid(Flaw::Checksum)),
            ("IT00743110158", Invalid(Flaw::Checksum)),
            ("LU15027443", Invalid(Flaw::Checksum)),
            ("PL8567346216", Invalid(Flaw::Checksum)),
            ("PT501964844", Invalid(Flaw::Checksum)),
            ("SE556188840501", Invalid(Flaw::Checksum)),
            ("FR40303265045", Invalid(Flaw::Issuer)),
            ("DE13669597A", Invalid(Flaw::Shape)),
            ("NL", Invalid(Flaw::Shape)),
        ],
    );
}

#[test]
fn plain_values() {
    expect_all(
        Kind::Name,
        &[
            (" 张三 ", Valid("张三")),
            ("张 三", Valid("张三")),
            ("买买提•艾力", Valid("买买提·艾力")),
            ("买买提 · 艾力", Valid("买买提·艾力")),
            ("John  Smith", Valid("John Smith")),
            ("Rene\u{301}", Valid("Ren\u{e9}")),
            ("\u{2000b}三", Valid("\u{2000b}三")),
            ("\u{f914}", Valid("\u{6a02}")),
            ("   ", Invalid(Flaw::Empty)),
            ("张\u{0}三", Invalid(Flaw::Character)),
        ],
    );
    expect_all(Kind::Address, &[("杭州市 西湖区 文三路１２号", Valid("杭州市西湖区文三路12号"))]);
    expect_all(
        Kind::Date,
        &[
            ("1949-12-31", Valid("19491231")),
            ("1949/1/2", Valid("19490102")),
            ("1949年12月31日", Valid("19491231")),
            ("19491231", Valid("19491231")),
            ("1949-12-31T08:00:00+08:00", Valid("19491231")),
            ("20260307120000", Valid("20260307")),
            ("１９４９－１２－３１", Valid("19491231")),
            ("1949-02-29", Invalid(Flaw::Date)),
            ("1949-12", Invalid(Flaw::Date)),
            ("1949-12/31", Invalid(Flaw::Date)),
            ("1949-12-31 abc", Invalid(Flaw::Date)),
            ("31.12.1949", Invalid(Flaw::Date)),
        ],
    );
    expect_all(
        Kind::Amount,
        &[
            ("30,000.00", Valid("30000")),
            ("-0.50", Valid("-0.5")),
            ("abc", Invalid(Flaw::Shape)),
            ("", Invalid(Flaw::Empty)),
        ],
    );
    expect_all(
        Kind::Coordinate,
        &[
            ("120.1550", Valid("120.155")),
            ("120.155, 30.28", Valid("120.155,30.28")),
            ("180", Valid("180")),
            ("180.1", Invalid(Flaw::Shape)),
            ("1,2,3", Invalid(Flaw::Shape)),
        ],
    );
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
