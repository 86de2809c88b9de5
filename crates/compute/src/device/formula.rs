//! What one operation sees when it is played on burn tensors: numbers on the device, indices on the host.
//!
//! Every value is flat; a formula gives it the dimensions it wants. The same formula is played forwards by
//! the device's executor and differentiated by burn's autodiff.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::repeat;
use crate::error::Mismatch;
use crate::graph::Sizes;
use crate::host::call::{Data, Seen};

/// An operand.
pub(crate) struct Term<'a> {
    /// Its dimensions.
    pub(crate) dims: &'a [usize],
    /// Its elements.
    pub(crate) content: Content<'a>,
}

/// Elements of an operand, row-major.
#[expect(clippy::large_enum_variant, reason = "a few of them, for the length of a call")]
pub(crate) enum Content<'a> {
    /// On the device. A value without elements is one zero there, since no device keeps nothing.
    Numbers(Tensor<1>),
    /// On the host: ids, positions, segments and masks are few, and what they mean is decided there.
    Indices(&'a [u32]),
}

/// One operation, once.
pub(crate) struct Formula<'a> {
    /// Operands, in the operation's order.
    pub(crate) terms: &'a [Term<'a>],
    /// Dimensions of the result; it has at least one element.
    pub(crate) dims: &'a [usize],
    /// Values of the symbols.
    pub(crate) sizes: &'a Sizes,
    /// Where the numbers are.
    pub(crate) device: &'a Device,
}

impl Term<'_> {
    /// The numbers of an operand whose element type the shape check has fixed.
    pub(crate) fn flat(&self) -> Tensor<1> {
        let Content::Numbers(flat) = &self.content else {
            unreachable!("the shape check fixed the element type when the node was added")
        };
        flat.clone()
    }

    /// As a tensor of these dimensions; their product is the number of elements.
    pub(crate) fn shaped<const D: usize>(&self, dims: [usize; D]) -> Tensor<D> {
        self.flat().reshape(dims)
    }

    /// As a tensor of its own dimensions, whose number the shape check has fixed.
    pub(crate) fn whole<const D: usize>(&self) -> Tensor<D> {
        self.shaped(self.dims.try_into().expect("the shape check fixed the rank"))
    }

    /// As rows of its last dimension, which is not 0.
    pub(crate) fn rows(&self) -> Tensor<2> {
        let width = self.dims.last().copied().unwrap_or(1);
        self.shaped([self.elements() / width, width])
    }

    /// Number of elements.
    pub(crate) fn elements(&self) -> usize {
        self.dims.iter().product()
    }

    /// Every element of `onto`, over which the operand repeats.
    pub(crate) fn repeated(&self, onto: &[usize]) -> Tensor<1> {
        repeat::whole(self.flat(), self.dims, onto)
    }
}

impl<'a> Formula<'a> {
    /// The operand's indices; its element type was fixed by the shape check.
    pub(crate) fn indices(&self, term: usize) -> &'a [u32] {
        match self.terms[term].content {
            Content::Indices(indices) => indices,
            Content::Numbers(_) => &[],
        }
    }

    /// Number of elements of the result.
    pub(crate) fn elements(&self) -> usize {
        self.dims.iter().product()
    }

    /// Numbers made on the host, as many as fill `dims`.
    pub(crate) fn upload<const D: usize>(&self, numbers: Vec<f32>, dims: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(numbers, dims), self.device)
    }

    /// A result that depends on no operand.
    pub(crate) fn zeros(&self) -> Tensor<1> {
        Tensor::zeros([self.elements()], self.device)
    }

    /// Rows of `table` by number. `what`: the name of such a number in errors. `rows`: how many a number may
    /// choose from; `start`: the first of them for the i-th number.
    /// Errors: a number that is not below `rows`.
    pub(crate) fn pick(
        &self,
        table: Tensor<2>,
        (what, indices): (&'static str, &[u32]),
        rows: usize,
        start: impl Fn(usize) -> usize,
    ) -> Result<Tensor<1>, Mismatch> {
        if let Some(&index) = indices.iter().find(|&&index| index as usize >= rows) {
            return Err(Mismatch::new(what, format!("less than {rows}"), index));
        }
        let chosen = indices.iter().enumerate().map(|(i, &index)| i32::try_from(start(i) + index as usize));
        let chosen = chosen.collect::<Result<Vec<i32>, _>>();
        let chosen = chosen.map_err(|_| Mismatch::new(what, "fewer than 2^31 rows", table.dims()[0]))?;
        let count = chosen.len();
        let chosen = Tensor::<1, Int>::from_data(TensorData::new(chosen, [count]), self.device);
        Ok(table.select(0, chosen).reshape([self.elements()]))
    }

    /// The operands as the host sees them, without the numbers: for what depends on indices only.
    pub(crate) fn seen(&self) -> Vec<Seen<'a>> {
        let one = |term: &Term<'a>| match term.content {
            Content::Indices(indices) => Seen { dims: term.dims, data: Data::Indices(indices) },
            Content::Numbers(_) => Seen { dims: term.dims, data: Data::Numbers(&[]) },
        };
        self.terms.iter().map(one).collect()
    }
}
