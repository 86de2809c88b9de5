//! The files beside tokenizer.json: what a folder says of padding and length.

use serde::Deserialize;
use serde_json::Value;

use super::{ModelsError, excerpt};

/// Longest side file that is read, in bytes.
const MAX_SIDE_FILE_BYTES: usize = 16 << 20;
/// Larger lengths stand for none: some programs write 1e30 there.
const MAX_LENGTH: f64 = u32::MAX as f64;

/// What `tokenizer_config.json` or `special_tokens_map.json` says, each where it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SideFile {
    /// The token that fills a short text.
    pub(crate) pad_token: Option<String>,
    /// Tokens of a text, those round it included. None too where the number stands for "no limit".
    pub(crate) model_max_length: Option<u32>,
}

/// A token as it is written in these files.
#[derive(Deserialize)]
#[serde(untagged)]
enum Token {
    Content(String),
    Added { content: String },
}

#[derive(Deserialize)]
struct Fields {
    pad_token: Option<Value>,
    model_max_length: Option<Value>,
    padding_side: Option<Value>,
    truncation_side: Option<Value>,
}

/// Read one side file. `file`: its name, for errors.
/// Errors: `ModelsError::ConfigFile` if it is no such JSON, `ModelsError::Config` for a value of another
/// kind, and for padding or truncation on the left, which no model here was trained with.
pub(crate) fn read_side_file(file: &'static str, json: &[u8]) -> Result<SideFile, ModelsError> {
    if json.len() > MAX_SIDE_FILE_BYTES {
        let reason = format!("{} bytes, at most {MAX_SIDE_FILE_BYTES} are read", json.len());
        return Err(ModelsError::ConfigFile { file, reason });
    }
    let fields: Fields = serde_json::from_slice(json)
        .map_err(|error| ModelsError::ConfigFile { file, reason: excerpt(&error.to_string()) })?;
    let wrong = |key: &str, expected: &str, got: &Value| ModelsError::Config {
        file,
        key: key.to_owned(),
        expected: expected.to_owned(),
        got: excerpt(&got.to_string()),
    };
    for (key, side) in [("padding_side", &fields.padding_side), ("truncation_side", &fields.truncation_side)]
    {
        if let Some(side) = side.as_ref().filter(|side| *side != "right") {
            return Err(wrong(key, "\"right\"", side));
        }
    }
    let pad_token = fields.pad_token.map(|value| match Token::deserialize(&value) {
        Ok(Token::Content(content) | Token::Added { content }) => Ok(content),
        Err(_) => Err(wrong("pad_token", "a token", &value)),
    });
    let length = fields.model_max_length.map(|value| match value.as_f64() {
        Some(length) if length > MAX_LENGTH => Ok(None),
        _ => match value.as_u64().and_then(|length| u32::try_from(length).ok()) {
            Some(length) if length > 0 => Ok(Some(length)),
            _ => Err(wrong("model_max_length", "a whole number from 1", &value)),
        },
    });
    Ok(SideFile { pad_token: pad_token.transpose()?, model_max_length: length.transpose()?.flatten() })
}

/// The token that pads, out of the two files of a folder; `None` where neither names one.
/// Errors: as [`read_side_file`]; `ModelsError::Config` where the two disagree, or name a token that
/// `id_of` does not know.
pub(crate) fn padding_id(
    tokenizer_config: Option<&SideFile>,
    special_tokens_map: Option<&SideFile>,
    id_of: impl Fn(&str) -> Option<u32>,
) -> Result<Option<u32>, ModelsError> {
    let named = |file: Option<&SideFile>| file.and_then(|file| file.pad_token.clone());
    let (config, map) = (named(tokenizer_config), named(special_tokens_map));
    let wrong = |expected: String, got: &str| ModelsError::Config {
        file: if config.is_some() { "tokenizer_config.json" } else { "special_tokens_map.json" },
        key: "pad_token".to_owned(),
        expected,
        got: excerpt(got),
    };
    if let (Some(config), Some(map)) = (&config, &map)
        && config != map
    {
        return Err(wrong(format!("{} as in special_tokens_map.json", excerpt(map)), config));
    }
    let Some(token) = config.as_ref().or(map.as_ref()) else { return Ok(None) };
    let id = id_of(token).ok_or_else(|| wrong("a token of tokenizer.json".to_owned(), token))?;
    Ok(Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_side_files_say_is_read() {
        struct Case {
            json: &'static str,
            pad_token: Option<&'static str>,
            model_max_length: Option<u32>,
        }
        let cases = [
            Case { json: "{}", pad_token: None, model_max_length: None },
            Case {
                json: r#"{"pad_token": "<pad>", "model_max_length": 77, "padding_side": "right"}"#,
                pad_token: Some("<pad>"),
                model_max_length: Some(77),
            },
            Case {
                json: r#"{"pad_token": {"content": "</s>", "lstrip": false}, "model_max_length": 1e30}"#,
                pad_token: Some("</s>"),
                model_max_length: None,
            },
            // As Python writes int(1e30).
            Case {
                json: r#"{"pad_token": null, "model_max_length": 1000000000000000019884624838656}"#,
                pad_token: None,
                model_max_length: None,
            },
        ];
        for case in cases {
            let read = read_side_file("tokenizer_config.json", case.json.as_bytes()).unwrap();
            assert_eq!(read.pad_token.as_deref(), case.pad_token, "{}", case.json);
            assert_eq!(read.model_max_length, case.model_max_length, "{}", case.json);
        }
    }

    #[test]
    fn side_files_are_refused_by_name() {
        let cases = [
            ("", "tokenizer_config.json: EOF"),
            ("[]", "tokenizer_config.json: "),
            (r#"{"padding_side": "left"}"#, "padding_side: expected \"right\""),
            (r#"{"truncation_side": "left"}"#, "truncation_side: expected \"right\""),
            (r#"{"pad_token": 3}"#, "pad_token: expected a token, got 3"),
            (r#"{"model_max_length": 0}"#, "model_max_length: expected a whole number from 1, got 0"),
            (r#"{"model_max_length": -1}"#, "model_max_length: "),
            (r#"{"model_max_length": "77"}"#, "model_max_length: "),
            (r#"{"model_max_length": 7.5}"#, "model_max_length: "),
        ];
        for (json, expected) in cases {
            let error = read_side_file("tokenizer_config.json", json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    #[test]
    fn the_padding_token_is_found() {
        let file = |token: &str| SideFile { pad_token: Some(token.to_owned()), model_max_length: None };
        let id_of = |token: &str| (token == "<pad>").then_some(5);
        let (pad, other, none) = (file("<pad>"), file("<other>"), SideFile::default());
        assert_eq!(padding_id(None, None, id_of).unwrap(), None);
        assert_eq!(padding_id(Some(&none), Some(&pad), id_of).unwrap(), Some(5));
        assert_eq!(padding_id(Some(&pad), Some(&pad), id_of).unwrap(), Some(5));
        let error = padding_id(Some(&pad), Some(&other), id_of).unwrap_err().to_string();
        assert!(error.contains("<other> as in special_tokens_map.json"), "{error}");
        let error = padding_id(None, Some(&other), id_of).unwrap_err().to_string();
        assert!(error.contains("special_tokens_map.json: pad_token: expected a token of"), "{error}");
    }
}
