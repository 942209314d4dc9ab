//! From the texts of schema and policies to a set that may judge requests, or every fault in them.
//!
//! Refused: what does not parse or does not validate strictly, a policy without a unique `@id`, a
//! forbid without `@reason` and `@cite`, a permit for everybody and everything, templates, names the
//! catalogue does not know, a schema that asks for more than the gateway supplies. Cedar's warnings
//! (conditions that never hold, confusable characters) count as faults.

use super::fit;
use super::index::Index;
use super::names::{EntityKind, Names, Vocabulary};
use super::reads::Reads;
use super::{Core, PolicyNote, Rule};
use crate::engine::identifier::{Date, Kind, Verdict, check};
use crate::engine::reason::Reason;
use crate::fault::{Fault, Faults};
use cedar_policy::{
    ActionConstraint, Effect, Policy, PolicyId, PolicySet, PrincipalConstraint, ResourceConstraint, Schema,
    ValidationMode, Validator,
};
use miette::Diagnostic;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Largest policy file or schema, so that parsing stays short on the reload thread.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Most policies of a set: indexing and validation stay below about a second.
pub const POLICIES_MAX: usize = 10_000;
/// Deepest nesting of brackets: the walks over conditions recurse once per level.
const NESTING_MAX: usize = 64;
/// Most bytes of one policy: operators nest without brackets, some hundred per kilobyte.
const POLICY_BYTES_MAX: usize = 16 << 10;
/// How many attribute reads a policy may chain: `resource.dataset.department` is two. The entity
/// slice of a question holds everything within reach.
const DEREFERENCES_MAX: u32 = 3;

/// A file of the policies folder: its name for faults, and its text.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

/// One parsed policy and where it stands.
struct Written<'a> {
    source: Source<'a>,
    offset: usize,
    policy: Policy,
}

/// Reads the whole set.
pub(super) fn load(schema: Source<'_>, files: &[Source<'_>], names: Names) -> Result<Core, Faults> {
    let mut faults = Faults::default();
    for flaw in names.purpose_flaws() {
        faults.push(Fault::new("purposes.yaml", flaw));
    }
    let vocabulary = Vocabulary::new().map_err(|error| Fault::new(schema.name, error.to_string()))?;
    let parsed_schema = faults.absorb(parse_schema(schema, &vocabulary, &names));
    let mut written = Vec::new();
    for file in files {
        written.extend(faults.absorb(parse_file(*file)).into_iter().flatten());
    }
    if written.is_empty() && faults.0.is_empty() {
        faults
            .push(Fault::new("*.cedar", "no policy at all").help("an empty set would refuse every request"));
    }
    if written.len() > POLICIES_MAX {
        faults.push(Fault::new("*.cedar", format!("more than {POLICIES_MAX} policies")));
    }
    let (whole, notes) = name_all(&written, &mut faults);
    for policy in &written {
        check_names(policy, &vocabulary, &names, &mut faults);
    }
    let Some(parsed_schema) = parsed_schema else { return Err(faults) };
    validate(&parsed_schema, &whole, &written, &mut faults);
    faults.or(())?;
    Ok(assemble(parsed_schema, vocabulary, names, whole, notes))
}

fn assemble(
    schema: Schema,
    vocabulary: Vocabulary,
    names: Names,
    whole: PolicySet,
    mut notes: HashMap<PolicyId, PolicyNote>,
) -> Core {
    let mut rules: Vec<Rule> = whole
        .policies()
        .filter_map(|policy| {
            let note = notes.remove(policy.id())?;
            Some(Rule { reads: Reads::of(policy, &vocabulary), policy: policy.clone(), note })
        })
        .collect();
    rules.sort_by(|a, b| a.note.id.cmp(&b.note.id));
    let places = (0u32..).zip(&rules).map(|(place, rule)| (rule.policy.id().clone(), place)).collect();
    let index = Index::new(rules.iter().map(|rule| &rule.policy), &vocabulary, &schema);
    let actions = schema.action_entities().map(|all| all.iter().cloned().collect()).unwrap_or_default();
    Core { vocabulary, names, actions, rules, places, index, ended: HashSet::new() }
}

fn parse_schema(source: Source<'_>, vocabulary: &Vocabulary, names: &Names) -> Result<Schema, Faults> {
    check_size(source)?;
    let (schema, _) =
        Schema::from_cedarschema_str(source.text).map_err(|error| Faults(diagnose(source, &error)))?;
    match fit::check(&schema, vocabulary, names) {
        Ok(()) => Ok(schema),
        Err(misfit) => Err(Fault::new(source.name, format!("the gateway's facts do not fit: {misfit}"))
            .help("the schema may document what the gateway supplies, not ask for more or less")
            .into()),
    }
}

fn parse_file(source: Source<'_>) -> Result<Vec<Written<'_>>, Faults> {
    check_size(source)?;
    let set: PolicySet =
        source.text.parse().map_err(|error: cedar_policy::ParseErrors| Faults(diagnose(source, &error)))?;
    if let Some(template) = set.templates().next() {
        let offset = template.as_ref().loc().map_or(0, |loc| loc.span.offset());
        return Err(Fault::new(source.name, "templates are not used here")
            .at_offset(source.text, offset)
            .into());
    }
    let mut written: Vec<Written<'_>> = set
        .policies()
        .map(|policy| {
            let offset = policy.as_ref().loc().map_or(0, |loc| loc.span.offset());
            Written { source, offset, policy: policy.clone() }
        })
        .collect();
    written.sort_by_key(|policy| policy.offset);
    let ends = written.iter().skip(1).map(|policy| policy.offset).chain([source.text.len()]);
    let long = written.iter().zip(ends).find(|(policy, end)| end - policy.offset > POLICY_BYTES_MAX);
    match long {
        Some((policy, _)) => {
            Err(policy.fault(format!("a policy longer than {POLICY_BYTES_MAX} bytes")).into())
        }
        None => Ok(written),
    }
}

fn check_size(source: Source<'_>) -> Result<(), Faults> {
    if source.text.len() > FILE_BYTES_MAX {
        return Err(Fault::new(source.name, format!("longer than {FILE_BYTES_MAX} bytes")).into());
    }
    let mut depth = 0usize;
    for (offset, byte) in source.text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth > NESTING_MAX {
            let fault = Fault::new(source.name, format!("brackets nested deeper than {NESTING_MAX}"));
            return Err(fault.at_offset(source.text, offset).into());
        }
    }
    Ok(())
}

impl Written<'_> {
    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.source.name, message).at_offset(self.source.text, self.offset)
    }

    /// A fault at the first place after the policy's start where this text stands.
    fn fault_at(&self, text: &str, message: impl Into<String>) -> Fault {
        let rest = self.source.text.get(self.offset..).unwrap_or_default();
        let offset = self.offset + rest.find(text).unwrap_or(0);
        Fault::new(self.source.name, message).at_offset(self.source.text, offset)
    }

    fn forbids(&self) -> bool {
        self.policy.effect() == Effect::Forbid
    }

    /// What the annotations say, or what they lack.
    fn note(&self, id: &str, faults: &mut Faults) -> PolicyNote {
        let annotation = |key| self.policy.annotation(key).map(str::trim).filter(|text| !text.is_empty());
        let reason = annotation("reason").and_then(Reason::parse);
        let needs_reason = self.forbids() || annotation("reason").is_some();
        if needs_reason && reason.is_none() {
            let fault = self.fault_at("@reason", format!("policy `{id}` has no valid @reason"));
            faults.push(fault.help("one of the E-… codes, for example @reason(\"E-PURPOSE-MISMATCH\")"));
        }
        if self.forbids() && annotation("cite").is_none() {
            let fault = self.fault(format!("forbid `{id}` has no @cite"));
            faults.push(fault.help("name the article it rests on, for example @cite(\"个人信息保护法#6\")"));
        }
        if !self.forbids() && permits_all(&self.policy) && annotation("danger") != Some("allow-all") {
            let fault = self.fault(format!("permit `{id}` allows everybody everything"));
            faults.push(fault.help("narrow it, or say so with @danger(\"allow-all\")"));
        }
        PolicyNote {
            id: id.into(),
            file: self.source.name.into(),
            forbid: self.forbids(),
            reason,
            cite: annotation("cite").map(Arc::from),
            remedy: annotation("remedy").map(Arc::from),
            until: self.until(id, faults),
            grant: self.grant(id, faults),
        }
    }

    /// `@grant`, the approval that a permit carries out.
    fn grant(&self, id: &str, faults: &mut Faults) -> Option<Arc<str>> {
        let text = self.policy.annotation("grant")?.trim();
        if self.forbids() {
            faults.push(self.fault_at("@grant", format!("forbid `{id}` names a grant: only permits grant")));
        }
        if text.is_empty() {
            let fault = self.fault_at("@grant", format!("the @grant of `{id}` is empty"));
            faults.push(fault.help("the number of the approval, for example @grant(\"GX-2026-0117\")"));
        }
        Some(text.into())
    }

    /// `@until`, the last day of a permit.
    fn until(&self, id: &str, faults: &mut Faults) -> Option<Date> {
        let text = self.policy.annotation("until")?;
        if self.forbids() {
            faults.push(self.fault_at("@until", format!("forbid `{id}` has an end: only permits end")));
        }
        let day = day(text);
        if day.is_none() {
            let fault = self.fault_at("@until", format!("the @until of `{id}` is not a day"));
            faults.push(fault.help("its last day, for example @until(\"2027-12-31\")"));
        }
        day
    }
}

/// `YYYY-MM-DD` of a day that exists.
fn day(text: &str) -> Option<Date> {
    let digits: String = text.split('-').collect();
    let Verdict::Valid(_) = check(Kind::Date, &digits) else { return None };
    let [year, month, day] = text.split('-').collect::<Vec<_>>().try_into().ok()?;
    let full = year.len() == 4 && month.len() == 2 && day.len() == 2;
    Some((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)).filter(|_| full)
}

/// Gives every policy its own id and collects the set under these ids.
fn name_all(written: &[Written<'_>], faults: &mut Faults) -> (PolicySet, HashMap<PolicyId, PolicyNote>) {
    let mut whole = PolicySet::new();
    let mut notes: HashMap<PolicyId, PolicyNote> = HashMap::new();
    for policy in written {
        let id = policy.policy.annotation("id").unwrap_or_default();
        if !is_policy_id(id) {
            let fault = policy.fault("a policy without a usable @id");
            faults.push(fault.help("@id(\"…\") of 1 to 96 letters, digits, `-`, `_`, `.` or `/`"));
            continue;
        }
        let note = policy.note(id, faults);
        let id = PolicyId::new(id);
        if let Some(earlier) = notes.get(&id) {
            let message = format!("policy `{id}` exists already in {}", earlier.file);
            faults.push(policy.fault(message).help("ids name policies in records: choose another"));
            continue;
        }
        match whole.add(policy.policy.new_id(id.clone())) {
            Ok(()) => drop(notes.insert(id, note)),
            Err(error) => faults.push(policy.fault(error.to_string())),
        }
    }
    (whole, notes)
}

fn is_policy_id(id: &str) -> bool {
    (1..=96).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
}

/// No part of the scope names anybody or anything, and no condition narrows it.
fn permits_all(policy: &Policy) -> bool {
    let anybody =
        matches!(policy.principal_constraint(), PrincipalConstraint::Any | PrincipalConstraint::Is(_));
    let anything =
        matches!(policy.resource_constraint(), ResourceConstraint::Any | ResourceConstraint::Is(_));
    let conditions = policy.to_json().ok();
    let conditions = conditions.as_ref().and_then(|json| json.get("conditions")?.as_array());
    let holds_always = |condition: &serde_json::Value| {
        let wanted = condition.get("kind").and_then(|kind| kind.as_str()) == Some("when");
        condition.pointer("/body/Value").and_then(|value| value.as_bool()) == Some(wanted)
    };
    anybody && anything && conditions.is_none_or(|conditions| conditions.iter().all(holds_always))
}

/// Every entity a policy names must exist.
fn check_names(policy: &Written<'_>, vocabulary: &Vocabulary, names: &Names, faults: &mut Faults) {
    let actions: Vec<_> = match policy.policy.action_constraint() {
        ActionConstraint::Any => Vec::new(),
        ActionConstraint::Eq(action) => vec![action],
        ActionConstraint::In(actions) => actions,
    };
    let literals = policy.policy.entity_literals();
    for literal in literals.iter().filter(|literal| !actions.contains(literal)) {
        // Types outside the schema are named by strict validation.
        let Some(kind) = vocabulary.kind(literal.type_name()) else { continue };
        let id = literal.id().unescaped();
        if !names.knows(kind, id) {
            let text = format!("Gov::{kind}::\"{id}\"");
            let fault = policy.fault_at(&text, format!("there is no {} `{id}`", noun(kind)));
            faults.push(match names.nearest(kind, id) {
                Some(nearest) => fault.help(format!("did you mean `{nearest}`?")),
                None => fault,
            });
        }
    }
}

fn noun(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Department => "department",
        EntityKind::Application => "application",
        EntityKind::Officer => "officer",
        EntityKind::Post => "post",
        EntityKind::Purpose => "purpose",
        EntityKind::MatterType => "matter type",
        EntityKind::Dataset => "dataset",
        EntityKind::Label => "label",
        EntityKind::FieldGroup => "field group (`dataset/label`)",
    }
}

fn validate(schema: &Schema, whole: &PolicySet, written: &[Written<'_>], faults: &mut Faults) {
    let result =
        Validator::new(schema.clone()).validate_with_level(whole, ValidationMode::Strict, DEREFERENCES_MAX);
    let source_of = |id: &PolicyId| {
        let named = |policy: &&Written<'_>| policy.policy.annotation("id") == Some(id.as_ref());
        written.iter().find(named)
    };
    let mut report = |id: &PolicyId, diagnostic: &dyn Diagnostic| match source_of(id) {
        Some(policy) => faults.push(fault_of(policy.source, diagnostic, policy.offset)),
        None => faults.push(Fault::new("*.cedar", diagnostic.to_string())),
    };
    result.validation_errors().for_each(|error| report(error.policy_id(), error));
    result.validation_warnings().for_each(|warning| report(warning.policy_id(), warning));
    faults.0.sort_by_key(|fault| (fault.file.clone(), fault.place.as_ref().map(|place| place.line)));
}

/// All faults of a diagnostic: itself and the related ones.
fn diagnose(source: Source<'_>, diagnostic: &dyn Diagnostic) -> Vec<Fault> {
    let related = diagnostic.related().into_iter().flatten();
    let mut faults = vec![fault_of(source, diagnostic, 0)];
    faults.extend(related.map(|related| fault_of(source, related, 0)));
    faults
}

fn fault_of(source: Source<'_>, diagnostic: &dyn Diagnostic, fallback: usize) -> Fault {
    let mut label = diagnostic.labels().into_iter().flatten();
    let offset = label.next().map_or(fallback, |label| label.offset());
    let fault = Fault::new(source.name, diagnostic.to_string()).at_offset(source.text, offset);
    match diagnostic.help() {
        Some(help) => fault.help(help.to_string()),
        None => fault,
    }
}
