//! Files and folders from the command line to single scans, in a fixed order, with the zone that a name tells.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bedside_pipeline::codes::Zone;

use crate::exit::{Code, Failure};
use crate::text;

/// Files of one run, at most.
const MOST_FILES: usize = 100_000;
/// Folders within folders, at most.
const DEEPEST: usize = 16;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) zone: Option<Zone>,
}

/// Every file of `paths`; of folders all that lie in them, by name. Files whose names begin with a dot, and
/// links within folders, are passed over. `zone`: of all of them. Errors (code 3): a folder that cannot be read;
/// too many files; none.
pub(crate) fn expand(paths: &[PathBuf], zone: Option<Zone>) -> Result<Vec<Input>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() { walk(path, 0, &mut found)? } else { found.push(path.clone()) }
    }
    if found.is_empty() {
        return Err(refused(anyhow!("there is no file in what was named")));
    }
    let of = |path: PathBuf| Input { zone: zone.or_else(|| zone_of(&path)), path };
    Ok(found.into_iter().map(of).collect())
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let at = || format!("{}: cannot read it", text::name(&folder.display().to_string()));
    if depth > DEEPEST {
        return Err(refused(anyhow!("{}: folders lie too deep in each other", at())));
    }
    let entries: Result<Vec<_>, _> = fs::read_dir(folder).with_context(at).map_err(refused)?.collect();
    let mut entries = entries.with_context(at).map_err(refused)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().with_context(at).map_err(refused)?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), depth + 1, found)?;
        } else if kind.is_file() {
            found.push(entry.path());
        }
        if found.len() > MOST_FILES {
            return Err(refused(anyhow!("more than {MOST_FILES} files")));
        }
    }
    Ok(())
}

/// A file or its folder is called as a zone, whatever follows.
fn zone_of(path: &Path) -> Option<Zone> {
    let named = |name: Option<&std::ffi::OsStr>| {
        let name = name?.to_string_lossy().to_ascii_lowercase();
        Zone::ALL.iter().copied().find(|zone| name.starts_with(zone.as_str()))
    };
    named(path.file_stem()).or_else(|| named(path.parent()?.file_name()))
}

fn refused(error: anyhow::Error) -> Failure {
    Failure::new(Code::Input, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_taken_apart_in_order_and_names_tell_zones() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("left_lower_lateral")).unwrap();
        for name in ["b.png", "a.dcm", ".hidden", "left_lower_lateral/1", "right_upper_anterior-2.dcm"] {
            fs::write(root.join(name), "").unwrap();
        }
        let inputs = expand(&[root.to_owned()], None).unwrap();
        let shown: Vec<(String, Option<&str>)> = inputs
            .iter()
            .map(|input| {
                let name = input.path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                (name, input.zone.map(Zone::as_str))
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("a.dcm".to_owned(), None),
                ("b.png".to_owned(), None),
                ("left_lower_lateral/1".to_owned(), Some("left_lower_lateral")),
                ("right_upper_anterior-2.dcm".to_owned(), Some("right_upper_anterior")),
            ]
        );
        let zone = Zone::of("left_upper_anterior");
        assert!(expand(&[root.to_owned()], zone).unwrap().iter().all(|input| input.zone == zone));
        fs::create_dir(root.join("empty")).unwrap();
        assert_eq!(expand(&[root.join("empty")], None).unwrap_err().code, Code::Input);
        assert_eq!(
            expand(&[root.join("none.dcm")], None).unwrap().len(),
            1,
            "a file that is not there is refused later"
        );
    }
}
