//! Judgements remembered by one worker thread.
//!
//! The key is the dataset, the interface, the uses of fields, and what the policies that can apply read of principal and
//! context, and nothing else; so a remembered judgement is the one a fresh evaluation would give.

use super::index::Index;
use super::question::Node;
use super::reads::{self, Reads};
use super::{Core, Judgement, Question, Remembered, Rule};
use crate::engine::dataset::{Dataset, Label};
use crate::engine::terms::{DisclosureMode, Interface};
use crate::engine::uses::Use;
use cedar_policy::{EntityUid, PolicySet};
use foldhash::HashMap;
use std::sync::Arc;

/// Most judgements one memo holds (about 1 KiB each); it starts afresh when full.
const JUDGEMENTS_MAX: usize = 4096;
/// Most datasets; a catalogue has fewer, this bounds reloads of one under the same policies.
const PLANS_MAX: usize = 4096;
/// Most policy subsets kept for evaluation.
const SETS_MAX: usize = 1024;

/// What one worker thread remembers of its judgements. Belongs to one set of policies at a time and
/// forgets everything when asked with another.
#[derive(Debug, Default)]
pub struct Memo {
    /// The set it belongs to; holding it keeps its address from being reused.
    core: Option<Arc<Core>>,
    plans: HashMap<Arc<str>, Plan>,
    /// Plans made so far: a replaced plan leaves its judgements unreachable.
    planned: u32,
    judgements: HashMap<Box<[u8]>, Remembered>,
    sets: SetCache,
    /// The key being built; kept for its memory.
    key: Vec<u8>,
    hits: u64,
    misses: u64,
}

/// What questions about one dataset read, and the dataset as it was when that was found out.
#[derive(Debug)]
struct Plan {
    number: u32,
    department: Arc<str>,
    class: [u8; 4],
    labels: Vec<Arc<Label>>,
    /// By interface.
    reads: [Reads; 4],
    /// Of questions about uses.
    uses: Reads,
}

impl Memo {
    /// Judgements answered from memory and by evaluation, since the thread started.
    pub fn counts(&self) -> (u64, u64) {
        (self.hits, self.misses)
    }

    pub(super) fn judge(&mut self, core: &Arc<Core>, q: &Question<'_>, uses: &[Use]) -> Judgement {
        if !self.core.as_ref().is_some_and(|mine| Arc::ptr_eq(mine, core)) {
            let (hits, misses) = self.counts();
            *self = Memo { core: Some(core.clone()), hits, misses, ..Memo::default() };
        }
        self.write_key(core, q, uses);
        if let Some(remembered) = self.judgements.get(self.key.as_slice()) {
            self.hits = self.hits.wrapping_add(1);
            return remembered.judgement();
        }
        self.misses = self.misses.wrapping_add(1);
        let fresh = core.evaluate(q, uses, &mut self.sets);
        let judgement = fresh.judgement();
        if self.judgements.len() >= JUDGEMENTS_MAX {
            self.judgements.clear();
        }
        self.judgements.insert(self.key.as_slice().into(), fresh);
        judgement
    }

    fn write_key(&mut self, core: &Core, q: &Question<'_>, uses: &[Use]) {
        if !self.plans.get(&q.dataset.id).is_some_and(|plan| plan.fits(q.dataset)) {
            if self.plans.len() >= PLANS_MAX {
                self.plans.clear();
            }
            self.planned = self.planned.wrapping_add(1);
            if self.planned == 0 {
                self.judgements.clear();
            }
            self.plans.insert(q.dataset.id.clone(), Plan::new(core, q, self.planned));
        }
        self.key.clear();
        if let Some(plan) = self.plans.get(&q.dataset.id) {
            self.key.extend(plan.number.to_le_bytes());
            self.key.push(q.facts.interface as u8);
            self.key.extend((uses.len() as u32).to_le_bytes());
            for used in uses {
                self.key.extend((used.label as u32).to_le_bytes());
                self.key.push(used.how as u8);
            }
            let reads = plan.reads(q.facts.interface);
            let reads = if uses.is_empty() { reads } else { reads.and(plan.uses) };
            reads::write_key(reads, &core.names, q, &mut self.key);
        }
    }
}

impl Plan {
    fn new(core: &Core, q: &Question<'_>, number: u32) -> Self {
        let (reads, uses) = match core.slice(q) {
            Ok(slice) => (
                [Interface::Verify, Interface::Query, Interface::Batch, Interface::File]
                    .map(|interface| reads_of(core, interface, &slice.dataset, &slice.groups)),
                reads_on(core, core.using(), &slice.groups),
            ),
            Err(_) => ([Reads::ALL; 4], Reads::ALL),
        };
        Plan {
            number,
            department: q.dataset.department.clone(),
            class: class(q.dataset),
            labels: q.dataset.labels.clone(),
            reads,
            uses,
        }
    }

    /// Whether the dataset is still, for policies, the one the plan was made for.
    fn fits(&self, dataset: &Dataset) -> bool {
        self.department == dataset.department
            && self.class == class(dataset)
            && self.labels.len() == dataset.labels.len()
            && self.labels.iter().zip(&dataset.labels).all(|(mine, its)| Arc::ptr_eq(mine, its))
    }

    fn reads(&self, interface: Interface) -> Reads {
        let [verify, query, batch, file] = self.reads;
        match interface {
            Interface::Verify => verify,
            Interface::Query => query,
            Interface::Batch => batch,
            Interface::File => file,
        }
    }
}

fn class(dataset: &Dataset) -> [u8; 4] {
    [dataset.level as u8, dataset.sharing as u8, dataset.grade as u8, dataset.personal.into()]
}

/// What every policy that can apply to these questions, for any principal, reads.
fn reads_of(core: &Core, interface: Interface, dataset: &Node, groups: &[Node]) -> Reads {
    let index: &Index = &core.index;
    let mut places = index.applicable_to_any(core.vocabulary.access(interface), dataset);
    for action in DisclosureMode::ALL.iter().filter_map(|mode| core.vocabulary.disclose(*mode)) {
        for group in groups {
            places.extend(index.applicable_to_any(action, group));
        }
    }
    core.rules_at(&places).fold(Reads::default(), |all, rule| all.and(rule.reads))
}

/// What every policy that can apply to one action on these groups reads.
fn reads_on(core: &Core, action: &EntityUid, groups: &[Node]) -> Reads {
    let places: Vec<u32> =
        groups.iter().flat_map(|group| core.index.applicable_to_any(action, group)).collect();
    core.rules_at(&places).fold(Reads::default(), |all, rule| all.and(rule.reads))
}

/// Subsets of the policies as Cedar takes them, by their places.
#[derive(Debug, Default)]
pub(in crate::engine) struct SetCache {
    sets: HashMap<Vec<u32>, Arc<PolicySet>>,
}

impl SetCache {
    /// The set of these policies; none where there are no policies.
    pub(super) fn get(&mut self, rules: &[Rule], places: Vec<u32>) -> Option<Arc<PolicySet>> {
        if places.is_empty() {
            return None;
        }
        if let Some(set) = self.sets.get(&places) {
            return Some(set.clone());
        }
        let mut set = PolicySet::new();
        for rule in places.iter().filter_map(|place| rules.get(*place as usize)) {
            // Ids are unique in the whole set, so in a part of it.
            set.add(rule.policy.clone()).ok()?;
        }
        if self.sets.len() >= SETS_MAX {
            self.sets.clear();
        }
        let set = Arc::new(set);
        self.sets.insert(places, set.clone());
        Some(set)
    }
}
