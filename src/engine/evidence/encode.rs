//! Entry → the members of its line, in one fixed order, written straight into bytes.

use super::entry::{
    Decision, Entry, FoundBy, FoundSeen, Gap, Handover, Lifecycle, ModeShown, Outcome, Quotas, Reading,
    Reload, Request, Tier,
};
use super::redact::{free_text, statement};
use super::text::{JUSTIFICATION_BYTES_MAX, TEXT_BYTES_MAX, push_hex, push_number, push_text, push_time};
use aws_lc_rs::digest;
use std::io::Write as _;
use std::net::IpAddr;

/// Most values of one list that are written; the list's true length follows as `<list>_count`.
const LIST_MAX: usize = 64;

/// Room for most lines without growing.
const LINE_BYTES: usize = 1280;

/// The members of one line, encoded: everything but its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryBody(Vec<u8>);

impl EntryBody {
    /// The members without braces, as they stand in the line.
    pub fn members(&self) -> &[u8] {
        &self.0
    }
}

/// Encodes an entry. The same entry always gives the same bytes.
pub fn encode(entry: &Entry<'_>) -> EntryBody {
    let mut line = Line(Vec::with_capacity(LINE_BYTES));
    match entry {
        Entry::Request(request) => push_request(&mut line, request),
        Entry::Outcome(outcome) => push_outcome(&mut line, outcome, FoundBy::default()),
        Entry::Corrected(outcome, found_by) => push_outcome(&mut line, outcome, *found_by),
        Entry::Answered(request, outcome) => {
            push_request(&mut line, request);
            push_ending(&mut line, outcome);
            push_delivered(&mut line, outcome);
        }
        Entry::Start(lifecycle) => push_lifecycle(&mut line, "start", lifecycle),
        Entry::Stop(lifecycle) => push_lifecycle(&mut line, "stop", lifecycle),
        Entry::Reload(reload) => push_reload(&mut line, reload),
        Entry::Quotas(quotas) => push_quotas(&mut line, quotas),
        Entry::Tier(tier) => push_tier(&mut line, tier),
        Entry::Gap(gap) => push_gap(&mut line, gap),
        Entry::TornTail { ts, bytes } => {
            line.kind("torn_tail").time("ts", *ts).number("bytes", *bytes);
        }
        Entry::Refused(refused) => {
            line.kind("refused").time("ts", refused.ts).code("cause", refused.cause.code());
            line.number("count", refused.count);
        }
        Entry::ClockStep(step) => {
            line.kind("clock_step").time("ts", step.ts).signed("step_ms", step.step_ms);
        }
        Entry::Drift(drift) => {
            line.kind("drift").time("ts", drift.ts).text("dataset", drift.dataset);
            line.text("template", drift.template).text("policy_digest", drift.policy_digest);
        }
        Entry::Admin(admin) => {
            line.kind("admin").time("ts", admin.ts).text("actor", admin.actor);
            line.text("action", admin.action).number("status", admin.status);
            if let Some(from) = admin.from {
                line.network("from", from);
            }
        }
        Entry::Reading(reading) => push_reading(&mut line, reading),
    }
    line.code("retention", entry.retention().code());
    EntryBody(line.0)
}

fn push_request(line: &mut Line, request: &Request<'_>) {
    line.kind("request").time("ts_in", request.ts_in).text("request_id", request.request_id);
    line.text("channel", request.channel);
    if let Some(trace_id) = request.trace_id {
        line.trace("trace", &trace_id);
    }
    push_who(line, request);
    push_why(line, request);
    push_what(line, request);
    push_decision(line, request);
}

fn push_outcome(line: &mut Line, outcome: &Outcome<'_>, found_by: FoundBy<'_>) {
    line.kind("outcome").time("ts_in", outcome.ts_in);
    push_ending(line, outcome);
    line.text("request_id", outcome.request_id);
    line.text_if("subject_token", found_by.subject_token).said_if("officer", found_by.officer);
    push_delivered(line, outcome);
}

fn push_who(line: &mut Line, request: &Request<'_>) {
    line.text_if("department", request.department).text_if("application", request.application);
    line.said_if("officer", request.officer).said_if("post", request.post);
    line.code_if("auth_method", request.auth_method.map(|method| method.code()));
    line.text_if("cert_fpr", request.cert_fpr).said_if("represented", request.represented);
    if let Some(known) = request.network_known {
        line.flag("network_known", known);
    }
    if let Some(address) = request.client_ip {
        line.network("client_ip", address);
    }
}

fn push_why(line: &mut Line, request: &Request<'_>) {
    line.said_if("purpose", request.purpose);
    line.code_if("legal_basis", request.legal_basis.map(|basis| basis.code()));
    line.said_if("consent_ref", request.consent_ref);
    line.said_if("matter_id", request.matter_id).said_if("matter_type", request.matter_type);
    line.list("grants", "grants_count", request.grants, |out, id| push_text(out, id, TEXT_BYTES_MAX));
    if let Some(explained) = request.explained {
        line.flag("explained", explained);
    }
    if let Some(justification) = request.break_glass {
        line.flag("break_glass", true);
        line.name("justification");
        push_text(&mut line.0, &free_text(justification), JUSTIFICATION_BYTES_MAX);
    }
}

fn push_what(line: &mut Line, request: &Request<'_>) {
    line.text_if("dataset", request.dataset).text_if("code", request.code);
    line.code_if("level", request.level.map(|level| level.code()));
    line.text_if("route", request.route).text_if("method", request.method);
    line.code_if("interface", request.interface.map(|interface| interface.code()));
    line.code_if("subject_type", request.subject_type.map(|subject| subject.code()));
    line.text_if("subject_token", request.subject_token);
    line.number_if("records_requested", request.records_requested);
    line.number_if("req_bytes", request.body_bytes);
    line.list("uses", "uses_count", request.uses, |out, asked| {
        out.extend_from_slice(b"{\"label\":");
        push_text(out, asked.label, TEXT_BYTES_MAX);
        out.extend_from_slice(b",\"as\":");
        push_code(out, asked.how.code());
        out.push(b'}');
    });
}

fn push_decision(line: &mut Line, request: &Request<'_>) {
    line.code("decision", request.decision.unwrap_or(Decision::Refused).code());
    line.code_if("reason", request.reason.map(|reason| reason.code()));
    line.code_if("cause", request.cause.map(|cause| cause.code()));
    line.list("reasons", "reasons_count", request.reasons, |out, reason| push_code(out, reason.code()));
    line.list("policies", "policies_count", request.policies, |out, id| push_text(out, id, TEXT_BYTES_MAX));
    line.list("modes", "modes_count", request.modes, push_mode);
    line.text_if("policy_digest", request.policy_digest).number_if("risk", request.risk);
    line.code_if("tier", request.tier.map(|tier| tier.code()));
    line.list("features", "features_count", request.features, push_feature);
    if let Some(quota) = request.quota {
        line.number("quota_limit", quota.limit).number("quota_remaining", quota.remaining);
    }
    line.number_if("status", request.status);
    if let Some(from) = request.visible_from {
        line.time("visible_to_subject_from", from);
    }
}

fn push_mode(out: &mut Vec<u8>, shown: &ModeShown<'_>) {
    out.extend_from_slice(b"{\"label\":");
    push_text(out, shown.label, TEXT_BYTES_MAX);
    out.extend_from_slice(b",\"mode\":");
    push_code(out, shown.mode.code());
    if let Some(reason) = shown.reason {
        out.extend_from_slice(b",\"reason\":");
        push_code(out, reason.code());
    }
    out.push(b'}');
}

fn push_ending(line: &mut Line, outcome: &Outcome<'_>) {
    for (name, time) in
        [("ts_upstream_out", outcome.ts_upstream_out), ("ts_upstream_in", outcome.ts_upstream_in)]
    {
        if let Some(time) = time {
            line.time(name, time);
        }
    }
    line.time("ts_out", outcome.ts_out);
}

fn push_delivered(line: &mut Line, outcome: &Outcome<'_>) {
    line.number_if("status", outcome.status).number_if("upstream_status", outcome.upstream_status);
    line.number_if("records", outcome.records);
    line.list("labels", "labels_count", outcome.labels, |out, seen| {
        out.extend_from_slice(b"{\"label\":");
        push_text(out, seen.label, TEXT_BYTES_MAX);
        out.extend_from_slice(b",\"values\":");
        push_number(out, seen.values);
        out.push(b'}');
    });
    line.number_if("subjects", outcome.subjects);
    if outcome.subjects_estimated {
        line.flag("subjects_estimated", true);
    }
    if !outcome.found.is_empty() {
        line.list("found", "found_count", outcome.found, push_found);
    }
    line.number("dropped_records", outcome.dropped_records);
    for (name, left_out) in
        [("filtered_records", outcome.filtered_records), ("suppressed_counts", outcome.suppressed_counts)]
    {
        if left_out > 0 {
            line.number(name, left_out);
        }
    }
    line.number("dropped_unknown", outcome.dropped_unknown).number("bytes", outcome.bytes);
    line.text_if("sha256", outcome.digest);
    match outcome.handover {
        Handover::Whole => line.flag("delivered", true),
        Handover::Short => line.flag("delivered", false),
        Handover::Ahead => line.flag("released", true),
    };
    line.code_if("fault", outcome.fault.map(|cause| cause.code()));
}

fn push_found(out: &mut Vec<u8>, found: &FoundSeen<'_>) {
    out.extend_from_slice(b"{\"label\":");
    push_text(out, found.label, TEXT_BYTES_MAX);
    out.extend_from_slice(b",\"kind\":");
    push_code(out, found.kind.code());
    out.extend_from_slice(b",\"values\":");
    push_number(out, found.values);
    out.push(b'}');
}

fn push_lifecycle(line: &mut Line, kind: &'static str, lifecycle: &Lifecycle<'_>) {
    line.kind(kind).time("ts", lifecycle.ts).text("version", lifecycle.version);
    line.text_if("policy_digest", lifecycle.policy_digest).text("detail", lifecycle.detail);
}

fn push_reload(line: &mut Line, reload: &Reload<'_>) {
    line.kind("reload").time("ts", reload.ts).code("what", reload.what.code());
    line.flag("accepted", reload.accepted);
    line.text_if("digest_before", Some(reload.digest_before).filter(|digest| !digest.is_empty()));
    line.text_if("digest_after", reload.digest_after).number("faults", reload.faults);
    if let Some((file, place)) = reload.first_fault {
        line.text("fault_file", file).number("fault_line", place);
    }
}

fn push_quotas(line: &mut Line, quotas: &Quotas<'_>) {
    line.kind("quotas").time("ts", quotas.ts).code("cause", quotas.cause);
    line.list("scopes", "scopes_count", quotas.scopes, |out, (scope, per_second, burst)| {
        out.extend_from_slice(b"{\"scope\":");
        push_code(out, scope);
        out.extend_from_slice(b",\"per_second\":");
        push_number(out, u64::from(*per_second));
        out.extend_from_slice(b",\"burst\":");
        push_number(out, u64::from(*burst));
        out.push(b'}');
    });
    line.list("costs", "costs_count", quotas.costs, |out, (tier, cost)| {
        out.extend_from_slice(b"{\"tier\":");
        push_code(out, tier.code());
        out.extend_from_slice(b",\"cost\":");
        push_number(out, u64::from(*cost));
        out.push(b'}');
    });
}

fn push_tier(line: &mut Line, tier: &Tier<'_>) {
    line.kind("tier").time("ts", tier.ts).said_if("caller", Some(tier.caller)).code("old", tier.old.code());
    line.code("new", tier.new.code()).number("score", tier.score).text("cause", tier.cause);
    line.list("features", "features_count", tier.features, push_feature);
}

fn push_feature(out: &mut Vec<u8>, (name, share): &(&str, u16)) {
    out.extend_from_slice(b"{\"feature\":");
    push_text(out, name, TEXT_BYTES_MAX);
    out.extend_from_slice(b",\"share\":");
    push_number(out, u64::from(*share));
    out.push(b'}');
}

fn push_reading(line: &mut Line, reading: &Reading<'_>) {
    line.kind("reading").time("ts", reading.ts).text("request_id", reading.request_id);
    line.text("what", reading.what).text("reader", reading.reader);
    line.text_if("subject_token", reading.subject_token).text_if("officer", reading.officer);
    line.text_if("filter", reading.filter).number_if("entries", reading.entries);
    line.code_if("cause", reading.cause.map(|cause| cause.code())).number("status", reading.status);
}

/// `chain::verify_line` reads `kind`, `first` and `last` at exactly this place.
fn push_gap(line: &mut Line, gap: &Gap) {
    line.kind("gap").number("first", gap.first).number("last", gap.last).time("ts", gap.ts);
    line.code("cause", gap.cause.code()).number("refused", gap.refused);
}

/// A code of ours: letters, digits and marks that need no escape.
fn push_code(out: &mut Vec<u8>, code: &'static str) {
    out.push(b'"');
    out.extend_from_slice(code.as_bytes());
    out.push(b'"');
}

/// Members in the order in which they are pushed.
struct Line(Vec<u8>);

impl Line {
    fn name(&mut self, name: &'static str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// The first member of every line.
    fn kind(&mut self, kind: &'static str) -> &mut Self {
        self.0.extend_from_slice(b"\"kind\":");
        push_code(&mut self.0, kind);
        self
    }

    fn code(&mut self, name: &'static str, code: &'static str) -> &mut Self {
        self.name(name);
        push_code(&mut self.0, code);
        self
    }

    fn code_if(&mut self, name: &'static str, code: Option<&'static str>) -> &mut Self {
        match code {
            Some(code) => self.code(name, code),
            None => self,
        }
    }

    fn text(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.name(name);
        push_text(&mut self.0, text, TEXT_BYTES_MAX);
        self
    }

    fn text_if(&mut self, name: &'static str, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// A text that a credential or a header states: identifiers in it are not kept.
    fn said_if(&mut self, name: &'static str, text: Option<&str>) -> &mut Self {
        self.text_if(name, text.map(statement).as_deref())
    }

    /// The first half of a trace id's SHA-256: whoever knows the trace finds its entries, and what a
    /// caller hides in the id is not kept.
    fn trace(&mut self, name: &'static str, trace_id: &[u8; 16]) {
        self.name(name);
        self.0.push(b'"');
        let hash = digest::digest(&digest::SHA256, trace_id);
        push_hex(&mut self.0, hash.as_ref().get(..16).unwrap_or_default());
        self.0.push(b'"');
    }

    fn number(&mut self, name: &'static str, number: impl Into<u64>) -> &mut Self {
        self.name(name);
        push_number(&mut self.0, number.into());
        self
    }

    fn number_if(&mut self, name: &'static str, number: Option<impl Into<u64>>) -> &mut Self {
        match number {
            Some(number) => self.number(name, number),
            None => self,
        }
    }

    fn signed(&mut self, name: &'static str, number: i64) -> &mut Self {
        self.name(name);
        if number < 0 {
            self.0.push(b'-');
        }
        push_number(&mut self.0, number.unsigned_abs());
        self
    }

    fn flag(&mut self, name: &'static str, flag: bool) -> &mut Self {
        self.name(name);
        self.0.extend_from_slice(if flag { b"true" } else { b"false" });
        self
    }

    fn time(&mut self, name: &'static str, unix_ms: i64) -> &mut Self {
        self.name(name);
        self.0.push(b'"');
        push_time(&mut self.0, unix_ms);
        self.0.push(b'"');
        self
    }

    /// The /24 of an IPv4 address, the /48 of an IPv6 address: enough to see a network, not a person.
    fn network(&mut self, name: &'static str, address: IpAddr) {
        self.name(name);
        match address.to_canonical() {
            // Put together, because each entry has one, and formatting costs ten times as much.
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                for (mark, octet) in [(b'"', a), (b'.', b), (b'.', c)] {
                    self.0.push(mark);
                    push_number(&mut self.0, octet.into());
                }
                self.0.extend_from_slice(b".0/24\"");
            }
            IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                // Writing into a Vec cannot fail.
                let _ = write!(self.0, "\"{a:x}:{b:x}:{c:x}::/48\"");
            }
        }
    }

    /// A list, left out when empty, cut at [`LIST_MAX`] with its true length beside it.
    fn list<T>(
        &mut self,
        name: &'static str,
        count: &'static str,
        items: &[T],
        push: impl Fn(&mut Vec<u8>, &T),
    ) {
        if items.is_empty() {
            return;
        }
        self.name(name);
        self.0.push(b'[');
        for (index, item) in items.iter().take(LIST_MAX).enumerate() {
            if index > 0 {
                self.0.push(b',');
            }
            push(&mut self.0, item);
        }
        self.0.push(b']');
        if items.len() > LIST_MAX {
            self.number(count, items.len() as u64);
        }
    }
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
