//! What can be wrong with a network, its weights, its plan or its inputs.

use bedside_tensor::TensorError;
use thiserror::Error;

/// Everything this crate refuses.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ComputeError {
    /// An operand that the operation cannot work with: a wrong shape or element type when the node is
    /// added, an index out of range when it runs.
    #[error("node {node} ({op}): {what}: expected {expected}, got {got}")]
    Operand {
        /// Name of the node.
        node: String,
        /// Name of the operation.
        op: &'static str,
        /// What was looked at.
        what: &'static str,
        /// What the operation asks for.
        expected: String,
        /// What it was given.
        got: String,
    },
    /// A value that was made by another builder.
    #[error("node {node} ({op}): value {value} does not exist in this graph of {nodes} nodes")]
    UnknownValue {
        /// Name of the node.
        node: String,
        /// Name of the operation.
        op: &'static str,
        /// Number of the value.
        value: u32,
        /// Nodes there are.
        nodes: usize,
    },
    /// Two inputs, states or outputs of one name.
    #[error("the name {name:?} is taken")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A graph without outputs computes nothing.
    #[error("graph {graph} has no output")]
    NoOutput {
        /// Name of the graph.
        graph: String,
    },
    /// A state that is not written exactly once, or that is read around its write.
    #[error("state {name} must be used by one cache_append and nothing else, it has {uses} uses")]
    StateUse {
        /// Name of the state.
        name: String,
        /// Uses found.
        uses: usize,
    },
    /// More nodes, or a larger constant, than any network needs.
    #[error("{what} {got} exceeds the limit of {limit}")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// The named limit.
        limit: usize,
        /// What was asked for.
        got: usize,
    },
    /// The model file has no such weight.
    #[error("weight {name} is missing")]
    WeightMissing {
        /// Name of the weight.
        name: String,
    },
    /// The weight has another shape than the network asks for.
    #[error("weight {name}: expected {expected}, got {got}")]
    WeightDims {
        /// Name of the weight.
        name: String,
        /// Dimensions the network asks for.
        expected: String,
        /// Dimensions found.
        got: String,
    },
    /// The weight's bytes or format cannot be used.
    #[error("weight {name}: {source}")]
    WeightFormat {
        /// Name of the weight.
        name: String,
        /// What is wrong.
        source: TensorError,
    },
    /// An input the graph asks for was not given.
    #[error("input {name} was not given")]
    InputMissing {
        /// Name of the input.
        name: String,
    },
    /// An input of another shape or element type.
    #[error("input {name}: expected {expected}, got {got}")]
    Input {
        /// Name of the input.
        name: String,
        /// What the graph asks for at these sizes.
        expected: String,
        /// What was given.
        got: String,
    },
    /// An input the graph does not have.
    #[error("the graph has no input {name}; it has {known}")]
    InputUnknown {
        /// Name of the input.
        name: String,
        /// The inputs there are.
        known: String,
    },
    /// An output the graph does not have.
    #[error("the graph has no output {name}; it has {known}")]
    OutputUnknown {
        /// Name of the output.
        name: String,
        /// The outputs there are.
        known: String,
    },
    /// A gradient of an output in another shape than the output's.
    #[error("gradient of output {name}: expected {expected}, got {got}")]
    Upstream {
        /// Name of the output.
        name: String,
        /// What the output is.
        expected: String,
        /// What was given.
        got: String,
    },
    /// Host data whose length is not what its dimensions ask for.
    #[error("host tensor {dims:?}: expected {expected} elements, got {got}")]
    Elements {
        /// Dimensions.
        dims: Vec<usize>,
        /// Elements they ask for.
        expected: String,
        /// Elements given.
        got: usize,
    },
    /// A size that cannot be worked out: a symbol without a value, a negative or an enormous result.
    #[error("size {dim}: {reason}")]
    Size {
        /// The expression.
        dim: String,
        /// Why it has no usable value.
        reason: &'static str,
    },
    /// Text that is no size expression.
    #[error("{text:?} is no size: write a sum such as `past + tokens` or `197 * images`")]
    DimSyntax {
        /// The text.
        text: String,
    },
    /// More rows than the KV cache holds.
    #[error("state {name} holds {capacity} rows, {needed} are needed")]
    CacheFull {
        /// Name of the state.
        name: String,
        /// Rows it holds.
        capacity: u64,
        /// Rows asked for.
        needed: u64,
    },
    /// A KV cache format whose blocks do not fit the rows.
    #[error("state {name}: rows of {row} elements are no multiple of the {block}-element blocks of {format}")]
    CacheFormat {
        /// Name of the state.
        name: String,
        /// Elements of one row.
        row: u64,
        /// Elements of one block.
        block: u64,
        /// The format.
        format: &'static str,
    },
    /// The plan does not fit the budget.
    #[error(
        "{total} bytes are needed, the budget is {budget}: weights {weights}, activations {activations}, \
         KV cache {kv_cache}, staging {staging}"
    )]
    Budget {
        /// Bytes allowed.
        budget: u64,
        /// Bytes needed.
        total: u64,
        /// Bytes of the weights.
        weights: u64,
        /// Bytes of the arena.
        activations: u64,
        /// Bytes of the KV caches.
        kv_cache: u64,
        /// Bytes of uploads and readbacks.
        staging: u64,
    },
    /// A plan that does not belong to the graph, or that would let a value be overwritten before it is read.
    #[error("plan of graph {graph}, value {value}: {reason}")]
    Plan {
        /// Name of the graph.
        graph: String,
        /// Name of the value.
        value: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The system refuses memory that the plan asks for.
    #[error("{what}: the system refuses {bytes} bytes")]
    Memory {
        /// What it was for.
        what: &'static str,
        /// Bytes asked for.
        bytes: u64,
    },
    /// The system refuses the threads that the settings ask for.
    #[error("{threads} threads cannot be started: {reason}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// What the system says.
        reason: String,
    },
    /// No GPU adapter that answers the choice.
    #[error("no GPU adapter for {wanted}; found: {found}")]
    GpuMissing {
        /// What was asked for.
        wanted: String,
        /// The adapters there are.
        found: String,
    },
    /// The GPU's driver gave up: the device cannot be used any more. Open it again, or take the CPU.
    #[error("GPU {adapter} is lost: {reason}")]
    GpuLost {
        /// Name of the adapter.
        adapter: String,
        /// What the driver says.
        reason: String,
    },
    /// The GPU's driver refuses something that should work.
    #[error("GPU {adapter} refuses {what}: {reason}")]
    GpuRefused {
        /// Name of the adapter.
        adapter: String,
        /// What was asked of it.
        what: String,
        /// What it says.
        reason: String,
    },
    /// A value or kernel that exceeds a limit of the adapter.
    #[error("GPU {adapter}: {what}: {got} exceeds the limit of {limit}")]
    GpuLimit {
        /// Name of the adapter.
        adapter: String,
        /// What was counted.
        what: String,
        /// The adapter's limit.
        limit: u64,
        /// What was asked for.
        got: u64,
    },
    /// There is no such device, or it gives no results.
    #[error("device: {reason}")]
    Device {
        /// What burn says.
        reason: String,
    },
    /// A plan or graph written by another version of this program.
    #[error("{what} version {got}, this build reads version {expected}")]
    Version {
        /// What was read.
        what: &'static str,
        /// The version of this build.
        expected: u32,
        /// The version found.
        got: u32,
    },
}

/// An operand that an operation refuses; becomes [`ComputeError::Operand`] once the node is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mismatch {
    pub(crate) what: &'static str,
    pub(crate) expected: String,
    pub(crate) got: String,
}

impl Mismatch {
    pub(crate) fn new(what: &'static str, expected: impl ToString, got: impl ToString) -> Self {
        Self { what, expected: expected.to_string(), got: got.to_string() }
    }

    pub(crate) fn at(self, node: &str, op: &'static str) -> ComputeError {
        let Self { what, expected, got } = self;
        ComputeError::Operand { node: node.to_owned(), op, what, expected, got }
    }
}
