//! `zhamen audit show|tail|usage|export` as somebody at the machine runs them.

use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use zhamen::config::settings::AuditSettings;
use zhamen::engine::evidence::{
    Decision, Entry, Handover, Outcome, Request, SubjectKey, encode, subject_token,
};
use zhamen::engine::identifier::{Kind, check};
use zhamen::state::audit::{Audit, verify_dir};
use zhamen::state::readings;
use zhamen::state::usage::Usage;

const PERSON: &str = "330106196502142015";

/// A folder with a configuration and a log of ten requests, each with its outcome.
struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Site {
        let site = Site(tempfile::tempdir().unwrap());
        let key = site.path("pseudonym.key");
        fs::write(&key, [7; 32]).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        fs::create_dir(site.path("policies")).unwrap();
        let text = "data: {address: '127.0.0.1:0', danger_plain_text: true}\nadmin: {address: '127.0.0.1:0'}\n\
            policies_dir: policies\npseudonym_key_file: pseudonym.key\n\
            audit: {dir: audit, disk_low_bytes: 1KiB}\nusage: {dir: usage}\n";
        fs::write(site.path("zhamen.yaml"), text).unwrap();
        let audit = Audit::create(&site.settings()).unwrap();
        (0..10).for_each(|one| write(&audit, one));
        audit.close();
        site
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn settings(&self) -> AuditSettings {
        AuditSettings { disk_low_bytes: 0, segment_bytes_max: 4000, ..AuditSettings::new(self.path("audit")) }
    }

    fn run(&self, arguments: &str, typed: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zhamen"));
        command.arg("audit").args(arguments.split_whitespace()).current_dir(self.0.path());
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        // A command that reads nothing may have ended already.
        let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn readings(&self) -> Vec<Value> {
        let shown = self.run("export --dir audit --kind reading", "");
        lines(&shown).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn write(audit: &Audit, one: i64) {
    let person = check(Kind::ResidentId, PERSON).identifier().unwrap();
    let token = subject_token(&SubjectKey::new(&[7; 32]), &person);
    let (id, officer) = (format!("r{one}"), format!("mz-{}", one % 2));
    let request = Request {
        ts_in: 1_795_397_400_000 + one * 60_000,
        request_id: &id,
        officer: Some(&officer),
        department: Some("=D"),
        subject_token: (one % 5 == 0).then_some(&token),
        decision: Some(if one == 3 { Decision::Deny } else { Decision::Allow }),
        ..Request::default()
    };
    audit.note(encode(&Entry::Request(request))).receipt_blocking().unwrap();
    if one != 3 {
        let outcome = Outcome { request_id: &id, handover: Handover::Whole, ..Outcome::default() };
        audit.note(encode(&Entry::Outcome(outcome))).receipt_blocking().unwrap();
    }
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn commands_show_what_is_meant_and_each_reading_is_an_entry() {
    let site = Site::new();
    for (arguments, typed, count) in [
        ("show", "", 19),
        ("show --kind request", "", 10),
        ("show --officer mz-1 --decision ALLOW", "", 4),
        ("show --request-id r3", "", 1),
        ("show --seq 2-4", "", 3),
        ("show --kind request --from 2026-11-23T01:33:00Z --to 2026-11-23T01:36:00Z", "", 3),
        ("show --subject --kind request", PERSON, 2),
        ("tail --no-follow -n 4 --kind request", "", 4),
        ("tail --no-follow -n 3", "", 3),
        // Two look-ups, and two readings about this person: `show` above, and this one.
        ("usage --subject", PERSON, 4),
        ("usage --officer mz-1", "", 5),
        ("usage --officer mz-1 --limit 2", "", 2),
        ("export --kind outcome", "", 9),
        ("export --kind outcome --format ocsf", "", 9),
        ("export --kind request --format csv", "", 11),
    ] {
        let before = site.readings().len();
        let output = site.run(arguments, &format!("{typed}\n"));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments}: {told}");
        // The reading itself is the newest entry, so `show` and `tail` without a kind see it too.
        let seen = lines(&output);
        let own = usize::from(arguments == "show") * (before + 1);
        assert_eq!(seen.len(), count + own, "{arguments}: {seen:#?}");
        let readings = site.readings();
        assert_eq!(readings.len(), before + 1, "{arguments}");
        let last = readings.last().unwrap();
        assert_eq!(last["what"], arguments.split(' ').next().unwrap());
        assert!(last["reader"].as_str().unwrap().starts_with("uid "));
        assert_eq!(last["subject_token"].is_string(), !typed.is_empty(), "{arguments}");
        assert!(!told.contains(PERSON) && !format!("{seen:?}{last}").contains(PERSON), "{arguments}");
    }
    let csv = site.run("export --kind request --format csv --dir audit", "");
    assert!(String::from_utf8(csv.stdout).unwrap().contains(",'=D,"), "no formula");
    assert_eq!(verify_dir(&site.path("audit")).unwrap().entries, 19 + 15);
}

/// AU-12: garbage, and nothing at all.
#[test]
fn wrong_arguments_and_what_is_not_a_log_end_with_their_codes() {
    let site = Site::new();
    fs::create_dir(site.path("empty")).unwrap();
    for (arguments, typed, code) in [
        ("show --from yesterday", "", 2),
        ("show --seq 0", "", 2),
        ("usage", "", 2),
        ("usage --officer x --subject", PERSON, 2),
        ("show --subject", "330106196502142016", 2),
        ("show --subject --dir audit", PERSON, 2),
        ("show --dir empty", "", 4),
        ("show --dir nothing", "", 4),
        ("show --config nothing.yaml", "", 78),
        ("export --output zhamen.yaml", "", 4),
    ] {
        let output = site.run(arguments, &format!("{typed}\n"));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {told}");
        assert!(!told.is_empty() && !told.contains(PERSON), "{arguments}: {told}");
    }
    let segment = site.path("audit/audit-00000000000000000001.jsonl");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[300] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let output = site.run("show --dir audit", "");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

/// While another process writes the log, that process records the reading; where it does not, nothing
/// is shown.
#[test]
fn a_running_writer_records_the_reading_or_nothing_is_shown() {
    let site = Site::new();
    let audit = Audit::open(&site.settings()).unwrap();
    std::thread::scope(|scope| {
        let shown = scope.spawn(|| site.run("show --kind request", ""));
        let began = Instant::now();
        while !shown.is_finished() {
            assert!(began.elapsed() < Duration::from_secs(20));
            for waiting in readings::pending(&audit, &site.path("audit"), 5) {
                waiting.entry.receipt_blocking().unwrap();
                fs::remove_file(waiting.path).unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(lines(&shown.join().unwrap()).len(), 10);
    });
    assert_eq!(site.readings().len(), 1);
    let silent = site.run("show --kind request", "");
    assert_eq!((silent.status.code(), silent.stdout.len()), (Some(4), 0));
    assert!(no_notes(&site.path("audit")), "the note is taken back");
}

#[test]
fn segments_are_archived_kept_and_held() {
    let site = Site::new();
    let text = fs::read_to_string(site.path("zhamen.yaml")).unwrap();
    fs::write(site.path("zhamen.yaml"), text.replace("1KiB}", "1KiB, archive_dir: archive}")).unwrap();
    for (arguments, code, told) in [
        ("archive", 0, "archived "),
        ("archive", 0, "nothing to be archived"),
        ("hold --reason case-7", 0, "nothing is deleted"),
        ("expire", 1, "case-7"),
        ("hold --release", 0, "is released"),
        ("expire", 0, "nothing to be deleted"),
        ("hold", 2, "required"),
        ("show --request-id r0", 0, "r0"),
        ("verify audit", 0, "kept elsewhere"),
        ("verify archive", 0, "whole"),
    ] {
        let output = site.run(arguments, "");
        let all = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {all}");
        assert!(all.contains(told), "{arguments}: {all}");
    }
    let acts = lines(&site.run("export --dir audit --kind admin", ""));
    let acts: Vec<Value> = acts.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<&str> = acts.iter().map(|act| act["action"].as_str().unwrap()).collect();
    assert_eq!(told[..3], ["audit archive", "audit archive", "audit hold case-7"]);
    fs::write(site.path("zhamen.yaml"), text).unwrap();
    assert_eq!(site.run("archive", "").status.code(), Some(78));
}

/// An index of everything written so far, as a gateway leaves it.
fn index(site: &Site) {
    let last = verify_dir(&site.path("audit")).unwrap().last_seq;
    let usage = Usage::start(&site.path("usage"), vec![site.path("audit")], Box::new(move || last)).unwrap();
    let began = Instant::now();
    while usage.status().behind > 0 {
        assert!(began.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// With the index, entries of somebody else may be damaged; the whole log is read without it.
fn only_what_is_meant_is_read(site: &Site) {
    // An entry of somebody else, in the middle of a segment, is not what it was.
    let segment = site.path("audit/audit-00000000000000000001.jsonl");
    let good = fs::read(&segment).unwrap();
    let mut bad = good.clone();
    let at = good.windows(6).position(|window| window == b"\"seq\":").unwrap();
    let third = good[at..].iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + at;
    bad[third + 300] ^= 1;
    index(site);
    fs::write(&segment, bad).unwrap();
    for (question, typed, with_index) in
        [("--officer mz-0 --kind request", "", 0), ("--subject", PERSON, 0), ("--officer mz-0", "", 1)]
    {
        let output = site.run(&format!("export {question}"), &format!("{typed}\n"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(with_index), "{question}: {said}");
    }
    fs::remove_dir_all(site.path("usage")).unwrap();
    assert_eq!(site.run("export --officer mz-0 --kind request", "").status.code(), Some(1), "all is read");
    fs::write(&segment, good).unwrap();
}

/// Conditions, and what is typed.
const QUESTIONS: [(&str, &str); 14] = [
    ("--subject", PERSON),
    ("--subject --kind request", PERSON),
    ("--subject --officer mz-1", PERSON),
    ("--subject --kind outcome", PERSON),
    ("--subject --kind reading", PERSON),
    ("--subject --seq 1-5", PERSON),
    ("--subject --from 2026-11-23T01:32:00Z", PERSON),
    ("--subject", "110101199003070038"),
    ("--officer mz-1", ""),
    ("--officer mz-1 --kind request", ""),
    ("--officer mz-1 --decision DENY", ""),
    ("--officer mz-0 --department =D --to 2026-11-23T01:33:00Z", ""),
    ("--officer mz-1 --kind reading", ""),
    ("--officer nobody --kind request", ""),
];

/// By the index or by reading everything, the answers are the same; and with the index nothing else is read.
#[test]
fn the_index_finds_what_a_reading_of_the_whole_log_finds() {
    let site = Site::new();
    // Readings of a person's and of an officer's uses, which are entries about them.
    site.run("usage --subject", &format!("{PERSON}\n"));
    site.run("usage --officer mz-1", "");
    // Each asking is an entry itself, so what is compared ends before the first.
    let last = verify_dir(&site.path("audit")).unwrap().last_seq;
    let asked = |command: &str, (question, typed): (&str, &str)| {
        let range = if question.contains("--seq") { String::new() } else { format!(" --seq 1-{last}") };
        let output = site.run(&format!("{command} {question}{range}"), &format!("{typed}\n"));
        assert_eq!(output.status.code(), Some(0), "{question}: {}", String::from_utf8_lossy(&output.stderr));
        lines(&output)
    };
    let commands = ["export", "show", "usage"];
    let fits = |command: &str, (question, _): (&str, &str)| {
        // `usage` asks for one of both.
        command != "usage" || !(question.contains("--subject") && question.contains("--officer"))
    };
    let ask_all = || {
        let asks = commands.iter().flat_map(|command| QUESTIONS.map(|question| (*command, question)));
        asks.filter(|(command, question)| fits(command, *question))
            .map(|(command, question)| asked(command, question))
            .collect::<Vec<_>>()
    };
    let scanned = ask_all();
    let counts: Vec<usize> = scanned[..QUESTIONS.len()].iter().map(Vec::len).collect();
    assert_eq!(counts, [3, 2, 1, 0, 1, 1, 2, 0, 6, 5, 1, 2, 1, 0], "{scanned:#?}");
    index(&site);
    assert_eq!(ask_all(), scanned);
    only_what_is_meant_is_read(&site);
    // An index that cannot be read is as if there were none.
    index(&site);
    let run = fs::read_dir(site.path("usage")).unwrap().map(|file| file.unwrap().path());
    for path in run.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("run-")) {
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[..middle].iter_mut().for_each(|byte| *byte ^= 0x55);
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(asked("export", QUESTIONS[1]), scanned[1]);
}

fn no_notes(dir: &Path) -> bool {
    fs::read_dir(dir.join("readings")).unwrap().count() == 0
}
