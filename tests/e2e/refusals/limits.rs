//! Quotas, the audit queue and policies that err: refusals that need a gateway set up for them.

use super::{Row, carry_out, request};
use crate::support::upstream::Play;
use crate::support::{CIVIL, ENTERPRISE, Ground, HOUSEHOLD, MARKET, Stage, eventually};
use std::thread;
use std::time::Duration;
use zhamen::config::settings::{KeySource, Quota, QuotaSettings};

const ONE: Quota = Quota { per_second: 1, burst: 16 };

pub fn run() {
    quota("quota_caller", |quotas| quotas.caller = ONE);
    quota("quota_application", |quotas| quotas.application = ONE);
    quota("quota_department", |quotas| quotas.department = ONE);
    quota("quota_total", |quotas| quotas.total = ONE);
    quota("quota_volume", |quotas| quotas.volume = Some(ONE));
    queue();
    erring_policy();
    no_keys();
}

fn asks(stage: &Stage, expect: (u16, &'static str, &'static str)) -> Row {
    Row::new(expect.2, request(&stage.token(MARKET.1), &format!("GET {ENTERPRISE}"), ""), expect)
}

/// What is left is said with each answer; beyond it, when to come back.
fn quota(cause: &'static str, narrow: impl Fn(&mut QuotaSettings)) {
    let stage = Ground::lay().start(|settings| narrow(&mut settings.quotas));
    let first = stage.get(MARKET, ENTERPRISE);
    assert_eq!(first.status, 200);
    let name = cause.strip_prefix("quota_").unwrap();
    let (limit, policy) = (first.header("ratelimit").unwrap(), first.header("ratelimit-policy").unwrap());
    // The standing is that in the quota of which the least is left.
    let left = (format!("\"{name}\";r=15;t=1"), format!("\"{name}\";q=16;w=16"));
    assert_eq!((limit, policy), (left.0.as_str(), left.1.as_str()));
    let spent = (0..60).any(|_| stage.get(MARKET, ENTERPRISE).status == 429);
    assert!(spent, "{cause} never runs out");
    carry_out(&stage, vec![asks(&stage, (429, "E-EXCESSIVE", cause))]);
    let reply = stage.get(MARKET, ENTERPRISE);
    // A second, and up to eight more, so that not everybody returns at once.
    let wait: u64 = reply.header("retry-after").unwrap_or_else(|| panic!("{}", reply.head)).parse().unwrap();
    assert!((1..=9).contains(&wait), "{wait}");
    assert_eq!(reply.header("ratelimit"), Some(format!("\"{name}\";r=0;t=1").as_str()), "{}", reply.head);
    assert_eq!(reply.header("ratelimit-policy"), Some(left.1.as_str()), "{}", reply.head);
    assert!(stage.metric("zhamen_quota_refusals_total", &[&format!("\"{name}\"")]) >= 2.0);
}

/// One place in the queue, held by a request whose upstream is silent.
fn queue() {
    let stage = Ground::lay().start(|settings| settings.audit.queue_max = 1);
    // The entry of the start leaves the queue first.
    assert!(eventually(|| !stage.entries().is_empty()));
    thread::sleep(Duration::from_millis(100));
    stage.upstream().always(Play::Pieces(vec![(Vec::new(), Duration::from_secs(3))]));
    let mut waiting = stage.connect(MARKET.0);
    waiting.send(&request(&stage.token(MARKET.1), &format!("GET {ENTERPRISE}"), "")).unwrap();
    assert!(eventually(|| !stage.upstream().heard().is_empty()));
    let reply = stage.get(MARKET, ENTERPRISE);
    assert_eq!((reply.status, reply.code().as_str()), (503, "E-AUDIT"), "{}", reply.text());
    assert!(stage.entries_of("request", &reply.request_id()).is_empty(), "there was no place for it");
    super::REACHED.lock().unwrap().insert("audit_queue".to_owned());
}

/// A policy that overflows is no policy: the answer is no.
fn erring_policy() {
    let ground = Ground::lay();
    let policy = "@id(\"test.overflow\")\n@reason(\"E-LEVEL\")\n@cite(\"none\")\nforbid (principal, action in \
                  Gov::Action::\"access\", resource is Gov::Dataset)\n\
                  when { context.tier + 9223372036854775807 + 1 > 0 };\n";
    // The shipped cases would find it before it is in force.
    std::fs::remove_dir_all(ground.path("policies/cases")).unwrap();
    ground.edit("policies/overflow.cedar", |_| policy.to_owned());
    let stage = ground.start(|_| ());
    let send = request(&stage.token(CIVIL.1), &format!("GET {HOUSEHOLD}"), "");
    let row = Row::new("policy_error", send, (403, "E-POLICY-ERROR", "policy_error"));
    carry_out(&stage, vec![Row { application: CIVIL.0, ..row }]);
    let entry = stage.entries().into_iter().find(|entry| entry["cause"] == "policy_error").unwrap();
    assert_eq!(entry["policies"], serde_json::json!(["test.overflow"]), "{entry}");
    assert_eq!(stage.metric("zhamen_policy_errors_total", &["test.overflow"]), 1.0);
    // It is our fault, not the caller's: nothing is held against it.
    let callers = stage.page("/admin/v1/callers").json();
    assert!(callers.as_array().unwrap().iter().all(|caller| caller["denied"] == 0), "{callers}");
}

/// Keys that could never be fetched prove nobody, and that is our fault, not the caller's.
fn no_keys() {
    let ground = Ground::lay();
    let keys = KeySource::Url {
        url: format!("https://{}/jwks.json", ground.upstream.address),
        ca_file: Some(ground.path("certs/ca.pem")),
        refresh: Duration::from_secs(3600),
        age_max: Duration::from_secs(86_400),
    };
    let stage = ground.start(|settings| settings.identity.issuers[0].keys = keys);
    carry_out(&stage, vec![asks(&stage, (503, "E-UNAVAILABLE", "jwks_stale"))]);
    assert_eq!(stage.page("/readyz").status, 503);
}
