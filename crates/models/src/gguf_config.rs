//! The keys of a text model in GGUF: `{architecture}.{key}`, each with a type and a range.
//! Source: gguf-py `constants.py`, llama.cpp `llama-model.cpp`.

use bedside_compute::{Activation, Pairing, RopeAxes};
use bedside_weights::gguf::Array;
use bedside_weights::{Layout, Model};

use crate::ModelsError;
use crate::config::{MAX_LAYERS, MAX_SIZE};
use crate::towers::decoder::{Biases, Decoder, Factors, Layer, Norms, Rotation};

/// File in errors about keys.
const METADATA: &str = "metadata";
/// Rotation base where a file names none (llama.cpp's default).
const THETA: f64 = 10_000.0;
/// Name of the token table; its rows are the vocabulary.
const TOKEN_TABLE: &str = "token_embd.weight";

/// The metadata of one architecture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GgufConfig<'a> {
    model: &'a Model,
    architecture: &'a str,
}

impl<'a> GgufConfig<'a> {
    /// `None`: no GGUF file, or one without an architecture.
    pub(crate) fn of(model: &'a Model) -> Option<Self> {
        if !matches!(model.layout(), Layout::Gguf | Layout::GgufSplit) {
            return None;
        }
        let architecture = model.metadata().str("general.architecture").ok().flatten()?;
        Some(Self { model, architecture })
    }

    /// `general.architecture`.
    pub(crate) fn architecture(&self) -> &'a str {
        self.architecture
    }

    /// Whether the file has a tensor of this name.
    pub(crate) fn has(&self, tensor: &str) -> bool {
        self.model.find(tensor).is_some()
    }

    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    /// A size from 1 to `most`. `None`: absent. Errors: `Config`, a value of another type.
    pub(crate) fn size(&self, key: &str, most: u64) -> Result<Option<u64>, ModelsError> {
        let size = self.model.metadata().unsigned(&self.key(key))?;
        match size {
            Some(size) if !(1..=most).contains(&size) => {
                Err(self.wrong(key, format!("an integer from 1 to {most}"), size))
            }
            size => Ok(size),
        }
    }

    /// As [`GgufConfig::size`], but it must be there.
    pub(crate) fn required(&self, key: &str, most: u64) -> Result<u64, ModelsError> {
        self.size(key, most)?
            .ok_or_else(|| self.wrong(key, format!("an integer from 1 to {most}"), "nothing"))
    }

    /// A finite number above 0. `None`: absent. Errors: `Config`, a value of another type.
    pub(crate) fn positive(&self, key: &str) -> Result<Option<f64>, ModelsError> {
        match self.model.metadata().float(&self.key(key))? {
            Some(number) if !(number.is_finite() && number > 0.0) => {
                Err(self.wrong(key, "a number above 0", number))
            }
            number => Ok(number),
        }
    }

    /// Four numbers: pairs that turn by time, row and column, and a fourth that is 0.
    /// Errors: `Config`, a value of another type.
    pub(crate) fn sections(&self) -> Result<[u32; 3], ModelsError> {
        const KEY: &str = "rope.dimension_sections";
        let wrong = |got: &str| self.wrong(KEY, "four integers, the last 0", got);
        let sections: Vec<u32> = match self.model.metadata().array(&self.key(KEY))? {
            Some(Array::I32(numbers)) => numbers.iter().filter_map(|n| u32::try_from(*n).ok()).collect(),
            Some(Array::U32(numbers)) => numbers.clone(),
            Some(_) => return Err(wrong("other elements")),
            None => return Err(wrong("nothing")),
        };
        match sections[..] {
            [time, row, column] | [time, row, column, 0] => Ok([time, row, column]),
            _ => Err(wrong(&format!("{sections:?}"))),
        }
    }

    /// Errors: `Config` where the key says that the model is of a kind this build does not run.
    pub(crate) fn refuse(&self, key: &str, why: &str) -> Result<(), ModelsError> {
        match self.model.metadata().unsigned(&self.key(key))? {
            None | Some(0) => Ok(()),
            Some(got) => Err(self.wrong(key, format!("0: {why}"), got)),
        }
    }

    /// A value that this architecture cannot have.
    pub(crate) fn wrong(&self, key: &str, expected: impl ToString, got: impl ToString) -> ModelsError {
        let (expected, got) = (expected.to_string(), got.to_string());
        ModelsError::Config { file: METADATA, key: self.key(key), expected, got }
    }

    /// How queries and keys turn. Errors: `Config`; a scaling this build does not know.
    pub(crate) fn rotation(&self, pairing: Pairing, head_dim: u64) -> Result<Rotation, ModelsError> {
        let rotary = self.size("rope.dimension_count", head_dim)?.unwrap_or(head_dim);
        let factors = if self.has("rope_freqs.weight") { Factors::Weight } else { Factors::None };
        Ok(Rotation {
            pairing,
            rotary: rotary as u32, // fits: at most MAX_SIZE
            theta: self.positive("rope.freq_base")?.unwrap_or(THETA) as f32,
            position_scale: self.position_scale()?,
            factors,
        })
    }

    fn position_scale(&self) -> Result<f32, ModelsError> {
        let kind = self.model.metadata().str(&self.key("rope.scaling.type"))?;
        match kind {
            // Before the type had a key, a factor meant linear scaling.
            None => Ok(self.positive("rope.scale_linear")?.unwrap_or(1.0) as f32),
            Some("none") => Ok(1.0),
            Some("linear") => Ok(self.positive("rope.scaling.factor")?.unwrap_or(1.0) as f32),
            Some(other) => {
                let got = crate::config::shown(other);
                Err(self.wrong("rope.scaling.type", "none or linear: others are not run", got))
            }
        }
    }

    /// What all decoders have keys for; the rest as Llama has it.
    /// Errors: `Config`, what is missing; `Tensor` for a token table that is no matrix.
    pub(crate) fn decoder(&self, pairing: Pairing) -> Result<Decoder, ModelsError> {
        self.refuse("expert_count", "mixtures of experts are not run")?;
        let layers = self.required("block_count", MAX_LAYERS)?;
        let width = self.required("embedding_length", MAX_SIZE)?;
        let heads = self.required("attention.head_count", MAX_SIZE)?;
        let head_dim = match self.size("attention.key_length", MAX_SIZE)? {
            Some(head_dim) => head_dim,
            None if width.is_multiple_of(heads) => width / heads,
            None => return Err(self.wrong("attention.head_count", format!("a divisor of {width}"), heads)),
        };
        let values = self.size("attention.value_length", MAX_SIZE)?.unwrap_or(head_dim);
        if values != head_dim {
            return Err(self.wrong("attention.value_length", format!("that of keys, {head_dim}"), values));
        }
        let eps = self.positive("attention.layer_norm_rms_epsilon")?;
        let eps = eps.ok_or_else(|| self.wrong("attention.layer_norm_rms_epsilon", "a number", "nothing"))?;
        Ok(Decoder {
            vocabulary: self.vocabulary()?,
            width,
            hidden: self.required("feed_forward_length", MAX_SIZE)?,
            heads,
            kv_heads: self.size("attention.head_count_kv", heads)?.unwrap_or(heads),
            head_dim,
            context: self.required("context_length", MAX_SIZE)?,
            eps: eps as f32,
            activation: Activation::Silu,
            layers: vec![Layer::Full; layers as usize],
            window: None,
            rope: self.rotation(pairing, head_dim)?,
            sliding_rope: None,
            axes: RopeAxes::One,
            norms: Norms::PLAIN,
            biases: self.biases(),
            embedding_scale: None,
            attention_scale: inverse_root(head_dim as f64),
            attention_softcap: None,
            logit_softcap: None,
            tied: !self.has("output.weight"),
            image_blocks: false,
        })
    }

    /// Those of the first block; whoever has them in one has them in all, or a weight is missing.
    fn biases(&self) -> Biases {
        Biases {
            qkv: self.has("blk.0.attn_q.bias"),
            output: self.has("blk.0.attn_output.bias"),
            mlp: self.has("blk.0.ffn_up.bias"),
        }
    }

    fn vocabulary(&self) -> Result<u64, ModelsError> {
        let info = self.model.info(TOKEN_TABLE)?;
        match info.shape.dims() {
            [rows, _] => Ok(*rows),
            _ => Err(ModelsError::Tensor {
                name: TOKEN_TABLE.to_owned(),
                expected: "a matrix, one row for each token".to_owned(),
                got: info.shape.to_string(),
            }),
        }
    }
}

/// 1 / √x, the factor on products of heads of this width.
pub(crate) fn inverse_root(x: f64) -> f32 {
    (1.0 / x.sqrt()) as f32
}
