//! Which policies can apply to a question, found by their scopes instead of by trying each.
//!
//! A policy's scope names at most one entity or type for principal and resource and some actions.
//! It is filed under exactly those; a question looks under itself, its type, its ancestors and
//! "any". What is found is every policy whose scope can hold, so that Cedar's answer over it is the
//! answer over the whole set: a policy outside has a false scope and can neither decide nor err.

use super::names::Vocabulary;
use super::question::Node;
use cedar_policy::{
    ActionConstraint, EntityTypeName, EntityUid, Policy, PrincipalConstraint, ResourceConstraint, Schema,
};
use std::collections::HashMap;

/// What one side of a scope names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::engine) enum ScopeKey {
    Any,
    Type(EntityTypeName),
    /// `==` and `in` alike: an entity is found among a question's own keys and its ancestors.
    Entity(EntityUid),
}

type ByResource = HashMap<ScopeKey, Vec<u32>>;

/// Policies by action, principal key and resource key; numbers are places in the policy list.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    by_action: HashMap<EntityUid, HashMap<ScopeKey, ByResource>>,
}

impl Index {
    /// Files every policy. Actions in groups are filed under each member a question can name.
    pub fn new<'p>(
        policies: impl Iterator<Item = &'p Policy>,
        vocabulary: &Vocabulary,
        schema: &Schema,
    ) -> Self {
        let groups: HashMap<&EntityUid, Vec<EntityUid>> =
            vocabulary.actions().map(|action| (action, groups_of(schema, action))).collect();
        let mut index = Index::default();
        for (place, policy) in (0u32..).zip(policies) {
            let constraint = policy.action_constraint();
            for (action, groups) in groups.iter().filter(|(action, in_)| admits(&constraint, action, in_)) {
                debug_assert!(!groups.contains(action));
                let principals = index.by_action.entry((*action).clone()).or_default();
                let resources = principals.entry(principal_key(policy)).or_default();
                resources.entry(resource_key(policy)).or_default().push(place);
            }
        }
        index
    }

    /// The policies that can apply, in ascending order.
    pub fn applicable(&self, principal: &Node, action: &EntityUid, resource: &Node) -> Vec<u32> {
        let Some(by_principal) = self.by_action.get(action) else { return Vec::new() };
        let by_resource = principal.keys.iter().filter_map(|key| by_principal.get(key));
        let mut found: Vec<u32> = by_resource
            .flat_map(|by_resource| resource.keys.iter().filter_map(|key| by_resource.get(key)))
            .flatten()
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The policies that can apply to this action and resource for some principal.
    pub fn applicable_to_any(&self, action: &EntityUid, resource: &Node) -> Vec<u32> {
        let by_principal = self.by_action.get(action).into_iter().flat_map(HashMap::values);
        let mut found: Vec<u32> = by_principal
            .flat_map(|by_resource| resource.keys.iter().filter_map(|key| by_resource.get(key)))
            .flatten()
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The groups an action is a member of, directly or not.
fn groups_of(schema: &Schema, action: &EntityUid) -> Vec<EntityUid> {
    let entities = schema.action_entities().ok();
    let ancestors = entities.as_ref().and_then(|entities| entities.ancestors(action));
    ancestors.into_iter().flatten().cloned().collect()
}

fn admits(constraint: &ActionConstraint, action: &EntityUid, groups: &[EntityUid]) -> bool {
    match constraint {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(named) => named == action,
        ActionConstraint::In(named) => named.iter().any(|name| name == action || groups.contains(name)),
    }
}

fn principal_key(policy: &Policy) -> ScopeKey {
    match policy.principal_constraint() {
        PrincipalConstraint::Any => ScopeKey::Any,
        PrincipalConstraint::Is(kind) => ScopeKey::Type(kind),
        PrincipalConstraint::In(uid) | PrincipalConstraint::Eq(uid) | PrincipalConstraint::IsIn(_, uid) => {
            ScopeKey::Entity(uid)
        }
    }
}

fn resource_key(policy: &Policy) -> ScopeKey {
    match policy.resource_constraint() {
        ResourceConstraint::Any => ScopeKey::Any,
        ResourceConstraint::Is(kind) => ScopeKey::Type(kind),
        ResourceConstraint::In(uid) | ResourceConstraint::Eq(uid) | ResourceConstraint::IsIn(_, uid) => {
            ScopeKey::Entity(uid)
        }
    }
}
