//! Method, path, parameters and body → what is asked for.

use super::{Worker, offered_as};
use crate::catalogue::{Captures, Found, Parameter, ParameterForm, Place, Route, SubjectPlace, Target, TargetSegment};
use crate::engine::access::{Access, Subject};
use crate::engine::canonical::{Canonical, canonical_path, canonical_query};
use crate::engine::clock::Moment;
use crate::engine::identifier::{self, Identifier, Verdict, civil_date};
use crate::engine::json::{Json, Object};
use crate::engine::reason::Cause;
use crate::engine::terms::Method;
use crate::net::body::read_request_body;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::state::snapshot::Snapshot;
use bytes::Bytes;
use hyper::body::Incoming;
use std::sync::Arc;

/// A resolved request: what policy judges, and what the upstream will receive.
pub(super) struct Asked {
    pub route: Arc<Route>,
    pub access: Access,
    /// Path and query of the upstream, canonical.
    pub target: String,
    pub method: Method,
    pub body: Bytes,
    pub content_type: Option<&'static str>,
    /// What the caller claims, and about which label.
    pub claim: Option<(usize, String)>,
    /// The identifier's check digit is wrong, but such numbers circulate.
    pub is_doubtful: bool,
}

/// The values of one request by their places.
struct Values<'a> {
    captures: &'a Captures<'a>,
    canonical: &'a Canonical,
    document: Option<Object>,
}

impl Values<'_> {
    fn at(&self, place: &Place) -> Option<String> {
        match place {
            Place::Path(name) => self.captures.get(name).map(str::to_owned),
            Place::Query(name) => self.canonical.parameter(name).map(str::to_owned),
            Place::Body(pointer) => text_at(self.document.as_ref()?, pointer),
        }
    }
}

/// Finds the route and reads what it asks of the request.
pub(super) async fn resolve(
    worker: &Worker,
    snapshot: &Snapshot,
    canonical: &Canonical,
    body: Incoming,
    now: Moment,
    record: &mut Record,
) -> Result<Asked, Refusal> {
    let segments = canonical.path.segments();
    let (route, captures) = match snapshot.catalogue.routes.find(offered_as(canonical.method), segments) {
        Found::Route(route, captures) => (route.clone(), captures),
        Found::MethodNotOffered(offered) => {
            let offered = offered.into_iter().map(Method::code).collect();
            return Err(Refusal { offered, ..Cause::MethodNotOffered.into() });
        }
        Found::None => return Err(Cause::NoRoute.into()),
    };
    record.learnt.route = Some(route.template.clone());
    record.learnt.dataset = Some(route.dataset.clone());
    let limit = worker.shared.body_bytes_max;
    let body = read_request_body(body, limit, worker.shared.body_timeout).await?;
    let document = document(canonical, &body)?;
    let values = Values { captures: &captures, canonical, document };
    parameters(&route, canonical, now)?;
    let (subject, is_doubtful) = subject(&route, &values, now)?;
    let claim = match &route.claim {
        Some(claim) => values.at(&claim.place).map(|text| (claim.label, text)),
        None => None,
    };
    let (method, target, body, content_type) = outgoing(&route, canonical, &values, subject.as_ref(), body)?;
    let access = Access {
        dataset: route.dataset.clone(),
        interface: route.interface,
        template: route.template.clone(),
        records_requested: records_requested(&route, canonical),
        subject: subject.map(|identifier| Subject { identifier }),
    };
    record.learnt.access = Some(access.clone());
    Ok(Asked { route, access, target, method, body, content_type, claim, is_doubtful })
}

/// The body as a document: a body is one JSON object, or there is none.
fn document(canonical: &Canonical, body: &Bytes) -> Result<Option<Object>, Cause> {
    if body.is_empty() {
        return Ok(None);
    }
    if matches!(canonical.method, Method::Get | Method::Head) {
        return Err(Cause::BodyUnexpected);
    }
    if canonical.content_type.as_deref() != Some("application/json") {
        return Err(Cause::BodyFormat);
    }
    Object::read(body).map(Some).map_err(|_| Cause::BodyFormat)
}

/// The text (or whole number) that a JSON pointer of object members leads to.
fn text_at(document: &Object, pointer: &str) -> Option<String> {
    let mut names = pointer.strip_prefix('/')?.split('/').map(|name| name.replace("~1", "/").replace("~0", "~"));
    let mut value = document.get(&names.next()?)?;
    for name in names {
        value = value.object()?.get(&name)?;
    }
    match value {
        Json::Text(text) => Some(text.clone()),
        Json::Whole(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::OtherNumber | Json::List(_) | Json::Object(_) => None,
    }
}

/// Every parameter is known to the route and of its form; the required ones are there.
fn parameters(route: &Route, canonical: &Canonical, now: Moment) -> Result<(), Cause> {
    for (name, value) in &canonical.query {
        if let Some(parameter) = route.parameters.iter().find(|parameter| *parameter.name == **name) {
            well_formed(&parameter.form, value, now)?;
        } else if !is_place(route, name) {
            return Err(Cause::ParameterUnknown);
        }
    }
    let missing = |parameter: &&Parameter| parameter.required && canonical.parameter(&parameter.name).is_none();
    if route.parameters.iter().any(|parameter| missing(&parameter)) {
        return Err(Cause::ParameterMissing);
    }
    Ok(())
}

/// Whether the subject or the claim stands in this parameter.
fn is_place(route: &Route, name: &str) -> bool {
    let subject = route.subject.as_ref().map(|subject| &subject.place);
    let claim = route.claim.as_ref().map(|claim| &claim.place);
    let is_it = |place: &Place| matches!(place, Place::Query(known) if **known == *name);
    subject.is_some_and(is_it) || claim.is_some_and(is_it)
}

fn well_formed(form: &ParameterForm, value: &str, now: Moment) -> Result<(), Cause> {
    let is_formed = match form {
        ParameterForm::Text { characters_max } => {
            value.chars().count() <= *characters_max && !value.chars().any(char::is_control)
        }
        ParameterForm::Integer { min, max } => {
            let number = value.parse::<i64>().ok().filter(|number| number.to_string() == value);
            number.is_some_and(|number| (*min..=*max).contains(&number))
        }
        ParameterForm::Date => date_exists(value),
        ParameterForm::Identifier(kind) => return checked(*kind, value, now).map(|_| ()),
        ParameterForm::OneOf(values) => values.iter().any(|known| **known == *value),
    };
    if is_formed { Ok(()) } else { Err(Cause::ParameterInvalid) }
}

/// `YYYY-MM-DD` of a day that exists.
fn date_exists(value: &str) -> bool {
    let mut parts = value.splitn(3, '-');
    let mut number = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))?;
        part.parse::<u16>().ok()
    };
    let (Some(year), Some(month), Some(day)) = (number(4), number(2), number(2)) else { return false };
    identifier::exists((i32::from(year), month as u8, day as u8))
}

fn checked(kind: identifier::Kind, text: &str, now: Moment) -> Result<(Identifier, bool), Cause> {
    match identifier::check_on(kind, text, civil_date(now.unix_seconds())) {
        Verdict::Valid(identifier) => Ok((identifier, false)),
        Verdict::ChecksumWarning(identifier) => Ok((identifier, true)),
        Verdict::Invalid(_) => Err(Cause::IdentifierInvalid),
    }
}

fn subject(route: &Route, values: &Values<'_>, now: Moment) -> Result<(Option<Identifier>, bool), Cause> {
    let Some(SubjectPlace { place, kind }) = &route.subject else { return Ok((None, false)) };
    let text = values.at(place).ok_or(Cause::ParameterMissing)?;
    checked(*kind, &text, now).map(|(identifier, is_doubtful)| (Some(identifier), is_doubtful))
}

/// What the upstream is asked: canonical, the subject in its canonical form.
fn outgoing(
    route: &Route,
    canonical: &Canonical,
    values: &Values<'_>,
    subject: Option<&Identifier>,
    body: Bytes,
) -> Result<(Method, String, Bytes, Option<&'static str>), Cause> {
    let is_subject = |name: &str| matches!(&route.subject, Some(SubjectPlace { place: Place::Path(known), .. }) if **known == *name);
    match &route.target {
        Target::Path(segments) => {
            let text = |segment: &'_ TargetSegment| match segment {
                TargetSegment::Literal(text) => text.to_string(),
                TargetSegment::Capture(name) if is_subject(name) => {
                    subject.map(|subject| subject.canonical().to_owned()).unwrap_or_default()
                }
                TargetSegment::Capture(name) => values.captures.get(name).unwrap_or_default().to_owned(),
            };
            let texts: Vec<String> = segments.iter().map(text).collect();
            let mut target = canonical_path(texts.iter().map(String::as_str));
            if !canonical.query.is_empty() {
                target.push('?');
                target.push_str(&canonical_query(&canonical.query));
            }
            let content_type = (!body.is_empty()).then_some("application/json");
            Ok((canonical.method, target, body, content_type))
        }
        Target::Query { path, query } => {
            let value = |name: &str| {
                if is_subject(name) {
                    return subject.map(|subject| subject.canonical().to_owned());
                }
                let in_path = values.captures.get(name).map(str::to_owned);
                in_path.or_else(|| canonical.parameter(name).map(str::to_owned))
            };
            let sql = query.render(&value)?;
            Ok((Method::Post, path.to_string(), sql.into(), Some("text/plain; charset=utf-8")))
        }
    }
}

/// What the caller asks for at most: the size parameter, else the route's cap; one subject is one.
fn records_requested(route: &Route, canonical: &Canonical) -> u32 {
    let asked = route.size_parameter.as_deref().and_then(|name| canonical.parameter(name)?.parse().ok());
    let cap = route.records_max.map(|cap| u32::try_from(cap).unwrap_or(u32::MAX));
    match (asked, cap, &route.subject) {
        (Some(asked), Some(cap), _) => u32::min(asked, cap),
        (Some(asked), None, _) => asked,
        (None, Some(cap), _) => cap,
        (None, None, Some(_)) => 1,
        (None, None, None) => u32::MAX,
    }
}
