//! The few ways in which GGML packs numbers into bytes.

use half::f16;

/// The f16 at `block[at..at + 2]`, as f32.
pub(super) fn f16_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// Store a finite f32 as f16 at `block[at..at + 2]`. Values must come from [`f16_round`].
pub(super) fn put_f16(block: &mut [u8], at: usize, value: f32) {
    block[at..at + 2].copy_from_slice(&f16::from_f32(value).to_le_bytes());
}

/// The nearest finite f16, as f32: what a scale becomes when it is stored.
pub(super) fn f16_round(value: f32) -> f32 {
    let limit = f16::MAX.to_f32_const();
    f16::from_f32(value.clamp(-limit, limit)).to_f32()
}

/// The nearest finite f16 that is not 0, as f32, for a scale that must not vanish: stored as 0 it would lose
/// the whole block. 0 stays 0.
pub(super) fn f16_scale(value: f32) -> f32 {
    /// Smallest positive f16.
    const SMALLEST: f32 = 5.960_464_5e-8;
    let rounded = f16_round(value);
    if rounded == 0.0 && value != 0.0 { SMALLEST.copysign(value) } else { rounded }
}

/// How affine formats store: a scale must not vanish, an offset may.
pub(super) fn f16_scale_or_offset(value: f32, is_scale: bool) -> f32 {
    if is_scale { f16_scale(value) } else { f16_round(value) }
}

/// 32 four-bit codes: low nibbles of `bytes` are elements 0 to 15, high nibbles 16 to 31.
pub(super) fn put_nibbles(bytes: &mut [u8], codes: &[u8; 32]) {
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = codes[i] | codes[i + 16] << 4;
    }
}

/// Bit 4 of each of 32 codes, element 0 in the lowest bit.
pub(super) fn put_fifth_bits(bytes: &mut [u8], codes: &[u8; 32]) {
    for (byte, codes) in bytes.iter_mut().zip(codes.as_chunks::<8>().0) {
        *byte = (0..8).fold(0, |bits, i| bits | codes[i] >> 4 << i);
    }
}

/// Eight pairs of six-bit numbers in 12 bytes, as Q4_K and Q5_K keep scales and minima.
pub(super) fn six_bit_pairs(packed: &[u8]) -> [(u8, u8); 8] {
    std::array::from_fn(|j| {
        if j < 4 {
            (packed[j] & 63, packed[j + 4] & 63)
        } else {
            let low = packed[j + 4];
            (low & 15 | packed[j - 4] >> 6 << 4, low >> 4 | packed[j] >> 6 << 4)
        }
    })
}

/// The reverse of [`six_bit_pairs`].
pub(super) fn put_six_bit_pairs(packed: &mut [u8], pairs: &[(u8, u8); 8]) {
    for j in 0..4 {
        let ((scale, min), (high_scale, high_min)) = (pairs[j], pairs[j + 4]);
        packed[j] = scale | high_scale >> 4 << 6;
        packed[j + 4] = min | high_min >> 4 << 6;
        packed[j + 8] = high_scale & 15 | high_min << 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_bit_pairs_come_back() {
        for seed in 0..64u8 {
            let pairs = std::array::from_fn(|j| {
                let j = j as u8;
                (seed.wrapping_mul(7).wrapping_add(j * 11) & 63, seed.wrapping_add(j * 29) & 63)
            });
            let mut packed = [0; 12];
            put_six_bit_pairs(&mut packed, &pairs);
            assert_eq!(six_bit_pairs(&packed), pairs);
        }
    }

    #[test]
    fn scales_never_become_infinite() {
        assert_eq!(f16_round(1e9), 65504.0);
        assert_eq!(f16_round(-1e9), -65504.0);
        assert_eq!(f16_round(2.0f32.powi(-26)), 0.0);
        assert_eq!(f16_scale(-1e-30), -2.0f32.powi(-24));
        assert_eq!(f16_scale(0.0), 0.0);
    }
}
