//! What of a picture may be shown: the scan, not the screen round it.

mod burned_in;
pub(crate) mod components;
mod letters;
mod lines;
pub(crate) mod luma;
mod mask;
mod phi_mask;
mod relief;
mod sector;
#[cfg(test)]
pub(crate) mod synthetic;

pub use burned_in::{BurnedInText, find_burned_in_text};
pub use mask::{Mask, Point};
pub use phi_mask::{CAVEAT, PhiLineage, PhiMask};
pub use sector::{
    NoSector, Outline, Sector, SectorEnd, SectorEvidence, SectorShape, SectorSide, detect_sector,
};
