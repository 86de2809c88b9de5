//! The picture that people are shown: the scan, beside it the scan with heatmap and outline, a scale, a
//! caption, a watermark.

use super::canvas::{Canvas, Rgb};
use super::font::{Style, draw_text};
use super::heat_colour::heat_colour;
use super::heatmap::Heatmap;
use super::watermark;
use crate::error::ImagingError;
use crate::limits::MAX_MODEL_PIXELS;
use crate::phi::Mask;
use crate::pixels::Pixels;
use crate::resize::{Filter, resize};

const BACKGROUND: Rgb = [13, 16, 21];
const BAR: Rgb = [22, 27, 34];
const RULE: Rgb = [52, 62, 74];
const TEXT: Rgb = [226, 232, 238];
const QUIET: Rgb = [150, 162, 174];
const OUTLINE: Rgb = [84, 196, 214];

/// Rows of a panel, at least: smaller frames are enlarged (bicubic).
const PANEL: u32 = 420;
/// Characters of a caption line that are shown; longer ones end with dots.
const LINE_CHARACTERS: usize = 1200;
/// Lines of a caption, at most, after wrapping.
const LINES: usize = 16;

/// What to show. Nothing outside `mask` is drawn, whatever `frame` holds there.
#[derive(Debug, Clone, Copy)]
pub struct Figure<'a> {
    /// The frame.
    pub frame: &'a Pixels,
    /// What of it may be shown; its border is the outline.
    pub mask: &'a Mask,
    /// Where a model looked, with what the numbers are. `None`: the second panel has the outline only.
    pub heatmap: Option<(&'a Heatmap, &'a str)>,
    /// Lines under the panels. The first is emphasised.
    pub caption: &'a [&'a str],
    /// Words across the picture, e.g. [`super::DEMONSTRATION`].
    pub watermark: Option<&'a str>,
}

/// Measures of the page in pixels, all from the height of a capital letter.
struct Page {
    capital: f64,
    margin: i64,
    head: i64,
    panel: (u32, u32),
    scale: i64,
}

impl Figure<'_> {
    /// Draw it, RGB. The same input gives the same bytes.
    /// Errors: `MaskSize` if mask and frame differ in size; `Limit` if the figure would be too large.
    pub fn render(&self) -> Result<Pixels, ImagingError> {
        let masked = self.mask.blacken(self.frame).ok_or(ImagingError::MaskSize {
            expected: (self.mask.width(), self.mask.height()),
            got: (self.frame.width(), self.frame.height()),
        })?;
        let enlarge = PANEL.div_ceil(self.frame.height()).max(1);
        let enlarge = enlarge.min((2 * PANEL).div_ceil(self.frame.width())).max(1);
        let panel = (self.frame.width() * enlarge, self.frame.height() * enlarge);
        let capital = (f64::from(panel.1) * 0.021).clamp(8.0, 24.0);
        let page = Page {
            capital,
            margin: (capital * 1.6).round() as i64,
            head: (capital * 2.8).round() as i64,
            panel,
            scale: if self.heatmap.is_some() { (capital * 5.6).round() as i64 } else { 0 },
        };
        let width = 3 * page.margin + 2 * i64::from(panel.0) + page.scale;
        let lines = wrapped(self.caption, (width - 2 * page.margin) as f64, &Style::plain(capital, TEXT));
        let foot =
            if lines.is_empty() { 0 } else { (capital * (1.6 + 2.0 * lines.len() as f64)).round() as i64 };
        let height = page.margin + page.head + i64::from(panel.1) + page.margin + foot;
        ImagingError::hold("pixels of a figure", (width * height) as u64, MAX_MODEL_PIXELS)?;
        let mut canvas = Canvas::filled(width as usize, height as usize, BACKGROUND);
        self.panels(&mut canvas, &page, &resize(&masked, panel.0, panel.1, Filter::Bicubic)?);
        if let Some(words) = self.watermark {
            watermark::draw(&mut canvas, words);
        }
        caption(&mut canvas, &page, &lines, (width, height - foot), foot);
        Ok(canvas.into_pixels())
    }

    fn panels(&self, canvas: &mut Canvas, page: &Page, picture: &Pixels) {
        let top = page.margin + page.head;
        let left = page.margin;
        let right = left + i64::from(page.panel.0) + page.margin;
        let label = Style::plain(page.capital, QUIET);
        let row = (page.margin as f64) + page.capital * 0.4;
        draw_text(canvas, (left as f64, row), "Original", &label);
        canvas.place(picture, left, top);
        canvas.place(picture, right, top);
        if let Some((heatmap, name)) = self.heatmap {
            heatmap.draw(canvas, (right, top), page.panel, self.mask);
            draw_text(canvas, (right as f64, row), &shortened(name), &label);
            let bar = (right + i64::from(page.panel.0) + page.margin, top);
            scale(canvas, page, bar);
        } else {
            draw_text(canvas, (right as f64, row), "Scan sector", &label);
        }
        outline(canvas, self.mask, (right, top), page.panel);
    }
}

/// The border of what may be shown, one and a half pixels wide.
fn outline(canvas: &mut Canvas, mask: &Mask, (left, top): (i64, i64), (width, height): (u32, u32)) {
    let inside = |x: i64, y: i64| {
        let scaled = |at: i64, mask: u32, panel: u32| (at as u64 * u64::from(mask) / u64::from(panel)) as u32;
        let within = (0..i64::from(width)).contains(&x) && (0..i64::from(height)).contains(&y);
        within && mask.contains(scaled(x, mask.width(), width), scaled(y, mask.height(), height))
    };
    for y in 0..i64::from(height) {
        for x in (0..i64::from(width)).filter(|x| inside(*x, y)) {
            let near = |reach: i64| {
                [(reach, 0), (-reach, 0), (0, reach), (0, -reach)]
                    .iter()
                    .any(|(dx, dy)| !inside(x + dx, y + dy))
            };
            if near(1) {
                canvas.blend(left + x, top + y, OUTLINE, 0.9);
            } else if near(2) {
                canvas.blend(left + x, top + y, OUTLINE, 0.45);
            }
        }
    }
}

/// The colours of 0 to 1, upwards, with their numbers.
fn scale(canvas: &mut Canvas, page: &Page, (left, top): (i64, i64)) {
    let (width, height) = ((page.capital * 1.3).round() as i64, i64::from(page.panel.1));
    for y in 0..height {
        let value = 1.0 - y as f64 / (height - 1).max(1) as f64;
        canvas.fill((left, top + y), (width, 1), heat_colour(value), 1.0);
    }
    for (value, name) in [(1.0, "1.0"), (0.75, "0.75"), (0.5, "0.5"), (0.25, "0.25"), (0.0, "0.0")] {
        let y = top as f64 + (1.0 - value) * (height - 1) as f64;
        canvas.fill((left + width, y as i64), ((page.capital * 0.5) as i64, 1), QUIET, 1.0);
        // A panel may be lower than a letter (a frame of a few rows), so the lowest row comes first.
        let row = (y - page.capital / 2.0).min((top + height) as f64 - page.capital).max(top as f64);
        draw_text(
            canvas,
            ((left + width) as f64 + page.capital, row),
            name,
            &Style::plain(page.capital * 0.9, QUIET),
        );
    }
}

fn caption(canvas: &mut Canvas, page: &Page, lines: &[(String, bool)], (width, top): (i64, i64), foot: i64) {
    if lines.is_empty() {
        return;
    }
    canvas.fill((0, top), (width, foot), BAR, 1.0);
    canvas.fill((0, top), (width, 1), RULE, 1.0);
    for (number, (line, first)) in lines.iter().enumerate() {
        let colour = if *first { TEXT } else { QUIET };
        let weight = if *first { 1.2 } else { 1.0 };
        let row = top as f64 + page.capital * (1.3 + 2.0 * number as f64);
        draw_text(
            canvas,
            (page.margin as f64, row),
            line,
            &Style { weight, ..Style::plain(page.capital, colour) },
        );
    }
}

fn shortened(text: &str) -> String {
    let shown: String = text.chars().take(LINE_CHARACTERS).collect();
    if shown.len() < text.len() { shown + "..." } else { shown }
}

/// Captions broken between words to lines of at most `width` pixels, and whether the line is of the first.
fn wrapped(caption: &[&str], width: f64, style: &Style) -> Vec<(String, bool)> {
    let mut lines: Vec<(String, bool)> = Vec::new();
    for (number, text) in caption.iter().enumerate() {
        let mut line = String::new();
        for word in shortened(text).split_whitespace() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if !line.is_empty() && style.length(&longer) > width {
                lines.push((std::mem::replace(&mut line, word.to_owned()), number == 0));
            } else {
                line = longer;
            }
        }
        lines.push((line, number == 0));
    }
    lines.truncate(LINES);
    lines
}

#[cfg(test)]
mod tests;
