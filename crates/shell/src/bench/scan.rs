//! `bedside bench --scan FILE`: how long a scan takes, from the file to its pictures, and out of the cache.

use std::path::Path;
use std::time::Instant;

use bedside_imaging::Scan;
use bedside_vault::SourceKey;
use serde::Serialize;

use super::memory::peak_bytes;
use super::{median, p95};
use crate::cli::{BenchArguments, ExamArguments, ExamChoice};
use crate::exit::{Code, Failure};
use crate::identity::ExecutorIdentity;
use crate::scan::engine::Engine;
use crate::scan::inputs::Input;
use crate::scan::{Session, digest, render};
use crate::{output, text};

/// The JSON document `bedside.bench-scan/1`.
#[derive(Serialize)]
struct Document {
    executor: ExecutorIdentity,
    model: String,
    /// Frames that were looked at.
    frames: usize,
    frames_per_second: Option<f64>,
    phases: Vec<Phase>,
    /// Median of the last tenth of the runs over that of the first: above 1, runs become slower.
    growth: Option<f64>,
    resident_peak_bytes: Option<u64>,
}

#[derive(Serialize)]
struct Phase {
    name: &'static str,
    runs: usize,
    median_ms: f64,
    p95_ms: f64,
}

/// Seconds of each run.
#[derive(Default)]
struct Times {
    open: Vec<f64>,
    judge: Vec<f64>,
    pictures: Vec<f64>,
    whole: Vec<f64>,
    cached: Vec<f64>,
}

pub(super) fn run(arguments: &BenchArguments, path: &Path, store: Option<&Path>) -> Result<Code, Failure> {
    let load = arguments.load.clone();
    let exam = ExamArguments { exam: ExamChoice::Lung, protocol: None, model: arguments.model.clone(), load };
    let mut engine = Engine::open(&exam, store)?;
    let begin = Instant::now();
    engine.load()?;
    let loaded = begin.elapsed().as_secs_f64();
    let mut times = Times::default();
    let mut frames = 0;
    for _ in 0..arguments.runs.get() {
        frames = one(&mut engine, path, &mut times)?;
    }
    cached(&exam, path, arguments.runs.get(), &mut times)?;
    let whole = median(times.whole.clone());
    let document = Document {
        executor: ExecutorIdentity::of_host(engine.settings.numerics, engine.settings.threads),
        model: engine.model.clone(),
        frames,
        frames_per_second: whole.map(|seconds| frames as f64 / seconds),
        growth: growth(&times.whole),
        phases: phases(loaded, times),
        resident_peak_bytes: peak_bytes(),
    };
    if arguments.json {
        output::document("bench-scan", &document)?;
    } else {
        output::print(&report(&document))?;
    }
    Ok(Code::Done)
}

/// From the file to the pictures, once. Returns the frames looked at.
fn one(engine: &mut Engine, path: &Path, times: &mut Times) -> Result<usize, Failure> {
    let begin = Instant::now();
    let scan = Scan::open(path)?;
    let opened = begin.elapsed().as_secs_f64();
    let judged = engine.report(&scan, None)?;
    let reported = begin.elapsed().as_secs_f64();
    std::hint::black_box(render::pictures(&judged)?);
    let drawn = begin.elapsed().as_secs_f64();
    times.open.push(opened);
    times.judge.push(reported - opened);
    times.pictures.push(drawn - reported);
    times.whole.push(drawn);
    Ok(judged.frames.len())
}

/// The same file again, in a store of its own that goes with the run.
fn cached(exam: &ExamArguments, path: &Path, runs: u16, times: &mut Times) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::new(Code::Store, error))?;
    let mut session = Session::open(exam, true, false, Some(folder.path()))?;
    let input = Input { path: path.to_owned(), zone: None };
    session.scan(&input)?;
    let source = SourceKey { file: digest(path)?.0, settings: session.engine.settings_digest(None) };
    if session.keeper.find(&source).is_none() {
        log::warn!("the report was not kept: nothing is said about the cache");
        return Ok(());
    }
    for _ in 0..runs {
        let begin = Instant::now();
        std::hint::black_box(session.scan(&input)?.document.len());
        times.cached.push(begin.elapsed().as_secs_f64());
    }
    session.keeper.close()
}

fn phases(loaded: f64, times: Times) -> Vec<Phase> {
    let Times { open, judge, pictures, whole, cached } = times;
    let all = [
        ("load", vec![loaded]),
        ("open", open),
        ("judge", judge),
        ("pictures", pictures),
        ("scan", whole),
        ("cached", cached),
    ];
    let phase = |(name, seconds): (&'static str, Vec<f64>)| {
        let runs = seconds.len();
        Some(Phase { name, runs, p95_ms: p95(seconds.clone())? * 1e3, median_ms: median(seconds)? * 1e3 })
    };
    all.into_iter().filter_map(phase).collect()
}

/// `None` for fewer than 20 runs.
fn growth(seconds: &[f64]) -> Option<f64> {
    let tenth = seconds.len() / 10;
    let (first, last) = (seconds.get(..tenth)?, seconds.get(seconds.len() - tenth..)?);
    (tenth >= 2).then(|| Some(median(last.to_vec())? / median(first.to_vec())?)).flatten()
}

fn report(document: &Document) -> String {
    let rows = document.phases.iter().map(|phase| {
        let ms = [phase.median_ms, phase.p95_ms].map(|ms| format!("{ms:.3}"));
        [vec![phase.name.to_owned(), phase.runs.to_string()], ms.to_vec()].concat()
    });
    let table = text::table(&["phase", "runs", "median ms", "p95 ms"], &[1, 2, 3], rows);
    let speed =
        document.frames_per_second.map_or_else(String::new, |n| format!(", {n:.1} frames per second"));
    let growth = document.growth.map_or_else(String::new, |n| format!("; last runs over first {n:.2}"));
    let peak = document.resident_peak_bytes.map_or("not known on this system".to_owned(), text::bytes);
    format!(
        "{} frames on {}\n\n{table}\n\npeak memory {peak}{speed}{growth}\n",
        document.frames,
        document.executor.line()
    )
}
