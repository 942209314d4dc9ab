//! What leaves still fits the API's own schema, mode by mode.
//!
//! The schema of each of the demo's APIs is taken from what its department answers about many people:
//! the types that a field has, and whether it is always there. Under every mode the answer must have
//! the same types in the same places, and every field that the mode does not leave out.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zhamen::catalogue::{Catalogue, Folder, load};
use zhamen::demo::citizens::City;
use zhamen::demo::departments::Department;
use zhamen::demo::departments::routes::{Asked, answer};
use zhamen::demo::policies;
use zhamen::engine::dataset::Dataset;
use zhamen::engine::mask::scalar::{LabelAction, TokenKey};
use zhamen::engine::mask::{Format, LabelRule, MaskLimits, Masker, Plan};
use zhamen::engine::terms::{DisclosureMode, Method};

/// Types seen in a place, by path template; and in how many of its parents it stood.
#[derive(Default)]
struct Schema {
    types: BTreeMap<String, BTreeSet<&'static str>>,
    stood: BTreeMap<String, usize>,
    parents: BTreeMap<String, usize>,
}

impl Schema {
    fn learn(&mut self, path: &str, value: &Value) {
        self.types.entry(path.to_owned()).or_default().insert(type_of(value));
        match value {
            Value::Object(members) => {
                *self.parents.entry(path.to_owned()).or_default() += 1;
                for (key, value) in members {
                    let path = format!("{path}.{key}");
                    *self.stood.entry(path.clone()).or_default() += 1;
                    self.learn(&path, value);
                }
            }
            Value::Array(elements) => {
                elements.iter().for_each(|element| self.learn(&format!("{path}[*]"), element));
            }
            _ => {}
        }
    }

    /// Fields of an object that every such object had.
    fn required(&self, object: &str) -> impl Iterator<Item = &String> {
        let parents = self.parents.get(object).copied().unwrap_or(0);
        let below = format!("{object}.");
        self.stood
            .iter()
            .filter(move |(path, count)| {
                **count == parents && path.strip_prefix(&below).is_some_and(|key| !key.contains(['.', '[']))
            })
            .map(|(path, _)| path)
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What a masked answer may differ in: a token is a text, a question is answered yes or no, and a field
/// that its mode cannot treat is left out.
struct Checker<'a> {
    schema: &'a Schema,
    dataset: &'a Dataset,
    mode: DisclosureMode,
    fields: usize,
}

impl Checker<'_> {
    fn check(&mut self, path: &str, value: &Value, label: &dyn Fn(&str) -> Option<usize>) {
        let types = self.schema.types.get(path).unwrap_or_else(|| panic!("{path} is not in the schema"));
        let shown = label(path).map(|label| self.dataset.labels[label].masks.action(self.mode).0);
        let fits = match shown {
            // Element by element.
            _ if value.is_array() => types.contains("array"),
            Some(DisclosureMode::Verify) => value.is_boolean(),
            Some(DisclosureMode::Token) => value.is_string() || value.is_null(),
            _ => types.contains(type_of(value)),
        };
        assert!(fits, "{}: {path} is {} under {:?}", self.dataset.id, type_of(value), shown);
        self.fields += usize::from(shown.is_some());
        match value {
            Value::Object(members) => {
                for required in self.schema.required(path) {
                    let key = &required[path.len() + 1..];
                    let left_out = label(required).is_some_and(|label| self.may_lack(label));
                    let unknown = label(required).is_none() && !self.leads_on(required, label);
                    assert!(
                        left_out || unknown || members.contains_key(key),
                        "{}: {required} is missing",
                        self.dataset.id
                    );
                }
                members.iter().for_each(|(key, value)| self.check(&format!("{path}.{key}"), value, label));
            }
            Value::Array(elements) => {
                elements.iter().for_each(|element| self.check(&format!("{path}[*]"), element, label));
            }
            _ => {}
        }
    }

    fn may_lack(&self, label: usize) -> bool {
        self.dataset.labels[label].masks.action(self.mode).1 == LabelAction::Drop
    }

    /// Some field below is shown.
    fn leads_on(&self, path: &str, label: &dyn Fn(&str) -> Option<usize>) -> bool {
        let below = |known: &&String| known.starts_with(path) && known.len() > path.len();
        self.schema.types.keys().filter(below).any(|known| label(known).is_some_and(|at| !self.may_lack(at)))
    }
}

/// The label of a path of the schema: the masker is asked, by a document with this path alone.
fn label_of(dataset: &Dataset, path: &str) -> Option<usize> {
    let mut document = "\"x\"".to_owned();
    let mut rest = path;
    while let Some(at) = rest.rfind(['.', '[']) {
        let (before, step) = rest.split_at(at);
        document = match step.strip_prefix('.') {
            Some(key) => format!("{{\"{key}\":{document}}}"),
            None => format!("[{document}]"),
        };
        rest = before;
    }
    let (_, counts) = mask(dataset, DisclosureMode::Clear, document.as_bytes());
    counts.iter().position(|count| *count > 0)
}

fn mask(dataset: &Dataset, mode: DisclosureMode, body: &[u8]) -> (Vec<u8>, Vec<u64>) {
    let rule = |label: &Arc<zhamen::engine::dataset::Label>| {
        let (mode, action) = label.masks.action(mode);
        LabelRule { mode, action, kind: label.kind }
    };
    let plan = Plan {
        actions: dataset.labels.iter().map(rule).collect(),
        token_key: TokenKey::derive(&[5; 32], "department", "matter").into(),
        claim: None,
        today: (2026, 11, 22),
        records_max: None,
        subject: None,
        watched: Default::default(),
    };
    let limits = MaskLimits { depth_max: 32, token_bytes_max: 1 << 20 };
    let mut masker = Masker::new(&Format::Json, dataset.fields.clone(), Arc::new(plan), limits);
    let mut all = masker.mask(body).expect("departments answer JSON").into_bytes();
    let (end, tally) = masker.mask_end().expect("the answer is whole");
    all.extend(end.into_bytes());
    (all, tally.labels)
}

/// People and enterprises that are asked about.
const ASKED: usize = 120;

/// Answers of a route that takes a person or an enterprise.
fn answers(city: &City, template: &str) -> Vec<Vec<u8>> {
    let (before, after) = template.split_once('{').expect("the route takes a subject");
    let (_, after) = after.split_once('}').expect("the capture ends");
    let department = Department::ALL.iter().find(|one| template.starts_with(&format!("/{one}/")));
    let persons = city.people.iter().take(ASKED).map(|person| &person.id);
    let firms = city.enterprises.iter().take(ASKED).map(|firm| &firm.uscc);
    let ask = |id: &String| {
        let path = format!("{before}{id}{after}");
        let asked = Asked { method: "GET", path: &path, query: None, body: b"" };
        answer(city, *department.expect("a department's path"), &asked)
    };
    let found = persons.chain(firms).map(ask).filter(|answer| answer.status == 200);
    found.map(|answer| answer.body).filter(|body| body != br#"{"data":[]}"#).collect()
}

#[test]
fn masked_answers_fit_the_schema_of_their_api() {
    let folder = Folder::from_files(policies::FILES.iter().copied()).expect("the shipped folder");
    let catalogue: Catalogue = load(&folder).expect("the shipped folder is right");
    let city = City::generate();
    let (mut routes, mut fields) = (0, 0);
    for route in catalogue.routes.routes() {
        let template = route.template.text();
        if route.method != Method::Get || !template.contains('{') {
            continue;
        }
        let answers = answers(&city, template);
        let mut schema = Schema::default();
        for body in &answers {
            schema.learn("$", &serde_json::from_slice(body).expect("departments answer JSON"));
        }
        let labels: BTreeMap<_, _> =
            schema.types.keys().map(|path| (path.clone(), label_of(&route.dataset, path))).collect();
        let label = |path: &str| labels.get(path).copied().flatten();
        for mode in DisclosureMode::ALL {
            let mut checker = Checker { schema: &schema, dataset: &route.dataset, mode: *mode, fields: 0 };
            for body in &answers {
                let (masked, _) = mask(&route.dataset, *mode, body);
                checker.check("$", &serde_json::from_slice(&masked).expect("JSON leaves"), &label);
            }
            assert!(checker.fields > 0 || *mode < DisclosureMode::Clear, "{template} shows nothing");
            fields += checker.fields;
        }
        routes += 1;
    }
    assert!(routes >= 10 && fields > 10_000, "{routes} routes, {fields} fields");
}
