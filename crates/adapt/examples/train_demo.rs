//! Trains the demo model from a seed: frames, steps, checkpoints, the file. `cargo xtask train-demo` runs it.

use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bedside_adapt::{
    AdaptError, FrameSource, Frames, Held, PHRASES, TrainSettings, Trainer, direction, measure,
};
use bedside_phantom::Ranges;
use serde_json::json;

/// Seeds of scenes: training's begin at `seed · SEEDS`, those that watch the training far above.
const SEEDS: u64 = 1_000_000;
const WATCH: u64 = 1 << 40;
/// The quantized model in the folder.
const MODEL: &str = "demo-lung.gguf";
/// Steps from one checkpoint, and from one look at other frames, to the next.
const OFTEN: u64 = 250;

struct Options {
    folder: PathBuf,
    frames: usize,
    steps: u64,
    seed: u64,
    threads: usize,
    resume: bool,
    watch: usize,
    stdin: bool,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = options()?;
    std::fs::create_dir_all(&options.folder)?;
    let mut log =
        std::fs::OpenOptions::new().create(true).append(true).open(options.folder.join("metrics.jsonl"))?;
    let mut say = move |line: serde_json::Value| {
        println!("{line}");
        let _ = writeln!(log, "{line}");
    };
    let stop = Arc::new(AtomicBool::new(false));
    if options.stdin {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            stop.store(true, Ordering::Relaxed);
        });
    }
    match train(&options, &mut say, &stop) {
        Err(AdaptError::Stopped { step }) => {
            say(json!({ "event": "stopped", "step": step }));
            std::process::exit(130);
        }
        done => Ok(done?),
    }
}

fn train(
    options: &Options,
    say: &mut dyn FnMut(serde_json::Value),
    stop: &AtomicBool,
) -> Result<(), AdaptError> {
    let folder = &options.folder;
    let settings = TrainSettings::demo(options.seed, options.steps);
    let (batch, patch) = (settings.batch, settings.sizes.image.patch as usize);
    let threads = NonZeroUsize::new(options.threads).unwrap_or(NonZeroUsize::MIN);
    let mut trainer = Trainer::new(settings.clone(), &folder.join("blank.gguf"), threads)?;
    let checkpoint = folder.join("checkpoint.gguf");
    if options.resume && checkpoint.exists() {
        trainer.resume(&checkpoint)?;
        say(json!({ "event": "resumed", "step": trainer.steps_done() }));
    }
    let (train, watch) = frames(&trainer, &settings, options, say, stop)?;
    let began = Instant::now();
    let first = trainer.steps_done();
    while !trainer.is_done() {
        let record = trainer.step(&train)?;
        let done = trainer.steps_done();
        if done.is_multiple_of(10) {
            let rate = ((done - first) * batch as u64) as f64 / began.elapsed().as_secs_f64();
            let mut line = json!(record);
            line["event"] = "step".into();
            line["of"] = options.steps.into();
            line["frames_per_second"] = rate.into();
            say(line);
        }
        let stopped = stop.load(Ordering::Relaxed);
        if done.is_multiple_of(OFTEN) || trainer.is_done() || stopped {
            trainer.checkpoint(&checkpoint)?;
        }
        if stopped && !trainer.is_done() {
            return Err(AdaptError::Stopped { step: done });
        }
        if options.watch > 0 && (done.is_multiple_of(OFTEN) || trainer.is_done()) {
            look(&trainer, &watch, patch, say)?;
        }
    }
    let (whole, small) = (folder.join("model-f32.gguf"), folder.join(MODEL));
    trainer.write_model(&whole)?;
    let bytes = bedside_adapt::quantize_demo(&whole, &small)?;
    let seconds = began.elapsed().as_secs_f64();
    say(
        json!({ "event": "trained", "steps": trainer.steps_done(), "seconds": seconds, "file": MODEL, "bytes": bytes }),
    );
    Ok(())
}

fn frames(
    trainer: &Trainer,
    settings: &TrainSettings,
    options: &Options,
    say: &mut dyn FnMut(serde_json::Value),
    stop: &AtomicBool,
) -> Result<(Frames, Frames), AdaptError> {
    let preprocessing = trainer.encoder().preprocessing().cloned().ok_or_else(|| AdaptError::Setting {
        what: "model",
        expected: "an image tower",
        got: "none".to_owned(),
    })?;
    let source = FrameSource {
        ranges: Ranges::training(),
        first_seed: options.seed * SEEDS,
        seed: options.seed,
        preprocessing,
        side: settings.sizes.image.side as usize,
    };
    let train = source.cached(&options.folder.join("frames"), options.frames, &mut |done| {
        say(json!({ "event": "frames", "done": done, "of": options.frames }));
        !stop.load(Ordering::Relaxed)
    })?;
    let watch = FrameSource { first_seed: WATCH, ..source };
    let watch =
        watch.cached(&options.folder.join("watch"), options.watch, &mut |_| !stop.load(Ordering::Relaxed))?;
    Ok((train, watch))
}

/// Areas under the curve and pointing on frames that training does not see.
fn look(
    trainer: &Trainer,
    watch: &Frames,
    patch: usize,
    say: &mut dyn FnMut(serde_json::Value),
) -> Result<(), AdaptError> {
    let all: Vec<u32> = (0..watch.len() as u32).collect();
    let (embeds, patches) = trainer.embed_frames(watch, &all)?;
    let mut line = json!({ "event": "watch", "step": trainer.steps_done() });
    for (name, held) in [("known", Held::In), ("held_out", Held::Out)] {
        let directions =
            PHRASES.iter().map(|phrases| direction(phrases, held, |texts| trainer.embed_texts(texts)));
        let directions = directions.collect::<Result<Vec<_>, _>>()?;
        for found in measure(watch, patch, (&embeds, &patches), |k| directions[k].clone()) {
            let area = found.auroc.map(|auroc| (auroc.area * 1e4).round() / 1e4);
            let pointed = (found.pointed.0 as f64 / found.pointed.1.max(1) as f64 * 1e3).round() / 1e3;
            line[name][found.finding.code()] = json!([area, pointed]);
        }
    }
    say(line);
    Ok(())
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        folder: PathBuf::from("train-demo"),
        frames: 12_288,
        steps: 3500,
        seed: 1,
        threads: 1,
        resume: false,
        watch: 512,
        stdin: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--resume" => {
                options.resume = true;
                continue;
            }
            "--stop-with-stdin" => {
                options.stdin = true;
                continue;
            }
            _ => {}
        }
        let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
        let number = || value.parse::<u64>().map_err(|error| format!("{name} {value}: {error}"));
        match name.as_str() {
            "--folder" => options.folder = PathBuf::from(&value),
            "--frames" => options.frames = number()? as usize,
            "--steps" => options.steps = number()?,
            "--seed" => options.seed = number()?,
            "--threads" => options.threads = number()? as usize,
            "--watch" => options.watch = number()? as usize,
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok(options)
}
