//! MXFP4: 32 elements in 17 bytes: an E8M0 exponent, 16 bytes of nibbles, each an E2M1 number.
//! `x = 2^(e − 127) × value`; the table keeps the values doubled and the scale halved, as ggml does.
//! Source: OCP Microscaling Formats (MX) 1.0 for E8M0 and E2M1.

use super::BlockCodec;
use super::bits::put_nibbles;

/// The MXFP4 codec.
pub(crate) struct MXFP4;

/// E2M1 values times two, by code.
const DOUBLED: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// Half of 2^(e − 127); a subnormal f32 for e below 2.
fn half_scale(e: u8) -> f32 {
    f32::from_bits(if e < 2 { 0x0020_0000 << e } else { u32::from(e - 1) << 23 })
}

/// The code of the value nearest to `v`, in units of the halved scale.
fn code(v: f32) -> u8 {
    let above = |i: usize| v.abs() > (f32::from(DOUBLED[i]) + f32::from(DOUBLED[i + 1])) / 2.0;
    let magnitude: u8 = (0..7).map(|i| u8::from(above(i))).sum();
    magnitude | if v < 0.0 && magnitude > 0 { 8 } else { 0 }
}

fn error_at(x: &[f32], scale: f32) -> f64 {
    x.iter()
        .map(|&v| {
            let off = f64::from(v) - f64::from(f32::from(DOUBLED[usize::from(code(v / scale))]) * scale);
            off * off
        })
        .sum()
}

/// The exponent with the least squared error, near the one whose range just holds the peak.
fn fit_exponent(x: &[f32; 32]) -> u8 {
    let peak = x.iter().fold(0.0f32, |peak, v| peak.max(v.abs()));
    if peak == 0.0 {
        return 0;
    }
    // 2^2 is the exponent of the largest E2M1 value, 6; f32's own bias is that of E8M0.
    let near = (peak.to_bits() >> 23) as i32 - 2;
    let candidates = (near - 2..=near + 1).map(|e| e.clamp(0, 254) as u8);
    let error = |e: u8| error_at(x, half_scale(e));
    candidates.min_by(|a, b| error(*a).total_cmp(&error(*b))).unwrap_or(0)
}

impl BlockCodec for MXFP4 {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<17>().0.iter().zip(out.as_chunks_mut::<32>().0) {
            let d = half_scale(block[0]);
            for (i, byte) in block[1..].iter().enumerate() {
                out[i] = f32::from(DOUBLED[usize::from(byte & 15)]) * d;
                out[i + 16] = f32::from(DOUBLED[usize::from(byte >> 4)]) * d;
            }
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (block, x) in blocks.as_chunks_mut::<17>().0.iter_mut().zip(x.as_chunks::<32>().0) {
            block[0] = fit_exponent(x);
            let scale = half_scale(block[0]);
            put_nibbles(&mut block[1..], &x.map(|v| code(v / scale)));
        }
    }

    /// A quarter of the range, so that no candidate scale overflows.
    fn largest(&self) -> f32 {
        f32::MAX / 4.0
    }
}
