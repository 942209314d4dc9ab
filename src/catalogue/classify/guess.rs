//! Which label a field may carry, and how sure that is.
//!
//! Two things speak: what the field is called (`names` of labels.yaml), and what its values are (the
//! label's kind). A kind with a check of its own counts most: a field called `mobile` that holds
//! resident numbers is not a mobile number. Between labels that fit alike, the one whose level suits
//! the record is taken: what a record of a body holds is more likely published than a person's.

use super::looks::{Looks, is_strong};
use super::sample::Field;
use crate::catalogue::Catalogue;
use crate::engine::dataset::Label;
use crate::engine::identifier::Kind;
use crate::engine::terms::Level;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Below this a guess is not made.
const SURE_ENOUGH: f64 = 0.5;

/// A label for a field.
#[derive(Clone, Debug)]
pub struct Guess {
    pub label: Arc<Label>,
    /// 0 to 1.
    pub confidence: f64,
    /// In words, with counts and never a value.
    pub evidence: String,
}

/// Whom a record is about, by its strongest field.
#[derive(Clone, Copy, PartialEq)]
enum About {
    Person,
    Body,
    Neither,
}

/// The guess for each field, in the order of the fields. Below a container that carries a label as a
/// whole there are no guesses.
pub fn guesses(fields: &[Field], catalogue: &Catalogue) -> Vec<Option<Guess>> {
    let abouts = abouts(fields);
    let mut whole: Vec<String> = Vec::new();
    let mut all = Vec::with_capacity(fields.len());
    for field in fields {
        let about = abouts.get(field.record.as_str()).copied().unwrap_or(About::Neither);
        let inside = whole.iter().any(|path| {
            field.path.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with(['.', '[']))
        });
        let best = if inside { None } else { best(field, about, catalogue) };
        if field.is_container && best.is_some() {
            whole.push(field.path.clone());
        }
        all.push(best);
    }
    all
}

fn abouts(fields: &[Field]) -> BTreeMap<&str, About> {
    let mut abouts = BTreeMap::new();
    for field in fields {
        let is = |kind| field.looks.share(kind).is_some_and(|share| share >= 0.8);
        let called = |parts: &[&str]| parts.iter().any(|part| folded(&field.name).ends_with(part));
        let about = if is(Kind::ResidentId) || called(&["idcard", "personid", "sfzh", "身份证号"]) {
            About::Person
        } else if is(Kind::Uscc) || called(&["uscc", "creditcode", "统一社会信用代码"]) {
            About::Body
        } else {
            continue;
        };
        let known = abouts.entry(field.record.as_str()).or_insert(about);
        if about == About::Person {
            *known = about;
        }
    }
    abouts
}

fn best(field: &Field, about: About, catalogue: &Catalogue) -> Option<Guess> {
    if let Some(label) = field.given.as_deref().and_then(|given| catalogue.labels.get(given)) {
        let evidence = "x-data-classification".to_owned();
        return Some(Guess { label: label.clone(), confidence: 1.0, evidence });
    }
    let guess = |(id, label): (&Arc<str>, &Arc<Label>)| {
        let names = catalogue.label_names.get(id).map_or(&[][..], Vec::as_slice);
        let called = std::iter::once(field.name.as_str()).chain(field.titles.iter().map(String::as_str));
        let name = called.map(|called| called_like(called, names)).fold(0.0, f64::max);
        weigh(field, about, label, name)
    };
    let scored = catalogue.labels.iter().filter_map(guess);
    scored.max_by(|one, other| one.confidence.total_cmp(&other.confidence)).map(|mut guess| {
        guess.confidence = guess.confidence.min(0.99);
        guess
    })
}

fn weigh(field: &Field, about: About, label: &Arc<Label>, name: f64) -> Option<Guess> {
    let (base, said) = match label.kind {
        Some(kind) if is_strong(kind) => strong(kind, &field.looks, name)?,
        Some(kind) => weak(kind, &field.looks, name)?,
        None if field.looks.share(Kind::ResidentId).is_some_and(|share| share >= 0.8) => return None,
        None => (name, String::new()),
    };
    // Of containers only the name can speak, so it must be the very name.
    if base < SURE_ENOUGH || (field.is_container && name < 0.95) {
        return None;
    }
    let published = label.level == Level::L1;
    let suits = match about {
        About::Person => !published,
        About::Body | About::Neither => published,
    };
    let bodily = field.looks.bodies().is_some_and(|share| share >= 0.8);
    let bodily = if bodily && label.kind == Some(Kind::Name) { -0.4 } else { 0.0 };
    let confidence = base + if suits { 0.04 } else { 0.0 } + bodily;
    let called = if name > 0.0 { format!("called like it ({name:.2})") } else { String::new() };
    let evidence = [called, said].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    (confidence >= SURE_ENOUGH).then(|| Guess { label: label.clone(), confidence, evidence })
}

/// Of a kind with a check: nearly all values hold it, or there are none and the name must do.
fn strong(kind: Kind, looks: &Looks, name: f64) -> Option<(f64, String)> {
    match looks.share(kind) {
        // A public code may be a resident number with luck, never the other way round.
        Some(_)
            if kind != Kind::ResidentId
                && looks.share(Kind::ResidentId).is_some_and(|share| share >= 0.8) =>
        {
            None
        }
        Some(share) if share >= 0.8 => Some((0.8 * share + 0.15 * name, counted(kind, looks))),
        Some(_) => None,
        None => Some((0.9 * name, String::new())),
    }
}

/// Of a kind without one: values that do not fit speak against it, values that fit a little for it.
fn weak(kind: Kind, looks: &Looks, name: f64) -> Option<(f64, String)> {
    let by_itself = matches!(kind, Kind::Name | Kind::Address);
    match looks.share(kind) {
        None => Some((name, String::new())),
        Some(_) if looks.truths > 0 => None,
        // Names and addresses have more forms than are known here.
        Some(share) if by_itself && share >= 0.8 => {
            Some(((0.55 * share + 0.4 * name).max(name) + 0.03, counted(kind, looks)))
        }
        Some(_) if by_itself && looks.numbers == 0 => Some((name, String::new())),
        Some(share) if share >= 0.8 => Some((name + 0.03, counted(kind, looks))),
        Some(_) => None,
    }
}

fn counted(kind: Kind, looks: &Looks) -> String {
    format!("{} of {} values are {kind}", looks.hits(kind), looks.values)
}

/// The label that a lone name is called like, where that is clear.
pub(super) fn by_name<'c>(name: &str, catalogue: &'c Catalogue) -> Option<&'c Arc<Label>> {
    let like =
        |id: &Arc<str>| called_like(name, catalogue.label_names.get(id).map_or(&[][..], Vec::as_slice));
    let all = catalogue.labels.iter().map(|(id, label)| (like(id), label));
    all.filter(|(like, _)| *like >= 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, label)| label)
}

/// How much a field is called like one of these: 1 exactly, less where the name is longer.
fn called_like(field: &str, names: &[String]) -> f64 {
    let field = folded(field);
    let like = |name: &String| {
        let name = folded(name);
        let length = name.chars().count() as f64 / field.chars().count().max(1) as f64;
        if name.is_empty() || field.is_empty() {
            0.0
        } else if name == field {
            1.0
        } else if name.chars().count() < 3 && name.is_ascii() {
            // `id` and `no` end half of all names.
            0.0
        } else if field.ends_with(&name) {
            0.6 + 0.3 * length
        } else if field.starts_with(&name) {
            0.4 + 0.3 * length
        } else {
            0.0
        }
    };
    names.iter().map(like).fold(0.0, f64::max)
}

/// Lower case, without what joins words.
fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | '.' | ' ')).flat_map(char::to_lowercase).collect()
}
