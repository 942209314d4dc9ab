//! A caller that speaks HTTP/2 frame by frame, as no library would let it.

use super::Stage;
use super::client::Connection;
use std::io::{self, Read as _};
use std::time::Duration;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// One frame as it came.
#[derive(Clone, Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The error code of `RST_STREAM` or `GOAWAY`.
    pub fn error(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// The status that a header block begins with, where it is one of the static table or spelt out.
    pub fn status(&self) -> u16 {
        match self.payload[0] {
            0x88 => 200,
            0x89 => 204,
            0x8b => 304,
            0x8c => 400,
            0x8d => 404,
            0x8e => 500,
            _ => 0,
        }
    }
}

/// A frame's bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The header block of a GET, without Huffman code and without touching the table.
pub fn get(path: &str, token: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x87];
    literal(&mut block, &[0x04], path);
    literal(&mut block, &[0x01], "localhost");
    literal(&mut block, &[0x0f, 0x08], &format!("Bearer {token}"));
    block
}

/// Adds a field whose name stands in the static table.
fn literal(block: &mut Vec<u8>, name: &[u8], value: &str) {
    block.extend_from_slice(name);
    string(block, value);
}

/// Adds a field that stands in no table.
pub fn field(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0);
    string(block, name);
    string(block, value);
}

/// RFC 7541, sections 5.1 and 5.2.
fn string(block: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        block.push(length as u8);
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push((length % 128) as u8 | 128);
            length /= 128;
        }
        block.push(length as u8);
    }
    block.extend_from_slice(text.as_bytes());
}

/// A connection after the exchange of prefaces.
pub struct H2 {
    pub connection: Connection,
    held: Vec<u8>,
}

impl H2 {
    pub fn open(stage: &Stage, application: Option<&str>) -> H2 {
        let connection = Connection::open(stage.data, stage.tls(application, "h2")).unwrap();
        let mut h2 = H2 { connection, held: Vec::new() };
        h2.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        h2.send(&frame(SETTINGS, 0, 0, &[])).unwrap();
        h2
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.connection.send(bytes)
    }

    /// Waits no longer than this for a frame, or for room to send.
    pub fn patience(&mut self, time: Duration) {
        self.connection.stream.sock.set_read_timeout(Some(time)).unwrap();
        self.connection.stream.sock.set_write_timeout(Some(time)).unwrap();
    }

    pub fn next(&mut self) -> io::Result<Frame> {
        let head = self.take(9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
        let payload = self.take(length)?;
        Ok(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut buffer = [0; 16_384];
        while self.held.len() < count {
            match self.connection.stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.held.extend_from_slice(&buffer[..read]),
            }
        }
        Ok(self.held.drain(..count).collect())
    }

    /// Reads until a frame of this kind; none if the connection ends before.
    pub fn until(&mut self, kind: u8) -> Option<Frame> {
        loop {
            match self.next() {
                Ok(frame) if frame.kind == kind => return Some(frame),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}
