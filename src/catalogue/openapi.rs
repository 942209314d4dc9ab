//! Field labels out of an OpenAPI 3 document: `x-data-classification` on a schema is the label of the
//! values it describes.
//!
//! Only that is read: `properties`, `items`, `additionalProperties`, `allOf` and local `$ref`s on the
//! way to it. A property without a label stays unknown, and unknown fields are dropped.

use super::datasets::Field;
use super::loading::Loading;
use super::written::FromOpenApi;
use crate::written::{At, Node, Source, Value};
use std::collections::BTreeSet;

/// Schemas within schemas.
const DEPTH_MAX: usize = 16;
/// Fields of one import at most.
const FIELDS_MAX: usize = 4096;
pub(super) const LABEL: &str = "x-data-classification";

impl<'a> Loading<'a> {
    pub fn import(&mut self, source: &Source<'a>, import: &FromOpenApi) -> Vec<Field<'a>> {
        let folder = self.folder;
        // The folder's own copy of the name outlives the file that wrote it.
        let Some(path) = folder.paths().find(|path| *path == import.file.value) else {
            self.faults.push(
                source.fault(
                    import.file.mark,
                    format!("no file `{}` in the policies folder", import.file.value),
                ),
            );
            return Vec::new();
        };
        let document = match folder.text(path) {
            Ok(text) => Source::new(path, text.unwrap_or_default()),
            Err(fault) => {
                self.faults.push(fault);
                return Vec::new();
            }
        };
        let Some(tree) = self.faults.absorb(document.tree()) else { return Vec::new() };
        let known = schemas(&tree);
        let Some(schema) = named(&tree, &import.schema.value) else {
            self.unknown(source, &import.schema, "schema", &known);
            return Vec::new();
        };
        let mut walk = Walk { source: document, tree: &tree, fields: Vec::new(), wrong: Vec::new() };
        walk.schema(schema, import.at.as_ref().map_or("$", |at| at.value.as_str()), 0);
        if walk.fields.is_empty() && walk.wrong.is_empty() {
            let message = format!("the schema `{}` carries no `{LABEL}`", import.schema.value);
            self.faults.push(source.fault(import.schema.mark, message));
        }
        self.faults.0.extend(walk.wrong);
        walk.fields
    }
}

fn components(tree: &Node) -> Option<&Node> {
    tree.get("components")?.get("schemas")
}

pub(super) fn named<'t>(tree: &'t Node, name: &str) -> Option<&'t Node> {
    components(tree)?.get(name)
}

fn schemas(tree: &Node) -> BTreeSet<String> {
    let entries = components(tree).map_or(&[][..], |node| node.entries());
    entries.iter().filter_map(|(name, _)| name.text().map(str::to_owned)).collect()
}

struct Walk<'a, 't> {
    source: Source<'a>,
    tree: &'t Node,
    fields: Vec<Field<'a>>,
    wrong: Vec<crate::fault::Fault>,
}

impl Walk<'_, '_> {
    fn schema(&mut self, schema: &Node, path: &str, depth: usize) {
        if depth > DEPTH_MAX || self.fields.len() >= FIELDS_MAX {
            if self.wrong.is_empty() {
                self.wrong.push(
                    self.source
                        .fault(schema.mark, "this schema is too deep, contains itself, or is too wide"),
                );
            }
            return;
        }
        if let Some(reference) = schema.get("$ref") {
            self.reference(reference, path, depth);
        }
        if let Some(label) = schema.get(LABEL) {
            self.label(label, path);
        }
        if let Some(Value::List(parts)) = schema.get("allOf").map(|node| &node.value) {
            for part in parts {
                self.schema(part, path, depth + 1);
            }
        }
        if let Some(items) = schema.get("items") {
            self.schema(items, &format!("{path}[*]"), depth + 1);
        }
        for (name, property) in schema.get("properties").map_or(&[][..], |node| node.entries()) {
            let step = member(name.text().unwrap_or_default());
            self.schema(property, &format!("{path}{step}"), depth + 1);
        }
        if let Some(any) = schema.get("additionalProperties").filter(|node| !node.entries().is_empty()) {
            self.schema(any, &format!("{path}.*"), depth + 1);
        }
    }

    fn reference(&mut self, reference: &Node, path: &str, depth: usize) {
        let target = reference.text().and_then(|text| text.strip_prefix("#/components/schemas/"));
        match target.and_then(|name| named(self.tree, name)) {
            Some(schema) => self.schema(schema, path, depth + 1),
            None => {
                let message = "not a schema of this document (`#/components/schemas/<name>`)";
                self.wrong.push(self.source.fault(reference.mark, message));
            }
        }
    }

    fn label(&mut self, label: &Node, path: &str) {
        match label.text() {
            Some(text) => {
                let label = At { mark: label.mark, value: text.to_owned() };
                self.fields.retain(|other| other.path != path);
                self.fields.push(Field {
                    source: self.source,
                    mark: label.mark,
                    path: path.to_owned(),
                    label,
                });
            }
            None => {
                self.wrong.push(self.source.fault(label.mark, format!("`{LABEL}` is the name of a label")))
            }
        }
    }
}

/// A member's step in a field path.
pub(super) fn member(name: &str) -> String {
    let plain = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_') && !name.is_empty();
    if plain && !name.starts_with(|letter: char| letter.is_numeric()) {
        format!(".{name}")
    } else {
        format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}
