//! The exam ready to run: protocol, model, executor. The model is loaded with the first scan that needs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use bedside_imaging::{Frame, PhiMask, Scan};
use bedside_models::{DualEncoder, LoadSettings, Towers};
use bedside_pipeline::codes::Zone;
use bedside_pipeline::{Domain, Exam, Given, PipelineError, Protocol, Report, ScanInput};
use bedside_vault::Digest;
use bedside_weights::{DigestCache, Model, Progress, file_digests, model_identity};
use tempfile::TempDir;

use crate::cli::ExamArguments;
use crate::exit::{Code, Failure};
use crate::identity::ExecutorIdentity;
use crate::store::Store;
use crate::{encoder, folder, text};

/// The exam that is built in.
const LUNG: &str = include_str!("../../../../calibration/protocols/lung.toml");
/// The model that is built in.
const DEMO_MODEL: &[u8] = include_bytes!("../../../../calibration/models/demo-lung/demo-lung.gguf");
/// A protocol's bytes, at most.
const MOST_PROTOCOL_BYTES: u64 = 1 << 20;

/// An exam and what it needs.
pub(crate) struct Engine {
    pub(crate) protocol: Protocol,
    protocol_text: String,
    path: PathBuf,
    pub(crate) settings: LoadSettings,
    /// Identity of the model.
    pub(crate) model: String,
    pub(crate) executor: ExecutorIdentity,
    loaded: Option<(DualEncoder, Exam)>,
    /// Holds the built-in model where the store could not.
    _extracted: Option<TempDir>,
}

impl Engine {
    /// Read the protocol and find out what the model is. Errors: what either is refused for.
    pub(crate) fn open(arguments: &ExamArguments, store: Option<&Path>) -> Result<Self, Failure> {
        let protocol_text = match &arguments.protocol {
            Some(path) => read_protocol(path)?,
            None => LUNG.to_owned(),
        };
        let protocol = Protocol::parse(&protocol_text).map_err(|error| match &arguments.protocol {
            Some(path) => of_pipeline(error).at(&text::name(&path.display().to_string())),
            None => of_pipeline(error),
        })?;
        let (path, extracted) = match &arguments.model {
            Some(path) => (path.clone(), None),
            None => built_in(store)?,
        };
        let model = Model::open(&path)?;
        let identity = identity(&model, store)?;
        let settings = encoder::settings(&arguments.load, Towers::Both);
        let executor = ExecutorIdentity::of_host(settings.numerics, settings.threads);
        let _extracted = extracted;
        Ok(Self {
            protocol,
            protocol_text,
            path,
            settings,
            model: identity,
            executor,
            loaded: None,
            _extracted,
        })
    }

    /// Everything but the scan that a report depends on.
    pub(crate) fn settings_digest(&self, zone: Option<Zone>) -> Digest {
        let zone = zone.map_or("", Zone::as_str);
        let fields =
            [env!("CARGO_PKG_VERSION"), &self.model, &self.protocol_text, &self.executor.name(), zone];
        Digest::of_fields(fields.map(str::as_bytes))
    }

    /// The protocol's text, calibration included.
    pub(crate) fn protocol_digest(&self) -> Digest {
        Digest::of(self.protocol_text.as_bytes())
    }

    /// The protocol's text, calibration included.
    pub(crate) fn protocol_text(&self) -> &str {
        &self.protocol_text
    }

    /// For a new fit: as if the protocol had none.
    pub(crate) fn forget_calibration(&mut self) {
        self.protocol = self.protocol.uncalibrated();
        self.loaded = None;
    }

    /// Load the model, if that is not done yet. Errors: what the model or the protocol is refused for.
    pub(crate) fn load(&mut self) -> Result<&mut (DualEncoder, Exam), Failure> {
        let loaded = match self.loaded.take() {
            Some(loaded) => loaded,
            None => {
                let model = Model::open(&self.path)?;
                let opened = DualEncoder::open_with_patches(&model, &self.settings);
                let mut encoder = opened.map_err(|error| Failure::of_model(&self.path, error))?;
                let exam =
                    Exam::new(self.protocol.clone(), &mut encoder, &self.model).map_err(of_pipeline)?;
                (encoder, exam)
            }
        };
        Ok(self.loaded.insert(loaded))
    }

    /// Judge a scan. Errors: a scan that cannot be read (code 3); those of the model.
    pub(crate) fn report(&mut self, scan: &Scan, zone: Option<Zone>) -> Result<Judged, Failure> {
        let domain = Domain::of_model_name(scan.manufacturer_model_name());
        let given = Given { domain, zone, executor: self.executor.name() };
        let (encoder, exam) = self.load()?;
        let frames = exam.frames_of(scan)?;
        let borrowed: Vec<&Frame> = frames.iter().map(AsRef::as_ref).collect();
        let input = ScanInput { frames: &borrowed, frames_in_scan: scan.frames(), given: &given };
        let report = exam.report(encoder, &input).map_err(of_pipeline)?;
        let mask = exam.mask_of(&borrowed).ok();
        Ok(Judged { report, frames, mask })
    }

    /// Frames and mask of a scan whose report is there already: for its pictures.
    /// Errors: as [`Engine::report`]'s.
    pub(crate) fn look(&mut self, scan: &Scan, report: Report) -> Result<Judged, Failure> {
        let (_, exam) = self.load()?;
        let frames = exam.frames_of(scan)?;
        let borrowed: Vec<&Frame> = frames.iter().map(AsRef::as_ref).collect();
        let mask = exam.mask_of(&borrowed).ok();
        Ok(Judged { report, frames, mask })
    }
}

/// A report with what its pictures are made of.
pub(crate) struct Judged {
    pub(crate) report: Report,
    pub(crate) frames: Vec<Arc<Frame>>,
    /// `None`: nothing may be shown.
    pub(crate) mask: Option<PhiMask>,
}

/// What a protocol or a model gets wrong is a refused model, a scan's shortcoming a refused input.
pub(crate) fn of_pipeline(error: PipelineError) -> Failure {
    match error {
        PipelineError::Models(error) => Failure::of_input(error),
        PipelineError::Imaging(error) => error.into(),
        other => Failure::new(Code::Model, other),
    }
}

fn read_protocol(path: &Path) -> Result<String, Failure> {
    let at = || text::name(&path.display().to_string());
    let refused = |error: anyhow::Error| Failure::new(Code::Model, error);
    let length =
        fs::metadata(path).with_context(|| format!("{}: cannot read it", at())).map_err(refused)?.len();
    if length > MOST_PROTOCOL_BYTES {
        return Err(refused(anyhow::anyhow!(
            "{}: {length} bytes; a protocol has {MOST_PROTOCOL_BYTES} at most",
            at()
        )));
    }
    fs::read_to_string(path).with_context(|| format!("{}: cannot read it", at())).map_err(refused)
}

/// The built-in model as a file: in the store, or where that cannot be written in a folder that goes with the
/// program.
fn built_in(store: Option<&Path>) -> Result<(PathBuf, Option<TempDir>), Failure> {
    let digest = Digest::of(DEMO_MODEL);
    let name = format!("demo-lung-{}.gguf", &digest.to_string()[..16]);
    if let Some(path) =
        Store::open(store).ok().and_then(|store| store.models().ok()).map(|models| models.join(&name))
    {
        let whole = || fs::read(&path).is_ok_and(|bytes| Digest::of(&bytes) == digest);
        if whole() || folder::write(&path, DEMO_MODEL, true).is_ok() {
            return Ok((path, None));
        }
    }
    let place = tempfile::tempdir().context("cannot make a place for the built-in model");
    let place = place.map_err(|error| Failure::new(Code::Store, error))?;
    let path = place.path().join(name);
    folder::write(&path, DEMO_MODEL, true)?;
    Ok((path, Some(place)))
}

/// The model's identity; a store that cannot be used only costs the reading.
fn identity(model: &Model, store: Option<&Path>) -> Result<String, Failure> {
    let cache = Store::open(store).map_or_else(|_| DigestCache::none(), |store| store.digests());
    let stop = std::sync::atomic::AtomicBool::new(false);
    let digests = file_digests(model, &cache, Progress::new(&stop, &|_| {}))?;
    Ok(model_identity(digests.iter().map(|file| (file.role, file.digest))).to_string())
}
