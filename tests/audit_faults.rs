//! A disk that fails: full, read-only, with errors on write or sync. AU-02, AU-03, AU-04.
//!
//! Disks are mounted in a mount namespace of their own (`unshare`), which is gone with the test; errors
//! are injected by `strace`. Both come with `tests/real/install`. As in `audit_crash.rs` this program
//! starts itself again as the writer, which answers one line a request.

mod audit_support;

use audit_support::{eventually, lines, record, settings};
use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use zhamen::state::audit::{Audit, verify_dir};

const CHILD: &str = "ZHAMEN_AUDIT_FAULTS_CHILD";

/// Not a test by itself: the writing process. One request every few milliseconds, for ever.
#[test]
fn child() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let dir = Path::new(&dir);
    let settings = settings(dir);
    let audit = if dir.exists() { Audit::open(&settings) } else { Audit::create(&settings) }.unwrap();
    for number in 0_u64.. {
        match record(&audit, &format!("r{number}-{}", "x".repeat(200))) {
            Ok(receipt) => println!("answered {} {}", receipt.seq(), receipt.hash_hex()),
            Err(cause) => println!("refused {cause}"),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

struct Writer {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    /// Starts the writer behind a command that gets it as its last arguments.
    fn start(dir: &Path, before: &[&str]) -> Writer {
        let this = std::env::current_exe().unwrap();
        let itself = [this.to_str().unwrap(), "child", "--exact", "--nocapture", "--test-threads=1"];
        let all = [before, &itself].concat();
        let mut process = Command::new(all[0])
            .args(&all[1..])
            .env(CHILD, dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{} is needed (tests/real/install): {error}", all[0]));
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
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn places(dir: &Path) -> HashSet<String> {
    let place = |line: &String| {
        let seq = line.strip_prefix("{\"v\":1,\"seq\":")?.split(',').next()?;
        let hash = line.strip_suffix("\"}")?.rsplit('"').next()?;
        Some(format!("{seq} {hash}"))
    };
    lines(dir).iter().filter_map(place).collect()
}

/// Runs a shell script as root of a mount namespace, in which `$DISK` is an empty folder to mount on and
/// `$WRITER` starts the writer on `$DISK/log` with its answers in `$OUT`.
fn with_own_mounts(script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let out = folder.path().join("out");
    let this = std::env::current_exe().unwrap();
    let prelude = r#"
        set -eu
        answers() { grep -c "^$1" "$OUT" || true; }
        # Waits until there are so many more answers of the kind.
        more() { from=$(answers "$1"); for _ in $(seq 200); do
            if [ "$(answers "$1")" -ge $((from + $2)) ]; then return; fi; sleep 0.05; done
            echo "no $2 more of $1"; tail -3 "$OUT"; exit 9; }
        start() { "$THIS" child --exact --nocapture --test-threads=1 >>"$OUT" 2>/dev/null & writer=$!; }
    "#;
    let namespace: &[&str] = if rustix_is_root() { &["-m"] } else { &["-m", "-r"] };
    let output = Command::new("unshare")
        .args(namespace)
        .args(["bash", "-c", &format!("{prelude}\n{script}")])
        .env("DISK", &disk)
        .env("OUT", &out)
        .env("THIS", this)
        .env(CHILD, disk.join("log"))
        .output()
        .expect("unshare (util-linux) is needed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{said}{errors}\nmount namespaces are needed: run as root or allow unprivileged user namespaces"
    );
    said
}

fn rustix_is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// The answers and the log that a script left, copied out of the namespace.
fn copied_out(said: &str) -> (HashSet<String>, tempfile::TempDir) {
    let (answers, archive) = said.split_once("---\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tar = folder.path().join("log.tar.b64");
    std::fs::write(&tar, archive).unwrap();
    let script = format!("base64 -d {0} | tar -x -C {1}", tar.display(), folder.path().display());
    assert!(Command::new("bash").args(["-c", &script]).status().unwrap().success());
    let answered = answers.lines().filter_map(|line| line.strip_prefix("answered ")).map(str::to_owned);
    (answered.collect(), folder)
}

const COPY_OUT: &str = r#"
    kill -9 $writer; wait $writer 2>/dev/null || true
    cat "$OUT"; echo ---; tar -c -C "$DISK" log | base64
"#;

/// AU-02: a disk of one mebibyte runs full, requests are refused, and when there is room again the log
/// goes on by itself and says so.
#[test]
fn a_full_disk_refuses_and_recovers() {
    let said = with_own_mounts(&format!(
        r#"
        mount -t tmpfs -o size=1m none "$DISK"
        start
        more answered 20
        head -c 2m /dev/zero > "$DISK/filler" 2>/dev/null || true
        more refused 5
        rm "$DISK/filler"
        more answered 20
        head -c 2m /dev/zero > "$DISK/filler" 2>/dev/null || true
        more refused 5
        rm "$DISK/filler"
        more answered 5
        {COPY_OUT}
        "#
    ));
    let (answered, folder) = copied_out(&said);
    let dir = folder.path().join("log");
    let report = verify_dir(&dir).unwrap();
    assert!(report.gaps.len() >= 2, "{report:?}");
    assert!(answered.len() > 40 && answered.is_subset(&places(&dir)));
    assert!(lines(&dir).concat().contains("\"cause\":\"write_failed\""));
}

/// AU-04: the disk becomes read-only to every new file, and the present one is taken away: requests are
/// refused until it can be written again. (A file system cannot be remounted read-only under an open
/// file, so a second mount of it is laid over the first.)
#[test]
fn a_read_only_disk_refuses_and_recovers() {
    let said = with_own_mounts(&format!(
        r#"
        mount -t tmpfs -o size=8m none "$DISK"
        mkdir "$DISK.rw"; mount --bind "$DISK" "$DISK.rw"
        start
        more answered 20
        mount --bind "$DISK.rw" "$DISK"; mount -o remount,bind,ro "$DISK"
        first="$DISK.rw/log/audit-00000000000000000001.jsonl"
        mv "$first" "$first.away"
        more refused 5
        mv "$first.away" "$first"
        mount -o remount,bind,rw "$DISK"
        more answered 20
        {COPY_OUT}
        "#
    ));
    let (answered, folder) = copied_out(&said);
    let dir = folder.path().join("log");
    let report = verify_dir(&dir).unwrap();
    assert!(!report.gaps.is_empty(), "{report:?}");
    assert!(answered.is_subset(&places(&dir)));
}

/// AU-03: an error of the disk at a write, a sync, in the middle, or a call that was interrupted. After a
/// failed sync the file is left: a second sync may claim success for what is lost.
#[test]
fn errors_of_the_disk_end_the_trust_in_that_file() {
    for (injected, cause) in [
        ("fdatasync:error=EIO:when=5", Some("sync_failed")),
        ("fdatasync:error=EIO:when=5..7", Some("sync_failed")),
        ("fdatasync:error=EINTR:when=5", None),
        ("fdatasync:error=ENOSPC:when=4+9", Some("sync_failed")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        drop(Audit::create(&settings(&dir)).unwrap());
        let inject = format!("inject={injected}");
        let before = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", &inject];
        let mut writer = Writer::start(&dir, &before);
        let answered: HashSet<String> = (0..40).map(|_| writer.next("answered ")).collect();
        drop(writer);
        // The traced process ends with its tracer, but not at once.
        let report = eventually("the log verifies", || verify_dir(&dir).ok());
        assert!(answered.is_subset(&places(&dir)), "{injected}");
        assert_eq!(!report.gaps.is_empty(), cause.is_some(), "{injected}: {report:?}");
        let text = lines(&dir).concat();
        assert!(cause.is_none_or(|cause| text.contains(&format!("\"cause\":\"{cause}\""))), "{injected}");
        eventually("the next process continues", || Audit::open(&settings(&dir)).ok());
        verify_dir(&dir).unwrap();
    }
}

/// AU-03: an error of the disk at a write, and a write that takes only a part.
#[test]
fn errors_at_a_write_are_answered_by_a_new_segment() {
    for (injected, gap) in [("write:error=EIO:when=40+37", true), ("write:error=EINTR:when=20+3", false)] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        drop(Audit::create(&settings(&dir)).unwrap());
        let path = dir.join("audit-00000000000000000001.jsonl");
        let (inject, path) = (format!("inject={injected}"), path.to_str().unwrap().to_owned());
        let before =
            ["strace", "-f", "-qq", "-o", "/dev/null", "-P", &path, "-e", "trace=write", "-e", &inject];
        let mut writer = Writer::start(&dir, &before);
        let answered: HashSet<String> = (0..60).map(|_| writer.next("answered ")).collect();
        drop(writer);
        let report = eventually("the log verifies", || verify_dir(&dir).ok());
        assert!(answered.is_subset(&places(&dir)), "{injected}");
        assert_eq!(!report.gaps.is_empty(), gap, "{injected}: {report:?}");
    }
}

/// AU-04: the file is deleted or replaced while the writer is idle or busy: noticed within seconds.
#[test]
fn a_file_taken_away_is_noticed_within_seconds() {
    for damage in ["rm {}", "mv {} {}.1", "mv {} {}.1 && cp {}.1 {}", "truncate -s 10 {}"] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        let mut writer = Writer::start(&dir, &["env"]);
        (0..10).for_each(|_| drop(writer.next("answered ")));
        let path = dir.join("audit-00000000000000000001.jsonl");
        let script = damage.replace("{}", path.to_str().unwrap());
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
        let began = Instant::now();
        eventually("a gap", || lines(&dir).concat().contains("\"kind\":\"gap\"").then_some(()));
        assert!(began.elapsed() < Duration::from_secs(3), "{damage}");
        writer.next("answered ");
    }
}
