//! What the record of a request becomes in the log: its one entry, and how it ended.

use super::{Ending, Entered, Record};
use crate::catalogue::{Catalogue, Use};
use crate::engine::evidence::receipt::Answered;
use crate::engine::evidence::{
    self, Decision, Entry, EntryBody, FoundBy, FoundSeen, LabelSeen, ModeShown, QuotaLeft, UseAsked,
};
use crate::engine::reason::Cause;
use crate::engine::terms::Method;
use crate::engine::uses::Use as FieldUse;
use crate::refusal::Refusal;

impl Record {
    /// Remembers from when on the subject may be told, by the delays now in force.
    pub fn may_be_told(&mut self, catalogue: &Catalogue) {
        let (Some(principal), Some(access)) = (&self.learnt.principal, &self.learnt.access) else { return };
        let statement = &principal.statement;
        let used = Use {
            purpose: statement.purpose.as_deref(),
            legal_basis: statement.legal_basis,
            matter_type: statement.matter.as_deref().map(|matter| &*matter.matter_type),
            at: self.opened.unix_seconds(),
        };
        if access.subject.is_some() {
            self.learnt.visible_from = catalogue.visible_from(&used);
        }
    }

    /// Whether the stated matter explains that this officer asks for this subject.
    fn explained(&self) -> Option<bool> {
        let principal = self.learnt.principal.as_deref()?;
        let subject = self.learnt.access.as_ref()?.subject.as_ref()?;
        let (officer, matter) = (principal.officer.as_deref()?, principal.statement.matter.as_deref()?);
        matter.explains(&officer.id, subject.identifier.canonical())
    }

    /// The request's entry; with the outcome in it where that is known already.
    pub(super) fn encode(
        &self,
        decision: Decision,
        refusal: Option<&Refusal>,
        cause: Option<Cause>,
        outcome: Option<evidence::Outcome<'_>>,
    ) -> EntryBody {
        let learnt = &self.learnt;
        let token = self.subject_token();
        let fingerprint = self.peer.certificate.as_ref().map(|certificate| certificate.fingerprint_hex());
        let reasons = refusal.map(Refusal::reasons).unwrap_or_default();
        let modes = self.modes_shown();
        let uses = self.uses_asked();
        let features = learnt.weight.map(|weight| weight.features.map(|(one, share)| (one.code(), share)));
        let features = features.as_ref().map_or(&[][..], |features| told(features));
        let request = evidence::Request {
            client_ip: Some(self.peer.address.ip()),
            cert_fpr: fingerprint.as_deref(),
            subject_token: token.as_deref(),
            decision: Some(decision),
            reason: refusal.map(|refusal| refusal.reason),
            cause,
            reasons: &reasons,
            policies: learnt.policies.as_deref().unwrap_or_default(),
            modes: &modes,
            uses: &uses,
            policy_digest: learnt.policy_digest.as_deref(),
            risk: learnt.weight.map(|weight| weight.score),
            tier: learnt.weight.map(|weight| weight.tier),
            features,
            quota: learnt.standing.map(|at| QuotaLeft { limit: at.limit, remaining: at.remaining }),
            status: refusal.map(|refusal| refusal.status),
            network_known: learnt.network_known,
            grants: learnt.grants.as_deref().unwrap_or_default(),
            explained: self.explained(),
            visible_from: learnt.visible_from.map(|from| from.saturating_mul(1000)),
            ..self.who_and_what()
        };
        evidence::encode(&match outcome {
            None => Entry::Request(request),
            Some(outcome) => Entry::Answered(request, outcome),
        })
    }

    fn subject_token(&self) -> Option<String> {
        let subject = self.learnt.access.as_ref()?.subject.as_ref()?;
        Some(evidence::subject_token(&self.books.subject_key, &subject.identifier))
    }

    fn officer(&self) -> Option<&str> {
        self.learnt.principal.as_deref()?.officer.as_deref().map(|officer| &*officer.id)
    }

    fn who_and_what(&self) -> evidence::Request<'_> {
        let learnt = &self.learnt;
        let principal = learnt.principal.as_deref();
        let officer = principal.and_then(|principal| principal.officer.as_deref());
        let statement = principal.map(|principal| &principal.statement);
        let matter = statement.and_then(|statement| statement.matter.as_deref());
        let access = learnt.access.as_ref();
        let subject = access.and_then(|access| access.subject.as_ref());
        evidence::Request {
            ts_in: self.opened.unix_ms,
            request_id: &self.request_id,
            channel: if self.peer.secure { "https" } else { "http" },
            department: principal.map(|principal| &**principal.department()),
            application: principal.map(|principal| &*principal.application.id),
            officer: officer.map(|officer| &*officer.id),
            post: officer.map(|officer| &*officer.post),
            auth_method: principal.map(|principal| principal.method),
            represented: statement.and_then(|statement| statement.represented.as_deref()),
            purpose: statement.and_then(|statement| statement.purpose.as_deref()),
            legal_basis: statement.and_then(|statement| statement.legal_basis),
            consent_ref: statement.and_then(|statement| statement.consent.as_deref()),
            matter_id: matter.map(|matter| &*matter.id),
            matter_type: matter.map(|matter| &*matter.matter_type),
            break_glass: statement.and_then(|statement| statement.break_glass.as_deref()),
            dataset: learnt.dataset.as_deref().map(|dataset| &*dataset.id),
            code: learnt.dataset.as_deref().map(|dataset| &*dataset.code),
            level: learnt.dataset.as_deref().map(|dataset| dataset.level),
            route: learnt.route.as_deref(),
            method: learnt.method.map(Method::code),
            interface: access.map(|access| access.interface),
            subject_type: subject.map(|subject| subject.identifier.subject_type()),
            records_requested: access.map(|access| access.records_requested),
            trace_id: learnt.trace_id,
            body_bytes: learnt.body_bytes,
            ..evidence::Request::default()
        }
    }

    fn uses_asked(&self) -> Vec<UseAsked<'_>> {
        let labels = self.learnt.dataset.as_deref().map(|dataset| dataset.labels.as_slice());
        let named = |used: &FieldUse| {
            let label = labels?.get(used.label)?;
            Some(UseAsked { label: &label.id, how: used.how })
        };
        self.learnt.uses.iter().filter_map(named).collect()
    }

    fn modes_shown(&self) -> Vec<ModeShown<'_>> {
        let (Some(dataset), Some(modes)) = (&self.learnt.dataset, &self.learnt.modes) else {
            return Vec::new();
        };
        let labels = dataset.labels.iter().zip(modes.iter());
        labels
            .map(|(label, (mode, reason))| ModeShown { label: &label.id, mode: *mode, reason: *reason })
            .collect()
    }

    /// The entry that says how the request ended: with its decision, if that was not written yet.
    pub(super) fn ended(&mut self, ending: &Ending<'_>) -> EntryBody {
        let Ending { status, fault, bytes, handover, tally, answered, at } = *ending;
        let digest = answered.map(Answered::digest_hex);
        let dataset = self.learnt.dataset.as_deref();
        let labels = dataset.map(|dataset| dataset.labels.as_slice()).unwrap_or_default();
        let counts = tally.map(|tally| tally.labels.as_slice()).unwrap_or_default();
        let seen: Vec<LabelSeen<'_>> = labels
            .iter()
            .zip(counts)
            .map(|(label, values)| LabelSeen { label: &label.id, values: *values })
            .collect();
        let subjects = tally.and_then(|tally| tally.subjects);
        let found: Vec<FoundSeen<'_>> = tally
            .iter()
            .flat_map(|tally| &tally.found)
            .filter_map(|one| {
                let label = &labels.get(one.label)?.id;
                Some(FoundSeen { label, kind: one.kind, values: one.values })
            })
            .collect();
        let outcome = evidence::Outcome {
            request_id: &self.request_id,
            status: Some(status),
            upstream_status: self.stamps.upstream_status.get(),
            records: tally.map(|tally| tally.records),
            labels: &seen,
            subjects: subjects.map(|count| count.subjects),
            subjects_estimated: subjects.is_some_and(|count| count.estimated),
            found: &found,
            dropped_records: tally.map_or(0, |tally| tally.dropped_records),
            filtered_records: tally.map_or(0, |tally| tally.filtered_records),
            suppressed_counts: tally.map_or(0, |tally| tally.suppressed_counts),
            dropped_unknown: tally.map_or(0, |tally| tally.dropped_unknown),
            bytes,
            digest: digest.as_deref(),
            handover,
            fault,
            ts_in: self.opened.unix_ms,
            ts_upstream_out: self.stamps.upstream_out.get(),
            ts_upstream_in: self.stamps.upstream_in.get(),
            ts_out: at,
        };
        match self.entered {
            Entered::Decision => evidence::encode(&Entry::Outcome(outcome)),
            // Nobody awaits an outcome of what was written ahead, so it is found by itself.
            Entered::Answer => {
                let token = self.subject_token();
                let found_by = FoundBy { subject_token: token.as_deref(), officer: self.officer() };
                evidence::encode(&Entry::Corrected(outcome, found_by))
            }
            Entered::Nothing => {
                let body = self.encode(self.decision(), None, None, Some(outcome));
                self.entered = Entered::Decision;
                body
            }
        }
    }
}

/// Those that give something; they come first.
fn told<'f>(features: &'f [(&'static str, u16)]) -> &'f [(&'static str, u16)] {
    let count = features.iter().take_while(|(_, share)| *share > 0).count();
    features.get(..count).unwrap_or_default()
}
