//! Columnar answers through the whole gateway, from a department's socket to the caller's and the log.

use crate::e2e::client::Reply;
use crate::e2e::upstream::{Play, answer};
use crate::e2e::{CIVIL, Ground, Stage, eventually};
use crate::files::write_file;
use crate::support::{batch, contains, read, records, write};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use std::sync::Arc;

const CANARY: &str = "kanarienvogel5520";
const SUBJECT: &str = "330106196502142015";
const STREAM_TYPE: &str = "application/vnd.apache.arrow.stream";
const FILE_TYPE: &str = "application/vnd.apache.parquet";

fn stage() -> Stage {
    let route = |name: &str, answer: &str| {
        format!(
            "  - method: GET\n    path: /public-security/v1/{name}/{{id}}\n    dataset: household\n    \
             interface: QUERY\n    upstream: public-security\n    subject: {{path: id, kind: resident-id}}\n    \
             records_max: 20\n    receipt: always\n    answer: {answer}\n"
        )
    };
    let ground = Ground::lay();
    ground.edit("policies/catalogue/public-security.yaml", |text| {
        format!("{text}{}{}", route("household-stream", "arrow-stream"), route("household-file", "parquet"))
    });
    ground.start(|_| ())
}

/// The subject and 24 others.
fn household() -> RecordBatch {
    let numbers =
        (0..25).map(|n| if n == 0 { SUBJECT.to_owned() } else { format!("33010619900307{n:02}22") });
    let columns: [(&str, Vec<String>); 5] = [
        ("religion", vec![CANARY.to_owned(); 25]),
        ("personId", numbers.collect()),
        ("name", vec!["章守根".to_owned(); 25]),
        ("sex", vec!["男".to_owned(); 25]),
        ("unknown", vec![CANARY.to_owned(); 25]),
    ];
    let columns =
        columns.into_iter().map(|(name, values)| (name, Arc::new(StringArray::from(values)) as ArrayRef));
    batch(columns.collect())
}

fn ask(stage: &Stage, name: &str, (media, body): (&str, Vec<u8>), accept: &str) -> Reply {
    stage.upstream().always(Play::Answer(answer(200, &[("Content-Type", media)], body)));
    stage.upstream().heard();
    let token = stage.token(CIVIL.1);
    let line = format!("GET /public-security/v1/{name}/{SUBJECT} HTTP/1.1\r\nHost: localhost\r\n");
    let request = format!("{line}Authorization: Bearer {token}\r\nAccept: {accept}\r\n\r\n");
    let reply = stage.ask(CIVIL.0, request.as_bytes());
    assert!(!contains(&reply.body, CANARY.as_bytes()) && !reply.head.contains(CANARY), "{}", reply.head);
    reply
}

fn shown(reply: &Reply, media: &str) -> Vec<Value> {
    match media {
        STREAM_TYPE => read(&reply.body).1.iter().flat_map(records).collect(),
        _ => {
            let file = Bytes::copy_from_slice(&reply.body);
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            reader.flat_map(|batch| records(&batch.unwrap())).collect()
        }
    }
}

#[test]
fn answers_leave_masked_counted_and_entered() {
    let stage = stage();
    for (name, media, body) in [
        ("household-stream", STREAM_TYPE, write(&[household()])),
        ("household-file", FILE_TYPE, write_file(&[household()])),
    ] {
        for (comes_as, accept) in [(media, "*/*"), ("application/octet-stream", media)] {
            let reply = ask(&stage, name, (comes_as, body.clone()), accept);
            assert_eq!((reply.status, reply.header("content-type")), (200, Some(media)), "{}", reply.text());
            let disclosure = reply.header("disclosure").unwrap();
            assert!(disclosure.contains("religion;mode=NONE"), "{disclosure}");
            assert!(reply.header("zhamen-receipt").is_some(), "{}", reply.head);
            assert_eq!(reply.header("zhamen-warning"), Some("records-cut;max=20"));
            let records = shown(&reply, media);
            assert_eq!(records.len(), 20);
            let number = records[0]["personId"].as_str().unwrap();
            assert_eq!((number.len(), number.contains('*')), (18, true), "{records:?}");
            assert_eq!((records[0].get("religion"), records[0].get("unknown")), (None, None));
            assert_eq!(stage.upstream().heard()[0].header("accept"), Some(media));
            let outcome = || stage.entries_of("outcome", &reply.request_id());
            assert!(eventually(|| !outcome().is_empty()));
            let outcome = outcome().remove(0);
            assert_eq!(
                (&outcome["records"], &outcome["dropped_records"]),
                (&json!(20), &json!(5)),
                "{outcome}"
            );
        }
    }
}

#[test]
fn what_cannot_be_masked_is_refused() {
    let stage = stage();
    let (stream, file) = (write(&[household()]), write_file(&[household()]));
    let cut = |body: &[u8]| body[..body.len() - 8].to_vec();
    for (name, media, body, fault) in [
        ("household-stream", STREAM_TYPE, cut(&stream), "truncated"),
        ("household-stream", STREAM_TYPE, file.clone(), "unexpected"),
        ("household-stream", STREAM_TYPE, [&stream[..], b"Code: 1"].concat(), "trailing_data"),
        ("household-file", FILE_TYPE, cut(&file), "truncated"),
        ("household-file", FILE_TYPE, stream.clone(), "unexpected"),
        (
            "household-file",
            "application/octet-stream",
            format!("Code: 1. {CANARY}").into_bytes(),
            "unexpected",
        ),
        ("household-file", FILE_TYPE, Vec::new(), "empty"),
        ("household-stream", "application/json", format!("\"{CANARY}\"").into_bytes(), ""),
        ("household-file", "text/csv", file, ""),
    ] {
        let reply = ask(&stage, name, (media, body), "*/*");
        assert_eq!((reply.status, reply.code().as_str()), (502, "E-UNMASKABLE"), "{name} {fault}");
        let outcome = || stage.entries_of("outcome", &reply.request_id());
        assert!(eventually(|| !outcome().is_empty()));
        let told = outcome()[0].to_string();
        assert!(told.contains(if fault.is_empty() { "upstream_type" } else { "mask_failed" }), "{told}");
    }
    let reply = ask(&stage, "household-stream", (STREAM_TYPE, stream), "application/json");
    assert_eq!(reply.code(), "E-NOT-ACCEPTABLE");
}
