//! What is known about a scan and its frames, as data and in words. Unknown stays unknown; who the scan is of
//! is never among it.

use bedside_imaging::{
    Anatomy, Frame, Laterality, Lineage, MarkerSide, Modality, PatientOrientation, PhiLineage,
    PhotometricInterpretation, Quality, RegionNote, RegionProblem, Scan, ScanKind, Spacing, SpacingSource,
    Timing, UltrasoundRegion,
};
use serde::Serialize;

use crate::text;

/// Of the file.
#[derive(Serialize)]
pub(super) struct ScanFacts {
    kind: ScanKind,
    sop_class: Option<&'static str>,
    transfer_syntax: Option<&'static str>,
    modality: Option<Modality>,
    frames: u32,
    columns: u32,
    rows: u32,
    timing: Option<Timing>,
    burned_in_annotation: Option<bool>,
}

impl ScanFacts {
    pub(super) fn of(scan: &Scan) -> Self {
        let (columns, rows) = scan.size();
        Self {
            kind: scan.kind(),
            sop_class: scan.sop_class(),
            transfer_syntax: scan.transfer_syntax(),
            modality: scan.modality(),
            frames: scan.frames(),
            columns,
            rows,
            timing: scan.timing().cloned(),
            burned_in_annotation: scan.burned_in_annotation(),
        }
    }

    pub(super) fn lines(&self) -> Vec<[String; 2]> {
        let size = format!("{} × {} pixels, columns × rows", self.columns, self.rows);
        let timing = self.timing.as_ref().map(|timing| {
            format!(
                "{:.1} ms each, {:.1} per second ({:?})",
                timing.frame_time_ms,
                timing.rate(),
                timing.source
            )
        });
        let annotation = self.burned_in_annotation.map(|said| {
            let said = if said { "yes" } else { "no" };
            format!("the file says {said}, which proves nothing")
        });
        vec![
            row("kind", Some(self.sop_class.map_or_else(|| format!("{:?}", self.kind), str::to_owned))),
            row("transfer syntax", self.transfer_syntax.map(str::to_owned)),
            row("modality", self.modality.map(|modality| modality.as_str().to_owned())),
            row("size", Some(size)),
            row("frames", Some(text::count(self.frames.into()))),
            row("time between frames", timing),
            row("burned-in text", annotation),
        ]
    }
}

/// Of one frame, before anything is masked, and what the mask and the gate said.
#[derive(Serialize)]
pub(super) struct FrameFacts {
    /// From 1.
    pub(super) frame: u32,
    time_ms: Option<f64>,
    photometric_interpretation: Option<PhotometricInterpretation>,
    spacing: Option<Spacing>,
    depth_mm: Option<f64>,
    laterality: Option<Laterality>,
    anatomy: Option<Anatomy>,
    patient_orientation: Option<PatientOrientation>,
    image_orientation: Option<[f64; 6]>,
    marker_side: Option<MarkerSide>,
    regions: Vec<UltrasoundRegion>,
    region_notes: Vec<RegionNote>,
    lineage: Lineage,
    /// `None`: the pixels are withheld.
    pub(super) quality: Option<Quality>,
}

impl FrameFacts {
    pub(super) fn of(frame: &Frame, quality: Option<Quality>) -> Self {
        Self {
            frame: frame.index + 1,
            time_ms: frame.time_ms,
            photometric_interpretation: frame.photometric_interpretation,
            spacing: frame.spacing,
            depth_mm: frame.depth_mm,
            laterality: frame.laterality,
            anatomy: frame.anatomy,
            patient_orientation: frame.patient_orientation.clone(),
            image_orientation: frame.image_orientation,
            marker_side: frame.marker_side,
            regions: frame.regions.clone(),
            region_notes: frame.region_notes.clone(),
            lineage: frame.lineage.clone(),
            quality,
        }
    }

    /// What a clinician needs to know to trust the frame.
    pub(super) fn lines(&self) -> Vec<[String; 2]> {
        let spacing = self.spacing.map(|spacing| {
            let source = match spacing.source {
                SpacingSource::UltrasoundRegion => "of the ultrasound region",
                SpacingSource::PixelSpacing => "in the patient",
                SpacingSource::ImagerPixelSpacing => "at the detector, not in the patient",
            };
            format!(
                "{:.3} mm between rows, {:.3} mm between columns, {source}",
                spacing.row_mm, spacing.column_mm
            )
        });
        let anatomy = self.anatomy.map(|anatomy| match anatomy {
            Anatomy::BodyPart(part) => part.as_str().to_owned(),
            Anatomy::Snomed(code) => format!("SNOMED CT {code}"),
        });
        let orientation = self.patient_orientation.as_ref().map(|orientation| {
            let word = |all: &[bedside_imaging::PatientDirection]| {
                all.iter().map(|d| d.as_str()).collect::<String>()
            };
            format!("to the right {}, downwards {}", word(&orientation.row), word(&orientation.column))
        });
        let marker = self.marker_side.map(|side| format!("{side:?}").to_lowercase());
        let mut lines = vec![
            row("stored as", self.photometric_interpretation.map(|stored| stored.as_str().to_owned())),
            row("spacing", spacing),
            row("depth", self.depth_mm.map(|depth| format!("{depth:.0} mm"))),
            row("side of the body", self.laterality.map(|side| format!("{side:?}").to_lowercase())),
            row("part of the body", anatomy),
            row("orientation", orientation),
            row("probe marker", marker),
            row("ultrasound regions", Some(regions(&self.regions))),
        ];
        lines.extend(self.region_notes.iter().map(|note| {
            let what = format!("region {}: {}", note.item + 1, problem(&note.problem));
            ["".to_owned(), what]
        }));
        lines
    }
}

fn regions(regions: &[UltrasoundRegion]) -> String {
    if regions.is_empty() {
        return "none declared".to_owned();
    }
    let one = |region: &UltrasoundRegion| {
        let b = region.bounds;
        format!(
            "{:?} {:?} columns {}–{} rows {}–{}",
            region.spatial_format, region.data_type, b.left, b.right, b.top, b.bottom
        )
    };
    regions.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn problem(problem: &RegionProblem) -> String {
    match problem {
        RegionProblem::Clipped { declared: [left, top, right, bottom] } => {
            format!("reaches out of the picture (columns {left} to {right}, rows {top} to {bottom}): clipped")
        }
        RegionProblem::ScaleDoubtful => "its scale may be another picture's: not used".to_owned(),
        RegionProblem::Empty { .. } => "has no pixels in the picture: left out".to_owned(),
        RegionProblem::NoBounds => "states no bounds: left out".to_owned(),
        RegionProblem::Delta => "states no scale that can be meant: not used".to_owned(),
        RegionProblem::NotSpatial => {
            "is not scaled in centimetres both ways: no distance is read from it".to_owned()
        }
        RegionProblem::TooMany => "more regions than are read: left out".to_owned(),
    }
}

/// How the mask was decided, in words.
pub(super) fn mask_lines(mask: &PhiLineage) -> Vec<[String; 2]> {
    let basis = match mask.basis {
        bedside_imaging::MaskBasis::DeclaredRegions => "the declared regions (no sector was found)",
        bedside_imaging::MaskBasis::DetectedSector => "the sector found (no region is declared)",
        bedside_imaging::MaskBasis::Intersection => {
            "what lies in the declared regions and in the sector found"
        }
    };
    let kept = format!("{:.1} % of the picture: {basis}", mask.kept_share * 100.0);
    let text = text_within(mask);
    vec![
        row("kept by the mask", Some(kept)),
        row("text within", Some(text)),
        row("mind", Some(mask.caveat.to_owned())),
    ]
}

fn row(name: &str, value: Option<String>) -> [String; 2] {
    [name.to_owned(), value.unwrap_or_else(|| "unknown".to_owned())]
}

/// Lines that look like text within what the mask keeps, and what became of them.
pub(super) fn text_within(mask: &PhiLineage) -> String {
    let (found, out) = (mask.burned_in_lines, mask.burned_in_taken_out);
    let lines = |n: usize| if n == 1 { "1 line".to_owned() } else { format!("{n} lines") };
    match (found, found - out.min(found)) {
        (0, _) => "none seen".to_owned(),
        (_, 0) => format!("{}, made black", lines(found)),
        (_, left) => {
            format!("{} seen, {} made black: {} left: look at it", lines(found), lines(out), lines(left))
        }
    }
}
