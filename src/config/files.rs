//! Paths as written: the environment put in, relative ones resolved, and the files looked at.

use super::meaning::Meaning;
use crate::secret;
use crate::written::{At, Mark};
use std::path::{Path, PathBuf};

/// A file that the configuration names.
pub(super) struct Named {
    pub mark: Mark,
    pub path: PathBuf,
    pub sort: Sort,
}

/// What it must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Public,
    /// Readable by its owner alone.
    Secret,
    Folder,
}

impl Meaning<'_> {
    /// A path with `${env:NAME}` put in, resolved against the configuration's folder.
    pub fn path(&mut self, at: &At<String>) -> PathBuf {
        match with_environment(&at.value) {
            Ok(path) if path.is_empty() => self.fault(at.mark, "the path is empty"),
            Ok(path) => return self.base.join(path),
            Err(reason) => self.fault(at.mark, reason),
        }
        PathBuf::new()
    }

    fn named(&mut self, at: &At<String>, sort: Sort) -> PathBuf {
        let path = self.path(at);
        self.named.push(Named { mark: at.mark, path: path.clone(), sort });
        path
    }

    /// A file that anybody may read.
    pub fn file(&mut self, at: &At<String>) -> PathBuf {
        self.named(at, Sort::Public)
    }

    /// A file that only its owner may read.
    pub fn secret(&mut self, at: &At<String>) -> PathBuf {
        self.named(at, Sort::Secret)
    }

    /// A secret's file that must be named.
    pub fn required_secret(&mut self, at: Option<&At<String>>, key: &str) -> PathBuf {
        match at {
            Some(at) => self.secret(at),
            None => {
                let start = Mark { line: 1, column: 1 };
                self.fault_with_help(
                    start,
                    format!("the key `{key}` is missing here"),
                    format!("add `{key}: certs/pseudonym.key`"),
                );
                PathBuf::new()
            }
        }
    }

    /// A folder, which must exist already or is made later.
    pub fn folder(&mut self, at: Option<&At<String>>, default: &str, must_exist: bool) -> PathBuf {
        match at {
            Some(at) if must_exist => self.named(at, Sort::Folder),
            Some(at) => self.path(at),
            None => self.base.join(default),
        }
    }

    /// Looks at every file that was named.
    pub fn look_at_files(&mut self) {
        for Named { mark, path, sort } in std::mem::take(&mut self.named) {
            // An empty path has its fault already.
            if path.as_os_str().is_empty() {
                continue;
            }
            if let Err(reason) = look(&path, sort) {
                self.fault(mark, format!("{}: {reason}", path.display()));
            }
        }
    }
}

/// Puts environment variables in. Their values are never part of a message.
fn with_environment(text: &str) -> Result<String, String> {
    let mut path = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        path.push_str(before);
        let (name, tail) = after.split_once('}').ok_or("`${` without `}`")?;
        let name = name.strip_prefix("env:").ok_or("only `${env:NAME}` may be put in")?;
        path.push_str(
            &std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"))?,
        );
        rest = tail;
    }
    path.push_str(rest);
    Ok(path)
}

/// What is wrong with a file, if anything.
fn look(path: &Path, sort: Sort) -> Result<(), String> {
    let meta = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    match sort {
        Sort::Folder if !meta.is_dir() => return Err("is not a folder".to_owned()),
        Sort::Public | Sort::Secret if !meta.is_file() => return Err("is not a plain file".to_owned()),
        Sort::Folder | Sort::Public | Sort::Secret => {}
    }
    if sort != Sort::Folder {
        std::fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    }
    match secret::open_to_others(&meta).filter(|_| sort == Sort::Secret) {
        None => Ok(()),
        Some(mode) => Err(format!("is a secret that others may read (mode {mode:04o}); make it 0600")),
    }
}
