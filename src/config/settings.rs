//! What the configuration means: values that the other rooms are built from.
//!
//! [`Settings`] is made once by [`super::load`] out of what was written; nothing reads YAML after
//! that. Every duration and size carries its unit in its name.

use crate::engine::evidence::note::VerifierKey;
use crate::engine::terms::{RiskTier, Text};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    pub data: DataListener,
    pub admin: AdminListener,
    /// Threads that serve requests, one runtime each.
    pub workers: usize,
    pub limits: Limits,
    /// The policies folder: one snapshot.
    pub policies_dir: PathBuf,
    pub identity: IdentitySettings,
    pub audit: AuditSettings,
    pub catalogue: CatalogueSettings,
    pub retention: RetentionSettings,
    /// Keys of subject tokens by id, newest first; empty: the pseudonym key makes them.
    pub subject_keys: Vec<(String, PathBuf)>,
    pub usage: UsageSettings,
    pub quotas: QuotaSettings,
    pub defence: DefenceSettings,
    /// Key of subject tokens and pseudonyms; a file with 32 random bytes or 64 hex digits, mode 0600.
    pub pseudonym_key_file: PathBuf,
    /// How long a drain may take before open requests are cut.
    pub drain: Duration,
    /// Log lines as JSON instead of text.
    pub log_json: bool,
}

/// The data plane's listener.
#[derive(Clone, Debug)]
pub struct DataListener {
    pub address: SocketAddr,
    /// Absent only under `danger_plain_text`, and then only on a loopback address.
    pub tls: Option<ListenerTls>,
    /// Names under which callers may address this gateway (`Host`, `:authority`), lower case,
    /// without port. Empty accepts any name.
    pub host_names: Vec<String>,
}

/// TLS of a listener.
#[derive(Clone, Debug)]
pub struct ListenerTls {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
    /// CA certificates that callers' certificates must chain to; absent: none are asked for.
    pub client_ca_file: Option<PathBuf>,
    /// Revocation lists, PEM or DER.
    pub crl_files: Vec<PathBuf>,
    /// Refuse the handshake without a client certificate.
    pub client_certificate_required: bool,
    /// How long past `nextUpdate` a revocation list is still trusted.
    pub crl_grace: Duration,
}

/// The admin plane's listener: loopback unless it has TLS and credentials.
#[derive(Clone, Debug)]
pub struct AdminListener {
    pub address: SocketAddr,
    pub tls: Option<ListenerTls>,
    /// File that holds the bearer credential of the admin plane; required off loopback.
    pub credential_file: Option<PathBuf>,
}

/// Every limit of the data plane. Those of connections are derived from `memory_budget_bytes`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What all connections together may pin.
    pub memory_budget_bytes: usize,
    pub connections_max: usize,
    pub connections_per_peer_max: usize,
    pub handshake_timeout: Duration,
    pub header_timeout: Duration,
    pub headers_max: usize,
    pub header_bytes_max: usize,
    pub target_bytes_max: usize,
    pub query_parameters_max: usize,
    /// HTTP/2 streams open at once on one connection.
    pub streams_max: u32,
    pub body_bytes_max: usize,
    pub body_timeout: Duration,
    /// An answer that the caller does not read for so long is cut.
    pub write_stall_timeout: Duration,
    pub idle_timeout: Duration,
    /// The longest upstream body that is masked; beyond it the answer is cut.
    pub answer_bytes_max: u64,
    /// The longest single token (key, string, number) of an answer.
    pub answer_token_bytes_max: usize,
    /// Decoded bytes of a compressed answer for each byte received, from the first MiB on.
    pub answer_ratio_max: u32,
    pub answer_depth_max: usize,
}

/// How callers prove themselves.
#[derive(Clone, Debug)]
pub struct IdentitySettings {
    pub issuers: Vec<Issuer>,
    /// The SAN type that names an application. CN is never read.
    pub certificate_san: SanType,
    /// Key under which API keys are stored (HMAC-SHA-256); 32 random bytes or 64 hex digits.
    pub api_key_hash_key_file: Option<PathBuf>,
    /// A second factor counts as fresh for so long.
    pub step_up_fresh: Duration,
    /// Tokens remembered at once, per worker.
    pub token_memo_max: usize,
}

/// The SAN type that carries an application's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SanType {
    Uri,
    Dns,
}

/// One issuer of tokens.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Exact `iss`.
    pub issuer: String,
    /// Exact `aud` that must be present.
    pub audience: String,
    /// Exact `typ` of the header, compared without case, for example `at+jwt`.
    pub token_type: String,
    pub keys: KeySource,
    /// At most 60 seconds.
    pub leeway: Duration,
    /// A token may not be older (`iat`) nor live longer than this.
    pub lifetime_max: Duration,
}

/// Where an issuer's key set comes from.
#[derive(Clone, Debug)]
pub enum KeySource {
    File(PathBuf),
    Url {
        url: String,
        ca_file: Option<PathBuf>,
        /// How often it is fetched.
        refresh: Duration,
        /// Beyond this age the set is no longer trusted: 503.
        age_max: Duration,
    },
}

/// The public catalogue and the register of grants.
#[derive(Clone, Debug)]
pub struct CatalogueSettings {
    /// Where callers reach the data plane, without a slash at the end.
    pub base_url: String,
    /// Who publishes the catalogue.
    pub publisher: Text,
    /// Catalogue, register of grants, checkpoint and tiles are served on the data plane too.
    pub on_data_plane: bool,
}

/// The audit log.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    pub dir: PathBuf,
    /// L1 answers do not wait for their entry to be durable.
    pub best_effort_l1: bool,
    /// Entries waiting at most; beyond it requests are refused.
    pub queue_max: usize,
    /// A segment is closed at this size, or at this age.
    pub segment_bytes_max: u64,
    pub segment_age_max: Duration,
    /// Closed segments are compressed (gzip) when they have not been written for so long.
    pub seal_age: Option<Duration>,
    /// Warn when the disk has less than this left.
    pub disk_low_bytes: u64,
    /// Which log this is: first line of its checkpoints, and the name of its key.
    pub origin: String,
    /// Ed25519 seed that signs checkpoints: 32 random bytes or 64 hex digits, mode 0600. Without it there
    /// are tiles, but no checkpoints.
    pub signing_key_file: Option<PathBuf>,
    /// A checkpoint covers an entry after so long at the latest.
    pub checkpoint_every: Duration,
    /// Checkpoints are appended here too: on another disk, better on another machine.
    pub witness_file: Option<PathBuf>,
    /// Who is asked to cosign checkpoints, and how often at most.
    pub witnesses: Vec<Witness>,
    pub witness_every: Duration,
    /// Who gets a copy of every entry.
    pub sinks: Vec<SinkSettings>,
}

impl AuditSettings {
    /// A log in this folder, without key or witness; everything else by default.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        AuditSettings {
            dir: dir.into(),
            best_effort_l1: false,
            queue_max: 8192,
            segment_bytes_max: 64 << 20,
            segment_age_max: Duration::from_secs(24 * 3600),
            seal_age: None,
            disk_low_bytes: 1 << 30,
            origin: "zhamen.local/audit".into(),
            signing_key_file: None,
            checkpoint_every: Duration::from_secs(1),
            witness_file: None,
            witnesses: Vec::new(),
            witness_every: Duration::from_secs(60),
            sinks: Vec::new(),
        }
    }
}

/// One witness by the C2SP tlog-witness protocol.
#[derive(Clone, Debug)]
pub struct Witness {
    /// Submission prefix; `add-checkpoint` is put behind it.
    pub url: String,
    /// Its key of kind 4 (`cosignature/v1`).
    pub key: VerifierKey,
    pub ca_file: Option<PathBuf>,
}

/// How long the audit log is kept, and where.
#[derive(Clone, Debug)]
pub struct RetentionSettings {
    /// Where closed segments are moved to.
    pub archive_dir: Option<PathBuf>,
    /// Entries about nobody's data: at least six months.
    pub ordinary: Duration,
    /// Entries about personal or classified data: at least three years.
    pub personal: Duration,
}

/// What subjects may ask.
#[derive(Clone, Debug)]
pub struct UsageSettings {
    /// Folder of the index.
    pub dir: PathBuf,
    /// Answered on the data plane too.
    pub on_data_plane: bool,
    /// How often one subject may ask.
    pub quota: Quota,
}

/// One receiver of copies of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkSettings {
    pub name: String,
    pub target: SinkTarget,
}

/// Where the copies go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkTarget {
    /// A file of JSON lines; renamed away at a size, so many old ones are kept.
    File { path: PathBuf, format: FileFormat, bytes_max: u64, keep: usize },
    /// RFC 5424 over TCP or TLS.
    Syslog(SinkAddress),
    /// OTLP/HTTP with JSON; the token is sent as bearer.
    Otlp { address: SinkAddress, path: String, token_file: Option<PathBuf> },
}

/// What stands in a line of a sink's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// The log's own line.
    Json,
    /// The entry as an event of OCSF.
    Ocsf,
}

/// Where a sink listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkAddress {
    /// The name that its certificate must have, where it is TLS.
    pub host: String,
    pub port: u16,
    pub tls: Option<SinkTls>,
}

/// How a sink and the gateway prove themselves to each other. The files are read for each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkTls {
    /// CAs that the receiver must chain to; no others are trusted.
    pub ca_file: PathBuf,
    pub client: Option<ClientPair>,
}

/// Certificate and key that prove the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPair {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

/// Rate and burst of one quota class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub per_second: u32,
    pub burst: u32,
}

/// Quotas, narrowest first.
#[derive(Clone, Debug)]
pub struct QuotaSettings {
    pub caller: Quota,
    pub application: Quota,
    pub department: Quota,
    pub total: Quota,
    /// Records given to one caller, charged after each answer; none: not limited.
    pub volume: Option<Quota>,
    /// Cells that one request costs a caller of each tier. A higher tier pays more out of the same
    /// bucket, so a change of tier never grants a fresh burst.
    pub cost: [(RiskTier, u32); 6],
    /// Keys remembered at most per class; further callers share one overflow bucket.
    pub keys_max: usize,
}

/// The defence's first features: denial ratio and invalid identifiers.
#[derive(Clone, Debug)]
pub struct DefenceSettings {
    /// Callers remembered at most; further ones share one profile with a raised tier.
    pub profiles_max: usize,
    /// Score at which each tier begins (T1 to T5), ascending, 0 to 1000.
    pub enter: [u16; 5],
    /// Score below which each tier is left again; below `enter`.
    pub leave: [u16; 5],
    /// The score halves in this time without new evidence.
    pub half_life: Duration,
    /// No automatic restriction outlasts this without a human decision.
    pub restriction_max: Duration,
}
