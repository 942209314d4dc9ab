//! Columnar answers, masked column by column: Arrow IPC streams and Parquet.
//!
//! A column is a member of a record, a struct an object, a list an array: the same paths and rules as in
//! JSON. Of a stream one record batch is held, never the table; a file is held whole, because its columns
//! are found from its end. The arrow crates read and write; what a message or page says of itself is checked
//! before they believe it (`body`, `pages`), and they validate what arrays hold.
//!
//! | met | outcome |
//! |---|---|
//! | a column that no path names, or whose label is not shown | leaves the schema; it is not even read |
//! | a known column twice | fault |
//! | no column of which anything is shown | a table without columns and records; records are still judged |
//! | a kept column | leaves as it is, without what nobody sees: what nulls cover, what is between values |
//! | a masked text | stays of its type |
//! | a masked number | stays of its type in part or in bands; Utf8 as a token; null if it does not fit |
//! | a masked date, time or timestamp | Utf8, made of its ISO 8601 text; with a zone, read in China's time |
//! | `VERIFY` | Boolean |
//! | what a mask cannot treat, and null | null |
//! | a dictionary, or run-end encoded values | leave spelt out |
//! | a view of lists | leaves as lists |
//! | structs and lists on the way to labels | stay, with what is shown inside |
//! | a struct under a masked label | left out whole, as an object is |
//! | bytes, durations, intervals, half floats, maps under a masked label; labels inside maps | fault |
//! | a union that is not left out | fault: its rows have values that nobody sees |
//! | metadata of the schema, its fields (extension types, too) and messages | left out |
//! | compressed buffers (LZ4, Zstandard) | unpacked within limits; what leaves is not compressed |
//! | big-endian streams, delta dictionaries, tensors, metadata before version 4 | fault |
//! | a dictionary that replaces one | taken |
//! | no end-of-stream marker; anything after it | fault |
//! | a message, its values or its columns beyond the limits (`limits`), or unlike what it says | fault |
//! | a Parquet file beyond 32 MiB, or whose pages unpack to more than 128 MiB | fault |
//! | Parquet's gzip, Brotli, LZO and older LZ4; encodings of differences; encryption | fault |
//! | statistics, indexes and bloom filters of a Parquet file | left out |
//! | levels or keys inside of a page that lead nowhere | fault |
//! | a record outside the caller's rows, or of a small group | left out, see [`sieve`](super::sieve) |
//!
//! ```text
//! Stream: schema {id: Int64 (kept), name: Utf8 (PARTIAL), note: Utf8 (unknown)} → {id: Int64, name: Utf8}
//! ```

mod body;
mod file;
mod forms;
mod framing;
mod judge;
mod keep;
mod limits;
mod pages;
mod read;
mod rules;
mod schema;
mod show;
mod spell;
mod stream;
mod table;
mod thrift;

use super::Masked;
use super::fields::FieldMap;
use super::format::Container;
use super::plan::{MaskFault, MaskLimits, Plan, Tally};
use super::sieve::Judge;
use file::FileMasker;
use std::sync::Arc;
use stream::StreamMasker;

/// Masks one columnar answer.
pub(super) enum ColumnarMasker {
    Stream(Box<StreamMasker>),
    Parquet(Box<FileMasker>),
}

impl ColumnarMasker {
    pub(super) fn new(
        container: Container,
        fields: Arc<FieldMap>,
        plan: Arc<Plan>,
        limits: MaskLimits,
        judge: Option<Judge>,
    ) -> ColumnarMasker {
        match container {
            Container::Stream => {
                ColumnarMasker::Stream(Box::new(StreamMasker::new(fields, plan, limits, judge)))
            }
            Container::Parquet => {
                ColumnarMasker::Parquet(Box::new(FileMasker::new(fields, plan, limits, judge)))
            }
        }
    }

    pub(super) fn push(&mut self, input: &[u8], out: &mut Masked) -> Result<(), MaskFault> {
        match self {
            ColumnarMasker::Stream(stream) => stream.push(input, out),
            ColumnarMasker::Parquet(file) => file.push(input),
        }
    }

    pub(super) fn finish(self, out: &mut Masked) -> Result<Tally, MaskFault> {
        match self {
            ColumnarMasker::Stream(stream) => stream.finish(out),
            ColumnarMasker::Parquet(file) => file.finish(out),
        }
    }

    pub(super) fn tally(&self) -> Tally {
        match self {
            ColumnarMasker::Stream(stream) => stream.tally(),
            ColumnarMasker::Parquet(file) => file.tally(),
        }
    }
}
