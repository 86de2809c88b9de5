//! TABLE: the ways to compute a linear layer, in the order in which an adapter that was not measured tries them.
//!
//! Figures: lavapipe of Mesa 22.3, GFLOP per second of CPU time at 512 × 768 × 3072, f32 / Q8_0 (`docs/measurements.md`).

use bedside_tensor::DType;

use crate::error::Mismatch;
use crate::gpu::{Call, Candidate};

/// One way. Workgroups of `registers` are narrow, so that 192 outputs do not leave lanes idle.
pub(super) struct Variant {
    pub(super) candidate: Candidate,
    pub(super) text: &'static str,
    pub(super) constants: &'static [(&'static str, u32)],
    /// A step of `registers` takes 32 columns, not eight.
    pub(super) wide: bool,
    /// Rows × outputs that one workgroup makes.
    pub(super) tile: [u64; 2],
}

/// Which kernels can be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    /// Few rows of x.
    pub(super) few: bool,
    /// Integer dot products.
    pub(super) fast: bool,
    /// So little to do that compiling a large kernel takes longer.
    pub(super) small: bool,
}

impl Reach {
    pub(super) fn of(rows: usize, outputs: usize, columns: usize, fast: bool) -> Self {
        let multiplications = rows.saturating_mul(outputs).saturating_mul(columns);
        Self { few: rows <= FEW_ROWS, fast, small: multiplications < SMALL }
    }

    /// Name of the kernels' family.
    fn kind(self) -> &'static str {
        match (self.few, self.fast, self.small) {
            (true, false, _) => "vector",
            (true, true, _) => "fast_vector",
            (false, false, false) => "tile",
            (false, false, true) => "small_tile",
            (false, true, false) => "fast_tile",
            (false, true, true) => "fast_small_tile",
        }
    }
}

/// Most rows of x that matrix–vector kernels take.
const FEW_ROWS: usize = 8;

/// Multiplications below which a product is small: a few milliseconds on a software device.
const SMALL: usize = 1 << 27;

const REGISTERS: &str = include_str!("registers.wgsl");
const TILE: &str = include_str!("tile.wgsl");
const GROUP: &str = include_str!("group.wgsl");
const FAST_TILE: &str = include_str!("fast_tile.wgsl");

/// 10 / 11.
const REGISTERS_8X8: Variant = Variant {
    candidate: Candidate::plain("registers8x8", [16, 1, 1], 0),
    text: REGISTERS,
    constants: &[("ROWS", 8), ("OUTPUTS", 8), ("LANES", 16), ("PARTS", 1)],
    wide: false,
    tile: [8, 128],
};

/// 6.5 / 7.8, compiled in half the time.
const REGISTERS_8X4: Variant = Variant {
    candidate: Candidate::plain("registers8x4", [16, 1, 1], 0),
    text: REGISTERS,
    constants: &[("ROWS", 8), ("OUTPUTS", 4), ("LANES", 16), ("PARTS", 1)],
    wide: false,
    tile: [8, 64],
};

/// 4.7 / 6.5; the smallest pipeline.
const REGISTERS_4X4: Variant = Variant {
    candidate: Candidate::plain("registers4x4", [32, 1, 1], 0),
    text: REGISTERS,
    constants: &[("ROWS", 4), ("OUTPUTS", 4), ("LANES", 32), ("PARTS", 1)],
    wide: false,
    tile: [4, 128],
};

/// 3.8 / 3.8.
const TILE_64: Variant = Variant {
    candidate: Candidate::plain("tile64", [256, 1, 1], 16 << 10),
    text: TILE,
    constants: &[("QUADS_DOWN", 1), ("QUADS_ACROSS", 1), ("DEPTH", 32)],
    wide: false,
    tile: [64, 64],
};

/// 5.8 / 6.0.
const TILE_128: Variant = Variant {
    candidate: Candidate::plain("tile128", [256, 1, 1], 16 << 10),
    text: TILE,
    constants: &[("QUADS_DOWN", 2), ("QUADS_ACROSS", 2), ("DEPTH", 16)],
    wide: false,
    tile: [128, 128],
};

const LANE_4: Variant = Variant {
    candidate: Candidate::plain("lane4", [8, 1, 1], 0),
    text: REGISTERS,
    constants: &[("ROWS", 1), ("OUTPUTS", 4), ("LANES", 8), ("PARTS", 4)],
    wide: true,
    tile: [1, 32],
};

const LANE_1: Variant = Variant {
    candidate: Candidate::plain("lane1", [64, 1, 1], 0),
    text: REGISTERS,
    constants: &[("ROWS", 1), ("OUTPUTS", 1), ("LANES", 64), ("PARTS", 4)],
    wide: true,
    tile: [1, 64],
};

const GROUP_64: Variant = Variant {
    candidate: Candidate::plain("group64", [64, 1, 1], 64 * 4 * 4),
    text: GROUP,
    constants: &[("LANES", 64), ("OUTPUTS", 4)],
    wide: false,
    tile: [1, 4],
};

const SUBGROUP_64: Variant = Variant {
    candidate: Candidate { subgroup: true, ..Candidate::plain("subgroup64", [64, 1, 1], 64 * 4 * 4) },
    ..GROUP_64
};

const SUBGROUP_256: Variant = Variant {
    candidate: Candidate { subgroup: true, ..Candidate::plain("subgroup256", [256, 1, 1], 256 * 4 * 4) },
    text: GROUP,
    constants: &[("LANES", 256), ("OUTPUTS", 4)],
    wide: false,
    tile: [1, 4],
};

const FAST_TILE_64: Variant = Variant {
    candidate: Candidate::plain("tile64", [256, 1, 1], 128 * 16 * 2 + 64 * 8 + 64 * 16),
    text: FAST_TILE,
    constants: &[],
    wide: false,
    tile: [64, 64],
};

/// Those that suit a device best first, the smallest last.
pub(super) fn of(reach: Reach, software: bool) -> &'static [Variant] {
    match (reach, software) {
        (Reach { few: true, .. }, true) => &[LANE_4, GROUP_64, SUBGROUP_64, SUBGROUP_256, LANE_1],
        (Reach { few: true, .. }, false) => &[SUBGROUP_64, GROUP_64, SUBGROUP_256, LANE_4, LANE_1],
        (Reach { fast: true, .. }, true) => &[REGISTERS_4X4, REGISTERS_8X8, FAST_TILE_64, LANE_1],
        (Reach { fast: true, .. }, false) => &[FAST_TILE_64, REGISTERS_8X8, REGISTERS_4X4, LANE_1],
        (Reach { small: true, .. }, true) => {
            &[REGISTERS_8X4, REGISTERS_8X8, TILE_64, TILE_128, REGISTERS_4X4]
        }
        (Reach { small: true, .. }, false) => {
            &[TILE_64, TILE_128, REGISTERS_8X4, REGISTERS_8X8, REGISTERS_4X4]
        }
        (_, true) => &[REGISTERS_8X8, REGISTERS_8X4, TILE_128, TILE_64, REGISTERS_4X4],
        (_, false) => &[TILE_128, TILE_64, REGISTERS_8X8, REGISTERS_8X4, REGISTERS_4X4],
    }
}

/// The adapter's variant, and the name of its family. Errors: none that the adapter runs.
pub(super) fn choose(
    call: &Call<'_>,
    reach: Reach,
    dtype: DType,
) -> Result<(String, &'static Variant), Mismatch> {
    let family = family(reach, dtype);
    let variants = of(reach, call.capabilities.software);
    let candidates: Vec<Candidate> = variants.iter().map(|variant| variant.candidate).collect();
    let chosen = call.variants.choose(&family, call.capabilities, &candidates);
    let chosen = chosen.ok_or_else(|| Mismatch::new("kernel", "one that this adapter runs", "none"))?;
    Ok((family, &variants[chosen]))
}

/// Kernels among which one is chosen by measurement.
pub(super) fn family(reach: Reach, dtype: DType) -> String {
    format!("linear/{}/{}", reach.kind(), dtype.name().to_lowercase())
}

/// Every variant there is, for the tests.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (Reach, &'static Variant)> {
    let kinds = [(true, false), (true, true), (false, false), (false, true)];
    let reaches =
        kinds.into_iter().flat_map(|(few, fast)| [true, false].map(|small| Reach { few, fast, small }));
    reaches
        .filter(|reach| !(reach.few && reach.small))
        .flat_map(|reach| of(reach, false).iter().map(move |variant| (reach, variant)))
}
