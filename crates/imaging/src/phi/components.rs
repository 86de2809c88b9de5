//! Connected groups of pixels and box-shaped neighbourhoods, on plain flags.

/// Pixels of a row that are passed over together where none is set.
const SKIPPED: usize = 32;

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

/// Neighbouring set pixels of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) row: usize,
    pub(crate) from: usize,
    /// One past the last column.
    pub(crate) to: usize,
    /// Its group: 1 for the first.
    pub(crate) label: u32,
}

/// The set pixels of a picture as runs, grouped.
pub(crate) struct Runs {
    /// From the top left on.
    pub(crate) runs: Vec<Run>,
    groups: usize,
}

impl Runs {
    /// The runs of the pixels for which `set` holds. `pixels`: (rows, `width`).
    pub(crate) fn of<T>(width: usize, pixels: &[T], set: impl Fn(&T) -> bool) -> Self {
        let mut runs = Vec::new();
        for (row, pixels) in pixels.chunks(width).enumerate() {
            push_runs(&mut runs, row, 0, pixels, &set);
        }
        Self::grouped(runs)
    }

    /// The runs of the bytes of at least `least`, which are few. `bytes`: (rows, `width`).
    pub(crate) fn at_least(width: usize, bytes: &[u8], least: u8) -> Self {
        let mut runs: Vec<Run> = Vec::new();
        for (row, bytes) in bytes.chunks(width).enumerate() {
            for (index, piece) in bytes.chunks(SKIPPED).enumerate() {
                if piece.iter().copied().fold(0, u8::max) < least {
                    continue;
                }
                let at = runs.len();
                push_runs(&mut runs, row, index * SKIPPED, piece, &|byte: &u8| *byte >= least);
                // A run may go on where a piece ends.
                if at > 0 && runs[at - 1].row == row && runs[at - 1].to == runs[at].from {
                    runs[at - 1].to = runs[at].to;
                    runs.remove(at);
                }
            }
        }
        Self::grouped(runs)
    }

    /// Of the same bytes those of at least `least`, which is more than before.
    pub(crate) fn higher(&self, width: usize, bytes: &[u8], least: u8) -> Self {
        let mut runs = Vec::new();
        for run in &self.runs {
            let start = run.row * width;
            let bytes = &bytes[start + run.from..start + run.to];
            push_runs(&mut runs, run.row, run.from, bytes, &|byte: &u8| *byte >= least);
        }
        Self::grouped(runs)
    }

    /// `runs`: from the top left on; their labels are set here.
    fn grouped(mut runs: Vec<Run>) -> Self {
        // Index of an earlier run of the same group, or its own.
        let mut parents: Vec<usize> = (0..runs.len()).collect();
        let mut above = 0;
        for own in 0..runs.len() {
            let Run { row, from, to, .. } = runs[own];
            // Runs above that end left of this one, corners counted, touch no later one either.
            while above < own
                && (runs[above].row + 1 < row || (runs[above].row < row && runs[above].to < from))
            {
                above += 1;
            }
            for (other, near) in runs[above..own].iter().enumerate() {
                if near.row >= row || near.from > to {
                    break;
                }
                join(&mut parents, above + other, own);
            }
        }
        let mut groups = 0;
        for at in 0..runs.len() {
            let root = root(&mut parents, at);
            if root == at {
                groups += 1;
                runs[at].label = groups;
            } else {
                runs[at].label = runs[root].label;
            }
        }
        Self { runs, groups: groups as usize }
    }

    /// The groups, by their first pixels.
    pub(crate) fn components(&self) -> Vec<Component> {
        let none = Component { label: 0, left: usize::MAX, top: 0, right: 0, bottom: 0, area: 0 };
        let mut found = vec![none; self.groups];
        for run in &self.runs {
            let group = &mut found[run.label as usize - 1];
            if group.area == 0 {
                (group.label, group.top) = (run.label, run.row);
            }
            group.area += run.to - run.from;
            group.left = group.left.min(run.from);
            group.right = group.right.max(run.to);
            group.bottom = run.row + 1;
        }
        found
    }
}

/// The runs of one row's piece that begins at column `left`.
fn push_runs<T>(runs: &mut Vec<Run>, row: usize, left: usize, pixels: &[T], set: &impl Fn(&T) -> bool) {
    let mut x = 0;
    while let Some(gap) = pixels[x..].iter().position(set) {
        let from = x + gap;
        x = pixels[from..].iter().position(|pixel| !set(pixel)).map_or(pixels.len(), |run| from + run);
        runs.push(Run { row, from: left + from, to: left + x, label: 0 });
    }
}

fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

/// The earlier root becomes the other's parent: a root is the first run of its group.
fn join(parents: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b)] = a.min(b);
}

/// Label the groups of set pixels. `flags`: (rows, `width`). The second value has one label per pixel: 0
/// where no flag is set, otherwise the component's.
pub(crate) fn components(width: usize, flags: &[bool]) -> (Vec<Component>, Vec<u32>) {
    let runs = Runs::of(width, flags, |flag| *flag);
    let mut labels = vec![0_u32; flags.len()];
    for run in &runs.runs {
        labels[run.row * width + run.from..run.row * width + run.to].fill(run.label);
    }
    (runs.components(), labels)
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
    let unset: Vec<bool> = flags.iter().map(|flag| !flag).collect();
    dilate(width, &unset, radius).iter().map(|near| !near).collect()
}

/// Pixels with a set one in their square neighbourhood.
pub(crate) fn dilate(width: usize, flags: &[bool], radius: usize) -> Vec<bool> {
    let height = flags.len() / width;
    let mut across = Vec::with_capacity(flags.len());
    let mut before = vec![0_u32; width + 1];
    for row in flags.chunks(width) {
        for (x, flag) in row.iter().enumerate() {
            before[x + 1] = before[x] + u32::from(*flag);
        }
        across.extend(
            (0..width).map(|x| before[(x + radius + 1).min(width)] > before[x.saturating_sub(radius)]),
        );
    }
    let row = |y: usize| &across[y * width..(y + 1) * width];
    // Set pixels of each column among the rows near `y`.
    let mut counts = vec![0_u32; width];
    for y in 0..radius.min(height) {
        counts.iter_mut().zip(row(y)).for_each(|(count, flag)| *count += u32::from(*flag));
    }
    let mut near = Vec::with_capacity(flags.len());
    for y in 0..height {
        if y + radius < height {
            counts.iter_mut().zip(row(y + radius)).for_each(|(count, flag)| *count += u32::from(*flag));
        }
        if y > radius {
            counts.iter_mut().zip(row(y - radius - 1)).for_each(|(count, flag)| *count -= u32::from(*flag));
        }
        near.extend(counts.iter().map(|count| *count > 0));
    }
    near
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
    fn runs_group_what_touches_at_every_level() {
        let width = 70;
        let bytes: Vec<u8> = (0..width * 40).map(|at| (at * at % 251 % 97 * 3 % 251) as u8).collect();
        let low = Runs::at_least(width, &bytes, 60);
        assert_eq!(low.runs, Runs::of(width, &bytes, |byte| *byte >= 60).runs);
        let high = low.higher(width, &bytes, 200);
        assert_eq!(high.runs, Runs::of(width, &bytes, |byte| *byte >= 200).runs);
        assert!(!high.runs.is_empty());
        // One tone all over is one group, however it is cut into pieces.
        assert_eq!(Runs::at_least(width, &vec![9; width * 3], 9).components().len(), 1);
        let comb = flags(&["#.#.#", "#.#.#", "#####", ".....", "..#.."]);
        let (found, labels) = components(5, &comb);
        assert_eq!((found.len(), found[0].area, found[1].top), (2, 11, 4));
        assert!(labels.iter().zip(&comb).all(|(label, flag)| (*label > 0) == *flag));
    }

    #[test]
    fn eroding_and_dilating_respect_the_border() {
        let picture = flags(&["###", "###", "##."]);
        assert_eq!(erode(3, &picture, 1), flags(&["###", "#..", "#.."]));
        assert_eq!(dilate(3, &flags(&["#..", "...", "..."]), 1), flags(&["##.", "##.", "..."]));
        assert_eq!(erode(1, &[true], 3), [true]);
        let picture: Vec<bool> = (0..17 * 11).map(|at| at * at % 23 == 2).collect();
        for radius in 0..14 {
            let sums = BoxSums::new(17, 11, |at| f64::from(u8::from(picture[at])));
            let slow: Vec<bool> =
                (0..picture.len()).map(|at| sums.mean(at % 17, at / 17, radius) > 0.0).collect();
            assert_eq!(dilate(17, &picture, radius), slow, "radius {radius}");
        }
    }
}
