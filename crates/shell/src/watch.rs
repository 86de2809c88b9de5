//! `bedside watch`: scans as they arrive, the newest on a page.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;

use crate::cli::WatchArguments;
use crate::exit::{Code, Failure};
use crate::folder::Folder;
use crate::scan::inputs;
use crate::scan::page::Page;
use crate::scan::{Session, render};
use crate::{interrupt, output, text};

/// Between two looks at the folder.
const LOOK: Duration = Duration::from_millis(250);
/// A file that was not written to for so long is whole.
const STILL: Duration = Duration::from_secs(1);
/// Name of the page.
const LATEST: &str = "latest.html";

/// A file as it was last seen.
struct Seen {
    length: u64,
    modified: Option<SystemTime>,
    since: Instant,
    done: bool,
}

pub(crate) fn run(arguments: &WatchArguments, store: Option<&Path>) -> Result<Code, Failure> {
    fs::read_dir(&arguments.folder)
        .with_context(|| format!("{}: cannot watch it", text::name(&arguments.folder.display().to_string())))
        .map_err(|error| Failure::new(Code::Input, error))?;
    let mut session = Session::open(&arguments.exam, arguments.keep, true, store)?;
    // Warm before the first scan comes.
    session.engine.load()?;
    let out = Folder::create(&arguments.out, true)?;
    let mut seen = HashMap::new();
    let (mut scans, mut failed) = (0, false);
    let _working = interrupt::Cancellable::begin();
    output::warn("bedside: watching; Ctrl-C ends it");
    while !interrupt::asked() && arguments.scans.is_none_or(|most| scans < most) {
        for path in whole(&arguments.folder, &mut seen) {
            scans += 1;
            if let Err(failure) = one(&mut session, &out, &path, arguments) {
                failed = true;
                output::warn(&format!(
                    "bedside: {}: {:#}",
                    text::name(&path.display().to_string()),
                    failure.error
                ));
            }
            if interrupt::asked() {
                break;
            }
        }
        thread::sleep(LOOK);
    }
    session.keeper.close()?;
    Ok(if failed { Code::SomeFailed } else { Code::Done })
}

fn one(session: &mut Session, out: &Folder, path: &Path, arguments: &WatchArguments) -> Result<(), Failure> {
    let input = inputs::expand(&[path.to_owned()], None)?.remove(0);
    let scanned = session.scan(&input)?;
    let pictures = render::pictures(&scanned.judged)?;
    let pictures: Vec<Vec<u8>> = pictures.iter().map(render::png).collect::<Result<_, _>>()?;
    let page = Page { scanned: &scanned, pictures: &pictures, language: arguments.language, live: true };
    out.write_private(LATEST, page.html().as_bytes())?;
    let said = bedside_pipeline::report_text(&scanned.judged.report, arguments.language);
    output::print(&format!("{}\n", said.headline))
}

/// Files that are whole and were not looked at, in the order of their names.
fn whole(folder: &Path, seen: &mut HashMap<PathBuf, Seen>) -> Vec<PathBuf> {
    let found = inputs::expand(&[folder.to_owned()], None).unwrap_or_default();
    seen.retain(|path, _| found.iter().any(|input| input.path == *path));
    let mut ready = Vec::new();
    for path in found.into_iter().map(|input| input.path) {
        let Ok(metadata) = fs::metadata(&path) else { continue };
        let (length, modified) = (metadata.len(), metadata.modified().ok());
        let now = Seen { length, modified, since: Instant::now(), done: false };
        let known = seen.entry(path.clone()).or_insert(now);
        if (known.length, known.modified) != (length, modified) {
            *known = Seen { length, modified, since: Instant::now(), done: false };
        }
        if !known.done && known.since.elapsed() >= STILL {
            known.done = true;
            ready.push(path);
        }
    }
    ready
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_once_and_only_when_it_lies_still() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.dcm");
        fs::write(&path, "half").unwrap();
        let mut seen = HashMap::new();
        assert!(whole(folder.path(), &mut seen).is_empty(), "it may still grow");
        // As if a second had gone by.
        let back = |seen: &mut HashMap<PathBuf, Seen>| {
            let known = seen.get_mut(&path).unwrap();
            known.since = known.since.checked_sub(STILL).unwrap();
        };
        fs::write(&path, "half and more").unwrap();
        back(&mut seen);
        assert!(whole(folder.path(), &mut seen).is_empty(), "it grew");
        back(&mut seen);
        assert_eq!(whole(folder.path(), &mut seen), std::slice::from_ref(&path));
        assert!(whole(folder.path(), &mut seen).is_empty(), "once");
    }
}
