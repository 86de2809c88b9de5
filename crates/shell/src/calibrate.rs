//! `bedside calibrate`: what a protocol needs to speak of probabilities, fitted on simulated patients.

use std::path::Path;

use anyhow::anyhow;
use bedside_imaging::{Frame, Mask};
use bedside_phantom::{Finding, Frame as PhantomFrame, Presence, Ranges, Scene, Simulator};
use bedside_pipeline::codes::FindingCode;
use bedside_pipeline::{
    Calibration, CalibrationCase, Cohort, Domain, Exam, FitSettings, Given, LocalisationCheck, Protocol,
    ScanInput, fit,
};
use serde::Serialize;

use crate::cli::CalibrateArguments;
use crate::exit::{Code, Failure};
use crate::scan::engine::{Engine, of_pipeline};
use crate::{folder, interrupt, output, progress, text};

/// Of the hottest places on lesions, the share that full heat is as hot as: few are shown beyond it.
const FULL_HEAT: f64 = 0.9;

/// The JSON document `bedside.calibrate/1`.
#[derive(Serialize)]
struct Document<'a> {
    out: String,
    scenes: u32,
    refused: u32,
    calibration: &'a Calibration,
}

/// Scores and heatmaps of simulated patients.
#[derive(Default)]
struct Gathered {
    cases: Vec<CalibrationCase>,
    /// Per finding of the protocol: whether the hottest place lay on the lesion, and how hot it was.
    pointed: Vec<Vec<(bool, f64)>>,
    /// Scans that the gate did not let through.
    refused: u32,
}

pub(crate) fn run(arguments: &CalibrateArguments, store: Option<&Path>) -> Result<Code, Failure> {
    let mut engine = Engine::open(&arguments.exam, store)?;
    let model = engine.model.clone();
    let executor = engine.executor.name();
    engine.forget_calibration();
    let protocol = engine.protocol.clone();
    let gathered = gather(arguments, &mut engine, &executor)?;
    let checks = checks(&protocol, &gathered);
    let first = arguments.seed;
    let cohort = Cohort {
        domain: Domain::Phantom,
        note: format!(
            "{} simulated patients, seeds {first} to {}, training ranges; {} refused by the gate",
            arguments.scenes,
            first.saturating_add(u64::from(arguments.scenes) - 1),
            gathered.refused
        ),
    };
    let fitted = fit(&protocol, &model, &cohort, &gathered.cases, &checks, FitSettings::default());
    let calibration = fitted.map_err(of_pipeline)?;
    let whole = Protocol::with_calibration(engine.protocol_text(), &calibration).map_err(of_pipeline)?;
    folder::write(&arguments.out, whole.as_bytes(), arguments.force)?;
    if arguments.json {
        let out = arguments.out.display().to_string();
        let (scenes, refused) = (arguments.scenes, gathered.refused);
        output::document("calibrate", &Document { out, scenes, refused, calibration: &calibration })?;
    } else {
        output::print(&report(arguments, &calibration, gathered.refused))?;
    }
    Ok(Code::Done)
}

fn gather(arguments: &CalibrateArguments, engine: &mut Engine, executor: &str) -> Result<Gathered, Failure> {
    let _working = interrupt::Cancellable::begin();
    let bar = progress::counted("scenes", arguments.scenes.into());
    let findings = engine.protocol.findings.len();
    let mut gathered = Gathered { pointed: vec![Vec::new(); findings], ..Gathered::default() };
    let given = Given { domain: Domain::Phantom, zone: None, executor: executor.to_owned() };
    for number in 0..u64::from(arguments.scenes) {
        if interrupt::asked() {
            return Err(Failure::new(Code::Interrupted, anyhow!("stopped; nothing was written")));
        }
        let seed = arguments.seed.wrapping_add(number);
        let drawn = Scene::draw(&Ranges::training(), seed).and_then(|scene| Simulator::new(&scene)?.frame(0));
        let drawn = drawn.map_err(|error| Failure::new(Code::Usage, error))?;
        let frame = Frame::new(drawn.pixels.clone(), 0);
        let (encoder, exam) = engine.load()?;
        let input = ScanInput { frames: &[&frame], frames_in_scan: 1, given: &given };
        let report = exam.report(encoder, &input).map_err(of_pipeline)?;
        gathered.refused += u32::from(report.scan.usable.is_empty());
        gathered.cases.extend(CalibrationCase::of_report(&report, number, |code| truth(&drawn, code)));
        if !report.scan.usable.is_empty() {
            point(encoder, exam, &frame, &drawn, &mut gathered)?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(gathered)
}

/// `None`: the frame cannot show it.
fn truth(drawn: &PhantomFrame, code: FindingCode) -> Option<bool> {
    match drawn.labels.presence(of_code(code)?) {
        Presence::Present => Some(true),
        Presence::Absent => Some(false),
        Presence::NotAssessable => None,
    }
}

fn of_code(code: FindingCode) -> Option<Finding> {
    Finding::ALL.into_iter().find(|finding| finding.code() == code.as_str())
}

/// The pointing game on every lesion that the frame shows.
fn point(
    encoder: &mut bedside_models::DualEncoder,
    exam: &Exam,
    frame: &Frame,
    drawn: &PhantomFrame,
    gathered: &mut Gathered,
) -> Result<(), Failure> {
    let codes: Vec<FindingCode> = exam.protocol().findings.iter().map(|finding| finding.code).collect();
    if !codes.iter().any(|code| truth(drawn, *code) == Some(true)) {
        return Ok(());
    }
    let heats = exam.heat_of(encoder, frame).map_err(of_pipeline)?;
    for ((code, heat), pointed) in codes.iter().zip(&heats).zip(&mut gathered.pointed) {
        let structure = of_code(*code).and_then(Finding::structure);
        let Some(structure) = structure.filter(|_| truth(drawn, *code) == Some(true)) else { continue };
        let (width, height) = (drawn.truth.width(), drawn.truth.height());
        let lesion = Mask::by(width, height, |x, y| drawn.truth.shows(structure, x, y));
        let hottest = heat.values.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        if let Some(hit) = heat.points_at(&lesion) {
            pointed.push((hit, hottest));
        }
    }
    Ok(())
}

fn checks(protocol: &Protocol, gathered: &Gathered) -> Vec<(FindingCode, LocalisationCheck)> {
    let one = |(finding, pointed): (&bedside_pipeline::protocol::FindingSettings, &Vec<(bool, f64)>)| {
        let mut heat: Vec<f64> = pointed.iter().map(|(_, heat)| *heat).filter(|heat| *heat > 0.0).collect();
        heat.sort_by(f64::total_cmp);
        let full_scale = *heat.get((heat.len() as f64 * FULL_HEAT) as usize)?;
        let hits = pointed.iter().filter(|(hit, _)| *hit).count() as u64;
        Some((finding.code, LocalisationCheck { hits, lesions: pointed.len() as u64, full_scale }))
    };
    protocol.findings.iter().zip(&gathered.pointed).filter_map(one).collect()
}

fn report(arguments: &CalibrateArguments, calibration: &Calibration, refused: u32) -> String {
    let rows = calibration.findings.iter().map(|fitted| {
        let p = &fitted.performance;
        let interval = p.auroc_interval.map_or_else(String::new, |i| format!("{:.3}–{:.3}", i.low, i.high));
        let pointed = fitted.localisation.map_or_else(String::new, |c| format!("{}/{}", c.hits, c.lesions));
        vec![
            fitted.code.as_str().to_owned(),
            fitted.patients_with.to_string(),
            fitted.patients_without.to_string(),
            format!("{:.3}", p.auroc),
            interval,
            format!("{:.3}", p.brier),
            format!("{:.1} %", p.indeterminate * 100.0),
            pointed,
        ]
    });
    let head = ["finding", "with", "without", "AUROC", "95 %", "Brier", "indeterminate", "heatmap on lesion"];
    let table = text::table(&head, &[1, 2, 3, 4, 5, 6, 7], rows);
    let out = text::name(&arguments.out.display().to_string());
    let scenes = arguments.scenes;
    format!(
        "{table}\n\n{scenes} simulated patients, {refused} refused by the gate; written to {out}\n{}\n",
        output::DEMONSTRATION
    )
}
