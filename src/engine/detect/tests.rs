use super::{Found, KINDS, expects, scan};
use crate::engine::identifier::Kind::{self, *};
use proptest::prelude::*;

fn found(text: &str) -> Vec<(Kind, &str)> {
    let mut all = Vec::new();
    scan(text, |Found { kind, start, end }| all.push((kind, &text[start..end])));
    all
}

/// A text, and what is found in it.
const CASES: &[(&str, &[(Kind, &str)])] = &[
    // Resident numbers: alone, in text, full-width, separated, with a small x, after letters.
    ("11010519491231002X", &[(ResidentId, "11010519491231002X")]),
    ("身份证:11010519491231002x。", &[(ResidentId, "11010519491231002x")]),
    (
        "他叫李明，３３０１０６１９６５０２１４２０１５",
        &[(ResidentId, "３３０１０６１９６５０２１４２０１５")],
    ),
    ("110105 19491231 002X", &[(ResidentId, "110105 19491231 002X")]),
    ("330106-19650214-2015 备注", &[(ResidentId, "330106-19650214-2015")]),
    ("ID11010519491231002X", &[(ResidentId, "11010519491231002X")]),
    ("a/11010519491231002X/b", &[(ResidentId, "11010519491231002X")]),
    ("x_11010519491231002X_y", &[(ResidentId, "11010519491231002X")]),
    ("110105194912310021", &[]),
    ("911010519491231002X", &[]),
    ("11010519491231002X7", &[]),
    ("1.11010519491231002", &[]),
    // Two in a row.
    (
        "11010519491231002X 330106196502142015",
        &[(ResidentId, "11010519491231002X"), (ResidentId, "330106196502142015")],
    ),
    ("13800138000 110105 19491231 002X", &[(Mobile, "13800138000"), (ResidentId, "110105 19491231 002X")]),
    // The old form, only where something says so.
    ("110105491231003", &[(ResidentId, "110105491231003")]),
    // By its check a business licence.
    ("110105491231002", &[]),
    ("原身份证号110105491231002", &[(ResidentId, "110105491231002")]),
    ("批次110105491231002", &[]),
    // Permits, foreigners, and numbers that hold one.
    ("810000199408230021", &[(HkMoTwPermit, "810000199408230021")]),
    ("11010519491231002X43", &[(DisabilityCertificate, "11010519491231002X43")]),
    ("G11010519491231002X", &[(StudentNumber, "G11010519491231002X")]),
    ("台胞证 12345678", &[(TaiwanPermit, "12345678")]),
    ("20240105", &[]),
    ("H12345678", &[(Passport, "H12345678")]),
    ("回乡证H1234567890", &[(HomeVisitPermit, "H1234567890")]),
    ("货号H1234567890到", &[]),
    // Passports.
    ("护照E12345678", &[(Passport, "E12345678")]),
    ("持EA1234567入境", &[(Passport, "EA1234567")]),
    ("货号G12345678到", &[]),
    ("护照号 G12345678 到", &[(Passport, "G12345678")]),
    // Bodies.
    ("91330100MA2DEMA108", &[(Uscc, "91330100MA2DEMA108")]),
    ("91330100MA2DEMA109", &[]),
    ("11330100MB0000019K", &[(Uscc, "11330100MB0000019K")]),
    ("代码11330100-MB0000019K", &[(Uscc, "11330100-MB0000019K")]),
    ("11330100MB0000019KX", &[]),
    // Cards.
    ("6222021234567890128", &[(BankCard, "6222021234567890128")]),
    ("转入6222 0212 3456 7890 128", &[(BankCard, "6222 0212 3456 7890 128")]),
    ("6222021234567890127", &[]),
    ("4111111111111111", &[(BankCard, "4111111111111111")]),
    ("4111-1111-1111-1111", &[(BankCard, "4111-1111-1111-1111")]),
    ("订单4111111111111111已发", &[]),
    ("卡号4111111111111111已发", &[(BankCard, "4111111111111111")]),
    ("DE89 3704 0044 0532 0130 00", &[(Iban, "DE89 3704 0044 0532 0130 00")]),
    ("DE89370400440532013000", &[(Iban, "DE89370400440532013000")]),
    ("DE88370400440532013000", &[]),
    // Ways of contact.
    ("请拨13812345678联系", &[(Mobile, "13812345678")]),
    ("138-1234-5678", &[(Mobile, "138-1234-5678")]),
    ("+86 138 1234 5678", &[(Mobile, "86 138 1234 5678")]),
    ("8613812345678", &[(Mobile, "8613812345678")]),
    ("１３８１２３４５６７８", &[(Mobile, "１３８１２３４５６７８")]),
    ("13812345678.50", &[]),
    ("12812345678", &[]),
    ("a13812345678b", &[]),
    ("0571-85123421", &[(Landline, "0571-85123421")]),
    ("0571-05123421", &[]),
    ("2024-0105", &[]),
    ("请发到li.ming@example.cn。", &[(Email, "li.ming@example.cn")]),
    ("13812345678@139.com", &[(Email, "13812345678@139.com")]),
    ("a@b", &[]),
    ("@ 13812345678 @", &[(Mobile, "13812345678")]),
    // Plates.
    ("浙A12345", &[(Plate, "浙A12345")]),
    ("车牌浙A·D1234", &[(Plate, "浙A·D1234")]),
    ("车牌浙A·D123", &[]),
    ("车牌浙A·DB234停在", &[(Plate, "浙A·DB234")]),
    ("粤Z1234港", &[(Plate, "粤Z1234港")]),
    ("浙AD12345", &[(Plate, "浙AD12345")]),
    ("人A12345", &[]),
    // Units of real estate.
    ("330106001002GB00001F00010023", &[(RealEstateUnit, "330106001002GB00001F00010023")]),
    // Nothing.
    ("", &[]),
    ("杭州市西湖区文三路259号", &[]),
    ("550e8400-e29b-41d4-a716-446655440000", &[]),
    ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", &[]),
    ("1700000000000", &[]),
    ("2024-01-05 12:30:45", &[]),
    ("192.168.100.200", &[]),
    ("3.141592653589793238", &[]),
];

#[test]
fn each_kind_is_found_where_it_stands() {
    let wrong: Vec<String> = CASES
        .iter()
        .filter(|(text, expect)| found(text) != *expect)
        .map(|(text, expect)| format!("{text}: {:?}, not {expect:?}", found(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_label_expects_its_own_register() {
    for (label, kind, expect) in [
        (Some(Kind::ResidentId), Kind::HkMoTwPermit, true),
        (Some(Kind::Uscc), Kind::Uscc, true),
        // A person's number where a body's belongs is news.
        (Some(Kind::Uscc), Kind::ResidentId, false),
        (Some(Kind::Name), Kind::Mobile, false),
        (Some(Kind::Address), Kind::Plate, false),
        (None, Kind::Mobile, false),
    ] {
        assert_eq!(expects(label, kind), expect, "{label:?} {kind}");
    }
}

proptest! {
    #[test]
    fn what_is_found_is_in_order_and_apart(text in "[0-9０-９ \\-XxA-E浙身份证@.·，]{0,80}") {
        let mut end = 0;
        scan(&text, |one| {
            assert!(one.start >= end && one.end > one.start, "{text}");
            assert!(text.is_char_boundary(one.start) && text.is_char_boundary(one.end));
            assert!(KINDS.contains(&one.kind));
            end = one.end;
        });
    }

    #[test]
    fn text_around_that_is_neither_letter_nor_digit_hides_nothing(
        before in "[^0-9０-９A-Za-zＡ-Ｚａ-ｚ@.\\-]{0,40}", after in "[^0-9０-９A-Za-zＡ-Ｚａ-ｚ@.\\-]{0,40}",
    ) {
        let text = format!("{before}11010519491231002X{after}");
        prop_assert_eq!(found(&text), vec![(Kind::ResidentId, "11010519491231002X")]);
    }
}
