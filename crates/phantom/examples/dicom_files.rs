//! Writes one of each kind of DICOM file, to be opened with other programs.
//!
//! `cargo run --release -p bedside-phantom --example dicom_files -- FOLDER [SEED]`: a frame, a cine, a screen with an
//! invented name, the same without identifiers behind the mask, and a figure as Secondary Capture. Beside each
//! the pixels of its first frame as `.raw`.

use std::fs;
use std::path::{Path, PathBuf};

use bedside_imaging::{
    DeidentificationKey, Figure, PhiMask, Scan, SecondaryCapture, encode_secondary_capture,
};
use bedside_phantom::{
    MarkerSide, Ranges, Scene, Screen, Simulator, dicom_cine, dicom_frame, dicom_screens, dicom_series,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: dicom_files FOLDER [SEED]")?);
    let seed: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    fs::create_dir_all(&folder)?;
    let mut ranges = Ranges::training();
    ranges.set("motion.frames", 5.0, 5.0)?;
    let scene = Scene::draw(&ranges, seed)?;
    let cine = Simulator::new(&scene)?.cine()?;
    let series = || dicom_series(&scene);
    put(&folder, "frame", dicom_frame(&scene, &cine.frames[0], series()?)?)?;
    put(&folder, "cine", dicom_cine(&scene, &cine, series()?)?)?;
    let header = vec!["NOBODY, JANE 1970".into(), "ID 000-INVENTED".into()];
    let screen = Screen { width_px: 401, height_px: 351, header, marker: MarkerSide::Left };
    let shots: Vec<_> =
        cine.frames.iter().map(|frame| screen.draw(&scene, frame)).collect::<Result<_, _>>()?;
    let screens = dicom_screens(&scene, &shots, Some(cine.frame_time_ms), series()?)?;
    put(&folder, "screens", screens.clone())?;
    let scan = Scan::from_bytes(screens)?;
    let frame = scan.frame(0)?;
    let mask = PhiMask::of_frames(&[&*frame])?;
    let mut exported = Vec::new();
    scan.export_deidentified(&mask, &DeidentificationKey([7; 32]), &mut exported)?;
    put(&folder, "deidentified", exported)?;
    let figure = Figure {
        frame: &frame.pixels,
        mask: mask.mask(),
        heatmap: None,
        caption: &["A phantom"],
        watermark: None,
    };
    let capture = SecondaryCapture {
        derivation: "Figure of a simulated frame".into(),
        burned_in_annotation: Some(false),
        lossy: Some(false),
        ..SecondaryCapture::default()
    };
    put(&folder, "figure", encode_secondary_capture(&figure.render()?, &capture)?)
}

fn put(folder: &Path, name: &str, bytes: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
    fs::write(folder.join(format!("{name}.dcm")), &bytes)?;
    let frame = Scan::from_bytes(bytes)?.frame(0)?;
    fs::write(folder.join(format!("{name}.raw")), frame.pixels.bytes())?;
    Ok(())
}
