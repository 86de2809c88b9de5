//! Which frames of a scan are judged, and why the others are not.

use bedside_imaging::{
    Anatomy, Frame, ImagingError, MaskBasis, Measure, Outcome, PhiMask, Quality, QualityKind, Verdict,
};

use crate::codes::QualityCode;
use crate::protocol::{Protocol, QualityLimits};
use crate::report::{MaskFacts, MaskOrigin, QualityNote, rounded};

/// Of one scan.
pub(crate) struct Gate {
    /// Places, in the list of frames, of those that are judged.
    pub(crate) usable: Vec<usize>,
    /// Shortcomings, refusals first.
    pub(crate) notes: Vec<QualityNote>,
    /// Enough frames are usable.
    pub(crate) open: bool,
    /// A usable frame has a warning.
    pub(crate) doubtful: bool,
}

impl Gate {
    /// Hold every frame against the gate. Errors: a mask of another size.
    pub(crate) fn of(
        frames: &[&Frame],
        mask: &PhiMask,
        limits: &QualityLimits,
    ) -> Result<Self, ImagingError> {
        let mut gate = Self { usable: Vec::new(), notes: Vec::new(), open: false, doubtful: false };
        for (place, frame) in frames.iter().enumerate() {
            let quality = Quality::of_frame(frame, mask)?;
            let usable = match quality.verdict {
                Verdict::Good => true,
                Verdict::Doubtful => limits.accept_doubtful,
                Verdict::Refused => false,
            };
            if usable {
                gate.usable.push(place);
                gate.doubtful |= quality.verdict == Verdict::Doubtful;
            }
            quality.shortcomings().for_each(|measure| gate.note(measure));
        }
        gate.notes.sort_by_key(|note| (!note.refused, note.code));
        let usable = gate.usable.len();
        let share = usable as f64 / frames.len().max(1) as f64;
        gate.open = usable >= limits.least_usable_frames as usize && share >= limits.least_usable_share;
        Ok(gate)
    }

    /// One note per measure and outcome: the first frame's numbers, and how many frames it concerns.
    fn note(&mut self, measure: &Measure) {
        let (code, refused) = (code(measure.kind), measure.outcome == Outcome::Refused);
        if let Some(note) = self.notes.iter_mut().find(|n| n.code == code && n.refused == refused) {
            note.frames += 1;
            return;
        }
        let (value, threshold) = (measure.value.map(rounded), measure.threshold.map(rounded));
        self.notes.push(QualityNote { code, refused, frames: 1, value, threshold });
    }
}

fn code(kind: QualityKind) -> QualityCode {
    match kind {
        QualityKind::Modality => QualityCode::Modality,
        QualityKind::Sector => QualityCode::Sector,
        QualityKind::Blank => QualityCode::Blank,
        QualityKind::TooDark => QualityCode::TooDark,
        QualityKind::Clipped => QualityCode::Clipped,
        QualityKind::Blurred => QualityCode::Blurred,
        QualityKind::TooSmall => QualityCode::TooSmall,
        QualityKind::Look => QualityCode::Look,
        QualityKind::Depth => QualityCode::Depth,
        QualityKind::TooZoomed => QualityCode::TooZoomed,
        QualityKind::DarkThird => QualityCode::DarkThird,
        QualityKind::Contact => QualityCode::Contact,
        QualityKind::Anatomy => QualityCode::Anatomy,
    }
}

/// Whether a file says that it shows a part of the body that the protocol is not for.
pub(crate) fn other_anatomy(protocol: &Protocol, frames: &[&Frame]) -> bool {
    frames.iter().any(|frame| match frame.anatomy {
        Some(Anatomy::BodyPart(part)) => !protocol.body_parts.iter().any(|name| name == part.as_str()),
        // Its concept is not of our table: it is neither accepted nor held against the scan.
        Some(Anatomy::Snomed(_)) | None => false,
    })
}

pub(crate) fn mask_facts(mask: &PhiMask) -> MaskFacts {
    let lineage = mask.lineage();
    MaskFacts {
        basis: match lineage.basis {
            MaskBasis::DeclaredRegions => MaskOrigin::DeclaredRegions,
            MaskBasis::DetectedSector => MaskOrigin::DetectedSector,
            MaskBasis::Intersection => MaskOrigin::Intersection,
        },
        kept_share: rounded(lineage.kept_share),
        confidence: lineage.detected_confidence.map(rounded),
        text_lines: lineage.burned_in_lines as u64,
        text_taken_out: lineage.burned_in_taken_out as u64,
    }
}
