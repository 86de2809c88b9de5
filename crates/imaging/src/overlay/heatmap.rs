//! Where a model looked, as a grid of numbers over a part of a frame.

use super::canvas::Canvas;
use super::heat_colour::heat_colour;
use crate::error::ImagingError;
use crate::limits::MAX_PATCHES;
use crate::phi::Mask;

/// Opacity of the hottest colour: what lies under it stays visible.
const OPACITY: f64 = 0.62;
/// Value under which nothing is laid over the frame; from there the opacity rises to full at 0.5.
const CLEAR_BELOW: f64 = 0.05;

/// A grid of values from 0 to 1 on an absolute scale, stretched over a rectangle of the frame (what the model
/// was shown of it). Between the cells' centres it is interpolated linearly.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    columns: usize,
    rows: usize,
    values: Vec<f64>,
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Heatmap {
    /// `values`: `(rows, columns)`, each 0 to 1. `area`: left, top, right and bottom in pixels of the frame;
    /// it may reach beyond the frame.
    /// Errors: `Heatmap` if the number of values does not fit, one is not in 0 to 1, or the area is empty;
    /// `Limit` above [`MAX_PATCHES`] cells.
    pub fn new(columns: u32, rows: u32, values: Vec<f64>, area: [f64; 4]) -> Result<Self, ImagingError> {
        let cells = u64::from(columns) * u64::from(rows);
        ImagingError::hold("cells of a heatmap", cells, MAX_PATCHES)?;
        let refused = |expected, got: String| ImagingError::Heatmap { expected, got };
        if cells == 0 || values.len() as u64 != cells {
            return Err(refused(
                "one value per cell",
                format!("{} values for {columns} x {rows}", values.len()),
            ));
        }
        if let Some(value) = values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            return Err(refused("values from 0 to 1", value.to_string()));
        }
        let [left, top, right, bottom] = area;
        if !area.iter().all(|side| side.is_finite()) || right <= left || bottom <= top {
            return Err(refused("an area with columns and rows", format!("{area:?}")));
        }
        Ok(Self { columns: columns as usize, rows: rows as usize, values, left, top, right, bottom })
    }

    /// The value at a point of the frame, in pixels. `None`: outside the area.
    pub fn at(&self, x: f64, y: f64) -> Option<f64> {
        if x < self.left || x >= self.right || y < self.top || y >= self.bottom {
            return None;
        }
        let place = |along: f64, cells: usize| {
            let at = (along * cells as f64 - 0.5).clamp(0.0, (cells - 1) as f64);
            let first = at.floor() as usize;
            (first, (first + 1).min(cells - 1), at - at.floor())
        };
        let (x0, x1, across) = place((x - self.left) / (self.right - self.left), self.columns);
        let (y0, y1, down) = place((y - self.top) / (self.bottom - self.top), self.rows);
        let value = |x: usize, y: usize| self.values[y * self.columns + x];
        let upper = value(x0, y0) * (1.0 - across) + value(x1, y0) * across;
        let lower = value(x0, y1) * (1.0 - across) + value(x1, y1) * across;
        Some(upper * (1.0 - down) + lower * down)
    }

    /// Lay it over a picture of the frame whose upper left pixel is at `(left, top)` of the canvas and which
    /// is `scale` times the frame's size; only where `mask` holds the frame's pixel.
    pub(super) fn draw(
        &self,
        canvas: &mut Canvas,
        (left, top): (i64, i64),
        (width, height): (u32, u32),
        mask: &Mask,
    ) {
        // A table: the colour is costly and 256 steps are all a screen shows.
        let colours: Vec<[u8; 3]> = (0..=255).map(|step| heat_colour(f64::from(step) / 255.0)).collect();
        let scale =
            (f64::from(mask.width()) / f64::from(width), f64::from(mask.height()) / f64::from(height));
        for y in 0..height {
            for x in 0..width {
                let (in_x, in_y) = ((f64::from(x) + 0.5) * scale.0, (f64::from(y) + 0.5) * scale.1);
                let Some(value) = self.at(in_x, in_y).filter(|_| mask.contains(in_x as u32, in_y as u32))
                else {
                    continue;
                };
                let opacity = OPACITY * ((value - CLEAR_BELOW) / (0.5 - CLEAR_BELOW)).clamp(0.0, 1.0);
                let colour = colours[(value * 255.0).round() as usize];
                canvas.blend(left + i64::from(x), top + i64::from(y), colour, opacity);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_interpolated_between_centres() {
        let map = Heatmap::new(2, 1, vec![0.0, 1.0], [10.0, 0.0, 30.0, 10.0]).unwrap();
        for (x, value) in [
            (9.9, None),
            (10.0, Some(0.0)),
            (15.0, Some(0.0)),
            (20.0, Some(0.5)),
            (29.9, Some(1.0)),
            (30.0, None),
        ] {
            assert_eq!(map.at(x, 5.0), value, "{x}");
        }
    }

    #[test]
    fn what_is_no_map_is_refused() {
        struct Case {
            cells: (u32, u32),
            values: Vec<f64>,
            area: [f64; 4],
            error: &'static str,
        }
        let area = [0.0, 0.0, 1.0, 1.0];
        let cases = [
            Case {
                cells: (0, 4),
                values: vec![],
                area,
                error: "heatmap: expected one value per cell, got 0 values for 0 x 4",
            },
            Case {
                cells: (1, 1),
                values: vec![1.1],
                area,
                error: "heatmap: expected values from 0 to 1, got 1.1",
            },
            Case {
                cells: (1, 1),
                values: vec![f64::NAN],
                area,
                error: "heatmap: expected values from 0 to 1, got NaN",
            },
            Case {
                cells: (1, 1),
                values: vec![0.5],
                area: [1.0, 0.0, 1.0, 1.0],
                error: "heatmap: expected an area with columns and rows, got [1.0, 0.0, 1.0, 1.0]",
            },
            Case {
                cells: (9999, 9999),
                values: vec![],
                area,
                error: "cells of a heatmap: at most 16384 are supported, got 99980001",
            },
        ];
        for Case { cells, values, area, error } in cases {
            assert_eq!(Heatmap::new(cells.0, cells.1, values, area).unwrap_err().to_string(), error);
        }
    }
}
