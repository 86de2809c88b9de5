//! The effects of the simulation on real frames: seeded, in order, with masks of what was pasted.
//!
//! Effects work on grey pictures, in decibels of an assumed dynamic range, along beams that are either the columns
//! of the picture or a fan from an apex. Black pixels outside the scan stay black.

mod draw;
mod geometry;
mod lesions;
mod levels;

use bedside_imaging::Pixels;
use serde::{Deserialize, Serialize};

use crate::error::PhantomError;
use crate::findings::Finding;
use crate::limits::MAX_EFFECTS;
use crate::machine::TGC_SLIDERS;

pub use draw::draw_effects;
pub(crate) use geometry::Rays;

/// How the beams of a real picture run, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BeamLines {
    /// Straight down, from the row where the face is.
    Parallel {
        /// Row of the face.
        face_row: f64,
    },
    /// From one point.
    Fan {
        /// Column of the point.
        apex_column: f64,
        /// Row of the point; above the picture for most probes.
        apex_row: f64,
        /// Distance from the point to the face.
        face_px: f64,
        /// Half of the angle between the outermost beams.
        half_angle_deg: f64,
    },
}

/// Whether a flip may be made: only where the protocol says that sides do not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// Sides stay.
    Keep,
    /// Left and right may be changed over.
    MayFlip,
}

/// One effect. Places: `across` 0 left edge of the picture (or of the fan), 1 right; `down` 0 face, 1 deepest row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields are named by quantity and unit, and bounded in `checks`")]
pub enum Effect {
    /// Brighter or darker.
    Gain { db: f64 },
    /// Sliders from face to depth.
    Tgc { db: [f64; TGC_SLIDERS] },
    /// Another dynamic range: contrast about white.
    DynamicRange { from_db: f64, to_db: f64 },
    /// Multiplied speckle, `grain_px` wide.
    Speckle { db: f64, grain_px: f64 },
    /// Added electronic noise, growing with depth.
    Noise { level: f64 },
    /// A shadow along the beams, from `from` down.
    Shadow { across: f64, width: f64, from: f64, db: f64 },
    /// Larger (above 1) or smaller picture about a place.
    Zoom { factor: f64, across: f64, down: f64 },
    /// Deeper (above 1) or shallower view, the face stays where it is.
    Depth { factor: f64 },
    /// The same beams spread over another angle or another way: a different probe.
    ProbeGeometry { to: BeamLines },
    /// A horizontal reverberation of the rows above, `period` down.
    Reverberation { period: f64, db: f64 },
    /// A B-line.
    BLine { across: f64, width: f64, from: f64, db: f64 },
    /// A consolidation below `from`.
    Consolidation { across: f64, width: f64, from: f64, depth: f64, db: f64 },
    /// Fluid below `from`.
    Effusion { across: f64, width: f64, from: f64, depth: f64, db: f64 },
    /// Left and right changed over.
    Flip,
}

/// A picture after its effects.
#[derive(Debug, Clone, PartialEq)]
pub struct Augmented {
    /// Grey, of the size it had.
    pub pixels: Pixels,
    /// What was pasted, and where: 255 in the mask. Later effects that move pixels move the masks too.
    pub pasted: Vec<(Finding, Pixels)>,
}

/// Do `effects`, in order, to a grey picture whose beams run as `beams` says.
/// Errors: `Count` above [`MAX_EFFECTS`], `Limit` for a number out of bounds, `Orientation` for a flip that is not
/// allowed, `Scene` for a colour picture.
pub fn augment(
    picture: &Pixels,
    beams: BeamLines,
    effects: &[Effect],
    orientation: Orientation,
    seed: u64,
) -> Result<Augmented, PhantomError> {
    if effects.len() > MAX_EFFECTS {
        return Err(PhantomError::Count { what: "effects", limit: MAX_EFFECTS, got: effects.len() });
    }
    if picture.channels() != 1 {
        let got = format!("{} channels", picture.channels());
        return Err(PhantomError::Scene { what: "picture to augment", expected: "one channel", got });
    }
    let mut work = Work::new(picture, beams)?;
    for (n, effect) in effects.iter().enumerate() {
        check(effect)?;
        if *effect == Effect::Flip && orientation == Orientation::Keep {
            return Err(PhantomError::Orientation);
        }
        work.apply(effect, (seed, n as u32))?;
    }
    work.finish()
}

/// The picture being worked on.
pub(crate) struct Work {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Grey, 0…255, `(height, width)`.
    pub(crate) grey: Vec<f32>,
    /// Masks of what was pasted, 0 or 1.
    pub(crate) pasted: Vec<(Finding, Vec<f32>)>,
    pub(crate) rays: Rays,
}

impl Work {
    fn new(picture: &Pixels, beams: BeamLines) -> Result<Self, PhantomError> {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let grey = picture.bytes().iter().map(|grey| f32::from(*grey)).collect();
        Ok(Self { width, height, grey, pasted: Vec::new(), rays: Rays::new(beams, width, height)? })
    }

    fn apply(&mut self, effect: &Effect, draw: (u64, u32)) -> Result<(), PhantomError> {
        match *effect {
            Effect::Gain { db } => self.gain(db),
            Effect::Tgc { db } => self.tgc(&db),
            Effect::DynamicRange { from_db, to_db } => self.dynamic_range(from_db, to_db),
            Effect::Speckle { db, grain_px } => self.speckle(db, grain_px, draw),
            Effect::Noise { level } => self.noise(level, draw),
            Effect::Shadow { across, width, from, db } => self.shadow(across, width, from, db),
            Effect::Zoom { factor, across, down } => self.zoom(factor, across, down),
            Effect::Depth { factor } => self.depth(factor),
            Effect::ProbeGeometry { to } => self.probe_geometry(to)?,
            Effect::Reverberation { period, db } => self.reverberation(period, db),
            Effect::BLine { across, width, from, db } => self.b_line((across, width), from, db, draw),
            Effect::Consolidation { across, width, from, depth, db } => {
                self.patch(Finding::Consolidation, (across, width), (from, depth), db, draw);
            }
            Effect::Effusion { across, width, from, depth, db } => {
                self.patch(Finding::PleuralEffusion, (across, width), (from, depth), db, draw);
            }
            Effect::Flip => self.flip(),
        }
        Ok(())
    }

    fn finish(self) -> Result<Augmented, PhantomError> {
        let (width, height) = (self.width as u32, self.height as u32);
        let bytes = self.grey.iter().map(|grey| (grey.clamp(0.0, 255.0) + 0.5) as u8).collect();
        let mut pasted = Vec::with_capacity(self.pasted.len());
        for (finding, mask) in self.pasted {
            let mask = mask.iter().map(|share| if *share > 0.5 { 255 } else { 0 }).collect();
            pasted.push((finding, Pixels::new(width, height, 1, mask)?));
        }
        Ok(Augmented { pixels: Pixels::new(width, height, 1, bytes)?, pasted })
    }
}

/// Hold the numbers of an effect against their bounds.
fn check(effect: &Effect) -> Result<(), PhantomError> {
    const SHARE: (f64, f64) = (0.0, 1.0);
    const WIDTH: (f64, f64) = (0.005, 2.0);
    const DB: (f64, f64) = (-60.0, 60.0);
    let hold = |name: &'static str, (low, high): (f64, f64), got: f64| {
        let inside = (low..=high).contains(&got);
        if inside { Ok(()) } else { Err(PhantomError::Limit { name, low, high, got }) }
    };
    match *effect {
        Effect::Gain { db } => hold("gain db", DB, db),
        Effect::Tgc { db } => db.iter().try_for_each(|db| hold("tgc db", DB, *db)),
        Effect::DynamicRange { from_db, to_db } => {
            hold("dynamic range from_db", (20.0, 120.0), from_db)?;
            hold("dynamic range to_db", (20.0, 120.0), to_db)
        }
        Effect::Speckle { db, grain_px } => {
            hold("speckle db", (0.0, 20.0), db)?;
            hold("speckle grain_px", (0.5, 50.0), grain_px)
        }
        Effect::Noise { level } => hold("noise level", SHARE, level),
        Effect::Zoom { factor, across, down } => {
            hold("zoom factor", (0.25, 4.0), factor)?;
            hold("zoom across", SHARE, across)?;
            hold("zoom down", SHARE, down)
        }
        Effect::Depth { factor } => hold("depth factor", (0.25, 4.0), factor),
        Effect::Reverberation { period, db } => {
            hold("reverberation period", (0.02, 1.0), period)?;
            hold("reverberation db", (-60.0, 0.0), db)
        }
        Effect::Shadow { across, width, from, db } | Effect::BLine { across, width, from, db } => {
            hold("across", SHARE, across)?;
            hold("width", WIDTH, width)?;
            hold("from", SHARE, from)?;
            hold("db", DB, db)
        }
        Effect::Consolidation { across, width, from, depth, db }
        | Effect::Effusion { across, width, from, depth, db } => {
            hold("across", SHARE, across)?;
            hold("width", WIDTH, width)?;
            hold("from", SHARE, from)?;
            hold("depth", (0.01, 1.0), depth)?;
            hold("db", DB, db)
        }
        // The new geometry is checked where its table is made.
        Effect::ProbeGeometry { .. } | Effect::Flip => Ok(()),
    }
}

#[cfg(test)]
mod tests;
