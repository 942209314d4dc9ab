//! One question as Cedar sees it: the entities it touches, its context, and its scope keys.
//!
//! Only what the schema lets a policy reach from principal, resource and context is built. Strict
//! validation with a bounded depth of attribute reads (see `load`) makes that sufficient.

use super::Question;
use super::index::ScopeKey;
use super::names::{EntityKind, Names, Vocabulary};
use crate::engine::dataset::{Dataset, Label};
use crate::engine::principal::{Matter, Principal};
use crate::engine::terms::DisclosureMode;
use crate::engine::uses::UseAs;
use cedar_policy::{Context, Entities, Entity, EntityUid, RestrictedExpression, Schema};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Everything that does not depend on the action asked.
pub(in crate::engine) struct Slice {
    pub entities: Entities,
    pub context: Context,
    pub principal: Node,
    /// The dataset, resource of the access question.
    pub dataset: Node,
    /// One field group per label of the dataset, in its order.
    pub groups: Vec<Node>,
}

impl Slice {
    /// The context of a question about a use: what every question holds, and the use. None if that
    /// cannot be put together.
    pub fn context_of_use(&self, how: UseAs, mode: DisclosureMode) -> Option<Context> {
        let of_use = members([("as", string(how.code())), ("mode", string(mode.code()))]).ok()?;
        self.context.clone().merge([("use".to_owned(), of_use)]).ok()
    }
}

/// An entity with the keys under which policies' scopes may name it.
pub(in crate::engine) struct Node {
    pub uid: EntityUid,
    pub keys: Vec<ScopeKey>,
}

impl Node {
    fn new(vocabulary: &Vocabulary, kind: EntityKind, uid: EntityUid, ancestors: &[&EntityUid]) -> Self {
        let mut keys = vec![
            ScopeKey::Any,
            ScopeKey::Type(vocabulary.type_name(kind).clone()),
            ScopeKey::Entity(uid.clone()),
        ];
        keys.extend(ancestors.iter().map(|ancestor| ScopeKey::Entity((*ancestor).clone())));
        Node { uid, keys }
    }
}

/// A question could not be put to Cedar at all; the answer is then no.
#[derive(Debug)]
pub(super) struct Unaskable(pub String);

impl<E: std::error::Error> From<E> for Unaskable {
    fn from(error: E) -> Self {
        Unaskable(error.to_string())
    }
}

type Attributes = HashMap<String, RestrictedExpression>;

/// Builds the entity slice and the context of one question. With a schema, both are checked
/// against it, which the loader does once so that requests need not.
pub(super) fn slice(
    vocabulary: &Vocabulary,
    names: &Names,
    actions: &[Entity],
    q: &Question<'_>,
    schema: Option<&Schema>,
) -> Result<Slice, Unaskable> {
    let mut built = Builder { vocabulary, entities: HashMap::new() };
    let application = built.application(q.principal)?;
    let principal = built.principal(q.principal)?;
    let dataset = built.dataset(q.dataset)?;
    let mut groups = Vec::with_capacity(q.dataset.labels.len());
    for label in &q.dataset.labels {
        groups.push(built.group(q.dataset, label)?);
    }
    if let Some(purpose) = &q.principal.statement.purpose {
        built.purposes(names, purpose);
    }
    // Given a schema, Cedar adds the actions itself and refuses differing ones.
    let actions = if schema.is_some() { &[] } else { actions };
    let entities = built.entities.into_values().chain(actions.iter().cloned());
    Ok(Slice {
        entities: Entities::from_entities(entities, schema)?,
        context: context(vocabulary, q, application)?,
        principal,
        dataset,
        groups,
    })
}

struct Builder<'a> {
    vocabulary: &'a Vocabulary,
    /// By identity: the principal may be the application of the context.
    entities: HashMap<EntityUid, Entity>,
}

impl Builder<'_> {
    fn add(&mut self, uid: &EntityUid, attrs: Attributes, parents: &[&EntityUid]) -> Result<(), Unaskable> {
        let parents: HashSet<EntityUid> = parents.iter().map(|parent| (*parent).clone()).collect();
        self.entities.insert(uid.clone(), Entity::new(uid.clone(), attrs, parents)?);
        Ok(())
    }

    fn application(&mut self, principal: &Principal) -> Result<EntityUid, Unaskable> {
        let application = &principal.application;
        let uid = self.vocabulary.uid(EntityKind::Application, &application.id);
        let department = self.vocabulary.uid(EntityKind::Department, &application.department);
        let attributes = record([
            ("department", entity(&department)),
            ("speaksForOthers", boolean(application.speaks_for_others)),
            ("weak", boolean(principal.is_weak())),
        ]);
        self.add(&uid, attributes, &[&department])?;
        Ok(uid)
    }

    fn principal(&mut self, principal: &Principal) -> Result<Node, Unaskable> {
        let vocabulary = self.vocabulary;
        let department = vocabulary.uid(EntityKind::Department, principal.department());
        let Some(officer) = &principal.officer else {
            let uid = vocabulary.uid(EntityKind::Application, &principal.application.id);
            return Ok(Node::new(vocabulary, EntityKind::Application, uid, &[&department]));
        };
        let uid = vocabulary.uid(EntityKind::Officer, &officer.id);
        let post = vocabulary.uid(EntityKind::Post, &officer.post);
        let mut attributes = record([("department", entity(&department))]);
        if let Some(region) = &officer.region {
            attributes.insert("region".to_owned(), string(region));
        }
        self.add(&uid, attributes, &[&department, &post])?;
        Ok(Node::new(vocabulary, EntityKind::Officer, uid, &[&department, &post]))
    }

    fn dataset(&mut self, dataset: &Dataset) -> Result<Node, Unaskable> {
        let uid = self.vocabulary.uid(EntityKind::Dataset, &dataset.id);
        let department = self.vocabulary.uid(EntityKind::Department, &dataset.department);
        let attributes = record([
            ("department", entity(&department)),
            ("level", long(dataset.level.number())),
            ("sharing", string(dataset.sharing.code())),
            ("grade", string(dataset.grade.code())),
            ("personal", boolean(dataset.personal)),
        ]);
        self.add(&uid, attributes, &[&department])?;
        Ok(Node::new(self.vocabulary, EntityKind::Dataset, uid, &[&department]))
    }

    fn group(&mut self, dataset: &Dataset, label: &Label) -> Result<Node, Unaskable> {
        let vocabulary = self.vocabulary;
        let label_uid = vocabulary.uid(EntityKind::Label, &label.id);
        let dataset_uid = vocabulary.uid(EntityKind::Dataset, &dataset.id);
        let department = vocabulary.uid(EntityKind::Department, &dataset.department);
        let uid = vocabulary.uid(EntityKind::FieldGroup, &format!("{}/{}", dataset.id, label.id));
        let class =
            || record([("level", long(label.level.number())), ("category", string(label.category.code()))]);
        self.add(&label_uid, class(), &[])?;
        let mut attributes = class();
        attributes.insert("dataset".to_owned(), entity(&dataset_uid));
        self.add(&uid, attributes, &[&dataset_uid, &label_uid])?;
        let ancestors = [&dataset_uid, &label_uid, &department];
        Ok(Node::new(vocabulary, EntityKind::FieldGroup, uid, &ancestors))
    }

    fn purposes(&mut self, names: &Names, purpose: &Arc<str>) {
        for step in names.purpose_line(purpose) {
            let uid = self.vocabulary.uid(EntityKind::Purpose, &step);
            let parents = names.parents(&step).iter();
            let parents = parents.map(|parent| self.vocabulary.uid(EntityKind::Purpose, parent)).collect();
            self.entities.insert(uid.clone(), Entity::new_no_attrs(uid, parents));
        }
    }
}

/// The context of every question about this request.
fn context(vocabulary: &Vocabulary, q: &Question<'_>, application: EntityUid) -> Result<Context, Unaskable> {
    let (facts, statement) = (q.facts, &q.principal.statement);
    let network = &facts.network;
    let mut pairs = vec![
        (
            "network",
            members([
                ("zone", string(zone(network.known))),
                ("known", boolean(network.known)),
                ("address", RestrictedExpression::new_ip(network.address.to_string())),
            ])?,
        ),
        (
            "time",
            members([("workday", boolean(facts.clock.workday)), ("hour", long(facts.clock.hour.into()))])?,
        ),
        ("risk", long(facts.risk.into())),
        ("tier", long(facts.tier.number().into())),
        ("breakGlass", boolean(statement.break_glass.is_some())),
        ("stepUpFresh", boolean(facts.step_up_fresh)),
        ("recordsRequested", long(facts.records_requested.into())),
        (
            "authentication",
            members([
                ("method", string(q.principal.method.code())),
                ("weak", boolean(q.principal.is_weak())),
                ("bound", boolean(q.principal.bound)),
            ])?,
        ),
        ("application", entity(&application)),
        ("interface", string(facts.interface.code())),
    ];
    if let Some(purpose) = &statement.purpose {
        pairs.push(("purpose", entity(&vocabulary.uid(EntityKind::Purpose, purpose))));
    }
    if let Some(basis) = statement.legal_basis {
        pairs.push(("legalBasis", string(basis.code())));
    }
    if let Some(matter) = &statement.matter {
        pairs.push(("matter", matter_record(vocabulary, q, matter)?));
    }
    if let Some(subject) = facts.subject {
        let subject = [
            ("type", string(subject.subject_type.code())),
            ("ageBand", string(subject.age_band.code())),
            ("protected", boolean(subject.protected)),
        ];
        pairs.push(("subject", members(subject)?));
    }
    if let Some(grant) = facts.grant {
        let grant = [("valid", boolean(grant.valid)), ("quotaLeft", long(grant.quota_left))];
        pairs.push(("grant", members(grant)?));
    }
    Ok(Context::from_pairs(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)))?)
}

fn matter_record(
    vocabulary: &Vocabulary,
    q: &Question<'_>,
    matter: &Matter,
) -> Result<RestrictedExpression, Unaskable> {
    members([
        ("id", string(&matter.id)),
        ("type", entity(&vocabulary.uid(EntityKind::MatterType, &matter.matter_type))),
        ("open", boolean(matter.open)),
        ("subjectInMatter", boolean(q.facts.subject_in_matter)),
        ("officerAssigned", boolean(q.facts.officer_assigned)),
        ("guardianPresent", boolean(matter.has_guardian())),
    ])
}

/// The zone policies read: registered networks are the government's.
fn zone(known: bool) -> &'static str {
    if known { "government" } else { "unknown" }
}

fn record<const N: usize>(pairs: [(&str, RestrictedExpression); N]) -> Attributes {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn members<const N: usize>(
    pairs: [(&str, RestrictedExpression); N],
) -> Result<RestrictedExpression, Unaskable> {
    let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
    Ok(RestrictedExpression::new_record(pairs)?)
}

fn entity(uid: &EntityUid) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid.clone())
}

fn string(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn boolean(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}

fn long(value: i64) -> RestrictedExpression {
    RestrictedExpression::new_long(value)
}
