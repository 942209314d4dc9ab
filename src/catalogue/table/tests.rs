use super::*;
use crate::catalogue::route::Target;
use crate::catalogue::upstream::{Ejection, Pool, Retries, UpstreamSpec};
use crate::catalogue::{AnswerFormat, AnswerShape};
use crate::engine::dataset::Dataset;
use crate::engine::mask::fields::FieldMap;
use crate::engine::terms::{Interface, Level, NationalGrade, SharingType, Text};
use std::time::{Duration, Instant};

fn dataset() -> Arc<Dataset> {
    Arc::new(Dataset {
        id: "d".into(),
        code: "306001/1".into(),
        title: Text { zh: "d".into(), en: "d".into() },
        department: "x".into(),
        sharing: SharingType::Unconditional,
        condition: None,
        basis: None,
        level: Level::L1,
        grade: NationalGrade::General,
        personal: false,
        labels: Vec::new(),
        fields: Arc::new(FieldMap::compile(&[]).unwrap()),
        watch: [].into(),
    })
}

fn upstream() -> Arc<UpstreamSpec> {
    let second = Duration::from_secs(1);
    Arc::new(UpstreamSpec {
        id: "u".into(),
        endpoints: Vec::new(),
        tls: None,
        credentials: None,
        connect_timeout: second,
        first_byte_timeout: second,
        total_timeout: second,
        pool: Pool { idle_max: 1, idle_timeout: second },
        health: None,
        ejection: Ejection { failures: 1, ejected_for: second },
        retries: Retries { max: 0, budget_percent: 0 },
        compressed: false,
    })
}

fn route(method: Method, path: &str, dataset: &Arc<Dataset>, upstream: &Arc<UpstreamSpec>) -> Arc<Route> {
    let template = Template::parse(path).unwrap();
    Arc::new(Route {
        method,
        dataset: dataset.clone(),
        interface: Interface::Batch,
        subject: None,
        parameters: Vec::new(),
        claim: None,
        upstream: upstream.clone(),
        target: Target::Path(template.clone()),
        template,
        answer: AnswerFormat::Json,
        shape: AnswerShape::default(),
        records_max: 1,
        records_max_in_tier: [1; 6],
        sifting: None,
        upstream_parameters: Vec::new(),
        is_pushed_down: false,
        lowered_parameter: None,
        records_parameter: None,
        hidden: path.contains("hidden"),
        receipt: false,
    })
}

fn table(routes: &[(Method, &str)]) -> RouteTable {
    let (dataset, upstream) = (dataset(), upstream());
    let mut table = RouteTable::default();
    for (method, path) in routes {
        table.insert(route(*method, path, &dataset, &upstream)).unwrap();
    }
    table
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

#[test]
fn literals_are_taken_before_captures_and_methods_are_told() {
    let table = table(&[
        (Method::Get, "/"),
        (Method::Get, "/a/{id}"),
        (Method::Post, "/a/{id}"),
        (Method::Get, "/a/list"),
        (Method::Get, "/a/{id}/b"),
        (Method::Post, "/a/{id}/verify"),
        (Method::Get, "/hidden/{id}"),
        (Method::Get, "/{any}/{id}/b/c"),
    ]);
    for (method, path, expect) in [
        (Method::Get, "/", "/"),
        (Method::Get, "/a/1", "/a/{id} id=1"),
        (Method::Get, "/a/list", "/a/list"),
        (Method::Post, "/a/list", "/a/{id} id=list"),
        (Method::Get, "/a/1/b", "/a/{id}/b id=1"),
        // The literal leads nowhere; the capture does.
        (Method::Get, "/a/list/b", "/a/{id}/b id=list"),
        (Method::Post, "/a/list/verify", "/a/{id}/verify id=list"),
        (Method::Get, "/a/1/b/c", "/{any}/{id}/b/c any=a id=1"),
        (Method::Delete, "/a/1", "405 GET POST"),
        (Method::Put, "/a/list", "405 GET POST"),
        (Method::Post, "/hidden/1", "404"),
        (Method::Get, "/hidden/1", "/hidden/{id} id=1"),
        (Method::Get, "/a", "404"),
        (Method::Get, "/A/1", "404"),
        (Method::Get, "/a/1/c", "404"),
        (Method::Get, "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7", "404"),
    ] {
        let segments = segments(path);
        let found = match table.find(method, &segments) {
            Found::Route(route, captures) => {
                let mut text = route.template.text().to_string();
                for (_, name) in route.template.captures() {
                    text.push_str(&format!(" {name}={}", captures.get(name).unwrap()));
                }
                assert_eq!(captures.get("no-such-name"), None);
                text
            }
            Found::MethodNotOffered(methods) => {
                methods.iter().fold("405".to_owned(), |text, method| format!("{text} {method}"))
            }
            Found::None => "404".to_owned(),
        };
        assert_eq!(found, expect, "{method} {path}");
    }
}

#[test]
fn ambiguous_overlaps_are_refused_in_either_order() {
    for (one, other, ambiguous) in [
        ("/a/{x}", "/a/{y}", true),
        ("/a/b", "/a/b", true),
        ("/a/{x}/c", "/a/b/{y}", true),
        ("/{x}/b", "/a/{y}", true),
        ("/{x}/{y}/c", "/a/{y}/{z}", true),
        ("/a/{x}", "/a/b", false),
        ("/a/{x}/{y}", "/a/b/{y}", false),
        ("/a/{x}/{y}", "/a/b/c", false),
        ("/a/{x}/c", "/a/b/d", false),
        ("/a/{x}", "/a/{x}/b", false),
        ("/", "/{x}", false),
    ] {
        for (first, second) in [(one, other), (other, one)] {
            let (dataset, upstream) = (dataset(), upstream());
            let mut table = RouteTable::default();
            table.insert(route(Method::Get, first, &dataset, &upstream)).unwrap();
            let found = table.insert(route(Method::Get, second, &dataset, &upstream));
            assert_eq!(found.is_err(), ambiguous, "{first} {second}");
            assert_eq!(table.routes().len(), if ambiguous { 1 } else { 2 });
            // Another method is another question.
            assert!(table.insert(route(Method::Post, second, &dataset, &upstream)).is_ok());
        }
    }
}

#[test]
fn ten_thousand_routes_match_as_fast_as_ten() {
    let build = |count: usize| {
        let (dataset, upstream) = (dataset(), upstream());
        let mut table = RouteTable::default();
        for number in 0..count {
            let path = format!("/department-{}/v1/dataset-{number}/{{id}}", number % 97);
            table.insert(route(Method::Get, &path, &dataset, &upstream)).unwrap();
        }
        table
    };
    let nanoseconds = |table: &RouteTable| {
        let path = ["department-7", "v1", "dataset-7", "330106199003070022"];
        let mut best = u128::MAX;
        for _ in 0..30 {
            let start = Instant::now();
            for _ in 0..200 {
                let found = table.find(Method::Get, std::hint::black_box(&path));
                assert!(matches!(std::hint::black_box(found), Found::Route(..)));
            }
            best = best.min(start.elapsed().as_nanos());
        }
        best
    };
    let (few, many) = (nanoseconds(&build(10)), nanoseconds(&build(10_000)));
    // Generous, since this machine is shared; a linear table would be a thousand times slower.
    assert!(many < few * 4, "{few} ns for 10, {many} ns for 10,000");
}
