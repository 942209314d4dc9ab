//! Method, path, parameters and body → what is asked for.

use super::{Shared, Worker, offered_as, receipt};
use crate::catalogue::{Captures, Found, Place, Route, SUBJECT, SubjectPlace, Target};
use crate::engine::access::{Access, Subject};
use crate::engine::canonical::{Canonical, canonical_query};
use crate::engine::clock::Moment;
use crate::engine::identifier::{self, Identifier, Verdict, civil_date};
use crate::engine::json::{Json, Object};
use crate::engine::principal::Principal;
use crate::engine::reason::Cause;
use crate::engine::terms::{Method, RiskTier};
use crate::engine::uses::{Use, UseAs};
use crate::net::body::coding::Wanted;
use crate::net::body::read_request_body;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::state::snapshot::Snapshot;
use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use std::borrow::Cow;
use std::sync::Arc;

/// A resolved request: what policy judges, and what the upstream will receive.
pub(super) struct Asked {
    pub route: Arc<Route>,
    pub access: Access,
    /// Path and query of the upstream, canonical.
    pub target: String,
    /// What the upstream is asked with.
    pub method: Method,
    /// The caller wants no body, however the upstream is asked.
    pub is_head: bool,
    pub body: Bytes,
    pub content_type: Option<&'static str>,
    /// What the caller claims, and about which label.
    pub claim: Option<(usize, String)>,
    /// The identifier's check digit is wrong, but such numbers circulate.
    pub is_doubtful: bool,
    /// How the caller wants the answer coded.
    pub wanted: Wanted,
    /// What the parameters do with fields, ascending, each once.
    pub uses: Vec<Use>,
    /// Something that bounds the rows is not proved of the caller: there is nothing to forward.
    pub is_out_of_scope: bool,
    /// So many records leave at most.
    pub records_max: u32,
    /// What the upstream is asked again with if the caller's tier gives fewer records than it asks for.
    again: Option<Box<Rendering>>,
    /// The upstream was asked for fewer records than the caller wants.
    pub is_lowered: bool,
}

/// The inputs of a request that may ask for more than leaves.
struct Rendering {
    read: Read,
    asked: i64,
}

impl Asked {
    /// So many records leave in this tier, and the upstream is asked for no more where it can be told.
    ///
    /// # Errors
    /// Those of the request as it was first rendered.
    pub fn cap(&mut self, tier: RiskTier, canonical: &Canonical) -> Result<(), Cause> {
        self.records_max = self.route.records_max_in(tier);
        let Some(mut rendering) = self.again.take() else { return Ok(()) };
        let Some((name, lowered)) = self.route.lowered(rendering.asked, tier) else { return Ok(()) };
        rendering.read.insert(name.clone(), lowered.to_string().into());
        let Outgoing { target, body, .. } =
            outgoing(&self.route, &rendering.read, canonical, self.body.clone())?;
        (self.target, self.body, self.is_lowered) = (target, body, true);
        Ok(())
    }
}

/// The inputs of one request, each in its canonical form, under the names the route gives them.
struct Inputs<'a> {
    captures: Captures<'a, 'a, &'a str>,
    canonical: &'a Canonical,
    document: Option<Object>,
    read: Read,
    uses: Vec<Use>,
}

/// Inputs in their canonical form, under the names of a route: a few, so that a list finds them.
#[derive(Default)]
struct Read {
    /// Known as [`SUBJECT`] whatever else it is called.
    subject: Option<Arc<str>>,
    named: Vec<(Arc<str>, Arc<str>)>,
}

impl Read {
    fn get(&self, name: &str) -> Option<&str> {
        let named = || self.named.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value);
        self.subject.as_deref().filter(|_| name == SUBJECT).or_else(named)
    }

    /// In the place of what stood under that name.
    fn insert(&mut self, name: Arc<str>, value: Arc<str>) {
        match self.named.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.named.push((name, value)),
        }
    }
}

impl Inputs<'_> {
    /// What the caller wrote in this place.
    fn written(&self, place: &Place) -> Option<Cow<'_, str>> {
        match place {
            Place::Path(name) => self.captures.get(name).map(Cow::Borrowed),
            Place::Query(name) => self.canonical.parameter(name).map(Cow::Borrowed),
            Place::Body(pointer) => text_at(self.document.as_ref()?, pointer).map(Cow::Owned),
        }
    }
}

/// The refusal of a method that names those the place has, `HEAD` wherever there is `GET`.
fn not_offered(methods: &[Method]) -> Refusal {
    let mut offered: Vec<&str> = methods.iter().map(|method| method.code()).collect();
    if let Some(get) = methods.iter().position(|method| *method == Method::Get) {
        offered.insert(get + 1, Method::Head.code());
    }
    Refusal { offered, ..Cause::MethodNotOffered.into() }
}

/// Finds the route and reads what it asks of the request.
pub(super) async fn resolve(
    worker: &Worker,
    snapshot: &Snapshot,
    canonical: &Canonical,
    body: Incoming,
    principal: &Principal,
    now: Moment,
    record: &mut Record,
) -> Result<Asked, Refusal> {
    let segments = canonical.path.segments();
    let (route, captures) = match snapshot.catalogue.routes.find(offered_as(canonical.method), &segments) {
        Found::Route(route, captures) => (route, captures),
        Found::MethodNotOffered(offered) => return Err(not_offered(&offered)),
        Found::None => return Err(Cause::NoRoute.into()),
    };
    record.learnt.route = Some(route.template.text().clone());
    record.learnt.dataset = Some(route.dataset.clone());
    receipt::found(worker, canonical, route, record);
    if route.answer.media().is_some_and(|media| !canonical.media.accepts(media.code())) {
        return Err(Cause::AcceptUnserved.into());
    }
    // Boxed, because most requests have no body and none should carry the room for reading it.
    let body = if body.is_end_stream() { Bytes::new() } else { Box::pin(whole(worker, body)).await? };
    let document = document(canonical, &body)?;
    let mut inputs = Inputs { captures, canonical, document, read: Read::default(), uses: Vec::new() };
    parameters(route, &mut inputs)?;
    let (subject, is_doubtful) = subject(route, &mut inputs, now)?;
    let access = Access {
        dataset: route.dataset.clone(),
        interface: route.interface,
        template: route.template.text().clone(),
        records_requested: records_requested(route, &inputs),
        subject: subject.map(|identifier| Subject { identifier }),
    };
    record.learnt.access = Some(access.clone());
    record.may_be_told(&snapshot.catalogue);
    let claim = route
        .claim
        .as_ref()
        .and_then(|claim| Some((claim.label, inputs.written(&claim.place)?.into_owned())));
    let is_out_of_scope = !attributes(route, principal, &mut inputs);
    let Outgoing { method, target, body, content_type } = match is_out_of_scope {
        true => Outgoing::nothing(),
        false => outgoing(route, &inputs.read, canonical, body)?,
    };
    // A claim tells what stands in the field, from the answer or from what the upstream makes of it.
    inputs.uses.extend(claim.iter().map(|(label, _)| Use { label: *label, how: UseAs::Verify }));
    inputs.uses.sort_unstable();
    inputs.uses.dedup();
    let is_head = canonical.method == Method::Head;
    Ok(Asked {
        route: route.clone(),
        access,
        target,
        method,
        is_head,
        body,
        content_type,
        claim,
        is_doubtful,
        wanted: Wanted::default(),
        uses: inputs.uses,
        is_out_of_scope,
        records_max: route.records_max,
        again: if is_out_of_scope { None } else { rendering(route, inputs.read) },
        is_lowered: false,
    })
}

async fn whole(worker: &Worker, body: Incoming) -> Result<Bytes, Cause> {
    let Shared { body_bytes_max, body_timeout, .. } = *worker.shared;
    read_request_body(body, body_bytes_max, body_timeout).await
}

/// Puts what is proved of the caller among the inputs; false if something that is asked for is not.
fn attributes(route: &Route, principal: &Principal, inputs: &mut Inputs<'_>) -> bool {
    route.attributes().all(|attribute| {
        let proved = principal.attribute(attribute);
        if let Some(proved) = proved {
            inputs.read.insert(attribute.code().into(), proved.clone());
        }
        proved.is_some()
    })
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

/// The text, whole number or truth value that a JSON pointer of object members leads to.
fn text_at(document: &Object, pointer: &str) -> Option<String> {
    let mut names =
        pointer.strip_prefix('/')?.split('/').map(|name| name.replace("~1", "/").replace("~0", "~"));
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

/// Every query parameter is known to the route, every declared one is of its kind, and the required
/// ones are there.
fn parameters(route: &Route, inputs: &mut Inputs<'_>) -> Result<(), Cause> {
    let is_query = |place: &Place| matches!(place, Place::Query(_));
    let is_known = |name: &str| {
        route.parameter(name).is_some_and(|known| is_query(&known.place)) || is_place(route, name)
    };
    if inputs.canonical.query.iter().any(|(name, _)| !is_known(name)) {
        return Err(Cause::ParameterUnknown);
    }
    if let Some(document) = &inputs.document
        && route.dataset.is_classified()
    {
        members(route, document, &mut String::new())?;
    }
    for parameter in &route.parameters {
        match inputs.written(&parameter.place) {
            Some(written) => {
                let argument = parameter.read(&written).map_err(|_| Cause::ParameterInvalid)?;
                inputs.uses.extend(parameter.uses_of(&argument));
                inputs.read.insert(parameter.name.clone(), argument.canonical().into());
            }
            None if parameter.required => return Err(Cause::ParameterMissing),
            None => {}
        }
    }
    Ok(())
}

/// Every member of a body is an input of the route, and a single value: anything else could ask the
/// upstream for what nobody judged. `pointer` leads to the object, and is given back as it was.
fn members(route: &Route, object: &Object, pointer: &mut String) -> Result<(), Cause> {
    let length = pointer.len();
    for (name, value) in object.members() {
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        let is_here = |place: &Place| matches!(place, Place::Body(known) if **known == **pointer);
        let places = route.parameters.iter().map(|parameter| &parameter.place);
        let subject = route.subject.iter().map(|subject| &subject.place);
        let claim = route.claim.iter().map(|claim| &claim.place);
        let is_input = places.chain(subject).chain(claim).any(is_here);
        match value {
            Json::Object(inner) if !is_input && !inner.is_empty() => members(route, inner, pointer)?,
            Json::Text(_) | Json::Whole(_) | Json::Bool(_) if is_input => {}
            _ if is_input => return Err(Cause::ParameterInvalid),
            _ => return Err(Cause::ParameterUnknown),
        }
        pointer.truncate(length);
    }
    Ok(())
}

/// Whether the subject or the claim stands in this query parameter.
fn is_place(route: &Route, name: &str) -> bool {
    let subject = route.subject.as_ref().map(|subject| &subject.place);
    let claim = route.claim.as_ref().map(|claim| &claim.place);
    let is_it = |place: &Place| matches!(place, Place::Query(known) if **known == *name);
    subject.is_some_and(is_it) || claim.is_some_and(is_it)
}

/// The checked subject, and whether its number is doubtful. From here on only its canonical form goes.
fn subject(route: &Route, inputs: &mut Inputs<'_>, now: Moment) -> Result<(Option<Identifier>, bool), Cause> {
    let Some(SubjectPlace { place, kind }) = &route.subject else { return Ok((None, false)) };
    let written = inputs.written(place).ok_or(Cause::ParameterMissing)?;
    let (identifier, is_doubtful) =
        match identifier::check_on(*kind, &written, civil_date(now.unix_seconds())) {
            Verdict::Valid(identifier) => (identifier, false),
            Verdict::ChecksumWarning(identifier) => (identifier, true),
            Verdict::Invalid(_) => return Err(Cause::IdentifierInvalid),
        };
    if let Place::Path(name) | Place::Query(name) = place {
        inputs.read.insert(name.clone(), identifier.shared());
    }
    inputs.read.subject = Some(identifier.shared());
    Ok((Some(identifier), is_doubtful))
}

/// What the caller asks for at most: what it says, within the route's cap; one subject is one.
fn records_requested(route: &Route, inputs: &Inputs<'_>) -> u32 {
    let size = route.records_parameter.as_deref().and_then(|name| inputs.read.get(name)?.parse().ok());
    match (size, &route.subject) {
        (None, Some(_)) => 1,
        (size, _) => route.records_requested(size),
    }
}

/// Kept where the upstream may have to be asked for fewer records than the caller wants.
fn rendering(route: &Route, read: Read) -> Option<Box<Rendering>> {
    let asked = read.get(route.records_parameter.as_ref()?)?.parse().ok()?;
    let lowest = RiskTier::ALL.iter().any(|tier| route.lowered(asked, *tier).is_some());
    lowest.then(|| Box::new(Rendering { read, asked }))
}

/// The request as the upstream receives it.
struct Outgoing {
    method: Method,
    target: String,
    body: Bytes,
    content_type: Option<&'static str>,
}

impl Outgoing {
    /// For a request that is refused as soon as policy has answered: no upstream takes this target.
    fn nothing() -> Outgoing {
        Outgoing { method: Method::Get, target: String::new(), body: Bytes::new(), content_type: None }
    }
}

/// Canonical forms only: what policy judged is what the upstream reads.
fn outgoing(route: &Route, read: &Read, canonical: &Canonical, body: Bytes) -> Result<Outgoing, Cause> {
    let read = |name: &str| read.get(name);
    let path = |template: &crate::catalogue::Template| template.render(read).ok_or(Cause::BadTarget);
    match &route.target {
        Target::Path(template) => {
            let mut target = path(template)?;
            let pair =
                |(name, value): &(String, String)| (name.clone(), read(name).unwrap_or(value).to_owned());
            let mut pairs: Vec<(String, String)> = canonical.query.iter().map(pair).collect();
            for (name, attribute) in &route.upstream_parameters {
                let value = read(attribute.code()).ok_or(Cause::BadTarget)?;
                pairs.push((name.to_string(), value.to_owned()));
            }
            if !pairs.is_empty() {
                target.push('?');
                target.push_str(&canonical_query(&pairs));
            }
            let content_type = (!body.is_empty()).then_some("application/json");
            Ok(Outgoing { method: canonical.method, target, body, content_type })
        }
        Target::Query { path: template, query } => {
            let sql = query.render(read).map_err(|_| Cause::ParameterInvalid)?;
            let content_type = Some("text/plain; charset=utf-8");
            Ok(Outgoing { method: Method::Post, target: path(template)?, body: sql.into(), content_type })
        }
    }
}
