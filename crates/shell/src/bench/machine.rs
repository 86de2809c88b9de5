//! What this machine can do at best: the measures that operations are held against.

use std::num::NonZeroUsize;
use std::time::Instant;

use bedside_compute::{ComputeError, Numerics};
use bedside_tensor::DType;
use serde::Serialize;

use super::cases::{Case, linear};
use super::median;
use super::ops::{Bench, time};

/// Floats copied: 128 MiB, beyond the caches of the devices Bedside runs on. (Some servers hold more.)
const COPIED: usize = 32 << 20;

/// Copies made.
const COPIES: usize = 9;

/// Size of the product that the multiply rate is taken from.
const PRODUCT: u32 = 1024;

/// Medians taken of it, of which the best counts: a busy neighbour must not lower the bar.
const PRODUCTS: usize = 3;

/// Measured on one machine, with the threads of the run.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Machine {
    /// Bytes read and written by a plain copy of 128 MiB on one core, 10^9 per second.
    pub(super) copy_gb_s: f64,
    /// Multiplications and additions of an f32 product of 1024 × 1024 × 1024, 10^9 per second.
    pub(super) multiply_gflop_s: f64,
}

impl Machine {
    pub(super) fn measure(threads: NonZeroUsize) -> Result<Self, ComputeError> {
        let case = Case {
            op: "linear",
            format: DType::F32,
            numerics: Numerics::Exact,
            shape: "1024×1024×1024",
            build: Box::new(|g| linear(g, PRODUCT, PRODUCT, PRODUCT)),
        };
        let mut bench = Bench::new(&case, threads)?;
        let mut multiply_gflop_s = 0.0f64;
        for _ in 0..PRODUCTS {
            let product = time(&mut bench)?;
            multiply_gflop_s = multiply_gflop_s.max(product.flops as f64 / product.seconds / 1e9);
        }
        Ok(Self { copy_gb_s: copy(), multiply_gflop_s })
    }
}

fn copy() -> f64 {
    let from = vec![1.0f32; COPIED];
    let mut to = vec![0.0f32; COPIED]; // written by the first copy, which is not counted
    to.copy_from_slice(&from);
    let seconds = (0..COPIES).map(|_| {
        let begin = Instant::now();
        to.copy_from_slice(std::hint::black_box(&from));
        std::hint::black_box(&mut to);
        begin.elapsed().as_secs_f64()
    });
    let seconds = median(seconds.collect()).expect("at least one copy was made");
    2.0 * size_of_val(&from[..]) as f64 / seconds / 1e9
}
