//! The catalogue's files as written: one struct per map, every key documented on its field.

use super::Theme;
use super::route::ReceiptWhen;
use super::watching::WatchWord;
use crate::engine::identifier::Kind;
use crate::engine::mask::watch::OnFind;
use crate::engine::principal::CallerAttribute;
use crate::engine::terms::{
    Interface, LegalBasis, Level, Method, NationalGrade, Secrecy, SensitiveCategory, SharingType, Text,
};
use crate::engine::uses::UseAs;
use crate::written::{At, Entries, Period};
use serde::Deserialize;

/// `labels.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Labels {
    pub labels: Entries<Label>,
}

/// One privacy class.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Label {
    pub title: Text,
    pub level: Level,
    pub category: SensitiveCategory,
    /// What the values are, where they have a form that can be checked or masked by its own rule.
    pub kind: Option<Kind>,
    #[serde(default)]
    pub masks: Masks,
    /// Whether its kept values are looked at for identifiers; absent: as their dataset says.
    pub watch: Option<WatchWord>,
    /// What happens where one is found; absent: as their dataset says.
    pub on_find: Option<OnFind>,
    /// What fields of this label are called, for `zhamen classify`: any case, `_` and `-` left out.
    #[serde(default)]
    pub names: Vec<At<String>>,
}

/// What each mode does to a value; a mode without a rule falls to the next weaker one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Masks {
    pub generalised: Option<At<Generalised>>,
    pub partial: Option<At<Partial>>,
    pub token: bool,
    pub verify: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Generalised {
    pub rule: GeneralisedRule,
    /// Of `age-band`.
    pub years: Option<u8>,
    /// Of `bands`, ascending.
    pub bounds: Option<Vec<i64>>,
    /// Of `decimals`.
    pub decimals: Option<u8>,
    /// Of `prefix`.
    pub characters: Option<u8>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GeneralisedRule {
    Year,
    AgeBand,
    Bands,
    District,
    Day,
    Decimals,
    Prefix,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Partial {
    pub rule: PartialRule,
    /// Of `keep`.
    pub first: Option<u8>,
    /// Of `keep`.
    pub last: Option<u8>,
    /// So few values of the label's kind may look the same behind the part. Needed below 10,000.
    pub candidates: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PartialRule {
    Keep,
    Name,
    Email,
    Address,
    Landline,
    Uscc,
}

/// `purposes.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Purposes {
    pub purposes: Entries<Purpose>,
    /// Uses that their subject is told of only later.
    #[serde(default)]
    pub delayed_visibility: Vec<At<Delay>>,
}

/// Uses that their subject is told of only later. All conditions that are given must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Delay {
    /// This purpose, or one that it covers.
    pub purpose: Option<At<String>>,
    pub legal_basis: Option<LegalBasis>,
    pub matter_type: Option<At<String>>,
    /// Shown so long after the use.
    pub visible_after: Option<At<Period>>,
    /// Shown from this day on (Chinese time).
    pub visible_from: Option<At<String>>,
    /// What allows it.
    pub cite: At<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Purpose {
    pub title: Text,
    /// Identifier in the W3C Data Privacy Vocabulary.
    pub iri: At<String>,
    /// Wider purposes.
    #[serde(default)]
    pub parents: Vec<At<String>>,
    pub legal_bases: Vec<LegalBasis>,
}

/// `catalogue/<department>.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DepartmentFile {
    pub department: Department,
    #[serde(default)]
    pub applications: Entries<Application>,
    #[serde(default)]
    pub upstreams: Entries<Upstream>,
    #[serde(default)]
    pub datasets: Entries<Dataset>,
    #[serde(default)]
    pub routes: Vec<Route>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Department {
    /// Unified social credit code.
    pub code: At<String>,
    pub title: Text,
    /// Whom to ask, for the public catalogue: `mailto:`, `tel:` or `https:`.
    pub contact: Option<At<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Application {
    /// The department that answers for it; absent: the file's.
    pub department: Option<At<String>>,
    /// Subject alternative names of its certificates.
    #[serde(default)]
    pub san_uris: Vec<At<String>>,
    #[serde(default)]
    pub san_dns: Vec<At<String>>,
    /// HMAC-SHA-256 of its API keys, 64 hexadecimal digits each.
    #[serde(default)]
    pub api_key_hashes: Vec<At<String>>,
    /// Networks it calls from, in CIDR form.
    #[serde(default)]
    pub networks: Vec<At<String>>,
    /// Its headers may state purpose, matter and officer where a token does not.
    #[serde(default)]
    pub speaks_for_others: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Upstream {
    pub endpoints: At<Vec<At<String>>>,
    pub tls: Option<At<Tls>>,
    /// How this gateway proves itself; absent: it does not.
    pub credentials: Option<At<Credentials>>,
    pub connect_timeout: Option<At<Period>>,
    pub first_byte_timeout: Option<At<Period>>,
    pub total_timeout: Option<At<Period>>,
    #[serde(default)]
    pub pool: Pool,
    pub health: Option<Health>,
    #[serde(default)]
    pub ejection: Ejection,
    #[serde(default)]
    pub retries: Retries,
    /// It may compress its answers; absent: it is asked not to.
    #[serde(default)]
    pub compressed: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub ca_file: At<String>,
    pub cert_file: Option<At<String>>,
    pub key_file: Option<At<String>>,
    pub server_name: Option<At<String>>,
}

/// Who this gateway is to an upstream. The secret itself is never written here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    pub scheme: CredentialScheme,
    /// Of `basic` and `clickhouse`.
    pub user: Option<At<String>>,
    /// A file with one line that only its owner may read; read again when it changes.
    pub secret_file: Option<At<String>>,
    /// The name of an environment variable, instead.
    pub secret_env: Option<At<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CredentialScheme {
    /// User and password, RFC 7617.
    Basic,
    /// A token, RFC 6750.
    Bearer,
    /// `X-ClickHouse-User` and `X-ClickHouse-Key`.
    Clickhouse,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Pool {
    pub idle_max: Option<At<u32>>,
    pub idle_timeout: Option<At<Period>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Health {
    pub path: At<String>,
    pub interval: Option<At<Period>>,
    pub unhealthy_after: Option<At<u32>>,
    pub healthy_after: Option<At<u32>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Ejection {
    pub failures: Option<At<u32>>,
    pub ejected_for: Option<At<Period>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Retries {
    pub max: Option<At<u32>>,
    pub budget_percent: Option<At<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dataset {
    /// Catalogue code, `306001/1`.
    pub code: At<String>,
    pub title: Text,
    /// For the public catalogue; absent: made of title and labels.
    pub description: Option<Text>,
    /// For the public catalogue; absent: `GOVE`.
    #[serde(default = "government")]
    pub theme: Theme,
    pub level: At<Level>,
    #[serde(default = "general")]
    pub grade: NationalGrade,
    #[serde(default = "no_secrecy")]
    pub secrecy: At<Secrecy>,
    pub sharing: At<SharingType>,
    pub condition: Option<At<String>>,
    pub basis: Option<At<String>>,
    /// When the decision not to share is looked at again, `YYYY-MM-DD`.
    pub next_review: Option<At<String>>,
    /// Holds personal information; true unless said otherwise.
    #[serde(default = "yes")]
    pub personal: bool,
    /// The array whose elements are the records, `$.data`; absent: every outermost array with fields.
    pub records: Option<At<String>>,
    /// Whether kept values are looked at for identifiers that do not belong there; absent: `off`.
    pub watch: Option<WatchWord>,
    /// What happens where one is found; absent: `alarm`.
    pub on_find: Option<OnFind>,
    /// Field path → label.
    #[serde(default)]
    pub fields: Entries<At<String>>,
    pub fields_from_openapi: Option<FromOpenApi>,
    /// Records leave only where every field is equal to what is proved of the caller.
    #[serde(default)]
    pub rows: Vec<RowFilter>,
    /// Fields that count records, in groups or in all.
    #[serde(default)]
    pub counts: Vec<Count>,
    /// The smallest group that a count may tell of; needed with `counts`.
    pub group_min: Option<At<u32>>,
}

/// `{field: "$.data[*].region", equals: caller.region}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RowFilter {
    /// Path of a field in records.
    pub field: At<String>,
    pub equals: At<CallerAttribute>,
}

/// `{field: $.total, of: id-number}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {
    /// Path of a field, in records (then those of small groups are left out) or outside (then it
    /// becomes `null`).
    pub field: At<String>,
    /// Callers who see this label in the clear see small counts, too; absent: nobody does.
    pub of: Option<At<String>>,
}

fn general() -> NationalGrade {
    NationalGrade::General
}

fn government() -> Theme {
    Theme::Government
}

fn no_secrecy() -> At<Secrecy> {
    Secrecy::None.into()
}

fn yes() -> bool {
    true
}

/// Labels out of an OpenAPI 3 document that carries `x-data-classification`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FromOpenApi {
    /// A file of the policies folder.
    pub file: At<String>,
    /// Name under `components.schemas`.
    pub schema: At<String>,
    /// Field path of what the schema describes; absent: the whole answer.
    pub at: Option<At<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    pub method: Method,
    pub path: At<String>,
    pub dataset: At<String>,
    pub interface: At<Interface>,
    pub subject: Option<At<Subject>>,
    #[serde(default)]
    pub parameters: Entries<Parameter>,
    pub claim: Option<At<Claim>>,
    pub upstream: At<String>,
    /// Path on the upstream; absent: the same, or `/` for a stored query.
    pub upstream_path: Option<At<String>>,
    pub query: Option<Query>,
    pub answer: Option<At<super::answer::AnswerFormat>>,
    /// How a table is written, where the format leaves that open.
    pub table: Option<At<Table>>,
    /// Header of the upstream → label; absent: none leaves.
    #[serde(default)]
    pub headers: Entries<At<String>>,
    /// `Location`, `Content-Location` and `Link` leave, rewritten to the gateway's own paths.
    #[serde(default)]
    pub links: bool,
    /// A classified answer may leave compressed: it never repeats what a caller chose.
    pub compress: Option<At<bool>>,
    /// Records of one answer at most; absent: 1.
    pub records_max: Option<At<u32>>,
    /// Fewer records for callers in a higher tier: `{T2: 20, T3: 1}`. A tier that is not named has the
    /// next lower one's.
    #[serde(default)]
    pub records_max_in_tier: Entries<At<u32>>,
    /// The parameter by which the caller asks for so many records. The upstream is asked for no more than
    /// may leave in the caller's tier, unless records are left out here, or it stands in a body.
    pub records_parameter: Option<At<String>>,
    /// Parameter of the upstream → what is proved of the caller: row filters that the upstream carries
    /// out. A stored query has them in its own `parameters`.
    #[serde(default)]
    pub upstream_parameters: Entries<At<CallerAttribute>>,
    /// Refusals look as if the route did not exist.
    #[serde(default)]
    pub hidden: bool,
    /// `always`: every answer carries a receipt, refusals too. Absent: where the caller asks for one.
    pub receipt: Option<At<ReceiptWhen>>,
}

/// How a table is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Table {
    /// One character; absent: `,` for CSV, a tab for TSV.
    pub delimiter: Option<At<String>>,
    /// `"` or `'`; empty: no quoting.
    pub quote: Option<At<String>>,
    /// The columns' names, for tables without a header row.
    pub columns: Option<Vec<At<String>>>,
    /// Cells that a spreadsheet would calculate; absent: `keep`.
    pub formulas: Option<crate::engine::mask::Formulas>,
}

/// `{path: id, kind: resident-id}`, or `query`, or `body` with a JSON pointer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subject {
    pub path: Option<At<String>>,
    pub query: Option<At<String>>,
    pub body: Option<At<String>>,
    pub kind: Kind,
}

/// `{body: /claimedStatus, label: marital-status}`, or `query`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    pub query: Option<At<String>>,
    pub body: Option<At<String>>,
    pub label: At<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameter {
    /// `string`, `int`, `date`, `enum`, `fields`, or a kind of identifier.
    #[serde(rename = "type")]
    pub kind: At<String>,
    #[serde(default)]
    pub required: At<bool>,
    /// Of `int`.
    pub min: Option<At<i64>>,
    /// Of `int`; of `string`, its characters; of `fields`, how many may be named (absent: 1).
    pub max: Option<At<i64>>,
    /// Of `enum`.
    pub values: Option<Vec<At<String>>>,
    /// Of `fields`: word of the request → the label of the field it names, or `none`.
    pub fields: Option<Entries<At<String>>>,
    /// Of `fields`: what is done with the fields named.
    #[serde(rename = "as")]
    pub how: Option<At<UseAs>>,
    /// What giving it does with fields: `[{label: income, as: filter}]`; `[]`: nothing.
    pub uses: Option<At<Vec<Use>>>,
    /// Of `int`: it only moves along the records.
    #[serde(default)]
    pub paging: At<bool>,
    /// JSON pointer, where it stands in the body.
    pub body: Option<At<String>>,
}

/// `{label: income, as: filter}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Use {
    pub label: At<String>,
    #[serde(rename = "as")]
    pub how: UseAs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    pub sql: At<String>,
    /// Place in the query → input of the route, or what is proved of the caller (`caller.region`);
    /// absent: the input of the same name.
    #[serde(default)]
    pub parameters: Entries<At<String>>,
}

/// `revocations.yaml`: what is believed no longer, from the next snapshot on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Revocations {
    /// `jti` of tokens.
    pub tokens: Vec<At<String>>,
    /// Staff ids.
    pub officers: Vec<At<String>>,
    pub applications: Vec<At<String>>,
    /// SHA-256 fingerprints of certificates, 64 hexadecimal digits.
    pub certificates: Vec<At<String>>,
}
