//! RLE, one frame. Source: DICOM PS3.5 annex G.

use crate::error::ImagingError;

const HEADER_BYTES: usize = 64;
const FORMAT: &str = "RLE";

/// Decode `bytes` to `planes` planes of `plane_bytes` bytes each, one behind the other: for samples of two bytes
/// the plane of the high bytes comes first.
/// Errors: `Truncated` where bytes are missing, `Structure` where the header is not that of `planes` segments.
pub(crate) fn decode(bytes: &[u8], planes: usize, plane_bytes: usize) -> Result<Vec<u8>, ImagingError> {
    let header = bytes.get(..HEADER_BYTES).ok_or(ImagingError::Truncated {
        what: "RLE header",
        expected: HEADER_BYTES as u64,
        got: bytes.len() as u64,
    })?;
    let header: Vec<usize> =
        header.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word) as usize).collect();
    if header[0] != planes || planes >= header.len() {
        let got = format!("{}, where {planes} are needed", header[0]);
        let expected = "a segment for each byte of a pixel";
        return Err(ImagingError::Structure { format: FORMAT, part: "number of segments", expected, got });
    }
    // Two bytes make at most 128.
    let (expected, got) = ((planes * plane_bytes).div_ceil(64) as u64, (bytes.len() - HEADER_BYTES) as u64);
    if got < expected {
        return Err(ImagingError::Truncated { what: "RLE segments", expected, got });
    }
    let mut decoded = Vec::with_capacity(planes * plane_bytes);
    for plane in 1..=planes {
        let start = header[plane];
        let end = if plane < planes { header[plane + 1] } else { bytes.len() };
        let segment = bytes.get(start..end).filter(|_| start >= HEADER_BYTES).ok_or_else(|| {
            let (expected, got) = ("offsets in order, inside the frame", format!("{start} to {end}"));
            ImagingError::Structure { format: FORMAT, part: "segment offset", expected, got }
        })?;
        unpack(segment, plane * plane_bytes, &mut decoded)?;
    }
    Ok(decoded)
}

/// Append the bytes of one segment until `decoded` has `length`; what follows is padding.
fn unpack(segment: &[u8], length: usize, decoded: &mut Vec<u8>) -> Result<(), ImagingError> {
    let mut rest = segment;
    while decoded.len() < length {
        let missing = (length - decoded.len()) as u64;
        let short = || ImagingError::Truncated { what: "RLE segment", expected: missing, got: 0 };
        let (&control, after) = rest.split_first().ok_or_else(short)?;
        rest = after;
        match control {
            0..=127 => {
                let count = usize::from(control) + 1;
                let literal = rest.get(..count).ok_or_else(short)?;
                decoded.extend_from_slice(&literal[..count.min(missing as usize)]);
                rest = &rest[count..];
            }
            128 => {}
            129..=255 => {
                let (&value, after) = rest.split_first().ok_or_else(short)?;
                let count = (257 - usize::from(control)).min(missing as usize);
                decoded.resize(decoded.len() + count, value);
                rest = after;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(count: u32, offsets: &[u32], data: &[u8]) -> Vec<u8> {
        let mut words = [0_u32; 16];
        words[0] = count;
        words[1..=offsets.len()].copy_from_slice(offsets);
        [&words.map(u32::to_le_bytes).concat()[..], data].concat()
    }

    #[test]
    fn runs_literals_and_padding_are_read() {
        let two = frame(2, &[64, 68], &[0xFD, 7, 128, 0, 1, 1, 2, 0xFF, 9, 0]);
        assert_eq!(decode(&two, 2, 4).unwrap(), [7, 7, 7, 7, 1, 2, 9, 9]);
    }

    #[test]
    fn frames_that_lie_are_refused() {
        let cases = [
            (vec![0; 63], "RLE header: expected at least 64 bytes, got 63"),
            (frame(2, &[64, 64], &[0xFD, 7]), "number of segments"),
            (frame(1, &[63], &[0xFD, 7]), "got 63 to 66"),
            (frame(1, &[67], &[0xFD, 7]), "got 67 to 66"),
            (frame(1, &[64], &[0xFE, 7]), "RLE segment: expected at least 1 bytes, got 0"),
            (frame(1, &[64], &[3, 7]), "RLE segment: expected at least 4 bytes, got 0"),
            (frame(1, &[64], &[0xFE]), "RLE segment"),
            (frame(1, &[64], &[128, 128]), "RLE segment"),
        ];
        for (bytes, message) in cases {
            let error = decode(&bytes, 1, 4).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
