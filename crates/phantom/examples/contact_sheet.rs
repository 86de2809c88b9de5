//! Writes a contact sheet of the phantom's findings as PNG, to be looked at beside real frames.
//!
//! `cargo run --release -p bedside-phantom --example contact_sheet -- SHEET.png [SEED]`

use std::time::Instant;

use bedside_imaging::Pixels;
use bedside_phantom::{
    Finding, MarkerSide, PhantomError, Presence, Ranges, Scene, Screen, Simulator, contact_sheet,
};

/// Frames of each row.
const COLUMNS: u32 = 6;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: contact_sheet SHEET.png [SEED]")?;
    let seed: u64 = arguments.next().map_or(Ok(100), |text| text.parse())?;
    let mut tiles = Vec::new();
    let started = Instant::now();
    for (name, ranges) in rows() {
        for column in 0..COLUMNS {
            tiles.push(tile(&name, &ranges, seed + u64::from(column))?);
        }
    }
    let each_ms = started.elapsed().as_secs_f64() * 1000.0 / tiles.len() as f64;
    eprintln!("{} frames, {each_ms:.1} ms each", tiles.len());
    tiles.extend(screens(seed)?);
    let sheet = contact_sheet(&tiles, COLUMNS)?;
    let grey = image::GrayImage::from_raw(sheet.width(), sheet.height(), sheet.into_bytes())
        .ok_or("the sheet's bytes fit its size")?;
    grey.save(path)?;
    Ok(())
}

/// A row for each finding a still can show, the lung base, and what lies outside the training ranges.
fn rows() -> Vec<(String, Ranges)> {
    let training = Ranges::training();
    let mut rows: Vec<(String, Ranges)> = Finding::ALL[..8]
        .iter()
        .map(|finding| (finding.code().to_owned(), training.only(*finding)))
        .collect();
    for (name, finding) in [("base", Finding::ALines), ("base effusion", Finding::PleuralEffusion)] {
        let mut ranges = training.only(finding);
        ranges.rates.base_view = 1.0;
        ranges.rates.probes = [0.0, 0.7, 0.3];
        rows.push((name.to_owned(), ranges));
    }
    rows.push(("outside".to_owned(), Ranges::outside()));
    rows
}

fn tile(name: &str, ranges: &Ranges, seed: u64) -> Result<(String, Pixels), PhantomError> {
    let scene = Scene::draw(ranges, seed)?;
    let frame = Simulator::new(&scene)?.frame(0)?;
    let mut text = format!("{seed} {name}");
    if frame.labels.presence(Finding::BLines) == Presence::Present {
        text = format!("{text} {}B", frame.labels.b_line_count);
    }
    Ok((text, frame.pixels))
}

/// The last row: frames as a machine's screen shows them, made small enough for a tile.
fn screens(seed: u64) -> Result<Vec<(String, Pixels)>, PhantomError> {
    let mut tiles = Vec::new();
    for column in 0..u64::from(COLUMNS) {
        let mut ranges = Ranges::training();
        ranges.set("machine.width_px", 180.0, 180.0)?;
        ranges.set("machine.height_px", 180.0, 180.0)?;
        let scene = Scene::draw(&ranges, seed + 50 + column)?;
        let frame = Simulator::new(&scene)?.frame(0)?;
        let screen = Screen {
            width_px: 256,
            height_px: 256,
            header: vec!["NOBODY, JANE 1970".into(), "ID 000-INVENTED".into()],
            marker: if column % 2 == 0 { MarkerSide::Left } else { MarkerSide::Right },
        };
        tiles.push((format!("{} screen", seed + 50 + column), screen.draw(&scene, &frame)?.pixels));
    }
    Ok(tiles)
}
