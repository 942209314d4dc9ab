//! Keys and credentials from files, and randomness for ids.
//!
//! A secret is read once at start, from a file that only its owner may read, and is never printed.

use crate::engine::evidence::receipt::Signer;
use crate::fault::Fault;
use std::path::Path;

/// Reads a key: 32 bytes, or 64 hexadecimal digits.
///
/// # Errors
/// The file cannot be read, others may read it, or it holds something else.
pub fn key(path: &Path) -> Result<[u8; 32], Fault> {
    let bytes = private(path)?;
    if let Ok(raw) = <[u8; 32]>::try_from(bytes.as_slice()) {
        return Ok(raw);
    }
    hexadecimal(bytes.trim_ascii()).ok_or_else(|| {
        Fault::new(path.display().to_string(), "this must hold 32 random bytes or 64 hexadecimal digits")
            .help("head -c 32 /dev/urandom > FILE && chmod 600 FILE")
    })
}

/// Reads a bearer credential: one line of at least 16 visible characters.
///
/// # Errors
/// The file cannot be read, others may read it, or the credential is too short.
pub fn credential(path: &Path) -> Result<Vec<u8>, Fault> {
    let bytes = private(path)?;
    let line = bytes.trim_ascii();
    if line.len() < 16 || !line.iter().all(u8::is_ascii_graphic) {
        let message = "a credential is one line of at least 16 visible characters";
        return Err(Fault::new(path.display().to_string(), message));
    }
    Ok(line.to_vec())
}

/// Reads the Ed25519 key (PKCS#8, PEM) that signs receipts.
///
/// # Errors
/// The file cannot be read, others may read it, or it holds something else.
pub fn receipt_signer(path: &Path) -> Result<Signer, Fault> {
    use rustls_pki_types::PrivatePkcs8KeyDer;
    use rustls_pki_types::pem::PemObject;
    let bytes = private(path)?;
    let der = PrivatePkcs8KeyDer::from_pem_slice(&bytes).ok();
    der.and_then(|der| Signer::from_pkcs8(der.secret_pkcs8_der())).ok_or_else(|| {
        Fault::new(path.display().to_string(), "this must hold an Ed25519 key in PKCS#8, PEM")
            .help("openssl genpkey -algorithm ed25519 -out FILE && chmod 600 FILE")
    })
}

fn private(path: &Path) -> Result<Vec<u8>, Fault> {
    use std::os::unix::fs::PermissionsExt;
    let fault = |message: String| Fault::new(path.display().to_string(), message);
    let metadata = std::fs::metadata(path).map_err(|error| fault(error.to_string()))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(fault("others than its owner may read this secret".into()).help("chmod 600"));
    }
    std::fs::read(path).map_err(|error| fault(error.to_string()))
}

fn hexadecimal(text: &[u8]) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

/// Two random words from the operating system. Without randomness nothing may start, so it panics.
pub fn random() -> [u64; 2] {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system has randomness");
    let (high, low) = bytes.split_at(8);
    [high, low].map(|half| half.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(bytes: &[u8], mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn keys_in_both_forms_and_not_otherwise() {
        let digits = "0a".repeat(32) + "\n";
        assert_eq!(key(file(&[7; 32], 0o600).path()), Ok([7; 32]));
        assert_eq!(key(file(digits.as_bytes(), 0o400).path()), Ok([10; 32]));
        for (bytes, mode) in [(&b"short"[..], 0o600), (&[7; 32][..], 0o640), (&b"zz"[..], 0o600)] {
            assert!(key(file(bytes, mode).path()).is_err());
        }
    }

    #[test]
    fn a_fault_never_shows_the_secret() {
        let fault = key(file(b"hunter2hunter2", 0o600).path()).unwrap_err().to_string();
        assert!(!fault.contains("hunter2"), "{fault}");
    }
}
