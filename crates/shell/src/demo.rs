//! `bedside demo`: a simulated exam, scanned.

use std::path::Path;

use bedside_phantom::{Finding, PhantomError, Ranges, Scene, Simulator, Zone, dicom_cine, dicom_series};

use crate::cli::{Arguments, Command, DemoArguments};
use crate::exit::{Code, Failure};
use crate::folder::Folder;
use crate::{output, scan, text};

/// Frames of each cine.
const FRAMES: u32 = 8;
/// Folder of the scans within that of the demo, and of the results.
const SCANS: &str = "exam";
const RESULTS: &str = "results";

/// What the simulated patient shows, zone by zone.
const SHOWN: [Finding; 8] = [
    Finding::ALines,
    Finding::BLinesSeveral,
    Finding::ALines,
    Finding::Consolidation,
    Finding::ALines,
    Finding::BLinesConfluent,
    Finding::ALines,
    Finding::PleuralEffusion,
];

pub(crate) fn run(arguments: &DemoArguments, store: Option<&Path>) -> Result<Code, Failure> {
    let scans = arguments.out.join(SCANS);
    let folder = Folder::create(&scans, arguments.force)?;
    folder.ensure_free(Zone::ALL.iter().map(|zone| name(*zone)))?;
    for (number, (zone, finding)) in (0..).zip(Zone::ALL.into_iter().zip(SHOWN)) {
        let file = cine(arguments.seed.wrapping_add(number), zone, finding, arguments.seed);
        folder.write(&name(zone), &file.map_err(|error| Failure::new(Code::Usage, error))?)?;
    }
    let results = arguments.out.join(RESULTS);
    let code = scan(arguments, &scans, &results, store)?;
    let (scans, results) =
        (text::name(&scans.display().to_string()), text::name(&results.display().to_string()));
    output::print(&format!(
        "\nThe scans are in {scans}: simulated, of nobody.\nOpen {results}/scan-00001.html in a browser; the other \
         zones lie beside it.\nThe same again: bedside scan {scans}\n"
    ))?;
    Ok(code)
}

fn name(zone: Zone) -> String {
    format!("{}.dcm", bedside_phantom_zone(zone))
}

/// A zone as protocols spell it.
fn bedside_phantom_zone(zone: Zone) -> String {
    let text = serde_json::to_value(zone).ok();
    text.as_ref().and_then(serde_json::Value::as_str).map_or_else(|| format!("{zone:?}"), str::to_owned)
}

/// One zone's cine; all zones are of one patient and one study.
fn cine(seed: u64, zone: Zone, finding: Finding, patient: u64) -> Result<Vec<u8>, PhantomError> {
    let mut scene = Scene::draw(&Ranges::training().only(finding), seed)?;
    scene.zone = zone;
    scene.motion.frames = FRAMES;
    let mut first = scene.clone();
    first.seed = patient;
    let mut series = dicom_series(&first)?;
    series.number = Some(1 + Zone::ALL.iter().position(|known| *known == zone).unwrap_or(0) as u32);
    dicom_cine(&scene, &Simulator::new(&scene)?.cine()?, series)
}

/// As a user would type it.
fn scan(arguments: &DemoArguments, scans: &Path, out: &Path, store: Option<&Path>) -> Result<Code, Failure> {
    use clap::Parser;
    let language = if arguments.language == bedside_pipeline::Language::Japanese { "ja" } else { "en" };
    let mut line: Vec<std::ffi::OsString> = vec!["bedside".into(), "scan".into(), scans.into()];
    line.extend(["--out".into(), out.into(), "--language".into(), language.into()]);
    if arguments.force {
        line.push("--force".into());
    }
    match Arguments::try_parse_from(line) {
        Ok(Arguments { command: Command::Scan(arguments), .. }) => scan::run(&arguments, store),
        other => Err(Failure::new(Code::Usage, anyhow::anyhow!("the demo's own command: {:?}", other.err()))),
    }
}
