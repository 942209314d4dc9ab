//! AU-01 on the real gateway: killed as by a power switch under load, two hundred times over.
//!
//! Four callers keep the id of every classified answer that they received whole. After each kill the log
//! verifies against its witness file, has an entry for every answer of that round, and at most one torn tail,
//! which the next start notes. A kill by itself seldom tears a line, as its write is one call; so after every
//! tenth round the test tears one, as a power cut does.
//!
//! A test program of its own, so that its load does not reach tests that measure time.

// The whole of it is for `tests/e2e`.
#[allow(dead_code)]
#[path = "e2e/support/mod.rs"]
mod support;

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};
use support::{CIVIL, Ground, HOUSEHOLD, Stage, get};
use zhamen::state::audit::{Against, Report, verify_against};

const ROUNDS: u64 = 200;
const CALLERS: usize = 4;
/// Longer than any start or answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Numbers that look random and are the same every time (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % limit
    }
}

/// What the log's folder held after the last round.
#[derive(Default)]
struct Known {
    bytes: usize,
    /// Its last line was left unfinished, so the next start has one to note.
    is_torn: bool,
    torn_rounds: usize,
    answers: usize,
    /// Rounds in which a caller had an answer under way when the process ended.
    interrupted: usize,
}

#[test]
fn every_answer_that_was_received_has_its_entry_after_each_of_two_hundred_kills() {
    let mut stage = Ground::lay().spawn();
    let (token, mut numbers, mut known) = (stage.token(CIVIL.1), Numbers(1), Known::default());
    for round in 0..ROUNDS {
        if round > 0 {
            stage.respawn();
        }
        let (wanted, pause) = (numbers.below(25) as usize, Duration::from_micros(numbers.below(15_000)));
        let (answered, interrupted) = load_and_kill(&mut stage, &token, wanted, pause);
        assert!(answered.len() >= wanted);
        if round % 10 == 9 {
            tear(&stage.ground.path("audit"));
        }
        known.answers += answered.len();
        known.interrupted += usize::from(interrupted);
        check(&stage, &mut known, &answered, round);
    }
    assert!(known.answers > 2000 && known.interrupted > 100, "{} {}", known.answers, known.interrupted);
    assert!(known.torn_rounds >= 20, "{}", known.torn_rounds);
    last_start(stage, &known);
}

/// Callers ask until the process is gone: after so many answers, and a moment.
fn load_and_kill(stage: &mut Stage, token: &str, wanted: usize, pause: Duration) -> (HashSet<String>, bool) {
    let answered = Mutex::new(HashSet::new());
    let interrupted = Mutex::new(false);
    let connections: Vec<_> = (0..CALLERS).map(|_| stage.connect(CIVIL.0)).collect();
    thread::scope(|scope| {
        for mut connection in connections {
            scope.spawn(|| {
                let request = get(HOUSEHOLD, token);
                // Moved in, so that it closes with the thread.
                let mut asked = move || connection.ask(&request);
                while let Ok(reply) = asked() {
                    assert_eq!(reply.status, 200, "{}", reply.text());
                    answered.lock().unwrap().insert(reply.request_id());
                }
                *interrupted.lock().unwrap() = true;
            });
        }
        let began = Instant::now();
        while answered.lock().unwrap().len() < wanted && began.elapsed() < PATIENCE {
            thread::sleep(Duration::from_micros(500));
        }
        thread::sleep(pause);
        stage.signal("KILL");
    });
    stage.exit();
    (answered.into_inner().unwrap(), interrupted.into_inner().unwrap())
}

fn check(stage: &Stage, known: &mut Known, answered: &HashSet<String>, round: u64) {
    let report = verified(stage);
    assert!(report.gaps.is_empty() && report.untrusted_bytes == 0, "round {round}: {report:?}");
    let text = read(&stage.ground.path("audit"));
    let (whole, new) = (text.rfind('\n').map_or(0, |end| end + 1), &text[known.bytes..]);
    let tails = new.lines().filter(|line| line.contains("\"kind\":\"torn_tail\"")).count();
    assert_eq!(tails, usize::from(known.is_torn), "round {round}: one for each torn line, and no other");
    let entered: HashSet<String> = new.lines().filter_map(request_id).collect();
    let missing: Vec<_> = answered.difference(&entered).collect();
    assert!(missing.is_empty(), "round {round}: answers without an entry: {missing:?}");
    known.is_torn = report.torn_bytes > 0;
    assert_eq!(report.torn_bytes as usize, text.len() - whole, "round {round}");
    known.torn_rounds += usize::from(known.is_torn);
    known.bytes = whole;
}

fn verified(stage: &Stage) -> Report {
    let witness = stage.ground.path("audit-witness.jsonl");
    let against = Against { witness: Some(witness).filter(|path| path.exists()), ..Against::default() };
    verify_against(&stage.ground.path("audit"), &against).unwrap_or_else(|finding| panic!("{finding}"))
}

/// All segments, one after another.
fn read(dir: &Path) -> String {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    files.sort();
    files.into_iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// The request that a whole line is the decision of.
fn request_id(line: &str) -> Option<String> {
    let line = line.strip_suffix('}').filter(|line| line.contains(",\"kind\":\"request\""))?;
    Some(line.split(",\"request_id\":\"").nth(1)?.split('"').next()?.to_owned())
}

/// Leaves the beginning of a line behind the last one.
fn tear(dir: &Path) {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    let mut file = fs::OpenOptions::new().append(true).open(files.iter().max().unwrap()).unwrap();
    file.write_all(b"{\"v\":1,\"seq\":").unwrap();
}

/// The next start repairs what the last kill left and answers; stopped in order, nothing is torn.
fn last_start(mut stage: Stage, known: &Known) {
    stage.respawn();
    assert_eq!(stage.get(CIVIL, HOUSEHOLD).status, 200);
    stage.signal("TERM");
    assert_eq!(stage.exit(), Some(0));
    let report = verified(&stage);
    assert_eq!(report.torn_bytes, 0);
    let text = read(&stage.ground.path("audit"));
    let tails = text.lines().filter(|line| line.contains("\"kind\":\"torn_tail\"")).count();
    assert_eq!(tails, known.torn_rounds);
    assert_eq!(text.lines().count() as u64, report.entries);
}
