//! The doctor on every adapter; and that it finds what is wrong.

use std::collections::HashMap;

use super::super::tests::{Wrong, devices};
use super::*;
use crate::graph::sample::vit;
use crate::host::tests::networks::{images, text};
use crate::kv::KvFormat;
use crate::ops::Numerics;
use crate::plan::PlanSettings;
use crate::reference::tests::{decoder, random_weights};

#[test]
fn every_case_can_be_described() {
    assert_eq!(cases::undescribed(), []);
}

#[test]
fn software_devices_are_sound() {
    for device in devices() {
        let report = examine(device, Depth::Quick);
        assert!(report.checks.len() > 60, "{}", report.checks.len());
        let failures: Vec<&Check> = report.failures().collect();
        assert!(report.sound(), "{failures:#?}");
        assert!(report.is_for(device));
        let told = serde_json::to_string(&report).unwrap();
        let again: Report = serde_json::from_str(&told).unwrap();
        assert!(again.is_for(device) && again.sound());
        assert_eq!((again.adapter, again.checks.len()), (report.adapter, report.checks.len()));
    }
}

#[test]
fn the_operations_of_a_plan_are_examined() {
    let (vit, decoder) = (vit().unwrap(), decoder());
    let of: [(&Graph, Sizes); 2] = [(&vit, images(3)), (&decoder, text(9, 24))];
    for device in devices() {
        for (graph, bounds) in of {
            let weights = random_weights(graph, 3);
            let settings = PlanSettings { bounds, numerics: Numerics::Exact, kv: KvFormat::Q8_0 };
            let settings =
                if graph.name() == "vit" { PlanSettings { kv: KvFormat::F16, ..settings } } else { settings };
            let plan = Plan::for_weights(graph, &settings, &weights).unwrap();
            let report = examine_plan(graph, &plan, &weights, device, None).unwrap();
            let failures: Vec<&Check> = report.failures().collect();
            assert!(report.sound(), "{failures:#?}");
            assert!(report.checks.len() >= 8, "{:#?}", report.checks);
        }
    }
}

/// The injected fault: a driver that computes one kernel wrongly.
#[test]
fn a_wrong_kernel_is_found() {
    for device in devices() {
        let wrong = Wrong::new("softmax");
        let report = examine(device, Depth::Quick);
        drop(wrong);
        assert!(!report.sound());
        let failures: Vec<&Check> = report.failures().collect();
        assert!(failures.iter().all(|check| check.what.starts_with("softmax")), "{failures:#?}");
        assert!(failures[0].error.is_some_and(|error| error > failures[0].allowed), "{failures:#?}");
    }
}

#[test]
fn a_device_lost_while_it_is_examined_is_not_sound() {
    use super::super::{AdapterChoice, DeviceOptions};
    let Some(adapter) = super::super::tests::found().into_iter().next() else { return };
    let named = AdapterChoice::Named(adapter.name.clone());
    let device = Device::open(&DeviceOptions { adapter: named, ..DeviceOptions::default() }, None).unwrap();
    device.lose();
    let report = examine(&device, Depth::Quick);
    assert!(!report.sound());
    assert!(report.checks[0].problem.as_ref().unwrap().contains("lost"), "{:?}", report.checks[0]);
}

#[test]
fn a_known_answer_repeats() {
    let graph = vit().unwrap();
    let weights: HashMap<_, _> = random_weights(&graph, 3);
    let settings = PlanSettings { bounds: images(2), numerics: Numerics::Exact, kv: KvFormat::F32 };
    let plan = Plan::for_weights(&graph, &settings, &weights).unwrap();
    for device in devices() {
        let mut executor = super::super::Executor::new(&graph, &plan, &weights, device, None).unwrap();
        let known = KnownAnswer::of(&mut executor).unwrap().unwrap();
        assert!(known.repeats(&mut executor).unwrap());
    }
    let graph = decoder();
    let weights = random_weights(&graph, 3);
    let settings = PlanSettings { bounds: text(2, 24), numerics: Numerics::Exact, kv: KvFormat::F32 };
    let plan = Plan::for_weights(&graph, &settings, &weights).unwrap();
    if let Some(device) = devices().first() {
        let mut executor = super::super::Executor::new(&graph, &plan, &weights, device, None).unwrap();
        assert!(KnownAnswer::of(&mut executor).unwrap().is_none());
    }
}
