//! The shipped cases, and what a faulty file says.

use super::*;
use crate::engine::decide::cases::{run, untouched};
use crate::engine::decide::demo;

fn shipped() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/cases");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap())).collect();
    files.sort();
    files
}

fn shipped_cases() -> Vec<Case> {
    let files = shipped();
    let files: Vec<_> = files.iter().map(|(name, text)| CaseFile { name, text }).collect();
    read(&files, &demo::applications()).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn every_shipped_case_holds_and_every_policy_is_touched() {
    let (policies, datasets, cases) = (demo::policies(), demo::datasets(), shipped_cases());
    let outcomes = run(&policies, &datasets, &cases);
    let wrong: Vec<String> = outcomes
        .iter()
        .filter(|outcome| !outcome.differences.is_empty())
        .map(|outcome| format!("{}\n  {}", outcome.case.name, outcome.differences.join("\n  ")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The demo's only dataset that is not shared is health's, which has its own reason; the
    // engine's tests try this policy on another one.
    assert_eq!(untouched(&policies, &outcomes), ["sharing.not-shared".into()]);
}

#[test]
fn a_case_that_does_not_hold_says_how() {
    let text = "
given: {application: open-data-portal, dataset: open-statistics, interface: BATCH}
cases:
  - name: wrong mode, missing label, label that is not there
    want: {decision: ALLOW, labels: {statistic: PARTIAL E-PRIVACY, indicator: CLEAR, date-public: CLEAR, name: CLEAR}}
  - name: wrong decision
    want: {decision: DENY, reasons: [E-LEVEL]}
  - name: wrong reasons
    request: {tier: T5}
    want: {decision: DENY, reasons: [E-SUSPENDED, E-LEVEL]}
  - name: no such dataset
    request: {dataset: nothing}
    want: {decision: DENY, reasons: [E-NO-POLICY]}
";
    let cases = read(&[CaseFile { name: "bad.yaml", text }], &demo::applications()).unwrap();
    let outcomes = run(&demo::policies(), &demo::datasets(), &cases);
    let said: Vec<Vec<String>> = outcomes.into_iter().map(|outcome| outcome.differences).collect();
    assert_eq!(
        said,
        [
            vec![
                "name: wanted CLEAR, got nothing said",
                "region-code: wanted nothing said, got CLEAR",
                "statistic: wanted PARTIAL E-PRIVACY, got CLEAR",
            ],
            vec![
                "wanted DENY E-LEVEL, got ALLOW date-public=CLEAR indicator=CLEAR region-code=CLEAR statistic=CLEAR"
            ],
            vec!["wanted DENY E-SUSPENDED E-LEVEL, got DENY E-SUSPENDED"],
            vec!["there is no dataset `nothing`"],
        ]
    );
}

/// Text, where the fault is, and what it says.
#[test]
fn faults_name_the_place() {
    let deny = "want: {decision: DENY, reasons: [E-LEVEL]}";
    for (text, place, message) in [
        ("cases:\n  - name: a\n    tier: T5\n", "c.yaml:3:5", "unknown field `tier`"),
        (
            &format!("cases:\n  - name: a\n    request: {{tire: T5}}\n    {deny}\n"),
            "c.yaml:3:15",
            "unknown field `tire`",
        ),
        (
            "cases:\n  - name: a\n    want: {decision: DENY, reasons: [E-LVEL]}\n",
            "c.yaml:3:",
            "unknown variant `E-LVEL`",
        ),
        (
            "cases:\n  - name: a\n    want: {decision: ALLOW, labels: {x: OPEN}}\n",
            "c.yaml:3:",
            "`OPEN` is not a mode",
        ),
        (
            "cases:\n  - name: a\n    want: {decision: ALLOW, labels: {x: CLEAR E-NO}}\n",
            "c.yaml:3:",
            "`CLEAR E-NO` is not a mode",
        ),
        (&format!("cases:\n  - name: a\n    {deny}\n"), "c.yaml:2:11", "no `application` is given"),
        (
            &format!("given: {{application: portal}}\ncases:\n  - name: a\n    {deny}\n"),
            "c.yaml:3:11",
            "there is no application `portal`",
        ),
        (
            &format!("given: {{application: tax-desk}}\ncases:\n  - name: a\n    {deny}\n"),
            "c.yaml:3:11",
            "no `dataset` is given",
        ),
        ("cases: [", "c.yaml", ""),
    ] {
        let file = CaseFile { name: "c.yaml", text };
        let faults = read(&[file], &demo::applications()).map(|_| ()).expect_err(text).to_string();
        assert!(faults.starts_with(place), "{text}\nwanted {place}, got:\n{faults}");
        assert!(faults.contains(message), "{text}\nwanted {message}, got:\n{faults}");
    }
}
