//! Standard output: text for a person, or exactly one JSON document.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};

use crate::exit::{Code, Failure};

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
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(Code::Store, error)),
        _ => Ok(()),
    }
}

/// Say what failed: on standard error, and with `--json` as the document on standard output too.
pub(crate) fn failure(failure: &Failure, as_json: bool) -> ExitCode {
    let message = format!("{:#}", failure.error);
    eprintln!("bedside: {message}");
    if as_json {
        let body = json!({ "exit_code": failure.code as u8, "error": message });
        // The code below says more than that standard output is gone.
        drop(document("error", &body));
    }
    failure.code.into()
}
