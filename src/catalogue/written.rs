//! The catalogue's files as written: one struct per map, every key documented on its field.

use super::Theme;
use crate::engine::identifier::Kind;
use crate::engine::terms::{
    Interface, LegalBasis, Level, Method, NationalGrade, Secrecy, SensitiveCategory, SharingType, Text,
};
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
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub ca_file: At<String>,
    pub cert_file: Option<At<String>>,
    pub key_file: Option<At<String>>,
    pub server_name: Option<At<String>>,
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
    /// Field path → label.
    #[serde(default)]
    pub fields: Entries<At<String>>,
    pub fields_from_openapi: Option<FromOpenApi>,
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
    pub answer: Option<At<super::route::AnswerFormat>>,
    /// Records of one answer at most; absent: 1.
    pub records_max: Option<At<u32>>,
    /// The parameter by which the caller asks for so many records.
    pub records_parameter: Option<At<String>>,
    /// Refusals look as if the route did not exist.
    #[serde(default)]
    pub hidden: bool,
    /// `always`: every answer carries a receipt. Absent: where the caller asks for one.
    pub receipt: Option<ReceiptWhen>,
}

/// When answers carry a receipt.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ReceiptWhen {
    Always,
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
    /// `string`, `int`, `date`, `enum`, or a kind of identifier.
    #[serde(rename = "type")]
    pub kind: At<String>,
    #[serde(default)]
    pub required: At<bool>,
    /// Of `int`.
    pub min: Option<At<i64>>,
    /// Of `int`; of `string`, its characters.
    pub max: Option<At<i64>>,
    /// Of `enum`.
    pub values: Option<Vec<At<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    pub sql: At<String>,
    /// Place in the query → input of the route; absent: the input of the same name.
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
