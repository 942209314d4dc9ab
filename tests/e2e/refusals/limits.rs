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
    match name {
        "caller" => assert_eq!((limit, policy), (r#""caller";r=15;t=1"#, r#""caller";q=16;w=16"#)),
        // The standing is always the caller's own.
        _ => assert_eq!((limit, policy), (r#""caller";r=99;t=1"#, r#""caller";q=100;w=2"#)),
    }
    let spent = (0..60).any(|_| stage.get(MARKET, ENTERPRISE).status == 429);
    assert!(spent, "{cause} never runs out");
    carry_out(&stage, vec![asks(&stage, (429, "E-EXCESSIVE", cause))]);
    let reply = stage.get(MARKET, ENTERPRISE);
    // A second, and up to eight more, so that not everybody returns at once.
    let wait: u64 = reply.header("retry-after").unwrap_or_else(|| panic!("{}", reply.head)).parse().unwrap();
    assert!((1..=9).contains(&wait), "{wait}");
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
    let row = Row::new("policy_error", send, (403, "E-POLICY-ERROR", ""));
    carry_out(&stage, vec![Row { application: CIVIL.0, ..row }]);
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
