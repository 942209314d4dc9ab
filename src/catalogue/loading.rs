//! Loads the catalogue's files in the order in which they refer to each other.

use super::watching::Asked;
use super::written::{DepartmentFile, Labels, Purposes};
use super::{Catalogue, Department, Folder, Proof, written};
use crate::engine::identifier::{Kind, Verdict, check};
use crate::fault::{Fault, Faults};
use crate::written::{At, Source, did_you_mean, in_order, one_of};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What has been read so far, and what was wrong.
pub(super) struct Loading<'a> {
    pub folder: &'a Folder,
    pub catalogue: Catalogue,
    pub faults: Faults,
    /// Names that files declare, whether or not what they declare is right: a reference to one of
    /// them is not a second fault.
    pub declared: Declared,
    /// Who has registered what proves an application.
    pub proofs: HashMap<Proof, Arc<str>>,
    /// What labels ask to be watched.
    pub label_watch: BTreeMap<Arc<str>, Asked>,
}

#[derive(Default)]
pub(super) struct Declared {
    pub departments: BTreeSet<String>,
    pub applications: BTreeSet<String>,
    pub upstreams: BTreeSet<String>,
    pub datasets: BTreeSet<String>,
    pub labels: BTreeSet<String>,
    pub purposes: BTreeSet<String>,
}

pub(super) fn load(folder: &Folder) -> Result<Catalogue, Faults> {
    let mut loading = Loading {
        folder,
        catalogue: Catalogue::default(),
        faults: Faults::default(),
        declared: Declared::default(),
        proofs: HashMap::new(),
        label_watch: BTreeMap::new(),
    };
    let labels = loading.file::<Labels>("labels.yaml");
    let has_labels = labels.is_some();
    if let Some((source, labels)) = labels {
        loading.labels(source, labels);
    }
    if let Some((source, purposes)) = loading.file::<Purposes>("purposes.yaml") {
        loading.purposes(source, purposes);
    }
    let files = loading.departments();
    for file in &files {
        loading.applications(file);
        loading.upstreams(file);
    }
    // Without labels no field has a meaning, and everything below would be a fault of its own.
    if has_labels {
        files.iter().for_each(|file| loading.datasets(file));
        files.iter().for_each(|file| loading.routes(file));
    }
    loading.revocations();
    in_order(loading.faults).or(loading.catalogue)
}

/// One department's file, in its right shape.
pub(super) struct File<'a> {
    pub source: Source<'a>,
    pub code: Arc<str>,
    pub written: DepartmentFile,
}

impl<'a> Loading<'a> {
    /// Reads a file that must be there.
    fn file<T: DeserializeOwned>(&mut self, path: &'a str) -> Option<(Source<'a>, T)> {
        match self.folder.text(path) {
            Ok(Some(text)) => {
                let source = Source::new(path, text);
                Some((source, self.faults.absorb(source.read())?))
            }
            Ok(None) => {
                self.faults.push(Fault::new(path, "is missing: without it nothing can be decided"));
                None
            }
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }

    fn departments(&mut self) -> Vec<File<'a>> {
        let folder = self.folder;
        let mut files = Vec::new();
        for path in folder.paths_in("catalogue", ".yaml") {
            let Some((source, written)) = self.file::<DepartmentFile>(path) else { continue };
            let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
            let slug: Arc<str> = name.trim_end_matches(".yaml").into();
            let code: Arc<str> = written.department.code.value.as_str().into();
            self.department(&source, &slug, &written.department);
            self.declared.datasets.extend(written.datasets.0.iter().map(|(id, _)| id.value.clone()));
            self.declared.upstreams.extend(written.upstreams.0.iter().map(|(id, _)| id.value.clone()));
            self.declared.applications.extend(written.applications.0.iter().map(|(id, _)| id.value.clone()));
            files.push(File { source, code, written });
        }
        if folder.paths_in("catalogue", ".yaml").next().is_none() {
            self.faults
                .push(Fault::new("catalogue", "holds no department's file (catalogue/<department>.yaml)"));
        }
        files
    }

    fn department(&mut self, source: &Source<'_>, slug: &Arc<str>, written: &written::Department) {
        let at = &written.code;
        if !department_code_is_valid(&at.value) {
            self.faults.push(source.fault(at.mark, "not a unified social credit code (GB 32100-2015)"));
        }
        if !self.declared.departments.insert(at.value.clone()) {
            self.faults.push(source.fault(at.mark, "another file describes this department already"));
        }
        let code: Arc<str> = at.value.as_str().into();
        let contact = written.contact.as_ref();
        if let Some(at) = contact.filter(|at| !contact_is_plain(&at.value)) {
            self.faults.push(source.fault(at.mark, "not an address of `mailto:`, `tel:` or `https:`"));
        }
        let contact = contact.map(|at| at.value.clone());
        let title = written.title.clone();
        let department = Department { code: code.clone(), slug: slug.clone(), title, contact };
        self.catalogue.departments.insert(code, department);
    }

    /// Notes that a reference leads nowhere, unless what it names was declared but is itself wrong.
    pub fn unknown(&mut self, source: &Source<'_>, at: &At<String>, what: &str, known: &BTreeSet<String>) {
        if !known.contains(&at.value) {
            self.faults.push(unknown(source, at, what, known));
        }
    }
}

/// The fault of a reference that leads nowhere.
pub(super) fn unknown(source: &Source<'_>, at: &At<String>, what: &str, known: &BTreeSet<String>) -> Fault {
    let fault = source.fault(at.mark, format!("unknown {what} `{}`", at.value));
    match did_you_mean(&at.value, known.iter().map(String::as_str)) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => fault,
        None => fault.help(one_of(known.iter().map(String::as_str))),
    }
}

/// A name of ours: letters, digits, `-`, `_` and `.`, so that it can stand in a metric, an entry and a
/// caller's key (which is joined by `|`).
pub(super) fn name_is_plain(name: &str) -> bool {
    const LETTERS_MAX: usize = 64;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    !name.is_empty() && name.len() <= LETTERS_MAX && name.chars().all(plain)
}

/// Departments are registered after 2015, so their codes' check character must be right.
fn department_code_is_valid(code: &str) -> bool {
    matches!(check(Kind::Uscc, code), Verdict::Valid(identifier) if identifier.canonical() == code)
}

/// An IRI that people can use, of visible ASCII characters.
fn contact_is_plain(text: &str) -> bool {
    let known = ["mailto:", "tel:", "https://"].iter().any(|scheme| text.starts_with(scheme));
    known
        && text.len() <= 256
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
}

/// 64 hexadecimal digits as bytes.
pub(super) fn hex_digest(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}
