//! Vectors of contacts, documents, things, accounts, other countries and plain values.

use super::*;

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
}

#[test]
fn value_added_tax_numbers() {
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
