//! Putting an entry in, and making room for it: oldest first, never a report that is not exported.

use redb::{ReadableTable, WriteTransaction};

use super::blobs::Blobs;
use super::database::{Fault, Store};
use super::entry::{BlobReference, EntryKey, Envelope, Header, Level};
use super::tables::{
    BLOBS, INDEX, META, META_ANCHOR, META_TOTALS, ORDER, PARTS, PIXELS, Row, SOURCES, Totals, order_key,
    with_prefix,
};
use super::{Part, encode_anchor};
use crate::VaultError;
use crate::audit::Anchor;
use crate::cipher::{Cipher, SEAL_BYTES};
use crate::limits::{ENTRY_OVERHEAD_BYTES, HEADER_MAX_BYTES, INLINE_MAX_BYTES, VALUE_MAX_BYTES};

/// An entry on its way in.
pub(crate) struct NewEntry<'a> {
    pub(crate) key: EntryKey,
    pub(crate) header: &'a Header,
    pub(crate) parts: &'a [Part<'a>],
    /// Never evicted until exported.
    pub(crate) pinned: bool,
}

/// What a put did beside storing.
pub(crate) struct PutOutcome {
    /// Entries that made room.
    pub(crate) evicted: Vec<EntryKey>,
    /// Sums afterwards.
    pub(crate) totals: Totals,
}

/// A value on its way into the parts table.
struct Prepared {
    part: [u8; 34],
    sealed: Vec<u8>,
    blob: Option<BlobReference>,
}

impl Store {
    /// Stores an entry; when it returns, the entry survives a power cut. One under the same key is replaced.
    /// On a damaged database, a new one is begun and the entry stored there.
    /// Errors: `Full` when reports that are not exported leave no room; `TooLarge`; the disk's.
    pub(crate) fn put(
        &mut self,
        entry: &NewEntry<'_>,
        max_bytes: u64,
        anchor: Option<Anchor>,
    ) -> Result<PutOutcome, VaultError> {
        match self.put_once(entry, max_bytes, anchor) {
            Err(error) if error.is_damage() => self.put_once(entry, max_bytes, anchor),
            other => other,
        }
    }

    fn put_once(
        &mut self,
        entry: &NewEntry<'_>,
        max_bytes: u64,
        anchor: Option<Anchor>,
    ) -> Result<PutOutcome, VaultError> {
        let header = serde_json::to_vec(entry.header).expect("numbers, digits and names are always JSON");
        check_lengths(&header, entry.parts)?;
        let values: Vec<Part<'_>> = [Part { number: 0, bytes: &header }]
            .into_iter()
            .chain(entry.parts.iter().map(|part| Part { number: part.number, bytes: part.bytes }))
            .collect();
        let bytes = values
            .iter()
            .map(|part| (part.bytes.len() + SEAL_BYTES + 1) as u64)
            .fold(ENTRY_OVERHEAD_BYTES, u64::saturating_add);
        self.check_room(&entry.key, bytes, max_bytes)?;
        if self.sweep_due {
            self.sweep()?;
        }
        let mut prepared = Vec::with_capacity(values.len());
        let result = values
            .iter()
            .try_for_each(|part| {
                prepared.push(prepare(&self.blobs(), &self.cipher, &entry.key, part)?);
                Ok(())
            })
            .and_then(|()| self.insert(entry, &prepared, bytes, max_bytes, anchor));
        match result {
            Ok((outcome, dropped)) => {
                self.remove_blobs(&dropped);
                Ok(outcome)
            }
            Err(error) => {
                // A failed commit may still have reached the disk: then the files stay until the database, opened
                // again, turns out not to know them.
                if !self.sweep_due {
                    let written: Vec<_> = prepared.iter().filter_map(|p| p.blob.map(|b| b.name)).collect();
                    self.remove_blobs(&written);
                }
                Err(error)
            }
        }
    }

    fn check_room(&mut self, key: &EntryKey, needed_bytes: u64, max_bytes: u64) -> Result<(), VaultError> {
        let pinned_bytes = self.read("read the database", |transaction, _| {
            let totals = totals_of(&transaction.open_table(META)?)?;
            let old = row_of(&transaction.open_table(INDEX)?, key)?;
            let freed = old.filter(|row| row.pinned).map_or(0, |row| row.bytes);
            Ok(totals.pinned_bytes.saturating_sub(freed))
        })?;
        if pinned_bytes.saturating_add(needed_bytes) > max_bytes {
            return Err(VaultError::Full { needed_bytes, max_bytes, pinned_bytes });
        }
        Ok(())
    }

    /// The transaction of a put. Returns the files that nothing refers to any more beside the outcome.
    fn insert(
        &mut self,
        entry: &NewEntry<'_>,
        prepared: &[Prepared],
        bytes: u64,
        max_bytes: u64,
        anchor: Option<Anchor>,
    ) -> Result<(PutOutcome, Vec<[u8; 16]>), VaultError> {
        let touched = std::mem::take(&mut self.touched);
        self.write("store a result", |transaction, cipher| {
            let mut dropped = Vec::new();
            let mut totals = totals_of(&transaction.open_table(META)?)?;
            for key in &touched {
                touch(transaction, key, totals.tick)?;
            }
            if let Some(row) = remove_entry(transaction, cipher, &entry.key, &mut dropped)? {
                totals.subtract(&row);
            }
            totals.tick = totals.tick.saturating_add(1);
            let row = Row { tick: totals.tick, bytes, pinned: entry.pinned };
            insert_rows(transaction, cipher, entry, prepared, &row)?;
            totals.add(&row);
            let evicted = evict(transaction, cipher, &mut totals, max_bytes, &entry.key, &mut dropped)?;
            let mut meta = transaction.open_table(META)?;
            meta.insert(META_TOTALS, &totals.encode()[..])?;
            if let Some(anchor) = anchor {
                meta.insert(META_ANCHOR, &cipher.seal("meta", META_ANCHOR, &encode_anchor(&anchor))?[..])?;
            }
            Ok((PutOutcome { evicted, totals }, dropped))
        })
    }

    /// Evicts until at most `max_bytes` are left or only pinned entries are.
    pub(crate) fn shrink(&mut self, max_bytes: u64) -> Result<PutOutcome, VaultError> {
        let (outcome, dropped) = self.write("evict results", |transaction, cipher| {
            let mut dropped = Vec::new();
            let mut totals = totals_of(&transaction.open_table(META)?)?;
            let nothing = EntryKey([0; 33]);
            let evicted = evict(transaction, cipher, &mut totals, max_bytes, &nothing, &mut dropped)?;
            transaction.open_table(META)?.insert(META_TOTALS, &totals.encode()[..])?;
            Ok((PutOutcome { evicted, totals }, dropped))
        })?;
        self.remove_blobs(&dropped);
        Ok(outcome)
    }

    /// Takes entries out.
    pub(crate) fn remove(&mut self, keys: &[EntryKey]) -> Result<Totals, VaultError> {
        let (totals, dropped) = self.write("remove results", |transaction, cipher| {
            let mut dropped = Vec::new();
            let mut totals = totals_of(&transaction.open_table(META)?)?;
            for key in keys {
                if let Some(row) = remove_entry(transaction, cipher, key, &mut dropped)? {
                    totals.subtract(&row);
                }
            }
            transaction.open_table(META)?.insert(META_TOTALS, &totals.encode()[..])?;
            Ok((totals, dropped))
        })?;
        self.remove_blobs(&dropped);
        Ok(totals)
    }

    /// A file that stays is only space; the next sweep takes it.
    fn remove_blobs(&mut self, names: &[[u8; 16]]) {
        for name in names {
            if let Err(error) = self.blobs().remove(name) {
                log::warn!("{error}");
                self.sweep_due = true;
            }
        }
    }
}

fn check_lengths(header: &[u8], parts: &[Part<'_>]) -> Result<(), VaultError> {
    let within = |what, got: usize, max: u64| {
        if got as u64 > max { Err(VaultError::TooLarge { what, got: got as u64, max }) } else { Ok(()) }
    };
    within("an entry's header", header.len(), HEADER_MAX_BYTES)?;
    parts.iter().try_for_each(|part| within("a result", part.bytes.len(), VALUE_MAX_BYTES))
}

fn prepare(
    blobs: &Blobs<'_>,
    cipher: &Cipher,
    key: &EntryKey,
    value: &Part<'_>,
) -> Result<Prepared, VaultError> {
    let part = key.part(value.number);
    let (envelope, blob) = if value.bytes.len() <= INLINE_MAX_BYTES || value.number == 0 {
        (Envelope::encode_inline(value.bytes), None)
    } else {
        let reference = blobs.write(&part, value.bytes)?;
        (Envelope::encode_blob(&reference), Some(reference))
    };
    Ok(Prepared { part, sealed: cipher.seal("parts", &part, &envelope)?, blob })
}

fn insert_rows(
    transaction: &WriteTransaction,
    cipher: &Cipher,
    entry: &NewEntry<'_>,
    prepared: &[Prepared],
    row: &Row,
) -> Result<(), Fault> {
    let key = &entry.key.0[..];
    let mut parts = transaction.open_table(PARTS)?;
    let mut blobs = transaction.open_table(BLOBS)?;
    for value in prepared {
        parts.insert(&value.part[..], &value.sealed[..])?;
        if let Some(blob) = value.blob {
            blobs.insert(&[&value.part[..], &blob.name[..]].concat()[..], &[][..])?;
        }
    }
    transaction.open_table(INDEX)?.insert(key, &row.encode()[..])?;
    if !row.pinned {
        transaction.open_table(ORDER)?.insert(&order_key(row.tick, key)[..], &[][..])?;
    }
    for source in &entry.header.sources {
        insert_source(transaction, cipher, &source.0, &entry.key)?;
    }
    if let (Some(pixels), Some(patient)) = (entry.header.pixels, entry.header.patient) {
        let row_key = [&pixels.0[..], key].concat();
        let sealed = cipher.seal("pixels", &row_key, &patient.0)?;
        transaction.open_table(PIXELS)?.insert(&row_key[..], &sealed[..])?;
    }
    Ok(())
}

pub(super) fn insert_source(
    transaction: &WriteTransaction,
    cipher: &Cipher,
    source: &[u8; 32],
    entry: &EntryKey,
) -> Result<(), Fault> {
    let sealed = cipher.seal("sources", source, &entry.0)?;
    transaction.open_table(SOURCES)?.insert(&source[..], &sealed[..])?;
    Ok(())
}

/// Takes every row of an entry out; its files are added to `dropped`. `None` when there is none.
pub(super) fn remove_entry(
    transaction: &WriteTransaction,
    cipher: &Cipher,
    key: &EntryKey,
    dropped: &mut Vec<[u8; 16]>,
) -> Result<Option<Row>, Fault> {
    let mut parts = transaction.open_table(PARTS)?;
    let header_key = key.part(0);
    let header = parts.get(&header_key[..])?.and_then(|sealed| open_header(cipher, key, sealed.value()));
    for part in keys_with_prefix(&parts, &key.0)? {
        parts.remove(&part[..])?;
    }
    let mut blobs = transaction.open_table(BLOBS)?;
    for blob in keys_with_prefix(&blobs, &key.0)? {
        blobs.remove(&blob[..])?;
        dropped.extend(blob.get(34..).and_then(|name| <[u8; 16]>::try_from(name).ok()));
    }
    if let Some(header) = header {
        let mut sources = transaction.open_table(SOURCES)?;
        for source in &header.sources {
            sources.remove(&source.0[..])?;
        }
        if let Some(pixels) = header.pixels {
            transaction.open_table(PIXELS)?.remove(&[&pixels.0[..], &key.0[..]].concat()[..])?;
        }
    }
    let mut index = transaction.open_table(INDEX)?;
    let row = index.remove(&key.0[..])?.and_then(|row| Row::decode(row.value()));
    if let Some(row) = row {
        transaction.open_table(ORDER)?.remove(&order_key(row.tick, &key.0)[..])?;
    }
    Ok(row)
}

/// The header in a sealed row of the parts table.
pub(super) fn open_header(cipher: &Cipher, key: &EntryKey, sealed: &[u8]) -> Option<Header> {
    match Envelope::decode(cipher.open("parts", &key.part(0), sealed)?)? {
        Envelope::Inline(json) => serde_json::from_slice(&json).ok(),
        Envelope::Blob(_) => None,
    }
}

/// Takes the oldest entries out until `max_bytes` hold. The order table only proposes: an entry that its index or its
/// own header calls not exported stays, whatever the order table says.
fn evict(
    transaction: &WriteTransaction,
    cipher: &Cipher,
    totals: &mut Totals,
    max_bytes: u64,
    keep: &EntryKey,
    dropped: &mut Vec<[u8; 16]>,
) -> Result<Vec<EntryKey>, Fault> {
    let mut evicted = Vec::new();
    while totals.bytes > max_bytes {
        let mut order = transaction.open_table(ORDER)?;
        let oldest = order.first()?.map(|(key, _)| key.value().to_vec());
        let Some(oldest) = oldest else { break };
        order.remove(&oldest[..])?;
        drop(order);
        let Some(key) = oldest.get(8..).and_then(EntryKey::from_bytes).filter(|key| key != keep) else {
            continue;
        };
        let pinned = row_of(&transaction.open_table(INDEX)?, &key)?.is_none_or(|row| row.pinned);
        if pinned || is_unexported(transaction, cipher, &key)? {
            continue;
        }
        if let Some(row) = remove_entry(transaction, cipher, &key, dropped)? {
            totals.subtract(&row);
            evicted.push(key);
        }
    }
    Ok(evicted)
}

fn is_unexported(transaction: &WriteTransaction, cipher: &Cipher, key: &EntryKey) -> Result<bool, Fault> {
    if key.level() != Some(Level::Report) {
        return Ok(false);
    }
    let parts = transaction.open_table(PARTS)?;
    let header = parts.get(&key.part(0)[..])?.and_then(|sealed| open_header(cipher, key, sealed.value()));
    Ok(header.is_some_and(|header| !header.exported))
}

/// Moves an evictable entry to `tick`.
pub(super) fn touch(transaction: &WriteTransaction, key: &EntryKey, tick: u64) -> Result<(), Fault> {
    let mut index = transaction.open_table(INDEX)?;
    let Some(row) = row_of(&index, key)?.filter(|row| !row.pinned && row.tick < tick) else { return Ok(()) };
    let mut order = transaction.open_table(ORDER)?;
    order.remove(&order_key(row.tick, &key.0)[..])?;
    order.insert(&order_key(tick, &key.0)[..], &[][..])?;
    index.insert(&key.0[..], &Row { tick, ..row }.encode()[..])?;
    Ok(())
}

/// Sums as stored; rows nobody can read count as damage.
pub(super) fn totals_of(meta: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<Totals, Fault> {
    let totals = meta.get(META_TOTALS)?.and_then(|bytes| Totals::decode(bytes.value()));
    totals.ok_or_else(|| redb::Error::Corrupted("its totals are missing".to_owned()).into())
}

pub(super) fn row_of(
    index: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &EntryKey,
) -> Result<Option<Row>, Fault> {
    Ok(index.get(&key.0[..])?.and_then(|row| Row::decode(row.value())))
}

pub(super) fn keys_with_prefix(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    prefix: &[u8],
) -> Result<Vec<Vec<u8>>, Fault> {
    let (first, last) = with_prefix(prefix);
    let mut keys = Vec::new();
    for row in table.range::<&[u8]>(&first[..]..=&last[..])? {
        keys.push(row?.0.value().to_vec());
    }
    Ok(keys)
}
