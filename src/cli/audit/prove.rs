//! `zhamen audit prove`: proofs that verify without the log and without the gateway.

use crate::cli::{Exit, failed};
use crate::engine::evidence::checkpoint::Continues;
use crate::state::audit::{ProveError, Wanted, prove as prove_entries, prove_consistency};
use std::path::{Path, PathBuf};

/// Arguments of `prove`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub struct Arguments {
    /// Folder of the log; it may be in use
    dir: PathBuf,
    /// Folder that closed segments were moved to (`audit.archive_dir`): entries are looked for there too
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    /// Sequence number of an entry
    #[arg(long, value_name = "N", group = "what")]
    seq: Option<u64>,
    /// A request: its decision and its outcome
    #[arg(long, value_name = "ID", group = "what")]
    request_id: Option<String>,
    /// That the newest checkpoint continues the first SIZE entries
    #[arg(long, value_name = "SIZE", group = "what")]
    from: Option<u64>,
    /// Folder that the proofs are written into
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

pub(super) fn prove(arguments: &Arguments) -> Exit {
    let proved = match (&arguments.request_id, arguments.seq, arguments.from) {
        (Some(id), ..) => entries(arguments, &Wanted::Request(id.clone())),
        (None, Some(seq), _) => entries(arguments, &Wanted::Seq(seq)),
        (None, None, Some(from)) => continued(arguments, from),
        // `clap` asks for one of them.
        (None, None, None) => return Exit::Usage,
    };
    match proved {
        Ok(()) => Exit::Done,
        Err(ProveError::Log(finding)) => failed(super::verify::exit(&finding), &finding),
        Err(error @ ProveError::Elsewhere(_)) if arguments.archive.is_none() => {
            failed(Exit::Found, &format!("{error}\nuse --archive DIR to look there"))
        }
        Err(error) => failed(Exit::Found, &error),
    }
}

fn entries(arguments: &Arguments, wanted: &Wanted) -> Result<(), ProveError> {
    for proved in prove_entries(&arguments.dir, arguments.archive.as_deref(), wanted)? {
        let name = format!("entry-{}", proved.seq);
        write(&arguments.out.join(format!("{name}.json")), &proved.entry)?;
        write(&arguments.out.join(format!("{name}.tlog-proof")), proved.proof.text().as_bytes())?;
    }
    Ok(())
}

/// The file has the form of a witness's request (C2SP tlog-witness): old size, proof, checkpoint.
fn continued(arguments: &Arguments, from: u64) -> Result<(), ProveError> {
    let proof: Continues = prove_consistency(&arguments.dir, from)?;
    write(&arguments.out.join(format!("continues-{from}.txt")), proof.text().as_bytes())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ProveError> {
    std::fs::write(path, bytes).map_err(ProveError::Io)?;
    println!("{}", path.display());
    Ok(())
}
