//! A KV cache on the device: all rows at once, written at `past`.

use burn::tensor::{Bool, Device, Tensor};

use super::play::{Held, Player};
use crate::ComputeError;
use crate::error::Mismatch;
use crate::graph::{Graph, Node, Sizes, Value};
use crate::reference::host_dims;

/// Rows of keys or values.
pub(super) struct Cache {
    /// (capacity, row); taken only while rows are written.
    rows: Option<Tensor<2>>,
    capacity: usize,
    row: usize,
}

/// Whether all rows written are finite: not yet known on the host.
pub(super) type Finite = Tensor<1, Bool>;

impl Cache {
    /// Zeros. Errors: [`ComputeError::Size`].
    pub(super) fn new(state: &Node, device: &Device) -> Result<Self, ComputeError> {
        // At least two dimensions, all positive: cache_append checks it.
        let dims = host_dims(&state.value, &Sizes::new())?;
        let (capacity, row) = (dims[0], dims[1..].iter().product());
        Ok(Self { rows: Some(Tensor::zeros([capacity, row], device)), capacity, row })
    }

    /// Write the rows of a cache_append node; gives all rows up to them, flat.
    /// Errors: [`ComputeError::CacheFull`].
    pub(super) fn append(
        &mut self,
        graph: &Graph,
        node: Value,
        player: &Player<'_>,
    ) -> Result<(Tensor<1>, Option<Finite>), ComputeError> {
        let [state, x] = graph.node(node).inputs[..] else {
            unreachable!("the shape check counted operands")
        };
        let (needed, new) = (player.dims(node)[0], player.dims(x)[0]);
        if needed > self.capacity {
            let (name, capacity) = (graph.node(state).name.clone(), self.capacity as u64);
            return Err(ComputeError::CacheFull { name, capacity, needed: needed as u64 });
        }
        let Held::Numbers(flat) = player.held(x).clone() else {
            unreachable!("the shape check asks for f32")
        };
        let rows = self.rows.take().expect("nothing else takes it");
        let (rows, finite) = match new {
            0 => (rows, None),
            _ => {
                let x: Tensor<2> = flat.reshape([new, self.row]);
                let finite = x.clone().is_finite().all();
                (rows.slice_assign([needed - new..needed, 0..self.row], x), Some(finite))
            }
        };
        self.rows = Some(rows.clone());
        let filled = match needed {
            0 => rows.slice([0..1, 0..1]).reshape([1]), // no elements: a number that nobody reads
            _ => rows.slice([0..needed, 0..self.row]).reshape([needed * self.row]),
        };
        Ok((filled, finite))
    }
}

/// All rows that a run wrote are finite; the device is asked once. Errors: the first node whose are not.
pub(super) fn check_finite(graph: &Graph, written: Vec<(Value, Finite)>) -> Result<(), ComputeError> {
    if written.is_empty() {
        return Ok(());
    }
    let (nodes, flags): (Vec<Value>, Vec<Tensor<1>>) =
        written.into_iter().map(|(node, finite)| (node, finite.float())).unzip();
    let count = flags.len();
    let flags = super::downloaded(Tensor::cat(flags, 0), count)?;
    let Some((&node, _)) = nodes.iter().zip(flags).find(|(_, flag)| *flag == 0.0) else { return Ok(()) };
    let node = graph.node(node);
    let wrong = Mismatch::new("rows for the cache", "finite numbers", "NaN or infinity");
    Err(wrong.at(&node.name, node.op.name()))
}
