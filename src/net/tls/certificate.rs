//! What a certificate says, read once per handshake.
//!
//! ```
//! assert!(zhamen::net::tls::certificate::read(b"not DER").is_none());
//! ```

use crate::engine::principal::Certificate;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// Reads a certificate that the handshake has verified; `None` if it is not one.
pub fn read(der: &[u8]) -> Option<Certificate> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let (mut uris, mut dns, mut ambiguous) = (Vec::new(), Vec::new(), false);
    match certificate.subject_alternative_name() {
        Ok(None) => {}
        Ok(Some(extension)) => {
            for name in &extension.value.general_names {
                match name {
                    GeneralName::URI(uri) => uris.push(*uri),
                    GeneralName::DNSName(name) => dns.push(*name),
                    GeneralName::Invalid(..) => ambiguous = true,
                    _ => {}
                }
            }
        }
        Err(_) => ambiguous = true,
    }
    ambiguous |= uris.iter().chain(&dns).any(|name| !is_plain(name));
    Some(Certificate {
        fingerprint: sha256(der),
        uris: uris.into_iter().map(str::to_owned).collect(),
        dns: dns.into_iter().map(str::to_owned).collect(),
        not_after: certificate.validity().not_after.timestamp(),
        ambiguous,
    })
}

/// A name with no byte that two readers could take differently (NUL, spaces, Unicode).
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest.as_ref());
    fingerprint
}

/// The least end of validity in a chain, seconds since 1970.
pub(super) fn chain_not_after(chain: &[CertificateDer<'_>]) -> Option<i64> {
    let ends: Option<Vec<i64>> = chain.iter().map(|der| not_after(der)).collect();
    ends?.into_iter().min()
}

/// The end of one certificate's validity, seconds since 1970.
pub(in crate::net) fn not_after(der: &[u8]) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}
