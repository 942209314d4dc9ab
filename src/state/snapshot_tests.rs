//! A snapshot of the shipped folder, and what its days bring.

use super::*;

const NOON: i64 = 1_795_406_400; // 2026-11-23 12:00 in China
const MIDNIGHT: i64 = NOON + 12 * 3600;

/// The shipped folder with an end to a permit that its own cases rest on.
fn ending() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut copy = std::process::Command::new("cp");
    assert!(copy.arg("-r").arg(shipped.join(".")).arg(dir.path()).status().unwrap().success());
    edit(&dir, "social-assistance.cedar", |text| {
        let id = "@id(\"social-assistance.access\")";
        text.replacen(id, &format!("{id}\n@until(\"2026-11-23\")"), 1)
    });
    dir
}

fn edit(dir: &tempfile::TempDir, name: &str, change: impl FnOnce(String) -> String) {
    let path = dir.path().join(name);
    std::fs::write(&path, change(std::fs::read_to_string(&path).unwrap())).unwrap();
}

/// Whether the cases that rest on the permit hold with what is in force.
fn permits(dir: &tempfile::TempDir, snapshots: &Snapshots) -> bool {
    let current = snapshots.current();
    run_cases(&Folder::read(dir.path()).unwrap(), &current.catalogue, &current.policies).is_ok()
}

#[test]
fn a_permit_ends_with_its_day_although_cases_rest_on_it() {
    let dir = ending();
    let snapshots =
        Snapshots::start(dir.path(), Receipts::Signed, NOON).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(snapshots.look(false, MIDNIGHT - 1).is_none() && permits(&dir, &snapshots), "its last second");
    let before = snapshots.current();
    let attempt = snapshots.look(false, MIDNIGHT).expect("the day's end is told of");
    let digest = Some(&before.digest);
    assert!(
        attempt.faults.0.is_empty() && attempt.after.as_ref() == digest && attempt.before == before.digest
    );
    assert!(!permits(&dir, &snapshots));
    assert_eq!(
        (snapshots.current().revision, snapshots.current().day),
        (before.revision + 1, (2026, 11, 24))
    );
    assert!(snapshots.status().ok && snapshots.look(false, MIDNIGHT + 1).is_none(), "it is told once");
    // A request that began before midnight keeps what it took.
    assert_eq!((before.revision, before.day), (1, (2026, 11, 23)));
    // To read the folder is to run its cases: nothing starts with it any more, and what is in force stays.
    assert!(Snapshots::start(dir.path(), Receipts::Signed, MIDNIGHT).is_err());
    let refused = snapshots.look(true, MIDNIGHT + 2).unwrap();
    assert!(!refused.faults.0.is_empty() && !permits(&dir, &snapshots));
    edit(&dir, "social-assistance.cedar", |text| text.replace("2026-11-23", "2026-11-24"));
    assert!(snapshots.look(false, MIDNIGHT + 3).unwrap().faults.0.is_empty() && permits(&dir, &snapshots));
    assert!(snapshots.look(false, MIDNIGHT + 86_400).is_some() && !permits(&dir, &snapshots));
}

#[test]
fn a_faulty_folder_keeps_no_permit_beyond_its_day() {
    for is_seen_before in [true, false] {
        let dir = ending();
        let snapshots =
            Snapshots::start(dir.path(), Receipts::Signed, NOON).unwrap_or_else(|faults| panic!("{faults}"));
        edit(&dir, "sharing.cedar", |text| format!("{text}\npermit ("));
        if is_seen_before {
            assert!(!snapshots.look(false, NOON + 1).unwrap().faults.0.is_empty());
            assert!(snapshots.look(false, NOON + 2).is_none() && permits(&dir, &snapshots));
        }
        assert!(snapshots.look(false, MIDNIGHT).is_some());
        assert!(!permits(&dir, &snapshots) && !snapshots.status().ok);
    }
}

#[test]
fn reviews_and_permits_are_overdue_from_the_day_after_theirs() {
    let dir = ending();
    let folder = Folder::read(dir.path()).unwrap();
    let snapshot = Snapshot::build(&folder, None, (2026, 11, 23)).unwrap_or_else(|faults| panic!("{faults}"));
    let review = "the review of `infectious-disease-list` was due on 2027-06-30";
    let permit = "the permit `social-assistance.access` has ended";
    for (today, expect) in [
        ((2026, 11, 23), &[][..]),
        ((2026, 11, 24), &[permit]),
        ((2027, 6, 30), &[permit]),
        ((2027, 7, 1), &[review, permit]),
    ] {
        let faults = overdue(&snapshot, today).map_or_else(|faults| faults.0, |()| Vec::new());
        let told: Vec<String> = faults.iter().map(|fault| fault.to_string()).collect();
        assert_eq!(told.len(), expect.len(), "{today:?}: {told:?}");
        for (told, expect) in told.iter().zip(expect) {
            assert!(told.contains(expect) && told.contains("help: "), "{today:?}: {told}");
        }
    }
    let faults = overdue(&snapshot, (2027, 7, 1)).unwrap_err().0;
    let files: Vec<&str> = faults.iter().map(|fault| &*fault.file).collect();
    assert_eq!(files, ["catalogue/health.yaml", "social-assistance.cedar"]);
    // As `zhamen check` says it, by the clock of the machine.
    let file = dir.path().join("catalogue/health.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("2027-06-30"));
    std::fs::write(&file, text.replace("2027-06-30", "2020-02-29")).unwrap();
    edit(&dir, "social-assistance.cedar", |text| text.replace("@until(\"2026-11-23\")\n", ""));
    let said = check(dir.path(), Receipts::Signed).map(|_| ()).unwrap_err().to_string();
    assert!(said.contains("the review of `infectious-disease-list` was due on 2020-02-29"), "{said}");
}

#[test]
fn the_registry_finds_what_the_catalogue_registers() {
    let folder = Folder::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")).unwrap();
    let snapshot = Snapshot::build(&folder, None, (2026, 11, 22)).unwrap_or_else(|faults| panic!("{faults}"));
    let registry = &snapshot.registry;
    assert_eq!(registry.by_id.len(), snapshot.catalogue.applications.len());
    for (id, registered) in &snapshot.catalogue.applications {
        let uri = format!("spiffe://zhamen.demo/app/{id}");
        assert_eq!(registry.by_san_uri.get(&uri), Some(&registered.application), "{id}");
    }
    assert!(registry.revoked_officers.is_empty() && !registry.by_san_uri.contains_key("tax-desk"));
}
