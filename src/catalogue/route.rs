//! What a route means: which dataset it reads, where its subject stands, what the upstream is asked.

use super::query::StoredQuery;
use crate::engine::dataset::Dataset;
use crate::engine::identifier::Kind;
use crate::engine::terms::{Interface, Method, Text};
use std::sync::Arc;

/// One route of the data plane.
#[derive(Debug)]
pub struct Route {
    /// As written, for example `/tax/v1/income/{id}`: the only form of a path that is written down.
    pub template: Arc<str>,
    pub method: Method,
    pub dataset: Arc<Dataset>,
    pub interface: Interface,
    /// The person or body asked for.
    pub subject: Option<SubjectPlace>,
    /// Query parameters the route knows; any other is refused.
    pub parameters: Vec<Parameter>,
    /// What the caller claims about a label, for `VERIFY`.
    pub claim: Option<ClaimPlace>,
    /// Name of the upstream.
    pub upstream: Arc<str>,
    /// What the upstream is asked.
    pub target: Target,
    pub format: AnswerFormat,
    /// The most records an answer may hold.
    pub records_max: Option<u64>,
    /// Query parameter that says how many records are asked for.
    pub size_parameter: Option<Arc<str>>,
    /// A denial looks like a route that does not exist.
    pub hidden: bool,
}

/// Where a value stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The capture of this name in the path.
    Path(Arc<str>),
    /// The query parameter of this name.
    Query(Arc<str>),
    /// A JSON pointer (RFC 6901) into the body.
    Body(Arc<str>),
}

/// Where the subject's identifier stands, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectPlace {
    pub place: Place,
    pub kind: Kind,
}

/// Where the claim stands, and which label it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPlace {
    pub place: Place,
    /// Index into the dataset's labels.
    pub label: usize,
}

/// One query parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: Arc<str>,
    pub required: bool,
    pub form: ParameterForm,
}

/// What a parameter's value may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterForm {
    /// Text of at most so many characters, none of them control characters.
    Text { characters_max: usize },
    Integer { min: i64, max: i64 },
    /// `YYYY-MM-DD`.
    Date,
    Identifier(Kind),
    OneOf(Vec<Arc<str>>),
}

/// What the upstream is asked.
#[derive(Debug)]
pub enum Target {
    /// The path of the upstream: literal segments and captures; the query parameters follow.
    Path(Vec<TargetSegment>),
    /// A stored query, sent as the body of a POST to this path.
    Query { path: Arc<str>, query: StoredQuery },
}

/// One segment of an upstream path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSegment {
    Literal(Arc<str>),
    Capture(Arc<str>),
}

/// What the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFormat {
    Json,
    /// Passed unread: unclassified datasets only.
    Opaque,
}

/// A department of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Department {
    /// Unified social credit code.
    pub id: Arc<str>,
    pub name: Text,
}
