//! A route: what of the outside world's method and path means which question to which dataset.

use super::parameter::Parameter;
use super::query::StoredQuery;
use super::template::Template;
use super::upstream::UpstreamSpec;
use crate::closed_enum;
use crate::engine::dataset::Dataset;
use crate::engine::identifier::Kind;
use crate::engine::terms::{Interface, Method};
use std::sync::Arc;

/// One route of the catalogue.
#[derive(Debug)]
pub struct Route {
    pub method: Method,
    /// The gateway's own path.
    pub template: Template,
    pub dataset: Arc<Dataset>,
    pub interface: Interface,
    /// Where the request names its subject; none for routes that name none.
    pub subject: Option<SubjectPlace>,
    /// Every other input, each declared; an undeclared query parameter is refused.
    pub parameters: Vec<Parameter>,
    /// The value that the caller claims, on routes that verify.
    pub claim: Option<Claim>,
    pub upstream: Arc<UpstreamSpec>,
    pub target: Target,
    pub answer: AnswerFormat,
    /// An answer with more records is cut.
    pub records_max: u32,
    /// The parameter by which the caller asks for so many records.
    pub records_parameter: Option<Arc<str>>,
    /// Refusals look as if the route did not exist.
    pub hidden: bool,
    /// Every answer carries a receipt, asked for or not.
    pub receipt: bool,
}

/// Where an input stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A capture of the path.
    Path(Arc<str>),
    /// A parameter of the query.
    Query(Arc<str>),
    /// A JSON pointer (RFC 6901) into the body.
    Body(Arc<str>),
}

/// Where the subject's identifier stands, and of which kind it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectPlace {
    pub place: Place,
    pub kind: Kind,
}

/// Where the claimed value stands, and which label it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub place: Place,
    /// Index into the dataset's labels.
    pub label: usize,
}

/// What the upstream is asked.
#[derive(Debug)]
pub enum Target {
    /// The same method on this path of the upstream; query and body follow in canonical form.
    Path(Template),
    /// A stored query, sent as the body of a POST to this path.
    Query { path: Template, query: StoredQuery },
}

closed_enum! {
    /// What the upstream answers.
    pub enum AnswerFormat {
        /// A JSON document, masked field by field.
        Json = "json",
        /// Anything, passed on untouched: for unclassified datasets only.
        Opaque = "opaque",
    }
}

impl Route {
    /// A declared parameter by name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| &*parameter.name == name)
    }

    /// How many records a request asks for at most: what it says, bounded by what the route gives.
    pub fn records_requested(&self, size: Option<i64>) -> u32 {
        let asked = size.and_then(|size| u32::try_from(size).ok());
        asked.map_or(self.records_max, |asked| asked.min(self.records_max))
    }
}
