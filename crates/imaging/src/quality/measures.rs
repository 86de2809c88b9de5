//! Each thing the gate measures: its number, what it is held against, and what helps.

use super::statistics::Statistics;
use super::thresholds as t;
use super::{Kind, Measure, Outcome, QualityContext};
use crate::frame::{Anatomy, BodyPart, Modality};
use crate::phi::luma::luma;
use crate::phi::{Mask, Sector, SectorShape};
use crate::pixels::Pixels;

/// A value held against a limit it must not fall below, or must not exceed.
#[derive(Clone, Copy)]
enum Bound {
    AtLeast,
    AtMost,
}

impl Measure {
    /// `refuses`, `warns`: limits in the same unit; they may be equal.
    fn held(
        kind: Kind,
        value: f64,
        bound: Bound,
        refuses: Option<f64>,
        warns: f64,
        words: (&str, &'static str),
    ) -> Self {
        let broken = |limit: f64| match bound {
            Bound::AtLeast => value < limit,
            Bound::AtMost => value > limit,
        };
        let (outcome, threshold) = match refuses {
            Some(limit) if broken(limit) => (Outcome::Refused, limit),
            _ if broken(warns) => (Outcome::Warned, warns),
            _ => (Outcome::Passed, warns),
        };
        let (what, hint) = words;
        let sign = match (bound, outcome) {
            (Bound::AtLeast, Outcome::Passed) => "≥",
            (Bound::AtLeast, _) => "<",
            (Bound::AtMost, Outcome::Passed) => "≤",
            (Bound::AtMost, _) => ">",
        };
        let reason = format!("{what}: {} {sign} {}", shown(value), shown(threshold));
        let hint = (outcome != Outcome::Passed).then_some(hint);
        Self { kind, value: Some(value), threshold: Some(threshold), outcome, reason, hint }
    }

    fn unknown(kind: Kind, reason: &str) -> Self {
        Self {
            kind,
            value: None,
            threshold: None,
            outcome: Outcome::NotMeasured,
            reason: reason.to_owned(),
            hint: None,
        }
    }

    fn refused(kind: Kind, reason: String, hint: &'static str) -> Self {
        Self { kind, value: None, threshold: None, outcome: Outcome::Refused, reason, hint: Some(hint) }
    }
}

/// Three decimals where they matter.
fn shown(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 2.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

/// What the file says it is.
pub(super) fn declared(modality: Option<Modality>) -> Measure {
    let hint = "choose an ultrasound scan";
    match modality {
        None => Measure::unknown(Kind::Modality, "the file does not say which kind of machine made it"),
        Some(Modality::Ultrasound | Modality::IntravascularUltrasound) => Measure {
            outcome: Outcome::Passed,
            ..Measure::unknown(Kind::Modality, "the file says it is ultrasound")
        },
        Some(other) => Measure::refused(Kind::Modality, format!("the file says it is {other:?}"), hint),
    }
}

/// Whether the part of the body that the file names suits the lung. The pixels are not asked.
pub(super) fn anatomy(anatomy: Option<Anatomy>) -> Measure {
    let hint = "choose a scan of the lung";
    let told =
        |outcome, hint, reason: String| Measure { outcome, hint, ..Measure::unknown(Kind::Anatomy, &reason) };
    match anatomy {
        None => Measure::unknown(Kind::Anatomy, "not assessed: the file does not say what it shows"),
        Some(Anatomy::Snomed(_)) => {
            Measure::unknown(Kind::Anatomy, "not assessed: the file's code is not known")
        }
        Some(Anatomy::BodyPart(part)) => match part {
            BodyPart::Lung | BodyPart::Pleura | BodyPart::Chest | BodyPart::ChestAbdomen => {
                told(Outcome::Passed, None, "the file says it shows the chest".to_owned())
            }
            // Next to the lung; or the machine was set to it when a lung was scanned.
            BodyPart::Rib
            | BodyPart::Sternum
            | BodyPart::Mediastinum
            | BodyPart::Heart
            | BodyPart::Abdomen
            | BodyPart::AbdomenPelvis
            | BodyPart::Liver
            | BodyPart::Spleen
            | BodyPart::Kidney => {
                told(Outcome::Warned, Some(hint), format!("the file says it shows {part:?}"))
            }
            _ => told(Outcome::Refused, Some(hint), format!("the file says it shows {part:?}")),
        },
    }
}

/// Whether a sector was found, and how surely.
pub(super) fn sector(context: &QualityContext) -> Measure {
    let hint = "freeze the full scan on screen and store it again, without menus over it";
    let words = ("how well an outline fits the echoes", hint);
    match (context.sector, context.declared_regions) {
        (Some(sector), _) if sector.shape == SectorShape::WholePicture => Measure {
            outcome: Outcome::Warned,
            hint: Some("store the whole screen: the scan's own border was cut off"),
            ..Measure::unknown(Kind::Sector, "echoes fill the picture: no border of a scan is seen")
        },
        (Some(sector), _) => {
            Measure::held(Kind::Sector, sector.confidence, Bound::AtLeast, None, t::SECTOR, words)
        }
        (None, true) => Measure {
            outcome: Outcome::Warned,
            hint: Some(hint),
            ..Measure::unknown(Kind::Sector, "no scan was found in the picture, only declared by the file")
        },
        (None, false) => Measure::refused(Kind::Sector, "no scan was found in the picture".to_owned(), hint),
    }
}

/// What the pixels alone tell.
pub(super) fn of_pixels(statistics: &Statistics) -> Vec<Measure> {
    use Bound::{AtLeast, AtMost};
    let high = f64::from(statistics.high);
    let contrast = f64::from(statistics.high - statistics.low);
    let held = Measure::held;
    let blank = if contrast < t::BLANK_CONTRAST {
        let words = ("difference of bright and dark luma", "put gel on the probe and hold it to the skin");
        held(Kind::Blank, contrast, AtLeast, Some(t::BLANK_CONTRAST), t::BLANK_CONTRAST, words)
    } else {
        let words = ("luma of the bright parts", "put gel on the probe and hold it to the skin");
        held(Kind::Blank, high, AtLeast, Some(t::BLANK_HIGH), t::BLANK_HIGH, words)
    };
    let dark = ("luma of the bright parts", "increase gain, or use more gel");
    let clipped = ("share of pixels at white", "decrease gain");
    let small = ("pixels of the scan", "store the picture at the machine's full size");
    vec![
        blank,
        held(Kind::TooDark, high, AtLeast, Some(t::DARK_HIGH), t::DIM_HIGH, dark),
        held(Kind::Clipped, statistics.clipped, AtMost, Some(t::CLIPPED), t::CLIPPED_WARNS, clipped),
        blur(statistics),
        held(Kind::TooSmall, statistics.pixels as f64, AtLeast, Some(t::PIXELS), t::PIXELS_WARN, small),
    ]
}

fn blur(statistics: &Statistics) -> Measure {
    let words = ("fine detail over coarse", "hold the probe still, then freeze; check the focus");
    match statistics.sharpness {
        Some(sharpness) => {
            Measure::held(Kind::Blurred, sharpness, Bound::AtLeast, Some(t::BLURRED), t::SHARPNESS, words)
        }
        None => Measure::unknown(Kind::Blurred, "too dark for sharpness to be measured"),
    }
}

/// Whether the pixels look like something other than ultrasound.
pub(super) fn look(statistics: &Statistics) -> Measure {
    let hint = "this does not look like ultrasound: choose another picture";
    if statistics.coloured > t::COLOURED {
        let words = ("share of pixels in colour, as in a photo", hint);
        return Measure::held(
            Kind::Look,
            statistics.coloured,
            Bound::AtMost,
            Some(t::COLOURED),
            t::COLOURED,
            words,
        );
    }
    if statistics.mean > t::BRIGHT_MEAN {
        let words = ("mean luma, as in a radiograph or a document", hint);
        return Measure::held(
            Kind::Look,
            statistics.mean,
            Bound::AtMost,
            Some(t::BRIGHT_MEAN),
            t::BRIGHT_MEAN,
            words,
        );
    }
    let upright =
        "if it is ultrasound, turn it so that the probe is at the top; otherwise choose another picture";
    if let Some(across) = statistics.across.filter(|across| *across < t::ACROSS_WARNS) {
        let words = ("share of the texture that lies across the beam", upright);
        return Measure::held(Kind::Look, across, Bound::AtLeast, Some(t::ACROSS), t::ACROSS_WARNS, words);
    }
    match statistics.grain.filter(|_| statistics.mean >= t::GRAIN_MEAN) {
        Some(grain) => {
            let words = ("grain", hint);
            Measure::held(Kind::Look, grain, Bound::AtLeast, Some(t::GRAIN), t::GRAIN, words)
        }
        None => Measure::unknown(Kind::Look, "too dark for the grain of echoes to be judged"),
    }
}

/// Whether the depth that the scan shows suits the lung.
pub(super) fn depth(depth_mm: Option<f64>) -> Measure {
    let Some(depth) = depth_mm else { return Measure::unknown(Kind::Depth, "the depth shown is not known") };
    if depth > t::DEEP_MM {
        let words = ("depth shown in mm", "decrease depth");
        return Measure::held(Kind::Depth, depth, Bound::AtMost, None, t::DEEP_MM, words);
    }
    Measure::held(
        Kind::Depth,
        depth,
        Bound::AtLeast,
        None,
        t::SHALLOW_MM,
        ("depth shown in mm", "increase depth"),
    )
}

/// Share of the scan's rows that touch the picture's left or right border.
pub(super) fn zoom(mask: &Mask, sector: Option<&Sector>) -> Measure {
    if sector.is_none_or(|sector| sector.shape == SectorShape::WholePicture) {
        return Measure::unknown(Kind::TooZoomed, "the scan's own border is not seen");
    }
    if sector.is_some_and(|sector| sector.shape == SectorShape::Linear) {
        return Measure::unknown(
            Kind::TooZoomed,
            "a linear scan is as wide as its probe wherever it is cut off",
        );
    }
    let width = mask.width() as usize;
    let rows = || mask.flags().chunks(width).filter(|row| row.iter().any(|inside| *inside));
    let cut = rows().filter(|row| row[0] || row[width - 1]).count();
    let value = cut as f64 / rows().count().max(1) as f64;
    let words = ("share of the scan's rows cut off at a side", "zoom out: the sides of the scan are cut off");
    Measure::held(Kind::TooZoomed, value, Bound::AtMost, None, t::CUT_ROWS, words)
}

/// Mean luma of the left, middle and right third of the near field, each row split alike.
pub(super) fn thirds(pixels: &Pixels, mask: &Mask) -> Measure {
    let Some((_, top, _, bottom)) = mask.bounds() else {
        return Measure::unknown(Kind::DarkThird, "no scan");
    };
    let near = (f64::from(bottom - top) * t::NEAR_FIELD).ceil() as usize;
    let width = mask.width() as usize;
    let tones = luma(pixels);
    let mut sums = [(0.0, 0.0); 3];
    let rows = mask.flags().chunks(width).zip(tones.chunks(width)).skip(top as usize).take(near);
    let rows = rows.step_by(near.div_ceil(MOST_ROWS).max(1));
    for (inside, tones) in rows {
        let Some(first) = inside.iter().position(|flag| *flag) else { continue };
        let last = inside.iter().rposition(|flag| *flag).map_or(first, |last| last) + 1;
        for x in (first..last).filter(|x| inside[*x]) {
            let third = &mut sums[3 * (x - first) / (last - first)];
            *third = (third.0 + f64::from(tones[x]), third.1 + 1.0);
        }
    }
    let means: Vec<f64> =
        sums.iter().filter(|(_, count)| *count > 0.0).map(|(sum, count)| sum / count).collect();
    let brightest = means.iter().copied().fold(0.0, f64::max);
    let Ok(means) = <[f64; 3]>::try_from(means) else {
        return Measure::unknown(Kind::DarkThird, "the scan is less than three pixels wide");
    };
    if brightest <= 0.0 {
        return Measure::unknown(Kind::DarkThird, "the near field is black");
    }
    let darkest = (0..3).min_by(|a, b| means[*a].total_cmp(&means[*b])).unwrap_or(0);
    let (what, hint) = [
        ("left third of the near field over the brightest", "more gel or pressure: left third dark"),
        ("middle third of the near field over the brightest", "move between the ribs: middle third dark"),
        ("right third of the near field over the brightest", "more gel or pressure: right third dark"),
    ][darkest];
    Measure::held(Kind::DarkThird, means[darkest] / brightest, Bound::AtLeast, None, t::THIRD, (what, hint))
}

/// Grid of depths and of places side by side on which the contact is judged.
const DEPTHS: usize = 32;
const PLACES: usize = 16;
/// Rows that are looked at for it, at most; more are sampled evenly.
const MOST_ROWS: usize = 256;

/// How much of what the scan shows depends on the depth alone: the variance between the means of the depths over
/// that of all cells.
pub(super) fn contact(pixels: &Pixels, mask: &Mask) -> Measure {
    let depths = cells(pixels, mask);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let all = mean(&depths.concat());
    let (mut between, mut total) = (0.0, 0.0);
    for depth in &depths {
        between += depth.len() as f64 * (mean(depth) - all).powi(2);
        total += depth.iter().map(|tone| (tone - all).powi(2)).sum::<f64>();
    }
    if total <= 0.0 {
        return Measure::unknown(Kind::Contact, "the scan has one tone");
    }
    let words =
        ("share of the picture that depends on depth alone", "put gel on the probe and hold it to the skin");
    Measure::held(Kind::Contact, between / total, Bound::AtMost, Some(t::LAYERED), t::LAYERED_WARNS, words)
}

/// Mean luma of the scan's cells, depth by depth, each row split alike.
fn cells(pixels: &Pixels, mask: &Mask) -> Vec<Vec<f64>> {
    let Some((_, top, _, bottom)) = mask.bounds() else { return Vec::new() };
    let (width, deep) = (mask.width() as usize, (bottom - top) as usize);
    let tones = luma(pixels);
    let mut grid = vec![(0_u64, 0_u64); DEPTHS * PLACES];
    let rows = mask.flags().chunks(width).zip(tones.chunks(width)).skip(top as usize).take(deep);
    for (y, (inside, tones)) in rows.enumerate().step_by(deep.div_ceil(MOST_ROWS)) {
        let Some(first) = inside.iter().position(|flag| *flag) else { continue };
        let last = inside.iter().rposition(|flag| *flag).map_or(first, |last| last) + 1;
        for x in (first..last).filter(|x| inside[*x]) {
            let cell = &mut grid[y * DEPTHS / deep * PLACES + PLACES * (x - first) / (last - first)];
            *cell = (cell.0 + u64::from(tones[x]), cell.1 + 1);
        }
    }
    let means = |row: &[(u64, u64)]| {
        row.iter().filter(|(_, count)| *count > 0).map(|(sum, count)| *sum as f64 / *count as f64).collect()
    };
    grid.chunks(PLACES).map(means).collect()
}
