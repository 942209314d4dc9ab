//! The demo's catalogue in small: what policies see of it.

use crate::engine::dataset::{Dataset, Label};
use crate::engine::decide::{EntityKind, Names, Policies, Source};
use crate::engine::mask::scalar::LabelMasks;
use crate::engine::principal::Application;
use crate::engine::terms::{Level, NationalGrade, SensitiveCategory, SharingType, Text};
use crate::fault::Faults;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const CIVIL: &str = "11330100MB0000019K";
pub const REAL_ESTATE: &str = "11330100MB0000027E";
pub const POLICE: &str = "11330100MB00000359";
pub const HEALTH: &str = "11330100MB00000434";
pub const MARKET: &str = "11330100MB0000051Y";
pub const SOCIAL_INSURANCE: &str = "11330100MB000006XN";
pub const TAX: &str = "11330100MB0000078N";
pub const DATA: &str = "11330100MB0000086H";

pub const DEPARTMENTS: [&str; 8] = [CIVIL, REAL_ESTATE, POLICE, HEALTH, MARKET, SOCIAL_INSURANCE, TAX, DATA];

pub const APPLICATIONS: [(&str, &str); 8] = [
    ("civil-affairs-window", CIVIL),
    ("real-estate-window", REAL_ESTATE),
    ("market-window", MARKET),
    ("hospital-emergency", HEALTH),
    ("public-security-desk", POLICE),
    ("social-insurance-batch", SOCIAL_INSURANCE),
    ("open-data-portal", DATA),
    ("tax-desk", TAX),
];

pub const MATTER_TYPES: [&str; 4] =
    ["social-assistance-review", "property-transfer", "company-setup", "emergency-treatment"];

/// Dataset, department, level, sharing, labels.
const DATASETS: &[(&str, &str, Level, SharingType, &str)] = {
    use Level::{L1, L2, L3, L4};
    use SharingType::{Conditional, NotShared, Unconditional};
    &[
        ("marriage", CIVIL, L3, Conditional, "id-number name marital-status date-of-event organisation-name"),
        ("low-income-register", CIVIL, L3, Conditional, "id-number name region-code income statistic"),
        ("low-income", CIVIL, L3, Conditional, "id-number name benefit-status income address"),
        (
            "property",
            REAL_ESTATE,
            L3,
            Conditional,
            "id-number name real-estate-unit address region-code area usage-class mortgage",
        ),
        ("property-summary", REAL_ESTATE, L2, Conditional, "id-number count region-code"),
        (
            "household",
            POLICE,
            L3,
            Conditional,
            "id-number name sex birth-date family-relation address ethnic-group religion",
        ),
        ("identity-check", POLICE, L2, Conditional, "name"),
        ("vehicle", POLICE, L3, Conditional, "id-number plate vin date-of-event"),
        (
            "emergency-record",
            HEALTH,
            L4,
            Conditional,
            "id-number name blood-type allergy contact-name mobile health-diagnosis health-visit infectious-disease",
        ),
        ("infectious-disease-list", HEALTH, L4, NotShared, "id-number name infectious-disease"),
        (
            "enterprise",
            MARKET,
            L1,
            Unconditional,
            "uscc organisation-name person-in-charge amount-public address-public status-public industry date-public",
        ),
        ("shareholding", MARKET, L2, Conditional, "id-number holding organisation-name"),
        (
            "contribution",
            SOCIAL_INSURANCE,
            L3,
            Conditional,
            "id-number name contribution-paid income organisation-name count",
        ),
        ("employer-account", SOCIAL_INSURANCE, L2, Conditional, "uscc status-public count mobile"),
        ("income-tax", TAX, L3, Conditional, "id-number name income tax-amount date-public"),
        ("deed-tax", TAX, L2, Conditional, "id-number tax-paid receipt-number tax-amount"),
        ("tax-registration", TAX, L2, Unconditional, "uscc organisation-name status-public"),
        ("open-statistics", DATA, L1, Unconditional, "date-public region-code indicator statistic"),
        // Not in the demo: something a department other than health keeps to itself.
        ("sealed-files", POLICE, L3, NotShared, "id-number name"),
    ]
};

pub const SCHEMA: Source<'static> =
    Source { name: "schema.cedarschema", text: include_str!("../../../../policies/schema.cedarschema") };

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        &[$(Source { name: $name, text: include_str!(concat!("../../../../policies/", $name)) }),+]
    };
}

pub const FILES: &[Source<'static>] = shipped!(
    "authentication.cedar",
    "company-setup.cedar",
    "emergency.cedar",
    "identity-verification.cedar",
    "law-enforcement.cedar",
    "matter.cedar",
    "minimisation.cedar",
    "minors.cedar",
    "open-data.cedar",
    "own-department.cedar",
    "property-transfer.cedar",
    "purpose.cedar",
    "risk-tiers.cedar",
    "sectors.cedar",
    "sharing.cedar",
    "social-assistance.cedar",
    "statistics.cedar",
    "tax-deduction.cedar",
    "use.cedar",
);

/// A label or purpose, as far as policies see it.
#[derive(serde::Deserialize)]
struct LabelFile {
    labels: BTreeMap<String, WrittenLabel>,
}

#[derive(serde::Deserialize)]
struct WrittenLabel {
    title: Text,
    level: Level,
    category: SensitiveCategory,
}

#[derive(serde::Deserialize)]
struct PurposeFile {
    purposes: BTreeMap<String, WrittenPurpose>,
}

#[derive(serde::Deserialize)]
struct WrittenPurpose {
    #[serde(default)]
    parents: Vec<String>,
}

pub fn labels() -> Vec<Arc<Label>> {
    let text = include_str!("../../../../policies/labels.yaml");
    let file: LabelFile = serde_saphyr::from_str(text).unwrap();
    let label = |(id, written): (String, WrittenLabel)| {
        let (title, level, category) = (written.title, written.level, written.category);
        Arc::new(Label { id: id.into(), title, level, category, kind: None, masks: LabelMasks::default() })
    };
    file.labels.into_iter().map(label).collect()
}

pub fn datasets() -> Vec<Arc<Dataset>> {
    let labels = labels();
    let find =
        |id: &str| labels.iter().find(|label| &*label.id == id).unwrap_or_else(|| panic!("{id}")).clone();
    DATASETS
        .iter()
        .map(|(id, department, level, sharing, carried)| {
            let labels: Vec<_> = carried.split(' ').map(find).collect();
            let highest = labels.iter().map(|label| label.level).max().unwrap();
            assert!(*level >= highest, "{id} carries a label above its level");
            Arc::new(Dataset {
                id: (*id).into(),
                code: (*id).into(),
                title: Text { zh: String::new(), en: String::new() },
                department: (*department).into(),
                sharing: *sharing,
                condition: None,
                basis: None,
                level: *level,
                grade: NationalGrade::General,
                personal: *level > Level::L1,
                labels,
                fields: Arc::default(),
                watch: [].into(),
            })
        })
        .collect()
}

pub fn dataset(id: &str) -> Arc<Dataset> {
    datasets().into_iter().find(|dataset| &*dataset.id == id).unwrap()
}

pub fn applications() -> Vec<Arc<Application>> {
    APPLICATIONS.iter().map(|(id, department)| Arc::new(Application::new(id, department))).collect()
}

pub fn names() -> Names {
    let file: PurposeFile =
        serde_saphyr::from_str(include_str!("../../../../policies/purposes.yaml")).unwrap();
    let names = Names::default()
        .know(EntityKind::Department, DEPARTMENTS)
        .know(EntityKind::Application, APPLICATIONS.map(|(id, _)| id))
        .know(EntityKind::MatterType, MATTER_TYPES)
        .know(EntityKind::Dataset, DATASETS.iter().map(|(id, ..)| *id))
        .know(EntityKind::Label, labels().iter().map(|label| label.id.clone()));
    file.purposes.iter().fold(names, |names, (id, purpose)| {
        let parents: Vec<&str> = purpose.parents.iter().map(String::as_str).collect();
        names.purpose(id, &parents)
    })
}

/// The shipped set.
pub fn policies() -> Policies {
    Policies::build(SCHEMA, FILES, names()).unwrap_or_else(|faults| panic!("{faults}"))
}

/// The shipped schema with these policies.
pub fn build(text: &str) -> Result<Policies, Faults> {
    Policies::build(SCHEMA, &[Source { name: "test.cedar", text }], names())
}
