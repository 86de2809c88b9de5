//! Exit codes, and which failure has which.

use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;
use bedside_compute::ComputeError;
use bedside_imaging::ImagingError;
use bedside_models::ModelsError;
use bedside_weights::WeightsError;

use crate::text;

/// What the program's exit code says. The numbers are a contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// Done.
    Done = 0,
    /// Some inputs failed, the others were worked on.
    SomeFailed = 1,
    /// The command line asks for something that cannot be asked for.
    Usage = 2,
    /// An image or a text was refused.
    Input = 3,
    /// A model was refused.
    Model = 4,
    /// No device can do the work.
    Device = 5,
    /// The store, or a file to be written, could not be.
    Store = 6,
    /// Interrupted by the user.
    Interrupted = 130,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        ExitCode::from(code as u8)
    }
}

/// A failure that ends the program: what happened, and the code it ends with.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) error: anyhow::Error,
}

impl Failure {
    pub(crate) fn new(code: Code, error: impl Into<anyhow::Error>) -> Self {
        Self { code, error: error.into() }
    }

    /// The same, with what it happened to before it.
    #[must_use]
    pub(crate) fn at(self, what: &str) -> Self {
        Self { code: self.code, error: anyhow!("{what}: {:#}", self.error) }
    }

    /// A failure while the model at `path` was planned, loaded or run.
    pub(crate) fn of_model(path: &Path, error: ModelsError) -> Self {
        let failure = Self::from(error);
        let name = text::name(&path.display().to_string());
        // Errors of the files name them already.
        if failure.error.to_string().starts_with(&name) { failure } else { failure.at(&name) }
    }

    /// A failure while an image or a text was made ready for a loaded model, or run through it.
    pub(crate) fn of_input(error: ModelsError) -> Self {
        match error {
            ModelsError::Imaging(_)
            | ModelsError::Tokenizer { .. }
            | ModelsError::Context { .. }
            | ModelsError::Schema { .. } => Self::new(Code::Input, anyhow!("{error}")),
            other => other.into(),
        }
    }

    /// A failure while a model was written to a file, and perhaps read before that.
    pub(crate) fn while_converting(path: &Path, error: ModelsError) -> Self {
        match error {
            ModelsError::Weights(error) => Self::while_writing(error),
            other => Self::of_model(path, other),
        }
    }

    /// A failure while a model was written to a file.
    pub(crate) fn while_writing(error: WeightsError) -> Self {
        match error.root() {
            WeightsError::Exists => {
                Self::new(Code::Usage, anyhow::anyhow!("{error}; give --force to replace it"))
            }
            WeightsError::Io { .. } | WeightsError::NotARegularFile { .. } => Self::new(Code::Store, error),
            _ => error.into(),
        }
    }
}

/// What a loader refuses is a refused model, unless the user stopped it.
impl From<WeightsError> for Failure {
    fn from(error: WeightsError) -> Self {
        Self::new(code_of_weights(&error), error)
    }
}

fn code_of_weights(error: &WeightsError) -> Code {
    match error.root() {
        WeightsError::Cancelled => Code::Interrupted,
        _ => Code::Model,
    }
}

/// What an architecture refuses is a refused model too, what the system refuses a missing device.
/// Of images and texts: [`Failure::of_input`].
impl From<ModelsError> for Failure {
    fn from(error: ModelsError) -> Self {
        let code = match &error {
            ModelsError::Weights(error) => code_of_weights(error),
            ModelsError::Compute(
                ComputeError::Memory { .. }
                | ComputeError::Threads { .. }
                | ComputeError::GpuMissing { .. }
                | ComputeError::GpuLost { .. }
                | ComputeError::GpuRefused { .. }
                | ComputeError::GpuLimit { .. },
            ) => Code::Device,
            ModelsError::Request { .. } => Code::Usage,
            _ => Code::Model,
        };
        // Not as a chain: its causes stand in its message already.
        Self::new(code, anyhow!("{error}"))
    }
}

/// What is wrong with a picture is a refused input.
impl From<ImagingError> for Failure {
    fn from(error: ImagingError) -> Self {
        Self::of_input(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_the_codes_of_the_contract() {
        let tokenizer = || ModelsError::Tokenizer { operation: "encode a text", reason: "too long".into() };
        let picture = || ModelsError::Imaging(ImagingError::SixteenBitGrey);
        let memory = ComputeError::Memory { what: "arena", bytes: 1 << 40 };
        let request = ModelsError::Request { what: "labels", expected: "one".into(), got: "none".into() };
        let long = || ModelsError::Context { prompt: 60, answer: 5, context: 64 };
        let missing = ComputeError::WeightMissing { name: "v.blk.0.attn_q.weight".into() };
        let model = Path::new("a.gguf");
        for (failure, code) in [
            (Failure::of_input(tokenizer()), Code::Input),
            (Failure::of_input(picture()), Code::Input),
            (Failure::of_input(long()), Code::Input),
            (Failure::of_input(ModelsError::Schema { reason: "false".into() }), Code::Input),
            (Failure::of_input(missing.clone().into()), Code::Model),
            (Failure::of_model(model, tokenizer()), Code::Model),
            (Failure::of_model(model, picture()), Code::Model),
            (Failure::of_model(model, missing.into()), Code::Model),
            (Failure::of_model(model, memory.into()), Code::Device),
            (Failure::of_model(model, request), Code::Usage),
            (Failure::of_model(model, WeightsError::Cancelled.into()), Code::Interrupted),
            (Failure::while_converting(model, WeightsError::Exists.into()), Code::Usage),
        ] {
            assert_eq!(failure.code, code, "{:#}", failure.error);
        }
        assert_eq!(
            Failure::of_model(model, tokenizer()).error.to_string(),
            "a.gguf: tokenizer: encode a text: too long"
        );
    }
}
