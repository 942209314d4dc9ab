//! A Parquet file, masked as a whole: where its columns lie stands at its end.
//!
//! The file is held, judged page by page, read in batches, and written anew: without statistics, bloom
//! filters and metadata of the upstream, not compressed, in one row group for each that fits.
//!
//! ```text
//! held, up to FILE_BYTES_MAX → footer and pages judged → batches through the table → a file
//! ```

use super::limits::{BATCH_ROWS, FILE_BYTES_MAX, UNPACKED_BYTES_MAX};
use super::table::Table;
use super::{pages, schema};
use crate::engine::mask::Masked;
use crate::engine::mask::fields::FieldMap;
use crate::engine::mask::plan::{FaultKind, MaskFault, MaskLimits, Plan, Tally};
use crate::engine::mask::showing::Showing;
use crate::engine::mask::sieve::Judge;
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Masks one file.
pub(in crate::engine::mask) struct FileMasker {
    held: Vec<u8>,
    fields: Arc<FieldMap>,
    limits: MaskLimits,
    showing: Showing,
    judge: Option<Judge>,
}

impl FileMasker {
    pub(super) fn new(
        fields: Arc<FieldMap>,
        plan: Arc<Plan>,
        limits: MaskLimits,
        judge: Option<Judge>,
    ) -> FileMasker {
        FileMasker { held: Vec::new(), fields, limits, showing: Showing::new(plan), judge }
    }

    pub(super) fn push(&mut self, input: &[u8]) -> Result<(), MaskFault> {
        if self.held.len().saturating_add(input.len()) > FILE_BYTES_MAX {
            return Err(MaskFault { kind: FaultKind::MessageTooLong, offset: FILE_BYTES_MAX as u64 });
        }
        self.held.extend_from_slice(input);
        self.showing.tally.bytes_in = self.held.len() as u64;
        Ok(())
    }

    pub(super) fn finish(mut self, out: &mut Masked) -> Result<Tally, MaskFault> {
        let file = Bytes::from(std::mem::take(&mut self.held));
        if file.is_empty() {
            return Err(MaskFault { kind: FaultKind::Empty, offset: 0 });
        }
        let offset = file.len() as u64;
        let masked = self.masked(&file).map_err(|kind| MaskFault { kind, offset })?;
        self.showing.tally.bytes_out = masked.len() as u64;
        out.append(Masked(masked));
        Ok(self.showing.taken())
    }

    pub(super) fn tally(&self) -> Tally {
        self.showing.seen()
    }

    fn masked(&mut self, file: &Bytes) -> Result<Vec<u8>, FaultKind> {
        let metadata = guarded(|| read_metadata(file, self.limits.depth_max))??;
        let table = Table::new(metadata.schema(), &self.fields, &mut self.showing, self.judge.take())?;
        let mut reader = guarded(|| reader(file, metadata, table.read()))??;
        let mut writer = writer(&table.schema)?;
        while let Some(batch) = guarded(|| reader.next())? {
            let batch = batch.map_err(|_| FaultKind::BadMessage)?;
            if let Some(shown) = table.mask(batch, &mut self.showing)? {
                writer.write(&shown).map_err(|_| FaultKind::BadMessage)?;
            }
            if writer.bytes_written().saturating_add(writer.in_progress_size()) > 2 * UNPACKED_BYTES_MAX {
                return Err(FaultKind::MessageTooLong);
            }
        }
        writer.into_inner().map_err(|_| FaultKind::BadMessage)
    }
}

/// Runs what reads a file. The parquet crate follows what is packed into pages (levels, bit widths, keys) and
/// panics where it leads nowhere; that is this body's fault, told by a kind of its own. What is read is
/// dropped afterwards, and nothing of ours runs in here.
fn guarded<T>(read: impl FnOnce() -> T) -> Result<T, FaultKind> {
    catch_unwind(AssertUnwindSafe(read)).map_err(|_| FaultKind::ReaderPanicked)
}

/// What the file says of itself, checked, and the types that its columns are read as.
fn read_metadata(file: &Bytes, depth_max: usize) -> Result<ArrowReaderMetadata, FaultKind> {
    let bad = |_| FaultKind::BadMessage;
    let footer = pages::footer(file, depth_max)?;
    let bytes = file.get(footer.clone()).unwrap_or_default();
    let metadata = Arc::new(ParquetMetaDataReader::decode_metadata(bytes).map_err(bad)?);
    pages::pages(file, footer.start, &metadata)?;
    // What the upstream says beside the format's own schema is not read.
    let options = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let plain = ArrowReaderMetadata::try_new(metadata.clone(), options()).map_err(bad)?;
    plain.schema().fields().iter().try_for_each(|field| schema::is_sound(field.data_type()))?;
    let viewed = viewed(plain.schema());
    ArrowReaderMetadata::try_new(metadata, options().with_schema(viewed)).map_err(bad)
}

fn reader(
    file: &Bytes,
    metadata: ArrowReaderMetadata,
    read: &[usize],
) -> Result<ParquetRecordBatchReader, FaultKind> {
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata);
    let mask = ProjectionMask::roots(builder.parquet_schema(), read.iter().copied());
    let built = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
    built.map_err(|_| FaultKind::BadMessage)
}

fn writer(shown: &SchemaRef) -> Result<ArrowWriter<Vec<u8>>, FaultKind> {
    let properties = WriterProperties::builder()
        .set_created_by("zhamen".to_owned())
        // The length of compressed secrets tells the secrets: a route says whether answers are compressed.
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let writer = ArrowWriter::try_new_with_options(Vec::new(), shown.clone(), options);
    writer.map_err(|_| FaultKind::UnsupportedType)
}

/// Texts and bytes as views: one that a dictionary holds and many rows refer to is not copied for each.
fn viewed(read: &Schema) -> SchemaRef {
    Arc::new(Schema::new(read.fields().iter().map(viewed_field).collect::<Fields>()))
}

fn viewed_field(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(viewed_field).collect()),
        DataType::List(element) => DataType::List(viewed_field(element)),
        DataType::Map(entries, is_sorted) => DataType::Map(viewed_field(entries), *is_sorted),
        other => other.clone(),
    };
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()))
}
