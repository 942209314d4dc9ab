//! Where the messages of an Arrow IPC stream begin and end.
//!
//! One message is held, from its length to its last byte. Lengths are judged before anything is kept of
//! what they announce, and room is made only for bytes that came.
//!
//! A message is `ff ff ff ff`, the length of its description, the description (a flatbuffer), and a body
//! whose length the description says; a length of 0 ends the stream.

use super::limits::{MESSAGE_BYTES_MAX, METADATA_BYTES_MAX, TABLES_MAX};
use crate::engine::mask::plan::FaultKind;
use arrow_buffer::Buffer;
use arrow_ipc::root_as_message_with_opts;
use flatbuffers::VerifierOptions;

/// What stands before every message.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// That, and a length.
const PREFIX_BYTES: usize = 8;

/// One message, whole.
pub(super) struct Message {
    /// A flatbuffer that is well-formed.
    pub(super) metadata: Vec<u8>,
    pub(super) body: Buffer,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Prefix,
    Metadata,
    Body,
    Over,
}

/// Takes bytes as they come.
pub(super) struct Framing {
    part: Part,
    /// Bytes of the part.
    length: usize,
    /// Those that came.
    held: Vec<u8>,
    metadata: Vec<u8>,
    /// Bytes before the message that is being read.
    pub(super) offset: u64,
    /// Bytes of this message.
    message_bytes: u64,
}

impl Framing {
    pub(super) fn new() -> Framing {
        Framing {
            part: Part::Prefix,
            length: PREFIX_BYTES,
            held: Vec::new(),
            metadata: Vec::new(),
            offset: 0,
            message_bytes: 0,
        }
    }

    /// Takes from the input, up to the end of a message at most.
    ///
    /// # Errors
    /// What came is no message, or is longer than one may be.
    pub(super) fn take(&mut self, input: &mut &[u8]) -> Result<Option<Message>, FaultKind> {
        while !input.is_empty() {
            if self.part == Part::Over {
                return Err(FaultKind::TrailingData);
            }
            let wanted = (self.length - self.held.len()).min(input.len());
            let (taken, rest) = input.split_at_checked(wanted).unwrap_or_default();
            self.held.extend_from_slice(taken);
            self.message_bytes = self.message_bytes.saturating_add(taken.len() as u64);
            *input = rest;
            if self.held.len() == self.length
                && let Some(message) = self.part_over()?
            {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Whether the stream said that it is over.
    pub(super) fn is_over(&self) -> bool {
        self.part == Part::Over
    }

    /// No byte came.
    pub(super) fn is_untouched(&self) -> bool {
        self.offset == 0 && self.message_bytes == 0
    }

    fn part_over(&mut self) -> Result<Option<Message>, FaultKind> {
        match self.part {
            Part::Prefix => self.prefix_over()?,
            Part::Metadata => {
                let body_bytes = body_bytes(&self.held)?;
                self.metadata = std::mem::take(&mut self.held);
                (self.part, self.length) = (Part::Body, body_bytes);
                if body_bytes == 0 {
                    return Ok(Some(self.message()));
                }
            }
            Part::Body => return Ok(Some(self.message())),
            Part::Over => {}
        }
        Ok(None)
    }

    fn prefix_over(&mut self) -> Result<(), FaultKind> {
        let (marker, length) = self.held.split_first_chunk::<4>().ok_or(FaultKind::Unexpected)?;
        let length = length.first_chunk::<4>().ok_or(FaultKind::Unexpected)?;
        if *marker != CONTINUATION {
            return Err(FaultKind::Unexpected);
        }
        let length = i32::from_le_bytes(*length);
        self.length = usize::try_from(length).map_err(|_| FaultKind::BadMessage)?;
        if self.length > METADATA_BYTES_MAX {
            return Err(FaultKind::MessageTooLong);
        }
        self.part = if length == 0 { Part::Over } else { Part::Metadata };
        self.held.clear();
        Ok(())
    }

    fn message(&mut self) -> Message {
        let metadata = std::mem::take(&mut self.metadata);
        let body = Buffer::from_vec(std::mem::take(&mut self.held));
        self.offset = self.offset.saturating_add(self.message_bytes);
        self.message_bytes = 0;
        (self.part, self.length) = (Part::Prefix, PREFIX_BYTES);
        Message { metadata, body }
    }
}

/// A description, once it is a well-formed flatbuffer.
pub(super) fn described(metadata: &[u8]) -> Result<arrow_ipc::Message<'_>, FaultKind> {
    let options = VerifierOptions { max_tables: TABLES_MAX, ..VerifierOptions::default() };
    root_as_message_with_opts(&options, metadata).map_err(|_| FaultKind::BadMessage)
}

/// The length of the body that a description announces.
fn body_bytes(metadata: &[u8]) -> Result<usize, FaultKind> {
    let length = usize::try_from(described(metadata)?.bodyLength()).map_err(|_| FaultKind::BadMessage)?;
    if length > MESSAGE_BYTES_MAX { Err(FaultKind::MessageTooLong) } else { Ok(length) }
}
