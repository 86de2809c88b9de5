//! The training set: simulated frames as the model sees them (masked, resized), each pixel's truth, labels, captions.
//!
//! Frames are made once, in pieces, and kept in files, so that a run that is stopped, or run again with other
//! settings, does not simulate them again. The same seed gives the same bytes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use bedside_imaging::{PhiMask, PixelBounds, Pixels, Prepared, Preprocessing};
use bedside_phantom::{
    CalibratedRegion, Finding, Frame, MarkerSide, Presence, Ranges, Scene, Screen, Simulator, Structure,
    captions,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::AdaptError;
use crate::draw::{Draw, Purpose};
use crate::statements::PHRASES;

/// Frames in one file.
pub const PIECE: usize = 1024;
/// Layout of the files; another one is made again.
const SCHEMA: &str = "bedside.frames/2";
/// Captions of a frame.
const CAPTIONS: usize = 4;
/// How often a frame comes as a machine's screen, and how often the file declares its region.
const SCREENS: f64 = 0.2;
const DECLARED: f64 = 0.5;
/// Structures whose truth is kept, by bit.
pub(crate) const STRUCTURES: [Structure; 6] = [
    Structure::ALine,
    Structure::BLine,
    Structure::Consolidation,
    Structure::Effusion,
    Structure::AirBronchogram,
    Structure::IrregularPleura,
];

/// What is known of a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameFacts {
    /// Seed of its scene.
    pub seed: u64,
    /// By the order of [`PHRASES`].
    pub presence: Vec<Presence>,
    /// A view of the lung base.
    pub base_view: bool,
    /// Number of B-lines.
    pub b_lines: u32,
    /// The labels in words.
    pub captions: Vec<String>,
    /// Findings that the captions speak of.
    pub said: Vec<Finding>,
}

/// Some frames of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Frames {
    /// Rows and columns.
    pub side: usize,
    /// One each.
    pub facts: Vec<FrameFacts>,
    /// Grey, (frames, side, side).
    pub grey: Vec<u8>,
    /// Bits of the structures of each pixel, (frames, side, side).
    pub truth: Vec<u8>,
}

/// Where frames come from.
#[derive(Debug, Clone)]
pub struct FrameSource {
    /// What the scenes are drawn from.
    pub ranges: Ranges,
    /// Of the first scene; the others follow.
    pub first_seed: u64,
    /// Of everything else: screens, declared regions.
    pub seed: u64,
    /// What the model wants of its pictures.
    pub preprocessing: Preprocessing,
    /// Rows and columns of what it wants.
    pub side: usize,
}

/// First line of a file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    schema: String,
    ranges: Ranges,
    first_seed: u64,
    seed: u64,
    preprocessing: Preprocessing,
    side: usize,
    frames: usize,
}

/// A frame as a scan file would give it: what is shown, masked, and where the truth lies in it.
#[derive(Debug)]
pub struct Shown {
    /// Masked, cut to the square round the scan, (side, side).
    pub pixels: Pixels,
    /// Column and row of the frame's upper left pixel, which may lie outside.
    pub offset: (i64, i64),
    /// The simulator's frame.
    pub frame: Frame,
    /// Its scene.
    pub scene: Scene,
}

impl Frames {
    /// No frame, of a size.
    pub fn none(side: usize) -> Self {
        Self { side, facts: Vec::new(), grey: Vec::new(), truth: Vec::new() }
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// Grey values of a frame.
    pub(crate) fn grey(&self, frame: usize) -> &[u8] {
        &self.grey[frame * self.side * self.side..][..self.side * self.side]
    }

    /// Structures of each pixel of a frame.
    pub(crate) fn truth(&self, frame: usize) -> &[u8] {
        &self.truth[frame * self.side * self.side..][..self.side * self.side]
    }

    /// Frames of the same size behind these.
    pub(crate) fn extend(&mut self, other: Frames) {
        self.facts.extend(other.facts);
        self.grey.extend(other.grey);
        self.truth.extend(other.truth);
    }
}

impl FrameSource {
    /// Frames `first..first + count`, made now. Errors: those of the simulator and of the preprocessing.
    pub fn make(&self, first: u64, count: usize) -> Result<Frames, AdaptError> {
        let made = (0..count as u64).into_par_iter().map(|n| self.frame_of(&self.show(first + n)?));
        let made = made.collect::<Result<Vec<_>, AdaptError>>()?;
        let mut all = Frames::none(self.side);
        made.into_iter().for_each(|frame| all.extend(frame));
        Ok(all)
    }

    /// The first `count` frames, from files in `folder` where they are, else made and written there.
    /// `progress`: called with the number of frames there are, after each file; `false` stops.
    /// Errors: as [`FrameSource::make`]; `Io`; `Stopped`.
    pub fn cached(
        &self,
        folder: &Path,
        count: usize,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Frames, AdaptError> {
        fs::create_dir_all(folder).map_err(AdaptError::io("create the folder", folder))?;
        let mut all = Frames::none(self.side);
        for first in (0..count).step_by(PIECE) {
            let frames = PIECE.min(count - first);
            let path = folder.join(format!("frames-{:05}.bin", first / PIECE));
            let header = self.header(first as u64, frames);
            let piece = match read(&path, &header)? {
                Some(piece) => piece,
                None => {
                    let piece = self.make(first as u64, frames)?;
                    write(&path, &header, &piece)?;
                    piece
                }
            };
            all.extend(piece);
            if !progress(all.len()) {
                return Err(AdaptError::Stopped { step: 0 });
            }
        }
        Ok(all)
    }

    fn header(&self, first: u64, frames: usize) -> Header {
        Header {
            schema: SCHEMA.to_owned(),
            ranges: self.ranges.clone(),
            first_seed: self.first_seed + first,
            seed: self.seed,
            preprocessing: self.preprocessing.clone(),
            side: self.side,
            frames,
        }
    }

    /// What a machine shows of the scene of this number, masked as the device masks it.
    /// Errors: those of the simulator. A frame that the mask would withhold is given as it is: it has no screen.
    pub fn show(&self, number: u64) -> Result<Shown, AdaptError> {
        let scene = Scene::draw(&self.ranges, self.first_seed + number)?;
        self.show_scene(scene, number)
    }

    /// The same of any scene. `number`: which screen and which declared region it gets.
    /// Errors: as [`FrameSource::show`].
    pub fn show_scene(&self, scene: Scene, number: u64) -> Result<Shown, AdaptError> {
        let frame = Simulator::new(&scene)?.frame(0)?;
        let mut draw = Draw::new(self.seed, Purpose::Scenes, number);
        let screen = draw.chance(SCREENS).then(|| screen(&frame, &mut draw));
        let declared = draw.chance(DECLARED);
        let (pixels, offset, region) = match screen {
            Some(screen) => {
                let shot = screen.draw(&scene, &frame)?;
                (shot.pixels, shot.offset, shot.region)
            }
            None => (frame.pixels.clone(), (0, 0), frame.geometry.region(&scene.probe, (0, 0))),
        };
        let declared = if declared { vec![bounds(&region)] } else { Vec::new() };
        let (pixels, origin) = match PhiMask::new(&[&pixels], &declared) {
            Ok(mask) => cut(&mask.apply(&pixels)?, mask.mask().bounds())?,
            Err(_) => cut(&frame.pixels, None)?,
        };
        let offset = (i64::from(offset.0) - origin.0, i64::from(offset.1) - origin.1);
        Ok(Shown { pixels, offset, frame, scene })
    }

    /// What is shown, as one frame of the set. Errors: those of the preprocessing.
    pub fn frame_of(&self, shown: &Shown) -> Result<Frames, AdaptError> {
        let (grey, truth) = (self.grey(&shown.pixels)?, self.truth(shown));
        Ok(Frames { side: self.side, facts: vec![facts(shown)?], grey, truth })
    }

    /// The grey values that the model's preprocessing gives before it rescales and normalises them.
    fn grey(&self, pixels: &Pixels) -> Result<Vec<u8>, AdaptError> {
        let whole = Preprocessing { rescale: None, normalize: None, ..self.preprocessing.clone() };
        let Prepared::Pixels(planes) = whole.apply(pixels)? else {
            let got = format!("{:?}", self.preprocessing.layout);
            return Err(AdaptError::Setting { what: "layout of the preprocessing", expected: "planes", got });
        };
        // Whole numbers from 0 to 255; the three planes are the same.
        Ok(planes.values[..self.side * self.side].iter().map(|x| *x as u8).collect())
    }

    /// Truth at the middle of each pixel the model sees.
    fn truth(&self, shown: &Shown) -> Vec<u8> {
        let side = self.side;
        let place = Placing::new(&shown.pixels, side);
        let bits = |x: usize, y: usize| {
            let Some((x, y)) = place.source(x, y) else { return 0 };
            let inside = |at: u32, offset: i64| u32::try_from(i64::from(at) - offset).ok();
            let (Some(x), Some(y)) = (inside(x, shown.offset.0), inside(y, shown.offset.1)) else { return 0 };
            let structures = STRUCTURES.iter().enumerate();
            structures.map(|(bit, s)| u8::from(shown.frame.truth.shows(*s, x, y)) << bit).sum()
        };
        (0..side * side).map(|i| bits(i % side, i / side)).collect()
    }
}

/// Where a picture lies in the square that a model sees: as large as it fits, in the middle.
#[derive(Debug, Clone, Copy)]
struct Placing {
    /// Columns and rows before it.
    margin: (i64, i64),
    size: (i64, i64),
    picture: (u32, u32),
}

impl Placing {
    /// Of a picture in a square of `side`. It repeats the arithmetic of the resize rule `fit` and of the crop.
    fn new(picture: &Pixels, side: usize) -> Self {
        let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
        let scale = (width / side as f64).max(height / side as f64);
        let size = ((width / scale).round_ties_even() as i64, (height / scale).round_ties_even() as i64);
        let margin = ((side as i64 - size.0) / 2, (side as i64 - size.1) / 2);
        Self { margin, size, picture: (picture.width(), picture.height()) }
    }

    /// The pixel of the picture at the middle of a pixel of the square; `None` beside the picture.
    fn source(&self, x: usize, y: usize) -> Option<(u32, u32)> {
        let along = |at: usize, margin: i64, size: i64, pixels: u32| {
            let at = at as i64 - margin;
            let found = (at as f64 + 0.5) * f64::from(pixels) / size as f64;
            (0..size).contains(&at).then(|| (found as u32).min(pixels - 1))
        };
        let x = along(x, self.margin.0, self.size.0, self.picture.0)?;
        Some((x, along(y, self.margin.1, self.size.1, self.picture.1)?))
    }
}

/// The square round these bounds (left, top, right, bottom; the last two exclusive), black where the picture ends; and
/// its first column and row. The exam's protocol cuts frames the same way (`sector_square`).
fn cut(pixels: &Pixels, bounds: Option<(u32, u32, u32, u32)>) -> Result<(Pixels, (i64, i64)), AdaptError> {
    let (width, height) = (i64::from(pixels.width()), i64::from(pixels.height()));
    let (left, top, right, bottom) = bounds.map_or((0, 0, width, height), |(left, top, right, bottom)| {
        (left.into(), top.into(), right.into(), bottom.into())
    });
    let side = (right - left).max(bottom - top);
    let (left, top) = (left - (side - (right - left)) / 2, top - (side - (bottom - top)) / 2);
    let grey = |i: i64| {
        let (x, y) = (left + i % side, top + i / side);
        let inside = (0..width).contains(&x) && (0..height).contains(&y);
        if inside { pixels.bytes()[(y * width + x) as usize] } else { 0 }
    };
    let bytes = (0..side * side).map(grey).collect();
    Ok((Pixels::new(side as u32, side as u32, 1, bytes)?, (left, top)))
}

fn screen(frame: &Frame, draw: &mut Draw) -> Screen {
    let header = ["DEMO^PHANTOM", "ID 0000", "LUNG"];
    Screen {
        width_px: frame.pixels.width() + 80 + draw.index(100) as u32,
        height_px: frame.pixels.height() + 80 + draw.index(60) as u32,
        header: header.iter().take(draw.index(4)).map(|line| (*line).to_owned()).collect(),
        marker: if draw.chance(0.5) { MarkerSide::Left } else { MarkerSide::Right },
    }
}

fn bounds(region: &CalibratedRegion) -> PixelBounds {
    PixelBounds {
        left: region.region_location_min_x0,
        top: region.region_location_min_y0,
        right: region.region_location_max_x1,
        bottom: region.region_location_max_y1,
    }
}

fn facts(shown: &Shown) -> Result<FrameFacts, AdaptError> {
    let labels = &shown.frame.labels;
    // A still cannot show motion, and captions must not speak of it.
    let captions = captions(labels, shown.scene.seed, CAPTIONS)?;
    Ok(FrameFacts {
        seed: shown.scene.seed,
        presence: PHRASES.iter().map(|phrases| labels.presence(phrases.finding)).collect(),
        base_view: labels.base_view,
        b_lines: labels.b_line_count,
        captions,
        said: labels.present().collect(),
    })
}

/// `None`: no file, or one of other frames.
fn read(path: &Path, expected: &Header) -> Result<Option<Frames>, AdaptError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(AdaptError::io("read", path)(error)),
    };
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let (Some(header), Some(facts), Some(rest)) = (lines.next(), lines.next(), lines.next()) else {
        return Ok(None);
    };
    let header: Option<Header> = serde_json::from_slice(header).ok();
    let facts: Option<Vec<FrameFacts>> = serde_json::from_slice(facts).ok();
    let pixels = expected.frames * expected.side * expected.side;
    match (header, facts) {
        (Some(header), Some(facts))
            if header == *expected && facts.len() == expected.frames && rest.len() == 2 * pixels =>
        {
            let (grey, truth) = rest.split_at(pixels);
            Ok(Some(Frames { side: expected.side, facts, grey: grey.to_vec(), truth: truth.to_vec() }))
        }
        _ => Ok(None),
    }
}

/// To a file beside it first, which is then given its name: a run that is stopped leaves no half piece.
fn write(path: &Path, header: &Header, frames: &Frames) -> Result<(), AdaptError> {
    let partial: PathBuf = path.with_extension("partial");
    let json = |value: Result<Vec<u8>, serde_json::Error>| {
        value.map_err(|error| AdaptError::io("describe", path)(std::io::Error::from(error)))
    };
    let (header, facts) = (json(serde_json::to_vec(header))?, json(serde_json::to_vec(&frames.facts))?);
    let mut file = fs::File::create(&partial).map_err(AdaptError::io("create", &partial))?;
    for part in [&header[..], b"\n", &facts, b"\n", &frames.grey, &frames.truth] {
        file.write_all(part).map_err(AdaptError::io("write", &partial))?;
    }
    file.sync_all().map_err(AdaptError::io("sync", &partial))?;
    fs::rename(&partial, path).map_err(AdaptError::io("rename", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bedside_imaging::{Crop, CropRule, Filter, Layout, Resize, ResizeRule};

    fn source(side: u32) -> FrameSource {
        let rule = ResizeRule::Fit { height: side, width: side };
        let preprocessing = Preprocessing {
            pad_to_square: None,
            resize: Some(Resize { rule, filter: Filter::Bilinear }),
            crop: Some(Crop { height: side, width: side, rule: CropRule::HuggingFace }),
            rescale: Some(1.0 / 255.0),
            normalize: None,
            layout: Layout::Planes,
        };
        let ranges = Ranges::training().only(Finding::BLinesConfluent);
        FrameSource { ranges, first_seed: 5, seed: 1, preprocessing, side: side as usize }
    }

    #[test]
    fn pieces_on_disk_are_read_again_and_others_are_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let source = source(16);
        let made = source.cached(folder.path(), 3, &mut |_| true).unwrap();
        assert_eq!(made, source.make(0, 3).unwrap());
        assert_eq!(made, source.cached(folder.path(), 3, &mut |_| true).unwrap());
        let path = folder.path().join("frames-00000.bin");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(made, source.cached(folder.path(), 3, &mut |_| true).unwrap());
        let other = FrameSource { first_seed: 6, ..source.clone() };
        assert_ne!(made, other.cached(folder.path(), 3, &mut |_| true).unwrap());
        let stopped = source.cached(folder.path(), 3, &mut |_| false);
        assert!(matches!(stopped, Err(AdaptError::Stopped { .. })));
    }

    #[test]
    fn truth_lies_where_the_picture_shows_it() {
        let source = source(64);
        let frames = source.make(0, 4).unwrap();
        let bit = 1 << STRUCTURES.iter().position(|s| *s == Structure::BLine).unwrap();
        for n in 0..4 {
            let mean = |wanted: bool| {
                let pixels = frames.grey(n).iter().zip(frames.truth(n));
                let chosen: Vec<f64> = pixels
                    .filter(|(_, bits)| (*bits & bit != 0) == wanted)
                    .map(|(grey, _)| f64::from(*grey))
                    .collect();
                chosen.iter().sum::<f64>() / chosen.len().max(1) as f64
            };
            // B-lines are bright from the pleura to the bottom.
            assert!(mean(true) > 1.3 * mean(false), "{n}: {} {}", mean(true), mean(false));
        }
    }

    #[test]
    fn the_square_is_cut_round_the_scan() {
        let pixels = Pixels::new(4, 3, 1, (1..=12).collect()).unwrap();
        let (square, origin) = cut(&pixels, Some((1, 1, 3, 2))).unwrap();
        assert_eq!((square.bytes(), origin), (&[6, 7, 10, 11][..], (1, 1)));
        let (square, origin) = cut(&pixels, None).unwrap();
        assert_eq!((square.width(), square.height(), origin), (4, 4, (0, 0)));
        assert_eq!(&square.bytes()[12..], [0; 4]);
    }
}
