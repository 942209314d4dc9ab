//! A log on the disk with everything that goes with it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use zhamen::config::settings::AuditSettings;
use zhamen::engine::evidence::{Entry, encode};
use zhamen::state::audit::{Against, Audit, OpenError, verifier_key};

/// A log with its key, its witness file and a copy of its newest checkpoint.
pub struct Site {
    pub _folder: tempfile::TempDir,
    pub root: PathBuf,
    pub settings: AuditSettings,
}

impl Site {
    /// A log of so many short entries in segments of about 5 KiB.
    pub fn with(entries: u64) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        fs::write(root.join("key"), [7; 32]).unwrap();
        fs::set_permissions(root.join("key"), fs::Permissions::from_mode(0o600)).unwrap();
        let settings = AuditSettings {
            segment_bytes_max: 5000,
            disk_low_bytes: 0,
            signing_key_file: Some(root.join("key")),
            witness_file: Some(root.join("witness")),
            checkpoint_every: Duration::from_secs(3600),
            ..AuditSettings::new(root.join("log"))
        };
        let site = Site { _folder: folder, root, settings };
        Audit::create(&site.settings).unwrap().close();
        site.append(entries);
        site
    }

    pub fn append(&self, entries: u64) {
        let audit = reopen(&self.settings);
        let mut slot = audit.reserve().unwrap();
        for bytes in 0..entries {
            let body = encode(&Entry::TornTail { ts: 0, bytes });
            slot.write(body).receipt_blocking().unwrap();
        }
        drop(slot);
        audit.close();
    }

    pub fn dir(&self) -> &Path {
        &self.settings.dir
    }

    pub fn against(&self) -> Against {
        Against {
            key: verifier_key(&self.settings).unwrap(),
            witness: Some(self.root.join("witness")),
            ..Against::default()
        }
    }

    pub fn segments(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(self.dir()).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
        paths.sort();
        paths
    }

    pub fn copy_to(&self, name: &str) -> PathBuf {
        let to = self.root.join(name);
        let copied = Command::new("cp").arg("-a").arg(self.dir()).arg(&to).status().unwrap();
        assert!(copied.success());
        to
    }
}

/// Opens a log that nobody else writes. Other tests start children meanwhile, and until each runs its own
/// program it holds a copy of every open file, also of a lock that was given up since.
pub fn reopen(settings: &AuditSettings) -> Audit {
    let began = Instant::now();
    loop {
        match Audit::open(settings) {
            Err(OpenError::Locked(_)) if began.elapsed() < Duration::from_secs(10) => {
                std::thread::sleep(Duration::from_millis(5));
            }
            opened => return opened.unwrap(),
        }
    }
}
