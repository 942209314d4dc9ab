//! What a set must be to be loaded, and how its faults read.

use super::demo;
use crate::engine::decide::{Names, Policies, Source};

#[test]
fn the_shipped_set_loads_and_every_file_is_listed() {
    let policies = demo::policies();
    assert!(policies.notes().count() > 80);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
    let on_disk =
        std::fs::read_dir(folder).unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let mut on_disk: Vec<String> = on_disk.filter(|name| name.ends_with(".cedar")).collect();
    on_disk.sort();
    let listed: Vec<&str> = demo::FILES.iter().map(|file| file.name).collect();
    assert_eq!(on_disk, listed);
}

/// Text, where the fault is, and what it says.
fn refused(text: &str, place: &str, message: &str) {
    let faults = demo::build(text).map(|_| ()).expect_err(text).to_string();
    assert!(faults.starts_with(place), "{text}\nwanted {place}, got:\n{faults}");
    assert!(faults.contains(message), "{text}\nwanted {message}, got:\n{faults}");
}

const GOOD: &str = "@id(\"good\") permit (principal, action, resource) when { context.tier == 0 };";

#[test]
fn what_policies_must_say_of_themselves() {
    assert!(demo::build(GOOD).is_ok());
    let forbid = |annotations: &str| {
        format!("{annotations}\nforbid (principal, action, resource) when {{ context.tier == 9 }};")
    };
    for (text, place, message) in [
        (GOOD.replace("@id(\"good\")", "\n\n"), "test.cedar:3:", "without a usable @id"),
        (GOOD.replace("good", ""), "test.cedar:1:1", "without a usable @id"),
        (GOOD.replace("good", "a b"), "test.cedar:1:1", "without a usable @id"),
        (format!("{GOOD}\n{GOOD}"), "test.cedar:2:1", "exists already in test.cedar"),
        (forbid("@id(\"f\") @cite(\"x\")"), "test.cedar:1:1", "no valid @reason"),
        (forbid("@id(\"f\")\n@reason(\"E-NOPE\") @cite(\"x\")"), "test.cedar:2:1", "no valid @reason"),
        (forbid("@id(\"f\") @reason(\"E-LEVEL\")"), "test.cedar:1:1", "has no @cite"),
        (forbid("@id(\"f\") @reason(\"E-LEVEL\") @cite(\" \")"), "test.cedar:1:1", "has no @cite"),
        (
            forbid("@id(\"f\") @reason(\"E-LEVEL\") @cite(\"x\")\n@grant(\"GX-1\")"),
            "test.cedar:2:1",
            "only permits grant",
        ),
        (GOOD.replace("permit", "\n@grant(\" \") permit"), "test.cedar:2:1", "@grant of `good` is empty"),
        (String::new(), "*.cedar", "no policy at all"),
        ("// only a comment".to_owned(), "*.cedar", "no policy at all"),
    ] {
        refused(&text, place, message);
    }
}

/// Scope, condition, where the fault is, and what it says.
#[test]
fn what_a_permit_may_not_be() {
    let all = "principal, action, resource";
    let (nested, long) = ("(".repeat(80), " || context.tier == 1".repeat(900));
    let nested = format!("when {{ {nested}context.tier == 0{} }}", ")".repeat(80));
    let long = format!("when {{ context.tier == 0{long} }}");
    for (scope, condition, place, message) in [
        ("principal, action, resource", "when {", "test.cedar:2:", "unexpected token"),
        (all, "", "test.cedar:1:1", "allows everybody everything"),
        (all, "when { true }", "test.cedar:1:1", "allows everybody everything"),
        (
            "principal is Gov::Officer, action, resource is Gov::Dataset",
            "unless { false }",
            "test.cedar:1:1",
            "allows everybody everything",
        ),
        (all, "when { context.teir == 0 }", "test.cedar:2:", "attribute `teir`"),
        (all, "when { context.tier == \"0\" }", "test.cedar:2:", "types"),
        (all, "when { context.matter.open }", "test.cedar:2:", "optional"),
        (all, "when { context.tier == 0 && false }", "test.cedar:1:1", "policy is impossible"),
        ("principal == Gov::Citizen::\"x\", action, resource", "", "test.cedar:", "Gov::Citizen"),
        ("principal, action == Gov::Action::\"read\", resource", "", "test.cedar:", "unrecognized action"),
        (
            "principal, action, resource == Gov::Dataset::\"mariage\"",
            "",
            "test.cedar:2:40",
            "there is no dataset `mariage`",
        ),
        (
            "principal, action, resource in Gov::Label::\"names\"",
            "",
            "test.cedar:2:40",
            "did you mean `name`?",
        ),
        (
            "principal, action, resource == Gov::FieldGroup::\"marriage/nose\"",
            "",
            "test.cedar:2:40",
            "there is no field group",
        ),
        (
            "principal in Gov::Department::\"x\", action, resource",
            "",
            "test.cedar:2:22",
            "there is no department `x`",
        ),
        (
            all,
            "when { context has purpose && context.purpose == Gov::Purpose::\"fun\" }",
            "test.cedar:2:87",
            "there is no purpose `fun`",
        ),
        (all, "when { Gov::Dataset::\"marriage\".level == 3 }", "test.cedar:2:", "entity literal"),
        ("principal == ?principal, action, resource", "", "test.cedar:1:1", "templates"),
        (all, &nested, "test.cedar:2:", "nested deeper"),
        (all, &long, "test.cedar:1:1", "longer than"),
    ] {
        refused(&format!("@id(\"p\")\npermit ({scope}) {condition};"), place, message);
    }
}

#[test]
fn all_faults_of_all_files_come_at_once() {
    let files = [
        Source { name: "a.cedar", text: "permit (principal, action, resource == Gov::Dataset::\"nope\");" },
        Source { name: "b.cedar", text: "permit (" },
    ];
    let faults = Policies::build(demo::SCHEMA, &files, demo::names()).unwrap_err();
    let named: Vec<&str> = faults.0.iter().map(|fault| &*fault.file).collect();
    assert!(named.contains(&"a.cedar") && named.contains(&"b.cedar"), "{faults}");
    assert!(faults.0.len() >= 3, "no id, no dataset, no parse: {faults}");
}

#[test]
fn a_danger_may_be_declared() {
    assert!(demo::build(r#"@id("x") @danger("allow-all") permit (principal, action, resource);"#).is_ok());
    assert!(demo::build(r#"@id("x") @danger("yes") permit (principal, action, resource);"#).is_err());
}

/// The schema may not ask for what the gateway does not supply.
#[test]
fn a_schema_that_does_not_fit_is_refused() {
    let text = demo::SCHEMA.text;
    for (from, to) in [
        ("tier: Long,", "tier: Long, mood: String,"),
        ("tier: Long,", ""),
        ("tier: Long,", "tier: String,"),
        ("region?: String,", "region?: Long,"),
        ("    weak: Bool,\n  };", "  };"),
        ("entity Officer in [Department, Post]", "entity Officer in [Department]"),
        ("  entity MatterType;", "  entity MaterType;"),
        ("action query, verify, batch, file in", "action query, verify, batch in"),
        ("namespace Gov {", "namespace Gov {{"),
    ] {
        assert!(text.contains(from), "{from}");
        let changed = text.replacen(from, to, 1);
        let schema = Source { name: "schema.cedarschema", text: &changed };
        let faults =
            Policies::build(schema, demo::FILES, demo::names()).map(|_| ()).expect_err(to).to_string();
        assert!(faults.contains("schema.cedarschema"), "{to}: {faults}");
    }
}

#[test]
fn purposes_form_a_hierarchy() {
    let circle = Names::default().purpose("a", &["b"]).purpose("b", &["a"]);
    let orphan = Names::default().purpose("a", &["nobody"]);
    for (names, message) in [(circle, "`a` is its own ancestor"), (orphan, "unknown parent `nobody`")] {
        let good = Source {
            name: "a.cedar",
            text: "@id(\"a\") permit (principal, action, resource) when { context.tier == 0 };",
        };
        let faults = Policies::build(demo::SCHEMA, &[good], names).unwrap_err().to_string();
        assert!(faults.contains(message), "{faults}");
    }
}

/// A file cut anywhere is refused or still holds whole policies only; it never panics.
#[test]
fn truncated_files_are_survived() {
    let text = demo::FILES.iter().find(|file| file.name == "emergency.cedar").unwrap().text;
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)).step_by(7) {
        if let Ok(policies) = demo::build(&text[..end]) {
            assert!(policies.notes().count() <= 4);
        }
    }
}
