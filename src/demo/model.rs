//! What the demo city consists of: persons, households, enterprises and what is on record about them.
//!
//! ```
//! use zhamen::demo::model::Date;
//! assert_eq!(Date::new(1990, 3, 7).to_string(), "1990-03-07");
//! ```

use std::fmt;

/// A calendar date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    pub year: i32,
    pub month: u8,
    pub day: u8,
}

impl Date {
    /// A date; the caller sees to it that it exists.
    pub const fn new(year: i32, month: u8, day: u8) -> Self {
        Date { year, month, day }
    }

    /// The date as a resident number writes it: `19900307`.
    pub fn compact(self) -> String {
        format!("{:04}{:02}{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// The day the city's registers were drawn up: nobody is younger, nothing is later.
pub const TODAY: Date = Date::new(2025, 12, 31);

/// Sex as the register writes it; the 17th digit of the number agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    Male,
    Female,
}

impl Sex {
    /// The word of the register.
    pub const fn word(self) -> &'static str {
        match self {
            Sex::Male => "男",
            Sex::Female => "女",
        }
    }
}

/// Relation to the head of the household.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Head,
    Spouse,
    Child,
    Parent,
}

impl Relation {
    /// The word of the register, which depends on the sex.
    pub const fn word(self, sex: Sex) -> &'static str {
        match (self, sex) {
            (Relation::Head, _) => "户主",
            (Relation::Spouse, Sex::Male) => "夫",
            (Relation::Spouse, Sex::Female) => "妻",
            (Relation::Child, Sex::Male) => "子",
            (Relation::Child, Sex::Female) => "女",
            (Relation::Parent, Sex::Male) => "父亲",
            (Relation::Parent, Sex::Female) => "母亲",
        }
    }
}

/// A person. Positions are indexes into the city's lists.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub sex: Sex,
    pub birth: Date,
    pub household: usize,
    pub relation: Relation,
    pub spouse: Option<usize>,
    /// Day of the marriage, or of the divorce.
    pub civil_status_since: Option<Date>,
    pub divorced: bool,
    /// Parents who are known to the register.
    pub parents: Vec<usize>,
    pub ethnic_group: &'static str,
    pub religion: Option<&'static str>,
    pub mobile: String,
    pub property: Option<Property>,
    pub vehicle: Option<Vehicle>,
    /// Position of the employer.
    pub employer: Option<usize>,
    /// Yuan a year before tax.
    pub annual_income: u32,
    /// Months of social insurance paid.
    pub contribution_months: u32,
    pub deed_tax: Option<DeedTax>,
    pub health: Option<Health>,
    /// Positions of enterprises the person is the legal representative of.
    pub holdings: Vec<usize>,
}

impl Person {
    /// Whole years on the day of the registers.
    pub fn age(&self) -> i32 {
        let before_birthday = (TODAY.month, TODAY.day) < (self.birth.month, self.birth.day);
        TODAY.year - self.birth.year - i32::from(before_birthday)
    }

    /// Marital status as 民政 writes it.
    pub fn marital_status(&self) -> &'static str {
        match (self.spouse, self.divorced) {
            (Some(_), _) => "已婚",
            (None, true) => "离异",
            (None, false) => "未婚",
        }
    }

    /// Individual income tax of a year in yuan: the comprehensive brackets (个人所得税法, appended
    /// table one) on what exceeds the basic deduction of 60,000 yuan.
    pub fn income_tax(&self) -> u32 {
        const BRACKETS: [(u64, u64, u64); 5] = [
            (36_000, 3, 0),
            (144_000, 10, 2_520),
            (300_000, 20, 16_920),
            (420_000, 25, 31_920),
            (u64::MAX, 30, 52_920),
        ];
        let taxable = u64::from(self.annual_income.saturating_sub(60_000));
        let bracket = BRACKETS.iter().find(|(top, _, _)| taxable <= *top);
        bracket.map_or(0, |(_, rate, minus)| (taxable * rate / 100).saturating_sub(*minus) as u32)
    }
}

/// A dwelling.
#[derive(Clone, Debug)]
pub struct Property {
    /// GB/T 37346.
    pub unit_number: String,
    pub address: String,
    pub region: &'static str,
    /// Hundredths of a square metre.
    pub area_centi: u32,
    pub usage: &'static str,
    pub mortgaged: bool,
}

/// A vehicle.
#[derive(Clone, Debug)]
pub struct Vehicle {
    pub plate: String,
    pub vin: String,
    pub registered_on: Date,
}

/// Deed tax paid on a dwelling.
#[derive(Clone, Debug)]
pub struct DeedTax {
    pub receipt_number: String,
    /// Yuan.
    pub amount: u32,
}

/// What an emergency department may need to know.
#[derive(Clone, Debug)]
pub struct Health {
    pub blood_type: &'static str,
    pub allergies: Vec<&'static str>,
    pub diagnoses: Vec<&'static str>,
    /// Day and hospital.
    pub visits: Vec<String>,
    pub infectious: Option<&'static str>,
    /// Position of the emergency contact.
    pub contact: Option<usize>,
}

/// People at one address; the first member is the head.
#[derive(Clone, Debug)]
pub struct Household {
    pub members: Vec<usize>,
    pub address: String,
    /// GB/T 2260.
    pub district: &'static str,
    /// Minimum living allowance (最低生活保障) in yuan a month and person.
    pub allowance: Option<u32>,
}

/// An enterprise or a sole trader.
#[derive(Clone, Debug)]
pub struct Enterprise {
    pub uscc: String,
    pub name: String,
    /// Position of the legal representative, or of the sole trader.
    pub representative: usize,
    /// Yuan.
    pub registered_capital: u64,
    pub address: String,
    pub district: &'static str,
    pub status: &'static str,
    pub industry: &'static str,
    pub established_on: Date,
    pub employees: u32,
    /// 一般纳税人 or 小规模纳税人.
    pub taxpayer_type: &'static str,
}

impl Enterprise {
    /// Whether the code names a sole trader (个体工商户), who is a person.
    pub fn is_sole_trader(&self) -> bool {
        self.uscc.starts_with("92")
    }
}
