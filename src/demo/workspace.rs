//! The demo's folder, which is also a first deployment: configuration, policies, credentials.
//!
//! Laying it out twice changes nothing but the tokens, which are minted anew. Files that somebody
//! edited or removed stay as they are and are named in the report; untouched ones follow the binary.
//! What was shipped is remembered as digests in `.shipped.json`.
//!
//! ```
//! use zhamen::demo::workspace::{Addresses, settings};
//! let (data, admin) = ("127.0.0.1:8443".parse().unwrap(), "127.0.0.1:9600".parse().unwrap());
//! assert!(settings(Addresses { data, admin, departments: 9701 }).contains("address: 127.0.0.1:8443"));
//! ```

use super::certs::{self, CertsError, Report, write_file};
use super::departments::{BASE_PORT, Department};
use super::passes::{CITIZENS, PASSES, citizen_claims};
use super::policies;
use super::tokens::{TokenError, TokenIssuer};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The record of what was shipped.
const RECORD: &str = ".shipped.json";

/// Where the demo listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub data: SocketAddr,
    pub admin: SocketAddr,
    /// Port of the first department; seven follow.
    pub departments: u16,
}

/// A folder that is ready.
#[derive(Debug)]
pub struct Workspace {
    pub dir: PathBuf,
    /// `zhamen.yaml` in it.
    pub settings_file: PathBuf,
    /// What became of certificates and keys.
    pub certificates: Report,
    /// Files that differ from the shipped ones because somebody edited or removed them.
    pub edited: Vec<String>,
}

/// Why the folder could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{0} is not a record of shipped files: remove it to have the shipped files written anew")]
    Record(PathBuf),
    #[error(transparent)]
    Certs(#[from] CertsError),
    #[error("{path}: not a certificate in PEM")]
    Certificate { path: PathBuf },
    #[error("tokens: {0}")]
    Token(#[from] TokenError),
    #[error("no randomness")]
    Randomness,
}

/// Lays the folder out, or completes it.
///
/// # Errors
/// When something cannot be read or written. What was written stays; a second attempt goes on.
pub fn lay_out(dir: &Path, addresses: Addresses, now: SystemTime) -> Result<Workspace, WorkspaceError> {
    for (name, mode) in [("", 0o755), ("audit", 0o700), ("tokens", 0o700)] {
        folder(&dir.join(name), mode)?;
    }
    let edited = ship(dir, &shipped(addresses))?;
    let certificates = certs::complete(&dir.join("certs"), &[], now)?;
    mint(dir, now)?;
    Ok(Workspace { dir: dir.to_owned(), settings_file: dir.join("zhamen.yaml"), certificates, edited })
}

/// The demo's configuration.
pub fn settings(addresses: Addresses) -> String {
    include_str!("zhamen.yaml")
        .replace("{data}", &addresses.data.to_string())
        .replace("{admin}", &addresses.admin.to_string())
}

/// All shipped files by path, the departments' ports put in.
fn shipped(addresses: Addresses) -> BTreeMap<String, Cow<'static, [u8]>> {
    let mut files = BTreeMap::new();
    files.insert("zhamen.yaml".to_owned(), Cow::Owned(settings(addresses).into_bytes()));
    for (path, bytes) in policies::FILES {
        let bytes = match std::str::from_utf8(bytes) {
            Ok(text) if path.starts_with("catalogue/") => {
                Cow::Owned(ports(text, addresses.departments).into_bytes())
            }
            Ok(_) | Err(_) => Cow::Borrowed(*bytes),
        };
        files.insert(format!("policies/{path}"), bytes);
    }
    files
}

/// The catalogue with each department's default port replaced.
fn ports(text: &str, base: u16) -> String {
    (0u16..).zip(Department::ALL).fold(text.to_owned(), |text, (offset, _)| {
        let from = format!("127.0.0.1:{}", BASE_PORT.saturating_add(offset));
        text.replace(&from, &format!("127.0.0.1:{}", base.saturating_add(offset)))
    })
}

/// Writes the shipped files where nobody has touched them since; returns those that were touched.
fn ship(dir: &Path, files: &BTreeMap<String, Cow<'static, [u8]>>) -> Result<Vec<String>, WorkspaceError> {
    let mut record = read_record(dir)?;
    let mut edited = Vec::new();
    for (name, bytes) in files {
        let path = dir.join(name);
        let wanted = digest(bytes);
        let present = present(&path)?.as_deref().map(digest);
        let untouched = present.as_ref() == record.get(name);
        if present.as_ref() == Some(&wanted) {
            // As it should be, whoever wrote it.
        } else if untouched {
            folder(path.parent().unwrap_or(dir), 0o755)?;
            write_file(&path, bytes, 0o644).map_err(at(&path))?;
        } else {
            edited.push(name.clone());
            continue;
        }
        record.insert(name.clone(), wanted);
    }
    edited.extend(retire(dir, files, &mut record)?);
    let text = serde_json::to_vec_pretty(&record).map_err(|_| WorkspaceError::Record(dir.join(RECORD)))?;
    write_file(&dir.join(RECORD), &text, 0o644).map_err(at(&dir.join(RECORD)))?;
    Ok(edited)
}

/// Removes what is no longer shipped, unless it was edited; returns what was.
fn retire(
    dir: &Path,
    files: &BTreeMap<String, Cow<'static, [u8]>>,
    record: &mut BTreeMap<String, String>,
) -> Result<Vec<String>, WorkspaceError> {
    let mut edited = Vec::new();
    let gone: Vec<String> = record.keys().filter(|name| !files.contains_key(*name)).cloned().collect();
    for name in gone {
        let path = dir.join(&name);
        let present = present(&path)?.as_deref().map(digest);
        if present.is_some() && present.as_ref() != record.get(&name) {
            edited.push(name);
            continue;
        }
        if present.is_some() {
            fs::remove_file(&path).map_err(at(&path))?;
        }
        record.remove(&name);
    }
    Ok(edited)
}

fn read_record(dir: &Path) -> Result<BTreeMap<String, String>, WorkspaceError> {
    let path = dir.join(RECORD);
    match present(&path)? {
        None => Ok(BTreeMap::new()),
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| WorkspaceError::Record(path)),
    }
}

/// The file's bytes, or `None` if there is no such file.
fn present(path: &Path) -> Result<Option<Vec<u8>>, WorkspaceError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(at(path)(source)),
    }
}

fn digest(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One token for each pass, bound to its application's certificate.
fn mint(dir: &Path, now: SystemTime) -> Result<(), WorkspaceError> {
    let path = dir.join("certs/issuer.key");
    let issuer = TokenIssuer::from_pem(&fs::read_to_string(&path).map_err(at(&path))?)?;
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    for pass in PASSES {
        let path = dir.join(format!("certs/{}.pem", pass.application));
        let certificate =
            CertificateDer::from_pem_file(&path).map_err(|_| WorkspaceError::Certificate { path })?;
        let token = issuer.mint(&pass.claims(&certificate, now), now)?;
        let path = dir.join(format!("tokens/{}.jwt", pass.file));
        write_file(&path, token.as_bytes(), 0o600).map_err(at(&path))?;
    }
    for (file, id) in CITIZENS {
        let token = issuer.mint(&citizen_claims(file, id), now)?;
        let path = dir.join(format!("tokens/{file}.jwt"));
        write_file(&path, token.as_bytes(), 0o600).map_err(at(&path))?;
    }
    Ok(())
}

fn folder(path: &Path, mode: u32) -> Result<(), WorkspaceError> {
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> WorkspaceError {
    let path = path.to_owned();
    move |source| WorkspaceError::File { path, source }
}

#[cfg(test)]
mod tests;
