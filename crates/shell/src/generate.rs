//! `bedside generate`: a text model continues a prompt, word after word.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use bedside_compute::{KvFormat, Numerics};
use bedside_models::{
    ChatContent, ChatMessage, Event, Finish, GenerateSettings, Generated, Generator, LogProbability, Prompt,
    Sampling,
};
use bedside_weights::Model;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::{GenerateArguments, SamplingArguments};
use crate::exit::{Code, Failure};
use crate::identity::{ExecutorIdentity, ModelIdentity};
use crate::{encoder, interrupt, output, text};

/// Longest prompt and longest schema that are read, in bytes.
const MAX_INPUT_BYTES: u64 = 1 << 20;

/// The JSON document `bedside.generate/1`.
#[derive(Serialize)]
struct Document<'a> {
    note: &'static str,
    model: ModelIdentity,
    executor: ExecutorIdentity,
    architecture: &'a str,
    /// Tokens of prompt and answer together, at most.
    context: usize,
    kv: KvFormat,
    #[serde(flatten)]
    answer: AnswerLine<'a>,
}

/// An answer in a document.
#[derive(Serialize)]
pub(crate) struct AnswerLine<'a> {
    /// What the model was given to read, in its own format.
    prompt: &'a str,
    prompt_tokens: usize,
    answer: &'a str,
    tokens: &'a [u32],
    finish: &'static str,
    /// The stop text that ended the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<&'a str>,
    /// The answer is JSON that the schema allows. Absent: there was no schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_met: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    log_probabilities: Vec<Value>,
    prompt_ms: f64,
    answer_ms: f64,
}

impl<'a> AnswerLine<'a> {
    pub(crate) fn of(prompt: &'a str, generated: &'a Generated, generator: &Generator) -> Self {
        let stop = match &generated.finish {
            Finish::StopText { text } => Some(text.as_str()),
            _ => None,
        };
        let lines = generated.ids.iter().zip(&generated.log_probabilities);
        Self {
            prompt,
            prompt_tokens: generated.prompt_rows,
            answer: &generated.text,
            tokens: &generated.ids,
            finish: generated.finish.name(),
            stop,
            schema_met: generated.schema_met,
            log_probabilities: lines.map(|(id, log)| probabilities(*id, log, generator)).collect(),
            prompt_ms: generated.prompt_time.as_secs_f64() * 1e3,
            answer_ms: generated.answer_time.as_secs_f64() * 1e3,
        }
    }
}

fn probabilities(id: u32, log: &LogProbability, generator: &Generator) -> Value {
    let token =
        |id: u32, log: f64| json!({ "id": id, "text": generator.text(&[id]), "log_probability": log });
    let mut line = token(id, log.chosen);
    if !log.top.is_empty() {
        line["top"] = log.top.iter().map(|(id, log)| token(*id, *log)).collect();
    }
    line
}

pub(crate) fn run(arguments: &GenerateArguments, store: Option<&Path>) -> Result<Code, Failure> {
    let settings = settings(arguments);
    let sampling = sampling(&arguments.sampling)?;
    let said = prompt_text(&arguments.prompt)?;
    let model = Model::open(&arguments.model)?;
    let identity = arguments.json.then(|| ModelIdentity::of(&arguments.model, &model, store)).transpose()?;
    let of_model = |error| Failure::of_model(&arguments.model, error);
    let mut generator = Generator::open(&model, &settings).map_err(of_model)?;
    drop(model);
    let (shown, prompt) = prompt(arguments, &generator, &said)?;
    let show = !arguments.json;
    let generated = answer(&mut generator, &prompt, &sampling, show)?;
    if let Some(model) = identity {
        let document = Document {
            note: output::DEMONSTRATION,
            model,
            executor: ExecutorIdentity::of_host(settings.numerics, settings.threads),
            architecture: generator.architecture(),
            context: generator.context(),
            kv: settings.kv,
            answer: AnswerLine::of(&shown, &generated, &generator),
        };
        output::document("generate", &document)?;
    } else {
        output::print(&format!("\n{}\n", output::DEMONSTRATION))?;
        log::info!("{}", summary(&generated));
    }
    Ok(code(&generated))
}

fn settings(arguments: &GenerateArguments) -> GenerateSettings {
    GenerateSettings {
        threads: encoder::threads(&arguments.load),
        numerics: arguments.load.cost.numerics(Numerics::Fast),
        kv: arguments.kv.format(),
        memory_budget: arguments.load.cost.memory_budget,
        context: arguments.kv.context.map(Into::into),
        date: arguments.date,
        ..GenerateSettings::default()
    }
}

/// Errors (code 3): a schema that cannot be read.
pub(crate) fn sampling(arguments: &SamplingArguments) -> Result<Sampling, Failure> {
    let deadline = arguments.deadline.map(|seconds| Duration::from_secs(seconds.get().into()));
    Ok(Sampling {
        max_tokens: arguments.max_tokens.get(),
        temperature: arguments.temperature.unwrap_or(0.0),
        seed: arguments.seed,
        top_k: arguments.top_k,
        top_p: arguments.top_p,
        min_p: arguments.min_p,
        repeat_penalty: arguments.repeat_penalty,
        stop: arguments.stop.clone(),
        schema: arguments.json_schema.as_deref().map(schema).transpose()?,
        log_probabilities: arguments.logprobs.map(Into::into),
        deadline: deadline.and_then(|after| Instant::now().checked_add(after)),
        ..Sampling::default()
    })
}

fn schema(path: &Path) -> Result<Value, Failure> {
    let name = text::name(&path.display().to_string());
    let refused = |error: anyhow::Error| Failure::new(Code::Input, error);
    let file = File::open(path).with_context(|| format!("cannot read {name}")).map_err(refused)?;
    let bytes = bounded(file, &name).map_err(refused)?;
    serde_json::from_slice(&bytes).with_context(|| format!("{name} is not JSON")).map_err(refused)
}

/// The prompt itself, or standard input. Errors (code 3): more than a mebibyte, not UTF-8.
fn prompt_text(prompt: &str) -> Result<String, Failure> {
    if prompt != "-" {
        return Ok(prompt.to_owned());
    }
    let refused = |error: anyhow::Error| Failure::new(Code::Input, error);
    let bytes = bounded(io::stdin().lock(), "standard input").map_err(refused)?;
    String::from_utf8(bytes).map_err(|_| refused(anyhow!("standard input is not UTF-8")))
}

fn bounded(from: impl Read, name: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(anyhow!("{name}: more than {MAX_INPUT_BYTES} bytes"));
    }
    Ok(bytes)
}

/// What the model reads, and the same as tokens. A model without a chat template reads the prompt as it stands.
fn prompt(
    arguments: &GenerateArguments,
    generator: &Generator,
    said: &str,
) -> Result<(String, Prompt), Failure> {
    if arguments.raw || !generator.has_chat_template() {
        if arguments.system.is_some() {
            return Err(Failure::new(Code::Usage, anyhow!("--system: the model has no chat template")));
        }
        let ids = generator.tokenize(said, arguments.raw, true).map_err(Failure::of_input)?;
        return Ok((said.to_owned(), Prompt::of_tokens(ids)));
    }
    let system = arguments.system.as_ref().map(|text| ChatMessage {
        role: "system".to_owned(),
        content: vec![ChatContent::Text(text.clone())],
    });
    let messages: Vec<ChatMessage> = system.into_iter().chain([ChatMessage::user(said)]).collect();
    let written = generator.chat_text(&messages).map_err(Failure::of_input)?;
    let ids = generator.tokenize_chat(&written).map_err(Failure::of_input)?;
    Ok((written, Prompt::of_tokens(ids)))
}

/// Run the prompt. `show`: the answer goes to standard output as it grows, then a line ends.
/// Errors: what the model or the run refuses; a standard output that cannot be written.
pub(crate) fn answer(
    generator: &mut Generator,
    prompt: &Prompt,
    sampling: &Sampling,
    show: bool,
) -> Result<Generated, Failure> {
    let _working = interrupt::Cancellable::begin();
    let to_terminal = io::stdout().is_terminal();
    let mut failed = None;
    let mut on_event = |event: Event<'_>| {
        if let (true, Event::Token { text, .. } | Event::Rest { text }) = (show, event) {
            let shown = if to_terminal { text::prose(text) } else { text.to_owned() };
            if let Err(failure) = output::print(&shown) {
                failed = Some(failure);
                return ControlFlow::Break(());
            }
        }
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let generated = generator.generate(prompt, sampling, &mut on_event).map_err(Failure::of_input)?;
    if let Some(failure) = failed {
        return Err(failure);
    }
    if show {
        output::print("\n")?;
    }
    Ok(generated)
}

/// `30 tokens read in 170 ms, 64 written in 690 ms (92.8/s), end_of_answer`.
fn summary(generated: &Generated) -> String {
    let Generated { ids, finish, prompt_rows, prompt_time, answer_time, .. } = generated;
    let [read, written] = [prompt_time, answer_time].map(Duration::as_millis);
    let speed = ids.len() as f64 / answer_time.as_secs_f64().max(1e-9);
    let (count, end) = (ids.len(), finish.name());
    format!("{prompt_rows} tokens read in {read} ms, {count} written in {written} ms ({speed:.1}/s), {end}")
}

/// An answer that a schema does not allow, because it was cut off, has failed.
pub(crate) fn code(generated: &Generated) -> Code {
    match (&generated.finish, generated.schema_met) {
        (Finish::Cancelled, _) => Code::Interrupted,
        (_, Some(false)) => Code::SomeFailed,
        _ => Code::Done,
    }
}
