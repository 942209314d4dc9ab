//! Cedar's part of the decision: may this caller ask this of that dataset?
//!
//! This room turns the proved facts of a request into Cedar questions and Cedar's answers into
//! values; what may be asked is written in `policies/*.cedar`, never here. It may not read files,
//! clocks or anything else that is not an argument. How it goes:
//!
//! * `load` builds a set from texts, or names every fault in them with file, line and column.
//! * `index` finds by scope the policies that can apply; Cedar is asked with these only, exactly.
//! * `question` builds the few entities and the context that a question can reach.
//! * `memo` remembers judgements on what those policies read (`reads`), one memo per thread.
//! * [`super::disclose`] asks for each label of the dataset which mode is permitted;
//!   [`super::uses`] asks whether a label may be used without being shown.
//!
//! Whatever cannot be evaluated is refused: Cedar itself skips a policy that errors, even a forbid,
//! so any evaluation error here is `E-POLICY-ERROR`.
//!
//! ```
//! # use zhamen::engine::decide::*;
//! let schema = Source { name: "schema.cedarschema", text: include_str!("../../../policies/schema.cedarschema") };
//! let policy = Source { name: "open.cedar", text: r#"
//!     @id("open") permit (principal, action, resource is Gov::Dataset)
//!     when { resource.level == 1 && resource.department == Gov::Department::"nowhere" };"# };
//! let names = Names::default().know(EntityKind::Department, ["11330100MB0000019K"]);
//! let faults = Policies::build(schema, &[policy], names).unwrap_err();
//! let text = faults.to_string();
//! assert!(text.starts_with("open.cedar:3:") && text.contains("there is no department `nowhere`"));
//! ```

pub mod cases;
mod fit;
mod index;
mod load;
mod memo;
mod names;
mod question;
mod reads;
mod relevant;
#[cfg(test)]
mod tests;

pub use load::{FILE_BYTES_MAX, POLICIES_MAX, Source};
pub use memo::Memo;
pub use names::{EntityKind, Names};
pub use reads::ContextPath;
pub use relevant::Relevant;
#[cfg(test)]
pub(crate) use tests::demo;

use super::dataset::Dataset;
use super::disclose::{self, Disclosure};
use super::facts::Facts;
use super::identifier::Date;
use super::principal::Principal;
use super::reason::Reason;
use super::uses::{self, Use};
use crate::fault::Faults;
use cedar_policy::{Authorizer, Context, Decision, Entity, EntityUid, Policy, PolicyId, PolicySet, Request};
use index::Index;
pub(super) use memo::SetCache;
use names::Vocabulary;
use question::Unaskable;
pub(super) use question::{Node, Slice};
use reads::Reads;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// One request, as far as policies are concerned.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub principal: &'a Principal,
    pub dataset: &'a Dataset,
    pub facts: &'a Facts,
}

/// What a policy's annotations say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyNote {
    /// `@id`, unique in the set; what entries and counters name.
    pub id: Arc<str>,
    /// The file it stands in.
    pub file: Arc<str>,
    pub forbid: bool,
    /// `@reason`; every forbid has one.
    pub reason: Option<Reason>,
    /// `@cite`; every forbid has one.
    pub cite: Option<Arc<str>>,
    /// `@remedy`, in the words of the policy's author.
    pub remedy: Option<Arc<str>>,
    /// `@until`: the last day on which a permit holds, in China.
    pub until: Option<Date>,
    /// `@grant`: the approval that a permit carries out, as the authority for sharing numbers it.
    pub grant: Option<Arc<str>>,
}

impl PolicyNote {
    /// Whether its last day is past.
    pub fn has_ended(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

/// A validated set of policies. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Policies {
    core: Arc<Core>,
}

/// What a set consists of. Immutable.
#[derive(Clone, Debug)]
pub(super) struct Core {
    vocabulary: Vocabulary,
    names: Names,
    /// The schema's actions with their groups: Cedar answers `action in` from these.
    actions: Vec<Entity>,
    /// Ascending by id.
    rules: Vec<Rule>,
    places: HashMap<PolicyId, u32>,
    index: Index,
    /// Permits that have ended: never asked.
    ended: HashSet<u32>,
}

#[derive(Clone, Debug)]
struct Rule {
    policy: Policy,
    note: PolicyNote,
    reads: Reads,
}

/// Names of policies, ascending.
pub type PolicyIds = Arc<[Arc<str>]>;

/// Numbers of approvals that permits carry out (`@grant`), in the order of the permits.
pub type Grants = Arc<[Arc<str>]>;

/// The policies permit this request. Made here only, and spent by admission: not to be cloned.
#[derive(Debug)]
pub struct Allowed {
    determining: PolicyIds,
    grants: Grants,
}

impl Allowed {
    /// Only a judgement makes this value; tests of what spends it need one without policies.
    #[cfg(test)]
    pub(crate) fn for_tests(determining: PolicyIds) -> Self {
        Allowed { determining, grants: Arc::default() }
    }

    /// The permits that held.
    pub fn determining(&self) -> &PolicyIds {
        &self.determining
    }

    /// The approvals that these permits carry out.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }
}

/// The policies refuse this request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// By precedence, each once, never empty: the first is what the refusal leads with.
    pub reasons: Arc<[Reason]>,
    /// The forbids that held; empty where nothing permitted it.
    pub determining: PolicyIds,
    /// The policies that could not be evaluated.
    pub errors: PolicyIds,
    /// The uses of fields that are refused; empty where access itself is.
    pub uses: Arc<[Use]>,
}

impl Denied {
    /// The policies behind the denial: those that could not be evaluated, else the forbids that held.
    pub fn blamed(&self) -> PolicyIds {
        if self.errors.is_empty() { self.determining.clone() } else { self.errors.clone() }
    }

    /// The reason that takes precedence.
    pub fn reason(&self) -> Reason {
        self.reasons.first().copied().unwrap_or(Reason::NoPolicy)
    }
}

/// The answer to an access question.
#[derive(Debug)]
pub enum AccessDecision {
    Allow(Allowed),
    Deny(Denied),
}

/// Access and disclosure of one request, judged together.
#[derive(Debug)]
pub struct Judgement {
    pub access: AccessDecision,
    /// The mode of each label; present exactly when access is allowed.
    pub disclosure: Option<Arc<Disclosure>>,
}

impl Policies {
    /// Builds a set from the schema, the policy files and the names the catalogue knows.
    ///
    /// # Errors
    /// Every fault found, with its place; see the module documentation for what is refused.
    pub fn build(schema: Source<'_>, files: &[Source<'_>], names: Names) -> Result<Self, Faults> {
        Ok(Policies { core: Arc::new(load::load(schema, files, names)?) })
    }

    /// The same on a day: permits whose `@until` is past are as if they were not written. Of a set that is
    /// shared this makes another one, which no memo takes for the first.
    pub fn on_day(mut self, today: Date) -> Self {
        let core = Arc::make_mut(&mut self.core);
        let ended = (0u32..).zip(&core.rules).filter(|(_, rule)| rule.note.has_ended(today));
        core.ended = ended.map(|(place, _)| place).collect();
        self
    }

    /// Every entity of a kind that some policy names, such as matter types and posts, which no
    /// catalogue lists.
    pub fn named(&self, kind: EntityKind) -> BTreeSet<Arc<str>> {
        let literals = self.core.rules.iter().flat_map(|rule| rule.policy.entity_literals());
        let of_kind = literals.filter(|uid| self.core.vocabulary.kind(uid.type_name()) == Some(kind));
        of_kind.map(|uid| Arc::from(uid.id().unescaped())).collect()
    }

    /// Judges access and, where it is allowed, disclosure. Exact whatever the memo holds.
    pub fn judge(&self, q: &Question<'_>, memo: &mut Memo) -> Judgement {
        memo.judge(&self.core, q, &[])
    }

    /// Judges a request that also uses fields: access is denied where one of the uses is refused.
    /// `uses` ascend, each once.
    pub fn judge_using(&self, q: &Question<'_>, uses: &[Use], memo: &mut Memo) -> Judgement {
        memo.judge(&self.core, q, uses)
    }

    /// Judges access alone.
    pub fn access(&self, q: &Question<'_>, memo: &mut Memo) -> AccessDecision {
        self.judge(q, memo).access
    }

    /// The mode of each label. Where access is denied, all are `NONE`, for the denial's reason.
    pub fn disclose(&self, q: &Question<'_>, memo: &mut Memo) -> Arc<Disclosure> {
        let judgement = self.judge(q, memo);
        match (judgement.disclosure, judgement.access) {
            (Some(disclosure), _) => disclosure,
            (None, AccessDecision::Deny(denied)) => Disclosure::nothing(q.dataset, &denied).into(),
            (None, AccessDecision::Allow(_)) => Disclosure::nothing(q.dataset, &Denied::unaskable()).into(),
        }
    }

    /// Every policy's annotations, ascending by id.
    pub fn notes(&self) -> impl Iterator<Item = &PolicyNote> {
        self.core.rules.iter().map(|rule| &rule.note)
    }

    /// One policy's annotations.
    pub fn note(&self, id: &str) -> Option<&PolicyNote> {
        self.core.note(id)
    }
}

/// A judgement as it is remembered: [`Allowed`] is made anew for each request.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    /// Of an allowed one, the permits that held and the approvals they carry out.
    access: Result<(PolicyIds, Grants), Denied>,
    disclosure: Option<Arc<Disclosure>>,
}

impl Remembered {
    fn judgement(&self) -> Judgement {
        let access = match &self.access {
            Ok((determining, grants)) => {
                AccessDecision::Allow(Allowed { determining: determining.clone(), grants: grants.clone() })
            }
            Err(denied) => AccessDecision::Deny(denied.clone()),
        };
        Judgement { access, disclosure: self.disclosure.clone() }
    }
}

impl Denied {
    /// The question could not even be put.
    fn unaskable() -> Self {
        let errors = Arc::from([Arc::from("(question)")]);
        let reasons = Arc::from([Reason::PolicyError]);
        Denied { reasons, determining: Arc::default(), errors, uses: Arc::default() }
    }
}

/// Cedar's answer to one question: policies by their place in the list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub allowed: bool,
    pub determining: Vec<u32>,
    pub errors: Vec<u32>,
    /// Could not be put to Cedar.
    pub unaskable: bool,
}

impl Answer {
    /// Nothing failed: the answer may be relied on.
    pub fn is_sound(&self) -> bool {
        self.errors.is_empty() && !self.unaskable
    }
}

impl Core {
    /// Evaluates afresh.
    fn evaluate(&self, q: &Question<'_>, uses: &[Use], sets: &mut SetCache) -> Remembered {
        let Ok(slice) = self.slice(q) else {
            return Remembered { access: Err(Denied::unaskable()), disclosure: None };
        };
        let answer = self.ask(&slice, self.vocabulary.access(q.facts.interface), &slice.dataset, sets);
        if !(answer.allowed && answer.is_sound()) {
            return Remembered { access: Err(self.denied(&answer)), disclosure: None };
        }
        let disclosure = disclose::disclose(self, &slice, sets);
        let determining = self.ids(&answer.determining);
        match uses::judge(self, &slice, uses, &disclosure, sets) {
            Ok(permits) => {
                let permits = if permits.is_empty() { determining } else { both(&determining, &permits) };
                let grants = permits.iter().filter_map(|id| self.note(id)?.grant.clone()).collect();
                Remembered { access: Ok((permits, grants)), disclosure: Some(disclosure.into()) }
            }
            Err(denied) => Remembered { access: Err(denied), disclosure: None },
        }
    }

    fn slice(&self, q: &Question<'_>) -> Result<Slice, Unaskable> {
        question::slice(&self.vocabulary, &self.names, &self.actions, q, None)
    }

    /// Puts one question to Cedar, with the policies that can apply.
    pub(super) fn ask(&self, slice: &Slice, action: &EntityUid, on: &Node, sets: &mut SetCache) -> Answer {
        self.ask_in(slice, &slice.context, action, on, sets)
    }

    /// The same in a context of its own.
    pub(super) fn ask_in(
        &self,
        slice: &Slice,
        context: &Context,
        action: &EntityUid,
        on: &Node,
        sets: &mut SetCache,
    ) -> Answer {
        let mut applicable = self.index.applicable(&slice.principal, action, on);
        if !self.ended.is_empty() {
            applicable.retain(|place| !self.ended.contains(place));
        }
        match sets.get(&self.rules, applicable) {
            Some(set) => self.put(slice, context, action, on, &set),
            None => Answer::default(),
        }
    }

    fn put(
        &self,
        slice: &Slice,
        context: &Context,
        action: &EntityUid,
        on: &Node,
        set: &PolicySet,
    ) -> Answer {
        let context = context.clone();
        let (principal, resource) = (slice.principal.uid.clone(), on.uid.clone());
        let Ok(request) = Request::new(principal, action.clone(), resource, context, None) else {
            return Answer { unaskable: true, ..Answer::default() };
        };
        let response = Authorizer::new().is_authorized(&request, set, &slice.entities);
        let diagnostics = response.diagnostics();
        let mut determining: Vec<u32> = diagnostics.reason().filter_map(|id| self.place(id)).collect();
        let mut errors: Vec<u32> = diagnostics
            .errors()
            .filter_map(|cedar_policy::AuthorizationError::PolicyEvaluationError(error)| {
                self.place(error.policy_id())
            })
            .collect();
        determining.sort_unstable();
        errors.sort_unstable();
        let allowed = response.decision() == Decision::Allow;
        Answer { allowed, determining, errors, unaskable: false }
    }

    fn note(&self, id: &str) -> Option<&PolicyNote> {
        let place = self.rules.binary_search_by(|rule| (*rule.note.id).cmp(id)).ok()?;
        self.rules.get(place).map(|rule| &rule.note)
    }

    fn place(&self, id: &PolicyId) -> Option<u32> {
        self.places.get(id).copied()
    }

    /// The rules at these places; all places come from this set.
    fn rules_at<'a>(&'a self, places: &'a [u32]) -> impl Iterator<Item = &'a Rule> {
        places.iter().filter_map(|place| self.rules.get(*place as usize))
    }

    pub(super) fn ids(&self, places: &[u32]) -> PolicyIds {
        self.rules_at(places).map(|rule| rule.note.id.clone()).collect()
    }

    /// The reasons that an answer's determining forbids give, by precedence, each once.
    pub(super) fn reasons(&self, answer: &Answer) -> Vec<Reason> {
        let mut reasons = match answer.allowed {
            true => Vec::new(),
            false => self.rules_at(&answer.determining).filter_map(|rule| rule.note.reason).collect(),
        };
        if !answer.is_sound() {
            reasons.push(Reason::PolicyError);
        }
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }

    fn denied(&self, answer: &Answer) -> Denied {
        if answer.unaskable {
            return Denied::unaskable();
        }
        let mut reasons = self.reasons(answer);
        if reasons.is_empty() {
            reasons.push(Reason::NoPolicy);
        }
        let determining = if answer.allowed { Arc::default() } else { self.ids(&answer.determining) };
        let errors = self.ids(&answer.errors);
        Denied { reasons: reasons.into(), determining, errors, uses: Arc::default() }
    }

    /// Cedar's action of a disclosure question.
    pub(super) fn disclosing(&self, mode: super::terms::DisclosureMode) -> Option<&EntityUid> {
        self.vocabulary.disclose(mode)
    }

    /// Cedar's action of a question about a use.
    pub(super) fn using(&self) -> &EntityUid {
        self.vocabulary.using()
    }
}

/// The ids of both, ascending, each once.
fn both(some: &PolicyIds, others: &PolicyIds) -> PolicyIds {
    let ids: BTreeSet<&Arc<str>> = some.iter().chain(others.iter()).collect();
    ids.into_iter().cloned().collect()
}
