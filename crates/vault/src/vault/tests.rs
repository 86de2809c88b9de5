//! The vault as the shell uses it: hits, misses, warnings, limits, revocation, one writer.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::cache_key::tests::report_key;
use crate::disk::fake::FakeDisk;
use crate::limits::{ENTRY_OVERHEAD_BYTES, INLINE_MAX_BYTES};
use crate::power_cut::{clock, source};
use crate::*;

fn folder() -> &'static Path {
    Path::new("/store/vault")
}

fn open_with(disk: &FakeDisk, max_bytes: u64, reading: ClockReading) -> Result<Vault, VaultError> {
    let options = Options { max_bytes, lock_wait_ms: 0 };
    Vault::open_on(Arc::new(disk.clone()), folder(), Unlock::KeyFile, options, reading)
}

fn open(disk: &FakeDisk) -> Vault {
    open_with(disk, 1 << 20, clock(1_000)).unwrap()
}

fn save(vault: &mut Vault, key: &ReportKey, bytes: &[u8]) -> Result<Saved, VaultError> {
    let name = key.patient.as_ref().map_or("nobody", |patient| &patient.id).to_owned();
    let report = NewReport {
        key,
        source: Some(&source(&name)),
        bytes,
        attachments: &[Attachment { name: "overlay.png", bytes: &[5; 3 * INLINE_MAX_BYTES] }],
        device_verdict: Some(Digest::of(b"verdict")),
        keep_without_patient: false,
    };
    vault.put_report(&report, clock(1_000))
}

#[test]
fn a_report_is_found_by_its_file_by_its_key_and_by_its_id() {
    let disk = FakeDisk::default();
    let mut vault = open(&disk);
    assert!(vault.opening().key_made);
    let key = report_key("ann", b"frame");
    assert_eq!(vault.report(&key, None, clock(1_001)).unwrap(), Lookup::Miss(Miss::Absent));
    let saved = save(&mut vault, &key, b"{\"findings\":[]}").unwrap();
    assert_eq!((saved.place, saved.warnings.len()), (Place::Store, 0));
    vault.close(clock(1_002)).unwrap();

    let mut vault = open_with(&disk, 1 << 20, clock(61_000)).unwrap();
    assert!(!vault.opening().key_made);
    let at = clock(61_000);
    let second = SourceKey { file: Digest::of(b"the same scan, exported anew"), ..source("ann") };
    assert_eq!(vault.report_by_source(&second, at).unwrap(), Lookup::Miss(Miss::Absent));
    for found in [
        vault.report_by_source(&source("ann"), at).unwrap(),
        vault.report(&key, Some(&second), at).unwrap(),
        vault.report_by_source(&second, at).unwrap(),
        vault.show(&saved.id, at).unwrap(),
    ] {
        let report = found.hit().unwrap();
        assert_eq!(report.bytes, b"{\"findings\":[]}");
        assert_eq!((report.id, report.age_ms, report.exported), (saved.id, Some(60_000), false));
        assert_eq!(report.attachments, ["overlay.png"]);
    }
    let exported = vault.export(&saved.id, at).unwrap().hit().unwrap();
    assert_eq!(exported.attachments, [("overlay.png".to_owned(), vec![5; 3 * INLINE_MAX_BYTES])]);
    assert_eq!(vault.attachment(&saved.id, "x", at).unwrap(), Lookup::Miss(Miss::Absent));
    vault.mark_exported(&saved.id, at).unwrap();
    assert!(vault.show(&saved.id, at).unwrap().hit().unwrap().exported);
    assert!(matches!(vault.mark_exported(&Digest::of(b"x"), at), Err(VaultError::NotFound { .. })));
}

#[test]
fn a_second_look_does_not_write_to_the_database() {
    let disk = FakeDisk::default();
    let mut vault = open(&disk);
    save(&mut vault, &report_key("ann", b"frame"), b"x").unwrap();
    vault.close(clock(1_001)).unwrap();
    let database = folder().join(store::DATABASE_NAME);
    let (before, operations) = (disk.files()[&database].clone(), disk.operations());
    let mut vault = open(&disk);
    assert!(vault.report_by_source(&source("ann"), clock(1_002)).unwrap().hit().is_some());
    assert_eq!(disk.operations() - operations, 2, "one record appended and synced");
    vault.close(clock(1_003)).unwrap();
    assert_eq!(disk.operations() - operations, 9, "its checkpoint, and the head written whole");
    assert_eq!(disk.files()[&database], before);
}

#[test]
fn neither_the_store_nor_the_log_names_anybody() {
    let disk = FakeDisk::default();
    let mut vault = open(&disk);
    let mut key = report_key("SECRET-PATIENT", b"frame");
    key.study_instance_uid = Some("1.9.SECRET-STUDY".into());
    save(&mut vault, &key, b"SECRET-TEXT").unwrap();
    vault.record_scan_opened(&Digest::of(b"file"), clock(1_000)).unwrap();
    vault.close(clock(1_000)).unwrap();
    let file = Digest::of(b"file").to_string();
    for (path, bytes) in disk.files() {
        for secret in ["SECRET", &file] {
            let hit = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!hit, "{} holds {secret}", path.display());
        }
    }
}

#[test]
fn identical_pixels_under_two_patients_are_two_reports_and_a_warning() {
    let mut vault = open(&FakeDisk::default());
    let (ann, bob) = (report_key("ann", b"frame"), report_key("bob", b"frame"));
    assert!(save(&mut vault, &ann, b"ann's").unwrap().warnings.is_empty());
    assert!(save(&mut vault, &ann, b"ann's").unwrap().warnings.is_empty(), "the same patient again");
    let saved = save(&mut vault, &bob, b"bob's").unwrap();
    let warning = [Warning::SamePixelsOtherPatient { others: 1 }];
    assert_eq!(saved.warnings, warning);
    for (key, text) in [(&ann, b"ann's"), (&bob, b"bob's")] {
        let report = vault.report(key, None, clock(1_001)).unwrap().hit().unwrap();
        assert_eq!((report.bytes.as_slice(), report.warnings.as_slice()), (&text[..], &warning[..]));
    }
    assert!(save(&mut vault, &report_key("cleo", b"other"), b"x").unwrap().warnings.is_empty());
    vault.mark_exported(&saved.id, clock(1_001)).unwrap();
    vault.prune(Prune::ToBytes(0), clock(1_001)).unwrap();
    let report = vault.report(&ann, None, clock(1_001)).unwrap().hit().unwrap();
    assert!(report.warnings.is_empty(), "bob's is gone");
}

#[test]
fn a_report_without_a_patient_lives_for_the_session_unless_asked() {
    let disk = FakeDisk::default();
    let mut vault = open(&disk);
    let key = ReportKey { patient: None, ..report_key("", b"frame") };
    let saved = save(&mut vault, &key, b"nobody's").unwrap();
    assert_eq!(saved.place, Place::Session);
    for found in [
        vault.report_by_source(&source("nobody"), clock(1_001)).unwrap(),
        vault.report(&key, None, clock(1_001)).unwrap(),
    ] {
        let report = found.hit().unwrap();
        assert_eq!((report.place, report.bytes.as_slice()), (Place::Session, &b"nobody's"[..]));
    }
    let overlay = vault.attachment(&saved.id, "overlay.png", clock(1_001)).unwrap();
    assert_eq!(overlay.hit().unwrap().len(), 3 * INLINE_MAX_BYTES);
    assert_eq!(vault.list(9, clock(1_001)).unwrap().session_reports, 1);
    vault.close(clock(1_001)).unwrap();
    let mut vault = open(&disk);
    assert_eq!(vault.report(&key, None, clock(1_001)).unwrap(), Lookup::Miss(Miss::Absent));

    let source = source("nobody");
    let report = NewReport {
        key: &key,
        source: Some(&source),
        bytes: b"kept",
        attachments: &[],
        device_verdict: None,
        keep_without_patient: true,
    };
    assert_eq!(vault.put_report(&report, clock(1_001)).unwrap().place, Place::Store);
    vault.close(clock(1_001)).unwrap();
    assert!(open(&disk).report_by_source(&source, clock(1_001)).unwrap().hit().is_some());
}

#[test]
fn embeddings_come_back_as_they_were_put() {
    let disk = FakeDisk::default();
    let key = report_key("", b"frame").embedding;
    let sizes = [0, 1, INLINE_MAX_BYTES - 1, INLINE_MAX_BYTES, INLINE_MAX_BYTES + 1, 70_001];
    for len in sizes {
        let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let mut vault = open(&disk);
        vault.put_embedding(&key, &bytes, clock(1_000)).unwrap();
        assert_eq!(vault.embedding(&key, clock(1_000)).unwrap(), Lookup::Hit(bytes));
        let other = EmbeddingKey { executor: Digest::of(b"other"), ..key };
        assert_eq!(vault.embedding(&other, clock(1_000)).unwrap(), Lookup::Miss(Miss::Absent));
    }
    let blobs = disk.files().keys().filter(|path| path.to_string_lossy().contains("blobs")).count();
    assert_eq!(blobs, 1, "files of replaced values are gone");
}

#[test]
fn what_is_revoked_never_hits_again_even_when_the_database_is_lost() {
    for (kind, digest) in [
        (DependencyKind::Model, Digest::of(b"model")),
        (DependencyKind::Protocol, Digest::of(b"protocol")),
        (DependencyKind::Protocol, Digest::of(b"calibration")),
        (DependencyKind::DeviceVerdict, Digest::of(b"executor")),
        (DependencyKind::DeviceVerdict, Digest::of(b"verdict")),
    ] {
        let disk = FakeDisk::default();
        let mut vault = open(&disk);
        let (ann, nobody) = (report_key("ann", b"f"), ReportKey { patient: None, ..report_key("", b"g") });
        save(&mut vault, &ann, b"x").unwrap();
        save(&mut vault, &nobody, b"y").unwrap();
        vault.revoke(Dependency { kind, digest }, clock(1_001)).unwrap();
        let miss = Miss::Revoked { digest };
        for key in [&ann, &nobody] {
            assert_eq!(vault.report(key, None, clock(1_002)).unwrap(), Lookup::Miss(miss));
        }
        assert_eq!(vault.report_by_source(&source("ann"), clock(1_002)).unwrap(), Lookup::Miss(miss));
        let warnings = save(&mut vault, &ann, b"again").unwrap().warnings;
        assert_eq!(warnings, [Warning::Revoked { digest }]);
        let list = vault.list(9, clock(1_002)).unwrap();
        assert_eq!(list.entries[0].revoked, Some(digest));
        assert_eq!(list.revoked[0].dependency, Some(Dependency { kind, digest }));
        assert_eq!(vault.prune(Prune::Revoked, clock(1_002)).unwrap().removed, 0, "not exported: stays");
        vault.mark_exported(&list.entries[0].id, clock(1_002)).unwrap();
        assert_eq!(vault.prune(Prune::Revoked, clock(1_002)).unwrap().removed, 1);
        vault.close(clock(1_003)).unwrap();

        disk.overwrite(&folder().join(store::DATABASE_NAME), b"not a database any more");
        let mut vault = open(&disk);
        assert_eq!(vault.opening().stores_set_aside, 1);
        save(&mut vault, &ann, b"x").unwrap();
        assert_eq!(vault.report(&ann, None, clock(1_004)).unwrap(), Lookup::Miss(miss));
        assert_eq!(vault.list(9, clock(1_004)).unwrap().set_aside, ["results.redb.damaged-1"]);
        assert!(vault.audit_verify(clock(1_005)).unwrap().ok);
    }
}

/// Bytes that one of these reports takes.
fn cost(vault: &mut Vault) -> u64 {
    let list = vault.list(1, clock(1_000)).unwrap();
    list.entries[0].bytes
}

#[test]
fn the_least_recently_used_goes_first_and_what_is_not_exported_never() {
    let disk = FakeDisk::default();
    let mut vault = open(&disk);
    let name = |i: usize| format!("patient {i}");
    let key = |i: usize| report_key(&name(i), name(i).as_bytes());
    let first = save(&mut vault, &key(0), b"report").unwrap();
    let each = cost(&mut vault);
    assert!(each > 3 * INLINE_MAX_BYTES as u64 + ENTRY_OVERHEAD_BYTES);
    vault.close(clock(1_000)).unwrap();

    // Room for five. Report 0 stays pinned; 1 to 3 are exported; 1 is looked at after many puts.
    let mut vault = open_with(&disk, 5 * each + each / 2, clock(1_000)).unwrap();
    for i in 1..=3 {
        let saved = save(&mut vault, &key(i), b"report").unwrap();
        vault.mark_exported(&saved.id, clock(1_000)).unwrap();
    }
    let embedding = key(9).embedding;
    for i in 0..70_u64 {
        vault.put_embedding(&embedding, &i.to_le_bytes(), clock(1_000)).unwrap();
    }
    assert!(vault.report(&key(1), None, clock(1_000)).unwrap().hit().is_some());
    let present =
        |vault: &mut Vault| (0..=5).filter(|i| vault.fetch_quietly(&key(*i))).collect::<Vec<usize>>();
    let saved = save(&mut vault, &key(4), b"report").unwrap();
    assert_eq!(present(&mut vault), [0, 1, 2, 3, 4]);
    assert!(saved.warnings.is_empty());
    save(&mut vault, &key(5), b"report").unwrap();
    assert_eq!(present(&mut vault), [0, 1, 3, 4, 5], "2 was used least recently");
    vault.prune(Prune::ToBytes(0), clock(1_000)).unwrap();
    assert_eq!(present(&mut vault), [0, 4, 5]);

    // Full of reports nobody exported: the next is refused, nothing goes.
    save(&mut vault, &key(1), b"report").unwrap();
    let fifth = save(&mut vault, &key(2), b"report").unwrap();
    assert!(matches!(fifth.warnings[..], [Warning::NotExportedNearLimit { .. }]), "{:?}", fifth.warnings);
    let full = save(&mut vault, &key(3), b"report").unwrap_err();
    assert!(matches!(full, VaultError::Full { .. }));
    assert_eq!(full.not_saved(), NotSaved::StoreFull);
    assert_eq!(present(&mut vault), [0, 1, 2, 4, 5]);
    assert!(save(&mut vault, &key(2), b"report").is_ok(), "one that replaces itself fits");
    vault.mark_exported(&first.id, clock(1_000)).unwrap();
    save(&mut vault, &key(3), b"report").unwrap();
    assert_eq!(present(&mut vault), [1, 2, 3, 4, 5]);
    let verified = vault.verify(clock(1_000)).unwrap();
    assert!(verified.ok && !verified.corrected && verified.swept_files == 0, "{verified:?}");
}

impl Vault {
    /// Whether a report is there, without touching its place in the order.
    fn fetch_quietly(&mut self, key: &ReportKey) -> bool {
        let id = Digest(key.hash(&self.keys).unwrap());
        let list = self.list(usize::MAX, clock(1_000)).unwrap();
        list.entries.iter().any(|entry| entry.id == id)
    }
}

#[test]
fn a_clock_set_back_is_said_and_stops_nothing() {
    let disk = FakeDisk::default();
    let mut vault = open_with(&disk, 1 << 20, clock(1_000_000)).unwrap();
    save(&mut vault, &report_key("ann", b"f"), b"x").unwrap();
    vault.record_scan_opened(&Digest::of(b"f"), clock(1_000_000)).unwrap();
    vault.close(clock(1_000_000)).unwrap();

    let mut vault = open_with(&disk, 1 << 20, clock(5_000)).unwrap();
    assert!(vault.opening().clock_went_back);
    let key = report_key("bob", b"g");
    save(&mut vault, &key, b"y").unwrap();
    let report = vault.report(&key, None, clock(6_000)).unwrap().hit().unwrap();
    assert_eq!((report.computed_at.verified, report.age_ms), (false, None));
    let records = vault.audit_verify(clock(6_000)).unwrap();
    assert!(records.ok && records.unverified_times > 0);

    vault.confirm_clock(clock(7_000)).unwrap();
    save(&mut vault, &key, b"y").unwrap();
    vault.close(clock(8_000)).unwrap();
    let mut vault = open_with(&disk, 1 << 20, clock(9_000)).unwrap();
    assert!(!vault.opening().clock_went_back, "the confirmed clock counts after a restart too");
    let report = vault.report(&key, None, clock(9_000)).unwrap().hit().unwrap();
    assert!(!report.computed_at.verified, "it was put with the old stamp of 1 000");
}

#[test]
fn a_newer_store_is_refused_an_older_one_rebuilt_another_key_named() {
    let disk = FakeDisk::default();
    let mut vault = open(&disk);
    save(&mut vault, &report_key("ann", b"f"), b"x").unwrap();
    vault.close(clock(1_000)).unwrap();
    let with_schema = |version: u32| {
        let other = disk.copy();
        let mut vault = open(&other);
        vault.store.set_schema(version);
        vault.close(clock(1_000)).unwrap();
        other
    };
    let newer = with_schema(store::SCHEMA + 1);
    let before = newer.files();
    let error = open_with(&newer, 1 << 20, clock(1_000)).err().unwrap();
    assert!(matches!(error, VaultError::NewerSchema { found: 2, supported: 1, .. }), "{error}");
    let database = folder().join(store::DATABASE_NAME);
    assert_eq!(newer.files()[&database], before[&database], "a refused store is not touched");

    let older = with_schema(0);
    let mut vault = open(&older);
    assert_eq!(vault.opening().stores_set_aside, 1);
    assert!(vault.report(&report_key("ann", b"f"), None, clock(1_000)).unwrap().hit().is_none());

    let stranger = FakeDisk::default();
    drop(open(&stranger));
    let mixed = disk.copy();
    let key = folder().join("key");
    mixed.overwrite(&key, &stranger.files()[&key]);
    let error = open_with(&mixed, 1 << 20, clock(1_000)).err().unwrap();
    assert!(matches!(error, VaultError::WrongKey { .. }), "{error}");
    assert_eq!(error.not_saved(), NotSaved::Key);

    let lost = disk.copy();
    Disk::remove(&lost, &key).unwrap();
    let error = open_with(&lost, 1 << 20, clock(1_000)).err().unwrap();
    assert!(matches!(error, VaultError::KeyMissing { .. }), "{error}");
}

#[test]
fn lengths_and_counts_are_held_against_their_limits() {
    let mut vault = open(&FakeDisk::default());
    let key = report_key("ann", b"f");
    let many: Vec<String> = (0..=limits::ATTACHMENTS_MAX).map(|i| i.to_string()).collect();
    let many: Vec<Attachment<'_>> = many.iter().map(|name| Attachment { name, bytes: b"" }).collect();
    let long = "x".repeat(limits::ATTACHMENT_NAME_MAX_BYTES + 1);
    let twice = [Attachment { name: "a", bytes: b"" }; 2];
    let mut put = |attachments: &[Attachment<'_>]| {
        let report = NewReport {
            key: &key,
            source: None,
            bytes: b"x",
            attachments,
            device_verdict: None,
            keep_without_patient: false,
        };
        vault.put_report(&report, clock(1_000))
    };
    assert!(put(&many[..limits::ATTACHMENTS_MAX]).is_ok());
    assert!(matches!(put(&many), Err(VaultError::TooMany { .. })));
    assert!(matches!(put(&[Attachment { name: &long, bytes: b"" }]), Err(VaultError::TooLarge { .. })));
    assert!(matches!(put(&twice), Err(VaultError::TooMany { .. })));
}

#[test]
fn a_second_process_is_told_who_has_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { lock_wait_ms: 45, ..Options::default() };
    let open = || Vault::open(folder.path(), Unlock::KeyFile, options, clock(1_000));
    let vault = open().unwrap();
    match open() {
        Err(VaultError::Busy { owner, waited_ms, .. }) => {
            assert_eq!(waited_ms, 45);
            assert!(owner.is_none_or(|pid| pid == std::process::id()));
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
    drop(vault);
    assert!(open().is_ok());
}

#[test]
#[cfg(unix)]
fn files_of_a_real_vault_belong_to_the_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("vault");
    let mut vault = Vault::open(&folder, Unlock::KeyFile, Options::default(), clock(1_000)).unwrap();
    save(&mut vault, &report_key("ann", b"f"), b"x").unwrap();
    vault.close(clock(1_000)).unwrap();
    let mut seen = 0;
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let (path, mode) = entry.map(|e| (e.path(), e.metadata().unwrap().permissions().mode())).unwrap();
            assert_eq!(mode & 0o077, 0, "{}", path.display());
            seen += 1;
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    assert!(seen >= 8, "lock, key, database, seal, log, head, and a file in its folders: {seen}");
}

#[test]
fn a_refused_disk_is_a_typed_error() {
    for (kind, reason) in [
        (std::io::ErrorKind::StorageFull, NotSaved::DiskFull),
        (std::io::ErrorKind::QuotaExceeded, NotSaved::DiskFull),
        (std::io::ErrorKind::ReadOnlyFilesystem, NotSaved::ReadOnly),
        (std::io::ErrorKind::PermissionDenied, NotSaved::ReadOnly),
        (std::io::ErrorKind::Other, NotSaved::Failed),
    ] {
        let disk = FakeDisk::default();
        disk.fail_from(0, kind);
        assert_eq!(open_with(&disk, 1 << 20, clock(1_000)).err().unwrap().not_saved(), reason);
        disk.heal();
        let mut vault = open(&disk);
        disk.fail_from(0, kind);
        let key = report_key("ann", b"f");
        assert_eq!(save(&mut vault, &key, b"x").unwrap_err().not_saved(), reason);
        disk.heal();
        save(&mut vault, &key, b"x").unwrap();
        vault.close(clock(1_000)).unwrap();
        let verified = open(&disk).verify(clock(1_000)).unwrap();
        assert!(verified.ok, "{verified:?}");
    }
}
