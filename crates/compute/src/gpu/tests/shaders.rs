//! Shaders without a GPU: every one that any operation makes parses, validates, and is what its Rust side says.

use std::collections::BTreeSet;

use naga::valid::{Capabilities as Accepted, ValidationFlags, Validator};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::super::dispatch::{Cache, Call, Dispatch, Kernel, Operand, Part, Resource, Weight};
use super::super::{Capabilities, Variants, dequant, source};
use crate::device::tests::Case;
use crate::device::tests::cases;
use crate::kv::KvFormat;
use crate::ops::proof::{noise, run, u32s};
use crate::ops::*;
use bedside_tensor::DType;

/// What the kernels are made for: a small device, a large one, and a software one.
fn devices() -> [Capabilities; 3] {
    let small = Capabilities::SMALL;
    let large = Capabilities {
        max_invocations: 1024,
        max_workgroup: [1024, 1024, 64],
        workgroup_bytes: 32 << 10,
        subgroup: Some([32, 32]),
        f16: true,
        ..small
    };
    [small, large, Capabilities { software: true, subgroup: Some([8, 8]), ..large }]
}

/// The shader parses and validates; its workgroup and workgroup memory are those the kernel tells.
#[track_caller]
pub(crate) fn validate(kernel: &Kernel) -> naga::Module {
    let text = kernel.wgsl.as_ref();
    let module = naga::front::wgsl::parse_str(text)
        .unwrap_or_else(|error| panic!("{}: {}", kernel.label, error.emit_to_string(text)));
    // wgpu always accepts `unpack2x16float`.
    let accepted = Accepted::SUBGROUP | Accepted::SHADER_FLOAT16 | Accepted::SHADER_FLOAT16_IN_FLOAT32;
    let mut validator = Validator::new(ValidationFlags::all(), accepted);
    let checked = validator.validate(&module);
    checked.unwrap_or_else(|error| panic!("{}: {}", kernel.label, error.emit_to_string(text)));
    let entry = module.entry_points.iter().find(|entry| entry.name == kernel.entry);
    let entry = entry.unwrap_or_else(|| panic!("{} has no entry {}", kernel.label, kernel.entry));
    assert_eq!(entry.workgroup_size, kernel.workgroup, "{}", kernel.label);
    let sizes = module.global_variables.iter().filter(|(_, v)| v.space == naga::AddressSpace::WorkGroup);
    let bytes: u32 = sizes.map(|(_, v)| module.types[v.ty].inner.size(module.to_ctx())).sum();
    assert_eq!(bytes, kernel.workgroup_bytes, "{}: workgroup memory", kernel.label);
    module
}

/// The dispatches of one operation on operands of these shapes, the second one as a weight of `dtype`.
fn dispatches(
    case: &Case,
    dtype: Option<DType>,
    kv: Option<KvFormat>,
    capabilities: &Capabilities,
    numerics: Numerics,
) -> Vec<Dispatch> {
    let operands = case.operands();
    let output = run(case.op.clone(), &operands);
    let weights: Vec<Option<Weight>> = operands
        .iter()
        .enumerate()
        .map(|(i, x)| {
            let columns = x.dims().last().copied().unwrap_or(1) as u64;
            let rows = x.dims().iter().product::<usize>() as u64 / columns.max(1);
            let part = Part { first_row: 0, rows };
            let dtype = dtype.filter(|_| i == 1)?;
            Some(Weight { dtype, rows, columns, parts: vec![part] })
        })
        .collect();
    let inputs: Vec<Operand<'_>> = operands
        .iter()
        .zip(&weights)
        .enumerate()
        .map(|(i, (x, weight))| Operand {
            dims: x.dims(),
            element: x.element(),
            weight: weight.as_ref(),
            cache: kv
                .filter(|_| i == 1 || i == 2)
                .map(|format| Cache { format, elements: x.dims().iter().product::<usize>() as u64 }),
        })
        .collect();
    let variants = Variants::default();
    let numbers = |i: usize| operands[i].as_f32().map(<[f32]>::to_vec);
    let call = Call {
        inputs: &inputs,
        dims: output.dims(),
        capabilities,
        numerics,
        variants: &variants,
        numbers: &numbers,
    };
    case.op.operation().unwrap().gpu(&call).unwrap_or_else(|wrong| panic!("{:?}: {wrong:?}", case.op))
}

/// Everything that can be wrong without a GPU.
fn check(op: &Op, dispatches: &[Dispatch], capabilities: &Capabilities, seen: &mut BTreeSet<String>) {
    let in_place = op.operation().unwrap().in_place();
    for dispatch in dispatches {
        let kernel = &dispatch.kernel;
        if !seen.insert(kernel.wgsl.to_string()) {
            continue;
        }
        assert!(kernel.label.contains('/'), "{} is no family/variant", kernel.label);
        assert!(capabilities.holds(kernel.workgroup, kernel.workgroup_bytes), "{}", kernel.label);
        let module = validate(kernel);
        check_bindings(dispatch, &module);
        check_members(dispatch, &module);
        // As it is when everything lies in the arena and the result takes an operand's place.
        let inputs = dispatch.bindings.iter().filter(|b| matches!(b.resource, Resource::Input(_)));
        let writable: Vec<&str> = inputs.map(|b| b.name).collect();
        let bound = source::bound(&kernel.wgsl, &writable, None).into();
        validate(&Kernel { wgsl: bound, ..kernel.clone() });
        let result = dispatch.bindings.iter().find(|b| b.resource == Resource::Output);
        for operand in &in_place {
            let operand = dispatch.bindings.iter().find(|b| b.resource == Resource::Input(*operand));
            if let (Some(operand), Some(result)) = (operand, result) {
                let alias = Some((operand.name, result.name));
                let bound = source::bound(&kernel.wgsl, &writable, alias).into();
                let module = validate(&Kernel { wgsl: bound, ..kernel.clone() });
                let names = module.global_variables.iter().filter_map(|(_, v)| v.name.as_deref());
                assert!(names.into_iter().all(|name| name != operand.name), "{}", kernel.label);
            }
        }
    }
}

fn check_bindings(dispatch: &Dispatch, module: &naga::Module) {
    let label = &dispatch.kernel.label;
    let mut told: Vec<(u32, &str)> = dispatch.bindings.iter().map(|b| (b.binding, b.name)).collect();
    told.sort_unstable();
    let storage = |space: naga::AddressSpace| matches!(space, naga::AddressSpace::Storage { .. });
    let mut found: Vec<(u32, &str)> = module
        .global_variables
        .iter()
        .filter(|(_, variable)| storage(variable.space))
        .map(|(_, v)| (v.binding.as_ref().unwrap().binding, v.name.as_deref().unwrap()))
        .collect();
    found.sort_unstable();
    assert_eq!(told, found, "{label}: bindings");
    let (table, status) = (Resource::Table, Resource::Status);
    let binds = |resource| dispatch.bindings.iter().any(|b| b.resource == resource);
    assert_eq!(binds(table), !dispatch.table.is_empty(), "{label}: table");
    assert_eq!(binds(status), dispatch.fault.is_some(), "{label}: status");
}

fn check_members(dispatch: &Dispatch, module: &naga::Module) {
    let label = &dispatch.kernel.label;
    let (_, params) =
        module.global_variables.iter().find(|(_, v)| v.space == naga::AddressSpace::Uniform).unwrap();
    assert_eq!(params.binding.as_ref().unwrap().binding, 0, "{label}");
    let naga::TypeInner::Struct { members, .. } = &module.types[params.ty].inner else { panic!("{label}") };
    let found: Vec<(&str, usize)> =
        members.iter().map(|m| (m.name.as_deref().unwrap(), m.offset as usize)).collect();
    assert_eq!(dispatch.members, found, "{label}: parameters");
}

/// A few cases of every kind of operation.
fn samples() -> Vec<Case> {
    let mut runner = TestRunner::deterministic();
    let mut samples = Vec::new();
    for (_, strategy) in cases::all() {
        for _ in 0..12 {
            samples.extend(strategy.new_tree(&mut runner).unwrap().current());
        }
    }
    samples
}

#[test]
fn shaders_of_every_operation_are_what_they_tell() {
    let mut seen = BTreeSet::new();
    for case in samples() {
        for capabilities in devices() {
            let made = dispatches(&case, None, None, &capabilities, Numerics::Exact);
            check(&case.op, &made, &capabilities, &mut seen);
        }
    }
    assert!(seen.len() > 40, "{} shaders", seen.len());
}

#[test]
fn shaders_of_every_format_are_what_they_tell() {
    let mut seen = BTreeSet::new();
    let linear = |bias, activation| Linear { bias, activation, residual: false };
    let (w, b) = (noise(&[9, 512], 1), noise(&[9], 3));
    for capabilities in devices() {
        for dtype in dequant::formats() {
            for rows in [1, 40] {
                let x = noise(&[rows, 512], 2);
                for numerics in [Numerics::Exact, Numerics::Fast] {
                    let plain = Case::new(linear(false, Activation::None), &[&x, &w], 0.0);
                    let all = Case::new(linear(true, Activation::GeluTanh), &[&x, &w, &b], 0.0);
                    for case in [plain, all] {
                        let made = dispatches(&case, Some(dtype), None, &capabilities, numerics);
                        check(&case.op, &made, &capabilities, &mut seen);
                    }
                }
            }
            let look = Case::new(Embedding, &[&u32s(&[2], &[0, 8]), &w], 0.0);
            let made = dispatches(&look, Some(dtype), None, &capabilities, Numerics::Exact);
            check(&look.op, &made, &capabilities, &mut seen);
        }
    }
    assert!(seen.len() > 60, "{} shaders", seen.len());
}

#[test]
fn shaders_of_every_cache_are_what_they_tell() {
    let mut seen = BTreeSet::new();
    let (q, k) = (noise(&[3, 4, 32], 1), noise(&[7, 2, 32], 2));
    let causal = Pattern::Causal { window: None };
    let attention = Attention { pattern: causal, scale: 1.0, softcap: None, masked: false };
    let attend = Case::new(attention, &[&q, &k, &k], 0.0);
    for capabilities in devices() {
        for kv in [KvFormat::F32, KvFormat::F16, KvFormat::Q8_0] {
            let made = dispatches(&attend, None, Some(kv), &capabilities, Numerics::Exact);
            check(&attend.op, &made, &capabilities, &mut seen);
            check(&CacheAppend.into(), &append(kv, &capabilities), &capabilities, &mut seen);
        }
    }
    assert!(seen.len() >= 6, "{} shaders", seen.len());
}

fn append(format: KvFormat, capabilities: &Capabilities) -> Vec<Dispatch> {
    let (state, x) = ([8usize, 64], [2usize, 64]);
    let element = crate::Element::F32;
    let cache = Some(Cache { format, elements: 512 });
    let inputs = [
        Operand { dims: &state, element, weight: None, cache },
        Operand { dims: &x, element, weight: None, cache: None },
    ];
    let variants = Variants::default();
    let call = Call {
        inputs: &inputs,
        dims: &[5, 64],
        capabilities,
        numerics: Numerics::Exact,
        variants: &variants,
        numbers: &|_| None,
    };
    Op::from(CacheAppend).operation().unwrap().gpu(&call).unwrap()
}

#[test]
fn the_digest_covers_every_shader() {
    let mut files = Vec::new();
    find(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut files);
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(super::super::SHADERS.contains(&text.as_str()), "{} is not in shaders.in", file.display());
    }
    assert_eq!(files.len(), super::super::SHADERS.len());
    assert_eq!(super::super::kernel_digest().len(), 16);
}

fn find(folder: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "wgsl") {
            files.push(path);
        }
    }
}
