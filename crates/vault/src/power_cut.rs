//! The power is cut before every single disk operation of a scripted day, with what was not synced lost, kept or
//! torn. Whatever was acknowledged must be there, nothing may count as damaged, and work must go on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::audit::AuditEvent;
use crate::cache_key::tests::report_key;
use crate::disk::fake::{FakeDisk, Snapshot, Survival};
use crate::limits::INLINE_MAX_BYTES;
use crate::*;

const FOLDER: &str = "/store/vault";
/// Room for about two of the reports with a picture.
const MAX_BYTES: u64 = 40 << 10;

pub(crate) fn clock(unix_ms: i64) -> ClockReading {
    ClockReading { unix_ms, trusted: true }
}

pub(crate) fn source(patient: &str) -> SourceKey {
    SourceKey { file: Digest::of(patient.as_bytes()), settings: Digest::of(b"settings") }
}

/// A report for `patient` with `text` and a picture too long for the database.
pub(crate) fn put(vault: &mut Vault, patient: &str, text: &str) -> Result<Saved, VaultError> {
    let key = report_key(patient, patient.as_bytes());
    let picture = picture(text);
    let report = NewReport {
        key: &key,
        source: Some(&source(patient)),
        bytes: text.as_bytes(),
        attachments: &[Attachment { name: "overlay.png", bytes: &picture }],
        device_verdict: None,
        keep_without_patient: false,
    };
    vault.put_report(&report, clock(1_000))
}

fn picture(text: &str) -> Vec<u8> {
    text.bytes().cycle().take(3 * INLINE_MAX_BYTES).collect()
}

pub(crate) fn open(disk: &FakeDisk) -> Result<Vault, VaultError> {
    let options = Options { max_bytes: MAX_BYTES, lock_wait_ms: 0 };
    Vault::open_on(Arc::new(disk.clone()), Path::new(FOLDER), Unlock::KeyFile, options, clock(1_000))
}

/// Something that was asked for, and between which operations.
#[derive(Debug)]
struct Step {
    begun: u64,
    /// Operations done when it was acknowledged.
    acknowledged: u64,
    effect: Effect,
}

#[derive(Debug, Clone)]
enum Effect {
    /// A report of this patient with this text is stored, exported or not.
    Stored(&'static str, &'static str),
    /// The report of this patient may be evicted.
    Exported(&'static str),
    /// A record of this event is in the log.
    Recorded(AuditEvent),
    /// Nothing of this model is served.
    Revoked,
}

/// Runs the day and notes what was acknowledged when.
fn day(disk: &FakeDisk) -> Result<Vec<Step>, VaultError> {
    let mut steps = Vec::new();
    let mut did = |begun: u64, effect: Effect| {
        steps.push(Step { begun, acknowledged: disk.operations(), effect });
    };
    macro_rules! step {
        ($effect:expr, $work:expr) => {{
            let begun = disk.operations();
            let value = $work?;
            did(begun, $effect);
            value
        }};
    }
    let mut vault = step!(Effect::Recorded(AuditEvent::KeyMade), open(disk));
    step!(
        Effect::Recorded(AuditEvent::ScanOpened),
        vault.record_scan_opened(&Digest::of(b"file"), clock(1_001))
    );
    let first = step!(Effect::Stored("ann", "B-lines"), put(&mut vault, "ann", "B-lines"));
    step!(Effect::Recorded(AuditEvent::ReportShown), vault.record_report_shown(&first.id, clock(1_002)));
    let key = report_key("ann", b"ann").embedding;
    vault.put_embedding(&key, &[7; 2048], clock(1_003))?;
    step!(Effect::Stored("bob", "A-lines"), put(&mut vault, "bob", "A-lines"));
    step!(Effect::Exported("ann"), vault.mark_exported(&first.id, clock(1_004)));
    vault.close(clock(1_005))?;

    let mut vault = open(disk)?;
    let begun = disk.operations();
    assert!(vault.report_by_source(&source("ann"), clock(1_006))?.hit().is_some());
    did(begun, Effect::Recorded(AuditEvent::ServedFromCache));
    step!(Effect::Stored("bob", "Pleural effusion"), put(&mut vault, "bob", "Pleural effusion"));
    // No room: ann's report, exported, must make it.
    let evicting = Effect::Stored("cleo", "Consolidation");
    step!(evicting, put(&mut vault, "cleo", "Consolidation"));
    assert!(vault.report_by_source(&source("ann"), clock(1_006))?.hit().is_none(), "evicted");
    drop(vault);

    let mut vault = open(disk)?;
    vault.record_scan_opened(&Digest::of(b"file 2"), clock(1_007))?;
    let model = Dependency { kind: DependencyKind::Model, digest: Digest::of(b"model") };
    step!(Effect::Revoked, vault.revoke(model, clock(1_008)));
    // Cut without closing.
    std::mem::forget(vault);
    Ok(steps)
}

/// What must and may be there after `n` operations.
#[derive(Debug, Default)]
struct Expected {
    /// Patient → texts of which one must be found; empty: may be absent too.
    reports: BTreeMap<&'static str, (Vec<&'static str>, bool)>,
    recorded: Vec<AuditEvent>,
    may_be_revoked: bool,
    must_be_revoked: bool,
}

fn expected_after(steps: &[Step], n: u64) -> Expected {
    let mut expected = Expected::default();
    let mut exported: Vec<&'static str> = Vec::new();
    for step in steps.iter().filter(|step| step.begun <= n) {
        let done = step.acknowledged <= n;
        match &step.effect {
            Effect::Stored(patient, text) => {
                let (texts, must) = expected.reports.entry(patient).or_default();
                if done {
                    texts.clear();
                    *must = true;
                }
                texts.push(text);
                // Storing anything may evict what is exported.
                for other in exported.iter().filter(|other| *other != patient) {
                    expected.reports.entry(other).or_default().1 = false;
                }
            }
            Effect::Exported(patient) => exported.push(*patient),
            Effect::Recorded(event) if done => expected.recorded.push(*event),
            Effect::Recorded(_) => {}
            Effect::Revoked => {
                expected.may_be_revoked = true;
                expected.must_be_revoked |= done;
            }
        }
    }
    expected
}

/// Opens what is left after the cut and looks.
fn check(snapshot: &Snapshot, survival: Survival, expected: &Expected) {
    let disk = snapshot.recover(survival);
    let mut vault = open(&disk).expect("the store opens again");
    let opening = vault.opening().clone();
    assert_eq!(opening.stores_set_aside, 0, "a power cut is no damage");
    assert!(!opening.log_set_aside, "a power cut is no damage");
    let audit = vault.audit_verify(clock(2_000)).unwrap();
    assert!(audit.ok, "{:?}", audit.problems);
    for (patient, (texts, must)) in &expected.reports {
        match vault.report_by_source(&source(patient), clock(2_000)).unwrap() {
            Lookup::Hit(report) => {
                assert!(!expected.must_be_revoked);
                let text = texts.iter().find(|text| text.as_bytes() == report.bytes);
                let text = text.unwrap_or_else(|| panic!("{patient} has none of {texts:?}"));
                let overlay = vault.attachment(&report.id, "overlay.png", clock(2_000)).unwrap();
                assert_eq!(overlay, Lookup::Hit(picture(text)));
            }
            Lookup::Miss(Miss::Revoked { .. }) => assert!(expected.may_be_revoked),
            Lookup::Miss(Miss::Absent) => assert!(!must, "{patient} was acknowledged and is gone"),
            Lookup::Miss(miss) => panic!("{patient}: {miss:?}"),
        }
    }
    let path = Path::new(FOLDER).join(audit::LOG_NAME);
    let log = disk.files().remove(&path).unwrap_or_default();
    let log = String::from_utf8(log).unwrap();
    for event in &expected.recorded {
        let code = serde_json::to_string(event).unwrap();
        assert!(log.contains(&code), "{code} was acknowledged and is gone");
    }
    goes_on(vault, &disk);
}

/// Work goes on: a new report is stored and found, also by the next run; nothing counts as damaged.
fn goes_on(mut vault: Vault, disk: &FakeDisk) {
    vault.mark_everything_exported();
    let key = ReportKey {
        embedding: EmbeddingKey { model: Digest::of(b"another model"), ..report_key("", b"").embedding },
        ..report_key("dora", b"dora")
    };
    let report = NewReport {
        key: &key,
        source: None,
        bytes: b"after the cut",
        attachments: &[],
        device_verdict: None,
        keep_without_patient: false,
    };
    vault.put_report(&report, clock(2_001)).unwrap();
    vault.close(clock(2_002)).unwrap();
    let mut vault = open(disk).unwrap();
    let found = vault.report(&key, None, clock(2_003)).unwrap().hit().unwrap();
    assert_eq!(found.bytes, b"after the cut");
    let verified = vault.verify(clock(2_004)).unwrap();
    assert!(verified.ok && !verified.corrected, "{verified:?}");
    assert!(vault.audit_verify(clock(2_005)).unwrap().ok);
}

impl Vault {
    fn mark_everything_exported(&mut self) {
        for entry in self.list(usize::MAX, clock(2_000)).unwrap().entries {
            if entry.exported == Some(false) {
                self.mark_exported(&entry.id, clock(2_000)).unwrap();
            }
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_power_is_cut() {
    let disk = FakeDisk::recording();
    let steps = day(&disk).unwrap();
    let history = disk.history();
    let mut cuts = 0;
    for (n, snapshot) in history.iter().enumerate() {
        let expected = expected_after(&steps, n as u64);
        for survival in [Survival::Lost, Survival::Kept, Survival::Torn(n as u64)] {
            let at = std::panic::AssertUnwindSafe(|| check(snapshot, survival, &expected));
            if let Err(panic) = std::panic::catch_unwind(at) {
                eprintln!("cut before operation {n} of {}, {survival:?}", history.len() - 1);
                std::panic::resume_unwind(panic);
            }
            cuts += 1;
        }
    }
    println!("{} operations, {cuts} cuts", history.len() - 1);
    assert!(history.len() > 100, "the day has {} operations", history.len());
    assert_eq!(cuts, 3 * history.len());
}

/// The power comes back and is cut again while the store opens.
#[test]
fn a_second_cut_during_the_repair_of_the_first_loses_nothing() {
    let disk = FakeDisk::recording();
    let steps = day(&disk).unwrap();
    let mut cuts = 0;
    for (n, snapshot) in disk.history().iter().enumerate().skip(5).step_by(17) {
        let expected = expected_after(&steps, n as u64);
        let once = snapshot.recover(Survival::Torn(1 + n as u64));
        once.record();
        drop(open(&once).unwrap());
        for (second, again) in once.history().iter().enumerate() {
            for survival in [Survival::Lost, Survival::Torn(second as u64)] {
                check(again, survival, &expected);
                cuts += 1;
            }
        }
    }
    println!("{cuts} second cuts");
    assert!(cuts > 50, "{cuts}");
}

/// A damaged database is set aside and a new one begun; the power is cut meanwhile. What was revoked stays so.
#[test]
fn a_cut_while_a_damaged_store_is_rebuilt_brings_nothing_revoked_back() {
    let disk = FakeDisk::default();
    let mut vault = open(&disk).unwrap();
    put(&mut vault, "ann", "B-lines").unwrap();
    let model = Dependency { kind: DependencyKind::Model, digest: Digest::of(b"model") };
    vault.revoke(model, clock(1_001)).unwrap();
    vault.close(clock(1_002)).unwrap();
    disk.overwrite(&Path::new(FOLDER).join(store::DATABASE_NAME), &[0x5a; 20_000]);
    disk.record();
    let vault = open(&disk).unwrap();
    assert_eq!(vault.opening().stores_set_aside, 1);
    drop(vault);
    let history = disk.history();
    assert!(history.len() > 20, "{}", history.len());
    for (n, snapshot) in history.iter().enumerate() {
        for survival in [Survival::Lost, Survival::Kept, Survival::Torn(n as u64)] {
            let disk = snapshot.recover(survival);
            let mut vault = open(&disk).unwrap();
            put(&mut vault, "ann", "B-lines").unwrap();
            let found = vault.report_by_source(&source("ann"), clock(2_000)).unwrap();
            assert!(matches!(found, Lookup::Miss(Miss::Revoked { .. })), "cut {n} {survival:?}: {found:?}");
            assert!(vault.audit_verify(clock(2_000)).unwrap().ok);
            goes_on(vault, &disk);
        }
    }
}

/// From every operation on, the disk refuses to write: the error is typed, what was acknowledged before is there
/// when the disk works again, and the same process goes on.
#[test]
fn a_disk_that_fills_up_at_any_write_loses_nothing() {
    let whole = FakeDisk::default();
    let steps = day(&whole).unwrap();
    let mut failures = 0;
    for n in 0..whole.operations() {
        let disk = FakeDisk::default();
        disk.fail_from(n, std::io::ErrorKind::StorageFull);
        let error = day(&disk);
        disk.heal();
        if let Err(error) = error {
            failures += 1;
            assert_eq!(error.not_saved(), NotSaved::DiskFull, "operation {n}: {error}");
        }
        let mut vault = open(&disk).unwrap();
        for (patient, (texts, must)) in &expected_after(&steps, n).reports {
            if let Lookup::Hit(report) = vault.report_by_source(&source(patient), clock(3_000)).unwrap() {
                assert!(texts.iter().any(|text| text.as_bytes() == report.bytes), "operation {n}");
            } else {
                let revoked = expected_after(&steps, n).may_be_revoked;
                assert!(!must || revoked, "operation {n}: {patient} was acknowledged and is gone");
            }
        }
        goes_on(vault, &disk);
    }
    println!("{failures} of {} failures reached the caller", whole.operations());
    assert!(failures > 50, "{failures}");
}
