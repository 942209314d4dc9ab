//! What leaves beside the body: headers of the upstream, by list, masked and rewritten.
//!
//! Nothing of an upstream's head leaves by itself. The response is built anew; from the upstream come
//! its status, and what the catalogue names:
//!
//! | the upstream sends | what leaves |
//! |---|---|
//! | a header that the route names in `headers` (`x-…`), once | what its label's mask shows of it |
//! | the same twice, not ASCII, longer than 1 KiB, or masked away | nothing |
//! | `Location`, `Content-Location`, `Link` on a route with `links: true` | the gateway's own path for it |
//! | the same to another authority, to a path of no route, relative, or with an identifier that the caller did not name itself (or of whose kind it is shown nothing) | nothing |
//! | `Set-Cookie`, `ETag`, `Last-Modified`, `Cache-Control`, `Server`, everything else | nothing |
//! | `Content-Type` | the type of the declared format; its own on `opaque` routes |
//! | `Content-Length` | recomputed where the whole answer is masked before its head leaves, else none |
//! | `Content-Encoding` | undone; ours, if the answer is coded anew |
//! | trailers | nothing |
//! | 1xx | nothing |
//! | 204, or any answer to HEAD | the head, without a body |
//! | 206, `Content-Range`, `Accept-Ranges` | 502: we ask for no range, and part of a document cannot be masked |
//! | 304 | 502: we ask no conditional question |
//! | any other status, `application/problem+json`, error pages | our own problem document |
//!
//! What of a link is an identifier, and whether the caller named it, [`links`](crate::engine::mask::links) says, as
//! for references in bodies. There it is replaced; here the link is left out, for what leads nowhere is no link.
//!
//! There is no `ETag` on purpose: of masked bytes it would tell two callers with the same modes
//! whether an unseen record changed, and `no-store` leaves it without a use.

use crate::catalogue::{Catalogue, Found, ParameterKind, Place, Route, Target, Template};
use crate::engine::canonical::{Segments, canonical_query};
use crate::engine::framing::answer::Fields;
use crate::engine::mask::Plan;
use crate::engine::mask::links::{Extent, Reading, is_own, is_strong, readings, stretches, telling};
use crate::engine::terms::Method;
use hyper::header::{self, HeaderName, HeaderValue};
use std::sync::Arc;

/// Longer values are no header of an API.
const VALUE_BYTES_MAX: usize = 1024;

/// What links are read against.
pub(super) struct Links<'a> {
    pub catalogue: &'a Catalogue,
    /// Whom the caller named, and what it sees of such numbers.
    pub plan: &'a Plan,
}

/// The headers of an answer that leave.
pub(super) fn headers(
    upstream: &Fields,
    route: &Route,
    plan: &Arc<Plan>,
    links: &Links<'_>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut leaving = Vec::new();
    for (name, label) in &route.shape.headers {
        let Some(text) = single(upstream, name) else { continue };
        let value = plan.show_text(*label, text).and_then(|shown| HeaderValue::from_str(&shown).ok());
        if let (Some(value), Ok(name)) = (value, HeaderName::from_bytes(name.as_bytes())) {
            leaving.push((name, value));
        }
    }
    if route.shape.links {
        for name in [header::LOCATION, header::CONTENT_LOCATION] {
            let own = single(upstream, name.as_str()).and_then(|text| links.own(route, text));
            leaving.extend(own.and_then(|own| HeaderValue::from_str(&own).ok()).map(|own| (name, own)));
        }
        let own = single(upstream, "link").map(|text| links.own_links(route, text)).unwrap_or_default();
        if let (false, Ok(own)) = (own.is_empty(), HeaderValue::from_str(&own)) {
            leaving.push((header::LINK, own));
        }
    }
    leaving
}

fn single<'h>(fields: &'h Fields, name: &str) -> Option<&'h str> {
    let text = std::str::from_utf8(fields.single(name)?).ok()?;
    (text.len() <= VALUE_BYTES_MAX && text.is_ascii()).then_some(text)
}

impl Links<'_> {
    /// The gateway's path for a URL of the upstream that `route` asks; none if it has none, or if the
    /// URL says more than the caller knows.
    fn own(&self, route: &Route, url: &str) -> Option<String> {
        let path_and_query = match url.split_once("://") {
            None => url,
            Some((scheme, rest)) => {
                let end = rest.find('/').unwrap_or(rest.len());
                let (authority, path) = rest.split_at_checked(end)?;
                let known = route.upstream.endpoints.iter().any(|endpoint| {
                    endpoint.scheme.code().eq_ignore_ascii_case(scheme)
                        && endpoint.authority().eq_ignore_ascii_case(authority)
                });
                if known { path } else { return None }
            }
        };
        let path_and_query = path_and_query.split('#').next()?;
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        if path.starts_with("//") {
            return None;
        }
        let segments = Segments::read(path).ok()?;
        let pairs = pairs(query)?;
        let routes = self.catalogue.routes.routes().iter();
        let mut candidates = routes.filter(|other| {
            other.method == Method::Get && !other.hidden && other.upstream.id == route.upstream.id
        });
        candidates.find_map(|other| self.through(other, &segments.segments(), &pairs))
    }

    /// The path of another route whose upstream path this is.
    fn through(&self, route: &Route, segments: &[&str], pairs: &[(String, String)]) -> Option<String> {
        let Target::Path(target) = &route.target else { return None };
        let captures = captures(target, segments)?;
        let named = |name: &str| captures.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        if !captures.iter().all(|(name, value)| self.is_known(route, name, value)) {
            return None;
        }
        for (name, value) in pairs {
            let declared =
                route.parameter(name).is_some_and(|parameter| matches!(parameter.place, Place::Query(_)));
            let subject = matches!(route.subject.as_ref().map(|subject| &subject.place), Some(Place::Query(known)) if **known == **name);
            if !(declared || subject) || !self.is_known(route, name, value) {
                return None;
            }
        }
        let mut own = route.template.render(named)?;
        // A literal of another route may be more exact: then the path would mean something else.
        let decoded = Segments::read(&own).ok()?;
        match self.catalogue.routes.find(Method::Get, &decoded.segments()) {
            Found::Route(found, _) if found.template == route.template => {}
            Found::Route(..) | Found::MethodNotOffered(_) | Found::None => return None,
        }
        if !pairs.is_empty() {
            own.push('?');
            own.push_str(&canonical_query(pairs));
        }
        Some(own)
    }

    /// The value tells the caller nothing about anyone it did not name.
    fn is_known(&self, route: &Route, name: &str, value: &str) -> bool {
        let identifies = |place: &Place| match place {
            Place::Path(known) | Place::Query(known) => **known == *name,
            Place::Body(_) => false,
        };
        let subject = route.subject.as_ref().filter(|subject| identifies(&subject.place));
        let identifier = match route.parameter(name).map(|parameter| &parameter.kind) {
            Some(ParameterKind::Identifier(kind)) => Some(*kind),
            Some(
                ParameterKind::Text { .. }
                | ParameterKind::Int { .. }
                | ParameterKind::Date
                | ParameterKind::Choice(_)
                | ParameterKind::Fields(_),
            )
            | None => None,
        };
        match subject.map(|subject| subject.kind).or(identifier) {
            Some(_) => is_own(self.plan, value),
            None => names_nobody_else(self.plan, value),
        }
    }

    /// A `Link` header (RFC 8288) with the links that have a path of ours and nothing but `rel` behind.
    fn own_links(&self, route: &Route, text: &str) -> String {
        let mut own = Vec::new();
        for link in text.split(", <").map(|link| link.strip_prefix('<').unwrap_or(link)) {
            let Some((url, parameters)) = link.split_once('>') else { continue };
            let relation = parameters.split(';').map(str::trim).find_map(|part| part.strip_prefix("rel="));
            let relation = relation.map(|relation| relation.trim_matches('"')).filter(|relation| {
                !relation.is_empty() && relation.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            });
            if let (Some(url), Some(relation)) = (self.own(route, url), relation) {
                own.push(format!("<{url}>; rel=\"{relation}\""));
            }
        }
        own.join(", ")
    }
}

/// A value that the catalogue says nothing of holds no identifier but that of the subject. It is read as
/// references in bodies are; as a link can be left out, a wrong check character is reason enough.
fn names_nobody_else(plan: &Plan, value: &str) -> bool {
    let mut is_known = true;
    stretches(value, &mut |_, stretch, extent| {
        let mut is_one = false;
        for Reading { kind, is_sound, .. } in readings(stretch) {
            is_one |= telling(kind) && (extent == Extent::Whole || is_sound && is_strong(kind));
        }
        is_known &= !is_one || is_own(plan, stretch);
        is_one
    });
    is_known
}

/// The captures of a template in these segments, if it fits.
fn captures<'t>(template: &'t Template, segments: &[&'t str]) -> Option<Vec<(&'t str, &'t str)>> {
    use crate::catalogue::Segment;
    if template.segments().len() != segments.len() {
        return None;
    }
    let mut captures = Vec::new();
    for (expected, found) in template.segments().iter().zip(segments) {
        match expected {
            Segment::Literal(text) if **text == **found => {}
            Segment::Literal(_) => return None,
            Segment::Capture(name) => captures.push((&**name, *found)),
        }
    }
    Some(captures)
}

/// A query as decoded pairs; nothing if some part is not one.
fn pairs(query: &str) -> Option<Vec<(String, String)>> {
    query
        .split('&')
        .filter(|_| !query.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            // A query's values are read like segments: strictly, and once.
            let decode = |text: &str| {
                let segments = Segments::read(&format!("/{text}")).ok()?;
                segments.segments().first().map(|text| (*text).to_owned())
            };
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::identifier::Kind;
    use crate::engine::mask::LabelRule;
    use crate::engine::mask::scalar::{LabelAction, TokenKey};
    use crate::engine::terms::DisclosureMode;

    #[test]
    fn values_that_name_somebody_else() {
        let rule = |action| LabelRule { mode: DisclosureMode::None, action, kind: Some(Kind::ResidentId) };
        let plan = |subject: Option<&str>, action| Plan {
            actions: [rule(action)].into(),
            token_key: TokenKey::derive(&[0; 32], "", "").into(),
            claim: None,
            today: (2026, 1, 1),
            records_max: None,
            subject: subject.map(Arc::from),
            watched: Default::default(),
        };
        let subject = Some("330106199003071236");
        for (value, subject, expect) in [
            ("330106199003071236", subject, true),
            ("330106199003071236.json", subject, true),
            ("330106199003071236", None, false),
            ("330106199003071236.json", None, false),
            ("id_330106199003071236", None, false),
            ("case-330106199003071236-2", None, false),
            ("11010519491231002X", subject, false),
            ("330106199003071236,11010519491231002x", subject, false),
            ("2026-11-23", None, true),
            ("part", None, true),
            ("13812345678", None, false),
            ("zhang@example.cn", None, false),
        ] {
            assert_eq!(names_nobody_else(&plan(subject, LabelAction::Token), value), expect, "{value}");
            // Where nothing is shown of such numbers, no link names one.
            let number = subject.is_some() && expect;
            let is_named = names_nobody_else(&plan(subject, LabelAction::Drop), value);
            assert_eq!(is_named, expect && !number, "{value}");
        }
    }
}
