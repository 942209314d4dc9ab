//! Both verifiers, asked the same: this program's, and the Python one, which runs as one process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use zhamen::state::audit::{Against, Finding, Report, Sort, verify_against};

pub struct Both {
    python: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What both said.
#[derive(Debug)]
pub struct Verdict {
    pub ours: Result<Report, Finding>,
    /// Exit code and message of the Python verifier.
    pub python: (i64, String),
}

impl Verdict {
    /// The exit code, on which both agree.
    pub fn code(&self) -> i64 {
        let ours = self.ours.as_ref().err().map_or(0, |finding| match finding.what.sort() {
            Sort::Damaged => 1,
            Sort::Contradicted => 3,
            Sort::Unreadable => 4,
            Sort::Unsigned => 5,
        });
        assert_eq!(ours, self.python.0, "the verifiers disagree: {self:?}");
        ours
    }
}

impl Both {
    pub fn start() -> Both {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/verify_audit.py");
        let mut python = Command::new("python3")
            .arg(script)
            .arg("--batch")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is needed: tests/real/install");
        let (ask, answers) = (python.stdin.take().unwrap(), python.stdout.take().unwrap());
        Both { python, ask, answers: BufReader::new(answers) }
    }

    pub fn verify(&mut self, dir: &Path, against: &Against) -> Verdict {
        let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
        let job = serde_json::json!({
            "dir": dir,
            "key": against.key.as_ref().map(ToString::to_string),
            "checkpoints": against.checkpoints.iter().map(text).collect::<Vec<_>>(),
            "archive": against.archive.as_ref().map(text),
            "witness": against.witness.as_ref().map(text),
        });
        writeln!(self.ask, "{job}").unwrap();
        self.ask.flush().unwrap();
        // The Python process works meanwhile.
        let ours = verify_against(dir, against);
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        Verdict { ours, python: serde_json::from_str(&answer).unwrap() }
    }
}

impl Drop for Both {
    fn drop(&mut self) {
        let _ = self.python.kill();
        let _ = self.python.wait();
    }
}
