//! The exam as a pure function: frames of one scan to a [`Report`], and the reports of a folder to a table.
//!
//! A [`Protocol`] says what is looked for, in which words, on which pictures and how sure a statement must be; an
//! [`Exam`] is a protocol made ready for one model; [`fit`] makes what a protocol needs to speak of probabilities.
//! Mask, quality gate, encoding, score, calibration and decision follow each other in `exam.rs`. Reports hold codes;
//! [`report_text`] says them in English or Japanese.
//!
//! What it deliberately does not do: read a clock, a disk or a socket, know who a patient is, call a scan normal, or
//! say present or absent where no calibration holds for the scan's domain.
//!
//! ```no_run
//! use bedside_imaging::Scan;
//! use bedside_models::{DualEncoder, LoadSettings};
//! use bedside_pipeline::{Domain, Exam, Given, Language, Protocol, ScanInput, report_text};
//! use bedside_weights::Model;
//!
//! let model = Model::open("model.gguf".as_ref())?;
//! let mut encoder = DualEncoder::open_with_patches(&model, &LoadSettings::default())?;
//! let protocol = Protocol::parse(&std::fs::read_to_string("calibration/protocols/lung.toml")?)?;
//! let digest = "0".repeat(64); // of the model's files, by `bedside_weights::model_identity`
//! let exam = Exam::new(protocol, &mut encoder, &digest)?;
//! let scan = Scan::open("scan.dcm".as_ref())?;
//! let frames = exam.frames_of(&scan)?;
//! let frames: Vec<_> = frames.iter().map(|frame| frame.as_ref()).collect();
//! let given = Given { domain: Domain::Unknown, zone: None, executor: "cpu, exact".into() };
//! let input = ScanInput { frames: &frames, frames_in_scan: scan.frames(), given: &given };
//! let report = exam.report(&mut encoder, &input)?;
//! println!("{}", report_text(&report, Language::English).headline);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod codes;
mod decide;
mod domain;
mod encoder;
mod error;
mod exam;
mod fit;
mod folder;
mod framing;
mod gate;
mod heat;
pub mod limits;
mod prompts;
pub mod protocol;
mod report;
mod score;
mod text;

pub use domain::{Domain, PHANTOM_MODEL_NAME};
pub use encoder::{Encoder, Looked};
pub use error::PipelineError;
pub use exam::{Exam, Given, ScanInput};
pub use fit::{CalibrationCase, FitSettings, fit};
pub use folder::{EXAM_SCHEMA, ExamTable, FindingState, Folder, FolderScan, ScanRow, ZoneRow, folder};
pub use heat::Heat;
pub use protocol::{Calibration, Cohort, LocalisationCheck, Protocol};
pub use report::{
    CalibrationStatus, FindingReport, MaskFacts, MaskOrigin, Probability, QualityNote, REPORT_SCHEMA, Report,
    ScanFacts, Spread,
};
pub use text::{FindingText, Language, ReportText, captions, exam_lines, report_text};

#[cfg(test)]
mod tests;
