//! OpenCLIP folders (`open_clip_config.json`): its own towers, timm image towers, transformers text towers.
//! BiomedCLIP is a timm ViT with a BERT; EchoCLIP a timm ConvNeXt with OpenCLIP's text tower.
//! Source: open_clip `model.py`, `transformer.py`, `timm_model.py`, `hf_model.py`.

mod bert_text;
mod native_text;
mod native_vision;
mod timm_vision;

use bedside_compute::Activation;
use bedside_imaging::{OpenClipPreprocess, OpenClipSize, Preprocessing};
use bedside_weights::{Layout, Model};

use crate::ModelsError;
use crate::config::{Config, MAX_IMAGE_SIDE, MAX_SIZE};
use crate::description::{Description, ScoreActivation, Scores, Text, Vision};
use crate::hugging_face;
use crate::name_table::{NameTable, Row};
use crate::tokenizer_files::ReadTokenizer;
use crate::towers::VisionTower;
use crate::towers::projection::Projection;

pub(crate) const CONFIG: &str = "open_clip_config.json";

/// What a reader of one side gives: the side itself, and its rows of the name table.
pub(crate) type Side<T> = (T, Vec<&'static [Row]>);

pub(crate) fn matches(model: &Model) -> bool {
    model.layout() == Layout::OpenClip
}

pub(crate) fn read(model: &Model) -> Result<Description, ModelsError> {
    let config = Config::of(model, CONFIG)?;
    let cfg = config.required_section("model_cfg")?;
    let embed = cfg.size("embed_dim", MAX_SIZE)?;
    let embed = embed.ok_or_else(|| cfg.refused("embed_dim", "the width of the embedding"))?;
    if cfg.get("multimodal_cfg").is_some() {
        return Err(cfg.refused("multimodal_cfg", "nothing: CoCa's decoder is not read"));
    }
    let vision_cfg = cfg.required_section("vision_cfg")?;
    let text_cfg = cfg.required_section("text_cfg")?;
    let quick = cfg.bool("quick_gelu")?.unwrap_or(false);
    let vision_activation = activation(&vision_cfg, quick)?;
    let (vision, vision_names) = vision(model, &config, &vision_cfg, embed, vision_activation)?;
    let text_activation = activation(&text_cfg, quick)?;
    let (text, tokenizer, text_names) = text(model, &text_cfg, embed, text_activation)?;
    let bias = model.find("logit_bias").map(|_| hugging_face::scalar(model, "logit_bias")).transpose()?;
    let scores = Scores {
        log_scale: hugging_face::scalar(model, "logit_scale")?,
        bias,
        // A bias is learned with the sigmoid loss only.
        activation: if bias.is_some() { ScoreActivation::Sigmoid } else { ScoreActivation::Softmax },
    };
    let names = NameTable { layout: "OpenCLIP", rows: [vision_names, text_names].concat() };
    Ok(Description {
        architecture: "OpenCLIP".to_owned(),
        vision: Some(vision),
        text: Some(text),
        scores,
        names,
        tokenizer: Some(tokenizer),
    })
}

/// Of OpenCLIP's own towers: GELU (erf) unless `quick_gelu`, or `act_kwargs` with PyTorch's `approximate`.
fn activation(cfg: &Config<'_>, quick: bool) -> Result<Activation, ModelsError> {
    let kwargs = cfg.section("act_kwargs")?;
    let approximate = kwargs.as_ref().map(|kwargs| kwargs.text("approximate")).transpose()?.flatten();
    match (quick, approximate) {
        (true, _) => Ok(Activation::QuickGelu),
        (false, None | Some("none")) => Ok(Activation::GeluErf),
        (false, Some("tanh")) => Ok(Activation::GeluTanh),
        (false, Some(_)) => Err(cfg.refused("act_kwargs", "approximate tanh or none")),
    }
}

fn vision(
    model: &Model,
    config: &Config<'_>,
    cfg: &Config<'_>,
    embed: u64,
    activation: Activation,
) -> Result<Side<Vision>, ModelsError> {
    let image = cfg.sides("image_size", MAX_IMAGE_SIDE)?.unwrap_or([224, 224]);
    let preprocessing = preprocessing(config, image)?;
    let (tower, projection, names) = match cfg.text("timm_model_name")? {
        Some(name) => timm_vision::read(model, cfg, name, image)?,
        None => native_vision::read(model, cfg, image, activation)?,
    };
    Ok((Vision { tower, embed, projection, preprocessing }, names))
}

/// `preprocess_cfg`, with the image size of the model.
fn preprocessing(config: &Config<'_>, image: [u64; 2]) -> Result<Preprocessing, ModelsError> {
    let empty = serde_json::json!({});
    let value = config.get("preprocess_cfg").unwrap_or(&empty);
    let parsed: OpenClipPreprocess = hugging_face::parsed(CONFIG, value)?;
    // Fits: sides are at most MAX_IMAGE_SIDE.
    let size = OpenClipSize::Pair(image.map(|side| side as i64));
    let preprocessing = parsed.preprocessing(Some(size))?;
    hugging_face::check_image(CONFIG, &preprocessing, image)?;
    Ok(preprocessing)
}

type TextSide = (Text, ReadTokenizer, Vec<&'static [Row]>);
/// Tower, projection, and their rows of the name table.
type TowerSide = (VisionTower, Projection, Vec<&'static [Row]>);

fn text(
    model: &Model,
    cfg: &Config<'_>,
    embed: u64,
    activation: Activation,
) -> Result<TextSide, ModelsError> {
    match cfg.text("hf_model_name")? {
        Some(name) => bert_text::read(model, cfg, name, embed),
        None => native_text::read(model, cfg, embed, activation),
    }
}

/// Rows and columns of a matrix of the file, for sizes that no configuration states.
/// Errors: it is missing, or no matrix.
fn matrix(model: &Model, name: &str) -> Result<[u64; 2], ModelsError> {
    let info = model.info(name)?;
    match info.shape.dims() {
        &[rows, columns] if rows > 0 && columns > 0 => Ok([rows, columns]),
        _ => {
            let expected = "a matrix".to_owned();
            Err(ModelsError::Tensor { name: name.to_owned(), expected, got: info.shape.to_string() })
        }
    }
}

/// How many of `…{n}…` there are, from 0 on.
fn count(model: &Model, name: impl Fn(u64) -> String) -> u64 {
    (0..crate::config::MAX_LAYERS).take_while(|n| model.find(&name(*n)).is_some()).count() as u64
}
