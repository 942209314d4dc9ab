//! The policies folder as one value: every file's bytes, and one digest over them.
//!
//! This is the catalogue's only contact with the disk. What is read is either one consistent state
//! of the folder or nothing: the folder is read until two readings in a row agree, so that a swap of
//! symlinks (Kubernetes' `..data`), an editor's save or a copy under way never leaves a mixture.

mod disk;

use crate::fault::{Fault, Faults};
use aws_lc_rs::digest::{Context, SHA256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest single file: some 50,000 policies.
pub const FILE_BYTES_MAX: u64 = 8 << 20;
/// All files together.
pub const FOLDER_BYTES_MAX: u64 = 64 << 20;
/// The most files that are read.
pub const FILES_MAX: usize = 4096;
/// Folders within folders.
pub const DEPTH_MAX: usize = 4;
/// What is read; every other file is none of ours.
const ENDINGS: [&str; 4] = [".cedar", ".cedarschema", ".yaml", ".json"];

/// All files of a policies folder.
///
/// ```
/// use zhamen::catalogue::Folder;
/// let folder = Folder::from_files([("labels.yaml", "labels: {}"), (".hidden.yaml", "")]).unwrap();
/// assert_eq!(folder.paths().collect::<Vec<_>>(), ["labels.yaml"]);
/// assert_eq!(folder.digest().len(), 64);
/// ```
#[derive(Clone, Debug)]
pub struct Folder {
    files: BTreeMap<String, Arc<[u8]>>,
    digest: Arc<str>,
    root: Option<PathBuf>,
}

impl Folder {
    /// Reads a folder from disk.
    ///
    /// Read are plain files ending in `.cedar`, `.cedarschema`, `.yaml` or `.json` (OpenAPI imports),
    /// not hidden ones and not editors' backups. Symlinks are followed if they stay in the folder.
    ///
    /// # Errors
    /// Everything wrong with the files: a device, FIFO or socket; a link that leaves the folder or
    /// leads in a circle; a file that anybody may write or that cannot be read; a limit exceeded; a
    /// folder that did not hold still.
    pub fn read(root: &Path) -> Result<Folder, Faults> {
        let (resolved, files) = disk::read(root)?;
        let mut folder = Folder::new(files);
        folder.root = Some(resolved);
        Ok(folder)
    }

    /// A folder that was never on disk: the demo's, embedded, and tests'.
    ///
    /// # Errors
    /// A limit exceeded, or a path that is not plain and relative.
    pub fn from_files<P: Into<String>, B: Into<Vec<u8>>>(
        files: impl IntoIterator<Item = (P, B)>,
    ) -> Result<Folder, Faults> {
        let mut kept = BTreeMap::new();
        let mut faults = Faults::default();
        let mut total = 0;
        for (path, bytes) in files {
            let (path, bytes): (String, Vec<u8>) = (path.into(), bytes.into());
            if path.split('/').any(|part| part.is_empty() || part == "..") {
                faults.push(Fault::new(path, "is not a plain relative path"));
            } else if path.split('/').all(is_read_through) && is_read(&path) {
                total += bytes.len() as u64;
                if bytes.len() as u64 > FILE_BYTES_MAX || total > FOLDER_BYTES_MAX {
                    faults.push(Fault::new(path, "is beyond the size limit"));
                } else {
                    kept.insert(path, Arc::from(bytes));
                }
            }
        }
        faults.or(Folder::new(kept))
    }

    fn new(files: BTreeMap<String, Arc<[u8]>>) -> Self {
        let digest = digest(&files).into();
        Folder { files, digest, root: None }
    }

    /// SHA-256 over (length of path, path, length, bytes) of every file in order of path, in
    /// lower-case hexadecimal digits. It names the snapshot in every audit entry.
    pub fn digest(&self) -> Arc<str> {
        self.digest.clone()
    }

    /// Where it was read, links resolved; none for a folder that was never on disk.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Paths of all files, relative, with `/`, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Paths of the files directly in `folder` (empty for the root) that end in `ending`.
    pub fn paths_in<'a>(&'a self, folder: &'a str, ending: &'a str) -> impl Iterator<Item = &'a str> {
        self.paths().filter(move |path| {
            let (place, name) = path.rsplit_once('/').unwrap_or(("", path));
            place == folder && name.ends_with(ending)
        })
    }

    /// One file's bytes.
    pub fn bytes(&self, path: &str) -> Option<&Arc<[u8]>> {
        self.files.get(path)
    }

    /// One file's text; none if there is no such file.
    ///
    /// # Errors
    /// The file is not UTF-8.
    pub fn text(&self, path: &str) -> Result<Option<&str>, Fault> {
        let Some(bytes) = self.files.get(path) else { return Ok(None) };
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(error) => {
                Err(Fault::new(path, format!("is not UTF-8 (after {} bytes)", error.valid_up_to())))
            }
        }
    }
}

/// Whether a file or folder of this name is looked at: hidden ones are not.
fn is_read_through(name: &str) -> bool {
    !name.starts_with('.')
}

/// Whether a file of this path is read. Backups of editors end in `~` or begin with `#`, and their
/// swap files are hidden or end in `.swp`.
fn is_read(path: &str) -> bool {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    is_read_through(name) && !name.starts_with('#') && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn digest(files: &BTreeMap<String, Arc<[u8]>>) -> String {
    let mut context = Context::new(&SHA256);
    for (path, bytes) in files {
        context.update(&(path.len() as u64).to_be_bytes());
        context.update(path.as_bytes());
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(bytes);
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(all(test, unix))]
mod tests;
