//! Going through the whole store: listing, sweeping, verifying.

use std::collections::{BTreeSet, HashSet};

use redb::ReadableTable;

use super::Found;
use super::capacity::{open_header, totals_of};
use super::database::Store;
use super::entry::{EntryKey, Header, Level};
use super::tables::{BLOBS, INDEX, META, META_TOTALS, ORDER, PARTS, Row, Totals, order_key};
use crate::VaultError;

/// One entry as the index and its header show it.
pub(crate) struct Listed {
    pub(crate) key: EntryKey,
    pub(crate) row: Row,
    /// `None` when it does not authenticate.
    pub(crate) header: Option<Header>,
}

/// What going through everything found.
pub(crate) struct Checked {
    /// Entries seen.
    pub(crate) entries: u64,
    /// Entries that do not authenticate; they were taken out.
    pub(crate) damaged: Vec<(EntryKey, &'static str)>,
    /// Files that nothing referred to; they were removed.
    pub(crate) swept: u64,
    /// Whether the sums or the order did not fit the index; they were put right.
    pub(crate) corrected: bool,
}

impl Store {
    /// All entries, most recently used first.
    pub(crate) fn list(&mut self) -> Result<Vec<Listed>, VaultError> {
        let mut all = self.read("list the store", |transaction, cipher| {
            let parts = transaction.open_table(PARTS)?;
            let mut all = Vec::new();
            for row in transaction.open_table(INDEX)?.iter()? {
                let (key, row) = row?;
                let (Some(key), Some(row)) = (EntryKey::from_bytes(key.value()), Row::decode(row.value()))
                else {
                    continue;
                };
                let header = parts.get(&key.part(0)[..])?;
                let header = header.and_then(|sealed| open_header(cipher, &key, sealed.value()));
                all.push(Listed { key, row, header });
            }
            Ok(all)
        })?;
        all.sort_by_key(|listed| std::cmp::Reverse(listed.row.tick));
        Ok(all)
    }

    /// Reads and authenticates everything; damaged entries are set aside, sums and order put right, files that
    /// nothing refers to removed.
    pub(crate) fn check(&mut self) -> Result<Checked, VaultError> {
        let listed = self.list()?;
        let mut damaged = Vec::new();
        for entry in &listed {
            if let Some(what) = self.damage_of(entry)? {
                damaged.push((entry.key, what));
            }
        }
        let known: BTreeSet<EntryKey> = listed.iter().map(|entry| entry.key).collect();
        for key in self.entries_without_index(&known)? {
            damaged.push((key, "it is not in the index"));
        }
        for (key, _) in &damaged {
            self.quarantine(key)?;
        }
        let corrected = self.correct_sums()?;
        let swept = self.sweep()?;
        Ok(Checked { entries: listed.len() as u64, damaged, swept, corrected })
    }

    fn damage_of(&mut self, entry: &Listed) -> Result<Option<&'static str>, VaultError> {
        let Some(header) = &entry.header else { return Ok(Some("its header does not authenticate")) };
        if entry.key.level() == Some(Level::Report) && entry.row.pinned == header.exported {
            return Ok(Some("its index contradicts its header"));
        }
        let parts = u8::try_from(header.attachments.len().saturating_add(1)).unwrap_or(u8::MAX);
        for number in 1..=parts {
            match self.value(&entry.key, number)? {
                Found::Value(_) => {}
                Found::Damaged(what) => return Ok(Some(what)),
                Found::Absent | Found::Revoked(_) => return Ok(Some("a value is missing")),
            }
        }
        Ok(None)
    }

    fn entries_without_index(
        &mut self,
        known: &BTreeSet<EntryKey>,
    ) -> Result<BTreeSet<EntryKey>, VaultError> {
        self.read("list the store", |transaction, _| {
            let mut unknown = BTreeSet::new();
            for row in transaction.open_table(PARTS)?.iter()? {
                let key = row?.0.value().get(..33).and_then(EntryKey::from_bytes);
                unknown.extend(key.filter(|key| !known.contains(key)));
            }
            Ok(unknown)
        })
    }

    /// Sums and order from the index; true when the stored ones were others.
    fn correct_sums(&mut self) -> Result<bool, VaultError> {
        let (stored, right, order_fits) = self.read("check the store's totals", |transaction, _| {
            let stored = totals_of(&transaction.open_table(META)?)?;
            let order = transaction.open_table(ORDER)?;
            let mut right = Totals { tick: stored.tick, ..Totals::default() };
            let (mut evictable, mut fits, mut proposed) = (0_u64, true, 0_u64);
            for row in transaction.open_table(INDEX)?.iter()? {
                let (key, row) = row?;
                let Some(row) = Row::decode(row.value()) else { continue };
                right.add(&row);
                right.tick = right.tick.max(row.tick);
                if !row.pinned {
                    evictable += 1;
                    fits &= order.get(&order_key(row.tick, key.value())[..])?.is_some();
                }
            }
            for row in order.iter()? {
                row?;
                proposed += 1;
            }
            Ok((stored, right, fits && proposed == evictable))
        })?;
        if stored == right && order_fits {
            return Ok(false);
        }
        self.write("correct the store's totals", |transaction, _| {
            transaction.open_table(META)?.insert(META_TOTALS, &right.encode()[..])?;
            let mut order = transaction.open_table(ORDER)?;
            order.retain(|_, _| false)?;
            for row in transaction.open_table(INDEX)?.iter()? {
                let (key, row) = row?;
                if let Some(row) = Row::decode(row.value()).filter(|row| !row.pinned) {
                    order.insert(&order_key(row.tick, key.value())[..], &[][..])?;
                }
            }
            Ok(())
        })?;
        Ok(true)
    }

    /// Removes files that the database does not know: left over by a power cut between a file and its transaction.
    pub(crate) fn sweep(&mut self) -> Result<u64, VaultError> {
        let known: HashSet<Vec<u8>> = self.read("list the store's files", |transaction, _| {
            let mut names = HashSet::new();
            for row in transaction.open_table(BLOBS)?.iter()? {
                names.extend(row?.0.value().get(34..).map(<[u8]>::to_vec));
            }
            Ok(names)
        })?;
        let blobs = self.blobs();
        let mut removed = 0;
        for file in blobs.all()? {
            let path = match file {
                Ok(name) if known.contains(&name[..]) => continue,
                Ok(name) => blobs.path(&name),
                Err(path) => path,
            };
            self.disk.remove(&path).map_err(|source| VaultError::disk("remove", &path, source))?;
            removed += 1;
        }
        self.sweep_due = false;
        Ok(removed)
    }
}
