//! What a scan brings: all of a block, or a band of its coefficients, or one more bit of them.
//! Source: ITU-T T.81, F.2 (sequential) and G.1.2, G.2 (progressive).

use super::entropy::{Bits, no_code};
use super::{Block, Chosen, FORMAT, ZIGZAG};
use crate::error::ImagingError;

/// The coefficients of a scan, first to last in zigzag order, and their bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Band {
    first: usize,
    last: usize,
    /// Bits that were still missing before. `None`: the coefficients come for the first time.
    before: Option<u8>,
    /// Bits still missing after.
    after: u8,
}

impl Band {
    /// A sequential scan.
    pub(super) const ALL: Self = Self { first: 0, last: 63, before: None, after: 0 };

    /// A progressive scan.
    pub(super) fn new(first: u8, last: u8, approximation: u8) -> Result<Self, ImagingError> {
        let (high, low) = (approximation >> 4, approximation & 15);
        let dc = first == 0 && last == 0;
        let ordered = first <= last && last < 64 && (dc || first > 0);
        if !ordered || low > 13 || (high != 0 && high != low + 1) {
            let got = format!("{first} to {last}, {high} to {low}");
            let (part, expected) = ("scan", "a band of coefficients, and bits in order");
            return Err(ImagingError::Structure { format: FORMAT, part, expected, got });
        }
        let before = (high != 0).then_some(high);
        Ok(Self { first: first.into(), last: last.into(), before, after: low })
    }

    pub(super) fn needs_dc(self) -> bool {
        self.first == 0 && self.before.is_none()
    }

    pub(super) fn needs_ac(self) -> bool {
        self.last > 0
    }

    /// Hold the scan against those before it.
    pub(super) fn follow(self, missing: &mut [Option<u8>; 64]) -> Result<(), ImagingError> {
        let follows = |bits: &Option<u8>| *bits == self.before;
        let dc_first = self.first == 0 || missing[0].is_some();
        if !dc_first || !missing[self.first..=self.last].iter().all(follows) {
            let (part, expected) = ("scan", "bits that follow those before");
            let got = format!("{self:?}");
            return Err(ImagingError::Structure { format: FORMAT, part, expected, got });
        }
        missing[self.first..=self.last].fill(Some(self.after));
        Ok(())
    }

    /// Read what the scan holds of one block. `run`: blocks that end with this band's last coefficients all 0.
    pub(super) fn read(
        self,
        bits: &mut Bits<'_>,
        part: &mut Chosen<'_>,
        block: &mut Block,
        run: &mut u32,
    ) -> Result<(), ImagingError> {
        match (self.first, self.before) {
            (0, None) => {
                self.dc(bits, part, block)?;
                if self.last > 0 { self.sequential(bits, part, block) } else { Ok(()) }
            }
            (0, Some(_)) => {
                block[0] |= (bits.bits(1)? << self.after) as i16;
                Ok(())
            }
            (_, None) => self.ac(bits, part, block, run),
            (_, Some(_)) => self.refine(bits, part, block, run),
        }
    }

    fn dc(self, bits: &mut Bits<'_>, part: &mut Chosen<'_>, block: &mut Block) -> Result<(), ImagingError> {
        let size = bits.symbol(part.dc.ok_or_else(no_code)?)?;
        if size > 15 {
            return Err(no_code());
        }
        part.predicted = part.predicted.wrapping_add(bits.signed(size)?);
        block[0] = (part.predicted << self.after) as i16;
        Ok(())
    }

    fn sequential(
        self,
        bits: &mut Bits<'_>,
        part: &Chosen<'_>,
        block: &mut Block,
    ) -> Result<(), ImagingError> {
        let codes = part.ac.ok_or_else(no_code)?;
        let mut k = 1;
        while k < 64 {
            let symbol = bits.symbol(codes)?;
            let (zeros, size) = (usize::from(symbol >> 4), symbol & 15);
            if size == 0 {
                if zeros < 15 {
                    break;
                }
                k += 16;
                continue;
            }
            k += zeros;
            let place = ZIGZAG.get(k).ok_or_else(no_code)?;
            block[usize::from(*place)] = bits.signed(size)? as i16;
            k += 1;
        }
        Ok(())
    }

    fn ac(
        self,
        bits: &mut Bits<'_>,
        part: &Chosen<'_>,
        block: &mut Block,
        run: &mut u32,
    ) -> Result<(), ImagingError> {
        if *run > 0 {
            *run -= 1;
            return Ok(());
        }
        let codes = part.ac.ok_or_else(no_code)?;
        let mut k = self.first;
        while k <= self.last {
            let symbol = bits.symbol(codes)?;
            let (zeros, size) = (symbol >> 4, symbol & 15);
            if size == 0 {
                if zeros < 15 {
                    *run = (1 << zeros) + bits.bits(zeros)? - 1;
                    break;
                }
                k += 16;
                continue;
            }
            k += usize::from(zeros);
            if k > self.last {
                return Err(no_code());
            }
            block[usize::from(ZIGZAG[k])] = (bits.signed(size)? << self.after) as i16;
            k += 1;
        }
        Ok(())
    }

    fn refine(
        self,
        bits: &mut Bits<'_>,
        part: &Chosen<'_>,
        block: &mut Block,
        run: &mut u32,
    ) -> Result<(), ImagingError> {
        let codes = part.ac.ok_or_else(no_code)?;
        let bit = 1_i16 << self.after;
        let mut k = self.first;
        if *run == 0 {
            while k <= self.last {
                let symbol = bits.symbol(codes)?;
                let (mut zeros, size) = (symbol >> 4, symbol & 15);
                let value = match size {
                    0 if zeros < 15 => {
                        *run = (1 << zeros) + bits.bits(zeros)?;
                        break;
                    }
                    0 => 0,
                    1 => {
                        if bits.bits(1)? == 1 {
                            bit
                        } else {
                            -bit
                        }
                    }
                    _ => return Err(no_code()),
                };
                // Pass over `zeros` coefficients that are 0, correcting those that are not.
                while k <= self.last {
                    let coefficient = &mut block[usize::from(ZIGZAG[k])];
                    if *coefficient != 0 {
                        correct(bits, coefficient, bit)?;
                    } else if zeros == 0 {
                        *coefficient = value;
                        k += 1;
                        break;
                    } else {
                        zeros -= 1;
                    }
                    k += 1;
                }
            }
        }
        if *run > 0 {
            for place in ZIGZAG.iter().take(self.last + 1).skip(k) {
                let coefficient = &mut block[usize::from(*place)];
                if *coefficient != 0 {
                    correct(bits, coefficient, bit)?;
                }
            }
            *run -= 1;
        }
        Ok(())
    }
}

/// One more bit of a coefficient that is not 0.
fn correct(bits: &mut Bits<'_>, coefficient: &mut i16, bit: i16) -> Result<(), ImagingError> {
    if bits.bits(1)? == 1 && *coefficient & bit == 0 {
        *coefficient = coefficient.wrapping_add(if *coefficient > 0 { bit } else { -bit });
    }
    Ok(())
}
