//! The index's table of contents: which runs there are, how far they go, and in which log.
//!
//! It is replaced as a whole (written beside, synced, renamed), so after a crash either the old one or
//! the new one stands, and every file that it names was durable before it.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

const FILE: &str = "manifest";
/// Of the files' formats and of what is indexed; another one is built again.
pub(super) const VERSION: u32 = 1;

/// What the index consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub version: u32,
    /// The last entry that is in the runs, and its hash in hexadecimal: in another log it differs.
    pub upto: u64,
    pub hash: String,
    /// Oldest first; each covers the entries after those of the one before it.
    pub runs: Vec<RunName>,
    /// Requests without their outcome yet, oldest first: id and keys.
    pub open: Vec<(String, Vec<u64>)>,
    pub next_run: u64,
}

/// A run in the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunName {
    pub id: u64,
    /// 0 for what was in memory; a merge of level n is of level n + 1.
    pub level: u8,
}

impl RunName {
    pub fn file_name(&self) -> String {
        format!("run-{:016x}", self.id)
    }
}

impl Manifest {
    /// The manifest of a folder; none where there is none, or it is not what was written.
    pub fn read(dir: &Path) -> io::Result<Option<Manifest>> {
        let text = match fs::read_to_string(dir.join(FILE)) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
                return Ok(None);
            }
            text => text?,
        };
        let Some((json, sum)) = text.trim_end().rsplit_once('\n') else { return Ok(None) };
        if sum != sum_of(json) {
            return Ok(None);
        }
        Ok(serde_json::from_str(json).ok().filter(|manifest: &Manifest| manifest.version == VERSION))
    }

    /// Puts this manifest in force.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let json = serde_json::to_string(self).map_err(io::Error::other)?;
        let new = dir.join("manifest.new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(format!("{json}\n{}\n", sum_of(&json)).as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, dir.join(FILE))?;
        File::open(dir)?.sync_all()
    }
}

fn sum_of(json: &str) -> String {
    digest(&SHA256, json.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
