//! TABLE: the numbers that the quality gate holds a scan against, each with its reason.
//!
//! "Our scans" are the 52 real lung scans of the project's test material (first frames) and their copies
//! blurred over 5 x 5 pixels. They were looked at to place the numbers well outside what a usable scan shows;
//! nothing was tuned for a finding. A refusal is for what nobody could read; the rest warns.

/// Luma that 95 % of the pixels do not exceed, at least: below, the picture is blank. Air scans with a lit
/// rim have 5.
pub(super) const BLANK_HIGH: f64 = 12.0;
/// Difference of the 95 % and 5 % lumas, at least: below, there is one tone and no picture.
pub(super) const BLANK_CONTRAST: f64 = 10.0;
/// The same luma under which a scan is too dark to be read. The darkest of our scans has 64.
pub(super) const DARK_HIGH: f64 = 40.0;
/// Under this it is dark. Unlit thirds of a scan are usual at this level.
pub(super) const DIM_HIGH: f64 = 60.0;
/// Share of pixels at white, at most. The brightest of our scans has 0.003; strong pleural lines 0.02.
pub(super) const CLIPPED: f64 = 0.25;
/// From this share on it warns.
pub(super) const CLIPPED_WARNS: f64 = 0.08;
/// Share of pixels in colour, at most. A Doppler box reaches 0.2 of a scan; a photo 0.6 and more.
pub(super) const COLOURED: f64 = 0.45;
/// Mean luma, at most: documents and overexposed pictures lie above 200, the brightest of our scans at 126, of the
/// simulated ones at 165.
pub(super) const BRIGHT_MEAN: f64 = 180.0;
/// Share of blocks that lie across the beam (see `Statistics`), at least. Measured on 65 ultrasound pictures (our scans,
/// `pydicom-data`, `deid-data`): 0.72 to 1.0, median 0.95; on 149 simulated ones 0.68 to 1.0. On 40 other pictures
/// that nothing else refused (CT, MR, scintigrams, photographs, noise): 0.09 to 0.65, and one CT of 128 x 128 pixels,
/// cut to its inside, at 0.78, which passes.
pub(super) const ACROSS: f64 = 0.66;
/// Below this it warns.
pub(super) const ACROSS_WARNS: f64 = 0.71;
/// Grain (see `Statistics`), at least, in a scan of [`GRAIN_MEAN`]: CT and radiographs have 0.002 to 0.006,
/// our scans 0.007 and more.
pub(super) const GRAIN: f64 = 0.004;
/// Mean luma from which grain is judged.
pub(super) const GRAIN_MEAN: f64 = 40.0;
/// Sharpness (see `Statistics`), at least. Our scans have 0.23 (an enlarged still) to 1.1; blurred over 5 x 5
/// pixels 0.16 to 0.35. Only heavy blur is therefore told, and only warned of.
pub(super) const SHARPNESS: f64 = 0.22;
/// Blur that leaves less than this leaves nothing to see: blurred over 13 x 13 pixels.
pub(super) const BLURRED: f64 = 0.12;
/// Pixels of the scan, at least. Our smallest has 43,000; models look at 224 x 224 = 50,000.
pub(super) const PIXELS: f64 = 12_000.0;
/// Below this it warns: the picture is enlarged for the model.
pub(super) const PIXELS_WARN: f64 = 30_000.0;
/// Share of the scan's rows where the picture's border cuts it off at a side, at most.
pub(super) const CUT_ROWS: f64 = 0.75;
/// Depth shown in mm, at least: a lung's pleural line lies 5 to 30 mm deep, and what follows it is read.
/// Machines offer 40 mm, and round it.
pub(super) const SHALLOW_MM: f64 = 39.0;
/// Depth shown in mm, at most: deeper, the near field has too few pixels.
pub(super) const DEEP_MM: f64 = 250.0;
/// Mean luma of the darkest third of the near field over that of the brightest, at least. Rib shadows darken
/// narrower parts.
pub(super) const THIRD: f64 = 0.2;
/// Share of the scan's height, from the probe on, that counts as near field: lost contact shows from there.
pub(super) const NEAR_FIELD: f64 = 0.5;
/// Confidence of a sector, at least, to pass without a warning.
pub(super) const SECTOR: f64 = 0.6;
/// Share of the picture that depends on depth alone, at most: a probe in air shows bright layers and noise. The three
/// scans in air of `deid-data` have 0.991 to 0.998.
pub(super) const LAYERED: f64 = 0.985;
/// From this share on it warns. Our scans have up to 0.90, simulated A-lines up to 0.94.
pub(super) const LAYERED_WARNS: f64 = 0.96;
