//! What a columnar answer may ask of its masker, whatever it says of itself.
//!
//! ```text
//! held at once: one message, what it unpacks to, and what leaves of it
//! ```

use crate::engine::mask::plan::FaultKind;

/// Bytes of a message's description: 4,096 columns need some 300 KiB.
pub(super) const METADATA_BYTES_MAX: usize = 1 << 20;
/// Tables of its flatbuffer, which may point to one table many times: each column has some four.
pub(super) const TABLES_MAX: usize = 8 * COLUMNS_MAX;
/// Bytes of a message's body, and of all dictionaries together: it is held whole. Some 65,000 records of
/// 500 bytes, which is more than databases put into one batch.
pub(super) const MESSAGE_BYTES_MAX: usize = 32 << 20;
/// Bytes that the values of one batch may become where they are written anew: where buffers are
/// compressed, dictionaries spelt out, or one text is referred to many times.
pub(super) const UNPACKED_BYTES_MAX: usize = 128 << 20;
/// Values of one batch in all its columns: each costs up to 16 bytes where it is written anew.
pub(super) const VALUES_MAX: usize = 1 << 24;
/// Columns, those inside of structs and lists included.
pub(super) const COLUMNS_MAX: usize = 4096;

/// Bytes of a Parquet file, which is held whole.
pub(super) const FILE_BYTES_MAX: usize = 32 << 20;
/// Bytes of its footer: each column of each row group takes some 100.
pub(super) const FOOTER_BYTES_MAX: usize = 4 << 20;
/// Records of a Parquet file that are read and masked at once.
pub(super) const BATCH_ROWS: usize = 4096;

/// How much may still be written of one batch.
pub(super) struct Room {
    left: usize,
}

impl Room {
    pub(super) fn of_one_batch() -> Room {
        Room { left: UNPACKED_BYTES_MAX }
    }

    /// So many bytes are going to be written.
    ///
    /// # Errors
    /// [`FaultKind::MessageTooLong`]: there is no room for them.
    #[inline]
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), FaultKind> {
        self.left = self.left.checked_sub(bytes).ok_or(FaultKind::MessageTooLong)?;
        Ok(())
    }
}
