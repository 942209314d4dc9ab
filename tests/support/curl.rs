//! curl, the real one.

use super::part;
use std::fs;
use std::process::Command;

/// What came back, or did not.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status; 0 if there was no answer.
    pub status: u16,
    /// `1.1` or `2`.
    pub version: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// curl's exit code: 0 if the answer is whole.
    pub exit: i32,
    /// What curl says went wrong.
    pub error: String,
}

impl Reply {
    /// A header's value, empty without one.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails if the text stands anywhere in it.
    pub fn is_without(&self, text: &str) {
        assert!(!format!("{self:?}").contains(text), "{text} stands in {self:?}");
    }

    /// Fails unless it is a problem document (RFC 9457) with this status; returns its code.
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(
            (self.status, self.header("content-type")),
            (status, "application/problem+json"),
            "{self:?}"
        );
        let document = self.json();
        assert_eq!(document["status"], status, "{self:?}");
        document["code"].as_str().unwrap_or_else(|| panic!("no code: {self:?}")).to_owned()
    }
}

/// Asks with curl; certificates, methods and bodies are its own arguments.
pub fn curl(url: &str, arguments: &[String]) -> Reply {
    let dir = tempfile::tempdir().unwrap();
    let (head, body) = (dir.path().join("head"), dir.path().join("body"));
    let output = Command::new(part("curl"))
        .args(["--silent", "--max-time", "30", "--noproxy", "*"])
        .args(["--write-out", "%{http_code}\n%{http_version}\n%{errormsg}"])
        .arg("--dump-header")
        .arg(&head)
        .arg("--output")
        .arg(&body)
        .args(arguments)
        .arg(url)
        .output()
        .unwrap();
    let written = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = written.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default().to_owned();
    Reply {
        status: line().parse().unwrap_or(0),
        version: line(),
        error: line(),
        headers: headers(&fs::read_to_string(&head).unwrap_or_default()),
        body: String::from_utf8_lossy(&fs::read(&body).unwrap_or_default()).into_owned(),
        exit: output.status.code().unwrap_or(-1),
    }
}

fn headers(head: &str) -> Vec<(String, String)> {
    let pairs = head.lines().filter_map(|line| line.split_once(": "));
    pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect()
}
