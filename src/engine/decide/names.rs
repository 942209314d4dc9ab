//! The names policies may use: entity types, actions, and the entities a catalogue knows.

use crate::closed_enum;
use crate::engine::terms::{DisclosureMode, Interface};
use cedar_policy::{EntityId, EntityTypeName, EntityUid, ParseErrors};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

closed_enum! {
    /// Entity types of `schema.cedarschema`, namespace `Gov`.
    pub enum EntityKind {
        Department = "Department",
        Application = "Application",
        Officer = "Officer",
        Post = "Post",
        Purpose = "Purpose",
        MatterType = "MatterType",
        Dataset = "Dataset",
        Label = "Label",
        FieldGroup = "FieldGroup",
    }
}

/// What the catalogue knows by name, so that a policy naming anything else is refused.
///
/// ```
/// use zhamen::engine::decide::{EntityKind, Names};
/// let names = Names::default().know(EntityKind::Dataset, ["marriage"]).purpose("open-data", &[]);
/// assert!(names.knows(EntityKind::Dataset, "marriage") && !names.knows(EntityKind::Dataset, "mariage"));
/// assert!(names.knows(EntityKind::Officer, "S-1001"), "kinds nobody listed are not checked");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Names {
    known: BTreeMap<EntityKind, BTreeSet<Arc<str>>>,
    purposes: BTreeMap<Arc<str>, Vec<Arc<str>>>,
}

impl Names {
    /// Lists every entity of a kind; a kind that is never listed is not checked.
    pub fn know<N: Into<Arc<str>>>(mut self, kind: EntityKind, ids: impl IntoIterator<Item = N>) -> Self {
        self.known.entry(kind).or_default().extend(ids.into_iter().map(Into::into));
        self
    }

    /// Adds a purpose of `purposes.yaml` with its wider purposes. Purposes are always checked.
    pub fn purpose(mut self, id: &str, parents: &[&str]) -> Self {
        self.purposes.insert(id.into(), parents.iter().map(|parent| Arc::from(*parent)).collect());
        self
    }

    /// Whether a policy may name this entity.
    pub fn knows(&self, kind: EntityKind, id: &str) -> bool {
        match kind {
            EntityKind::Purpose => self.purposes.contains_key(id),
            EntityKind::FieldGroup => id.split_once('/').is_some_and(|(dataset, label)| {
                self.knows(EntityKind::Dataset, dataset) && self.knows(EntityKind::Label, label)
            }),
            EntityKind::Department
            | EntityKind::Application
            | EntityKind::Officer
            | EntityKind::Post
            | EntityKind::MatterType
            | EntityKind::Dataset
            | EntityKind::Label => self.known.get(&kind).is_none_or(|ids| ids.contains(id)),
        }
    }

    /// Names that could have been meant, for the help line of a fault.
    pub(super) fn nearest(&self, kind: EntityKind, id: &str) -> Option<&str> {
        let common = |name: &str| name.chars().zip(id.chars()).take_while(|(a, b)| a == b).count();
        let purposes = self.purposes.keys().filter(|_| kind == EntityKind::Purpose);
        let candidates = purposes.chain(self.known.get(&kind).into_iter().flatten());
        candidates.map(|name| &**name).filter(|name| common(name) >= 3).max_by_key(|name| common(name))
    }

    /// Direct parents of a purpose; none for a purpose nobody registered.
    pub(super) fn parents(&self, purpose: &str) -> &[Arc<str>] {
        self.purposes.get(purpose).map_or(&[], Vec::as_slice)
    }

    /// A purpose with all its ancestors, itself first.
    pub(super) fn purpose_line(&self, purpose: &Arc<str>) -> Vec<Arc<str>> {
        let mut line = vec![purpose.clone()];
        let mut next = 0;
        while let Some(current) = line.get(next).cloned() {
            for parent in self.parents(&current) {
                if !line.contains(parent) {
                    line.push(parent.clone());
                }
            }
            next += 1;
        }
        line
    }

    /// Purposes whose hierarchy names an unknown parent or returns to itself, with what is wrong.
    pub(super) fn purpose_flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        for (purpose, parents) in &self.purposes {
            for parent in parents {
                if !self.purposes.contains_key(parent) {
                    flaws.push(format!("purpose `{purpose}` has the unknown parent `{parent}`"));
                } else if self.purpose_line(parent).contains(purpose) {
                    flaws.push(format!("purpose `{purpose}` is its own ancestor"));
                }
            }
        }
        flaws
    }
}

/// Cedar's names of types and actions, parsed once.
#[derive(Clone, Debug)]
pub(super) struct Vocabulary {
    types: BTreeMap<EntityKind, EntityTypeName>,
    access: [EntityUid; 4],
    disclose: [EntityUid; 5],
    using: EntityUid,
}

impl Vocabulary {
    /// Parses the fixed names.
    pub fn new() -> Result<Self, Box<ParseErrors>> {
        let mut types = BTreeMap::new();
        for kind in EntityKind::ALL {
            types.insert(*kind, format!("Gov::{kind}").parse()?);
        }
        let action_type: EntityTypeName = "Gov::Action".parse()?;
        let action = |name| EntityUid::from_type_name_and_id(action_type.clone(), EntityId::new(name));
        Ok(Vocabulary {
            types,
            access: ["verify", "query", "batch", "file"].map(action),
            disclose: [
                "discloseVerify",
                "discloseToken",
                "disclosePartial",
                "discloseGeneralised",
                "discloseClear",
            ]
            .map(action),
            using: action("use"),
        })
    }

    /// Cedar's name of a type.
    #[expect(clippy::indexing_slicing, reason = "`new` inserted every kind of EntityKind::ALL")]
    pub fn type_name(&self, kind: EntityKind) -> &EntityTypeName {
        &self.types[&kind]
    }

    /// The kind behind a Cedar type, if it is one of ours.
    pub fn kind(&self, name: &EntityTypeName) -> Option<EntityKind> {
        self.types.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// The entity of a kind with this name.
    pub fn uid(&self, kind: EntityKind, id: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(self.type_name(kind).clone(), EntityId::new(id))
    }

    /// The action of an access question.
    pub fn access(&self, interface: Interface) -> &EntityUid {
        let [verify, query, batch, file] = &self.access;
        match interface {
            Interface::Verify => verify,
            Interface::Query => query,
            Interface::Batch => batch,
            Interface::File => file,
        }
    }

    /// The action of a disclosure question; `NONE` needs no permission.
    pub fn disclose(&self, mode: DisclosureMode) -> Option<&EntityUid> {
        let [verify, token, partial, generalised, clear] = &self.disclose;
        match mode {
            DisclosureMode::None => None,
            DisclosureMode::Verify => Some(verify),
            DisclosureMode::Token => Some(token),
            DisclosureMode::Partial => Some(partial),
            DisclosureMode::Generalised => Some(generalised),
            DisclosureMode::Clear => Some(clear),
        }
    }

    /// The action of a question about a use.
    pub fn using(&self) -> &EntityUid {
        &self.using
    }

    /// Every action a question can name.
    pub fn actions(&self) -> impl Iterator<Item = &EntityUid> {
        self.access.iter().chain(&self.disclose).chain([&self.using])
    }
}
