//! `zhamen audit receipt`: is this receipt real, and is it the one of this answer?
//!
//! Works without a gateway and without its log: the receipt and the public key are enough. With the
//! answer's bytes, the request's id or the caller, it also says whether the receipt is theirs.

use crate::cli::{Exit, failed};
use crate::engine::evidence::chain::hex_of_hash;
use crate::engine::evidence::note::VerifierKey;
use crate::engine::evidence::receipt::{Claims, Expected, key_id, verify};
use crate::state::follow::{FollowError, Follower};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Arguments of `audit receipt`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The receipt, as the field or trailer `Zhamen-Receipt` carried it; `-` reads standard input
    #[arg(value_name = "FILE")]
    receipt: PathBuf,
    /// Public key of the log (`zhamen audit key`): the receipt must be signed by it
    #[arg(long, value_name = "VKEY")]
    key: VerifierKey,
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
    let key = *arguments.key.public();
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
