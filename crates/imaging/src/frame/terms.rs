//! TABLE: the terms of DICOM that a frame may carry. A text that is not here is not kept: it might be a name.

use serde::Serialize;

/// An enum out of the strings that DICOM writes, and back.
macro_rules! terms {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// Of the attribute's value, padding removed. `None`: not in the table.
            pub fn of(text: &str) -> Option<Self> {
                match text.trim_matches([' ', '\0']) { $($text => Some(Self::$variant),)* _ => None }
            }

            /// As DICOM writes it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

terms! {
    /// `PhotometricInterpretation` (0028,0004). Source: DICOM PS3.3 C.7.6.3.1.2.
    PhotometricInterpretation {
        /// Grey, the lowest value is white.
        Monochrome1 = "MONOCHROME1",
        /// Grey, the lowest value is black.
        Monochrome2 = "MONOCHROME2",
        /// Indices into a palette.
        PaletteColor = "PALETTE COLOR",
        /// Red, green, blue.
        Rgb = "RGB",
        /// Luminance and colour differences, all of full range.
        YbrFull = "YBR_FULL",
        /// The same, colour stored for every second column.
        YbrFull422 = "YBR_FULL_422",
        /// Video range, colour stored for every second column (retired).
        YbrPartial422 = "YBR_PARTIAL_422",
        /// Video range, colour stored for every second column and row.
        YbrPartial420 = "YBR_PARTIAL_420",
        /// JPEG 2000, irreversible.
        YbrIct = "YBR_ICT",
        /// JPEG 2000, reversible.
        YbrRct = "YBR_RCT",
        /// JPEG XL.
        Xyb = "XYB",
        /// Hue, saturation, value (retired).
        Hsv = "HSV",
        /// Alpha, red, green, blue (retired).
        Argb = "ARGB",
        /// Inks (retired).
        Cmyk = "CMYK",
    }
}

terms! {
    /// `Modality` (0008,0060). Source: DICOM PS3.3 C.7.3.1.1.1, those that make pictures.
    Modality {
        /// Ultrasound.
        Ultrasound = "US",
        /// Intravascular ultrasound.
        IntravascularUltrasound = "IVUS",
        /// Computed radiography.
        ComputedRadiography = "CR",
        /// Digital radiography.
        DigitalRadiography = "DX",
        /// Radio fluoroscopy.
        Fluoroscopy = "RF",
        /// Radiography, film digitized.
        RadiographicFilm = "RG",
        /// X-ray angiography.
        Angiography = "XA",
        /// Mammography.
        Mammography = "MG",
        /// Intraoral radiography.
        IntraoralRadiography = "IO",
        /// Panoramic X-ray.
        PanoramicXRay = "PX",
        /// Computed tomography.
        ComputedTomography = "CT",
        /// Magnetic resonance.
        MagneticResonance = "MR",
        /// Nuclear medicine.
        NuclearMedicine = "NM",
        /// Positron emission tomography.
        PositronEmission = "PT",
        /// Optical coherence tomography.
        OpticalCoherence = "OCT",
        /// Ophthalmic photography.
        OphthalmicPhotography = "OP",
        /// Endoscopy.
        Endoscopy = "ES",
        /// External-camera photography.
        Photography = "XC",
        /// General microscopy.
        Microscopy = "GM",
        /// Slide microscopy.
        SlideMicroscopy = "SM",
        /// Radiotherapy image.
        RadiotherapyImage = "RTIMAGE",
        /// Radiotherapy dose.
        RadiotherapyDose = "RTDOSE",
        /// Segmentation.
        Segmentation = "SEG",
        /// Secondary capture (not of the table, but written).
        SecondaryCapture = "SC",
        /// Other.
        Other = "OT",
    }
}

terms! {
    /// `Laterality` (0020,0060), `ImageLaterality` (0020,0062).
    Laterality {
        /// Right.
        Right = "R",
        /// Left.
        Left = "L",
        /// Both.
        Both = "B",
        /// Unpaired.
        Unpaired = "U",
    }
}

terms! {
    /// `BodyPartExamined` (0018,0015). Source: DICOM PS3.16 annex L, those that ultrasound or a chest
    /// picture meets.
    BodyPart {
        /// Abdomen.
        Abdomen = "ABDOMEN",
        /// Abdomen and pelvis.
        AbdomenPelvis = "ABDOMENPELVIS",
        /// Ankle.
        Ankle = "ANKLE",
        /// Aorta.
        Aorta = "AORTA",
        /// Appendix.
        Appendix = "APPENDIX",
        /// Arm.
        Arm = "ARM",
        /// Axilla.
        Axilla = "AXILLA",
        /// Back.
        Back = "BACK",
        /// Bile duct.
        BileDuct = "BILEDUCT",
        /// Bladder.
        Bladder = "BLADDER",
        /// Brain.
        Brain = "BRAIN",
        /// Breast.
        Breast = "BREAST",
        /// Carotid artery.
        Carotid = "CAROTID",
        /// Chest.
        Chest = "CHEST",
        /// Chest and abdomen.
        ChestAbdomen = "CHESTABDOMEN",
        /// Cervical spine.
        CervicalSpine = "CSPINE",
        /// Elbow.
        Elbow = "ELBOW",
        /// Extremity.
        Extremity = "EXTREMITY",
        /// Eye.
        Eye = "EYE",
        /// Fetus (a term that machines write).
        Fetus = "FETUS",
        /// Foot.
        Foot = "FOOT",
        /// Gallbladder.
        Gallbladder = "GALLBLADDER",
        /// Groin.
        Groin = "GROIN",
        /// Hand.
        Hand = "HAND",
        /// Head.
        Head = "HEAD",
        /// Heart.
        Heart = "HEART",
        /// Hip.
        Hip = "HIP",
        /// Kidney.
        Kidney = "KIDNEY",
        /// Knee.
        Knee = "KNEE",
        /// Leg.
        Leg = "LEG",
        /// Liver.
        Liver = "LIVER",
        /// Lumbar spine.
        LumbarSpine = "LSPINE",
        /// Lung.
        Lung = "LUNG",
        /// Mediastinum.
        Mediastinum = "MEDIASTINUM",
        /// Neck.
        Neck = "NECK",
        /// Ovary.
        Ovary = "OVARY",
        /// Pancreas.
        Pancreas = "PANCREAS",
        /// Pelvis.
        Pelvis = "PELVIS",
        /// Pleura.
        Pleura = "PLEURA",
        /// Prostate.
        Prostate = "PROSTATE",
        /// Rib.
        Rib = "RIB",
        /// Scrotum.
        Scrotum = "SCROTUM",
        /// Shoulder.
        Shoulder = "SHOULDER",
        /// Skull.
        Skull = "SKULL",
        /// Spine.
        Spine = "SPINE",
        /// Spleen.
        Spleen = "SPLEEN",
        /// Sternum.
        Sternum = "STERNUM",
        /// Testis.
        Testis = "TESTIS",
        /// Thigh.
        Thigh = "THIGH",
        /// Thyroid.
        Thyroid = "THYROID",
        /// Thoracic spine.
        ThoracicSpine = "TSPINE",
        /// Uterus.
        Uterus = "UTERUS",
        /// Whole body.
        WholeBody = "WHOLEBODY",
        /// Wrist.
        Wrist = "WRIST",
    }
}

terms! {
    /// A main direction in the patient. Source: DICOM PS3.3 C.7.6.1.1.1, bipeds.
    PatientDirection {
        /// Anterior.
        Anterior = "A",
        /// Posterior.
        Posterior = "P",
        /// Right.
        Right = "R",
        /// Left.
        Left = "L",
        /// Towards the head.
        Head = "H",
        /// Towards the feet.
        Foot = "F",
    }
}

/// `PatientOrientation` (0020,0020): where the rows and the columns point to, main direction first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PatientOrientation {
    /// To the right of the picture: 1 to 3 directions.
    pub row: Vec<PatientDirection>,
    /// Downwards: 1 to 3 directions.
    pub column: Vec<PatientDirection>,
}

impl PatientOrientation {
    /// Of the attribute's two values. `None`: not understood.
    pub fn of(row: &str, column: &str) -> Option<Self> {
        let directions = |text: &str| {
            let text = text.trim_matches([' ', '\0']);
            let of = |c: char| PatientDirection::of(c.encode_utf8(&mut [0; 4]));
            let all: Option<Vec<_>> = text.chars().take(4).map(of).collect();
            all.filter(|all| (1..=3).contains(&all.len()))
        };
        Some(Self { row: directions(row)?, column: directions(column)? })
    }
}

/// Part of the body that a frame shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Anatomy {
    /// `BodyPartExamined` (0018,0015), of the table.
    BodyPart(BodyPart),
    /// `AnatomicRegionSequence` (0008,2218): a SNOMED CT concept, of the scheme `SCT`.
    Snomed(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_as_dicom_writes_them_and_no_other_text_is_kept() {
        assert_eq!(PhotometricInterpretation::of("RGB "), Some(PhotometricInterpretation::Rgb));
        assert_eq!(PhotometricInterpretation::YbrFull422.as_str(), "YBR_FULL_422");
        assert_eq!(BodyPart::of("LUNG\0"), Some(BodyPart::Lung));
        assert_eq!(BodyPart::of("PLANTED NAME"), None);
        assert_eq!(Modality::of("US"), Some(Modality::Ultrasound));
    }

    #[test]
    fn orientation_has_one_to_three_directions_each_way() {
        use PatientDirection::{Foot, Left, Posterior};
        let expected = PatientOrientation { row: vec![Left, Posterior], column: vec![Foot] };
        assert_eq!(PatientOrientation::of("LP", "F "), Some(expected));
        for (row, column) in [("", "F"), ("L", ""), ("LX", "F"), ("LPHF", "F"), ("PLANTED", "L")] {
            assert_eq!(PatientOrientation::of(row, column), None, "{row} {column}");
        }
    }
}
