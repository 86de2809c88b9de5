//! Reading configuration files: every value has a type and a range, and an error names file and key.

use bedside_compute::Activation;
use bedside_weights::Model;
use serde_json::Value;

use crate::ModelsError;

/// Largest of any size in a configuration: far above any network, far below overflow.
pub(crate) const MAX_SIZE: u64 = 1 << 24;
/// Most blocks of a tower. The largest public image tower has 64.
pub(crate) const MAX_LAYERS: u64 = 512;
/// Most rows or columns of an image that a model takes.
pub(crate) const MAX_IMAGE_SIDE: u64 = 1 << 14;
/// Characters of a found value that an error shows.
const SHOWN: usize = 80;

/// An object in a configuration file.
#[derive(Debug, Clone)]
pub(crate) struct Config<'a> {
    file: &'static str,
    path: String,
    value: &'a Value,
}

impl<'a> Config<'a> {
    /// The file's outermost object. Errors: `FileMissing`, `Config` where it is none.
    pub(crate) fn of(model: &'a Model, file: &'static str) -> Result<Self, ModelsError> {
        let why = "it describes the architecture";
        let value = model.config(file).ok_or(ModelsError::FileMissing { file, why })?;
        let config = Self { file, path: String::new(), value };
        if value.is_object() { Ok(config) } else { Err(config.wrong("", "an object", value)) }
    }

    /// An object inside. `None`: absent or null. Errors: `Config`.
    pub(crate) fn section(&self, key: &str) -> Result<Option<Config<'a>>, ModelsError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        if !value.is_object() {
            return Err(self.wrong(key, "an object", value));
        }
        Ok(Some(Config { file: self.file, path: self.key(key), value }))
    }

    /// As [`Config::section`], but it must be there.
    pub(crate) fn required_section(&self, key: &str) -> Result<Config<'a>, ModelsError> {
        self.section(key)?.ok_or_else(|| self.absent(key, "an object"))
    }

    /// The value of a key; null counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.value.get(key).filter(|value| !value.is_null())
    }

    /// Whether the key is there, be it null.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.value.get(key).is_some()
    }

    /// A size from 1 to `most`. `None`: absent. Errors: `Config`.
    pub(crate) fn size(&self, key: &str, most: u64) -> Result<Option<u64>, ModelsError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let size = value.as_u64().filter(|size| (1..=most).contains(size));
        size.map(Some).ok_or_else(|| self.wrong(key, &format!("an integer from 1 to {most}"), value))
    }

    /// A token id or other integer from 0. `None`: absent. Errors: `Config`.
    pub(crate) fn id(&self, key: &str) -> Result<Option<u32>, ModelsError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
        id.map(Some).ok_or_else(|| self.wrong(key, "an integer from 0", value))
    }

    /// A finite number above 0. `None`: absent. Errors: `Config`.
    pub(crate) fn positive(&self, key: &str) -> Result<Option<f64>, ModelsError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = value.as_f64().filter(|x| x.is_finite() && *x > 0.0);
        number.map(Some).ok_or_else(|| self.wrong(key, "a number above 0", value))
    }

    /// `None`: absent. Errors: `Config`.
    pub(crate) fn bool(&self, key: &str) -> Result<Option<bool>, ModelsError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.wrong(key, "true or false", value))
    }

    /// `None`: absent. Errors: `Config`.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, ModelsError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.wrong(key, "a text", value))
    }

    /// Rows and columns: one number or two. `None`: absent. Errors: `Config`.
    pub(crate) fn sides(&self, key: &str, most: u64) -> Result<Option<[u64; 2]>, ModelsError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let side = |value: &Value| value.as_u64().filter(|side| (1..=most).contains(side));
        let sides = match value {
            Value::Array(both) if both.len() == 2 => side(&both[0]).zip(side(&both[1])),
            one => side(one).map(|side| (side, side)),
        };
        let expected = format!("a size from 1 to {most}, or two of them");
        sides.map(|(rows, columns)| Some([rows, columns])).ok_or_else(|| self.wrong(key, &expected, value))
    }

    /// An activation under the names of transformers. `None`: absent. Errors: `Config`.
    pub(crate) fn activation(&self, key: &str) -> Result<Option<Activation>, ModelsError> {
        let Some(name) = self.text(key)? else { return Ok(None) };
        let activation = match name {
            "gelu" => Activation::GeluErf,
            "quick_gelu" => Activation::QuickGelu,
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Activation::GeluTanh,
            "relu" => Activation::Relu,
            "silu" | "swish" => Activation::Silu,
            _ => return Err(self.refused(key, "gelu, quick_gelu, gelu_pytorch_tanh, relu or silu")),
        };
        Ok(Some(activation))
    }

    /// A key whose value this build does not know. Errors: always `Config`.
    pub(crate) fn refused(&self, key: &str, expected: &str) -> ModelsError {
        match self.get(key) {
            Some(value) => self.wrong(key, expected, value),
            None => self.absent(key, expected),
        }
    }

    /// A number that contradicts another.
    pub(crate) fn contradicts(&self, key: &str, expected: impl ToString, got: impl ToString) -> ModelsError {
        let (expected, got) = (expected.to_string(), got.to_string());
        ModelsError::Config { file: self.file, key: self.key(key), expected, got }
    }

    fn absent(&self, key: &str, expected: &str) -> ModelsError {
        self.contradicts(key, expected, "nothing")
    }

    fn wrong(&self, key: &str, expected: &str, value: &Value) -> ModelsError {
        self.contradicts(key, expected, shown(&value.to_string()))
    }

    fn key(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            (path, "") => path.to_owned(),
            ("", key) => key.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }
}

/// Text out of a file for a message: escaped and shortened.
pub(crate) fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        out.push('…');
    }
    out
}

/// `width` must be a multiple of `heads`. Errors: `Config`.
pub(crate) fn check_heads(config: &Config<'_>, key: &str, width: u64, heads: u64) -> Result<(), ModelsError> {
    if width.is_multiple_of(heads) {
        return Ok(());
    }
    Err(config.contradicts(key, format!("a divisor of the width {width}"), heads))
}
