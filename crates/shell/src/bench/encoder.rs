//! `bedside bench --model M --image I`: how long a user waits, and for what.

use std::path::Path;
use std::time::Instant;

use bedside_models::{DualEncoder, LoadSettings, Towers, plan};
use bedside_weights::Model;
use serde::Serialize;

use super::memory::peak_bytes;
use super::{median, p95};
use crate::cli::BenchArguments;
use crate::device::{self, Chosen};
use crate::exit::{Code, Failure};
use crate::identity::{ExecutorIdentity, ModelIdentity};
use crate::{encoder, output, picture, text};

/// Most times that the model is loaded.
const LOADS: usize = 3;

/// The JSON document `bedside.bench/1`.
#[derive(Serialize)]
struct Document {
    model: Option<ModelIdentity>,
    executor: ExecutorIdentity,
    architecture: String,
    phases: Vec<Phase>,
    /// Most memory that the process had, the files it maps included. `None`: this system does not say.
    peak_bytes: Option<u64>,
    /// What the plan asks for.
    planned_bytes: u64,
}

/// One measured phase.
#[derive(Serialize)]
struct Phase {
    name: &'static str,
    runs: usize,
    median_ms: f64,
    p95_ms: f64,
}

const PHASES: [&str; 7] = ["open", "plan", "load", "decode", "preprocess", "encode", "first result"];

/// Seconds of each phase, by its place in `PHASES`.
#[derive(Default)]
struct Clock([Vec<f64>; PHASES.len()]);

impl Clock {
    fn time<T>(&mut self, phase: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let begin = Instant::now();
        let value = work()?;
        self.note(phase, begin);
        Ok(value)
    }

    fn note(&mut self, phase: &str, begin: Instant) {
        let phase = PHASES.iter().position(|name| *name == phase).expect("callers name phases of the table");
        self.0[phase].push(begin.elapsed().as_secs_f64());
    }

    fn phases(self) -> Vec<Phase> {
        let phases = PHASES.into_iter().zip(self.0).filter_map(|(name, seconds)| {
            let runs = seconds.len();
            let p95_ms = p95(seconds.clone())? * 1e3;
            Some(Phase { name, runs, median_ms: median(seconds)? * 1e3, p95_ms })
        });
        phases.collect()
    }
}

/// What is measured.
struct Subject<'a> {
    model: &'a Path,
    image: &'a Path,
    settings: LoadSettings,
    on: Chosen,
}

impl Subject<'_> {
    /// From nothing to the first embedding.
    fn first(&self, clock: &mut Clock) -> Result<DualEncoder, Failure> {
        let begin = Instant::now();
        let model = clock.time("open", || Ok(Model::open(self.model)?))?;
        let mut encoder =
            clock.time("load", || encoder::load(self.model, &model, &self.settings, &self.on.target))?;
        // Not into the clock: what is done for the first time is slower than what follows.
        self.again(&mut Clock::default(), &mut encoder)?;
        clock.note("first result", begin);
        Ok(encoder)
    }

    /// What is done for each image.
    fn again(&self, clock: &mut Clock, encoder: &mut DualEncoder) -> Result<(), Failure> {
        let mut run = || {
            let pixels = clock.time("decode", || picture::pixels(self.image))?;
            let prepare = || encoder.prepare(&pixels).map_err(Failure::of_input);
            let prepared = clock.time("preprocess", prepare)?;
            clock.time("encode", || encoder.embed_images(&[prepared]).map_err(Failure::of_input))
        };
        let named = |failure: Failure| failure.at(&text::name(&self.image.display().to_string()));
        let embeddings = run().map_err(named)?;
        std::hint::black_box(embeddings);
        Ok(())
    }

    /// Bytes that the plan asks for.
    fn plan(&self, clock: &mut Clock) -> Result<u64, Failure> {
        let model = Model::open(self.model)?;
        let refused = |error| Failure::of_model(self.model, error);
        let plan = clock.time("plan", || plan(&model, &self.settings).map_err(refused))?;
        Ok(plan.totals().total_bytes())
    }
}

pub(super) fn run(arguments: &BenchArguments, store: Option<&Path>) -> Result<Code, Failure> {
    let given = "clap asks for it where no subcommand is";
    let (model, image) = (arguments.model.as_deref(), arguments.image.as_deref());
    let settings = encoder::settings(&arguments.load, Towers::Image);
    let (model, image) = (model.expect(given), image.expect(given));
    let on = device::choose(&arguments.on, &Model::open(model)?, &settings, store)?;
    let subject = Subject { model, image, settings, on };
    let runs = usize::from(arguments.runs.get());
    let loads = runs.min(LOADS);
    let mut clock = Clock::default();
    let mut encoder = subject.first(&mut clock)?;
    let architecture = encoder.architecture().to_owned();
    for _ in 0..runs {
        subject.again(&mut clock, &mut encoder)?;
    }
    // Before anything else that takes memory.
    let peak_bytes = peak_bytes();
    drop(encoder);
    for _ in 1..loads {
        subject.first(&mut clock)?;
    }
    let mut planned_bytes = 0;
    for _ in 0..loads {
        planned_bytes = subject.plan(&mut clock)?;
    }
    let identity = || ModelIdentity::of(subject.model, &Model::open(subject.model)?, store);
    let model = arguments.json.then(identity).transpose()?;
    let executor = ExecutorIdentity::of(&settings, &subject.on);
    let phases = clock.phases();
    let document = Document { model, executor, architecture, phases, peak_bytes, planned_bytes };
    if arguments.json {
        output::document("bench", &document)?;
    } else {
        output::print(&report(subject.model, &document))?;
    }
    Ok(Code::Done)
}

fn report(model: &Path, document: &Document) -> String {
    let rows = document.phases.iter().map(|phase| {
        let ms = [phase.median_ms, phase.p95_ms].map(|ms| format!("{ms:.3}"));
        [vec![phase.name.to_owned(), phase.runs.to_string()], ms.to_vec()].concat()
    });
    let table = text::table(&["phase", "runs", "median ms", "p95 ms"], &[1, 2, 3], rows);
    let peak = document.peak_bytes.map_or("not known on this system".to_owned(), text::bytes);
    format!(
        "{}: {} on {}\n\n{table}\n\npeak memory {peak}, mapped files included; planned {}\n",
        text::name(&model.display().to_string()),
        text::name(&document.architecture),
        document.executor.line(),
        text::bytes(document.planned_bytes),
    )
}
