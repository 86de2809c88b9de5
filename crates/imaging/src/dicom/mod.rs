//! DICOM: from the bytes of a file to frames ready for display. Source: DICOM PS3.3, PS3.5, PS3.10.
//!
//! The reader is our own: it takes out of a file the attributes in `tags.rs` and the pixels of the frame that is
//! asked for, and nothing else, so a cine need not fit into memory and no identifier is read. Two things walk a file
//! once more for other attributes: a caller that asks who the patient is (`identification.rs`), and the export of a
//! header without identifiers (`deidentify/`).

mod colour;
mod deidentify;
mod encapsulated;
mod geometry;
mod grey;
mod identification;
mod image_pixel;
mod lookup;
mod open;
mod samples;
mod sop_class;
pub(crate) mod source;
mod tags;
mod timing;
mod transfer_syntax;
mod uid;
mod value;
mod walk;
mod write;

pub use deidentify::DeidentificationKey;
use encapsulated::Encapsulated;
use grey::{GreyAttributes, GreyTable};
pub use identification::{Identification, IdentityField};
use image_pixel::{ImagePixel, unsupported};
pub(crate) use open::looks_like_dicom;
use samples::Samples;
use source::Source;
pub use timing::{Timing, TimingSource};
use transfer_syntax::{PixelCoding, TransferSyntax};
pub use uid::content_uid;
use value::Dataset;
pub use write::{
    Equipment, Moment, RegionCalibration, SecondaryCapture, Series, UltrasoundObject,
    encode_secondary_capture, encode_ultrasound,
};

use crate::codec::{jpeg_dicom, jpeg_lossless, rle};
use crate::error::ImagingError;
use crate::frame::{Frame, LineageStep, Modality, PhotometricInterpretation, SourceFormat};
use crate::pixels::Pixels;
use crate::scan::ScanKind;

/// An opened DICOM file that holds pixels which can be decoded.
#[derive(Debug)]
pub(crate) struct DicomScan {
    source: Source,
    /// Where the data set begins.
    at: u64,
    syntax: TransferSyntax,
    sop_class: Option<(&'static str, ScanKind)>,
    dataset: Dataset,
    image: ImagePixel,
    layout: Layout,
    timing: Option<Timing>,
}

/// Where the frames lie.
#[derive(Debug)]
enum Layout {
    /// One behind the other from `at`.
    Native {
        at: u64,
        big_endian: bool,
        /// Samples of 8 bits in words of 16, high byte first: neighbours have changed places.
        swapped: bool,
    },
    Encapsulated(Encapsulated),
}

/// Samples that still have to be brought to 8 bits, or bytes that have not.
enum Decoded {
    Stored(Samples),
    /// JPEG: RGB, and whether it was YCbCr.
    Rgb(Vec<u8>, bool),
}

impl DicomScan {
    pub(crate) fn kind(&self) -> ScanKind {
        let ultrasound = match self.sop_class {
            Some((_, ScanKind::UltrasoundImage | ScanKind::UltrasoundMultiFrame)) => true,
            Some((_, kind)) => return kind,
            None => self.modality() == Some(Modality::Ultrasound),
        };
        match ultrasound {
            true if self.image.frames > 1 => ScanKind::UltrasoundMultiFrame,
            true => ScanKind::UltrasoundImage,
            false => ScanKind::OtherDicom,
        }
    }

    pub(crate) fn frames(&self) -> u32 {
        self.image.frames
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.image.columns, self.image.rows)
    }

    pub(crate) fn timing(&self) -> Option<&Timing> {
        self.timing.as_ref()
    }

    pub(crate) fn modality(&self) -> Option<Modality> {
        self.dataset.text(tags::MODALITY).and_then(Modality::of)
    }

    pub(crate) fn manufacturer_model_name(&self) -> Option<&str> {
        self.dataset.text(tags::MANUFACTURER_MODEL_NAME)
    }

    pub(crate) fn transfer_syntax(&self) -> &'static str {
        self.syntax.name
    }

    pub(crate) fn sop_class(&self) -> Option<&'static str> {
        self.sop_class.map(|(name, _)| name)
    }

    pub(crate) fn burned_in_annotation(&self) -> Option<bool> {
        match self.dataset.text(tags::BURNED_IN_ANNOTATION)? {
            "YES" => Some(true),
            "NO" => Some(false),
            _ => None,
        }
    }

    pub(crate) fn identification(&self) -> Result<Identification, ImagingError> {
        Identification::of(&self.source, self.at, self.syntax.encoding)
    }

    /// Decode one frame, which is one of those there are.
    pub(crate) fn frame(&self, index: u32) -> Result<Frame, ImagingError> {
        let decoded = self.decode(index)?;
        let mut steps = vec![LineageStep::Decoded {
            format: SourceFormat::Dicom,
            sop_class: self.sop_class(),
            transfer_syntax: Some(self.syntax.name),
        }];
        let pixels = self.display(index, decoded, &mut steps)?;
        let mut frame = Frame::new(pixels, index);
        steps.into_iter().for_each(|step| frame.lineage.push(step));
        self.describe(&mut frame);
        Ok(frame)
    }

    fn decode(&self, index: u32) -> Result<Decoded, ImagingError> {
        let image = &self.image;
        let (at, big_endian, swapped) = match &self.layout {
            Layout::Native { at, big_endian, swapped } => (*at, *big_endian, *swapped),
            Layout::Encapsulated(encapsulated) => {
                let bytes = encapsulated.read(&self.source, index)?;
                return self.decode_fragment(&bytes);
            }
        };
        let length = image.frame_bytes();
        let start = u64::from(index) * length;
        if swapped {
            let bytes = self.read_swapped(at, start, length)?;
            return Ok(Decoded::Stored(samples::native(&bytes, image, big_endian)));
        }
        let bytes = self.source.read("PixelData", at + start, length)?;
        Ok(Decoded::Stored(samples::native(&bytes, image, big_endian)))
    }

    /// Bytes that lie in words of big endian. Source: DICOM PS3.5 section 8.2, annex A.3.
    fn read_swapped(&self, at: u64, start: u64, length: u64) -> Result<Vec<u8>, ImagingError> {
        let skip = start % 2;
        let whole = (skip + length).next_multiple_of(2);
        let mut bytes = self.source.read("PixelData", at + start - skip, whole)?.into_owned();
        bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|word| word.reverse());
        bytes.truncate((skip + length) as usize);
        Ok(bytes.split_off(skip as usize))
    }

    fn decode_fragment(&self, bytes: &[u8]) -> Result<Decoded, ImagingError> {
        let image = &self.image;
        match self.syntax.pixels {
            PixelCoding::Rle => {
                let planes = image.samples * image.bits_allocated as usize / 8;
                let planes = rle::decode(bytes, planes, image.pixels())?;
                Ok(Decoded::Stored(samples::rle(&planes, image)))
            }
            PixelCoding::Jpeg => self.decode_jpeg(bytes),
            PixelCoding::JpegLossless => self.decode_lossless(bytes),
            PixelCoding::Native | PixelCoding::EncapsulatedNative => {
                let (expected, got) = (image.frame_bytes(), bytes.len() as u64);
                let whole = bytes.get(..expected as usize);
                let whole = whole.ok_or(ImagingError::Truncated { what: "fragment", expected, got })?;
                Ok(Decoded::Stored(samples::native(whole, image, false)))
            }
            PixelCoding::Refused(why) => Err(self.syntax.refuse(why)),
        }
    }

    fn decode_jpeg(&self, bytes: &[u8]) -> Result<Decoded, ImagingError> {
        let rgb = self.image.photometric == PhotometricInterpretation::Rgb;
        let (decoded, converted) = jpeg_dicom::decode(bytes, rgb).map_err(|error| match error {
            ImagingError::Unsupported { what, why, .. } => {
                let what = format!("{} ({}) with {what}", self.syntax.name, self.syntax.uid);
                ImagingError::Unsupported { format: "DICOM", what, why }
            }
            other => other,
        })?;
        let pixels = decoded.pixels;
        self.hold_size(pixels.width(), pixels.height(), pixels.channels().into())?;
        if pixels.channels() == 3 {
            return Ok(Decoded::Rgb(pixels.into_bytes(), converted));
        }
        let codes = pixels.into_bytes().into_iter().map(u16::from).collect();
        Ok(Decoded::Stored(Samples { codes, photometric: self.image.photometric }))
    }

    fn decode_lossless(&self, bytes: &[u8]) -> Result<Decoded, ImagingError> {
        let decoded = jpeg_lossless::decode(bytes)?;
        self.hold_size(decoded.columns, decoded.rows, decoded.components)?;
        if u32::from(decoded.precision) > self.image.bits_allocated {
            let (part, expected) = ("precision", "no more bits than BitsAllocated");
            let got = decoded.precision.to_string();
            return Err(ImagingError::Structure { format: "JPEG Lossless", part, expected, got });
        }
        // A writer may leave the sign, or overlays, in bits above those stored.
        let mask = (1_u32 << self.image.bits_stored) - 1;
        let shift = self.image.high_bit + 1 - self.image.bits_stored;
        let codes = decoded.samples.iter().map(|code| ((u32::from(*code) >> shift) & mask) as u16).collect();
        Ok(Decoded::Stored(Samples { codes, photometric: self.image.photometric }))
    }

    /// A compressed picture has the size that the data set states.
    fn hold_size(&self, columns: u32, rows: u32, samples: usize) -> Result<(), ImagingError> {
        let image = &self.image;
        if (columns, rows, samples) == (image.columns, image.rows, image.samples) {
            return Ok(());
        }
        let expected = "the picture's size and samples as in Columns, Rows and SamplesPerPixel";
        let stated = format!("{columns} x {rows} x {samples}");
        let got = format!("{stated} for {} x {} x {}", image.columns, image.rows, image.samples);
        Err(ImagingError::DicomElement { tag: tags::PIXEL_DATA.to_string(), expected, got })
    }

    /// Bring samples to 8 bits, grey or RGB.
    fn display(
        &self,
        index: u32,
        decoded: Decoded,
        steps: &mut Vec<LineageStep>,
    ) -> Result<Pixels, ImagingError> {
        use PhotometricInterpretation as P;
        let image = &self.image;
        let from = |from| LineageStep::ColourConverted { from };
        let (channels, bytes) = match decoded {
            Decoded::Rgb(bytes, converted) => {
                let stated = if image.photometric == P::Rgb { P::YbrFull } else { image.photometric };
                steps.extend(converted.then(|| from(stated)));
                (3, bytes)
            }
            Decoded::Stored(Samples { codes, photometric }) => match photometric {
                P::Monochrome1 | P::Monochrome2 => {
                    let (bytes, applied) = self.grey_table(index)?.apply(&codes);
                    steps.extend(applied);
                    (1, bytes)
                }
                P::PaletteColor => {
                    steps.push(from(photometric));
                    (3, colour::Palette::of(&self.dataset)?.apply(&codes))
                }
                P::Rgb => (3, colour::to_bytes(&codes, image.bits_stored)),
                P::YbrFull => {
                    let mut bytes = colour::to_bytes(&codes, image.bits_stored);
                    colour::ybr_full_to_rgb(&mut bytes);
                    steps.push(from(image.photometric));
                    (3, bytes)
                }
                other => {
                    let why = "it belongs to another transfer syntax";
                    return Err(unsupported(&format!("{} in {}", other.as_str(), self.syntax.name), why));
                }
            },
        };
        Pixels::new(image.columns, image.rows, channels, bytes)
    }

    fn grey_table(&self, index: u32) -> Result<GreyTable, ImagingError> {
        let group = |sequence| self.functional_group(index, sequence).unwrap_or(&self.dataset);
        let modality = group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
        let voi = group(tags::FRAME_VOI_LUT_SEQUENCE);
        GreyTable::of(&self.image, GreyAttributes { modality, voi, padding: &self.dataset })
    }

    /// The item of a functional group for a frame: its own, else the shared one.
    /// Source: DICOM PS3.3 C.7.6.16.
    fn functional_group(&self, index: u32, sequence: tags::Tag) -> Option<&Dataset> {
        let own = self.dataset.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).get(index as usize);
        let shared = self.dataset.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
        own.and_then(|group| group.items(sequence).first())
            .or_else(|| shared.and_then(|group| group.items(sequence).first()))
    }

    fn describe(&self, frame: &mut Frame) {
        let (columns, rows) = self.size();
        let anatomy = self.functional_group(frame.index, tags::FRAME_ANATOMY_SEQUENCE);
        let group = |sequence| self.functional_group(frame.index, sequence).unwrap_or(&self.dataset);
        let measures = group(tags::PIXEL_MEASURES_SEQUENCE);
        let plane = group(tags::PLANE_ORIENTATION_SEQUENCE);
        (frame.regions, frame.region_notes) = geometry::regions(&self.dataset, columns, rows);
        frame.time_ms = self.timing.as_ref().map(|timing| timing.time_ms(frame.index));
        frame.spacing = geometry::spacing(&frame.regions, measures, &self.dataset);
        frame.depth_mm = geometry::depth_mm(&frame.regions);
        frame.laterality = geometry::laterality(anatomy, &self.dataset);
        frame.anatomy = geometry::anatomy(anatomy, &self.dataset);
        frame.patient_orientation = geometry::patient_orientation(&self.dataset);
        frame.image_orientation = geometry::image_orientation(plane);
        frame.modality = self.modality();
        frame.photometric_interpretation = Some(self.image.photometric);
    }
}
