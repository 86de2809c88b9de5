//! Weights as the host executor keeps them: converted once, when the network is loaded.

use bedside_tensor::{DType, TensorView};
use burn::tensor::{Device, Tensor};

use super::call::Data;
use super::matmul::matrix;
use crate::ComputeError;
use crate::graph::{Graph, Value};
use crate::ops::{BlockLinear, Numerics, Op, Operation};
use crate::source::WeightSource;

/// A weight or constant.
pub(crate) enum Weight {
    /// Row-major.
    Numbers(Vec<f32>),
    /// For matrix products: (first dimension, all others).
    Matrix(Tensor<2>),
    /// In the model file's format.
    Quantized(Quantized),
}

/// A weight in its own format, in the forms that its readers need: a tied embedding needs both.
pub(crate) struct Quantized {
    /// For look-ups.
    pub(super) blocks: Option<Blocks>,
    /// For products.
    pub(super) product: Option<BlockLinear<'static>>,
}

/// A matrix in a block format.
pub(crate) struct Blocks {
    /// Format.
    pub(crate) dtype: DType,
    /// Rows.
    pub(crate) rows: usize,
    /// Elements of a row.
    pub(crate) columns: usize,
    bytes: Vec<u8>,
}

impl Blocks {
    /// Rows `first ..` as f32, as many as fill `out`.
    pub(crate) fn read(&self, first: usize, out: &mut [f32]) {
        let row_bytes = self.bytes.len() / self.rows;
        let rows = out.len() / self.columns;
        let blocks = &self.bytes[first * row_bytes..][..rows * row_bytes];
        self.dtype.dequantize(blocks, out).expect("the format was checked at load, the rows are whole");
    }
}

/// How a weight is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// As f32 numbers in memory, whoever reads them.
    Numbers,
    /// As f32, in the form its readers like best.
    F32,
    /// In its own format where all its readers take any, else as `F32`.
    AsStored,
}

impl Weight {
    /// For an operand. `multiplied`: the operation multiplies by it.
    pub(crate) fn data(&self, multiplied: bool) -> Data<'_> {
        match self {
            Weight::Numbers(numbers) => Data::Numbers(numbers),
            Weight::Matrix(matrix) => Data::Matrix(matrix),
            Weight::Quantized(Quantized { product: Some(product), .. }) if multiplied => {
                Data::Product(product)
            }
            Weight::Quantized(Quantized { blocks: Some(blocks), .. }) => Data::Blocks(blocks),
            Weight::Quantized(_) => unreachable!("every reader found its form when the weight was loaded"),
        }
    }
}

/// The weight or constant of a node; `None` for any other.
/// Errors: those of [`Graph::check_weights`].
pub(crate) fn load(
    graph: &Graph,
    value: Value,
    source: &dyn WeightSource,
    kept: Kept,
    numerics: Numerics,
    device: &Device,
) -> Result<Option<Weight>, ComputeError> {
    let node = graph.node(value);
    if matches!(node.op, Op::Weight) && kept == Kept::AsStored && takes_any_format(graph, value) {
        let view = node.checked(source)?;
        if view.dtype() != DType::F32 {
            return quantized(graph, value, view, numerics).map(Weight::Quantized).map(Some);
        }
    }
    let Some(leaf) = node.leaf_f32(source)? else { return Ok(None) };
    let dims = leaf.dims().to_vec();
    let Some(numbers) = leaf.into_f32() else { return Ok(None) };
    if kept != Kept::Numbers && matches!(node.op, Op::Weight) && dims.len() >= 2 && is_matrix(graph, value) {
        let columns = numbers.len() / dims[0];
        return Ok(Some(Weight::Matrix(matrix(numbers, [dims[0], columns], device))));
    }
    Ok(Some(Weight::Numbers(numbers)))
}

fn quantized(
    graph: &Graph,
    value: Value,
    view: TensorView<'_>,
    numerics: Numerics,
) -> Result<Quantized, ComputeError> {
    let multiplied = readers(graph, value).any(|(operation, i)| operation.multiplies_by(i));
    let looked_up = readers(graph, value).any(|(operation, i)| !operation.multiplies_by(i));
    let name = &graph.node(value).name;
    let product = multiplied.then(|| BlockLinear::new(name, view, numerics)).transpose()?;
    let blocks = || {
        // Fits: the blocks are in memory. Dimensions of a weight are positive.
        let columns = view.shape().dims().last().map_or(1, |&d| d as usize);
        let rows = view.shape().rows() as usize;
        Blocks { dtype: view.dtype(), rows, columns, bytes: view.bytes().to_vec() }
    };
    Ok(Quantized { blocks: looked_up.then(blocks), product: product.map(BlockLinear::into_owned) })
}

/// Whether the weight may stay in its own format.
pub(super) fn takes_any_format(graph: &Graph, value: Value) -> bool {
    !is_output(graph, value) && readers(graph, value).all(|(operation, i)| operation.any_format(i))
}

/// The caller asked for the weight itself.
fn is_output(graph: &Graph, value: Value) -> bool {
    graph.outputs().iter().any(|output| output.value == value)
}

/// Operations that read the value, and as which operand.
fn readers(graph: &Graph, value: Value) -> impl Iterator<Item = (&dyn Operation, usize)> {
    graph.nodes().iter().flat_map(move |node| {
        let at = node.inputs.iter().enumerate().filter(move |(_, input)| **input == value);
        at.filter_map(|(i, _)| node.op.operation().map(|operation| (operation, i)))
    })
}

/// Some reader multiplies by the weight and all others can read the same form.
fn is_matrix(graph: &Graph, value: Value) -> bool {
    !is_output(graph, value)
        && readers(graph, value).any(|(operation, i)| operation.multiplies_by(i))
        && readers(graph, value).all(|(operation, i)| operation.multiplies_by(i) || operation.any_format(i))
}
