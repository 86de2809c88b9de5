//! `bedside`: the program. Each command is one file; this one starts them and turns failures into exit codes.

mod bench;
mod cache;
mod calibrate;
mod classify;
mod cli;
mod clock;
mod demo;
mod device;
mod doctor;
mod embed;
mod encoder;
mod exit;
mod folder;
mod generate;
mod identity;
mod image;
mod inputs;
mod interrupt;
mod model;
mod npy;
mod output;
mod phantom;
mod picture;
mod progress;
mod prove;
mod scan;
mod store;
mod text;
mod watch;

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
        Command::Scan(arguments) => scan::run(arguments, store),
        Command::Watch(arguments) => watch::run(arguments, store),
        Command::Demo(arguments) => demo::run(arguments, store),
        Command::Prove(arguments) => prove::run(arguments, store),
        Command::Cache(command) => cache::run(command, store),
        Command::Audit(command) => cache::audit(command, store),
        Command::Calibrate(arguments) => calibrate::run(arguments, store),
        Command::Embed(arguments) => embed::run(arguments, store),
        Command::Classify(arguments) => classify::run(arguments, store),
        Command::Image(command) => image::run(command, store),
        Command::Phantom(arguments) => phantom::run(arguments),
        Command::Generate(arguments) => generate::run(arguments, store),
        Command::Model(command) => model::run(command, store),
        Command::Bench(arguments) => bench::run(arguments, store),
        Command::Doctor(arguments) => doctor::run(arguments),
    }
}
