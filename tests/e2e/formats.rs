//! Answers in other formats and codings, and what leaves beside their bodies, through the whole gateway.

use crate::support::client::Reply;
use crate::support::upstream::{Play, answer};
use crate::support::{CIVIL, ENTERPRISE, Ground, HOUSEHOLD, MARKET, Stage};
use std::io::{Read as _, Write as _};
use std::time::Duration;
use zhamen::demo::citizens::City;
use zhamen::demo::departments::Department;
use zhamen::demo::departments::routes::{self, Answer, Asked};

const CANARY: &str = "kanarienvogel5520";
const SUBJECT: &str = "330106196502142015";
const OTHER: &str = "330106199003070022";
const LIST: &str = "/market-regulation/v1/enterprises";

const TABLES: &str = "
  - method: GET
    path: /public-security/v1/household-table/{id}
    dataset: household
    interface: QUERY
    upstream: public-security
    subject: {path: id, kind: resident-id}
    records_max: 20
    answer: csv
    table: {delimiter: ';', formulas: quote}
  - method: GET
    path: /public-security/v1/household-rows/{id}
    dataset: household
    interface: QUERY
    upstream: public-security
    subject: {path: id, kind: resident-id}
    records_max: 20
    answer: clickhouse-json-compact
    compress: true
";

fn stage() -> Stage {
    let ground = Ground::lay();
    ground.edit("policies/catalogue/public-security.yaml", |text| {
        let route = "    path: /public-security/v1/households/{id}\n";
        let more = "    links: true\n    headers: {X-Person: id-number, X-Belief: religion, X-Sex: sex}\n";
        format!("{}{TABLES}", text.replace(route, &format!("{route}{more}")))
            .replacen(
                "      $.data[*].name: name\n",
                "      $.data[*].name: name\n      $.data[*].self: name\n",
                1,
            )
            .replace("  public-security:\n", "  public-security:\n    compressed: true\n")
    });
    ground.start(|_| ())
}

fn ask(stage: &Stage, who: (Option<&str>, &str), line: &str, more: &str) -> Reply {
    let reply = stage.ask(who.0, &crate::refusals::request(&stage.token(who.1), line, more));
    let all = format!("{}{}", reply.head, reply.text());
    assert!(!all.contains(CANARY), "{all}");
    reply
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    coder.write_all(text).unwrap();
    coder.finish().unwrap()
}

#[test]
fn tables_and_compact_rows_are_masked_by_column() {
    let stage = stage();
    let csv = format!(
        "religion;personId;unknown;name;sex\r\n{CANARY};{SUBJECT};{CANARY};=章守根;男\r\n\"{CANARY}\n\";{OTHER};;李;女\r\n"
    );
    for body in [csv.clone().into_bytes(), gzip(csv.as_bytes())] {
        let coded = body.starts_with(b"\x1f");
        let coding = ("Content-Encoding", if coded { "gzip" } else { "identity" });
        let headers = [("Content-Type", "text/csv; charset=UTF-8; header=present"), coding];
        stage.upstream().always(Play::Answer(answer(200, &headers, body)));
        stage.upstream().heard();
        let line = format!("GET /public-security/v1/household-table/{SUBJECT}");
        let reply = ask(&stage, CIVIL, &line, "Accept: text/*\r\n");
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/csv")), "{}", reply.text());
        assert_eq!(reply.header("content-encoding"), None);
        let text = reply.text();
        let rows: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(
            (rows.len(), rows[0].contains("personId"), rows[0].contains("religion")),
            (4, true, false),
            "{text}"
        );
        let heard = &stage.upstream().heard()[0];
        assert_eq!(heard.header("accept"), Some("text/csv"));
        assert_eq!(heard.header("accept-encoding"), Some("zstd, br, gzip"));
    }
    // Ragged, and not what the route says.
    for (content_type, body) in [
        ("text/csv", format!("personId;name\n{CANARY}\n")),
        ("text/csv", String::new()),
        ("application/json", format!("{{\"data\":\"{CANARY}\"}}")),
    ] {
        stage.upstream().always(Play::Answer(answer(200, &[("Content-Type", content_type)], body)));
        let line = format!("GET /public-security/v1/household-table/{SUBJECT}");
        assert_eq!(ask(&stage, CIVIL, &line, "").code(), "E-UNMASKABLE", "{content_type}");
    }
    let line = format!("GET /public-security/v1/household-table/{SUBJECT}");
    assert_eq!(ask(&stage, CIVIL, &line, "Accept: application/json\r\n").code(), "E-NOT-ACCEPTABLE");

    let compact = format!(
        r#"{{"meta":[{{"name":"religion","type":"String"}},{{"name":"personId","type":"String"}}],"data":[["{CANARY}","{SUBJECT}"]],"rows":1}}"#
    );
    let json = [("Content-Type", "application/json; charset=UTF-8")];
    stage.upstream().always(Play::Answer(answer(200, &json, compact)));
    let reply = ask(&stage, CIVIL, &format!("GET /public-security/v1/household-rows/{SUBJECT}"), "");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let document = reply.json();
    assert_eq!((&document["rows"], document["meta"].as_array().unwrap().len()), (&1.into(), 1), "{document}");
    assert_eq!(document["data"][0].as_array().unwrap().len(), 1, "{document}");
}

#[test]
fn answers_are_coded_anew_only_where_that_tells_nothing() {
    let stage = stage();
    let record = r#"{"uscc":"91330100MA2DEMA108","name":"杭州示例","status":"存续","industry":"软件"}"#;
    let many = format!("{{\"data\":[{}]}}", vec![record; 40].join(","));
    let json = [("Content-Type", "application/json")];
    stage.upstream().always(Play::Answer(answer(200, &json, &many)));
    let plain = ask(&stage, MARKET, &format!("GET {LIST}?size=100"), "");
    assert_eq!((plain.status, plain.header("content-encoding")), (200, None), "{}", plain.text());
    assert_eq!(plain.header("vary"), Some("Authorization, Accept-Encoding"));
    for (accept, coding) in [("gzip", "gzip"), ("br, gzip;q=0.5, zstd;q=0.7", "zstd"), ("*", "zstd")] {
        let more = format!("Accept-Encoding: {accept}\r\n");
        let reply = ask(&stage, MARKET, &format!("GET {LIST}?size=100"), &more);
        assert_eq!(reply.header("content-encoding"), Some(coding), "{accept}");
        assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));
        assert!(reply.body.len() < plain.body.len() / 4);
        let decoded = match coding {
            "gzip" => {
                let mut text = Vec::new();
                flate2::read::GzDecoder::new(&reply.body[..]).read_to_end(&mut text).unwrap();
                text
            }
            _ => zstd::decode_all(&reply.body[..]).unwrap(),
        };
        assert_eq!(decoded, plain.body);
    }
    // Too short, not wanted, or classified.
    let zstd = "Accept-Encoding: zstd\r\n";
    let identity = "Accept-Encoding: gzip;q=0, identity\r\n";
    assert_eq!(
        ask(&stage, MARKET, &format!("GET {LIST}?size=100"), identity).header("content-encoding"),
        None
    );
    let none = ask(&stage, MARKET, &format!("HEAD {LIST}?size=100"), zstd);
    assert_eq!((none.status, none.header("content-encoding"), none.body.len()), (200, None, 0));
    stage.upstream().as_usual();
    assert_eq!(ask(&stage, MARKET, &format!("GET {ENTERPRISE}"), zstd).header("content-encoding"), None);
    let person = format!(r#"{{"personId":"{SUBJECT}","name":"章守根","sex":"男"}}"#);
    let family = format!("{{\"data\":[{}]}}", vec![person; 20].join(","));
    stage.upstream().always(Play::Answer(answer(200, &json, family)));
    let secret = ask(&stage, CIVIL, &format!("GET {HOUSEHOLD}"), zstd);
    assert_eq!((secret.status, secret.header("content-encoding")), (200, None), "{}", secret.text());
    assert_eq!(secret.header("vary"), Some("Authorization"));
}

#[test]
fn a_long_answer_is_coded_as_it_streams() {
    let stage = stage();
    let record = r#"{"uscc":"91330100MA2DEMA108","name":"杭州示例","status":"存续"},"#.repeat(1500);
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n".to_vec();
    let body = gzip(format!("{{\"data\":[{record}{{}}]}}").as_bytes());
    let (first, second) = body.split_at(body.len() / 2);
    let pause = Duration::from_millis(100);
    let pieces = vec![([&head, first].concat(), pause), (second.to_vec(), Duration::ZERO)];
    stage.upstream().always(Play::Pieces(pieces));
    let reply = ask(&stage, MARKET, &format!("GET {LIST}?size=100"), "Accept-Encoding: gzip\r\n");
    assert_eq!((reply.status, reply.header("content-encoding")), (200, Some("gzip")), "{}", reply.head);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&reply.body[..]).read_to_string(&mut text).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["data"].as_array().unwrap().len(), 100, "the cap of records");
}

/// What the upstream says beside its body, and what is left of it. `None`: the header does not leave.
#[test]
fn headers_leave_by_list_and_links_as_our_own() {
    let stage = stage();
    let here = stage.upstream().address;
    let own = format!("/public-security/v1/households/{SUBJECT}");
    let table: Vec<(&str, String, Option<String>)> = vec![
        ("Location", own.clone(), Some(own.clone())),
        ("Location", format!("http://{here}{own}#part"), Some(own.clone())),
        (
            "Content-Location",
            format!("/public-security/v1/vehicles/{SUBJECT}"),
            Some(format!("/public-security/v1/vehicles/{SUBJECT}")),
        ),
        // Somebody else, elsewhere, nowhere, with something behind it, or not to be understood.
        ("Location", format!("/public-security/v1/households/{OTHER}"), None),
        ("Location", format!("http://{CANARY}.example{own}"), None),
        ("Location", format!("https://{here}{own}"), None),
        ("Location", format!("//{CANARY}.example{own}"), None),
        ("Location", format!("/internal/{CANARY}"), None),
        ("Location", format!("{own}?token={CANARY}"), None),
        ("Location", format!("{own}/../{CANARY}"), None),
        ("Location", format!("households/{SUBJECT}"), None),
        ("Location", CANARY.to_owned(), None),
        (
            "Link",
            format!(
                "<{own}>; rel=\"self\"; title=\"{CANARY}\", </x/{CANARY}>; rel=\"next\", <{own}>; rel=\"{CANARY}\""
            ),
            Some(format!("<{own}>; rel=\"self\"")),
        ),
        ("X-Sex", "female".to_owned(), None),
        ("X-Belief", CANARY.to_owned(), None),
        ("X-Other", CANARY.to_owned(), None),
        ("Set-Cookie", CANARY.to_owned(), None),
        ("ETag", format!("\"{CANARY}\""), None),
        ("Last-Modified", CANARY.to_owned(), None),
        ("Accept-Ranges", CANARY.to_owned(), None),
        ("Server", CANARY.to_owned(), None),
        ("Trailer", CANARY.to_owned(), None),
        ("Content-Disposition", CANARY.to_owned(), None),
        ("Cache-Control", CANARY.to_owned(), Some("private, no-store".to_owned())),
    ];
    let body = format!(r#"{{"data":[{{"personId":"{SUBJECT}","name":"章"}}]}}"#);
    for (name, value, expect) in table {
        let headers = [("Content-Type", "application/json"), (name, value.as_str())];
        stage.upstream().always(Play::Answer(answer(200, &headers, &body)));
        let reply = ask(&stage, CIVIL, &format!("GET {HOUSEHOLD}"), "");
        assert_eq!(reply.status, 200, "{name}: {value}: {}", reply.text());
        let shown = reply.header(name).map(str::to_owned);
        if name == "X-Sex" {
            // Shown or not as the policy says of the label, the same as in the body.
            continue;
        }
        assert_eq!(shown, expect, "{name}: {value}");
    }
    // Through its label's mask, and only if it stands there once.
    let twice = [("Content-Type", "application/json"), ("X-Person", SUBJECT), ("X-Person", SUBJECT)];
    for (headers, shown) in [(&twice[..2], true), (&twice[..], false)] {
        stage.upstream().always(Play::Answer(answer(200, headers, &body)));
        let reply = ask(&stage, CIVIL, &format!("GET {HOUSEHOLD}"), "");
        let in_body = reply.json()["data"][0]["personId"].as_str().map(str::to_owned);
        assert_eq!(reply.header("x-person").map(str::to_owned), in_body.filter(|_| shown), "{}", reply.head);
    }
}

/// As in headers, the link to whom the request named stays; in a body others are masked, not left out.
#[test]
fn links_in_bodies_name_whom_the_request_named() {
    let stage = stage();
    for (number, expect) in [(SUBJECT, SUBJECT), (OTHER, "3***************22")] {
        let body = format!(r#"{{"data":[{{"self":"/public-security/v1/households/{number}"}}]}}"#);
        stage.upstream().always(Play::Answer(answer(200, &[("Content-Type", "application/json")], &body)));
        let reply = ask(&stage, CIVIL, &format!("GET {HOUSEHOLD}"), "");
        let expect = format!("/public-security/v1/households/{expect}");
        assert_eq!(reply.json()["data"][0]["self"], expect, "{}", reply.text());
    }
}

#[test]
fn trailers_and_interim_answers_do_not_leave() {
    let stage = stage();
    let body = format!(r#"{{"data":[{{"personId":"{SUBJECT}"}}]}}"#);
    let chunked = format!(
        "HTTP/1.1 103 Early Hints\r\nLink: <{CANARY}>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\nTrailer: X-Trailer\r\n\r\n{:x}\r\n{body}\r\n0\r\nX-Trailer: {CANARY}\r\n\r\n",
        body.len()
    );
    stage.upstream().always(Play::Answer(chunked.into_bytes()));
    let reply = ask(&stage, CIVIL, &format!("GET {HOUSEHOLD}"), "");
    assert_eq!((reply.status, reply.header("trailer")), (200, None), "{}", reply.text());
    let empty = b"HTTP/1.1 204 No Content\r\nX-Other: x\r\n\r\n".to_vec();
    stage.upstream().always(Play::Answer(empty));
    let reply = ask(&stage, CIVIL, &format!("GET {HOUSEHOLD}"), "");
    assert_eq!((reply.status, reply.body.len()), (204, 0));
}

#[test]
fn bombs_end_at_their_limit() {
    let stage = stage();
    let text = format!("{{\"data\":[],\"x\":[{}1]}}", "1,".repeat(4 << 20));
    let brotli = |text: &[u8]| {
        let mut out = Vec::new();
        brotli::CompressorReader::new(text, 4096, 5, 22).read_to_end(&mut out).unwrap();
        out
    };
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    for (coding, body) in [
        ("gzip", gzip(text.as_bytes())),
        ("br", brotli(text.as_bytes())),
        ("zstd, gzip", gzip(&zstd)),
        ("zstd", zstd),
    ] {
        let headers = [("Content-Type", "application/json"), ("Content-Encoding", coding)];
        stage.upstream().always(Play::Answer(answer(200, &headers, body)));
        let reply = ask(&stage, CIVIL, &format!("GET {HOUSEHOLD}"), "");
        assert_eq!((reply.status, reply.code().as_str()), (502, "E-UNMASKABLE"), "{coding}");
        let outcome = || stage.entries_of("outcome", &reply.request_id());
        assert!(crate::support::eventually(|| !outcome().is_empty()));
        assert_eq!(outcome()[0]["fault"], "decode_limit", "{coding}");
    }
}

/// What a demo department answers to what the gateway asks of it.
fn of_demo(department: Department, stage: &Stage, ask: impl Fn() -> Reply) -> Reply {
    // The gateway is asked twice: once to hear what it asks, once with the answer to that.
    ask();
    let heard = stage.upstream().heard().remove(0).target;
    let (path, query) = heard.split_once('?').map_or((&*heard, None), |(path, query)| (path, Some(query)));
    let asked = Asked { method: "GET", path, query, body: b"" };
    let Answer { status, media, body } = routes::answer(&City::generate(), department, &asked);
    stage.upstream().always(Play::Answer(answer(status, &[("Content-Type", media)], body)));
    ask()
}

#[test]
fn the_demo_offers_open_data_as_a_table() {
    let stage = Ground::lay().start(|_| ());
    // The portal needs no officer.
    let line = format!("GET {LIST}.csv?page=1&size=40 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let ask = || stage.ask(Some("open-data-portal"), line.as_bytes());
    let reply = of_demo(Department::MarketRegulation, &stage, ask);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/csv")), "{}", reply.text());
    let mut table = csv::Reader::from_reader(reply.body.as_slice());
    let place = |name: &str, table: &mut csv::Reader<&[u8]>| {
        table.headers().unwrap().iter().position(|column| column == name)
    };
    let (code, name) = (place("uscc", &mut table).unwrap(), place("name", &mut table).unwrap());
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 40);
    assert_eq!((&rows[0][code], &rows[0][name]), ("91330100MA2DEMA108", "杭州云杉信息技术有限公司"));
    // Sole traders' codes come in part.
    assert!(rows.iter().any(|row| row[code].starts_with("92") && row[code].contains("********")), "{rows:?}");
    assert!(!reply.text().contains("92330106MA2DEMC3X3"));
}

#[test]
fn the_demo_offers_the_register_of_the_own_district_line_by_line() {
    let stage = Ground::lay().start(|_| ());
    let line = "GET /civil-affairs/v1/low-income.ndjson?size=50";
    let reply = of_demo(Department::CivilAffairs, &stage, || ask(&stage, CIVIL, line, ""));
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/x-ndjson")),
        "{}",
        reply.text()
    );
    let rows = |reply: &Reply| -> Vec<serde_json::Value> {
        reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let own = rows(&reply);
    assert!(!own.is_empty() && own.iter().all(|row| row["region"] == "330106"), "{own:?}");
    assert!(own.iter().all(|row| row["personId"].as_str().unwrap().contains('*')), "{own:?}");
    // Also where the register gives all districts.
    let asked = Asked {
        method: "GET",
        path: "/civil-affairs/v1/low-income.ndjson",
        query: Some("size=50"),
        body: b"",
    };
    let all = routes::answer(&City::generate(), Department::CivilAffairs, &asked);
    let count = String::from_utf8(all.body.clone()).unwrap().lines().count();
    stage.upstream().always(Play::Answer(answer(200, &[("Content-Type", all.media)], all.body)));
    let reply = ask(&stage, CIVIL, line, "");
    let kept = rows(&reply);
    assert!(!kept.is_empty() && kept.len() < count && kept.iter().all(|row| row["region"] == "330106"));
    let outcome = || stage.entries_of("outcome", &reply.request_id());
    assert!(crate::support::eventually(|| !outcome().is_empty()));
    assert_eq!(outcome()[0]["filtered_records"], count - kept.len());
}
