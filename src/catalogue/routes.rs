//! Routes: from what was written to [`Route`], and into the table.

mod uses;

use super::loading::{File, Loading};
use super::parameter::{Parameter, ParameterKind};
use super::query::{SqlType, StoredQuery};
use super::route::{Claim, Place, ReceiptWhen, Route, SubjectPlace, Target};
use super::template::Template;
use super::written;
use crate::engine::dataset::Dataset;
use crate::engine::identifier::Kind;
use crate::engine::principal::CallerAttribute;
use crate::engine::terms::{Interface, Method};
use crate::written::{At, Mark, Source, did_you_mean};
use std::sync::Arc;

/// Records of one answer at most, and the longest text parameter.
const RECORDS_MAX: u32 = 1_000_000;
const CHARACTERS_MAX: i64 = 1024;

impl Loading<'_> {
    pub fn routes(&mut self, file: &File<'_>) {
        for written in &file.written.routes {
            let Some(route) = Reading::new(self, &file.source, written).route() else { continue };
            let route = Arc::new(route);
            if let Err(other) = self.catalogue.routes.insert(route.clone()) {
                let message = if other.template.text() == route.template.text() {
                    format!("{} {} is described twice", route.method, route.template.text())
                } else {
                    let other = other.template.text();
                    format!("this overlaps with {other}, and neither is more exact")
                };
                self.faults.push(file.source.fault(written.path.mark, message));
            }
        }
    }
}

/// One route while it is read.
pub(super) struct Reading<'l, 'a, 'f> {
    loading: &'l mut Loading<'a>,
    source: &'f Source<'f>,
    pub(super) written: &'f written::Route,
}

impl<'l, 'a, 'f> Reading<'l, 'a, 'f> {
    fn new(loading: &'l mut Loading<'a>, source: &'f Source<'f>, written: &'f written::Route) -> Self {
        Reading { loading, source, written }
    }

    pub(super) fn fault(&mut self, mark: Mark, message: impl Into<String>) {
        self.loading.faults.push(self.source.fault(mark, message));
    }

    /// The route, or nothing where a part is so wrong that it has none.
    fn route(mut self) -> Option<Route> {
        let written = self.written;
        let dataset = self.dataset();
        let upstream = self.upstream();
        let template = self.template(&written.path)?;
        let subject = self.subject(&template);
        let parameters = self.parameters(&template, subject.as_ref(), dataset.as_deref());
        let target = self.target(&template, subject.as_ref(), &parameters);
        let dataset = dataset?;
        let claim = self.claim(&dataset);
        self.interface();
        let (answer, shape) = self.answer(&dataset);
        let records_max = self.records_max();
        let sifting = self.loading.catalogue.siftings.get(&dataset.id).cloned();
        self.sifted(sifting.as_deref(), shape.format.as_ref(), &dataset);
        let mut route = Route {
            method: written.method,
            dataset,
            interface: written.interface.value,
            records_parameter: self.records_parameter(&parameters),
            subject,
            parameters,
            claim,
            upstream: upstream?,
            target: target?,
            answer,
            shape,
            records_max,
            records_max_in_tier: self.records_max_in_tier(records_max),
            upstream_parameters: self.upstream_parameters(),
            is_pushed_down: false,
            lowered_parameter: None,
            sifting,
            hidden: written.hidden,
            receipt: self.receipt(),
            template,
        };
        route.is_pushed_down = uses::is_pushed_down(&route);
        route.lowered_parameter = uses::lowered_parameter(&route);
        Some(route)
    }

    /// Whether every answer carries a receipt. Whether there is a key to sign it with, the configuration
    /// says, so what would be wrong without one is kept.
    fn receipt(&mut self) -> bool {
        let Some(at) = &self.written.receipt else { return false };
        let fault = self.source.fault(at.mark, "there is no key to sign receipts with").help(
            "set `signing_key_file` under `audit` in the configuration, or leave `receipt` out: then answers carry \
             one where the caller asks and there is a key",
        );
        self.loading.catalogue.receipts_unsigned.push(fault);
        match at.value {
            ReceiptWhen::Always => true,
        }
    }

    fn dataset(&mut self) -> Option<Arc<Dataset>> {
        let at = &self.written.dataset;
        let found = self.loading.catalogue.datasets.get(at.value.as_str()).cloned();
        if found.is_none() {
            let known = std::mem::take(&mut self.loading.declared.datasets);
            self.loading.unknown(self.source, at, "dataset", &known);
            self.loading.declared.datasets = known;
        }
        found
    }

    fn upstream(&mut self) -> Option<Arc<super::UpstreamSpec>> {
        let at = &self.written.upstream;
        let found = self.loading.catalogue.upstreams.get(at.value.as_str()).cloned();
        if found.is_none() {
            let known = std::mem::take(&mut self.loading.declared.upstreams);
            self.loading.unknown(self.source, at, "upstream", &known);
            self.loading.declared.upstreams = known;
        }
        found
    }

    fn template(&mut self, at: &At<String>) -> Option<Template> {
        match Template::parse(&at.value) {
            Ok(template) => Some(template),
            Err((offset, message)) => {
                self.loading.faults.push(self.source.fault_inside(at.mark, offset, message));
                None
            }
        }
    }

    fn subject(&mut self, template: &Template) -> Option<SubjectPlace> {
        let at = self.written.subject.as_ref()?;
        let subject = &at.value;
        let place = match (&subject.path, &subject.query, &subject.body) {
            (Some(name), None, None) => {
                if !template.captures().any(|(_, capture)| **capture == *name.value) {
                    self.fault(name.mark, format!("the path has no capture `{{{}}}`", name.value));
                }
                Place::Path(name.value.as_str().into())
            }
            (None, Some(name), None) => Place::Query(name.value.as_str().into()),
            (None, None, Some(pointer)) => self.pointer(pointer),
            (_, _, _) => {
                self.fault(at.mark, "a subject stands in one place: `path`, `query` or `body`");
                return None;
            }
        };
        Some(SubjectPlace { place, kind: subject.kind })
    }

    /// A JSON pointer into a body, on methods that have one.
    fn pointer(&mut self, at: &At<String>) -> Place {
        let tokens = at.value.strip_prefix('/').map(|rest| rest.split('/'));
        let sound = tokens.is_some_and(|mut tokens| {
            tokens.all(|token| !token.is_empty() && !token.replace("~0", "").replace("~1", "").contains('~'))
        });
        if !sound {
            self.fault(at.mark, "not a JSON pointer (RFC 6901), for example `/applicant/id`");
        }
        if !matches!(self.written.method, Method::Post | Method::Put | Method::Patch) {
            self.fault(at.mark, format!("a {} request has no body", self.written.method));
        }
        Place::Body(at.value.as_str().into())
    }

    fn claim(&mut self, dataset: &Dataset) -> Option<Claim> {
        let at = self.written.claim.as_ref()?;
        let claim = &at.value;
        let place = match (&claim.query, &claim.body) {
            (Some(name), None) => Place::Query(name.value.as_str().into()),
            (None, Some(pointer)) => self.pointer(pointer),
            (Some(_), Some(_)) | (None, None) => {
                self.fault(at.mark, "a claim stands in one place: `query` or `body`");
                return None;
            }
        };
        let label = dataset.label_index(&claim.label.value);
        let Some(label) = label else {
            let fault = self.source.fault(
                claim.label.mark,
                format!("no field of the dataset `{}` carries the label `{}`", dataset.id, claim.label.value),
            );
            let near = did_you_mean(&claim.label.value, dataset.labels.iter().map(|label| &*label.id));
            let fault = match near {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault,
            };
            self.loading.faults.push(fault);
            return None;
        };
        if !dataset.labels.get(label).is_some_and(|label| label.masks.verify) {
            self.fault(
                claim.label.mark,
                "this label cannot be verified: labels.yaml does not say `verify: true`",
            );
        }
        Some(Claim { place, label })
    }

    /// What each interface needs: a query and a verification are about one subject.
    fn interface(&mut self) {
        let at = &self.written.interface;
        match at.value {
            Interface::Query | Interface::Verify if self.written.subject.is_none() => {
                self.fault(
                    at.mark,
                    format!("{} asks about one subject: say where it stands in `subject`", at.value),
                );
            }
            Interface::Query | Interface::Verify | Interface::Batch | Interface::File => {}
        }
        match (at.value, &self.written.claim) {
            (Interface::Verify, None) => self.fault(at.mark, "VERIFY needs the value to compare in `claim`"),
            (Interface::Query | Interface::Batch | Interface::File, Some(claim)) => {
                self.fault(claim.mark, "only VERIFY has a claim");
            }
            (Interface::Verify | Interface::Query | Interface::Batch | Interface::File, _) => {}
        }
    }

    fn records_max(&mut self) -> u32 {
        let Some(at) = &self.written.records_max else { return 1 };
        if at.value == 0 || at.value > RECORDS_MAX {
            self.fault(at.mark, format!("an answer has 1 to {RECORDS_MAX} records"));
        }
        at.value
    }

    fn records_parameter(&mut self, parameters: &[Parameter]) -> Option<Arc<str>> {
        let at = self.written.records_parameter.as_ref()?;
        let parameter = parameters.iter().find(|parameter| *parameter.name == *at.value);
        if !parameter.is_some_and(|parameter| matches!(parameter.kind, ParameterKind::Int { .. })) {
            self.fault(at.mark, format!("the route has no parameter `{}` of type int", at.value));
        }
        Some(at.value.as_str().into())
    }

    fn parameters(
        &mut self,
        template: &Template,
        subject: Option<&SubjectPlace>,
        dataset: Option<&Dataset>,
    ) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for (name, written) in &self.written.parameters.0 {
            let in_path = template.captures().any(|(_, capture)| **capture == *name.value);
            let taken = [Place::Path(name.value.as_str().into()), Place::Query(name.value.as_str().into())];
            if subject.is_some_and(|subject| taken.contains(&subject.place)) {
                self.fault(name.mark, format!("`{}` is the subject already", name.value));
                continue;
            }
            if name.value.is_empty()
                || !name.value.bytes().all(|byte| byte.is_ascii_graphic() && !b"&=#+%;".contains(&byte))
            {
                self.fault(name.mark, "not a name of a parameter");
            }
            if CallerAttribute::parse(&name.value).is_some() {
                self.fault(name.mark, "this name stands for what is proved of the caller");
            }
            let place = self.place_of(name, written, in_path);
            let Some(kind) = self.parameter_kind(written, dataset) else { continue };
            let uses = self.uses_of(name, written, &kind, dataset);
            let required = written.required.value || in_path;
            parameters.push(Parameter { name: name.value.as_str().into(), place, kind, required, uses });
        }
        let subject = self.written.subject.as_ref().and_then(|at| at.value.path.as_ref());
        for (_, capture) in template.captures() {
            let declared = self.written.parameters.0.iter().any(|(name, _)| *name.value == **capture);
            if !declared && subject.is_none_or(|name| *name.value != **capture) {
                let message =
                    format!("the capture `{{{capture}}}` is neither the subject nor a declared parameter");
                self.fault(self.written.path.mark, message);
            }
        }
        parameters
    }

    fn parameter_kind(
        &mut self,
        written: &written::Parameter,
        dataset: Option<&Dataset>,
    ) -> Option<ParameterKind> {
        let kind = match written.kind.value.as_str() {
            "string" => {
                let most = written.max.as_ref().map_or(256, |at| at.value);
                if let Some(at) = written.max.as_ref().filter(|at| !(1..=CHARACTERS_MAX).contains(&at.value))
                {
                    self.fault(at.mark, format!("a text has 1 to {CHARACTERS_MAX} characters"));
                }
                ParameterKind::Text { characters_max: usize::try_from(most).unwrap_or(1) }
            }
            "int" => {
                let min = written.min.as_ref().map_or(i64::MIN, |at| at.value);
                let max = written.max.as_ref().map_or(i64::MAX, |at| at.value);
                if let Some(at) = written.max.as_ref().filter(|_| min > max) {
                    self.fault(at.mark, "`max` is below `min`");
                }
                ParameterKind::Int { min, max }
            }
            "date" => ParameterKind::Date,
            "enum" => {
                let words = written.values.iter().flatten().map(|at| Arc::from(at.value.as_str())).collect();
                ParameterKind::Choice(words)
            }
            "fields" => ParameterKind::Fields(self.field_words(written, dataset)?),
            other => match Kind::parse(other) {
                Some(kind) => ParameterKind::Identifier(kind),
                None => {
                    let known = ["string", "int", "date", "enum", "fields"]
                        .into_iter()
                        .chain(Kind::ALL.iter().map(|kind| kind.code()));
                    let fault = self.source.fault(written.kind.mark, "unknown type of parameter");
                    self.loading.faults.push(match did_you_mean(other, known) {
                        Some(near) => fault.help(format!("did you mean `{near}`?")),
                        None => fault.help(
                            "string, int, date, enum, fields, or a kind of identifier such as resident-id",
                        ),
                    });
                    return None;
                }
            },
        };
        self.spare(written, &kind);
        Some(kind)
    }

    /// Bounds that a type does not have are a mistake, not decoration.
    fn spare(&mut self, written: &written::Parameter, kind: &ParameterKind) {
        let (min, max, values) = match kind {
            ParameterKind::Text { .. } => (false, true, false),
            ParameterKind::Int { .. } => (true, true, false),
            ParameterKind::Date | ParameterKind::Identifier(_) => (false, false, false),
            ParameterKind::Choice(_) => (false, false, true),
            ParameterKind::Fields(_) => (false, true, false),
        };
        self.spare_of_uses(written, kind);
        for (name, given, wanted) in [
            ("min", written.min.is_some(), min),
            ("max", written.max.is_some(), max),
            ("values", written.values.is_some(), values),
        ] {
            if given && !wanted {
                self.fault(written.kind.mark, format!("this type has no `{name}`"));
            }
        }
        if matches!(kind, ParameterKind::Choice(words) if words.is_empty()) {
            self.fault(written.kind.mark, "`enum` needs `values`");
        }
    }

    fn target(
        &mut self,
        template: &Template,
        subject: Option<&SubjectPlace>,
        parameters: &[Parameter],
    ) -> Option<Target> {
        let path = match &self.written.upstream_path {
            Some(at) => {
                let path = self.template(at)?;
                for (_, capture) in
                    path.captures().filter(|(_, name)| !template.captures().any(|(_, other)| other == *name))
                {
                    self.fault(at.mark, format!("the route's path has no capture `{{{capture}}}`"));
                }
                path
            }
            None if self.written.query.is_some() => Template::parse("/").ok()?,
            None => template.clone(),
        };
        let Some(written) = &self.written.query else { return Some(Target::Path(path)) };
        let query = match StoredQuery::parse(&written.sql.value) {
            Ok(query) => query,
            Err((offset, message)) => {
                self.loading.faults.push(self.source.fault_inside(written.sql.mark, offset, message));
                return None;
            }
        };
        let query = self.bind(written, query, subject, parameters);
        Some(Target::Query { path, query })
    }

    /// Gives every place of a stored query the input that fills it.
    fn bind(
        &mut self,
        written: &written::Query,
        query: StoredQuery,
        subject: Option<&SubjectPlace>,
        parameters: &[Parameter],
    ) -> StoredQuery {
        for (place, _) in &written.parameters.0 {
            if !query.places().any(|(name, _)| **name == *place.value) {
                self.fault(place.mark, format!("the query has no place `{{{}:…}}`", place.value));
            }
        }
        for (place, sql_type) in query.places() {
            let renamed = written.parameters.0.iter().find(|(name, _)| name.value == **place);
            let input = renamed.map_or(&**place, |(_, input)| input.value.as_str());
            let mark = renamed.map_or(written.sql.mark, |(_, input)| input.mark);
            match kind_of(input, subject, parameters) {
                None => self
                    .fault(mark, format!("the route has no input `{input}` for the place `{{{place}:…}}`")),
                Some((_, false)) => {
                    self.fault(mark, format!("the input `{input}` is optional, but the query needs it"));
                }
                Some((kind, true)) if !fits(sql_type, &kind) => {
                    self.fault(
                        mark,
                        format!("the input `{input}` does not fit the type of the place `{{{place}:…}}`"),
                    );
                }
                Some((_, true)) => {}
            }
        }
        query.rename(|place| {
            let renamed = written.parameters.0.iter().find(|(name, _)| *name.value == *place);
            renamed.map(|(_, input)| input.value.as_str().into())
        })
    }
}

/// What an input of the route holds, and whether it is always there. `subject` names the subject.
fn kind_of(
    input: &str,
    subject: Option<&SubjectPlace>,
    parameters: &[Parameter],
) -> Option<(ParameterKind, bool)> {
    if let Some(subject) = subject {
        let named = match &subject.place {
            Place::Path(name) | Place::Query(name) => **name == *input,
            Place::Body(_) => false,
        };
        if named || input == SUBJECT {
            return Some((ParameterKind::Identifier(subject.kind), true));
        }
    }
    if CallerAttribute::parse(input).is_some() {
        // Always there: a caller without it is refused before the query is put.
        return Some((ParameterKind::Text { characters_max: 64 }, true));
    }
    let parameter = parameters.iter().find(|parameter| *parameter.name == *input)?;
    Some((parameter.kind.clone(), parameter.required))
}

/// The name under which a stored query may ask for the subject, wherever it stands.
pub const SUBJECT: &str = "subject";

/// Whether every value of the input is one of the place's type.
fn fits(place: SqlType, input: &ParameterKind) -> bool {
    match (place, input) {
        (SqlType::String, _) | (SqlType::Date, ParameterKind::Date) => true,
        (SqlType::UInt32, ParameterKind::Int { min, max }) => *min >= 0 && *max <= i64::from(u32::MAX),
        (SqlType::UInt64, ParameterKind::Int { min, .. }) => *min >= 0,
        (SqlType::Int64, ParameterKind::Int { .. }) => true,
        (SqlType::Identifier(wanted), ParameterKind::Identifier(given)) => wanted == *given,
        (
            SqlType::UInt32 | SqlType::UInt64 | SqlType::Int64 | SqlType::Date | SqlType::Identifier(_),
            ParameterKind::Text { .. }
            | ParameterKind::Int { .. }
            | ParameterKind::Date
            | ParameterKind::Identifier(_)
            | ParameterKind::Choice(_)
            | ParameterKind::Fields(_),
        ) => false,
    }
}
