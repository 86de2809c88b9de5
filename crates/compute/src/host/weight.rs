//! Weights as the host executor keeps them: converted once, when the network is loaded.

use bedside_tensor::{DType, TensorView};

use super::call::Data;
use crate::ComputeError;
use crate::graph::{Graph, Value};
use crate::ops::{BlockLinear, Numerics, Op, Operation};
use crate::source::WeightSource;

/// A weight or constant.
pub(crate) enum Weight {
    /// Row-major.
    Numbers(Vec<f32>),
    /// In the model file's format, for look-ups only.
    Blocks(Blocks),
    /// Packed for products; look-ups read it too.
    Product(BlockLinear<'static>),
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
    fn of(view: TensorView<'_>) -> Self {
        // Fits: the blocks are in memory. Dimensions of a weight are positive.
        let columns = view.shape().dims().last().map_or(1, |&d| d as usize);
        let rows = view.shape().rows() as usize;
        Self { dtype: view.dtype(), rows, columns, bytes: view.bytes().to_vec() }
    }

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
    /// For an operand.
    pub(crate) fn data(&self) -> Data<'_> {
        match self {
            Weight::Numbers(numbers) => Data::Numbers(numbers),
            Weight::Blocks(blocks) => Data::Blocks(blocks),
            Weight::Product(product) => Data::Product(product),
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
) -> Result<Option<Weight>, ComputeError> {
    let node = graph.node(value);
    if matches!(node.op, Op::Weight) && kept != Kept::Numbers && takes_any_format(graph, value) {
        let view = node.checked(source)?;
        if is_multiplied(graph, value) && (kept == Kept::AsStored || view.dtype() == DType::F32) {
            let product = BlockLinear::new(&node.name, view, numerics)?;
            return Ok(Some(Weight::Product(product.into_owned())));
        }
        if kept == Kept::AsStored && view.dtype() != DType::F32 {
            return Ok(Some(Weight::Blocks(Blocks::of(view))));
        }
    }
    let Some(leaf) = node.leaf_f32(source)? else { return Ok(None) };
    Ok(leaf.into_f32().map(Weight::Numbers))
}

/// Whether the weight may stay in its own format.
pub(crate) fn takes_any_format(graph: &Graph, value: Value) -> bool {
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

/// Some reader multiplies by the weight.
pub(crate) fn is_multiplied(graph: &Graph, value: Value) -> bool {
    readers(graph, value).any(|(operation, i)| operation.multiplies_by(i))
}
