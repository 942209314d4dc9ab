//! A development certificate authority, what it issues, and the demo's token issuer key.
//!
//! Everything lies in one folder. What exists is kept; what has expired is renewed with the same key;
//! what a stranger put there is left alone and reported. Not for production: the authority's key
//! lies beside the certificates.
//!
//! ```
//! use zhamen::demo::certs::{Fate, complete};
//! let dir = tempfile::tempdir().unwrap();
//! let report = complete(dir.path(), &[], std::time::SystemTime::now()).unwrap();
//! assert!(report.0.iter().all(|(_, fate)| *fate == Fate::Made));
//! ```

use super::tokens::{TokenError, TokenIssuer};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

const DAY: u64 = 86_400;
const AUTHORITY_DAYS: u64 = 3_650;
/// Common upper bound for server certificates.
const LEAF_DAYS: u64 = 397;
const LIST_DAYS: u64 = 90;
/// What expires within this time is renewed.
const RENEW_BEFORE_SECONDS: u64 = DAY;

/// Applications of the demo; each has a certificate with `spiffe://zhamen.demo/app/<id>`.
pub const APPLICATIONS: &[&str] = &[
    "civil-affairs-window",
    "real-estate-window",
    "market-window",
    "hospital-emergency",
    "public-security-desk",
    "social-insurance-batch",
    "open-data-portal",
    "tax-desk",
];

/// Names and addresses the server's certificate always carries.
const SERVER_NAMES: &[&str] = &["localhost", "127.0.0.1", "::1"];

/// rcgen's date of so many seconds since 1970. A macro, because rcgen does not re-export the type.
macro_rules! date {
    ($seconds:expr) => {
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs($seconds)
    };
}

/// Why the folder could not be completed.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error(
        "{0} is there, but its key is not: put the key back, or remove the certificate to have both made anew"
    )]
    KeyMissing(PathBuf),
    #[error("{path}: {message}")]
    Unreadable { path: PathBuf, message: String },
    #[error("`{0}` is neither a DNS name nor an address")]
    Name(String),
    #[error("cannot make {what}: {source}")]
    Make { what: String, source: rcgen::Error },
    #[error("no randomness")]
    Randomness,
    #[error("{path}: {source}")]
    Token { path: PathBuf, source: TokenError },
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Made,
    Kept,
    /// It had expired, or was about to.
    Renewed,
    /// Kept, although something about it will not fit.
    KeptBut(String),
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fate::Made => f.write_str("made"),
            Fate::Kept => f.write_str("kept"),
            Fate::Renewed => f.write_str("renewed"),
            Fate::KeptBut(why) => write!(f, "kept, but {why}"),
        }
    }
}

/// What became of each file, in the order of making.
#[derive(Clone, Debug, Default)]
pub struct Report(pub Vec<(String, Fate)>);

/// Completes the folder: authority, revocation list, server, applications, token issuer, pseudonym key,
/// the audit log's signing key.
///
/// `names` are DNS names or addresses which the server's certificate carries besides its own.
///
/// # Errors
/// When a file cannot be read or written, or a certificate lacks its key. What was made stays.
pub fn complete(dir: &Path, names: &[String], now: SystemTime) -> Result<Report, CertsError> {
    fs::create_dir_all(dir).map_err(|source| CertsError::File { path: dir.to_owned(), source })?;
    let mut folder = Folder { dir, now: seconds(now), report: Report::default() };
    let authority = folder.authority()?;
    folder.revocations(&authority)?;
    folder.leaf("server", server(names)?, names, &authority)?;
    for application in APPLICATIONS {
        folder.leaf(application, client(application)?, &[], &authority)?;
    }
    folder.token_issuer()?;
    folder.secret("pseudonym.key")?;
    folder.secret("audit.key")?;
    Ok(folder.report)
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    key_id: Vec<u8>,
}

struct Folder<'a> {
    dir: &'a Path,
    now: u64,
    report: Report,
}

impl Folder<'_> {
    fn authority(&mut self) -> Result<Authority, CertsError> {
        let mut params = params(&[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "zhamen development CA");
        let key = self.key("ca")?;
        let pem = match self.standing("ca")? {
            Some(pem) => pem,
            None => {
                self.date(&mut params, AUTHORITY_DAYS)?;
                let pem = params.self_signed(&key).map_err(failed("ca.pem"))?.pem();
                self.put("ca.pem", pem.as_bytes(), 0o644)?;
                pem
            }
        };
        let key_id = self.parse("ca.pem", &pem, subject_key_id)?;
        let issuer = Issuer::from_ca_cert_pem(&pem, key).map_err(failed("ca.pem"))?;
        Ok(Authority { issuer, key_id })
    }

    /// An empty revocation list, renewed a week before it ends.
    fn revocations(&mut self, authority: &Authority) -> Result<(), CertsError> {
        let path = self.dir.join("ca.crl");
        let before = path.exists();
        if before && self.list_end(&path)? > self.now + 7 * DAY {
            self.note("ca.crl", Fate::Kept);
            return Ok(());
        }
        let params = CertificateRevocationListParams {
            this_update: date!(self.now.saturating_sub(3600)),
            next_update: date!(self.now + LIST_DAYS * DAY),
            crl_number: SerialNumber::from(self.now),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list =
            params.signed_by(&authority.issuer).and_then(|list| list.pem()).map_err(failed("ca.crl"))?;
        self.put("ca.crl", list.as_bytes(), 0o644)?;
        self.note("ca.crl", if before { Fate::Renewed } else { Fate::Made });
        Ok(())
    }

    /// When the standing list ends, seconds since 1970. A list that names revoked certificates is
    /// never replaced: it counts as endless.
    fn list_end(&self, path: &Path) -> Result<u64, CertsError> {
        let unreadable =
            |message: &str| CertsError::Unreadable { path: path.to_owned(), message: message.to_owned() };
        let bytes = fs::read(path).map_err(|source| CertsError::File { path: path.to_owned(), source })?;
        let (_, pem) = x509_parser::pem::parse_x509_pem(&bytes).map_err(|_| unreadable("not PEM"))?;
        let (_, list) = CertificateRevocationList::from_der(&pem.contents)
            .map_err(|_| unreadable("not a revocation list"))?;
        if list.iter_revoked_certificates().next().is_some() {
            return Ok(u64::MAX);
        }
        Ok(list.next_update().map_or(0, |end| end.timestamp().max(0) as u64))
    }

    fn leaf(
        &mut self,
        stem: &str,
        mut params: CertificateParams,
        wanted: &[String],
        authority: &Authority,
    ) -> Result<(), CertsError> {
        let file = format!("{stem}.pem");
        let key = self.key(stem)?;
        if let Some(pem) = self.standing(stem)? {
            let lacks = self.parse(&file, &pem, |certificate| {
                let foreign = authority_key_id(certificate).is_none_or(|id| id != authority.key_id);
                if foreign {
                    Some("another authority issued it".to_owned())
                } else {
                    lacking(certificate, wanted)
                }
            })?;
            if let Some(why) = lacks {
                self.renote(&file, Fate::KeptBut(why));
            }
            return Ok(());
        }
        self.date(&mut params, LEAF_DAYS)?;
        params.use_authority_key_identifier_extension = true;
        let pem = params.signed_by(&key, &authority.issuer).map_err(failed(&file))?.pem();
        self.put(&file, pem.as_bytes(), 0o644)
    }

    fn token_issuer(&mut self) -> Result<(), CertsError> {
        let key = self.key("issuer")?;
        let path = self.dir.join("issuer.key");
        let issuer = TokenIssuer::from_pem(&key.serialize_pem())
            .map_err(|source| CertsError::Token { path, source })?;
        let path = self.dir.join("jwks.json");
        if !path.exists() {
            let set = format!("{}\n", issuer.key_set());
            self.put("jwks.json", set.as_bytes(), 0o644)?;
            self.note("jwks.json", Fate::Made);
            return Ok(());
        }
        let set = fs::read_to_string(&path).map_err(|source| CertsError::File { path, source })?;
        let fate = if set.contains(issuer.kid()) {
            Fate::Kept
        } else {
            Fate::KeptBut("it does not hold the key of issuer.key".to_owned())
        };
        self.note("jwks.json", fate);
        Ok(())
    }

    /// 32 random bytes as hexadecimal digits, never made anew: old audit entries and checkpoints hang on
    /// them.
    fn secret(&mut self, file: &str) -> Result<(), CertsError> {
        if self.dir.join(file).exists() {
            self.note(file, Fate::Kept);
            return Ok(());
        }
        let mut key = [0_u8; 32];
        aws_lc_rs::rand::fill(&mut key).map_err(|_| CertsError::Randomness)?;
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        self.put(file, format!("{hex}\n").as_bytes(), 0o600)?;
        self.note(file, Fate::Made);
        Ok(())
    }

    /// The key of this name, made if there is none.
    fn key(&mut self, stem: &str) -> Result<KeyPair, CertsError> {
        let file = format!("{stem}.key");
        let path = self.dir.join(&file);
        if path.exists() {
            let pem = fs::read_to_string(&path)
                .map_err(|source| CertsError::File { path: path.clone(), source })?;
            return KeyPair::from_pem(&pem)
                .map_err(|error| CertsError::Unreadable { path, message: error.to_string() });
        }
        let certificate = self.dir.join(format!("{stem}.pem"));
        if certificate.exists() {
            return Err(CertsError::KeyMissing(certificate));
        }
        let key = KeyPair::generate().map_err(failed(&file))?;
        self.put(&file, key.serialize_pem().as_bytes(), 0o600)?;
        Ok(key)
    }

    /// The certificate of this name as PEM if it still stands; notes what will become of it.
    fn standing(&mut self, stem: &str) -> Result<Option<String>, CertsError> {
        let file = format!("{stem}.pem");
        let path = self.dir.join(&file);
        if !path.exists() {
            self.note(&file, Fate::Made);
            return Ok(None);
        }
        let pem = fs::read_to_string(&path).map_err(|source| CertsError::File { path, source })?;
        let end = self.parse(&file, &pem, |certificate| certificate.validity().not_after.timestamp())?;
        let stands = end.max(0) as u64 > self.now + RENEW_BEFORE_SECONDS;
        self.note(&file, if stands { Fate::Kept } else { Fate::Renewed });
        Ok(stands.then_some(pem))
    }

    fn parse<T>(
        &self,
        file: &str,
        pem: &str,
        read: impl FnOnce(&X509Certificate<'_>) -> T,
    ) -> Result<T, CertsError> {
        let unreadable = || CertsError::Unreadable {
            path: self.dir.join(file),
            message: "not a certificate in PEM".to_owned(),
        };
        let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|_| unreadable())?;
        let certificate = block.parse_x509().map_err(|_| unreadable())?;
        Ok(read(&certificate))
    }

    /// Validity from an hour ago, for callers whose clocks are behind, and a random serial number.
    fn date(&self, params: &mut CertificateParams, days: u64) -> Result<(), CertsError> {
        params.not_before = date!(self.now.saturating_sub(3600));
        params.not_after = date!(self.now + days * DAY);
        let mut serial = [0; 16];
        aws_lc_rs::rand::fill(&mut serial).map_err(|_| CertsError::Randomness)?;
        serial[0] &= 0x7F;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        Ok(())
    }

    fn put(&self, file: &str, bytes: &[u8], mode: u32) -> Result<(), CertsError> {
        let path = self.dir.join(file);
        write_file(&path, bytes, mode).map_err(|source| CertsError::File { path, source })
    }

    fn note(&mut self, file: &str, fate: Fate) {
        self.report.0.push((file.to_owned(), fate));
    }

    fn renote(&mut self, file: &str, fate: Fate) {
        self.report.0.retain(|(noted, _)| noted != file);
        self.note(file, fate);
    }
}

/// Writes a whole file or nothing: beside it first, then renamed over it.
pub(super) fn write_file(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    // A left-over of a broken run may carry another mode.
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn params(names: &[String]) -> Result<CertificateParams, CertsError> {
    let mut params = CertificateParams::default();
    for name in names {
        let one = CertificateParams::new([name.clone()]).map_err(|_| CertsError::Name(name.clone()))?;
        params.subject_alt_names.extend(one.subject_alt_names);
    }
    params.distinguished_name = rcgen::DistinguishedName::new();
    Ok(params)
}

fn server(names: &[String]) -> Result<CertificateParams, CertsError> {
    let all: Vec<String> =
        SERVER_NAMES.iter().map(|name| (*name).to_owned()).chain(names.iter().cloned()).collect();
    let mut params = params(&all)?;
    params.distinguished_name.push(DnType::CommonName, "zhamen gateway");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn client(application: &str) -> Result<CertificateParams, CertsError> {
    let uri = format!("spiffe://zhamen.demo/app/{application}");
    let mut params = params(&[])?;
    let uri = uri.as_str().try_into().map_err(failed(application))?;
    params.subject_alt_names = vec![SanType::URI(uri)];
    params.distinguished_name.push(DnType::CommonName, application);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn subject_key_id(certificate: &X509Certificate<'_>) -> Vec<u8> {
    let id = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
        _ => None,
    });
    id.unwrap_or_default()
}

fn authority_key_id(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0.to_vec()),
        _ => None,
    })
}

/// Which of these names the certificate does not carry.
fn lacking(certificate: &X509Certificate<'_>, wanted: &[String]) -> Option<String> {
    let carried: Vec<String> = match certificate.subject_alternative_name() {
        Ok(Some(names)) => names.value.general_names.iter().filter_map(written).collect(),
        Ok(None) | Err(_) => Vec::new(),
    };
    let missing: Vec<&str> =
        wanted.iter().filter(|name| !carried.contains(name)).map(String::as_str).collect();
    (!missing.is_empty()).then(|| format!("it lacks {}: remove it to have it made anew", missing.join(", ")))
}

fn written(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(|v4| std::net::Ipv4Addr::from(v4).to_string())
            .or_else(|_| <[u8; 16]>::try_from(*bytes).map(|v6| std::net::Ipv6Addr::from(v6).to_string()))
            .ok(),
        _ => None,
    }
}

fn failed(what: &str) -> impl FnOnce(rcgen::Error) -> CertsError {
    let what = what.to_owned();
    move |source| CertsError::Make { what, source }
}

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
