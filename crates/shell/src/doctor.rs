//! `bedside doctor`: which GPUs there are, and whether they compute rightly.

use std::fmt::Write as _;

use anyhow::anyhow;
use bedside_compute::gpu::doctor::{Depth, Rates, Report, examine};
use bedside_compute::gpu::{Adapter, AdapterChoice, Device, DeviceOptions, adapters, kernel_digest};
use serde::Serialize;

use crate::cli::DoctorArguments;
use crate::exit::{Code, Failure};
use crate::{device, output};

/// The JSON document `bedside.doctor/1`.
#[derive(Serialize)]
struct Document {
    kernels: &'static str,
    adapters: Vec<Examined>,
}

/// One adapter.
#[derive(Serialize)]
struct Examined {
    adapter: Adapter,
    /// Every check passed.
    sound: bool,
    /// Why it could not be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Report>,
}

pub(crate) fn run(arguments: &DoctorArguments) -> Result<Code, Failure> {
    let wanted = arguments.gpu.as_ref().map(|name| name.to_lowercase());
    let named =
        |adapter: &Adapter| wanted.as_ref().is_none_or(|name| adapter.name.to_lowercase().contains(name));
    let found: Vec<Adapter> = adapters(arguments.backend).into_iter().filter(named).collect();
    if found.is_empty() {
        let there = device::names();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        return Err(Failure::new(Code::Device, anyhow!("no such GPU; found: {there}")));
    }
    let depth = if arguments.full { Depth::Full } else { Depth::Quick };
    let adapters: Vec<Examined> = found.into_iter().map(|adapter| examined(adapter, depth)).collect();
    let sound = adapters.iter().all(|examined| examined.sound);
    let document = Document { kernels: kernel_digest(), adapters };
    if arguments.json {
        output::document("doctor", &document)?;
    } else {
        output::print(&report(&document))?;
    }
    Ok(if sound { Code::Done } else { Code::Device })
}

fn examined(adapter: Adapter, depth: Depth) -> Examined {
    let named = AdapterChoice::Named(adapter.name.clone());
    let options = DeviceOptions { adapter: named, backend: Some(adapter.backend), clamp: None };
    match Device::open(&options, None) {
        Ok(device) => {
            let report = examine(&device, depth);
            Examined { adapter, sound: report.sound(), problem: None, report: Some(report) }
        }
        Err(error) => Examined { adapter, sound: false, problem: Some(error.to_string()), report: None },
    }
}

fn report(document: &Document) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    for Examined { adapter, sound, problem, report } in &document.adapters {
        let verdict = if *sound { "sound" } else { "NOT SOUND, will not be used" };
        let _ = writeln!(text, "{adapter}: {verdict}");
        if let Some(problem) = problem {
            let _ = writeln!(text, "  {problem}");
        }
        let Some(report) = report else { continue };
        let passed = report.checks.iter().filter(|check| check.passed()).count();
        let _ = writeln!(text, "  {passed} of {} checks passed", report.checks.len());
        for check in report.failures() {
            let error = check.error.map_or("no result".to_owned(), |error| format!("error {error:.1e}"));
            let problem = check.problem.as_ref().map_or(String::new(), |problem| format!(", {problem}"));
            let (kernels, allowed) = (check.kernels.join(", "), check.allowed);
            let _ = writeln!(text, "  {} ({kernels}): {error}, allowed {allowed:.0e}{problem}", check.what);
        }
        if let Some(rates) = &report.rates {
            text.push_str(&speed(rates));
        }
    }
    let _ = writeln!(text, "kernels {}", document.kernels);
    text
}

fn speed(rates: &Rates) -> String {
    let Rates { copy_bytes_per_second, multiply_flops_per_second, dispatch_seconds } = rates;
    format!(
        "  copy {:.1} GB/s (read and written), f32 multiply {:.1} GFLOP/s, dispatch {:.1} µs\n",
        copy_bytes_per_second / 1e9,
        multiply_flops_per_second / 1e9,
        dispatch_seconds * 1e6
    )
}
