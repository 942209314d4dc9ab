//! What ClickHouse's own engine writes: the files of `data`, made by the script beside them.

use crate::files::{PARQUET, read_file};
use crate::support::{STREAM, carry, contains, masker, read, records};
use serde_json::{Value, json};

/// As in the script.
const CANARY: &str = "kanarie7391vogel";

fn rows(out: &[u8], is_stream: bool) -> Vec<Value> {
    if is_stream { read(out).1.iter().flat_map(records).collect() } else { read_file(out).1 }
}

#[test]
fn what_clickhouse_writes_is_masked() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/columnar/data");
    let (mut masked, mut refused) = (0, 0);
    for file in std::fs::read_dir(folder).unwrap().flatten() {
        let name = file.file_name().into_string().unwrap();
        let is_stream = name.ends_with(".arrows");
        if !is_stream && !name.ends_with(".parquet") {
            continue;
        }
        let body = std::fs::read(file.path()).unwrap();
        let (out, end) = carry(masker(if is_stream { &STREAM } else { &PARQUET }), &body, 1000);
        assert!(!contains(&out, CANARY.as_bytes()), "{name}");
        if name.contains("refused-") {
            assert_eq!(end.unwrap_err().kind.code(), "unsupported_encoding", "{name}");
            refused += 1;
            continue;
        }
        assert_eq!(end.unwrap_or_else(|fault| panic!("{name}: {fault:?}")).records, 40, "{name}");
        let rows = rows(&out, is_stream);
        assert_eq!(rows.len(), 40, "{name}");
        let expect = json!({
            "k": "kind-1", "p": "a****************l", "b": 10.0, "d": "2026-11-02",
            "o": {"k": 1, "p": "b****************l"}, "e": ["k***************1", "x*z"], "w": [1, 2],
        });
        let found: Value =
            expect.as_object().unwrap().keys().map(|key| (key.as_str(), rows[1][key].clone())).collect();
        assert_eq!(found, expect, "{name}: {}", rows[1]);
        masked += 1;
    }
    assert_eq!((masked, refused), (8, 2));
}
