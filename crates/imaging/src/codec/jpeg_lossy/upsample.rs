//! Planes of fewer samples brought to the picture's size, and YCbCr to RGB, as libjpeg-turbo does it: a triangle filter
//! with alternating rounding ("fancy upsampling"), except for planes of two columns or less, which are repeated.
//! Source: `jdsample.c`, `jdcolor.c`.

/// One component.
pub(super) struct Plane {
    /// Samples that belong to the picture.
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) stride: usize,
    /// Pixels of the picture for each sample, across and down: 1 or 2.
    pub(super) steps: (usize, usize),
    /// `(rows or more, stride)`
    pub(super) samples: Vec<u8>,
}

impl Plane {
    fn samples(&self, row: usize) -> &[u8] {
        &self.samples[row * self.stride..][..self.columns]
    }

    /// The row of samples at `y / 2` and its nearer neighbour, which at an edge is the row itself.
    fn neighbours(&self, y: usize) -> (&[u8], &[u8]) {
        let near = y / 2;
        let far = if y.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(self.rows - 1) };
        (self.samples(near), self.samples(far))
    }

    /// Row `y` of the picture. `out` has one column more where the picture's width is odd.
    pub(super) fn row(&self, y: usize, out: &mut [u8]) {
        match self.steps {
            (1, 1) => out[..self.columns].copy_from_slice(self.samples(y)),
            (1, _) => {
                let (near, far) = self.neighbours(y);
                let bias = if y.is_multiple_of(2) { 1 } else { 2 };
                for ((out, near), far) in out.iter_mut().zip(near).zip(far) {
                    *out = ((u32::from(*near) * 3 + u32::from(*far) + bias) >> 2) as u8;
                }
            }
            (_, down) if self.columns <= 2 => {
                for (pair, sample) in out.chunks_mut(2).zip(self.samples(y / down)) {
                    pair.fill(*sample);
                }
            }
            (_, 1) => {
                let row = self.samples(y);
                widened(out, self.columns, |at| u32::from(row[at]), [(0, 0), (1, 2)], 2);
            }
            _ => {
                let (near, far) = self.neighbours(y);
                let sum = |at: usize| u32::from(near[at]) * 3 + u32::from(far[at]);
                widened(out, self.columns, sum, [(8, 7), (8, 7)], 4);
            }
        }
    }
}

/// Twice as many columns: each three parts of the nearer value and one of the other. `roundings`: for the outermost
/// columns and for those between, left and right; `shift`: bits of the sum that are dropped.
fn widened(
    out: &mut [u8],
    columns: usize,
    value: impl Fn(usize) -> u32,
    roundings: [(u32, u32); 2],
    shift: u32,
) {
    let [outer, inner] = roundings;
    let last = columns - 1;
    for (at, pair) in out.chunks_mut(2).take(columns).enumerate() {
        let own = value(at);
        let left = if at == 0 { own * 4 + outer.0 } else { own * 3 + value(at - 1) + inner.0 };
        let right = if at == last { own * 4 + outer.1 } else { own * 3 + value(at + 1) + inner.1 };
        pair[0] = (left >> shift) as u8;
        if let Some(second) = pair.get_mut(1) {
            *second = (right >> shift) as u8;
        }
    }
}

/// YCbCr to RGB with 16 bits of the constants. Source: JFIF 1.02, `jdcolor.c`.
pub(super) fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let half = 1 << 15;
    let red = y + ((91881 * cr + half) >> 16); // 1.40200
    let green = y + ((-22554 * cb - 46802 * cr + half) >> 16); // 0.34414, 0.71414
    let blue = y + ((116130 * cb + half) >> 16); // 1.77200
    [red, green, blue].map(|value| value.clamp(0, 255) as u8)
}
