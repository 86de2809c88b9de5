//! Gemma 3's text model, alone or in Gemma 3 and MedGemma: sliding and full layers with rotations of their own,
//! norms on both sides of attention and MLP, norms on queries and keys, image blocks that attend both ways.
//! Source: transformers `modeling_gemma3.py`; llama.cpp's architecture `gemma3`.

use bedside_compute::{Activation, Pairing};
use bedside_weights::Model;

use crate::ModelsError;
use crate::config::{Config, MAX_LAYERS, MAX_SIZE};
use crate::decoder_names::{NormNames, decoder_names};
use crate::gguf_config::{GgufConfig, inverse_root};
use crate::hf_decoder::{self, DecoderDefaults, text_section};
use crate::language::Language;
use crate::name_table::NameTable;
use crate::qwen2::layer_types;
use crate::towers::decoder::{Decoder, Layer, Norms, Rotation};

const GEMMA3: DecoderDefaults = DecoderDefaults {
    vocabulary: 262_208,
    width: 2304,
    hidden: 9216,
    layers: 26,
    heads: 8,
    kv_heads: Some(4),
    head_dim: Some(256),
    context: 131_072,
    eps: 1e-6,
    theta: 1_000_000.0,
    tied: true,
};
/// The keys' defaults in `Gemma3TextConfig`.
const QUERY_PRE_ATTN_SCALAR: f64 = 256.0;
const SLIDING_WINDOW: u64 = 4096;
const SLIDING_THETA: f64 = 10_000.0;
/// Every sixth layer sees all keys.
const PATTERN: u64 = 6;
/// Blocks of the 27B model, which alone scales by width / heads; GGUF files have no key for it.
const BLOCKS_27B: usize = 62;

/// Text models of this type.
pub(crate) const TYPES: &[&str] = &["gemma3_text"];

pub(crate) fn read(model: &Model) -> Result<Language, ModelsError> {
    let config = text_section(model)?;
    if config.bool("use_bidirectional_attention")? == Some(true) {
        return Err(config.refused("use_bidirectional_attention", "false: encoders do not continue texts"));
    }
    let mut decoder = hf_decoder::decoder(model, &config, &GEMMA3)?;
    decoder.norms.plus_one = true;
    decoder.activation = config.activation("hidden_activation")?.unwrap_or(Activation::GeluTanh);
    let scalar = config.positive("query_pre_attn_scalar")?.unwrap_or(QUERY_PRE_ATTN_SCALAR);
    decoder.attention_scale = inverse_root(scalar);
    decoder.attention_softcap = config.positive("attn_logit_softcapping")?.map(|cap| cap as f32);
    decoder.logit_softcap = config.positive("final_logit_softcapping")?.map(|cap| cap as f32);
    let window = config.size("sliding_window", MAX_SIZE)?.unwrap_or(SLIDING_WINDOW);
    let pattern = match config.size("sliding_window_pattern", MAX_LAYERS)? {
        Some(pattern) => Some(pattern),
        None => config.size("_sliding_window_pattern", MAX_LAYERS)?,
    };
    let (rope, sliding_rope) = rotations(&config, decoder.head_dim)?;
    decoder.rope = rope;
    shape(&mut decoder, window, pattern.unwrap_or(PATTERN), sliding_rope);
    if let Some(types) = layer_types(&config)? {
        decoder.layers = types;
    }
    Ok(Language { architecture: "Gemma 3", decoder, names: decoder_names(model, NormNames::Gemma) })
}

/// In these files 1 is added to the norms already.
pub(crate) fn read_gguf(config: &GgufConfig<'_>) -> Result<Language, ModelsError> {
    let mut decoder = config.decoder(Pairing::Neox)?;
    decoder.activation = Activation::GeluTanh;
    if decoder.layers.len() == BLOCKS_27B {
        decoder.attention_scale = inverse_root(decoder.width as f64 / decoder.heads as f64);
    }
    decoder.attention_softcap = config.positive("attn_logit_softcapping")?.map(|cap| cap as f32);
    decoder.logit_softcap = config.positive("final_logit_softcapping")?.map(|cap| cap as f32);
    let window = config.required("attention.sliding_window", MAX_SIZE)?;
    let pattern = config.size("attention.sliding_window_pattern", MAX_LAYERS)?.unwrap_or(PATTERN);
    let theta = config.positive("rope.freq_base_swa")?.unwrap_or(SLIDING_THETA) as f32;
    // Only full layers are stretched.
    let sliding_rope = Rotation { theta, position_scale: 1.0, ..decoder.rope.clone() };
    shape(&mut decoder, window, pattern, sliding_rope);
    Ok(Language { architecture: "Gemma 3", decoder, names: NameTable::gguf() })
}

/// What both layouts have in common.
fn shape(decoder: &mut Decoder, window: u64, pattern: u64, sliding_rope: Rotation) {
    decoder.norms = Norms { behind: true, heads: true, ..decoder.norms };
    decoder.embedding_scale = Some((decoder.width as f64).sqrt() as f32);
    decoder.window = Some(window as u32); // fits: at most MAX_SIZE
    decoder.sliding_rope = Some(sliding_rope);
    decoder.image_blocks = true;
    let full = |number: u64| (number + 1).is_multiple_of(pattern);
    let numbers = 0..decoder.layers.len() as u64;
    decoder.layers = numbers.map(|n| if full(n) { Layer::Full } else { Layer::Sliding }).collect();
}

/// Of full and of sliding layers. Errors: `Config`.
fn rotations(config: &Config<'_>, head_dim: u64) -> Result<(Rotation, Rotation), ModelsError> {
    let parameters = config.section("rope_parameters")?;
    let kinds = parameters.map(|parameters| {
        Ok::<_, ModelsError>((
            parameters.section("full_attention")?,
            parameters.section("sliding_attention")?,
        ))
    });
    if let Some((Some(full), Some(sliding))) = kinds.transpose()? {
        let of = |section: &Config<'_>, theta| hf_decoder::inner_rotation(section, theta, head_dim);
        return Ok((of(&full, GEMMA3.theta)?, of(&sliding, SLIDING_THETA)?));
    }
    let full = hf_decoder::rotation(config, "rope_theta", GEMMA3.theta, head_dim)?;
    let theta = config.positive("rope_local_base_freq")?.unwrap_or(SLIDING_THETA) as f32;
    let sliding = Rotation { theta, position_scale: 1.0, ..full.clone() };
    Ok((full, sliding))
}
