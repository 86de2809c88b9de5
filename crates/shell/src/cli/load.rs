//! Options of every command that plans or loads a network.

use std::str::FromStr;

use bedside_compute::gpu::{AdapterChoice, Backend};
use bedside_compute::{Numerics, host};
use clap::{Args, ValueEnum};

/// What decides the cost of a load.
#[derive(Debug, Clone, Args)]
pub(crate) struct CostArguments {
    /// How quantized weights are multiplied [default: exact; fast for text models]
    #[arg(long, value_enum, value_name = "HOW")]
    numerics: Option<NumericsChoice>,

    /// Refuse a model that needs more memory: bytes, or with a unit as in 512MiB or 2GB [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory_budget: Option<u64>,
}

impl CostArguments {
    /// As asked for, else as the kind of model runs.
    pub(crate) fn numerics(&self, default: Numerics) -> Numerics {
        self.numerics.map_or(default, Into::into)
    }
}

/// How a network is loaded.
#[derive(Debug, Clone, Args)]
pub(crate) struct LoadArguments {
    /// Threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=host::MAX_THREADS as i64))]
    pub(crate) threads: Option<u16>,

    #[command(flatten)]
    pub(crate) cost: CostArguments,
}

/// Where a network runs.
#[derive(Debug, Args)]
pub(crate) struct DeviceArguments {
    /// Where to run: the processor, a GPU, the GPU whose name holds NAME, or whichever is sound and faster
    #[arg(long, value_name = "auto|cpu|gpu|gpu:NAME", default_value = "auto")]
    pub(crate) device: DeviceChoice,

    /// Look for GPUs through this interface only: vulkan, metal, dx12 or gl
    #[arg(long, value_name = "NAME")]
    pub(crate) backend: Option<Backend>,
}

/// What `--device` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DeviceChoice {
    /// A sound GPU if it is faster, else the processor.
    Auto,
    /// The processor.
    Cpu,
    /// A GPU; the processor if it is not sound.
    Gpu(AdapterChoice),
}

impl FromStr for DeviceChoice {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.strip_prefix("gpu:")) {
            ("auto", _) => Ok(Self::Auto),
            ("cpu", _) => Ok(Self::Cpu),
            ("gpu", _) => Ok(Self::Gpu(AdapterChoice::Auto)),
            (_, Some(name)) if !name.is_empty() => Ok(Self::Gpu(AdapterChoice::Named(name.to_owned()))),
            _ => Err("auto, cpu, gpu or gpu:NAME is expected"),
        }
    }
}

/// [`Numerics`] by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NumericsChoice {
    /// As f32 numbers
    Exact,
    /// As integers, with rounded activations: faster, less exact
    Fast,
}

impl From<NumericsChoice> for Numerics {
    fn from(choice: NumericsChoice) -> Self {
        match choice {
            NumericsChoice::Exact => Self::Exact,
            NumericsChoice::Fast => Self::Fast,
        }
    }
}

/// Units of sizes, in bytes; matched whatever their case.
const UNITS: [(&str, u64); 9] = [
    ("", 1),
    ("B", 1),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// `512MiB` → 536870912. Errors: no whole number, an unknown unit, 2^64 bytes and more.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let known = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let bytes = number.parse::<u64>().ok().zip(known).and_then(|(n, (_, factor))| n.checked_mul(*factor));
    bytes.ok_or_else(|| "a whole number of bytes, kB, MB, GB, TB, KiB, MiB or GiB is expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_names() {
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
        assert_eq!("gpu".parse(), Ok(DeviceChoice::Gpu(AdapterChoice::Auto)));
        let named = AdapterChoice::Named("llvmpipe".to_owned());
        assert_eq!("gpu:llvmpipe".parse(), Ok(DeviceChoice::Gpu(named)));
        for text in ["", "gpu:", "GPU", "tpu"] {
            assert!(text.parse::<DeviceChoice>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in
            [("0", 0), ("1024", 1024), ("512MiB", 512 << 20), ("2GB", 2_000_000_000), ("3 kib", 3072)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5GB", "1 parsec", "99999999999999999999", "18446744073709551615kB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
