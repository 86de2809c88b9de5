//! Connected groups of pixels and box-shaped neighbourhoods, on plain flags.

/// A group of pixels that touch each other, corners included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Component {
    pub(crate) label: u32,
    pub(crate) left: usize,
    pub(crate) top: usize,
    /// One past the last column.
    pub(crate) right: usize,
    /// One past the last row.
    pub(crate) bottom: usize,
    pub(crate) area: usize,
}

impl Component {
    pub(crate) fn width(&self) -> usize {
        self.right - self.left
    }

    pub(crate) fn height(&self) -> usize {
        self.bottom - self.top
    }
}

/// Label the groups of set pixels. `flags`: (rows, `width`). The second value has one label per pixel: 0
/// where no flag is set, otherwise the component's.
pub(crate) fn components(width: usize, flags: &[bool]) -> (Vec<Component>, Vec<u32>) {
    let mut labels = vec![0_u32; flags.len()];
    let mut found = Vec::new();
    let mut open = Vec::new();
    for start in 0..flags.len() {
        if !flags[start] || labels[start] != 0 {
            continue;
        }
        let label = found.len() as u32 + 1;
        let (x, y) = (start % width, start / width);
        let mut group = Component { label, left: x, top: y, right: x + 1, bottom: y + 1, area: 0 };
        labels[start] = label;
        open.push(start);
        while let Some(at) = open.pop() {
            let (x, y) = (at % width, at / width);
            group.area += 1;
            group.left = group.left.min(x);
            group.right = group.right.max(x + 1);
            group.bottom = group.bottom.max(y + 1);
            for row in y.saturating_sub(1)..(y + 2).min(flags.len() / width) {
                for column in x.saturating_sub(1)..(x + 2).min(width) {
                    let next = row * width + column;
                    if flags[next] && labels[next] == 0 {
                        labels[next] = label;
                        open.push(next);
                    }
                }
            }
        }
        found.push(group);
    }
    (found, labels)
}

/// Sums over rectangles of a table of numbers, in constant time each.
pub(crate) struct BoxSums {
    width: usize,
    height: usize,
    sums: Vec<f64>,
}

impl BoxSums {
    /// `value(at)` of the pixel at index `at` of `(height, width)`.
    pub(crate) fn new(width: usize, height: usize, value: impl Fn(usize) -> f64) -> Self {
        let stride = width + 1;
        let mut sums = vec![0.0; stride * (height + 1)];
        for y in 0..height {
            let mut row = 0.0;
            for x in 0..width {
                row += value(y * width + x);
                sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1] + row;
            }
        }
        Self { width, height, sums }
    }

    /// Mean over the square of side `2 * radius + 1` round a pixel, as far as it lies in the picture.
    pub(crate) fn mean(&self, x: usize, y: usize, radius: usize) -> f64 {
        let (left, right) = (x.saturating_sub(radius), (x + radius + 1).min(self.width));
        let (top, bottom) = (y.saturating_sub(radius), (y + radius + 1).min(self.height));
        self.sum(left, top, right, bottom) / ((right - left) * (bottom - top)) as f64
    }

    /// Sum over columns `left..right` and rows `top..bottom`.
    pub(crate) fn sum(&self, left: usize, top: usize, right: usize, bottom: usize) -> f64 {
        let at = |x: usize, y: usize| self.sums[y * (self.width + 1) + x];
        at(right, bottom) - at(left, bottom) - at(right, top) + at(left, top)
    }
}

/// Pixels whose whole square neighbourhood (within the picture) is set.
pub(crate) fn erode(width: usize, flags: &[bool], radius: usize) -> Vec<bool> {
    let height = flags.len() / width;
    let sums = BoxSums::new(width, height, |at| f64::from(u8::from(flags[at])));
    // Sums are whole numbers below 2^53: a mean of 1 is exact.
    (0..flags.len()).map(|at| sums.mean(at % width, at / width, radius) >= 1.0).collect()
}

/// Pixels with a set one in their square neighbourhood.
pub(crate) fn dilate(width: usize, flags: &[bool], radius: usize) -> Vec<bool> {
    let height = flags.len() / width;
    let sums = BoxSums::new(width, height, |at| f64::from(u8::from(flags[at])));
    (0..flags.len()).map(|at| sums.mean(at % width, at / width, radius) > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(rows: &[&str]) -> Vec<bool> {
        rows.iter().flat_map(|row| row.bytes().map(|byte| byte == b'#')).collect()
    }

    #[test]
    fn corners_touch() {
        let picture = flags(&["#..#", ".#.#", "...."]);
        let (found, labels) = components(4, &picture);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].width(), found[0].height(), found[0].area), (2, 2, 2));
        assert_eq!((found[1].left, found[1].right, found[1].bottom), (3, 4, 2));
        assert_eq!(labels, [1, 0, 0, 2, 0, 1, 0, 2, 0, 0, 0, 0]);
    }

    #[test]
    fn eroding_and_dilating_respect_the_border() {
        let picture = flags(&["###", "###", "##."]);
        assert_eq!(erode(3, &picture, 1), flags(&["###", "#..", "#.."]));
        assert_eq!(dilate(3, &flags(&["#..", "...", "..."]), 1), flags(&["##.", "##.", "..."]));
        assert_eq!(erode(1, &[true], 3), [true]);
    }
}
