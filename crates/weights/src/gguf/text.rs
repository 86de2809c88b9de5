//! Strings of a GGUF file: bytes that are nearly always UTF-8.

use super::cursor::Cursor;
use crate::WeightsError;
use crate::excerpt::excerpt;
use crate::limits::MAX_GGUF_STRING_BYTES;

/// An empty string: its length.
pub(super) const LEAST_STRING_BYTES: u64 = 8;

/// Length and bytes.
pub(super) fn write_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend(bytes);
}

/// A string value: bytes that are nearly always UTF-8, but need not be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(Box<[u8]>);

impl Text {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, WeightsError> {
        Ok(Self(cursor.string(MAX_GGUF_STRING_BYTES, "string bytes")?.into()))
    }

    /// The bytes as they are in the file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text. Errors: `Utf8`.
    pub fn as_str(&self) -> Result<&str, WeightsError> {
        utf8(&self.0, "a string value")
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

/// Errors: `Utf8`. `what`: what the bytes are read as.
pub(super) fn utf8<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a str, WeightsError> {
    std::str::from_utf8(bytes).map_err(|_| WeightsError::Utf8 { what, found: excerpt(bytes) })
}

/// Many strings in one buffer: a vocabulary of 260,000 words is two allocations, not 260,000.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strings {
    bytes: Vec<u8>,
    /// Where each string ends in `bytes`; it begins where the one before ends.
    ends: Vec<usize>,
}

impl Strings {
    pub(super) fn read(cursor: &mut Cursor<'_>, count: usize) -> Result<Self, WeightsError> {
        let mut measured = cursor.clone();
        let mut total = 0;
        for _ in 0..count {
            total += measured.string(MAX_GGUF_STRING_BYTES, "string bytes")?.len(); // ≤ the header's length
        }
        let mut strings = Self { bytes: Vec::with_capacity(total), ends: Vec::with_capacity(count) };
        for _ in 0..count {
            strings.push(cursor.string(MAX_GGUF_STRING_BYTES, "string bytes")?);
        }
        Ok(strings)
    }

    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    /// Number of strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// String `index`, or `None` past the last one.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[begin..end])
    }

    /// All strings in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|i| self.get(i).expect("the index is below the length"))
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for Strings {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut strings = Self::default();
        items.into_iter().for_each(|text| strings.push(text.as_ref()));
        strings
    }
}
