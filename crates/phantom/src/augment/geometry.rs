//! Effects on geometry: the beams of a real picture, zoom, depth, another probe, flip.

use super::{BeamLines, Work};
use crate::error::PhantomError;
use crate::portable::{atan, cos, radians, sin};

/// For every pixel, its beam (`across`, 0…1 within the scan) and its depth (`down`, 0 face, 1 deepest row).
pub(crate) struct Rays {
    beams: BeamLines,
    width: usize,
    height: usize,
    /// `(height, width)`
    places: Vec<(f64, f64)>,
}

impl Rays {
    /// Errors: `Limit` for a geometry that is not finite or far from the picture.
    pub(crate) fn new(beams: BeamLines, width: usize, height: usize) -> Result<Self, PhantomError> {
        check(beams, width, height)?;
        let mut rays = Self { beams, width, height, places: Vec::with_capacity(width * height) };
        for row in 0..height {
            for column in 0..width {
                rays.places.push(rays.locate(column as f64, row as f64));
            }
        }
        Ok(rays)
    }

    pub(crate) fn places(&self) -> &[(f64, f64)] {
        &self.places
    }

    /// Length of the beams in pixels: from the face to the deepest row.
    fn length(&self) -> f64 {
        let last = self.height as f64;
        match self.beams {
            BeamLines::Parallel { face_row } => (last - face_row).max(1.0),
            BeamLines::Fan { apex_row, face_px, .. } => (last - apex_row - face_px).max(1.0),
        }
    }

    fn locate(&self, column: f64, row: f64) -> (f64, f64) {
        match self.beams {
            BeamLines::Parallel { face_row } => {
                (column / (self.width.max(2) - 1) as f64, (row - face_row) / self.length())
            }
            BeamLines::Fan { apex_column, apex_row, face_px, half_angle_deg } => {
                let (x, z) = (column - apex_column, row - apex_row);
                if z <= 0.0 {
                    return (-1.0, -1.0);
                }
                let across = 0.5 + 0.5 * atan(x / z) / radians(half_angle_deg);
                (across, ((x * x + z * z).sqrt() - face_px) / self.length())
            }
        }
    }

    /// Inverse of `locate`: `(column, row)`.
    fn pixel(&self, across: f64, down: f64) -> (f64, f64) {
        match self.beams {
            BeamLines::Parallel { face_row } => {
                (across * (self.width.max(2) - 1) as f64, face_row + down * self.length())
            }
            BeamLines::Fan { apex_column, apex_row, face_px, half_angle_deg } => {
                let angle = (2.0 * across - 1.0) * radians(half_angle_deg);
                let far = face_px + down * self.length();
                (apex_column + far * sin(angle), apex_row + far * cos(angle))
            }
        }
    }

    /// Value of `field` at a place, between pixels by bilinear interpolation; 0 outside the picture.
    pub(crate) fn sample(&self, field: &[f32], across: f64, down: f64) -> f32 {
        let (column, row) = self.pixel(across, down);
        bilinear(field, (self.width, self.height), column, row)
    }
}

fn check(beams: BeamLines, width: usize, height: usize) -> Result<(), PhantomError> {
    let (width, height) = (width as f64, height as f64);
    let hold = |name: &'static str, low: f64, high: f64, got: f64| {
        let inside = (low..=high).contains(&got);
        if inside { Ok(()) } else { Err(PhantomError::Limit { name, low, high, got }) }
    };
    match beams {
        BeamLines::Parallel { face_row } => hold("face_row", 0.0, height - 1.0, face_row),
        BeamLines::Fan { apex_column, apex_row, face_px, half_angle_deg } => {
            hold("apex_column", -width, 2.0 * width, apex_column)?;
            hold("apex_row", -20.0 * height, height - 1.0, apex_row)?;
            hold("face_px", 0.0, height - 1.0 - apex_row, face_px)?;
            hold("half_angle_deg", 1.0, 80.0, half_angle_deg)
        }
    }
}

fn bilinear(field: &[f32], (width, height): (usize, usize), column: f64, row: f64) -> f32 {
    let inside = (0.0..=(width - 1) as f64).contains(&column) && (0.0..=(height - 1) as f64).contains(&row);
    if !inside {
        return 0.0;
    }
    let (x, y) = (column as usize, row as usize);
    let (right, below) = ((x + 1).min(width - 1), (y + 1).min(height - 1));
    let (s, t) = ((column - x as f64) as f32, (row - y as f64) as f32);
    let top = field[y * width + x] * (1.0 - s) + field[y * width + right] * s;
    let bottom = field[below * width + x] * (1.0 - s) + field[below * width + right] * s;
    top * (1.0 - t) + bottom * t
}

impl Work {
    /// Fetch every pixel, of the picture and of all masks, from where `source` says: `(column, row)`.
    fn warp(&mut self, source: impl Fn(f64, f64) -> Option<(f64, f64)>) {
        let (width, height) = (self.width, self.height);
        let moved = |field: &[f32]| -> Vec<f32> {
            (0..width * height)
                .map(|n| {
                    let from = source((n % width) as f64, (n / width) as f64);
                    from.map_or(0.0, |(column, row)| bilinear(field, (width, height), column, row))
                })
                .collect()
        };
        self.grey = moved(&self.grey);
        for (_, mask) in &mut self.pasted {
            *mask = moved(mask);
        }
    }

    pub(super) fn zoom(&mut self, factor: f64, across: f64, down: f64) {
        let (x, y) = (across * (self.width - 1) as f64, down * (self.height - 1) as f64);
        self.warp(|column, row| Some((x + (column - x) / factor, y + (row - y) / factor)));
    }

    /// A deeper view: along each beam everything moves toward the face.
    pub(super) fn depth(&mut self, factor: f64) {
        let rays = Rays { places: Vec::new(), ..self.rays };
        self.warp(|column, row| {
            let (across, down) = rays.locate(column, row);
            let there = (0.0..=1.0).contains(&across) && (0.0..=1.0).contains(&down);
            there.then(|| rays.pixel(across, down * factor))
        });
    }

    pub(super) fn probe_geometry(&mut self, to: BeamLines) -> Result<(), PhantomError> {
        let new = Rays::new(to, self.width, self.height)?;
        let old = Rays { places: Vec::new(), ..self.rays };
        self.warp(|column, row| {
            let (across, down) = new.locate(column, row);
            let there = (0.0..=1.0).contains(&across) && (0.0..=1.0).contains(&down);
            there.then(|| old.pixel(across, down))
        });
        self.rays = new;
        Ok(())
    }

    pub(super) fn flip(&mut self) {
        let last = (self.width - 1) as f64;
        self.warp(|column, row| Some((last - column, row)));
    }
}
