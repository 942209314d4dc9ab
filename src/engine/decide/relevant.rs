//! What the policies that can apply to a question name and read, for those who go through questions by
//! the thousand: whatever they neither name nor read cannot change an answer.

use super::names::EntityKind;
use super::reads::{ContextPath, Reads};
use super::{Core, Policies, Question};
use crate::engine::terms::DisclosureMode;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What can matter to the questions of one principal about one dataset over one interface.
#[derive(Clone, Debug)]
pub struct Relevant {
    reads: Reads,
    named: BTreeSet<(EntityKind, Arc<str>)>,
    /// Some permit of access can apply.
    pub is_permissible: bool,
}

impl Relevant {
    /// Whether a member of the context is read.
    pub fn reads(&self, path: ContextPath) -> bool {
        self.reads.reads(path)
    }

    /// Whether an entity is named.
    pub fn names(&self, kind: EntityKind, id: &str) -> bool {
        self.named.iter().any(|(known, named)| *known == kind && **named == *id)
    }

    /// The entities of a kind that are named.
    pub fn named(&self, kind: EntityKind) -> impl Iterator<Item = &Arc<str>> {
        self.named.iter().filter(move |(known, _)| *known == kind).map(|(_, id)| id)
    }
}

impl Policies {
    /// What can matter to this question, whatever its purpose, matter and circumstances are.
    pub fn relevant(&self, q: &Question<'_>) -> Relevant {
        let core: &Core = &self.core;
        let Ok(slice) = core.slice(q) else {
            return Relevant { reads: Reads::ALL, named: BTreeSet::new(), is_permissible: false };
        };
        let access = core.vocabulary.access(q.facts.interface);
        let of_access = core.index.applicable(&slice.principal, access, &slice.dataset);
        let is_permissible = core.rules_at(&of_access).any(|rule| !rule.note.forbid);
        let mut places = of_access;
        for action in DisclosureMode::ALL.iter().filter_map(|mode| core.vocabulary.disclose(*mode)) {
            for group in &slice.groups {
                places.extend(core.index.applicable(&slice.principal, action, group));
            }
        }
        places.sort_unstable();
        places.dedup();
        let reads = core.rules_at(&places).fold(Reads::default(), |all, rule| all.and(rule.reads));
        let literals = core.rules_at(&places).flat_map(|rule| rule.policy.entity_literals());
        let named = literals.filter_map(|uid| {
            let kind = core.vocabulary.kind(uid.type_name())?;
            Some((kind, Arc::from(uid.id().unescaped())))
        });
        Relevant { reads, named: named.collect(), is_permissible }
    }
}
