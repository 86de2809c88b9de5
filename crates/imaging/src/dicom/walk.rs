//! The walk through a data set: each length is held against the bytes that are there, sequences against a depth,
//! and nothing is taken out but the attributes that are wanted (`tags.rs`, unless a caller asks for more).
//!
//! What it tolerates, as other readers do: a `UN` of undefined length (a sequence in implicit VR), an element
//! without VR in between those with one, and a last sequence without its delimiter at the end of the file.

use super::source::{Headers, Source};
use super::tags::{self, Tag, tag_text};
use super::transfer_syntax::{Encoding, IMPLICIT_LITTLE};
use super::value::{Dataset, Value};
use crate::error::ImagingError;
use crate::limits::{MAX_DICOM_DEPTH, MAX_DICOM_ELEMENTS, MAX_DICOM_KEPT_BYTES, MAX_DICOM_VALUE_BYTES};

const ITEM: u32 = 0xFFFE_E000;
const ITEM_DELIMITATION: u32 = 0xFFFE_E00D;
const SEQUENCE_DELIMITATION: u32 = 0xFFFE_E0DD;

/// Where the pixels lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PixelElement {
    pub(crate) code: u32,
    pub(crate) at: u64,
    /// `None`: undefined, it is encapsulated.
    pub(crate) length: Option<u64>,
    pub(crate) big_endian: bool,
    /// Written as words of 16 bits: `OW`.
    pub(crate) words: bool,
}

/// What a walk brings back.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) dataset: Dataset,
    pub(crate) pixels: Option<PixelElement>,
}

/// Which attributes are taken: their value representation where the file does not say it. `None`: it is passed over.
pub(crate) type Wanted = dyn Fn(u32) -> Option<Tag>;

/// Walk from `at` up to the pixels, or to the end.
/// Errors: `Truncated`, `DicomLength`, `DicomElement`, `Limit`, `File`.
/// Source: DICOM PS3.5 section 7.
pub(crate) fn walk(
    source: &Source,
    at: u64,
    encoding: Encoding,
    wanted: &Wanted,
) -> Result<Contents, ImagingError> {
    let mut walk = Walk::new(source, wanted);
    let extent = Extent { end: source.length(), delimited: false };
    let mut at = at;
    let dataset = walk.dataset(&mut at, extent, Place { encoding, depth: 0, keep: true })?;
    Ok(Contents { dataset, pixels: walk.pixels })
}

/// Walk the file meta information: the elements of group 0002 from `at`, in explicit VR little endian. Returns
/// them and where the data set begins. Source: DICOM PS3.10 section 7.1.
pub(crate) fn walk_meta(source: &Source, at: u64) -> Result<(Dataset, u64), ImagingError> {
    let mut walk = Walk::new(source, &tags::wanted);
    let encoding = Encoding { explicit_vr: true, big_endian: false };
    let (mut at, mut dataset) = (at, Dataset::default());
    while source.length() - at >= 8 && walk.headers.bytes::<2>(at)? == [2, 0] {
        let header = walk.header(at, source.length(), encoding)?;
        let (length, body) = (header.length, header.body);
        let undefined =
            || walk_error(header.code, "a length in the file meta information", "an undefined one");
        let length = length.ok_or_else(undefined)?;
        walk.keep(&mut dataset, &header, length)?;
        at = body + length;
    }
    Ok((dataset, at))
}

#[derive(Debug)]
struct Header {
    code: u32,
    /// `None`: implicit.
    vr: Option<[u8; 2]>,
    body: u64,
    /// `None`: undefined.
    length: Option<u64>,
    big_endian: bool,
}

/// How far a data set or sequence reaches at most, and whether a delimiter ends it.
#[derive(Debug, Clone, Copy)]
struct Extent {
    end: u64,
    delimited: bool,
}

/// Where in the tree the walk is, and whether values are wanted there.
#[derive(Debug, Clone, Copy)]
struct Place {
    encoding: Encoding,
    depth: u64,
    keep: bool,
}

struct Walk<'a> {
    headers: Headers<'a>,
    source: &'a Source,
    wanted: &'a Wanted,
    elements: u64,
    kept_bytes: u64,
    pixels: Option<PixelElement>,
}

impl<'a> Walk<'a> {
    fn new(source: &'a Source, wanted: &'a Wanted) -> Self {
        Self { headers: Headers::new(source), source, wanted, elements: 0, kept_bytes: 0, pixels: None }
    }

    /// The attribute, if it is wanted and the file does not call it a sequence where it is none, or the other way
    /// round: its bytes would be taken for something else.
    fn wanted(&self, header: &Header) -> Option<Tag> {
        let agrees =
            |tag: &Tag| header.vr.is_none_or(|vr| vr == *b"UN" || (vr == *b"SQ") == (tag.vr == *b"SQ"));
        (self.wanted)(header.code).filter(agrees)
    }

    /// Elements from `at` to the end of `extent`; `at` is moved there.
    fn dataset(&mut self, at: &mut u64, extent: Extent, place: Place) -> Result<Dataset, ImagingError> {
        let mut dataset = Dataset::default();
        while *at < extent.end {
            let header = self.header(*at, extent.end, place.encoding)?;
            *at = header.body;
            match header.code {
                ITEM_DELIMITATION if extent.delimited => return Ok(dataset),
                0xFFFE_0000..=0xFFFE_FFFF => {
                    return Err(walk_error(header.code, "an element", "a delimiter or item out of place"));
                }
                0x7FE0_0008..=0x7FE0_0010 if place.depth == 0 => {
                    let Header { code, vr, body, length, big_endian } = header;
                    let words = vr != Some(*b"OB");
                    self.pixels = Some(PixelElement { code, at: body, length, big_endian, words });
                    return Ok(dataset);
                }
                _ => {}
            }
            self.element(at, extent.end, &header, place, &mut dataset)?;
        }
        if extent.delimited && place.depth > 0 && extent.end < self.source.length() {
            return Err(walk_error(ITEM_DELIMITATION, "the delimiter of an item", "the end of its sequence"));
        }
        Ok(dataset)
    }

    /// The value of one element; `at` is moved behind it.
    fn element(
        &mut self,
        at: &mut u64,
        end: u64,
        header: &Header,
        place: Place,
        dataset: &mut Dataset,
    ) -> Result<(), ImagingError> {
        let wanted = self.wanted(header).filter(|_| place.keep);
        let is_sequence = wanted.is_some_and(|tag| tag.vr == *b"SQ");
        let (extent, unknown) = match header.length {
            Some(length) if !is_sequence => {
                self.keep_if(wanted.is_some(), dataset, header, length)?;
                *at += length;
                return Ok(());
            }
            Some(length) => (Extent { end: *at + length, delimited: false }, header.vr == Some(*b"UN")),
            None => (Extent { end, delimited: true }, header.vr == Some(*b"UN")),
        };
        let encoding = if unknown { IMPLICIT_LITTLE } else { place.encoding };
        let depth = place.depth + 1;
        ImagingError::hold("depth of DICOM sequences", depth, MAX_DICOM_DEPTH)?;
        let fragments = matches!(header.vr, Some([b'O', _])) || header.code == tags::PIXEL_DATA.code;
        let place = Place { encoding, depth, keep: is_sequence };
        let items = self.items(at, extent, place, fragments)?;
        if is_sequence {
            let value = Value { vr: *b"SQ", items, ..Value::default() };
            insert(dataset, header.code, value)?;
        }
        Ok(())
    }

    /// The items of a sequence, or (of encapsulated pixels of an icon) its fragments, which are passed over.
    fn items(
        &mut self,
        at: &mut u64,
        extent: Extent,
        place: Place,
        fragments: bool,
    ) -> Result<Vec<Dataset>, ImagingError> {
        let mut items = Vec::new();
        while *at < extent.end {
            let header = self.header(*at, extent.end, place.encoding)?;
            *at = header.body;
            match header.code {
                SEQUENCE_DELIMITATION if extent.delimited => return Ok(items),
                ITEM => {}
                code => return Err(walk_error(code, "an item of a sequence", "another element")),
            }
            if fragments {
                let undefined = || walk_error(ITEM, "a length of a fragment", "an undefined one");
                *at += header.length.ok_or_else(undefined)?;
                continue;
            }
            let inside = match header.length {
                Some(length) => Extent { end: *at + length, delimited: false },
                None => Extent { end: extent.end, delimited: true },
            };
            let item = self.dataset(at, inside, place)?;
            if place.keep {
                items.push(item);
            }
        }
        Ok(items)
    }

    /// The header at `at`. Its value lies before `end`.
    fn header(&mut self, at: u64, end: u64, encoding: Encoding) -> Result<Header, ImagingError> {
        self.elements += 1;
        ImagingError::hold("DICOM elements", self.elements, MAX_DICOM_ELEMENTS)?;
        let Encoding { explicit_vr, big_endian } = encoding;
        let [t0, t1, t2, t3, v0, v1, l0, l1] = self.headers.bytes::<8>(at)?;
        let short = |bytes| if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
        let long = |bytes| if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        let code = u32::from(short([t0, t1])) << 16 | u32::from(short([t2, t3]));
        let explicit = explicit_vr && code >> 16 != 0xFFFE && [v0, v1].iter().all(u8::is_ascii_uppercase);
        let (vr, body, length) = match (explicit, &[v0, v1]) {
            (false, _) => (None, at + 8, long([v0, v1, l0, l1])),
            (true, vr) if has_long_length(vr) => (Some(*vr), at + 12, long(self.headers.bytes::<4>(at + 8)?)),
            (true, vr) => (Some(*vr), at + 8, u32::from(short([l0, l1]))),
        };
        let length = (length != u32::MAX).then_some(u64::from(length));
        let left = end.saturating_sub(body);
        if body > end || length.is_some_and(|length| length > left) {
            let got = length.unwrap_or(0);
            return Err(ImagingError::DicomLength { tag: tag_text(code), left, got });
        }
        Ok(Header { code, vr, body, length, big_endian })
    }

    fn keep_if(
        &mut self,
        wanted: bool,
        dataset: &mut Dataset,
        header: &Header,
        length: u64,
    ) -> Result<(), ImagingError> {
        if wanted { self.keep(dataset, header, length) } else { Ok(()) }
    }

    /// Take the value of a wanted attribute.
    fn keep(&mut self, dataset: &mut Dataset, header: &Header, length: u64) -> Result<(), ImagingError> {
        let Some(tag) = self.wanted(header) else { return Ok(()) };
        ImagingError::hold("bytes of a DICOM value", length, MAX_DICOM_VALUE_BYTES)?;
        // What a value costs beside its bytes.
        self.kept_bytes += length + 96;
        ImagingError::hold("bytes of all DICOM values", self.kept_bytes, MAX_DICOM_KEPT_BYTES)?;
        let bytes = self.source.read("DICOM value", header.body, length)?.into_owned();
        let vr = header.vr.filter(|vr| vr != b"UN").unwrap_or(tag.vr);
        insert(dataset, header.code, Value { vr, big_endian: header.big_endian, bytes, items: Vec::new() })
    }
}

fn insert(dataset: &mut Dataset, code: u32, value: Value) -> Result<(), ImagingError> {
    match dataset.values.insert(code, value) {
        None => Ok(()),
        Some(_) => Err(walk_error(code, "the element once", "a second")),
    }
}

fn walk_error(code: u32, expected: &'static str, got: &str) -> ImagingError {
    ImagingError::DicomElement { tag: tag_text(code), expected, got: got.to_owned() }
}

/// Value representations with two reserved bytes and a length of 32 bits. Source: DICOM PS3.5 7.1.2.
pub(crate) fn has_long_length(vr: &[u8; 2]) -> bool {
    matches!(
        vr,
        b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT" | b"UV"
    )
}
