//! Text on pictures: strokes with round ends, smooth at any size.

use super::canvas::{Canvas, Rgb};
use super::glyphs::{GLYPHS, Glyph, MISSING};

/// Grid units from the top of a capital letter to its foot.
const CAPITAL: f64 = 8.0;
/// Grid units from the top of a capital letter to the end of a tail.
#[cfg(test)]
const TAIL: f64 = 11.0;
/// Grid units between two letters.
const GAP: f64 = 2.6;
/// Half the thickness of a stroke, in grid units; never below [`THINNEST`] pixels.
const HALF_STROKE: f64 = 0.52;
/// Half the thickness of the thinnest stroke, in pixels.
const THINNEST: f64 = 0.55;
/// Straight pieces that stand for a piece of a curve.
const PIECES: usize = 6;

/// How text looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Height of a capital letter in pixels, above 0.
    pub(crate) capital: f64,
    pub(crate) colour: Rgb,
    /// 0 to 1.
    pub(crate) opacity: f64,
    /// Direction of writing in radians, clockwise from the right.
    pub(crate) angle: f64,
    /// Strokes this many times as thick.
    pub(crate) weight: f64,
}

impl Style {
    pub(crate) fn plain(capital: f64, colour: Rgb) -> Self {
        Self { capital, colour, opacity: 1.0, angle: 0.0, weight: 1.0 }
    }

    /// Length of `text`, in pixels.
    pub(crate) fn length(&self, text: &str) -> f64 {
        let unit = self.capital / CAPITAL;
        let units: f64 = text.chars().map(|letter| f64::from(glyph(letter).1) + GAP).sum();
        (units - GAP).max(0.0) * unit
    }
}

/// Draw `text`; `(x, y)` is the upper left corner of its first capital, in pixels. What lies outside the
/// picture is cut off. Characters without a glyph become boxes.
pub(crate) fn draw_text(canvas: &mut Canvas, (x, y): (f64, f64), text: &str, style: &Style) {
    let unit = style.capital / CAPITAL;
    let radius = (HALF_STROKE * unit * style.weight).max(THINNEST);
    let (sin, cos) = style.angle.sin_cos();
    let mut pen = 0.0;
    for letter in text.chars() {
        let (_, width, strokes) = glyph(letter);
        let turned = |(across, down): (f64, f64)| {
            let (across, down) = ((pen + across) * unit, down * unit);
            (x + across * cos - down * sin, y + across * sin + down * cos)
        };
        let lines: Vec<Vec<(f64, f64)>> =
            strokes.split(' ').map(|stroke| line(stroke).into_iter().map(turned).collect()).collect();
        paint(canvas, &lines, radius, style);
        pen += f64::from(width) + GAP;
    }
}

fn glyph(letter: char) -> Glyph {
    GLYPHS.iter().copied().find(|(known, ..)| *known == letter).unwrap_or(MISSING)
}

/// The points of a stroke of the table, curves resolved.
fn line(stroke: &str) -> Vec<(f64, f64)> {
    let digits: Vec<f64> = stroke.chars().filter_map(|c| c.to_digit(16)).map(f64::from).collect();
    let points: Vec<(f64, f64)> = digits.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    match stroke.chars().next() {
        Some('~') => curve(&points),
        Some('@') => {
            let start = middle(points[points.len() - 1], points[0]);
            let round: Vec<(f64, f64)> = [&[start], points.as_slice(), &[start]].concat();
            curve(&round)
        }
        _ => points,
    }
}

fn middle(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (f64::midpoint(a.0, b.0), f64::midpoint(a.1, b.1))
}

/// A quadratic B-spline from the first to the last control point.
fn curve(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut line = Vec::new();
    for index in 1..points.len().saturating_sub(1) {
        let from = if index == 1 { points[0] } else { middle(points[index - 1], points[index]) };
        let last = index + 2 == points.len();
        let to = if last { points[index + 1] } else { middle(points[index], points[index + 1]) };
        for piece in 0..=PIECES {
            let t = piece as f64 / PIECES as f64;
            let at = |a: f64, b: f64, c: f64| (1.0 - t).powi(2) * a + 2.0 * t * (1.0 - t) * b + t * t * c;
            line.push((at(from.0, points[index].0, to.0), at(from.1, points[index].1, to.1)));
        }
    }
    line
}

/// Blend the pixels that strokes cover, each once.
fn paint(canvas: &mut Canvas, lines: &[Vec<(f64, f64)>], radius: f64, style: &Style) {
    let points = || lines.iter().flatten();
    let bound = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let (left, right) = bound(&mut points().map(|point| point.0));
    let (top, bottom) = bound(&mut points().map(|point| point.1));
    if left > right {
        return;
    }
    let reach = radius + 1.0;
    let columns =
        (left - reach).floor().max(0.0) as i64..=(right + reach).min(canvas.width() as f64).ceil() as i64;
    let rows =
        (top - reach).floor().max(0.0) as i64..=(bottom + reach).min(canvas.height() as f64).ceil() as i64;
    for y in rows {
        for x in columns.clone() {
            let centre = (x as f64 + 0.5, y as f64 + 0.5);
            let pieces = lines.iter().flat_map(|line| line.windows(2));
            let nearest =
                pieces.map(|piece| distance(centre, piece[0], piece[1])).fold(f64::INFINITY, f64::min);
            let covered = (radius + 0.5 - nearest).clamp(0.0, 1.0);
            if covered > 0.0 {
                canvas.blend(x, y, style.colour, covered * style.opacity);
            }
        }
    }
}

/// From a point to a straight piece.
fn distance(point: (f64, f64), from: (f64, f64), to: (f64, f64)) -> f64 {
    let (along, across) = (to.0 - from.0, to.1 - from.1);
    let square = along * along + across * across;
    let reach = ((point.0 - from.0) * along + (point.1 - from.1) * across) / square;
    let share = if square > 0.0 { reach.clamp(0.0, 1.0) } else { 0.0 };
    (point.0 - from.0 - share * along).hypot(point.1 - from.1 - share * across)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printable_ascii_character_has_strokes_within_its_box() {
        for letter in (' '..='~').chain("—–·×°µ".chars()) {
            let (known, width, strokes) = glyph(letter);
            assert_eq!(known, letter);
            for stroke in strokes.split(' ').filter(|stroke| !stroke.is_empty()) {
                let points = line(stroke);
                assert!(points.len() >= 2, "{letter}: {stroke}");
                let fits = |&(x, y): &(f64, f64)| x >= 0.0 && x <= f64::from(width) && y <= TAIL;
                assert!(points.iter().all(fits), "{letter}: {stroke}");
            }
        }
        assert_eq!(glyph('\u{7}'), MISSING);
    }

    #[test]
    fn text_covers_its_length_and_nothing_outside_the_picture() {
        let style = Style::plain(16.0, [255; 3]);
        let mut canvas = Canvas::filled(80, 24, [0; 3]);
        draw_text(&mut canvas, (4.0, 4.0), "HAY", &style);
        let pixels = canvas.into_pixels();
        let lit = |x: usize| (0..24).any(|y| pixels.row(y)[x * 3] > 128);
        let end = 4.0 + style.length("HAY");
        assert!(lit(4) && (0..80).filter(|&x| lit(x)).all(|x| (x as f64) < end + 1.5));
        assert!((0..80).rev().find(|&x| lit(x)).is_some_and(|x| x as f64 > end - 1.5));
        let mut canvas = Canvas::filled(1, 1, [0; 3]);
        draw_text(&mut canvas, (-900.0, 500.0), "far off ☃", &Style { angle: 0.6, ..style });
    }
}
