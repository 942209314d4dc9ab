//! A real producer and reader: pyarrow writes, what is masked it reads again.

use crate::files::PARQUET;
use crate::support::{STREAM, carry, contains, masker};
use std::path::{Path, PathBuf};
use std::process::Command;

/// As in the script.
const CANARY: &str = "kanarie7391vogel";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the script; a missing interpreter is a failure that says how to get it.
fn python(what: &str, dir: &Path) {
    let folder =
        std::env::var_os("ZHAMEN_REAL_VENV").map_or_else(|| root().join("target/real/venv"), PathBuf::from);
    let interpreter = folder.join("bin/python");
    assert!(
        interpreter.is_file(),
        "{} is missing: run tests/run, which installs what the tests need",
        interpreter.display()
    );
    let script = root().join("tests/real/columnar.py");
    let output = Command::new(interpreter).arg(script).arg(what).arg(dir).output().unwrap();
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn pyarrow_writes_and_reads() {
    let dir = tempfile::tempdir().unwrap();
    python("write", dir.path());
    let mut count = 0;
    for file in std::fs::read_dir(dir.path()).unwrap().flatten() {
        let name = file.file_name().into_string().unwrap();
        let format = if name.ends_with(".arrows") { STREAM } else { PARQUET };
        let body = std::fs::read(file.path()).unwrap();
        let (out, end) = carry(masker(&format), &body, 1000);
        match end {
            Ok(tally) if !name.starts_with("refused-") => assert_eq!(tally.records, 300, "{name}"),
            Err(fault) if name.starts_with("refused-") => {
                assert_eq!(fault.kind.code(), "unsupported_encoding", "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        assert!(!contains(&out, CANARY.as_bytes()), "{name}");
        std::fs::write(file.path(), out).unwrap();
        count += 1;
    }
    assert!(count > 10, "{count} files");
    python("check", dir.path());
}
