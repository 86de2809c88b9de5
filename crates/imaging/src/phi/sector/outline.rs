//! The outline of a scan as geometry: two straight sides, and an end at the top and at the bottom that is
//! flat or an arc round the point where the sides meet.

use serde::Serialize;

use crate::phi::mask::Point;

/// A straight side: `x = at + slope * y`, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SectorSide {
    /// Column where it meets the picture's upper border.
    pub at: f64,
    /// Columns per row.
    pub slope: f64,
}

impl SectorSide {
    pub(super) fn x(&self, y: f64) -> f64 {
        self.at + self.slope * y
    }
}

/// How the scan ends at the top or at the bottom, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SectorEnd {
    /// At a row.
    Flat(f64),
    /// At a distance from the point where the sides meet.
    Arc(f64),
}

/// The geometry of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Outline {
    /// Left side.
    pub left: SectorSide,
    /// Right side.
    pub right: SectorSide,
    /// Upper end, where the probe is.
    pub top: SectorEnd,
    /// Lower end, the deepest echoes.
    pub bottom: SectorEnd,
}

/// Corners that stand for an arc.
const ARC_CORNERS: usize = 65;

impl Outline {
    /// Where the sides meet. `None`: they are parallel or nearly so.
    pub fn apex(&self) -> Option<Point> {
        let opening = self.right.slope - self.left.slope;
        (opening.abs() > 1e-6).then(|| {
            let y = (self.left.at - self.right.at) / opening;
            (self.left.x(y), y)
        })
    }

    /// Corners of the polygon, clockwise from the upper left, in pixels; they may lie outside the picture.
    pub fn polygon(&self) -> Vec<Point> {
        let mut corners = self.end(self.top);
        corners.extend(self.end(self.bottom).into_iter().rev());
        corners
    }

    /// Whether a point lies within.
    pub(super) fn holds(&self, (x, y): Point) -> bool {
        if x < self.left.x(y) || x > self.right.x(y) {
            return false;
        }
        let apex = self.apex();
        let after = |end: SectorEnd| match (end, apex) {
            (SectorEnd::Flat(row), _) => y - row,
            (SectorEnd::Arc(radius), Some(apex)) => (x - apex.0).hypot(y - apex.1) - radius,
            (SectorEnd::Arc(_), None) => -1.0,
        };
        after(self.top) >= 0.0
            && after(self.bottom) <= 0.0
            && apex.is_none_or(|apex| !self.opens() || y >= apex.1)
    }

    /// Whether the sides meet above.
    pub(crate) fn opens(&self) -> bool {
        self.right.slope > self.left.slope
    }

    /// The corners of an end, from left to right.
    fn end(&self, end: SectorEnd) -> Vec<Point> {
        match (end, self.apex()) {
            (SectorEnd::Flat(row), Some(apex)) if self.opens() && row < apex.1 => vec![apex],
            (SectorEnd::Flat(row), _) => vec![(self.left.x(row), row), (self.right.x(row), row)],
            (SectorEnd::Arc(radius), Some(apex)) => {
                let (from, to) = (self.left.slope.atan(), self.right.slope.atan());
                let corner = |step: usize| {
                    let angle = from + (to - from) * step as f64 / (ARC_CORNERS - 1) as f64;
                    (apex.0 + radius * angle.sin(), apex.1 + radius * angle.cos())
                };
                (0..ARC_CORNERS).map(corner).collect()
            }
            (SectorEnd::Arc(_), None) => Vec::new(),
        }
    }

    /// The same outline where a unit is `factor` times as large.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        let side = |side: SectorSide| SectorSide { at: side.at * factor, slope: side.slope };
        let end = |end: SectorEnd| match end {
            SectorEnd::Flat(row) => SectorEnd::Flat(row * factor),
            SectorEnd::Arc(radius) => SectorEnd::Arc(radius * factor),
        };
        Self { left: side(self.left), right: side(self.right), top: end(self.top), bottom: end(self.bottom) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phi::mask::Mask;

    const FAN: Outline = Outline {
        left: SectorSide { at: 100.0, slope: -0.7 },
        right: SectorSide { at: 100.0, slope: 0.7 },
        top: SectorEnd::Arc(30.0),
        bottom: SectorEnd::Arc(150.0),
    };

    #[test]
    fn the_polygon_and_the_points_agree() {
        let parallel = Outline {
            left: SectorSide { at: 20.0, slope: 0.0 },
            right: SectorSide { at: 170.0, slope: 0.0 },
            top: SectorEnd::Flat(10.0),
            bottom: SectorEnd::Flat(120.0),
        };
        let pointed = Outline { top: SectorEnd::Flat(-10.0), ..FAN };
        for outline in [FAN, parallel, pointed] {
            let drawn = Mask::polygon(200, 160, &outline.polygon());
            let held = Mask::by(200, 160, |x, y| outline.holds((f64::from(x) + 0.5, f64::from(y) + 0.5)));
            assert!(drawn.overlap(&held).unwrap() > 0.99, "{outline:?}");
            let half = Mask::polygon(100, 80, &outline.scaled(0.5).polygon());
            assert!((half.area() as f64 * 4.0 / drawn.area() as f64 - 1.0).abs() < 0.02);
        }
        assert_eq!(parallel.apex(), None);
        assert_eq!(FAN.apex(), Some((100.0, 0.0)));
    }
}
