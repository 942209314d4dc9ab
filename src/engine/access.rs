//! What one request asks for, resolved from its method and path.
//!
//! An [`Access`] is action + resource of the access question, with the subject that it names. It
//! knows nothing of HTTP: other protocols resolve to the same value.

use super::dataset::Dataset;
use super::identifier::Identifier;
use super::terms::Interface;
use std::sync::Arc;

/// The person or body a request names, by a checked identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub identifier: Identifier,
}

/// One resolved request.
#[derive(Clone, Debug)]
pub struct Access {
    pub dataset: Arc<Dataset>,
    pub interface: Interface,
    /// The route's template, never the path: the only form of a path that is written down.
    pub template: Arc<str>,
    pub subject: Option<Subject>,
    /// At most this many records are asked for.
    pub records_requested: u32,
}
