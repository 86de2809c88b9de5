//! Heatmaps as data, and what tells whether they mean anything.

use bedside_imaging::{Heatmap, ImagingError, Mask};
use bedside_models::Attribution;
use serde::{Deserialize, Serialize};

/// Points of a place that are looked at in each direction, to tell how much of it lies on the scan.
const POINTS: u32 = 4;
/// Points on the scan, at least, for a place to be shown: a quarter.
const LEAST_POINTS: u32 = POINTS * POINTS / 4;

/// Where a finding was seen in one frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heat {
    /// Number of the frame in the scan.
    pub frame: u32,
    /// Rows and columns of places.
    pub grid: [usize; 2],
    /// Left, top, right and bottom of what they divide among them, in pixels of the frame; it may reach beyond.
    pub area: [f64; 4],
    /// Row by row, in logits: how much each place is like the finding rather than not. `None`: not on the scan. With
    /// [`Attribution::Additive`] the mean over all places, those outside included, is the frame's score.
    pub values: Vec<Option<f64>>,
    /// The value that is shown as full heat; the same for every scan.
    pub full_scale: f64,
    /// Whether the places are parts of the score or looked at one by one.
    pub attribution: Attribution,
}

impl Heat {
    /// `values` (rows · columns) where at least a quarter of the place lies in the mask.
    pub(crate) fn on_the_scan(
        values: &[f64],
        [rows, columns]: [usize; 2],
        [left, top, right, bottom]: [f64; 4],
        mask: &Mask,
    ) -> Vec<Option<f64>> {
        let step = [
            (right - left) / (columns * POINTS as usize) as f64,
            (bottom - top) / (rows * POINTS as usize) as f64,
        ];
        let on_scan = |row: usize, column: usize| {
            let points = (0..POINTS * POINTS).filter(|point| {
                let (dx, dy) = (f64::from(point % POINTS) + 0.5, f64::from(point / POINTS) + 0.5);
                let x = left + ((column * POINTS as usize) as f64 + dx) * step[0];
                let y = top + ((row * POINTS as usize) as f64 + dy) * step[1];
                // Casts of what is below 0 would become column 0.
                x >= 0.0 && y >= 0.0 && mask.contains(x as u32, y as u32)
            });
            points.count() as u32 >= LEAST_POINTS
        };
        let shown =
            |(place, value): (usize, &f64)| on_scan(place / columns, place % columns).then_some(*value);
        values.iter().enumerate().map(shown).collect()
    }

    /// For [`bedside_imaging::Figure`]: 0 to 1, where 1 is [`Heat::full_scale`]; what speaks against the finding, and
    /// what lies off the scan, is 0. Errors: those of [`Heatmap::new`].
    pub fn overlay(&self) -> Result<Heatmap, ImagingError> {
        let shown = |value: &Option<f64>| value.map_or(0.0, |v| (v / self.full_scale).clamp(0.0, 1.0));
        let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let values = self.values.iter().map(shown).collect();
        Heatmap::new(side(self.grid[1]), side(self.grid[0]), values, self.area)
    }

    /// The hottest place on the scan: left, top, right, bottom in pixels of the frame. The first of equal ones.
    /// `None`: no place lies on the scan.
    pub fn hottest(&self) -> Option<[f64; 4]> {
        let mut best: Option<(usize, f64)> = None;
        for (place, value) in self.values.iter().enumerate() {
            if let Some(value) = value.filter(|value| best.is_none_or(|(_, most)| *value > most)) {
                best = Some((place, value));
            }
        }
        let (place, _) = best?;
        let [rows, columns] = self.grid;
        let [left, top, right, bottom] = self.area;
        let (width, height) = ((right - left) / columns as f64, (bottom - top) / rows as f64);
        let (x, y) = (left + (place % columns) as f64 * width, top + (place / columns) as f64 * height);
        Some([x, y, x + width, y + height])
    }

    /// The pointing game: whether any pixel of the hottest place belongs to `lesion`, a mask of the frame's size.
    /// `None`: no place lies on the scan. Source: Zhang et al., Top-Down Neural Attention (2018), section 4.1, with a
    /// place in the place of their 15 pixels.
    pub fn points_at(&self, lesion: &Mask) -> Option<bool> {
        let [left, top, right, bottom] = self.hottest()?;
        let columns = left.max(0.0) as u32..right.max(0.0).ceil() as u32;
        let rows = top.max(0.0) as u32..bottom.max(0.0).ceil() as u32;
        Some(rows.into_iter().any(|y| columns.clone().any(|x| lesion.contains(x, y))))
    }

    /// Sum of what speaks for the finding, in logits: what vanishes with the lesion.
    pub fn total(&self) -> f64 {
        self.values.iter().flatten().map(|value| value.max(0.0)).sum()
    }

    /// Spearman's rank correlation of two maps over the places both show, −1 to 1: near 1 for maps that do not depend
    /// on what was changed between them. `None`: other grids, fewer than three places, or a map without any
    /// difference. Source: Adebayo et al., Sanity Checks for Saliency Maps (2018), section 3.
    pub fn rank_correlation(&self, other: &Self) -> Option<f64> {
        if self.grid != other.grid {
            return None;
        }
        let pairs = self.values.iter().zip(&other.values).filter_map(|(a, b)| a.zip(*b));
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.unzip();
        (a.len() >= 3).then(|| correlation(&ranks(&a), &ranks(&b))).flatten()
    }
}

/// Ranks; equal values share the middle of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|v| *v < value).count();
        let not_above = values.iter().filter(|v| *v <= value).count();
        f64::midpoint(below as f64, not_above as f64)
    };
    values.iter().map(rank).collect()
}

fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| f(a - mean_a, b - mean_b)).sum()
    };
    let (both, of_a, of_b) = (sum(&|a, b| a * b), sum(&|a, _| a * a), sum(&|_, b| b * b));
    (of_a > 0.0 && of_b > 0.0).then(|| both / (of_a * of_b).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heat(values: &[f64]) -> Heat {
        Heat {
            frame: 0,
            grid: [2, values.len() / 2],
            area: [0.0, 0.0, 40.0, 20.0],
            values: values.iter().map(|v| Some(*v)).collect(),
            full_scale: 4.0,
            attribution: Attribution::Additive,
        }
    }

    #[test]
    fn places_off_the_scan_are_not_shown() {
        // The scan covers the left half, and an eighth of the third of four columns.
        let mask = Mask::by(40, 20, |x, _| x < 21);
        let area = [0.0, 0.0, 40.0, 20.0];
        let values: Vec<f64> = (0..8).map(f64::from).collect();
        let got = Heat::on_the_scan(&values, [2, 4], area, &mask);
        let expected = [Some(0.0), Some(1.0), None, None, Some(4.0), Some(5.0), None, None];
        assert_eq!(got, expected);
        let beyond = Heat::on_the_scan(&values, [2, 4], [-40.0, 0.0, 40.0, 20.0], &mask);
        assert_eq!(
            beyond.iter().map(Option::is_some).collect::<Vec<_>>(),
            [false, false, true, false].repeat(2)
        );
    }

    #[test]
    fn the_scale_is_absolute_and_only_shows_what_speaks_for() {
        let map = heat(&[-1.0, 0.0, 1.0, 2.0, 4.0, 9.0]).overlay().unwrap();
        let at = |x: f64, y: f64| map.at(x, y).unwrap();
        assert_eq!((at(6.0, 5.0), at(20.0, 5.0), at(34.0, 5.0)), (0.0, 0.0, 0.25));
        assert_eq!((at(6.0, 15.0), at(20.0, 15.0), at(34.0, 15.0)), (0.5, 1.0, 1.0));
        let broken = Heat { values: vec![None; 3], ..heat(&[0.0; 4]) };
        assert!(broken.overlay().is_err());
    }

    #[test]
    fn the_hottest_place_is_held_against_a_lesion() {
        let map = heat(&[0.0, 1.0, 5.0, 2.0, 5.0, 0.5]);
        // Third of three columns, first row: columns 26.67 to 40, rows 0 to 10.
        assert_eq!(map.points_at(&Mask::by(40, 20, |x, y| x == 39 && y == 9)), Some(true));
        assert_eq!(map.points_at(&Mask::by(40, 20, |x, y| x < 26 || y > 9)), Some(false));
        assert_eq!(Heat { values: vec![None; 6], ..map.clone() }.points_at(&Mask::all(40, 20)), None);
        assert_eq!(map.total(), 13.5);
    }

    /// Spearman's rho of scipy.stats.spearmanr([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]), as its documentation has it: 0.8208.
    #[test]
    fn rank_correlation_is_spearmans() {
        let with = |values: [f64; 5]| Heat { grid: [1, 5], ..heat(&values) };
        let (a, b) = (with([1.0, 2.0, 3.0, 4.0, 5.0]), with([5.0, 6.0, 7.0, 8.0, 7.0]));
        assert!((a.rank_correlation(&b).unwrap() - 0.820_782_681_668_123_3).abs() < 1e-12);
        assert!((a.rank_correlation(&a).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(a.rank_correlation(&with([1.0; 5])), None);
        assert_eq!(a.rank_correlation(&heat(&[1.0; 4])), None);
    }
}
