//! The bytes of a DICOM file: in memory, or in a file of which only the asked-for parts are read.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

use crate::error::ImagingError;

/// Bytes read at once while headers are walked.
const WINDOW_BYTES: u64 = 64 << 10;

/// Where the bytes are.
#[derive(Debug)]
pub(crate) enum Source {
    Memory(Vec<u8>),
    File { file: Mutex<File>, length: u64 },
}

impl Source {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }

    /// `length` bytes from `at`. The caller holds `length` against a limit.
    /// Errors: `Truncated` where the source ends before, `File` where it cannot be read.
    pub(crate) fn read(
        &self,
        what: &'static str,
        at: u64,
        length: u64,
    ) -> Result<Cow<'_, [u8]>, ImagingError> {
        let left = self.length().saturating_sub(at);
        if length > left {
            return Err(ImagingError::Truncated { what, expected: length, got: left });
        }
        match self {
            Self::Memory(bytes) => Ok(Cow::Borrowed(&bytes[at as usize..(at + length) as usize])),
            Self::File { file, .. } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let mut bytes = vec![0; length as usize];
                file.seek(SeekFrom::Start(at))
                    .and_then(|_| file.read_exact(&mut bytes))
                    .map_err(|error| ImagingError::File { problem: error.kind().to_string() })?;
                Ok(Cow::Owned(bytes))
            }
        }
    }
}

/// Reads a source's headers through a window, so that each costs no call of the system.
#[derive(Debug)]
pub(crate) struct Headers<'a> {
    source: &'a Source,
    window: Cow<'a, [u8]>,
    window_at: u64,
}

impl<'a> Headers<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        Self { source, window: Cow::Borrowed(&[]), window_at: 0 }
    }

    /// `N` bytes from `at`.
    pub(crate) fn bytes<const N: usize>(&mut self, at: u64) -> Result<[u8; N], ImagingError> {
        let truncated =
            |left| ImagingError::Truncated { what: "DICOM element", expected: N as u64, got: left };
        let length = self.source.length();
        let left = length.saturating_sub(at);
        if left < N as u64 {
            return Err(truncated(left));
        }
        let inside = at >= self.window_at && at + N as u64 <= self.window_at + self.window.len() as u64;
        if !inside {
            self.window = self.source.read("DICOM element", at, left.min(WINDOW_BYTES))?;
            self.window_at = at;
        }
        let start = (at - self.window_at) as usize;
        self.window[start..].first_chunk().copied().ok_or_else(|| truncated(left))
    }
}
