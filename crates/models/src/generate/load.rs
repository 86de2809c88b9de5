//! From a model file to a generator: plans first, held against the budget, then everything else.

use std::num::NonZeroUsize;

use bedside_compute::plan::{Budget, Plan, PlanSettings, Totals};
use bedside_compute::rewrite::{Rewritten, rewrite};
use bedside_compute::{KvFormat, Numerics, Overlay, Sizes, Symbol, host};
use bedside_weights::{Layout, Model};

use super::Generator;
use super::chunks::CHUNK;
use super::prompt::Takes;
use super::session::Session;
use crate::ModelsError;
use crate::chat::{ChatTemplate, Date};
use crate::language::Language;
use crate::load::check_values;
use crate::named_weights::{NamedWeights, asked_by};
use crate::registry::describe_text;
use crate::tokenizer::LanguageTokenizer;
use crate::towers::decoder::{DecoderGraph, LogitRows};

/// Rows of the caches where nothing is said; fewer where the model was trained with fewer.
const CONTEXT: u64 = 4096;
/// Rows that a token table may have beyond the tokenizer's ids: tables are made longer for the hardware's
/// sake, and for tokens that are added later.
const MAX_UNNAMED_ROWS: u64 = 1024;

/// How a text model is loaded.
#[derive(Debug, Clone, Copy)]
pub struct GenerateSettings {
    /// Threads of the executor.
    pub threads: NonZeroUsize,
    /// How quantized weights are multiplied.
    pub numerics: Numerics,
    /// How keys and values are kept.
    pub kv: KvFormat,
    /// Most bytes the load may take, all in; it is refused beyond. `None`: no limit.
    pub memory_budget: Option<u64>,
    /// Most rows of prompt and answer together. `None`: 4096, or what the model was trained with if that is
    /// less. More than the model was trained with is refused.
    pub context: Option<u64>,
    /// Prompts may hold embedding blocks; those whose rows see each other have at most so many. `None`:
    /// prompts are text.
    pub embedding_rows: Option<u64>,
    /// The date that a chat template may ask for.
    pub date: Option<Date>,
}

impl Default for GenerateSettings {
    /// One thread, fast, caches in f16, no limit, text alone, no date.
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::MIN,
            numerics: Numerics::Fast,
            kv: KvFormat::F16,
            memory_budget: None,
            context: None,
            embedding_rows: None,
            date: None,
        }
    }
}

/// What loading a text model will cost. Its two plans run one at a time on the same weights and caches.
#[derive(Debug)]
pub struct GeneratePlan {
    /// Name of the architecture.
    pub architecture: String,
    /// Most rows of prompt and answer together.
    pub context: u64,
    /// A piece of a prompt.
    pub piece: Plan,
    /// One token.
    pub token: Plan,
}

impl GeneratePlan {
    /// Weights and caches once, the larger of both arenas and stagings.
    pub fn totals(&self) -> Totals {
        Totals::shared(&[&self.piece, &self.token])
    }
}

/// What loading this model will cost. Errors: as for loading, the budget aside.
pub fn generate_plan(model: &Model, settings: &GenerateSettings) -> Result<GeneratePlan, ModelsError> {
    Ok(Prepared::of(model, settings, LogitRows::Last)?.plan)
}

/// Whether a model is one that [`Generator::open`] knows: a text model, alone or with an image tower.
pub fn is_text_model(model: &Model) -> bool {
    crate::registry::is_text(model)
}

/// A text model before it is loaded.
struct Prepared<'a> {
    language: Language,
    weights: NamedWeights<'a>,
    rewritten: Rewritten,
    plan: GeneratePlan,
    takes: Takes,
}

impl<'a> Prepared<'a> {
    fn of(model: &'a Model, settings: &GenerateSettings, rows: LogitRows) -> Result<Self, ModelsError> {
        let language = describe_text(model)?;
        let decoder = &language.decoder;
        let context = context(settings.context, decoder.context)?;
        let (given, states) = (settings.embedding_rows.is_some(), rows == LogitRows::All);
        let of = DecoderGraph { context, given, rows, states };
        let graph = decoder.graph(of)?;
        let weights = NamedWeights::find(model, &language.names, asked_by(&graph)?)?;
        let rewritten = rewrite(&graph, &weights)?;
        let overlay = Overlay::new(&weights, &rewritten.weights);
        let plan = |tokens: u64| {
            let bounds = Sizes::new().with(Symbol::Tokens, tokens).with(Symbol::Past, context);
            let bounds = if of.given { bounds.with(Symbol::Patches, tokens) } else { bounds };
            let settings = PlanSettings { bounds, numerics: settings.numerics, kv: settings.kv };
            Plan::for_weights(&rewritten.graph, &settings, &overlay)
        };
        let most = settings.embedding_rows.unwrap_or(0).max(CHUNK as u64);
        let plan = GeneratePlan {
            architecture: language.architecture.to_owned(),
            context,
            piece: plan(most)?,
            token: plan(1)?,
        };
        let takes = Takes {
            vocabulary: decoder.vocabulary,
            width: decoder.width as usize, // fits: at most MAX_SIZE
            blocks: of.given,
            bidirectional: if decoder.image_blocks { most as usize } else { 0 },
            three_positions: decoder.has_three_positions(),
            context: context as usize,
        };
        Ok(Self { weights, rewritten, plan, takes, language })
    }
}

/// Errors: `Config` for more than the model was trained with.
fn context(asked: Option<u64>, trained: u64) -> Result<u64, ModelsError> {
    match asked {
        None => Ok(CONTEXT.min(trained)),
        Some(asked) if (1..=trained).contains(&asked) => Ok(asked),
        Some(asked) => Err(ModelsError::Request {
            what: "context",
            expected: format!("from 1 to {trained}, as the model was trained"),
            got: asked.to_string(),
        }),
    }
}

pub(super) fn load(model: &Model, settings: &GenerateSettings) -> Result<Generator, ModelsError> {
    load_rows(model, settings, LogitRows::Last)
}

/// `rows`: which rows become logits.
pub(super) fn load_rows(
    model: &Model,
    settings: &GenerateSettings,
    rows: LogitRows,
) -> Result<Generator, ModelsError> {
    let Prepared { language, weights, rewritten, plan, takes } = Prepared::of(model, settings, rows)?;
    if let Some(bytes) = settings.memory_budget {
        Budget { bytes }.check(&plan.totals())?;
    }
    let tokenizer = LanguageTokenizer::of(model)?;
    check_vocabulary(model, tokenizer.len() as u64, language.decoder.vocabulary)?;
    let template = ChatTemplate::of(model, tokenizer.template_tokens(), settings.date)?;
    check_values(&weights)?;
    let overlay = Overlay::new(&weights, &rewritten.weights);
    let most = settings.embedding_rows.unwrap_or(0).max(CHUNK as u64) as usize;
    // The plan of a piece holds that of a token: one executor plays both.
    let executor = host::Executor::new(&rewritten.graph, &plan.piece, &overlay, settings.threads)?;
    let segments = language.decoder.image_blocks && takes.blocks;
    Ok(Generator {
        architecture: language.architecture,
        session: Session::new(executor, takes, most, segments),
        tokenizer,
        template,
        schemas: None,
        logit_softcap: language.decoder.logit_softcap,
    })
}

/// GGUF files name every row of the token table; folders may leave rows at its end unnamed.
/// Errors: `Vocabulary`.
fn check_vocabulary(model: &Model, tokenizer: u64, table: u64) -> Result<(), ModelsError> {
    let gguf = matches!(model.layout(), Layout::Gguf | Layout::GgufSplit);
    let unnamed = if gguf { 0 } else { MAX_UNNAMED_ROWS };
    if tokenizer <= table && table - tokenizer <= unnamed {
        return Ok(());
    }
    Err(ModelsError::Vocabulary { tokenizer, table })
}
