//! A transformers BERT as OpenCLIP's text tower (`HFTextEncoder`): BiomedCLIP.

use bedside_compute::Activation;
use bedside_weights::Model;

use super::{TextSide, count, matrix};
use crate::ModelsError;
use crate::config::{Config, MAX_SIZE, shown};
use crate::description::Text;
use crate::hugging_face::{self, Defaults};
use crate::name_table::{Part, Row};
use crate::tokenizer_files;
use crate::towers::TextTower;
use crate::towers::bert::{Bert, BertPool};
use crate::towers::encoder::{AttentionSizes, Encoder, NormOrder};
use crate::towers::projection::Projection;

/// Describes the BERT where the folder has it; OpenCLIP itself looks it up by `hf_model_name`.
const CONFIG: &str = "text_config.json";

/// Every published BERT of this family has heads of 64 features, GELU (erf) and this eps.
const HEAD_WIDTH: u64 = 64;
const EPS: f64 = 1e-12;

const NAMES: &[Row] = &[
    ("t.token_embd.weight", "text.transformer.embeddings.word_embeddings.weight", Part::Whole),
    ("t.position_embd.weight", "text.transformer.embeddings.position_embeddings.weight", Part::Whole),
    ("t.token_types.weight", "text.transformer.embeddings.token_type_embeddings.weight", Part::Whole),
    ("t.token_embd_norm.{p}", "text.transformer.embeddings.LayerNorm.{p}", Part::Whole),
    ("t.blk.{n}.attn_q.{p}", "text.transformer.encoder.layer.{n}.attention.self.query.{p}", Part::Whole),
    ("t.blk.{n}.attn_k.{p}", "text.transformer.encoder.layer.{n}.attention.self.key.{p}", Part::Whole),
    ("t.blk.{n}.attn_v.{p}", "text.transformer.encoder.layer.{n}.attention.self.value.{p}", Part::Whole),
    ("t.blk.{n}.attn_out.{p}", "text.transformer.encoder.layer.{n}.attention.output.dense.{p}", Part::Whole),
    ("t.blk.{n}.ln1.{p}", "text.transformer.encoder.layer.{n}.attention.output.LayerNorm.{p}", Part::Whole),
    ("t.blk.{n}.ffn_up.{p}", "text.transformer.encoder.layer.{n}.intermediate.dense.{p}", Part::Whole),
    ("t.blk.{n}.ffn_down.{p}", "text.transformer.encoder.layer.{n}.output.dense.{p}", Part::Whole),
    ("t.blk.{n}.ln2.{p}", "text.transformer.encoder.layer.{n}.output.LayerNorm.{p}", Part::Whole),
    ("t.pooler.{p}", "text.transformer.pooler.dense.{p}", Part::Whole),
    ("text_projection.{i}.{p}", "text.proj.{i}.{p}", Part::Whole),
    ("text_projection.{p}", "text.proj.{p}", Part::Whole),
];

pub(super) fn read(model: &Model, cfg: &Config<'_>, name: &str, embed: u64) -> Result<TextSide, ModelsError> {
    let words = "text.transformer.embeddings.word_embeddings.weight";
    if model.find(words).is_none() || model.find("text.transformer.embeddings.LayerNorm.weight").is_none() {
        return Err(cfg.contradicts("hf_model_name", "a BERT: other text towers are not read", shown(name)));
    }
    let [vocabulary, width] = matrix(model, words)?;
    let [positions, _] = matrix(model, "text.transformer.embeddings.position_embeddings.weight")?;
    let [token_types, _] = matrix(model, "text.transformer.embeddings.token_type_embeddings.weight")?;
    let encoder = encoder(model, cfg, width)?;
    // Absent is the mean; null is BERT's own pooler.
    let unnamed = if cfg.has("hf_pooler_type") { "cls_pooler" } else { "mean_pooler" };
    let pool = match cfg.text("hf_pooler_type")?.unwrap_or(unnamed) {
        "cls_last_hidden_state_pooler" => BertPool::Class,
        "cls_pooler" if model.find("text.transformer.pooler.dense.weight").is_some() => BertPool::ClassPooler,
        "cls_pooler" => BertPool::Class,
        "mean_pooler" => BertPool::Mean,
        "max_pooler" => BertPool::Max,
        _ => return Err(cfg.refused("hf_pooler_type", "a class, mean or max pooler")),
    };
    let projection = projection(model, cfg, width, embed)?;
    let context = cfg.size("context_length", MAX_SIZE)?.unwrap_or(77);
    let read = tokenizer_files::open_clip(model, cfg, context)?;
    let rules = read.tokenizer.rules().clone();
    let padding = mask_padding(model, [vocabulary, positions, token_types])?.unwrap_or(rules.padding);
    let tower = Bert { vocabulary, positions, token_types, encoder, padding, pool };
    let text = Text { tower: TextTower::Bert(tower), embed, projection, tokenizer: rules };
    Ok((text, read, vec![NAMES]))
}

/// The id that BERT's own configuration masks, be the tokenizer's padding another. `None`: no configuration.
/// Errors: `Config`, where it contradicts the tables' rows too.
fn mask_padding(
    model: &Model,
    [vocabulary, positions, token_types]: [u64; 3],
) -> Result<Option<u32>, ModelsError> {
    if model.config(CONFIG).is_none() {
        return Ok(None);
    }
    let config = Config::of(model, CONFIG)?;
    for (key, found) in
        [("vocab_size", vocabulary), ("max_position_embeddings", positions), ("type_vocab_size", token_types)]
    {
        if let Some(stated) = config.size(key, MAX_SIZE)?.filter(|stated| *stated != found) {
            return Err(config.contradicts(key, format!("the file's {found}"), stated));
        }
    }
    let padding = config.id("pad_token_id")?.unwrap_or(0);
    if u64::from(padding) >= vocabulary {
        return Err(config.contradicts("pad_token_id", format!("an id below {vocabulary}"), padding));
    }
    Ok(Some(padding))
}

/// From `text_config.json` where there is one; else from the shapes, with the family's constants.
fn encoder(model: &Model, cfg: &Config<'_>, width: u64) -> Result<Encoder, ModelsError> {
    let layers = count(model, |n| format!("text.transformer.encoder.layer.{n}.attention.self.query.weight"));
    let [hidden, _] = matrix(model, "text.transformer.encoder.layer.0.intermediate.dense.weight")?;
    let shapes = Defaults {
        width,
        hidden,
        layers,
        heads: width / HEAD_WIDTH,
        activation: Activation::GeluErf,
        eps: EPS,
    };
    if model.config(CONFIG).is_none() {
        if !width.is_multiple_of(HEAD_WIDTH) {
            let expected = format!("a text_config.json that says how many heads a width of {width} has");
            return Err(cfg.contradicts("hf_model_name", expected, "nothing"));
        }
        let attention = AttentionSizes { heads: shapes.heads, eps: EPS as f32 };
        let (activation, order) = (Activation::GeluErf, NormOrder::Post);
        return Ok(Encoder { layers, width, hidden, attention, activation, order, layer_scale: false });
    }
    let config = Config::of(model, CONFIG)?;
    match config.text("position_embedding_type")? {
        None | Some("absolute") => {}
        Some(_) => return Err(config.refused("position_embedding_type", "absolute")),
    }
    let encoder = hugging_face::encoder(&config, &shapes, NormOrder::Post)?;
    for (key, stated, found) in [
        ("hidden_size", encoder.width, width),
        ("intermediate_size", encoder.hidden, hidden),
        ("num_hidden_layers", encoder.layers, layers),
    ] {
        if stated != found {
            return Err(config.contradicts(key, format!("the file's {found}"), stated));
        }
    }
    Ok(encoder)
}

fn projection(model: &Model, cfg: &Config<'_>, width: u64, embed: u64) -> Result<Projection, ModelsError> {
    // Absent is `mlp`; null is none.
    let absent = !cfg.has("hf_proj_type") && !cfg.has("proj");
    match cfg.text("hf_proj_type")?.or(cfg.text("proj")?).or(absent.then_some("mlp")) {
        Some("mlp") => {
            let [hidden, _] = matrix(model, "text.proj.0.weight")?;
            let bias = ["text.proj.0.bias", "text.proj.2.bias"].map(|name| model.find(name).is_some());
            Ok(Projection::Mlp { hidden, bias })
        }
        Some("linear") => Ok(Projection::Linear { bias: model.find("text.proj.bias").is_some() }),
        None if width == embed
            && ["", ".0"].iter().all(|i| model.find(&format!("text.proj{i}.weight")).is_none()) =>
        {
            Ok(Projection::None)
        }
        _ => Err(cfg.refused("hf_proj_type", "mlp or linear, or nothing where the widths are equal")),
    }
}
