//! `bedside generate`, as clap shows it, and the options that all answers of a text model have.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use bedside_compute::KvFormat;
use bedside_models::Date;
use clap::{Args, ValueEnum};

use super::LoadArguments;

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct GenerateArguments {
    /// The model, as for `model inspect`: a text model, alone or with an image tower
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) model: PathBuf,

    /// What is said to the model; `-` reads it from standard input
    #[arg(value_name = "PROMPT")]
    pub(crate) prompt: String,

    /// What the model is told before, where its chat template has a place for it
    #[arg(long, value_name = "TEXT", conflicts_with = "raw")]
    pub(crate) system: Option<String>,

    /// The prompt as it stands, without the model's chat template; special tokens may be spelled out in it
    #[arg(long)]
    pub(crate) raw: bool,

    /// The date that a chat template may ask for, as 2026-07-26 [default: none, so that answers can be repeated]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub(crate) date: Option<Date>,

    #[command(flatten)]
    pub(crate) sampling: SamplingArguments,

    #[command(flatten)]
    pub(crate) kv: KvArguments,

    #[command(flatten)]
    pub(crate) load: LoadArguments,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// How an answer is made.
#[derive(Debug, Args)]
pub(crate) struct SamplingArguments {
    /// Most tokens of the answer
    #[arg(long, value_name = "N", default_value = "256")]
    pub(crate) max_tokens: NonZeroU32,

    /// Draw tokens instead of taking the most probable; the higher, the more freely
    #[arg(long, value_name = "T", requires = "seed")]
    pub(crate) temperature: Option<f32>,

    /// What draws: the same seed gives the same answer
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// With --temperature: only the N most probable tokens
    #[arg(long, value_name = "N", requires = "temperature")]
    pub(crate) top_k: Option<NonZeroU32>,

    /// With --temperature: only the most probable tokens that make up this share
    #[arg(long, value_name = "P", requires = "temperature")]
    pub(crate) top_p: Option<f32>,

    /// With --temperature: only tokens this times as probable as the first
    #[arg(long, value_name = "P", requires = "temperature")]
    pub(crate) min_p: Option<f32>,

    /// Make tokens less probable that occur among the last 64; above 1
    #[arg(long, value_name = "F")]
    pub(crate) repeat_penalty: Option<f32>,

    /// End the answer before this text. May be repeated
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,

    /// Hold the answer to the JSON schema in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json_schema: Option<PathBuf>,

    /// With --json: the log-probability of each token, and those of the N most probable
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "0", requires = "json")]
    pub(crate) logprobs: Option<u8>,

    /// Give up after so many seconds, with what there is
    #[arg(long, value_name = "SECONDS")]
    pub(crate) deadline: Option<NonZeroU32>,
}

/// What a conversation may take.
#[derive(Debug, Args)]
pub(crate) struct KvArguments {
    /// Of a text model: how keys and values are kept
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "f16")]
    kv: KvChoice,

    /// Of a text model: tokens of prompt and answer together [default: 4096, or what it was trained with]
    #[arg(long, value_name = "N")]
    pub(crate) context: Option<NonZeroU64>,
}

impl KvArguments {
    pub(crate) fn format(&self) -> KvFormat {
        match self.kv {
            KvChoice::F32 => KvFormat::F32,
            KvChoice::F16 => KvFormat::F16,
            KvChoice::Q8_0 => KvFormat::Q8_0,
        }
    }
}

/// [`KvFormat`] by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KvChoice {
    /// As computed
    F32,
    /// Half the memory
    F16,
    /// A quarter of it; heads of 32 numbers or multiples
    #[value(name = "q8_0")]
    Q8_0,
}

const HELP: &str = "\
The answer goes to standard output as it grows. Without --temperature the most probable token is taken each time; \
the same model, prompt and options give the same answer, whatever the number of threads. A prompt that does not fit \
the context with its answer is refused before anything runs.

For demonstration and engineering only: what a text model says is invented, and nothing of it is a diagnosis.

Example: bedside generate --model smollm2.gguf 'What are B-lines?' --max-tokens 100";

fn date(text: &str) -> Result<Date, &'static str> {
    let mut parts = text.splitn(3, '-');
    let mut number = || parts.next()?.parse::<u16>().ok();
    let (year, month, day) = (number(), number(), number());
    let small = |part: Option<u16>| u8::try_from(part?).ok();
    let date = year.zip(small(month)).zip(small(day));
    date.and_then(|((year, month), day)| Date::new(year, month, day)).ok_or("a day as 2026-07-26 is expected")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days() {
        assert_eq!(date("2026-07-26"), Ok(Date::new(2026, 7, 26).unwrap()));
        for text in ["", "2026", "2026-02-30", "26.07.2026", "2026-7-26-1", "-1-1-1"] {
            assert!(date(text).is_err(), "{text}");
        }
    }
}
