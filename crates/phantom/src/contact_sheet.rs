//! Many frames on one picture, each with a line of text, to be looked at.

use bedside_imaging::Pixels;

use crate::canvas::Canvas;
use crate::error::PhantomError;
use crate::font::ADVANCE;
use crate::limits::MAX_SHEET_TILES;

/// Rows of a tile kept for its text.
const LABEL: u32 = 11;

/// Lay grey pictures out in rows of `columns`, each under its text, all tiles as large as the largest picture.
/// Errors: `Count` for more than [`MAX_SHEET_TILES`] tiles, `Scene` for no tile, no column or a colour picture,
/// `Imaging` when the sheet would be too large.
pub fn contact_sheet(tiles: &[(String, Pixels)], columns: u32) -> Result<Pixels, PhantomError> {
    if tiles.len() > MAX_SHEET_TILES {
        return Err(PhantomError::Count { what: "tiles", limit: MAX_SHEET_TILES, got: tiles.len() });
    }
    if tiles.is_empty() || columns == 0 || tiles.iter().any(|(_, picture)| picture.channels() != 1) {
        let got = format!("{} tiles in {columns} columns", tiles.len());
        let expected = "at least one grey picture and one column";
        return Err(PhantomError::Scene { what: "contact sheet", expected, got });
    }
    let columns = columns.min(tiles.len() as u32);
    let width = tiles.iter().map(|(_, picture)| picture.width()).max().unwrap_or(1) + 2;
    let height = tiles.iter().map(|(_, picture)| picture.height()).max().unwrap_or(1) + LABEL + 2;
    let rows = (tiles.len() as u32).div_ceil(columns);
    let mut canvas = Canvas::new(width.saturating_mul(columns), height.saturating_mul(rows))?;
    for (n, (text, picture)) in (0_u32..).zip(tiles) {
        let (x, y) = (n % columns * width, n / columns * height);
        let room = (width / ADVANCE) as usize;
        let text: String = text.chars().take(room).collect();
        canvas.text((x + 2, y + 2), &text, 1, 255);
        canvas.picture((x + 1, y + LABEL + 1), picture);
    }
    canvas.into_pixels()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_lie_in_rows_and_bad_sheets_are_refused() {
        let tile = |side: u32| {
            (String::from("x"), Pixels::new(side, side, 1, vec![9; (side * side) as usize]).unwrap())
        };
        let sheet = contact_sheet(&[tile(20), tile(30), tile(10)], 2).unwrap();
        assert_eq!((sheet.width(), sheet.height()), (64, 2 * 43));
        assert_eq!(sheet.bytes()[(12 * 64 + 1) as usize], 9);
        assert!(contact_sheet(&[], 2).is_err());
        assert!(contact_sheet(&[tile(4)], 0).is_err());
        let many: Vec<_> = (0..=MAX_SHEET_TILES).map(|_| tile(1)).collect();
        assert!(matches!(contact_sheet(&many, 4), Err(PhantomError::Count { .. })));
    }
}
