//! What cargo knows of the workspace, as far as the verbs read it: `cargo metadata` for its own packages,
//! `cargo tree` for what is built with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::workspace;

/// The platforms that the product is built for.
const PLATFORMS: &[&str] = &["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// The workspace's own packages with what they declare.
#[derive(Deserialize, Default)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    #[serde(default)]
    pub(crate) target_directory: PathBuf,
}

#[derive(Deserialize, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) dependencies: Vec<Dependency>,
    #[serde(default)]
    pub(crate) features: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) manifest_path: PathBuf,
}

#[derive(Deserialize, Default)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    #[serde(default)]
    pub(crate) kind: Option<String>,
}

/// A package from elsewhere that is built, on one of the platforms and with some feature.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Foreign {
    pub(crate) name: String,
    pub(crate) version: String,
    /// As its manifest spells it; empty where it states none.
    pub(crate) licence: String,
}

impl Metadata {
    /// Quick, and needs nothing downloaded.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let words = ["metadata", "--no-deps", "--format-version", "1", "--locked"];
        let answer = ask(workspace::cargo().args(words).current_dir(root))?;
        serde_json::from_str(&answer).context("cargo metadata's answer has another shape than expected")
    }
}

/// What the whole workspace is built from, with all features, tests and build scripts included. The full
/// `cargo metadata` would also name what only stands in Cargo.lock for a feature that nobody switches on.
pub(crate) fn foreign(root: &Path) -> Result<BTreeSet<Foreign>> {
    let mut tree = workspace::cargo();
    tree.args(["tree", "--workspace", "--all-features", "--locked", "--edges", "normal,build,dev"]);
    tree.args(["--prefix", "none", "--charset", "ascii", "--color", "never", "--format", "{p}\t{l}"]);
    tree.args(PLATFORMS.iter().flat_map(|platform| ["--target", platform])).current_dir(root);
    Ok(ask(&mut tree)?.lines().filter_map(foreign_in).collect())
}

/// `NAME vVERSION`, a tab and the licence; `None` for packages of the workspace, which have a path.
fn foreign_in(line: &str) -> Option<Foreign> {
    let (package, licence) = line.split_once('\t')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    // `(*)` only says that the package was printed before.
    let licence = licence.trim_end_matches("(*)").trim();
    let foreign =
        || Foreign { name: name.to_owned(), version: version.to_owned(), licence: licence.to_owned() };
    (!package.contains(" (/")).then(foreign)
}

fn ask(command: &mut Command) -> Result<String> {
    let spelled = workspace::spelled(command);
    let output = command.output().with_context(|| format!("cannot run {spelled}"))?;
    ensure!(output.status.success(), "{spelled}: {}", String::from_utf8_lossy(&output.stderr).trim());
    String::from_utf8(output.stdout).with_context(|| format!("{spelled} does not answer in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_packages_are_read_from_the_tree() {
        let foreign = |name: &str, version: &str, licence: &str| {
            Some(Foreign { name: name.to_owned(), version: version.to_owned(), licence: licence.to_owned() })
        };
        assert_eq!(
            foreign_in("serde v1.0.2\tMIT OR Apache-2.0"),
            foreign("serde", "1.0.2", "MIT OR Apache-2.0")
        );
        assert_eq!(
            foreign_in("a_derive v1.0.0-rc.1 (proc-macro)\tMIT (*)"),
            foreign("a_derive", "1.0.0-rc.1", "MIT")
        );
        assert_eq!(foreign_in("bare v1.0.0\t"), foreign("bare", "1.0.0", ""));
        assert_eq!(foreign_in("bedside-tensor v0.1.0 (/somewhere/crates/tensor)\tMIT"), None);
        assert_eq!(foreign_in(""), None);
    }
}
