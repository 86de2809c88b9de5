//! Colours for numbers from 0 to 1, in even steps for the eye.

use super::canvas::Rgb;

/// Lightness at 0 and at 1 (Oklab L): rising throughout, so that the order also holds without colour.
const LIGHTNESS: (f64, f64) = (0.30, 0.93);
/// Hue at 0 and at 1, in degrees: from violet through red to yellow.
const HUE: (f64, f64) = (292.0, 460.0);
/// Chroma, before what the screen cannot show is taken off.
const CHROMA: f64 = 0.19;

/// The colour of a value from 0 (dark violet) to 1 (light yellow) on a fixed scale: the same value has the
/// same colour in every picture. Values outside are drawn as 0 or 1; NaN as 0.
/// Source: computed in Oklch; Björn Ottosson, "A perceptual color space for image processing", 2020.
pub fn heat_colour(value: f64) -> Rgb {
    let t = if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
    let lightness = LIGHTNESS.0 + (LIGHTNESS.1 - LIGHTNESS.0) * t;
    let hue = (HUE.0 + (HUE.1 - HUE.0) * t).to_radians();
    // In steps of a hundredth, the most colourful that the screen can show.
    let chromas = (0..=100).rev().map(|step| CHROMA * f64::from(step) / 100.0);
    let shown = chromas.map(|chroma| linear(lightness, chroma * hue.cos(), chroma * hue.sin()));
    let linear =
        shown.into_iter().find(|rgb| rgb.iter().all(|v| (0.0..=1.0).contains(v))).unwrap_or([lightness; 3]);
    linear.map(|v| (encoded(v) * 255.0).round() as u8)
}

/// Oklab to linear sRGB.
fn linear(lightness: f64, a: f64, b: f64) -> [f64; 3] {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701 * s,
    ]
}

/// Linear light to the sRGB signal. Source: IEC 61966-2-1.
fn encoded(light: f64) -> f64 {
    if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brighter_means_more() {
        let light =
            |rgb: Rgb| 0.2126 * f64::from(rgb[0]) + 0.7152 * f64::from(rgb[1]) + 0.0722 * f64::from(rgb[2]);
        let lights: Vec<f64> = (0..=40).map(|n| light(heat_colour(f64::from(n) / 40.0))).collect();
        assert!(lights.windows(2).all(|pair| pair[0] < pair[1]), "{lights:?}");
        assert_eq!(heat_colour(f64::NAN), heat_colour(0.0));
        assert_eq!(heat_colour(7.0), heat_colour(1.0));
    }
}
