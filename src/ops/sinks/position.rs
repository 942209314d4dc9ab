//! How far a sink has come: one small file, replaced whole.

use crate::engine::evidence::chain::{hash_of_hex, hex_of_hash};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The last entry that was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub seq: u64,
    /// Hash of that entry: what tells this log from another one.
    pub hash: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    seq: u64,
    hash: String,
}

/// A file that holds a place.
#[derive(Clone, Debug)]
pub(super) struct PositionFile(PathBuf);

impl PositionFile {
    pub fn new(folder: &Path, sink: &str) -> Self {
        PositionFile(folder.join(format!("{sink}.position")))
    }

    /// The place; none where nothing was acknowledged yet.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else: then nobody knows what was delivered, and a
    /// human has to say (removing the file delivers everything again).
    pub fn read(&self) -> io::Result<Option<Place>> {
        let bytes = match std::fs::read(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let odd = || io::Error::other(format!("{}: not a position of a sink", self.0.display()));
        let written: Written = serde_json::from_slice(&bytes).map_err(|_| odd())?;
        let hash = hash_of_hex(written.hash.as_bytes()).ok_or_else(odd)?;
        Ok(Some(Place { seq: written.seq, hash }))
    }

    /// Replaces the place; durable when this returns.
    pub fn write(&self, place: Place) -> io::Result<()> {
        let written = Written { seq: place.seq, hash: hex_of_hash(&place.hash) };
        let beside = self.0.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(&written)?)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.0)?;
        match self.0.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_and_garbage_is_not_a_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = PositionFile::new(folder.path(), "siem");
        assert_eq!(file.read().unwrap(), None);
        for seq in [1, 7, u64::MAX] {
            let place = Place { seq, hash: [seq as u8; 32] };
            file.write(place).unwrap();
            assert_eq!(file.read().unwrap(), Some(place));
        }
        for garbage in ["", "{}", "7", "{\"seq\":7,\"hash\":\"ab\"}", "{\"seq\":-1,\"hash\":\"\"}"] {
            std::fs::write(folder.path().join("siem.position"), garbage).unwrap();
            assert!(file.read().is_err(), "{garbage}");
        }
    }
}
