//! DICOM files of our own: ultrasound pictures and cines, and figures as Secondary Capture.
//!
//! Everything is written in explicit VR little endian, uncompressed. Dates and times are given by the caller, UIDs are
//! made from content: the same input gives the same bytes.

mod element;
mod file;
pub(super) mod pixels;
mod secondary_capture;
mod series;
mod text;
mod ultrasound;

pub(super) use element::{Body, Elements, code, vr_of};
pub(super) use file::{begin, write};
pub use secondary_capture::{SecondaryCapture, encode_secondary_capture};
pub use series::{Equipment, Moment, Series};
pub(super) use text::is_text;
pub use ultrasound::{RegionCalibration, UltrasoundObject, encode_ultrasound};
