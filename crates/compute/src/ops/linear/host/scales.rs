//! The scales of up to eight blocks of a panel, as f32 lanes.

use super::format::SUPER_BLOCKS;
use super::panel::{LANES, Panel, Record};

/// Blocks decoded at a time: a super-block.
pub(super) const CHUNK: usize = SUPER_BLOCKS;

/// One f32 per row of the panel.
pub(super) type Lanes = [f32; LANES];

/// `x = scale × (code − zero)`, or `x = scale × code + offset`.
pub(super) struct Decoded {
    /// Per block, or per half block where sixteen elements share a scale.
    pub(super) scale: [Lanes; 2 * CHUNK],
    pub(super) offset: [Lanes; CHUNK],
}

impl Decoded {
    pub(super) fn new() -> Self {
        Self { scale: [[0.0; LANES]; 2 * CHUNK], offset: [[0.0; LANES]; CHUNK] }
    }

    /// `count` blocks from block `first`, a multiple of [`CHUNK`]. `widen`: sixteen f16 as f32. Products are
    /// exact (at most 11 + 8 bits), so this is what the formats' reference computes.
    #[inline(always)]
    pub(super) fn read<const BITS: usize, const AFFINE: bool>(
        &mut self,
        panel: &Panel<'_>,
        first: usize,
        count: usize,
        widen: impl Fn(&Record) -> Lanes,
    ) {
        let halves = 1 + usize::from(AFFINE);
        if !panel.superblock {
            let records = &panel.records[first * halves..][..count * halves];
            for (j, record) in records.chunks_exact(halves).enumerate() {
                self.scale[j] = widen(&record[0]);
                if AFFINE {
                    self.offset[j] = widen(&record[1]);
                }
            }
            return;
        }
        let records =
            &panel.records[first / SUPER_BLOCKS * (halves + SUPER_BLOCKS)..][..halves + SUPER_BLOCKS];
        let (d, whole) = (widen(&records[0]), &records[halves..]);
        let dmin = widen(&records[halves - 1]);
        for (j, Record(bytes)) in whole.iter().enumerate() {
            if BITS == 6 {
                self.scale[2 * j] = std::array::from_fn(|l| d[l] * f32::from(bytes[l] as i8));
                self.scale[2 * j + 1] = std::array::from_fn(|l| d[l] * f32::from(bytes[LANES + l] as i8));
            } else {
                self.scale[j] = std::array::from_fn(|l| d[l] * f32::from(bytes[l]));
                self.offset[j] = std::array::from_fn(|l| -(dmin[l] * f32::from(bytes[LANES + l])));
            }
        }
    }
}

/// Sixteen f16 as f32, without the conversion instructions.
#[inline(always)]
pub(super) fn widen(record: &Record) -> Lanes {
    std::array::from_fn(|l| half_to_f32(u16::from_le_bytes([record.0[2 * l], record.0[2 * l + 1]])))
}

/// f16 bits to f32, exactly. Moving exponent and mantissa into place is a value 2^112 too small; the
/// product puts that right and normalises subnormals. Infinities and NaN get f32's top exponent.
#[inline(always)]
pub(super) fn half_to_f32(half: u16) -> f32 {
    let (half, magnitude) = (u32::from(half), u32::from(half & 0x7fff) << 13);
    let scaled = (f32::from_bits(magnitude) * f32::from_bits((112 + 127) << 23)).to_bits();
    let top = if half & 0x7c00 == 0x7c00 { 0x7f80_0000 } else { 0 };
    f32::from_bits(scaled | top | (half & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bedside_tensor::DType;

    #[test]
    fn every_half_widens_to_its_value() {
        for bits in 0..=u16::MAX {
            let mut expected = [0.0];
            DType::F16.dequantize(&bits.to_le_bytes(), &mut expected).unwrap();
            let got = half_to_f32(bits);
            assert!(
                got.to_bits() == expected[0].to_bits() || got.is_nan() && expected[0].is_nan(),
                "{bits:04x}"
            );
        }
    }
}
