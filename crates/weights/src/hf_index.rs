//! `model.safetensors.index.json`: which shard holds which tensor. Source: Hugging Face transformers
//! `modeling_utils.py` and huggingface_hub `serialization`.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::WeightsError;
use crate::excerpt::excerpt;
use crate::limits::MAX_SHARDS;
use crate::safetensors::excerpt_problem;

/// Tensors and the shards that hold them. Names of shards are plain file names.
#[derive(Debug, Default)]
pub struct HfIndex {
    shards: Vec<Box<str>>,
    /// Tensor and position of its shard, sorted by tensor.
    map: Vec<(Box<str>, u32)>,
}

impl HfIndex {
    /// Read an index. Touches no disk. Errors: `Json`; `ShardName`, `Limit` for too many shards,
    /// `Duplicate` for a tensor that is mapped twice, `Empty` where none is.
    pub fn parse(json: &[u8]) -> Result<Self, WeightsError> {
        let mut reading = Reading::default();
        let mut reader = serde_json::Deserializer::from_slice(json);
        let read = (&mut reading).deserialize(&mut reader).and_then(|()| reader.end());
        if let Err(error) = read {
            let problem = excerpt_problem(&error);
            return Err(reading.error.unwrap_or(WeightsError::Json { what: "index of shards", problem }));
        }
        let mut map = reading.map;
        if map.is_empty() {
            return Err(WeightsError::Empty { what: "weight_map" });
        }
        map.sort_unstable();
        if let Some(pair) = map.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(WeightsError::Duplicate { what: "tensor", name: excerpt(pair[0].0.as_bytes()) });
        }
        Ok(Self { shards: reading.shards, map })
    }

    /// File names of the shards, in the order in which they are first named.
    pub fn shards(&self) -> impl ExactSizeIterator<Item = &str> {
        self.shards.iter().map(|name| &**name)
    }

    /// Tensors, sorted by name, each with the position of its shard in [`HfIndex::shards`].
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = (&str, usize)> {
        self.map.iter().map(|(name, shard)| (&**name, *shard as usize))
    }

    /// The position of a tensor's shard.
    pub(crate) fn shard_of(&self, tensor: &str) -> Option<usize> {
        let at = self.map.binary_search_by_key(&tensor, |(name, _)| name).ok()?;
        Some(self.map[at].1 as usize)
    }
}

/// One plain file name: nothing that leads into another folder.
fn is_plain(name: &str) -> bool {
    const LONGEST: usize = 255;
    !name.is_empty()
        && name.len() <= LONGEST
        && !name.contains(['/', '\\', '\0'])
        && !matches!(name, "." | "..")
}

#[derive(Default)]
struct Reading {
    shards: Vec<Box<str>>,
    positions: HashMap<Box<str>, u32>,
    map: Vec<(Box<str>, u32)>,
    /// What is wrong, where that is not the JSON.
    error: Option<WeightsError>,
}

impl Reading {
    fn position(&mut self, shard: String) -> Result<u32, WeightsError> {
        if let Some(position) = self.positions.get(&*shard) {
            return Ok(*position);
        }
        if !is_plain(&shard) {
            return Err(WeightsError::ShardName { name: excerpt(shard.as_bytes()) });
        }
        let (position, got) = (self.shards.len() as u32, self.shards.len() as u64 + 1);
        if got > MAX_SHARDS {
            return Err(WeightsError::Limit { what: "shards of a model", limit: MAX_SHARDS, got });
        }
        self.shards.push(shard.as_str().into());
        self.positions.insert(shard.into(), position);
        Ok(position)
    }
}

impl<'de> DeserializeSeed<'de> for &mut Reading {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Reading {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a weight_map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_map = false;
        while let Some(key) = map.next_key::<String>()? {
            if key != "weight_map" {
                map.next_value::<IgnoredAny>()?;
            } else if std::mem::replace(&mut has_map, true) {
                return Err(A::Error::custom("weight_map occurs twice"));
            } else {
                map.next_value_seed(WeightMap(self))?;
            }
        }
        if has_map { Ok(()) } else { Err(A::Error::missing_field("weight_map")) }
    }
}

struct WeightMap<'a>(&'a mut Reading);

impl<'de> DeserializeSeed<'de> for WeightMap<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for WeightMap<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object from tensor names to file names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((tensor, shard)) = map.next_entry::<Box<str>, String>()? {
            match self.0.position(shard) {
                Ok(position) => self.0.map.push((tensor, position)),
                Err(error) => {
                    self.0.error = Some(error);
                    return Err(A::Error::custom("see error"));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read_and_looked_up() {
        let json = br#"{"metadata":{"total_size":8},"weight_map":{"b":"2.safetensors","a":"1.safetensors"}}"#;
        let index = HfIndex::parse(json).unwrap();
        assert_eq!(index.shards().collect::<Vec<_>>(), ["2.safetensors", "1.safetensors"]);
        assert_eq!(index.tensors().collect::<Vec<_>>(), [("a", 1), ("b", 0)]);
        assert_eq!((index.shard_of("b"), index.shard_of("c")), (Some(0), None));
    }

    #[test]
    fn hostile_indexes_are_refused() {
        struct Case {
            json: String,
            error: &'static str,
        }
        let map = |entries: &str| format!(r#"{{"weight_map":{{{entries}}}}}"#);
        let many: Vec<String> = (0..300).map(|i| format!(r#""{i}":"{i}""#)).collect();
        let cases = [
            Case { json: "{}".into(), error: "missing field `weight_map`" },
            Case { json: map(""), error: "weight_map is empty" },
            Case { json: "[]".into(), error: "an object with a weight_map" },
            Case { json: map(r#""a":"x","a":"x""#), error: r#"tensor "a" occurs twice"# },
            Case { json: map(r#""a":"../x""#), error: r#"shard "../x""# },
            Case { json: map(r#""a":"/etc/passwd""#), error: "only plain file names" },
            Case { json: map(r#""a":"..""#), error: "only plain file names" },
            Case { json: map(r#""a":"x\u0000y""#), error: r#"shard "x\0y""# },
            Case { json: map(r#""a":3"#), error: "expected a string" },
            Case { json: map(&many.join(",")), error: "at most 256" },
            Case { json: r#"{"weight_map":{},"weight_map":{}}"#.into(), error: "weight_map occurs twice" },
            Case { json: format!(r#"{{"x":{}"#, "[".repeat(20_000)), error: "EOF while parsing" },
        ];
        for case in cases {
            let error = HfIndex::parse(case.json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(case.error), "{error}");
        }
    }
}
