//! Syslog: RFC 5424 messages over TCP (RFC 6587, octet counting) or TLS (RFC 5425).
//!
//! Syslog has no acknowledgement, and bytes that a socket took may still be lost. So each batch is one
//! connection: it is written, our side is closed, and the batch is taken for delivered only when all of
//! this is so:
//!
//! - The receiver closed its side. Over TLS with a `close_notify`, as RFC 5425 section 4.4 demands: a
//!   bare end is also what a receiver leaves that was killed, that refused our certificate, or whose
//!   connection somebody on the way has cut.
//! - The connection ended in order: every byte of ours was acknowledged, and nothing was reset. A
//!   receiver that closes with bytes unread, or before they came, answers them with a reset.
//!
//! - Without TLS, which is for this machine only: the receiver lives on. When a process is killed the
//!   system closes its connections as if it had done so itself, but then all of them: one more, opened
//!   before, must still be open after.
//!
//! So everything was read by a receiver that then came to close. Whether it had written all of it down by then
//! is its own affair; `deploy/sinks` configures it so.

use super::dial::{Connection, Dial};
use super::line::Line;
use std::io::{self, Write as _};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// `log audit`, RFC 5424, section 6.2.1.
const FACILITY: u8 = 13;
/// How often a connection that is being closed is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// So much later than one connection of a killed process all of them are closed: it takes microseconds.
const LIVES_ON: Duration = Duration::from_millis(5);
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
        let stream = match self.dial.connect().await? {
            Connection::Plain(mut other) => {
                let mut stream = self.dial.connect_tcp().await?;
                hand_over(&mut stream, &bytes).await?;
                is_still_open(&mut other).await?;
                stream
            }
            Connection::Tls(mut stream) => {
                hand_over(&mut *stream, &bytes).await.map_err(unclosed)?;
                let (mut stream, _) = stream.into_inner();
                read_to_end(&mut stream).await?;
                stream
            }
        };
        ended_in_order(&stream).await
    }
}

/// Writes all, closes our side, and reads until the other side is closed.
async fn hand_over(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    let written = async {
        stream.write_all(bytes).await?;
        stream.shutdown().await
    };
    let written = written.await;
    // Who refuses us says why before it hangs up.
    read_to_end(stream).await.and(written)
}

/// What the other side says is of no meaning; that it closes is what we wait for.
async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut ignored = [0; 256];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// Fails if the other side has closed this connection, on which nothing was said.
async fn is_still_open(idle: &mut TcpStream) -> io::Result<()> {
    match tokio::time::timeout(LIVES_ON, idle.read(&mut [0])).await {
        Err(_) | Ok(Ok(1..)) => Ok(()),
        Ok(Ok(0)) => Err(io::Error::other("the receiver ended while it was sent to")),
        Ok(Err(error)) => Err(error),
    }
}

/// Says what the end of a TLS session without its farewell means here.
fn unclosed(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the receiver ended TLS without close_notify (RFC 5425, 4.4), so nobody knows what it read",
        ),
        _ => error,
    }
}

/// Waits until the system has taken the connection down: with both ends seen and all of our bytes
/// acknowledged, or by a reset, which is an error.
async fn ended_in_order(stream: &TcpStream) -> io::Result<()> {
    // A connection that is down has no peer any more (`ENOTCONN`), on Linux also before it is dropped.
    while stream.peer_addr().is_ok() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    match stream.take_error()? {
        None => Ok(()),
        Some(error) => Err(error),
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
