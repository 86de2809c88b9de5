//! A JPEG picture inside DICOM: whether its three components are RGB or YCbCr is said by the file around it, and
//! its own segments may say otherwise, or turn it.

use super::jpeg_markers::{next_marker, segment, skip_entropy};
use super::{Decoded, jpeg};
use crate::error::ImagingError;

const SOI: [u8; 2] = [0xFF, 0xD8];
const SOS: u8 = 0xDA;
const EOI: u8 = 0xD9;

/// What the picture itself says about its colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Stated {
    ids: Option<[u8; 3]>,
    jfif: bool,
    adobe_transform: Option<u8>,
}

impl Stated {
    /// Components named `RGB` are RGB and a JFIF picture is YCbCr, as pydicom takes them; then the Adobe
    /// segment, as libjpeg reads it; then the photometric interpretation.
    fn is_rgb(self, photometric_rgb: bool) -> bool {
        match self {
            Self { ids: Some([b'R', b'G', b'B'] | [b'r', b'g', b'b']), .. } => true,
            Self { jfif: true, .. } => false,
            Self { adobe_transform: Some(transform), .. } => transform == 0,
            _ => photometric_rgb,
        }
    }
}

/// Decode one frame to grey or RGB; no orientation is applied.
/// `photometric_rgb`: `PhotometricInterpretation` is RGB. Returns also whether YCbCr was converted.
/// Errors: those of a JPEG file.
pub(crate) fn decode(bytes: &[u8], photometric_rgb: bool) -> Result<(Decoded, bool), ImagingError> {
    if bytes.get(..2) != Some(&SOI) {
        let first: Vec<String> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let expected = "the start marker ff d8";
        return Err(ImagingError::Structure {
            format: "JPEG",
            part: "frame",
            expected,
            got: first.join(" "),
        });
    }
    let mut stated = Stated::default();
    rewrite(bytes, |marker, body| match marker {
        0xE0 if body.starts_with(b"JFIF\0") => stated.jfif = true,
        0xEE if body.starts_with(b"Adobe") => stated.adobe_transform = body.get(11).copied(),
        0xC0..=0xC2 => stated.ids = component_ids(body),
        _ => {}
    })?;
    let rgb = stated.is_rgb(photometric_rgb);
    let names = if rgb { *b"RGB" } else { [1, 2, 3] };
    let plain = rewrite(bytes, |marker, body| match (marker, stated.ids) {
        (0xC0..=0xC2, Some(_)) => {
            body[6..].as_chunks_mut::<3>().0.iter_mut().zip(names).for_each(|(part, name)| part[0] = name);
        }
        (SOS, Some(ids)) => {
            let count = body.first().map_or(0, |count| usize::from(*count));
            for part in body.get_mut(1..).unwrap_or_default().as_chunks_mut::<2>().0.iter_mut().take(count) {
                if let Some(place) = ids.iter().position(|id| *id == part[0]) {
                    part[0] = names[place];
                }
            }
        }
        _ => {}
    })?;
    let decoded = jpeg::decode(&plain)?;
    let converted = stated.ids.is_some() && !rgb;
    Ok((decoded, converted))
}

/// Names of the components of a frame header, if there are three different ones.
fn component_ids(body: &[u8]) -> Option<[u8; 3]> {
    let components = body.get(6..)?.as_chunks::<3>().0;
    let [a, b, c] = components else { return None };
    let ids = [a[0], b[0], c[0]];
    (body[5] == 3 && ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]).then_some(ids)
}

/// A copy without application segments and comments; `change` sees every segment before.
fn rewrite(bytes: &[u8], mut change: impl FnMut(u8, &mut [u8])) -> Result<Vec<u8>, ImagingError> {
    let mut plain = Vec::with_capacity(bytes.len());
    plain.extend(SOI);
    let mut at = 2;
    loop {
        let marker = next_marker(bytes, &mut at)?;
        if marker == EOI {
            plain.extend([0xFF, EOI]);
            return Ok(plain);
        }
        if matches!(marker, 0xD0..=0xD8 | 0x01) {
            let (expected, got) = ("a segment", format!("{marker:#04x}"));
            return Err(ImagingError::Structure { format: "JPEG", part: "marker", expected, got });
        }
        let mut body = segment(bytes, &mut at)?.to_vec();
        change(marker, &mut body);
        if !matches!(marker, 0xE0..=0xEF | 0xFE) {
            plain.extend([0xFF, marker]);
            // It came out of a length of 16 bits.
            plain.extend((body.len() as u16 + 2).to_be_bytes());
            plain.extend_from_slice(&body);
        }
        if marker == SOS {
            let start = at;
            skip_entropy(bytes, &mut at);
            plain.extend_from_slice(&bytes[start..at]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_picture_says_goes_before_what_the_file_says() {
        let ids = Some([1, 2, 3]);
        let none = Stated { ids, ..Stated::default() };
        let cases = [
            (none, true, true),
            (none, false, false),
            (Stated { ids: Some(*b"RGB"), jfif: true, ..none }, false, true),
            (Stated { ids: Some(*b"rgb"), ..none }, false, true),
            (Stated { jfif: true, ..none }, true, false),
            (Stated { adobe_transform: Some(0), ..none }, false, true),
            (Stated { adobe_transform: Some(1), ..none }, true, false),
        ];
        for (stated, photometric_rgb, expected) in cases {
            assert_eq!(stated.is_rgb(photometric_rgb), expected, "{stated:?}");
        }
    }

    #[test]
    fn hostile_frames_are_refused() {
        let cases: [&[u8]; 6] = [
            b"",
            b"\xff",
            b"\xff\xd8",
            b"\xff\xd8\xff\xc0\0\x02\xff\xd9",
            b"\xff\xd8\xff\xda\0\x02\xff\xd9",
            b"\xff\xd8\xff\xc0\0\x11\x08\0\x08\0\x08\x03\x01\x11\0\x02\x11\0\x03\x11\0\xff\xda\0\x03\x09\xff\xd9",
        ];
        for bytes in cases {
            assert!(decode(bytes, true).is_err(), "{bytes:02x?}");
        }
    }
}
