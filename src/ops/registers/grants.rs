//! The register of grants: who may see what, why, on which conditions, and until when.
//!
//! Policies are conditions, so no reading of their text tells what they come to together. This asks
//! the decision engine itself: every registered application, alone and through an officer of its
//! department, for every purpose, legal basis and kind of matter, over every interface that routes
//! offer, first under the best circumstances, then without each of them, to learn which are needed.
//! What it says is therefore what the gateway does. Circumstances that only ever take away (a raised
//! tier, an unknown network, a minor without a guardian) are left out: the register says the most that
//! is granted, and its page says so.
//!
//! The product is bounded by [`QUESTIONS_MAX`]; a register that met the bound is marked incomplete.

use crate::catalogue::Purpose;
use crate::engine::dataset::Dataset;
use crate::engine::decide::{AccessDecision, ContextPath, EntityKind, Memo, PolicyIds, Question, Relevant};
use crate::engine::facts::{ClockFacts, Facts, GrantFacts, NetworkFacts, SubjectFacts};
use crate::engine::principal::{Application, Matter, Officer, Principal, Statement};
use crate::engine::terms::{
    AgeBand, AuthMethod, DisclosureMode, Interface, LegalBasis, RiskTier, SubjectType,
};
use crate::state::snapshot::Snapshot;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Most questions of one register: about a minute of one thread.
pub const QUESTIONS_MAX: usize = 1_000_000;
/// A Wednesday, ten o'clock in China: policies may bind grants to office hours.
const OFFICE_HOURS: i64 = 1_795_572_000;
/// Stands for an officer, a post or a kind of matter that no policy names.
const ANY: &str = "(any)";

/// Every grant of one snapshot.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Register {
    /// Of the policies folder it is derived from.
    pub policy_digest: String,
    pub complete: bool,
    /// Questions that were put to the engine.
    pub questions: usize,
    pub grants: Vec<Grant>,
}

/// One grant: who, what, why, until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grant {
    pub application: Arc<str>,
    /// Of the application.
    pub department: Arc<str>,
    /// `application` calling for itself, `officer` calling through it; the posts, if only some may.
    pub callers: BTreeSet<String>,
    pub dataset: Arc<str>,
    pub provider: Arc<str>,
    pub interface: &'static str,
    /// Absent: whatever purpose is stated, or none. `(any)`: a purpose, but any that no policy names.
    pub purpose: Option<Arc<str>>,
    /// Empty: whichever of the purpose's.
    pub legal_bases: BTreeSet<&'static str>,
    /// Kinds of matter; empty where none is needed. `(any)` is any kind.
    pub matter_types: BTreeSet<Arc<str>>,
    /// What must be there besides: `second-factor`, `grant`, `break-glass`.
    pub needs: Vec<&'static str>,
    /// What is shown, by label; labels that are not shown are left out.
    pub labels: BTreeMap<Arc<str>, &'static str>,
    /// The permits that give access or a label.
    pub policies: Vec<PolicyShown>,
    /// The last day, where every permit that gives access has one.
    pub until: Option<String>,
    /// The application's proof is revoked: nothing of this is in force.
    pub revoked: bool,
}

/// A policy as the register names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PolicyShown {
    pub id: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cite: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The approval that it carries out (`@grant`), as the authority for sharing numbers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<Arc<str>>,
}

/// Circumstances that a grant may need.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Aids {
    second_factor: bool,
    grant: bool,
    break_glass: bool,
}

impl Aids {
    const BEST: Aids = Aids { second_factor: true, grant: true, break_glass: false };

    fn codes(self) -> Vec<&'static str> {
        let all =
            [(self.second_factor, "second-factor"), (self.grant, "grant"), (self.break_glass, "break-glass")];
        all.into_iter().filter(|(needed, _)| *needed).map(|(_, code)| code).collect()
    }
}

/// What somebody states about why.
#[derive(Clone, Default)]
struct Why {
    purpose: Option<Arc<str>>,
    /// It stands for every purpose that no policy names.
    is_other: bool,
    basis: Option<LegalBasis>,
    /// The basis stands for all of the purpose's.
    all_bases: bool,
    matter_type: Option<Arc<str>>,
}

/// What an allowed question comes to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Granted {
    modes: Vec<DisclosureMode>,
    access: PolicyIds,
    policies: BTreeSet<Arc<str>>,
}

/// What makes two grants one line of the register: everything but bases, matters and callers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    purpose: Option<Arc<str>>,
    aids: Aids,
    granted: Granted,
}

/// Derives the register of a snapshot. Takes a second or so for a city: not for a thread that serves.
pub fn derive(snapshot: &Snapshot) -> Register {
    derive_within(snapshot, QUESTIONS_MAX, |_| true)
}

/// The same within a number of questions, for the applications that are wanted.
pub(super) fn derive_within(
    snapshot: &Snapshot,
    questions_max: usize,
    is_wanted: impl Fn(&str) -> bool,
) -> Register {
    let mut asking = Asking {
        snapshot,
        memo: Memo::default(),
        posts: some_or_any(snapshot.policies.named(EntityKind::Post)),
        left: questions_max,
    };
    let mut grants = Vec::new();
    let applications = snapshot.catalogue.applications.iter().filter(|(id, _)| is_wanted(id));
    for (_, registered) in applications {
        for (dataset, interface, names_subject) in offers(snapshot) {
            let offer = Offer { application: &registered.application, dataset, interface, names_subject };
            grants.extend(asking.offer(&offer));
        }
    }
    Register {
        policy_digest: snapshot.digest.to_string(),
        complete: asking.left > 0,
        questions: questions_max - asking.left,
        grants,
    }
}

fn some_or_any(named: BTreeSet<Arc<str>>) -> Vec<Arc<str>> {
    named.into_iter().chain([Arc::from(ANY)]).collect()
}

/// Every dataset with each interface over which a route offers it, and whether that names a subject.
fn offers(snapshot: &Snapshot) -> Vec<(&Arc<Dataset>, Interface, bool)> {
    let routes = snapshot.catalogue.routes.routes().iter();
    let mut offers: BTreeMap<(&str, Interface), (&Arc<Dataset>, bool)> = BTreeMap::new();
    for route in routes {
        let known = offers.entry((&route.dataset.id, route.interface)).or_insert((&route.dataset, false));
        known.1 |= route.subject.is_some();
    }
    offers.into_iter().map(|((_, interface), (dataset, subject))| (dataset, interface, subject)).collect()
}

/// What one application could ask for.
struct Offer<'a> {
    application: &'a Arc<Application>,
    dataset: &'a Arc<Dataset>,
    interface: Interface,
    names_subject: bool,
}

struct Asking<'a> {
    snapshot: &'a Snapshot,
    memo: Memo,
    posts: Vec<Arc<str>>,
    left: usize,
}

/// The reasons that are tried, and how many kinds of matter are among them.
struct Reasons {
    all: Vec<Why>,
    matter_types: usize,
}

/// Who asks, of one application.
#[derive(Clone)]
enum Caller {
    Application,
    Officer(Arc<str>),
}

impl Caller {
    fn name(&self) -> String {
        match self {
            Caller::Application => "application".to_owned(),
            Caller::Officer(post) if **post == *ANY => "officer".to_owned(),
            Caller::Officer(post) => format!("officer: {post}"),
        }
    }
}

impl Asking<'_> {
    /// The grants of one offer.
    fn offer(&mut self, offer: &Offer<'_>) -> Vec<Grant> {
        let mut lines: BTreeMap<Line, Vec<(Caller, Why)>> = BTreeMap::new();
        let mut kinds_asked = 0;
        let officers = self.posts.clone().into_iter().map(Caller::Officer);
        for caller in [Caller::Application].into_iter().chain(officers) {
            let relevant = self.relevant(offer, &caller);
            if !relevant.is_permissible {
                continue;
            }
            let reasons = self.reasons(&relevant);
            kinds_asked = kinds_asked.max(reasons.matter_types);
            let mut plain = None;
            let mut without_matter = None;
            for why in reasons.all {
                let found = self.best(offer, &caller, &why, &relevant);
                // What is granted without saying why, or without the matter, is not granted for it.
                let known = if why.purpose.is_none() {
                    plain = found.clone();
                    None
                } else if why.matter_type.is_none() {
                    without_matter = found.clone();
                    plain.clone()
                } else {
                    without_matter.clone().or(plain.clone())
                };
                let Some((aids, granted)) = found.filter(|found| known.as_ref() != Some(found)) else {
                    continue;
                };
                let line = Line { purpose: why.purpose.clone(), aids, granted };
                lines.entry(line).or_default().push((caller.clone(), why));
            }
        }
        lines.into_iter().map(|(line, found)| self.grant(offer, line, &found, kinds_asked)).collect()
    }

    fn relevant(&self, offer: &Offer<'_>, caller: &Caller) -> Relevant {
        let principal = principal(offer.application, caller, &Why::default(), Aids::BEST);
        let facts = facts(offer, Aids::BEST);
        self.snapshot.policies.relevant(&Question {
            principal: &principal,
            dataset: offer.dataset,
            facts: &facts,
        })
    }

    /// No purpose at all, then every purpose that can matter and one that cannot, each with the legal
    /// bases and kinds of matter that can.
    fn reasons(&self, relevant: &Relevant) -> Reasons {
        let matter_is_read = ContextPath::ALL.iter().any(|path| {
            (path.code() == "matter" || path.code().starts_with("matter.")) && relevant.reads(*path)
        });
        let mut kinds: Vec<Option<Arc<str>>> = vec![None];
        if matter_is_read {
            kinds.extend(relevant.named(EntityKind::MatterType).cloned().map(Some));
            kinds.push(Some(ANY.into()));
        }
        let (named, others): (Vec<&Purpose>, Vec<&Purpose>) =
            self.snapshot.catalogue.purposes.values().partition(|purpose| self.is_named(relevant, purpose));
        let mut all = vec![Why::default()];
        for purpose in named.into_iter().chain(others.into_iter().take(1)) {
            let is_other = !self.is_named(relevant, purpose);
            let bases_matter = relevant.reads(ContextPath::LegalBasis);
            let bases = purpose.legal_bases.iter().take(if bases_matter { usize::MAX } else { 1 });
            for basis in bases {
                all.extend(kinds.iter().cloned().map(|matter_type| Why {
                    purpose: Some(purpose.id.clone()),
                    is_other,
                    basis: Some(*basis),
                    all_bases: !bases_matter,
                    matter_type,
                }));
            }
        }
        Reasons { all, matter_types: kinds.len() - 1 }
    }

    /// Whether some policy names the purpose or a wider one.
    fn is_named(&self, relevant: &Relevant, purpose: &Purpose) -> bool {
        let mut line = vec![&purpose.id];
        let mut next = 0;
        while let Some(id) = line.get(next).copied() {
            if relevant.names(EntityKind::Purpose, id) {
                return true;
            }
            let parents = self.snapshot.catalogue.purposes.get(id).map(|known| &known.parents);
            line.extend(
                parents.into_iter().flatten().filter(|parent| !line.contains(parent)).collect::<Vec<_>>(),
            );
            next += 1;
        }
        false
    }

    /// The most that is granted for a reason, with the fewest aids. Aids that no policy reads are not
    /// tried.
    fn best(
        &mut self,
        offer: &Offer<'_>,
        caller: &Caller,
        why: &Why,
        relevant: &Relevant,
    ) -> Option<(Aids, Granted)> {
        let grant_is_read = [ContextPath::Grant, ContextPath::GrantValid, ContextPath::GrantQuota];
        let mut aids = Aids {
            second_factor: relevant.reads(ContextPath::StepUpFresh),
            grant: grant_is_read.into_iter().any(|path| relevant.reads(path)),
            break_glass: false,
        };
        let mut best = self.ask(offer, caller, why, aids);
        if best.is_none() && relevant.reads(ContextPath::BreakGlass) {
            aids.break_glass = true;
            best = self.ask(offer, caller, why, aids);
        }
        let best = best?;
        let drops: [fn(Aids) -> Aids; 2] =
            [|aids| Aids { second_factor: false, ..aids }, |aids| Aids { grant: false, ..aids }];
        for fewer in drops {
            let fewer = fewer(aids);
            if fewer != aids && self.ask(offer, caller, why, fewer).as_ref() == Some(&best) {
                aids = fewer;
            }
        }
        Some((aids, best))
    }

    fn ask(&mut self, offer: &Offer<'_>, caller: &Caller, why: &Why, aids: Aids) -> Option<Granted> {
        self.left = self.left.checked_sub(1)?;
        let principal = principal(offer.application, caller, why, aids);
        let facts = facts(offer, aids);
        let question = Question { principal: &principal, dataset: offer.dataset, facts: &facts };
        let judgement = self.snapshot.policies.judge(&question, &mut self.memo);
        let (AccessDecision::Allow(allowed), Some(disclosure)) = (judgement.access, judgement.disclosure)
        else {
            return None;
        };
        let labels = disclosure.labels.iter();
        let of_labels = labels.clone().flat_map(|outcome| outcome.determining.iter());
        Some(Granted {
            modes: labels.map(|outcome| outcome.mode).collect(),
            policies: allowed.determining().iter().chain(of_labels).cloned().collect(),
            access: allowed.determining().clone(),
        })
    }

    fn grant(&self, offer: &Offer<'_>, line: Line, found: &[(Caller, Why)], kinds_asked: usize) -> Grant {
        let Line { purpose, aids, granted } = line;
        let Offer { application, dataset, .. } = offer;
        let bases: BTreeSet<&'static str> =
            found.iter().filter_map(|(_, why)| why.basis).map(LegalBasis::code).collect();
        let known = purpose.as_ref().and_then(|id| self.snapshot.catalogue.purposes.get(id));
        let all_bases = known.is_some_and(|known| known.legal_bases.len() == bases.len())
            || found.iter().any(|(_, why)| why.all_bases);
        let is_other = found.iter().any(|(_, why)| why.is_other);
        let mut matter_types: BTreeSet<Arc<str>> =
            found.iter().filter_map(|(_, why)| why.matter_type.clone()).collect();
        if kinds_asked > 0 && matter_types.len() == kinds_asked {
            matter_types = [Arc::from(ANY)].into();
        }
        let mut callers: BTreeSet<String> = found.iter().map(|(caller, _)| caller.name()).collect();
        if callers.contains("officer") {
            callers.retain(|caller| !caller.starts_with("officer: "));
        }
        let shown = dataset.labels.iter().zip(&granted.modes);
        let shown = shown.filter(|(_, mode)| **mode != DisclosureMode::None);
        Grant {
            application: application.id.clone(),
            department: application.department.clone(),
            callers,
            dataset: dataset.id.clone(),
            provider: dataset.department.clone(),
            interface: offer.interface.code(),
            purpose: if is_other { Some(ANY.into()) } else { purpose },
            legal_bases: if all_bases { BTreeSet::new() } else { bases },
            matter_types,
            needs: aids.codes(),
            labels: shown.map(|(label, mode)| (label.id.clone(), mode.code())).collect(),
            policies: granted.policies.iter().map(|id| self.policy(id)).collect(),
            until: self.until(&granted.access),
            revoked: self.snapshot.catalogue.revocations.applications().any(|id| id == &*application.id),
        }
    }

    fn policy(&self, id: &Arc<str>) -> PolicyShown {
        let note = self.snapshot.policies.note(id);
        PolicyShown {
            id: id.clone(),
            cite: note.and_then(|note| note.cite.clone()),
            until: note.and_then(|note| note.until).map(day),
            grant: note.and_then(|note| note.grant.clone()),
        }
    }

    /// Access ends with the last permit that gives it, if every one of them ends.
    fn until(&self, access: &PolicyIds) -> Option<String> {
        let ends = access.iter().map(|id| self.snapshot.policies.note(id).and_then(|note| note.until));
        ends.collect::<Option<Vec<_>>>()?.into_iter().max().map(day)
    }
}

fn day((year, month, day): crate::engine::identifier::Date) -> String {
    format!("{year:04}-{month:02}-{day:02}")
}

fn principal(application: &Arc<Application>, caller: &Caller, why: &Why, aids: Aids) -> Principal {
    let officer = match caller {
        Caller::Application => None,
        Caller::Officer(post) => Some(Arc::new(Officer {
            id: ANY.into(),
            department: application.department.clone(),
            post: post.clone(),
            region: None,
        })),
    };
    let matter = why.matter_type.as_ref().map(|matter_type| {
        Arc::new(Matter {
            id: ANY.into(),
            matter_type: matter_type.clone(),
            open: true,
            subjects: Vec::new(),
            officers: vec![ANY.into()],
        })
    });
    let statement = Statement {
        purpose: why.purpose.clone(),
        legal_basis: why.basis,
        matter,
        consent: None,
        represented: None,
        break_glass: aids.break_glass.then(|| ANY.into()),
        stepped_up_at: None,
    };
    match officer {
        Some(officer) => {
            Principal::officer(application.clone(), officer, statement, AuthMethod::Certificate, true)
        }
        None => {
            let mut principal = Principal::application(application.clone(), AuthMethod::Certificate);
            (principal.statement, principal.bound) = (statement, true);
            principal
        }
    }
}

/// The best circumstances: an adult subject of the matter, an assigned officer, a known network,
/// office hours, no risk.
fn facts(offer: &Offer<'_>, aids: Aids) -> Facts {
    let subject =
        SubjectFacts { subject_type: SubjectType::Natural, age_band: AgeBand::Adult, protected: false };
    Facts {
        interface: offer.interface,
        subject: offer.names_subject.then_some(subject),
        subject_in_matter: true,
        officer_assigned: true,
        grant: aids.grant.then_some(GrantFacts { valid: true, quota_left: i64::MAX }),
        network: NetworkFacts { address: IpAddr::V4(Ipv4Addr::LOCALHOST), known: true },
        clock: ClockFacts::at(OFFICE_HOURS),
        risk: 0,
        tier: RiskTier::Normal,
        step_up_fresh: aids.second_factor,
        records_requested: 1,
    }
}
