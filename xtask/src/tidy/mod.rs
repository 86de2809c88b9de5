//! `cargo xtask tidy`: the part of the house style that a program can check, one check per file.
//!
//! A check is a function over data (source text, parsed metadata), so that its tests can show that it
//! fails on a bad example.

mod documents;
mod file_names;
mod files;
mod floors;
mod function_length;
mod lengths;
mod licences;
mod module_docs;
mod places;
mod provenance;
mod rust;
mod unfinished;
mod unsafe_modules;
mod unwrap;
mod wrappers;

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::metadata::{self, Metadata};
use crate::workspace;
use files::TextFile;
use rust::RustFile;

/// Check the house style: floors, lengths, names, licences, goldens.
///
/// Prints one line per finding: the place, what is wrong, and what to do about it.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

/// One thing that is wrong. `line` 0 means the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Finding { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line.max(1), self.what)
    }
}

pub(crate) fn run(_: &Arguments) -> Result<ExitCode> {
    Ok(if check(&workspace::root()?)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Run every check and print what it finds; `true` when nothing was found.
pub(crate) fn check(root: &Path) -> Result<bool> {
    let paths = files::list(root)?;
    let texts = files::read(root, &paths)?;
    let mut findings = over_texts(root, &paths, &texts)?;
    findings.extend(over_metadata(root)?);
    findings.extend(provenance::check_folder(root, "tests/golden")?);
    findings.sort();
    findings.dedup();
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} findings in {} files", findings.len(), paths.len());
    Ok(findings.is_empty())
}

fn over_texts(root: &Path, paths: &[String], texts: &[TextFile]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut parsed = Vec::new();
    for text in texts.iter().filter(|text| text.path.ends_with(".rs")) {
        match RustFile::parse(text) {
            Ok(file) => parsed.push(file),
            Err(finding) => findings.push(finding),
        }
    }
    rust::mark_test_files(&mut parsed);
    let architecture = texts.iter().find(|text| text.path == "ARCHITECTURE.md");
    let listed = unsafe_modules::listed(architecture.map_or("", |text| &text.text));
    findings.extend(unsafe_modules::check(&parsed, &listed));
    findings.extend(unwrap::check(&parsed));
    findings.extend(unfinished::check(&parsed));
    findings.extend(function_length::check(&parsed));
    findings.extend(module_docs::check(texts));
    findings.extend(lengths::check(texts));
    findings.extend(file_names::check(paths));
    findings.extend(documents::check(paths));
    findings.extend(places::check(texts, &places::needles(root)));
    Ok(findings)
}

fn over_metadata(root: &Path) -> Result<Vec<Finding>> {
    let metadata = Metadata::read(root)?;
    let foreign = metadata::foreign(root)?;
    let deny = fs::read_to_string(root.join("deny.toml")).context("cannot read deny.toml")?;
    let deny: toml::Table = deny.parse().context("deny.toml is not TOML")?;
    let mut findings = floors::check(&metadata, root);
    findings.extend(wrappers::check(&metadata, &foreign, root));
    findings.extend(wrappers::check_deny(&deny));
    findings.extend(licences::check(&foreign, &deny));
    Ok(findings)
}
