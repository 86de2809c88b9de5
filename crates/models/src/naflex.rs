//! Positions of SigLIP 2 NaFlex: a square table resized to the patches of each image.

/// `table`: (side, side, width), row-major. Result: (rows, columns, width), by a triangle filter that widens
/// when it shrinks, half-pixel centres; sums in f64.
/// Source: PyTorch `interpolate(mode="bilinear", antialias=True, align_corners=False)`.
pub(crate) fn positions(table: &[f32], side: usize, width: usize, rows: usize, columns: usize) -> Vec<f32> {
    let horizontal = weights(side, columns);
    let vertical = weights(side, rows);
    // (side, columns, width)
    let mut between = vec![0.0f64; side * columns * width];
    for (row, out) in table.chunks_exact(side * width).zip(between.chunks_exact_mut(columns * width)) {
        for ((first, factors), out) in horizontal.iter().zip(out.chunks_exact_mut(width)) {
            for (factor, cell) in factors.iter().zip(row[first * width..].chunks_exact(width)) {
                out.iter_mut().zip(cell).for_each(|(o, v)| *o += factor * f64::from(*v));
            }
        }
    }
    let mut resized = Vec::with_capacity(rows * columns * width);
    for (first, factors) in &vertical {
        let mut line = vec![0.0f64; columns * width];
        let from = between[first * columns * width..].chunks_exact(columns * width);
        for (factor, from) in factors.iter().zip(from) {
            line.iter_mut().zip(from).for_each(|(o, v)| *o += factor * v);
        }
        resized.extend(line.iter().map(|v| *v as f32));
    }
    resized
}

/// For each of `out` positions the first of `inner` that counts, and the factors from there on, which sum
/// to 1.
fn weights(inner: usize, out: usize) -> Vec<(usize, Vec<f64>)> {
    let scale = inner as f64 / out as f64;
    let support = scale.max(1.0);
    let position = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        // Negative numbers become 0.
        let first = (centre - support + 0.5) as usize;
        let end = ((centre + support + 0.5) as usize).min(inner);
        let factor = |j: usize| (1.0 - ((j as f64 - centre + 0.5) / support).abs()).max(0.0);
        let factors: Vec<f64> = (first..end).map(factor).collect();
        let sum: f64 = factors.iter().sum();
        (first, factors.iter().map(|f| f / sum).collect())
    };
    (0..out).map(position).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_size_is_the_same_table() {
        let table: Vec<f32> = (0..3 * 3 * 2).map(|i| i as f32).collect();
        assert_eq!(positions(&table, 3, 2, 3, 3), table);
    }

    /// Values of PyTorch 2.5.1.
    #[test]
    fn shrinking_widens_the_filter_and_growing_interpolates() {
        // 4 → 2: triangles of half-width 2 around 1 and 3, cut at the edge: 3/7, 3/7, 1/7.
        let shrunk = positions(&[0.0, 1.0, 2.0, 3.0], 2, 1, 1, 1);
        assert_eq!(shrunk, [1.5]);
        let (first, factors) = &weights(4, 2)[0];
        assert_eq!(*first, 0);
        let expected = [3.0 / 7.0, 3.0 / 7.0, 1.0 / 7.0];
        assert!(factors.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12), "{factors:?}");
        let grown = positions(&[0.0, 4.0, 0.0, 4.0], 2, 1, 2, 4);
        assert_eq!(grown, [0.0, 1.0, 3.0, 4.0, 0.0, 1.0, 3.0, 4.0]);
    }
}
