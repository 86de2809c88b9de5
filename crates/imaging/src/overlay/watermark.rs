//! Words across a picture that cannot be cropped away and hide nothing.

use super::canvas::Canvas;
use super::font::{Style, draw_text};

/// What every demonstration output says.
pub const DEMONSTRATION: &str = "DEMONSTRATION — NOT FOR DIAGNOSIS";

/// Opacity: legible on black and on white, and what lies beneath stays readable.
const OPACITY: f64 = 0.20;
/// Direction of writing: upwards to the right.
const ANGLE: f64 = -0.42;
/// Height of a capital as a share of the picture's height, and its limits in pixels.
const CAPITAL: (f64, f64, f64) = (0.026, 8.0, 40.0);

/// Write `text` over the whole picture, in staggered rows; a dark edge keeps it legible on white.
pub(super) fn draw(canvas: &mut Canvas, text: &str) {
    let (width, height) = (canvas.width() as f64, canvas.height() as f64);
    let (share, least, most) = CAPITAL;
    let style = Style {
        opacity: OPACITY,
        angle: ANGLE,
        weight: 1.25,
        ..Style::plain((height * share).clamp(least, most), [255; 3])
    };
    let length = style.length(text) + 5.0 * style.capital;
    let between = 9.0 * style.capital;
    let (sin, cos) = ANGLE.sin_cos();
    let reach = width.hypot(height);
    let (rows, columns) = ((reach / between).ceil() as i64, (reach / length).ceil() as i64);
    for row in -rows..=rows {
        for column in -columns..=columns {
            let along = (column as f64 + if row % 2 == 0 { 0.0 } else { 0.5 }) * length;
            let across = row as f64 * between;
            let place = (width / 2.0 + along * cos - across * sin, height / 2.0 + along * sin + across * cos);
            let end = (place.0 + length * cos, place.1 + length * sin);
            let outside =
                |from: f64, to: f64, size: f64| from.max(to) < -between || from.min(to) > size + between;
            if outside(place.0, end.0, width) || outside(place.1, end.1, height) {
                continue;
            }
            let shade = Style { colour: [0; 3], opacity: OPACITY * 0.9, ..style };
            draw_text(canvas, (place.0 + 1.2, place.1 + 1.2), text, &shade);
            draw_text(canvas, place, text, &style);
        }
    }
}
