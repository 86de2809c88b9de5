//! Lossy JPEG of 8 bits, sequential and progressive, Huffman-coded, to the very bytes that libjpeg-turbo gives (which
//! Pillow uses, with which the models were trained). Source: ITU-T T.81 annexes B, F and G; of the steps that the
//! standard leaves free, the arithmetic of libjpeg's `islow` transform, "fancy" upsampling and conversion of colours.
//!
//! Stricter than libjpeg: compressed data that end early or break the code are refused, and so is a progressive
//! picture of which refinements are missing (libjpeg would smooth it).

mod entropy;
mod idct;
mod progressive;
mod upsample;

use entropy::{Bits, Codes};
use progressive::Band;

use super::jpeg_markers::{next_marker, segment, skip_entropy};
use crate::error::ImagingError;

const FORMAT: &str = "JPEG";

/// Coefficients of a block, in natural order.
type Block = [i16; 64];

/// Place of the k-th coefficient of the zigzag. Source: ITU-T T.81, figure A.6.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// One component of the frame.
#[derive(Debug)]
struct Component {
    id: u8,
    /// Blocks of it in an MCU, across and down: 1 or 2.
    across: usize,
    down: usize,
    quantization: usize,
    /// The table that was there at its first scan.
    table: Option<[u16; 64]>,
    /// Samples that belong to the picture.
    columns: usize,
    rows: usize,
    /// Blocks of a row as they are kept: whole MCUs.
    stride: usize,
    blocks: Vec<Block>,
    /// Bits of each coefficient, in zigzag order, that are still missing. `None`: it was not seen at all.
    missing: [Option<u8>; 64],
}

#[derive(Debug)]
struct Frame {
    width: usize,
    height: usize,
    progressive: bool,
    /// Blocks of an MCU across and down, at most.
    across: usize,
    down: usize,
    components: Vec<Component>,
}

#[derive(Debug, Default)]
struct Tables {
    quantization: [Option<[u16; 64]>; 4],
    dc: [Option<Codes>; 4],
    ac: [Option<Codes>; 4],
    restart_interval: usize,
}

/// Decode a picture whose markers were walked (`jpeg_markers::walk`): one frame of 1 or 3 components and a size
/// within the limits. Returns `(height, width, components)` bytes, grey or RGB, interleaved.
/// Memory: about 12 bytes per pixel.
/// Errors: `Structure`, `Truncated`, `Missing`, `Decode`.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<u8>, ImagingError> {
    let mut tables = Tables::default();
    let mut frame: Option<Frame> = None;
    let mut at = 2;
    loop {
        let marker = next_marker(bytes, &mut at)?;
        if marker == 0xD9 {
            break;
        }
        if matches!(marker, 0xD0..=0xD7 | 0x01) {
            continue;
        }
        let body = segment(bytes, &mut at)?;
        match (marker, &mut frame) {
            (0xC0..=0xC2, None) => frame = Some(Frame::read(body, marker == 0xC2)?),
            (0xC4, _) => tables.read_codes(body)?,
            (0xDB, _) => tables.read_quantization(body)?,
            (0xDD, _) => {
                let interval: [u8; 2] =
                    body.try_into().map_err(|_| short("JPEG restart interval", 2, body))?;
                tables.restart_interval = usize::from(u16::from_be_bytes(interval));
            }
            (0xDA, Some(frame)) => {
                let start = at;
                skip_entropy(bytes, &mut at);
                frame.read_scan(body, &bytes[start..at], &tables)?;
            }
            (0xDA, None) => {
                return Err(ImagingError::Missing { format: FORMAT, part: "the frame before the scan" });
            }
            _ => {}
        }
    }
    let frame = frame.ok_or(ImagingError::Missing { format: FORMAT, part: "the frame" })?;
    frame.pixels()
}

impl Tables {
    /// Source: ITU-T T.81, B.2.4.1.
    fn read_quantization(&mut self, body: &[u8]) -> Result<(), ImagingError> {
        let mut rest = body;
        while let Some((&head, after)) = rest.split_first() {
            let wide = head >> 4 == 1;
            let length = if wide { 128 } else { 64 };
            let values =
                after.get(..length).ok_or_else(|| short("JPEG quantization table", length, after))?;
            let slot = self.quantization.get_mut(usize::from(head & 15)).filter(|_| head >> 4 < 2);
            let slot =
                slot.ok_or_else(|| structure("quantization table", "number 0 to 3 of 8 or 16 bits", head))?;
            let mut table = [0; 64];
            for (k, place) in ZIGZAG.iter().enumerate() {
                table[usize::from(*place)] = match wide {
                    true => u16::from_be_bytes([values[2 * k], values[2 * k + 1]]),
                    false => values[k].into(),
                };
            }
            *slot = Some(table);
            rest = &after[length..];
        }
        Ok(())
    }

    /// Source: ITU-T T.81, B.2.4.2.
    fn read_codes(&mut self, body: &[u8]) -> Result<(), ImagingError> {
        let mut rest = body;
        while let Some((&head, after)) = rest.split_first() {
            let (counts, after) =
                after.split_first_chunk::<16>().ok_or_else(|| short("JPEG Huffman table", 16, after))?;
            let total = counts.iter().map(|count| usize::from(*count)).sum();
            let symbols = after.get(..total).ok_or_else(|| short("JPEG Huffman table", total, after))?;
            let class = match head >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(structure("Huffman table", "class 0 or 1", head)),
            };
            let slot = class.get_mut(usize::from(head & 15));
            let slot = slot.ok_or_else(|| structure("Huffman table", "number 0 to 3", head))?;
            *slot = Some(Codes::new(counts, symbols)?);
            rest = &after[total..];
        }
        Ok(())
    }
}

impl Frame {
    /// Source: ITU-T T.81, B.2.2 and A.1.1.
    fn read(body: &[u8], progressive: bool) -> Result<Self, ImagingError> {
        let (header, parts) =
            body.split_first_chunk::<6>().ok_or_else(|| short("JPEG frame header", 6, body))?;
        let [_, h1, h0, w1, w0, count] = *header;
        let (width, height) =
            (usize::from(u16::from_be_bytes([w1, w0])), usize::from(u16::from_be_bytes([h1, h0])));
        let parts = parts.as_chunks::<3>().0.get(..usize::from(count));
        let parts = parts.ok_or_else(|| short("JPEG frame header", 6 + 3 * usize::from(count), body))?;
        // The blocks of a single component are not grouped, whatever it says.
        let sampling =
            |byte: u8| if count == 1 { (1, 1) } else { (usize::from(byte >> 4), usize::from(byte & 15)) };
        let most =
            |of: &dyn Fn((usize, usize)) -> usize| parts.iter().map(|part| of(sampling(part[1]))).max();
        let (across, down) = (most(&|s| s.0).unwrap_or(0), most(&|s| s.1).unwrap_or(0));
        if parts.iter().any(|part| !matches!(sampling(part[1]), (1 | 2, 1 | 2))) || width * height == 0 {
            return Err(structure("frame", "components sampled once or twice, and a size", count));
        }
        let (mcus_across, mcus_down) = (width.div_ceil(8 * across), height.div_ceil(8 * down));
        let component = |[id, byte, quantization]: &[u8; 3]| {
            let (own_across, own_down) = sampling(*byte);
            let stride = mcus_across * own_across;
            Component {
                id: *id,
                across: own_across,
                down: own_down,
                quantization: usize::from(*quantization),
                table: None,
                columns: (width * own_across).div_ceil(across),
                rows: (height * own_down).div_ceil(down),
                stride,
                blocks: vec![[0; 64]; stride * mcus_down * own_down],
                missing: [None; 64],
            }
        };
        let components = parts.iter().map(component).collect();
        Ok(Self { width, height, progressive, across, down, components })
    }

    /// One scan: which components, which band of coefficients. Source: ITU-T T.81, B.2.3 and G.1.1.1.
    fn read_scan(&mut self, body: &[u8], entropy: &[u8], tables: &Tables) -> Result<(), ImagingError> {
        let (&count, rest) = body.split_first().ok_or_else(|| short("JPEG scan header", 1, body))?;
        let count = usize::from(count);
        let parts = rest.get(..2 * count).ok_or_else(|| short("JPEG scan header", 4 + 2 * count, body))?;
        let &[first, last, approximation] = rest[2 * count..]
            .first_chunk::<3>()
            .ok_or_else(|| short("JPEG scan header", 4 + 2 * count, body))?;
        let band = match self.progressive {
            true => Band::new(first, last, approximation)?,
            false => Band::ALL,
        };
        let mut chosen: Vec<Chosen<'_>> = Vec::new();
        for [id, selector] in parts.as_chunks::<2>().0 {
            let place = self.components.iter().position(|component| component.id == *id);
            let place = place.filter(|place| chosen.iter().all(|other| other.place != *place));
            let place = place.ok_or_else(|| structure("scan", "components of the frame, each once", *id))?;
            let dc = tables.dc.get(usize::from(selector >> 4)).and_then(Option::as_ref);
            let ac = tables.ac.get(usize::from(selector & 15)).and_then(Option::as_ref);
            let missing = ImagingError::Missing { format: FORMAT, part: "a Huffman table" };
            if (band.needs_dc() && dc.is_none()) || (band.needs_ac() && ac.is_none()) {
                return Err(missing);
            }
            let component = &mut self.components[place];
            if component.table.is_none() {
                let found = tables.quantization.get(component.quantization).copied().flatten();
                component.table = Some(
                    found.ok_or(ImagingError::Missing { format: FORMAT, part: "a quantization table" })?,
                );
            }
            band.follow(&mut component.missing)?;
            chosen.push(Chosen { place, dc, ac, predicted: 0 });
        }
        if chosen.is_empty() || (band.needs_ac() && !band.needs_dc() && chosen.len() > 1) {
            return Err(structure("scan", "one component for a band without DC", count as u8));
        }
        self.read_mcus(&mut chosen, band, entropy, tables.restart_interval)
    }

    fn read_mcus(
        &mut self,
        chosen: &mut [Chosen<'_>],
        band: Band,
        entropy: &[u8],
        restart_interval: usize,
    ) -> Result<(), ImagingError> {
        let mut bits = Bits::new(entropy);
        let mut run = 0;
        let alone = chosen.len() == 1;
        let (wide, high) = match (alone, &self.components[chosen[0].place]) {
            (true, component) => (component.columns.div_ceil(8), component.rows.div_ceil(8)),
            (false, _) => (self.width.div_ceil(8 * self.across), self.height.div_ceil(8 * self.down)),
        };
        for mcu in 0..wide * high {
            if mcu > 0 && restart_interval > 0 && mcu % restart_interval == 0 {
                bits.restart()?;
                run = 0;
                chosen.iter_mut().for_each(|part| part.predicted = 0);
            }
            let (y, x) = (mcu / wide, mcu % wide);
            for part in chosen.iter_mut() {
                let component = &mut self.components[part.place];
                let (across, down) = if alone { (1, 1) } else { (component.across, component.down) };
                for block in 0..across * down {
                    let (row, column) = (y * down + block / across, x * across + block % across);
                    let block = &mut component.blocks[row * component.stride + column];
                    band.read(&mut bits, part, block, &mut run)?;
                }
            }
        }
        Ok(())
    }

    fn pixels(self) -> Result<Vec<u8>, ImagingError> {
        let (width, height) = (self.width, self.height);
        let whole = |component: &Component| component.missing.iter().all(|bits| *bits == Some(0));
        if !self.components.iter().all(whole) {
            return Err(ImagingError::Missing {
                format: FORMAT,
                part: "a scan of every component and coefficient",
            });
        }
        let rgb = self.components.iter().map(|component| component.id).eq(*b"RGB");
        let planes: Vec<upsample::Plane> = self
            .components
            .into_iter()
            .map(|component| {
                let steps = (self.across / component.across, self.down / component.down);
                let (columns, rows) = (component.columns, component.rows);
                upsample::Plane {
                    columns,
                    rows,
                    stride: component.stride * 8,
                    steps,
                    samples: component.samples(),
                }
            })
            .collect();
        if let [grey] = &planes[..] {
            let rows = grey.samples.chunks_exact(grey.stride).take(height);
            return Ok(rows.flat_map(|row| &row[..width]).copied().collect());
        }
        let mut out = Vec::with_capacity(width * height * planes.len());
        let mut rows = vec![vec![0; width + 1]; planes.len()];
        for y in 0..height {
            planes.iter().zip(&mut rows).for_each(|(plane, row)| plane.row(y, row));
            if let [a, b, c] = &rows[..] {
                let pixels = a.iter().zip(b).zip(c).take(width);
                out.extend(pixels.flat_map(|((a, b), c)| match rgb {
                    true => [*a, *b, *c],
                    false => upsample::rgb(*a, *b, *c),
                }));
            }
        }
        Ok(out)
    }
}

/// A component of a scan.
struct Chosen<'a> {
    place: usize,
    dc: Option<&'a Codes>,
    ac: Option<&'a Codes>,
    /// The last DC value.
    predicted: i32,
}

impl Component {
    /// `(blocks down * 8, stride * 8)` samples.
    fn samples(self) -> Vec<u8> {
        let table = self.table.unwrap_or([0; 64]);
        let width = self.stride * 8;
        let mut samples = vec![0; self.blocks.len() * 64];
        for (place, block) in self.blocks.iter().enumerate() {
            let at = place / self.stride * 8 * width + place % self.stride * 8;
            idct::inverse(block, &table, &mut samples[at..], width);
        }
        samples
    }
}

fn structure(part: &'static str, expected: &'static str, got: u8) -> ImagingError {
    ImagingError::Structure { format: FORMAT, part, expected, got: got.to_string() }
}

fn short(what: &'static str, expected: usize, body: &[u8]) -> ImagingError {
    ImagingError::Truncated { what, expected: expected as u64, got: body.len() as u64 }
}
