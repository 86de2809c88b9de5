//! A seeded simulator of labelled lung ultrasound.
//!
//! A [`Scene`] is every parameter of one scan: probe, machine, chest wall, ribs, pleura, lung, lesions, motion.
//! [`Scene::draw`] draws one from [`Ranges`] (what training sees, or what lies outside of it); a [`Simulator`]
//! plays it: scatterers in the probe's own polar grid, a point spread function that widens with depth, attenuation
//! and TGC, reverberation, log compression and scan conversion. Each [`Frame`] carries its exact truth: labels,
//! masks, boxes, counts, geometry; [`captions`] says it in words. [`augment`] does the same to real pictures.
//!
//! The same scene gives the same bytes on every machine: only IEEE operations whose results are fixed are used
//! (`portable.rs`), and ChaCha8 with one stream for each part, so a lesion can be taken out without changing the
//! rest. There is no transform that picks its instructions at run time; `tests/digests.rs` holds it to its word.
//!
//! What it deliberately does not do: open or write a file ([`dicom_frame`] and its like give bytes, made by
//! `imaging`'s writer), or claim to be a patient. It is a drawing made by physics-like rules, validated by nobody on patients.
//!
//! ```
//! use bedside_phantom::{Finding, Presence, Ranges, Scene, Simulator};
//!
//! let scene = Scene::draw(&Ranges::training().only(Finding::BLinesConfluent), 7)?;
//! let frame = Simulator::new(&scene)?.frame(0)?;
//! assert_eq!((frame.pixels.width(), frame.pixels.height()), (256, 256));
//! assert_eq!(frame.labels.presence(Finding::BLines), Presence::Present);
//! # Ok::<(), bedside_phantom::PhantomError>(())
//! ```

mod a_lines;
mod artefacts;
mod attenuation;
mod augment;
mod b_lines;
mod canvas;
mod captions;
mod chest_wall;
mod compression;
mod consolidation;
mod contact_sheet;
mod diaphragm;
mod dicom;
mod draw;
mod echo_grid;
mod effusion;
mod error;
mod findings;
mod font;
mod frame;
pub mod limits;
mod lung;
mod machine;
mod motion;
mod pleura;
mod point_spread;
mod portable;
mod probe;
mod quantities;
mod random;
mod ranges;
mod ribs;
mod scan_conversion;
mod scene;
mod screen;
mod simulator;
mod speckle;
mod texture;
mod truth;

pub use artefacts::{Artefacts, PoorContact};
pub use augment::{Augmented, BeamLines, Effect, Orientation, augment, draw_effects};
pub use captions::captions;
pub use contact_sheet::contact_sheet;
pub use diaphragm::Base;
pub use dicom::{MODEL_NAME, dicom_cine, dicom_frame, dicom_screens, dicom_series};
pub use error::PhantomError;
pub use findings::{
    CONFLUENT_SHARE, Finding, FindingLabel, LEAST_PIXELS, Labels, NOT_CONFLUENT_SHARE, Presence,
    SEVERAL_B_LINES, SMOOTH_PLEURA_MM, THIN_PLEURA_MM,
};
pub use frame::{CalibratedRegion, Cine, Frame, FrameRecord, RECORD_SCHEMA};
pub use machine::{Machine, TGC_SLIDERS};
pub use motion::Motion;
pub use probe::{Probe, ProbeShape};
pub use quantities::{QUANTITIES, Quantity};
pub use ranges::{Interval, OutsideRange, Ranges, Rates};
pub use scan_conversion::FrameGeometry;
pub use scene::{
    BLine, Bronchogram, ChestWall, CometTail, Consolidation, Effusion, Flap, Lung, Pleura, Ribs, Scene, Zone,
};
pub use screen::{MarkerSide, Screen, ScreenShot};
pub use simulator::Simulator;
pub use truth::{PixelBox, Structure, TruthMap};
