//! `bedside`: the program. Each command is one file; this one starts them and turns failures into exit codes.

mod bench;
mod classify;
mod cli;
mod embed;
mod encoder;
mod exit;
mod identity;
mod inputs;
mod interrupt;
mod model;
mod npy;
mod output;
mod picture;
mod progress;
mod store;
mod text;

use std::env;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Arguments, Command};
use crate::exit::Failure;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::not_understood(&error, env::args_os()),
    };
    let mut log = env_logger::Builder::new();
    log.filter_level(arguments.verbosity()).parse_env("BEDSIDE_LOG").format_timestamp(None).init();
    let outcome = interrupt::watch().and_then(|()| run(&arguments));
    match outcome {
        Ok(code) => code.into(),
        Err(failure) => output::failure(&failure, arguments.command.wants_json()),
    }
}

fn run(arguments: &Arguments) -> Result<exit::Code, Failure> {
    let store = arguments.store.as_deref();
    match &arguments.command {
        Command::Embed(arguments) => embed::run(arguments, store),
        Command::Classify(arguments) => classify::run(arguments, store),
        Command::Model(command) => model::run(command, store),
        Command::Bench(arguments) => bench::run(arguments, store),
    }
}
