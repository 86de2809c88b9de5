//! Which tensor gets which type.

use bedside_tensor::DType;
use regex::Regex;
use serde::{Serialize, Serializer};

use crate::WeightsError;
use crate::directory::TensorInfo;
use crate::excerpt::excerpt;
use crate::model::Model;

/// Parts of names that a recipe leaves alone unless a rule says otherwise: small, and each costs more
/// accuracy than space. llama.cpp keeps the same ones (`patch_embd` and `position_embd` of vision towers,
/// norms, token types).
const LEFT_ALONE: [&str; 5] = ["patch_embd", "position_embd", "class_embd", "token_types", "norm"];

/// What to convert to what.
#[derive(Debug)]
pub struct Recipe {
    /// Type for matrices named `….weight`.
    pub to: DType,
    /// Exceptions; the first whose pattern is found in a tensor's name decides.
    pub rules: Vec<Rule>,
}

/// An exception: tensors whose name matches get this type, or stay as they are.
#[derive(Debug)]
pub struct Rule {
    text: String,
    pattern: Regex,
    /// `None`: stay as it is.
    to: Option<DType>,
}

impl Rule {
    /// `REGEX=TYPE`; `TYPE` may be `source`. The pattern is searched for anywhere in the name.
    /// Errors: `Value` that names what is wrong; `Data` for a type that is unknown or has no codec.
    pub fn parse(text: &str) -> Result<Self, WeightsError> {
        let wrong = |expected, got| WeightsError::Value { expected, got };
        let (pattern, to) =
            text.rsplit_once('=').ok_or_else(|| wrong("a rule REGEX=TYPE", excerpt(text.as_bytes())))?;
        let pattern = Regex::new(pattern).map_err(|e| wrong("a regular expression", e.to_string()))?;
        let to = match to {
            "source" => None,
            name => Some(name.parse::<DType>()?),
        };
        if let Some(dtype) = to {
            dtype.codec()?;
        }
        Ok(Self { text: text.to_owned(), pattern, to })
    }
}

/// Why a tensor gets its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A matrix: gets the type asked for.
    Asked,
    /// A rule matched.
    Rule(String),
    /// The row length is no multiple of the block of the type wanted.
    RowLength {
        /// Elements per row.
        row: u64,
        /// The type that was wanted.
        #[serde(serialize_with = "name")]
        wanted: DType,
    },
    /// A vector, norm, embedding of positions or the like: left alone.
    Small,
}

/// What becomes of one tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Its name.
    pub tensor: String,
    /// Its elements.
    pub elements: u64,
    /// Its type in the source.
    #[serde(serialize_with = "name")]
    pub from: DType,
    /// Its type in the output.
    #[serde(serialize_with = "name")]
    pub to: DType,
    /// Why.
    pub reason: Reason,
}

fn name<S: Serializer>(dtype: &DType, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(dtype.name())
}

/// Apply a recipe to all tensors of a model, in file order. Errors: `NoCodec` (in the tensor) where a tensor
/// would have to be converted from a format without one; `RuleUnused`.
pub fn choose(model: &Model, recipe: &Recipe) -> Result<Vec<Choice>, WeightsError> {
    recipe.to.codec()?;
    for rule in &recipe.rules {
        if !model.tensors().iter().any(|info| rule.pattern.is_match(&info.name)) {
            let rule = excerpt(rule.text.as_bytes());
            return Err(WeightsError::RuleUnused { rule }.in_file(model.path()));
        }
    }
    let choices = model.tensors().iter().map(|info| {
        let choice = choice_for(info, recipe);
        if choice.from != choice.to {
            let codec = choice.from.codec().map(|_| ());
            codec.map_err(|e| WeightsError::from(e).in_tensor(info.name.as_bytes()).in_file(model.path()))?;
        }
        Ok(choice)
    });
    choices.collect()
}

fn choice_for(info: &TensorInfo, recipe: &Recipe) -> Choice {
    let rule = recipe.rules.iter().find(|rule| rule.pattern.is_match(&info.name));
    let (wanted, reason) = match rule {
        Some(rule) => (rule.to.unwrap_or(info.dtype), Reason::Rule(rule.text.clone())),
        None if is_matrix(info) => (recipe.to, Reason::Asked),
        None => (info.dtype, Reason::Small),
    };
    let row = info.shape.row_len();
    let mut to = wanted;
    while !row.is_multiple_of(to.block_len() as u64) {
        to = to.fallback().expect("formats with blocks have a fallback, plain numbers fit any row");
    }
    let reason = if to == wanted { reason } else { Reason::RowLength { row, wanted } };
    Choice { tensor: info.name.to_string(), elements: info.shape.elements(), from: info.dtype, to, reason }
}

/// Two dimensions or more beyond 1, named `….weight`, numbers, and none of those left alone.
fn is_matrix(info: &TensorInfo) -> bool {
    let wide = info.shape.dims().iter().filter(|d| **d > 1).count() >= 2;
    let left_alone = LEFT_ALONE.iter().any(|part| info.name.contains(part));
    // Whole numbers and F64 are tables of some kind; quantized formats without a codec are refused instead.
    let numbers = info.dtype.is_supported() || info.dtype.block_len() > 1;
    wide && numbers && info.name.ends_with(".weight") && !left_alone
}
