//! Every byte of the vault may be changed by someone: the answer is an error or a miss, never another value, never a
//! panic.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::cache_key::tests::report_key;
use crate::disk::fake::FakeDisk;
use crate::power_cut::{clock, open, put, source};
use crate::*;

/// A vault with two reports (one exported), an embedding and a revocation, closed in order or not.
fn filled(closed: bool) -> FakeDisk {
    let disk = FakeDisk::default();
    let mut vault = open(&disk).unwrap();
    let saved = put(&mut vault, "ann", "B-lines").unwrap();
    vault.mark_exported(&saved.id, clock(1_001)).unwrap();
    put(&mut vault, "bob", "A-lines").unwrap();
    vault.put_embedding(&embedding_key(), &[7; 100], clock(1_002)).unwrap();
    let other = Dependency { kind: DependencyKind::Model, digest: Digest::of(b"a bad model") };
    vault.revoke(other, clock(1_003)).unwrap();
    if closed {
        vault.close(clock(1_004)).unwrap();
        disk
    } else {
        let cut = disk.copy();
        drop(vault);
        cut
    }
}

fn embedding_key() -> EmbeddingKey {
    report_key("ann", b"ann").embedding
}

/// Looks at everything. Panics when a value is another than the one that was stored.
fn look(disk: &FakeDisk) -> Result<usize, VaultError> {
    let mut vault = open(disk)?;
    let mut hits = 0;
    for (patient, text) in [("ann", "B-lines"), ("bob", "A-lines")] {
        if let Lookup::Hit(report) = vault.report_by_source(&source(patient), clock(2_000))? {
            assert_eq!(report.bytes, text.as_bytes());
            assert_eq!(report.computed_at, Stamp { unix_ms: 1_000, verified: true });
            assert_eq!(report.exported, patient == "ann");
            hits += 1;
            if let Lookup::Hit(overlay) = vault.attachment(&report.id, "overlay.png", clock(2_000))? {
                assert!(overlay.iter().eq(text.as_bytes().iter().cycle().take(overlay.len())));
                hits += 1;
            }
        }
    }
    if let Lookup::Hit(embedding) = vault.embedding(&embedding_key(), clock(2_000))? {
        assert_eq!(embedding, [7; 100]);
        hits += 1;
    }
    // Whatever was changed, what is put now is found.
    put(&mut vault, "cleo", "Consolidation")?;
    let found = vault.report_by_source(&source("cleo"), clock(2_000))?;
    assert_eq!(found.hit().expect("what was just put is there").bytes, b"Consolidation");
    vault.verify(clock(2_000))?;
    vault.audit_verify(clock(2_000))?;
    vault.list(10, clock(2_000))?;
    vault.close(clock(2_000))?;
    Ok(hits)
}

fn changed(disk: &FakeDisk, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> FakeDisk {
    let copy = disk.copy();
    let mut bytes = copy.files()[path].clone();
    change(&mut bytes);
    copy.overwrite(path, &bytes);
    copy
}

fn paths(disk: &FakeDisk) -> Vec<PathBuf> {
    disk.files().into_keys().collect()
}

#[test]
fn untouched_everything_is_found() {
    for closed in [true, false] {
        assert_eq!(look(&filled(closed)).unwrap(), 5);
    }
}

/// Where redb's format has nothing of ours in it, a change goes unseen and does no harm; everywhere else it is seen.
#[test]
fn every_byte_of_the_small_files_and_every_page_of_the_database() {
    let disk = filled(true);
    let mut changes = 0;
    for path in paths(&disk) {
        let len = disk.files()[&path].len();
        let is_database = path.ends_with("results.redb");
        let stride = if is_database { 509 } else { 1 + len / 150 };
        for at in (0..len).step_by(stride) {
            let other = changed(&disk, &path, |bytes| bytes[at] ^= 1 << (at % 8));
            let result = look(&other);
            if path.ends_with("key") {
                assert!(result.is_err(), "key byte {at}");
            }
            changes += 1;
        }
    }
    println!("{changes} changed bytes");
    assert!(changes > 500, "{changes}");
}

#[test]
fn files_cut_emptied_or_gone() {
    for closed in [true, false] {
        let disk = filled(closed);
        for path in paths(&disk) {
            let len = disk.files()[&path].len();
            for keep in [0, 1, len / 3, len / 2, len.saturating_sub(1)] {
                let _ = look(&changed(&disk, &path, |bytes| bytes.truncate(keep)));
            }
            let _ = look(&changed(&disk, &path, |bytes| bytes.extend_from_slice(&[0xa5; 5000])));
            let _ = look(&changed(&disk, &path, |bytes| bytes.fill(0)));
            let gone = disk.copy();
            disk::Disk::remove(&gone, &path).unwrap();
            let result = look(&gone);
            assert_eq!(result.is_err(), path.ends_with("key"), "{}", path.display());
        }
    }
}

/// A sealed value moved to another key, table or store does not open there.
#[test]
fn a_blob_exchanged_for_another_is_a_miss() {
    let disk = filled(true);
    let blobs: Vec<PathBuf> =
        paths(&disk).into_iter().filter(|path| path.components().any(|c| c.as_os_str() == "blobs")).collect();
    assert_eq!(blobs.len(), 2);
    let files = disk.files();
    let swapped = disk.copy();
    swapped.overwrite(&blobs[0], &files[&blobs[1]]);
    swapped.overwrite(&blobs[1], &files[&blobs[0]]);
    let mut vault = open(&swapped).unwrap();
    for patient in ["ann", "bob"] {
        let report = vault.report_by_source(&source(patient), clock(2_000)).unwrap().hit().unwrap();
        let overlay = vault.attachment(&report.id, "overlay.png", clock(2_000)).unwrap();
        assert!(matches!(overlay, Lookup::Miss(Miss::Damaged { .. })), "{overlay:?}");
        let again = vault.report_by_source(&source(patient), clock(2_000)).unwrap();
        assert!(again.hit().is_none(), "the damaged entry is out of the store");
    }
    let aside =
        swapped.files().into_keys().filter(|p| p.to_string_lossy().contains("entry.damaged-")).count();
    assert!(aside >= 4, "rows and files of both are kept aside: {aside}");
    assert!(vault.verify(clock(2_000)).unwrap().ok);
    assert!(vault.audit_verify(clock(2_000)).unwrap().ok, "it is all in the log");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Several bytes anywhere, with and without a fitting seal.
    #[test]
    fn any_bytes_changed(
        closed: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        thread_local! {
            static FILLED: [FakeDisk; 2] = [filled(false), filled(true)];
        }
        let disk = FILLED.with(|filled| filled[usize::from(closed)].copy());
        for (file, at, byte) in changes {
            let paths = paths(&disk);
            let path = &paths[file.index(paths.len())];
            let mut bytes = disk.files()[path].clone();
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            disk.overwrite(path, &bytes);
        }
        let _ = look(&disk);
    }
}
