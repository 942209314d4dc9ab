//! The bytes of a segment, whether it lies there plain or sealed.

use super::sealed;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// A segment being read from one place on.
#[derive(Debug)]
pub(super) enum Source {
    /// It may still grow.
    Plain(File),
    Sealed {
        path: PathBuf,
        decoder: Box<MultiGzDecoder<BufReader<File>>>,
        position: u64,
    },
}

impl Source {
    pub fn open(path: &Path) -> io::Result<Source> {
        if sealed::is_sealed(path) {
            let decoder = Box::new(MultiGzDecoder::new(BufReader::new(File::open(path)?)));
            return Ok(Source::Sealed { path: path.to_owned(), decoder, position: 0 });
        }
        Ok(Source::Plain(File::open(path)?))
    }

    /// Reads at this offset of the lines; 0 at their end. Sealed ones are unpacked in order, and from
    /// the start again for a place that was passed.
    pub fn read_at(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Source::Plain(file) => file.read_at(buffer, offset),
            Source::Sealed { path, decoder, position } => {
                if offset < *position {
                    **decoder = MultiGzDecoder::new(BufReader::new(File::open(path)?));
                    *position = 0;
                }
                let skipped = io::copy(&mut decoder.as_mut().take(offset - *position), &mut io::sink())?;
                *position += skipped;
                let read = if *position == offset { decoder.read(buffer)? } else { 0 };
                *position += read as u64;
                Ok(read)
            }
        }
    }
}
