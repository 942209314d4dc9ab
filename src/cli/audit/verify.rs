//! `zhamen audit verify`: every entry, the tree over them, and the first bad place.

use crate::cli::{Exit, failed};
use crate::engine::evidence::chain::hex_of_hash;
use crate::engine::evidence::note::VerifierKey;
use crate::state::audit::{Against, Finding, Report, Sort, verify_against};
use std::path::PathBuf;

/// Arguments of `verify`.
///
/// Exit codes: 0 the log is whole; 1 the log itself shows that something was changed or is missing;
/// 2 wrong arguments; 3 a checkpoint or witness knows another or a longer log; 4 no log, or it cannot be
/// read; 5 a checkpoint is missing or not signed by the key.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// Folder of the log; it may be in use
    dir: PathBuf,
    /// Public key of the log (`zhamen audit key`): every checkpoint must be signed by it
    #[arg(long, value_name = "VKEY")]
    key: Option<VerifierKey>,
    /// A checkpoint kept elsewhere; may be repeated
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// The witness file: all checkpoints, appended elsewhere
    #[arg(long, value_name = "FILE")]
    witness: Option<PathBuf>,
    /// Folder that closed segments were moved to (`audit.archive_dir`): their entries are verified too. Without
    /// it the tiles stand for them
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
}

pub(super) fn verify(arguments: &Arguments) -> Exit {
    let against = Against {
        key: arguments.key.clone(),
        checkpoints: arguments.checkpoint.clone(),
        witness: arguments.witness.clone(),
        archive: arguments.archive.clone(),
    };
    match verify_against(&arguments.dir, &against) {
        Ok(report) => {
            print!("{}", shown(&report));
            Exit::Done
        }
        Err(finding) => failed(exit(&finding), &finding),
    }
}

/// The exit code of a finding.
pub(super) fn exit(finding: &Finding) -> Exit {
    match finding.what.sort() {
        Sort::Damaged => Exit::Found,
        Sort::Contradicted => Exit::Contradicted,
        Sort::Unreadable => Exit::Unreadable,
        Sort::Unsigned => Exit::Unsigned,
    }
}

fn shown(report: &Report) -> String {
    let mut lines = format!(
        "whole: {} entries in {} segments, up to entry {}\nhead {}\nroot {}\n",
        report.entries,
        report.segments,
        report.last_seq,
        report.head,
        hex_of_hash(&report.root),
    );
    if report.checkpoints == 0 {
        lines.push_str("no checkpoint was compared: a cut at the end would not show\n");
    } else {
        let (checkpoints, covered) = (report.checkpoints, report.covered);
        lines.push_str(&format!("{checkpoints} checkpoints agree, the newest of {covered} entries\n"));
    }
    for gap in &report.gaps {
        lines.push_str(&format!("gap: {}, numbers {} to {} given up\n", gap.file, gap.first, gap.last));
    }
    for (what, count) in [
        ("bytes of an unfinished last line", report.torn_bytes),
        ("bytes in segments that were given up", report.untrusted_bytes),
        ("entries are kept elsewhere; tiles stand for them here", report.elsewhere),
        ("full tiles missing; they can be made again", report.tiles_missing),
    ] {
        if count > 0 {
            lines.push_str(&format!("{count} {what}\n"));
        }
    }
    lines
}
