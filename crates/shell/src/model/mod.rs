//! `bedside model …`

mod compare;
mod convert;
mod inspect;
mod plan;
mod plan_text;
mod quantize;
mod verify;

use std::path::Path;

use crate::cli::ModelCommand;
use crate::exit::{Code, Failure};

/// `store`: from `--store`.
pub(crate) fn run(command: &ModelCommand, store: Option<&Path>) -> Result<Code, Failure> {
    match command {
        ModelCommand::Inspect(arguments) => inspect::run(arguments, store),
        ModelCommand::Verify(arguments) => verify::run(arguments),
        ModelCommand::Compare(arguments) => compare::run(arguments),
        ModelCommand::Quantize(arguments) => quantize::run(arguments),
        ModelCommand::Convert(arguments) => convert::run(arguments),
        ModelCommand::Plan(arguments) => plan::run(arguments),
    }
}
