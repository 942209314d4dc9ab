//! A disk that fails or is slow, permissions that go, a clock that steps, and a log too large for memory.
//! AU-02, AU-03, AU-04, AU-10, AU-11, AU-12; `fault_rows.rs` says where the other rows are.
//!
//! Disks are mounted in a mount namespace of their own (`unshare`), which is gone with the test; errors
//! are injected by `strace`, steps of the clock by `libfaketime`. All come with `tests/real/install`. As in `audit_crash.rs` this program
//! starts itself again as the writer, which answers one line a request.

mod audit_support;

use audit_support::{entry, eventually, lines, record, settings};
use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Lines};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use zhamen::config::settings::AuditSettings;
use zhamen::engine::reason::Cause;
use zhamen::state::audit::{Audit, Pending, verify_dir};

const CHILD: &str = "ZHAMEN_AUDIT_FAULTS_CHILD";
/// What the child does instead of writing: `flood` or `verify`.
const DUTY: &str = "ZHAMEN_AUDIT_FAULTS_DUTY";

/// Not a test by itself: the writing process. One request every few milliseconds, for ever.
#[test]
fn child() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let dir = Path::new(&dir);
    // The harness leaves its line open.
    println!();
    match std::env::var(DUTY).unwrap_or_default().as_str() {
        "flood" => return flood(dir),
        "verify" => return println!("verified {} {}", verify_dir(dir).unwrap().entries, peak_kib()),
        _ => {}
    }
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
        Writer::on_duty("write", dir, before)
    }

    /// The same process with another duty.
    fn on_duty(duty: &str, dir: &Path, before: &[&str]) -> Writer {
        let this = std::env::current_exe().unwrap();
        let itself = [this.to_str().unwrap(), "child", "--exact", "--nocapture", "--test-threads=1"];
        let all = [before, &itself].concat();
        let mut process = Command::new(all[0])
            .args(&all[1..])
            .env(CHILD, dir)
            .env(DUTY, duty)
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

/// AU-04: the permission to use the folder is lost and comes back. Root keeps its permissions whatever the
/// folder says, so the writer is started without the capability for that.
#[test]
fn a_lost_permission_refuses_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    let bound = "--bounding-set=-dac_override,-dac_read_search";
    let before: &[&str] = if rustix_is_root() { &["setpriv", bound] } else { &["env"] };
    let mut writer = Writer::start(&dir, before);
    let mut answered: HashSet<String> = (0..20).map(|_| writer.next("answered ")).collect();
    let mode = |mode| std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o000);
    let began = Instant::now();
    writer.next("refused ");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    mode(0o700);
    answered.extend((0..20).map(|_| writer.next("answered ")));
    drop(writer);
    let report = verify_dir(&dir).unwrap();
    assert!(!report.gaps.is_empty() && answered.is_subset(&places(&dir)), "{report:?}");
}

/// Places of the flooded log, requests a second, and how long they come.
const FLOOD_PLACES: usize = 1000;
const FLOOD_PER_MS: u64 = 5;
const FLOOD_MS: u64 = 6000;

/// Five thousand requests a second, each answered, refused, or told.
fn flood(dir: &Path) {
    let settings = AuditSettings { queue_max: FLOOD_PLACES, ..settings(dir) };
    let audit = Audit::open(&settings).unwrap();
    let (send, pending) = std::sync::mpsc::channel::<(Instant, Pending)>();
    let wait = std::thread::spawn(move || {
        let mut waits = Vec::new();
        for (began, pending) in pending {
            let receipt = pending.receipt_blocking().unwrap();
            waits.push(began.elapsed().as_millis());
            println!("answered {} {}", receipt.seq(), receipt.hash_hex());
        }
        waits.sort_unstable();
        waits[waits.len() * 99 / 100]
    });
    let (began, mut refused, mut places_max) = (Instant::now(), 0_u64, 0);
    for ms in 0..FLOOD_MS {
        for one in 0..FLOOD_PER_MS {
            match audit.reserve() {
                Ok(mut slot) => {
                    send.send((Instant::now(), slot.write(entry(&format!("f{ms}-{one}"))))).unwrap()
                }
                Err(Cause::AuditQueue) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        places_max = places_max.max(audit.health().places);
        std::thread::sleep((began + Duration::from_millis(ms + 1)).saturating_duration_since(Instant::now()));
    }
    drop(send);
    let p99 = wait.join().unwrap();
    println!("flooded {refused} {places_max} {} {p99}", audit.health().batches);
}

/// AU-10: five thousand requests a second on a disk that takes 300 ms for a sync: what there is no place
/// for is refused and counted, what is answered is in the log, one sync serves many, and the wait is bounded.
#[test]
fn a_slow_disk_refuses_what_it_cannot_take() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    drop(Audit::create(&settings(&dir)).unwrap());
    let slow = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_exit=300000"];
    let before = [&["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"], slow.as_slice()].concat();
    let mut writer = Writer::on_duty("flood", &dir, &before);
    let (mut answered, mut told) = (HashSet::new(), None);
    for line in writer.output.by_ref().map(Result::unwrap) {
        if let Some(place) = line.strip_prefix("answered ") {
            answered.insert(place.to_owned());
        } else if let Some(numbers) = line.strip_prefix("flooded ") {
            told = Some(numbers.split(' ').map(|number| number.parse::<u64>().unwrap()).collect::<Vec<_>>());
        }
    }
    let told = told.expect("the writer came to its end");
    let [refused, places_max, batches, p99_ms] = told[..] else { panic!("{told:?}") };
    println!("{} answered, {refused} refused, p99 {p99_ms} ms", answered.len());
    assert_eq!(answered.len() as u64 + refused, FLOOD_MS * FLOOD_PER_MS, "nobody is left without an answer");
    assert!(refused > 0 && places_max <= FLOOD_PLACES as u64, "{told:?}");
    assert!(batches * 100 < answered.len() as u64, "one sync serves many: {told:?}");
    assert!((300..1500).contains(&p99_ms), "{told:?}");
    let report = verify_dir(&dir).unwrap();
    assert!(report.gaps.is_empty() && answered.is_subset(&places(&dir)), "{report:?}");
    let counted = lines(&dir)
        .iter()
        .filter(|line| line.contains("\"kind\":\"refused\""))
        .map(|line| count(line))
        .sum::<u64>();
    assert_eq!(counted, refused, "refusals are entered with their number");
}

fn count(line: &str) -> u64 {
    line.split("\"count\":").nth(1).unwrap().split([',', '}']).next().unwrap().parse().unwrap()
}

/// AU-11: the wall clock is set back by an hour, and forth again: entries keep their order, and each step
/// is one, with its size.
#[test]
fn a_step_of_the_clock_is_entered_and_changes_no_order() {
    let library = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let library =
        library.map(|folder| folder.path().join("faketime/libfaketime.so.1")).find(|file| file.is_file());
    let library = library.expect("libfaketime is missing: run tests/run, which installs what the tests need");
    let folder = tempfile::tempdir().unwrap();
    let (dir, time) = (folder.path().join("log"), folder.path().join("time"));
    std::fs::write(&time, "+0").unwrap();
    let preload = format!("LD_PRELOAD={}", library.display());
    let file = format!("FAKETIME_TIMESTAMP_FILE={}", time.display());
    let before = ["env", &preload, &file, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"];
    let mut writer = Writer::start(&dir, &before);
    let mut seqs: Vec<u64> = Vec::new();
    let mut answered = |writer: &mut Writer| {
        seqs.extend(
            (0..20).map(|_| writer.next("answered ").split(' ').next().unwrap().parse::<u64>().unwrap()),
        );
    };
    answered(&mut writer);
    for (offset, hours) in [("-3600", -1), ("+0", 1)] {
        std::fs::write(&time, offset).unwrap();
        eventually("the step to be entered", || {
            let steps = lines(&dir);
            let steps: Vec<&String> = steps.iter().filter(|line| line.contains("\"clock_step\"")).collect();
            let step =
                |line: &str| line.split("\"step_ms\":").nth(1)?.split([',', '}']).next()?.parse::<i64>().ok();
            let last = step(steps.last()?)?;
            (last.signum() == hours && (last.abs() - 3_600_000).abs() < 5_000).then_some(())
        });
        answered(&mut writer);
    }
    drop(writer);
    assert!(seqs.is_sorted_by(|one, next| one < next));
    verify_dir(&dir).unwrap();
    let times = lines(&dir).iter().filter(|line| line.contains("\"clock_step\"")).count();
    assert_eq!(times, 2, "each step once");
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// AU-12: verification takes the same memory for a log ten times as long. (`cargo bench --bench audit
/// -- large` does it with ten gigabytes.)
#[test]
fn verification_takes_constant_memory() {
    let peak = |entries: usize| {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        let audit = Audit::create(&settings(&dir)).unwrap();
        for thousand in 0..entries / 1000 {
            let body = |one: usize| entry(&format!("v{thousand}-{one}-{}", "x".repeat(800)));
            let pending: Vec<_> = (0..1000).map(|one| audit.note(body(one))).collect();
            for pending in pending {
                pending.receipt_blocking().unwrap();
            }
        }
        drop(audit);
        let said = Writer::on_duty("verify", &dir, &["env"]).next("verified ");
        let (verified, kib) = said.split_once(' ').unwrap();
        assert_eq!(verified, entries.to_string());
        kib.parse::<u64>().unwrap()
    };
    let (small, large) = (peak(6_000), peak(60_000));
    assert!(large < small + 8 * 1024, "{small} KiB, then {large} KiB for ten times as much");
}
