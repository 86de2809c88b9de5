//! Named limits of counts. Limits of numbers are in the table of quantities.

/// B-lines in one scene.
pub const MAX_B_LINES: usize = 32;
/// Short comet tails in one scene.
pub const MAX_COMET_TAILS: usize = 32;
/// Consolidations in one scene.
pub const MAX_CONSOLIDATIONS: usize = 8;
/// Air bronchograms of one consolidation.
pub const MAX_BRONCHOGRAMS: usize = 32;
/// Frames of one cine.
pub const MAX_FRAMES: usize = 2000;
/// Scenes on one contact sheet.
pub const MAX_SHEET_TILES: usize = 256;
/// Lines of text on a machine's screen.
pub const MAX_TEXT_LINES: usize = 32;
/// Characters of one line of text.
pub const MAX_TEXT_CHARACTERS: usize = 120;
/// Effects of one augmentation.
pub const MAX_EFFECTS: usize = 32;
/// Captions asked for at once.
pub const MAX_CAPTIONS: usize = 64;
