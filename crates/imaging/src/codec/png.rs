//! PNG, by the `image` crate's decoder, after our own walk of the chunks.

use image::codecs::png::PngDecoder;
use image::{ColorType, ImageDecoder};

use super::{Decoded, Format, Orientation, decoder_limits, reader, refused};
use crate::error::ImagingError;
use crate::pixels::{Pixels, check_size};

const FORMAT: &str = "PNG";

/// The first bytes of every PNG.
pub(crate) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// DEFLATE makes at most 1032 bytes out of one (258 bytes from 2 bits).
const MAX_RATIO: u64 = 1032;

/// What the header chunk says, held against the limits and against the compressed bytes that are there.
struct Header {
    width: u32,
    height: u32,
    depth: u8,
    colour: u8,
}

impl Header {
    fn is_grey(&self) -> bool {
        matches!(self.colour, 0 | 4)
    }
}

/// `bytes` begin with [`SIGNATURE`].
pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded, ImagingError> {
    let header = walk(bytes)?;
    if header.is_grey() && header.depth == 16 {
        return Err(ImagingError::SixteenBitGrey);
    }
    let mut decoder = PngDecoder::with_limits(reader(bytes), decoder_limits()).map_err(refused(FORMAT))?;
    let exif = decoder.exif_metadata().map_err(refused(FORMAT))?;
    let orientation = exif.and_then(|exif| Orientation::of(&exif));
    let colour = decoder.color_type();
    let samples = samples(colour, &header)?;
    let pixel_count = header.width as usize * header.height as usize;
    let mut raw = vec![0; pixel_count * usize::from(colour.bytes_per_pixel())];
    decoder.read_image(&mut raw).map_err(refused(FORMAT))?;
    let channels: u8 = if header.is_grey() { 1 } else { 3 };
    let kept = usize::from(channels);
    let pixels = match samples {
        Samples { count, bytes: 1 } if count == kept => raw,
        // Alpha goes; of 16 bits the high byte stays, as in Pillow.
        Samples { count, bytes } => keep_high_bytes(raw, count, bytes, kept),
    };
    let pixels = Pixels::new(header.width, header.height, channels, pixels)?;
    let pixels = orientation.unwrap_or(Orientation::Upright).apply(pixels);
    Ok(Decoded { pixels, format: Format::Png, orientation })
}

/// How the decoder hands out a pixel: `count` samples of `bytes` bytes.
#[derive(Clone, Copy)]
struct Samples {
    count: usize,
    bytes: usize,
}

fn samples(colour: ColorType, header: &Header) -> Result<Samples, ImagingError> {
    let (count, bytes, grey) = match colour {
        ColorType::L8 => (1, 1, true),
        ColorType::La8 => (2, 1, true),
        ColorType::Rgb8 => (3, 1, false),
        ColorType::Rgba8 => (4, 1, false),
        ColorType::Rgb16 => (3, 2, false),
        ColorType::Rgba16 => (4, 2, false),
        other => {
            let why = "the decoder should not have made it of 8-bit grey or RGB";
            return Err(ImagingError::Unsupported { format: FORMAT, what: format!("{other:?}"), why });
        }
    };
    if grey != header.is_grey() {
        let expected = "the same colour type in the header and from the decoder";
        let got = format!("{} and {colour:?}", header.colour);
        return Err(ImagingError::Structure { format: FORMAT, part: "IHDR", expected, got });
    }
    Ok(Samples { count, bytes })
}

/// The first `kept` samples of each pixel, in place. Two-byte samples lie in the machine's own byte order.
fn keep_high_bytes(mut raw: Vec<u8>, count: usize, bytes: usize, kept: usize) -> Vec<u8> {
    let high = if bytes == 2 && cfg!(target_endian = "little") { 1 } else { 0 };
    let stride = count * bytes;
    let pixels = raw.len() / stride;
    for pixel in 0..pixels {
        for sample in 0..kept {
            raw[pixel * kept + sample] = raw[pixel * stride + sample * bytes + high];
        }
    }
    raw.truncate(pixels * kept);
    raw
}

/// Walk all chunks up to the end chunk: a PNG without it was cut off.
/// Source: PNG specification, third edition, 5.3 and 11.2.
fn walk(bytes: &[u8]) -> Result<Header, ImagingError> {
    let mut at = SIGNATURE.len();
    let mut header: Option<Header> = None;
    let mut compressed = 0_u64;
    loop {
        let (name, body) = chunk(bytes, &mut at)?;
        match (&name, &header) {
            (b"IHDR", None) => header = Some(read_header(body)?),
            (b"IHDR", Some(_)) => return Err(structure("IHDR", "one", "a second".into())),
            (_, None) => return Err(ImagingError::Missing { format: FORMAT, part: "the header chunk IHDR" }),
            (b"IDAT", Some(_)) => compressed += body.len() as u64,
            (b"IEND", Some(_)) => break,
            _ => {}
        }
    }
    let header = header.ok_or(ImagingError::Missing { format: FORMAT, part: "the header chunk IHDR" })?;
    let expected = least_bytes(&header).div_ceil(MAX_RATIO);
    if compressed < expected {
        return Err(ImagingError::Truncated { what: "PNG compressed data", expected, got: compressed });
    }
    Ok(header)
}

/// Bytes of the picture before compression, at least: interlaced ones have more.
fn least_bytes(header: &Header) -> u64 {
    let samples: u64 = match header.colour {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    (u64::from(header.width) * u64::from(header.height) * samples * u64::from(header.depth)).div_ceil(8)
}

/// Name and body of the chunk at `at`, which is moved behind it.
fn chunk<'a>(bytes: &'a [u8], at: &mut usize) -> Result<([u8; 4], &'a [u8]), ImagingError> {
    let rest = &bytes[*at..];
    let got = rest.len() as u64;
    let truncated = |expected| ImagingError::Truncated { what: "PNG chunk", expected, got };
    let (length, rest) = rest.split_first_chunk().ok_or_else(|| truncated(12))?;
    let length = u32::from_be_bytes(*length);
    // Length, name, body, checksum.
    let whole = u64::from(length) + 12;
    if got < whole {
        return Err(truncated(whole));
    }
    let (name, rest) = rest.split_first_chunk().ok_or_else(|| truncated(12))?;
    *at += whole as usize;
    Ok((*name, &rest[..length as usize]))
}

fn read_header(body: &[u8]) -> Result<Header, ImagingError> {
    let Ok([w3, w2, w1, w0, h3, h2, h1, h0, depth, colour, _, _, _]) = <[u8; 13]>::try_from(body) else {
        return Err(structure("IHDR", "13 bytes", body.len().to_string()));
    };
    let (width, height) = (u32::from_be_bytes([w3, w2, w1, w0]), u32::from_be_bytes([h3, h2, h1, h0]));
    check_size(FORMAT, width.into(), height.into())?;
    let allowed: &[u8] = match colour {
        0 => &[1, 2, 4, 8, 16],
        3 => &[1, 2, 4, 8],
        2 | 4 | 6 => &[8, 16],
        _ => return Err(structure("colour type", "0, 2, 3, 4 or 6", colour.to_string())),
    };
    if !allowed.contains(&depth) {
        let expected = "a bit depth that the colour type allows";
        return Err(structure("bit depth", expected, format!("{depth} for colour type {colour}")));
    }
    Ok(Header { width, height, depth, colour })
}

fn structure(part: &'static str, expected: &'static str, got: String) -> ImagingError {
    ImagingError::Structure { format: FORMAT, part, expected, got }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of these chunks; their checksums are not looked at by our walk.
    fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        for (name, body) in chunks {
            bytes.extend((body.len() as u32).to_be_bytes());
            bytes.extend_from_slice(*name);
            bytes.extend_from_slice(body);
            bytes.extend([0; 4]);
        }
        bytes
    }

    fn header(width: u32, height: u32, depth: u8, colour: u8) -> Vec<u8> {
        let tail = [depth, colour, 0, 0, 0];
        [&width.to_be_bytes()[..], &height.to_be_bytes(), &tail].concat()
    }

    #[test]
    fn hostile_headers_are_refused_before_anything_is_decoded() {
        struct Case {
            header: Vec<u8>,
            error: &'static str,
        }
        let cases = [
            Case {
                header: header(0, 5, 8, 2),
                error: "PNG: expected at least one column and one row, got 0 x 5",
            },
            Case {
                header: header(5, 0, 8, 2),
                error: "PNG: expected at least one column and one row, got 5 x 0",
            },
            Case {
                header: header(16385, 1, 8, 2),
                error: "picture columns: at most 16384 are supported, got 16385",
            },
            Case {
                header: header(1, u32::MAX, 8, 2),
                error: "picture rows: at most 16384 are supported, got 4294967295",
            },
            Case {
                header: header(8192, 8192, 8, 2),
                error: "picture pixels: at most 33554432 are supported, got 67108864",
            },
            // 4096 x 8192 x 3 bytes are never made of the 2 that are there.
            Case {
                header: header(4096, 8192, 8, 2),
                error: "PNG compressed data: expected at least 97542 bytes, got 2",
            },
            Case {
                header: header(1, 1, 3, 0),
                error: "PNG: bit depth: expected a bit depth that the colour type allows, got 3 for colour type 0",
            },
            Case {
                header: header(1, 1, 16, 3),
                error: "PNG: bit depth: expected a bit depth that the colour type allows, got 16 for colour type 3",
            },
            Case { header: header(1, 1, 8, 7), error: "PNG: colour type: expected 0, 2, 3, 4 or 6, got 7" },
            Case { header: vec![0; 12], error: "PNG: IHDR: expected 13 bytes, got 12" },
        ];
        for Case { header, error } in cases {
            let bytes = file(&[(b"IHDR", &header), (b"IDAT", b"ab"), (b"IEND", b"")]);
            assert_eq!(decode(&bytes).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn chunks_out_of_place_are_refused() {
        let head = header(1, 1, 8, 2);
        let cases = [
            (file(&[(b"IDAT", b"a")]), "PNG: the header chunk IHDR is missing"),
            (file(&[(b"IHDR", &head), (b"IHDR", &head)]), "PNG: IHDR: expected one, got a second"),
            (file(&[(b"IHDR", &head), (b"IDAT", b"a")]), "PNG chunk: expected at least 12 bytes, got 0"),
            (
                file(&[(b"IHDR", &head), (b"IEND", b"")]),
                "PNG compressed data: expected at least 1 bytes, got 0",
            ),
            (
                [SIGNATURE, &u32::MAX.to_be_bytes(), b"IHDR"].concat(),
                "PNG chunk: expected at least 4294967307 bytes, got 8",
            ),
        ];
        for (bytes, error) in cases {
            assert_eq!(decode(&bytes).unwrap_err().to_string(), error);
        }
        let bytes = file(&[(b"IHDR", &head), (b"IDAT", b"a"), (b"IEND", b"")]);
        assert!(matches!(decode(&bytes), Err(ImagingError::Decode { format: "PNG", .. })));
    }
}
