//! What goes wrong between probe and skin, and inside the machine: poor contact and near-field clutter.
//! Electronic noise is a setting of the machine; shadows of ribs, reverberations and mirror images are anatomy's.

use serde::{Deserialize, Serialize};

use crate::portable::{amplitude, exp};
use crate::scene::Measured;

/// Unwanted parts of a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artefacts {
    /// A stretch of the face without gel.
    pub poor_contact: Option<PoorContact>,
    /// Clutter at the face.
    pub clutter_db: f64,
    /// Depth over which the clutter loses 20 dB.
    pub clutter_depth_mm: f64,
}

/// A stretch of the face that hardly touches the skin: everything under it is dark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoorContact {
    /// Its middle: 0 left edge of the face, 1 right edge.
    pub centre: f64,
    /// Its width, as a share of the face.
    pub width: f64,
    /// How much darker it is.
    pub loss_db: f64,
}

impl Artefacts {
    /// Amplitude with which each beam starts: `(beams,)`.
    pub(crate) fn contact(&self, beams: usize) -> Vec<f32> {
        let Some(poor) = &self.poor_contact else { return vec![1.0; beams] };
        (0..beams)
            .map(|b| {
                let fraction = b as f64 / (beams.max(2) - 1) as f64;
                let u = (fraction - poor.centre) / (0.5 * poor.width);
                amplitude(-poor.loss_db * exp(-(u * u) * (u * u))) as f32
            })
            .collect()
    }

    /// Amplitude of clutter at a range, before TGC.
    pub(crate) fn clutter(&self, range_mm: f64) -> f64 {
        amplitude(self.clutter_db - 20.0 * range_mm / self.clutter_depth_mm)
    }
}

impl Measured for Artefacts {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        if let Some(poor) = &self.poor_contact {
            put("contact.centre", poor.centre);
            put("contact.width", poor.width);
            put("contact.loss_db", poor.loss_db);
        }
        put("artefacts.clutter_db", self.clutter_db);
        put("artefacts.clutter_depth_mm", self.clutter_depth_mm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contact_is_lost_only_where_it_is_poor() {
        let poor = PoorContact { centre: 0.2, width: 0.2, loss_db: 20.0 };
        let artefacts = Artefacts { poor_contact: Some(poor), clutter_db: -10.0, clutter_depth_mm: 10.0 };
        let contact = artefacts.contact(101);
        assert!((contact[20] - 0.1).abs() < 1e-6);
        assert!((contact[80] - 1.0).abs() < 1e-6);
        assert!((artefacts.clutter(10.0) / amplitude(-30.0) - 1.0).abs() < 1e-12);
    }
}
