//! Secrets: keys and credentials from files and the environment, and randomness for ids.
//!
//! The one place that reads a secret. A file must be readable by its owner alone, a fault never quotes
//! what it is about, and nothing here can be printed. Who holds a secret, and when it is read again, is
//! not decided here.
//!
//! ```
//! use zhamen::secret::Source;
//! let source = Source::Environment("ZHAMEN_EXAMPLE_THAT_IS_NOT_SET".into());
//! assert!(source.line().unwrap_err().to_string().contains("is not set"));
//! ```

use crate::fault::Fault;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// No secret is larger, in bytes; private keys in PEM are read elsewhere.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// The permissions of a file that others than its owner may use; `None` where they may not.
pub fn open_to_others(metadata: &Metadata) -> Option<u32> {
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

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

/// Where a secret of one line is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    /// The name of an environment variable. Its value is that of the start: only files rotate.
    Environment(String),
}

impl Source {
    /// The secret: one line without control characters, the line end taken off.
    ///
    /// # Errors
    /// It is not there, others may read it, or it is no such line.
    pub fn line(&self) -> Result<String, Fault> {
        let (place, bytes) = match self {
            Source::File(path) => (path.display().to_string(), private(path)?),
            Source::Environment(name) => {
                let value = std::env::var_os(name);
                let value = value.ok_or_else(|| Fault::new(name, "this environment variable is not set"))?;
                (name.clone(), value.into_encoded_bytes())
            }
        };
        let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(text) if !text.is_empty() && !text.chars().any(char::is_control) => Ok(text.to_owned()),
            Ok(_) | Err(_) => Err(Fault::new(place, "a secret is one line of text, and not empty")),
        }
    }
}

/// How this gateway proves itself to an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// RFC 7617. The user has no colon.
    Basic { user: String, password: Source },
    /// RFC 6750.
    Bearer { token: Source },
    /// ClickHouse's own two headers.
    ClickHouse { user: String, key: Source },
}

impl Credentials {
    /// The header fields, by name in lower case. The values are secrets.
    ///
    /// # Errors
    /// The secret cannot be read.
    pub fn fields(&self) -> Result<Vec<(&'static str, String)>, Fault> {
        Ok(match self {
            Credentials::Basic { user, password } => {
                let pair = format!("{user}:{}", password.line()?);
                vec![("authorization", format!("Basic {}", STANDARD.encode(pair)))]
            }
            Credentials::Bearer { token } => vec![("authorization", format!("Bearer {}", token.line()?))],
            Credentials::ClickHouse { user, key } => {
                vec![("x-clickhouse-user", user.clone()), ("x-clickhouse-key", key.line()?)]
            }
        })
    }

    /// Where the secret is kept.
    pub fn source(&self) -> &Source {
        match self {
            Credentials::Basic { password: source, .. }
            | Credentials::Bearer { token: source }
            | Credentials::ClickHouse { key: source, .. } => source,
        }
    }
}

fn private(path: &Path) -> Result<Vec<u8>, Fault> {
    let fault = |message: String| Fault::new(path.display().to_string(), message);
    let file = File::open(path).map_err(|error| fault(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| fault(error.to_string()))?;
    if let Some(mode) = open_to_others(&metadata) {
        let message = format!("others than its owner may read this secret (mode {mode:04o})");
        return Err(fault(message).help(format!("chmod 600 {}", path.display())));
    }
    let mut bytes = Vec::new();
    file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| fault(error.to_string()))?;
    match bytes.len() as u64 <= SECRET_BYTES_MAX {
        true => Ok(bytes),
        false => Err(fault(format!("a secret has at most {SECRET_BYTES_MAX} bytes"))),
    }
}

fn hexadecimal(text: &[u8]) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 || !text.iter().all(u8::is_ascii_hexdigit) {
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
        let signed = "+a".repeat(32);
        for (bytes, mode) in [
            (&b"short"[..], 0o600),
            (&[7; 32][..], 0o640),
            (&[7; 32][..], 0o604),
            (&b"zz"[..], 0o600),
            (signed.as_bytes(), 0o600),
        ] {
            assert!(key(file(bytes, mode).path()).is_err());
        }
    }

    #[test]
    fn a_fault_never_shows_the_secret() {
        let long = [b'h'; SECRET_BYTES_MAX as usize + 1];
        for (bytes, mode) in
            [(&b"hunter2\nhunter2"[..], 0o600), (b"hunter2\x01", 0o600), (b"hunter2", 0o644), (&long, 0o600)]
        {
            let file = file(bytes, mode);
            let source = Source::File(file.path().to_owned());
            for fault in [key(file.path()).map(drop).unwrap_err(), source.line().map(drop).unwrap_err()] {
                assert!(
                    !fault.to_string().contains("hunter2") && !fault.to_string().contains("hhh"),
                    "{fault}"
                );
            }
        }
    }

    #[test]
    fn credentials_become_header_fields() {
        let file = file("päss word\r\n".as_bytes(), 0o600);
        let secret = || Source::File(file.path().to_owned());
        let user = || "zhamen".to_owned();
        for (credentials, expect) in [
            (
                Credentials::Basic { user: user(), password: secret() },
                vec![("authorization", "Basic emhhbWVuOnDDpHNzIHdvcmQ=")],
            ),
            (Credentials::Bearer { token: secret() }, vec![("authorization", "Bearer päss word")]),
            (
                Credentials::ClickHouse { user: user(), key: secret() },
                vec![("x-clickhouse-user", "zhamen"), ("x-clickhouse-key", "päss word")],
            ),
        ] {
            let fields = credentials.fields().unwrap();
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(fields, expect);
            assert!(!format!("{credentials:?}").contains("päss"));
        }
    }
}
