//! SigLIP, MedSigLIP and SigLIP 2, of fixed resolution and NaFlex, as transformers stores them
//! (`SiglipModel`, `Siglip2Model`).
//! Source: transformers `modeling_siglip.py`, `modeling_siglip2.py` and their configurations.

use bedside_compute::Activation;
use bedside_imaging::{Layout, Preprocessing};
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

const ENCODER: Defaults =
    Defaults { width: 768, hidden: 3072, layers: 12, heads: 12, activation: Activation::GeluTanh, eps: 1e-6 };

const HEADS: &[Row] = &[
    ("v.head.probe", "vision_model.head.probe", Part::Whole),
    ("v.head.attn_q.{p}", "vision_model.head.attention.in_proj_{p}", Part::Rows(0, 3)),
    ("v.head.attn_k.{p}", "vision_model.head.attention.in_proj_{p}", Part::Rows(1, 3)),
    ("v.head.attn_v.{p}", "vision_model.head.attention.in_proj_{p}", Part::Rows(2, 3)),
    ("v.head.attn_out.{p}", "vision_model.head.attention.out_proj.{p}", Part::Whole),
    ("v.head.ln.{p}", "vision_model.head.layernorm.{p}", Part::Whole),
    ("v.head.ffn_up.{p}", "vision_model.head.mlp.fc1.{p}", Part::Whole),
    ("v.head.ffn_down.{p}", "vision_model.head.mlp.fc2.{p}", Part::Whole),
    ("text_projection.{p}", "text_model.head.{p}", Part::Whole),
];

pub(crate) fn matches(model: &Model) -> bool {
    matches!(model_type(model), Some("siglip" | "siglip2"))
}

pub(crate) fn read(model: &Model) -> Result<Description, ModelsError> {
    let config = Config::of(model, CONFIG)?;
    let naflex = model_type(model) == Some("siglip2");
    let text_config = config.required_section("text_config")?;
    let tower = text_tower(&text_config)?;
    let embed = text_config.size("projection_size", MAX_SIZE)?.unwrap_or(tower.encoder.width);
    let scores = Scores {
        log_scale: hugging_face::scalar(model, "logit_scale")?,
        bias: Some(hugging_face::scalar(model, "logit_bias")?),
        activation: ScoreActivation::Sigmoid,
    };
    let read = tokenizer_files::hugging_face(model, Cleaning::None, tower.context, None)?;
    let text = Text {
        tower: TextTower::ClipText(tower),
        embed,
        projection: Projection::Linear { bias: true },
        tokenizer: read.tokenizer.rules().clone(),
    };
    Ok(Description {
        architecture: if naflex { "SigLIP 2 NaFlex" } else { "SigLIP" }.to_owned(),
        vision: Some(vision(model, &config.required_section("vision_config")?, naflex, embed)?),
        text: Some(text),
        scores,
        names: NameTable { layout: "SiglipModel", rows: vec![TOWERS, HEADS] },
        tokenizer: Some(read),
    })
}

fn vision(model: &Model, config: &Config<'_>, naflex: bool, embed: u64) -> Result<Vision, ModelsError> {
    let preprocessing = hugging_face::preprocessing(model)?;
    let patch = config.size("patch_size", MAX_IMAGE_SIDE)?.unwrap_or(16);
    let encoder = hugging_face::encoder(config, &ENCODER, NormOrder::Pre)?;
    if encoder.width != embed {
        return Err(config.contradicts("hidden_size", format!("the text side's {embed}"), encoder.width));
    }
    if config.bool("vision_use_head")? == Some(false) {
        return Err(config.refused("vision_use_head", "true: without its head the tower gives no embedding"));
    }
    let input = if naflex {
        patches(config, &preprocessing, patch)?
    } else {
        let image = config.sides("image_size", MAX_IMAGE_SIDE)?.unwrap_or([224, 224]);
        hugging_face::check_image(hugging_face::PREPROCESSOR, &preprocessing, image)?;
        VitInput::Pixels { image }
    };
    let tower = Vit {
        input,
        patch,
        encoder,
        patch_bias: true,
        class_token: false,
        class_position: false,
        pre_norm: false,
        final_norm: FinalNorm::BeforePool,
        pool: VitPool::Attention,
    };
    Ok(Vision { tower: VisionTower::Vit(tower), embed, projection: Projection::None, preprocessing })
}

/// A square table of positions, and as many patches as the preprocessing gives.
fn patches(config: &Config<'_>, preprocessing: &Preprocessing, patch: u64) -> Result<VitInput, ModelsError> {
    let positions = config.size("num_patches", MAX_SIZE)?.unwrap_or(256);
    let table_side = positions.isqrt();
    if table_side * table_side != positions {
        return Err(config.contradicts("num_patches", "a square number", positions));
    }
    match preprocessing.layout {
        Layout::NaflexPatches { patch_size, max_num_patches } if u64::from(patch_size) == patch => {
            Ok(VitInput::Patches { table_side, max_patches: max_num_patches.into() })
        }
        other => {
            Err(config.contradicts("patch_size", format!("that of the preprocessing, {other:?}"), patch))
        }
    }
}

fn text_tower(config: &Config<'_>) -> Result<ClipText, ModelsError> {
    Ok(ClipText {
        vocabulary: config.size("vocab_size", MAX_SIZE)?.unwrap_or(32_000),
        context: config.size("max_position_embeddings", MAX_SIZE)?.unwrap_or(64),
        encoder: hugging_face::encoder(config, &ENCODER, NormOrder::Pre)?,
        causal: false,
        pool: TextPool::Last,
    })
}
