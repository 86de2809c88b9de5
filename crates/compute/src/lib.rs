//! Networks as data: a [`Graph`] is described once; [`rewrite`](rewrite::rewrite) makes it smaller,
//! [`Plan`](plan::Plan) says where every value lies before anything is allocated, and executors play it.
//!
//! An operation is one folder in `ops/`: parameters, shape check and cost, a plain reference with f64
//! accumulators, and the kernels. The [`reference`](mod@reference) executor plays whole graphs with the references; it
//! judges all other executors and is never optimised. [`host`] plays them on the CPU as fast as that goes,
//! [`gpu`] with our own kernels on a GPU, [`device`] on burn tensors wherever burn computes; [`train`] gives gradients.
//!
//! This crate knows no architecture, opens no file and no window to the network, and never chooses
//! numerics by free memory.
//!
//! ```
//! use std::collections::HashMap;
//!
//! use bedside_compute::plan::{Budget, Plan, PlanSettings};
//! use bedside_compute::reference::Executor;
//! use bedside_compute::{Activation, Element, Graph, HostTensor, KvFormat, Numerics, OwnedWeight};
//! use bedside_compute::{Sizes, Symbol, dims, weight};
//! use bedside_tensor::DType;
//!
//! // Described once, for any number of tokens.
//! let mut g = Graph::builder("head");
//! let x = g.input("x", dims![Symbol::Tokens, 2], Element::F32)?;
//! g.scope("blk.0");
//! let h = g.linear(x, weight("up.weight", [3, 2]), Some(weight("up.bias", [3])), Activation::Relu)?;
//! let y = g.softmax(h)?;
//! g.output("probabilities", y)?;
//! let graph = g.finish()?;
//!
//! // Planned and checked against a budget before anything is allocated.
//! let bounds = Sizes::new().with(Symbol::Tokens, 16);
//! let settings = PlanSettings { bounds, numerics: Numerics::Exact, kv: KvFormat::F16 };
//! let plan = Plan::new(&graph, &settings, &|_| Ok(DType::F32))?;
//! Budget { bytes: 4096 }.check(plan.totals())?;
//! println!("{plan}");
//!
//! // Played.
//! let up = OwnedWeight::new("up.weight", DType::F32, &[3, 2], &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0])?;
//! let bias = OwnedWeight::new("up.bias", DType::F32, &[3], &[0.0; 3])?;
//! let weights = HashMap::from([("up.weight".to_owned(), up), ("up.bias".to_owned(), bias)]);
//! let one_token = Sizes::new().with(Symbol::Tokens, 1);
//! let inputs = [("x", HostTensor::f32(&[1, 2], vec![2.0, 2.0])?)];
//! let outputs = Executor::new(&graph, &weights)?.run(&one_token, &inputs)?;
//! assert_eq!(outputs["probabilities"].dims(), [1, 3]);
//! # Ok::<(), bedside_compute::ComputeError>(())
//! ```

pub mod device;
mod error;
pub mod gpu;
mod graph;
pub mod host;
mod kv;
mod ops;
pub mod plan;
mod player;
pub mod reference;
pub mod rewrite;
mod source;
mod tensor;
pub mod train;

pub use error::ComputeError;
pub use graph::{
    Dim, Element, Graph, GraphBuilder, Node, Operand, Output, Sizes, Symbol, Value, ValueType, WeightRef,
    weight,
};
pub use kv::KvFormat;
pub use ops::*;
pub use player::{Player, Target};
pub use source::{Overlay, OwnedWeight, WeightSource};
pub use tensor::HostTensor;
