//! What the departments answer: one structure per dataset, its members in the catalogue's order.
//!
//! Only what stands here leaves a register. [`HouseholdMember::internal_note`] is in no catalogue: a
//! gateway that is closed by default drops it and counts it as drift.

use super::super::citizens::City;
use super::super::model::{Enterprise, Person};
use serde::Serialize;

/// 民政: marriage.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Marriage<'a> {
    person_id: &'a str,
    name: &'a str,
    marital_status: &'static str,
    registered_on: Option<String>,
    spouse_id: Option<&'a str>,
    spouse_name: Option<&'a str>,
    authority: Option<&'static str>,
}

impl<'a> Marriage<'a> {
    /// Persons of marriageable age have a record.
    pub fn of(city: &'a City, person: &'a Person) -> Option<Self> {
        let spouse = person.spouse.and_then(|position| city.people.get(position));
        (person.age() >= 20).then(|| Marriage {
            person_id: &person.id,
            name: &person.name,
            marital_status: person.marital_status(),
            registered_on: person.civil_status_since.map(|date| date.to_string()),
            spouse_id: spouse.map(|spouse| spouse.id.as_str()),
            spouse_name: spouse.map(|spouse| spouse.name.as_str()),
            authority: person.civil_status_since.map(|_| "杭州市西湖区民政局婚姻登记处"),
        })
    }
}

/// 民政: the answer to a claimed marital status.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MaritalStatus {
    pub marital_status: &'static str,
}

/// 民政: minimum living allowance.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LowIncome<'a> {
    person_id: &'a str,
    name: &'a str,
    status: &'static str,
    monthly_amount: u32,
    address: &'a str,
}

impl<'a> LowIncome<'a> {
    pub fn of(city: &'a City, person: &'a Person) -> Option<Self> {
        let household = city.household(person)?;
        Some(LowIncome {
            person_id: &person.id,
            name: &person.name,
            status: "享受中",
            monthly_amount: household.allowance?,
            address: &household.address,
        })
    }
}

/// 民政: an entry of the register of households on minimum living allowance.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisterEntry<'a> {
    pub person_id: &'a str,
    pub name: &'a str,
    pub region: &'static str,
    pub monthly_amount: u32,
}

impl<'a> RegisterEntry<'a> {
    pub fn of(city: &City, person: &'a Person) -> Option<Self> {
        let household = city.household(person)?;
        Some(RegisterEntry {
            person_id: &person.id,
            name: &person.name,
            region: household.district,
            monthly_amount: household.allowance?,
        })
    }
}

/// 不动产登记: a dwelling.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Property<'a> {
    owner_id: &'a str,
    owner_name: &'a str,
    unit_number: &'a str,
    address: &'a str,
    region: &'static str,
    area_square_metres: f64,
    usage: &'static str,
    mortgaged: bool,
}

impl<'a> Property<'a> {
    pub fn of(person: &'a Person) -> Option<Self> {
        let property = person.property.as_ref()?;
        Some(Property {
            owner_id: &person.id,
            owner_name: &person.name,
            unit_number: &property.unit_number,
            address: &property.address,
            region: property.region,
            area_square_metres: f64::from(property.area_centi) / 100.0,
            usage: property.usage,
            mortgaged: property.mortgaged,
        })
    }
}

/// 不动产登记: how many dwellings, and where. Whoever owns none has a count of zero.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PropertySummary<'a> {
    owner_id: &'a str,
    count: usize,
    regions: Vec<&'static str>,
}

impl<'a> PropertySummary<'a> {
    pub fn of(person: &'a Person) -> Self {
        let regions: Vec<_> = person.property.iter().map(|property| property.region).collect();
        PropertySummary { owner_id: &person.id, count: regions.len(), regions }
    }
}

/// 公安: one member of a household.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HouseholdMember<'a> {
    person_id: &'a str,
    name: &'a str,
    sex: &'static str,
    birth_date: String,
    relation: &'static str,
    address: &'a str,
    ethnic_group: &'static str,
    religion: Option<&'static str>,
    /// Not in the catalogue, on purpose.
    internal_note: String,
}

impl<'a> HouseholdMember<'a> {
    /// Everybody in the person's household, the head first.
    pub fn all(city: &'a City, person: &'a Person) -> Vec<Self> {
        let Some(household) = city.household(person) else { return Vec::new() };
        let members = household.members.iter().filter_map(|position| city.people.get(*position));
        members
            .map(|member| HouseholdMember {
                person_id: &member.id,
                name: &member.name,
                sex: member.sex.word(),
                birth_date: member.birth.to_string(),
                relation: member.relation.word(member.sex),
                address: &household.address,
                ethnic_group: member.ethnic_group,
                religion: member.religion,
                internal_note: format!("内部备注：{}，联系电话 {}", member.name, member.mobile),
            })
            .collect()
    }
}

/// 公安: the name that belongs to a number.
#[derive(Serialize)]
pub struct Name<'a> {
    pub name: &'a str,
}

/// 公安: a vehicle.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Vehicle<'a> {
    owner_id: &'a str,
    plate: &'a str,
    vin: &'a str,
    registered_on: String,
}

impl<'a> Vehicle<'a> {
    pub fn of(person: &'a Person) -> Option<Self> {
        let vehicle = person.vehicle.as_ref()?;
        Some(Vehicle {
            owner_id: &person.id,
            plate: &vehicle.plate,
            vin: &vehicle.vin,
            registered_on: vehicle.registered_on.to_string(),
        })
    }
}

/// 卫健: what an emergency department may need.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EmergencyRecord<'a> {
    patient_id: &'a str,
    name: &'a str,
    blood_type: &'static str,
    allergies: &'a [&'static str],
    emergency_contact_name: Option<&'a str>,
    emergency_contact_mobile: Option<&'a str>,
    diagnoses: &'a [&'static str],
    visits: &'a [String],
    infectious: Option<&'static str>,
}

impl<'a> EmergencyRecord<'a> {
    pub fn of(city: &'a City, person: &'a Person) -> Option<Self> {
        let health = person.health.as_ref()?;
        let contact = health.contact.and_then(|position| city.people.get(position));
        Some(EmergencyRecord {
            patient_id: &person.id,
            name: &person.name,
            blood_type: health.blood_type,
            allergies: &health.allergies,
            emergency_contact_name: contact.map(|contact| contact.name.as_str()),
            emergency_contact_mobile: contact.map(|contact| contact.mobile.as_str()),
            diagnoses: &health.diagnoses,
            visits: &health.visits,
            infectious: health.infectious,
        })
    }
}

/// 卫健: a line of the list of infectious diseases.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InfectiousDisease<'a> {
    patient_id: &'a str,
    name: &'a str,
    infectious: &'static str,
}

impl<'a> InfectiousDisease<'a> {
    pub fn of(person: &'a Person) -> Option<Self> {
        let infectious = person.health.as_ref()?.infectious?;
        Some(InfectiousDisease { patient_id: &person.id, name: &person.name, infectious })
    }
}

/// 市场监管: an enterprise.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnterpriseRecord<'a> {
    uscc: &'a str,
    name: &'a str,
    legal_representative: Option<&'a str>,
    registered_capital: u64,
    address: &'a str,
    status: &'static str,
    industry: &'static str,
    established_on: String,
}

impl<'a> EnterpriseRecord<'a> {
    pub fn of(city: &'a City, firm: &'a Enterprise) -> Self {
        EnterpriseRecord {
            uscc: &firm.uscc,
            name: &firm.name,
            legal_representative: city.people.get(firm.representative).map(|person| person.name.as_str()),
            registered_capital: firm.registered_capital,
            address: &firm.address,
            status: firm.status,
            industry: firm.industry,
            established_on: firm.established_on.to_string(),
        }
    }
}

/// 市场监管: which enterprises a person holds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shareholding<'a> {
    person_id: &'a str,
    holds_enterprise: bool,
    enterprises: Vec<&'a str>,
}

impl<'a> Shareholding<'a> {
    pub fn of(city: &'a City, person: &'a Person) -> Self {
        let held = person.holdings.iter().filter_map(|position| city.enterprises.get(*position));
        let enterprises: Vec<_> = held.map(|firm| firm.name.as_str()).collect();
        Shareholding { person_id: &person.id, holds_enterprise: !enterprises.is_empty(), enterprises }
    }
}

/// 社保: a person's contributions.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contribution<'a> {
    person_id: &'a str,
    name: &'a str,
    paid: bool,
    base_amount: u32,
    employer: Option<&'a str>,
    months: u32,
}

impl<'a> Contribution<'a> {
    /// The base is the monthly income; nobody who pays nothing has one.
    pub fn of(city: &'a City, person: &'a Person) -> Option<Self> {
        let paid = person.contribution_months > 0;
        let employer = person.employer.and_then(|position| city.enterprises.get(position));
        (person.age() >= 18).then(|| Contribution {
            person_id: &person.id,
            name: &person.name,
            paid,
            base_amount: if paid { person.annual_income / 12 } else { 0 },
            employer: employer.map(|firm| firm.name.as_str()),
            months: person.contribution_months,
        })
    }
}

/// 社保: an employer's account.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EmployerAccount<'a> {
    uscc: &'a str,
    registered: &'static str,
    employees: u32,
    contact: Option<&'a str>,
}

impl<'a> EmployerAccount<'a> {
    pub fn of(city: &'a City, firm: &'a Enterprise) -> Self {
        EmployerAccount {
            uscc: &firm.uscc,
            registered: if firm.status == "存续" { "已参保登记" } else { "已注销" },
            employees: firm.employees,
            contact: city.people.get(firm.representative).map(|person| person.mobile.as_str()),
        }
    }
}

/// 税务: income of the year before.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncomeTax<'a> {
    person_id: &'a str,
    name: &'a str,
    annual_income: u32,
    tax_paid: u32,
    year: &'static str,
}

impl<'a> IncomeTax<'a> {
    pub fn of(person: &'a Person) -> Option<Self> {
        (person.annual_income > 0).then(|| IncomeTax {
            person_id: &person.id,
            name: &person.name,
            annual_income: person.annual_income,
            tax_paid: person.income_tax(),
            year: "2024",
        })
    }
}

/// 税务: deed tax.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeedTax<'a> {
    person_id: &'a str,
    paid: bool,
    receipt_number: &'a str,
    amount: u32,
}

impl<'a> DeedTax<'a> {
    pub fn of(person: &'a Person) -> Option<Self> {
        let deed = person.deed_tax.as_ref()?;
        Some(DeedTax {
            person_id: &person.id,
            paid: true,
            receipt_number: &deed.receipt_number,
            amount: deed.amount,
        })
    }
}

/// 税务: registration of an enterprise.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaxRegistration<'a> {
    uscc: &'a str,
    name: &'a str,
    status: &'static str,
    taxpayer_type: &'static str,
}

impl<'a> TaxRegistration<'a> {
    pub fn of(firm: &'a Enterprise) -> Self {
        TaxRegistration {
            uscc: &firm.uscc,
            name: &firm.name,
            status: if firm.status == "存续" { "正常" } else { "注销" },
            taxpayer_type: firm.taxpayer_type,
        }
    }
}

/// 数据局: one figure of the open statistics.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistic {
    year: &'static str,
    district: &'static str,
    indicator: &'static str,
    value: usize,
}

impl Statistic {
    /// Persons and enterprises of each district.
    pub fn all(city: &City) -> Vec<Self> {
        let mut figures = Vec::new();
        for district in super::super::words::DISTRICTS {
            let homes = city.households.iter().filter(|home| home.district == district.code);
            let persons = homes.map(|home| home.members.len()).sum();
            let firms = city.enterprises.iter().filter(|firm| firm.district == district.code).count();
            for (indicator, value) in [("户籍人口（演示）", persons), ("市场主体（演示）", firms)]
            {
                figures.push(Statistic { year: "2025", district: district.code, indicator, value });
            }
        }
        figures
    }
}
