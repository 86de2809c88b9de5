//! One operation, backwards: the gradient of its result becomes the gradients of its operands.
//!
//! Three ways: linear, rope and the sums by hand; whatever only moves elements by following them; the rest
//! by burn's autodiff of the operation's formula, which is computed again for it. Nothing but the values between
//! operations is kept.

use burn::tensor::{Device, Tensor, TensorData};

use crate::device::formula::{Content, Formula, Term};
use crate::error::Mismatch;
use crate::graph::Sizes;
use crate::host::call::{Call, Data, Seen};
use crate::host::rows::repeated_row;
use crate::ops::Operation;

/// A step with the gradient of its result.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    /// Operands, in the operation's order; never in place.
    pub(crate) inputs: &'a [Seen<'a>],
    /// Which of them need a gradient: only f32 operands, at least one.
    pub(crate) needs: &'a [bool],
    /// Dimensions of the result; it has at least one element.
    pub(crate) dims: &'a [usize],
    /// Gradient of the result, row-major.
    pub(crate) upstream: &'a [f32],
    /// Values of the symbols.
    pub(crate) sizes: &'a Sizes,
    /// The threads.
    pub(crate) pool: &'a rayon::ThreadPool,
}

/// Gradient of each operand that needs one.
pub(crate) type Gradients = Vec<Option<Vec<f32>>>;

impl<'a> Step<'a> {
    /// Numbers of an operand that is not in blocks.
    pub(crate) fn numbers(&self, input: usize) -> &'a [f32] {
        self.inputs[input].numbers()
    }

    /// By burn's autodiff of the operation's formula, on the CPU. Errors: the formula's.
    pub(crate) fn by_burn(&self, operation: &dyn Operation) -> Result<Gradients, Mismatch> {
        let device = Device::flex().autodiff();
        let term = |(seen, &needed): (&Seen<'a>, &bool)| Term {
            dims: seen.dims,
            content: match seen.data {
                Data::Indices(indices) => Content::Indices(indices),
                _ if needed => Content::Numbers(flat(seen, &device).require_grad()),
                _ => Content::Numbers(flat(seen, &device)),
            },
        };
        let terms: Vec<Term<'_>> = self.inputs.iter().zip(self.needs).map(term).collect();
        let formula = Formula { terms: &terms, dims: self.dims, sizes: self.sizes, device: &device };
        let y = operation.formula(&formula)?;
        let mut found = y.is_tracked().then(|| {
            let upstream = TensorData::new(self.upstream.to_vec(), [self.upstream.len()]);
            (y * Tensor::<1>::from_data(upstream, &device)).sum().backward()
        });
        let gradient = |(term, &needed): (&Term<'_>, &bool)| {
            if !needed {
                return None;
            }
            // Zeros: the result does not depend on it.
            let found = found.as_mut().filter(|_| term.elements() > 0);
            let found = found.and_then(|found| term.flat().grad_remove(found));
            Some(found.map_or_else(|| vec![0.0; term.elements()], numbers))
        };
        Ok(terms.iter().zip(self.needs).map(gradient).collect())
    }

    /// For operations whose every result element is some operand's element: positions are moved as the
    /// numbers were, and each gradient goes back to where its number came from.
    pub(crate) fn by_moving(&self, operation: &dyn Operation) -> Result<Gradients, Mismatch> {
        let mut next = 0u32;
        let mut places: Vec<Vec<f32>> = Vec::new();
        let mut ranges = Vec::new();
        for (seen, &needed) in self.inputs.iter().zip(self.needs) {
            let elements = seen.dims.iter().product::<usize>();
            let start = next;
            // The last number means nowhere.
            let end =
                u32::try_from(elements).ok().and_then(|n| next.checked_add(n)).filter(|&n| n < u32::MAX);
            next = end.ok_or_else(|| Mismatch::new("elements moved", "less than 2^32", elements))?;
            places.push(match (needed, seen.data) {
                (true, _) => (start..next).map(f32::from_bits).collect(),
                (false, Data::Indices(_)) => Vec::new(),
                (false, _) => vec![f32::from_bits(u32::MAX); elements],
            });
            ranges.push(start as usize..next as usize);
        }
        let inputs: Vec<Seen<'_>> = (self.inputs.iter().zip(&places))
            .map(|(seen, places)| match seen.data {
                Data::Indices(_) => *seen,
                _ => Seen { dims: seen.dims, data: Data::Numbers(places) },
            })
            .collect();
        let mut out = vec![0.0; self.upstream.len()];
        let (dims, sizes, pool) = (self.dims, self.sizes, self.pool);
        operation.host(&mut Call { inputs: &inputs, dims, out: &mut out, sizes, pool })?;
        let mut all = vec![0.0f32; next as usize];
        for (place, gradient) in out.iter().zip(self.upstream) {
            if let Some(sum) = all.get_mut(place.to_bits() as usize) {
                *sum += gradient;
            }
        }
        let part = |(range, &needed): (std::ops::Range<usize>, &bool)| needed.then(|| all[range].to_vec());
        Ok(ranges.into_iter().zip(self.needs).map(part).collect())
    }

    /// Sums `factor(i) · upstream[i]` over the places where an operand of `repeated` dimensions repeats.
    pub(crate) fn summed(&self, repeated: &[usize], factor: impl Fn(usize) -> f32) -> Vec<f32> {
        let width = self.dims.last().copied().unwrap_or(1);
        let dims = if self.dims.is_empty() { &[1][..] } else { self.dims };
        let mut sums = vec![0.0f64; repeated.iter().product()];
        let step = usize::from(repeated.last().copied().unwrap_or(1) != 1);
        for (row, upstream) in self.upstream.chunks_exact(width).enumerate() {
            let start = repeated_row(row, dims, repeated);
            for (j, gradient) in upstream.iter().enumerate() {
                sums[start + j * step] += f64::from(*gradient) * f64::from(factor(row * width + j));
            }
        }
        sums.into_iter().map(|sum| sum as f32).collect()
    }
}

/// The numbers of an operand on a device.
fn flat(seen: &Seen<'_>, device: &Device) -> Tensor<1> {
    let numbers = match seen.data {
        Data::Product(product) => {
            let mut numbers = vec![0.0; seen.dims.iter().product()];
            product.read_rows(0, &mut numbers);
            numbers
        }
        _ => seen.numbers().to_vec(),
    };
    crate::device::uploaded(numbers, device)
}

/// Elements of a tensor of f32.
pub(crate) fn numbers(flat: Tensor<1>) -> Vec<f32> {
    flat.into_data().try_into_vec().expect("f32 in, f32 out")
}
