//! What becomes of each column, decided once per answer from its schema.
//!
//! A record batch is a struct whose members are the columns, so the rules are those of the JSON walk
//! ([`json`](crate::engine::mask::json)): a struct is an object, a list is an array.
//!
//! ```text
//! $.data[*].name, mode PARTIAL, Utf8           Show, leaves as Utf8
//! $.data[*].born, mode GENERALISED, Date32     Show, leaves as Utf8
//! $.data[*].kin[*].sex, mode NONE, List<…>     List of Drop, does not leave
//! ```

use super::forms::{Form, form, kept, list_of};
use crate::engine::mask::fields::{DEAD, FieldMap, StateId};
use crate::engine::mask::json::{Rules, Treat, is_name};
use crate::engine::mask::plan::FaultKind;
use crate::engine::mask::scalar::LabelAction;
use crate::engine::mask::showing::{Fate, Showing};
use arrow_schema::{DataType, Field, FieldRef, Fields};
use std::sync::Arc;

/// What becomes of the values in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Left out; nobody knows it, or it was counted above.
    Skip,
    /// Left out, and counted.
    Drop(u16),
    /// Left out; its subjects are counted.
    Ask(u16),
    /// Leaves as it is.
    Keep(u16),
    /// Leaves as this type, value by value.
    Show {
        label: u16,
        fate: Fate,
        shown: DataType,
    },
    /// Of the label, structs that are null are counted.
    Struct {
        label: Option<u16>,
        members: Vec<Rule>,
    },
    List {
        label: Option<u16>,
        element: Box<Rule>,
    },
}

impl Rule {
    /// Whether the values need not be read at all.
    pub(super) fn is_unread(&self) -> bool {
        matches!(self, Rule::Skip | Rule::Drop(_))
    }

    /// Whether something of the place leaves.
    pub(super) fn leaves(&self) -> bool {
        match self {
            Rule::Skip | Rule::Drop(_) | Rule::Ask(_) => false,
            Rule::Keep(_) | Rule::Show { .. } => true,
            Rule::Struct { members, .. } => members.iter().any(Rule::leaves),
            Rule::List { element, .. } => element.leaves(),
        }
    }
}

/// A rule, and the type that leaves; none if nothing does.
type Ruled = (Rule, Option<DataType>);

/// Decides for one schema.
pub(super) struct Decider<'a> {
    fields: &'a FieldMap,
    showing: &'a mut Showing,
    rules: Rules,
}

impl<'a> Decider<'a> {
    pub(super) fn new(fields: &'a FieldMap, showing: &'a mut Showing) -> Decider<'a> {
        let rules = Rules::new(fields, showing);
        Decider { fields, showing, rules }
    }

    /// The rule and the field of each column of the table.
    ///
    /// # Errors
    /// A known column twice; a type that its label's mask cannot treat; no column at all.
    pub(super) fn columns(&mut self, columns: &Fields) -> Result<Vec<(Rule, Option<FieldRef>)>, FaultKind> {
        if columns.is_empty() {
            return Err(FaultKind::BadHeader);
        }
        let row = self.fields.row();
        let treat = self.rules.treat(row, Treat::Follow);
        self.members(row, treat, columns, "$[*]")
    }

    fn members(
        &mut self,
        state: StateId,
        treat: Treat,
        members: &Fields,
        path: &str,
    ) -> Result<Vec<(Rule, Option<FieldRef>)>, FaultKind> {
        let mut seen: Vec<&str> = Vec::new();
        let mut ruled = Vec::with_capacity(members.len());
        for (place, member) in members.iter().enumerate() {
            let (rule, shown) = match self.fields.state(state).find(member.name().as_bytes(), place) {
                Some(_) if seen.contains(&member.name().as_str()) => return Err(FaultKind::DuplicateKey),
                Some((_, next)) => {
                    seen.push(member.name());
                    self.member(next, treat, member, path)?
                }
                None => self.other_member(state, treat, member, path)?,
            };
            let changes = !matches!(rule, Rule::Keep(_));
            let field = shown.map(|shown| Field::new(member.name(), shown, changes || member.is_nullable()));
            ruled.push((rule, field.map(Arc::new)));
        }
        Ok(ruled)
    }

    /// A member that no path names.
    fn other_member(
        &mut self,
        state: StateId,
        treat: Treat,
        member: &Field,
        path: &str,
    ) -> Result<Ruled, FaultKind> {
        let state = self.fields.state(state);
        let is_known = state.other() != DEAD && is_name(member.name().as_bytes());
        if treat != Treat::Follow || is_known {
            return self.member(state.other(), treat, member, path);
        }
        let looks = self.showing.looks_for_lookalikes();
        match if looks { state.lookalike(member.name().as_bytes()) } else { None } {
            Some(named) => self.showing.count_lookalike(|| format!("{path}.{named}≈")),
            None => self.showing.count_unknown(|| below(path, member.name())),
        }
        Ok((Rule::Skip, None))
    }

    fn member(
        &mut self,
        state: StateId,
        around: Treat,
        member: &Field,
        path: &str,
    ) -> Result<Ruled, FaultKind> {
        let treat = self.rules.treat(state, around);
        self.value(state, treat, member.data_type(), &below(path, member.name()))
    }

    fn value(
        &mut self,
        state: StateId,
        treat: Treat,
        data_type: &DataType,
        path: &str,
    ) -> Result<Ruled, FaultKind> {
        match treat {
            Treat::Skip => Ok((Rule::Skip, None)),
            Treat::Drop(label) => Ok((Rule::Drop(label), None)),
            Treat::Follow => self.on_the_way(state, data_type, path),
            Treat::Keep(label) | Treat::Look(label) => self.kept(state, (treat, label), data_type, path),
            Treat::Mask(label) => self.masked(state, label, data_type, path),
        }
    }

    /// On the way to labels.
    fn on_the_way(&mut self, state: StateId, data_type: &DataType, path: &str) -> Result<Ruled, FaultKind> {
        let place = self.fields.state(state);
        let leads_on = match form(data_type) {
            Form::Struct(_) => place.has_members(),
            Form::List(_) | Form::FixedList(..) => place.has_elements(),
            Form::Map | Form::Union if place.has_members() => return Err(FaultKind::UnsupportedType),
            Form::Spelt(values) => return self.on_the_way(state, values, path),
            Form::Text | Form::Number | Form::Bool | Form::Moment => false,
            Form::Null | Form::Plain | Form::Map | Form::Union => false,
        };
        if !leads_on {
            self.showing.count_unknown(|| path.to_owned());
            return Ok((Rule::Skip, None));
        }
        if !place.reaches(|label| self.showing.is_shown(label)) {
            return Ok((Rule::Skip, None));
        }
        self.inside(state, (Treat::Follow, None), data_type, path)
    }

    fn kept(
        &mut self,
        state: StateId,
        (treat, label): (Treat, u16),
        data_type: &DataType,
        path: &str,
    ) -> Result<Ruled, FaultKind> {
        match form(data_type) {
            Form::Struct(_) | Form::List(_) | Form::FixedList(..) => {
                self.inside(state, (treat, Some(label)), data_type, path)
            }
            Form::Spelt(values) => self.kept(state, (treat, label), values, path),
            // Other labels inside, which no rule can reach.
            Form::Map if self.fields.state(state).has_members() => Err(FaultKind::UnsupportedType),
            Form::Text | Form::Number if matches!(treat, Treat::Look(_)) => {
                let rule = Rule::Show { label, fate: Fate::Look, shown: data_type.clone() };
                Ok((rule, Some(data_type.clone())))
            }
            Form::Text | Form::Number | Form::Bool | Form::Moment | Form::Null => {
                Ok((Rule::Keep(label), Some(kept(data_type)?)))
            }
            Form::Plain | Form::Map | Form::Union => Ok((Rule::Keep(label), Some(kept(data_type)?))),
        }
    }

    fn masked(
        &mut self,
        state: StateId,
        label: u16,
        data_type: &DataType,
        path: &str,
    ) -> Result<Ruled, FaultKind> {
        let is_shown = self.showing.is_shown(usize::from(label));
        match form(data_type) {
            Form::Spelt(values) => self.masked(state, label, values, path),
            // What is dropped is dropped whole.
            Form::Struct(_) => Ok((Rule::Drop(label), None)),
            Form::List(_) | Form::FixedList(..) if is_shown => {
                self.inside(state, (Treat::Mask(label), Some(label)), data_type, path)
            }
            Form::List(_) | Form::FixedList(..) => Ok((Rule::Drop(label), None)),
            Form::Plain | Form::Map | Form::Union if is_shown => Err(FaultKind::UnsupportedType),
            Form::Plain | Form::Map | Form::Union => Ok((Rule::Drop(label), None)),
            Form::Text | Form::Number | Form::Bool | Form::Moment | Form::Null if !is_shown => {
                Ok((Rule::Ask(label), None))
            }
            Form::Text | Form::Number | Form::Bool | Form::Moment | Form::Null => {
                let shown = self.shown_type(label, data_type);
                Ok((Rule::Show { label, fate: Fate::Mask, shown: shown.clone() }, Some(shown)))
            }
        }
    }

    /// As which type a masked column leaves. A mask that leaves a number a number keeps the type; what it
    /// cannot treat is null.
    fn shown_type(&self, label: u16, data_type: &DataType) -> DataType {
        let coarser = match self.showing.action(label) {
            Some(LabelAction::Verify) => return DataType::Boolean,
            Some(LabelAction::Generalise(_) | LabelAction::Partial(_)) => true,
            Some(LabelAction::Token | LabelAction::Keep | LabelAction::Drop) | None => false,
        };
        match form(data_type) {
            Form::Number if !coarser => DataType::Utf8,
            Form::Moment => DataType::Utf8,
            _ => data_type.clone(),
        }
    }

    /// Inside a struct or a list.
    fn inside(
        &mut self,
        state: StateId,
        (treat, label): (Treat, Option<u16>),
        data_type: &DataType,
        path: &str,
    ) -> Result<Ruled, FaultKind> {
        match form(data_type) {
            Form::Struct(members) => {
                let members = self.members(state, treat, members, path)?;
                let shown: Fields = members.iter().filter_map(|(_, field)| field.clone()).collect();
                let rule =
                    Rule::Struct { label, members: members.into_iter().map(|(rule, _)| rule).collect() };
                Ok((rule, (!shown.is_empty()).then_some(DataType::Struct(shown))))
            }
            Form::List(child) | Form::FixedList(child, _) => {
                let element = self.fields.state(state).element();
                let inner = self.rules.treat(element, treat);
                let path = format!("{path}[*]");
                let (rule, shown) = self.value(element, inner, child.data_type(), &path)?;
                let field = shown.map(|shown| Arc::new(Field::new(child.name(), shown, true)));
                let shown = field.map(|field| list_of(data_type, field));
                Ok((Rule::List { label, element: Box::new(rule) }, shown))
            }
            _ => Ok((Rule::Skip, None)),
        }
    }
}

/// The way to a member, without data: a register's own number, even a short one, is data.
fn below(path: &str, name: &str) -> String {
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    if is_name(name.as_bytes()) && digits < 3 && path.len() < PATH_BYTES_MAX {
        format!("{path}.{name}")
    } else {
        format!("{path}.?")
    }
}

/// Long enough for any path of the catalogue; short enough for a log line.
const PATH_BYTES_MAX: usize = 200;
