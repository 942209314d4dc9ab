//! The audit log of a process that is killed, and of one whose disk refuses to take more.
//!
//! This test program starts itself again as the writer: with `ZHAMEN_AUDIT_CHILD` set, the test
//! `child` writes entries and prints one line for each answer it may give.

mod audit_support;

use audit_support::{eventually, lines, record, segments, settings};
use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use zhamen::config::settings::AuditSettings;
use zhamen::state::audit::{Audit, Finding, What, verify_dir};

const CHILD: &str = "ZHAMEN_AUDIT_CHILD";

/// Not a test by itself: the writing process.
#[test]
fn child() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let settings = AuditSettings { segment_bytes_max: 50_000, ..settings(Path::new(&dir)) };
    let audit =
        if Path::new(&dir).exists() { Audit::open(&settings) } else { Audit::create(&settings) }.unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let audit = &audit;
            scope.spawn(move || {
                loop {
                    // One write each, so that a kill never splits a line of this report.
                    match record(audit, &format!("t{thread}")) {
                        Ok(receipt) => println!("answered {} {}", receipt.seq(), receipt.hash_hex()),
                        Err(cause) => {
                            println!("refused {cause}");
                            std::thread::sleep(Duration::from_millis(20));
                        }
                    }
                }
            });
        }
    });
}

struct Writer {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    /// Starts the writer; a file that grows too long is an error for it, not a signal.
    fn start(dir: &Path) -> Writer {
        let mut process = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        Writer { process, output }
    }

    /// The next line of the kind, without its first word.
    fn next(&mut self, kind: &str) -> String {
        loop {
            let line = self.output.next().expect("the writer goes on").unwrap();
            if let Some(rest) = line.strip_prefix(kind) {
                return rest.trim().to_owned();
            }
        }
    }

    /// Kills it as a power switch would, and gives the answers that it had given until then.
    fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.output
            .map_while(Result::ok)
            .filter_map(|line| Some(line.strip_prefix("answered ")?.to_owned()))
            .collect()
    }

    fn limit_files(&self, bytes: &str) {
        let status = Command::new("prlimit")
            .args(["--pid", &self.process.id().to_string(), &format!("--fsize={bytes}:")])
            .status();
        assert!(status.unwrap().success(), "prlimit (util-linux) sets the limit of another process");
    }
}

/// AU-01: what was answered is in the log, whenever the process is killed, and a round leaves at most one
/// torn tail, which the next one notes. A kill seldom tears a line, as its write is one call; so every tenth
/// round the test tears one, as a power cut does.
#[test]
fn every_answer_before_a_kill_is_in_the_log() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("log");
    let mut answered = HashSet::new();
    let (mut noted, mut is_torn, mut torn_rounds) = (0, false, 0);
    for round in 0..200_u64 {
        let mut writer = Writer::start(&dir);
        answered.insert(writer.next("answered "));
        std::thread::sleep(Duration::from_millis(round * 7919 % 60));
        answered.extend(writer.kill());
        if round % 10 == 9 {
            tear(&dir);
        }
        let report = verify_dir(&dir).unwrap();
        let lines = lines(&dir);
        let tails = lines.iter().filter(|line| line.contains("\"kind\":\"torn_tail\"")).count();
        assert_eq!(
            tails - noted,
            usize::from(is_torn),
            "round {round}: one for each torn line, and no other"
        );
        (noted, is_torn) = (tails, report.torn_bytes > 0);
        torn_rounds += usize::from(is_torn);
        let lines: HashSet<String> = lines.iter().filter_map(|line| place(line)).collect();
        let missing: Vec<_> = answered.difference(&lines).collect();
        assert!(missing.is_empty(), "round {round}: {missing:?}");
        assert!(report.gaps.is_empty());
    }
    assert!(answered.len() > 50, "{}", answered.len());
    assert!(torn_rounds >= 20 && noted >= 19, "{torn_rounds} torn, {noted} noted");
}

/// Leaves the beginning of a line behind the last one.
fn tear(dir: &Path) {
    let last = segments(dir).pop().unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(dir.join(last)).unwrap();
    file.write_all(b"{\"v\":1,\"seq\":").unwrap();
}

/// Sequence number and hash of a whole line, as the writer reports them.
fn place(line: &str) -> Option<String> {
    let seq = line.strip_prefix("{\"v\":1,\"seq\":")?.split(',').next()?;
    let hash = line.strip_suffix("\"}")?.rsplit('"').next()?;
    Some(format!("{seq} {hash}"))
}

/// AU-02, AU-03: no byte more can be written, then it can again. The limit on file sizes makes every
/// write fail in the middle or at once, as a full disk does, without the right to mount one.
#[test]
fn a_disk_that_takes_no_more_refuses_requests_and_recovers() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("log");
    let mut writer = Writer::start(&dir);
    let mut answered = HashSet::new();
    for limit in ["0", "300", "20000"] {
        for _ in 0..5 {
            answered.insert(writer.next("answered "));
        }
        writer.limit_files(limit);
        for _ in 0..10 {
            if limit == "20000" {
                // Not a full disk but files that end in the middle of a line: each time a new segment
                // takes over and nobody is refused.
                answered.insert(writer.next("answered "));
            } else {
                assert_eq!(writer.next("refused "), "audit_failed");
            }
        }
        writer.limit_files("unlimited");
        answered.insert(writer.next("answered "));
    }
    answered.extend(writer.kill());
    // The kill may come between a write that ended in the middle of a line and the segment after it.
    let is_torn = |found: Result<_, Finding>| found.is_err_and(|finding| matches!(finding.what, What::Torn));
    if is_torn(verify_dir(&dir)) {
        Audit::open(&settings(&dir)).unwrap().close();
    }
    let report = eventually("the log verifies", || verify_dir(&dir).ok());
    assert!(report.gaps.len() >= 2, "{report:?}");
    let lines: HashSet<String> = lines(&dir).iter().filter_map(|line| place(line)).collect();
    assert!(answered.is_subset(&lines));
    let audit = Audit::open(&settings(&dir)).unwrap();
    record(&audit, "next process").unwrap();
    audit.close();
    verify_dir(&dir).unwrap();
}
