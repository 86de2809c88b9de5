//! safetensors: eight bytes of length, a JSON header, the data. Source: the format text and crate
//! `safetensors` 0.8.
//!
//! We parse the header ourselves, though a crate exists: its errors are for the most part text without the
//! tensor's name, it silently keeps the last of two entries with one name, and it allocates its maps
//! before it has looked at limits of ours. It is the oracle of our tests instead.
//!
//! Where we differ from it, on purpose: a name that occurs twice is always refused; at most
//! [`MAX_RANK`](bedside_tensor::MAX_RANK) dimensions, and none above 2^40; the last dimension of `F4` and
//! `F6_*` tensors is a multiple of 2 or 4 elements; at most 4096 `__metadata__` entries.

mod entries;

use serde::de::DeserializeSeed;

use self::entries::{Found, METADATA};
use crate::WeightsError;
use crate::directory::{Directory, TensorInfo};
use crate::excerpt::excerpt;
use crate::limits::MAX_SAFETENSORS_HEADER_BYTES;

/// The header's length as a little-endian u64.
const LENGTH_BYTES: usize = 8;

/// Keys and texts of `__metadata__`, in file order.
pub(crate) type TextPairs = Vec<(Box<str>, Box<str>)>;

/// Everything a safetensors file says about itself, checked against its length. Holds no tensor data.
#[derive(Debug)]
pub struct SafetensorsHeader {
    metadata: TextPairs,
    directory: Directory,
}

impl SafetensorsHeader {
    /// Read and check a header. `file`: all bytes of the file; only its beginning is touched, and memory
    /// for at most a small multiple of that is allocated. Touches no disk.
    /// Errors: all that name a wrong header; `Tensor` says where.
    pub fn parse(file: &[u8]) -> Result<Self, WeightsError> {
        let (json, data_begin) = json_of(file)?;
        let mut found = Found::default();
        let mut reader = serde_json::Deserializer::from_slice(json);
        let read = (&mut found).deserialize(&mut reader).and_then(|()| reader.end());
        if let Err(error) = read {
            let problem = excerpt_problem(&error);
            let error = WeightsError::Json { what: "safetensors header", problem };
            let error = found.error.take().unwrap_or(error);
            return Err(match found.place {
                Some(name) if name == METADATA => error.in_key(name.as_bytes()),
                Some(name) => error.in_tensor(name.as_bytes()),
                None => error,
            });
        }
        let mut directory = Directory::new(found.tensors)?;
        check_cover(directory.tensors(), (file.len() - data_begin) as u64)?;
        directory.shift(data_begin as u64);
        Ok(Self { metadata: found.metadata, directory })
    }

    /// Tensors in the order of the header, with ranges counted from the file's beginning.
    pub fn tensors(&self) -> &[TensorInfo] {
        self.directory.tensors()
    }

    /// The `__metadata__` strings, in file order.
    pub fn metadata(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.metadata.iter().map(|(key, text)| (&**key, &**text))
    }

    pub(crate) fn into_parts(self) -> (TextPairs, Vec<TensorInfo>) {
        (self.metadata, self.directory.into_tensors())
    }
}

/// The JSON text, and where the data begins.
fn json_of(file: &[u8]) -> Result<(&[u8], usize), WeightsError> {
    let Some((length, rest)) = file.split_first_chunk::<LENGTH_BYTES>() else {
        let (expected, got) = (LENGTH_BYTES as u64, file.len() as u64);
        return Err(WeightsError::Truncated { what: "the header length", expected, got });
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_SAFETENSORS_HEADER_BYTES {
        let (what, limit) = ("bytes of header", MAX_SAFETENSORS_HEADER_BYTES);
        return Err(WeightsError::Limit { what, limit, got: length });
    }
    let json = rest.get(..length as usize).ok_or(WeightsError::Truncated {
        what: "the header",
        expected: length,
        got: rest.len() as u64,
    })?;
    Ok((json, LENGTH_BYTES + json.len()))
}

/// The file looks like safetensors: a plausible length, and JSON behind it.
pub(crate) fn is_safetensors(file: &[u8]) -> bool {
    let Some((length, rest)) = file.split_first_chunk::<LENGTH_BYTES>() else { return false };
    let json = rest.iter().find(|b| !b.is_ascii_whitespace());
    json == Some(&b'{') || (u64::from_le_bytes(*length) <= rest.len() as u64 && rest.first() == Some(&b'['))
}

/// serde_json quotes what it did not expect: it may be long, or hold anything.
pub(crate) fn excerpt_problem(error: &serde_json::Error) -> String {
    const LONGEST: usize = 200;
    let text = error.to_string();
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .flat_map(|c| {
            let plain = matches!(c, ' '..='~');
            let escaped = (!plain).then(|| c.escape_unicode());
            plain.then_some(c).into_iter().chain(escaped.into_iter().flatten())
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// The tensors cover all `length` bytes of data, each byte once.
fn check_cover(tensors: &[TensorInfo], length: u64) -> Result<(), WeightsError> {
    let mut order: Vec<u32> = (0..tensors.len() as u32).collect(); // the header's length bounds their number
    order.sort_unstable_by_key(|&i| (tensors[i as usize].range.start, tensors[i as usize].range.end));
    let mut expected = 0;
    let mut before: Option<&TensorInfo> = None;
    for tensor in order.iter().map(|&i| &tensors[i as usize]) {
        let got = tensor.range.start;
        let error = match before {
            Some(other) if got < expected => {
                let other = excerpt(other.name.as_bytes());
                Some(WeightsError::Overlap { begin: got, other, end: expected })
            }
            _ if got != expected => Some(WeightsError::Hole { expected, got }),
            _ if tensor.range.end > length => {
                Some(WeightsError::OutOfFile { offset: got, bytes: tensor.bytes(), length })
            }
            _ => None,
        };
        if let Some(error) = error {
            return Err(error.in_tensor(tensor.name.as_bytes()));
        }
        (expected, before) = (tensor.range.end, Some(tensor));
    }
    if expected == length { Ok(()) } else { Err(WeightsError::Hole { expected, got: length }) }
}

#[cfg(test)]
mod tests;
