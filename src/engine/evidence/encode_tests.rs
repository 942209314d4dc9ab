//! Entries and the exact bytes they become.

use super::super::entry::{
    Admin, ClockStep, Drift, FoundSeen, GapCause, LabelSeen, QuotaLeft, Quotas, Refused, Reloaded, UseAsked,
};
use super::*;
use crate::engine::identifier::Kind;
use crate::engine::reason::{Cause, Reason};
use crate::engine::terms::{AuthMethod, DisclosureMode, Interface, LegalBasis, Level, RiskTier, SubjectType};
use crate::engine::uses::UseAs;
use std::sync::Arc;

fn text(entry: &Entry<'_>) -> String {
    String::from_utf8(encode(entry).members().to_vec()).unwrap()
}

/// Fails unless the members are what is expected, before the class of retention that ends every entry,
/// and parse as JSON.
fn check(entry: &Entry<'_>, expect: &str) {
    let members = text(entry);
    let (content, class) = members.rsplit_once(",\"retention\":").unwrap();
    assert_eq!(content, expect);
    assert!(["\"personal\"", "\"ordinary\""].contains(&class), "{class}");
    serde_json::from_str::<serde_json::Value>(&format!("{{{members}}}")).unwrap();
}

#[test]
fn a_full_request() {
    let policies: [Arc<str>; 2] = ["social-assistance.query".into(), "household".into()];
    let modes = [
        ModeShown { label: "name", mode: DisclosureMode::Clear, reason: None },
        ModeShown { label: "mobile", mode: DisclosureMode::None, reason: Some(Reason::Suspended) },
    ];
    let request = Request {
        ts_in: 1_795_397_400_500,
        request_id: "01J",
        channel: "https",
        department: Some("11330100MB0000019K"),
        application: Some("civil-affairs-window"),
        officer: Some("o-7"),
        post: Some("window"),
        auth_method: Some(AuthMethod::Certificate),
        cert_fpr: Some("00ff"),
        represented: Some("11330100MB0000027E"),
        network_known: Some(true),
        client_ip: Some("192.0.2.77".parse().unwrap()),
        purpose: Some("social-assistance"),
        legal_basis: Some(LegalBasis::StatutoryDuty),
        consent_ref: Some("TY-2026-0042"),
        matter_id: Some("m-1"),
        matter_type: Some("social-assistance-review"),
        break_glass: Some("急救\n\"now\""),
        dataset: Some("marriage"),
        code: Some("306001/1"),
        level: Some(Level::L3),
        route: Some("/civil-affairs/v1/marriages/{id}"),
        method: Some("GET"),
        interface: Some(Interface::Query),
        subject_type: Some(SubjectType::Natural),
        subject_token: Some("s1_x"),
        records_requested: Some(1),
        uses: &[UseAsked { label: "income", how: UseAs::Sort }],
        decision: Some(Decision::AllowPartial),
        reason: None,
        cause: None,
        reasons: &[Reason::Suspended],
        policies: &policies,
        modes: &modes,
        policy_digest: Some("ab12"),
        risk: Some(120),
        tier: Some(RiskTier::Watch),
        features: &[("denials", 120)],
        quota: Some(QuotaLeft { limit: 50, remaining: 49 }),
        status: Some(200),
        trace_id: Some([7; 16]),
        body_bytes: Some(20),
        grants: &["GX-2026-0117".into()],
        explained: Some(false),
        visible_from: Some(1_795_397_400_000),
    };
    check(
        &Entry::Request(request),
        concat!(
            r#""kind":"request","ts_in":"2026-11-23T01:30:00.500Z","request_id":"01J","channel":"https","#,
            // sha256(bytes([7]*16)) of Python
            r#""trace":"d761d406af2a4a5a15f67c924378ed88","#,
            r#""department":"11330100MB0000019K","application":"civil-affairs-window","officer":"o-7","#,
            r#""post":"window","auth_method":"CERTIFICATE","cert_fpr":"00ff","represented":"11330100MB0000027E","#,
            r#""network_known":true,"client_ip":"192.0.2.0/24","purpose":"social-assistance","legal_basis":"STATUTORY_DUTY","consent_ref":"TY-2026-0042","matter_id":"m-1","matter_type":"social-assistance-review","#,
            r#""grants":["GX-2026-0117"],"explained":false,"break_glass":true,"justification":"急救\u000a\"now\"","dataset":"marriage","code":"306001/1","level":"L3","#,
            r#""route":"/civil-affairs/v1/marriages/{id}","method":"GET","interface":"QUERY","#,
            r#""subject_type":"NATURAL","subject_token":"s1_x","records_requested":1,"req_bytes":20,"uses":[{"label":"income","as":"sort"}],"decision":"ALLOW_PARTIAL","#,
            r#""reasons":["E-SUSPENDED"],"policies":["social-assistance.query","household"],"modes":[{"label":"name","mode":"CLEAR"},{"label":"mobile","mode":"NONE","reason":"E-SUSPENDED"}],"#,
            r#""policy_digest":"ab12","risk":120,"tier":"T1","features":[{"feature":"denials","share":120}],"quota_limit":50,"quota_remaining":49,"status":200,"visible_to_subject_from":"2026-11-23T01:30:00.000Z""#,
        ),
    );
}

/// What concerns persons is kept for three years, what concerns the gateway for six months.
#[test]
fn every_entry_states_how_long_it_is_kept() {
    let (request, outcome) = (Request::default(), Outcome::default());
    let gap = Gap { ts: 0, first: 1, last: 2, cause: GapCause::Write, refused: 0 };
    let lifecycle = Lifecycle { ts: 0, version: "1", policy_digest: None, detail: "" };
    for (entry, class) in [
        (Entry::Request(request.clone()), "personal"),
        (Entry::Answered(request, outcome.clone()), "personal"),
        (Entry::Outcome(outcome), "personal"),
        (Entry::Reading(Reading::default()), "personal"),
        (Entry::Start(lifecycle), "ordinary"),
        (Entry::TornTail { ts: 0, bytes: 1 }, "ordinary"),
        (Entry::Gap(gap), "ordinary"),
    ] {
        assert!(text(&entry).ends_with(&format!(",\"retention\":\"{class}\"")), "{}", text(&entry));
    }
}

#[test]
fn a_request_of_which_nothing_is_known_counts_as_refused() {
    check(
        &Entry::Request(Request { cause: Some(Cause::BadHost), ..Request::default() }),
        concat!(
            r#""kind":"request","ts_in":"1970-01-01T00:00:00.000Z","request_id":"","channel":"","#,
            r#""decision":"REFUSED","cause":"bad_host""#
        ),
    );
}

#[test]
fn an_outcome_has_four_stamps() {
    let labels = [LabelSeen { label: "name", values: 3 }];
    let outcome = Outcome {
        request_id: "r",
        status: Some(200),
        upstream_status: Some(200),
        records: Some(3),
        labels: &labels,
        subjects: Some(5000),
        subjects_estimated: true,
        found: &[FoundSeen { label: "name", kind: Kind::Mobile, values: 2 }],
        dropped_records: 1,
        filtered_records: 4,
        suppressed_counts: 0,
        dropped_unknown: 2,
        bytes: 512,
        digest: Some("ab"),
        handover: Handover::Short,
        fault: Some(Cause::EarlyClose),
        ts_in: 1,
        ts_upstream_out: Some(2),
        ts_upstream_in: Some(3),
        ts_out: 4,
    };
    let ahead = Outcome { handover: Handover::Ahead, fault: None, digest: None, ..outcome.clone() };
    let ahead = encode(&Entry::Answered(Request { request_id: "r", ..Request::default() }, ahead));
    let ahead = String::from_utf8_lossy(ahead.members()).into_owned();
    assert!(ahead.contains(r#","bytes":512,"released":true,"retention":"#), "{ahead}");
    assert!(!ahead.contains("delivered"));
    let found_by = FoundBy { subject_token: Some("s1_a"), officer: Some("mz-1") };
    let corrected = encode(&Entry::Corrected(outcome.clone(), found_by));
    let corrected = String::from_utf8_lossy(corrected.members()).into_owned();
    assert!(corrected.contains(r#""request_id":"r","subject_token":"s1_a","officer":"mz-1","status":200,"#));
    check(
        &Entry::Outcome(outcome),
        concat!(
            r#""kind":"outcome","ts_in":"1970-01-01T00:00:00.001Z","ts_upstream_out":"1970-01-01T00:00:00.002Z","#,
            r#""ts_upstream_in":"1970-01-01T00:00:00.003Z","ts_out":"1970-01-01T00:00:00.004Z","request_id":"r","#,
            r#""status":200,"upstream_status":200,"records":3,"labels":[{"label":"name","values":3}],"#,
            r#""subjects":5000,"subjects_estimated":true,"found":[{"label":"name","kind":"mobile","values":2}],"#,
            r#""dropped_records":1,"filtered_records":4,"dropped_unknown":2,"bytes":512,"sha256":"ab","delivered":false,"fault":"early_close""#
        ),
    );
}

#[test]
fn the_other_kinds() {
    const T: &str = r#""1970-01-01T00:00:00.000Z""#;
    let lifecycle = Lifecycle { ts: 0, version: "0.1.0", policy_digest: Some("d"), detail: "run" };
    let reload = Reload {
        ts: 0,
        accepted: false,
        digest_before: "a",
        digest_after: None,
        what: Reloaded::Policies,
        faults: 2,
        first_fault: Some(("x.cedar", 1)),
    };
    let tier = Tier {
        ts: 0,
        caller: "app|o-7",
        old: RiskTier::Normal,
        new: RiskTier::Reduced,
        score: 600,
        cause: "evidence",
        features: &[("invalid_identifiers", 600)],
    };
    let gap = Gap { ts: 0, first: 4, last: 3, cause: GapCause::Missing, refused: 9 };
    for (entry, expect) in [
        (
            Entry::Drift(Drift { ts: 0, dataset: "d", template: "$.data[*].x", policy_digest: "p" }),
            format!(r#""kind":"drift","ts":{T},"dataset":"d","template":"$.data[*].x","policy_digest":"p""#),
        ),
        (
            Entry::Start(lifecycle),
            format!(r#""kind":"start","ts":{T},"version":"0.1.0","policy_digest":"d","detail":"run""#),
        ),
        (
            Entry::Stop(lifecycle),
            format!(r#""kind":"stop","ts":{T},"version":"0.1.0","policy_digest":"d","detail":"run""#),
        ),
        (
            Entry::Reload(reload),
            format!(
                r#""kind":"reload","ts":{T},"what":"policies","accepted":false,"digest_before":"a","faults":2,"fault_file":"x.cedar","fault_line":1"#
            ),
        ),
        (
            Entry::Tier(tier),
            format!(
                r#""kind":"tier","ts":{T},"caller":"app|o-7","old":"T0","new":"T3","score":600,"cause":"evidence","features":[{{"feature":"invalid_identifiers","share":600}}]"#
            ),
        ),
        (
            Entry::Gap(gap),
            format!(r#""kind":"gap","first":4,"last":3,"ts":{T},"cause":"file_missing","refused":9"#),
        ),
        (Entry::TornTail { ts: 0, bytes: 17 }, format!(r#""kind":"torn_tail","ts":{T},"bytes":17"#)),
        (
            Entry::Refused(Refused { ts: 0, cause: Cause::AuditQueue, count: 5 }),
            format!(r#""kind":"refused","ts":{T},"cause":"audit_queue","count":5"#),
        ),
        (
            Entry::ClockStep(ClockStep { ts: 0, step_ms: -3_600_000 }),
            format!(r#""kind":"clock_step","ts":{T},"step_ms":-3600000"#),
        ),
    ] {
        check(&entry, &expect);
    }
}

#[test]
fn addresses_are_cut_to_their_network() {
    for (address, expect) in [
        ("10.1.2.3", "10.1.2.0/24"),
        ("::ffff:10.1.2.3", "10.1.2.0/24"),
        ("2001:db8:7:8::9", "2001:db8:7::/48"),
        ("::1", "0:0:0::/48"),
    ] {
        let request = Request { client_ip: Some(address.parse().unwrap()), ..Request::default() };
        assert!(text(&Entry::Request(request)).contains(&format!(r#""client_ip":"{expect}""#)), "{address}");
    }
}

/// AU-08: nothing of outside text makes a second line, and a megabyte stays bounded.
#[test]
fn hostile_text_stays_one_bounded_line() {
    let long = "A".repeat(1 << 20);
    for hostile in
        ["\r\n{\"v\":1,\"seq\":2}", "\u{1b}[31m", "\u{202e}", "\0", "\",\"decision\":\"ALLOW", &long]
    {
        let request = Request {
            request_id: hostile,
            officer: Some(hostile),
            break_glass: Some(hostile),
            matter_id: Some(hostile),
            ..Request::default()
        };
        let members = text(&Entry::Request(request));
        assert!(members.len() < 8192, "{}", members.len());
        assert!(!members.contains(['\n', '\r', '\u{1b}', '\0', '\u{202e}']));
        let value: serde_json::Value = serde_json::from_str(&format!("{{{members}}}")).unwrap();
        assert_eq!(value["decision"], "REFUSED");
    }
}

#[test]
fn long_lists_are_cut_and_counted() {
    let policies: Vec<Arc<str>> = (0..100).map(|index| format!("p{index}").into()).collect();
    let members = text(&Entry::Request(Request { policies: &policies, ..Request::default() }));
    assert!(members.contains(r#""p63"],"policies_count":100"#), "{members}");
}

#[test]
fn what_is_set_and_what_is_read() {
    const T: &str = "\"1970-01-01T00:00:00.000Z\"";
    for (entry, expect) in [
        (
            Entry::Quotas(Quotas {
                ts: 0,
                cause: "start",
                scopes: &[("caller", 50, 100)],
                costs: &[(RiskTier::Watch, 2)],
            }),
            format!(
                r#""kind":"quotas","ts":{T},"cause":"start","scopes":[{{"scope":"caller","per_second":50,"burst":100}}],"costs":[{{"tier":"T1","cost":2}}]"#
            ),
        ),
        (
            Entry::Admin(Admin {
                ts: 0,
                actor: "credential",
                action: "callers",
                status: 200,
                from: Some("10.1.2.3".parse().unwrap()),
            }),
            format!(
                r#""kind":"admin","ts":{T},"actor":"credential","action":"callers","status":200,"from":"10.1.2.0/24""#
            ),
        ),
    ] {
        check(&entry, &expect);
    }
}
