//! Huffman codes and the bits they are read from. Source: ITU-T T.81, annexes C and F.2.2.

use super::{FORMAT, structure};
use crate::error::ImagingError;

/// All codes of one table: for the next 16 bits, how many of them are the code, and its symbol.
#[derive(Debug)]
pub(super) struct Codes(Vec<(u8, u8)>);

impl Codes {
    /// `counts`: codes of 1 to 16 bits; `symbols`: in the order of the codes.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, ImagingError> {
        let mut table = Vec::with_capacity(1 << 16);
        let mut symbols = symbols.iter();
        for (length, count) in (1_u8..).zip(counts) {
            for symbol in symbols.by_ref().take(usize::from(*count)) {
                if *symbol > 16 {
                    return Err(structure(
                        "Huffman table",
                        "differences of 0 to 16 bits",
                        symbol.to_string(),
                    ));
                }
                let filled = table.len() + (1 << (16 - length));
                if filled > 1 << 16 {
                    return Err(structure("Huffman table", "codes that fit", "too many".into()));
                }
                table.resize(filled, (length, *symbol));
            }
        }
        // Bits that begin no code.
        table.resize(1 << 16, (0, 0));
        Ok(Self(table))
    }
}

/// The bits of a scan, stuffed zeros removed.
pub(super) struct Bits<'a> {
    rest: &'a [u8],
    /// The next bits, highest first; `count` of them are there, zeros follow.
    next: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(entropy: &'a [u8]) -> Self {
        Self { rest: entropy, next: 0, count: 0 }
    }

    /// As many whole bytes as fit, up to the next marker.
    fn fill(&mut self) {
        while self.count <= 56 {
            let (byte, length) = match self.rest {
                [0xFF, 0, ..] => (0xFF, 2),
                [0xFF, ..] | [] => return,
                [byte, ..] => (*byte, 1),
            };
            self.next |= u64::from(byte) << (56 - self.count);
            self.count += 8;
            self.rest = &self.rest[length..];
        }
    }

    fn skip(&mut self, bits: u32) -> Result<(), ImagingError> {
        if bits > self.count {
            return Err(ImagingError::Truncated {
                what: "JPEG Lossless compressed data",
                expected: 1,
                got: 0,
            });
        }
        self.next <<= bits;
        self.count -= bits;
        Ok(())
    }

    /// The next difference. Source: ITU-T T.81, H.1.2.2 and F.2.2.1.
    pub(super) fn difference(&mut self, codes: &Codes) -> Result<i32, ImagingError> {
        if self.count < 32 {
            self.fill();
        }
        let (length, size) = codes.0[(self.next >> 48) as usize];
        if length == 0 {
            let problem = "bits that are no code of the table".into();
            return Err(ImagingError::Decode { format: FORMAT, problem });
        }
        self.skip(length.into())?;
        match size {
            0 => Ok(0),
            16 => Ok(1 << 15),
            _ => {
                let value = (self.next >> (64 - u32::from(size))) as i32;
                self.skip(size.into())?;
                let positive = value >> (size - 1) == 1;
                Ok(if positive { value } else { value - (1 << size) + 1 })
            }
        }
    }

    /// Pass over a restart marker; the bits before it are padding.
    pub(super) fn restart(&mut self) -> Result<(), ImagingError> {
        (self.next, self.count) = (0, 0);
        match self.rest {
            [0xFF, 0xD0..=0xD7, rest @ ..] => {
                self.rest = rest;
                Ok(())
            }
            _ => Err(ImagingError::Missing { format: FORMAT, part: "a restart marker" }),
        }
    }
}
