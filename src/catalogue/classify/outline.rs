//! An OpenAPI 3 document as samples: its operations, and the shape of what each answers.
//!
//! Read are local references, `properties`, `items`, `additionalProperties`, `allOf`, `title`,
//! `description`, `example` and `x-data-classification`. An example speaks like a sample's value.

use super::propose::is_subject;
use super::sample::{Place, Sample};
use super::{Route, looks};
use crate::catalogue::{Catalogue, openapi};
use crate::fault::{Fault, Faults};
use crate::written::{Node, Source, Value};

/// Schemas within schemas.
const DEPTH_MAX: usize = 16;
/// Places of one answer.
const PLACES_MAX: usize = 4096;

/// One operation that answers JSON.
#[derive(Clone, Debug)]
pub struct Operation {
    /// From `operationId`, or method and path: letters, digits and `-`.
    pub name: String,
    pub route: Route,
    pub sample: Sample,
}

/// The operations of a document that answer 200 with JSON.
///
/// # Errors
/// It is no OpenAPI 3 document, nothing of it answers JSON, or a schema contains itself.
pub fn operations(file: &str, text: &str, catalogue: &Catalogue) -> Result<Vec<Operation>, Faults> {
    let source = Source::new(file, text);
    let tree = source.tree()?;
    let version = tree.get("openapi").and_then(Node::text).unwrap_or_default();
    if !version.starts_with("3.") {
        return Err(Fault::new(file, "no OpenAPI 3 document: it has no `openapi: 3.…`").into());
    }
    let mut found = Vec::new();
    let paths = tree.get("paths").map_or(&[][..], Node::entries);
    for (path, item) in paths {
        for (method, operation) in item.entries() {
            let method = method.text().unwrap_or_default();
            let is_known = matches!(method, "get" | "post");
            let schema = operation.get("responses").and_then(|all| all.get("200")).and_then(schema_of);
            let (Some(schema), true) = (schema, is_known) else { continue };
            let path = path.text().unwrap_or_default();
            let mut walk = Walk { tree: &tree, places: 0, wrong: None };
            let root = walk.place(schema, 0);
            if let Some(wrong) = walk.wrong {
                return Err(source.fault(schema.mark, wrong).into());
            }
            let id = operation.get("operationId").and_then(Node::text);
            let name = plain(id.unwrap_or(&format!("{method}-{path}")));
            found.push(Operation { name, route: route(method, path, catalogue), sample: Sample::of(root) });
        }
    }
    if found.is_empty() {
        return Err(Fault::new(file, "no operation of it answers 200 with `application/json`").into());
    }
    Ok(found)
}

fn schema_of(response: &Node) -> Option<&Node> {
    response.get("content")?.get("application/json")?.get("schema")
}

/// A route of the catalogue. The first capture that is called like a subject's number is the subject.
fn route(method: &str, path: &str, catalogue: &Catalogue) -> Route {
    let mut captures: Vec<String> = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(str::to_owned)
        .collect();
    let subject = captures.iter().enumerate().find_map(|(place, capture)| {
        let label = super::guess::by_name(capture, catalogue)?;
        let kind = label.kind.filter(|kind| is_subject(*kind) && looks::is_strong(*kind))?;
        Some((place, kind))
    });
    let subject = subject.map(|(place, kind)| (captures.remove(place), kind));
    Route { method: method.to_ascii_uppercase(), path: path.to_owned(), subject, captures }
}

/// A name of ours: what is no letter or digit becomes `-`.
pub fn plain(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().take(60) {
        if c.is_ascii_uppercase() && out.ends_with(|last: char| last.is_ascii_lowercase()) {
            out.push('-');
        }
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    let out = out.trim_end_matches('-').to_owned();
    if out.is_empty() { "sample".to_owned() } else { out }
}

struct Walk<'t> {
    tree: &'t Node,
    places: usize,
    wrong: Option<&'static str>,
}

impl Walk<'_> {
    fn place(&mut self, schema: &Node, depth: usize) -> Place {
        let mut place = Place::default();
        self.fill(&mut place, schema, depth);
        place
    }

    fn fill(&mut self, place: &mut Place, schema: &Node, depth: usize) {
        self.places += 1;
        if depth > DEPTH_MAX || self.places > PLACES_MAX {
            self.wrong = Some("this schema is too deep, contains itself, or is too wide");
            return;
        }
        if let Some(target) = schema.get("$ref").and_then(Node::text) {
            match target
                .strip_prefix("#/components/schemas/")
                .and_then(|name| openapi::named(self.tree, name))
            {
                Some(target) => self.fill(place, target, depth + 1),
                None => self.wrong = Some("a reference that leads to no schema of this document"),
            }
        }
        self.words(place, schema);
        if let Some(Value::List(parts)) = schema.get("allOf").map(|node| &node.value) {
            parts.iter().for_each(|part| self.fill(place, part, depth + 1));
        }
        if let Some(items) = schema.get("items") {
            let mut element = self.place(items, depth + 1);
            // What is said of the elements is said of the array.
            place.given = place.given.take().or(element.given.take().filter(|_| element.members.is_empty()));
            place.element = Some(Box::new(element));
        }
        for (name, property) in schema.get("properties").map_or(&[][..], Node::entries) {
            let inner = self.place(property, depth + 1);
            place.members.push((name.text().unwrap_or_default().to_owned(), inner));
        }
        if let Some(any) = schema.get("additionalProperties").filter(|node| !node.entries().is_empty()) {
            let inner = self.place(any, depth + 1);
            place.members = vec![("*".to_owned(), inner)];
            place.keyed = true;
        }
    }

    fn words(&self, place: &mut Place, schema: &Node) {
        let text = |key: &str| schema.get(key).and_then(Node::text).map(str::to_owned);
        place.given = text(openapi::LABEL).or(place.given.take());
        place.titles.extend(
            [text("title"), text("description").filter(|words| words.chars().count() <= 24)]
                .into_iter()
                .flatten(),
        );
        match schema.get("example").map(|node| &node.value) {
            Some(Value::Text(text)) => place.looks.text(text),
            Some(Value::Number(number)) => place.looks.number(number),
            Some(Value::Bool(_)) => place.looks.truth(),
            Some(Value::Null | Value::List(_) | Value::Map(_)) | None => {}
        }
    }
}
