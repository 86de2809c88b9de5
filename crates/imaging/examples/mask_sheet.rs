//! Draws scans with their masks and verdicts side by side as one PNG, to be looked at, and prints a line for each.
//!
//! `cargo run --release -p bedside-imaging --example mask_sheet -- SHEET.png SCAN…`

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Instant;

use bedside_imaging::{
    Figure, Filter, Frame, ImagingError, Outcome, PhiMask, Pixels, Quality, Sampling, Scan, encode_png,
    resize,
};

/// Frames of a cine that are looked at together.
const FRAMES: NonZeroU32 = NonZeroU32::new(12).expect("twelve is not zero");
/// Columns and rows of a tile, in pixels.
const TILE: (u32, u32) = (480, 330);
/// Tiles side by side.
const COLUMNS: u32 = 6;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let sheet = arguments.next().ok_or("usage: contact_sheet SHEET.png SCAN…")?;
    let mut tiles = Vec::new();
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for path in arguments {
        let path = Path::new(&path);
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match tile(path, &name, &mut counts) {
            Ok(tile) => tiles.push(tile),
            Err(error) => {
                *counts.entry("withheld or not read".to_owned()).or_default() += 1;
                println!("{name}: {error}");
            }
        }
    }
    println!("{counts:#?}");
    std::fs::write(sheet, encode_png(&side_by_side(&tiles)?)?)?;
    Ok(())
}

fn tile(path: &Path, name: &str, counts: &mut BTreeMap<String, u32>) -> Result<Pixels, ImagingError> {
    let scan = Scan::open(path)?;
    let indices = scan.sample(Sampling::Evenly(FRAMES))?;
    let frames = indices.into_iter().map(|index| scan.frame(index)).collect::<Result<Vec<_>, _>>()?;
    let frames: Vec<&Frame> = frames.iter().map(|frame| &**frame).collect();
    let started = Instant::now();
    let mask = PhiMask::of_frames(&frames)?;
    let quality = Quality::of_frame(frames[0], &mask)?;
    let ms = started.elapsed().as_secs_f64() * 1000.0;
    let mut count = |what: String| *counts.entry(what).or_default() += 1;
    count(format!("verdict {:?}", quality.verdict));
    count(format!("basis {:?}", mask.lineage().basis));
    let taken_out = mask.lineage().burned_in_taken_out;
    if taken_out > 0 {
        count("with text taken out".to_owned());
    }
    let mut caption = vec![format!("{name}: {:?}, kept {:.2}", quality.verdict, mask.lineage().kept_share)];
    for measure in quality.shortcomings() {
        count(format!("{:?} {:?}", measure.outcome, measure.kind));
        caption.push(measure.reason.clone());
    }
    let across = quality.measures.iter().find(|measure| measure.outcome == Outcome::NotMeasured);
    let unknown = across.map_or("", |measure| measure.reason.as_str());
    println!(
        "{} ({taken_out} lines taken out, {ms:.0} ms, {} frames; {unknown})",
        caption.join("; "),
        frames.len()
    );
    let lines: Vec<&str> = caption.iter().map(String::as_str).collect();
    let figure = Figure {
        frame: &frames[0].pixels,
        mask: mask.mask(),
        heatmap: None,
        caption: &lines,
        watermark: None,
    };
    let figure = figure.render()?;
    let scale =
        (f64::from(TILE.0) / f64::from(figure.width())).min(f64::from(TILE.1) / f64::from(figure.height()));
    let side = |length: u32| ((f64::from(length) * scale) as u32).max(1);
    resize(&figure, side(figure.width()), side(figure.height()), Filter::Bicubic)
}

fn side_by_side(tiles: &[Pixels]) -> Result<Pixels, ImagingError> {
    let (width, height) = (COLUMNS * TILE.0, (tiles.len() as u32).div_ceil(COLUMNS).max(1) * TILE.1);
    let mut bytes = vec![0; (width * height * 3) as usize];
    for (at, tile) in (0..).zip(tiles) {
        let (left, top) = (at % COLUMNS * TILE.0, at / COLUMNS * TILE.1);
        let row_bytes = tile.width() as usize * 3;
        for (y, row) in (top..).zip(tile.bytes().chunks(row_bytes)) {
            let start = ((y * width + left) * 3) as usize;
            bytes[start..start + row_bytes].copy_from_slice(row);
        }
    }
    Pixels::new(width, height, 3, bytes)
}
