//! `cargo xtask VERB`: the project's own tool. One file per verb.

mod check;
mod fetch;
mod fuzz;
mod metadata;
mod test;
mod tidy;
mod train_demo;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Check, test and feed the Bedside workspace.
///
/// Nothing here is part of the device: the program itself never downloads and never leaves the machine.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Check(check::Arguments),
    Test(test::Arguments),
    Tidy(tidy::Arguments),
    Fetch(fetch::Arguments),
    Fuzz(fuzz::Arguments),
    TrainDemo(train_demo::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.verb {
        Verb::Check(arguments) => check::run(&arguments),
        Verb::Test(arguments) => test::run(&arguments),
        Verb::Tidy(arguments) => tidy::run(&arguments),
        Verb::Fetch(arguments) => fetch::run(&arguments),
        Verb::Fuzz(arguments) => fuzz::run(&arguments),
        Verb::TrainDemo(arguments) => train_demo::run(&arguments),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
