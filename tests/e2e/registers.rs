//! The registers as a running gateway serves them.

use crate::support::{CIVIL, Ground, HOUSEHOLD, Stage, within};
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
