//! `cargo xtask fuzz`: a fuzz target of tests/fuzz for a given time.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::metadata::Metadata;
use crate::workspace;

/// Run a fuzz target for some time.
///
/// Needs a nightly toolchain and cargo-fuzz, and says how to get them where they are missing. What it finds
/// lies in tests/fuzz/artifacts; the last line is the number of executions.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The target's name; --list shows them.
    #[arg(required_unless_present = "list")]
    target: Option<String>,
    /// How long to run, in seconds.
    #[arg(long, value_name = "N", required_unless_present = "list", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: Option<u32>,
    /// Show the targets and end.
    #[arg(long)]
    list: bool,
}

const FOLDER: &str = "tests/fuzz";

/// Bytes of an input at most: headers and directories are small, and short inputs run more often.
const MAX_INPUT_BYTES: u32 = 64 << 10;

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let root = workspace::root()?;
    let manifest = root.join(FOLDER).join("Cargo.toml");
    let text =
        fs::read_to_string(&manifest).with_context(|| format!("no fuzz targets: {FOLDER}/Cargo.toml"))?;
    let targets = targets(&text)?;
    if arguments.list {
        targets.iter().for_each(|target| println!("{target}"));
        return Ok(ExitCode::SUCCESS);
    }
    let (Some(target), Some(seconds)) = (&arguments.target, arguments.seconds) else {
        bail!("a target and --seconds are needed");
    };
    ensure!(targets.contains(target), "no fuzz target {target}; there are: {}", targets.join(", "));
    ensure_tools()?;
    fuzz(&root, target, seconds)
}

/// The `[[bin]]` names of the fuzz workspace.
fn targets(manifest: &str) -> Result<Vec<String>> {
    let manifest: toml::Table =
        manifest.parse().with_context(|| format!("{FOLDER}/Cargo.toml is not TOML"))?;
    let bins = manifest.get("bin").and_then(toml::Value::as_array).into_iter().flatten();
    let names = bins.filter_map(|bin| bin.get("name").and_then(toml::Value::as_str));
    Ok(names.map(str::to_owned).collect())
}

/// `rustup run nightly cargo …`. What the toolchain that runs this program has set would win over it.
fn nightly(words: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly"]).args(words);
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command
}

fn ensure_tools() -> Result<()> {
    let mut missing = Vec::new();
    if !workspace::answers(&mut nightly(&["rustc", "--version"])) {
        missing.push("  the nightly toolchain:  rustup toolchain install nightly --profile minimal");
    }
    if !workspace::answers(&mut nightly(&["cargo", "fuzz", "--version"])) {
        missing.push("  cargo-fuzz:             cargo install cargo-fuzz --locked");
    }
    ensure!(missing.is_empty(), "fuzzing needs what is missing here; to get it:\n{}", missing.join("\n"));
    Ok(())
}

fn fuzz(root: &Path, target: &str, seconds: u32) -> Result<ExitCode> {
    let built = target_folder(root)?;
    let mut command = nightly(&["cargo", "fuzz", "run", "--fuzz-dir", FOLDER, "--target-dir"]);
    command.arg(&built).arg(target).arg("--").arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-max_len={MAX_INPUT_BYTES}")).arg("-print_final_stats=1");
    command.env("CARGO_TARGET_DIR", &built).current_dir(root).stderr(Stdio::piped());
    println!("{}", workspace::spelled(&command));
    let mut child = command.spawn().context("cannot run rustup")?;
    let output = child.stderr.take().context("cargo fuzz has no output to read")?;
    let mut executions = None;
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line.context("cannot read what cargo fuzz prints")?).into_owned();
        eprintln!("{line}");
        executions = executions_in(&line).or(executions);
    }
    let succeeded = child.wait().context("cannot wait for cargo fuzz")?.success();
    let count = executions.map_or("an unknown number of".to_owned(), |count| count.to_string());
    if succeeded {
        println!("{target}: {count} executions in {seconds} s, nothing found");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{target}: FAILED after {count} executions; an input that shows it is under {FOLDER}/artifacts/{target}"
    );
    Ok(ExitCode::FAILURE)
}

/// Outside the checkout, and apart from the folder of the stable toolchain.
fn target_folder(root: &Path) -> Result<PathBuf> {
    let usual = Metadata::read(root)?.target_directory;
    if !usual.starts_with(root) {
        return Ok(usual.join("fuzz"));
    }
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.or_else(|| env::home_dir().map(|home| home.join(".cache")));
    Ok(cache.context("no folder to build in: set CARGO_TARGET_DIR")?.join("bedside").join("fuzz-target"))
}

/// libFuzzer's own count, from its closing statistics.
fn executions_in(line: &str) -> Option<u64> {
    line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_bins_of_the_manifest() {
        let manifest =
            "[package]\nname = \"fuzz\"\n[[bin]]\nname = \"gguf\"\n[[bin]]\nname = \"safetensors\"\n";
        assert_eq!(targets(manifest).unwrap(), ["gguf", "safetensors"]);
        assert!(targets("[package]\n").unwrap().is_empty());
        assert!(targets("[package").is_err());
    }

    #[test]
    fn executions_are_read_from_the_statistics() {
        assert_eq!(executions_in("stat::number_of_executed_units: 12345"), Some(12345));
        assert_eq!(executions_in("#12345 DONE cov: 7"), None);
    }
}
