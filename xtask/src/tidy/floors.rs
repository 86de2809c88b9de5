//! TABLE: which crate may use which: the floors of the workspace, and each crate's external dependencies.
//!
//! A new arrow or dependency is a decision: it is one word in this table, in a commit of its own.
//! Dev-dependencies are free: they never reach the device.

use std::path::Path;

use super::Finding;
use crate::metadata::{Metadata, Package};

/// What one crate may use. `*` is everything, `dicom-*` everything that begins so.
struct Floor {
    name: &'static str,
    arrows: &'static [&'static str],
    external: &'static [&'static str],
}

/// May be used by every crate.
const EVERYWHERE: &[&str] = &["thiserror", "log", "serde"];

/// Bottom floor first: an arrow of the table points to an earlier line.
const FLOORS: &[Floor] = &[
    Floor { name: "bedside-tensor", arrows: &[], external: &["half", "bytemuck"] },
    Floor { name: "bedside-evaluation", arrows: &[], external: &["statrs"] },
    Floor {
        name: "bedside-vault",
        arrows: &[],
        external: &[
            "redb",
            "blake3",
            "chacha20poly1305",
            "ed25519-dalek",
            "zeroize",
            "argon2",
            "getrandom",
            "serde_json",
            "tempfile",
        ],
    },
    Floor { name: "bedside-link", arrows: &[], external: &["postcard", "cobs", "crc"] },
    Floor {
        name: "bedside-weights",
        arrows: &["bedside-tensor"],
        external: &["memmap2", "safetensors", "serde_json", "blake3", "rayon", "regex", "tempfile"],
    },
    Floor {
        name: "bedside-compute",
        arrows: &["bedside-tensor"],
        external: &[
            "wgpu",
            "naga",
            "pollster",
            "burn",
            "burn-wgpu",
            "bytemuck",
            "half",
            "rayon",
            "serde_json",
        ],
    },
    Floor { name: "bedside-imaging", arrows: &["bedside-tensor"], external: &["dicom-*", "image", "blake3"] },
    Floor { name: "firmware-control", arrows: &["bedside-link"], external: &["embedded-hal"] },
    Floor {
        name: "bedside-phantom",
        arrows: &["bedside-imaging", "bedside-tensor"],
        external: &["rand_chacha", "rustfft"],
    },
    Floor {
        name: "bedside-models",
        arrows: &["bedside-tensor", "bedside-weights", "bedside-compute", "bedside-imaging"],
        external: &[
            "tokenizers",
            "llguidance",
            "minijinja",
            "rand_chacha",
            "entities",
            "regex",
            "serde_json",
            "unicode-normalization",
        ],
    },
    Floor {
        name: "bedside-pipeline",
        arrows: &[
            "bedside-tensor",
            "bedside-weights",
            "bedside-compute",
            "bedside-imaging",
            "bedside-models",
            "bedside-evaluation",
        ],
        external: &["serde_json", "toml"],
    },
    Floor {
        name: "bedside-adapt",
        arrows: &[
            "bedside-tensor",
            "bedside-weights",
            "bedside-compute",
            "bedside-imaging",
            "bedside-models",
            "bedside-phantom",
            "bedside-evaluation",
        ],
        external: &["rand_chacha", "rayon", "serde_json"],
    },
    Floor {
        name: "bedside-shell",
        arrows: &["*"],
        external: &[
            "clap",
            "indicatif",
            "axum",
            "anyhow",
            "base64",
            "blake3",
            "comfy-table",
            "ctrlc",
            "directories",
            "env_logger",
            "rayon",
            "serde_json",
            "tempfile",
        ],
    },
    Floor { name: "xtask", arrows: &["bedside-vault", "bedside-weights", "bedside-tests"], external: &["*"] },
    Floor { name: "bedside-tests", arrows: &["*"], external: &["*"] },
];

pub(super) fn check(metadata: &Metadata, root: &Path) -> Vec<Finding> {
    metadata.packages.iter().flat_map(|package| check_package(metadata, package, root)).collect()
}

fn check_package(metadata: &Metadata, package: &Package, root: &Path) -> Vec<Finding> {
    let manifest = package.manifest_path.strip_prefix(root).unwrap_or(&package.manifest_path);
    let path = manifest.to_string_lossy();
    let Some(floor) = FLOORS.iter().find(|floor| floor.name == package.name) else {
        let what =
            format!("{} has no line in xtask/src/tidy/floors.rs; say there what it may use", package.name);
        return vec![Finding::new(&path, 0, what)];
    };
    let mut findings = Vec::new();
    for dependency in package.dependencies.iter().filter(|d| d.kind.as_deref() != Some("dev")) {
        let name = dependency.name.as_str();
        let ours = metadata.packages.iter().any(|member| member.name == name);
        let allowed = if ours { permits(floor.arrows, name) } else { permits(floor.external, name) };
        if allowed || (!ours && EVERYWHERE.contains(&name)) {
            continue;
        }
        let what = if ours {
            let floor = floor.name;
            format!(
                "{floor} may not use {name}: an arrow goes down only; move the code, or change the design first"
            )
        } else {
            format!(
                "{} may not depend on {name}; do without, or add it to xtask/src/tidy/floors.rs",
                floor.name
            )
        };
        findings.push(Finding::new(&path, 0, what));
    }
    findings
}

/// `*` permits all, `dicom-*` all that begin so.
pub(super) fn permits(patterns: &[&str], name: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| pattern.strip_suffix('*').map_or(*pattern == name, |start| name.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace of one package with one dependency, beside an empty bedside-shell.
    fn found(package: &str, dependency: &str, kind: &str) -> usize {
        let json = format!(
            r#"{{"packages": [{{"name": "bedside-shell"}}, {{"name": "{package}",
                "dependencies": [{{"name": "{dependency}", "kind": {kind}}}]}}]}}"#
        );
        check(&serde_json::from_str(&json).unwrap(), Path::new("/")).len()
    }

    #[test]
    fn arrows_that_go_up_and_unnamed_dependencies_are_found() {
        assert_eq!(found("bedside-tensor", "bedside-shell", "null"), 1);
        assert_eq!(found("bedside-tensor", "bedside-shell", "\"build\""), 1);
        assert_eq!(found("bedside-tensor", "rayon", "null"), 1);
        assert_eq!(found("bedside-imaging", "dicomweb", "null"), 1);
        assert_eq!(found("bedside-unheard-of", "serde", "null"), 1);
    }

    #[test]
    fn what_the_table_names_passes() {
        assert_eq!(found("bedside-tensor", "half", "null"), 0);
        assert_eq!(found("bedside-tensor", "thiserror", "null"), 0);
        assert_eq!(found("bedside-tensor", "bedside-shell", "\"dev\""), 0);
        assert_eq!(found("bedside-imaging", "dicom-object", "null"), 0);
        assert_eq!(found("bedside-tests", "bedside-shell", "null"), 0);
    }

    #[test]
    fn the_tables_own_arrows_go_down() {
        for (line, from) in FLOORS.iter().enumerate() {
            for name in from.arrows.iter().filter(|name| **name != "*" && **name != "bedside-tests") {
                assert!(FLOORS[..line].iter().any(|floor| floor.name == *name), "{} to {name}", from.name);
            }
        }
    }
}
