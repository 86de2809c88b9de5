//! The key/value pairs of a GGUF file, in file order.

use super::cursor::Cursor;
use super::text::{utf8, write_string};
use super::value::{Array, Value};
use crate::WeightsError;
use crate::excerpt::excerpt;
use crate::limits::{MAX_GGUF_KEY_BYTES, MAX_GGUF_KEYS};

/// Key/value pairs with unique, non-empty keys; the order is kept from reading to writing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    entries: Vec<(Box<str>, Value)>,
    /// Positions in `entries`, sorted by key.
    by_key: Vec<u32>,
}

impl Metadata {
    /// Key length, one letter, value type, one byte.
    const LEAST_ENTRY_BYTES: u64 = 8 + 1 + 4 + 1;

    /// Errors: any of those of reading, with the key they belong to.
    pub(super) fn read(cursor: &mut Cursor<'_>, count: u64) -> Result<Self, WeightsError> {
        let count = cursor.count(count, Self::LEAST_ENTRY_BYTES, MAX_GGUF_KEYS, "metadata keys")?;
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            let key = cursor.string(MAX_GGUF_KEY_BYTES, "metadata key bytes")?;
            let value = checked_key(key).and_then(|_| Value::read(cursor)).map_err(|e| e.in_key(key))?;
            entries.push((utf8(key, "a metadata key")?.into(), value));
        }
        Self::new(entries)
    }

    fn new(entries: Vec<(Box<str>, Value)>) -> Result<Self, WeightsError> {
        let mut by_key: Vec<u32> = (0..entries.len() as u32).collect(); // ≤ MAX_GGUF_KEYS
        by_key.sort_unstable_by_key(|&i| &entries[i as usize].0);
        let twice = by_key.windows(2).find(|w| entries[w[0] as usize].0 == entries[w[1] as usize].0);
        if let Some(pair) = twice {
            let name = excerpt(entries[pair[0] as usize].0.as_bytes());
            return Err(WeightsError::Duplicate { what: "key", name });
        }
        Ok(Self { entries, by_key })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for (key, value) in &self.entries {
            write_string(out, key.as_bytes());
            value.write(out);
        }
    }

    /// Set a value: in its old place where the key exists, else at the end.
    /// Errors: an empty or overlong key; more than `MAX_GGUF_KEYS` keys.
    pub fn insert(&mut self, key: &str, value: Value) -> Result<(), WeightsError> {
        checked_key(key.as_bytes()).map_err(|e| e.in_key(key.as_bytes()))?;
        match self.by_key.binary_search_by_key(&key, |&i| &*self.entries[i as usize].0) {
            Ok(at) => self.entries[self.by_key[at] as usize].1 = value,
            Err(at) => {
                let got = self.entries.len() as u64 + 1;
                if got > MAX_GGUF_KEYS {
                    return Err(WeightsError::Limit { what: "metadata keys", limit: MAX_GGUF_KEYS, got });
                }
                self.by_key.insert(at, self.entries.len() as u32);
                self.entries.push((key.into(), value));
            }
        }
        Ok(())
    }

    /// Take a value out; `None` where the key does not exist.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.entries.iter().position(|(k, _)| &**k == key)?;
        let (_, value) = self.entries.remove(at);
        self.by_key.retain(|&i| i as usize != at);
        self.by_key.iter_mut().filter(|i| **i as usize > at).for_each(|i| *i -= 1);
        Some(value)
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// There are no keys.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keys and values in file order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let at = self.by_key.binary_search_by_key(&key, |&i| &*self.entries[i as usize].0).ok()?;
        Some(&self.entries[self.by_key[at] as usize].1)
    }

    /// A number that is an integer ≥ 0, stored in any integer type; `None` where the key does not exist.
    /// Errors: `Value` with the key.
    pub fn unsigned(&self, key: &str) -> Result<Option<u64>, WeightsError> {
        self.typed(key, "an integer ≥ 0", |v| v.integer().and_then(|i| u64::try_from(i).ok()))
    }

    /// A number stored as f32 or f64; `None` where the key does not exist. Errors: `Value` with the key.
    pub fn float(&self, key: &str) -> Result<Option<f64>, WeightsError> {
        self.typed(key, "a float", |v| match v {
            Value::F32(f) => Some((*f).into()),
            Value::F64(f) => Some(*f),
            _ => None,
        })
    }

    /// A bool; `None` where the key does not exist. Errors: `Value` with the key.
    pub fn bool(&self, key: &str) -> Result<Option<bool>, WeightsError> {
        self.typed(key, "a bool", |v| if let Value::Bool(b) = v { Some(*b) } else { None })
    }

    /// A string; `None` where the key does not exist. Errors: `Value`, `Utf8`, with the key.
    pub fn str(&self, key: &str) -> Result<Option<&str>, WeightsError> {
        let text = self.typed(key, "a string", |v| if let Value::String(t) = v { Some(t) } else { None })?;
        text.map(|t| t.as_str()).transpose().map_err(|e| e.in_key(key.as_bytes()))
    }

    /// An array; `None` where the key does not exist. Errors: `Value` with the key.
    pub fn array(&self, key: &str) -> Result<Option<&Array>, WeightsError> {
        self.typed(key, "an array", |v| if let Value::Array(a) = v { Some(a) } else { None })
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        expected: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, WeightsError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| {
            let got = format!("{} {value}", value.type_name());
            WeightsError::Value { expected, got }.in_key(key.as_bytes())
        })
    }
}

fn checked_key(key: &[u8]) -> Result<&str, WeightsError> {
    match key.len() as u64 {
        0 => Err(WeightsError::Empty { what: "a metadata key" }),
        got if got > MAX_GGUF_KEY_BYTES => {
            Err(WeightsError::Limit { what: "metadata key bytes", limit: MAX_GGUF_KEY_BYTES, got })
        }
        _ => utf8(key, "a metadata key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_replaced_and_removed() {
        let mut metadata = Metadata::default();
        for (i, key) in ["c", "a", "b"].iter().enumerate() {
            metadata.insert(key, Value::U32(i as u32)).unwrap();
        }
        metadata.insert("a", Value::I8(-7)).unwrap();
        assert_eq!(metadata.iter().map(|(k, _)| k).collect::<Vec<_>>(), ["c", "a", "b"]);
        assert_eq!(metadata.get("a"), Some(&Value::I8(-7)));
        assert_eq!(metadata.remove("c"), Some(Value::U32(0)));
        assert_eq!(metadata.unsigned("b").unwrap(), Some(2));
        assert_eq!((metadata.get("c"), metadata.len()), (None, 2));
        assert!(metadata.insert("", Value::U8(1)).is_err());
    }

    #[test]
    fn typed_access_names_key_expected_and_got() {
        let mut metadata = Metadata::default();
        metadata.insert("n", Value::I8(-7)).unwrap();
        metadata.insert("s", Value::String(vec![0xff].into())).unwrap();
        metadata.insert("f", Value::F32(0.5)).unwrap();
        let error = metadata.unsigned("n").unwrap_err().to_string();
        assert_eq!(error, r#"key "n": expected an integer ≥ 0, got i8 -7"#);
        assert_eq!(
            metadata.str("s").unwrap_err().to_string(),
            r#"key "s": a string value is not UTF-8: "\xff""#
        );
        assert_eq!(metadata.float("f").unwrap(), Some(0.5));
        assert!(metadata.bool("f").is_err() && metadata.array("f").is_err());
        assert_eq!(metadata.bool("absent").unwrap(), None);
    }
}
