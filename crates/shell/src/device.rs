//! The device a model runs on: a GPU only after its known answers were right for this model, and in `auto` only where
//! it is faster than the processor. Verdicts, measurements and pipelines are kept in the store.

use std::path::Path;

use bedside_compute::gpu::doctor::Report;
use bedside_compute::gpu::{AdapterChoice, Device, DeviceOptions, Tuning, adapters};
use bedside_compute::plan::Plan;
use bedside_compute::{ComputeError, Target};
use bedside_models::{DualEncoder, LoadSettings, ModelsError, plan};
use bedside_weights::Model;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::cli::{DeviceArguments, DeviceChoice};
use crate::encoder;
use crate::exit::{Code, Failure};
use crate::store::Store;

/// Where a model runs, and why not where it was asked to.
pub(crate) struct Chosen {
    pub(crate) target: Target,
    pub(crate) fallback: Option<String>,
}

/// What is kept of a device and a model.
#[derive(Serialize, Deserialize)]
struct Verdict {
    /// One of each tower.
    reports: Vec<Report>,
    /// Measured beside the processor; `None`: not asked yet.
    faster: Option<bool>,
}

impl Chosen {
    fn cpu(settings: &LoadSettings, fallback: Option<String>) -> Self {
        if let Some(why) = &fallback {
            log::warn!("running on the processor: {why}");
        }
        Self { target: Target::Cpu { threads: settings.threads }, fallback }
    }

    /// Keep the pipelines that the load made, for the next start.
    pub(crate) fn keep(&self, store: Option<&Path>) {
        let Target::Gpu { device, .. } = &self.target else { return };
        if let (Ok(store), Some(pipelines)) = (Store::open(store), device.kept_pipelines()) {
            store.keep("pipelines", &device.key(), &pipelines);
        }
    }
}

/// The device for this model. Errors (code 5): a GPU that was asked for and is not there; otherwise what the model
/// is refused for.
pub(crate) fn choose(
    asked: &DeviceArguments,
    model: &Model,
    settings: &LoadSettings,
    store: Option<&Path>,
) -> Result<Chosen, Failure> {
    let adapter = match &asked.device {
        DeviceChoice::Cpu => return Ok(Chosen::cpu(settings, None)),
        DeviceChoice::Auto => AdapterChoice::Auto,
        DeviceChoice::Gpu(adapter) => adapter.clone(),
    };
    let auto = asked.device == DeviceChoice::Auto;
    let options = DeviceOptions { adapter, backend: asked.backend, clamp: None };
    let device = match open(&options, store) {
        Ok(device) => device,
        // That there is no GPU is no failure of one.
        Err(ComputeError::GpuMissing { .. }) if auto => return Ok(Chosen::cpu(settings, None)),
        Err(error @ ComputeError::GpuMissing { .. }) => return Err(Failure::new(Code::Device, error)),
        Err(error) => return Ok(Chosen::cpu(settings, Some(error.to_string()))),
    };
    let store = Store::open(store)?;
    let name = format!("{}-{}", device.key(), subject(model, settings)?);
    let tuning: Option<Tuning> = kept(&store, "tune", &name).filter(|tuning: &Tuning| tuning.is_for(&device));
    let known: Option<Verdict> = kept(&store, "doctor", &name)
        .filter(|known: &Verdict| known.reports.iter().all(|report| report.is_for(&device)));
    let fresh = known.is_none();
    let mut verdict = match known {
        Some(verdict) => verdict,
        None => {
            log::info!("{}: first use with this model, checking known answers", device.adapter());
            let reports = bedside_models::examine(model, settings, &device, tuning.as_ref())?;
            Verdict { reports, faster: None }
        }
    };
    if let Some(why) = unsound(&verdict, &device) {
        keep(&store, "doctor", &name, &verdict);
        return Ok(Chosen::cpu(settings, Some(why)));
    }
    let tuning = match tuning {
        Some(tuning) => tuning,
        None => {
            let tuning = bedside_models::tune(model, settings, &device, None)?;
            keep(&store, "tune", &name, &tuning);
            tuning
        }
    };
    let target = Target::Gpu { device, tuning: Some(tuning) };
    if auto && verdict.faster.is_none() {
        let cpu = Target::Cpu { threads: settings.threads };
        let [gpu, cpu] = [&target, &cpu].map(|target| bedside_models::seconds(model, settings, target));
        verdict.faster = Some(gpu? < cpu?);
        keep(&store, "doctor", &name, &verdict);
    } else if fresh {
        keep(&store, "doctor", &name, &verdict);
    }
    match verdict.faster {
        Some(false) if auto => Ok(Chosen::cpu(settings, None)),
        _ => Ok(Chosen { target, fallback: None }),
    }
}

/// The model at this path on the device of [`choose`]; on the processor where the GPU cannot hold it.
/// Errors: as [`choose`]'s and the load's.
pub(crate) fn load(
    asked: &DeviceArguments,
    (path, model): (&Path, &Model),
    settings: &LoadSettings,
    store: Option<&Path>,
) -> Result<(DualEncoder, Chosen), Failure> {
    let on = choose(asked, model, settings, store)?;
    match DualEncoder::open_on(model, settings, &on.target) {
        Ok(encoder) => {
            on.keep(store);
            Ok((encoder, on))
        }
        Err(ModelsError::Compute(error)) if matches!(on.target, Target::Gpu { .. }) => {
            let on = Chosen::cpu(settings, Some(error.to_string()));
            Ok((encoder::load(path, model, settings, &on.target)?, on))
        }
        Err(error) => Err(Failure::of_model(path, error)),
    }
}

/// Open with the pipelines that were kept. Errors: as [`Device::open`]'s.
pub(crate) fn open(options: &DeviceOptions, store: Option<&Path>) -> Result<Device, ComputeError> {
    let device = Device::open(options, None)?;
    let store = Store::open_existing(store).ok().flatten();
    match store.and_then(|store| store.kept("pipelines", &device.key())) {
        Some(pipelines) => Device::open(options, Some(&pipelines)),
        None => Ok(device),
    }
}

/// Names of the GPUs there are, for messages.
pub(crate) fn names() -> Vec<String> {
    adapters(None).iter().map(ToString::to_string).collect()
}

fn unsound(verdict: &Verdict, device: &Device) -> Option<String> {
    let failed: Vec<&str> =
        verdict.reports.iter().flat_map(Report::failures).map(|check| check.what.as_str()).collect();
    let sound = verdict.reports.iter().all(Report::sound);
    (!sound).then(|| format!("{} gives wrong answers: {}", device.adapter(), failed.join("; ")))
}

/// What a verdict is about beside the device: the plans, with every operation, shape and format.
fn subject(model: &Model, settings: &LoadSettings) -> Result<String, Failure> {
    let plans = plan(model, settings)?;
    let digests: Vec<String> = plans.image.iter().chain(&plans.text).map(Plan::digest).collect();
    Ok(digests.join("-"))
}

fn kept<T: DeserializeOwned>(store: &Store, folder: &str, name: &str) -> Option<T> {
    let bytes = store.kept(folder, &format!("{name}.json"))?;
    let read = serde_json::from_slice(&bytes);
    read.inspect_err(|error| log::warn!("kept {folder}/{name} is ignored: {error}")).ok()
}

fn keep<T: Serialize>(store: &Store, folder: &str, name: &str, value: &T) {
    match serde_json::to_vec(value) {
        Ok(bytes) => store.keep(folder, &format!("{name}.json"), &bytes),
        Err(error) => log::warn!("cannot keep {folder}/{name}: {error}"),
    }
}
