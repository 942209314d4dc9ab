//! Limits, and how many connections a memory budget holds.

use super::meaning::Meaning;
use super::settings;
use super::written::Limits;
use crate::written::Period;

/// Bytes of one request's head: hyper does not go below 8 KiB.
const HEADER_BYTES: std::ops::RangeInclusive<u64> = (8 << 10)..=(1 << 20);
/// The longest target that hyper and the `http` crate take.
const TARGET_BYTES_MAX: u64 = 65_534;
/// More fields than any request has; the `http` crate holds fewer than 32 Ki.
const HEADERS_MAX: usize = 10_000;
/// The read buffer is never smaller than this.
const READ_BYTES_MIN: u64 = 64 << 10;
/// Write buffer (32 KiB) and TLS records in both directions (2 × 16 KiB).
const WRITE_AND_TLS_BYTES: u64 = 64 << 10;
/// Deeper answers would need a larger stack of labels than any real data has.
const ANSWER_DEPTH_MAX: usize = 512;

/// What one connection pins at most before its request was admitted.
///
/// The read buffer (twice the head, since a second head may stand behind the first), the write
/// buffer with TLS records, and one request body. HTTP/2 streams of one connection share its window,
/// so they do not multiply the body.
const fn connection_bytes(header_bytes: u64, body_bytes: u64) -> u64 {
    let read = header_bytes.saturating_mul(2);
    let read = if read < READ_BYTES_MIN { READ_BYTES_MIN } else { read };
    read.saturating_add(WRITE_AND_TLS_BYTES).saturating_add(body_bytes)
}

impl Meaning<'_> {
    pub fn limits(&mut self, written: &Limits) -> settings::Limits {
        let budget = self.bytes(written.memory_budget_bytes.as_ref(), 512 << 20);
        let header_bytes = self.bytes(written.header_bytes_max.as_ref(), 16 << 10);
        let body_bytes = self.bytes(written.body_bytes_max.as_ref(), 64 << 10);
        let connections = self.connections(written, budget, connection_bytes(header_bytes, body_bytes));
        let target_bytes = self.heads(written, header_bytes);
        settings::Limits {
            memory_budget_bytes: small(budget),
            connections_max: connections,
            connections_per_peer_max: self.connections_per_peer(written, connections),
            handshake_timeout: self.period(written.handshake_timeout.as_ref(), Period::seconds(10)),
            header_timeout: self.period(written.header_timeout.as_ref(), Period::seconds(10)),
            headers_max: self.count(written.headers_max.as_ref(), 100),
            header_bytes_max: small(header_bytes),
            target_bytes_max: small(target_bytes),
            query_parameters_max: self.count(written.query_parameters_max.as_ref(), 32),
            streams_max: u32::try_from(self.count(written.streams_max.as_ref(), 64)).unwrap_or(u32::MAX),
            body_bytes_max: small(body_bytes),
            body_timeout: self.period(written.body_timeout.as_ref(), Period::seconds(30)),
            write_stall_timeout: self.period(written.write_stall_timeout.as_ref(), Period::seconds(30)),
            idle_timeout: self.period(written.idle_timeout.as_ref(), Period::seconds(60)),
            answer_bytes_max: self.bytes(written.answer_bytes_max.as_ref(), 1 << 30),
            answer_token_bytes_max: small(self.bytes(written.answer_token_bytes_max.as_ref(), 1 << 20)),
            answer_ratio_max: u32::try_from(self.count(written.answer_ratio_max.as_ref(), 200))
                .unwrap_or(u32::MAX),
            answer_depth_max: self.depth(written),
        }
    }

    /// As many as the budget holds, or fewer where that is written.
    fn connections(&mut self, written: &Limits, budget: u64, each: u64) -> usize {
        let held = budget / each;
        if held == 0 {
            let mark = written.memory_budget_bytes.as_ref().or(written.body_bytes_max.as_ref());
            let message =
                format!("the memory budget of {budget} bytes does not hold one connection of {each} bytes");
            self.fault(mark.map(|at| at.mark).unwrap_or_default(), message);
        }
        match &written.connections_max {
            Some(at) if at.value > held => {
                let needed = at.value.saturating_mul(each);
                self.fault_with_help(
                    at.mark,
                    format!(
                        "{} connections of {each} bytes do not fit into the memory budget of {budget} bytes",
                        at.value
                    ),
                    format!("at most {held}, or set `memory_budget_bytes` to at least {needed}"),
                );
                small(held)
            }
            Some(at) => self.count(Some(at), 1),
            None => small(held),
        }
    }

    fn connections_per_peer(&mut self, written: &Limits, connections: usize) -> usize {
        match &written.connections_per_peer_max {
            Some(at) if at.value > connections as u64 => {
                self.fault(at.mark, format!("one peer cannot have more than all {connections} connections"));
                connections
            }
            Some(at) => self.count(Some(at), 1),
            None => (connections / 2).max(1),
        }
    }

    /// Checks the head's size; gives the target's, which is part of it.
    fn heads(&mut self, written: &Limits, header_bytes: u64) -> u64 {
        if let Some(at) = written.header_bytes_max.as_ref().filter(|at| !HEADER_BYTES.contains(&at.value.0)) {
            self.fault(at.mark, "a request's head may have 8KiB to 1MiB");
        }
        if let Some(at) = written.headers_max.as_ref().filter(|at| at.value > HEADERS_MAX as u64) {
            self.fault(at.mark, format!("a request has at most {HEADERS_MAX} header fields"));
        }
        let target_bytes = self.bytes(written.target_bytes_max.as_ref(), (4 << 10).min(header_bytes));
        if let Some(at) = written.target_bytes_max.as_ref().filter(|at| at.value.0 > header_bytes) {
            self.fault(at.mark, format!("the target cannot be longer than the head ({header_bytes} bytes)"));
        }
        if let Some(at) = written.target_bytes_max.as_ref().filter(|at| at.value.0 > TARGET_BYTES_MAX) {
            self.fault(at.mark, format!("a target has at most {TARGET_BYTES_MAX} bytes"));
        }
        target_bytes
    }

    fn depth(&mut self, written: &Limits) -> usize {
        let depth = self.count(written.answer_depth_max.as_ref(), 64);
        if let Some(at) = written.answer_depth_max.as_ref().filter(|_| depth > ANSWER_DEPTH_MAX) {
            self.fault(at.mark, format!("answers are read to a depth of {ANSWER_DEPTH_MAX} at most"));
        }
        depth
    }
}

/// Sizes of memory fit the machine's own size, or are as good as unlimited.
fn small(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
