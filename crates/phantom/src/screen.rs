//! The frame that real machines draw round a scan: depth scale, probe marker, grey bar, settings, and the patient's
//! name burned into the pixels. It exercises what finds the sector and takes names away.

use bedside_imaging::Pixels;
use serde::{Deserialize, Serialize};

use crate::canvas::Canvas;
use crate::error::PhantomError;
use crate::font::ADVANCE;
use crate::frame::{CalibratedRegion, Frame};
use crate::limits::{MAX_TEXT_CHARACTERS, MAX_TEXT_LINES};
use crate::scene::Scene;
use crate::truth::PixelBox;

/// Rows kept for text above the scan, columns kept for the grey bar and the depth scale beside it, rows below.
const TOP: u32 = 44;
const LEFT: u32 = 26;
const RIGHT: u32 = 40;
const BOTTOM: u32 = 24;
/// From one line of text to the next.
const LINE: u32 = 10;
const TEXT_GREY: u8 = 210;

/// Which side of the picture the probe's marker is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum MarkerSide {
    Left,
    Right,
}

/// A machine's screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
    /// Lines of text above the scan: a name, a number, a date. Invented ones only.
    pub header: Vec<String>,
    /// Where the probe's marker is drawn.
    pub marker: MarkerSide,
}

/// A scan with its screen round it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScreenShot {
    /// Grey, `(height_px, width_px)`.
    pub pixels: Pixels,
    /// Column and row of the frame's upper left pixel.
    pub offset: (u32, u32),
    /// The calibrated region within the screen.
    pub region: CalibratedRegion,
    /// Boxes of all text: nothing of it may survive a mask.
    pub text: Vec<PixelBox>,
}

impl Screen {
    /// Draw the screen round a frame of `scene`.
    /// Errors: `Count` for too much text, `Screen` when the frame does not fit, `Imaging` for an absurd size.
    pub fn draw(&self, scene: &Scene, frame: &Frame) -> Result<ScreenShot, PhantomError> {
        self.check(frame)?;
        let mut canvas = Canvas::new(self.width_px, self.height_px)?;
        let (width, height) = (frame.pixels.width(), frame.pixels.height());
        let room = self.width_px - LEFT - RIGHT - width;
        let offset = (LEFT + room / 2, TOP);
        canvas.picture(offset, &frame.pixels);
        let mut text = Vec::new();
        let mut write = |canvas: &mut Canvas, at: (u32, u32), words: &str| {
            canvas.text(at, words, 1, TEXT_GREY);
            if let Some(written) = text_box(at, words, (self.width_px, self.height_px)) {
                text.push(written);
            }
        };
        for (n, line) in (0..).zip(&self.header) {
            write(&mut canvas, (4, 3 + n * LINE), line);
        }
        self.depth_scale(&mut canvas, frame, offset, &mut write);
        let settings = format!(
            "{:.1} MHZ  {:.0} MM  DR {:.0}  G {:+.0}",
            scene.probe.frequency_mhz,
            scene.probe.depth_mm,
            scene.machine.dynamic_range_db,
            scene.machine.gain_db
        );
        write(&mut canvas, (4, offset.1 + height + 8), &settings);
        self.marker(&mut canvas, frame, offset);
        for step in 0..100.min(height) {
            canvas.rectangle((6, offset.1 + step), (8, 1), (255 - step * 255 / 100) as u8);
        }
        let region = frame.geometry.region(&scene.probe, offset);
        Ok(ScreenShot { pixels: canvas.into_pixels()?, offset, region, text })
    }

    fn check(&self, frame: &Frame) -> Result<(), PhantomError> {
        let limit = MAX_TEXT_LINES.min((TOP / LINE) as usize);
        if self.header.len() > limit {
            return Err(PhantomError::Count { what: "lines of text", limit, got: self.header.len() });
        }
        let longest = self.header.iter().map(|line| line.chars().count()).max().unwrap_or_default();
        if longest > MAX_TEXT_CHARACTERS {
            let (what, limit) = ("characters of a line", MAX_TEXT_CHARACTERS);
            return Err(PhantomError::Count { what, limit, got: longest });
        }
        let frame_width = frame.pixels.width() + LEFT + RIGHT;
        let frame_height = frame.pixels.height() + TOP + BOTTOM;
        if frame_width > self.width_px || frame_height > self.height_px {
            let (width, height) = (self.width_px, self.height_px);
            return Err(PhantomError::Screen { frame_width, frame_height, width, height });
        }
        Ok(())
    }

    /// Ticks every centimetre right of the frame, numbers every five.
    fn depth_scale(
        &self,
        canvas: &mut Canvas,
        frame: &Frame,
        offset: (u32, u32),
        write: &mut impl FnMut(&mut Canvas, (u32, u32), &str),
    ) {
        let x = offset.0 + frame.pixels.width() + 4;
        let last = f64::from(frame.pixels.height());
        for cm in 0..100_u32 {
            let (_, row) = frame.geometry.pixel_of(0.0, f64::from(cm) * 10.0);
            if row < 0.0 || row >= last {
                continue;
            }
            let y = offset.1 + row.round() as u32;
            let long = cm % 5 == 0;
            canvas.rectangle((x, y), (if long { 7 } else { 4 }, 1), TEXT_GREY);
            if long && cm > 0 {
                write(canvas, (x + 10, y.saturating_sub(3)), &cm.to_string());
            }
        }
    }

    /// A small open square beside the upper end of the sector.
    fn marker(&self, canvas: &mut Canvas, frame: &Frame, offset: (u32, u32)) {
        let [left, _, right, _] = frame.geometry.sector;
        let x = match self.marker {
            MarkerSide::Left => (offset.0 + left).saturating_sub(10),
            MarkerSide::Right => offset.0 + right + 3,
        };
        canvas.rectangle((x, offset.1 - 9), (7, 7), TEXT_GREY);
        canvas.rectangle((x + 2, offset.1 - 7), (3, 3), 0);
    }
}

/// Where a line of text lies; `None` when nothing of it is on the screen.
fn text_box((x, y): (u32, u32), words: &str, (width, height): (u32, u32)) -> Option<PixelBox> {
    let length = words.chars().count() as u32 * ADVANCE;
    if length == 0 || x >= width || y >= height {
        return None;
    }
    Some(PixelBox {
        left: x,
        top: y,
        right: (x + length - 1).min(width - 1),
        bottom: (y + crate::font::GLYPH_HEIGHT - 1).min(height - 1),
    })
}
