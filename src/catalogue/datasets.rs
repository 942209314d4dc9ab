//! Datasets: what is registered, under which rules, and which field carries which label.
//!
//! Rules of registration: Data Security Law 21 and DB33/T 2350-2021 (levels), the Regulation on
//! Government Data Sharing (conditions, legal bases, review), its article 3 (secrets are outside).

use super::PublicNote;
use super::loading::{File, Loading, name_is_plain, unknown};
use super::parameter::date;
use super::written;
use crate::engine::dataset::{Dataset, Label};
use crate::engine::mask::fields::{FieldMap, PathFault};
use crate::engine::terms::{Secrecy, SensitiveCategory, SharingType};
use crate::fault::Fault;
use crate::written::{At, Mark, Source};
use std::sync::Arc;

/// A field's label as some file states it.
pub(super) struct Field<'a> {
    pub source: Source<'a>,
    /// Of the path.
    pub mark: Mark,
    pub path: String,
    pub label: At<String>,
}

/// The one place in which paths are compiled.
fn compile(paths: &[(String, usize)]) -> Result<FieldMap, PathFault> {
    FieldMap::compile(paths)
}

impl<'a> Loading<'a> {
    pub fn datasets(&mut self, file: &File<'a>) {
        for (id, written) in &file.written.datasets.0 {
            self.registration(file, id, written);
            let fields = self.fields(file, written);
            let labels = self.labels_of(&fields);
            self.levels(file, written, &labels);
            // A dataset with an unknown label is not kept, so that its routes add no faults.
            let known = fields.iter().all(|field| self.declared.labels.contains(&field.label.value));
            let paths: Vec<(String, usize)> = placed(&fields, &labels);
            let Some(fields) = self.field_map(&fields, &labels).filter(|_| known) else { continue };
            let Some(fields) = self.records(file, written, fields) else { continue };
            if labels.is_empty()
                && (written.personal || written.level.value > crate::engine::terms::Level::L1)
            {
                let message =
                    format!("the dataset `{}` has no fields: none of it could be disclosed", id.value);
                self.faults.push(file.source.fault(id.mark, message));
            }
            let watch = self.watching(&file.source, id, written, &labels);
            let name: Arc<str> = id.value.as_str().into();
            let note = PublicNote { description: written.description.clone(), theme: written.theme };
            self.catalogue.notes.insert(name.clone(), note);
            self.sifting(file, written, &name, &labels, &paths);
            let dataset = Dataset {
                id: name.clone(),
                code: written.code.value.as_str().into(),
                title: written.title.clone(),
                department: file.code.clone(),
                sharing: written.sharing.value,
                condition: written.condition.as_ref().map(|at| at.value.clone()),
                basis: written.basis.as_ref().map(|at| at.value.clone()),
                level: written.level.value,
                grade: written.grade,
                personal: written.personal,
                labels,
                fields: Arc::new(fields),
                watch,
            };
            if self.catalogue.datasets.insert(name, Arc::new(dataset)).is_some() {
                let message = format!("the dataset `{}` is registered twice", id.value);
                self.faults.push(file.source.fault(id.mark, message));
            }
        }
    }

    /// What a registration must say besides its fields.
    fn registration(&mut self, file: &File<'_>, id: &At<String>, written: &written::Dataset) {
        let source = &file.source;
        let mut fault = |mark: Mark, message: &str| self.faults.push(source.fault(mark, message));
        if !name_is_plain(&id.value) {
            fault(id.mark, "a dataset's name has letters, digits, `-`, `_` and `.`");
        }
        if !code_is_valid(&written.code.value) {
            fault(
                written.code.mark,
                "not a catalogue code: class, item and entry, `/`, sequence (for example 306001/1)",
            );
        }
        if written.secrecy.value != Secrecy::None {
            fault(
                written.secrecy.mark,
                "secrets are not government data to be shared: they cannot be registered",
            );
        }
        let said = |text: &Option<At<String>>| text.as_ref().is_some_and(|at| !at.value.trim().is_empty());
        match written.sharing.value {
            SharingType::Unconditional => {}
            SharingType::Conditional if said(&written.condition) => {}
            SharingType::Conditional => fault(written.sharing.mark, "CONDITIONAL needs `condition`"),
            SharingType::NotShared => {
                if !said(&written.basis) {
                    fault(written.sharing.mark, "NOT_SHARED needs its legal basis in `basis`");
                }
                if written.next_review.is_none() {
                    fault(
                        written.sharing.mark,
                        "NOT_SHARED needs `next_review`: the day on which it is looked at again",
                    );
                }
            }
        }
        if let Some(at) = &written.next_review {
            match date(&at.value) {
                Some(day) => {
                    self.catalogue.next_reviews.insert(id.value.as_str().into(), day);
                }
                None => fault(at.mark, "not a day (YYYY-MM-DD)"),
            }
        }
        if self.catalogue.datasets.values().any(|other| *other.code == *written.code.value) {
            self.faults.push(source.fault(written.code.mark, "another dataset has this code"));
        }
    }

    /// Every field with its label: imported ones, replaced by those written here.
    fn fields(&mut self, file: &File<'a>, written: &written::Dataset) -> Vec<Field<'a>> {
        let mut fields = match &written.fields_from_openapi {
            Some(import) => self.import(&file.source, import),
            None => Vec::new(),
        };
        for (path, label) in &written.fields.0 {
            let field = Field {
                source: file.source,
                mark: path.mark,
                path: path.value.clone(),
                label: label.clone(),
            };
            match fields.iter_mut().find(|other| other.path == field.path) {
                Some(other) => *other = field,
                None => fields.push(field),
            }
        }
        for field in fields.iter().filter(|field| !self.declared.labels.contains(&field.label.value)) {
            self.faults.push(unknown(&field.source, &field.label, "label", &self.declared.labels));
        }
        fields
    }

    fn labels_of(&self, fields: &[Field<'_>]) -> Vec<Arc<Label>> {
        let mut labels: Vec<Arc<Label>> = Vec::new();
        for field in fields {
            let label = self.catalogue.labels.get(field.label.value.as_str());
            if let Some(label) = label.filter(|label| !labels.iter().any(|other| other.id == label.id)) {
                labels.push(label.clone());
            }
        }
        labels
    }

    /// The dataset stands at least as high as its highest field (就高从严), and holds personal
    /// information where a field does.
    fn levels(&mut self, file: &File<'_>, written: &written::Dataset, labels: &[Arc<Label>]) {
        if let Some(highest) = labels.iter().max_by_key(|label| label.level)
            && highest.level > written.level.value
        {
            let message = format!(
                "the dataset is {}, but its label `{}` is {}: a dataset is as high as its highest field",
                written.level.value, highest.id, highest.level
            );
            self.faults.push(file.source.fault(written.level.mark, message));
        }
        let sensitive = labels.iter().find(|label| label.category != SensitiveCategory::None);
        if let Some(label) = sensitive.filter(|_| !written.personal) {
            let message =
                format!("`personal: false`, but its label `{}` is sensitive personal information", label.id);
            self.faults.push(file.source.fault(written.level.mark, message));
        }
    }

    /// Names the array of records, where the dataset says which it is.
    fn records(&mut self, file: &File<'_>, written: &written::Dataset, fields: FieldMap) -> Option<FieldMap> {
        let Some(at) = &written.records else { return Some(fields) };
        match fields.with_records(&at.value) {
            Ok(fields) => Some(fields),
            Err(PathFault { offset, message, .. }) => {
                self.faults.push(file.source.fault_inside(at.mark, offset, message));
                None
            }
        }
    }

    fn field_map(&mut self, fields: &[Field<'_>], labels: &[Arc<Label>]) -> Option<FieldMap> {
        let known: Vec<(&Field<'_>, usize)> = fields
            .iter()
            .filter_map(|field| {
                let index = labels.iter().position(|label| *label.id == *field.label.value)?;
                Some((field, index))
            })
            .collect();
        let paths: Vec<(String, usize)> =
            known.iter().map(|(field, index)| (field.path.clone(), *index)).collect();
        match compile(&paths) {
            Ok(map) => Some(map),
            Err(PathFault { index, offset, message }) => {
                let (field, _) = known.get(index)?;
                let characters = field.path.get(..offset).map_or(offset, |before| before.chars().count());
                let fault: Fault = field.source.fault_inside(field.mark, characters, message);
                self.faults.push(fault);
                None
            }
        }
    }
}

/// Paths with the index of their label.
fn placed(fields: &[Field<'_>], labels: &[Arc<Label>]) -> Vec<(String, usize)> {
    let index = |field: &Field<'_>| labels.iter().position(|label| *label.id == *field.label.value);
    fields.iter().filter_map(|field| Some((field.path.clone(), index(field)?))).collect()
}

/// `^[123]\d{2}\d{3}\d*/\d{1,9}$`: class, item, entry, sub-entries, sequence number.
fn code_is_valid(code: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    code.split_once('/').is_some_and(|(entry, sequence)| {
        digits(entry)
            && (6..=32).contains(&entry.len())
            && entry.starts_with(['1', '2', '3'])
            && digits(sequence)
            && (1..=9).contains(&sequence.len())
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn catalogue_codes() {
        for (code, valid) in [
            ("306001/1", true),
            ("1010010203/123456789", true),
            ("406001/1", false),
            ("30600/1", false),
            ("306001", false),
            ("306001/", false),
            ("306001/1234567890", false),
            ("306001/1/1", false),
            ("30600a/1", false),
        ] {
            assert_eq!(super::code_is_valid(code), valid, "{code}");
        }
    }
}
