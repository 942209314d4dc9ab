//! Record batches in, record batches out: what leaves of one table, whatever its framing.
//!
//! Records are judged and counted first, so that nothing else is done with those that do not leave.
//!
//! ```text
//! schema   rules and fields of the columns; which are read at all
//! batch    judged, cut at the cap, each column by its rule
//! ```

use super::forms::{Form, form};
use super::judge;
use super::keep::{clean, elements_seen, fixed_list_from, list_from, seen, struct_from};
use super::limits::Room;
use super::read::Values;
use super::rules::{Decider, Rule};
use super::show::{Shower, ask, has_references};
use super::spell::{Elements, elements, spelt};
use crate::engine::mask::fields::FieldMap;
use crate::engine::mask::plan::FaultKind;
use crate::engine::mask::showing::{Fate, Showing};
use crate::engine::mask::sieve::{Judge, RowJudge};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, FieldRef, Fields, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use std::sync::Arc;

/// One answer's table, once its schema is known.
pub(super) struct Table {
    columns: Vec<(Rule, Option<FieldRef>)>,
    /// Of the columns, those that are read, in order.
    read: Vec<usize>,
    /// What leaves.
    pub(super) schema: SchemaRef,
    judge: Option<RowJudge>,
}

impl Table {
    /// # Errors
    /// The schema says something that cannot be masked, or no column at all.
    pub(super) fn new(
        schema: &Schema,
        fields: &FieldMap,
        showing: &mut Showing,
        judge: Option<Judge>,
    ) -> Result<Table, FaultKind> {
        let columns = Decider::new(fields, showing).columns(schema.fields())?;
        let names: Vec<&[u8]> = schema.fields().iter().map(|field| field.name().as_bytes()).collect();
        let judge = judge.map(|judge| RowJudge::new(judge, &names)).transpose()?;
        let asked: Vec<usize> =
            judge.iter().flat_map(RowJudge::asks).filter_map(|(_, column)| column).collect();
        let is_read = |place: &usize| {
            asked.contains(place) || columns.get(*place).is_some_and(|(rule, _)| !rule.is_unread())
        };
        let read = (0..columns.len()).filter(is_read).collect();
        let shown: Fields = columns.iter().filter_map(|(_, field)| field.clone()).collect();
        Ok(Table { columns, read, schema: Arc::new(Schema::new(shown)), judge })
    }

    /// The places of the columns that are read.
    pub(super) fn read(&self) -> &[usize] {
        &self.read
    }

    /// What leaves of a batch of those columns; none where no record does.
    ///
    /// # Errors
    /// It would become too long.
    pub(super) fn mask(
        &self,
        batch: RecordBatch,
        showing: &mut Showing,
    ) -> Result<Option<RecordBatch>, FaultKind> {
        let mut room = Room::of_one_batch();
        let batch = self.judged(batch, showing, &mut room)?;
        let batch = self.capped(batch, showing);
        let rows = batch.num_rows();
        let mut arrays = Vec::with_capacity(self.schema.fields().len());
        let mut masking = Masking { showing, room: &mut room };
        for (place, (rule, field)) in self.columns.iter().enumerate() {
            let column = self.read.iter().position(|read| *read == place);
            let column = column.and_then(|at| batch.columns().get(at));
            let shown = match column {
                Some(column) => masking.apply((rule, field.as_ref()), column, None)?,
                None => masking.unread(rule, rows as u64),
            };
            arrays.extend(shown);
        }
        if rows == 0 || arrays.is_empty() {
            return Ok(None);
        }
        showing.tally.records += rows as u64;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let shown = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options);
        shown.map(Some).map_err(|_| FaultKind::BadMessage)
    }

    /// The records that lie inside the caller's rows, and of groups that are large enough.
    fn judged(
        &self,
        batch: RecordBatch,
        showing: &mut Showing,
        room: &mut Room,
    ) -> Result<RecordBatch, FaultKind> {
        let Some(judge) = &self.judge else { return Ok(batch) };
        let column = |place: usize| {
            let at = self.read.iter().position(|read| *read == place)?;
            batch.columns().get(at)
        };
        let taken = judge::taken(judge, batch.num_rows(), column, room)?;
        let left_out = taken.false_count() as u64;
        if left_out == 0 {
            return Ok(batch);
        }
        showing.tally.filtered_records += left_out;
        filter_record_batch(&batch, &taken).map_err(|_| FaultKind::BadMessage)
    }

    /// The records for which there is room.
    fn capped(&self, batch: RecordBatch, showing: &mut Showing) -> RecordBatch {
        let rows = batch.num_rows();
        let Some(left) = showing.records_left().filter(|_| !self.schema.fields().is_empty()) else {
            return batch;
        };
        let leaves = usize::try_from(left).unwrap_or(usize::MAX).min(rows);
        showing.tally.dropped_records += (rows - leaves) as u64;
        batch.slice(0, leaves)
    }
}

/// One batch being masked.
struct Masking<'a> {
    showing: &'a mut Showing,
    room: &'a mut Room,
}

impl Masking<'_> {
    /// Counts values that were not read.
    fn unread(&mut self, rule: &Rule, values: u64) -> Option<ArrayRef> {
        if let Rule::Drop(label) = rule {
            self.showing.count_many(*label, values);
        }
        None
    }

    /// What leaves of a column; none if nothing does. `field` is what leaves by the schema.
    fn apply(
        &mut self,
        (rule, field): (&Rule, Option<&FieldRef>),
        array: &ArrayRef,
        around: Option<&NullBuffer>,
    ) -> Result<Option<ArrayRef>, FaultKind> {
        let spelt = &spelt(array, self.room)?;
        let values = Values { array: spelt.as_ref(), around };
        match rule {
            Rule::Skip => Ok(None),
            Rule::Drop(_) => Ok(self.unread(rule, values.seen())),
            Rule::Ask(label) => {
                self.showing.count_many(*label, values.seen());
                ask(values, *label, self.showing)?;
                Ok(None)
            }
            Rule::Keep(label) => self.keep(*label, spelt, around).map(Some),
            Rule::Show { label, fate, shown } => {
                self.showing.count_many(*label, values.seen());
                self.show(values, *label, *fate, shown).map(Some)
            }
            Rule::Struct { label, members } => {
                let seen = seen(spelt, around);
                self.count_nulls(*label, values, seen.as_ref());
                self.members(members, field, spelt, seen.as_ref())
            }
            Rule::List { label, element } => {
                let seen = seen(spelt, around);
                self.count_nulls(*label, values, seen.as_ref());
                self.list(element, field, spelt, seen.as_ref())
            }
        }
    }

    fn keep(
        &mut self,
        label: u16,
        array: &ArrayRef,
        around: Option<&NullBuffer>,
    ) -> Result<ArrayRef, FaultKind> {
        let values = Values { array: array.as_ref(), around };
        self.showing.count_many(label, values.seen());
        let is_text = form(array.data_type()) == Form::Text;
        if is_text && self.showing.reads_links() && has_references(values)? {
            return self.show(values, label, Fate::Keep, array.data_type());
        }
        clean(array, around, self.room)
    }

    fn show(
        &mut self,
        values: Values<'_>,
        label: u16,
        fate: Fate,
        shown: &DataType,
    ) -> Result<ArrayRef, FaultKind> {
        Shower { values, label, fate, showing: self.showing, room: self.room }.show(shown)
    }

    /// A container of the label that is null counts as one of its values.
    fn count_nulls(&mut self, label: Option<u16>, values: Values<'_>, seen: Option<&NullBuffer>) {
        if let Some(label) = label {
            let there = values.array.len() - seen.map_or(0, NullBuffer::null_count);
            self.showing.count_many(label, values.seen().saturating_sub(there as u64));
        }
    }

    fn members(
        &mut self,
        members: &[Rule],
        field: Option<&FieldRef>,
        array: &ArrayRef,
        seen: Option<&NullBuffer>,
    ) -> Result<Option<ArrayRef>, FaultKind> {
        let whole = array.as_struct_opt().ok_or(FaultKind::BadMessage)?;
        let shown = match field.map(|field| field.data_type()) {
            Some(DataType::Struct(shown)) => shown.clone(),
            _ => Fields::empty(),
        };
        let (mut leaving, mut columns) = (shown.iter(), Vec::with_capacity(shown.len()));
        for (rule, column) in members.iter().zip(whole.columns()) {
            let field = if rule.leaves() { leaving.next() } else { None };
            columns.extend(self.apply((rule, field), column, seen)?);
        }
        if shown.is_empty() {
            return Ok(None);
        }
        struct_from(shown, columns, array.len(), seen).map(Some)
    }

    fn list(
        &mut self,
        element: &Rule,
        field: Option<&FieldRef>,
        array: &ArrayRef,
        seen: Option<&NullBuffer>,
    ) -> Result<Option<ArrayRef>, FaultKind> {
        let inner = field.and_then(|field| match field.data_type() {
            DataType::List(inner) | DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) => {
                Some(inner)
            }
            _ => None,
        });
        if let Form::FixedList(_, size) = form(array.data_type()) {
            let hidden = elements_seen(seen, size)?;
            let values = array.as_fixed_size_list().values();
            let shown = self.apply((element, inner), values, hidden.as_ref())?;
            let Some((inner, values)) = inner.zip(shown) else { return Ok(None) };
            return fixed_list_from(inner.clone(), size, values, (array.len(), seen)).map(Some);
        }
        let Elements { lengths, values } = elements(array, seen)?;
        let shown = self.apply((element, inner), &values, None)?;
        let Some((inner, values)) = inner.zip(shown) else { return Ok(None) };
        match field.map(|field| field.data_type()) {
            Some(DataType::LargeList(_)) => list_from::<i64>(inner.clone(), lengths, values, seen),
            _ => list_from::<i32>(inner.clone(), lengths, values, seen),
        }
        .map(Some)
    }
}
