//! What a masker is told, and what it tells: the same for every format.

use super::scalar::{LabelAction, TokenKey};
use super::subjects::SubjectCount;
use super::watch::{FoundIn, Watched};
use crate::closed_enum;
use crate::engine::identifier::Kind;
use crate::engine::terms::DisclosureMode;
use std::sync::Arc;

/// What happens to the values of one label in one answer.
#[derive(Clone, Debug)]
pub struct LabelRule {
    /// The mode that is in effect.
    pub mode: DisclosureMode,
    /// What that mode does to a value of this label.
    pub action: LabelAction,
    /// What the values are, where they have a form.
    pub kind: Option<Kind>,
}

/// What happens to one answer.
pub struct Plan {
    /// By label index of the dataset. A label without a rule is dropped.
    pub actions: Arc<[LabelRule]>,
    /// Key of pseudonyms for this consumer department and matter.
    pub token_key: Arc<TokenKey>,
    /// What the caller claims, and about which label.
    pub claim: Option<(usize, String)>,
    /// Year, month, day in China, for age bands.
    pub today: (i32, u8, u8),
    /// So many records leave; what comes after is left out and counted. No limit if none.
    pub records_max: Option<u64>,
    /// The identifier that the request named, in canonical form: it may stand in references, see
    /// [`links`](super::links).
    pub subject: Option<std::sync::Arc<str>>,
    /// Which values are looked at before they leave, and whose subjects are counted.
    pub watched: Watched,
}

/// How much an answer may ask of a masker. The body's own length is limited where it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskLimits {
    /// Containers inside containers. Deeper data is no record, and each level costs some 32 bytes.
    pub depth_max: usize,
    /// Bytes of one token (key, string, number) or of the white space between two. A token to be
    /// masked must be held whole, so this bounds memory, some three times over.
    pub token_bytes_max: usize,
}

/// What was seen in one answer. Counts only, and names of fields that are names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records that left: elements of the outermost array that leads to labels; 1 for an answer
    /// without such an element of which some labelled value left.
    pub records: u64,
    /// Records left out because [`Plan::records_max`] was reached.
    pub dropped_records: u64,
    /// Records left out because they lie outside the caller's rows, or count too small a group.
    pub filtered_records: u64,
    /// Counts outside of records that were replaced by `null`.
    pub suppressed_counts: u64,
    /// Values met, by label index, whatever became of them. What was left out whole counts once.
    pub labels: Vec<u64>,
    /// Kept values that were looked at, see [`Plan::watched`].
    pub looked_at: u64,
    /// Members and elements left out because no path names them.
    pub dropped_unknown: u64,
    /// Those among them whose key looks like one that the paths name there: see `fields`.
    pub lookalikes: u64,
    /// Where the first lookalike was, or else the first of them all: path template with `?` for keys that may be data.
    pub unknown_sample: Option<String>,
    /// Where others of the first 128 were, each place once, 15 at most.
    pub unknown_more: Vec<String>,
    /// Identifiers found in kept values whose label does not say so, by label and kind.
    pub found: Vec<FoundIn>,
    /// Different subjects that the answer told of; none where no label names subjects.
    pub subjects: Option<SubjectCount>,
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
}

closed_enum! {
    /// Why a body cannot be masked. What was not understood does not pass.
    pub enum FaultKind {
        /// No value at all.
        Empty = "empty",
        /// Starts with a byte order mark, or is not UTF-8 from its first byte (RFC 8259, 8.1).
        ByteOrderMark = "byte_order_mark",
        /// Not UTF-8.
        InvalidUtf8 = "invalid_utf8",
        /// A `\u` escape of half a surrogate pair: no reader agrees what it means.
        LoneSurrogate = "lone_surrogate",
        /// An escape that does not exist.
        BadEscape = "bad_escape",
        /// A control character inside a string.
        ControlCharacter = "control_character",
        /// A number outside the grammar: leading zero, no digit, …
        BadNumber = "bad_number",
        /// A byte where the grammar has no place for it.
        Unexpected = "unexpected",
        /// Something after the one value.
        TrailingData = "trailing_data",
        /// The body ended inside its value.
        Truncated = "truncated",
        /// The same key twice in one object, where the key is one that the paths name.
        DuplicateKey = "duplicate_key",
        /// A row that has more or fewer cells than there are columns.
        Ragged = "ragged",
        /// A quote where the dialect has no place for it, or a cell that is not closed.
        BadQuote = "bad_quote",
        /// The description of the columns is missing, comes too late or cannot be read.
        BadHeader = "bad_header",
        /// A cell that a spreadsheet would calculate, where the dialect refuses those.
        Formula = "formula",
        /// The upstream reports a failure in the middle of its answer.
        Exception = "exception",
        /// [`MaskLimits::depth_max`].
        TooDeep = "too_deep",
        /// [`MaskLimits::token_bytes_max`].
        TokenTooLong = "token_too_long",
        /// A record longer than [`MaskLimits::token_bytes_max`], where records must be held to be
        /// judged as a whole.
        RecordTooLong = "record_too_long",
        /// A message, page or footer of a columnar body that contradicts itself or what it describes.
        BadMessage = "bad_message",
        /// What reads a columnar body gave up in the middle: its pages say what cannot be.
        ReaderPanicked = "reader_panicked",
        /// A column that is to be masked, of a type that no mask can treat.
        UnsupportedType = "unsupported_type",
        /// A columnar body in a byte order, version or compression that is not read.
        UnsupportedEncoding = "unsupported_encoding",
        /// A columnar body, a message of it, or what that unpacks to, beyond the walker's limits.
        MessageTooLong = "message_too_long",
        /// More values in one batch than the walker's limit.
        TooManyValues = "too_many_values",
        /// More columns than the walker's limit.
        TooManyColumns = "too_many_columns",
        /// A count that is no scalar: whether its group is large enough cannot be told.
        NotACount = "not_a_count",
    }
}

/// Why a body could not be masked, and where: never what stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct MaskFault {
    pub kind: FaultKind,
    /// From 0, in the body as the masker read it (after content coding).
    pub offset: u64,
}
