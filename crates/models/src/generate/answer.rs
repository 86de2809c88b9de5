//! What comes out of a generation, while it runs and in the end.

use std::time::Duration;

/// What happens while an answer is made. Whoever is told may break off, and nothing more runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// So many rows of the prompt have run; told before each piece of at most some hundred.
    Prompt {
        /// Rows done; those kept from the last prompt count.
        done: usize,
        /// Rows in all.
        total: usize,
    },
    /// A token was chosen.
    Token {
        /// Its id.
        id: u32,
        /// Text that can be shown now: whole characters, and nothing that may begin a stop text. May be empty.
        text: &'a str,
    },
    /// Text that was held back, when the answer ends.
    Rest {
        /// The text.
        text: &'a str,
    },
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// The model chose a token that ends an answer.
    EndOfAnswer {
        /// Its id.
        id: u32,
    },
    /// As many tokens as were asked for.
    MaxTokens,
    /// A stop text.
    StopText {
        /// Which.
        text: String,
    },
    /// The schema allows nothing more.
    SchemaComplete,
    /// Whoever was told broke off.
    Cancelled,
    /// The time was up.
    Deadline,
}

impl Finish {
    /// A name for reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::EndOfAnswer { .. } => "end_of_answer",
            Self::MaxTokens => "max_tokens",
            Self::StopText { .. } => "stop_text",
            Self::SchemaComplete => "schema_complete",
            Self::Cancelled => "cancelled",
            Self::Deadline => "deadline",
        }
    }
}

/// The log-probability of a token, and of the most probable ones in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct LogProbability {
    /// Of the token chosen.
    pub chosen: f64,
    /// Ids and log-probabilities, the greatest first; as many as were asked for.
    pub top: Vec<(u32, f64)>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// Its tokens, without the one that ends it.
    pub ids: Vec<u32>,
    /// Its text; a stop text and what follows are not in it.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// One for each token, if asked for.
    pub log_probabilities: Vec<LogProbability>,
    /// The text is JSON that the schema allows. `None`: there was no schema.
    pub schema_met: Option<bool>,
    /// Rows of the prompt.
    pub prompt_rows: usize,
    /// Those of them that were kept from the last prompt.
    pub reused_rows: usize,
    /// Time that the prompt took, up to the first logits.
    pub prompt_time: Duration,
    /// Time from there to the end.
    pub answer_time: Duration,
}
