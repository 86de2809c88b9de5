//! Which pixels of a picture are meant: one flag per pixel.

use crate::pixels::Pixels;

/// A set of pixels of one picture size. `(height, width)` flags, row-major, rows from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    width: usize,
    height: usize,
    flags: Vec<bool>,
}

/// A corner of a polygon in pixels: pixel `(column, row)` covers `column..column + 1`, `row..row + 1`.
pub type Point = (f64, f64);

impl Mask {
    /// No pixel of a picture of this size.
    pub fn none(width: u32, height: u32) -> Self {
        Self::empty(width as usize, height as usize)
    }

    /// Every pixel of a picture of this size.
    pub fn all(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self { width, height, flags: vec![true; width * height] }
    }

    /// The pixels of a picture for which `keep(column, row)` holds.
    pub fn by(width: u32, height: u32, keep: impl Fn(u32, u32) -> bool) -> Self {
        let flags =
            (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| keep(x, y)).collect();
        Self { width: width as usize, height: height as usize, flags }
    }

    /// The pixels whose centre lies in a polygon (even-odd rule). What lies outside the picture is cut off;
    /// corners that are not finite make the polygon empty.
    pub fn polygon(width: u32, height: u32, corners: &[Point]) -> Self {
        let mut mask = Self::none(width, height);
        if corners.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
            return mask;
        }
        let mut crossings = Vec::new();
        for row in 0..mask.height {
            let y = row as f64 + 0.5;
            crossings.clear();
            for (index, &(x0, y0)) in corners.iter().enumerate() {
                let (x1, y1) = corners[(index + 1) % corners.len()];
                if (y0 <= y) != (y1 <= y) {
                    crossings.push(x0 + (y - y0) / (y1 - y0) * (x1 - x0));
                }
            }
            crossings.sort_by(f64::total_cmp);
            for pair in crossings.chunks_exact(2) {
                // Centres at column + 0.5: from ceil(x - 0.5) up to, but not including, ceil(end - 0.5).
                let column = |x: f64| (x - 0.5).ceil().clamp(0.0, mask.width as f64) as usize;
                let (from, to) = (column(pair[0]), column(pair[1]));
                mask.flags[row * mask.width + from..row * mask.width + to.max(from)].fill(true);
            }
        }
        mask
    }

    pub(crate) fn empty(width: usize, height: usize) -> Self {
        Self { width, height, flags: vec![false; width * height] }
    }

    #[cfg(test)]
    pub(crate) fn from_flags(width: usize, height: usize, flags: Vec<bool>) -> Self {
        debug_assert_eq!(flags.len(), width * height);
        Self { width, height, flags }
    }

    /// Columns of the picture it belongs to.
    pub fn width(&self) -> u32 {
        self.width as u32
    }

    /// Rows of the picture it belongs to.
    pub fn height(&self) -> u32 {
        self.height as u32
    }

    /// Whether the pixel belongs to it; `false` outside the picture.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        let (x, y) = (x as usize, y as usize);
        x < self.width && y < self.height && self.flags[y * self.width + x]
    }

    /// Its number of pixels.
    pub fn area(&self) -> u64 {
        self.flags.iter().filter(|flag| **flag).count() as u64
    }

    /// All flags: `(height, width)`.
    pub fn flags(&self) -> &[bool] {
        &self.flags
    }

    /// The pixels of both. `None` where the sizes differ.
    pub fn intersection(&self, other: &Mask) -> Option<Mask> {
        self.combine(other, |mine, theirs| mine && theirs)
    }

    /// The pixels of either. `None` where the sizes differ.
    pub fn union(&self, other: &Mask) -> Option<Mask> {
        self.combine(other, |mine, theirs| mine || theirs)
    }

    /// The pixels of this one that the other has not. `None` where the sizes differ.
    pub fn difference(&self, other: &Mask) -> Option<Mask> {
        self.combine(other, |mine, theirs| mine && !theirs)
    }

    /// Intersection over union, 0 to 1. `None` where the sizes differ or both are empty.
    pub fn overlap(&self, other: &Mask) -> Option<f64> {
        let both = self.intersection(other)?.area();
        let either = self.union(other)?.area();
        (either > 0).then(|| both as f64 / either as f64)
    }

    /// Columns and rows that its pixels span: `(left, top, right, bottom)`, right and bottom exclusive.
    /// `None`: it has no pixel.
    pub fn bounds(&self) -> Option<(u32, u32, u32, u32)> {
        let mut bounds: Option<(usize, usize, usize, usize)> = None;
        for (row, flags) in self.flags.chunks(self.width).enumerate() {
            let Some(first) = flags.iter().position(|flag| *flag) else { continue };
            let last = flags.iter().rposition(|flag| *flag).map_or(first, |last| last) + 1;
            let (left, top, right, _) = bounds.unwrap_or((first, row, last, row));
            bounds = Some((left.min(first), top, right.max(last), row + 1));
        }
        bounds.map(|(left, top, right, bottom)| (left as u32, top as u32, right as u32, bottom as u32))
    }

    /// The picture with every pixel outside the mask made black. `None` where the sizes differ.
    pub fn blacken(&self, pixels: &Pixels) -> Option<Pixels> {
        let (width, height, channels) = pixels.dims();
        if (width, height) != (self.width, self.height) {
            return None;
        }
        let mut bytes = vec![0; pixels.bytes().len()];
        for (at, _) in self.flags.iter().enumerate().filter(|(_, flag)| **flag) {
            let span = at * channels..(at + 1) * channels;
            bytes[span.clone()].copy_from_slice(&pixels.bytes()[span]);
        }
        Some(Pixels::made(width, height, channels, bytes))
    }

    fn combine(&self, other: &Mask, rule: impl Fn(bool, bool) -> bool) -> Option<Mask> {
        let same = (self.width, self.height) == (other.width, other.height);
        same.then(|| {
            let flags =
                self.flags.iter().zip(&other.flags).map(|(&mine, &theirs)| rule(mine, theirs)).collect();
            Mask { width: self.width, height: self.height, flags }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polygons_cover_the_pixels_whose_centre_they_hold() {
        struct Case {
            corners: &'static [Point],
            area: u64,
        }
        let cases = [
            Case { corners: &[], area: 0 },
            Case { corners: &[(1.0, 1.0), (4.0, 1.0), (4.0, 3.0), (1.0, 3.0)], area: 6 },
            Case { corners: &[(-9.0, -9.0), (99.0, -9.0), (99.0, 99.0), (-9.0, 99.0)], area: 80 },
            Case { corners: &[(0.0, 0.0), (8.0, 0.0), (0.0, 8.0)], area: 28 },
            Case { corners: &[(0.0, f64::NAN), (8.0, 0.0), (0.0, 8.0)], area: 0 },
        ];
        for Case { corners, area } in cases {
            assert_eq!(Mask::polygon(10, 8, corners).area(), area, "{corners:?}");
        }
    }

    #[test]
    fn sets_of_pixels() {
        let left = Mask::by(4, 2, |x, _| x < 3);
        let right = Mask::by(4, 2, |x, _| x > 1);
        assert_eq!(left.intersection(&right).unwrap().area(), 2);
        assert_eq!(left.union(&right).unwrap(), Mask::all(4, 2));
        assert_eq!(left.difference(&right).unwrap().area(), 4);
        assert_eq!(left.overlap(&right), Some(0.25));
        assert_eq!(left.bounds(), Some((0, 0, 3, 2)));
        assert_eq!(Mask::none(4, 2).bounds(), None);
        assert_eq!(Mask::none(4, 2).overlap(&Mask::none(4, 2)), None);
        assert_eq!(left.intersection(&Mask::all(2, 4)), None);
        let picture = Pixels::new(4, 2, 1, vec![9; 8]).unwrap();
        assert_eq!(left.blacken(&picture).unwrap().bytes(), [9, 9, 9, 0, 9, 9, 9, 0]);
    }
}
