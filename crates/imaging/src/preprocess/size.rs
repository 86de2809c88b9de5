//! The size that a resize rule gives a picture.

use super::{Layout, ResizeRule, idefics3, naflex, qwen2_vl};
use crate::error::ImagingError;
use crate::limits::{MAX_MODEL_PIXELS, MAX_SIDE};
use crate::pixels::Pixels;

/// (height, width) after resizing `pixels`.
/// Errors: `Geometry` where a side would be 0; `Limit` where it would be too long.
pub(crate) fn of(rule: ResizeRule, layout: Layout, pixels: &Pixels) -> Result<(u32, u32), ImagingError> {
    let (width, height) = (u64::from(pixels.width()), u64::from(pixels.height()));
    let (new_height, new_width) = match rule {
        ResizeRule::Exact { height, width } => (height.into(), width.into()),
        ResizeRule::ShortestEdge { edge } => {
            let other = u64::from(edge) * width.max(height) / width.min(height);
            if width <= height { (other, edge.into()) } else { (edge.into(), other) }
        }
        ResizeRule::Cover { height: rows, width: columns } => keep_ratio(pixels, rows, columns, f64::min),
        ResizeRule::Fit { height: rows, width: columns } => keep_ratio(pixels, rows, columns, f64::max),
        ResizeRule::LongestEdgeEven { edge } => idefics3::longest_edge(width, height, edge.into()),
        ResizeRule::Naflex => match layout {
            Layout::NaflexPatches { patch_size, max_num_patches } => {
                naflex::size(width, height, patch_size.into(), max_num_patches.into())
            }
            _ => return Err(ResizeRule::needs("layout naflex_patches")),
        },
        ResizeRule::Smart { min_pixels, max_pixels } => match layout {
            Layout::Qwen2VlPatches { patch_size, merge_size, .. } => {
                let factor = u64::from(patch_size) * u64::from(merge_size);
                qwen2_vl::smart_resize(width, height, factor, min_pixels.into(), max_pixels.into())?
            }
            _ => return Err(ResizeRule::needs("layout qwen2_vl_patches")),
        },
    };
    if new_height == 0 || new_width == 0 {
        return Err(ImagingError::Geometry {
            operation: "resize",
            width: pixels.width(),
            height: pixels.height(),
            expected: "at least one column and one row",
            got: format!("{new_width} x {new_height}"),
        });
    }
    hold_model_size(new_width, new_height)?;
    let side = |n: u64| u32::try_from(n).expect("held against MAX_SIDE");
    Ok((side(new_height), side(new_width)))
}

/// Hold the size of a picture on its way to a model against the limits.
pub(crate) fn hold_model_size(width: u64, height: u64) -> Result<(), ImagingError> {
    ImagingError::hold("preprocessing: columns of the picture", width, MAX_SIDE)?;
    ImagingError::hold("preprocessing: rows of the picture", height, MAX_SIDE)?;
    ImagingError::hold("preprocessing: pixels of the picture", width * height, MAX_MODEL_PIXELS)
}

/// One ratio for both sides, chosen of the two by `choose`; round to nearest, ties to even.
/// Source: timm `ResizeKeepRatio`, which computes in f64.
fn keep_ratio(pixels: &Pixels, rows: u32, columns: u32, choose: fn(f64, f64) -> f64) -> (u64, u64) {
    let (width, height) = (f64::from(pixels.width()), f64::from(pixels.height()));
    let ratio = choose(height / f64::from(rows), width / f64::from(columns));
    // Never negative, and below 2^53: a side of at most 16384 over a ratio of at least 1/8192.
    let side = |length: f64| (length / ratio).round_ties_even() as u64;
    (side(height), side(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_rules_of_the_libraries() {
        struct Case {
            rule: ResizeRule,
            picture: (u32, u32),
            expected: (u32, u32),
        }
        let shortest = |edge| ResizeRule::ShortestEdge { edge };
        let fit = ResizeRule::Fit { height: 56, width: 56 };
        let cases = [
            Case { rule: shortest(224), picture: (640, 480), expected: (298, 224) },
            Case { rule: shortest(224), picture: (480, 640), expected: (224, 298) },
            Case { rule: shortest(7), picture: (3, 3), expected: (7, 7) },
            Case { rule: ResizeRule::Exact { height: 5, width: 9 }, picture: (1, 1), expected: (9, 5) },
            Case { rule: fit, picture: (100, 50), expected: (56, 28) },
            // 56 * 1.5 / 16 = 5.25; 56 * 5 / 80 = 3.5, ties to even.
            Case { rule: fit, picture: (80, 5), expected: (56, 4) },
            Case { rule: fit, picture: (112, 5), expected: (56, 2) },
            Case {
                rule: ResizeRule::Cover { height: 20, width: 40 },
                picture: (100, 100),
                expected: (40, 40),
            },
        ];
        for Case { rule, picture: (width, height), expected: (new_width, new_height) } in cases {
            let pixels = Pixels::new(width, height, 1, vec![0; (width * height) as usize]).unwrap();
            let size = of(rule, Layout::Planes, &pixels).unwrap();
            assert_eq!(size, (new_height, new_width), "{rule:?} of {width} x {height}");
        }
    }

    #[test]
    fn sizes_that_cannot_be_had_are_refused() {
        let line = Pixels::new(4000, 1, 1, vec![0; 4000]).unwrap();
        let error = of(ResizeRule::ShortestEdge { edge: 224 }, Layout::Planes, &line).unwrap_err();
        assert!(matches!(error, ImagingError::Limit { got: 896000, .. }), "{error}");
        let error = of(ResizeRule::Fit { height: 224, width: 224 }, Layout::Planes, &line).unwrap_err();
        assert_eq!(
            error.to_string(),
            "resize: 4000 x 1 pixels give at least one column and one row, got 224 x 0"
        );
        let error = of(ResizeRule::Naflex, Layout::Planes, &line).unwrap_err();
        assert!(matches!(error, ImagingError::MissingField { .. }));
    }
}
