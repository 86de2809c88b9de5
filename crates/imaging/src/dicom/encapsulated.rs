//! Encapsulated pixels: which fragments belong to which frame. Source: DICOM PS3.5 annex A.4.
//!
//! As many fragments as frames go one to one, whatever an offset table says: each frame has at least one. With
//! more, the extended or the basic offset table decides if every offset hits the start of a fragment; without a
//! table, JPEG frames begin where a fragment begins with a start marker. All else is refused.

use super::source::{Headers, Source};
use super::tags;
use super::value::Dataset;
use super::walk::PixelElement;
use crate::error::ImagingError;
use crate::limits::{MAX_FRAGMENTS, MAX_FRAME_BYTES, MAX_FRAMES};

const ITEM: u32 = 0xFFFE_E000;
const SEQUENCE_DELIMITATION: u32 = 0xFFFE_E0DD;

/// Fragments of all frames.
#[derive(Debug)]
pub(crate) struct Encapsulated {
    /// Offset in the file, and length.
    fragments: Vec<(u64, u64)>,
    /// First fragment of each frame.
    starts: Vec<usize>,
}

impl Encapsulated {
    /// Errors: `Structure`, `DicomLength`, `Truncated`, `Limit`, `File`.
    pub(crate) fn of(
        source: &Source,
        pixels: PixelElement,
        dataset: &Dataset,
        frames: u32,
    ) -> Result<Self, ImagingError> {
        let (table, fragments) = read_fragments(source, pixels)?;
        let frames = frames as usize;
        if fragments.len() < frames {
            let got = format!("{} for {frames} frames", fragments.len());
            return Err(structure("at least one fragment for each frame", got));
        }
        if fragments.len() == frames || frames == 1 {
            return Ok(Self { starts: (0..frames).collect(), fragments });
        }
        let first = fragments[0].0 - 8;
        let extended = dataset.get(tags::EXTENDED_OFFSET_TABLE);
        let extended: Option<Vec<u64>> = extended.map(|value| {
            let table = value.bytes.as_chunks().0.iter();
            table.map(|bytes| u64::from_le_bytes(*bytes)).collect()
        });
        let table = extended.filter(|table| !table.is_empty()).or((!table.is_empty()).then_some(table));
        let starts = match table {
            Some(table) => starts_by_table(&table, &fragments, first),
            None => starts_by_marker(source, &fragments)?,
        };
        if starts.len() != frames {
            let got = format!("{} frames of {frames} in {} fragments", starts.len(), fragments.len());
            return Err(structure("an offset table, or start markers, that tell the frames apart", got));
        }
        Ok(Self { fragments, starts })
    }

    /// The compressed bytes of a frame, which is one of those there are.
    pub(crate) fn read(&self, source: &Source, index: u32) -> Result<Vec<u8>, ImagingError> {
        let place = index as usize;
        let end = self.starts.get(place + 1).copied().unwrap_or(self.fragments.len());
        let parts = &self.fragments[self.starts[place]..end];
        let total = parts.iter().map(|(_, length)| length).sum();
        ImagingError::hold("compressed bytes of a frame", total, MAX_FRAME_BYTES)?;
        let mut bytes = Vec::with_capacity(total as usize);
        for (at, length) in parts {
            bytes.extend_from_slice(&source.read("fragment", *at, *length)?);
        }
        Ok(bytes)
    }
}

type Fragments = Vec<(u64, u64)>;

/// The basic offset table, and where the fragments lie. A last one that is whole needs no delimiter after it.
fn read_fragments(source: &Source, pixels: PixelElement) -> Result<(Vec<u64>, Fragments), ImagingError> {
    let mut headers = Headers::new(source);
    let mut at = pixels.at;
    let mut table = None;
    let mut fragments = Vec::new();
    while at < source.length() {
        let [t0, t1, t2, t3, l0, l1, l2, l3] = headers.bytes::<8>(at)?;
        at += 8;
        let tag = u32::from(u16::from_le_bytes([t0, t1])) << 16 | u32::from(u16::from_le_bytes([t2, t3]));
        let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        match tag {
            SEQUENCE_DELIMITATION => break,
            ITEM => {}
            other => return Err(structure("an item", tags::tag_text(other))),
        }
        let left = source.length() - at;
        if length > left {
            return Err(ImagingError::DicomLength { tag: "fragment (FFFE,E000)".into(), left, got: length });
        }
        if table.is_none() {
            ImagingError::hold("entries of an offset table", length / 4, MAX_FRAMES)?;
            let bytes = source.read("offset table", at, length)?;
            let entries = bytes.as_chunks().0.iter();
            table = Some(entries.map(|entry| u64::from(u32::from_le_bytes(*entry))).collect());
        } else {
            fragments.push((at, length));
            ImagingError::hold("fragments", fragments.len() as u64, MAX_FRAGMENTS)?;
        }
        at += length;
    }
    Ok((table.unwrap_or_default(), fragments))
}

/// Offsets count from the first fragment's item to an item. Those that hit none are left out.
fn starts_by_table(table: &[u64], fragments: &[(u64, u64)], first: u64) -> Vec<usize> {
    let place = |offset: &u64| {
        let at = first.checked_add(*offset)?.checked_add(8)?;
        fragments.binary_search_by_key(&at, |(at, _)| *at).ok()
    };
    let starts: Vec<usize> = table.iter().filter_map(place).collect();
    let whole = starts.first() == Some(&0) && starts.is_sorted_by(|a, b| a < b);
    if whole { starts } else { Vec::new() }
}

fn starts_by_marker(source: &Source, fragments: &[(u64, u64)]) -> Result<Vec<usize>, ImagingError> {
    let mut starts = Vec::new();
    for (place, (at, length)) in fragments.iter().enumerate() {
        if *length >= 2 && source.read("fragment", *at, 2)?[..] == [0xFF, 0xD8] {
            starts.push(place);
        }
    }
    Ok(if starts.first() == Some(&0) { starts } else { Vec::new() })
}

fn structure(expected: &'static str, got: String) -> ImagingError {
    ImagingError::DicomElement { tag: tags::PIXEL_DATA.to_string(), expected, got }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(body: &[u8]) -> Vec<u8> {
        [&[0xFE, 0xFF, 0, 0xE0][..], &(body.len() as u32).to_le_bytes(), body].concat()
    }

    fn offsets(table: &[u32]) -> Vec<u8> {
        item(&table.iter().flat_map(|offset| offset.to_le_bytes()).collect::<Vec<_>>())
    }

    const END: [u8; 8] = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];

    fn frames(parts: &[Vec<u8>], frames: u32) -> Result<Vec<Vec<u8>>, ImagingError> {
        let source = Source::Memory(parts.concat());
        let pixels = PixelElement { code: 0x7FE0_0010, at: 0, length: None, big_endian: false, words: false };
        let encapsulated = Encapsulated::of(&source, pixels, &Dataset::default(), frames)?;
        (0..frames).map(|index| encapsulated.read(&source, index)).collect()
    }

    #[test]
    fn fragments_are_given_to_their_frames() {
        let (a, b, c) = (item(b"\xff\xd8"), item(b"bb"), item(b"\xff\xd8cc"));
        let end = END.to_vec();
        let cases = [
            // One frame takes all.
            (vec![offsets(&[]), a.clone(), b.clone(), end.clone()], 1, vec![&b"\xff\xd8bb"[..]]),
            // One to one, although the table lies; the end may be missing.
            (vec![offsets(&[0, 999]), a.clone(), b.clone()], 2, vec![b"\xff\xd8", b"bb"]),
            // By the table.
            (
                vec![offsets(&[0, 10]), a.clone(), b.clone(), c.clone(), end.clone()],
                2,
                vec![b"\xff\xd8", b"bb\xff\xd8cc"],
            ),
            // By the markers.
            (vec![offsets(&[]), a, b, c, end], 2, vec![b"\xff\xd8bb", b"\xff\xd8cc"]),
        ];
        for (parts, count, expected) in cases {
            assert_eq!(frames(&parts, count).unwrap(), expected);
        }
    }

    #[test]
    fn tables_and_lengths_that_lie_are_refused() {
        let part = || item(b"bb");
        let too_long = [&[0xFE, 0xFF, 0, 0xE0][..], &u32::MAX.to_le_bytes()].concat();
        let cases = [
            (vec![offsets(&[]), END.to_vec()], 1, "got 0 for 1 frames"),
            (vec![], 1, "got 0 for 1 frames"),
            (vec![offsets(&[]), part()], 2, "got 1 for 2 frames"),
            (vec![offsets(&[]), part(), part(), part()], 2, "got 0 frames of 2 in 3 fragments"),
            (vec![offsets(&[0, 11]), part(), part(), part()], 2, "got 1 frames of 2 in 3 fragments"),
            (vec![offsets(&[10, 0]), part(), part(), part()], 2, "got 0 frames of 2 in 3 fragments"),
            (vec![offsets(&[0, u32::MAX]), part(), part(), part()], 2, "got 1 frames of 2 in 3 fragments"),
            (vec![offsets(&[]), too_long], 1, "a length of 4294967295 bytes, where 0 are left"),
            (vec![offsets(&[]), vec![1; 8]], 1, "expected an item, got (0101,0101)"),
            (vec![vec![1; 5]], 1, "DICOM element: expected at least 8 bytes, got 5"),
        ];
        for (parts, count, message) in cases {
            let error = frames(&parts, count).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
