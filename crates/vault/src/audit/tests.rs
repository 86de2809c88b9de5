//! Every way to change the log is found and named; a restarted log goes on where it stood.

use std::path::Path;
use std::sync::Arc;

use super::verify::{Anchor, verify};
use super::*;
use crate::disk::Disk;
use crate::disk::fake::FakeDisk;
use crate::limits::AUDIT_CHECKPOINT_EVERY;
use crate::{ClockReading, Digest};

const SEED: [u8; 32] = [9; 32];

fn folder() -> &'static Path {
    Path::new("/v")
}

fn empty() -> FakeDisk {
    let disk = FakeDisk::default();
    disk.create_folder(folder()).unwrap();
    disk.sync_folder(Path::new("/")).unwrap();
    disk
}

fn open(disk: &FakeDisk) -> log::Opened {
    AuditLog::open(Arc::new(disk.clone()), folder(), &SEED).unwrap()
}

/// `runs` runs of `records` records each.
fn written(runs: u64, records: u64) -> FakeDisk {
    let disk = empty();
    for run in 0..runs {
        let opened = open(&disk);
        assert!(opened.events.is_empty());
        let mut log = opened.log;
        for record in 0..records {
            let clock = ClockReading { unix_ms: (run * 1000 + record) as i64, trusted: true };
            let at = log.stamp(clock).0;
            let subject = Some(Digest::of(&record.to_le_bytes()));
            log.append(&[(AuditEvent::ScanOpened, subject, None)], at).unwrap();
        }
        let at = log.stamp(ClockReading { unix_ms: (run * 1000 + records) as i64, trusted: true }).0;
        log.checkpoint(at).unwrap();
    }
    disk
}

fn verified(disk: &FakeDisk) -> AuditVerification {
    let key = open(&disk.copy()).log.public_key();
    verify(disk, folder(), Some(Digest(key.to_bytes())), None).unwrap()
}

fn log_lines(disk: &FakeDisk) -> Vec<Vec<u8>> {
    let bytes = disk.files().remove(&folder().join(LOG_NAME)).unwrap();
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn with_lines(disk: &FakeDisk, lines: &[Vec<u8>]) -> FakeDisk {
    let changed = disk.copy();
    changed.overwrite(&folder().join(LOG_NAME), &lines.concat());
    changed
}

#[test]
fn a_log_over_several_runs_verifies_and_counts_on() {
    for (runs, records) in [(1, 0), (1, 1), (3, 2), (2, AUDIT_CHECKPOINT_EVERY + 3)] {
        let disk = written(runs, records);
        let result = verified(&disk);
        assert!(result.ok, "{runs} {records}: {:?}", result.problems);
        let lines = if records == 0 { 0 } else { log_lines(&disk).len() as u64 };
        assert_eq!(result.records, lines);
        assert_eq!(result.last_sequence, lines.checked_sub(1));
        assert_eq!(result.last_boot, (records > 0).then_some(runs));
        assert_eq!(result.unverified_times, 0);
        assert!(records == 0 || result.checkpoints >= runs);
        let without_key = verify(&disk, folder(), None, None).unwrap();
        assert_eq!((without_key.ok, without_key.public_key_from_log), (true, true));
    }
}

#[test]
fn every_change_before_the_last_checkpoint_is_found_and_named() {
    let disk = written(3, 4);
    let lines = log_lines(&disk);
    let last = lines.len() - 1;
    for at in 0..=last {
        let sequence = Some(at as u64);
        let first = |changed: &[Vec<u8>]| {
            let result = verified(&with_lines(&disk, changed));
            assert!(!result.ok);
            result.problems[0].clone()
        };
        let mut removed = lines.clone();
        removed.remove(at);
        let problem = first(&removed);
        if at == last {
            let expected = at as u64;
            assert_eq!(problem.trouble, Trouble::Truncated { expected });
        } else if at == 0 {
            // Without its first record the chain does not begin where chains begin.
            assert_eq!((problem.trouble, problem.sequence), (Trouble::Edited, Some(1)));
        } else {
            assert_eq!(problem.trouble, Trouble::Removed { expected: at as u64 });
        }
        if at > 0 {
            let mut swapped = lines.clone();
            swapped.swap(at - 1, at);
            let problem = first(&swapped);
            assert_eq!(problem.line, Some(if at == 1 { 1 } else { at as u64 }));
        }
        let mut truncated = lines.clone();
        truncated.truncate(at);
        let result = verified(&with_lines(&disk, &truncated));
        assert!(result.problems.iter().any(|p| matches!(p.trouble, Trouble::Truncated { .. })), "{at}");
        // The record says something else, and its hash is made to fit: the next one no longer does.
        let text = String::from_utf8(lines[at].clone()).unwrap();
        let edited = text.replacen("\"boot\":", "\"boot\": ", 1);
        let mut changed = lines.clone();
        changed[at] = edited.into_bytes();
        let problem = first(&changed);
        assert_eq!((problem.sequence, problem.trouble), (sequence, Trouble::Edited));
    }
}

/// Someone who knows the format but not the key writes the whole chain anew from one record on.
#[test]
fn a_chain_written_anew_without_the_key_is_found() {
    let disk = written(2, 3);
    let lines = log_lines(&disk);
    for from in 0..lines.len() {
        let mut previous = [0; 32];
        let mut forged = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let parsed = record::Line::parse(&line[..line.len() - 1], &previous).unwrap();
            let mut record = parsed.record;
            if at == from {
                record.event = AuditEvent::Exported;
                record.signature = None;
            }
            let (line, hash) = record.line(&previous);
            previous = hash;
            forged.push(line);
        }
        let result = verified(&with_lines(&disk, &forged));
        assert!(!result.ok, "from {from}");
        let named = |trouble| result.problems.iter().any(|problem| problem.trouble == trouble);
        assert!(named(Trouble::BadSignature) || named(Trouble::Replaced), "{:?}", result.problems);
    }
}

#[test]
fn a_head_that_is_gone_or_changed_is_named() {
    let disk = written(2, 3);
    let head = folder().join(HEAD_NAME);
    let gone = disk.copy();
    gone.remove(&head).unwrap();
    assert_eq!(verified(&gone).problems[0].trouble, Trouble::HeadMissing);
    let bytes = disk.files()[&head].clone();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let other = disk.copy();
        other.overwrite(&head, &changed);
        assert_eq!(verified(&other).problems[0].trouble, Trouble::HeadDamaged, "byte {at}");
        // Without a head the log is read from its beginning and goes on all the same.
        let opened = open(&other);
        assert!(opened.events.is_empty());
        assert_eq!(opened.log.boot(), 3);
    }
    let other_key = Digest(ed25519_dalek::SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes());
    let foreign = verify(&disk, folder(), Some(other_key), None).unwrap();
    assert!(!foreign.ok && foreign.checkpoints == 0);
}

#[test]
fn what_the_database_remembers_must_be_in_the_log() {
    let disk = written(1, 3);
    let here = open(&disk).log.anchor().unwrap();
    let ok = |anchor| verify(&disk, folder(), None, Some(anchor)).unwrap().ok;
    assert!(ok(here));
    assert!(!ok(Anchor { sequence: here.sequence + 1, ..here }));
    assert!(!ok(Anchor { hash: [0; 32], ..here }));
}

#[test]
fn a_torn_end_is_cut_off_kept_aside_and_recorded() {
    let disk = written(1, 2);
    let whole = log_lines(&disk).concat();
    for tail in [&b"x"[..], b"\n", &[0; 700], &whole[..100], b"0123\nabc\n"] {
        let torn = disk.copy();
        torn.overwrite(&folder().join(LOG_NAME), &[&whole[..], tail].concat());
        let opened = open(&torn);
        assert_eq!(opened.events, [(AuditEvent::LogTailCut, tail.len() as u64)]);
        assert_eq!(log_lines(&torn).concat(), whole);
        assert_eq!(torn.files()[&folder().join("audit.log.tail-1")], tail);
        let result = verified(&torn);
        assert!(result.ok);
        assert_eq!(result.set_aside, ["audit.log.tail-1"]);
    }
}

#[test]
fn a_log_cut_before_its_head_is_set_aside_and_the_sequence_goes_on() {
    let disk = written(2, 3);
    let lines = log_lines(&disk);
    for (kept, gone) in [(1, false), (0, false), (0, true)] {
        let cut = with_lines(&disk, &lines[..kept]);
        if gone {
            cut.remove(&folder().join(LOG_NAME)).unwrap();
        }
        let opened = open(&cut);
        assert_eq!(opened.events, [(AuditEvent::LogQuarantined, u64::from(!gone))]);
        let mut log = opened.log;
        let at = log.stamp(ClockReading { unix_ms: 0, trusted: false }).0;
        log.append(&[(AuditEvent::LogQuarantined, None, Some(1))], at).unwrap();
        let result = verified(&cut);
        assert!(result.ok, "{:?}", result.problems);
        assert_eq!(result.first_sequence, Some(lines.len() as u64), "goes on behind the head");
        assert_eq!(result.last_boot, Some(3));
    }
}

#[test]
fn a_clock_set_back_is_remembered_over_restarts() {
    let disk = written(2, 3);
    let mut log = open(&disk).log;
    let (stamp, behind) = log.stamp(ClockReading { unix_ms: -60_000, trusted: true });
    assert_eq!((stamp.verified, behind), (false, true));
    let (stamp, behind) = log.stamp(ClockReading { unix_ms: 5_000, trusted: true });
    assert_eq!((stamp.verified, behind), (true, false));
}
