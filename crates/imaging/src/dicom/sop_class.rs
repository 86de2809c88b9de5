//! TABLE: the SOP classes that hold pictures.

use crate::scan::ScanKind;

/// Source: DICOM PS3.6 annex A, PS3.4 annex B.
const TABLE: &[(&str, &str, ScanKind)] = &[
    ("1.2.840.10008.5.1.4.1.1.6", "Ultrasound Image Storage (retired)", ScanKind::UltrasoundImage),
    ("1.2.840.10008.5.1.4.1.1.6.1", "Ultrasound Image Storage", ScanKind::UltrasoundImage),
    ("1.2.840.10008.5.1.4.1.1.6.2", "Enhanced US Volume Storage", ScanKind::UltrasoundMultiFrame),
    (
        "1.2.840.10008.5.1.4.1.1.3",
        "Ultrasound Multi-frame Image Storage (retired)",
        ScanKind::UltrasoundMultiFrame,
    ),
    ("1.2.840.10008.5.1.4.1.1.3.1", "Ultrasound Multi-frame Image Storage", ScanKind::UltrasoundMultiFrame),
    ("1.2.840.10008.5.1.4.1.1.7", "Secondary Capture Image Storage", ScanKind::SecondaryCapture),
    (
        "1.2.840.10008.5.1.4.1.1.7.1",
        "Multi-frame Single Bit Secondary Capture Image Storage",
        ScanKind::SecondaryCapture,
    ),
    (
        "1.2.840.10008.5.1.4.1.1.7.2",
        "Multi-frame Grayscale Byte Secondary Capture Image Storage",
        ScanKind::SecondaryCapture,
    ),
    (
        "1.2.840.10008.5.1.4.1.1.7.3",
        "Multi-frame Grayscale Word Secondary Capture Image Storage",
        ScanKind::SecondaryCapture,
    ),
    (
        "1.2.840.10008.5.1.4.1.1.7.4",
        "Multi-frame True Color Secondary Capture Image Storage",
        ScanKind::SecondaryCapture,
    ),
    ("1.2.840.10008.5.1.4.1.1.1", "Computed Radiography Image Storage", ScanKind::ComputedRadiography),
    (
        "1.2.840.10008.5.1.4.1.1.1.1",
        "Digital X-Ray Image Storage - For Presentation",
        ScanKind::DigitalRadiography,
    ),
    (
        "1.2.840.10008.5.1.4.1.1.1.1.1",
        "Digital X-Ray Image Storage - For Processing",
        ScanKind::DigitalRadiography,
    ),
    (
        "1.2.840.10008.5.1.4.1.1.1.2",
        "Digital Mammography X-Ray Image Storage - For Presentation",
        ScanKind::OtherDicom,
    ),
    ("1.2.840.10008.5.1.4.1.1.2", "CT Image Storage", ScanKind::OtherDicom),
    ("1.2.840.10008.5.1.4.1.1.2.1", "Enhanced CT Image Storage", ScanKind::OtherDicom),
    ("1.2.840.10008.5.1.4.1.1.4", "MR Image Storage", ScanKind::OtherDicom),
    ("1.2.840.10008.5.1.4.1.1.4.1", "Enhanced MR Image Storage", ScanKind::OtherDicom),
    ("1.2.840.10008.5.1.4.1.1.12.1", "X-Ray Angiographic Image Storage", ScanKind::OtherDicom),
    ("1.2.840.10008.5.1.4.1.1.12.2", "X-Ray Radiofluoroscopic Image Storage", ScanKind::OtherDicom),
    ("1.2.840.10008.5.1.4.1.1.20", "Nuclear Medicine Image Storage", ScanKind::OtherDicom),
    ("1.2.840.10008.5.1.4.1.1.128", "Positron Emission Tomography Image Storage", ScanKind::OtherDicom),
    ("1.2.840.10008.5.1.4.1.1.481.1", "RT Image Storage", ScanKind::OtherDicom),
    ("1.2.840.10008.5.1.4.1.1.481.2", "RT Dose Storage", ScanKind::OtherDicom),
    ("1.2.840.10008.5.1.4.1.1.66.4", "Segmentation Storage", ScanKind::OtherDicom),
    ("1.2.840.10008.5.1.4.1.1.77.1.1", "VL Endoscopic Image Storage", ScanKind::OtherDicom),
    ("1.2.840.10008.5.1.4.1.1.77.1.4", "VL Photographic Image Storage", ScanKind::OtherDicom),
];

/// Name and kind of that SOP class. `None`: not in the table.
pub(crate) fn of(uid: &str) -> Option<(&'static str, ScanKind)> {
    TABLE.iter().find(|(known, ..)| *known == uid).map(|(_, name, kind)| (*name, *kind))
}
