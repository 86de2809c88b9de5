//! The pictures of a report: PNG, and DICOM Secondary Capture.

use bedside_imaging::{
    DEMONSTRATION, Equipment, Figure, Identification, ImagingError, Moment, Pixels, SecondaryCapture, Series,
    encode_png, encode_secondary_capture,
};
use bedside_pipeline::{Report, captions};

use super::engine::Judged;
use crate::clock;

/// A picture and what it shows.
pub(crate) struct Picture {
    /// Code of the finding whose heatmap it has; `scan` for one without.
    pub(crate) name: &'static str,
    pub(crate) pixels: Pixels,
}

/// One picture for each heatmap, or one without where there is none; nothing where the pixels are withheld.
/// Errors: those of drawing.
pub(crate) fn pictures(judged: &Judged) -> Result<Vec<Picture>, ImagingError> {
    let report = &judged.report;
    let mut all = Vec::new();
    for finding in &report.findings {
        let Some(heat) = &finding.heat else { continue };
        let overlay = heat.overlay()?;
        let name = format!("{}: what speaks for it", bedside_pipeline::Language::English.word(finding.code));
        let figure = figure(judged, heat.frame, Some((&overlay, &name)))?;
        all.extend(figure.map(|pixels| Picture { name: finding.code.as_str(), pixels }));
    }
    if all.is_empty() {
        let first = judged.frames.first().map_or(0, |frame| frame.index);
        let frame = report.scan.key_frame.unwrap_or(first);
        all.extend(figure(judged, frame, None)?.map(|pixels| Picture { name: "scan", pixels }));
    }
    Ok(all)
}

fn figure(
    judged: &Judged,
    index: u32,
    heatmap: Option<(&bedside_imaging::Heatmap, &str)>,
) -> Result<Option<Pixels>, ImagingError> {
    let frame = judged.frames.iter().find(|frame| frame.index == index);
    let (Some(frame), Some(mask)) = (frame, &judged.mask) else { return Ok(None) };
    let lines = captions(&judged.report);
    let caption: Vec<&str> = lines.iter().map(String::as_str).collect();
    let watermark = watermark(&judged.report);
    let figure = Figure { frame: &frame.pixels, mask: mask.mask(), heatmap, caption: &caption, watermark };
    figure.render().map(Some)
}

fn watermark(report: &Report) -> Option<&'static str> {
    report.watermarked().then_some(DEMONSTRATION)
}

/// As a PNG file. Errors: those of the encoder.
pub(crate) fn png(picture: &Picture) -> Result<Vec<u8>, ImagingError> {
    encode_png(&picture.pixels)
}

/// As a DICOM file of the same study, for the archive that has the scan.
/// Errors: those of the writer.
pub(crate) fn secondary_capture(
    picture: &Picture,
    report: &Report,
    identification: Option<&Identification>,
    number: u32,
) -> Result<Vec<u8>, ImagingError> {
    let (date, time) = clock::dicom(clock::read().unix_ms);
    let moment = Moment { date, time };
    let demonstration = if report.watermarked() { "Demonstration, not for diagnosis. " } else { "" };
    let short = report.model.get(..16).unwrap_or_default();
    let derivation = format!(
        "{demonstration}Bedside {}: protocol {}, model {short}, {}, {}",
        env!("CARGO_PKG_VERSION"),
        report.protocol,
        report.executor,
        picture.name,
    );
    let capture = SecondaryCapture {
        series: Series {
            identification: identification.cloned().unwrap_or_default(),
            description: "Bedside findings".to_owned(),
            instance_number: Some(number),
            content: Some(moment.clone()),
            equipment: Equipment {
                manufacturer: "Bedside".to_owned(),
                model_name: "bedside scan".to_owned(),
                software_versions: env!("CARGO_PKG_VERSION").to_owned(),
            },
            ..Series::default()
        },
        derivation,
        captured: Some(moment),
        // Text is looked for and made black, which proves nothing; the caption holds no name.
        burned_in_annotation: None,
        lossy: None,
    };
    encode_secondary_capture(&picture.pixels, &capture)
}
