//! Opening the log and appending to it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

use super::head::Head;
use super::record::{AuditEvent, AuditRecord, Line, checkpoint_message};
use super::verify::Anchor;
use super::{HEAD_NAME, LOG_NAME};
use crate::clock::{Baseline, ClockReading, Stamp};
use crate::digest::to_hex;
use crate::disk::{Access, Disk, DiskFile, read_whole, write_whole};
use crate::limits::{AUDIT_CHECKPOINT_EVERY, AUDIT_HEAD_MAX_BYTES, AUDIT_LINE_MAX_BYTES};
use crate::set_aside::{next_name, set_aside};
use crate::{Digest, VaultError};

/// Bytes read at a time.
const READ_BYTES: usize = 64 << 10;

/// Where the chain stands.
#[derive(Debug, Clone, Copy)]
struct Position {
    /// Sequence of the next record.
    next_sequence: u64,
    /// Hash of the last line; zeros before the first.
    hash: [u8; 32],
    /// Length of the log.
    bytes: u64,
    /// Boot of the last record.
    boot: u64,
    /// Latest verified time.
    latest: Baseline,
    /// Records since the last checkpoint.
    unsigned: u64,
}

/// The log of an open vault.
#[derive(Debug)]
pub(crate) struct AuditLog {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    key: SigningKey,
    at: Position,
    boot: u64,
    /// Open for writing; none before the first record and after a failed one.
    file: Option<Arc<dyn DiskFile>>,
}

/// What opening the log found; each becomes a record.
pub(crate) struct Opened {
    pub(crate) log: AuditLog,
    /// Events that happened to the log itself, with their number.
    pub(crate) events: Vec<(AuditEvent, u64)>,
}

impl AuditLog {
    /// Opens the log in `folder`. A log that does not fit its head is set aside and a new one goes on with the
    /// sequence; an unfinished end (a power cut within an append) is cut off and kept aside.
    pub(crate) fn open(disk: Arc<dyn Disk>, folder: &Path, seed: &[u8; 32]) -> Result<Opened, VaultError> {
        let key = SigningKey::from_bytes(seed);
        let head = read_head(&*disk, folder, &key.verifying_key())?;
        let path = folder.join(LOG_NAME);
        let mut events = Vec::new();
        let mut at = Position {
            next_sequence: 0,
            hash: [0; 32],
            bytes: 0,
            boot: 0,
            latest: Baseline(None),
            unsigned: 0,
        };
        if let Some(head) = head {
            at.next_sequence = head.sequence.saturating_add(1);
            at.boot = head.boot;
            at.latest = Baseline(head.latest_unix_ms);
        }
        let len = length(&*disk, &path)?;
        let start = match (len, head) {
            (Some(len), Some(head)) if len >= head.bytes => {
                Some(Position { hash: head.hash.0, bytes: head.bytes, ..at })
            }
            (Some(_), None) => Some(at),
            (None, None) => None,
            // The log is gone or shorter than its signed head: someone cut it, or the disk lost it.
            (_, Some(_)) => {
                if let Some(number) = set_aside(&*disk, &path)? {
                    events.push((AuditEvent::LogQuarantined, number));
                } else {
                    events.push((AuditEvent::LogQuarantined, 0));
                }
                set_aside(&*disk, &folder.join(HEAD_NAME))?;
                None
            }
        };
        if let Some(start) = start {
            let file = disk.open(&path, Access::Read).map_err(|e| VaultError::disk("open", &path, e))?;
            let len = len.unwrap_or(0);
            at = scan(&*file, start, len).map_err(|e| VaultError::disk("read", &path, e))?;
            if at.bytes < len {
                keep_tail(&*disk, &path, &*file, at.bytes, len)?;
                events.push((AuditEvent::LogTailCut, len - at.bytes));
            }
        }
        let boot = at.boot.saturating_add(1);
        Ok(Opened { log: Self { disk, folder: folder.to_path_buf(), key, at, boot, file: None }, events })
    }

    /// How a reading of the clock counts, and whether it lies before what the log has seen.
    pub(crate) fn stamp(&mut self, clock: ClockReading) -> (Stamp, bool) {
        let behind = clock.trusted && self.at.latest.is_behind(clock);
        (self.at.latest.stamp(clock), behind)
    }

    /// Forgets the latest time: a user confirmed the clock.
    pub(crate) fn forget_time(&mut self) {
        self.at.latest = Baseline(None);
    }

    /// Number of this run.
    pub(crate) fn boot(&self) -> u64 {
        self.boot
    }

    /// The key that checks signatures.
    pub(crate) fn public_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// The last record's place in the chain; none before the first.
    pub(crate) fn anchor(&self) -> Option<Anchor> {
        let sequence = self.at.next_sequence.checked_sub(1)?;
        (self.at.bytes > 0).then_some(Anchor { sequence, hash: self.at.hash })
    }

    /// Appends records; when it returns, they survive a power cut. Every
    /// [`AUDIT_CHECKPOINT_EVERY`] records a signed checkpoint follows.
    pub(crate) fn append(
        &mut self,
        events: &[(AuditEvent, Option<Digest>, Option<u64>)],
        at: Stamp,
    ) -> Result<(), VaultError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut position = self.at;
        let mut bytes = Vec::new();
        if position.bytes == 0 {
            let public_key = Some(Digest(self.key.verifying_key().to_bytes()));
            let record = self.record(&position, at, AuditEvent::LogStarted);
            push(&mut bytes, &mut position, AuditRecord { public_key, ..record });
        }
        for (event, subject, count) in events {
            let record = self.record(&position, at, *event);
            push(&mut bytes, &mut position, AuditRecord { subject: *subject, count: *count, ..record });
        }
        let signed = position.unsigned >= AUDIT_CHECKPOINT_EVERY;
        if signed {
            self.push_checkpoint(&mut bytes, &mut position, at);
        }
        self.write(&bytes, position)?;
        if signed { self.write_head() } else { Ok(()) }
    }

    /// Signs what is there, if anything was appended since the last checkpoint.
    pub(crate) fn checkpoint(&mut self, at: Stamp) -> Result<(), VaultError> {
        if self.at.unsigned == 0 {
            return Ok(());
        }
        let mut position = self.at;
        let mut bytes = Vec::new();
        self.push_checkpoint(&mut bytes, &mut position, at);
        self.write(&bytes, position)?;
        self.write_head()
    }

    /// All intact records in order, from the beginning, until `visit` has seen them or the chain breaks.
    pub(crate) fn for_each(&self, visit: &mut dyn FnMut(&AuditRecord)) -> Result<(), VaultError> {
        let path = self.folder.join(LOG_NAME);
        if self.at.bytes == 0 {
            return Ok(());
        }
        let fail = |source| VaultError::disk("read", &path, source);
        let file = self.disk.open(&path, Access::Read).map_err(fail)?;
        let mut previous = [0; 32];
        for_each_line(&*file, 0, self.at.bytes, &mut |bytes, _| {
            let Some(line) = Line::parse(bytes, &previous).filter(Line::is_intact) else { return false };
            previous = line.computed;
            visit(&line.record);
            true
        })
        .map_err(fail)
    }

    fn record(&self, position: &Position, at: Stamp, event: AuditEvent) -> AuditRecord {
        AuditRecord {
            sequence: position.next_sequence,
            boot: self.boot,
            at,
            event,
            subject: None,
            count: None,
            public_key: None,
            signature: None,
        }
    }

    fn push_checkpoint(&self, bytes: &mut Vec<u8>, position: &mut Position, at: Stamp) {
        let message = checkpoint_message(position.next_sequence, self.boot, &position.hash);
        let signature = Some(to_hex(&self.key.sign(&message).to_bytes()));
        let record = self.record(position, at, AuditEvent::Checkpoint);
        push(bytes, position, AuditRecord { signature, ..record });
        position.unsigned = 0;
    }

    /// Writes `bytes` at the end of the log; on success the log stands at `then`. After a failure the next append
    /// writes over what this one may have left.
    fn write(&mut self, bytes: &[u8], then: Position) -> Result<(), VaultError> {
        let path = self.folder.join(LOG_NAME);
        let file = self.file.take();
        let result = (|| {
            let file = match file {
                Some(file) => file,
                None => self.open_for_append(&path)?,
            };
            file.write_at(self.at.bytes, bytes)?;
            file.sync()?;
            if self.at.bytes == 0 {
                self.disk.sync_folder(&self.folder)?;
            }
            Ok(file)
        })();
        let file = result.map_err(|source| VaultError::disk("append to", &path, source))?;
        self.file = Some(file);
        self.at = then;
        Ok(())
    }

    fn open_for_append(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        if !self.disk.exists(path)? {
            return self.disk.open(path, Access::CreateNew);
        }
        let file = self.disk.open(path, Access::Write)?;
        if file.len()? != self.at.bytes {
            file.set_len(self.at.bytes)?;
        }
        Ok(file)
    }

    fn write_head(&self) -> Result<(), VaultError> {
        let head = Head {
            sequence: self.at.next_sequence.saturating_sub(1),
            boot: self.boot,
            bytes: self.at.bytes,
            hash: Digest(self.at.hash),
            latest_unix_ms: self.at.latest.0,
        };
        write_whole(&*self.disk, &self.folder.join(HEAD_NAME), &head.encode(&self.key))
    }
}

fn push(bytes: &mut Vec<u8>, position: &mut Position, record: AuditRecord) {
    let (line, hash) = record.line(&position.hash);
    position.next_sequence += 1;
    position.hash = hash;
    position.bytes += line.len() as u64;
    position.boot = record.boot;
    position.unsigned += 1;
    bytes.extend_from_slice(&line);
}

/// The head, if there is one that `key` signed.
pub(super) fn read_head(
    disk: &dyn Disk,
    folder: &Path,
    key: &VerifyingKey,
) -> Result<Option<Head>, VaultError> {
    let path = folder.join(HEAD_NAME);
    let bytes = match read_whole(disk, &path, "the audit log's head", AUDIT_HEAD_MAX_BYTES) {
        // A head of impossible length is a changed one, not a reason to stop.
        Err(VaultError::TooLarge { .. }) => return Ok(None),
        other => other?,
    };
    Ok(bytes.and_then(|bytes| Head::decode(&bytes, key)))
}

/// Length of the log; `None` when there is none.
pub(super) fn length(disk: &dyn Disk, path: &Path) -> Result<Option<u64>, VaultError> {
    match disk.open(path, Access::Read).and_then(|file| file.len()) {
        Ok(len) => Ok(Some(len)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(VaultError::disk("open", path, error)),
    }
}

/// Goes through the lines behind `start` as long as the chain holds.
fn scan(file: &dyn DiskFile, start: Position, len: u64) -> io::Result<Position> {
    let mut at = start;
    for_each_line(file, start.bytes, len, &mut |bytes, end| {
        let Some(line) = Line::parse(bytes, &at.hash).filter(Line::is_intact) else { return false };
        // Without a head the first record may stand anywhere; afterwards they count up by one.
        let follows = at.bytes == 0 || line.record.sequence == at.next_sequence;
        let Some(next_sequence) = line.record.sequence.checked_add(1).filter(|_| follows) else {
            return false;
        };
        at.next_sequence = next_sequence;
        at.hash = line.computed;
        at.bytes = end;
        at.boot = at.boot.max(line.record.boot);
        match line.record.event {
            AuditEvent::ClockConfirmed => at.latest = Baseline(None),
            _ if line.record.at.verified => {
                at.latest = Baseline(at.latest.0.max(Some(line.record.at.unix_ms)));
            }
            _ => {}
        }
        at.unsigned = if line.record.event == AuditEvent::Checkpoint { 0 } else { at.unsigned + 1 };
        true
    })?;
    Ok(at)
}

/// Calls `visit` with every whole line between two offsets, its newline taken off, and the offset behind it, until
/// it returns false. A line without an end, or longer than any of ours, is passed on as it is and ends the walk.
pub(super) fn for_each_line(
    file: &dyn DiskFile,
    start: u64,
    end: u64,
    visit: &mut dyn FnMut(&[u8], u64) -> bool,
) -> io::Result<()> {
    let mut buffer: Vec<u8> = Vec::new();
    let (mut read, mut line_start) = (start, start);
    loop {
        let mut from = 0;
        while let Some(at) = buffer[from..].iter().position(|byte| *byte == b'\n') {
            line_start += at as u64 + 1;
            if !visit(&buffer[from..from + at], line_start) {
                return Ok(());
            }
            from += at + 1;
        }
        buffer.drain(..from);
        if read == end || buffer.len() > AUDIT_LINE_MAX_BYTES {
            if !buffer.is_empty() {
                visit(&buffer, end);
            }
            return Ok(());
        }
        let take = usize::try_from((end - read).min(READ_BYTES as u64)).expect("at most 64 KiB");
        let filled = buffer.len();
        buffer.resize(filled + take, 0);
        file.read_at(read, &mut buffer[filled..])?;
        read += take as u64;
    }
}

/// Copies the end of the log to a numbered file beside it and cuts it off.
fn keep_tail(
    disk: &dyn Disk,
    path: &Path,
    file: &dyn DiskFile,
    from: u64,
    len: u64,
) -> Result<(), VaultError> {
    /// More of an unfinished end is not kept: a batch of records is far shorter.
    const TAIL_MAX_BYTES: u64 = 1 << 20;
    let take = usize::try_from((len - from).min(TAIL_MAX_BYTES)).expect("at most 1 MiB");
    let mut tail = vec![0; take];
    file.read_at(from, &mut tail).map_err(|source| VaultError::disk("read", path, source))?;
    let (aside, _) = next_name(disk, path, "tail")?;
    write_whole(disk, &aside, &tail)?;
    let cut = || {
        let file = disk.open(path, Access::Write)?;
        file.set_len(from)?;
        file.sync()
    };
    cut().map_err(|source| VaultError::disk("repair", path, source))
}
