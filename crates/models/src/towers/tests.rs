//! Image towers of timm: a tiny network of each kind against what timm made of the same images in f64.
//!
//! Both executors; the host plays the graph after its rewrites.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::path::Path;

use bedside_compute::plan::{Plan, PlanSettings};
use bedside_compute::rewrite::rewrite;
use bedside_compute::{
    ComputeError, Graph, GraphBuilder, HostTensor, KvFormat, Numerics, Overlay, OwnedWeight, Sizes, Symbol,
    Value, host, reference,
};
use bedside_tensor::DType;
use bedside_tests::golden;
use bedside_weights::Model;

use super::convnext::{self, ConvNext};
use super::efficientnet::{self, EfficientNet};
use super::mobilenet::{self, MobileNet};
use crate::ModelsError;
use crate::name_table::{NameTable, Part, Row};

/// Of the largest expected value. Sums of a few hundred f32 products, and norms, round by about 1e-6.
const TOLERANCE: f32 = 1e-5;

/// Reads a tower's sizes; returns what builds it and its names.
type Infer = fn(&str, [u64; 2], &dyn Fn(&str) -> Option<Vec<u64>>) -> Result<Tower, ModelsError>;

enum Tower {
    ConvNext(ConvNext),
    EfficientNet(EfficientNet),
    MobileNet(MobileNet),
}

impl Tower {
    fn build(&self, g: &mut GraphBuilder) -> Result<Value, ComputeError> {
        match self {
            Self::ConvNext(tower) => tower.build(g, true),
            Self::EfficientNet(tower) => tower.build(g, true),
            Self::MobileNet(tower) => tower.build(g, true),
        }
    }
}

/// A file of `towers/`: its name begins with timm's.
struct Case {
    file: &'static str,
    infer: Infer,
    names: &'static [&'static [Row]],
}

const CONVNEXT: Infer = |name, image, dims| ConvNext::infer(name, image, dims).map(Tower::ConvNext);
const EFFICIENTNET: Infer =
    |name, image, dims| EfficientNet::infer(name, image, dims).map(Tower::EfficientNet);
const MOBILENET: Infer = |name, image, dims| MobileNet::infer(name, image, dims).map(Tower::MobileNet);

const CASES: [Case; 11] = [
    Case { file: "convnext_base", infer: CONVNEXT, names: &[convnext::NAMES] },
    Case { file: "convnext_nano_ols", infer: CONVNEXT, names: &[convnext::NAMES] },
    Case { file: "convnext_tiny_hnf", infer: CONVNEXT, names: &[convnext::NAMES] },
    Case { file: "convnext_large_mlp", infer: CONVNEXT, names: &[convnext::NAMES] },
    Case { file: "convnextv2_tiny", infer: CONVNEXT, names: &[convnext::NAMES] },
    Case { file: "efficientnet_b0", infer: EFFICIENTNET, names: &[efficientnet::NAMES] },
    Case { file: "tf_efficientnet_lite0", infer: EFFICIENTNET, names: &[efficientnet::NAMES] },
    Case { file: "mobilenetv2_100", infer: MOBILENET, names: &[mobilenet::NAMES] },
    Case { file: "mobilenetv3_large_100", infer: MOBILENET, names: &[mobilenet::NAMES] },
    Case { file: "tf_mobilenetv3_small_100", infer: MOBILENET, names: &[mobilenet::NAMES] },
    Case { file: "tf_mobilenetv3_small_minimal_100", infer: MOBILENET, names: &[mobilenet::NAMES] },
];

#[test]
fn towers_equal_timms() {
    let Some(folder) = golden("towers") else { return };
    for case in CASES {
        check(&case, &folder);
    }
}

fn check(case: &Case, folder: &Path) {
    let model = Model::open(&folder.join(format!("{}.safetensors", case.file))).unwrap();
    let pixels = tensor(&model, "pixel_values");
    let image = [pixels.dims()[2], pixels.dims()[3]].map(|size| size as u64);
    let dims = |name: &str| model.find(name).map(|info| info.shape.dims().to_vec());
    let tower = (case.infer)(case.file, image, &dims).unwrap();
    let mut g = Graph::builder(case.file);
    let features = tower.build(&mut g).unwrap();
    g.output("features", features).unwrap();
    let graph = g.finish().unwrap();
    let weights = weights(case, &graph, &model);

    let sizes = Sizes::new().with(Symbol::Images, pixels.dims()[0] as u64);
    let inputs = [("pixel_values", pixels)];
    let found = reference::Executor::new(&graph, &weights).unwrap().run(&sizes, &inputs).unwrap();
    compare(case.file, "reference", &found, &model);

    let smaller = rewrite(&graph, &weights).unwrap();
    let settings = PlanSettings { bounds: sizes, numerics: Numerics::Exact, kv: KvFormat::F16 };
    let plan = Plan::new(&smaller.graph, &settings, &|_| Ok(DType::F32)).unwrap();
    let source = Overlay::new(&weights, &smaller.weights);
    let threads = NonZeroUsize::new(2).unwrap();
    let mut executor = host::Executor::new(&smaller.graph, &plan, &source, threads).unwrap();
    compare(case.file, "host", &executor.run(&sizes, &inputs).unwrap(), &model);
}

/// The graph's weights under its names; every tensor of the file has to be one of them.
fn weights(case: &Case, graph: &Graph, model: &Model) -> HashMap<String, OwnedWeight> {
    let table = NameTable { layout: "timm", rows: case.names.to_vec() };
    let mut unread: BTreeSet<&str> = model.tensors().iter().map(|info| &*info.name).collect();
    unread.retain(|name| name.starts_with("visual."));
    let mut weights = HashMap::new();
    for node in graph.weights() {
        let (stored, part) = table.locate(&node.name).unwrap_or_else(|| panic!("{} has no name", node.name));
        assert_eq!(part, Part::Whole, "{stored}");
        assert!(unread.remove(stored.as_str()), "{}: {stored} is not there or read twice", node.name);
        let dims = node.value.at(&Sizes::new()).unwrap();
        let found = tensor(model, &stored);
        let squeezed = |dims: &[u64]| dims.iter().copied().filter(|&d| d != 1).collect::<Vec<_>>();
        let stored_dims: Vec<u64> = found.dims().iter().map(|&d| d as u64).collect();
        assert_eq!(squeezed(&dims), squeezed(&stored_dims), "{stored}");
        let weight = OwnedWeight::new(&node.name, DType::F32, &dims, found.as_f32().unwrap()).unwrap();
        weights.insert(node.name.clone(), weight);
    }
    assert!(unread.is_empty(), "{}: nobody reads {unread:?}", case.file);
    weights
}

fn compare(file: &str, executor: &str, found: &BTreeMap<String, HostTensor>, model: &Model) {
    assert!(found.len() > 1);
    for (output, found) in found {
        let expected = tensor(model, output.strip_prefix("v.").unwrap_or(output));
        assert_eq!(found.dims(), expected.dims(), "{file} {output}");
        let (found, expected) = (found.as_f32().unwrap(), expected.as_f32().unwrap());
        let largest = expected.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let difference = found.iter().zip(expected).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
        let relative = difference / largest;
        println!("{file} {executor} {output}: {relative:.1e}");
        assert!(relative <= TOLERANCE, "{file} {executor} {output}: {relative} of the largest");
    }
}

fn tensor(model: &Model, name: &str) -> HostTensor {
    let view = model.tensor(name).unwrap();
    let dims: Vec<usize> = view.shape().dims().iter().map(|&d| d as usize).collect();
    HostTensor::f32(&dims, view.to_f32().unwrap()).unwrap()
}
