//! Some dependencies have exactly one crate that wraps them. `deny.toml` says the same for cargo-deny; that
//! the two agree is checked here.

use std::collections::BTreeSet;
use std::path::Path;

use super::Finding;
use super::floors::permits;
use crate::metadata::{Foreign, Metadata};

struct Wrapper {
    dependencies: &'static [&'static str],
    /// `None`: nobody may use them.
    by: Option<&'static str>,
    why: &'static str,
}

const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        dependencies: &["wgpu", "wgpu-*", "naga", "burn", "burn-*", "cubecl", "cubecl-*"],
        by: Some("bedside-compute"),
        why: "the GPU and the tensor library lie behind it; adapt trains through compute::train",
    },
    Wrapper {
        dependencies: &["dicom", "dicom-*"],
        by: Some("bedside-imaging"),
        why: "DICOM is read and written in one place",
    },
    Wrapper {
        dependencies: &["chacha20poly1305", "ed25519-dalek", "redb", "aes-gcm", "ring"],
        by: Some("bedside-vault"),
        why: "keys and the store never leave it",
    },
    Wrapper {
        dependencies: &["axum"],
        by: Some("bedside-shell"),
        why: "only the program's own page listens",
    },
    Wrapper {
        dependencies: &["reqwest", "ureq", "hf-hub", "native-tls", "openssl-sys", "isahc", "curl-sys"],
        by: None,
        why: "the device is offline",
    },
];

fn wrapper_of(dependency: &str) -> Option<&'static Wrapper> {
    WRAPPERS.iter().find(|wrapper| permits(wrapper.dependencies, dependency))
}

/// Dev-dependencies too: a test that needs the GPU asks compute for it.
pub(super) fn check(metadata: &Metadata, foreign: &BTreeSet<Foreign>, root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let manifest = package.manifest_path.strip_prefix(root).unwrap_or(&package.manifest_path);
        for dependency in &package.dependencies {
            if let Some(wrapper) = wrapper_of(&dependency.name)
                && wrapper.by != Some(&package.name)
            {
                let by = wrapper.by.unwrap_or("no crate");
                let what =
                    format!("{} belongs to {by}: {}; use it through that", dependency.name, wrapper.why);
                findings.push(Finding::new(&manifest.to_string_lossy(), 0, what));
            }
        }
    }
    // What nobody may use must not come in by way of a dependency either.
    for package in foreign.iter().filter(|p| wrapper_of(&p.name).is_some_and(|w| w.by.is_none())) {
        let what =
            format!("{} is among the dependencies; switch off the feature that brings it", package.name);
        findings.push(Finding::new("Cargo.lock", 0, what));
    }
    findings
}

/// Every ban of `deny.toml` names the wrapper of the table above, and every wrapped name has its ban.
pub(super) fn check_deny(deny: &toml::Table) -> Vec<Finding> {
    let bans = deny.get("bans").and_then(|bans| bans.get("deny")).and_then(toml::Value::as_array);
    let bans: Vec<(&str, Vec<&str>)> = bans.into_iter().flatten().filter_map(ban).collect();
    let mut findings = Vec::new();
    for (name, wrappers) in &bans {
        let Some(wrapper) = wrapper_of(name) else {
            let what = format!("bans {name}, which xtask/src/tidy/wrappers.rs does not know; add it there");
            findings.push(Finding::new("deny.toml", 0, what));
            continue;
        };
        let ours: Vec<&str> = wrappers.iter().copied().filter(|name| name.starts_with("bedside-")).collect();
        if ours != wrapper.by.into_iter().collect::<Vec<_>>() {
            let by = wrapper.by.unwrap_or("no crate");
            let what = format!(
                "{name} is wrapped by {ours:?} here and by {by} in xtask/src/tidy/wrappers.rs; correct one"
            );
            findings.push(Finding::new("deny.toml", 0, what));
        }
    }
    let exact = WRAPPERS.iter().flat_map(|wrapper| wrapper.dependencies).filter(|name| !name.ends_with('*'));
    for name in exact.filter(|name| !bans.iter().any(|(banned, _)| banned == *name)) {
        findings.push(Finding::new("deny.toml", 0, format!("no ban for {name}; add it to [bans] deny")));
    }
    findings
}

fn ban(entry: &toml::Value) -> Option<(&str, Vec<&str>)> {
    let name = entry.get("crate").and_then(toml::Value::as_str)?;
    let wrappers = entry.get("wrappers").and_then(toml::Value::as_array);
    Some((name, wrappers.into_iter().flatten().filter_map(toml::Value::as_str).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(package: &str, dependency: &str) -> usize {
        let json = format!(
            r#"{{"packages": [{{"name": "{package}",
                "dependencies": [{{"name": "{dependency}", "kind": "dev"}}]}}]}}"#
        );
        check(&serde_json::from_str(&json).unwrap(), &BTreeSet::new(), Path::new("/")).len()
    }

    #[test]
    fn a_wrapped_dependency_elsewhere_is_found() {
        let cases = ["wgpu", "naga", "burn-flex", "dicom-object", "redb", "ed25519-dalek", "axum", "reqwest"];
        for dependency in cases {
            assert_eq!(found("bedside-adapt", dependency), 1, "{dependency}");
        }
        assert_eq!(found("bedside-compute", "ureq"), 1);
    }

    #[test]
    fn a_wrapped_dependency_in_its_wrapper_and_others_pass() {
        let cases =
            [("bedside-compute", "burn"), ("bedside-imaging", "dicom-core"), ("bedside-vault", "redb")];
        for (package, dependency) in cases {
            assert_eq!(found(package, dependency), 0, "{dependency}");
        }
        assert_eq!(found("bedside-adapt", "burndown"), 0);
    }

    #[test]
    fn a_network_client_that_a_dependency_brings_is_found() {
        let foreign = |name: &str| {
            let (name, version, licence) = (name.to_owned(), "1.0.0".to_owned(), "MIT".to_owned());
            BTreeSet::from([Foreign { name, version, licence }])
        };
        let count = |name| check(&Metadata::default(), &foreign(name), Path::new("/")).len();
        assert_eq!((count("reqwest"), count("wgpu"), count("serde")), (1, 0, 0));
    }

    #[test]
    fn deny_and_the_table_must_agree() {
        let deny = |wgpu: &str| {
            let exact = WRAPPERS.iter().flat_map(|w| w.dependencies.iter().map(move |d| (*d, w.by)));
            let exact = exact.filter(|(name, _)| !name.ends_with('*') && *name != "wgpu");
            let mut text = format!("[bans]\ndeny = [{wgpu}\n");
            for (name, by) in exact {
                let by = by.map_or(String::new(), |by| format!("\"{by}\""));
                text.push_str(&format!("{{ crate = \"{name}\", wrappers = [{by}] }},\n"));
            }
            check_deny(&format!("{text}]").parse().unwrap()).len()
        };
        assert_eq!(deny("{ crate = \"wgpu\", wrappers = [\"bedside-compute\", \"burn-wgpu\"] },"), 0);
        assert_eq!(deny("{ crate = \"wgpu\", wrappers = [\"bedside-models\"] },"), 1);
        assert_eq!(deny("{ crate = \"wgpu\" },"), 1);
        assert_eq!(deny(""), 1);
        assert_eq!(deny("{ crate = \"wgpu\", wrappers = [\"bedside-compute\"] }, { crate = \"other\" },"), 1);
    }
}
