//! Shapes and errors of small graphs.

use super::*;
use crate::ops::Activation;
use crate::{OwnedWeight, dims};
use bedside_tensor::DType;
use std::collections::HashMap;

fn small() -> Graph {
    let mut g = Graph::builder("small");
    let x = g.input("x", dims![Symbol::Tokens, 4], Element::F32).unwrap();
    g.scope("blk.0");
    let y = g.linear(x, weight("w", [3, 4]), Some(weight("b", [3])), Activation::Relu).unwrap();
    let y = g.softmax(y).unwrap();
    g.output("y", y).unwrap();
    g.finish().unwrap()
}

#[test]
fn a_graph_survives_json_and_is_checked_again() {
    let graph = small();
    let json = serde_json::to_string(&graph).unwrap();
    assert_eq!(serde_json::from_str::<Graph>(&json).unwrap(), graph);
    for (from, to, why) in [
        ("\"version\":1", "\"version\":2", "version"),
        ("[\"3\",\"4\"]", "[\"3\",\"5\"]", "expected"),
        ("\"inputs\":[0,1,2]", "\"inputs\":[0,1,9]", "value 9"),
        ("[\"tokens\",\"3\"]", "[\"tokens\",\"7\"]", "stored dimensions"),
    ] {
        let bad = json.replacen(from, to, 1);
        assert_ne!(bad, json, "{from} is not in {json}");
        let error = serde_json::from_str::<Graph>(&bad).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn errors_name_node_and_operation() {
    let mut g = Graph::builder("bad");
    let x = g.input("x", dims![Symbol::Tokens, 4], Element::F32).unwrap();
    g.scope("v.blk.3");
    let error = g.linear(x, weight("w", [3, 5]), None, Activation::None).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("v.blk.3.linear#") && text.contains("(linear)"), "{text}");
    assert!(text.contains("expected 5, got 4"), "{text}");
    assert!(matches!(g.softmax(Value(99)), Err(ComputeError::UnknownValue { value: 99, .. })));
    let again = g.input("x", dims![1], Element::F32);
    assert!(matches!(again, Err(ComputeError::DuplicateName { .. })));
    assert!(matches!(g.weight(weight("w", [3, 6])), Err(ComputeError::WeightDims { .. })));
    assert_eq!(g.weight(weight("w", [3, 5])).unwrap(), g.weight(weight("w", [3, 5])).unwrap());
    assert!(g.constant(dims![2], vec![0.0; 3]).is_err());
    assert!(g.weight(weight("t", dims![Symbol::Tokens])).is_err());
    assert!(matches!(g.finish(), Err(ComputeError::NoOutput { .. })));
}

#[test]
fn a_state_is_written_once_and_read_through_its_write() {
    let mut g = Graph::builder("cache");
    let x = g.input("x", dims![Symbol::Tokens, 2, 4], Element::F32).unwrap();
    let state = g.state("k", dims![16, 2, 4]).unwrap();
    g.output("x", x).unwrap();
    let _ = state;
    assert!(matches!(g.finish(), Err(ComputeError::StateUse { uses: 0, .. })));
}

#[test]
fn weights_are_checked_against_the_source() {
    let graph = small();
    let made = |dims: &[u64]| {
        let zeros = vec![0.0; dims.iter().product::<u64>() as usize];
        OwnedWeight::new("w", DType::F32, dims, &zeros).unwrap()
    };
    let mut source = HashMap::from([("w".to_owned(), made(&[3, 4]))]);
    assert!(matches!(graph.check_weights(&source), Err(ComputeError::WeightMissing { name }) if name == "b"));
    source.insert("b".to_owned(), made(&[4]));
    assert!(
        matches!(graph.check_weights(&source), Err(ComputeError::WeightDims { name, .. }) if name == "b")
    );
    source.insert("b".to_owned(), made(&[3]));
    graph.check_weights(&source).unwrap();
}
