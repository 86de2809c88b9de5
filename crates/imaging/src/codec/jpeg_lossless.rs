//! JPEG process 14: lossless, Huffman-coded, 2 to 16 bits. Source: ITU-T T.81, annexes B, C, F.1.2 and H.

mod bits;

use bits::{Bits, Codes};

use super::jpeg_markers::{next_marker, segment, skip_entropy};
use crate::error::ImagingError;
use crate::pixels::check_size;

const FORMAT: &str = "JPEG Lossless";

/// Samples of one frame: `(rows, columns, components)`, interleaved, of `precision` bits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lossless {
    pub(crate) columns: u32,
    pub(crate) rows: u32,
    pub(crate) components: usize,
    pub(crate) precision: u8,
    pub(crate) samples: Vec<u16>,
}

#[derive(Debug)]
struct Frame {
    columns: usize,
    rows: usize,
    precision: u8,
    ids: Vec<u8>,
}

/// One pass over some components.
struct Scan<'a> {
    /// Place of the component in the frame, and its codes.
    parts: Vec<(usize, &'a Codes)>,
    /// Predictor, 1 to 7.
    selection: u8,
    point_transform: u8,
    restart_interval: usize,
}

/// Decode one picture. It may not be larger than the limits of a picture.
/// Errors: `Structure`, `Missing`, `Truncated`, `Unsupported`, `Limit`, `ZeroSize`.
pub(crate) fn decode(bytes: &[u8]) -> Result<Lossless, ImagingError> {
    if !bytes.starts_with(&[0xFF, 0xD8]) {
        return Err(structure("frame", "the start marker ff d8", "something else".into()));
    }
    let mut tables: [Option<Codes>; 4] = [None, None, None, None];
    let mut frame: Option<Frame> = None;
    let mut restart_interval = 0;
    let mut samples: Vec<u16> = Vec::new();
    let mut filled = Vec::new();
    let mut at = 2;
    loop {
        let marker = next_marker(bytes, &mut at)?;
        let body = match marker {
            0xD9 => return Err(ImagingError::Missing { format: FORMAT, part: "a scan of every component" }),
            0xD0..=0xD8 | 0x01 => return Err(structure("marker", "a segment", format!("{marker:#04x}"))),
            _ => segment(bytes, &mut at)?,
        };
        match (marker, &frame) {
            (0xC3, None) => {
                let read = read_frame(body)?;
                let count = read.columns * read.rows * read.ids.len();
                // Every sample takes at least one bit.
                let (expected, got) = (count.div_ceil(8) as u64, (bytes.len() - at) as u64);
                if got < expected {
                    return Err(ImagingError::Truncated { what: "JPEG Lossless data", expected, got });
                }
                samples = vec![0; count];
                filled = vec![false; read.ids.len()];
                frame = Some(read);
            }
            (0xC3, Some(_)) => return Err(structure("frame", "one", "a second".into())),
            (0xC4, _) => read_tables(body, &mut tables)?,
            (0xC0..=0xCF, _) => {
                let what = format!("another process (SOF{})", marker - 0xC0);
                let why = "only process 14 belongs to this transfer syntax";
                return Err(ImagingError::Unsupported { format: FORMAT, what, why });
            }
            (0xDC, _) => return Err(structure("marker", "the height before the scan", "DNL".into())),
            (0xDD, _) => {
                let interval: [u8; 2] = exact(body)?;
                restart_interval = usize::from(u16::from_be_bytes(interval));
            }
            (0xDA, Some(frame)) => {
                let scan = read_scan(body, frame, &tables, restart_interval)?;
                let start = at;
                skip_entropy(bytes, &mut at);
                read_samples(&bytes[start..at], frame, &scan, &mut samples)?;
                scan.parts.iter().for_each(|(place, _)| filled[*place] = true);
                if filled.iter().all(|filled| *filled) {
                    let (columns, rows) = (frame.columns as u32, frame.rows as u32);
                    let (components, precision) = (frame.ids.len(), frame.precision);
                    return Ok(Lossless { columns, rows, components, precision, samples });
                }
            }
            (0xDA, None) => {
                return Err(ImagingError::Missing { format: FORMAT, part: "the frame before the scan" });
            }
            _ => {}
        }
    }
}

fn read_frame(body: &[u8]) -> Result<Frame, ImagingError> {
    let (header, components) = body.split_first_chunk::<6>().ok_or_else(|| short(body))?;
    let [precision, h1, h0, w1, w0, count] = *header;
    let (columns, rows) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
    check_size(FORMAT, columns.into(), rows.into())?;
    if !(2..=16).contains(&precision) {
        return Err(structure("precision", "2 to 16 bits", precision.to_string()));
    }
    let (components, _) = components.as_chunks::<3>();
    if components.len() != usize::from(count) || !matches!(count, 1 | 3) {
        return Err(structure("components", "1 or 3", count.to_string()));
    }
    if components.len() > 1 && components.iter().any(|[_, sampling, _]| *sampling != 0x11) {
        return Err(structure("sampling", "every component for every pixel", "less".into()));
    }
    let ids = components.iter().map(|[id, ..]| *id).collect();
    Ok(Frame { columns: columns.into(), rows: rows.into(), precision, ids })
}

fn read_tables(body: &[u8], tables: &mut [Option<Codes>; 4]) -> Result<(), ImagingError> {
    let mut rest = body;
    while let Some((&target, after)) = rest.split_first() {
        let (counts, after) = after.split_first_chunk::<16>().ok_or_else(|| short(body))?;
        let total = counts.iter().map(|count| usize::from(*count)).sum();
        let symbols = after.get(..total).ok_or_else(|| short(body))?;
        let place = usize::from(target);
        let slot = tables.get_mut(place).ok_or_else(|| structure("table", "0 to 3", place.to_string()))?;
        *slot = Some(Codes::new(counts, symbols)?);
        rest = &after[total..];
    }
    Ok(())
}

fn read_scan<'a>(
    body: &[u8],
    frame: &Frame,
    tables: &'a [Option<Codes>; 4],
    restart_interval: usize,
) -> Result<Scan<'a>, ImagingError> {
    let (&count, rest) = body.split_first().ok_or_else(|| short(body))?;
    let (parts, rest) = rest.split_at_checked(usize::from(count) * 2).ok_or_else(|| short(body))?;
    let [selection, _, approximation] = exact(rest)?;
    let mut scan_parts: Vec<(usize, &Codes)> = Vec::new();
    for [id, table] in parts.as_chunks::<2>().0 {
        let place = frame.ids.iter().position(|known| known == id);
        let place = place.ok_or_else(|| structure("scan", "components of the frame", id.to_string()))?;
        let codes = tables.get(usize::from(table >> 4)).and_then(Option::as_ref);
        scan_parts
            .push((place, codes.ok_or(ImagingError::Missing { format: FORMAT, part: "a Huffman table" })?));
    }
    let point_transform = approximation & 15;
    if scan_parts.is_empty() || scan_parts.len() > frame.ids.len() || point_transform >= frame.precision {
        return Err(structure("scan", "some components and less bits cut than there are", count.to_string()));
    }
    if !(1..=7).contains(&selection) {
        return Err(structure("selection value", "1 to 7", selection.to_string()));
    }
    Ok(Scan { parts: scan_parts, selection, point_transform, restart_interval })
}

/// Source: ITU-T T.81, H.1.2: after the start and each restart the first row is predicted from the left only.
fn read_samples(
    entropy: &[u8],
    frame: &Frame,
    scan: &Scan<'_>,
    samples: &mut [u16],
) -> Result<(), ImagingError> {
    let (columns, stride) = (frame.columns, frame.ids.len());
    let mut bits = Bits::new(entropy);
    let middle = 1_i32 << (frame.precision - scan.point_transform - 1);
    // The row in which the last start or restart lies, and its first column.
    let mut start = (0, 0);
    let pixels = frame.rows * columns;
    for pixel in 0..pixels {
        let (y, x) = (pixel / columns, pixel % columns);
        if pixel > 0 && scan.restart_interval > 0 && pixel % scan.restart_interval == 0 {
            bits.restart()?;
            start = (y, x);
        }
        for (place, codes) in &scan.parts {
            let at = pixel * stride + place;
            let near = |back: usize| i32::from(samples[at - back * stride] >> scan.point_transform);
            let prediction = if (y, x) == start {
                middle
            } else if y == start.0 {
                near(1)
            } else if x == 0 {
                near(columns)
            } else {
                predict(scan.selection, near(1), near(columns), near(columns + 1))
            };
            let value = (prediction + bits.difference(codes)?) as u16;
            samples[at] = value << scan.point_transform;
        }
    }
    Ok(())
}

/// From left, above and above left. Source: ITU-T T.81, table H.1.
fn predict(selection: u8, left: i32, above: i32, corner: i32) -> i32 {
    match selection {
        1 => left,
        2 => above,
        3 => corner,
        4 => left + above - corner,
        5 => left + ((above - corner) >> 1),
        6 => above + ((left - corner) >> 1),
        _ => (left + above) >> 1,
    }
}

fn structure(part: &'static str, expected: &'static str, got: String) -> ImagingError {
    ImagingError::Structure { format: FORMAT, part, expected, got }
}

fn short(body: &[u8]) -> ImagingError {
    let got = body.len() as u64;
    ImagingError::Truncated { what: "JPEG Lossless segment", expected: got + 1, got }
}

fn exact<const N: usize>(body: &[u8]) -> Result<[u8; N], ImagingError> {
    body.try_into().map_err(|_| short(body))
}

#[cfg(test)]
mod tests;
