//! Log lines: text or JSON, one a line, on standard error. Standard output is for what was asked for.

use tracing_subscriber::EnvFilter;

/// Lines of these levels and modules, as `RUST_LOG` of the `tracing` ecosystem writes them.
const VARIABLE: &str = "RUST_LOG";

/// Sends log lines to standard error from here on; `level` and above unless `RUST_LOG` says otherwise.
pub(super) fn start(json: bool, level: &str) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // An error means that lines go somewhere already, which is as good.
    let _ = if json { lines.json().try_init() } else { lines.try_init() };
}
