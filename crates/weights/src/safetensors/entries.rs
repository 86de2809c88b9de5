//! The entries of a safetensors header, out of its JSON.

use std::fmt;

use bedside_tensor::{DType, MAX_RANK};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::TextPairs;
use crate::WeightsError;
use crate::directory::{TensorInfo, checked_shape};
use crate::excerpt::excerpt;
use crate::limits::{MAX_SAFETENSORS_METADATA, MAX_TENSOR_NAME_BYTES};

/// The one entry that is no tensor.
pub(super) const METADATA: &str = "__metadata__";

/// safetensors' names for types, which are also ours.
pub(super) const DTYPES: &[DType] = &[
    DType::BOOL,
    DType::F4,
    DType::F6_E2M3,
    DType::F6_E3M2,
    DType::U8,
    DType::I8,
    DType::F8_E5M2,
    DType::F8_E4M3,
    DType::F8_E5M2FNUZ,
    DType::F8_E4M3FNUZ,
    DType::F8_E8M0,
    DType::I16,
    DType::U16,
    DType::F16,
    DType::BF16,
    DType::I32,
    DType::U32,
    DType::F32,
    DType::C64,
    DType::F64,
    DType::I64,
    DType::U64,
];

/// What the header says, and where reading it failed.
#[derive(Default)]
pub(super) struct Found {
    pub(super) tensors: Vec<TensorInfo>,
    pub(super) metadata: TextPairs,
    /// The entry being read.
    pub(super) place: Option<String>,
    /// What is wrong with it, where that is not the JSON.
    pub(super) error: Option<WeightsError>,
}

/// One tensor's entry. Fields that the format does not name are passed over, as the crate does.
#[derive(Deserialize)]
struct Entry {
    #[serde(deserialize_with = "dtype")]
    dtype: DType,
    shape: Dims,
    data_offsets: (u64, u64),
}

fn dtype<'de, D: Deserializer<'de>>(input: D) -> Result<DType, D::Error> {
    let name = String::deserialize(input)?;
    let known = DTYPES.iter().copied().find(|t| t.name() == name);
    known.ok_or_else(|| {
        D::Error::custom(format!("dtype {} is unknown to this build", excerpt(name.as_bytes())))
    })
}

/// Dimensions, refused before they are many.
struct Dims(Vec<u64>);

impl<'de> Deserialize<'de> for Dims {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Bounded;
        impl<'de> Visitor<'de> for Bounded {
            type Value = Dims;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAX_RANK} dimensions")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Dims, A::Error> {
                let mut dims = Vec::with_capacity(MAX_RANK);
                while let Some(dim) = items.next_element()? {
                    if dims.len() == MAX_RANK {
                        return Err(A::Error::invalid_length(MAX_RANK + 1, &self));
                    }
                    dims.push(dim);
                }
                Ok(Dims(dims))
            }
        }
        input.deserialize_seq(Bounded)
    }
}

/// Reads the whole header.
impl<'de> DeserializeSeed<'de> for &mut Found {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Found {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_metadata = false;
        while let Some(name) = map.next_key::<String>()? {
            let name = self.place.insert(name);
            if name == METADATA {
                if std::mem::replace(&mut has_metadata, true) {
                    return Err(A::Error::custom("occurs twice"));
                }
                map.next_value_seed(MetadataSeed(&mut self.metadata))?;
            } else {
                match tensor_of(name, &map.next_value()?) {
                    Ok(tensor) => self.tensors.push(tensor),
                    Err(error) => {
                        self.error = Some(error);
                        return Err(A::Error::custom("see error"));
                    }
                }
            }
            self.place = None;
        }
        Ok(())
    }
}

/// Reads `__metadata__`: strings under unique keys.
struct MetadataSeed<'a>(&'a mut TextPairs);

impl<'de> DeserializeSeed<'de> for MetadataSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MetadataSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, text)) = map.next_entry::<Box<str>, Box<str>>()? {
            if self.0.len() as u64 == MAX_SAFETENSORS_METADATA {
                return Err(A::Error::custom(format!("more than {MAX_SAFETENSORS_METADATA} entries")));
            }
            self.0.push((key, text));
        }
        let mut keys: Vec<&str> = self.0.iter().map(|(key, _)| &**key).collect();
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(A::Error::custom(format!("key {} occurs twice", excerpt(pair[0].as_bytes())))),
            None => Ok(()),
        }
    }
}

fn tensor_of(name: &str, entry: &Entry) -> Result<TensorInfo, WeightsError> {
    let got = name.len() as u64;
    if got > MAX_TENSOR_NAME_BYTES {
        return Err(WeightsError::Limit { what: "tensor name bytes", limit: MAX_TENSOR_NAME_BYTES, got });
    }
    let (begin, end) = entry.data_offsets;
    let (shape, expected) = checked_shape(&entry.shape.0, entry.dtype)?;
    let got = end.checked_sub(begin);
    let got = got.ok_or(WeightsError::Hole { expected: begin, got: end })?;
    if got != expected {
        return Err(WeightsError::Length { what: "data_offsets", expected, got });
    }
    Ok(TensorInfo { name: name.into(), dtype: entry.dtype, shape, file: 0, range: begin..end })
}
