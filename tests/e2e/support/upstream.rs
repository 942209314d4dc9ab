//! A department's API that does as it is told, and remembers what it heard.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Heard {
    pub method: String,
    pub target: String,
    /// The whole head, as sent.
    pub head: String,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// What it does with a request.
#[derive(Clone, Debug)]
pub enum Play {
    /// Sends these bytes and waits for the next request.
    Answer(Vec<u8>),
    /// Sends these bytes and closes.
    Close(Vec<u8>),
    /// Resets the connection.
    Reset,
    /// Sends the pieces with a pause after each, then closes.
    Pieces(Vec<(Vec<u8>, Duration)>),
}

type Script = Box<dyn FnMut(&Heard) -> Play + Send>;

struct Inner {
    script: Mutex<Script>,
    heard: Mutex<Vec<Heard>>,
}

/// The running upstream. It ends with the process.
pub struct Upstream {
    pub address: SocketAddr,
    inner: Arc<Inner>,
}

impl Upstream {
    pub fn start() -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script: Script = Box::new(usual);
        let inner = Arc::new(Inner { script: Mutex::new(script), heard: Mutex::default() });
        let serving = inner.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inner = serving.clone();
                thread::spawn(move || serve(stream, &inner));
            }
        });
        Upstream { address, inner }
    }

    /// From now on it does this.
    pub fn plays(&self, script: impl FnMut(&Heard) -> Play + Send + 'static) {
        *self.inner.script.lock().unwrap() = Box::new(script);
    }

    /// From now on it does always the same.
    pub fn always(&self, play: Play) {
        self.plays(move |_| play.clone());
    }

    /// From now on it answers as departments do.
    pub fn as_usual(&self) {
        self.plays(usual);
    }

    /// What came since the last time this was asked.
    pub fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.inner.heard.lock().unwrap())
    }
}

fn serve(mut stream: TcpStream, inner: &Inner) {
    let mut held = Vec::new();
    while let Some(heard) = next_request(&mut stream, &mut held) {
        inner.heard.lock().unwrap().push(heard.clone());
        let play = (inner.script.lock().unwrap())(&heard);
        let pieces = match play {
            Play::Answer(bytes) => {
                if stream.write_all(&bytes).is_err() {
                    return;
                }
                continue;
            }
            Play::Close(bytes) => vec![(bytes, Duration::ZERO)],
            Play::Reset => {
                let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                return;
            }
            Play::Pieces(pieces) => pieces,
        };
        for (bytes, pause) in pieces {
            if stream.write_all(&bytes).is_err() {
                return;
            }
            thread::sleep(pause);
        }
        let _ = stream.shutdown(Shutdown::Write);
        return;
    }
}

fn next_request(stream: &mut TcpStream, held: &mut Vec<u8>) -> Option<Heard> {
    let mut buffer = [0; 8192];
    let end = loop {
        if let Some(end) = held.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut buffer) {
            // A TLS hello: not understood here.
            Ok(count) if count > 0 && buffer[0] != 0x16 => held.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    };
    let head = String::from_utf8_lossy(&held[..end]).into_owned();
    let mut words = head.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut heard = Heard { method, target, head, body: Vec::new() };
    let length = heard.header("content-length").map_or(0, |text| text.parse().unwrap());
    while held.len() < end + length {
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => held.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
    heard.body = held[end..end + length].to_vec();
    held.drain(..end + length);
    Some(heard)
}

/// A whole answer.
pub fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len()).into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// A whole answer in JSON.
pub fn json(body: &str) -> Vec<u8> {
    answer(200, &[("Content-Type", "application/json")], body)
}

/// What departments answer.
pub fn usual(heard: &Heard) -> Play {
    let body = match heard.target.split('/').nth(1).unwrap_or_default() {
        "market-regulation" => {
            r#"{"data":[{"uscc":"91330100MA2DEMA108","name":"杭州示例","status":"存续","industry":"软件"}]}"#
        }
        "public-security" => {
            r#"{"data":[{"personId":"330106196502142015","name":"章守根","sex":"男","religion":"佛教"}]}"#
        }
        "civil-affairs" => {
            r#"{"data":[{"personId":"330106196502142015","name":"章守根","status":"享受中","monthlyAmount":1199}]}"#
        }
        _ => r#"{"data":[]}"#,
    };
    Play::Answer(json(body))
}
