//! The exam: frames of one scan in, a report out.

use std::num::NonZeroU32;
use std::sync::Arc;

use bedside_imaging::{Frame, ImagingError, PhiMask, Sampling, Scan};

use crate::PipelineError;
use crate::codes::{Localisation, Notice, SpreadKind, State, Summary, Why, Zone};
use crate::decide::{decide, hold_against_each_other};
use crate::domain::Domain;
use crate::encoder::Encoder;
use crate::error::shortened;
use crate::gate::{Gate, mask_facts, other_anatomy};
use crate::heat::Heat;
use crate::limits::{MAX_FRAMES, MAX_NOTE};
use crate::prompts::{Direction, directions};
use crate::protocol::{FittedFinding, LocalisationCheck, Protocol};
use crate::report::{CalibrationStatus, FindingReport, REPORT_SCHEMA, Report, ScanFacts, Spread, rounded};
use crate::score::{FrameScores, Looking};

/// A protocol made ready for one model: its prompts are embedded.
#[derive(Debug, Clone)]
pub struct Exam {
    protocol: Protocol,
    model: String,
    directions: Vec<Direction>,
}

/// What the caller knows about a scan. No identity, no time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Where it comes from.
    pub domain: Domain,
    /// Zone of the chest. `None`: nobody said.
    pub zone: Option<Zone>,
    /// What computes: device, driver, kernels, numerics. Part of the report.
    pub executor: String,
}

/// Frames of one scan.
#[derive(Debug, Clone, Copy)]
pub struct ScanInput<'a> {
    /// Those that are looked at, in order; see [`Exam::frames_of`].
    pub frames: &'a [&'a Frame],
    /// All that the scan has.
    pub frames_in_scan: u32,
    /// What is known about it.
    pub given: &'a Given,
}

impl Exam {
    /// Embed the prompts. `model_digest`: identity of the encoder's model, 64 hexadecimal digits.
    /// Errors: `ModelDigest` where the protocol or its calibration names another model; `Prompts`; those of the model.
    pub fn new(
        protocol: Protocol,
        encoder: &mut dyn Encoder,
        model_digest: &str,
    ) -> Result<Self, PipelineError> {
        let of_protocol = protocol.model.as_ref().map(|model| ("protocol", &model.digest));
        let of_calibration = protocol.calibration.as_ref().map(|fitted| ("calibration", &fitted.model));
        for (what, expected) in of_protocol.into_iter().chain(of_calibration) {
            if expected != model_digest {
                let (expected, got) = (expected.clone(), shortened(model_digest));
                return Err(PipelineError::ModelDigest { what, expected, got });
            }
        }
        let directions = directions(&protocol, encoder)?;
        Ok(Self { protocol, model: model_digest.to_owned(), directions })
    }

    /// The protocol.
    pub fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    /// Identity of the model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The frames of a scan that the protocol looks at. Errors: those of reading them.
    pub fn frames_of(&self, scan: &Scan) -> Result<Vec<Arc<Frame>>, ImagingError> {
        let most = NonZeroU32::new(self.protocol.cine.most_frames).unwrap_or(NonZeroU32::MIN);
        scan.sample(Sampling::Evenly(most))?.into_iter().map(|index| scan.frame(index)).collect()
    }

    /// What of these frames is looked at, and may be shown. Errors: `PixelsWithheld`; frames of different sizes.
    pub fn mask_of(&self, frames: &[&Frame]) -> Result<PhiMask, ImagingError> {
        PhiMask::of_frames(frames)
    }

    /// Judge one scan. A scan that cannot be judged gets a report that says why.
    /// Errors: no frames, too many, or of different sizes; those of the model.
    pub fn report(&self, encoder: &mut dyn Encoder, input: &ScanInput<'_>) -> Result<Report, PipelineError> {
        check(input)?;
        let mut report = self.blank(input);
        let mask = match self.mask_of(input.frames) {
            Ok(mask) => mask,
            Err(ImagingError::PixelsWithheld { .. }) => return Ok(refused(report, Why::PixelsWithheld)),
            Err(other) => return Err(other.into()),
        };
        let facts = mask_facts(&mask);
        if facts.text_lines > 0 {
            let all = facts.text_taken_out == facts.text_lines;
            report.notices.push(if all { Notice::TextRemoved } else { Notice::TextLeft });
        }
        report.notices.push(Notice::MaskNotProof);
        report.scan.mask = Some(facts);
        let gate = Gate::of(input.frames, &mask, &self.protocol.quality)?;
        report.scan.quality.clone_from(&gate.notes);
        if other_anatomy(&self.protocol, input.frames) {
            return Ok(refused(report, Why::Anatomy));
        }
        if !gate.open {
            return Ok(refused(report, Why::Quality));
        }
        self.judge(encoder, input, &mask, &gate, report)
    }

    fn judge(
        &self,
        encoder: &mut dyn Encoder,
        input: &ScanInput<'_>,
        mask: &PhiMask,
        gate: &Gate,
        mut report: Report,
    ) -> Result<Report, PipelineError> {
        let looking = Looking { protocol: &self.protocol, directions: &self.directions, mask };
        let usable: Vec<&Frame> = gate.usable.iter().map(|place| input.frames[*place]).collect();
        let frames: Vec<FrameScores> =
            usable.iter().map(|frame| looking.at(encoder, frame)).collect::<Result<_, _>>()?;
        let changes = match usable[..] {
            [still] => looking.changed(encoder, still)?,
            _ => Vec::new(),
        };
        report.scan.usable = usable.iter().map(|frame| frame.index).collect();
        if gate.doubtful {
            report.notices.push(Notice::DoubtfulQuality);
        }
        if gate.usable.len() < input.frames.len() {
            report.notices.push(Notice::FramesLeftOut);
        }
        let holds = report.calibration.holds;
        for (place, finding) in report.findings.iter_mut().enumerate() {
            let fitted = self.fitted(place).filter(|_| holds);
            Scores { frames: &frames, changes: &changes, place }.fill(finding, &self.protocol, fitted);
        }
        hold_against_each_other(&self.protocol, &mut report.findings);
        for (place, finding) in report.findings.iter_mut().enumerate() {
            let check = self.fitted(place).and_then(|fitted| fitted.localisation);
            (finding.localisation, finding.heat) = self.localise(finding, place, &frames, mask, check);
        }
        report.summary = summary(&report.findings);
        report.scan.key_frame = key_frame(&report);
        Ok(report)
    }

    fn fitted(&self, place: usize) -> Option<&FittedFinding> {
        self.protocol.calibration.as_ref()?.finding(self.protocol.findings[place].code)
    }

    /// A heatmap where one is due and the check of the maps was passed.
    fn localise(
        &self,
        finding: &FindingReport,
        place: usize,
        frames: &[FrameScores],
        mask: &PhiMask,
        check: Option<LocalisationCheck>,
    ) -> (Localisation, Option<Heat>) {
        if !matches!(finding.state, State::Present | State::Indeterminate) {
            return (Localisation::NotNeeded, None);
        }
        let Some(check) = check else { return (Localisation::NotChecked, None) };
        let limits = &self.protocol.localisation;
        let passed = check.lesions >= limits.least_lesions
            && check.hits as f64 >= limits.least_pointing * check.lesions as f64;
        let frame = frames.iter().find(|frame| Some(frame.index) == finding.key_frame);
        match frame.filter(|_| passed) {
            Some(frame) => {
                let mut heat = frame.heat(place, mask, rounded(check.full_scale));
                heat.values.iter_mut().flatten().for_each(|value| *value = rounded(*value));
                heat.area.iter_mut().for_each(|side| *side = rounded(*side));
                (Localisation::Shown, Some(heat))
            }
            None => (Localisation::NotPassed, None),
        }
    }

    /// Maps of every finding on one frame, whatever is said about it: for the checks of heatmaps. `full_scale` is 1.
    /// Errors: as [`Exam::report`]'s; `PixelsWithheld` where no scan is found.
    pub fn heat_of(&self, encoder: &mut dyn Encoder, frame: &Frame) -> Result<Vec<Heat>, PipelineError> {
        let mask = self.mask_of(&[frame])?;
        let looking = Looking { protocol: &self.protocol, directions: &self.directions, mask: &mask };
        let scores = looking.at(encoder, frame)?;
        Ok((0..self.directions.len()).map(|place| scores.heat(place, &mask, 1.0)).collect())
    }

    /// A report of a scan that nothing was looked at of yet.
    fn blank(&self, input: &ScanInput<'_>) -> Report {
        let fitted = self.protocol.calibration.as_ref();
        let holds = fitted.is_some_and(|fitted| fitted.domain.holds_for(&input.given.domain));
        let first = input.frames[0];
        let mut notices = Vec::new();
        if self.protocol.intended_use == crate::codes::IntendedUse::Demonstration {
            notices.push(Notice::Demonstration);
        }
        if fitted.is_none_or(|fitted| fitted.domain == Domain::Phantom) {
            notices.push(Notice::NotCalibratedOnRealScans);
        }
        let why = match fitted {
            None => Some(Why::NotCalibrated),
            Some(_) if !holds => Some(Why::OtherDomain),
            Some(_) => None,
        };
        Report {
            schema: REPORT_SCHEMA.to_owned(),
            protocol: self.protocol.name.clone(),
            settings: self.protocol.fingerprint(),
            intended_use: self.protocol.intended_use,
            model: self.model.clone(),
            executor: input.given.executor.clone(),
            domain: input.given.domain.clone(),
            calibration: CalibrationStatus {
                holds,
                domain: fitted.map(|fitted| fitted.domain.clone()),
                cohort: fitted.map(|fitted| fitted.cohort.clone()),
            },
            scan: ScanFacts {
                size: [first.pixels.width(), first.pixels.height()],
                frames: input.frames_in_scan,
                looked_at: input.frames.iter().map(|frame| frame.index).collect(),
                usable: Vec::new(),
                key_frame: None,
                zone: input.given.zone,
                depth_mm: first.depth_mm.map(rounded),
                mask: None,
                quality: Vec::new(),
            },
            summary: Summary::NotAssessable,
            why,
            notices,
            findings: self.protocol.findings.iter().map(not_judged).collect(),
            not_assessed: self.protocol.not_assessed.clone(),
        }
    }
}

/// Errors: `Count` for no frames or too many, or a note that is too long; `Sizes` for frames of different sizes.
fn check(input: &ScanInput<'_>) -> Result<(), PipelineError> {
    let count = |what, most: usize, got: usize| {
        let expected = format!("1 to {most}");
        let fits = (1..=most).contains(&got);
        if fits { Ok(()) } else { Err(PipelineError::Count { what, expected, got: got as u64 }) }
    };
    count("frames of a scan", MAX_FRAMES as usize, input.frames.len())?;
    count("characters of the executor's name", MAX_NOTE, input.given.executor.len())?;
    let size = |frame: &Frame| [u64::from(frame.pixels.width()), u64::from(frame.pixels.height())];
    let expected = size(input.frames[0]);
    match input.frames.iter().map(|frame| size(frame)).find(|got| *got != expected) {
        Some(got) => Err(PipelineError::Sizes { what: "frames of one scan", expected, got }),
        None => Ok(()),
    }
}

fn not_judged(finding: &crate::protocol::FindingSettings) -> FindingReport {
    FindingReport {
        code: finding.code,
        state: State::NotAssessable,
        why: None,
        score: None,
        spread: None,
        probability: None,
        role: finding.role,
        set: None,
        key_frame: None,
        localisation: Localisation::NotNeeded,
        heat: None,
    }
}

fn refused(mut report: Report, why: Why) -> Report {
    report.why = Some(why);
    report.findings.iter_mut().for_each(|finding| finding.why = Some(why));
    report
}

/// Scores of one finding.
struct Scores<'a> {
    frames: &'a [FrameScores],
    changes: &'a [Vec<f64>],
    /// The finding's place in the protocol.
    place: usize,
}

impl Scores<'_> {
    fn fill(&self, finding: &mut FindingReport, protocol: &Protocol, fitted: Option<&FittedFinding>) {
        let of_frames: Vec<f64> = self.frames.iter().map(|frame| frame.scores[self.place]).collect();
        // Rounded before anything is decided: fits see the same numbers.
        let Some(score) = protocol.cine.aggregation.of(&of_frames).map(rounded) else { return };
        finding.score = Some(score);
        finding.spread = self.spread(&of_frames);
        let mut best: Option<&FrameScores> = None;
        for frame in self.frames {
            if best.is_none_or(|best| frame.scores[self.place] > best.scores[self.place]) {
                best = Some(frame);
            }
        }
        finding.key_frame = best.map(|frame| frame.index);
        match fitted.map(|fitted| decide(fitted, score)) {
            Some(decision) => {
                (finding.state, finding.why) = (decision.state, decision.why);
                (finding.set, finding.probability) = (Some(decision.set), Some(decision.probability));
            }
            None => {
                let calibrated = protocol.calibration.as_ref().and_then(|all| all.finding(finding.code));
                let why = if calibrated.is_some() { Why::OtherDomain } else { Why::NotCalibrated };
                (finding.state, finding.why) = (State::Uncalibrated, Some(why));
            }
        }
    }

    fn spread(&self, of_frames: &[f64]) -> Option<Spread> {
        let (over, mut scores) = match of_frames {
            [still] => {
                let changed = self.changes.iter().map(|scores| scores[self.place]);
                (SpreadKind::Changes, [*still].into_iter().chain(changed).collect::<Vec<_>>())
            }
            many => (SpreadKind::Frames, many.to_vec()),
        };
        scores.sort_by(f64::total_cmp);
        let (low, high) = (scores.first()?, scores.last()?);
        // Frames are at most 256.
        let count = scores.len() as u32;
        (count > 1).then(|| Spread { over, count, low: rounded(*low), high: rounded(*high) })
    }
}

fn summary(findings: &[FindingReport]) -> Summary {
    let any = |state| findings.iter().any(|finding| finding.state == state);
    if any(State::Present) {
        Summary::SomeSeen
    } else if any(State::Indeterminate) {
        Summary::Indeterminate
    } else if findings.iter().all(|finding| finding.state == State::Absent) {
        Summary::NoneSeen
    } else if any(State::Uncalibrated) {
        Summary::RawScores
    } else {
        Summary::NotAssessable
    }
}

/// The key frame of the likeliest present finding; else of the likeliest that cannot be told; else the middle one.
fn key_frame(report: &Report) -> Option<u32> {
    let probability = |finding: &FindingReport| finding.probability.map_or(0.0, |p| p.value);
    let best = |state: State| {
        let mut best: Option<&FindingReport> = None;
        for finding in report.findings.iter().filter(|finding| finding.state == state) {
            if best.is_none_or(|best| probability(finding) > probability(best)) {
                best = Some(finding);
            }
        }
        best.and_then(|finding| finding.key_frame)
    };
    let usable = &report.scan.usable;
    let middle = usable.len().checked_sub(1).map(|last| usable[last / 2]);
    best(State::Present).or_else(|| best(State::Indeterminate)).or(middle)
}
