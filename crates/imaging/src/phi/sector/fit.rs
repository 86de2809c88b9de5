//! Sides and ends fitted to a map of echoes: each is the line or arc that most border cells lie on, where
//! cells beyond it count against it. Dark parts of a scan (shadow, attenuation) therefore do not pull it in,
//! and a bar or a letter that touches the scan does not pull it out.

use super::content::Content;
use super::outline::{Outline, SectorEnd, SectorSide};
use crate::phi::mask::Point;

/// Rows that are paired up when a side is looked for.
const SAMPLED_ROWS: usize = 56;
/// Cells beyond a candidate count this many times against it.
const BEYOND: f64 = 2.0;
/// Share of the rows that must touch the picture's border less than fully for a side to be looked for.
const FREE_ROWS: f64 = 0.12;
/// Slope of a side, at most: 75 degrees off the vertical. Probes see at most about 130 degrees in all.
const STEEPEST: f64 = 3.8;
/// Slope inwards of a side, at most: scans do not get narrower with depth but by a steered beam.
const CONVERGING: f64 = 0.35;
/// Classes of slope of which the best side each is kept.
const SLOPES: usize = 48;
/// What two sides of like slope are worth, as a share of the rows.
const LIKENESS: f64 = 0.25;
/// Difference of slopes that counts as like.
const LIKE_SLOPES: f64 = 0.08;
/// Difference of the slopes from which the ends may be arcs round the point where the sides meet.
const OPENING: f64 = 0.12;
/// Share of the border cells that must lie on an arc for it to be one.
const ON_ARC: f64 = 0.08;

/// An outline and how well the cells bear it out.
pub(super) struct Fit {
    /// In cells.
    pub(super) outline: Outline,
    /// Share of the free border cells that lie on their side or end, 0 to 1. `None`: none is free.
    pub(super) support: Option<f64>,
    /// Sides and ends that are the picture's own border.
    pub(super) cut: usize,
}

/// Free border cells of a side or end, and how many lie on it.
struct Support {
    on: usize,
    free: usize,
    cut: bool,
}

/// `None`: no cell is set.
pub(super) fn fit(content: &Content) -> Option<Fit> {
    let tolerance = 1.2 + 0.004 * content.width.max(content.height) as f64;
    let rows = rows(content);
    let (first, last) = (rows.first()?.0, rows.last()?.0);
    let width = content.width as f64;
    let left: Vec<Point> = rows.iter().map(|&(y, from, _)| (y, from)).collect();
    let right: Vec<Point> = rows.iter().map(|&(y, _, to)| (y, width - to)).collect();
    let span = last - first + 1.0;
    let (left_side, mirrored) =
        pair(&candidates(&left, span, tolerance), &candidates(&right, span, tolerance), span);
    let (left, on_left) = settled(&left, left_side, span, tolerance);
    let (mirrored, on_right) = settled(&right, mirrored, span, tolerance);
    let right = SectorSide { at: width - mirrored.at, slope: -mirrored.slope };
    let blank =
        Outline { left, right, top: SectorEnd::Flat(0.0), bottom: SectorEnd::Flat(content.height as f64) };
    let (top, bottom) = borders(content, &blank, tolerance);
    let (top, on_top) = end(&blank, &top, tolerance, -1.0);
    let (bottom, on_bottom) = end(&blank, &bottom, tolerance, 1.0);
    let supports = [on_left, on_right, on_top, on_bottom];
    let free: usize = supports.iter().map(|support| support.free).sum();
    let on: usize = supports.iter().map(|support| support.on).sum();
    let support = (free > 0).then(|| on as f64 / free as f64);
    let cut = supports.iter().filter(|support| support.cut).count();
    Some(Fit { outline: Outline { top, bottom, ..blank }, support, cut })
}

/// Middle, first and last column border of each row that has a cell.
fn rows(content: &Content) -> Vec<(f64, f64, f64)> {
    let span = |(y, row): (usize, &[bool])| {
        let from = row.iter().position(|cell| *cell)?;
        let to = row.iter().rposition(|cell| *cell)? + 1;
        Some((y as f64 + 0.5, from as f64, to as f64))
    };
    content.cells.chunks(content.width).enumerate().filter_map(span).collect()
}

/// A side that may be the scan's, and how much speaks for it.
type Candidate = (f64, SectorSide);

/// The best side of each slope. `points`: row and column of each row's border cell, larger columns inside.
/// Empty: too few rows are free of the picture's border for a side to be told.
fn candidates(points: &[Point], span: f64, tolerance: f64) -> Vec<Candidate> {
    // Under its widest row the border is the lower end's. A few rows may be pulled out by what touches the scan.
    let mut columns: Vec<f64> = points.iter().map(|(_, x)| *x).collect();
    columns.sort_by(f64::total_cmp);
    let outermost = columns.get(columns.len() / 8).copied().unwrap_or(0.0);
    let widest = points.iter().rev().find(|(_, x)| *x <= outermost + tolerance).map_or(0.0, |(y, _)| *y);
    let free: Vec<Point> = points.iter().copied().filter(|(y, x)| *x >= 1.0 && *y <= widest).collect();
    if (free.len() as f64) < (FREE_ROWS * points.len() as f64).max(4.0) {
        return Vec::new();
    }
    let step = free.len().div_ceil(SAMPLED_ROWS);
    let sampled: Vec<Point> = free.iter().copied().step_by(step).collect();
    let mut best: Vec<Option<Candidate>> = vec![None; SLOPES];
    for (index, &(y0, x0)) in sampled.iter().enumerate() {
        for &(y1, x1) in sampled[index + 1..].iter().filter(|(y1, _)| y1 - y0 >= 0.06 * span) {
            let slope = (x1 - x0) / (y1 - y0);
            if !(-STEEPEST..=CONVERGING).contains(&slope) {
                continue;
            }
            let side = SectorSide { at: x0 - slope * y0, slope };
            let score = score(points, side, widest, tolerance);
            let place = ((slope + STEEPEST) / (STEEPEST + CONVERGING) * SLOPES as f64) as usize;
            let best = &mut best[place.min(SLOPES - 1)];
            if best.is_none_or(|(least, _)| score > least) {
                *best = Some((score, side));
            }
        }
    }
    best.into_iter().flatten().collect()
}

/// The two sides that most speaks for together; likeness speaks for them too, since probes are symmetric. A
/// side without candidates is `None`.
fn pair(left: &[Candidate], right: &[Candidate], span: f64) -> (Option<SectorSide>, Option<SectorSide>) {
    let best = |all: &[Candidate]| all.iter().max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, side)| *side);
    let likeness = |a: &SectorSide, b: &SectorSide| (-((a.slope - b.slope) / LIKE_SLOPES).powi(2)).exp();
    let pairs = left.iter().flat_map(|a| right.iter().map(move |b| (a, b)));
    let total =
        |((a, left), (b, right)): &(&Candidate, &Candidate)| a + b + LIKENESS * span * likeness(left, right);
    match pairs.max_by(|a, b| total(a).total_cmp(&total(b))) {
        Some(((_, left), (_, right))) => (Some(*left), Some(*right)),
        None => (best(left), best(right)),
    }
}

/// A side drawn through the cells that lie on it, and its support. `None` becomes the picture's border.
fn settled(points: &[Point], side: Option<SectorSide>, span: f64, tolerance: f64) -> (SectorSide, Support) {
    let Some(side) = side else {
        return (SectorSide { at: 0.0, slope: 0.0 }, Support { on: 0, free: 0, cut: true });
    };
    let free: Vec<Point> = points.iter().copied().filter(|(_, x)| *x >= 1.0).collect();
    let side = straightened(&free, side, tolerance);
    let on = free.iter().filter(|(y, x)| (x - side.x(*y)).abs() <= tolerance).count();
    // Rows below the side's end belong to the lower end; rows where it is beyond the picture to nobody.
    let seen = free.iter().filter(|(y, x)| side.x(*y) >= 0.0 && *x <= side.x(*y) + 0.1 * span).count();
    (side, Support { on, free: seen.max(on), cut: false })
}

/// Points on the side, less those beyond it; a point on the picture's border that the side leaves is on it.
fn score(points: &[Point], side: SectorSide, widest: f64, tolerance: f64) -> f64 {
    let worth = |&(y, x): &Point| {
        let inside = x - side.x(y);
        if inside < -tolerance {
            -BEYOND
        } else if inside <= tolerance && x >= 1.0 && y <= widest {
            1.0 - 0.5 * inside.abs() / tolerance
        } else {
            0.0
        }
    };
    points.iter().map(worth).sum()
}

/// Least squares over the points that lie on the side, twice.
fn straightened(points: &[Point], side: SectorSide, tolerance: f64) -> SectorSide {
    (0..2).fold(side, |side, _| {
        let on: Vec<Point> =
            points.iter().copied().filter(|(y, x)| (x - side.x(*y)).abs() <= tolerance).collect();
        let count = on.len() as f64;
        let (mean_y, mean_x) =
            (on.iter().map(|p| p.0).sum::<f64>() / count, on.iter().map(|p| p.1).sum::<f64>() / count);
        let across: f64 = on.iter().map(|(y, x)| (y - mean_y) * (x - mean_x)).sum();
        let along: f64 = on.iter().map(|(y, _)| (y - mean_y).powi(2)).sum();
        if on.len() < 3 || along < 1e-9 {
            return side;
        }
        let slope = across / along;
        SectorSide { at: mean_x - slope * mean_y, slope }
    })
}

/// What a border cell can tell about an end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// It may lie on the end.
    Free,
    /// It is the picture's own border: the end is there or beyond.
    Cut,
    /// It lies on a side: the end is there or beyond.
    OnSide,
}

/// Upper or lower border cell of each column.
type Border = Vec<(Point, Told)>;

fn borders(content: &Content, sides: &Outline, tolerance: f64) -> (Border, Border) {
    let (width, height) = (content.width, content.height);
    let told = |(x, y): Point, cut: bool| {
        let reach = (x - sides.left.x(y)).min(sides.right.x(y) - x);
        let told = if cut { Told::Cut } else { Told::Free };
        let told = if reach <= 2.0 * tolerance { Told::OnSide } else { told };
        (reach >= -2.0 * tolerance).then_some(((x, y), told))
    };
    let column = |x: usize| (0..height).map(move |y| content.cells[y * width + x]);
    let point = |x: usize, y: usize, cut: bool| told((x as f64 + 0.5, y as f64), cut);
    let top = (0..width).filter_map(|x| column(x).position(|cell| cell).and_then(|y| point(x, y, y == 0)));
    let last = |x: usize| (0..height).rev().find(|y| content.cells[y * width + x]);
    let bottom = (0..width).filter_map(|x| last(x).and_then(|y| point(x, y + 1, y + 1 == height)));
    (top.collect(), bottom.collect())
}

/// The flat line or arc that most border points lie on. `outward`: 1 if larger rows and radii are outside.
fn end(sides: &Outline, border: &Border, tolerance: f64, outward: f64) -> (SectorEnd, Support) {
    let picture = if outward > 0.0 { sides.bottom } else { sides.top };
    let rows: Vec<(f64, bool)> = border.iter().map(|&((_, y), told)| (y, told != Told::OnSide)).collect();
    let Some((row, flat_score)) = mode(&rows, tolerance, outward) else {
        return (picture, Support { on: 0, free: 0, cut: true });
    };
    let apex = sides.apex().filter(|_| sides.right.slope - sides.left.slope > OPENING);
    let arc = apex.and_then(|apex| {
        // A cut column cannot tell the radius, but it must not lie beyond it.
        let radius = |&((x, y), told): &(Point, Told)| ((x - apex.0).hypot(y - apex.1), told);
        let above = border.iter().filter(|((_, y), _)| *y > apex.1);
        let radii: Vec<(f64, Told)> = above.map(radius).collect();
        let values: Vec<(f64, bool)> = radii.iter().map(|&(r, told)| (r, told == Told::Free)).collect();
        let (radius, score) = mode(&values, tolerance, outward)?;
        let on = values.iter().filter(|(r, free)| *free && (r - radius).abs() <= tolerance).count();
        let cut = radii
            .iter()
            .filter(|(r, told)| *told == Told::Cut && (radius - r) * outward >= -tolerance)
            .count();
        let enough = on as f64 >= ON_ARC * border.len() as f64;
        enough.then_some((radius, score + cut as f64, on))
    });
    let free = border.iter().filter(|(_, told)| *told == Told::Free).count();
    let cut = border.iter().filter(|(_, told)| *told == Told::Cut).count();
    match arc {
        Some((radius, score, on)) if score >= flat_score => {
            (SectorEnd::Arc(radius), Support { on, free, cut: false })
        }
        // Every row leaves more out than lies on it: the sides meet in a point, or are all there is.
        _ if flat_score <= 0.0 => (picture, Support { on: 0, free, cut: true }),
        _ => {
            let on_row =
                |(point, told): &&(Point, Told)| *told == Told::Free && (point.1 - row).abs() <= tolerance;
            let on = border.iter().filter(on_row).count();
            (SectorEnd::Flat(row), Support { on, free, cut: cut > free })
        }
    }
}

/// The value that most others are within `tolerance` of, those beyond it counted against; values whose flag
/// is not set only count against. Returns the value (the mean of those near) and the score.
fn mode(values: &[(f64, bool)], tolerance: f64, outward: f64) -> Option<(f64, f64)> {
    let mut sorted: Vec<f64> = values.iter().map(|(value, _)| value * outward).collect();
    sorted.sort_by(f64::total_cmp);
    let mut voters: Vec<f64> =
        values.iter().filter(|(_, votes)| *votes).map(|(value, _)| value * outward).collect();
    voters.sort_by(f64::total_cmp);
    let mut best: Option<(f64, f64)> = None;
    for &candidate in &voters {
        let from = voters.partition_point(|value| *value < candidate - tolerance);
        let to = voters.partition_point(|value| *value <= candidate + tolerance);
        let beyond = sorted.len() - sorted.partition_point(|value| *value <= candidate + tolerance);
        let score = (to - from) as f64 - BEYOND * beyond as f64;
        let near = &voters[from..to];
        let mean = near.iter().sum::<f64>() / near.len() as f64;
        if best.is_none_or(|(_, most)| score > most) {
            best = Some((mean * outward, score));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_not_pulled_in_by_the_dark_nor_out_by_the_few() {
        let mut values: Vec<(f64, bool)> = (0..40).map(|n| (100.0 + f64::from(n % 3), true)).collect();
        values.extend((0..60).map(|n| (f64::from(n), true)));
        values.extend([(130.0, true), (131.0, false)]);
        let (value, score) = mode(&values, 2.0, 1.0).unwrap();
        assert!((value - 101.0).abs() < 0.1);
        assert!((score - (40.0 - 2.0 * BEYOND)).abs() < 1e-9);
        assert_eq!(mode(&[(3.0, false)], 1.0, 1.0), None);
    }

    #[test]
    fn a_side_passes_dark_gaps_and_bars() {
        let mut points: Vec<Point> =
            (0..100).map(|y| (f64::from(y) + 0.5, 120.0 - 0.8 * f64::from(y))).collect();
        points[30..60].iter_mut().for_each(|point| point.1 += 25.0);
        points[80..88].iter_mut().for_each(|point| point.1 = 10.0);
        let (side, _) = pair(&candidates(&points, 100.0, 2.0), &[], 100.0);
        let (side, support) = settled(&points, side, 100.0, 2.0);
        assert!((side.slope + 0.8).abs() < 0.02 && (side.at - 120.4).abs() < 1.0, "{side:?}");
        assert!(support.on >= 60 && !support.cut);
    }
}
