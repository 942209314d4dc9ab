//! What somebody with the disk in hand can do to a log, and that both verifiers find it: AU-05, AU-06,
//! AU-07. "Found" always means the same exit code from both.

#[path = "audit_support/both.rs"]
mod both;
#[path = "audit_support/site.rs"]
mod site;

use both::Both;
use site::{Site, reopen};
use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use zhamen::config::settings::AuditSettings;
use zhamen::engine::evidence::chain::{hex_of_hash, leaf_hash};
use zhamen::engine::evidence::{Entry, Request, encode};
use zhamen::state::audit::{Against, Audit, OpenError, verifier_key};

const WHOLE: i64 = 0;
const DAMAGED: i64 = 1;
const CONTRADICTED: i64 = 3;
const UNREADABLE: i64 = 4;
const UNSIGNED: i64 = 5;

/// The files of a folder before a change, put back after it.
struct Before(Vec<(PathBuf, Vec<u8>)>);

impl Before {
    fn of(dir: &Path) -> Before {
        let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        Before(
            files.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).unwrap())).collect(),
        )
    }

    fn put_back(&self, dir: &Path) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::remove_file(path).unwrap();
            }
        }
        for (path, bytes) in &self.0 {
            fs::write(path, bytes).unwrap();
        }
    }
}

#[test]
fn a_whole_log_verifies_and_its_witness_agrees() {
    let (site, mut both) = (Site::with(100), Both::start());
    let verdict = both.verify(site.dir(), &site.against());
    assert_eq!(verdict.code(), WHOLE, "{verdict:?}");
    let report = verdict.ours.unwrap();
    assert_eq!((report.entries, report.covered, report.tiles_missing), (100, 100, 0));
    assert!(report.segments > 3 && report.checkpoints >= 2);
    assert!(verdict.python.1.contains(&hex_of_hash(&report.root)), "{:?}", verdict.python);
}

/// AU-05 through the files, one bit of every fifth byte: both verifiers name the same place. Every bit is
/// flipped for this program's verifier in `state::audit::verify`, for the other one below.
#[test]
fn both_verifiers_name_the_place_of_a_flipped_bit() {
    let (site, mut both) = (Site::with(100), Both::start());
    for path in site.segments() {
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        for (at, byte) in bytes.iter().enumerate().skip(3).step_by(5) {
            file.write_all_at(&[byte ^ 1 << (at % 8)], at as u64).unwrap();
            let verdict = both.verify(site.dir(), &site.against());
            assert_eq!(verdict.code(), DAMAGED, "{path:?} byte {at}");
            let finding = verdict.ours.unwrap_err();
            let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
            assert!(path.ends_with(&finding.file) && finding.line == line, "{finding}");
            let named =
                format!("{}, line {}, byte {}, entry {}", finding.file, line, finding.byte, finding.seq);
            assert!(verdict.python.1.starts_with(&named), "{named}: {}", verdict.python.1);
            file.write_all_at(&[*byte], at as u64).unwrap();
        }
    }
    assert_eq!(both.verify(site.dir(), &site.against()).code(), WHOLE);
}

/// AU-05, AU-06 by the second verifier: every bit of all hundred entries, newlines too; every cut.
#[test]
fn every_flipped_bit_and_every_cut_is_found_by_the_second_verifier() {
    let site = Site::with(100);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bytes: u64 = site.segments().iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    let (bits, cuts) = (bytes * 8, bytes);
    let output = Command::new("python3")
        .arg(root.join("tests/audit_support/flips.py"))
        .arg(root.join("deploy/verify_audit.py"))
        .arg(site.dir())
        .arg(verifier_key(&site.settings).unwrap().unwrap().to_string())
        .output()
        .expect("python3 is needed: tests/real/install");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        said.trim_end(),
        format!("flips found {bits} missed 0\ncuts found {cuts} missed 0"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// AU-06 through the files: cut between entries, beside that and at every fifth byte, both verifiers find
/// the same, in the log or by the witness.
#[test]
fn both_verifiers_find_cuts() {
    let (site, mut both) = (Site::with(60), Both::start());
    for path in site.segments().iter().rev() {
        let bytes = fs::read(path).unwrap();
        for length in (0..bytes.len()).rev() {
            let between = length == 0 || bytes[length - 1] == b'\n';
            // All cuts between entries and beside them; of the others every fifth.
            if !between && length % 5 > 0 && bytes[length] != b'\n' {
                continue;
            }
            OpenOptions::new().write(true).open(path).unwrap().set_len(length as u64).unwrap();
            let code = both.verify(site.dir(), &site.against()).code();
            // What is cut in the middle of the log shows in it; at its end only the checkpoint knows.
            let is_last = Some(path) == site.segments().last();
            assert_eq!(code, if is_last { CONTRADICTED } else { DAMAGED }, "{path:?} cut at {length}");
        }
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(both.verify(site.dir(), &site.against()).code(), WHOLE);
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().split_inclusive('\n').map(str::to_owned).collect()
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let mut lines = lines(path);
    change(&mut lines);
    fs::write(path, lines.concat()).unwrap();
}

/// Numbers and links every line anew, as somebody does who knows the format but not the key.
fn forge(site: &Site, change: impl Fn(String) -> Option<String>) {
    let (mut seq, mut prev) = (0_u64, [0; 32]);
    for path in site.segments() {
        let (mut forged, first) = (String::new(), seq + 1);
        for line in lines(&path) {
            let Some(line) = change(line) else { continue };
            seq += 1;
            let members = line.split_once("\",").unwrap().1.rsplit_once(",\"hash\"").unwrap().0;
            let entry = format!("{{\"v\":1,\"seq\":{seq},\"prev\":\"{}\",{members}}}", hex_of_hash(&prev));
            prev = leaf_hash(entry.as_bytes());
            let content = entry.strip_suffix('}').unwrap();
            forged += &format!("{content},\"hash\":\"{}\"}}\n", hex_of_hash(&prev));
        }
        fs::remove_file(&path).unwrap();
        fs::write(site.dir().join(format!("audit-{first:020}.jsonl")), forged).unwrap();
    }
    // What the folder says of itself would only give it away.
    fs::remove_file(site.dir().join("head")).unwrap();
    fs::remove_dir_all(site.dir().join("tile")).unwrap_or_default();
}

/// A log of several segments, to be changed.
struct Scene {
    site: Site,
    all: Vec<PathBuf>,
    own: PathBuf,
}

impl Scene {
    fn first(&self) -> &Path {
        &self.all[0]
    }

    fn middle(&self) -> &Path {
        &self.all[1]
    }

    fn last(&self) -> &Path {
        self.all.last().unwrap()
    }

    fn change_checkpoint(&self, change: impl FnOnce(String) -> String) {
        fs::write(&self.own, change(fs::read_to_string(&self.own).unwrap())).unwrap();
    }
}

type Change = (&'static str, i64, fn(&Scene));

/// AU-06: entries taken away, exchanged, repeated.
const ENTRIES: &[Change] = &[
    ("nothing", WHOLE, |_| ()),
    ("the first dropped", DAMAGED, |scene| edit(scene.first(), |lines| drop(lines.remove(0)))),
    ("a middle one dropped", DAMAGED, |scene| edit(scene.middle(), |lines| drop(lines.remove(3)))),
    ("the last dropped", CONTRADICTED, |scene| edit(scene.last(), |lines| drop(lines.pop()))),
    ("the last and the checkpoint dropped", CONTRADICTED, |scene| {
        edit(scene.last(), |lines| drop(lines.pop()));
        fs::remove_file(&scene.own).unwrap();
    }),
    ("the last of a closed segment dropped", DAMAGED, |scene| {
        edit(scene.middle(), |lines| drop(lines.pop()))
    }),
    ("two swapped", DAMAGED, |scene| edit(scene.middle(), |lines| lines.swap(2, 5))),
    ("the last two swapped", DAMAGED, |scene| {
        edit(scene.last(), |lines| {
            let end = lines.len();
            lines.swap(end - 2, end - 1);
        })
    }),
    ("one repeated", DAMAGED, |scene| edit(scene.middle(), |lines| lines.insert(2, lines[1].clone()))),
    ("the last repeated", DAMAGED, |scene| edit(scene.last(), |lines| lines.extend(lines.last().cloned()))),
    ("a line of zeroes at the end", DAMAGED, |scene| {
        edit(scene.last(), |lines| lines.push("\0".repeat(40) + "\n"))
    }),
];

/// AU-06: the same with whole segments.
const SEGMENTS: &[Change] = &[
    ("the first dropped", DAMAGED, |scene| fs::remove_file(scene.first()).unwrap()),
    ("a middle one dropped", DAMAGED, |scene| fs::remove_file(scene.middle()).unwrap()),
    ("the last dropped", CONTRADICTED, |scene| fs::remove_file(scene.last()).unwrap()),
    ("all dropped", UNREADABLE, |scene| scene.all.iter().for_each(|path| fs::remove_file(path).unwrap())),
    ("two swapped", DAMAGED, |scene| {
        let (one, two) = (fs::read(scene.first()).unwrap(), fs::read(scene.middle()).unwrap());
        fs::write(scene.first(), two).unwrap();
        fs::write(scene.middle(), one).unwrap();
    }),
    ("one of garbage", DAMAGED, |scene| fs::write(scene.middle(), vec![0xff; 3 << 20]).unwrap()),
];

fn without_42(line: String) -> Option<String> {
    Some(line).filter(|line| !line.contains("\"bytes\":42,"))
}

/// AU-07: everything linked anew by somebody without the key; and checkpoints tampered with.
const FORGERIES: &[Change] = &[
    ("an entry changed", CONTRADICTED, |scene| {
        forge(&scene.site, |line| Some(line.replace("\"bytes\":42,", "\"bytes\":24,")))
    }),
    ("an entry taken out", CONTRADICTED, |scene| forge(&scene.site, without_42)),
    ("an entry taken out, and the checkpoint", CONTRADICTED, |scene| {
        forge(&scene.site, without_42);
        fs::remove_file(&scene.own).unwrap();
    }),
    ("a checkpoint of garbage", UNSIGNED, |scene| fs::write(&scene.own, "garbage").unwrap()),
    ("a checkpoint of other bytes than text", UNSIGNED, |scene| fs::write(&scene.own, [0xff; 99]).unwrap()),
    ("a checkpoint of another root", UNSIGNED, |scene| {
        scene.change_checkpoint(|note| {
            let root = note.lines().nth(2).unwrap();
            let other = if root.starts_with('A') { "B" } else { "A" };
            note.replacen(root, &format!("{other}{}", &root[1..]), 1)
        })
    }),
    ("a checkpoint of another size", UNSIGNED, |scene| {
        scene.change_checkpoint(|note| note.replacen("\n100\n", "\n10\n", 1))
    }),
    ("a checkpoint without signature", UNSIGNED, |scene| {
        scene.change_checkpoint(|note| note.split("\n\n").next().unwrap().to_owned())
    }),
];

/// AU-06, AU-07: each of these is found by both verifiers.
#[test]
fn every_rearrangement_is_found() {
    let (site, mut both) = (Site::with(100), Both::start());
    let scene = Scene { all: site.segments(), own: site.dir().join("checkpoint"), site };
    let (dir, against) = (scene.site.dir(), scene.site.against());
    let before = Before::of(dir);
    for (what, expect, change) in [ENTRIES, SEGMENTS, FORGERIES].concat() {
        change(&scene);
        let verdict = both.verify(dir, &against);
        assert_eq!(verdict.code(), expect, "{what}: {verdict:?}");
        fs::remove_dir_all(dir.join("tile")).unwrap_or_default();
        before.put_back(dir);
    }
}

/// Sealed segments verify as before, and what was changed in them is found.
#[test]
fn a_sealed_log_verifies_and_its_changes_are_found() {
    let (site, mut both) = (Site::with(100), Both::start());
    let plain = site.segments();
    let settings = AuditSettings { seal_age: Some(Duration::ZERO), ..site.settings.clone() };
    // Each opening seals one at its start, and more as long as it runs.
    let audit = reopen(&AuditSettings { checkpoint_every: Duration::from_millis(5), ..settings });
    let sealed: Vec<PathBuf> =
        plain.iter().take(plain.len() - 1).map(|path| path.with_extension("jsonl.gz")).collect();
    let began = std::time::Instant::now();
    while plain.iter().filter(|path| path.exists()).count() > 1 {
        assert!(began.elapsed() < Duration::from_secs(10), "sealed in time");
        std::thread::sleep(Duration::from_millis(5));
    }
    audit.close();
    let (dir, against) = (site.dir(), site.against());
    let verdict = both.verify(dir, &against);
    assert_eq!((verdict.code(), verdict.ours.unwrap().entries), (WHOLE, 100));
    let proved = zhamen::state::audit::prove(dir, None, &zhamen::state::audit::Wanted::Seq(3)).unwrap();
    assert_eq!(proved[0].proof.index, 2);
    let good = fs::read(&sealed[1]).unwrap();
    for at in (10..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 16;
        fs::write(&sealed[1], &bad).unwrap();
        let code = both.verify(dir, &against).code();
        // Some bits of gzip's own headers and of the table of members change no entry.
        assert!(code == DAMAGED || (code == WHOLE && unpacked(&bad) == unpacked(&good)), "byte {at}: {code}");
    }
    for length in [0, 10, good.len() / 2, good.len() - 1] {
        fs::write(&sealed[1], &good[..length]).unwrap();
        assert_eq!(both.verify(dir, &against).code(), DAMAGED, "cut at {length}");
    }
    fs::write(&sealed[1], &good).unwrap();
    fs::remove_file(&sealed[0]).unwrap();
    assert_eq!(both.verify(dir, &against).code(), DAMAGED);
}

/// The entries of a sealed segment.
fn unpacked(sealed: &[u8]) -> Option<Vec<u8>> {
    let mut lines = Vec::new();
    flate2::read::MultiGzDecoder::new(sealed).read_to_end(&mut lines).ok().map(|_| lines)
}

/// AU-06: yesterday's copy put back, and a log that two gateways continued. Each is whole by itself.
#[test]
fn an_older_copy_and_a_fork_contradict_the_witness() {
    let (site, mut both) = (Site::with(50), Both::start());
    let yesterday = site.copy_to("yesterday");
    let kept = site.root.join("kept");
    fs::copy(site.dir().join("checkpoint"), &kept).unwrap();
    site.append(50);
    let against = site.against();
    assert_eq!(both.verify(site.dir(), &against).code(), WHOLE);
    let alone = Against { witness: None, ..against.clone() };
    let with_kept = Against { checkpoints: vec![kept], ..alone.clone() };
    // The older copy is a whole log, which an older checkpoint even confirms.
    for (against, expect) in [(&alone, WHOLE), (&with_kept, WHOLE), (&against, CONTRADICTED)] {
        assert_eq!(both.verify(&yesterday, against).code(), expect);
    }
    // Another history from there on, signed with the same key.
    let fork = Site {
        settings: AuditSettings { dir: yesterday, witness_file: None, ..site.settings.clone() },
        ..site
    };
    let audit = reopen(&fork.settings);
    let mut slot = audit.reserve().unwrap();
    for bytes in 1000..1100 {
        let body = encode(&Entry::TornTail { ts: 0, bytes });
        slot.write(body).receipt_blocking().unwrap();
    }
    drop(slot);
    audit.close();
    for (against, expect) in [(&alone, WHOLE), (&with_kept, WHOLE), (&against, CONTRADICTED)] {
        let verdict = both.verify(fork.dir(), against);
        assert_eq!(verdict.code(), expect, "{verdict:?}");
    }
}

/// The gateway itself refuses a log that its checkpoint or its witness file knows better.
#[test]
fn the_writer_does_not_continue_a_log_that_was_set_back() {
    let site = Site::with(50);
    let yesterday = site.copy_to("yesterday");
    site.append(10);
    fs::rename(site.dir(), site.root.join("today")).unwrap();
    let refused = |what: &str| {
        let Err(OpenError::Broken(finding)) = Audit::open(&site.settings) else { panic!("{what}: opened") };
        finding.to_string()
    };
    fs::rename(&yesterday, site.dir()).unwrap();
    let found = refused("the older copy");
    assert!(found.contains("knows 60 entries, 50 are here"), "{found}");
    fs::remove_dir_all(site.dir()).unwrap();
    let Err(OpenError::Broken(found)) = Audit::create(&site.settings) else { panic!("begun anew") };
    assert!(found.to_string().contains("knows 60 entries, 0 are here"), "{found}");
    fs::create_dir(site.dir()).unwrap_or_default();
    let other = Site::with(3);
    fs::remove_dir_all(site.dir()).unwrap();
    fs::rename(other.dir(), site.dir()).unwrap();
    fs::remove_file(site.root.join("witness")).unwrap();
    let foreign = AuditSettings { origin: "another.example/log".into(), ..site.settings.clone() };
    let Err(OpenError::Broken(found)) = Audit::open(&foreign) else { panic!("foreign log opened") };
    assert!(found.to_string().contains("the checkpoint is of another log"), "{found}");
}

/// AU-08: whatever a caller sends stays one inert line, which both verifiers read.
#[test]
fn hostile_text_stays_one_entry() {
    let (site, mut both) = (Site::with(1), Both::start());
    let megabyte = "\u{202e}x".repeat(250_000);
    let broken = String::from_utf8_lossy(b"a\xff\xfeb\xc3").into_owned();
    let hostile = [
        "a\r\nb",
        "a\n{\"v\":1,\"seq\":2}\n",
        "\u{1b}[2J\u{1b}]0;owned\u{7}",
        "\u{202e}\u{2066}reversed\u{2069}",
        "nul\0nul",
        "\",\"hash\":\"",
        "\"kind\":\"gap\",\"first\":1,\"last\":99",
        "\u{2028}\u{2029}\u{85}",
        &broken,
        &megabyte,
    ];
    let audit = reopen(&site.settings);
    let mut slot = audit.reserve().unwrap();
    for text in hostile {
        let request = Request {
            request_id: text,
            matter_id: Some(text),
            break_glass: Some(text),
            ..Request::default()
        };
        let body = encode(&Entry::Request(request));
        slot.write(body).receipt_blocking().unwrap();
    }
    drop(slot);
    audit.close();
    let verdict = both.verify(site.dir(), &site.against());
    assert_eq!((verdict.code(), verdict.ours.unwrap().entries), (WHOLE, 1 + hostile.len() as u64));
    for path in site.segments() {
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.iter().all(|byte| *byte == b'\n' || (0x20..0x7f).contains(byte) || *byte >= 0x80));
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{2028}', '\u{85}']));
        assert!(text.lines().all(|line| line.len() < 16_000));
    }
}

#[test]
fn another_key_is_found_and_a_missing_tile_is_told() {
    let site = Site::with(300);
    let mut both = Both::start();
    fs::write(site.root.join("other"), [8; 32]).unwrap();
    fs::set_permissions(site.root.join("other"), fs::Permissions::from_mode(0o600)).unwrap();
    let other = AuditSettings { signing_key_file: Some(site.root.join("other")), ..site.settings.clone() };
    let against = Against { key: verifier_key(&other).unwrap(), ..site.against() };
    assert_eq!(both.verify(site.dir(), &against).code(), UNSIGNED);
    fs::remove_file(site.dir().join("tile/0/000")).unwrap();
    let verdict = both.verify(site.dir(), &site.against());
    assert_eq!(verdict.code(), WHOLE);
    assert!(verdict.python.1.ends_with("1 tiles are missing"), "{verdict:?}");
    assert_eq!(verdict.ours.unwrap().tiles_missing, 1);
}

/// Tiles are what others prove entries with: they hold the hashes of this log, full ones and partial ones.
#[test]
fn a_flipped_bit_in_a_tile_is_found() {
    let mut both = Both::start();
    // Of a log that has partial tiles only, one bit of every byte; of one with full tiles, samples.
    for (entries, tiles, step) in [
        (100, &["tile/0/000.p/100"][..], 1),
        (600, &["tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"], 97),
    ] {
        let site = Site::with(entries);
        assert_eq!(both.verify(site.dir(), &site.against()).code(), WHOLE);
        for name in tiles {
            let file = OpenOptions::new().read(true).write(true).open(site.dir().join(name)).unwrap();
            let mut good = Vec::new();
            (&file).read_to_end(&mut good).unwrap();
            for at in (0..good.len()).step_by(step).chain([good.len() - 1]) {
                file.write_all_at(&[good[at] ^ 1 << (at % 8)], at as u64).unwrap();
                let verdict = both.verify(site.dir(), &site.against());
                assert_eq!(verdict.code(), DAMAGED, "{name} byte {at}");
                let place = name.split(".p").next().unwrap();
                for said in [verdict.ours.unwrap_err().to_string(), verdict.python.1] {
                    assert!(
                        said.contains(&format!("the tile {place}")) && said.contains("holds other hashes"),
                        "{said}"
                    );
                }
                file.write_all_at(&good[at..=at], at as u64).unwrap();
            }
        }
        assert_eq!(both.verify(site.dir(), &site.against()).code(), WHOLE);
        // Opening makes all of them again, whatever they held.
        let tile = site.dir().join(tiles[0]);
        let good = fs::read(&tile).unwrap();
        fs::remove_file(&tile).unwrap();
        drop(reopen(&site.settings));
        assert_eq!(fs::read(&tile).unwrap(), good);
    }
}
