//! Every rule on values of its kind, and on what it cannot treat.

use super::*;
use DisclosureMode as Mode;
use Shown::Absent;

fn shown_with(action: LabelAction, kind: Option<Kind>, scalar: Scalar<'_>, claim: Option<&str>) -> Shown {
    let token_key = TokenKey::derive(&[7; 32], "11330100MB0000027E", "matter-1");
    show(&action, kind, scalar, &ShowContext { token_key: &token_key, claim, today: (2026, 11, 23) })
}

fn text(shown: &str) -> Shown {
    Shown::Text(shown.to_owned())
}

fn number(shown: &str) -> Shown {
    Shown::Number(shown.to_owned())
}

fn keep(first: u8, last: u8) -> Partial {
    Partial::Keep { first, last }
}

#[test]
fn parts_of_texts() {
    for (rule, value, expect) in [
        (keep(1, 2), "11010519491231002X", "1***************2X"),
        (keep(3, 4), "11010519491231002X", "110***********002X"),
        (keep(1, 2), "１１０１０５ 19491231-002x", "１*****************2x"),
        (keep(3, 4), "13812345678", "138****5678"),
        (keep(0, 4), "6222021001116245702", "***************5702"),
        (keep(4, 4), "GB82WEST12345698765432", "GB82**************5432"),
        (keep(2, 2), "浙A12345", "浙A***45"),
        (keep(3, 4), "1M8GDM9AXKP042788", "1M8**********2788"),
        (keep(1, 3), "E12345678", "E*****678"),
        (keep(1, 2), "H12345678", "H******78"),
        (keep(6, 0), "330106001001GB00001F00010001", "330106**********************"),
        (
            keep(1, 2),
            "\u{20000}\u{20001}\u{20002}\u{20003}\u{20004}\u{20005}",
            "\u{20000}***\u{20004}\u{20005}",
        ),
        // Too short for what the rule would keep: nothing is.
        (keep(1, 2), "张三丰", "***"),
        (keep(3, 4), "110", "***"),
        (keep(3, 4), "1381234", "*******"),
        (keep(255, 255), "13812345678", "***********"),
        (keep(1, 1), "", ""),
        (Partial::Name, "张三", "张*"),
        (Partial::Name, "诸葛孔明", "诸**明"),
        (Partial::Name, "欧阳修", "欧*修"),
        (Partial::Name, "司马相如", "司**如"),
        (Partial::Name, "买买提·艾力", "买**·**"),
        (Partial::Name, "买买提•艾力", "买**•**"),
        (Partial::Name, "张", "*"),
        (Partial::Name, "\u{20bb7}田", "\u{20bb7}*"),
        (Partial::Name, "王\u{20bb7}\u{2a6d6}", "王*\u{2a6d6}"),
        (Partial::Name, "John Smith", "J*** ****h"),
        // What takes no place must not stand for the hidden character.
        (Partial::Name, "张 三", "张 *"),
        (Partial::Name, "张\u{3000}三", "张\u{3000}*"),
        (Partial::Name, "张\u{200b}三", "张*"),
        (Partial::Name, "张三\u{200b}", "张*"),
        (Partial::Name, "葛\u{e0100}三\u{fe00}", "葛*"),
        (Partial::Name, "张三\n", "张*"),
        (Partial::Email, "zhang@example.com", "z****@example.com"),
        (Partial::Email, "z@example.com", "*@example.com"),
        (Partial::Email, "张三@例子.中国", "张*@例子.中国"),
        (Partial::Email, "a@b@example.com", "a**@example.com"),
        (Partial::Landline, "0571-85123421", "0571-******21"),
        (Partial::Landline, "010 12345678", "010 ******78"),
        (Partial::Landline, "057185123421", "0571******21"),
        (Partial::Landline, "0571-85123421-801", "0571-******21-***"),
        (Partial::Landline, "0571-8512-3421转801", "0571-****-**21转***"),
        (Partial::Uscc, "91330100MA2DEMA108", "91330100MA2DEMA108"),
        (Partial::Uscc, "11330100MB0000019K", "11330100MB0000019K"),
        (Partial::Uscc, "92330106MA2DEMC3X3", "92330106********X3"),
        (Partial::Uscc, "N1330109MF0DEM0115", "N1330109********15"),
        (Partial::Uscc, "91350203M0001QAY9B", "91350203********9B"),
        (Partial::Uscc, "11010519491231002X", "1***************2X"),
    ] {
        let shown = shown_with(LabelAction::Partial(rule), None, Scalar::Text(value), None);
        assert_eq!(shown, text(expect), "{value}");
    }
}

#[test]
fn parts_of_addresses() {
    for (address, township, district) in [
        ("浙江省杭州市西湖区文三路12号3幢401室", "浙江省杭州市西湖区", "浙江省杭州市西湖区"),
        ("浙江省杭州市西湖区翠苑街道文一路1号", "浙江省杭州市西湖区翠苑街道", "浙江省杭州市西湖区"),
        ("浙江省 杭州市 西湖区 三墩镇 1号", "浙江省 杭州市 西湖区 三墩镇", "浙江省 杭州市 西湖区"),
        ("浙江省金华市义乌市佛堂镇双林路1号", "浙江省金华市义乌市佛堂镇", "浙江省金华市义乌市"),
        ("浙江省宁波市镇海区招宝山街道", "浙江省宁波市镇海区招宝山街道", "浙江省宁波市镇海区"),
        // In doubt less is kept: 路南街道 could as well be a street.
        ("浙江省台州市路桥区路南街道", "浙江省台州市路桥区", "浙江省台州市路桥区"),
        ("湖北省荆州市沙市区北京西路", "湖北省荆州市沙市区", "湖北省荆州市沙市区"),
        ("河南省新乡市红旗区洪门镇", "河南省新乡市红旗区洪门镇", "河南省新乡市红旗区"),
        ("河南省郑州市上街区中心路街道", "河南省郑州市上街区", "河南省郑州市上街区"),
        ("山东省济南市市中区经四路", "山东省济南市市中区", "山东省济南市市中区"),
        ("山东省淄博市周村区丝绸路", "山东省淄博市周村区", "山东省淄博市周村区"),
        ("黑龙江省哈尔滨市道里区中央大街1号", "黑龙江省哈尔滨市道里区", "黑龙江省哈尔滨市道里区"),
        ("湖南省永州市道县梅花镇", "湖南省永州市道县梅花镇", "湖南省永州市道县"),
        ("北京市朝阳区建国门外街道1号", "北京市朝阳区建国门外街道", "北京市朝阳区"),
        ("上海市浦东新区世纪大道100号", "上海市浦东新区", "上海市浦东新区"),
        ("广西壮族自治区南宁市青秀区民族大道", "广西壮族自治区南宁市青秀区", "广西壮族自治区南宁市青秀区"),
        (
            "湖南省湘西土家族苗族自治州凤凰县沱江镇1号",
            "湖南省湘西土家族苗族自治州凤凰县沱江镇",
            "湖南省湘西土家族苗族自治州凤凰县",
        ),
        (
            "新疆维吾尔自治区阿克苏地区库车市",
            "新疆维吾尔自治区阿克苏地区库车市",
            "新疆维吾尔自治区阿克苏地区库车市",
        ),
        (
            "内蒙古自治区锡林郭勒盟苏尼特右旗",
            "内蒙古自治区锡林郭勒盟苏尼特右旗",
            "内蒙古自治区锡林郭勒盟苏尼特右旗",
        ),
        ("广东省东莞市长安镇步步高工业区", "广东省东莞市长安镇", "广东省东莞市"),
        // A street or an estate is never taken for a district.
        ("浙江省杭州市文三路小区12号", "浙江省杭州市", "浙江省杭州市"),
        ("浙江省杭州市阳光小区12号", "浙江省杭州市", "浙江省杭州市"),
        ("浙江省杭州市解放路东区", "浙江省杭州市", "浙江省杭州市"),
        ("浙江省杭州市红旗路1号", "浙江省杭州市", "浙江省杭州市"),
    ] {
        let partial = shown_with(LabelAction::Partial(Partial::Address), None, Scalar::Text(address), None);
        assert_eq!(partial, text(&format!("{township}****")), "{address}");
        let coarse =
            shown_with(LabelAction::Generalise(Generalise::District), None, Scalar::Text(address), None);
        assert_eq!(coarse, text(district), "{address}");
    }
}

#[test]
fn coarser_texts() {
    let bands = || Generalise::Bands { bounds: vec![30_000, 60_000] };
    let band_of_age = || Generalise::AgeBand { years: 5 };
    let decimals = |decimals| Generalise::Decimals { decimals };
    for (rule, value, expect) in [
        (Generalise::Year, "1949-12-31", "1949"),
        (Generalise::Year, "1949/12/31", "1949"),
        (Generalise::Year, " 1949.12.31 ", "1949"),
        (Generalise::Year, "1949年12月31日", "1949"),
        (Generalise::Year, "19491231", "1949"),
        (Generalise::Year, "1949-12", "1949"),
        (Generalise::Year, "1949", "1949"),
        (band_of_age(), "1949-12-31", "75-79"),
        (band_of_age(), "1946-11-23", "80-84"),
        (band_of_age(), "1946-11-24", "75-79"),
        (band_of_age(), "2026-11-23", "0-4"),
        (bands(), "29999.99", "(,30000)"),
        (bands(), "30000", "[30000,60000)"),
        (bands(), "45,000.50", "[30000,60000)"),
        (bands(), "60000.00", "[60000,)"),
        (bands(), "-1", "(,30000)"),
        (Generalise::Day, "2026-03-07T20:15:00+08:00", "2026-03-07"),
        (Generalise::Day, "20260307201500", "2026-03-07"),
        (Generalise::Day, "2026/3/7 20:15", "2026-03-07"),
        (decimals(1), "120.15507", "120.2"),
        (decimals(1), "120.15507, 30.28745", "120.2,30.3"),
        (decimals(1), "-0.04", "0.0"),
        (decimals(1), "99.97", "100.0"),
        (decimals(0), "-120.5", "-121"),
        (decimals(3), "120.1", "120.1"),
        (Generalise::Prefix { characters: 4 }, "330106", "3301"),
        (Generalise::Prefix { characters: 1 }, "C3912", "C"),
    ] {
        let shown = shown_with(LabelAction::Generalise(rule.clone()), None, Scalar::Text(value), None);
        assert_eq!(shown, text(expect), "{rule:?} {value}");
    }
}

#[test]
fn numbers_stay_numbers() {
    let bands = || LabelAction::Generalise(Generalise::Bands { bounds: vec![30_000, 60_000] });
    let coarse = LabelAction::Generalise;
    let part = |first, last| LabelAction::Partial(keep(first, last));
    for (action, value, expect) in [
        (part(1, 2), "330106199003070022", number("300000000000000022")),
        (part(0, 4), "6222021001116245702", number("5702")),
        (part(0, 0), "12345", number("0")),
        (part(1, 1), "-1234.5", number("-1000.5")),
        (part(0, 2), "-1234.5", number("-4.5")),
        (part(0, 0), "-12.50", number("-0.00")),
        (part(1, 0), "1.5e10", Absent),
        (LabelAction::Partial(Partial::Uscc), "110105194912310021", Absent),
        (LabelAction::Partial(Partial::Name), "12345", Absent),
        (LabelAction::Partial(Partial::Landline), "57185123421", Absent),
        (bands(), "45000", number("30000")),
        (bands(), "4.5e4", number("30000")),
        (bands(), "99999999999999999999999", number("60000")),
        (bands(), "29999.99", number("0")),
        (bands(), "-5", Shown::Null),
        (coarse(Generalise::Bands { bounds: vec![] }), "5", Absent),
        (coarse(Generalise::Bands { bounds: vec![-10, 10] }), "-5", number("-10")),
        (coarse(Generalise::Year), "19491231", number("1949")),
        (coarse(Generalise::Year), "1795397400", number("2026")),
        (coarse(Generalise::Year), "12345", Absent),
        (coarse(Generalise::AgeBand { years: 5 }), "19491231", number("75")),
        (coarse(Generalise::AgeBand { years: 0 }), "19491231", Absent),
        (coarse(Generalise::Day), "1795397400", number("1795363200")),
        (coarse(Generalise::Day), "1795397400500", number("1795363200000")),
        (coarse(Generalise::Day), "20260307201500", number("20260307")),
        (coarse(Generalise::Decimals { decimals: 1 }), "120.15507", number("120.2")),
        (coarse(Generalise::Decimals { decimals: 1 }), "1.2e2", Absent),
        (coarse(Generalise::Prefix { characters: 4 }), "330106", number("3301")),
        (coarse(Generalise::Prefix { characters: 4 }), "-3301", Absent),
        (coarse(Generalise::District), "330106", Absent),
    ] {
        assert_eq!(
            shown_with(action.clone(), None, Scalar::Number(value), None),
            expect,
            "{action:?} {value}"
        );
    }
}

#[test]
fn what_a_rule_cannot_treat_is_not_shown() {
    let coarse = LabelAction::Generalise;
    for (action, value) in [
        (coarse(Generalise::Year), "十二月"),
        (coarse(Generalise::Year), "1949-02-30"),
        (coarse(Generalise::Year), "1949-12/31"),
        (coarse(Generalise::Year), "0999-12-31"),
        (coarse(Generalise::Year), "1949-1x-31"),
        (coarse(Generalise::Year), "1949-12-31 张三"),
        (coarse(Generalise::AgeBand { years: 5 }), "1949"),
        (coarse(Generalise::AgeBand { years: 5 }), "2026-11-24"),
        (coarse(Generalise::AgeBand { years: 0 }), "1949-12-31"),
        (coarse(Generalise::Bands { bounds: vec![1] }), "三万"),
        (coarse(Generalise::Bands { bounds: vec![] }), "5"),
        (coarse(Generalise::District), "文三路12号"),
        (coarse(Generalise::District), "1600 Pennsylvania Avenue"),
        (coarse(Generalise::Day), "1949-12"),
        (coarse(Generalise::Day), "1795397400"),
        (coarse(Generalise::Decimals { decimals: 1 }), "120°9′18″"),
        (coarse(Generalise::Decimals { decimals: 1 }), "1.23,4.56,7.89"),
        (coarse(Generalise::Decimals { decimals: 1 }), "1.2.3"),
        (coarse(Generalise::Decimals { decimals: 1 }), "13812345678"),
        (coarse(Generalise::Prefix { characters: 0 }), "330106"),
        (coarse(Generalise::Prefix { characters: 2 }), "  "),
        (LabelAction::Partial(Partial::Email), "zhang"),
        (LabelAction::Partial(Partial::Email), "@example.com"),
        (LabelAction::Partial(Partial::Email), "z@example.com 13812345678"),
        (LabelAction::Partial(Partial::Landline), "13812345678"),
        (LabelAction::Partial(Partial::Landline), "+86-571-85123421"),
        (LabelAction::Partial(Partial::Address), "12号"),
        (LabelAction::Partial(Partial::Uscc), "张三"),
        (LabelAction::Token, "  "),
        (LabelAction::Drop, "x"),
    ] {
        assert_eq!(shown_with(action.clone(), None, Scalar::Text(value), None), Absent, "{action:?} {value}");
    }
}

#[test]
fn truth_values_and_null() {
    let part = LabelAction::Partial(keep(1, 1));
    for (action, of_bool, of_null) in [
        (LabelAction::Keep, Shown::Bool(true), Shown::Null),
        (LabelAction::Generalise(Generalise::Year), Absent, Shown::Null),
        (part, Absent, Shown::Null),
        (LabelAction::Token, Absent, Shown::Null),
        (LabelAction::Verify, Shown::Bool(true), Shown::Bool(false)),
        (LabelAction::Drop, Absent, Absent),
    ] {
        assert_eq!(shown_with(action.clone(), None, Scalar::Bool(true), None), of_bool, "{action:?}");
        assert_eq!(shown_with(action.clone(), None, Scalar::Null, None), of_null, "{action:?}");
    }
    assert_eq!(shown_with(LabelAction::Keep, None, Scalar::Number("1e400"), None), number("1e400"));
}

#[test]
fn yes_or_no() {
    let id = Some(Kind::ResidentId);
    for (kind, scalar, claim, expect) in [
        (None, Scalar::Text("MARRIED"), Some(" MARRIED "), true),
        (None, Scalar::Text("MARRIED"), Some("married"), false),
        (None, Scalar::Text("MARRIED"), None, true),
        (None, Scalar::Text("MARRIED"), Some(""), false),
        (None, Scalar::Text(""), Some(""), false),
        (None, Scalar::Null, Some("null"), false),
        (id, Scalar::Text("11010519491231002X"), Some("110105 19491231 002x"), true),
        (id, Scalar::Text("150102880730303"), Some("150102198807303035"), true),
        (id, Scalar::Text("11010519491231002X"), Some("330106199003070022"), false),
        (id, Scalar::Number("330106199003070022"), Some("330106199003070022"), true),
        (id, Scalar::Number("330106199003070022"), Some("330106199003070030"), false),
        (id, Scalar::Text("11010519491231002X"), Some("x"), false),
        (id, Scalar::Text("unknown"), Some("unknown"), true),
        (Some(Kind::Name), Scalar::Text("买买提·艾力"), Some("买买提•艾力 "), true),
        (Some(Kind::Name), Scalar::Text("Ren\u{e9}"), Some("Rene\u{301}"), true),
        (Some(Kind::Name), Scalar::Text("张三"), Some("张四"), false),
        (Some(Kind::Mobile), Scalar::Text("+86 13812345678"), Some("13812345678"), true),
        (Some(Kind::Date), Scalar::Text("1949-12-31"), Some("1949年12月31日"), true),
        (Some(Kind::Amount), Scalar::Text("30000.00"), Some("30,000"), true),
        (None, Scalar::Number("30000.00"), Some("3e4"), true),
        (None, Scalar::Number("30000"), Some("30001"), false),
        (None, Scalar::Bool(true), Some("TRUE"), true),
        (None, Scalar::Bool(false), Some("false"), true),
        (None, Scalar::Bool(true), Some("1"), false),
        (None, Scalar::Bool(false), None, false),
        (None, Scalar::Number("0.00"), None, false),
        (None, Scalar::Number("-1"), None, true),
        (None, Scalar::Text("0"), None, false),
        (None, Scalar::Text("False"), None, false),
        (None, Scalar::Text("  "), None, false),
    ] {
        let shown = shown_with(LabelAction::Verify, kind, scalar, claim);
        assert_eq!(shown, Shown::Bool(expect), "{claim:?} {expect}");
    }
}

#[test]
fn pseudonyms_link_inside_one_matter_only() {
    let of = |department: &str, matter: &str, kind, value: &str| {
        let mut token = String::new();
        let written = TokenKey::derive(&[7; 32], department, matter).token(kind, value, &mut token);
        written.map(|()| token)
    };
    let id = Some(Kind::ResidentId);
    let here = of("11330100MB0000027E", "matter-1", id, "11010519491231002X");
    // Computed apart, from the words of the documentation.
    assert_eq!(here.as_deref(), Some("tok_ghtpkGpwhRx0RaR4fo6NJg"));
    assert_eq!(here, of("11330100MB0000027E", "matter-1", id, "１１０１０５ 19491231 002x"));
    for (department, matter, kind, value) in [
        ("11330100MB0000027E", "matter-2", id, "11010519491231002X"),
        ("11330100MB0000027E", "", id, "11010519491231002X"),
        ("11330100MB0000019K", "matter-1", id, "11010519491231002X"),
        ("11330100MB0000027Em", "atter-1", id, "11010519491231002X"),
        ("11330100MB0000027E", "matter-1", None, "11010519491231002X"),
        ("11330100MB0000027E", "matter-1", id, "330106199003070022"),
    ] {
        assert_ne!(here, of(department, matter, kind, value), "{department} {matter}");
    }
    let number = shown_with(LabelAction::Token, id, Scalar::Number("330106199003070022"), None);
    assert_eq!(number, shown_with(LabelAction::Token, id, Scalar::Text("330106199003070022"), None));
    let key = TokenKey::derive(&[7; 32], "d", "m");
    assert_eq!(format!("{key:?}"), "TokenKey(…)");
}

#[test]
fn a_mode_without_a_rule_falls_to_the_next_weaker() {
    let year = LabelAction::Generalise(Generalise::Year);
    let name = LabelAction::Partial(Partial::Name);
    let all = LabelMasks {
        generalised: Some(Generalise::Year),
        partial: Some(Partial::Name),
        token: true,
        verify: true,
    };
    let none = LabelMasks::default();
    let verify_only = LabelMasks { verify: true, ..none.clone() };
    let token_only = LabelMasks { token: true, ..none.clone() };
    for (masks, asked, effective, action) in [
        (&all, Mode::Clear, Mode::Clear, LabelAction::Keep),
        (&all, Mode::Generalised, Mode::Generalised, year),
        (&all, Mode::Partial, Mode::Partial, name),
        (&all, Mode::Token, Mode::Token, LabelAction::Token),
        (&all, Mode::Verify, Mode::Verify, LabelAction::Verify),
        (&all, Mode::None, Mode::None, LabelAction::Drop),
        (&none, Mode::Clear, Mode::Clear, LabelAction::Keep),
        (&none, Mode::Generalised, Mode::None, LabelAction::Drop),
        (&none, Mode::Verify, Mode::None, LabelAction::Drop),
        (&verify_only, Mode::Generalised, Mode::Verify, LabelAction::Verify),
        (&verify_only, Mode::Token, Mode::Verify, LabelAction::Verify),
        (&token_only, Mode::Partial, Mode::Token, LabelAction::Token),
        (&token_only, Mode::Verify, Mode::None, LabelAction::Drop),
    ] {
        assert_eq!(masks.action(asked), (effective, action), "{asked}");
    }
}

#[test]
fn usual_parts_never_show_a_whole_value() {
    for (kind, value) in super::properties::SAMPLES {
        let Some(rule) = Partial::usual(*kind) else { continue };
        let shown = shown_with(LabelAction::Partial(rule), Some(*kind), Scalar::Text(value), None);
        let public = *kind == Kind::Uscc;
        assert!(public || (shown != text(value) && shown != Absent), "{kind}: {shown:?}");
    }
}
