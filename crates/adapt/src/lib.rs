//! Training and adaptation: the demo model of lung ultrasound, from simulated frames to a file.
//!
//! [`FrameSource`] simulates frames as the device would see them; a [`Trainer`] teaches a blank dual encoder which
//! statements are true of which frame ([`contrastive_loss`]) and which patches they speak of ([`localisation_loss`]);
//! [`quantize_demo`] makes the file small; [`judge`] measures it as the device opens it. Networks, preprocessing and
//! tokenizer are those that `models` reads out of the same file, so nothing is described twice; gradients come from
//! `compute::train`. The same seed gives the same model on the same machine, in one go or in many.
//!
//! What it deliberately does not do: run on a device, learn from patients, or say that a score means anything for one.
//!
//! ```no_run
//! use std::num::NonZeroUsize;
//!
//! use bedside_adapt::{FrameSource, TrainSettings, Trainer};
//! use bedside_phantom::Ranges;
//!
//! let settings = TrainSettings::demo(1, 100);
//! let side = settings.sizes.image.side as usize;
//! let mut trainer = Trainer::new(settings, "blank.gguf".as_ref(), NonZeroUsize::MIN)?;
//! let preprocessing = trainer.encoder().preprocessing().expect("it has an image tower").clone();
//! let ranges = Ranges::training();
//! let frames = FrameSource { ranges, first_seed: 1, seed: 1, preprocessing, side }.make(0, 1024)?;
//! while !trainer.is_done() {
//!     println!("{:?}", trainer.step(&frames)?);
//! }
//! trainer.write_model("model.gguf".as_ref())?;
//! # Ok::<(), bedside_adapt::AdaptError>(())
//! ```

mod adamw;
mod blank;
mod contrastive;
mod draw;
mod error;
mod frames;
mod localisation;
mod measures;
mod networks;
mod parameters;
mod pictures;
mod sizes;
mod smaller;
mod statements;
mod trainer;
mod vocabulary;
mod words;

pub use adamw::{AdamW, Moments, Schedule, clipping};
pub use blank::write_blank;
pub use contrastive::{ContrastiveLoss, contrastive_loss};
pub use error::AdaptError;
pub use frames::{FrameFacts, FrameSource, Frames, PIECE, Shown};
pub use localisation::{LocalisationLoss, Place, localisation_loss};
pub use measures::{FindingMeasure, JUDGED, SetMeasure, direction, judge, measure};
pub use pictures::Changes;
pub use sizes::{ImageSizes, Sizes, TextSizes};
pub use smaller::quantize_demo;
pub use statements::{Held, PHRASES, Phrases};
pub use trainer::{StepRecord, TrainSettings, Trainer};

/// Said wherever the demo model goes.
pub const NOTICE: &str =
    "For demonstration only. Trained on simulated scans, validated on no patient. Not for clinical use.";
