//! The catalogue: what there is to ask for, who may call, and where it comes from.
//!
//! [`Folder`] is the policies folder as one value; [`load`] makes its YAML into a [`Catalogue`], or
//! says everything that is wrong with it at once. It may not start anything; [`Folder::read`] is its
//! only contact with the disk. What a decision is belongs to `engine`.
//!
//! ```
//! use zhamen::catalogue::{Folder, load};
//! let folder = Folder::from_files([("labels.yaml", "labels: {}\n"), ("purposes.yaml", "purpose: {}\n")]).unwrap();
//! let faults = load(&folder).unwrap_err().to_string();
//! assert!(faults.contains("purposes.yaml:1:1: unknown key `purpose`"), "{faults}");
//! ```

mod answer;
mod applications;
pub mod cases;
pub mod classify;
mod datasets;
mod delays;
mod folder;
mod labels;
mod loading;
mod openapi;
mod parameter;
mod query;
mod revocations;
mod route;
mod routes;
mod rows;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod upstream;
mod upstreams;
mod watching;
mod written;

pub use answer::{AnswerFormat, AnswerShape, Media};
pub use delays::{Delay, Until, Use};
pub use folder::Folder;
pub use parameter::{Argument, FieldWords, Parameter, ParameterFlaw, ParameterKind};
pub use query::{QueryError, SqlType, StoredQuery};
pub use revocations::Revocations;
pub use route::{Claim, Place, Route, SubjectPlace, Target};
pub use routes::SUBJECT;
pub use rows::Sifting;
pub use table::{Captures, Found, RouteTable};
pub use template::{Segment, Template};
pub use upstream::{
    ClientPair, Ejection, Endpoint, HealthCheck, Pool, Retries, Scheme, UpstreamSpec, UpstreamTls,
};

use crate::closed_enum;
use crate::engine::dataset::{Dataset, Label};
use crate::engine::principal::Application;
use crate::engine::terms::{LegalBasis, Text};
use crate::fault::{Fault, Faults};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that the files of `catalogue/`, `labels.yaml`, `purposes.yaml` and `revocations.yaml`
/// say, checked.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// By unified social credit code.
    pub departments: BTreeMap<Arc<str>, Department>,
    /// By client id.
    pub applications: BTreeMap<Arc<str>, RegisteredApplication>,
    pub upstreams: BTreeMap<Arc<str>, Arc<UpstreamSpec>>,
    pub datasets: BTreeMap<Arc<str>, Arc<Dataset>>,
    pub routes: RouteTable,
    pub labels: BTreeMap<Arc<str>, Arc<Label>>,
    /// What fields of a label are called, by label: hints for `zhamen classify`.
    pub label_names: BTreeMap<Arc<str>, Vec<String>>,
    pub purposes: BTreeMap<Arc<str>, Purpose>,
    /// Uses that their subject is told of only later.
    pub delays: Vec<Delay>,
    pub revocations: Revocations,
    /// When the decision not to share a dataset is looked at again: year, month, day.
    pub next_reviews: BTreeMap<Arc<str>, (u16, u8, u8)>,
    /// What the public catalogue says of a dataset besides.
    pub notes: BTreeMap<Arc<str>, PublicNote>,
    /// By dataset: which of its rows and counts leave.
    pub siftings: BTreeMap<Arc<str>, Arc<Sifting>>,
    /// What is wrong where the configuration has no key for receipts: each route that always gives one.
    receipts_unsigned: Vec<Fault>,
}

/// A providing or asking department.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Department {
    /// Unified social credit code.
    pub code: Arc<str>,
    /// Name of its file, `civil-affairs`.
    pub slug: Arc<str>,
    pub title: Text,
    /// Whom to ask: an IRI of `mailto:`, `tel:` or `https:`.
    pub contact: Option<String>,
}

/// What only the public catalogue needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicNote {
    pub description: Option<Text>,
    pub theme: Theme,
}

closed_enum! {
    /// Themes of the EU vocabulary `data-theme`, which DCAT-AP prescribes.
    pub enum Theme {
        Agriculture = "AGRI",
        Economy = "ECON",
        Education = "EDUC",
        Energy = "ENER",
        Environment = "ENVI",
        Government = "GOVE",
        Health = "HEAL",
        International = "INTR",
        Justice = "JUST",
        Regions = "REGI",
        Society = "SOCI",
        Technology = "TECH",
        Transport = "TRAN",
    }
}

/// An application and what proves it, besides a token's `client_id`.
#[derive(Clone, Debug)]
pub struct RegisteredApplication {
    pub application: Arc<Application>,
    pub san_uris: Vec<String>,
    /// Lower case.
    pub san_dns: Vec<String>,
    pub api_key_hashes: Vec<[u8; 32]>,
}

/// A purpose that callers may state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    pub id: Arc<str>,
    pub title: Text,
    /// Identifier in the W3C Data Privacy Vocabulary.
    pub iri: String,
    /// Wider purposes, without a circle.
    pub parents: Vec<Arc<str>>,
    /// Legal bases that fit it; never empty.
    pub legal_bases: Vec<LegalBasis>,
}

/// What proves an application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Proof {
    Uri(String),
    Dns(String),
    ApiKey([u8; 32]),
}

impl Catalogue {
    /// An application by client id.
    pub fn application(&self, id: &str) -> Option<&Arc<Application>> {
        self.applications.get(id).map(|registered| &registered.application)
    }

    /// Whether the folder can be served without a key that signs receipts.
    ///
    /// # Errors
    /// Every `receipt: always`: a promise that could not be kept.
    pub fn without_receipts(&self) -> Result<(), Faults> {
        Faults(self.receipts_unsigned.clone()).or(())
    }
}

/// Makes a folder's YAML into a catalogue.
///
/// # Errors
/// Every fault of every file: shapes first; then, for the files whose shape is right, what they mean.
pub fn load(folder: &Folder) -> Result<Catalogue, Faults> {
    loading::load(folder)
}
