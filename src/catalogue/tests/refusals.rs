//! Each rule of the catalogue with a folder that breaks it, and nothing else.

mod routes;
mod uses;

use super::*;

/// One change to one file: what is replaced, by what, and the faults that come of it, each as
/// `line:column message | help`.
type Case<'a> = (&'a str, &'a str, &'a [&'a str]);

fn check(file: &str, cases: &[Case<'_>]) {
    for (from, to, expect) in cases {
        check_together(file, &[(from, to)], expect);
    }
}

/// Several changes to one file.
fn check_together(file: &str, changes: &[(&str, &str)], expect: &[&str]) {
    let mut files = sound();
    let place = files.iter().position(|(path, _)| *path == file).unwrap();
    let mut changed = files[place].1.to_owned();
    for (from, to) in changes {
        assert_eq!(changed.matches(from).count(), 1, "{from:?} stands once in {file}");
        changed = changed.replace(from, to);
    }
    files[place].1 = &changed;
    let faults = load(&folder(&files)).err().map_or(Vec::new(), |faults| faults.0);
    let found: Vec<String> = faults
        .iter()
        .map(|fault| {
            assert_eq!(fault.file, file);
            let place = fault.place.as_ref().unwrap();
            let line = changed.lines().nth(place.line - 1).unwrap();
            // The line is shown, unless a secret might have been put there.
            assert!(place.text == line || place.text.ends_with(": …"), "{fault}");
            let help = fault.help.as_ref().map_or(String::new(), |help| format!(" | {help}"));
            format!("{}:{} {}{help}", place.line, place.column, fault.message)
        })
        .collect();
    // A wording of another room's is not compared.
    let alike = |(found, expect): (&String, &&str)| match expect.strip_suffix('…') {
        Some(start) => found.starts_with(start),
        None => found == expect,
    };
    let same = found.len() == expect.len() && found.iter().zip(expect).all(alike);
    assert!(same, "{changes:?}\n found {found:#?}\n expect {expect:#?}");
}

#[test]
fn departments_and_applications() {
    check(
        "catalogue/civil.yaml",
        &[
            (
                "11330100MB0000019K",
                "11330100MB0000019L",
                &["2:9 not a unified social credit code (GB 32100-2015)"],
            ),
            (
                "11330100MB0000019K",
                "11330100mb0000019k",
                &["2:9 not a unified social credit code (GB 32100-2015)"],
            ),
            ("  window:", "  win|dow:", &["5:3 an application's id has letters, digits, `-`, `_` and `.`"]),
            (
                "    speaks_for_others: true",
                "    department: 11330100MB0000027E",
                &["10:17 unknown department `11330100MB0000027E` | did you mean `11330100MB0000019K`?"],
            ),
            ("spiffe://demo/app/window", "window", &["6:16 not a name that a certificate can carry"]),
            ("Window.gov.cn", "'*.gov.cn'", &["7:15 not a name that a certificate can carry"]),
            ("Window.gov.cn", "a.cn, A.cn", &["7:21 this proves the application `window` already"]),
            (
                "[aaaa",
                "[zaaa",
                &["8:22 not a keyed hash: 64 hexadecimal digits (HMAC-SHA-256 of the API key)"],
            ),
            ("10.0.0.0/8", "10.0.0.0/33", &["9:16 not a network (for example `10.1.0.0/16`)"]),
            (
                "speaks_for_others",
                "speaks_for_other",
                &["10:5 unknown key `speaks_for_other` | did you mean `speaks_for_others`?"],
            ),
        ],
    );
}

#[test]
fn upstreams() {
    const ENDPOINTS: &str = "[\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]";
    const HEALTH: &str = "    health: {path: /healthz}\n";
    check(
        "catalogue/civil.yaml",
        &[
            (ENDPOINTS, "[]", &["13:16 an upstream has at least one endpoint"]),
            (
                ENDPOINTS,
                "[\"http://127.0.0.1:1/x\"]",
                &[
                    "13:17 not an endpoint: scheme, host and port, no path | for example `https://api.example.gov.cn:8443`",
                ],
            ),
            (ENDPOINTS, "[\"http://a\", \"http://a:80\"]", &["13:29 this endpoint is named twice"]),
            (
                ENDPOINTS,
                "[\"https://a\"]",
                &["13:16 https endpoints need `tls` | add `tls: {ca_file: …}`: no other CA is trusted"],
            ),
            (HEALTH, "    tls: {ca_file: ca.pem}\n", &["14:10 `tls` is of no use to http endpoints"]),
            (
                "[\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]\n    health: {path: /healthz}",
                "[\"https://a\"]\n    tls: {ca_file: ca.pem, cert_file: c}",
                &["14:39 `cert_file` and `key_file` come together"],
            ),
            (
                "[\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]\n",
                "[\"https://a\", \"http://b\"]\n    tls: {ca_file: ca.pem}\n",
                &["13:30 the endpoints of one upstream are all http or all https"],
            ),
            ("/healthz", "healthz", &["14:20 not a path (for example `/healthz`)"]),
            (
                HEALTH,
                "    connect_timeout: 0s\n",
                &["14:22 a duration of zero is not a limit: it must be longer"],
            ),
            (
                HEALTH,
                "    total_timeout: 5s\n",
                &["14:20 `total_timeout` is shorter than `first_byte_timeout`"],
            ),
            ("max: 2,", "max: 9,", &["15:20 this number is 0 to 5"]),
            ("budget_percent: 20", "budget_percent: 101", &["15:39 this number is 0 to 100"]),
        ],
    );
}

#[test]
fn upstream_credentials() {
    const HEALTH: &str = "    health: {path: /healthz}\n";
    check(
        "catalogue/civil.yaml",
        &[
            (
                HEALTH,
                "    credentials: {scheme: basic, user: 'a:b', secret_file: f}\n",
                &["14:40 a user is visible ASCII without colon"],
            ),
            (
                HEALTH,
                "    credentials: {scheme: clickhouse, secret_env: A}\n",
                &["14:18 the key `user` is missing here"],
            ),
            (
                HEALTH,
                "    credentials: {scheme: bearer, user: a, secret_env: A}\n",
                &["14:41 a token names no user"],
            ),
            (
                HEALTH,
                "    credentials: {scheme: bearer}\n",
                &["14:18 a secret is either in `secret_file` or in `secret_env`"],
            ),
            (
                "[\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]\n    health: {path: /healthz}",
                "[\"http://10.0.0.1\"]\n    credentials: {scheme: bearer, secret_env: A}",
                &[
                    "14:18 credentials go to https endpoints or to this machine only | use `https://` and `tls: {ca_file: …}`",
                ],
            ),
        ],
    );
}

#[test]
fn labels() {
    const BANDS: &str = "{rule: bands, bounds: [30000, 60000]}";
    check(
        "labels.yaml",
        &[
            ("  income:\n", "  in come:\n", &["17:3 a label's name has letters, digits, `-`, `_` and `.`"]),
            (
                BANDS,
                "{rule: bands, bounds: [2, 1]}",
                &["22:26 `bands` needs `bounds`, a list of ascending numbers"],
            ),
            (BANDS, "{rule: age-band}", &["22:26 `age-band` needs `years`, 1 to 50"]),
            (BANDS, "{rule: prefix, characters: 0}", &["22:26 `prefix` needs `characters`, 1 or more"]),
            (BANDS, "{rule: decimals, decimals: 7}", &["22:26 `decimals` needs `decimals`, 0 to 6"]),
            (BANDS, "{rule: year, years: 3}", &["22:26 this rule has no `years`"]),
            (
                "{rule: keep, first: 3, last: 2}",
                "{rule: keep}",
                &["7:22 `keep` needs `first` or `last`; to keep nothing is the mode NONE"],
            ),
            (
                "{rule: keep, first: 3, last: 2}",
                "{rule: name, first: 3}",
                &["7:22 only the rule `keep` has `first` and `last`"],
            ),
            // The widespread part of a resident number; whoever wants it must know what it leaves.
            (
                "{rule: keep, first: 3, last: 2}",
                "{rule: keep, first: 6, last: 4}",
                &["7:22 this part of a `resident-id` may leave 3181 candidates only; keep less, or write \
                   `candidates: 3181`"],
            ),
            (
                "{rule: keep, first: 3, last: 2}",
                "{rule: keep, first: 6, last: 4, candidates: 3182}",
                &["7:22 this part of a `resident-id` may leave 3181 candidates only; keep less, or write \
                   `candidates: 3181`"],
            ),
            (
                "{rule: keep, first: 3, last: 2}",
                "{rule: name, candidates: 5}",
                &["7:22 `candidates` is for a part of a countable `kind`"],
            ),
            (
                "category: HEALTH",
                "category: HEALTHY",
                &["16:15 unknown value `HEALTHY` | did you mean `HEALTH`?"],
            ),
        ],
    );
}

#[test]
fn purposes() {
    check(
        "purposes.yaml",
        &[
            ("[matter]", "[mater]", &["9:15 unknown purpose `mater` | did you mean `matter`?"]),
            (
                "    iri: dpv:ServiceProvision\n",
                "    iri: dpv:ServiceProvision\n    parents: [assistance]\n",
                &[
                    "2:3 the purpose `matter` is wider than itself",
                    "7:3 the purpose `assistance` is wider than itself",
                ],
            ),
            ("dpv:PublicBenefit", "benefit", &["8:10 not an IRI (for example `dpv:PublicBenefit`)"]),
            ("[STATUTORY_DUTY]", "[]", &["2:3 the purpose `matter` has no legal basis"]),
            (
                "[STATUTORY_DUTY]",
                "[DUTY]",
                &[
                    "5:19 unknown value `DUTY` | one of: CONSENT, CONTRACT, STATUTORY_DUTY, EMERGENCY, PUBLIC_SUPERVISION, PUBLISHED, OTHER_LAW",
                ],
            ),
        ],
    );
}

#[test]
fn whole_files() {
    for (files, expect) in [
        (
            vec![("labels.yaml", "")],
            vec![
                "catalogue: holds no department's file (catalogue/<department>.yaml)",
                "labels.yaml:1:1: the key `labels` is missing here",
                "purposes.yaml: is missing: without it nothing can be decided",
            ],
        ),
        (
            vec![
                ("labels.yaml", LABELS),
                ("purposes.yaml", PURPOSES),
                ("catalogue/a.yaml", DEPARTMENT),
                ("catalogue/b.yaml", "department:\n  code: 11330100MB0000019K\n  title: {zh: a, en: b}\n"),
                ("revocations.yaml", "applications: [windows]\ncertificates: [x]\ntokens: ['']\n"),
            ],
            vec![
                "catalogue/b.yaml:2:9: another file describes this department already",
                "revocations.yaml:1:16: unknown application `windows`",
                "revocations.yaml:2:16: not a SHA-256 fingerprint: 64 hexadecimal digits",
                "revocations.yaml:3:10: an empty name revokes nothing",
            ],
        ),
    ] {
        let faults = load(&folder(&files)).unwrap_err();
        let found: Vec<String> = faults
            .0
            .iter()
            .map(|fault| fault.to_string().lines().next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(found, expect);
    }
}

#[test]
fn datasets() {
    check(
        "catalogue/civil.yaml",
        &[
            (
                "306001/1",
                "406001/1",
                &["18:11 not a catalogue code: class, item and entry, `/`, sequence (for example 306001/1)"],
            ),
            ("306002/1", "306001/1", &["28:11 another dataset has this code"]),
            (
                "    level: L3\n",
                "    level: L2\n",
                &[
                    "20:12 the dataset is L2, but its label `marital-status` is L3: a dataset is as high as its highest field",
                ],
            ),
            ("    level: L3\n", "    level: L5\n", &["20:12 unknown value `L5` | did you mean `L1`?"]),
            (
                "    level: L3\n",
                "    level: L3\n    secrecy: WORK_SECRET\n",
                &["21:14 secrets are not government data to be shared: they cannot be registered"],
            ),
            ("    condition: 办件\n", "", &["21:14 CONDITIONAL needs `condition`"]),
            ("    condition: 办件\n", "    condition: ' '\n", &["21:14 CONDITIONAL needs `condition`"]),
            (
                "CONDITIONAL\n    condition: 办件\n",
                "NOT_SHARED\n",
                &[
                    "21:14 NOT_SHARED needs its legal basis in `basis`",
                    "21:14 NOT_SHARED needs `next_review`: the day on which it is looked at again",
                ],
            ),
            (
                "CONDITIONAL\n    condition: 办件\n",
                "NOT_SHARED\n    basis: 法\n    next_review: 2027-02-30\n",
                &["23:18 not a day (YYYY-MM-DD)"],
            ),
        ],
    );
}

#[test]
fn fields_of_datasets() {
    check(
        "catalogue/civil.yaml",
        &[
            (
                "status: marital-status",
                "status: martial-status",
                &["25:25 unknown label `martial-status` | did you mean `marital-status`?"],
            ),
            (
                "      $.data[*].status: marital-status\n",
                "      $.data[0].status: marital-status\n",
                &["25:14 …"],
            ),
            (
                "{$.data: statistic}",
                "{$.data: diagnosis}",
                &[
                    "30:12 the dataset is L1, but its label `diagnosis` is L4: a dataset is as high as its highest field",
                    "30:12 `personal: false`, but its label `diagnosis` is sensitive personal information",
                ],
            ),
            (
                "    personal: false\n    fields: {$.data: statistic}\n",
                "",
                &[
                    "27:3 the dataset `numbers` has no fields: none of it could be disclosed",
                    "54:7 the dataset `numbers` is classified: say what the parameter `year` does with its fields…",
                    "56:7 the dataset `numbers` is classified: say what the parameter `order` does with its fields…",
                    "57:13 the dataset `numbers` is classified: its answers must be masked",
                ],
            ),
            (
                "{$.data: statistic}",
                "{}\n    fields_from_openapi: {file: x.yaml, schema: X}",
                &["34:33 no file `x.yaml` in the policies folder"],
            ),
        ],
    );
}

#[test]
fn openapi_documents() {
    let document = |person: &str| format!("components:\n  schemas:\n    Person: {person}\n");
    for (person, schema, expect) in [
        (
            "{properties: {a: {type: string}}}",
            "Person",
            "catalogue/civil.yaml:33:49: the schema `Person` carries no `x-data-classification`",
        ),
        ("{}", "Persn", "catalogue/civil.yaml:33:49: unknown schema `Persn`"),
        (
            "{$ref: '#/components/schemas/Nobody'}",
            "Person",
            "x.yaml:3:20: not a schema of this document (`#/components/schemas/<name>`)",
        ),
        (
            "{$ref: 'http://elsewhere/x.yaml'}",
            "Person",
            "x.yaml:3:20: not a schema of this document (`#/components/schemas/<name>`)",
        ),
        (
            "{items: {$ref: '#/components/schemas/Person'}}",
            "Person",
            "x.yaml:3:21: this schema is too deep, contains itself, or is too wide",
        ),
        (
            "{x-data-classification: 7}",
            "Person",
            "x.yaml:3:37: `x-data-classification` is the name of a label",
        ),
        ("{x-data-classification: statistik}", "Person", "x.yaml:3:37: unknown label `statistik`"),
    ] {
        let department = DEPARTMENT.replace(
            "    fields: {$.data: statistic}\n",
            &format!("    fields_from_openapi: {{file: x.yaml, schema: {schema}}}\n"),
        );
        let text = document(person);
        let mut files = sound();
        files[2].1 = &department;
        files.push(("x.yaml", &text));
        let faults = load(&folder(&files)).unwrap_err().to_string();
        assert_eq!(faults.lines().next(), Some(expect), "{person}\n{faults}");
    }
}
