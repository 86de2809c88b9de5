//! Huffman codes and the bits they are read from. Source: ITU-T T.81, annexes C and F.2.2.

use super::FORMAT;
use crate::error::ImagingError;

/// Codes up to this length are found by one look.
const FAST_BITS: u32 = 9;

/// All codes of one table.
#[derive(Debug)]
pub(super) struct Codes {
    /// For the next bits: length of the code and its symbol; length 0: it is longer.
    fast: Vec<(u8, u8)>,
    /// For each length: one more than its largest code, and what leads from a code to the place of its symbol.
    ends: [(u32, i32); 17],
    symbols: Vec<u8>,
}

impl Codes {
    /// `counts`: codes of 1 to 16 bits; `symbols`: in the order of the codes.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, ImagingError> {
        let mut fast = vec![(0, 0); 1 << FAST_BITS];
        let mut ends = [(0, 0); 17];
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, count) in (1_u32..).zip(counts) {
            let first = code;
            for symbol in &symbols[place..place + usize::from(*count)] {
                if length <= FAST_BITS && code < 1 << length {
                    let free = FAST_BITS - length;
                    let from = (code << free) as usize;
                    fast[from..from + (1 << free)].fill((length as u8, *symbol));
                }
                code += 1;
            }
            if code > 1 << length {
                let (part, expected, got) = ("Huffman table", "codes that fit", "too many".to_owned());
                return Err(ImagingError::Structure { format: FORMAT, part, expected, got });
            }
            ends[length as usize] = (if *count > 0 { code } else { 0 }, place as i32 - first as i32);
            place += usize::from(*count);
            code <<= 1;
        }
        Ok(Self { fast, ends, symbols: symbols.to_vec() })
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
            return Err(ImagingError::Truncated { what: "JPEG compressed data", expected: 1, got: 0 });
        }
        self.next <<= bits;
        self.count -= bits;
        Ok(())
    }

    /// The next symbol.
    pub(super) fn symbol(&mut self, codes: &Codes) -> Result<u8, ImagingError> {
        if self.count < 32 {
            self.fill();
        }
        let (length, symbol) = codes.fast[(self.next >> (64 - FAST_BITS)) as usize];
        if length > 0 {
            self.skip(length.into())?;
            return Ok(symbol);
        }
        for length in FAST_BITS + 1..=16 {
            let code = (self.next >> (64 - length)) as u32;
            let (end, shift) = codes.ends[length as usize];
            if code < end {
                self.skip(length)?;
                let symbol = codes.symbols.get((code as i32 + shift) as usize);
                return symbol.copied().ok_or_else(no_code);
            }
        }
        Err(no_code())
    }

    /// `size` bits, at most 16, as a number without sign.
    pub(super) fn bits(&mut self, size: u8) -> Result<u32, ImagingError> {
        if size == 0 {
            return Ok(0);
        }
        if self.count < 32 {
            self.fill();
        }
        let value = (self.next >> (64 - u32::from(size))) as u32;
        self.skip(size.into())?;
        Ok(value)
    }

    /// `size` bits, at most 15, as a number with a sign. Source: ITU-T T.81, F.2.2.1 (EXTEND).
    pub(super) fn signed(&mut self, size: u8) -> Result<i32, ImagingError> {
        let value = self.bits(size)? as i32;
        let half = (1_i32 << size) >> 1;
        Ok(if value < half { value - (1 << size) + 1 } else { value })
    }

    /// Pass over a restart marker; the bits before it are padding.
    pub(super) fn restart(&mut self) -> Result<(), ImagingError> {
        (self.next, self.count) = (0, 0);
        // What was not yet taken of the last bytes is padding, too.
        match self.rest {
            [0xFF, 0xD0..=0xD7, rest @ ..] => {
                self.rest = rest;
                Ok(())
            }
            _ => Err(ImagingError::Missing { format: FORMAT, part: "a restart marker" }),
        }
    }
}

pub(super) fn no_code() -> ImagingError {
    ImagingError::Decode { format: FORMAT, problem: "bits that are no code of the table".into() }
}
