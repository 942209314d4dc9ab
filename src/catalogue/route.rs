//! A route: what of the outside world's method and path means which question to which dataset.

use super::answer::{AnswerFormat, AnswerShape};
use super::parameter::Parameter;
use super::query::StoredQuery;
use super::rows::Sifting;
use super::template::Template;
use super::upstream::UpstreamSpec;
use crate::engine::dataset::Dataset;
use crate::engine::identifier::Kind;
use crate::engine::principal::CallerAttribute;
use crate::engine::terms::{Interface, Method, RiskTier};
use serde::Deserialize;
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
    pub shape: AnswerShape,
    /// An answer with more records is cut.
    pub records_max: u32,
    /// The same by tier, never rising; see [`Route::records_max_in`].
    pub records_max_in_tier: [u32; 6],
    /// Which rows and counts of the dataset leave; none where it declares neither.
    pub sifting: Option<Arc<Sifting>>,
    /// Parameters of the upstream that are filled with what is proved of the caller.
    pub upstream_parameters: Vec<(Arc<str>, CallerAttribute)>,
    /// The upstream filters by all that the rows are filtered by, so that its totals tell of no others.
    pub is_pushed_down: bool,
    /// The parameter by which the caller asks for so many records.
    pub records_parameter: Option<Arc<str>>,
    /// The same where the upstream is asked for no more than leave, with the least that it takes.
    pub lowered_parameter: Option<(Arc<str>, i64)>,
    /// Refusals look as if the route did not exist.
    pub hidden: bool,
    /// Every answer carries a receipt, asked for or not; refusals of a route that is not hidden, too.
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

impl Target {
    /// What a stored query takes of the caller.
    fn attributes(&self) -> impl Iterator<Item = CallerAttribute> {
        let query = match self {
            Target::Path(_) => None,
            Target::Query { query, .. } => Some(query),
        };
        query
            .into_iter()
            .flat_map(|query| query.places().filter_map(|(name, _)| CallerAttribute::parse(name)))
    }
}

impl Route {
    /// A declared parameter by name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| &*parameter.name == name)
    }

    /// So many records of one answer leave for a caller in this tier.
    pub fn records_max_in(&self, tier: RiskTier) -> u32 {
        let in_tier = self.records_max_in_tier.get(usize::from(tier.number())).copied();
        in_tier.unwrap_or(self.records_max).min(self.records_max)
    }

    /// What is proved of the caller and the answer, or the upstream's request, depends on.
    pub fn attributes(&self) -> impl Iterator<Item = CallerAttribute> {
        let rows = self.sifting.iter().flat_map(|sifting| sifting.rows.iter().copied());
        let pushed = self.upstream_parameters.iter().map(|(_, attribute)| *attribute);
        rows.chain(pushed).chain(self.target.attributes())
    }

    /// How many records a request asks for at most: what it says, bounded by what the route gives.
    pub fn records_requested(&self, size: Option<i64>) -> u32 {
        let asked = size.and_then(|size| u32::try_from(size).ok());
        asked.map_or(self.records_max, |asked| asked.min(self.records_max))
    }
}

impl Route {
    /// So many records the upstream is asked for in this tier where the caller asks for `asked`; none
    /// where that stays as it is.
    pub fn lowered(&self, asked: i64, tier: RiskTier) -> Option<(&Arc<str>, i64)> {
        let (name, least) = self.lowered_parameter.as_ref()?;
        let lowered = i64::from(self.records_max_in(tier)).max(*least);
        (lowered < asked).then_some((name, lowered))
    }
}

/// When answers carry a receipt.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ReceiptWhen {
    Always,
}
