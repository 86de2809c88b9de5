//! OpenAI's CLIP as transformers stores it (`CLIPModel`): PubMedCLIP and most fine-tuned ones too.
//! Source: transformers `modeling_clip.py`, `configuration_clip.py`.

use bedside_compute::Activation;
use bedside_weights::Model;

use crate::ModelsError;
use crate::config::{Config, MAX_IMAGE_SIDE, MAX_SIZE};
use crate::description::{Description, ScoreActivation, Scores, Text, Vision};
use crate::hugging_face::{self, CONFIG, Defaults, TOWERS};
use crate::name_table::{NameTable, Part, Row};
use crate::registry::model_type;
use crate::tokenizer::Cleaning;
use crate::tokenizer_files;
use crate::towers::clip_text::{ClipText, TextPool};
use crate::towers::encoder::NormOrder;
use crate::towers::projection::Projection;
use crate::towers::vit::{FinalNorm, Vit, VitInput, VitPool};
use crate::towers::{TextTower, VisionTower};

/// Configurations with this end token take the first token with the largest id instead: the first published
/// checkpoints say 2 and mean 49407.
const LEGACY_END_TOKEN: u32 = 2;

const VISION: Defaults = Defaults {
    width: 768,
    hidden: 3072,
    layers: 12,
    heads: 12,
    activation: Activation::QuickGelu,
    eps: 1e-5,
};
const TEXT: Defaults =
    Defaults { width: 512, hidden: 2048, layers: 12, heads: 8, activation: Activation::QuickGelu, eps: 1e-5 };
const PROJECTION_DIM: u64 = 512;
const END_TOKEN: u32 = 49_407;
/// Pads where the folder names no padding token; behind the end token it has no influence.
const END_OF_TEXT: &str = "<|endoftext|>";

const PROJECTIONS: &[Row] = &[
    ("visual_projection.weight", "visual_projection.weight", Part::Whole),
    ("text_projection.weight", "text_projection.weight", Part::Whole),
];

pub(crate) fn matches(model: &Model) -> bool {
    model_type(model) == Some("clip")
}

pub(crate) fn read(model: &Model) -> Result<Description, ModelsError> {
    let config = Config::of(model, CONFIG)?;
    let embed = config.size("projection_dim", MAX_SIZE)?.unwrap_or(PROJECTION_DIM);
    let scores = Scores {
        log_scale: hugging_face::scalar(model, "logit_scale")?,
        bias: None,
        activation: ScoreActivation::Softmax,
    };
    let tower = text_tower(&hugging_face::section(&config, "text_config")?)?;
    let read = tokenizer_files::hugging_face(model, Cleaning::None, tower.context, Some(END_OF_TEXT))?;
    let text = Text {
        tower: TextTower::ClipText(tower),
        embed,
        projection: Projection::Linear { bias: false },
        tokenizer: read.tokenizer.rules().clone(),
    };
    Ok(Description {
        architecture: "CLIP".to_owned(),
        vision: Some(vision(model, &hugging_face::section(&config, "vision_config")?, embed)?),
        text: Some(text),
        scores,
        names: NameTable { layout: "CLIPModel", rows: vec![TOWERS, PROJECTIONS] },
        tokenizer: Some(read),
    })
}

fn vision(model: &Model, config: &Config<'_>, embed: u64) -> Result<Vision, ModelsError> {
    let image = config.sides("image_size", MAX_IMAGE_SIDE)?.unwrap_or([224, 224]);
    let tower = Vit {
        input: VitInput::Pixels { image },
        patch: config.size("patch_size", image[0].min(image[1]))?.unwrap_or(32),
        encoder: hugging_face::encoder(config, &VISION, NormOrder::Pre)?,
        patch_bias: false,
        class_token: true,
        class_position: true,
        pre_norm: true,
        final_norm: FinalNorm::AfterPool,
        pool: VitPool::Class,
    };
    let preprocessing = hugging_face::preprocessing(model)?;
    hugging_face::check_image(hugging_face::PREPROCESSOR, &preprocessing, image)?;
    let projection = Projection::Linear { bias: false };
    Ok(Vision { tower: VisionTower::Vit(tower), embed, projection, preprocessing })
}

fn text_tower(config: &Config<'_>) -> Result<ClipText, ModelsError> {
    let pool = match config.id("eos_token_id")?.unwrap_or(END_TOKEN) {
        LEGACY_END_TOKEN => TextPool::LargestId,
        id => TextPool::EndToken { id },
    };
    Ok(ClipText {
        vocabulary: config.size("vocab_size", MAX_SIZE)?.unwrap_or(49_408),
        context: config.size("max_position_embeddings", MAX_SIZE)?.unwrap_or(77),
        encoder: hugging_face::encoder(config, &TEXT, NormOrder::Pre)?,
        causal: true,
        pool,
    })
}
