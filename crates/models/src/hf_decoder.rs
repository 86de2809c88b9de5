//! What the configurations of text models stored by transformers share: sizes, rotation, ties.
//! Source: transformers `configuration_llama.py`, `modeling_rope_utils.py`.

use std::f64::consts::TAU;

use bedside_compute::{Activation, Pairing, RopeAxes};
use bedside_weights::Model;

use crate::ModelsError;
use crate::config::{Config, MAX_LAYERS, MAX_SIZE};
use crate::decoder_names::{NormNames, decoder_names};
use crate::gguf_config::inverse_root;
use crate::hugging_face::CONFIG;
use crate::towers::decoder::{Biases, Decoder, Factors, Layer, Norms, Rotation};

/// What a configuration class has where its file says nothing.
pub(crate) struct DecoderDefaults {
    pub(crate) vocabulary: u64,
    pub(crate) width: u64,
    pub(crate) hidden: u64,
    pub(crate) layers: u64,
    pub(crate) heads: u64,
    /// `None`: as many as heads.
    pub(crate) kv_heads: Option<u64>,
    /// `None`: width / heads.
    pub(crate) head_dim: Option<u64>,
    pub(crate) context: u64,
    pub(crate) eps: f64,
    pub(crate) theta: f64,
    pub(crate) tied: bool,
}

/// The section that describes the text model of a folder: `text_config` of one that takes images too, else
/// the whole file. Errors: `FileMissing`, `Config`.
pub(crate) fn text_section<'a>(model: &'a Model) -> Result<Config<'a>, ModelsError> {
    let config = Config::of(model, CONFIG)?;
    Ok(config.section("text_config")?.unwrap_or(config))
}

/// `model_type` of that section, or where it says nothing, what the whole model implies.
pub(crate) fn text_type(model: &Model) -> Option<&str> {
    let config = model.config(CONFIG)?;
    let whole = config.get("model_type").and_then(|name| name.as_str());
    let Some(section) = config.get("text_config").filter(|section| section.is_object()) else { return whole };
    match section.get("model_type").and_then(|name| name.as_str()) {
        Some(name) => Some(name),
        None => match whole? {
            "llava" | "llava_next" | "idefics3" | "smolvlm" => Some("llama"),
            "gemma3" => Some("gemma3_text"),
            whole => Some(whole),
        },
    }
}

/// The decoder that `config` describes: Llama's where it says nothing else. Errors: `Config`.
pub(crate) fn decoder(
    model: &Model,
    config: &Config<'_>,
    defaults: &DecoderDefaults,
) -> Result<Decoder, ModelsError> {
    let size = |key: &str, default: u64| Ok::<_, ModelsError>(config.size(key, MAX_SIZE)?.unwrap_or(default));
    let width = size("hidden_size", defaults.width)?;
    let heads = size("num_attention_heads", defaults.heads)?;
    let head_dim = match config.size("head_dim", MAX_SIZE)?.or(defaults.head_dim) {
        Some(head_dim) => head_dim,
        None => {
            crate::config::check_heads(config, "num_attention_heads", width, heads)?;
            width / heads
        }
    };
    let layers = config.size("num_hidden_layers", MAX_LAYERS)?.unwrap_or(defaults.layers);
    if config.positive("partial_rotary_factor")?.is_some_and(|factor| factor < 1.0) {
        return Err(config.refused("partial_rotary_factor", "1: heads that turn in part are not run"));
    }
    let bias = config.bool("attention_bias")? == Some(true);
    Ok(Decoder {
        vocabulary: size("vocab_size", defaults.vocabulary)?,
        width,
        hidden: size("intermediate_size", defaults.hidden)?,
        heads,
        kv_heads: size("num_key_value_heads", defaults.kv_heads.unwrap_or(heads))?,
        head_dim,
        context: size("max_position_embeddings", defaults.context)?,
        eps: config.positive("rms_norm_eps")?.unwrap_or(defaults.eps) as f32,
        activation: config.activation("hidden_act")?.unwrap_or(Activation::Silu),
        layers: vec![Layer::Full; layers as usize],
        window: None,
        rope: rotation(config, "rope_theta", defaults.theta, head_dim)?,
        sliding_rope: None,
        axes: RopeAxes::One,
        norms: Norms::PLAIN,
        biases: Biases { qkv: bias, output: bias, mlp: config.bool("mlp_bias")? == Some(true) },
        embedding_scale: None,
        attention_scale: inverse_root(head_dim as f64),
        attention_softcap: None,
        logit_softcap: None,
        tied: tied(model, config, defaults.tied)?,
        image_blocks: false,
    })
}

/// `tie_word_embeddings` of the text model, which decides in transformers; where it says nothing, a file that
/// has a matrix of its own for the logits means it. Errors: `Config`.
fn tied(model: &Model, config: &Config<'_>, default: bool) -> Result<bool, ModelsError> {
    const KEY: &str = "tie_word_embeddings";
    if let Some(tied) = config.bool(KEY)? {
        return Ok(tied);
    }
    let head = decoder_names(model, NormNames::Llama).locate("output.weight");
    if !default && head.is_some_and(|(head, _)| model.find(&head).is_some()) {
        return Ok(false);
    }
    Ok(Config::of(model, CONFIG)?.bool(KEY)?.unwrap_or(default))
}

/// How queries and keys turn: `rope_theta` with `rope_scaling`, or both in `rope_parameters`.
/// Errors: `Config`; a scaling this build does not know.
pub(crate) fn rotation(
    config: &Config<'_>,
    theta_key: &str,
    theta: f64,
    head_dim: u64,
) -> Result<Rotation, ModelsError> {
    let parameters = config.section("rope_parameters")?;
    let scaling = match &parameters {
        Some(parameters) => Some(parameters.clone()),
        None => config.section("rope_scaling")?,
    };
    let stated = config.positive(theta_key)?;
    let inside = parameters.as_ref().map(|section| section.positive("rope_theta")).transpose()?.flatten();
    scaled(scaling.as_ref(), inside.or(stated).unwrap_or(theta), head_dim)
}

/// The same out of one section that holds both. Errors: as [`rotation`].
pub(crate) fn inner_rotation(
    section: &Config<'_>,
    theta: f64,
    head_dim: u64,
) -> Result<Rotation, ModelsError> {
    let theta = section.positive("rope_theta")?.unwrap_or(theta);
    scaled(Some(section), theta, head_dim)
}

fn scaled(scaling: Option<&Config<'_>>, theta: f64, head_dim: u64) -> Result<Rotation, ModelsError> {
    let mut rotation = Rotation {
        pairing: Pairing::Neox,
        rotary: head_dim as u32, // fits: at most MAX_SIZE
        theta: theta as f32,
        position_scale: 1.0,
        factors: Factors::None,
    };
    if let Some(scaling) = scaling {
        scale(&mut rotation, scaling, theta)?;
    }
    Ok(rotation)
}

fn scale(rotation: &mut Rotation, scaling: &Config<'_>, theta: f64) -> Result<(), ModelsError> {
    let (key, kind) = match scaling.text("rope_type")? {
        Some(kind) => ("rope_type", kind),
        None => ("type", scaling.text("type")?.unwrap_or("default")),
    };
    match kind {
        // What only says where the sections of M-RoPE end.
        "default" | "mrope" => {}
        "linear" => rotation.position_scale = required(scaling, "factor")? as f32,
        "llama3" => rotation.factors = Factors::Numbers(llama3(rotation.rotary, scaling, theta)?),
        _ => return Err(scaling.refused(key, "default, linear or llama3: others are not run")),
    }
    Ok(())
}

fn llama3(rotary: u32, scaling: &Config<'_>, theta: f64) -> Result<Vec<f32>, ModelsError> {
    let stretch = Llama3 {
        factor: required(scaling, "factor")?,
        low: required(scaling, "low_freq_factor")?,
        high: required(scaling, "high_freq_factor")?,
        trained: required(scaling, "original_max_position_embeddings")?,
    };
    if stretch.high <= stretch.low {
        let expected = format!("more than {}", stretch.low);
        return Err(scaling.contradicts("high_freq_factor", expected, stretch.high));
    }
    Ok(stretch.divisors(rotary, theta))
}

/// Llama 3's way to longer contexts. Source: transformers `_compute_llama3_parameters`.
struct Llama3 {
    factor: f64,
    /// Turns within the trained context: fewer are stretched by the whole factor …
    low: f64,
    /// … and more not at all.
    high: f64,
    trained: f64,
}

impl Llama3 {
    /// Of the frequencies: 1 for those that turn fast, the factor for those that turn slowly, between them a
    /// mean of the frequencies.
    fn divisors(&self, rotary: u32, theta: f64) -> Vec<f32> {
        let divisor = |i: u32| {
            let frequency = theta.powf(-2.0 * f64::from(i) / f64::from(rotary));
            let turns = self.trained * frequency / TAU;
            let smooth = ((turns - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
            (1.0 / ((1.0 - smooth) / self.factor + smooth)) as f32
        };
        (0..rotary / 2).map(divisor).collect()
    }
}

fn required(config: &Config<'_>, key: &str) -> Result<f64, ModelsError> {
    config.positive(key)?.ok_or_else(|| config.refused(key, "a number above 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Llama 3.1 8B, whose GGUF files hold the same numbers as `rope_freqs.weight`.
    #[test]
    fn slow_turns_are_stretched() {
        let stretch = Llama3 { factor: 8.0, low: 1.0, high: 4.0, trained: 8192.0 };
        let divisors = stretch.divisors(128, 500_000.0);
        assert_eq!((divisors.len(), divisors[0], divisors[63]), (64, 1.0, 8.0));
        assert!(divisors.windows(2).all(|pair| pair[0] <= pair[1]));
        // The wavelength of pair 30 is 2949 positions: between 8192 / 4 and 8192.
        let (turns, smooth) = (8192.0 / (TAU * 500_000f64.powf(60.0 / 128.0)), |t: f64| (t - 1.0) / 3.0);
        let mean = 1.0 / ((1.0 - smooth(turns)) / 8.0 + smooth(turns));
        assert!((f64::from(divisors[30]) - mean).abs() < 1e-6 && divisors[30] > 1.0, "{}", divisors[30]);
        let first = divisors.iter().position(|divisor| *divisor > 1.0).unwrap();
        let whole = divisors.iter().position(|divisor| *divisor == 8.0).unwrap();
        assert!(first < 30 && 30 < whole, "{first} {whole}");
    }
}
