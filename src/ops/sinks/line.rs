//! What sinks need to know of an entry besides its bytes: kind, time, weight.

use serde::Deserialize;
use std::borrow::Cow;

/// How much an entry matters to whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The log or the gateway is not as it should be.
    Error,
    /// Somebody should look: a raised tier, break-glass, a refused reload.
    Warning,
    /// Something was refused.
    Notice,
    Informational,
}

impl Severity {
    /// RFC 5424, section 6.2.1.
    pub const fn syslog(self) -> u8 {
        match self {
            Severity::Error => 3,
            Severity::Warning => 4,
            Severity::Notice => 5,
            Severity::Informational => 6,
        }
    }

    /// SeverityNumber and text of the OpenTelemetry log data model.
    pub const fn otlp(self) -> (u8, &'static str) {
        match self {
            Severity::Error => (17, "ERROR"),
            Severity::Warning => (13, "WARN"),
            Severity::Notice => (10, "INFO2"),
            Severity::Informational => (9, "INFO"),
        }
    }
}

/// One entry on its way out.
#[derive(Clone, Debug)]
pub struct Line {
    pub seq: u64,
    pub kind: String,
    /// RFC 3339, as the entry has it; empty if it has none.
    pub time: String,
    pub unix_ms: i64,
    pub severity: Severity,
    pub request_id: Option<String>,
    /// The JSON object, without a newline.
    pub text: String,
}

#[derive(Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    ts: Option<Cow<'a, str>>,
    #[serde(borrow)]
    ts_in: Option<Cow<'a, str>>,
    #[serde(borrow)]
    ts_out: Option<Cow<'a, str>>,
    #[serde(borrow)]
    request_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    decision: Option<Cow<'a, str>>,
    #[serde(borrow)]
    fault: Option<Cow<'a, str>>,
    accepted: Option<bool>,
    break_glass: Option<bool>,
    status: Option<u16>,
}

impl Line {
    /// Reads an entry that the log has verified. What cannot be read goes out all the same, as a line
    /// of the kind `unknown` with an error's weight.
    pub fn read(seq: u64, text: &[u8]) -> Line {
        let text = String::from_utf8_lossy(text).into_owned();
        let Ok(read) = serde_json::from_str::<Read<'_>>(&text) else {
            let (kind, severity) = ("unknown".to_owned(), Severity::Error);
            return Line { seq, kind, time: String::new(), unix_ms: 0, severity, request_id: None, text };
        };
        let time = read.ts.as_deref().or(read.ts_out.as_deref()).or(read.ts_in.as_deref());
        let time = time.unwrap_or_default().to_owned();
        Line {
            seq,
            kind: read.kind.to_string(),
            unix_ms: unix_ms(&time).unwrap_or(0),
            severity: read.severity(),
            request_id: read.request_id.as_ref().map(ToString::to_string),
            time,
            text,
        }
    }
}

impl Read<'_> {
    fn severity(&self) -> Severity {
        let refused = self.status.is_some_and(|status| matches!(status, 401 | 403 | 421));
        match &*self.kind {
            "gap" | "torn_tail" | "refused" => Severity::Error,
            "tier" | "clock_step" => Severity::Warning,
            "reload" if self.accepted == Some(false) => Severity::Warning,
            "request" if self.break_glass == Some(true) => Severity::Warning,
            "request" if matches!(self.decision.as_deref(), Some("DENY" | "REFUSED")) => Severity::Notice,
            "outcome" if self.fault.is_some() => Severity::Notice,
            "admin" if refused => Severity::Warning,
            _ => Severity::Informational,
        }
    }
}

/// Milliseconds since 1970 of a time in the one form that entries have: `2026-11-23T01:30:00.500Z`.
fn unix_ms(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 24 || !text.is_ascii() {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    // Days since 1970, of years that begin in March (Howard Hinnant).
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    Some(seconds * 1000 + number(20, 23)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_back() {
        for (text, expect) in [
            ("1970-01-01T00:00:00.000Z", Some(0)),
            ("2000-02-29T00:00:00.000Z", Some(951_782_400_000)),
            ("2026-11-23T01:30:00.500Z", Some(1_795_397_400_500)),
            ("2099-12-31T23:59:59.001Z", Some(4_102_444_799_001)),
            ("2026-11-23T01:30:00Z", None),
            ("", None),
            ("２026-11-23T01:30:00.5Z", None),
        ] {
            assert_eq!(unix_ms(text), expect, "{text}");
        }
    }

    #[test]
    fn what_matters_weighs_more() {
        for (members, severity) in [
            (r#""kind":"request","decision":"ALLOW""#, Severity::Informational),
            (r#""kind":"request","decision":"DENY""#, Severity::Notice),
            (r#""kind":"request","decision":"ALLOW","break_glass":true"#, Severity::Warning),
            (r#""kind":"tier""#, Severity::Warning),
            (r#""kind":"reload","accepted":false"#, Severity::Warning),
            (r#""kind":"reload","accepted":true"#, Severity::Informational),
            (r#""kind":"gap""#, Severity::Error),
            (r#""kind":"admin","status":401"#, Severity::Warning),
            (r#""kind":"outcome","fault":"cancelled""#, Severity::Notice),
            (r#""no":"kind""#, Severity::Error),
        ] {
            assert_eq!(Line::read(1, format!("{{{members}}}").as_bytes()).severity, severity, "{members}");
        }
        assert_eq!(Line::read(1, b"\xff\xfe").kind, "unknown");
    }
}
