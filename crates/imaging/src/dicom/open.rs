//! Opening a DICOM file: file meta information or none, deflated or not, and whether its pixels can be read.

use std::io::Read;

use dicom_encoding::transfer_syntax::{Codec, TransferSyntaxIndex};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::encapsulated::Encapsulated;
use super::image_pixel::{ImagePixel, missing, unsupported, wrong};
use super::source::Source;
use super::tags;
use super::timing::Timing;
use super::transfer_syntax::{
    self, EXPLICIT_BIG, EXPLICIT_LITTLE, Encoding, IMPLICIT_LITTLE, PixelCoding, TransferSyntax,
};
use super::value::Dataset;
use super::walk::{self, Contents, PixelElement};
use super::{DicomScan, Layout, sop_class};
use crate::error::ImagingError;
use crate::excerpt::excerpt;
use crate::frame::PhotometricInterpretation;
use crate::limits::{MAX_DICOM_FILE_BYTES, MAX_DICOM_INFLATED_BYTES};

const PREAMBLE_BYTES: u64 = 128;

/// What begins at the start of the data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// File meta information, from this offset.
    Meta(u64),
    /// The data set itself.
    Dataset(Encoding),
}

/// Whether the source is DICOM, with or without preamble and file meta information.
pub(crate) fn looks_like_dicom(source: &Source) -> Result<bool, ImagingError> {
    start(source).map(|start| start.is_some())
}

fn start(source: &Source) -> Result<Option<Start>, ImagingError> {
    let length = source.length();
    if length >= PREAMBLE_BYTES + 4 && source.read("preamble", PREAMBLE_BYTES, 4)?[..] == *b"DICM" {
        return Ok(Some(Start::Meta(PREAMBLE_BYTES + 4)));
    }
    let Ok(first) = source.read("first element", 0, 8) else { return Ok(None) };
    let Some(first) = first.first_chunk::<8>() else { return Ok(None) };
    if first.starts_with(b"DICM\x02\0") {
        return Ok(Some(Start::Meta(4)));
    }
    Ok(guess(*first, length))
}

/// By the header of the first element: data sets begin in group 0008, file meta information in 0002.
fn guess(first: [u8; 8], length: u64) -> Option<Start> {
    let [g0, g1, e0, e1, v0, v1, l0, l1] = first;
    let has_vr = v0.is_ascii_uppercase() && v1.is_ascii_uppercase();
    match ([g0, g1], has_vr) {
        ([2, 0], true) => Some(Start::Meta(0)),
        // Command groups and odd elements are nothing a data set begins with.
        ([8, 0], true) if e1 <= 0x11 => Some(Start::Dataset(EXPLICIT_LITTLE)),
        ([0, 8], true) if e0 <= 0x11 => Some(Start::Dataset(EXPLICIT_BIG)),
        ([8, 0], false) if e1 <= 0x11 => {
            let value = u64::from(u32::from_le_bytes([v0, v1, l0, l1]));
            (value < length).then_some(Start::Dataset(IMPLICIT_LITTLE))
        }
        _ => None,
    }
}

impl DicomScan {
    /// Errors: every one that names DICOM, `TransferSyntax`, `Limit`, `Truncated`, `ZeroSize`, `File`.
    pub(crate) fn open(source: Source) -> Result<Self, ImagingError> {
        ImagingError::hold("bytes of a DICOM file", source.length(), MAX_DICOM_FILE_BYTES)?;
        let (syntax, at) = read_syntax(&source)?;
        let (source, at) = if syntax.deflated { (inflate(&source, at, &syntax)?, 0) } else { (source, at) };
        let Contents { dataset, pixels } = walk::walk(&source, at, syntax.encoding, &tags::wanted)?;
        let sop_class = dataset.text(tags::SOP_CLASS_UID).and_then(sop_class::of);
        let pixels = pixels.ok_or_else(|| missing(tags::PIXEL_DATA, "there is no picture without it"))?;
        if pixels.code != tags::PIXEL_DATA.code {
            let tag = [tags::FLOAT_PIXEL_DATA, tags::DOUBLE_FLOAT_PIXEL_DATA]
                .into_iter()
                .find(|tag| tag.code == pixels.code);
            let what = tag.map_or_else(|| tags::tag_text(pixels.code), |tag| tag.to_string());
            return Err(unsupported(&what, "floating-point pixels are maps of measurements, not pictures"));
        }
        if let PixelCoding::Refused(why) = syntax.pixels {
            return Err(syntax.refuse(why));
        }
        let mut image = ImagePixel::of(&dataset)?;
        hold_combination(&syntax, &image)?;
        let layout = layout(&source, pixels, &dataset, &mut image, &syntax)?;
        let timing = Timing::of(&dataset, image.frames);
        Ok(Self { source, at, syntax, sop_class, dataset, image, layout, timing })
    }
}

/// The transfer syntax, and where the data set begins.
fn read_syntax(source: &Source) -> Result<(TransferSyntax, u64), ImagingError> {
    let guessed = |at| -> Result<(TransferSyntax, u64), ImagingError> {
        let left = source.length() - at;
        let first = source.read("first element", at, 8)?;
        match first.first_chunk::<8>().and_then(|first| guess(*first, left)) {
            Some(Start::Dataset(encoding)) => Ok((transfer_syntax::guessed(encoding), at)),
            _ => Err(missing(tags::TRANSFER_SYNTAX_UID, "the content does not tell it either")),
        }
    };
    match start(source)? {
        Some(Start::Meta(at)) => {
            let (meta, at) = walk::walk_meta(source, at)?;
            match meta.text(tags::TRANSFER_SYNTAX_UID) {
                Some(uid) => Ok((*transfer_syntax::of(uid)?, at)),
                None => guessed(at),
            }
        }
        Some(Start::Dataset(encoding)) => Ok((transfer_syntax::guessed(encoding), 0)),
        None => guessed(0),
    }
}

/// A deflated data set, inflated up to a limit. Source: DICOM PS3.5 annex A.5.
fn inflate(source: &Source, at: u64, syntax: &TransferSyntax) -> Result<Source, ImagingError> {
    let registered = TransferSyntaxRegistry.get(syntax.uid).map(dicom_encoding::TransferSyntax::codec);
    let Some(Codec::Dataset(Some(adapter))) = registered else {
        return Err(syntax.refuse("this build cannot inflate"));
    };
    let deflated =
        source.read("deflated data set", at, (source.length() - at).min(MAX_DICOM_INFLATED_BYTES))?;
    let mut bytes = Vec::new();
    adapter
        .adapt_reader(Box::new(std::io::Cursor::new(deflated.into_owned())))
        .take(MAX_DICOM_INFLATED_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| ImagingError::Decode { format: "deflated data set", problem: excerpt(error) })?;
    ImagingError::hold("bytes of an inflated data set", bytes.len() as u64, MAX_DICOM_INFLATED_BYTES)?;
    Ok(Source::Memory(bytes))
}

/// Which photometric interpretations and depths go with which coding.
fn hold_combination(syntax: &TransferSyntax, image: &ImagePixel) -> Result<(), ImagingError> {
    use PhotometricInterpretation as P;
    let refuse = |why| {
        let what = format!("{} ({}) with {}", syntax.name, syntax.uid, image.photometric.as_str());
        Err(unsupported(&what, why))
    };
    match (syntax.pixels, image.photometric) {
        (_, P::YbrIct | P::YbrRct | P::Xyb) => refuse("it belongs to another transfer syntax"),
        (PixelCoding::Jpeg, P::PaletteColor) => refuse("lossy indices mean no colours"),
        (PixelCoding::Jpeg, _) if image.bits_stored != 8 => {
            Err(syntax.refuse("there is no decoder for JPEG of other than 8 bits in this build"))
        }
        (PixelCoding::Rle | PixelCoding::JpegLossless, P::YbrFull422) => {
            refuse("these store all colours, or the file lies about them")
        }
        (PixelCoding::Native | PixelCoding::EncapsulatedNative, P::YbrFull422)
            if !image.columns.is_multiple_of(2) =>
        {
            refuse("pairs of pixels need an even number of columns")
        }
        (_, P::YbrFull | P::YbrFull422) if image.bits_stored != 8 => {
            refuse("colour differences are converted at 8 bits only")
        }
        _ => Ok(()),
    }
}

/// Where the frames lie. Corrects YBR_FULL_422 where the file has all colours after all.
fn layout(
    source: &Source,
    pixels: PixelElement,
    dataset: &Dataset,
    image: &mut ImagePixel,
    syntax: &TransferSyntax,
) -> Result<Layout, ImagingError> {
    let native = syntax.pixels == PixelCoding::Native;
    match (pixels.length, native) {
        (Some(length), true) => {
            let frames = u64::from(image.frames);
            let all_colours = image.pixels() as u64 * 3 * frames;
            if image.photometric == PhotometricInterpretation::YbrFull422 && length >= all_colours {
                image.photometric = PhotometricInterpretation::YbrFull;
            }
            let expected = image.frame_bytes() * frames;
            if length < expected {
                return Err(ImagingError::Truncated { what: "PixelData (7FE0,0010)", expected, got: length });
            }
            let PixelElement { at, big_endian, words, .. } = pixels;
            Ok(Layout::Native { at, big_endian, swapped: big_endian && words && image.bits_allocated == 8 })
        }
        (None, false) => Encapsulated::of(source, pixels, dataset, image.frames).map(Layout::Encapsulated),
        (Some(_), false) => {
            let expected = "an undefined length: the transfer syntax is encapsulated";
            Err(wrong(tags::PIXEL_DATA, expected, "a length".into()))
        }
        (None, true) => {
            let expected = "a length: the transfer syntax is not encapsulated";
            Err(wrong(tags::PIXEL_DATA, expected, "an undefined one".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_begins_with_tells_its_encoding() {
        let cases: [(&[u8; 8], Option<Start>); 8] = [
            (b"\x02\0\0\0UL\x04\0", Some(Start::Meta(0))),
            (b"\x08\0\x05\0CS\x0a\0", Some(Start::Dataset(EXPLICIT_LITTLE))),
            (b"\0\x08\0\x05CS\0\x0a", Some(Start::Dataset(EXPLICIT_BIG))),
            (b"\x08\0\x05\0\x0a\0\0\0", Some(Start::Dataset(IMPLICIT_LITTLE))),
            (b"\x08\0\x05\0\xff\xff\xff\xff", None),
            (b"\x89PNG\r\n\x1a\n", None),
            (b"\xff\xd8\xff\xe0\0\x10JF", None),
            (b"\x08\0\xff\xffCS\x0a\0", None),
        ];
        for (first, expected) in cases {
            assert_eq!(guess(*first, 1000), expected, "{first:?}");
        }
    }
}
