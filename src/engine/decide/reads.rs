//! What the policies that can apply to a question read of it: the key of a remembered decision.
//!
//! Each policy's conditions are walked in Cedar's JSON form. Reads of the context are noted member
//! by member; of the principal, whether more than its type, attributes and parents matter, that is,
//! its identity. Anything the walk does not recognise counts as reading everything, so a mistake
//! here costs memory and never exactness; a property test compares with fresh evaluation.

use super::Question;
use super::names::{EntityKind, Names, Vocabulary};
use crate::closed_enum;
use cedar_policy::{EntityTypeName, Policy, PrincipalConstraint};
use serde_json::Value;

closed_enum! {
    /// A member of the context, by its path.
    pub enum ContextPath {
        Purpose = "purpose",
        LegalBasis = "legalBasis",
        Matter = "matter",
        MatterId = "matter.id",
        MatterType = "matter.type",
        MatterOpen = "matter.open",
        MatterSubject = "matter.subjectInMatter",
        MatterAssigned = "matter.officerAssigned",
        MatterGuardian = "matter.guardianPresent",
        Subject = "subject",
        SubjectType = "subject.type",
        SubjectAge = "subject.ageBand",
        SubjectProtected = "subject.protected",
        Grant = "grant",
        GrantValid = "grant.valid",
        GrantQuota = "grant.quotaLeft",
        NetworkZone = "network.zone",
        NetworkKnown = "network.known",
        NetworkAddress = "network.address",
        Workday = "time.workday",
        Hour = "time.hour",
        Risk = "risk",
        Tier = "tier",
        BreakGlass = "breakGlass",
        StepUpFresh = "stepUpFresh",
        RecordsRequested = "recordsRequested",
        Method = "authentication.method",
        Weak = "authentication.weak",
        Bound = "authentication.bound",
        Application = "application",
        Interface = "interface",
        Use = "use",
        UseAs = "use.as",
        UseMode = "use.mode",
    }
}

/// A set of context members, and whether the principal's identity is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reads {
    paths: u64,
    pub identity: bool,
}

impl Reads {
    /// Everything a question holds.
    pub const ALL: Reads = Reads { paths: u64::MAX, identity: true };

    /// What one policy reads.
    pub fn of(policy: &Policy, vocabulary: &Vocabulary) -> Self {
        let mut walk = Walk { reads: Reads::default(), vocabulary };
        walk.scope(policy);
        let Ok(json) = policy.to_json() else { return Reads::ALL };
        for condition in json.get("conditions").and_then(Value::as_array).into_iter().flatten() {
            match condition.get("body") {
                Some(body) => walk.expression(body),
                None => return Reads::ALL,
            }
        }
        walk.reads
    }

    /// What both read.
    pub fn and(self, other: Reads) -> Reads {
        Reads { paths: self.paths | other.paths, identity: self.identity || other.identity }
    }

    /// Whether this member is read.
    pub fn reads(self, path: ContextPath) -> bool {
        self.paths & bit(path) != 0
    }

    fn note(&mut self, path: ContextPath) {
        self.paths |= bit(path);
    }
}

const fn bit(path: ContextPath) -> u64 {
    1 << path as u64
}

struct Walk<'a> {
    reads: Reads,
    vocabulary: &'a Vocabulary,
}

impl Walk<'_> {
    fn scope(&mut self, policy: &Policy) {
        match policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => {}
            PrincipalConstraint::Eq(_) => self.reads.identity = true,
            PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => {
                self.reads.identity |= self.can_ask(uid.type_name());
            }
        }
    }

    /// Whether entities of this type can be principals, so that `in` may ask who it is.
    fn can_ask(&self, name: &EntityTypeName) -> bool {
        match self.vocabulary.kind(name) {
            Some(EntityKind::Application | EntityKind::Officer) | None => true,
            Some(
                EntityKind::Department
                | EntityKind::Post
                | EntityKind::Purpose
                | EntityKind::MatterType
                | EntityKind::Dataset
                | EntityKind::Label
                | EntityKind::FieldGroup,
            ) => false,
        }
    }

    /// An expression is an object with one member: its operator.
    fn expression(&mut self, expression: &Value) {
        let Some((operator, operands)) = expression.as_object().and_then(|object| object.iter().next())
        else {
            self.reads = Reads::ALL;
            return;
        };
        match operator.as_str() {
            "Value" => {}
            "Var" => self.whole(operands),
            "." | "has" => self.attribute(operator == "has", operands),
            "in" | "is" => self.relation(operands),
            "Record" => {
                operands.as_object().into_iter().flatten().for_each(|(_, value)| self.expression(value))
            }
            _ => self.operands(operands),
        }
    }

    fn operands(&mut self, operands: &Value) {
        match operands {
            Value::Array(list) => list.iter().for_each(|operand| self.expression(operand)),
            Value::Object(named) => named.values().filter(|o| o.is_object()).for_each(|o| self.expression(o)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => self.reads = Reads::ALL,
        }
    }

    /// A variable used as a value. The resource and the action are in every key.
    fn whole(&mut self, variable: &Value) {
        match variable.as_str() {
            Some("resource" | "action") => {}
            Some("principal") => self.reads.identity = true,
            _ => self.reads = Reads::ALL,
        }
    }

    /// `left.attr` or `left has attr`. The principal's attributes are in every key.
    fn attribute(&mut self, is_test: bool, operands: &Value) {
        let Some((variable, path)) = chain(operands) else {
            match operands.get("left") {
                Some(left) => self.expression(left),
                None => self.reads = Reads::ALL,
            }
            return;
        };
        match variable {
            "principal" | "resource" => {}
            "context" => self.context(is_test, &path),
            _ => self.reads = Reads::ALL,
        }
    }

    fn context(&mut self, is_test: bool, path: &[&str]) {
        let (first, second) = (path.first().copied().unwrap_or_default(), path.get(1));
        if let Some(path) = ContextPath::parse(first) {
            self.reads.note(path);
        }
        let mut found = false;
        let prefix = format!("{first}.");
        for path in ContextPath::ALL {
            let Some(member) = path.code().strip_prefix(&prefix) else { continue };
            // The whole record is read where the path stops at it, unless only its presence is tested.
            if second.map_or(!is_test, |second| *second == member) {
                self.reads.note(*path);
                found = true;
            }
        }
        if !found && ContextPath::parse(first).is_none() && !is_test {
            self.reads = Reads::ALL;
        }
    }

    /// `left in right`, `left is type` or `left is type in right`.
    fn relation(&mut self, operands: &Value) {
        let left = operands.get("left").unwrap_or(&Value::Null);
        let right = operands.get("right").or_else(|| operands.get("in"));
        if left.get("Var").and_then(Value::as_str) != Some("principal") {
            self.expression(left);
        } else if right.is_some_and(|right| !self.names_no_principal(right)) {
            self.reads.identity = true;
        }
        if let Some(right) = right {
            self.expression(right);
        }
    }

    /// Whether this can only be departments and the like: a literal, a set of them, or an attribute
    /// of the resource (the schema gives it none that could be a principal).
    fn names_no_principal(&self, right: &Value) -> bool {
        if let Some(list) = right.get("Set").and_then(Value::as_array) {
            return list.iter().all(|element| self.names_no_principal(element));
        }
        if let Some(name) = right.pointer("/Value/__entity/type").and_then(Value::as_str) {
            return name.parse().is_ok_and(|name| !self.can_ask(&name));
        }
        right.get(".").and_then(chain).is_some_and(|(variable, _)| variable == "resource")
    }
}

/// Variable and attributes of `variable.a.b`, given the operands of the outermost access.
fn chain(operands: &Value) -> Option<(&str, Vec<&str>)> {
    let left = operands.get("left")?;
    let (variable, mut path) = match left.get(".") {
        Some(nested) => chain(nested)?,
        None => (left.get("Var")?.as_str()?, Vec::new()),
    };
    match operands.get("attr")? {
        Value::String(attr) => path.push(attr),
        Value::Array(attrs) => path.extend(attrs.iter().filter_map(Value::as_str)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    }
    Some((variable, path))
}

/// Writes what a question's policies read into a key. Every value is self-delimiting and every
/// absent one has its own mark, so equal keys mean equal facts.
pub(super) fn write_key(reads: Reads, names: &Names, q: &Question<'_>, key: &mut Vec<u8>) {
    write_principal(reads.identity, q, key);
    for path in ContextPath::ALL.iter().filter(|path| reads.reads(**path)) {
        write_member(*path, names, q, key);
    }
}

fn write_principal(identity: bool, q: &Question<'_>, key: &mut Vec<u8>) {
    let principal = q.principal;
    text(Some(principal.department()), key);
    match &principal.officer {
        Some(officer) => {
            text(Some(&officer.post), key);
            text(officer.region.as_deref(), key);
            text(identity.then_some(&*officer.id), key);
        }
        None => {
            key.extend([
                NO_OFFICER,
                principal.is_weak().into(),
                principal.application.speaks_for_others.into(),
            ]);
            text(identity.then_some(&*principal.application.id), key);
        }
    }
}

const ABSENT: u8 = 0xFE;
const NO_OFFICER: u8 = 0xFD;
const UNREGISTERED: u8 = 0xFD;

/// Length, then bytes; lengths from 0xFC on take four bytes after a mark.
fn text(value: Option<&str>, key: &mut Vec<u8>) {
    let Some(value) = value else { return key.push(ABSENT) };
    match u8::try_from(value.len()) {
        Ok(short) if short < 0xFC => key.push(short),
        Ok(_) | Err(_) => {
            key.push(0xFC);
            key.extend((value.len() as u64).to_le_bytes());
        }
    }
    key.extend(value.as_bytes());
}

fn write_member(path: ContextPath, names: &Names, q: &Question<'_>, key: &mut Vec<u8>) {
    let (facts, statement) = (q.facts, &q.principal.statement);
    let matter = statement.matter.as_deref();
    let flag = |value: Option<bool>| value.map_or(ABSENT, u8::from);
    match path {
        ContextPath::Purpose => write_purpose(statement.purpose.as_deref(), names, key),
        ContextPath::LegalBasis => key.push(statement.legal_basis.map_or(ABSENT, |basis| basis as u8)),
        ContextPath::Matter => key.push(u8::from(matter.is_some())),
        ContextPath::MatterId => text(matter.map(|matter| &*matter.id), key),
        ContextPath::MatterType => text(matter.map(|matter| &*matter.matter_type), key),
        ContextPath::MatterOpen => key.push(flag(matter.map(|matter| matter.open))),
        ContextPath::MatterSubject => key.push(flag(matter.map(|_| facts.subject_in_matter))),
        ContextPath::MatterAssigned => key.push(flag(matter.map(|_| facts.officer_assigned))),
        ContextPath::MatterGuardian => key.push(flag(matter.map(|matter| matter.has_guardian()))),
        ContextPath::Subject => key.push(u8::from(facts.subject.is_some())),
        ContextPath::SubjectType => key.push(facts.subject.map_or(ABSENT, |s| s.subject_type as u8)),
        ContextPath::SubjectAge => key.push(facts.subject.map_or(ABSENT, |s| s.age_band as u8)),
        ContextPath::SubjectProtected => key.push(flag(facts.subject.map(|s| s.protected))),
        ContextPath::Grant => key.push(u8::from(facts.grant.is_some())),
        ContextPath::GrantValid => key.push(flag(facts.grant.map(|grant| grant.valid))),
        ContextPath::GrantQuota => {
            key.push(u8::from(facts.grant.is_some()));
            key.extend(facts.grant.map_or(0, |grant| grant.quota_left).to_le_bytes());
        }
        ContextPath::NetworkZone | ContextPath::NetworkKnown => key.push(facts.network.known.into()),
        ContextPath::NetworkAddress => match facts.network.address {
            std::net::IpAddr::V4(address) => {
                key.push(4);
                key.extend(address.octets());
            }
            std::net::IpAddr::V6(address) => {
                key.push(6);
                key.extend(address.octets());
            }
        },
        ContextPath::Workday => key.push(facts.clock.workday.into()),
        ContextPath::Hour => key.push(facts.clock.hour),
        ContextPath::Risk => key.extend(facts.risk.to_le_bytes()),
        ContextPath::Tier => key.push(facts.tier.number()),
        ContextPath::BreakGlass => key.push(statement.break_glass.is_some().into()),
        ContextPath::StepUpFresh => key.push(facts.step_up_fresh.into()),
        ContextPath::RecordsRequested => key.extend(facts.records_requested.to_le_bytes()),
        ContextPath::Method => key.push(q.principal.method as u8),
        ContextPath::Weak => key.push(q.principal.is_weak().into()),
        ContextPath::Bound => key.push(q.principal.bound.into()),
        ContextPath::Application => write_application(q, key),
        ContextPath::Interface => key.push(facts.interface as u8),
        // The uses themselves are in every key; the mode follows from what the policies read.
        ContextPath::Use | ContextPath::UseAs | ContextPath::UseMode => {}
    }
}

/// Purposes nobody registered are one to every policy, since none may name them; as they may come
/// from a header, they must not fill the memo.
fn write_purpose(purpose: Option<&str>, names: &Names, key: &mut Vec<u8>) {
    match purpose {
        Some(purpose) if !names.knows(EntityKind::Purpose, purpose) => key.push(UNREGISTERED),
        Some(_) | None => text(purpose, key),
    }
}

fn write_application(q: &Question<'_>, key: &mut Vec<u8>) {
    let application = &q.principal.application;
    text(Some(&application.id), key);
    text(Some(&application.department), key);
    key.extend([u8::from(application.speaks_for_others), u8::from(q.principal.is_weak())]);
}
