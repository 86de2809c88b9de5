//! The small tables: sources, identical pixels, revocations, the audit log's place.

use redb::{ReadableTable, WriteTransaction};

use super::capacity::totals_of;
use super::database::{Fault, Store};
use super::entry::EntryKey;
use super::tables::{INDEX, META, META_ANCHOR, META_RESTORED, PIXELS, REVOKED, SOURCES, Totals, with_prefix};
use super::{Found, Revocation, decode_anchor, encode_anchor};
use crate::audit::Anchor;
use crate::cipher::Cipher;
use crate::limits::SAME_PIXELS_MAX;
use crate::{Dependency, Digest, VaultError};

impl Store {
    /// The report that a source file leads to.
    pub(crate) fn source(&mut self, source: &[u8; 32]) -> Result<Found<EntryKey>, VaultError> {
        self.read("look a source up", |transaction, cipher| {
            let Some(sealed) = transaction.open_table(SOURCES)?.get(&source[..])? else {
                return Ok(Found::Absent);
            };
            let key = cipher.open("sources", source, sealed.value());
            let key = key.and_then(|key| EntryKey::from_bytes(&key));
            Ok(key.map_or(Found::Damaged("its source does not authenticate"), Found::Value))
        })
    }

    /// Forgets a source that leads nowhere.
    pub(crate) fn remove_source(&mut self, source: &[u8; 32]) -> Result<(), VaultError> {
        self.write("forget a source", |transaction, _| {
            transaction.open_table(SOURCES)?.remove(&source[..])?;
            Ok(())
        })
    }

    /// How many other patients have a report on the same pixels.
    pub(crate) fn other_patients(&mut self, pixels: &Digest, patient: &Digest) -> Result<usize, VaultError> {
        self.read("look identical pixels up", |transaction, cipher| {
            let table = transaction.open_table(PIXELS)?;
            let index = transaction.open_table(INDEX)?;
            let (first, last) = with_prefix(&pixels.0);
            let mut others = std::collections::BTreeSet::new();
            for row in table.range::<&[u8]>(&first[..]..=&last[..])? {
                let (key, sealed) = row?;
                let Some(other) = cipher.open("pixels", key.value(), sealed.value()) else { continue };
                let listed = key.value().get(32..).map(|entry| index.get(entry)).transpose()?.flatten();
                if listed.is_some() && other[..] != patient.0 {
                    others.insert(other);
                }
                if others.len() >= SAME_PIXELS_MAX {
                    break;
                }
            }
            Ok(others.len())
        })
    }

    /// Revokes digests; entries that depend on them never hit again.
    pub(crate) fn revoke(&mut self, revocations: &[Revocation]) -> Result<(), VaultError> {
        self.write("revoke", |transaction, cipher| insert_revocations(transaction, cipher, revocations))
    }

    /// Puts the revocations of the audit log into a new database, all or none.
    pub(crate) fn restore(&mut self, revocations: &[Revocation]) -> Result<(), VaultError> {
        self.write("restore revocations", |transaction, cipher| {
            insert_revocations(transaction, cipher, revocations)?;
            transaction.open_table(META)?.insert(META_RESTORED, &[][..])?;
            Ok(())
        })
    }

    /// Whether `restore` was done: a power cut may come between making a database and restoring into it.
    pub(crate) fn is_restored(&mut self) -> Result<bool, VaultError> {
        self.read("read the database", |transaction, _| {
            Ok(transaction.open_table(META)?.get(META_RESTORED)?.is_some())
        })
    }

    /// Everything revoked. `Err` of a digest: its row does not authenticate, it counts as revoked all the same.
    pub(crate) fn revocations(&mut self) -> Result<Vec<Result<Revocation, Digest>>, VaultError> {
        self.read("list what is revoked", |transaction, cipher| {
            let table = transaction.open_table(REVOKED)?;
            let mut all = Vec::new();
            for row in table.iter()? {
                let (key, sealed) = row?;
                let Ok(digest) = key.value().try_into().map(Digest) else { continue };
                let revocation = cipher.open("revoked", &digest.0, sealed.value());
                all.push(revocation.and_then(|bytes| Revocation::decode(digest, &bytes)).ok_or(digest));
            }
            Ok(all)
        })
    }

    /// The first of `dependencies` that is revoked.
    pub(crate) fn first_revoked(
        &mut self,
        dependencies: &[Dependency],
    ) -> Result<Option<Digest>, VaultError> {
        self.read("look revocations up", |transaction, _| {
            let table = transaction.open_table(REVOKED)?;
            for dependency in dependencies {
                if table.get(&dependency.digest.0[..])?.is_some() {
                    return Ok(Some(dependency.digest));
                }
            }
            Ok(None)
        })
    }

    /// The place in the audit log that the database remembers.
    pub(crate) fn anchor(&mut self) -> Result<Option<Anchor>, VaultError> {
        self.read("read the audit log's place", |transaction, cipher| {
            let table = transaction.open_table(META)?;
            let Some(sealed) = table.get(META_ANCHOR)? else { return Ok(None) };
            let bytes = cipher.open("meta", META_ANCHOR, sealed.value());
            let anchor = bytes.and_then(|bytes| decode_anchor(&bytes));
            anchor.map(Some).ok_or_else(|| {
                redb::Error::Corrupted("the audit log's place does not authenticate".to_owned()).into()
            })
        })
    }

    /// Remembers a place in the audit log.
    pub(crate) fn set_anchor(&mut self, anchor: &Anchor) -> Result<(), VaultError> {
        self.write("note the audit log's place", |transaction, cipher| {
            let sealed = cipher.seal("meta", META_ANCHOR, &encode_anchor(anchor))?;
            transaction.open_table(META)?.insert(META_ANCHOR, &sealed[..])?;
            Ok(())
        })
    }

    /// Sums over all entries.
    pub(crate) fn totals(&mut self) -> Result<Totals, VaultError> {
        self.read("read the store's totals", |transaction, _| totals_of(&transaction.open_table(META)?))
    }
}

fn insert_revocations(
    transaction: &WriteTransaction,
    cipher: &Cipher,
    revocations: &[Revocation],
) -> Result<(), Fault> {
    let mut table = transaction.open_table(REVOKED)?;
    for revocation in revocations {
        let digest = &revocation.dependency.digest.0[..];
        table.insert(digest, &cipher.seal("revoked", digest, &revocation.encode())?[..])?;
    }
    Ok(())
}

#[cfg(test)]
impl Store {
    /// Writes another version into the database.
    pub(crate) fn set_schema(&mut self, version: u32) {
        let set = self.write("write a version", |transaction, _| {
            transaction.open_table(META)?.insert(super::tables::META_SCHEMA, &version.to_le_bytes()[..])?;
            Ok(())
        });
        set.unwrap();
    }
}
