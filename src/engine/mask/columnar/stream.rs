//! An Arrow IPC stream, masked batch by batch.
//!
//! ```text
//! schema  dictionary*  batch  dictionary*  batch  …  end
//! ```

use super::framing::{Framing, Message, described};
use super::limits::MESSAGE_BYTES_MAX;
use super::table::Table;
use super::{body, schema};
use crate::engine::mask::Masked;
use crate::engine::mask::fields::FieldMap;
use crate::engine::mask::plan::{FaultKind, MaskFault, MaskLimits, Plan, Tally};
use crate::engine::mask::showing::Showing;
use crate::engine::mask::sieve::Judge;
use arrow_array::ArrayRef;
use arrow_buffer::Buffer;
use arrow_ipc::reader::{RecordBatchDecoder, read_dictionary};
use arrow_ipc::writer::StreamEncoder;
use arrow_ipc::{DictionaryBatch, MessageHeader, MetadataVersion, RecordBatch};
use arrow_schema::{DataType, Schema, SchemaRef};
use std::collections::HashMap;
use std::sync::Arc;

/// Masks one stream.
pub(in crate::engine::mask) struct StreamMasker {
    framing: Framing,
    fields: Arc<FieldMap>,
    limits: MaskLimits,
    showing: Showing,
    judge: Option<Judge>,
    /// None before the schema came.
    open: Option<Open>,
}

/// A stream of which the schema is known.
struct Open {
    schema: SchemaRef,
    table: Table,
    dictionaries: HashMap<i64, ArrayRef>,
    /// The bytes of each.
    dictionary_bytes: HashMap<i64, usize>,
    encoder: StreamEncoder,
}

impl StreamMasker {
    pub(super) fn new(
        fields: Arc<FieldMap>,
        plan: Arc<Plan>,
        limits: MaskLimits,
        judge: Option<Judge>,
    ) -> StreamMasker {
        let showing = Showing::new(plan);
        StreamMasker { framing: Framing::new(), fields, limits, showing, judge, open: None }
    }

    pub(super) fn push(&mut self, mut input: &[u8], out: &mut Masked) -> Result<(), MaskFault> {
        let (read, written) = (input.len() as u64, out.0.len());
        while !input.is_empty() {
            let offset = self.framing.offset;
            let fault = |kind| MaskFault { kind, offset };
            if let Some(message) = self.framing.take(&mut input).map_err(fault)? {
                self.message(&message, &mut out.0).map_err(fault)?;
            }
        }
        let tally = &mut self.showing.tally;
        tally.bytes_in = tally.bytes_in.saturating_add(read);
        tally.bytes_out = tally.bytes_out.saturating_add((out.0.len() - written) as u64);
        Ok(())
    }

    pub(super) fn finish(mut self, out: &mut Masked) -> Result<Tally, MaskFault> {
        let fault = |kind| MaskFault { kind, offset: self.framing.offset };
        if self.framing.is_untouched() {
            return Err(fault(FaultKind::Empty));
        }
        // A stream may end without saying so; but then nobody knows whether more was to come.
        let open = self.open.take().filter(|_| self.framing.is_over());
        let open = open.ok_or(fault(FaultKind::Truncated))?;
        let written = out.0.len();
        for buffer in open.encoder.finish().map_err(|_| fault(FaultKind::BadMessage))? {
            out.0.extend_from_slice(&buffer);
        }
        let tally = &mut self.showing.tally;
        tally.bytes_out = tally.bytes_out.saturating_add((out.0.len() - written) as u64);
        Ok(self.showing.taken())
    }

    pub(super) fn tally(&self) -> Tally {
        self.showing.seen()
    }

    fn message(&mut self, message: &Message, out: &mut Vec<u8>) -> Result<(), FaultKind> {
        let header = described(&message.metadata)?;
        let version = header.version();
        if version != MetadataVersion::V5 && version != MetadataVersion::V4 {
            return Err(FaultKind::UnsupportedEncoding);
        }
        match (header.header_type(), &mut self.open) {
            (MessageHeader::Schema, None) => {
                let found = header.header_as_schema().ok_or(FaultKind::BadMessage)?;
                self.open = Some(self.opened(schema::read(found, self.limits.depth_max)?)?);
                Ok(())
            }
            (MessageHeader::DictionaryBatch, Some(open)) => {
                let dictionary = header.header_as_dictionary_batch().ok_or(FaultKind::BadMessage)?;
                open.dictionary(&dictionary, &message.body, version)
            }
            (MessageHeader::RecordBatch, Some(open)) => {
                let batch = header.header_as_record_batch().ok_or(FaultKind::BadMessage)?;
                open.batch(batch, &message.body, version, &mut self.showing, out)
            }
            _ => Err(FaultKind::Unexpected),
        }
    }

    fn opened(&mut self, schema: Schema) -> Result<Open, FaultKind> {
        let table = Table::new(&schema, &self.fields, &mut self.showing, self.judge.take())?;
        let encoder = StreamEncoder::try_new(&table.schema).map_err(|_| FaultKind::UnsupportedType)?;
        let (dictionaries, dictionary_bytes) = (HashMap::new(), HashMap::new());
        Ok(Open { schema: Arc::new(schema), table, dictionaries, dictionary_bytes, encoder })
    }
}

impl Open {
    fn dictionary(
        &mut self,
        dictionary: &DictionaryBatch<'_>,
        body: &Buffer,
        version: MetadataVersion,
    ) -> Result<(), FaultKind> {
        if dictionary.isDelta() {
            // Each would be joined to all before it; writers send whole ones.
            return Err(FaultKind::UnsupportedEncoding);
        }
        let data = dictionary.data().ok_or(FaultKind::BadMessage)?;
        body::check(&data, body, version, self.values_of(dictionary.id()).as_ref().into_iter())?;
        self.dictionary_bytes.insert(dictionary.id(), body.len());
        let held = self.dictionary_bytes.values().fold(0_usize, |all, bytes| all.saturating_add(*bytes));
        if held > MESSAGE_BYTES_MAX {
            return Err(FaultKind::MessageTooLong);
        }
        let read = read_dictionary(body, *dictionary, &self.schema, &mut self.dictionaries, &version);
        read.map_err(|_| FaultKind::BadMessage)
    }

    /// The type of a dictionary's values, as the first field says that uses it.
    fn values_of(&self, id: i64) -> Option<DataType> {
        #[expect(deprecated, reason = "the crate knows dictionaries of a stream by their ids only here")]
        let fields = self.schema.fields_with_dict_id(id);
        match fields.first()?.data_type() {
            DataType::Dictionary(_, values) => Some((**values).clone()),
            _ => None,
        }
    }

    fn batch(
        &mut self,
        batch: RecordBatch<'_>,
        body: &Buffer,
        version: MetadataVersion,
        showing: &mut Showing,
        out: &mut Vec<u8>,
    ) -> Result<(), FaultKind> {
        let types = self.schema.fields().iter().map(|field| field.data_type());
        body::check(&batch, body, version, types)?;
        let read =
            RecordBatchDecoder::try_new(body, batch, self.schema.clone(), &self.dictionaries, &version)
                .and_then(|decoder| decoder.with_projection(Some(self.table.read())).read_record_batch());
        let batch = read.map_err(|_| FaultKind::BadMessage)?;
        if let Some(shown) = self.table.mask(batch, showing)? {
            for buffer in self.encoder.encode(&shown).map_err(|_| FaultKind::BadMessage)? {
                out.extend_from_slice(&buffer);
            }
        }
        Ok(())
    }
}
