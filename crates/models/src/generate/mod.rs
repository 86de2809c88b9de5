//! Text models ready to answer: tokens and image rows in, one token after the other out.

mod answer;
mod chunks;
mod constraint;
mod load;
mod prompt;
mod sampling;
mod session;
mod stream;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bedside_weights::Model;

use crate::ModelsError;
use crate::chat::{ChatContent, ChatMessage, ChatTemplate};
use crate::tokenizer::{LanguageTokenizer, Special};
pub use answer::{Event, Finish, Generated, LogProbability};
use constraint::{Constraint, Schemas};
pub use load::{GeneratePlan, GenerateSettings, generate_plan, is_text_model};
use prompt::Sequence;
pub use prompt::{EmbeddingBlock, Part, Prompt};
pub use sampling::Sampling;
use sampling::{Sampler, greatest, log_sum};
use session::{Logits, Session};
use stream::Stream;

/// A loaded text model. Deterministic: the same prompt and sampling give the same answer, whatever the number
/// of threads and whatever was asked before.
pub struct Generator {
    architecture: &'static str,
    session: Session,
    tokenizer: LanguageTokenizer,
    template: Option<ChatTemplate>,
    /// Made for the first schema.
    schemas: Option<Schemas>,
    logit_softcap: Option<f32>,
}

impl Generator {
    /// Load the text model of a GGUF file or a Hugging Face folder, that of one that takes images too. The
    /// model's files may be closed afterwards.
    /// Errors: no text model this build knows; what its configurations, tokenizer, template or weights get
    /// wrong; the budget, before anything is loaded.
    pub fn open(model: &Model, settings: &GenerateSettings) -> Result<Self, ModelsError> {
        let loaded = load::load(model, settings)?;
        model.ensure_unchanged()?;
        Ok(loaded)
    }

    /// Name of the architecture.
    pub fn architecture(&self) -> &str {
        self.architecture
    }

    /// Rows that the caches hold: prompt and answer together.
    pub fn context(&self) -> usize {
        self.session.takes().context
    }

    /// Numbers of a row: the width of the decoder, and of every [`EmbeddingBlock`].
    pub fn width(&self) -> usize {
        self.session.takes().width
    }

    /// Whether a row of a block may have a position of its own in time, row and column.
    pub fn takes_offsets(&self) -> bool {
        self.session.takes().three_positions
    }

    /// The ids of a text. `parse_special`: tokens such as `<|im_end|>` may be spelled out in it; `add_special`:
    /// the tokens are added that a text begins and ends with. Errors: `Tokenizer` for a text that is too long.
    pub fn tokenize(
        &self,
        text: &str,
        parse_special: bool,
        add_special: bool,
    ) -> Result<Vec<u32>, ModelsError> {
        self.tokenizer.encode(text, Special { parse: parse_special, add: add_special })
    }

    /// The id of the mark of this spelling, such as `<image>`. `None`: the tokenizer has none.
    pub fn special_token(&self, spelling: &str) -> Option<u32> {
        self.tokenizer.pieces().control(spelling)
    }

    /// The text of ids, marks left out.
    pub fn text(&self, ids: &[u32]) -> String {
        let bytes: Vec<u8> = ids.iter().flat_map(|id| self.tokenizer.pieces().text(*id)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether the model has a chat template.
    pub fn has_chat_template(&self) -> bool {
        self.template.is_some()
    }

    /// A conversation as the model's template writes it, ready for the answer; images are the template's marks.
    /// Errors: `ChatTemplate` for a model without one and for what the template refuses; `Request` for a turn
    /// whose text spells one of the model's marks, which would be taken for one.
    pub fn chat_text(&self, messages: &[ChatMessage]) -> Result<String, ModelsError> {
        let missing = || ModelsError::ChatTemplate { reason: "the model has none".to_owned() };
        let template = self.template.as_ref().ok_or_else(missing)?;
        for content in messages.iter().flat_map(|message| &message.content) {
            if let ChatContent::Text(text) = content
                && let Some(mark) = self.tokenizer.control_in(text)
            {
                let expected = "no mark of the model's".to_owned();
                let got = crate::config::shown(mark);
                return Err(ModelsError::Request { what: "text of a turn", expected, got });
            }
        }
        template.render(messages)
    }

    /// The ids of what [`Generator::chat_text`] gives. Errors: `Tokenizer`.
    pub fn tokenize_chat(&self, text: &str) -> Result<Vec<u32>, ModelsError> {
        self.tokenizer.encode_rendered(text)
    }

    /// A conversation in words as a prompt. Errors: as [`Generator::chat_text`], [`Generator::tokenize_chat`].
    pub fn chat_prompt(&self, messages: &[ChatMessage]) -> Result<Prompt, ModelsError> {
        Ok(Prompt::of_tokens(self.tokenize_chat(&self.chat_text(messages)?)?))
    }

    /// Answer a prompt. `on_event` is told what happens and may break off: within one token of the answer, or
    /// one piece of the prompt.
    /// Errors: `Context` for a prompt that does not fit with the answer, `Request` and `Schema` for what
    /// cannot be asked, all before anything runs; those of the executor; logits that are not finite.
    pub fn generate(
        &mut self,
        prompt: &Prompt,
        sampling: &Sampling,
        on_event: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Generated, ModelsError> {
        sampling.check()?;
        let takes = *self.session.takes();
        let rows = prompt.rows(takes.width);
        if rows.saturating_add(u64::from(sampling.max_tokens)) > takes.context as u64 {
            let (answer, context) = (u64::from(sampling.max_tokens), takes.context as u64);
            return Err(ModelsError::Context { prompt: rows, answer, context });
        }
        let constraint = sampling.schema.as_ref().map(|schema| self.schemas()?.begin(schema)).transpose()?;
        let sequence = Sequence::of(prompt, &takes)?;
        let sampler = Sampler::new(sampling, sequence.ids().rev());
        let answer = Answer {
            sampling,
            sampler,
            constraint,
            stream: Stream::new(&sampling.stop),
            ids: Vec::new(),
            log_probabilities: Vec::new(),
        };
        self.answer(sequence, answer, on_event)
    }

    fn schemas(&mut self) -> Result<&Schemas, ModelsError> {
        let made = match self.schemas.take() {
            Some(schemas) => schemas,
            None => Schemas::new(&self.tokenizer)?,
        };
        Ok(self.schemas.insert(made))
    }

    fn answer(
        &mut self,
        sequence: Sequence,
        mut answer: Answer<'_>,
        on_event: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Generated, ModelsError> {
        let (began, total) = (Instant::now(), sequence.rows.len());
        let mut ended = Ended { finish: Finish::Cancelled, reused: 0, prompt_time: Duration::ZERO };
        let deadline = answer.sampling.deadline;
        let late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let mut was_late = false;
        let prefilled = self.session.prefill(sequence, &mut |done, total| {
            was_late = late();
            if was_late { ControlFlow::Break(()) } else { on_event(Event::Prompt { done, total }) }
        })?;
        ended.prompt_time = began.elapsed();
        match prefilled {
            Some(prefilled) => {
                ended.reused = prefilled.reused;
                ended.finish = self.tokens(prefilled.logits, total, &mut answer, on_event)?;
            }
            None if was_late => ended.finish = Finish::Deadline,
            None => {}
        }
        let rest = answer.stream.finish();
        if !rest.is_empty() && ended.finish != Finish::Cancelled {
            // The answer has ended whatever is said to its last words.
            let _ = on_event(Event::Rest { text: rest });
        }
        Ok(answer.done(ended, total, began.elapsed()))
    }

    /// One token after the other.
    fn tokens(
        &mut self,
        first: Logits,
        prompt_rows: usize,
        answer: &mut Answer<'_>,
        on_event: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Finish, ModelsError> {
        let mut logits = first;
        loop {
            if answer.ids.len() >= answer.sampling.max_tokens as usize {
                return Ok(Finish::MaxTokens);
            }
            let Some(id) = answer.choose(&logits, self.logit_softcap, &self.tokenizer)? else {
                return Err(ModelsError::Schema { reason: "no token may follow".to_owned() });
            };
            if answer.sampling.stop_at_end && self.tokenizer.is_end(id) {
                return Ok(Finish::EndOfAnswer { id });
            }
            answer.log(&logits, self.logit_softcap, id);
            answer.ids.push(id);
            let stop = answer.stream.push(self.tokenizer.pieces().text(id));
            if let Some(text) = stop {
                let _ = on_event(Event::Token { id, text: answer.stream.news() });
                return Ok(Finish::StopText { text: text.to_owned() });
            }
            if on_event(Event::Token { id, text: answer.stream.news() }).is_break() {
                return Ok(Finish::Cancelled);
            }
            if let Some(constraint) = &mut answer.constraint {
                constraint.take(id)?;
                if constraint.is_complete() {
                    return Ok(Finish::SchemaComplete);
                }
            }
            if answer.sampling.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(Finish::Deadline);
            }
            if answer.ids.len() < answer.sampling.max_tokens as usize {
                logits = self.session.step(id, prompt_rows + answer.ids.len() - 1)?;
            }
        }
    }
}

/// How a generation ended, beside the answer.
struct Ended {
    finish: Finish,
    reused: usize,
    prompt_time: Duration,
}

/// An answer while it grows.
struct Answer<'a> {
    sampling: &'a Sampling,
    sampler: Sampler<'a>,
    constraint: Option<Constraint>,
    stream: Stream<'a>,
    ids: Vec<u32>,
    log_probabilities: Vec<LogProbability>,
}

impl Answer<'_> {
    /// The next token. `None`: none may follow.
    fn choose(
        &mut self,
        logits: &Logits,
        softcap: Option<f32>,
        tokenizer: &LanguageTokenizer,
    ) -> Result<Option<u32>, ModelsError> {
        let capped = capped(logits.numbers(), softcap);
        let numbers = capped.as_deref().unwrap_or(logits.numbers());
        // Rows of the table behind the last token have no text.
        let tokens = tokenizer.len() as u32;
        let id = match &mut self.constraint {
            None => self.sampler.next(numbers, |id| id < tokens),
            Some(constraint) => {
                let mask = constraint.allowed()?;
                self.sampler.next(numbers, |id| id < tokens && mask.is_allowed(id))
            }
        };
        id.into_iter().for_each(|id| self.sampler.remember(id));
        Ok(id)
    }

    fn log(&mut self, logits: &Logits, softcap: Option<f32>, id: u32) {
        let Some(count) = self.sampling.log_probabilities else { return };
        let capped = capped(logits.numbers(), softcap);
        let numbers = capped.as_deref().unwrap_or(logits.numbers());
        let sum = log_sum(numbers);
        let of = |logit: f32| f64::from(logit) - sum;
        let top = greatest(numbers, count).into_iter().map(|(id, logit)| (id, of(logit))).collect();
        self.log_probabilities.push(LogProbability { chosen: of(numbers[id as usize]), top });
    }

    fn done(self, ended: Ended, prompt_rows: usize, time: Duration) -> Generated {
        let Self { constraint, stream, ids, log_probabilities, .. } = self;
        let Ended { finish, reused, prompt_time } = ended;
        Generated {
            ids,
            text: stream.into_text(),
            finish,
            log_probabilities,
            schema_met: constraint.map(|mut constraint| constraint.is_met()),
            prompt_rows,
            reused_rows: reused,
            prompt_time,
            answer_time: time.saturating_sub(prompt_time),
        }
    }
}

/// c · tanh(x / c). `None`: there is no cap.
fn capped(logits: &[f32], softcap: Option<f32>) -> Option<Vec<f32>> {
    let cap = softcap?;
    Some(logits.iter().map(|logit| cap * (logit / cap).tanh()).collect())
}
