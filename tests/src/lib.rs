//! Where test material lies, and how a test that lacks it says so.
//!
//! Three kinds: *golden* reference data (a part is committed under `tests/golden`, the rest is read from
//! the folder that `$BEDSIDE_GOLDEN` names), *fetched* material (`cargo xtask fetch` brings it), and a
//! *gpu*. A test without its material skips: it returns early after a line in the file that
//! `$BEDSIDE_SKIPS` names, from which `cargo xtask test` makes its closing list and count.
//!
//! ```
//! use bedside_tests::golden;
//!
//! let Some(path) = golden("quant/quant_types.gguf") else { return };
//! assert!(path.is_file());
//! ```

mod archive;

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::Location;
use std::path::{Path, PathBuf};

pub use archive::archive_files;

/// A golden file or folder: from `tests/golden`, else from `$BEDSIDE_GOLDEN`, else `None`, and the calling
/// test is recorded as skipped. `relative`: the same path in both places.
#[track_caller]
pub fn golden(relative: &str) -> Option<PathBuf> {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(relative);
    if committed.exists() {
        return Some(committed);
    }
    let outside = env::var_os("BEDSIDE_GOLDEN").map(|folder| PathBuf::from(folder).join(relative));
    outside.filter(|path| path.exists()).or_else(|| {
        skip("golden", &format!("{relative} is neither in tests/golden nor in $BEDSIDE_GOLDEN"));
        None
    })
}

/// A file that `cargo xtask fetch` brings, or `None`, and the calling test is recorded as skipped.
#[track_caller]
pub fn fetched(name: &str) -> Option<PathBuf> {
    let path = material_folder().map(|folder| folder.join(name)).filter(|path| path.is_file());
    if path.is_none() {
        skip("fetched", &format!("{name} is missing: run `cargo xtask fetch`"));
    }
    path
}

/// Where fetched material is kept: `$BEDSIDE_MATERIAL`, else `bedside/material` in the user's cache
/// folder; `None` where there is neither that variable nor a home.
pub fn material_folder() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("BEDSIDE_MATERIAL") {
        return Some(PathBuf::from(folder));
    }
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.filter(|path| path.is_absolute());
    let cache = cache.or_else(|| env::home_dir().map(|home| home.join(".cache")))?;
    Some(cache.join("bedside").join("material"))
}

/// Record that the calling test is skipped. `kind`: `golden`, `fetched`, `gpu`, or what else was wanted.
#[track_caller]
pub fn skip(kind: &str, reason: &str) {
    let thread = std::thread::current();
    let place = Location::caller();
    let test = thread.name().filter(|name| *name != "main").map_or_else(|| place.to_string(), str::to_owned);
    eprintln!("skipped {test}: {reason}");
    let Some(list) = env::var_os("BEDSIDE_SKIPS") else { return };
    let line = format!("{kind}\t{test}\t{reason}\n");
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&list)
        .and_then(|mut f| f.write_all(line.as_bytes()));
    // A skip that cannot be counted would pass for a test that ran.
    #[expect(clippy::panic, reason = "see above")]
    written.unwrap_or_else(|error| panic!("cannot record a skip in {}: {error}", Path::new(&list).display()));
}
