//! Reads certificates, keys and revocation lists, and refuses what is not exactly that.

use crate::fault::{Fault, Faults};
use crate::secret;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use x509_parser::prelude::{CertificateRevocationList, FromDer};

/// No certificate or key file is larger; a revocation list of a large CA may be.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
const CRL_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// A revocation list and when the next one is due.
pub(super) struct RevocationList {
    pub(super) der: CertificateRevocationListDer<'static>,
    /// Seconds since 1970.
    pub(super) next_update: i64,
}

fn fault(file: &Path, message: impl Into<String>) -> Fault {
    Fault::new(file.display().to_string(), message)
}

fn read(file: &Path, bytes_max: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(|error| fault(file, format!("cannot be opened: {error}")))?;
    opened
        .take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| fault(file, format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > bytes_max {
        return Err(fault(file, format!("is larger than {bytes_max} bytes")));
    }
    Ok(bytes)
}

/// The certificates of a PEM file, in order; at least one.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Faults> {
    let bytes = read(file, FILE_BYTES_MAX)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => {
            Err(fault(file, "holds no certificate").help("PEM with BEGIN CERTIFICATE is expected").into())
        }
        Err(error) => Err(fault(file, format!("is not valid PEM: {error}")).into()),
    }
}

/// The private key of a PEM file that only its owner may read.
pub(super) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Faults> {
    let metadata = fs::metadata(file).map_err(|error| fault(file, format!("cannot be opened: {error}")))?;
    if let Some(mode) = secret::open_to_others(&metadata) {
        let open = fault(file, format!("the private key can be read by others (mode {mode:03o})"));
        return Err(open.help(format!("chmod 600 {}", file.display())).into());
    }
    let bytes = read(file, FILE_BYTES_MAX)?;
    // The error of a key file may quote it, so it is not shown.
    PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|_| fault(file, "holds no private key in PEM (PKCS #8, PKCS #1 or SEC 1)").into())
}

/// The revocation lists of a file, PEM or DER; at least one.
pub(super) fn revocation_lists(file: &Path) -> Result<Vec<RevocationList>, Faults> {
    let bytes = read(file, CRL_BYTES_MAX)?;
    let ders = if bytes.starts_with(b"-----BEGIN") || !bytes.starts_with(&[0x30]) {
        let read: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
        read.map_err(|error| fault(file, format!("is not valid PEM: {error}")))?
    } else {
        vec![CertificateRevocationListDer::from(bytes)]
    };
    if ders.is_empty() {
        return Err(fault(file, "holds no revocation list").into());
    }
    ders.into_iter().map(|der| dated(file, der).map_err(Faults::from)).collect()
}

fn dated(file: &Path, der: CertificateRevocationListDer<'static>) -> Result<RevocationList, Fault> {
    let next_update = match CertificateRevocationList::from_der(der.as_ref()) {
        Ok(([], list)) => list.next_update().map(|time| time.timestamp()),
        Ok(_) => return Err(fault(file, "has bytes after the revocation list")),
        Err(_) => return Err(fault(file, "is not a revocation list (RFC 5280 section 5)")),
    };
    let Some(next_update) = next_update else {
        // RFC 5280 section 5.1.2.5 requires it; without it nobody could say when the list is stale.
        return Err(fault(file, "the revocation list has no nextUpdate"));
    };
    Ok(RevocationList { der, next_update })
}
