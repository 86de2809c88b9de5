//! Dequantization and the inverse transform, with the fixed-point arithmetic of libjpeg's `islow`: 13 bits of the
//! constants, 2 more bits between the passes. Source: Loeffler, Ligtenberg and Moschytz, ICASSP 1989, as in `jidctint.c`.

use super::Block;

const CONSTANT_BITS: u32 = 13;
const PASS_BITS: u32 = 2;

/// One block to 8 x 8 samples, in rows of `stride`.
pub(super) fn inverse(block: &Block, table: &[u16; 64], out: &mut [u8], stride: usize) {
    let mut work = [0_i64; 64];
    for column in 0..8 {
        let at = |row: usize| i64::from(block[row * 8 + column]) * i64::from(table[row * 8 + column]);
        let values =
            transform([at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)], CONSTANT_BITS - PASS_BITS);
        (0..8).for_each(|row| work[row * 8 + column] = values[row]);
    }
    for (row, values) in work.as_chunks::<8>().0.iter().enumerate() {
        let values = transform(*values, CONSTANT_BITS + PASS_BITS + 3);
        for (sample, value) in out[row * stride..].iter_mut().zip(values) {
            *sample = (value + 128).clamp(0, 255) as u8;
        }
    }
}

/// Eight values, scaled down by `shift` bits and rounded.
fn transform([a0, a1, a2, a3, a4, a5, a6, a7]: [i64; 8], shift: u32) -> [i64; 8] {
    // Even part.
    let z1 = (a2 + a6) * 4433; // 0.541196100 in 13 bits
    let t2 = z1 - a6 * 15137; // 1.847759065
    let t3 = z1 + a2 * 6270; // 0.765366865
    let (t0, t1) = ((a0 + a4) << CONSTANT_BITS, (a0 - a4) << CONSTANT_BITS);
    let (e0, e3, e1, e2) = (t0 + t3, t0 - t3, t1 + t2, t1 - t2);
    // Odd part.
    let (z1, z2, z3, z4) = (a7 + a1, a5 + a3, a7 + a3, a5 + a1);
    let z5 = (z3 + z4) * 9633; // 1.175875602
    let (z1, z2) = (z1 * -7373, z2 * -20995); // 0.899976223, 2.562915447
    let (z3, z4) = (z3 * -16069 + z5, z4 * -3196 + z5); // 1.961570560, 0.390180644
    let o0 = a7 * 2446 + z1 + z3; // 0.298631336
    let o1 = a5 * 16819 + z2 + z4; // 2.053119869
    let o2 = a3 * 25172 + z2 + z3; // 3.072711026
    let o3 = a1 * 12299 + z1 + z4; // 1.501321110
    [e0 + o3, e1 + o2, e2 + o1, e3 + o0, e3 - o0, e2 - o1, e1 - o2, e0 - o3]
        .map(|value| (value + (1 << (shift - 1))) >> shift)
}
