//! What the audit tests share: settings, entries, and reading a folder back.

use std::path::Path;
use std::time::{Duration, Instant};
use zhamen::config::settings::AuditSettings;
use zhamen::engine::evidence::{Entry, EntryBody, Request, encode};
use zhamen::engine::reason::Cause;
use zhamen::state::audit::{Audit, Receipt};

pub fn settings(dir: &Path) -> AuditSettings {
    AuditSettings {
        best_effort_l1: true,
        queue_max: 4096,
        segment_bytes_max: 1 << 30,
        disk_low_bytes: 0,
        ..AuditSettings::new(dir)
    }
}

pub fn entry(request_id: &str) -> EntryBody {
    encode(&Entry::Request(Request { request_id, route: Some("/x/{id}"), ..Request::default() }))
}

/// One request with one durable entry.
pub fn record(audit: &Audit, request_id: &str) -> Result<Receipt, Cause> {
    audit.reserve()?.write(entry(request_id)).receipt_blocking()
}

/// Waits for something that another thread brings about.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "not within ten seconds: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// All lines of all segments in order.
pub fn lines(dir: &Path) -> Vec<String> {
    segments(dir)
        .iter()
        .flat_map(|name| {
            let text = std::fs::read_to_string(dir.join(name)).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

pub fn segments(dir: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("audit-")).collect();
    names.sort();
    names
}
