//! TABLE: the attributes that are read. A value that is not in this table is never taken out of a file, so
//! that no name, number or date of a patient is in memory at all.

use std::fmt;

/// An attribute: its tag, the value representation it has where the file does not say, and its keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) code: u32,
    pub(crate) vr: [u8; 2],
    pub(crate) keyword: &'static str,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.keyword, tag_text(self.code))
    }
}

/// A tag as the standard writes it.
pub(crate) fn tag_text(code: u32) -> String {
    format!("({:04X},{:04X})", code >> 16, code & 0xFFFF)
}

macro_rules! tags {
    ($($name:ident = $code:literal $vr:literal $keyword:literal;)*) => {
        $(pub(crate) const $name: Tag = Tag { code: $code, vr: *$vr, keyword: $keyword };)*

        /// Every attribute that is read.
        const WANTED: &[Tag] = &[$($name),*];
    };
}

// Source: DICOM PS3.6.
tags! {
    TRANSFER_SYNTAX_UID = 0x0002_0010 b"UI" "TransferSyntaxUID";
    SOP_CLASS_UID = 0x0008_0016 b"UI" "SOPClassUID";
    MODALITY = 0x0008_0060 b"CS" "Modality";
    CODE_VALUE = 0x0008_0100 b"SH" "CodeValue";
    CODING_SCHEME_DESIGNATOR = 0x0008_0102 b"SH" "CodingSchemeDesignator";
    MANUFACTURER_MODEL_NAME = 0x0008_1090 b"LO" "ManufacturerModelName";
    RECOMMENDED_DISPLAY_FRAME_RATE = 0x0008_2144 b"IS" "RecommendedDisplayFrameRate";
    ANATOMIC_REGION_SEQUENCE = 0x0008_2218 b"SQ" "AnatomicRegionSequence";
    BODY_PART_EXAMINED = 0x0018_0015 b"CS" "BodyPartExamined";
    CINE_RATE = 0x0018_0040 b"IS" "CineRate";
    FRAME_TIME = 0x0018_1063 b"DS" "FrameTime";
    FRAME_TIME_VECTOR = 0x0018_1065 b"DS" "FrameTimeVector";
    IMAGER_PIXEL_SPACING = 0x0018_1164 b"DS" "ImagerPixelSpacing";
    SEQUENCE_OF_ULTRASOUND_REGIONS = 0x0018_6011 b"SQ" "SequenceOfUltrasoundRegions";
    REGION_SPATIAL_FORMAT = 0x0018_6012 b"US" "RegionSpatialFormat";
    REGION_DATA_TYPE = 0x0018_6014 b"US" "RegionDataType";
    REGION_FLAGS = 0x0018_6016 b"UL" "RegionFlags";
    REGION_LOCATION_MIN_X0 = 0x0018_6018 b"UL" "RegionLocationMinX0";
    REGION_LOCATION_MIN_Y0 = 0x0018_601A b"UL" "RegionLocationMinY0";
    REGION_LOCATION_MAX_X1 = 0x0018_601C b"UL" "RegionLocationMaxX1";
    REGION_LOCATION_MAX_Y1 = 0x0018_601E b"UL" "RegionLocationMaxY1";
    REFERENCE_PIXEL_X0 = 0x0018_6020 b"SL" "ReferencePixelX0";
    REFERENCE_PIXEL_Y0 = 0x0018_6022 b"SL" "ReferencePixelY0";
    PHYSICAL_UNITS_X_DIRECTION = 0x0018_6024 b"US" "PhysicalUnitsXDirection";
    PHYSICAL_UNITS_Y_DIRECTION = 0x0018_6026 b"US" "PhysicalUnitsYDirection";
    PHYSICAL_DELTA_X = 0x0018_602C b"FD" "PhysicalDeltaX";
    PHYSICAL_DELTA_Y = 0x0018_602E b"FD" "PhysicalDeltaY";
    PATIENT_ORIENTATION = 0x0020_0020 b"CS" "PatientOrientation";
    IMAGE_ORIENTATION_PATIENT = 0x0020_0037 b"DS" "ImageOrientationPatient";
    LATERALITY = 0x0020_0060 b"CS" "Laterality";
    IMAGE_LATERALITY = 0x0020_0062 b"CS" "ImageLaterality";
    FRAME_ANATOMY_SEQUENCE = 0x0020_9071 b"SQ" "FrameAnatomySequence";
    FRAME_LATERALITY = 0x0020_9072 b"CS" "FrameLaterality";
    PLANE_ORIENTATION_SEQUENCE = 0x0020_9116 b"SQ" "PlaneOrientationSequence";
    SAMPLES_PER_PIXEL = 0x0028_0002 b"US" "SamplesPerPixel";
    PHOTOMETRIC_INTERPRETATION = 0x0028_0004 b"CS" "PhotometricInterpretation";
    PLANAR_CONFIGURATION = 0x0028_0006 b"US" "PlanarConfiguration";
    NUMBER_OF_FRAMES = 0x0028_0008 b"IS" "NumberOfFrames";
    ROWS = 0x0028_0010 b"US" "Rows";
    COLUMNS = 0x0028_0011 b"US" "Columns";
    PIXEL_SPACING = 0x0028_0030 b"DS" "PixelSpacing";
    BITS_ALLOCATED = 0x0028_0100 b"US" "BitsAllocated";
    BITS_STORED = 0x0028_0101 b"US" "BitsStored";
    HIGH_BIT = 0x0028_0102 b"US" "HighBit";
    PIXEL_REPRESENTATION = 0x0028_0103 b"US" "PixelRepresentation";
    PIXEL_PADDING_VALUE = 0x0028_0120 b"US" "PixelPaddingValue";
    PIXEL_PADDING_RANGE_LIMIT = 0x0028_0121 b"US" "PixelPaddingRangeLimit";
    BURNED_IN_ANNOTATION = 0x0028_0301 b"CS" "BurnedInAnnotation";
    WINDOW_CENTER = 0x0028_1050 b"DS" "WindowCenter";
    WINDOW_WIDTH = 0x0028_1051 b"DS" "WindowWidth";
    RESCALE_INTERCEPT = 0x0028_1052 b"DS" "RescaleIntercept";
    RESCALE_SLOPE = 0x0028_1053 b"DS" "RescaleSlope";
    VOI_LUT_FUNCTION = 0x0028_1056 b"CS" "VOILUTFunction";
    RED_DESCRIPTOR = 0x0028_1101 b"US" "RedPaletteColorLookupTableDescriptor";
    GREEN_DESCRIPTOR = 0x0028_1102 b"US" "GreenPaletteColorLookupTableDescriptor";
    BLUE_DESCRIPTOR = 0x0028_1103 b"US" "BluePaletteColorLookupTableDescriptor";
    RED_DATA = 0x0028_1201 b"OW" "RedPaletteColorLookupTableData";
    GREEN_DATA = 0x0028_1202 b"OW" "GreenPaletteColorLookupTableData";
    BLUE_DATA = 0x0028_1203 b"OW" "BluePaletteColorLookupTableData";
    SEGMENTED_RED_DATA = 0x0028_1221 b"OW" "SegmentedRedPaletteColorLookupTableData";
    SEGMENTED_GREEN_DATA = 0x0028_1222 b"OW" "SegmentedGreenPaletteColorLookupTableData";
    SEGMENTED_BLUE_DATA = 0x0028_1223 b"OW" "SegmentedBluePaletteColorLookupTableData";
    MODALITY_LUT_SEQUENCE = 0x0028_3000 b"SQ" "ModalityLUTSequence";
    LUT_DESCRIPTOR = 0x0028_3002 b"US" "LUTDescriptor";
    LUT_DATA = 0x0028_3006 b"OW" "LUTData";
    VOI_LUT_SEQUENCE = 0x0028_3010 b"SQ" "VOILUTSequence";
    PIXEL_MEASURES_SEQUENCE = 0x0028_9110 b"SQ" "PixelMeasuresSequence";
    FRAME_VOI_LUT_SEQUENCE = 0x0028_9132 b"SQ" "FrameVOILUTSequence";
    PIXEL_VALUE_TRANSFORMATION_SEQUENCE = 0x0028_9145 b"SQ" "PixelValueTransformationSequence";
    SHARED_FUNCTIONAL_GROUPS_SEQUENCE = 0x5200_9229 b"SQ" "SharedFunctionalGroupsSequence";
    PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE = 0x5200_9230 b"SQ" "PerFrameFunctionalGroupsSequence";
    EXTENDED_OFFSET_TABLE = 0x7FE0_0001 b"OV" "ExtendedOffsetTable";
    FLOAT_PIXEL_DATA = 0x7FE0_0008 b"OF" "FloatPixelData";
    DOUBLE_FLOAT_PIXEL_DATA = 0x7FE0_0009 b"OD" "DoubleFloatPixelData";
    PIXEL_DATA = 0x7FE0_0010 b"OW" "PixelData";
}

/// The attribute of that tag, if its value is read.
pub(crate) fn wanted(code: u32) -> Option<Tag> {
    WANTED.binary_search_by_key(&code, |tag| tag.code).ok().map(|place| WANTED[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_names_no_patient() {
        assert!(WANTED.is_sorted_by_key(|tag| tag.code));
        assert_eq!(wanted(0x0028_0010), Some(ROWS));
        assert_eq!(ROWS.to_string(), "Rows (0028,0010)");
        // Group 0010 is the patient; 0008,0020 to 0008,0050 are dates and numbers of the visit.
        assert!(
            !WANTED
                .iter()
                .any(|tag| tag.code >> 16 == 0x0010 || (0x0008_0020..=0x0008_0050).contains(&tag.code))
        );
    }
}
