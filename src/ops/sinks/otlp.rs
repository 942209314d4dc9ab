//! OpenTelemetry logs: OTLP/HTTP with JSON (opentelemetry-proto 1.x), one POST a batch.
//!
//! 200 is the acknowledgement. Anything else is tried again: the specification lets clients drop what a
//! collector calls malformed, but evidence is not dropped because a collector is configured wrongly.

use super::Status;
use super::dial::Dial;
use super::line::Line;
use crate::secret::Source;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::io;
use std::sync::atomic::Ordering;

/// The longest answer of a collector that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

pub(super) struct Otlp {
    pub dial: Dial,
    pub path: String,
    /// Where the token is kept, if one is configured; read for each batch, so that it can be renewed.
    pub token: Option<Source>,
}

impl Otlp {
    pub async fn deliver(&self, lines: &[Line], status: &Status) -> io::Result<()> {
        let stream = self.dial.connect().await?.into_stream();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let mut request = Request::post(&self.path)
            .header(HOST, self.dial.authority())
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, bearer(token)?);
        }
        let body = Full::new(Bytes::from(document(lines).to_string()));
        let request = request.body(body).map_err(io::Error::other)?;
        let answer = async {
            let answer = sender.send_request(request).await.map_err(io::Error::other)?;
            let code = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(io::Error::other)?.to_bytes();
            if code == 200 {
                Ok(body)
            } else {
                Err(io::Error::other(format!("the collector answered {code}")))
            }
        };
        let (mut answer, mut connection) = (std::pin::pin!(answer), std::pin::pin!(connection));
        let body = tokio::select! {
            answered = &mut answer => answered,
            // The connection may end before the last bytes of the answer are taken.
            _ = &mut connection => answer.await,
        }?;
        note_rejected(&body, status);
        Ok(())
    }
}

/// The value of `Authorization`.
pub(super) fn bearer(token: &Source) -> io::Result<HeaderValue> {
    let line = token.line().map_err(|fault| io::Error::other(fault.to_string()))?;
    // The error would quote nothing, and neither does ours.
    let value = HeaderValue::try_from(format!("Bearer {line}"));
    let mut value = value.map_err(|_| io::Error::other("the token has characters that no token has"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A collector may take a batch and say that it threw some of it away.
fn note_rejected(body: &[u8], status: &Status) {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let rejected = &answer["partialSuccess"]["rejectedLogRecords"];
    // 64-bit numbers are texts in OTLP's JSON, but not every collector knows.
    let rejected = rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or(0);
    if rejected > 0 {
        status.rejected.fetch_add(rejected, Ordering::Relaxed);
        tracing::error!(rejected, "the collector took log records and threw them away");
    }
}

/// A batch as an ExportLogsServiceRequest.
pub(super) fn document(lines: &[Line]) -> Value {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let record = |line: &Line| {
        let (number, severity) = line.severity.otlp();
        let mut attributes = vec![
            json!({ "key": "zhamen.audit.seq", "value": { "intValue": line.seq.to_string() } }),
            text("zhamen.audit.kind", &line.kind),
        ];
        attributes.extend(line.request_id.as_deref().map(|id| text("zhamen.request_id", id)));
        json!({
            "timeUnixNano": format!("{}000000", line.unix_ms.max(0)),
            "observedTimeUnixNano": format!("{}000000", line.unix_ms.max(0)),
            "severityNumber": number,
            "severityText": severity,
            "eventName": format!("zhamen.audit.{}", line.kind),
            "body": { "stringValue": line.text },
            "attributes": attributes,
        })
    };
    json!({ "resourceLogs": [{
        "resource": { "attributes": [
            text("service.name", "zhamen"),
            text("service.version", env!("CARGO_PKG_VERSION")),
        ] },
        "scopeLogs": [{
            "scope": { "name": "zhamen.audit" },
            "logRecords": lines.iter().map(record).collect::<Vec<_>>(),
        }],
    }] })
}
