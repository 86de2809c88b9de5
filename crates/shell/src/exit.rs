//! Exit codes, and which failure has which.

use std::process::ExitCode;

use bedside_weights::WeightsError;

/// What the program's exit code says. The numbers are a contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// Done.
    Done = 0,
    /// Some inputs failed, the others were worked on.
    SomeFailed = 1,
    /// The command line asks for something that cannot be asked for.
    Usage = 2,
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

    /// A failure while `what` was being done to a model.
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
        let code = match error.root() {
            WeightsError::Cancelled => Code::Interrupted,
            _ => Code::Model,
        };
        Self::new(code, error)
    }
}
