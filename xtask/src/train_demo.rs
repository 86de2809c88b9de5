//! `cargo xtask train-demo`: the demo model from a seed, with a progress bar; stops and goes on.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::workspace;

/// Train the demo model of lung ultrasound from a seed, on the CPU.
///
/// Simulates the frames once, then trains; both are kept in the folder, so --resume goes on after Ctrl-C with the
/// numbers it would have had. What every step and every look at other frames gave lies in metrics.jsonl there.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Seed of scenes, weights and words: the same seed gives the same model on the same machine.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..1_000_000))]
    seed: u64,
    /// Steps of 32 frames.
    #[arg(long, default_value_t = STEPS, value_parser = clap::value_parser!(u64).range(1..1_000_000))]
    steps: u64,
    /// Frames to simulate.
    #[arg(long, default_value_t = FRAMES, value_parser = clap::value_parser!(u64).range(32..1_000_000))]
    frames: u64,
    /// Threads; they change no number.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: u64,
    /// Go on from the last checkpoint in the folder.
    #[arg(long)]
    resume: bool,
    /// Where frames, checkpoints and the model go; target/train-demo if not given.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Put the model in place of the committed one.
    #[arg(long)]
    install: bool,
}

/// Less than 90 minutes on two cores. The card of the committed model tells its own.
const STEPS: u64 = 3500;
const FRAMES: u64 = 12_288;
/// The model in its folder, and where the committed one lies.
const MODEL: &str = "demo-lung.gguf";
const COMMITTED: &str = "calibration/models/demo-lung/demo-lung.gguf";
/// Large blocks stay with the process: each step takes and gives back the same ones.
const ALLOCATOR: [(&str, &str); 3] = [
    ("MALLOC_MMAP_THRESHOLD_", "4294967296"),
    ("MALLOC_TRIM_THRESHOLD_", "17179869184"),
    ("MALLOC_TOP_PAD_", "268435456"),
];

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let root = workspace::root()?;
    let folder = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => target(&root).join("train-demo"),
    };
    let folder = std::path::absolute(&folder).context("the folder has no absolute path")?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut command = command(arguments, &folder);
    command.current_dir(&root);
    eprintln!("{}", workspace::spelled(&command));
    let mut child = command.spawn().context("cannot run cargo")?;
    let output = child.stdout.take().context("the training has no output to read")?;
    stop_gently(&mut child)?;
    let bar = ProgressBar::new(arguments.steps);
    bar.set_style(ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {eta} left")?);
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read what the training prints")?;
        match serde_json::from_str::<Value>(&line) {
            Ok(event) => show(&bar, &event),
            Err(_) => bar.println(line),
        }
    }
    bar.finish_and_clear();
    let status = child.wait().context("cannot wait for the training")?;
    if status.code() == Some(130) {
        eprintln!("stopped; `cargo xtask train-demo --resume` goes on");
        return Ok(ExitCode::from(130));
    }
    ensure!(status.success(), "the training failed: {status}");
    let model = folder.join(MODEL);
    println!("{}", model.display());
    if arguments.install {
        let committed = root.join(COMMITTED);
        fs::copy(&model, &committed).with_context(|| format!("cannot write {}", committed.display()))?;
        println!("{}", committed.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn command(arguments: &Arguments, folder: &Path) -> Command {
    let mut command = workspace::cargo();
    command.args(["run", "--release", "--package", "bedside-adapt", "--example", "train_demo", "--"]);
    for (name, number) in [
        ("--seed", arguments.seed),
        ("--steps", arguments.steps),
        ("--frames", arguments.frames),
        ("--threads", arguments.threads),
    ] {
        command.arg(name).arg(number.to_string());
    }
    command.arg("--folder").arg(folder).arg("--stop-with-stdin");
    if arguments.resume {
        command.arg("--resume");
    }
    command.env("RAYON_NUM_THREADS", arguments.threads.to_string()).envs(ALLOCATOR);
    // A group of its own: the terminal's Ctrl-C is for this program, which asks the training to stop.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
    command
}

/// Ctrl-C reaches this program only; it then closes the training's input, which writes a checkpoint and ends.
fn stop_gently(child: &mut Child) -> Result<()> {
    let input = Arc::new(Mutex::new(child.stdin.take()));
    let close = move || {
        if let Ok(mut input) = input.lock() {
            input.take();
        }
    };
    ctrlc::set_handler(close).context("cannot listen for Ctrl-C")
}

/// One line of the training's: a step moves the bar, the rest is printed.
fn show(bar: &ProgressBar, event: &Value) {
    let number = |name: &str| event.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    match event.get("event").and_then(Value::as_str) {
        Some("frames") => {
            bar.set_length(number("of") as u64);
            bar.set_position(number("done") as u64);
            bar.set_message("simulating");
        }
        Some("step") => {
            bar.set_length(number("of") as u64);
            bar.set_position(number("step") as u64);
            let (contrastive, place) = (number("contrastive"), number("localisation"));
            bar.set_message(format!("training, loss {contrastive:.3}, place {place:.3}"));
        }
        _ => bar.println(event.to_string()),
    }
}

/// The folder that cargo builds into.
fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(resume: bool) -> Arguments {
        Arguments { seed: 7, steps: 3, frames: 64, threads: 1, resume, folder: None, install: false }
    }

    #[test]
    fn the_training_gets_what_was_asked_for() {
        let words = workspace::spelled(&command(&arguments(true), Path::new("/somewhere")));
        for part in ["--example train_demo", "--seed 7", "--steps 3", "--folder /somewhere", "--resume"] {
            assert!(words.contains(part), "{words}");
        }
        assert!(!workspace::spelled(&command(&arguments(false), Path::new("x"))).contains("--resume"));
    }

    #[test]
    fn steps_move_the_bar() {
        let bar = ProgressBar::hidden();
        show(&bar, &serde_json::json!({ "event": "step", "step": 5, "of": 9, "contrastive": 0.5 }));
        assert_eq!((bar.position(), bar.length()), (5, Some(9)));
        show(&bar, &serde_json::json!({ "event": "frames", "done": 2, "of": 4 }));
        assert_eq!((bar.position(), bar.length()), (2, Some(4)));
    }
}
