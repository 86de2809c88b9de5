//! TABLE: everything a report can say, as codes. Every language renders from them; `text/` has a text for each.

use serde::{Deserialize, Serialize};

/// A code and the group of texts it is found in.
pub trait Code: Copy + 'static {
    /// Group of its texts.
    const GROUP: &'static str;
    /// All codes of the group.
    const ALL: &'static [Self];
    /// As reports and protocols spell it.
    fn as_str(self) -> &'static str;
}

macro_rules! codes {
    ($(#[$about:meta])* $name:ident of $group:literal { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As reports and protocols spell it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Of its spelling. `None`: there is no such code.
            pub fn of(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == text)
            }
        }

        impl Code for $name {
            const GROUP: &'static str = $group;
            const ALL: &'static [Self] = Self::ALL;

            fn as_str(self) -> &'static str {
                Self::as_str(self)
            }
        }
    };
}

codes! {
    /// A finding of a lung exam, spelt as the phantom's labels spell it.
    FindingCode of "finding" {
        /// A-lines.
        ALines = "a_lines",
        /// At least one B-line.
        BLines = "b_lines",
        /// Three B-lines or more in one intercostal space.
        BLinesSeveral = "b_lines_several",
        /// B-lines that run together.
        BLinesConfluent = "b_lines_confluent",
        /// Consolidation.
        Consolidation = "consolidation",
        /// Air bronchograms.
        AirBronchograms = "air_bronchograms",
        /// Pleural effusion.
        PleuralEffusion = "pleural_effusion",
        /// Irregular or thickened pleural line.
        IrregularPleura = "irregular_pleura",
    }
}

codes! {
    /// What an exam does not look for.
    NotAssessed of "not_assessed" {
        /// Pneumothorax.
        Pneumothorax = "pneumothorax",
        /// Sliding of the lung, and the lung pulse.
        LungSliding = "lung_sliding",
        /// Movement of the diaphragm.
        Diaphragm = "diaphragm",
        /// Heart and vessels.
        Heart = "heart",
        /// Anything at all that is no finding of the protocol.
        OtherFindings = "other_findings",
    }
}

codes! {
    /// Zones of the chest: the eight-zone protocol (Volpicelli et al. 2012), with the four posterior ones twelve.
    Zone of "zone" {
        /// Right upper anterior.
        RightUpperAnterior = "right_upper_anterior",
        /// Right lower anterior.
        RightLowerAnterior = "right_lower_anterior",
        /// Right upper lateral.
        RightUpperLateral = "right_upper_lateral",
        /// Right lower lateral.
        RightLowerLateral = "right_lower_lateral",
        /// Right upper posterior.
        RightUpperPosterior = "right_upper_posterior",
        /// Right lower posterior.
        RightLowerPosterior = "right_lower_posterior",
        /// Left upper anterior.
        LeftUpperAnterior = "left_upper_anterior",
        /// Left lower anterior.
        LeftLowerAnterior = "left_lower_anterior",
        /// Left upper lateral.
        LeftUpperLateral = "left_upper_lateral",
        /// Left lower lateral.
        LeftLowerLateral = "left_lower_lateral",
        /// Left upper posterior.
        LeftUpperPosterior = "left_upper_posterior",
        /// Left lower posterior.
        LeftLowerPosterior = "left_lower_posterior",
    }
}

codes! {
    /// What an exam is for.
    IntendedUse of "intended_use" {
        /// To show how the program works. Nobody is judged by it.
        Demonstration = "demonstration",
        /// To be read by qualified people as part of a study.
        Research = "research",
    }
}

codes! {
    /// What is said about a finding.
    State of "state" {
        /// Seen.
        Present = "present",
        /// Not seen.
        Absent = "absent",
        /// It cannot be told; see the reason.
        Indeterminate = "indeterminate",
        /// A raw score only: there is no calibration for such a scan.
        Uncalibrated = "uncalibrated",
        /// The scan was not judged.
        NotAssessable = "not_assessable",
    }
}

codes! {
    /// Why something cannot be told.
    Why of "why" {
        /// The score is like that of scans with and of scans without the finding.
        LikeBoth = "like_both",
        /// The score is unlike both.
        LikeNeither = "like_neither",
        /// The score lies on the other side of the threshold that the finding's role asks for.
        ThresholdDisagrees = "threshold_disagrees",
        /// Another finding that includes this one says the opposite.
        Contradiction = "contradiction",
        /// Nothing was fitted.
        NotCalibrated = "not_calibrated",
        /// What was fitted is for scans of another kind.
        OtherDomain = "other_domain",
        /// No part of the picture could be told to be the scan: everything else may show who the patient is.
        PixelsWithheld = "pixels_withheld",
        /// The picture is not good enough.
        Quality = "quality",
        /// The file says that it shows another part of the body.
        Anatomy = "anatomy",
    }
}

codes! {
    /// Whether a heatmap is shown.
    Localisation of "localisation" {
        /// Yes.
        Shown = "shown",
        /// The check of the maps on known lesions was not done.
        NotChecked = "not_checked",
        /// The check was not passed.
        NotPassed = "not_passed",
        /// Only present or indeterminate findings have one.
        NotNeeded = "not_needed",
    }
}

codes! {
    /// What an interval is.
    IntervalKind of "interval" {
        /// Middle 95 % of the probability over calibration fits to patients drawn again: the uncertainty of the fit,
        /// not of this scan.
        CalibrationBootstrap95 = "calibration_bootstrap_95",
    }
}

codes! {
    /// What a spread is over.
    SpreadKind of "spread" {
        /// The frames of the cine.
        Frames = "frames",
        /// Small changes of brightness and crop of a still.
        Changes = "changes",
    }
}

codes! {
    /// What all the findings say together. There is no "normal".
    Summary of "summary" {
        /// Some are present.
        SomeSeen = "some_seen",
        /// None is present, and every one could be told.
        NoneSeen = "none_seen",
        /// None is present; some could not be told.
        Indeterminate = "indeterminate",
        /// Raw scores only.
        RawScores = "raw_scores",
        /// The scan was not judged.
        NotAssessable = "not_assessable",
    }
}

codes! {
    /// What was measured of the picture.
    QualityCode of "quality" {
        /// The kind of machine that the file names.
        Modality = "modality",
        /// Whether the scan was told from the screen.
        Sector = "sector",
        /// One tone.
        Blank = "blank",
        /// Gain or contact too low.
        TooDark = "too_dark",
        /// Gain too high.
        Clipped = "clipped",
        /// Motion or focus.
        Blurred = "blurred",
        /// Too few pixels.
        TooSmall = "too_small",
        /// Unlike ultrasound.
        Look = "look",
        /// The depth shown.
        Depth = "depth",
        /// Sides of the scan cut off.
        TooZoomed = "too_zoomed",
        /// Contact lost at a side.
        DarkThird = "dark_third",
        /// No contact: the probe sees itself.
        Contact = "contact",
        /// The part of the body that the file names.
        Anatomy = "anatomy",
    }
}

codes! {
    /// What has to be said beside the findings.
    Notice of "notice" {
        /// For demonstration only.
        Demonstration = "demonstration",
        /// Not calibrated on real scans.
        NotCalibratedOnRealScans = "not_calibrated_on_real_scans",
        /// A mask is no proof that nothing identifying is left.
        MaskNotProof = "mask_not_proof",
        /// Lines that look like text were taken out of the picture.
        TextRemoved = "text_removed",
        /// Lines that look like text are still in the picture.
        TextLeft = "text_left",
        /// Some frames were not usable.
        FramesLeftOut = "frames_left_out",
        /// The picture is usable but not good.
        DoubtfulQuality = "doubtful_quality",
    }
}

codes! {
    /// What has to be said about a folder.
    Warning of "warning" {
        /// Scans of several patients lay together and were taken apart.
        SeveralPatients = "several_patients",
        /// Some scans name no patient; they were not put to anybody's.
        PatientUnknown = "patient_unknown",
        /// Scans of one patient are of several studies.
        SeveralStudies = "several_studies",
        /// Zones of the protocol without a scan.
        ZonesMissing = "zones_missing",
        /// Scans of which nobody said the zone.
        ZoneUnknown = "zone_unknown",
    }
}
