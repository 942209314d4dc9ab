//! The configuration as written: one struct per map of `zhamen.yaml`, every option documented on its
//! field. `reference.md` beside this file is generated from these comments, and a test reads every
//! "Default" in them back.
//!
//! Durations are a number and a unit (`500ms`, `5s`, `30m`, `12h`, `7d`), sizes a number of bytes
//! (`65536`) or a number and a unit (`64KiB`, `512MiB`). Paths may be relative to the configuration
//! file's folder and may contain `${env:NAME}`. Secrets are only ever named by a file.

use crate::engine::terms::Text;
use crate::written::{At, Bytes, Period};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    /// The data plane: where callers ask for data.
    pub data: Data,
    /// The admin plane: metrics, health, console.
    pub admin: Admin,
    /// Threads that serve requests, one runtime each, 1 to 256. Default: one for each core.
    pub workers: Option<At<usize>>,
    /// Limits of the data plane.
    pub limits: Limits,
    /// The policies folder: policies, catalogue, labels, purposes. Default `policies`.
    pub policies_dir: Option<At<String>>,
    /// How callers prove themselves.
    pub identity: Identity,
    /// The audit log.
    pub audit: Audit,
    /// The public catalogue and the register of grants.
    pub catalogue: Catalogue,
    /// What subjects may ask: who looked at my data.
    pub usage: Usage,
    /// How much each caller, application and department may ask.
    pub quotas: Quotas,
    /// When behaviour raises a caller's tier, and when it is lowered again.
    pub defence: Defence,
    /// Key of subject tokens and pseudonyms: a file with 32 random bytes or 64 hexadecimal digits,
    /// readable by its owner alone. Losing it makes old audit entries unsearchable. Required.
    pub pseudonym_key_file: Option<At<String>>,
    /// How long a drain (SIGTERM) waits for open requests before it cuts them. Default `30s`.
    pub drain: Option<At<Period>>,
    /// Log lines as JSON instead of text. Default `false`.
    pub log_json: bool,
}

/// The data plane.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Data {
    /// Address and port to listen on. Default `127.0.0.1:8443`.
    pub address: Option<At<String>>,
    /// TLS of the data plane. Required, unless `danger_plain_text` is set.
    pub tls: Option<Tls>,
    /// Serve without TLS, and only on a loopback address: for measurements and for a TLS terminator
    /// on the same machine. Client certificates cannot be used then. Default `false`.
    pub danger_plain_text: At<bool>,
    /// Names under which callers may address this gateway, without port. A request for another name
    /// is refused. Default `[]`, which accepts any name.
    pub host_names: Vec<At<String>>,
}

/// TLS of a listener.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// Certificate chain, PEM, the listener's own certificate first. Required.
    pub certificate_file: At<String>,
    /// Its private key, PEM, readable by its owner alone. Required.
    pub key_file: At<String>,
    /// CA certificates that callers' certificates must chain to, PEM. Absent: callers are not asked
    /// for a certificate.
    #[serde(default)]
    pub client_ca_file: Option<At<String>>,
    /// Refuse the handshake of a caller without a certificate. Default `false`.
    #[serde(default)]
    pub client_certificate_required: At<bool>,
    /// Revocation lists of the client CA, PEM or DER. Default `[]`.
    #[serde(default)]
    pub crl_files: Vec<At<String>>,
    /// How long past its `nextUpdate` a revocation list is still trusted. Default `0s`.
    #[serde(default)]
    pub crl_grace: Period,
}

/// The admin plane.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Admin {
    /// Address and port to listen on. Anything but loopback needs `tls` and `credential_file`.
    /// Default `127.0.0.1:9600`.
    pub address: Option<At<String>>,
    /// TLS of the admin plane.
    pub tls: Option<Tls>,
    /// File with the bearer credential of the admin plane, readable by its owner alone.
    pub credential_file: Option<At<String>>,
}

/// Limits of the data plane. Zero is refused everywhere.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    /// What all connections together may pin. `connections_max` is derived from it: one connection
    /// pins at most a read buffer (twice `header_bytes_max`, at least 64 KiB), 64 KiB for the write
    /// buffer and TLS records, and one request body (`body_bytes_max`). With the defaults that is
    /// 192 KiB, hence 2730 connections. Default `512MiB`.
    pub memory_budget_bytes: Option<At<Bytes>>,
    /// Connections open at once. Refused when the memory budget does not hold that many. Default: as
    /// many as the budget holds.
    pub connections_max: Option<At<u64>>,
    /// Connections open at once from one address. Default: half of `connections_max`.
    pub connections_per_peer_max: Option<At<u64>>,
    /// Time for the TLS handshake. Default `10s`.
    pub handshake_timeout: Option<At<Period>>,
    /// Time to send the whole head of a request. Default `10s`.
    pub header_timeout: Option<At<Period>>,
    /// Header fields of one request. Default `100`.
    pub headers_max: Option<At<u64>>,
    /// Bytes of one request's head, 8 KiB to 1 MiB. Default `16KiB`.
    pub header_bytes_max: Option<At<Bytes>>,
    /// Bytes of the request target (path and query); not more than `header_bytes_max`. Default `4KiB`.
    pub target_bytes_max: Option<At<Bytes>>,
    /// Parameters of one query. Default `32`.
    pub query_parameters_max: Option<At<u64>>,
    /// HTTP/2 streams open at once on one connection. Default `64`.
    pub streams_max: Option<At<u64>>,
    /// Bytes of one request's body. Default `64KiB`.
    pub body_bytes_max: Option<At<Bytes>>,
    /// Time to send the whole body of a request. Default `30s`.
    pub body_timeout: Option<At<Period>>,
    /// An answer that the caller does not read for so long is cut. Default `30s`.
    pub write_stall_timeout: Option<At<Period>>,
    /// A connection without a request is closed after this time. Default `60s`.
    pub idle_timeout: Option<At<Period>>,
    /// The longest upstream body that is masked; beyond it the answer is cut. Default `1GiB`.
    pub answer_bytes_max: Option<At<Bytes>>,
    /// The longest single key, string or number of an answer. Default `1MiB`.
    pub answer_token_bytes_max: Option<At<Bytes>>,
    /// Decoded bytes of a compressed answer for each byte received, from the first MiB on. Default `200`.
    pub answer_ratio_max: Option<At<u64>>,
    /// The deepest nesting of an answer, at most 512. Default `64`.
    pub answer_depth_max: Option<At<u64>>,
}

/// How callers prove themselves.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Identity {
    /// Issuers whose tokens are accepted. Default `[]`: certificates and API keys alone.
    pub issuers: Vec<Issuer>,
    /// The subject alternative name that names an application, `uri` or `dns`. CN is never read.
    /// Default `uri`.
    pub certificate_san: San,
    /// Key under which API keys are stored in the catalogue (HMAC-SHA-256): a file with 32 random
    /// bytes or 64 hexadecimal digits, readable by its owner alone. Absent: no API keys.
    pub api_key_hash_key_file: Option<At<String>>,
    /// A second factor counts as fresh for so long. Default `15m`.
    pub step_up_fresh: Option<At<Period>>,
    /// Verified tokens remembered at once by each worker. Default `8192`.
    pub token_memo_max: Option<At<u64>>,
}

/// The SAN type that names an application.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum San {
    #[default]
    Uri,
    Dns,
}

/// One issuer of tokens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issuer {
    /// Exact `iss` of its tokens. Required.
    pub issuer: At<String>,
    /// Exact `aud` that must be present. Required.
    pub audience: At<String>,
    /// Exact `typ` of the token's header, compared without case (RFC 9068). Default `at+jwt`.
    #[serde(default)]
    pub token_type: Option<At<String>>,
    /// Where its key set (JWKS) comes from. Required.
    pub keys: At<Keys>,
    /// Clock difference forgiven, at most `60s`. Default `30s`.
    #[serde(default)]
    pub leeway: Option<At<Period>>,
    /// A token may not be older than this, nor live longer. Default `12h`.
    #[serde(default)]
    pub lifetime_max: Option<At<Period>>,
}

/// Where a key set comes from: `file` or `url`, not both.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Keys {
    /// JWKS file; read again when it changes.
    pub file: Option<At<String>>,
    /// JWKS address, `https`; `http` on loopback only.
    pub url: Option<At<String>>,
    /// CA certificates that the address must chain to, PEM. Required for `https`.
    pub ca_file: Option<At<String>>,
    /// The address is asked at least this often; more often, but at most once a minute, where `max-age` of
    /// its answer's `Cache-Control` is shorter. Default `5m`.
    pub refresh: Option<At<Period>>,
    /// A key set older than this is no longer trusted: 503. Default `24h`.
    pub age_max: Option<At<Period>>,
}

/// The audit log.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Audit {
    /// Folder of the log; made when absent. Default `var/audit`.
    pub dir: Option<At<String>>,
    /// Answers of level L1 do not wait until their entry is durable. Default `false`.
    pub best_effort_l1: bool,
    /// Entries waiting at most; beyond it requests are refused. Default `8192`.
    pub queue_max: Option<At<u64>>,
    /// A segment of the log is closed at this size. Default `64MiB`.
    pub segment_bytes_max: Option<At<Bytes>>,
    /// A segment of the log is closed at this age. Default `24h`.
    pub segment_age_max: Option<At<Period>>,
    /// Closed segments that have not been written for so long are compressed (gzip); they verify as before,
    /// and so do their proofs. Absent: they stay as they are.
    pub seal_age: Option<At<Period>>,
    /// Warn when the disk has less than this left. Default `1GiB`.
    pub disk_low_bytes: Option<At<Bytes>>,
    /// Name of this log among all logs, first line of its checkpoints: host and path without scheme, the
    /// same for as long as the log lives. Default `zhamen.local/audit`.
    pub origin: Option<At<String>>,
    /// Ed25519 seed that signs checkpoints and receipts: a file with 32 random bytes or 64 hexadecimal
    /// digits, readable by its owner alone. Absent: no receipts; the log has tiles but no checkpoints, and
    /// a cut at its end cannot show.
    pub signing_key_file: Option<At<String>>,
    /// A checkpoint covers an entry after so long at the latest. Default `1s`.
    pub checkpoint_every: Option<At<Period>>,
    /// File that every checkpoint is appended to, on another disk or machine, to verify against with
    /// `zhamen audit verify --witness`. Absent: none.
    pub witness_file: Option<At<String>>,
    /// Who is asked to cosign checkpoints (C2SP tlog-witness). Default: nobody.
    pub witnesses: Vec<Witness>,
    /// How often witnesses are asked at most. Default `1m`.
    pub witness_every: Option<At<Period>>,
    /// Folder that `zhamen audit archive` moves closed segments to; it may be another disk. The log is
    /// read there too. Absent: nothing is archived.
    pub archive_dir: Option<At<String>>,
    /// How long entries are kept before `zhamen audit expire` may delete them.
    pub retention: Retention,
    /// Keys of subject tokens, newest first: the first makes tokens, all of them find them. A key that
    /// is removed here and destroyed makes its tokens unlinkable for good. Default `[]`: tokens are made
    /// with `pseudonym_key_file`, which always finds its own.
    pub subject_keys: Vec<SubjectKey>,
    /// Who gets a copy of every entry, at least once: files, syslog, OpenTelemetry. How far each has
    /// come is kept in the folder `<dir>-sinks`. Default `[]`.
    pub sinks: Vec<Sink>,
}

/// One witness of the audit log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Witness {
    /// Its submission prefix, `https`; `http` on loopback only. Required.
    pub url: At<String>,
    /// Its verifier key (C2SP vkey of kind 4, `cosignature/v1`). Required.
    pub key: At<String>,
    /// CA certificates that the address must chain to, PEM. Absent: those of the system.
    #[serde(default)]
    pub ca_file: Option<At<String>>,
}

/// How long entries are kept. A segment is kept as long as the longest-lived entry in it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Retention {
    /// Entries about nobody's data: starts, reloads, tiers. At least `180d` (six months: Cybersecurity
    /// Law, network logs). Default `180d`.
    pub ordinary: Option<At<Period>>,
    /// Entries about personal or classified data. At least `1095d` (three years: PIPL 56, Network Data
    /// Security Regulation 12). Default `1095d`.
    pub personal: Option<At<Period>>,
}

/// A key of subject tokens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubjectKey {
    /// Stands before each of its tokens: a letter, then letters and digits, at most 16. Never used
    /// again for another key. Required.
    pub id: At<String>,
    /// A file with 32 random bytes or 64 hexadecimal digits, readable by its owner alone. Required.
    pub file: At<String>,
}

/// What subjects may ask.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Usage {
    /// Folder of the index over the audit log; made when absent, built again when lost. Default
    /// `var/usage`.
    pub dir: Option<At<String>>,
    /// Answer `/usage/v1` on the data plane too, where citizens' portals can reach it. Default `false`.
    pub on_data_plane: bool,
    /// How often one subject may ask. Default `{per_second: 1, burst: 30}`.
    pub quota: Option<At<Quota>>,
}

/// One receiver of copies of the audit log: `file`, `syslog` or `otlp`, exactly one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sink {
    /// Its name in metrics and in the file of its position; a new name is sent the whole log. Required.
    pub name: At<String>,
    /// Absent: not a file. A file of JSON lines beside the log, for agents that follow files.
    #[serde(default)]
    pub file: Option<SinkFile>,
    /// Absent: not syslog. RFC 5424 messages with octet counting (RFC 6587, RFC 5425); a batch counts as
    /// delivered when the receiver has read to the end and closes its side after ours, over TLS with
    /// `close_notify`.
    #[serde(default)]
    pub syslog: Option<SinkSyslog>,
    /// Absent: not OpenTelemetry. OTLP/HTTP with JSON.
    #[serde(default)]
    pub otlp: Option<SinkOtlp>,
}

/// A copy as a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SinkFile {
    /// Where it lies. Required.
    pub path: At<String>,
    /// `json`: the log's own lines, which verify like the log. `ocsf`: events of OCSF 1.3.0. Default `json`.
    #[serde(default)]
    pub format: FileFormat,
    /// At this size it is renamed to `<path>.1`. Default `256MiB`.
    #[serde(default)]
    pub bytes_max: Option<At<Bytes>>,
    /// Renamed ones that are kept. Default `8`.
    #[serde(default)]
    pub keep: Option<At<u64>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileFormat {
    #[default]
    Json,
    Ocsf,
}

/// A copy by syslog.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SinkSyslog {
    /// `tls://host:6514`, or `tcp://host:514` on a loopback address. Required.
    pub url: At<String>,
    /// CA certificates that the receiver must chain to, PEM; its name is the host of `url`. Required for
    /// `tls`. Absent: no TLS.
    #[serde(default)]
    pub ca_file: Option<At<String>>,
    /// Certificate that is shown to the receiver, PEM, together with `key_file`. Absent: none.
    #[serde(default)]
    pub cert_file: Option<At<String>>,
    /// Its key, PEM, readable by its owner alone. Absent: none.
    #[serde(default)]
    pub key_file: Option<At<String>>,
}

/// A copy by OpenTelemetry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SinkOtlp {
    /// `https://host:4318/v1/logs`, or `http` on a loopback address. Required.
    pub url: At<String>,
    /// CA certificates that the collector must chain to, PEM; its name is the host of `url`. Required for
    /// `https`. Absent: no TLS.
    #[serde(default)]
    pub ca_file: Option<At<String>>,
    /// Certificate that is shown to the collector, PEM, together with `key_file`. Absent: none.
    #[serde(default)]
    pub cert_file: Option<At<String>>,
    /// Its key, PEM, readable by its owner alone. Absent: none.
    #[serde(default)]
    pub key_file: Option<At<String>>,
    /// Token that is sent as `Authorization: Bearer`, readable by its owner alone. Absent: none.
    #[serde(default)]
    pub token_file: Option<At<String>>,
}

/// The public catalogue and the register of grants.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Catalogue {
    /// Where callers reach the data plane, `https` or `http`, without a path. Default: `https`, the
    /// first of `data.host_names` or else the address, and the port of `data.address`.
    pub base_url: Option<At<String>>,
    /// Who publishes the catalogue, in Chinese and English.
    /// Default `{zh: 政务数据共享主管部门, en: Competent authority for data sharing}`.
    pub publisher: Option<Text>,
    /// Serve `/catalogue`, `/grants` and `/audit/v1/` (checkpoint and tiles) on the data plane too, for everybody.
    /// Default `false`.
    pub on_data_plane: bool,
}

/// Rate and burst of one quota class.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quota {
    /// Cells that grow back in one second. Required.
    pub per_second: u32,
    /// Cells at most; at least the highest cost of a request. Required.
    pub burst: u32,
}

/// Quotas, narrowest first. A request pays its cost in every class.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Quotas {
    /// Of one caller: application and officer. Default `{per_second: 50, burst: 100}`.
    pub caller: Option<At<Quota>>,
    /// Of one application, all its officers together. Default `{per_second: 500, burst: 1000}`.
    pub application: Option<At<Quota>>,
    /// Of one receiving department. Default `{per_second: 2000, burst: 4000}`.
    pub department: Option<At<Quota>>,
    /// Of the whole gateway. Default `{per_second: 20000, burst: 40000}`.
    pub total: Option<At<Quota>>,
    /// Of the records given to one caller, or the subjects told of where they are more: charged after
    /// each answer, which is given whole; then the caller waits. Absent: not limited.
    pub volume: Option<At<Quota>>,
    /// Cells that one request costs a caller of each tier, never falling. All six are named.
    /// Default `{T0: 1, T1: 1, T2: 2, T3: 4, T4: 8, T5: 16}`.
    pub cost: Option<At<BTreeMap<String, u32>>>,
    /// Keys remembered at most in each class; further callers share one bucket. Default `65536`.
    pub keys_max: Option<At<u64>>,
}

/// When behaviour raises a caller's tier. What a tier means is written in the policies.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Defence {
    /// Callers remembered at most; further ones share one profile. Default `65536`.
    pub profiles_max: Option<At<u64>>,
    /// Score (1 to 1000) at which each tier begins, ascending.
    /// Default `{T1: 200, T2: 350, T3: 500, T4: 700, T5: 900}`.
    pub enter: Option<At<BTreeMap<String, u16>>>,
    /// Score below which each tier is left again, ascending, each below its `enter`.
    /// Default `{T1: 120, T2: 250, T3: 400, T4: 600, T5: 800}`.
    pub leave: Option<At<BTreeMap<String, u16>>>,
    /// The score halves in this time without new evidence. Default `30m`.
    pub half_life: Option<At<Period>>,
    /// No automatic restriction outlasts this without a human decision. Default `24h`.
    pub restriction_max: Option<At<Period>>,
}
