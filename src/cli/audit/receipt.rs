//! `zhamen audit receipt`: is this receipt real, and is it the one of this answer?
//!
//! Works without a gateway and without its log: the receipt and the public key are enough. With the
//! answer's bytes, the request's id or the caller, it also says whether the receipt is theirs.

use crate::cli::{Exit, failed};
use crate::engine::evidence::chain::hex_of_hash;
use crate::engine::evidence::receipt::{Claims, Expected, key_id, verify};
use crate::state::follow::{FollowError, Follower};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// DER before the 32 bytes of an Ed25519 public key (RFC 8410, section 4).
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Arguments of `audit receipt`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The receipt, as the field or trailer `Zhamen-Receipt` carried it; `-` reads standard input
    #[arg(value_name = "FILE")]
    receipt: PathBuf,
    /// The gateway's public key, PEM: openssl pkey -in certs/audit.key -pubout
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The answer's body, byte for byte
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// The request's id (`Zhamen-Request-Id`)
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// The caller: application, or application and officer parted by `|`
    #[arg(long, value_name = "CALLER")]
    caller: Option<String>,
    /// An audit log that must hold the receipt's entry
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
}

pub(super) fn receipt(arguments: &Arguments) -> Exit {
    match checked(arguments) {
        Ok(claims) => {
            // Written by serde out of what was read by it.
            println!("{}", serde_json::to_string_pretty(&claims).unwrap_or_default());
            Exit::Done
        }
        Err((exit, said)) => failed(exit, &said),
    }
}

fn checked(arguments: &Arguments) -> Result<Claims, (Exit, String)> {
    let unread =
        |path: &Path, error: &dyn std::fmt::Display| (Exit::Usage, format!("{}: {error}", path.display()));
    let text = read(&arguments.receipt).map_err(|error| unread(&arguments.receipt, &error))?;
    let pem = std::fs::read(&arguments.key).map_err(|error| unread(&arguments.key, &error))?;
    let key = public_key(&pem).ok_or_else(|| unread(&arguments.key, &"not an Ed25519 public key in PEM"))?;
    let body = arguments.body.as_deref();
    let body = body.map(|path| std::fs::read(path).map_err(|error| unread(path, &error))).transpose()?;

    let found = |said: String| (Exit::Found, said);
    let claims = verify(&text, &key)
        .map_err(|fault| found(format!("not a receipt of key {}: {fault}", key_id(&key))))?;
    let expected = Expected {
        request_id: arguments.request_id.as_deref(),
        caller: arguments.caller.as_deref(),
        body: body.as_deref(),
    };
    expected.check(&claims).map_err(|mismatch| found(mismatch.to_string()))?;
    if let Some(log) = &arguments.log {
        match hash_at(log, claims.entry.seq).map_err(|error| unread(log, &error))? {
            Some(hash) if hash == claims.entry.hash => {}
            Some(_) => return Err(found(format!("entry {} of this log is another one", claims.entry.seq))),
            None => return Err(found(format!("this log has no entry {}", claims.entry.seq))),
        }
    }
    Ok(claims)
}

/// The hash of an entry of a log, if the log has it.
fn hash_at(log: &Path, seq: u64) -> Result<Option<String>, FollowError> {
    let mut follower = Follower::after(log, seq.saturating_sub(1));
    let line = follower.next(u64::MAX)?.filter(|line| line.seq == seq);
    Ok(line.map(|line| hex_of_hash(&line.hash)))
}

fn read(path: &Path) -> std::io::Result<String> {
    if path != Path::new("-") {
        return std::fs::read_to_string(path);
    }
    let mut text = String::new();
    std::io::stdin().lock().take(1 << 20).read_to_string(&mut text)?;
    Ok(text)
}

fn public_key(pem: &[u8]) -> Option<[u8; 32]> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok()?;
    der.as_ref().strip_prefix(&ED25519_PREFIX)?.try_into().ok()
}
