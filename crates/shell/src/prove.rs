//! `bedside prove`: a report's exam once more, and every byte compared.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bedside_imaging::Scan;
use bedside_pipeline::Report;
use bedside_vault::{Lookup, Vault};
use serde::Serialize;

use crate::cli::ProveArguments;
use crate::exit::{Code, Failure};
use crate::scan::engine::Engine;
use crate::scan::keep::{self, SOURCE};
use crate::{cache, clock, output, text};

/// A report's bytes, at most.
const MOST_REPORT_BYTES: u64 = 16 << 20;

/// The JSON document `bedside.prove/1`.
#[derive(Serialize)]
struct Document<'a> {
    same: bool,
    bytes: usize,
    model: &'a str,
    /// The first line that differs: line, as kept, as computed now.
    difference: Option<(usize, &'a str, &'a str)>,
}

pub(crate) fn run(arguments: &ProveArguments, store: Option<&Path>) -> Result<Code, Failure> {
    let path = PathBuf::from(&arguments.report);
    let mut vault = None;
    let kept = if path.is_file() {
        read(&path)?
    } else {
        let opened = vault.insert(keep::open(store)?);
        String::from_utf8_lossy(&cache::find(opened, &arguments.report)?.bytes).into_owned()
    };
    let report = Report::from_json(&kept).map_err(|error| Failure::new(Code::Input, error))?;
    let scan = match &arguments.scan {
        Some(path) => Scan::open(path).map_err(|error| Failure::from(error).at(&shown(path)))?,
        None => {
            let mut vault = match vault.take() {
                Some(vault) => vault,
                None => keep::open(store)?,
            };
            let scan = stored(&mut vault, &kept)?;
            vault.close(clock::read()).map_err(|error| Failure::new(Code::Store, error))?;
            scan
        }
    };
    let mut engine = Engine::open(&arguments.exam, store)?;
    if engine.model != report.model {
        let (expected, got) = (&report.model, &engine.model);
        return Err(Failure::new(
            Code::Model,
            anyhow!("the report was made with model {expected}; this is {got}"),
        ));
    }
    let now = engine.report(&scan, report.scan.zone)?.report.to_json();
    let difference = difference(&kept, &now);
    if arguments.json {
        let document =
            Document { same: difference.is_none(), bytes: kept.len(), model: &report.model, difference };
        output::document("prove", &document)?;
    } else {
        output::print(&match difference {
            None => format!("the same {} bytes, computed again on {}\n", kept.len(), engine.executor.line()),
            Some((line, kept, now)) => {
                let (kept, now) = (text::name(kept.trim()), text::name(now.trim()));
                format!("they differ, first in line {line}:\n  kept  {kept}\n  now   {now}\n")
            }
        })?;
    }
    Ok(if difference.is_none() { Code::Done } else { Code::SomeFailed })
}

/// The scan that the store kept beside a report of these bytes.
/// Errors: no such report (code 2), or one whose scan was too large to be kept (code 3).
fn stored(vault: &mut Vault, document: &str) -> Result<Scan, Failure> {
    let of_vault = |error| Failure::new(Code::Store, error);
    let list = vault.list(usize::MAX, clock::read()).map_err(of_vault)?;
    for entry in list.entries.iter().filter(|entry| entry.level == "report" && !entry.damaged) {
        let Lookup::Hit(found) = vault.show(&entry.id, clock::read()).map_err(of_vault)? else { continue };
        if found.bytes != document.as_bytes() {
            continue;
        }
        if let Lookup::Hit(bytes) = vault.attachment(&entry.id, SOURCE, clock::read()).map_err(of_vault)? {
            return Ok(Scan::from_bytes(bytes)?);
        }
    }
    Err(Failure::new(Code::Input, anyhow!("the store has no scan of this report: name it with --scan")))
}

fn read(path: &Path) -> Result<String, Failure> {
    let refused = |error: anyhow::Error| Failure::new(Code::Input, error).at(&shown(path));
    let file = fs::File::open(path).context("cannot read it").map_err(refused)?;
    let mut text = String::new();
    file.take(MOST_REPORT_BYTES).read_to_string(&mut text).context("cannot read it").map_err(refused)?;
    Ok(text)
}

/// The first line in which two documents differ: its number from 1, and both.
fn difference<'a>(kept: &'a str, now: &'a str) -> Option<(usize, &'a str, &'a str)> {
    if kept == now {
        return None;
    }
    let (mut kept, mut now) = (kept.split('\n'), now.split('\n'));
    for number in 1.. {
        let (a, b) = (kept.next(), now.next());
        if a != b {
            return Some((number, a.unwrap_or_default(), b.unwrap_or_default()));
        }
    }
    None
}

fn shown(path: &Path) -> String {
    text::name(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\n", "a\nc\n"), Some((2, "b", "c")));
        assert_eq!(difference("a\n", "a\n\n"), Some((3, "", "")));
        assert_eq!(difference("a", ""), Some((1, "a", "")));
    }
}
