//! TABLE: a 5 x 7 dot font for what machines write on their screens: digits, capitals, a few signs.

/// Columns of a glyph.
pub(crate) const GLYPH_WIDTH: u32 = 5;
/// Rows of a glyph.
pub(crate) const GLYPH_HEIGHT: u32 = 7;
/// From one glyph to the next.
pub(crate) const ADVANCE: u32 = 6;

/// Rows from the top, five dots each, the leftmost is the highest of five bits.
const GLYPHS: &[(char, [u8; 7])] = &[
    (' ', [0, 0, 0, 0, 0, 0, 0]),
    ('0', [14, 17, 19, 21, 25, 17, 14]),
    ('1', [4, 12, 4, 4, 4, 4, 14]),
    ('2', [14, 17, 1, 2, 4, 8, 31]),
    ('3', [31, 2, 4, 2, 1, 17, 14]),
    ('4', [2, 6, 10, 18, 31, 2, 2]),
    ('5', [31, 16, 30, 1, 1, 17, 14]),
    ('6', [6, 8, 16, 30, 17, 17, 14]),
    ('7', [31, 1, 2, 4, 8, 8, 8]),
    ('8', [14, 17, 17, 14, 17, 17, 14]),
    ('9', [14, 17, 17, 15, 1, 2, 12]),
    ('A', [14, 17, 17, 31, 17, 17, 17]),
    ('B', [30, 17, 17, 30, 17, 17, 30]),
    ('C', [14, 17, 16, 16, 16, 17, 14]),
    ('D', [30, 17, 17, 17, 17, 17, 30]),
    ('E', [31, 16, 16, 30, 16, 16, 31]),
    ('F', [31, 16, 16, 30, 16, 16, 16]),
    ('G', [14, 17, 16, 23, 17, 17, 15]),
    ('H', [17, 17, 17, 31, 17, 17, 17]),
    ('I', [14, 4, 4, 4, 4, 4, 14]),
    ('J', [7, 2, 2, 2, 2, 18, 12]),
    ('K', [17, 18, 20, 24, 20, 18, 17]),
    ('L', [16, 16, 16, 16, 16, 16, 31]),
    ('M', [17, 27, 21, 21, 17, 17, 17]),
    ('N', [17, 25, 21, 19, 17, 17, 17]),
    ('O', [14, 17, 17, 17, 17, 17, 14]),
    ('P', [30, 17, 17, 30, 16, 16, 16]),
    ('Q', [14, 17, 17, 17, 21, 18, 13]),
    ('R', [30, 17, 17, 30, 20, 18, 17]),
    ('S', [15, 16, 16, 14, 1, 1, 30]),
    ('T', [31, 4, 4, 4, 4, 4, 4]),
    ('U', [17, 17, 17, 17, 17, 17, 14]),
    ('V', [17, 17, 17, 17, 17, 10, 4]),
    ('W', [17, 17, 17, 21, 21, 27, 17]),
    ('X', [17, 17, 10, 4, 10, 17, 17]),
    ('Y', [17, 17, 10, 4, 4, 4, 4]),
    ('Z', [31, 1, 2, 4, 8, 16, 31]),
    ('.', [0, 0, 0, 0, 0, 12, 12]),
    (',', [0, 0, 0, 0, 12, 4, 8]),
    (':', [0, 12, 12, 0, 12, 12, 0]),
    ('-', [0, 0, 0, 31, 0, 0, 0]),
    ('_', [0, 0, 0, 0, 0, 0, 31]),
    ('/', [1, 1, 2, 4, 8, 16, 16]),
    ('%', [25, 25, 2, 4, 8, 19, 19]),
    ('(', [2, 4, 8, 8, 8, 4, 2]),
    (')', [8, 4, 2, 2, 2, 4, 8]),
    ('+', [0, 4, 4, 31, 4, 4, 0]),
    ('=', [0, 0, 31, 0, 31, 0, 0]),
    ('\'', [4, 4, 8, 0, 0, 0, 0]),
    ('^', [4, 10, 17, 0, 0, 0, 0]),
];

/// An open box, for what the font lacks.
const UNKNOWN: [u8; 7] = [31, 17, 17, 17, 17, 17, 31];

/// Rows of a character; small letters are drawn as capitals, unknown ones as a box.
pub(crate) fn glyph(character: char) -> [u8; 7] {
    let character = character.to_ascii_uppercase();
    GLYPHS.iter().find(|(known, _)| *known == character).map_or(UNKNOWN, |(_, rows)| *rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_glyph_is_known_once_and_fits() {
        for (n, (character, rows)) in GLYPHS.iter().enumerate() {
            assert!(
                GLYPHS[..n].iter().all(|(other, shape)| other != character && shape != rows),
                "{character}"
            );
            assert!(rows.iter().all(|row| *row < 32), "{character}");
        }
        assert_eq!(glyph('a'), glyph('A'));
        assert_eq!(glyph('\u{3b1}'), UNKNOWN);
    }
}
