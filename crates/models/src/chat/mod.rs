//! Chat templates: a conversation becomes the text that the model was trained with.
//!
//! A template is a small program out of a model file, so it runs in a sandbox: no files, no other templates,
//! a fixed amount of work and memory, and no clock but a date that the caller gives.
//! Source: transformers `chat_template_utils.py`.

mod date;
mod methods;

use bedside_weights::{Layout, Model};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Value, context};
use serde::Serialize;

use crate::ModelsError;
use crate::config::shown;
pub use date::Date;

/// Longest template, in bytes. The longest in use has about 12 kB.
const MAX_TEMPLATE_BYTES: usize = 256 << 10;
/// Work of one rendering, in minijinja's unit: an instruction, or 64 bytes that are made. The longest
/// conversation that fits a context takes a hundredth of it; a template that needs more never ends.
const FUEL: u64 = 500_000;
/// How deep macros, loops and calls may lie in one another.
const MAX_DEPTH: usize = 100;
/// Longest rendered conversation, in bytes: what the tokenizer takes.
const MAX_RENDERED_BYTES: usize = 1_000_000;
/// Name of the only template.
const NAME: &str = "chat";

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// In the order the model is to see them.
    pub content: Vec<ChatContent>,
}

/// A part of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatContent {
    /// Text.
    Text(String),
    /// The place of an image; the template writes its mark there.
    Image,
}

impl ChatMessage {
    /// A turn of the user's in words.
    pub fn user(text: &str) -> Self {
        Self { role: "user".to_owned(), content: vec![ChatContent::Text(text.to_owned())] }
    }
}

/// A template, compiled.
pub(crate) struct ChatTemplate {
    environment: Environment<'static>,
    /// Contents are lists of parts, even where there is text alone.
    parts: bool,
    tokens: [Option<String>; 2],
}

impl ChatTemplate {
    /// The template of a model. `tokens`: what it calls `bos_token` and `eos_token`; `date`: of the function
    /// `strftime_now`, which is not there without one. `None`: the model has none.
    /// Errors: `ChatTemplate` for one that does not compile.
    pub(crate) fn of(
        model: &Model,
        tokens: [Option<&str>; 2],
        date: Option<Date>,
    ) -> Result<Option<Self>, ModelsError> {
        source(model)?.map(|source| Self::new(&source, tokens, date)).transpose()
    }

    fn new(source: &str, tokens: [Option<&str>; 2], date: Option<Date>) -> Result<Self, ModelsError> {
        if source.len() > MAX_TEMPLATE_BYTES {
            let reason = format!("{} bytes, at most {MAX_TEMPLATE_BYTES} are read", source.len());
            return Err(ModelsError::ChatTemplate { reason });
        }
        let mut environment = Environment::new();
        let syntax =
            SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(refused)?;
        environment.set_syntax(syntax);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(MAX_DEPTH);
        environment.set_debug(false);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_unknown_method_callback(methods::call);
        environment.add_filter("tojson", tojson);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, format!("refuses the conversation: {message}")))
        });
        if let Some(date) = date {
            let now = move |format: String| {
                date.format(&format).ok_or_else(|| {
                    let what = format!("strftime_now({format:?}): only dates are known here");
                    Error::new(ErrorKind::InvalidOperation, what)
                })
            };
            environment.add_function("strftime_now", now);
        }
        environment.add_template_owned(NAME, source.to_owned()).map_err(refused)?;
        let tokens = tokens.map(|token| token.map(str::to_owned));
        let mut template = Self { environment, parts: false, tokens };
        template.parts = template.wants_parts();
        Ok(template)
    }

    /// Whether the template reads contents as lists: one that reads them as texts shows the text it is given.
    fn wants_parts(&self) -> bool {
        const PROBE: &str = "probe of the chat template";
        let messages = [ChatMessage::user(PROBE)];
        let shows = |parts: bool| self.rendered(&messages, parts).is_ok_and(|text| text.contains(PROBE));
        !shows(false) && shows(true)
    }

    /// The text of a conversation, ending where the answer begins. Errors: `ChatTemplate` for what the
    /// template refuses or gets wrong, does not end, or makes too long.
    pub(crate) fn render(&self, messages: &[ChatMessage]) -> Result<String, ModelsError> {
        let images = messages.iter().any(|message| message.content.contains(&ChatContent::Image));
        let text = self.rendered(messages, self.parts || images).map_err(refused)?;
        if text.len() > MAX_RENDERED_BYTES {
            let reason = format!("{} bytes of text, at most {MAX_RENDERED_BYTES}", text.len());
            return Err(ModelsError::ChatTemplate { reason });
        }
        Ok(text)
    }

    fn rendered(&self, messages: &[ChatMessage], parts: bool) -> Result<String, Error> {
        let messages: Vec<Value> = messages.iter().map(|message| message.seen(parts)).collect();
        let [bos_token, eos_token] = self.tokens.each_ref().map(|token| token.as_deref().unwrap_or(""));
        let context = context! { messages, bos_token, eos_token, add_generation_prompt => true };
        self.environment.get_template(NAME)?.render(context)
    }
}

impl ChatMessage {
    /// As templates see it: `{role, content}`.
    fn seen(&self, parts: bool) -> Value {
        let content = if parts {
            self.content.iter().map(ChatContent::seen).collect::<Vec<Value>>().into()
        } else {
            let text = |content: &ChatContent| match content {
                ChatContent::Image => None,
                ChatContent::Text(text) => Some(text.clone()),
            };
            Value::from(self.content.iter().filter_map(text).collect::<String>())
        };
        Value::from_pairs([("role", Value::from(self.role.as_str())), ("content", content)])
    }
}

impl ChatContent {
    /// As templates see it: `{type, text}`.
    fn seen(&self) -> Value {
        match self {
            Self::Image => Value::from_pairs([("type", "image")]),
            Self::Text(text) => Value::from_pairs([("type", "text"), ("text", text)]),
        }
    }
}

/// As Python's `json.dumps`: spaces behind colons and commas, nothing escaped for HTML.
fn tojson(value: Value, arguments: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = arguments.get("indent")?;
    let wrong = |error: serde_json::Error| Error::new(ErrorKind::BadSerialization, error.to_string());
    let mut out = Vec::new();
    match indent {
        None => {
            let mut writer = serde_json::Serializer::with_formatter(&mut out, Spaced);
            value.serialize(&mut writer).map_err(wrong)?;
        }
        Some(indent) => {
            let spaces = vec![b' '; indent.min(16)];
            let formatter = serde_json::ser::PrettyFormatter::with_indent(&spaces);
            let mut writer = serde_json::Serializer::with_formatter(&mut out, formatter);
            value.serialize(&mut writer).map_err(wrong)?;
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// `{"a": 1, "b": [2, 3]}`.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        out.write_all(b": ")
    }
}

fn refused(error: Error) -> ModelsError {
    let reason = match error.kind() {
        ErrorKind::OutOfFuel => format!("does not end, or makes too much: more than {FUEL} steps"),
        _ => shown(&error.to_string()),
    };
    ModelsError::ChatTemplate { reason }
}

/// The text of the model's template. Errors: a key of another type; `ChatTemplate` for a file that is not
/// UTF-8 or no JSON.
fn source(model: &Model) -> Result<Option<String>, ModelsError> {
    if matches!(model.layout(), Layout::Gguf | Layout::GgufSplit) {
        return Ok(model.metadata().str("tokenizer.chat_template")?.map(str::to_owned));
    }
    if let Some(file) = model.file("chat_template.jinja") {
        let text = std::str::from_utf8(file.source.bytes());
        let text = text.map_err(|error| ModelsError::ChatTemplate { reason: error.to_string() })?;
        return Ok(Some(text.to_owned()));
    }
    for name in ["chat_template.json", "tokenizer_config.json"] {
        let Some(file) = model.file(name) else { continue };
        let value: serde_json::Value = serde_json::from_slice(file.source.bytes())
            .map_err(|error| ModelsError::ChatTemplate { reason: format!("{name}: {error}") })?;
        if let Some(template) = value.get("chat_template").and_then(of_value) {
            return Ok(Some(template));
        }
    }
    Ok(None)
}

/// One template, or of several named ones that called `default`.
fn of_value(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Array(named) => {
            let default = named.iter().find(|item| item.get("name").is_some_and(|name| name == "default"))?;
            default.get("template")?.as_str().map(str::to_owned)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
