//! Probes: where each beam starts and which way it goes, and back from a place to its beam.
//!
//! Coordinates in millimetres: `x` to the right of the image (0 under the middle of the probe), `z` downward from
//! the middle of the probe's face. Ranges are measured along a beam from the face.

use serde::{Deserialize, Serialize};

use crate::portable::{atan, cos, radians, sin};

/// Radius of the virtual face of a phased probe: its array steers from one place.
const PHASED_RADIUS_MM: f64 = 2.0;

/// Shape of the probe's face.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeShape {
    /// Flat face, parallel beams.
    Linear {
        /// Width of the face.
        aperture_mm: f64,
    },
    /// Curved face (curvilinear), beams perpendicular to it.
    Convex {
        /// Radius of the face.
        radius_mm: f64,
        /// Angle between the outermost beams.
        angle_deg: f64,
    },
    /// A small flat array that steers its beams: a sector from nearly one point.
    Phased {
        /// Angle between the outermost beams.
        angle_deg: f64,
    },
}

/// A probe and how deep it looks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// The face.
    pub shape: ProbeShape,
    /// Centre frequency of the pulse.
    pub frequency_mhz: f64,
    /// Longest range shown.
    pub depth_mm: f64,
}

/// One beam: the point where it leaves the face, and its direction (a unit vector), in millimetres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Beam {
    pub(crate) x: f64,
    pub(crate) z: f64,
    pub(crate) dx: f64,
    pub(crate) dz: f64,
}

impl Beam {
    /// The place `range_mm` along the beam: `(x, z)`.
    pub(crate) fn at(self, range_mm: f64) -> (f64, f64) {
        (self.x + self.dx * range_mm, self.z + self.dz * range_mm)
    }
}

impl Probe {
    /// Lateral place on the face as a fraction, 0 at the left edge and 1 at the right, to its beam.
    pub(crate) fn beam(&self, fraction: f64) -> Beam {
        match self.fan() {
            None => {
                let ProbeShape::Linear { aperture_mm } = self.shape else {
                    return Beam { x: 0.0, z: 0.0, dx: 0.0, dz: 1.0 };
                };
                Beam { x: (fraction - 0.5) * aperture_mm, z: 0.0, dx: 0.0, dz: 1.0 }
            }
            Some((radius, angle)) => {
                let theta = (fraction - 0.5) * angle;
                let (dx, dz) = (sin(theta), cos(theta));
                Beam { x: radius * dx, z: radius * (dz - 1.0), dx, dz }
            }
        }
    }

    /// Inverse of [`Probe::beam`]: place to `(fraction, range_mm)`. Both may lie outside the sector.
    pub(crate) fn locate(&self, x_mm: f64, z_mm: f64) -> (f64, f64) {
        match (self.shape, self.fan()) {
            (ProbeShape::Linear { aperture_mm }, _) => (x_mm / aperture_mm + 0.5, z_mm),
            (_, Some((radius, angle))) => {
                let down = z_mm + radius;
                let from_apex = (x_mm * x_mm + down * down).sqrt();
                if down <= 0.0 {
                    return (-1.0, from_apex - radius);
                }
                (atan(x_mm / down) / angle + 0.5, from_apex - radius)
            }
            (_, None) => (-1.0, 0.0),
        }
    }

    /// Distance between neighbouring beams at a range, when there are `beams` of them.
    pub(crate) fn beam_spacing_mm(&self, beams: usize, range_mm: f64) -> f64 {
        let gaps = (beams.max(2) - 1) as f64;
        match (self.shape, self.fan()) {
            (ProbeShape::Linear { aperture_mm }, _) => aperture_mm / gaps,
            (_, Some((radius, angle))) => (radius + range_mm) * angle / gaps,
            (_, None) => 1.0,
        }
    }

    /// Radius of the face in millimetres and angle of the sector in radians; `None` for parallel beams.
    pub(crate) fn fan(&self) -> Option<(f64, f64)> {
        match self.shape {
            ProbeShape::Linear { .. } => None,
            ProbeShape::Convex { radius_mm, angle_deg } => Some((radius_mm, radians(angle_deg))),
            ProbeShape::Phased { angle_deg } => Some((PHASED_RADIUS_MM, radians(angle_deg))),
        }
    }

    /// Smallest box round the sector: `(left, top, right, bottom)` in millimetres.
    pub fn bounds_mm(&self) -> (f64, f64, f64, f64) {
        let edge = self.beam(1.0);
        let (far_x, _) = edge.at(self.depth_mm);
        (-far_x.max(edge.x), edge.z, far_x.max(edge.x), self.depth_mm)
    }

    /// Width over which the pulse leaves and echoes are received, at most: the whole face.
    pub(crate) fn aperture_mm(&self) -> f64 {
        match self.shape {
            ProbeShape::Linear { aperture_mm } => aperture_mm,
            ProbeShape::Convex { radius_mm, angle_deg } => radius_mm * radians(angle_deg),
            ProbeShape::Phased { .. } => 20.0, // usual cardiac arrays are about 20 mm wide
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probes() -> [Probe; 3] {
        let shapes = [
            ProbeShape::Linear { aperture_mm: 40.0 },
            ProbeShape::Convex { radius_mm: 60.0, angle_deg: 60.0 },
            ProbeShape::Phased { angle_deg: 90.0 },
        ];
        shapes.map(|shape| Probe { shape, frequency_mhz: 5.0, depth_mm: 100.0 })
    }

    #[test]
    fn a_place_finds_its_beam_again() {
        for probe in probes() {
            for step in 0..=20 {
                let fraction = f64::from(step) / 20.0;
                let (x, z) = probe.beam(fraction).at(73.0);
                let (found, range) = probe.locate(x, z);
                assert!((found - fraction).abs() < 1e-9 && (range - 73.0).abs() < 1e-9, "{:?}", probe.shape);
            }
        }
    }

    #[test]
    fn bounds_hold_the_sector() {
        for probe in probes() {
            let (left, top, right, bottom) = probe.bounds_mm();
            for step in 0..=40 {
                for range in [0.0, 50.0, 100.0] {
                    let (x, z) = probe.beam(f64::from(step) / 40.0).at(range);
                    assert!(x >= left - 1e-9 && x <= right + 1e-9 && z >= top - 1e-9 && z <= bottom + 1e-9);
                }
            }
        }
    }

    #[test]
    fn spacing_is_the_distance_of_neighbours() {
        for probe in probes() {
            let (a, b) = (probe.beam(0.5).at(80.0), probe.beam(0.5 + 1.0 / 99.0).at(80.0));
            let distance = ((a.0 - b.0).powi(2) + (a.1 - b.1).powi(2)).sqrt();
            assert!((probe.beam_spacing_mm(100, 80.0) / distance - 1.0).abs() < 1e-3);
        }
    }
}
