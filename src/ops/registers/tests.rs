use super::catalogue::{access_right, html as catalogue_html, json_ld};
use super::grants::{Grant, PolicyShown, Register, derive, derive_within};
use super::summary::{html as grants_html, public};
use super::*;
use crate::catalogue::Folder;
use crate::config::settings::CatalogueSettings;
use crate::engine::terms::{Level, SharingType};
use crate::state::snapshot::Snapshot;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

const TODAY: (i32, u8, u8) = (2026, 11, 23);

fn shipped() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut files = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                files.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    files
}

fn snapshot(edit: impl Fn(&str, String) -> String) -> Snapshot {
    let files: Vec<(String, String)> =
        shipped().into_iter().map(|(name, text)| (name.clone(), edit(&name, text))).collect();
    let folder = Folder::from_files(files.iter().map(|(name, text)| (name.as_str(), text.as_str()))).unwrap();
    Snapshot::build(&folder, None, TODAY).unwrap_or_else(|faults| panic!("{faults}"))
}

fn settings() -> CatalogueSettings {
    CatalogueSettings {
        base_url: "https://data.example".into(),
        publisher: Text { zh: "数据局".into(), en: "Data <bureau>".into() },
        on_data_plane: false,
    }
}

static SHIPPED: LazyLock<(Snapshot, Register)> = LazyLock::new(|| {
    let snapshot = snapshot(|_, text| text);
    let register = derive(&snapshot);
    (snapshot, register)
});

/// Properties that DCAT-AP 3.0.1 makes mandatory, and those of its recommended ones that we promise.
const REQUIRED: &[(&str, &[&str])] = &[
    (
        "dcat:Catalog",
        &[
            "dct:title",
            "dct:description",
            "dct:publisher",
            "dcat:dataset",
            "dcat:service",
            "dct:language",
            "dcat:themeTaxonomy",
            "foaf:homepage",
        ],
    ),
    (
        "dcat:Dataset",
        &[
            "dct:title",
            "dct:description",
            "dct:publisher",
            "dcat:contactPoint",
            "dcat:theme",
            "dcat:keyword",
            "dct:accessRights",
            "dct:identifier",
        ],
    ),
    ("dcat:Distribution", &["dcat:accessURL", "dct:format", "dcat:accessService"]),
    ("dcat:DataService", &["dcat:endpointURL", "dct:title", "dcat:servesDataset"]),
    ("foaf:Agent", &["foaf:name"]),
    ("vcard:Organization", &["vcard:fn"]),
];

/// Every node of the document, nested ones included.
fn nodes<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(members) => {
            found.push(value);
            members
                .iter()
                .filter(|(name, _)| *name != "@context")
                .for_each(|(_, member)| nodes(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| nodes(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_document_has_what_the_profile_requires() {
    let document = json_ld(&SHIPPED.0, &settings());
    let mut found = Vec::new();
    nodes(&document, &mut found);
    let mut seen = BTreeSet::new();
    for node in &found {
        let Some(kind) = node["@type"].as_str() else { continue };
        seen.insert(kind);
        for property in REQUIRED.iter().filter(|(known, _)| *known == kind).flat_map(|(_, all)| *all) {
            let value = &node[*property];
            let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value == "";
            let none_served = *property == "dcat:servesDataset";
            assert!(!empty || none_served, "{kind} without {property}: {node}");
        }
    }
    assert!(REQUIRED.iter().all(|(kind, _)| seen.contains(kind)), "{seen:?}");
}

/// Every reference leads somewhere, every prefix is declared, every address is absolute.
#[test]
fn the_document_is_one_graph() {
    let document = json_ld(&SHIPPED.0, &settings());
    let mut found = Vec::new();
    nodes(&document, &mut found);
    let described: BTreeSet<&str> = found
        .iter()
        .filter(|node| node.get("@type").is_some())
        .filter_map(|node| node["@id"].as_str())
        .collect();
    for node in &found {
        for name in node.as_object().unwrap().keys().filter(|name| !name.starts_with('@')) {
            let prefix = name.split(':').next().unwrap();
            assert!(
                document["@context"].get(prefix).is_some() || document["@context"].get(name).is_some(),
                "{name}"
            );
        }
        let Some(iri) = node["@id"].as_str() else { continue };
        assert!(["https://", "http://", "mailto:"].iter().any(|scheme| iri.starts_with(scheme)), "{iri}");
        let ours = iri.starts_with("https://data.example/catalogue#");
        assert!(!ours || described.contains(iri), "{iri} is named and nowhere described");
    }
}

#[test]
fn what_is_not_shared_stands_there_with_reason_and_review() {
    let document = json_ld(&SHIPPED.0, &settings());
    let datasets = document["dcat:dataset"].as_array().unwrap();
    assert_eq!(datasets.len(), SHIPPED.0.catalogue.datasets.len());
    let closed = datasets.iter().find(|dataset| dataset["dct:identifier"] == "308002/1").unwrap();
    assert_eq!(
        closed["dct:accessRights"]["@id"],
        "http://publications.europa.eu/resource/authority/access-right/NON_PUBLIC"
    );
    assert_eq!(closed["zhamen:nextReview"]["@value"], "2027-06-30");
    assert_eq!(closed["dct:rights"]["rdfs:label"]["@value"], "传染病防治法第十二条");
    assert!(closed.get("dcat:distribution").is_none(), "nobody can have it");
    let open = datasets.iter().find(|dataset| dataset["dct:identifier"] == "312001/1").unwrap();
    assert!(open["dct:accessRights"]["@id"].as_str().unwrap().ends_with("/PUBLIC"));
    assert!(open.get("zhamen:nextReview").is_none());
}

#[test]
fn access_rights_follow_sharing_and_level() {
    for (sharing, level, right) in [
        (SharingType::Unconditional, Level::L1, "PUBLIC"),
        (SharingType::Unconditional, Level::L2, "RESTRICTED"),
        (SharingType::Conditional, Level::L1, "RESTRICTED"),
        (SharingType::NotShared, Level::L1, "NON_PUBLIC"),
    ] {
        assert_eq!(access_right(sharing, level), right, "{sharing} {level}");
    }
}

#[test]
fn a_hidden_route_is_not_in_the_catalogue() {
    let hide = |name: &str, text: String| match name {
        "catalogue/data-bureau.yaml" => {
            text.replace("    interface: BATCH\n", "    interface: BATCH\n    hidden: true\n")
        }
        _ => text,
    };
    let document = json_ld(&snapshot(hide), &settings()).to_string();
    assert!(
        !document.contains("open-statistics-batch")
            && json_ld(&SHIPPED.0, &settings()).to_string().contains("open-statistics-batch")
    );
}

/// What people write into the catalogue is text, whatever it looks like.
#[test]
fn pages_hold_no_markup_of_others() {
    const HOSTILE: &str = "<script>alert(1)</script>&\\\"'><img src=x>";
    let edit = |name: &str, text: String| match name {
        "catalogue/civil-affairs.yaml" => text
            .replace(
                "{zh: 婚姻登记信息, en: Marriage registrations}",
                &format!("{{zh: \"{HOSTILE}\", en: \"{HOSTILE}\"}}"),
            )
            .replace("{zh: 民政局, en: Civil affairs}", &format!("{{zh: \"{HOSTILE}\", en: \"{HOSTILE}\"}}"))
            .replace(
                "condition: 办理政务服务事项时，凭办件查询当事人及其配偶",
                &format!("condition: \"{HOSTILE}\""),
            ),
        "labels.yaml" => text.replace(
            "{zh: 机构名称, en: Name of an organisation}",
            &format!("{{zh: \"{HOSTILE}\", en: \"{HOSTILE}\"}}"),
        ),
        "purposes.yaml" => text.replace(
            "{zh: 社会救助, en: \"Social assistance\"}",
            &format!("{{zh: \"{HOSTILE}\", en: \"{HOSTILE}\"}}"),
        ),
        _ => text,
    };
    let hostile = snapshot(edit);
    let register = derive_within(&hostile, 100_000, |id| id == "civil-affairs-window");
    for language in [Language::Zh, Language::En] {
        for page in
            [catalogue_html(&hostile, &settings(), language), grants_html(&register, &hostile, language)]
        {
            assert!(page.contains("&lt;script&gt;"), "it is shown");
            for raw in ["<script", "<img", "'>", "onerror"] {
                assert!(!page.contains(raw), "{raw}");
            }
            assert!(
                page.starts_with("<!doctype html>") && page.contains(&format!("lang=\"{}\"", language.tag()))
            );
        }
    }
    assert_eq!(
        json_ld(&hostile, &settings())["dcat:dataset"].as_array().map(Vec::len),
        Some(hostile.catalogue.datasets.len())
    );
}

fn of<'r>(register: &'r Register, application: &str, dataset: &str, purpose: Option<&str>) -> Vec<&'r Grant> {
    let is_it = |grant: &&Grant| {
        *grant.application == *application
            && *grant.dataset == *dataset
            && grant.purpose.as_deref() == purpose
    };
    register.grants.iter().filter(is_it).collect()
}

#[test]
fn the_register_says_what_the_policies_do() {
    let register = &SHIPPED.1;
    assert!(register.complete && register.questions > 1000, "{}", register.questions);
    // 社会救助: civil affairs sees a household in a matter of that kind only.
    let grants = of(register, "civil-affairs-window", "household", Some("social-assistance"));
    assert_eq!(grants.len(), 1, "{grants:#?}");
    assert_eq!(
        grants[0].matter_types.iter().map(|id| &**id).collect::<Vec<_>>(),
        ["social-assistance-review"]
    );
    let modes: Vec<_> = grants[0].labels.iter().map(|(label, mode)| (&**label, *mode)).collect();
    assert!(modes.contains(&("id-number", "PARTIAL")) && modes.contains(&("name", "CLEAR")), "{modes:?}");
    assert!(!modes.iter().any(|(label, _)| *label == "religion"), "sensitive, and nobody granted it");
    assert!(grants[0].policies.iter().any(|policy| *policy.id == *"social-assistance.household"));
    // 传染病 stays with health.
    let others = register.grants.iter().filter(|grant| *grant.dataset == *"infectious-disease-list");
    assert!(others.clone().all(|grant| grant.department == grant.provider));
    // Statistics need an approved grant.
    let statistics = of(register, "open-data-portal", "income-tax", Some("statistics"));
    assert!(statistics.iter().all(|grant| grant.needs.contains(&"grant")), "{statistics:#?}");
    // An emergency needs the second factor for what saves lives.
    let emergency = of(register, "hospital-emergency", "emergency-record", Some("emergency-treatment"));
    assert!(
        !emergency.is_empty() && emergency.iter().all(|grant| grant.needs.contains(&"second-factor")),
        "{emergency:#?}"
    );
    // Open data need nothing at all.
    let open = of(register, "tax-desk", "enterprise", None);
    assert!(
        !open.is_empty() && open.iter().all(|grant| grant.needs.is_empty() && grant.matter_types.is_empty())
    );
}

/// What the register grants, a request gets; what it does not, a request does not get.
#[test]
fn an_end_a_revocation_and_a_removed_permit_show() {
    let until = |day: &str| {
        let day = day.to_owned();
        move |name: &str, text: String| match name {
            "social-assistance.cedar" => text.replacen(
                "@id(\"social-assistance.access\")",
                &format!("@id(\"social-assistance.access\")\n@grant(\"GX-2026-0117\")\n@until(\"{day}\")"),
                1,
            ),
            name if name.starts_with("cases/") => "cases: []\n".to_owned(),
            _ => text,
        }
    };
    let running = derive_within(&snapshot(until("2026-11-23")), 100_000, |id| id == "civil-affairs-window");
    let grants = of(&running, "civil-affairs-window", "income-tax", Some("social-assistance"));
    assert!(
        !grants.is_empty() && grants.iter().all(|grant| grant.until.as_deref() == Some("2026-11-23")),
        "{grants:#?}"
    );
    let approval = |policy: &PolicyShown| policy.grant.as_deref() == Some("GX-2026-0117");
    assert!(grants.iter().all(|grant| grant.policies.iter().any(approval)), "{grants:#?}");
    assert!(public(&running).iter().any(|grant| grant.approvals.contains(&"GX-2026-0117".into())));
    let ended = derive_within(&snapshot(until("2026-11-22")), 100_000, |id| id == "civil-affairs-window");
    assert!(of(&ended, "civil-affairs-window", "income-tax", Some("social-assistance")).is_empty());
    assert!(ended.grants.iter().any(|grant| *grant.dataset == *"marriage"), "its own data are its own");

    let files: Vec<(String, String)> = shipped()
        .into_iter()
        .chain([("revocations.yaml".to_owned(), "applications: [tax-desk]\n".to_owned())])
        .collect();
    let folder = Folder::from_files(files.iter().map(|(name, text)| (name.as_str(), text.as_str()))).unwrap();
    let revoked =
        derive_within(&Snapshot::build(&folder, None, TODAY).unwrap(), 100_000, |id| id == "tax-desk");
    let of_tax: Vec<_> = revoked.grants.iter().filter(|grant| *grant.application == *"tax-desk").collect();
    assert!(!of_tax.is_empty() && of_tax.iter().all(|grant| grant.revoked));
    assert!(public(&revoked).iter().all(|grant| *grant.department != *"11330100MB0000078N"));
}

#[test]
fn a_register_that_met_its_bound_says_so() {
    let part = derive_within(&SHIPPED.0, 500, |_| true);
    assert!(!part.complete && part.questions == 500 && part.grants.len() < SHIPPED.1.grants.len());
}

#[test]
fn the_public_summary_names_no_application_and_no_policy() {
    let said = super::summary::document(&SHIPPED.1).to_string();
    for grant in &SHIPPED.1.grants {
        assert!(!said.contains(&format!("\"{}\"", grant.application)), "{}", grant.application);
        assert!(grant.policies.iter().all(|policy| !said.contains(&format!("\"{}\"", policy.id))));
    }
    assert!(public(&SHIPPED.1).len() > 10);
}
