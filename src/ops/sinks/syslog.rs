//! Syslog: RFC 5424 messages over TCP (RFC 6587, octet counting) or TLS (RFC 5425).
//!
//! Syslog has no acknowledgement, and bytes that a socket took may still be lost. So each batch is one
//! connection: it is written, our side is closed, and only when the receiver has read to the end and
//! closes its own is the batch taken for delivered. Every receiver of note does so (rsyslog, syslog-ng,
//! Vector, Fluent Bit); one that keeps the connection half open shows as failing by timeout.

use super::dial::Dial;
use super::line::Line;
use std::io::{self, Write as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// `log audit`, RFC 5424, section 6.2.1.
const FACILITY: u8 = 13;
/// The largest `sequenceId`, RFC 5424, section 7.3.1; then it begins again with 1.
const SEQUENCE_MAX: u64 = 2_147_483_647;

pub(super) struct Syslog {
    dial: Dial,
    host: String,
    process: u32,
}

impl Syslog {
    pub fn new(dial: Dial) -> Self {
        Syslog { dial, host: host_name(), process: std::process::id() }
    }

    pub async fn deliver(&self, lines: &[Line]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for line in lines {
            frame(line, &self.host, self.process, &mut bytes);
        }
        let mut stream = self.dial.connect().await?;
        stream.write_all(&bytes).await?;
        stream.shutdown().await?;
        // What the other side says is of no meaning; that it closed is the acknowledgement.
        let mut ignored = [0; 256];
        loop {
            match stream.read(&mut ignored).await {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                // Over TLS many close without a farewell of their own: the connection ended all the same.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// One message with its length before it.
fn frame(line: &Line, host: &str, process: u32, out: &mut Vec<u8>) {
    let priority = FACILITY * 8 + line.severity.syslog();
    let time = if line.time.is_empty() { "-" } else { &line.time };
    let sequence = (line.seq.saturating_sub(1)) % SEQUENCE_MAX + 1;
    let kind: String = line.kind.chars().filter(char::is_ascii_graphic).take(32).collect();
    let head =
        format!("<{priority}>1 {time} {host} zhamen {process} {kind} [meta sequenceId=\"{sequence}\"] ");
    // Writing into a Vec cannot fail.
    let _ = write!(out, "{} {head}", head.len() + line.text.len());
    out.extend_from_slice(line.text.as_bytes());
}

/// This machine's name as RFC 5424 allows it; `-` where it is not known.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_counted_in_octets() {
        let text = r#"{"kind":"tier","ts":"2026-11-23T01:30:00.500Z","caller":"民政"}"#;
        let mut out = Vec::new();
        frame(&Line::read(7, text.as_bytes()), "gw-1", 42, &mut out);
        let said = String::from_utf8(out).unwrap();
        let (length, message) = said.split_once(' ').unwrap();
        assert_eq!(length.parse::<usize>().unwrap(), message.len());
        assert_eq!(
            message,
            format!("<108>1 2026-11-23T01:30:00.500Z gw-1 zhamen 42 tier [meta sequenceId=\"7\"] {text}")
        );
    }

    #[test]
    fn sequence_ids_stay_in_their_range() {
        for (seq, expect) in [(1, 1), (SEQUENCE_MAX, SEQUENCE_MAX), (SEQUENCE_MAX + 1, 1), (u64::MAX, 3)] {
            let mut out = Vec::new();
            frame(&Line::read(seq, b"{}"), "-", 1, &mut out);
            assert!(String::from_utf8(out).unwrap().contains(&format!("sequenceId=\"{expect}\"")), "{seq}");
        }
    }
}
