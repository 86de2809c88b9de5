//! Damaged files are renamed aside with a number, never deleted and never opened again by the vault.

use std::path::{Path, PathBuf};

use crate::VaultError;
use crate::disk::{Disk, folder_of, with_suffix};
use crate::limits::SET_ASIDE_MAX;

/// Renames `path` to `path.damaged-N`; the number, or `None` when there is nothing under that name.
pub(crate) fn set_aside(disk: &dyn Disk, path: &Path) -> Result<Option<u64>, VaultError> {
    let fail = |source| VaultError::disk("set aside", path, source);
    if !disk.exists(path).map_err(fail)? {
        return Ok(None);
    }
    let (aside, number) = next_name(disk, path, "damaged")?;
    disk.rename(path, &aside).map_err(fail)?;
    disk.sync_folder(folder_of(path)).map_err(fail)?;
    Ok(Some(number))
}

/// The next free `path.KIND-N`, and N. When [`SET_ASIDE_MAX`] are there, the oldest goes.
pub(crate) fn next_name(disk: &dyn Disk, path: &Path, kind: &str) -> Result<(PathBuf, u64), VaultError> {
    let mut numbers = numbers_of(disk, path, kind)?;
    let next = numbers.last().map_or(1, |last| last.saturating_add(1));
    while numbers.len() >= SET_ASIDE_MAX {
        let oldest = with_suffix(path, &format!(".{kind}-{}", numbers.remove(0)));
        let removed = disk.remove(&oldest).or_else(|_| disk.remove_folder(&oldest));
        removed.map_err(|source| VaultError::disk("remove", &oldest, source))?;
    }
    Ok((with_suffix(path, &format!(".{kind}-{next}")), next))
}

/// Names beside `path` that were set aside from it, oldest first.
pub(crate) fn names_of(disk: &dyn Disk, path: &Path) -> Result<Vec<String>, VaultError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut names = Vec::new();
    for kind in ["damaged", "tail"] {
        for number in numbers_of(disk, path, kind)? {
            names.push(format!("{name}.{kind}-{number}"));
        }
    }
    Ok(names)
}

fn numbers_of(disk: &dyn Disk, path: &Path, kind: &str) -> Result<Vec<u64>, VaultError> {
    let folder = folder_of(path);
    let names = disk.list(folder).map_err(|source| VaultError::disk("list", folder, source))?;
    let prefix = format!("{}.{kind}-", path.file_name().and_then(|name| name.to_str()).unwrap_or_default());
    let mut numbers: Vec<u64> =
        names.iter().filter_map(|name| name.strip_prefix(&prefix)?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}
