//! What the values of one place look like, as counts.

use crate::engine::identifier::{Kind, Verdict, check};
use std::collections::BTreeMap;

/// Kinds that a whole value is checked against. Strong ones say by themselves what a field is.
const CHECKED: [(Kind, bool); 14] = [
    (Kind::ResidentId, true),
    (Kind::Uscc, true),
    (Kind::Mobile, true),
    (Kind::Email, true),
    (Kind::BankCard, true),
    (Kind::Iban, true),
    (Kind::Passport, true),
    (Kind::Plate, true),
    (Kind::Vin, true),
    (Kind::RealEstateUnit, true),
    (Kind::Landline, true),
    (Kind::Date, false),
    (Kind::Amount, false),
    (Kind::Coordinate, false),
];

/// Surnames of some nine in ten.
const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤章俞";

/// What organisations' names end in.
const BODIES: [&str; 20] = [
    "公司",
    "局",
    "厅",
    "中心",
    "学校",
    "医院",
    "委员会",
    "银行",
    "登记处",
    "厂",
    "社",
    "所",
    "大学",
    "部",
    "处",
    "院",
    "商行",
    "工作室",
    "集团",
    "经营部",
];

/// Counts of one place.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// Texts, numbers and truth values.
    pub values: u64,
    pub nulls: u64,
    pub numbers: u64,
    pub truths: u64,
    kinds: BTreeMap<Kind, u64>,
}

/// Whether the kind's check or form says by itself what a value is.
pub(super) fn is_strong(kind: Kind) -> bool {
    CHECKED.contains(&(kind, true))
}

/// Whether a key is a value rather than a name.
pub(super) fn is_data(key: &str) -> bool {
    let digits = key.chars().filter(char::is_ascii_digit).count();
    let strong =
        || CHECKED.iter().any(|(kind, strong)| *strong && matches!(check(*kind, key), Verdict::Valid(_)));
    digits == key.chars().count() || digits > 4 || key.contains('@') || strong()
}

impl Looks {
    pub(super) fn text(&mut self, text: &str) {
        self.values += 1;
        for (kind, _) in CHECKED {
            if matches!(check(kind, text), Verdict::Valid(_)) {
                self.hit(kind);
            }
        }
        // A year stands for a date where a label of dates is looked for.
        if text.len() == 4
            && (text.starts_with("19") || text.starts_with("20"))
            && text.parse::<u16>().is_ok()
        {
            self.hit(Kind::Date);
        }
        if is_person(text) {
            self.hit(Kind::Name);
        }
        if is_address(text) {
            self.hit(Kind::Address);
        }
        if BODIES.iter().any(|ending| text.ends_with(ending)) && text.chars().count() > 3 {
            // Not a kind of a label, but what tells a body's name from a person's.
            self.hit(Kind::OrganisationCode);
        }
    }

    pub(super) fn number(&mut self, lexeme: &str) {
        self.text(lexeme);
        self.numbers += 1;
    }

    pub(super) fn truth(&mut self) {
        self.values += 1;
        self.truths += 1;
    }

    pub(super) fn take(&mut self, other: &Looks) {
        self.values += other.values;
        self.nulls += other.nulls;
        self.numbers += other.numbers;
        self.truths += other.truths;
        for (kind, hits) in &other.kinds {
            *self.kinds.entry(*kind).or_default() += hits;
        }
    }

    /// Values that are of the kind.
    pub fn hits(&self, kind: Kind) -> u64 {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }

    /// Their share, 0 to 1; none without values.
    pub fn share(&self, kind: Kind) -> Option<f64> {
        (self.values > 0).then(|| self.hits(kind) as f64 / self.values as f64)
    }

    /// Values that end like the name of a body.
    pub fn bodies(&self) -> Option<f64> {
        self.share(Kind::OrganisationCode)
    }

    fn hit(&mut self, kind: Kind) {
        *self.kinds.entry(kind).or_default() += 1;
    }
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{4E00}'..='\u{9FFF}')
}

fn is_person(text: &str) -> bool {
    let count = text.chars().count();
    (2..=4).contains(&count)
        && text.chars().all(is_han)
        && text.chars().next().is_some_and(|c| SURNAMES.contains(c))
}

fn is_address(text: &str) -> bool {
    let parts = ["省", "市", "区", "县", "镇", "街道", "路", "号", "村", "室"];
    text.chars().count() >= 7 && parts.iter().filter(|part| text.contains(**part)).count() >= 3
}
