//! What one operation sees when the host executor plays it.

use super::cache::Cache;
use super::weight::Blocks;
use crate::graph::Sizes;
use crate::ops::BlockLinear;

/// An operand's elements, as the executor holds them.
#[derive(Clone, Copy)]
pub(crate) enum Data<'a> {
    /// Row-major.
    Numbers(&'a [f32]),
    /// Row-major.
    Indices(&'a [u32]),
    /// A weight in its own format, for look-ups.
    Blocks(&'a Blocks),
    /// A weight (rows, columns) packed for products.
    Product(&'a BlockLinear<'static>),
    /// The filled part of a KV cache.
    Cache(&'a Cache),
    /// Already where the result goes.
    Here,
}

/// An operand.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) dims: &'a [usize],
    pub(crate) data: Data<'a>,
}

/// One operation, once.
pub(crate) struct Call<'a> {
    /// In the operation's order.
    pub(crate) inputs: &'a [Seen<'a>],
    /// Dimensions of the result; it has at least one element.
    pub(crate) dims: &'a [usize],
    /// The result, row-major, holding whatever was there before. Indices travel as their bits.
    pub(crate) out: &'a mut [f32],
    /// Values of the symbols.
    pub(crate) sizes: &'a Sizes,
    /// The executor's threads; the operation runs on one of them.
    pub(crate) pool: &'a rayon::ThreadPool,
}

impl<'a> Call<'a> {
    /// Elements of an operand that is neither in place, nor a cache, nor a weight of another form.
    pub(crate) fn numbers(&self, input: usize) -> &'a [f32] {
        self.inputs[input].numbers()
    }

    /// Indices of an operand whose element type the shape check has fixed.
    pub(crate) fn indices(&self, input: usize) -> &'a [u32] {
        let Data::Indices(indices) = self.inputs[input].data else {
            unreachable!("the shape check fixed the element type when the node was added")
        };
        indices
    }

    /// The bits of an operand of either element type, for operations that only move them.
    pub(crate) fn bits(&self, input: usize) -> &'a [u32] {
        match self.inputs[input].data {
            Data::Indices(indices) => indices,
            _ => bytemuck::cast_slice(self.numbers(input)),
        }
    }

    /// The result as bits.
    pub(crate) fn out_bits(&mut self) -> &mut [u32] {
        bytemuck::cast_slice_mut(self.out)
    }

    /// The operand lies where the result goes.
    pub(crate) fn is_here(&self, input: usize) -> bool {
        matches!(self.inputs[input].data, Data::Here)
    }

    /// Begin the result with a copy of an operand of its size, which may be there already.
    pub(crate) fn begin_with(&mut self, input: usize) {
        if !self.is_here(input) {
            self.out.copy_from_slice(self.inputs[input].numbers());
        }
    }
}

impl<'a> Seen<'a> {
    /// See [`Call::numbers`].
    pub(crate) fn numbers(&self) -> &'a [f32] {
        let Data::Numbers(numbers) = self.data else {
            unreachable!("the executor gives other forms only to operations that ask for them")
        };
        numbers
    }

    /// Length of the last dimension; 1 for a scalar.
    pub(crate) fn row_len(&self) -> usize {
        self.dims.last().copied().unwrap_or(1)
    }
}
