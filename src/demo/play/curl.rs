//! The scenarios as lines to copy.
//!
//! ```
//! use zhamen::demo::play::{curl, scenarios::SCENARIOS};
//! let line = curl::line(&SCENARIOS[0].steps[0], "var/demo".as_ref(), "127.0.0.1:8443".parse().unwrap());
//! assert!(line.starts_with("curl -i --cacert var/demo/certs/ca.pem --cert "));
//! ```

use super::scenarios::{ANSWERED, SCENARIOS, Step};
use crate::demo::passes::CITIZENS;
use std::net::SocketAddr;
use std::path::Path;

/// For each scenario its first answer and its first refusal: what it shows, and the line.
pub fn lines(dir: &Path, address: SocketAddr) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for scenario in SCENARIOS {
        let answered = scenario.steps.iter().find(|step| step.code.is_none());
        let refused = scenario.steps.iter().find(|step| step.code.is_some());
        for step in answered.into_iter().chain(refused) {
            let refusal = step.code.map(|code| format!(" → {}", code.code())).unwrap_or_default();
            lines.push((format!("{} {}{refusal}", scenario.id, step.what), line(step, dir, address)));
        }
    }
    lines.extend(TABLES.iter().map(|step| (step.what.to_owned(), line(step, dir, address))));
    lines.extend(CITIZENS.iter().take(1).map(|(file, _)| citizen(file, dir, address)));
    lines
}

/// The same answers as tables and lines.
const TABLES: [Step; 2] = [
    Step {
        what: "open data as a table for a spreadsheet (CSV)",
        application: "open-data-portal",
        path: "/market-regulation/v1/enterprises.csv?page=1&size=5",
        ..ANSWERED
    },
    Step {
        what: "民政: the register of the officer's own district, a record in each line (NDJSON)",
        application: "civil-affairs-window",
        token: Some("s1-officer"),
        path: "/civil-affairs/v1/low-income.ndjson?size=5",
        ..ANSWERED
    },
];

/// The applicant of S1 asks who looked at their data.
fn citizen(file: &str, dir: &Path, address: SocketAddr) -> (String, String) {
    let [ca, token] = ["certs/ca.pem".to_owned(), format!("tokens/{file}.jwt")]
        .map(|path| quote(&dir.join(path).display().to_string()));
    let line = format!(
        "curl -i --cacert {ca} -H \"Authorization: Bearer $(cat {token})\" -H 'Accept-Language: en' \\\n  {}",
        quote(&format!("https://{address}/usage/v1"))
    );
    ("who looked at my data: the applicant of S1 asks".to_owned(), line)
}

/// The step's request as one line for a POSIX shell.
pub fn line(step: &Step, dir: &Path, address: SocketAddr) -> String {
    let file = |path: String| quote(&dir.join(path).display().to_string());
    let mut line = format!(
        "curl -i --cacert {} --cert {} --key {}",
        file("certs/ca.pem".to_owned()),
        file(format!("certs/{}.pem", step.application)),
        file(format!("certs/{}.key", step.application)),
    );
    if let Some(token) = step.token {
        line += &format!(" -H \"Authorization: Bearer $(cat {})\"", file(format!("tokens/{token}.jwt")));
    }
    if let Some(body) = step.body {
        line += &format!(" -H 'Content-Type: application/json' -d {}", quote(body));
    }
    line + " " + &quote(&format!("https://{address}{}", step.path))
}

/// Quoted for a shell where that is needed.
fn quote(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:+@%".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_has_an_answer_and_a_refusal_to_copy() {
        let lines = lines("var/demo".as_ref(), "127.0.0.1:8443".parse().unwrap());
        // And the citizen who asks who looked.
        assert_eq!(lines.len(), 2 * SCENARIOS.len() + TABLES.len() + 1);
        assert!(lines.iter().any(|(_, line)| line.ends_with("/enterprises.csv?page=1&size=5'")));
        assert!(lines.last().is_some_and(|(_, line)| line.ends_with("https://127.0.0.1:8443/usage/v1")));
        for scenario in SCENARIOS {
            assert_eq!(lines.iter().filter(|(what, _)| what.starts_with(scenario.id)).count(), 2);
        }
        assert!(lines.iter().any(|(_, line)| line.contains("-d '{\"id\"")));
        assert!(lines.iter().any(|(what, _)| what.ends_with("→ E-SUBJECT-NOT-IN-MATTER")));
    }

    #[test]
    fn what_a_shell_would_read_is_quoted() {
        for (text, expect) in [
            ("var/demo", "var/demo"),
            ("my demo", "'my demo'"),
            ("a'b", r"'a'\''b'"),
            ("x?y=1&z", "'x?y=1&z'"),
            ("", "''"),
        ] {
            assert_eq!(quote(text), expect);
        }
    }
}
