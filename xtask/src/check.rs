//! `cargo xtask check`: everything a commit has to pass, cheapest first.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::metadata::Metadata;
use crate::{test, tidy, workspace};

/// Run every check that a commit has to pass.
///
/// In this order: format, clippy, documentation, tidy, cargo-deny where it is installed, and the tests. The
/// first failure stops the run; its last line names the step.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Also build what takes half an hour: the compute crate with the feature burn-gpu.
    #[arg(long)]
    all: bool,
    /// Leave the tests out.
    #[arg(long)]
    without_tests: bool,
    /// Fail when a test of one of these kinds was skipped.
    #[arg(long, value_name = "KIND", value_enum, value_delimiter = ',', conflicts_with = "without_tests")]
    require: Vec<test::Kind>,
}

/// The feature that only `--all` builds.
const COSTLY_FEATURE: &str = "burn-gpu";

/// One step: its name and what it does; `false` when what it looked at is at fault.
struct Step<'a> {
    name: &'static str,
    run: Box<dyn Fn() -> Result<bool> + 'a>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let root = workspace::root()?;
    let start = Instant::now();
    let steps = steps(&root, arguments);
    let count = steps.len();
    for (number, step) in steps.iter().enumerate() {
        println!("\n── {} ({} of {count})", step.name, number + 1);
        let begun = Instant::now();
        let passed = (step.run)().unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            false
        });
        let seconds = begun.elapsed().as_secs_f64();
        if !passed {
            println!("check FAILED in the step \"{}\" after {seconds:.1} s", step.name);
            return Ok(ExitCode::FAILURE);
        }
        // The tests end with their own closing line, which stays the last.
        if step.name != "tests" {
            println!("   {} passed in {seconds:.1} s", step.name);
        }
    }
    if arguments.without_tests {
        println!("\ncheck passed without the tests: {count} steps in {:.1} s", start.elapsed().as_secs_f64());
    }
    Ok(ExitCode::SUCCESS)
}

fn steps<'a>(root: &'a Path, arguments: &'a Arguments) -> Vec<Step<'a>> {
    let step = |name, run: Box<dyn Fn() -> Result<bool> + 'a>| Step { name, run };
    let mut steps = vec![
        step("format", Box::new(|| format(root))),
        step("clippy", Box::new(|| cargo(root, &["clippy", "--all-targets"], &["--", "-D", "warnings"]))),
        step("documentation", Box::new(|| documentation(root))),
        step("tidy", Box::new(|| tidy::check(root))),
        step("deny", Box::new(|| deny(root))),
    ];
    if arguments.all {
        steps.push(step(COSTLY_FEATURE, Box::new(|| costly_feature(root))));
    }
    if !arguments.without_tests {
        steps.push(step("tests", Box::new(|| test::test(root, &arguments.require, &[]))));
    }
    steps
}

/// `cargo VERB --release --workspace --locked …`: the profile of running and testing, so that build scripts
/// and derive macros compile once for all of them.
fn cargo(root: &Path, verb: &[&str], more: &[&str]) -> Result<bool> {
    let mut command = workspace::cargo();
    command.args(verb).args(["--release", "--workspace", "--locked"]).args(more);
    succeeds(command.current_dir(root))
}

fn succeeds(command: &mut Command) -> Result<bool> {
    println!("   {}", workspace::spelled(command));
    let status = command.status();
    let status = status.with_context(|| format!("cannot run {}", workspace::spelled(command)))?;
    Ok(status.success())
}

/// The workspace, and the fuzz targets, which are a workspace of their own.
fn format(root: &Path) -> Result<bool> {
    let whole = succeeds(workspace::cargo().args(["fmt", "--all", "--check"]).current_dir(root))?;
    let fuzz = root.join("tests/fuzz/Cargo.toml");
    if !whole || !fuzz.is_file() {
        return Ok(whole);
    }
    let mut command = workspace::cargo();
    command.args(["fmt", "--manifest-path", "tests/fuzz/Cargo.toml", "--check"]);
    succeeds(command.current_dir(root))
}

fn documentation(root: &Path) -> Result<bool> {
    let flags = std::env::var("RUSTDOCFLAGS").unwrap_or_default();
    let mut command = workspace::cargo();
    command.args(["doc", "--no-deps", "--release", "--workspace", "--locked"]);
    command.env("RUSTDOCFLAGS", format!("{flags} -D warnings").trim());
    succeeds(command.current_dir(root))
}

fn deny(root: &Path) -> Result<bool> {
    if !workspace::answers(workspace::cargo().args(["deny", "--version"])) {
        println!("   cargo-deny is not installed; tidy has checked the wrappers and the licences");
        return Ok(true);
    }
    let mut command = workspace::cargo();
    command.args(["deny", "--offline", "check", "bans", "licenses", "sources"]);
    succeeds(command.current_dir(root))
}

fn costly_feature(root: &Path) -> Result<bool> {
    let metadata = Metadata::read(root)?;
    let with: Vec<&str> = with_feature(&metadata, COSTLY_FEATURE);
    if with.is_empty() {
        println!("   no package has the feature {COSTLY_FEATURE}: nothing to build");
    }
    for package in with {
        let mut command = workspace::cargo();
        command.args(["clippy", "--release", "--locked", "--all-targets", "--package", package]);
        command.args(["--features", COSTLY_FEATURE, "--", "-D", "warnings"]);
        if !succeeds(command.current_dir(root))? {
            return Ok(false);
        }
        let mut command = workspace::cargo();
        command.args(["test", "--release", "--locked", "--no-run", "--package", package]);
        if !succeeds(command.args(["--features", COSTLY_FEATURE]).current_dir(root))? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn with_feature<'a>(metadata: &'a Metadata, feature: &str) -> Vec<&'a str> {
    metadata
        .packages
        .iter()
        .filter(|package| package.features.contains_key(feature))
        .map(|p| p.name.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_with_the_costly_feature_are_found() {
        let json = r#"{"packages": [
            {"name": "bedside-compute", "features": {"burn-gpu": []}},
            {"name": "bedside-tensor", "features": {"default": []}}]}"#;
        let metadata: Metadata = serde_json::from_str(json).unwrap();
        assert_eq!(with_feature(&metadata, COSTLY_FEATURE), ["bedside-compute"]);
        assert!(with_feature(&metadata, "none").is_empty());
    }
}
