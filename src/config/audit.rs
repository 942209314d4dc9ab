//! The audit log: folder, segments, signing key, witnesses.

use super::meaning::Meaning;
use super::settings::{AuditSettings, Witness};
use super::written::{self, Audit};
use crate::engine::evidence::note::{KeyKind, VerifierKey, is_key_name};
use crate::written::{At, Period};

const SEGMENT_BYTES_MIN: u64 = 64 << 10;

impl Meaning<'_> {
    pub fn audit(&mut self, written: &Audit) -> AuditSettings {
        let dir = self.folder(written.dir.as_ref(), "var/audit", false);
        let default = AuditSettings::new(dir);
        let segment = written.segment_bytes_max.as_ref();
        if let Some(at) = segment.filter(|at| at.value.0 < SEGMENT_BYTES_MIN) {
            self.fault(at.mark, "a segment holds at least 64KiB");
        }
        if let (Some(at), None) = (written.witness_file.as_ref(), &written.signing_key_file) {
            self.fault(at.mark, "only signed checkpoints are witnessed: `signing_key_file` is missing");
        }
        AuditSettings {
            best_effort_l1: written.best_effort_l1,
            queue_max: self.count(written.queue_max.as_ref(), default.queue_max),
            segment_bytes_max: self.bytes(segment, default.segment_bytes_max),
            segment_age_max: self.period(written.segment_age_max.as_ref(), Period(default.segment_age_max)),
            seal_age: written.seal_age.as_ref().map(|at| at.value.0),
            disk_low_bytes: self.bytes(written.disk_low_bytes.as_ref(), default.disk_low_bytes),
            origin: self.origin(written.origin.as_ref()).unwrap_or(default.origin),
            signing_key_file: written.signing_key_file.as_ref().map(|at| self.secret(at)),
            checkpoint_every: self
                .period(written.checkpoint_every.as_ref(), Period(default.checkpoint_every)),
            witness_file: written.witness_file.as_ref().map(|at| self.folder(Some(at), "", false)),
            witnesses: written
                .witnesses
                .iter()
                .filter_map(|witness| self.witness(written, witness))
                .collect(),
            witness_every: self.period(written.witness_every.as_ref(), Period(default.witness_every)),
            sinks: self.sinks(&written.sinks),
            dir: default.dir,
        }
    }

    fn origin(&mut self, written: Option<&At<String>>) -> Option<String> {
        let at = written?;
        if !is_key_name(&at.value) {
            self.fault(at.mark, "an origin has no space, no plus and at most 255 bytes");
        }
        Some(at.value.clone())
    }

    fn witness(&mut self, audit: &Audit, written: &written::Witness) -> Option<Witness> {
        if audit.signing_key_file.is_none() {
            self.fault(
                written.url.mark,
                "only signed checkpoints are witnessed: `signing_key_file` is missing",
            );
        }
        if !written.url.value.starts_with("https://") && !written.url.value.starts_with("http://") {
            self.fault(written.url.mark, "not an https address");
        }
        let ca_file = written.ca_file.as_ref().map(|at| self.file(at));
        match written.key.value.parse::<VerifierKey>() {
            Ok(key) if key.kind == KeyKind::Witness => {
                Some(Witness { url: written.url.value.clone(), key, ca_file })
            }
            Ok(_) => {
                self.fault(written.key.mark, "this is the key of a log, not of a witness (kind 4)");
                None
            }
            Err(reason) => {
                self.fault(written.key.mark, reason.to_string());
                None
            }
        }
    }
}
