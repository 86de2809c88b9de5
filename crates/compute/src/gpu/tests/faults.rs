//! What goes wrong is an error with a name: no adapter, too little memory, a lost device, a kernel that the driver
//! refuses.

use super::super::dispatch::Kernel;
use super::super::pipeline::{Pipelines, Shader};
use super::super::{
    Adapter, AdapterChoice, AdapterKind, Backend, Capabilities, Device, DeviceOptions, Executor, Source,
    Tuning, adapters, load, tune,
};
use super::networks::executor;
use super::{devices, found};
use crate::ComputeError;
use crate::graph::sample::vit;
use crate::host::tests::bits;
use crate::host::tests::networks::images;
use crate::kv::KvFormat;
use crate::ops::Numerics;
use crate::ops::proof::noise;
use crate::plan::{Plan, PlanSettings};
use crate::reference::tests::random_weights;

/// A device of this test's own, since it will be lost.
fn own_device() -> Option<Device> {
    let adapter = found().into_iter().next()?;
    let options = options_for(&adapter, None);
    Some(Device::open(&options, None).unwrap())
}

fn options_for(adapter: &Adapter, clamp: Option<Capabilities>) -> DeviceOptions {
    DeviceOptions {
        adapter: AdapterChoice::Named(adapter.name.clone()),
        backend: Some(adapter.backend),
        clamp,
    }
}

#[test]
fn a_software_adapter_is_taken_by_name_only() {
    let found = adapters(None);
    let hardware = found.iter().any(|adapter| adapter.kind != AdapterKind::Cpu);
    let auto = Device::open(&DeviceOptions::default(), None);
    assert_eq!(auto.is_ok(), hardware);
    if let Err(error) = auto {
        assert!(
            matches!(&error, ComputeError::GpuMissing { wanted, .. } if wanted.starts_with("auto")),
            "{error}"
        );
    }
    let named = AdapterChoice::Named("no such adapter".to_owned());
    let missing =
        Device::open(&DeviceOptions { adapter: named, ..DeviceOptions::default() }, None).err().unwrap();
    assert!(matches!(missing, ComputeError::GpuMissing { .. }), "{missing}");
    assert!("vulkan".parse::<Backend>().is_ok() && "webgl".parse::<Backend>().is_err());
}

#[test]
fn a_lost_device_is_an_error_from_then_on() {
    let (graph, Some(device)) = (vit().unwrap(), own_device()) else {
        devices(); // records the skip
        return;
    };
    let weights = random_weights(&graph, 3);
    let mut gpu = executor(&graph, &weights, images(2), KvFormat::F32, &device);
    let pixels = [("pixels", noise(&[2, 3, 32, 32], 5))];
    assert!(gpu.run(&images(2), &pixels).is_ok());
    device.lose();
    for _ in 0..3 {
        let lost = gpu.run(&images(2), &pixels).unwrap_err();
        assert!(matches!(lost, ComputeError::GpuLost { .. }), "{lost}");
    }
    let settings = PlanSettings { bounds: images(1), numerics: Numerics::Exact, kv: KvFormat::F32 };
    let plan = Plan::for_weights(&graph, &settings, &weights).unwrap();
    let refused = Executor::new(&graph, &plan, &weights, &device, None).err().unwrap();
    assert!(matches!(refused, ComputeError::GpuLost { .. }), "{refused}");
}

/// Whenever in a run the device goes: an error with a name, and never a wrong answer.
#[test]
fn a_device_lost_in_mid_run_is_an_error() {
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 3);
    let pixels = [("pixels", noise(&[2, 3, 32, 32], 5))];
    for delay_us in [0, 200, 1000] {
        let Some(device) = own_device() else { return };
        let mut gpu = executor(&graph, &weights, images(2), KvFormat::F32, &device);
        let right = gpu.run(&images(2), &pixels).unwrap();
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(std::time::Duration::from_micros(delay_us));
                device.lose();
            });
            loop {
                match gpu.run(&images(2), &pixels) {
                    Ok(got) => assert_eq!(bits(&got["embedding"]), bits(&right["embedding"])),
                    Err(error) => break error,
                }
            }
        });
        let named = matches!(outcome, ComputeError::GpuLost { .. } | ComputeError::GpuRefused { .. });
        assert!(named, "{outcome}");
    }
}

#[test]
fn memory_that_cannot_be_had_is_an_error() {
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 3);
    for adapter in found() {
        let bounds = images(1 << 22);
        let settings = PlanSettings { bounds, numerics: Numerics::Exact, kv: KvFormat::F32 };
        let plan = Plan::for_weights(&graph, &settings, &weights).unwrap();
        let device = Device::open(&options_for(&adapter, None), None).unwrap();
        let refused = Executor::new(&graph, &plan, &weights, &device, None).err().unwrap();
        let limit = device.capabilities().max_buffer_bytes;
        assert!(matches!(refused, ComputeError::GpuLimit { limit: l, .. } if l == limit), "{refused}");
        // What is within the limit of one buffer, and more than there is.
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let mut held = Vec::new();
        let refused = loop {
            match device.buffer("a test", limit / 16 * 16, usage, false) {
                Ok(buffer) if held.len() < 8 => held.push(buffer),
                Ok(_) => break None,
                Err(error) => break Some(error),
            }
        };
        if let Some(error) = refused {
            assert!(matches!(error, ComputeError::Memory { .. }), "{error}");
        }
        drop(held);
        let mut gpu = executor(&graph, &weights, images(1), KvFormat::F32, &device);
        assert!(gpu.run(&images(1), &[("pixels", noise(&[1, 3, 32, 32], 5))]).is_ok());
    }
}

#[test]
fn a_kernel_that_cannot_be_made_is_named() {
    let kernel = |wgsl: &str, workgroup_bytes| Kernel {
        label: "broken/test".to_owned(),
        wgsl: wgsl.to_owned().into(),
        entry: "main",
        workgroup: [64, 1, 1],
        workgroup_bytes,
    };
    for device in devices() {
        let broken = Shader { kernel: kernel("fn main() { nonsense }", 0), bindings: vec![] };
        let refused = Pipelines::default().make(device, &[broken]).unwrap();
        let error = &refused["broken/test"];
        assert!(
            matches!(error, ComputeError::GpuRefused { what, .. } if what == "kernel broken/test"),
            "{error}"
        );
        let text = Source::new().include("var<workgroup> much: array<u32, 4>;").finish();
        let greedy = Shader { kernel: kernel(&text, 1 << 24), bindings: vec![] };
        let refused = Pipelines::default().make(device, &[greedy]).err().unwrap();
        assert!(matches!(refused, ComputeError::GpuLimit { got: 16_777_216, .. }), "{refused}");
        let many = Shader { kernel: kernel(&text, 0), bindings: (1..200).map(|i| (i, false)).collect() };
        if device.capabilities().max_storage_buffers < 199 {
            let refused = Pipelines::default().make(device, &[many]).err().unwrap();
            assert!(matches!(refused, ComputeError::GpuLimit { got: 199, .. }), "{refused}");
        }
        device.check().unwrap();
    }
}

#[test]
fn kept_pipelines_are_taken_back_or_ignored() {
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 3);
    for adapter in found() {
        let options = options_for(&adapter, None);
        let device = Device::open(&options, None).unwrap();
        let pixels = [("pixels", noise(&[1, 3, 32, 32], 5))];
        let mut first = executor(&graph, &weights, images(1), KvFormat::F32, &device);
        let expected = first.run(&images(1), &pixels).unwrap();
        let kept = device.kept_pipelines();
        assert_eq!(kept.is_some(), adapter.keeps_pipelines);
        let Some(kept) = kept else { continue };
        let mut foreign = kept.clone();
        foreign[9] ^= 1;
        for bytes in [&kept[..], &foreign, &kept[..kept.len() / 2], b"nothing of the kind"] {
            let again = Device::open(&options, Some(bytes)).unwrap();
            let mut gpu = executor(&graph, &weights, images(1), KvFormat::F32, &again);
            let got = gpu.run(&images(1), &pixels).unwrap();
            assert_eq!(bits(&got["embedding"]), bits(&expected["embedding"]));
        }
    }
}

#[test]
fn choices_of_another_device_are_ignored() {
    for device in devices() {
        let mine = Tuning { version: tune::TUNING_VERSION, key: device.key(), fastest: Default::default() };
        assert!(mine.is_for(device));
        assert!(!Tuning { key: "another".to_owned(), ..mine.clone() }.is_for(device));
        assert!(!Tuning { version: tune::TUNING_VERSION + 1, ..mine }.is_for(device));
    }
}

/// A refused variant is replaced by the next one; when none is left, the refusal is the error.
#[test]
fn a_refused_variant_is_replaced() {
    let refusal = |label: &str| {
        let error = ComputeError::GpuRefused { adapter: "a".into(), what: "b".into(), reason: "c".into() };
        std::collections::BTreeMap::from([(label.to_owned(), error)])
    };
    let mut variants = super::Variants::default();
    let candidates =
        [tune::Candidate::plain("large", [256, 1, 1], 0), tune::Candidate::plain("small", [64, 1, 1], 0)];
    let capabilities = Capabilities::SMALL;
    assert_eq!(variants.choose("family", &capabilities, &candidates), Some(0));
    load::refuse(&mut variants, refusal("family/large")).unwrap();
    assert_eq!(variants.choose("family", &capabilities, &candidates), Some(1));
    let error = load::refuse(&mut variants, refusal("family/small")).unwrap_err();
    assert!(matches!(error, ComputeError::GpuRefused { .. }));
}
