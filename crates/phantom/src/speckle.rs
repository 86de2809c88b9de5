//! Scatterers: the random field whose coherent sum within the point spread function makes speckle.

use crate::echo_grid::EchoGrid;
use crate::random::{Part, Stream};

/// Beams of scatterers kept on each side of the image, so that lung can slide in.
const MARGIN: usize = 48;

/// A complex field of unit power: `(samples, beams + 2 * MARGIN)`.
pub(crate) struct Scatterers {
    width: usize,
    re: Vec<f32>,
    im: Vec<f32>,
}

impl Scatterers {
    /// The field of `part`; `look` tells independent fields of one part apart.
    pub(crate) fn new(seed: u64, part: Part, look: u32, samples: usize, beams: usize) -> Self {
        let width = beams + 2 * MARGIN;
        let (mut re, mut im) = (vec![0.0; samples * width], vec![0.0; samples * width]);
        Stream::new(seed, part, look).fill_complex(&mut re, &mut im);
        Self { width, re, im }
    }

    /// The field of one range, moved to the right by `shift` beams (between the lattice points interpolated at
    /// constant power), into `re` and `im`: `(beams,)`.
    fn row(&self, s: usize, shift: f64, re: &mut [f32], im: &mut [f32]) {
        let shift = shift.clamp(-(MARGIN as f64) + 1.0, MARGIN as f64 - 2.0);
        let place = MARGIN as f64 - shift;
        let first = place.floor();
        let part = (place - first) as f32;
        let start = s * self.width + first as usize;
        let norm = 1.0 / (part * part + (1.0 - part) * (1.0 - part)).sqrt();
        let (left, right) = ((1.0 - part) * norm, part * norm);
        for (out, field) in [(re, &self.re), (im, &self.im)] {
            let pairs = field[start..start + out.len() + 1].windows(2);
            out.iter_mut().zip(pairs).for_each(|(out, pair)| *out = left * pair[0] + right * pair[1]);
        }
    }
}

/// The signal before the point spread function: `(samples, beams)` real and imaginary. `left` is what is left of
/// the pulse, `scale` makes the diffuse level independent of the point spread function (`(samples,)`), `clutter`
/// is added to the diffuse amplitude (`(samples,)`).
pub(crate) fn scatter(
    grid: &EchoGrid,
    (wall, lung): (&Scatterers, &Scatterers),
    shift_beams: f64,
    left: &[f32],
    (scale, clutter): (&[f32], &[f32]),
) -> (Vec<f32>, Vec<f32>) {
    let beams = grid.beams;
    let (mut re, mut im) = (vec![0.0; left.len()], vec![0.0; left.len()]);
    let mut lung_row = (vec![0.0; beams], vec![0.0; beams]);
    let mut wall_row = (vec![0.0; beams], vec![0.0; beams]);
    for s in 0..grid.samples {
        lung.row(s, shift_beams, &mut lung_row.0, &mut lung_row.1);
        wall.row(s, 0.0, &mut wall_row.0, &mut wall_row.1);
        let row = s * beams..(s + 1) * beams;
        let diffuse = &grid.diffuse[row.clone()];
        let specular = &grid.specular[row.clone()];
        let moving = &grid.with_lung[row.clone()];
        let left = &left[row.clone()];
        let (re, im) = (&mut re[row.clone()], &mut im[row]);
        for b in 0..beams {
            let (n_re, n_im) =
                if moving[b] { (lung_row.0[b], lung_row.1[b]) } else { (wall_row.0[b], wall_row.1[b]) };
            let level = (diffuse[b] * left[b] + clutter[s]) * scale[s];
            re[b] = level * n_re + left[b] * specular[b];
            im[b] = level * n_im;
        }
    }
    (re, im)
}
