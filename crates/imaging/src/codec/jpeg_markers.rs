//! The markers of a JPEG file, walked before anything is decoded: what kind of picture it is, how large, and
//! whether the file is whole.

use std::ops::Range;

use crate::error::ImagingError;
use crate::limits::MAX_JPEG_SCANS;
use crate::pixels::check_size;

const FORMAT: &str = "JPEG";
const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP14: u8 = 0xEE;
const EXIF: &[u8] = b"Exif\0\0";

/// What the decoder may rely on. Size and number of scans are within the limits, the picture ends with its
/// end marker, and its compressed data are not too few for its size.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Markers {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) grey: bool,
    /// Where the EXIF block lies, without its header.
    pub(crate) exif: Option<Range<usize>>,
}

/// Component of a frame: its name and how often it is sampled across and down.
#[derive(Debug, Clone, Copy)]
struct Component {
    id: u8,
    across: u8,
    down: u8,
}

#[derive(Debug, Default)]
struct Walk {
    /// Width, height, components.
    frame: Option<(u32, u32, Vec<Component>)>,
    jfif: bool,
    adobe_transform: Option<u8>,
    scans: u64,
    entropy_bytes: u64,
    exif: Option<Range<usize>>,
}

/// Walk all markers of `bytes`, which begin with the start marker.
/// Errors: `Truncated`, `Missing`, `Structure`, `Unsupported`, `Limit`, `ZeroSize`.
/// Source: ITU-T T.81, annex B.
pub(crate) fn walk(bytes: &[u8]) -> Result<Markers, ImagingError> {
    let mut walk = Walk::default();
    let mut at = 2;
    loop {
        let marker = next_marker(bytes, &mut at)?;
        match marker {
            EOI => break,
            SOI => return Err(structure("marker", "one picture", "a second start marker")),
            // Restart markers belong to compressed data; here they are stray, as is TEM. Neither has a body.
            0xD0..=0xD7 | 0x01 => {}
            _ => {
                let body = segment(bytes, &mut at)?;
                if marker == APP1 && body.starts_with(EXIF) && walk.exif.is_none() {
                    walk.exif = Some(at - body.len() + EXIF.len()..at);
                }
                walk.read(marker, body)?;
                if marker == SOS {
                    let start = at;
                    skip_entropy(bytes, &mut at);
                    walk.entropy_bytes += (at - start) as u64;
                }
            }
        }
    }
    walk.finish()
}

/// The next marker's code; `at` is moved behind it. Fill bytes are passed over, anything else is refused.
pub(super) fn next_marker(bytes: &[u8], at: &mut usize) -> Result<u8, ImagingError> {
    let truncated = || ImagingError::Truncated {
        what: "JPEG up to its end marker",
        expected: bytes.len() as u64 + 1,
        got: bytes.len() as u64,
    };
    let first = *bytes.get(*at).ok_or_else(truncated)?;
    if first != 0xFF {
        return Err(structure("marker", "0xff", &format!("{first:#04x}")));
    }
    loop {
        *at += 1;
        match *bytes.get(*at).ok_or_else(truncated)? {
            0xFF => {}
            0 => return Err(structure("marker", "a code", "0x00")),
            code => {
                *at += 1;
                return Ok(code);
            }
        }
    }
}

/// The body of a segment, without its length; `at` is moved behind it.
pub(super) fn segment<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], ImagingError> {
    let rest = &bytes[*at..];
    let truncated = |expected: usize| ImagingError::Truncated {
        what: "JPEG segment",
        expected: expected as u64,
        got: rest.len() as u64,
    };
    let length = rest.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes)));
    let length = length.ok_or_else(|| truncated(2))?;
    if length < 2 {
        return Err(structure("segment length", "at least 2", &length.to_string()));
    }
    let body = rest.get(2..length).ok_or_else(|| truncated(length))?;
    *at += length;
    Ok(body)
}

/// Move `at` to the next marker that is not part of compressed data, or to the end.
pub(super) fn skip_entropy(bytes: &[u8], at: &mut usize) {
    while let Some(offset) = bytes[*at..].iter().position(|byte| *byte == 0xFF) {
        *at += offset;
        match bytes.get(*at + 1) {
            // A stuffed 0xff, or a restart marker.
            Some(0 | 0xD0..=0xD7) => *at += 2,
            // Fill bytes before a marker.
            Some(0xFF) => *at += 1,
            Some(_) => return,
            None => break,
        }
    }
    *at = bytes.len();
}

impl Walk {
    fn read(&mut self, marker: u8, body: &[u8]) -> Result<(), ImagingError> {
        match marker {
            0xC0..=0xC2 => self.read_frame(body)?,
            0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let (what, why) = match marker {
                    0xC3 => ("lossless coding", "the decoder has none"),
                    0xC9..=0xCB => ("arithmetic coding", "the decoder has none"),
                    _ => ("a hierarchical or lossless process", "the decoder has none"),
                };
                return Err(unsupported(format!("{what} (SOF{})", marker - 0xC0), why));
            }
            0xDC => {
                return Err(unsupported("a height after the scan (DNL)".into(), "sizes are checked first"));
            }
            SOS => {
                self.scans += 1;
                ImagingError::hold("JPEG scans", self.scans, MAX_JPEG_SCANS)?;
                if self.frame.is_none() {
                    return Err(ImagingError::Missing { format: FORMAT, part: "the frame before the scan" });
                }
            }
            APP0 if body.starts_with(b"JFIF\0") => self.jfif = true,
            APP14 if body.starts_with(b"Adobe") => {
                let transform = body.get(11).copied();
                let short =
                    ImagingError::Truncated { what: "Adobe segment", expected: 12, got: body.len() as u64 };
                self.adobe_transform = Some(transform.ok_or(short)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn read_frame(&mut self, body: &[u8]) -> Result<(), ImagingError> {
        if self.frame.is_some() {
            return Err(structure("frame", "one", "a second"));
        }
        let short = |expected| ImagingError::Truncated {
            what: "JPEG frame header",
            expected,
            got: body.len() as u64,
        };
        let header: &[u8; 6] = body.first_chunk().ok_or_else(|| short(6))?;
        let [precision, h1, h0, w1, w0, count] = *header;
        if precision != 8 {
            return Err(unsupported(format!("{precision} bits per sample"), "only 8 are"));
        }
        let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
        check_size(FORMAT, width.into(), height.into())?;
        let components = body[6..].as_chunks::<3>().0;
        let count = usize::from(count);
        let components = components.get(..count).ok_or_else(|| short(6 + 3 * count as u64))?;
        let components = components.iter().map(|[id, sampling, _]| Component {
            id: *id,
            across: sampling >> 4,
            down: sampling & 15,
        });
        self.frame = Some((width.into(), height.into(), components.collect()));
        Ok(())
    }

    fn finish(self) -> Result<Markers, ImagingError> {
        let missing = |part| ImagingError::Missing { format: FORMAT, part };
        let (width, height, components) = self.frame.as_ref().ok_or_else(|| missing("the frame"))?;
        if self.scans == 0 {
            return Err(missing("the scan"));
        }
        let grey = match components[..] {
            [_] => true,
            [luma, blue, red] => {
                self.check_colour([luma.id, blue.id, red.id])?;
                check_sampling([luma, blue, red])?;
                false
            }
            [_, _, _, _] => {
                let why = "its colours depend on inks that the file does not describe";
                return Err(unsupported("CMYK".into(), why));
            }
            _ => return Err(unsupported(format!("{} components", components.len()), "only 1 and 3 are")),
        };
        // Every block of 8 x 8 of the first component takes at least one bit in some scan.
        let blocks = u64::from(width.div_ceil(8)) * u64::from(height.div_ceil(8));
        let (expected, got) = (blocks.div_ceil(8), self.entropy_bytes);
        if got < expected {
            return Err(ImagingError::Truncated { what: "JPEG compressed data", expected, got });
        }
        Ok(Markers { width: *width, height: *height, grey, exif: self.exif.clone() })
    }

    /// Three components are YCbCr, or RGB; where the decoder and libjpeg would disagree, refuse.
    /// Source: libjpeg `jdapimin.c`, `default_decompress_parms`.
    fn check_colour(&self, ids: [u8; 3]) -> Result<(), ImagingError> {
        let named_rgb = ids == *b"RGB";
        let libjpeg_rgb = match (self.jfif, self.adobe_transform) {
            (true, _) => false,
            (false, Some(transform)) => transform == 0,
            (false, None) => named_rgb,
        };
        let adobe_disagrees = !named_rgb && self.adobe_transform.is_some_and(|transform| transform != 1);
        if named_rgb == libjpeg_rgb && !adobe_disagrees {
            return Ok(());
        }
        let what = format!(
            "colour stated in different ways (JFIF {}, Adobe transform {:?}, components {ids:?})",
            self.jfif, self.adobe_transform
        );
        Err(unsupported(what, "it may be YCbCr or RGB"))
    }
}

/// 4:4:4, 4:2:2, 4:4:0 and 4:2:0: those that were compared with libjpeg-turbo.
fn check_sampling(components: [Component; 3]) -> Result<(), ImagingError> {
    let [luma, blue, red] = components.map(|component| (component.across, component.down));
    if matches!(luma, (1 | 2, 1 | 2)) && blue == (1, 1) && red == (1, 1) {
        return Ok(());
    }
    let what = format!("sampling {luma:?}, {blue:?}, {red:?}");
    Err(unsupported(what, "only 4:4:4, 4:2:2, 4:4:0 and 4:2:0 are"))
}

fn structure(part: &'static str, expected: &'static str, got: &str) -> ImagingError {
    ImagingError::Structure { format: FORMAT, part, expected, got: got.to_owned() }
}

fn unsupported(what: String, why: &'static str) -> ImagingError {
    ImagingError::Unsupported { format: FORMAT, what, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(code: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u16 + 2).to_be_bytes();
        [&[0xFF, code][..], &length, body].concat()
    }

    /// Frame header: `components` are (name, sampling).
    fn frame(width: u16, height: u16, components: &[(u8, u8)]) -> Vec<u8> {
        let (h, w) = (height.to_be_bytes(), width.to_be_bytes());
        let mut body = vec![8, h[0], h[1], w[0], w[1], components.len() as u8];
        components.iter().for_each(|(id, sampling)| body.extend([*id, *sampling, 0]));
        marker(0xC0, &body)
    }

    fn file(parts: &[Vec<u8>]) -> Vec<u8> {
        [&[0xFF, SOI], &parts.concat()[..], &[0xFF, EOI]].concat()
    }

    fn scan() -> Vec<u8> {
        [marker(SOS, &[]), vec![0x12; 40]].concat()
    }

    const GREY: &[(u8, u8)] = &[(1, 0x11)];
    const YCC: [(u8, u8); 3] = [(1, 0x22), (2, 0x11), (3, 0x11)];
    const RGB: [(u8, u8); 3] = [(b'R', 0x11), (b'G', 0x11), (b'B', 0x11)];

    fn adobe(transform: u8) -> Vec<u8> {
        marker(APP14, &[b"Adobe\0\x64\0\0\0\0", &[transform][..]].concat())
    }

    fn jfif() -> Vec<u8> {
        marker(APP0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0")
    }

    #[test]
    fn whole_files_are_told_by_their_markers() {
        let cases = [
            (file(&[frame(9, 7, GREY), scan()]), true),
            (file(&[jfif(), frame(9, 7, &YCC), scan()]), false),
            (file(&[adobe(1), frame(9, 7, &YCC), scan()]), false),
            (file(&[adobe(0), frame(9, 7, &RGB), scan()]), false),
            (file(&[frame(9, 7, &RGB), scan()]), false),
            // Fill bytes before markers, stuffed 0xff and restart markers in the data, bytes after the end.
            (
                [
                    file(&[vec![0xFF, 0xFF], frame(9, 7, GREY), scan(), vec![0xFF, 0, 0xFF, 0xD3, 0xFF]]),
                    vec![1],
                ]
                .concat(),
                true,
            ),
        ];
        for (bytes, grey) in cases {
            assert_eq!(walk(&bytes), Ok(Markers { width: 9, height: 7, grey, exif: None }), "{bytes:02x?}");
        }
    }

    #[test]
    fn what_is_hostile_broken_or_unclear_is_refused() {
        let grey = frame(9, 7, GREY);
        let many_scans = vec![scan(); 65].concat();
        let mut twelve_bits = grey.clone();
        twelve_bits[4] = 12;
        let mut arithmetic = grey.clone();
        arithmetic[1] = 0xC9;
        let cases = [
            (vec![grey.clone(), grey.clone(), scan()], "JPEG: frame: expected one, got a second"),
            (vec![scan()], "JPEG: the frame before the scan is missing"),
            (vec![grey.clone()], "JPEG: the scan is missing"),
            (vec![], "JPEG: the frame is missing"),
            (vec![frame(0, 7, GREY), scan()], "JPEG: expected at least one column and one row, got 0 x 7"),
            (vec![frame(9, 0, GREY), scan()], "JPEG: expected at least one column and one row, got 9 x 0"),
            (vec![frame(65535, 1, GREY), scan()], "picture columns: at most 16384 are supported, got 65535"),
            (
                vec![frame(9000, 9000, GREY), scan()],
                "picture pixels: at most 33554432 are supported, got 81000000",
            ),
            (
                vec![frame(4096, 8192, GREY), scan()],
                "JPEG compressed data: expected at least 65536 bytes, got 40",
            ),
            (vec![grey.clone(), many_scans], "JPEG scans: at most 64 are supported, got 65"),
            (vec![twelve_bits, scan()], "JPEG: 12 bits per sample is not read"),
            (vec![arithmetic, scan()], "JPEG: arithmetic coding (SOF9) is not read"),
            (vec![marker(0xC3, &[]), scan()], "JPEG: lossless coding (SOF3) is not read"),
            (vec![marker(0xDC, &[0, 1])], "JPEG: a height after the scan (DNL) is not read"),
            (vec![frame(9, 7, &[(1, 0x11); 4]), scan()], "JPEG: CMYK is not read"),
            (vec![frame(9, 7, &[(1, 0x11); 2]), scan()], "JPEG: 2 components is not read"),
            (
                vec![frame(9, 7, &[(1, 0x41), (2, 0x11), (3, 0x11)]), scan()],
                "JPEG: sampling (4, 1), (1, 1), (1, 1)",
            ),
            (vec![adobe(0), frame(9, 7, &YCC), scan()], "JPEG: colour stated in different ways"),
            (vec![adobe(1), frame(9, 7, &RGB), scan()], "JPEG: colour stated in different ways"),
            (vec![jfif(), frame(9, 7, &RGB), scan()], "JPEG: colour stated in different ways"),
            (vec![jfif(), adobe(0), frame(9, 7, &YCC), scan()], "JPEG: colour stated in different ways"),
            (vec![marker(APP14, b"Adobe")], "Adobe segment: expected at least 12 bytes, got 5"),
            (vec![marker(0xC0, &[8, 0, 1, 0, 1])], "JPEG frame header: expected at least 6 bytes, got 5"),
            (vec![marker(0xC0, &[8, 0, 1, 0, 1, 1])], "JPEG frame header: expected at least 9 bytes, got 6"),
            (vec![vec![0xFF, 0xE1, 0, 1]], "JPEG: segment length: expected at least 2, got 1"),
            (vec![vec![0xFF, 0xE1, 0xFF, 0xFF]], "JPEG segment: expected at least 65535 bytes, got 4"),
            (vec![vec![0xAB]], "JPEG: marker: expected 0xff, got 0xab"),
            (vec![vec![0xFF, 0]], "JPEG: marker: expected a code, got 0x00"),
            (vec![vec![0xFF, SOI]], "JPEG: marker: expected one picture, got a second start marker"),
        ];
        for (parts, message) in cases {
            let error = walk(&file(&parts)).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error} instead of {message}");
        }
        let whole = file(&[grey, scan()]);
        for length in 2..whole.len() {
            assert!(walk(&whole[..length]).is_err(), "cut to {length}");
        }
    }
}
