//! Exact ground truth of a frame: which structures each pixel shows.

use bedside_imaging::Pixels;
use serde::{Deserialize, Serialize};

use crate::error::PhantomError;

/// What can be marked in a frame. A pixel may show several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Structure {
    /// The pleural line.
    PleuralLine,
    /// A rib.
    Rib,
    /// The shadow behind a rib.
    RibShadow,
    /// A-lines, each as a band round its multiple of the pleura's range.
    ALine,
    /// B-lines, from the pleura to the bottom.
    BLine,
    /// Airless lung under the pleura.
    Consolidation,
    /// Air in the bronchi of airless lung.
    AirBronchogram,
    /// Pleural fluid.
    Effusion,
    /// The diaphragm.
    Diaphragm,
    /// Liver or spleen.
    Organ,
    /// The spine, where it is seen above the diaphragm through fluid.
    Spine,
    /// The region behind aerated lung, where only artefacts are shown.
    AeratedLung,
    /// The stretch of pleural line that is irregular or thickened.
    IrregularPleura,
}

impl Structure {
    /// All structures.
    pub const ALL: [Structure; 13] = [
        Structure::PleuralLine,
        Structure::Rib,
        Structure::RibShadow,
        Structure::ALine,
        Structure::BLine,
        Structure::Consolidation,
        Structure::AirBronchogram,
        Structure::Effusion,
        Structure::Diaphragm,
        Structure::Organ,
        Structure::Spine,
        Structure::AeratedLung,
        Structure::IrregularPleura,
    ];

    pub(crate) fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A box of pixels: first and last column and row, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PixelBox {
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
}

/// The structures of every pixel of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthMap {
    width: u32,
    height: u32,
    /// `(height, width)`, bits of [`Structure`].
    bits: Vec<u16>,
}

impl TruthMap {
    pub(crate) fn new(width: u32, height: u32, bits: Vec<u16>) -> Self {
        debug_assert_eq!(bits.len(), width as usize * height as usize);
        Self { width, height, bits }
    }

    /// Columns.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Whether the pixel shows the structure; `false` outside the frame.
    pub fn shows(&self, structure: Structure, x: u32, y: u32) -> bool {
        x < self.width
            && y < self.height
            && self.bits[y as usize * self.width as usize + x as usize] & structure.bit() != 0
    }

    /// Number of pixels that show the structure.
    pub fn count(&self, structure: Structure) -> u32 {
        self.bits.iter().filter(|bits| **bits & structure.bit() != 0).count() as u32
    }

    /// The structure as a picture: 255 where it is, 0 elsewhere.
    /// Errors: those of [`Pixels::new`].
    pub fn mask(&self, structure: Structure) -> Result<Pixels, PhantomError> {
        let bit = structure.bit();
        let bytes = self.bits.iter().map(|bits| if bits & bit != 0 { 255 } else { 0 }).collect();
        Ok(Pixels::new(self.width, self.height, 1, bytes)?)
    }

    /// The smallest box round the structure; `None` where it is not shown.
    pub fn bounds(&self, structure: Structure) -> Option<PixelBox> {
        let mut found: Option<PixelBox> = None;
        for (y, row) in self.bits.chunks(self.width as usize).enumerate() {
            let y = y as u32;
            for (x, _) in row.iter().enumerate().filter(|(_, bits)| **bits & structure.bit() != 0) {
                let x = x as u32;
                let b = found.get_or_insert(PixelBox { left: x, top: y, right: x, bottom: y });
                b.left = b.left.min(x);
                b.right = b.right.max(x);
                b.bottom = y;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_boxes_and_counts_agree() {
        let b = Structure::BLine.bit();
        let bits = vec![0, b, 0, 0, b | 1, b];
        let map = TruthMap::new(3, 2, bits);
        assert_eq!(map.count(Structure::BLine), 3);
        assert_eq!(map.mask(Structure::BLine).unwrap().bytes(), [0, 255, 0, 0, 255, 255]);
        assert_eq!(map.bounds(Structure::BLine), Some(PixelBox { left: 1, top: 0, right: 2, bottom: 1 }));
        assert_eq!(map.bounds(Structure::Effusion), None);
        assert!(map.shows(Structure::PleuralLine, 1, 1) && !map.shows(Structure::PleuralLine, 9, 1));
    }

    #[test]
    fn every_structure_has_a_bit_of_its_own() {
        let bits = Structure::ALL.iter().fold(0_u16, |bits, structure| bits | structure.bit());
        assert_eq!(bits.count_ones() as usize, Structure::ALL.len());
    }
}
