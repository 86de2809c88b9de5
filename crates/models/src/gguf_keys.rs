//! A description as GGUF keys and back: objects become keys with dots, lists of numbers arrays.
//!
//! The text side, the scores and the preprocessing have no public convention; the names here are Bedside's
//! (see docs/gguf-dual-encoder.md). Those of the image side are llama.cpp's where it has one.

use bedside_weights::gguf::{Array, Metadata, Value as Gguf};
use serde_json::{Map, Number, Value};

use crate::ModelsError;

/// Deepest nesting of keys that is read.
const MAX_DEPTH: usize = 8;

/// Write `value` under `prefix`. Nulls are left out. Errors: a list of other things than numbers,
/// bools or objects, or of several kinds.
pub(crate) fn write(metadata: &mut Metadata, prefix: &str, value: &Value) -> Result<(), ModelsError> {
    let written = match value {
        Value::Null => return Ok(()),
        Value::Object(members) => {
            return members
                .iter()
                .try_for_each(|(key, value)| write(metadata, &format!("{prefix}.{key}"), value));
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let mut items = items.iter().enumerate();
            return items.try_for_each(|(i, item)| write(metadata, &format!("{prefix}.{i}"), item));
        }
        Value::Array(items) => Gguf::Array(array(prefix, items)?),
        Value::Bool(flag) => Gguf::Bool(*flag),
        Value::String(text) => Gguf::String(text.as_str().into()),
        Value::Number(number) => scalar(number),
    };
    Ok(metadata.insert(prefix, written)?)
}

fn scalar(number: &Number) -> Gguf {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(n), ..) => u32::try_from(n).map_or(Gguf::U64(n), Gguf::U32),
        (None, Some(n), _) => i32::try_from(n).map_or(Gguf::I64(n), Gguf::I32),
        // Every JSON number is one of the three.
        (None, None, x) => {
            let x = x.unwrap_or(f64::NAN);
            if f64::from(x as f32) == x { Gguf::F32(x as f32) } else { Gguf::F64(x) }
        }
    }
}

fn array(key: &str, items: &[Value]) -> Result<Array, ModelsError> {
    let flags: Option<Vec<bool>> = items.iter().map(Value::as_bool).collect();
    if let Some(flags) = flags.filter(|flags| !flags.is_empty()) {
        return Ok(Array::Bool(flags));
    }
    let unsigned: Option<Vec<u64>> = items.iter().map(Value::as_u64).collect();
    if let Some(unsigned) = unsigned {
        return Ok(Array::U64(unsigned));
    }
    let floats: Option<Vec<f64>> = items.iter().map(Value::as_f64).collect();
    let got = || items.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
    let floats = floats.ok_or_else(|| wrong(key, "a list of numbers or of bools", &got()))?;
    if floats.iter().all(|&x| f64::from(x as f32) == x) {
        return Ok(Array::F32(floats.iter().map(|&x| x as f32).collect()));
    }
    Ok(Array::F64(floats))
}

/// What was written under `prefix`, and whatever else stands there. Errors: two keys of which one lies in
/// the other, deeper nesting than any description has, text that is not UTF-8.
pub(crate) fn read(metadata: &Metadata, prefix: &str) -> Result<Value, ModelsError> {
    let mut root = Map::new();
    for (key, value) in metadata.iter() {
        let Some(rest) = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')) else { continue };
        let Some(value) = value_of(key, value)? else { continue };
        let segments: Vec<&str> = rest.split('.').collect();
        if segments.len() > MAX_DEPTH {
            return Err(wrong(key, "at most 8 parts", &segments.len().to_string()));
        }
        let (last, above) = segments.split_last().expect("split gives at least one part");
        let mut map = &mut root;
        for segment in above {
            let inner = map.entry(*segment).or_insert_with(|| Value::Object(Map::new()));
            map =
                inner.as_object_mut().ok_or_else(|| wrong(key, "a key of its own", "one inside another"))?;
        }
        if map.insert((*last).to_owned(), value).is_some() {
            return Err(wrong(key, "a key of its own", "one that holds others"));
        }
    }
    Ok(listed(Value::Object(root)))
}

/// `None`: of a kind no description has.
fn value_of(key: &str, value: &Gguf) -> Result<Option<Value>, ModelsError> {
    // JSON has no such numbers: they would read as absent.
    let finite = match value {
        Gguf::F32(x) => x.is_finite(),
        Gguf::F64(x) => x.is_finite(),
        Gguf::Array(Array::F32(items)) => items.iter().all(|x| x.is_finite()),
        Gguf::Array(Array::F64(items)) => items.iter().all(|x| x.is_finite()),
        _ => true,
    };
    if !finite {
        return Err(wrong(key, "finite numbers", "NaN or infinity"));
    }
    Ok(Some(match value {
        Gguf::U8(n) => (*n).into(),
        Gguf::I8(n) => (*n).into(),
        Gguf::U16(n) => (*n).into(),
        Gguf::I16(n) => (*n).into(),
        Gguf::U32(n) => (*n).into(),
        Gguf::I32(n) => (*n).into(),
        Gguf::U64(n) => (*n).into(),
        Gguf::I64(n) => (*n).into(),
        Gguf::F32(x) => f64::from(*x).into(),
        Gguf::F64(x) => (*x).into(),
        Gguf::Bool(flag) => (*flag).into(),
        Gguf::String(text) => {
            let text = text.as_str().map_err(|_| wrong(key, "text in UTF-8", "other bytes"))?;
            text.into()
        }
        Gguf::Array(Array::Bool(items)) => items.clone().into(),
        Gguf::Array(Array::U64(items)) => items.clone().into(),
        Gguf::Array(Array::U32(items)) => items.clone().into(),
        Gguf::Array(Array::I32(items)) => items.clone().into(),
        Gguf::Array(Array::F32(items)) => items.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>().into(),
        Gguf::Array(Array::F64(items)) => items.clone().into(),
        Gguf::Array(_) => return Ok(None),
    }))
}

/// Objects whose keys are 0, 1, 2, … become lists.
fn listed(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let mut items: Vec<(String, Value)> =
        members.into_iter().map(|(key, value)| (key, listed(value))).collect();
    let mut positions: Vec<usize> = items.iter().filter_map(|(key, _)| key.parse().ok()).collect();
    positions.sort_unstable();
    if items.is_empty() || positions.len() < items.len() || !positions.iter().copied().eq(0..items.len()) {
        return Value::Object(items.into_iter().collect());
    }
    items.sort_by_key(|(key, _)| key.parse::<usize>().unwrap_or(usize::MAX));
    Value::Array(items.into_iter().map(|(_, value)| value).collect())
}

fn wrong(key: &str, expected: &str, got: &str) -> ModelsError {
    let (key, got) = (crate::config::shown(key), crate::config::shown(got));
    ModelsError::Config { file: "metadata", key, expected: expected.to_owned(), got }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read_again() {
        let value = json!({
            "a": 1, "b": -2, "c": 0.1, "d": "text", "e": true, "big": 1_u64 << 40,
            "inner": { "x": [0.5, 0.25], "y": [1, 2, 3], "z": [0.1], "flags": [true, false] },
            "list": [{ "k": 1 }, { "k": 2 }],
        });
        let mut metadata = Metadata::default();
        write(&mut metadata, "p.q", &value).unwrap();
        metadata.insert("p.other", Gguf::U32(1)).unwrap();
        assert_eq!(read(&metadata, "p.q").unwrap(), value);
        assert_eq!(metadata.unsigned("p.q.list.1.k").unwrap(), Some(2));
        write(&mut metadata, "p.q", &json!({ "none": null })).unwrap();
        assert_eq!(read(&metadata, "p.q").unwrap(), value);
    }

    #[test]
    fn contradictions_are_refused() {
        for keys in [["p.a", "p.a.b"], ["p.a.b", "p.a"], ["p.x", "p.1.2.3.4.5.6.7.8.9"]] {
            let mut metadata = Metadata::default();
            for key in keys {
                metadata.insert(key, Gguf::U32(1)).unwrap();
            }
            assert!(read(&metadata, "p").is_err(), "{keys:?}");
        }
        assert!(write(&mut Metadata::default(), "p", &json!(["a", "b"])).is_err());
    }
}
