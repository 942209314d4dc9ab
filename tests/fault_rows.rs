//! Every row of the list of faults about the audit log (C11) has a test that names it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each row breaks.
const ROWS: [(&str, &str); 13] = [
    ("AU-01", "killed at random points"),
    ("AU-02", "disk full, then freed"),
    ("AU-03", "EIO on write and on sync, short write, EINTR"),
    ("AU-04", "read-only, deleted, replaced, permission lost, rotated by others"),
    ("AU-05", "each bit flipped"),
    ("AU-06", "cut, dropped, swapped, restored"),
    ("AU-07", "chain made again"),
    ("AU-08", "log injection"),
    ("AU-09", "personal data"),
    ("AU-10", "slow disk under load"),
    ("AU-11", "clock set back"),
    ("AU-12", "verification of a large log, a live one, garbage"),
    ("AU-13", "each kind of event has its entry"),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The tests whose description names a row, by row.
fn tests_by_row() -> BTreeMap<String, Vec<String>> {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let (mut described, mut is_test) = (String::new(), false);
        for line in text.lines().map(str::trim) {
            if let Some(words) = line.strip_prefix("///") {
                described.push_str(words);
            } else if line == "#[test]" {
                is_test = true;
            } else {
                let named = ROWS.iter().filter(|(row, _)| is_test && described.contains(row));
                for (row, _) in named {
                    rows.entry((*row).to_owned()).or_default().push(format!("{}: {line}", file.display()));
                }
                (described, is_test) = (String::new(), false);
            }
        }
    }
    rows
}

#[test]
fn every_row_has_a_test_that_names_it() {
    let rows = tests_by_row();
    for (row, what) in ROWS {
        println!("{row} {what}: {:#?}", rows.get(row));
        assert!(rows.contains_key(row), "no test names {row}, {what}");
    }
}
