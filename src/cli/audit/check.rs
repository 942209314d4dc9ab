//! `zhamen audit check`: a proof, without the log.

use crate::cli::{Exit, failed};
use crate::engine::evidence::chain::leaf_hash;
use crate::engine::evidence::checkpoint::{Checkpoint, Continues, EntryProof};
use crate::engine::evidence::note::VerifierKey;
use std::path::PathBuf;

/// Arguments of `check`.
///
/// Exit codes: 0 it holds; 1 it does not; 2 wrong arguments; 4 a file cannot be read.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, group(clap::ArgGroup::new("of").required(true)))]
pub struct Arguments {
    /// The proof: `entry-N.tlog-proof`, or `continues-SIZE.txt`
    proof: PathBuf,
    /// The entry that it proves: `entry-N.json`
    #[arg(long, value_name = "FILE", group = "of")]
    entry: Option<PathBuf>,
    /// The earlier checkpoint that it continues
    #[arg(long, value_name = "FILE", group = "of")]
    old: Option<PathBuf>,
    /// Public key of the log
    #[arg(long, value_name = "VKEY")]
    key: VerifierKey,
}

pub(super) fn check(arguments: &Arguments) -> Exit {
    let Some(of) = arguments.entry.as_ref().or(arguments.old.as_ref()) else { return Exit::Usage };
    let read = |path: &PathBuf| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let (proof, of) = match (read(&arguments.proof), read(of)) {
        (Ok(proof), Ok(of)) => (String::from_utf8_lossy(&proof).into_owned(), of),
        (Err(error), _) | (_, Err(error)) => return failed(Exit::Unreadable, &error),
    };
    let holds = match arguments.entry {
        Some(_) => {
            EntryProof::parse(&proof).is_some_and(|proof| proof.verify(&leaf_hash(&of), &arguments.key))
        }
        None => Checkpoint::verified(&String::from_utf8_lossy(&of), &arguments.key).is_some_and(|old| {
            Continues::parse(&proof).is_some_and(|proof| proof.verify(&old, &arguments.key))
        }),
    };
    if holds {
        println!("the proof holds");
        Exit::Done
    } else {
        failed(Exit::Found, &"the proof does not hold")
    }
}
