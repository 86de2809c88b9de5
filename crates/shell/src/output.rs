//! Standard output: text for a person, or exactly one JSON document.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};

use crate::exit::{Code, Failure};

/// Said wherever a person reads what a model made of an image or a text.
pub(crate) const DEMONSTRATION: &str = "for demonstration and engineering only: nothing here is a diagnosis";

/// Print `body` as one JSON document with `"schema": "bedside.<schema>/1"` as its first member.
pub(crate) fn document(schema: &str, body: &impl Serialize) -> Result<(), Failure> {
    let mut whole = serde_json::Map::new();
    whole.insert("schema".to_owned(), json!(format!("bedside.{schema}/1")));
    match serde_json::to_value(body).map_err(|error| Failure::new(Code::Store, error))? {
        Value::Object(members) => whole.extend(members),
        other => drop(whole.insert("value".to_owned(), other)),
    }
    let mut text = serde_json::to_string_pretty(&whole).map_err(|error| Failure::new(Code::Store, error))?;
    text.push('\n');
    print(&text)
}

/// Print text. A reader that has gone away (`… | head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Print what is no text. As [`print()`].
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(Code::Store, error)),
        _ => Ok(()),
    }
}

/// Say what failed: with `--json` as the document on standard output, and on standard error.
pub(crate) fn failure(failure: &Failure, as_json: bool) -> ExitCode {
    let message = format!("{:#}", failure.error);
    if as_json {
        let body = json!({ "exit_code": failure.code as u8, "error": message });
        // The code below says more than that standard output is gone.
        drop(document("error", &body));
    }
    warn(&format!("bedside: {message}"));
    failure.code.into()
}

/// Help, the version, or what is wrong with the command line; the last as a document too where `--json` is
/// among the arguments.
pub(crate) fn not_understood(error: &clap::Error, mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let asked_for_help = !error.use_stderr();
    if !asked_for_help && arguments.any(|argument| argument == "--json") {
        let message = error.render().to_string();
        let body = json!({ "exit_code": Code::Usage as u8, "error": message.trim_end() });
        drop(document("error", &body)); // the code below says more
    }
    drop(error.print()); // likewise
    if asked_for_help { Code::Done.into() } else { Code::Usage.into() }
}

/// A line on standard error. Where that cannot be written there is nobody left to tell.
pub(crate) fn warn(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}
