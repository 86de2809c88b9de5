//! What can go wrong while a model is trained.

use std::path::{Path, PathBuf};

use bedside_compute::ComputeError;
use bedside_imaging::ImagingError;
use bedside_models::ModelsError;
use bedside_phantom::PhantomError;
use bedside_weights::WeightsError;
use thiserror::Error;

/// Everything this crate refuses.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdaptError {
    /// A model file.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A network or its gradients.
    #[error(transparent)]
    Compute(#[from] ComputeError),
    /// A picture.
    #[error(transparent)]
    Imaging(#[from] ImagingError),
    /// A dual encoder.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// A simulated scan.
    #[error(transparent)]
    Phantom(#[from] PhantomError),
    /// A file beside the model: the cache of frames, the log.
    #[error("{}: cannot {operation}: {source}", path.display())]
    Io {
        /// What was to be done.
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that is not what this run would have written.
    #[error("{}: {what}: expected {expected}, got {got}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        what: &'static str,
        /// What would fit.
        expected: String,
        /// What is there.
        got: String,
    },
    /// A setting that makes no run.
    #[error("{what}: expected {expected}, got {got}")]
    Setting {
        /// Which.
        what: &'static str,
        /// What would do.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// The loss or a gradient is no number any more.
    #[error("step {step}: {what} is {got}, not a finite number; nothing of this step was kept")]
    Diverged {
        /// Step, counted from 0.
        step: u64,
        /// Loss or gradient.
        what: &'static str,
        /// Its value.
        got: f64,
    },
    /// The run was asked to stop; a checkpoint was written.
    #[error("stopped at step {step}; --resume goes on from there")]
    Stopped {
        /// Steps done.
        step: u64,
    },
}

impl AdaptError {
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { operation, path, source }
    }
}
