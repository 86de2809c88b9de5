//! Reading entries, and taking damaged ones out.

use redb::ReadableTable;

use super::capacity::{insert_source, open_header, row_of, totals_of, touch};
use super::database::Store;
use super::entry::{EntryKey, Envelope, Header};
use super::tables::{BLOBS, INDEX, META, META_TOTALS, ORDER, PARTS, REVOKED, Row, order_key};
use crate::disk::write_whole;
use crate::limits::SOURCES_MAX;
use crate::set_aside::next_name;
use crate::{Digest, VaultError};

/// An entry is touched only when this many puts happened since: a second look costs no write.
const TOUCH_AFTER_PUTS: u64 = 64;

/// What is left of a damaged entry is kept in a folder of this name with a number.
pub(crate) const DAMAGED_ENTRY_NAME: &str = "entry";

/// What reading found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<T> {
    /// The value, authenticated.
    Value(T),
    /// Nothing under this key.
    Absent,
    /// Something that does not authenticate or decode.
    Damaged(&'static str),
    /// The value depends on this revoked digest.
    Revoked(Digest),
}

impl Store {
    /// The header of an entry, if nothing it depends on is revoked.
    pub(crate) fn header(&mut self, key: &EntryKey) -> Result<Found<Header>, VaultError> {
        let (found, stale) = self.read("look a result up", |transaction, cipher| {
            let Some(sealed) = transaction.open_table(PARTS)?.get(&key.part(0)[..])? else {
                return Ok((Found::Absent, false));
            };
            let Some(header) = open_header(cipher, key, sealed.value()) else {
                return Ok((Found::Damaged("its header does not authenticate"), false));
            };
            let revoked = transaction.open_table(REVOKED)?;
            for dependency in &header.dependencies {
                // A row is enough: one that was changed must not bring a revoked result back.
                if revoked.get(&dependency.digest.0[..])?.is_some() {
                    return Ok((Found::Revoked(dependency.digest), false));
                }
            }
            let Some(row) = row_of(&transaction.open_table(INDEX)?, key)? else {
                return Ok((Found::Damaged("it is not in the index"), false));
            };
            let tick = totals_of(&transaction.open_table(META)?)?.tick;
            Ok((Found::Value(header), !row.pinned && row.tick.saturating_add(TOUCH_AFTER_PUTS) < tick))
        })?;
        if stale {
            self.touched.insert(*key);
        }
        Ok(found)
    }

    /// Part `number` of an entry.
    pub(crate) fn value(&mut self, key: &EntryKey, number: u8) -> Result<Found<Vec<u8>>, VaultError> {
        let part = key.part(number);
        let envelope = self.read("read a result", |transaction, cipher| {
            let Some(sealed) = transaction.open_table(PARTS)?.get(&part[..])? else {
                return Ok(Found::Absent);
            };
            let envelope = cipher.open("parts", &part, sealed.value()).and_then(Envelope::decode);
            Ok(envelope.map_or(Found::Damaged("a value does not authenticate"), Found::Value))
        })?;
        Ok(match envelope {
            Found::Value(Envelope::Inline(value)) => Found::Value(value),
            Found::Value(Envelope::Blob(reference)) => match self.blobs().read(&part, &reference)? {
                Some(value) => Found::Value(value),
                None => Found::Damaged("its file is missing or changed"),
            },
            Found::Absent => Found::Absent,
            Found::Damaged(what) => Found::Damaged(what),
            Found::Revoked(digest) => Found::Revoked(digest),
        })
    }

    /// Notes that a report was exported: from now on it may be evicted.
    /// Errors: `NotFound`; `EntryDamaged` when its header does not authenticate.
    pub(crate) fn mark_exported(&mut self, key: &EntryKey) -> Result<(), VaultError> {
        let id = key.id().to_string();
        self.write("note an export", |transaction, cipher| {
            let mut parts = transaction.open_table(PARTS)?;
            let header = match parts.get(&key.part(0)[..])? {
                Some(sealed) => open_header(cipher, key, sealed.value()),
                None => return Err(VaultError::NotFound { id: id.clone() }.into()),
            };
            let mut index = transaction.open_table(INDEX)?;
            let (Some(mut header), Some(row)) = (header, row_of(&index, key)?) else {
                let what = "its header does not authenticate";
                return Err(VaultError::EntryDamaged { id: id.clone(), what }.into());
            };
            if header.exported {
                return Ok(());
            }
            header.exported = true;
            parts.insert(&key.part(0)[..], &sealed_header(cipher, key, &header)?[..])?;
            let mut meta = transaction.open_table(META)?;
            let mut totals = totals_of(&meta)?;
            totals.subtract(&row);
            let row = Row { pinned: false, tick: totals.tick, ..row };
            totals.add(&row);
            index.insert(&key.0[..], &row.encode()[..])?;
            transaction.open_table(ORDER)?.insert(&order_key(row.tick, &key.0)[..], &[][..])?;
            meta.insert(META_TOTALS, &totals.encode()[..])?;
            Ok(())
        })
    }

    /// Lets a further source file lead to an entry. Beyond [`SOURCES_MAX`] nothing happens.
    pub(crate) fn link_source(&mut self, key: &EntryKey, source: Digest) -> Result<(), VaultError> {
        self.write("note a source", |transaction, cipher| {
            let mut parts = transaction.open_table(PARTS)?;
            let header = parts.get(&key.part(0)[..])?.and_then(|s| open_header(cipher, key, s.value()));
            let Some(mut header) = header else { return Ok(()) };
            if header.sources.contains(&source) || header.sources.len() >= SOURCES_MAX {
                return Ok(());
            }
            header.sources.push(source);
            parts.insert(&key.part(0)[..], &sealed_header(cipher, key, &header)?[..])?;
            drop(parts);
            insert_source(transaction, cipher, &source.0, key)
        })
    }

    /// Takes a damaged entry out of the store; what there was of it is kept in a numbered folder beside.
    pub(crate) fn quarantine(&mut self, key: &EntryKey) -> Result<(), VaultError> {
        let rows = self.read("read a result", |transaction, _| {
            let parts = transaction.open_table(PARTS)?;
            let mut rows = Vec::new();
            let (first, last) = super::tables::with_prefix(&key.0);
            for row in parts.range::<&[u8]>(&first[..]..=&last[..])? {
                let (part, sealed) = row?;
                rows.push((part.value().last().copied().unwrap_or(0), sealed.value().to_vec()));
            }
            let blobs = super::capacity::keys_with_prefix(&transaction.open_table(BLOBS)?, &key.0)?;
            Ok((rows, blobs))
        })?;
        if let Err(error) = self.keep_aside(&rows.0, &rows.1) {
            // The copy is for whoever asks later why; the entry must go even when there is no room for it.
            log::warn!("a damaged entry could not be kept aside: {error}");
        }
        self.remove(&[*key]).map(|_| ())
    }

    fn keep_aside(&self, rows: &[(u8, Vec<u8>)], blobs: &[Vec<u8>]) -> Result<(), VaultError> {
        let (folder, _) = next_name(&*self.disk, &self.folder.join(DAMAGED_ENTRY_NAME), "damaged")?;
        self.disk.create_folder(&folder).map_err(|e| VaultError::disk("make", &folder, e))?;
        for (number, sealed) in rows {
            write_whole(&*self.disk, &folder.join(format!("part-{number}")), sealed)?;
        }
        for blob in blobs {
            let Some(name) = blob.get(34..).and_then(|name| <[u8; 16]>::try_from(name).ok()) else {
                continue;
            };
            let from = self.blobs().path(&name);
            let to = folder.join(format!("file-{}", blob[33]));
            if self.disk.exists(&from).map_err(|e| VaultError::disk("find", &from, e))? {
                self.disk.rename(&from, &to).map_err(|e| VaultError::disk("set aside", &from, e))?;
            }
        }
        Ok(())
    }

    /// Writes down what was used since the last put.
    pub(super) fn flush_touched(&mut self) -> Result<(), VaultError> {
        if self.touched.is_empty() {
            return Ok(());
        }
        let touched = std::mem::take(&mut self.touched);
        self.write("note what was used", |transaction, _| {
            let tick = totals_of(&transaction.open_table(META)?)?.tick;
            touched.iter().try_for_each(|key| touch(transaction, key, tick))
        })
    }
}

fn sealed_header(
    cipher: &crate::cipher::Cipher,
    key: &EntryKey,
    header: &Header,
) -> Result<Vec<u8>, VaultError> {
    let json = serde_json::to_vec(header).expect("numbers, digits and names are always JSON");
    cipher.seal("parts", &key.part(0), &Envelope::encode_inline(&json))
}
