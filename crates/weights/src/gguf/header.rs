//! The header of one GGUF file, from the magic to the end of the tensor table.

use super::cursor::Cursor;
use super::metadata::Metadata;
use super::value::Value;
use super::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT, tensor_table};
use crate::WeightsError;
use crate::directory::{Directory, TensorInfo};
use crate::excerpt::excerpt;
use crate::limits::{MAX_GGUF_ALIGNMENT, MAX_GGUF_HEADER_BYTES, MAX_GGUF_TENSORS};

/// First bytes of every GGUF file.
pub(crate) const MAGIC: [u8; 4] = *b"GGUF";

/// First bytes of what came before: the letters are those of a little-endian u32.
const LEGACY_MAGICS: &[([u8; 4], &str)] =
    &[(*b"lmgg", "GGML"), (*b"fmgg", "GGMF"), (*b"tjgg", "GGJT"), (*b"algg", "GGLA")];

/// The name of a format that came before GGUF.
pub(crate) fn legacy_name(file: &[u8]) -> Option<&'static str> {
    LEGACY_MAGICS.iter().find(|(magic, _)| file.starts_with(magic)).map(|(_, name)| *name)
}

/// Everything a GGUF file says about itself, checked against its length. Holds no tensor data.
#[derive(Debug)]
pub struct Header {
    version: u32,
    alignment: u64,
    metadata: Metadata,
    directory: Directory,
    data_begin: u64,
}

impl Header {
    /// Read and check a header. `file`: all bytes of the file; only its beginning is touched, and memory
    /// for at most a small multiple of that is allocated. Touches no disk.
    /// Errors: all that name a wrong header; `Key` and `Tensor` say where.
    pub fn parse(file: &[u8]) -> Result<Self, WeightsError> {
        let mut cursor = Cursor::new(file, MAX_GGUF_HEADER_BYTES);
        let version = read_version(&mut cursor)?;
        let tensor_count = cursor.u64("the tensor count")?;
        let key_count = cursor.u64("the metadata key count")?;
        let least = tensor_table::LEAST_TENSOR_BYTES;
        cursor.count(tensor_count, least, MAX_GGUF_TENSORS, "tensors")?;
        let metadata = Metadata::read(&mut cursor, key_count)?;
        let alignment = alignment_of(&metadata)?;
        let tensor_count = cursor.count(tensor_count, least, MAX_GGUF_TENSORS, "tensors")?;
        let tensors = tensor_table::read(&mut cursor, tensor_count, alignment, file.len() as u64)?;
        // No overflow: the header is bounded. A file without data may end before its padding does.
        let data_begin = cursor.at().next_multiple_of(alignment).min(file.len() as u64);
        tensor_table::check_layout(&tensors, file.len() as u64 - data_begin)?;
        let mut directory = Directory::new(tensors)?;
        directory.shift(data_begin);
        Ok(Self { version, alignment, metadata, directory, data_begin })
    }

    /// 2 or 3.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Bytes that every tensor's offset is a multiple of.
    pub fn alignment(&self) -> u64 {
        self.alignment
    }

    /// Key/value pairs.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Tensors in the order of the table, with ranges counted from the file's beginning.
    pub fn tensors(&self) -> &[TensorInfo] {
        self.directory.tensors()
    }

    /// Where the tensor data begins, in bytes from the file's beginning.
    pub fn data_begin(&self) -> u64 {
        self.data_begin
    }

    pub(crate) fn into_parts(self) -> (Metadata, Vec<TensorInfo>) {
        (self.metadata, self.directory.into_tensors())
    }
}

fn read_version(cursor: &mut Cursor<'_>) -> Result<u32, WeightsError> {
    let magic: [u8; 4] = cursor.array("the magic")?;
    if let Some(name) = legacy_name(&magic) {
        return Err(WeightsError::LegacyFormat { name });
    }
    if magic != MAGIC {
        return Err(WeightsError::UnknownFormat { found: excerpt(&magic) });
    }
    match cursor.u32("the version")? {
        version @ (2 | 3) => Ok(version),
        found if (1..=3).contains(&found.swap_bytes()) => Err(WeightsError::BigEndian),
        found => Err(WeightsError::Version { found }),
    }
}

/// Alignment in bytes: a u32 that is a power of two. Errors: `Value` with the key.
pub(super) fn alignment_of(metadata: &Metadata) -> Result<u64, WeightsError> {
    match metadata.get(ALIGNMENT_KEY) {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(Value::U32(a)) if a.is_power_of_two() && u64::from(*a) <= MAX_GGUF_ALIGNMENT => Ok((*a).into()),
        Some(other) => {
            let got = format!("{} {other}", other.type_name());
            let expected = "a u32 that is a power of two up to 65536";
            Err(WeightsError::Value { expected, got }.in_key(ALIGNMENT_KEY.as_bytes()))
        }
    }
}
