//! `zhamen classify`: what it proposes, that the proposal can be checked, and that it shows no value.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use zhamen::catalogue::classify::{Proposal, Sample, guess::guesses, operations, propose, template};
use zhamen::catalogue::{Catalogue, Folder, load};
use zhamen::demo::citizens::City;
use zhamen::demo::departments::Department;
use zhamen::demo::departments::routes::{Asked, answer};

fn policies() -> Folder {
    Folder::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")).unwrap()
}

fn catalogue() -> Catalogue {
    load(&policies()).unwrap()
}

/// Checks a proposal as `zhamen check` reads it: beside the shipped departments.
fn check(file: &str) {
    let shipped = policies();
    let mut files: Vec<(String, String)> = shipped
        .paths()
        .map(|path| (path.to_owned(), shipped.text(path).unwrap().unwrap_or_default().to_owned()))
        .collect();
    files.push(("catalogue/proposed.yaml".to_owned(), file.to_owned()));
    let folder = Folder::from_files(files).unwrap();
    load(&folder).unwrap_or_else(|faults| panic!("{faults}\n{file}"));
}

fn proposal(name: &str, sample: Sample, path: &str) -> String {
    let datasets = vec![(name.to_owned(), sample, vec![template("GET", path)])];
    let upstream = "http://127.0.0.1:8080".to_owned();
    let origin = "1 sample".to_owned();
    propose(
        &Proposal { name: name.to_owned(), department: None, upstream, ca_file: None, datasets, origin },
        &catalogue(),
    )
}

const PEOPLE: [&str; 6] = [
    "330106196502142015",
    "330106199003070022",
    "33010219950918307X",
    "330106198807121519",
    "91330100MA2DEMA108",
    "",
];

/// What a department answers about whoever is known, by the template of the route.
fn answers(city: &City, department: Department, template: &str) -> Sample {
    let mut sample = Sample::default();
    for one in PEOPLE {
        let path = template.split('/').map(|part| if part.starts_with('{') { one } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        let asked = Asked { method: "GET", path: &path, query: None, body: b"" };
        let reply = answer(city, department, &asked);
        if reply.status == 200 {
            sample.json(&reply.body).unwrap();
        }
    }
    sample
}

/// Of the fields that the shipped catalogue labels and that the answers hold, nine in ten are given
/// the same label.
#[test]
fn the_departments_answers_agree_with_the_shipped_labels() {
    let (catalogue, city) = (catalogue(), City::generate());
    let (mut agreed, mut wrong) = (0, Vec::new());
    let mut seen = std::collections::BTreeSet::new();
    let text = |path: &str| policies().text(path).unwrap().unwrap().to_owned();
    for department in Department::ALL {
        let file = text(&format!("catalogue/{}.yaml", department.code()));
        let shipped = Shipped::read(&file);
        for (path, dataset) in &shipped.routes {
            if !seen.insert(dataset.clone()) {
                continue;
            }
            let fields = answers(&city, *department, path).fields();
            let guessed: BTreeMap<String, Option<String>> = fields
                .iter()
                .zip(guesses(&fields, &catalogue))
                .map(|(field, guess)| (field.path.clone(), guess.map(|guess| guess.label.id.to_string())))
                .collect();
            for (field, label) in &shipped.fields[dataset] {
                match guessed.get(field) {
                    None => {}
                    Some(Some(guess)) if guess == label => agreed += 1,
                    Some(guess) => wrong.push(format!("{dataset} {field}: {guess:?}, not {label}")),
                }
            }
        }
    }
    let all = agreed + wrong.len();
    println!("{agreed} of {all} labelled fields agree\n{}", wrong.join("\n"));
    assert!(all >= 60, "{all} fields were compared");
    assert!(agreed * 10 >= all * 9, "{agreed} of {all}:\n{}", wrong.join("\n"));
}

/// What a department's file says of GET routes and fields; enough for files of our own.
struct Shipped {
    /// Template and dataset.
    routes: Vec<(String, String)>,
    fields: BTreeMap<String, Vec<(String, String)>>,
}

impl Shipped {
    fn read(file: &str) -> Shipped {
        let mut shipped = Shipped { routes: Vec::new(), fields: BTreeMap::new() };
        let (mut dataset, mut method) = (String::new(), String::new());
        for line in file.lines() {
            let depth = line.len() - line.trim_start().len();
            let (key, value) =
                line.trim().trim_start_matches("- ").split_once(": ").unwrap_or((line.trim(), ""));
            match (depth, key) {
                (2, name) if value.is_empty() && name.ends_with(':') => {
                    dataset = name.trim_end_matches(':').to_owned()
                }
                (6, path) if path.starts_with('$') => {
                    let field = (path.to_owned(), value.to_owned());
                    shipped.fields.entry(dataset.clone()).or_default().push(field);
                }
                (2, "method") => method = value.to_owned(),
                (4, "path") if method == "GET" => shipped.routes.push((value.to_owned(), String::new())),
                (4, "dataset") if method == "GET" => shipped.routes.last_mut().unwrap().1 = value.to_owned(),
                _ => {}
            }
        }
        shipped
    }
}

#[test]
fn proposals_are_what_they_were_and_can_be_checked() {
    for (name, sample, path, expect) in [
        (
            "applicants",
            r#"{"code":0,"data":[
                {"idCard":"11010519491231002X","xm":"李明","sjh":"13812345678","remark":"加急","score":7},
                {"idCard":"330106196502142015","xm":"章守根","sjh":"13900000000","remark":null,"score":8}]}"#,
            "/v1/applicants/330106196502142015",
            "applicants",
        ),
        (
            "companies",
            r#"{"rows":[{"统一社会信用代码":"91330100MA2DEMA108","企业名称":"杭州示例有限公司","注册资本":100.5,"tags":["a","b"]}]}"#,
            "/companies",
            "companies",
        ),
        (
            "by-person",
            r#"{"data":{"330106196502142015":{"maritalStatus":"已婚"},"11010519491231002X":{"maritalStatus":"未婚"}}}"#,
            "/v1/by-person",
            "by-person",
        ),
    ] {
        let mut gathered = Sample::default();
        gathered.json(sample.as_bytes()).unwrap();
        let file = proposal(name, gathered, path);
        let fixture =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/classify/{expect}.yaml"));
        // `ZHAMEN_BLESS=1 cargo test --test classify` takes what is proposed now for what is wanted.
        if std::env::var_os("ZHAMEN_BLESS").is_some() {
            std::fs::write(&fixture, &file).unwrap();
        }
        assert_eq!(file, std::fs::read_to_string(&fixture).unwrap(), "{name}");
        check(&file);
        for value in
            ["11010519491231002X", "330106196502142015", "李明", "13812345678", "91330100MA2DEMA108", "加急"]
        {
            assert!(!file.contains(value), "{name} shows {value}");
        }
    }
}

#[test]
fn an_openapi_document_gives_every_operation_that_answers() {
    let text = include_str!("fixtures/classify/api.yaml");
    let catalogue = catalogue();
    let all = operations("api.yaml", text, &catalogue).unwrap();
    let datasets: Vec<_> =
        all.into_iter().map(|operation| (operation.name, operation.sample, vec![operation.route])).collect();
    let names: Vec<&str> = datasets.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(names, ["get-person", "get-v1-vehicles-plate"]);
    let upstream = "https://api.example".to_owned();
    let proposal = Proposal {
        name: "people".into(),
        department: None,
        upstream,
        ca_file: None,
        datasets,
        origin: "1 sample".into(),
    };
    let file = propose(&proposal, &catalogue);
    check(&file);
    for line in [
        // By x-data-classification, by title, by example, and through a reference.
        "$.data[*].note: health-diagnosis",
        "$.data[*].f1: birth-date",
        "$.data[*].f2: id-number",
        "$.data[*].home.residence: address",
        "subject: {path: idCard, kind: resident-id}",
        "# $.data[*].f3: unclassified",
    ] {
        assert!(file.contains(line), "no `{line}` in\n{file}");
    }
    for (text, wrong) in [
        ("swagger: '2.0'\n", "no OpenAPI 3 document"),
        ("openapi: 3.0.0\npaths: {}\n", "no operation of it answers 200"),
        ("openapi: [\n", "api.yaml:"),
    ] {
        let faults = operations("api.yaml", text, &catalogue).unwrap_err().to_string();
        assert!(faults.contains(wrong), "{text}: {faults}");
    }
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_zhamen"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg("classify")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (run.status.code(), text(run.stdout), text(run.stderr))
}

#[test]
fn the_command_reads_files_and_says_what_is_wrong_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (ndjson, csv) = (
        put("a.ndjson", "{\"mobile\":\"13812345678\"}\n{\"mobile\":\"13900000001\"}\n"),
        put("b.csv", "姓名,手机号码\n李明,13812345678\n"),
    );
    for (sample, line) in [(&ndjson, "$.mobile: mobile"), (&csv, "$.手机号码: mobile")] {
        let (code, out, err) = run(&[sample]);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        assert!(out.contains(line) && !out.contains("13812345678"), "{out}");
        check(&out);
    }
    for (name, text, wrong) in [
        ("bad.json", "{\"idCard\": \"11010519491231002X\",,}", "line 1, column"),
        ("empty.json", "  ", "no JSON document in it"),
        ("bad.csv", "a\n1,2\n", "row 2 has 2 cells"),
        ("bad.yaml", "swagger: '2.0'\n", "no OpenAPI 3 document"),
    ] {
        let (code, out, err) = run(&[&put(name, text)]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{name}");
        assert!(err.contains(wrong) && !err.contains("11010519491231002X"), "{name}: {err}");
    }
    let (code, _, err) = run(&["/nowhere.json"]);
    assert!(code == Some(1) && err.contains("/nowhere.json"), "{err}");
    let (code, _, err) = run(&["http://192.0.2.1/x.json"]);
    assert!(code == Some(1) && err.contains("loopback"), "{err}");
}

#[test]
fn the_command_asks_a_url_and_never_shows_who_was_asked_for() {
    let departments = zhamen::demo::departments::Departments::start(0).unwrap();
    let (_, address) = departments.addresses().iter().find(|(one, _)| one.code() == "civil-affairs").unwrap();
    let url = format!("http://{address}/civil-affairs/v1/marriages/330106199003070022");
    let (code, out, err) = run(&[&url]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    for line in [
        "$.data[*].personId: id-number",
        "path: \"/civil-affairs/v1/marriages/{id}\"",
        "subject: {path: id, kind: resident-id}",
        "dataset: marriages",
        "level: L3",
    ] {
        assert!(out.contains(line), "no `{line}` in\n{out}");
    }
    assert!(!out.contains("330106199003070022"), "{out}");
    let (code, _, err) = run(&[&format!("http://{address}/nothing")]);
    assert!(code == Some(1) && err.contains("could not be fetched"), "{err}");
    departments.stop();
}
