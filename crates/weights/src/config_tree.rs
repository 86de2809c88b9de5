//! The JSON of configuration files as trees, bounded while they are built: a tree takes up to a hundred
//! times the bytes of its text.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::WeightsError;
use crate::excerpt::excerpt;
use crate::limits::MAX_CONFIG_VALUES;
use crate::safetensors::excerpt_problem;

/// Builds the trees of one model's configurations, which share one limit.
#[derive(Default)]
pub(crate) struct ConfigTrees {
    /// Values built so far: objects, lists, strings, numbers, bools, nulls.
    values: u64,
    /// What is wrong, where that is not the JSON.
    error: Option<WeightsError>,
}

impl ConfigTrees {
    /// Read one file. Touches no disk. At most 128 values lie inside one another (serde_json's limit).
    /// Errors: `Json`, also for what is no object; `Duplicate` for a key that occurs twice in one object;
    /// `Limit` for more values than [`MAX_CONFIG_VALUES`] in all files so far.
    pub(crate) fn read(&mut self, json: &[u8]) -> Result<Value, WeightsError> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let tree = reader.deserialize_map(Object(self)).and_then(|tree| reader.end().map(|()| tree));
        tree.map_err(|error| {
            let problem = excerpt_problem(&error);
            self.error.take().unwrap_or(WeightsError::Json { what: "configuration", problem })
        })
    }

    /// One value more, counted before it is built.
    fn count<E: serde::de::Error>(&mut self) -> Result<(), E> {
        if self.values == MAX_CONFIG_VALUES {
            let (what, limit) = ("values of a model's configuration files", MAX_CONFIG_VALUES);
            return Err(self.refuse(WeightsError::Limit { what, limit, got: limit + 1 }));
        }
        self.values += 1;
        Ok(())
    }

    fn refuse<E: serde::de::Error>(&mut self, error: WeightsError) -> E {
        self.error = Some(error);
        E::custom("see error")
    }
}

/// Reads an object.
struct Object<'a>(&'a mut ConfigTrees);

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.0.count()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                let name = excerpt(key.as_bytes());
                return Err(self.0.refuse(WeightsError::Duplicate { what: "key", name }));
            }
            let value = entries.next_value_seed(Any(self.0))?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// Reads any value.
struct Any<'a>(&'a mut ConfigTrees);

impl<'de> DeserializeSeed<'de> for Any<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.0.count()?;
        Ok(Value::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        self.0.count()?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.0.count()?;
        Ok(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.0.count()?;
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.0.count()?;
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.0.count()?;
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.0.count()?;
        let mut list = vec![];
        while let Some(item) = items.next_element_seed(Any(self.0))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Value, A::Error> {
        Object(self.0).visit_map(entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_is_accepted_is_what_serde_json_reads(
            items in proptest::collection::vec(
                proptest::sample::select(vec![
                    "[", "]", "{", "}", ":", ",", "\"a\"", "\"b\"", "\"\\u0061\"", "0", "-1", "1e5", "1e999", "true", "null", " ",
                ]),
                0..12,
            ),
        ) {
            let json = format!("{{\"a\":{}}}", items.concat());
            let theirs = serde_json::from_str::<Value>(&json);
            match (read(&json), theirs) {
                (Ok(ours), theirs) => prop_assert_eq!(ours, theirs.unwrap()),
                (Err(ours), Ok(_)) => prop_assert!(ours.ends_with("occurs twice"), "{}: {}", json, ours),
                (Err(_), Err(_)) => {}
            }
        }
    }

    fn read(json: &str) -> Result<Value, String> {
        ConfigTrees::default().read(json.as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn trees_are_those_of_serde_json() {
        let json = r#"{"z":[1,-2,2.5,"é\n",true,null,[],{}],"a":{"b":18446744073709551615,"c":-0.0}}"#;
        let theirs: Value = serde_json::from_str(json).unwrap();
        assert_eq!(read(json).unwrap(), theirs);
        assert_eq!(read(json).unwrap().to_string(), theirs.to_string()); // the order of keys too
    }

    #[test]
    fn hostile_configurations_are_refused() {
        struct Case {
            json: String,
            error: &'static str,
        }
        let cases = [
            Case { json: "[]".into(), error: "configuration: invalid type: sequence, expected an object" },
            Case { json: "null".into(), error: "configuration: invalid type: null, expected an object" },
            Case { json: r#"{"a":1,"a":1}"#.into(), error: r#"key "a" occurs twice"# },
            Case { json: r#"{"a":[{"b":1,"\u0062":2}]}"#.into(), error: r#"key "b" occurs twice"# },
            Case { json: r#"{"a":1e999}"#.into(), error: "number out of range" },
            Case { json: "{} {}".into(), error: "trailing characters" },
            Case { json: "{".into(), error: "EOF while parsing" },
            Case { json: r#"{"a":"#.repeat(1000), error: "recursion limit exceeded" },
        ];
        for case in cases {
            let error = read(&case.json).unwrap_err();
            assert!(error.contains(case.error), "{error}");
        }
    }

    #[test]
    fn all_files_share_one_limit() {
        let list = |length: u64| format!(r#"{{"a":[{}0]}}"#, "0,".repeat(length as usize - 1)).into_bytes();
        let half = MAX_CONFIG_VALUES / 2;
        let mut trees = ConfigTrees::default();
        for _ in 0..2 {
            trees.read(&list(half - 2)).unwrap(); // and the object and the list
        }
        let error = trees.read(b"{}").unwrap_err().to_string();
        assert_eq!(error, "values of a model's configuration files: at most 65536 are supported, got 65537");
        assert!(read(&String::from_utf8(list(MAX_CONFIG_VALUES)).unwrap()).is_err());
    }
}
