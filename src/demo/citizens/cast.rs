//! The people and enterprises of the scenarios: numbers and facts that expectations rest on.

use super::super::model::{Date, DeedTax, Health, Household, Person, Property, Relation, Sex};

/// Head of a household that receives the minimum living allowance (S1); patient (S4).
pub const APPLICANT: &str = "330106196502142015";
/// His wife.
pub const APPLICANT_SPOUSE: &str = "330106198006122049";
/// Their child, under fourteen.
pub const APPLICANT_CHILD: &str = "330106201908201015";
/// A cousin who takes part in no matter.
pub const COUSIN: &str = "33010619581111331X";
/// Seller of a dwelling (S2), married, deed tax paid.
pub const SELLER: &str = "330106199003070022";
/// Her husband.
pub const SELLER_SPOUSE: &str = "33010619880521103X";
/// The buyer, who owns nothing yet.
pub const BUYER: &str = "33010219950918307X";
/// Legal representative of [`ENTERPRISE`].
pub const FOUNDER: &str = "33010619920714306X";
/// The person who is [`SOLE_TRADER`].
pub const TRADER: &str = "330106197902031108";
/// Legal representative of [`LEGACY_CODE`].
pub const LEGACY_FOUNDER: &str = "33010619710605507X";

/// The enterprise of S3.
pub const ENTERPRISE: &str = "91330100MA2DEMA108";
/// A sole trader: her code is personal information.
pub const SOLE_TRADER: &str = "92330106MA2DEMC3X3";
/// A code in circulation whose check character is wrong.
pub const LEGACY_CODE: &str = "91350203M0001QAY9B";

/// A family as written.
pub(super) struct Family {
    pub address: &'static str,
    pub district: &'static str,
    pub allowance: Option<u32>,
    /// The first two members are married since this day.
    pub married: Option<Date>,
    pub members: &'static [Member],
}

pub(super) struct Member {
    pub id: &'static str,
    pub name: &'static str,
    pub birth: Date,
    pub relation: Relation,
    pub mobile: &'static str,
}

impl Member {
    /// The 17th digit is odd for men.
    pub fn sex(&self) -> Sex {
        let odd = self.id.as_bytes().get(16).is_some_and(|digit| digit % 2 == 1);
        if odd { Sex::Male } else { Sex::Female }
    }
}

const fn head(id: &'static str, name: &'static str, birth: Date, mobile: &'static str) -> Member {
    Member { id, name, birth, relation: Relation::Head, mobile }
}

pub(super) const FAMILIES: &[Family] = &[
    Family {
        address: "浙江省杭州市西湖区文三路199号3幢2单元1102室",
        district: "330106",
        allowance: Some(1_199),
        married: Some(Date::new(2016, 5, 20)),
        members: &[
            head(APPLICANT, "章守根", Date::new(1965, 2, 14), "13805710001"),
            Member {
                id: APPLICANT_SPOUSE,
                name: "何桂兰",
                birth: Date::new(1980, 6, 12),
                relation: Relation::Spouse,
                mobile: "13805710002",
            },
            Member {
                id: APPLICANT_CHILD,
                name: "章小满",
                birth: Date::new(2019, 8, 20),
                relation: Relation::Child,
                mobile: "13805710003",
            },
        ],
    },
    Family {
        address: "浙江省杭州市西湖区古墩路88号7幢1单元301室",
        district: "330106",
        allowance: None,
        married: None,
        members: &[head(COUSIN, "章守田", Date::new(1958, 11, 11), "13805710004")],
    },
    Family {
        address: "浙江省杭州市西湖区天目山路266号5幢2单元803室",
        district: "330106",
        allowance: None,
        married: Some(Date::new(2015, 10, 1)),
        members: &[
            head(SELLER, "林若兰", Date::new(1990, 3, 7), "13805710005"),
            Member {
                id: SELLER_SPOUSE,
                name: "沈志强",
                birth: Date::new(1988, 5, 21),
                relation: Relation::Spouse,
                mobile: "13805710006",
            },
        ],
    },
    Family {
        address: "浙江省杭州市上城区江城路31号2幢3单元602室",
        district: "330102",
        allowance: None,
        married: None,
        members: &[head(BUYER, "欧阳子轩", Date::new(1995, 9, 18), "13805710007")],
    },
    Family {
        address: "浙江省杭州市滨江区网商路599号4幢1单元1701室",
        district: "330108",
        allowance: None,
        married: None,
        members: &[head(FOUNDER, "叶诗涵", Date::new(1992, 7, 14), "13805710008")],
    },
    Family {
        address: "浙江省杭州市西湖区文三路12号1幢1单元101室",
        district: "330106",
        allowance: None,
        married: None,
        members: &[head(TRADER, "罗素珍", Date::new(1979, 2, 3), "13805710009")],
    },
    Family {
        address: "浙江省杭州市萧山区金城路300号9幢2单元402室",
        district: "330109",
        allowance: None,
        married: None,
        members: &[head(LEGACY_FOUNDER, "郑卫东", Date::new(1971, 6, 5), "13805710010")],
    },
];

/// An enterprise as written.
pub(super) struct Firm {
    pub uscc: &'static str,
    pub name: &'static str,
    pub representative: &'static str,
    pub capital: u64,
    pub address: &'static str,
    pub district: &'static str,
    pub industry: &'static str,
    pub established_on: Date,
    pub taxpayer_type: &'static str,
}

pub(super) const FIRMS: &[Firm] = &[
    Firm {
        uscc: ENTERPRISE,
        name: "杭州云杉信息技术有限公司",
        representative: FOUNDER,
        capital: 5_000_000,
        address: "浙江省杭州市滨江区网商路699号1幢801室",
        district: "330108",
        industry: "I65 软件和信息技术服务业",
        established_on: Date::new(2025, 10, 9),
        taxpayer_type: "一般纳税人",
    },
    Firm {
        uscc: SOLE_TRADER,
        name: "杭州市西湖区珍味小吃店",
        representative: TRADER,
        capital: 30_000,
        address: "浙江省杭州市西湖区文三路12号1幢101室",
        district: "330106",
        industry: "H62 餐饮业",
        established_on: Date::new(2019, 3, 18),
        taxpayer_type: "小规模纳税人",
    },
    Firm {
        uscc: LEGACY_CODE,
        name: "鹭岛恒泰贸易有限公司",
        representative: LEGACY_FOUNDER,
        capital: 1_000_000,
        address: "福建省厦门市思明区湖滨南路1号801室",
        district: "350203",
        industry: "F51 批发业",
        established_on: Date::new(2015, 11, 2),
        taxpayer_type: "一般纳税人",
    },
];

/// How many of the people are cast: they come first and get only what [`place`] gives them.
pub(super) fn people() -> usize {
    FAMILIES.iter().map(|family| family.members.len()).sum()
}

/// Puts the scenarios' facts on record.
pub(super) fn place(people: &mut [Person], households: &mut [Household]) {
    for person in people.iter_mut().take(self::people()) {
        let home = &households[person.household];
        match person.id.as_str() {
            APPLICANT => applicant(person, home),
            APPLICANT_SPOUSE => person.annual_income = 18_600,
            SELLER => seller(person, home),
            SELLER_SPOUSE | BUYER | FOUNDER | LEGACY_FOUNDER => earner(person, 186_000),
            TRADER => earner(person, 72_000),
            COUSIN => person.annual_income = 38_400,
            _ => {}
        }
    }
}

fn earner(person: &mut Person, annual_income: u32) {
    person.annual_income = annual_income;
    person.contribution_months = 96;
}

fn applicant(person: &mut Person, home: &Household) {
    person.annual_income = 14_400;
    person.religion = Some("佛教");
    person.property = Some(Property {
        unit_number: "330106001017GB00317F00030112".to_owned(),
        address: home.address.clone(),
        region: home.district,
        area_centi: 4_320,
        usage: "住宅",
        mortgaged: false,
    });
    person.health = Some(Health {
        blood_type: "AB型Rh阴性",
        allergies: vec!["青霉素", "碘造影剂"],
        diagnoses: vec!["冠心病", "2型糖尿病"],
        visits: vec!["2025-06-11 演示市第一医院".to_owned(), "2025-11-02 演示市中医院".to_owned()],
        infectious: Some("乙型病毒性肝炎"),
        contact: person.spouse,
    });
}

fn seller(person: &mut Person, home: &Household) {
    earner(person, 243_000);
    person.property = Some(Property {
        unit_number: "330106002008GB00266F00050803".to_owned(),
        address: home.address.clone(),
        region: home.district,
        area_centi: 8_957,
        usage: "住宅",
        mortgaged: true,
    });
    person.deed_tax = Some(DeedTax { receipt_number: "333016251100002661".to_owned(), amount: 38_250 });
}
