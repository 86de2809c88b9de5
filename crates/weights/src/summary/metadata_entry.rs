//! One metadata pair for `inspect`: numbers as they are, long texts and arrays shortened.

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::excerpt::excerpt;
use crate::gguf::Value;
use crate::model::Model;

/// Bytes of a string that is shown whole. Chat templates and verbatim tokenizers are longer.
const WHOLE_STRING_BYTES: usize = 256;

/// Elements of an array that are shown.
const SHOWN_ELEMENTS: usize = 8;

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetadataEntry {
    /// Key, as in the file: escape it before a terminal sees it.
    pub key: String,
    /// GGUF's name of its type, in lower case; `string` for safetensors.
    #[serde(rename = "type")]
    pub type_name: &'static str,
    /// The value: a number, bool or string; `{"bytes", "begins"}` for a string that is long or no UTF-8;
    /// `{"elements", "length", "first"}` for an array. NaN and infinities are strings.
    pub value: Json,
    /// The value for a terminal: escaped, shortened.
    #[serde(skip)]
    pub shown: String,
}

pub(super) fn entries(model: &Model) -> Vec<MetadataEntry> {
    let pairs = model.metadata().iter().map(|(key, value)| MetadataEntry {
        key: key.to_owned(),
        type_name: value.type_name(),
        value: json_of(value),
        shown: value.to_string(),
    });
    let strings = model.strings().map(|(key, text)| MetadataEntry {
        key: key.to_owned(),
        type_name: "string",
        value: string(text.as_bytes()),
        shown: excerpt(text.as_bytes()),
    });
    pairs.chain(strings).collect()
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::Bool(v) => json!(v),
        Value::F32(v) if v.is_finite() => json!(v),
        Value::F64(v) if v.is_finite() => json!(v),
        Value::U64(v) => json!(v),
        Value::String(text) => string(text.as_bytes()),
        Value::Array(array) => json!({
            "elements": array.element_type_name(),
            "length": array.len(),
            "first": array.first(SHOWN_ELEMENTS).iter().map(json_of).collect::<Vec<_>>(),
        }),
        other => match other.integer().and_then(|i| i64::try_from(i).ok()) {
            Some(integer) => json!(integer),
            None => json!(other.to_string()),
        },
    }
}

fn string(bytes: &[u8]) -> Json {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.len() <= WHOLE_STRING_BYTES => json!(text),
        _ => json!({"bytes": bytes.len(), "begins": excerpt(bytes)}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::Array;

    #[test]
    fn values_become_json() {
        let cases = [
            (Value::U64(u64::MAX), "18446744073709551615"),
            (Value::I8(-3), "-3"),
            (Value::F32(f32::NAN), "\"NaN\""),
            (Value::F64(0.5), "0.5"),
            (Value::String("a\u{1b}".into()), "\"a\\u001b\""),
            (Value::String(vec![0xff].into()), r#"{"bytes":1,"begins":"\"\\xff\""}"#),
            (Value::Array(Array::U8(vec![1, 2])), r#"{"elements":"u8","length":2,"first":[1,2]}"#),
        ];
        for (value, json) in cases {
            assert_eq!(json_of(&value).to_string(), json);
        }
        assert!(json_of(&Value::String("x".repeat(5000).as_str().into())).to_string().len() < 200);
    }
}
