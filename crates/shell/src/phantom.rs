//! `bedside phantom`: simulated scans with their truth, as files.

use std::io::{BufWriter, Write};

use anyhow::anyhow;
use bedside_imaging::{Pixels, encode_png};
use bedside_phantom::{
    Cine, Frame, FrameRecord, MarkerSide, PhantomError, Ranges, Scene, Screen, ScreenShot, Simulator,
    contact_sheet, dicom_cine, dicom_frame, dicom_screens, dicom_series,
};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::cli::{PhantomArguments, RangesChoice};
use crate::exit::{Code, Failure};
use crate::folder::Folder;
use crate::{interrupt, output, progress, text};

/// File of the records, a line for each frame.
const RECORDS: &str = "frames.jsonl";
const SHEET: &str = "contact-sheet.png";
/// Scenes on the sheet, at most, and in one of its rows.
const SHEET_SCENES: usize = 60;
const SHEET_COLUMNS: u32 = 6;

/// The JSON document `bedside.phantom-run/1`.
#[derive(Serialize)]
struct Document {
    out: String,
    scenes: u32,
    frames: u64,
    seed: u64,
    ranges: String,
    records: &'static str,
    contact_sheet: &'static str,
}

pub(crate) fn run(arguments: &PhantomArguments) -> Result<Code, Failure> {
    let ranges = ranges(arguments);
    let folder = Folder::create(&arguments.out, arguments.force)?;
    folder.ensure_free([RECORDS.to_owned(), SHEET.to_owned()].into_iter())?;
    let records = Records(BufWriter::new(folder.temporary()?));
    let mut writer = Writer { arguments, folder, records, tiles: Vec::new(), frames: 0 };
    let _working = interrupt::Cancellable::begin();
    let bar = progress::counted("scenes", arguments.count.into());
    for number in 0..arguments.count {
        let done = if interrupt::asked() { Err(interrupted(number)) } else { writer.scene(&ranges, number) };
        if let Err(failure) = done {
            // What was written is whole, and its records belong to it.
            writer.records.keep(&writer.folder)?;
            return Err(failure);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let Writer { records, folder, tiles, frames, .. } = writer;
    records.keep(&folder)?;
    let sheet = contact_sheet(&tiles, SHEET_COLUMNS).map_err(of_phantom)?;
    folder.write(SHEET, &encode_png(&sheet)?)?;
    let out = arguments.out.display().to_string();
    if arguments.json {
        let (scenes, seed) = (arguments.count, arguments.seed);
        let (records, contact_sheet) = (RECORDS, SHEET);
        let ranges = ranges.name;
        let document = Document { out, scenes, frames, seed, ranges, records, contact_sheet };
        output::document("phantom-run", &document)?;
    } else {
        let (scenes, frames) = (text::count(arguments.count.into()), text::count(frames));
        let out = text::name(&out);
        let line = format!("{scenes} scenes, {frames} frames in {out}: see {SHEET} and {RECORDS}");
        output::print(&format!("{line}\nsimulated: validated by nobody on patients\n"))?;
    }
    Ok(Code::Done)
}

fn interrupted(scenes: u32) -> Failure {
    Failure::new(Code::Interrupted, anyhow!("stopped after {scenes} scenes, all of them whole"))
}

fn ranges(arguments: &PhantomArguments) -> Ranges {
    let ranges = match arguments.ranges {
        RangesChoice::Training => Ranges::training(),
        RangesChoice::Outside => Ranges::outside(),
    };
    match arguments.finding {
        Some(finding) => ranges.only(finding),
        None => ranges,
    }
}

/// What the simulator refuses is what the command line asked for.
fn of_phantom(error: PhantomError) -> Failure {
    Failure::new(Code::Usage, error)
}

struct Writer<'a> {
    arguments: &'a PhantomArguments,
    folder: Folder,
    records: Records,
    /// The first frame of each of the first scenes.
    tiles: Vec<(String, Pixels)>,
    frames: u64,
}

impl Writer<'_> {
    /// One scene, and the same without its lesions where that was asked for.
    fn scene(&mut self, ranges: &Ranges, number: u32) -> Result<(), Failure> {
        let seed = self.arguments.seed.wrapping_add(u64::from(number));
        let mut scene = Scene::draw(ranges, seed).map_err(of_phantom)?;
        scene.motion.frames = self.arguments.frames;
        self.one(&scene, &format!("scene-{seed:06}"))?;
        if self.arguments.without_lesion {
            self.one(&scene.without_lesions(), &format!("scene-{seed:06}-without-lesion"))?;
        }
        Ok(())
    }

    fn one(&mut self, scene: &Scene, name: &str) -> Result<(), Failure> {
        let simulator = Simulator::new(scene).map_err(of_phantom)?;
        let screen = self.arguments.screen.then(|| screen(scene));
        let (mut frames, mut shots) = (Vec::new(), Vec::new());
        for index in 0..self.arguments.frames {
            let frame = simulator.frame(index).map_err(of_phantom)?;
            let file = match self.arguments.frames {
                1 => format!("{name}.png"),
                _ => format!("{name}-{:04}.png", index + 1),
            };
            let captions = usize::from(self.arguments.captions);
            let mut record = FrameRecord::new(scene, &frame, index, &file, captions).map_err(of_phantom)?;
            let pixels = match &screen {
                None => frame.pixels.clone(),
                Some(screen) => {
                    let shot = screen.draw(scene, &frame).map_err(of_phantom)?;
                    record.region = shot.region;
                    let pixels = shot.pixels.clone();
                    shots.push(shot);
                    pixels
                }
            };
            self.folder.write(&file, &encode_png(&pixels)?)?;
            self.records.put(&record)?;
            self.tile(index, &frame, name, &pixels);
            self.frames += 1;
            frames.push(frame);
        }
        if self.arguments.dicom {
            let file = dicom(scene, frames, shots).map_err(of_phantom)?;
            self.folder.write(&format!("{name}.dcm"), &file)?;
        }
        Ok(())
    }

    fn tile(&mut self, index: u32, frame: &Frame, name: &str, pixels: &Pixels) {
        if index == 0 && self.tiles.len() < SHEET_SCENES {
            let seen = frame.labels.findings.iter();
            let seen = seen.filter(|label| label.presence == bedside_phantom::Presence::Present);
            let codes: Vec<&str> = seen.map(|label| label.finding.code()).collect();
            let short = name.trim_start_matches("scene-");
            self.tiles.push((format!("{short} {}", codes.join(" ")), pixels.clone()));
        }
    }
}

/// One DICOM file of a scene's frames, with the screens round them where there are any.
fn dicom(scene: &Scene, frames: Vec<Frame>, shots: Vec<ScreenShot>) -> Result<Vec<u8>, PhantomError> {
    let series = dicom_series(scene)?;
    let frame_time_ms = scene.motion.frame_time_ms;
    match (&frames[..], &shots[..]) {
        ([frame], []) => dicom_frame(scene, frame, series),
        (_, []) => dicom_cine(scene, &Cine { frames, frame_time_ms }, series),
        (_, shots) => dicom_screens(scene, shots, (shots.len() > 1).then_some(frame_time_ms), series),
    }
}

/// A screen round a scene's frames; the names on it are invented, and change with the seed.
fn screen(scene: &Scene) -> Screen {
    const NAMES: [&str; 4] = ["NOBODY, JANE", "EXAMPLE, IDA", "PHANTOM, OTTO", "SAMPLE, KIM"];
    let name = NAMES[(scene.seed % NAMES.len() as u64) as usize];
    Screen {
        width_px: scene.machine.width_px + 120,
        height_px: scene.machine.height_px + 80,
        header: vec![name.to_owned(), format!("ID INVENTED-{:04}", scene.seed % 10_000)],
        marker: if scene.seed.is_multiple_of(2) { MarkerSide::Left } else { MarkerSide::Right },
    }
}

/// The file of records while it grows.
struct Records(BufWriter<NamedTempFile>);

impl Records {
    fn put(&mut self, record: &FrameRecord) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.0, record).map_err(unrecorded)?;
        self.0.write_all(b"\n").map_err(unrecorded)
    }

    /// Give the file its name.
    fn keep(self, folder: &Folder) -> Result<(), Failure> {
        let file = self.0.into_inner().map_err(|error| unrecorded(error.into_error()))?;
        folder.keep(file, RECORDS)
    }
}

fn unrecorded(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Code::Store, error.into().context("cannot write the records"))
}
