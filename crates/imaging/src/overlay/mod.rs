//! What is laid over a frame to show it to people: heatmap, outline, caption, watermark.
//!
//! Only the pixels that a mask allows are ever drawn. Scores have one fixed scale, 0 to 1, in every picture.

mod canvas;
mod figure;
pub(crate) mod font;
mod glyphs;
mod heat_colour;
mod heatmap;
mod png_file;
mod watermark;

#[cfg(test)]
pub(crate) use canvas::Canvas;

pub use canvas::Rgb;
pub use figure::Figure;
pub use heat_colour::heat_colour;
pub use heatmap::Heatmap;
pub use png_file::encode_png;
pub use watermark::DEMONSTRATION;
