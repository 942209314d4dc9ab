//! The registers as a running gateway serves them.

use crate::support::{CIVIL, Ground, HOUSEHOLD, Stage, eventually, get, within};
use serde_json::Value;
use std::time::Duration;

fn derived(stage: &Stage, path: &str) -> Value {
    let there = || stage.page(path).status == 200;
    assert!(within(Duration::from_secs(120), there), "{}", stage.page(path).head);
    stage.page(path).json()
}

#[test]
fn catalogue_and_grants_are_served_and_agree_with_answers() {
    let stage = Ground::lay().start(|_| ());
    let catalogue = stage.page("/catalogue");
    assert_eq!((catalogue.status, catalogue.header("content-type")), (200, Some("application/ld+json")));
    assert_eq!(catalogue.json()["@type"], "dcat:Catalog");
    let page = stage.page("/catalogue?form=html&lang=en");
    assert!(
        page.header("content-type").unwrap().starts_with("text/html")
            && page.text().contains("Marriage registrations")
    );
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert!(!page.text().contains("<script"));

    let first = stage.page("/admin/v1/grants");
    assert!(first.status == 200 || first.header("retry-after") == Some("1"), "{}", first.head);
    let register = derived(&stage, "/admin/v1/grants");
    let state: Value = stage.page("/admin/v1/state").json();
    assert_eq!(register["policy_digest"], state["policies"]["digest"]);
    // What the register says of this officer's question is what the answer says.
    let said = |grant: &&Value| {
        grant["application"] == "civil-affairs-window"
            && grant["dataset"] == "household"
            && grant["purpose"] == "social-assistance"
    };
    let grants = register["grants"].as_array().unwrap();
    let grant = grants.iter().find(said).unwrap_or_else(|| panic!("{grants:#?}"));
    let disclosure = stage.get(CIVIL, HOUSEHOLD).header("disclosure").unwrap().to_owned();
    for (label, mode) in grant["labels"].as_object().unwrap() {
        let shown = format!("{label};mode={}", mode.as_str().unwrap());
        assert!(disclosure.contains(&shown), "{shown} in {disclosure}");
    }
    let public = derived(&stage, "/grants");
    assert!(public["grants"].as_array().unwrap().len() > 10 && public["complete"] == true);
    assert!(stage.page("/grants?form=html&lang=zh").text().contains("授权登记"));
}

/// One request of the data plane by nobody in particular.
fn asked(stage: &Stage, method: &str, path: &str, host: &str) -> crate::support::client::Reply {
    stage.ask(None, format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())
}

/// Where the configuration says so, what is for everybody is served to everybody, and is the same as on
/// the admin plane; nothing else is.
#[test]
fn public_pages_on_the_data_plane_are_those_of_the_admin_plane() {
    let stage = Ground::lay().start(|settings| {
        settings.catalogue.on_data_plane = true;
        settings.data.host_names = vec!["localhost".into()];
        settings.audit.checkpoint_every = Duration::from_millis(20);
    });
    assert_eq!(stage.get(CIVIL, HOUSEHOLD).status, 200);
    derived(&stage, "/grants");
    assert!(eventually(|| asked(&stage, "GET", "/audit/v1/checkpoint", "localhost").status == 200));
    let entries = stage.entries().len();
    for path in [
        "/catalogue",
        "/catalogue?form=html&lang=en",
        "/grants",
        "/grants?form=html&lang=zh",
        "/audit/v1/tile/0/000.p/1",
    ] {
        let (here, there) = (asked(&stage, "GET", path, "localhost"), stage.page(path));
        assert_eq!((here.status, &here.body), (200, &there.body), "{path}");
        for name in ["content-type", "content-security-policy", "x-content-type-options"] {
            assert_eq!(here.header(name), there.header(name), "{path} {name}");
        }
    }
    assert_eq!(stage.entries().len(), entries, "there is nothing to account for");
    for (method, path, host, status) in [
        ("POST", "/catalogue", "localhost", 405),
        ("GET", "/audit/v1/tile/entries/000", "localhost", 404),
        ("GET", "/audit/v1/../../lock", "localhost", 404),
        ("GET", "/catalogue", "elsewhere.example", 421),
    ] {
        let reply = asked(&stage, method, path, host);
        assert_eq!(reply.status, status, "{method} {path} {host}: {}", reply.text());
    }
    for path in ["/admin/v1/grants", "/metrics", "/readyz", "/catalogues", "/audit/v1"] {
        assert_eq!(asked(&stage, "GET", path, "localhost").status, 401, "{path}");
    }
}

/// By default the data plane knows none of it.
#[test]
fn public_pages_are_not_on_the_data_plane_unless_asked_for() {
    let stage = Ground::lay().start(|_| ());
    for path in ["/catalogue", "/grants", "/audit/v1/checkpoint"] {
        assert_eq!(asked(&stage, "GET", path, "localhost").status, 401, "{path}");
        let reply = stage.ask(CIVIL.0, &get(path, &stage.token(CIVIL.1)));
        assert_eq!(reply.status, 404, "{path}");
    }
}

/// Many at once: each gets the page or is told to come back, and departments are served meanwhile.
#[test]
fn a_crowd_at_the_public_pages_holds_up_nobody() {
    let stage = Ground::lay().start(|settings| settings.catalogue.on_data_plane = true);
    std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = stage.connect(None);
                    let line = b"GET /catalogue?form=html HTTP/1.1\r\nHost: localhost\r\n\r\n";
                    (0..20)
                        .map(|_| connection.ask(line).unwrap())
                        .map(|reply| (reply.status, reply.header("retry-after").is_some()))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        for _ in 0..20 {
            assert_eq!(stage.get(CIVIL, HOUSEHOLD).status, 200);
        }
        let told: Vec<(u16, bool)> = crowd.into_iter().flat_map(|one| one.join().unwrap()).collect();
        assert!(told.iter().all(|told| matches!(told, (200, false) | (503, true))), "{told:?}");
        assert!(told.contains(&(200, false)));
    });
}
