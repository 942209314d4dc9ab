//! What can be asked for: datasets, their fields' labels, and what each mode does to a label.
//!
//! A *label* is the privacy class of a field; a *field group* is the fields of one dataset that
//! carry one label, and the resource of a disclosure question. The catalogue room reads these from
//! files; everything else only holds them.

use super::identifier::Kind;
use super::mask::fields::FieldMap;
use super::mask::scalar::LabelMasks;
use super::mask::watch::LabelWatch;
use super::terms::{Level, NationalGrade, SensitiveCategory, SharingType, Text};
use std::sync::Arc;

/// The privacy class of fields, from `labels.yaml`.
#[derive(Debug)]
pub struct Label {
    /// Stable name, as in Cedar `Gov::Label::"id-number"`.
    pub id: Arc<str>,
    pub title: Text,
    pub level: Level,
    pub category: SensitiveCategory,
    /// What the values are, where they have a form that can be checked.
    pub kind: Option<Kind>,
    /// What each mode does to a value; a mode without a rule falls to the next weaker one.
    pub masks: LabelMasks,
}

/// One dataset of the catalogue.
#[derive(Debug)]
pub struct Dataset {
    /// Stable name, as in Cedar `Gov::Dataset::"marriage"`.
    pub id: Arc<str>,
    /// Catalogue code, for example `306001/1`.
    pub code: Arc<str>,
    pub title: Text,
    /// Unified social credit code of the providing department.
    pub department: Arc<str>,
    pub sharing: SharingType,
    /// The condition, where sharing is conditional.
    pub condition: Option<String>,
    /// The legal basis text, where it is not shared.
    pub basis: Option<String>,
    pub level: Level,
    pub grade: NationalGrade,
    /// Holds personal information, whatever its level.
    pub personal: bool,
    /// The labels that its fields carry, each once. A label's place here is its index everywhere.
    pub labels: Vec<Arc<Label>>,
    /// Field paths → index into `labels`.
    pub fields: Arc<FieldMap>,
    /// By label index: which values are looked at before they leave; a label beyond the end asks
    /// nothing.
    pub watch: Arc<[LabelWatch]>,
}

impl Dataset {
    /// Classified answers wait for a durable audit entry before their first byte.
    pub fn is_classified(&self) -> bool {
        self.personal || self.level > Level::L1
    }

    /// Index of a label by name.
    pub fn label_index(&self, id: &str) -> Option<usize> {
        self.labels.iter().position(|label| &*label.id == id)
    }
}
