//! The database's tables and the bytes of their unsealed rows.

use redb::TableDefinition;

/// Every table maps bytes to bytes: lengths are checked by whoever decodes them.
pub(super) type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Schema version, key id, totals, the audit log's place, whether revocations were restored.
pub(super) const META: Table = TableDefinition::new("meta");
/// Entry and part → sealed value, or sealed reference to a file.
pub(super) const PARTS: Table = TableDefinition::new("parts");
/// Entry → [`Row`].
pub(super) const INDEX: Table = TableDefinition::new("index");
/// Tick and entry, for entries that may be evicted, oldest first.
pub(super) const ORDER: Table = TableDefinition::new("order");
/// Keyed hash of a source → sealed entry key.
pub(super) const SOURCES: Table = TableDefinition::new("sources");
/// Keyed hash of pixels and report entry → sealed keyed hash of the patient.
pub(super) const PIXELS: Table = TableDefinition::new("pixels");
/// Entry, part and name of a file → nothing: which files belong to an entry.
pub(super) const BLOBS: Table = TableDefinition::new("blobs");
/// Digest → sealed revocation.
pub(super) const REVOKED: Table = TableDefinition::new("revoked");

pub(super) const ALL: [Table; 8] = [META, PARTS, INDEX, ORDER, SOURCES, PIXELS, BLOBS, REVOKED];

pub(super) const META_SCHEMA: &[u8] = b"schema";
pub(super) const META_KEY_ID: &[u8] = b"key id";
pub(super) const META_TOTALS: &[u8] = b"totals";
pub(super) const META_ANCHOR: &[u8] = b"anchor";
/// There once the revocations of the audit log are in a new database.
pub(super) const META_RESTORED: &[u8] = b"restored";

/// What the index knows of an entry without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// When it was last used, counted in puts.
    pub(crate) tick: u64,
    /// Bytes it takes.
    pub(crate) bytes: u64,
    /// Never evicted: a report that is not exported.
    pub(crate) pinned: bool,
}

impl Row {
    pub(super) fn encode(&self) -> [u8; 17] {
        let mut bytes = [0; 17];
        bytes[..8].copy_from_slice(&self.tick.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[16] = u8::from(self.pinned);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 17] = bytes.try_into().ok()?;
        let word = |at: usize| bytes[at..at + 8].try_into().map(u64::from_le_bytes).ok();
        let pinned = match bytes[16] {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(Self { tick: word(0)?, bytes: word(8)?, pinned })
    }
}

/// Sums over the index, kept beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    /// Puts so far: the clock of "last used".
    pub(crate) tick: u64,
    /// Entries.
    pub(crate) entries: u64,
    /// Bytes of all entries.
    pub(crate) bytes: u64,
    /// Bytes of the pinned ones.
    pub(crate) pinned_bytes: u64,
}

impl Totals {
    pub(super) fn encode(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let words = [self.tick, self.entries, self.bytes, self.pinned_bytes];
        for (out, word) in bytes.chunks_exact_mut(8).zip(words) {
            out.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 32] = bytes.try_into().ok()?;
        let word = |at: usize| bytes[at..at + 8].try_into().map(u64::from_le_bytes).ok();
        Some(Self { tick: word(0)?, entries: word(8)?, bytes: word(16)?, pinned_bytes: word(24)? })
    }

    /// An entry came. Sums saturate: rows that were changed by someone must not stop the store.
    pub(super) fn add(&mut self, row: &Row) {
        self.entries = self.entries.saturating_add(1);
        self.bytes = self.bytes.saturating_add(row.bytes);
        if row.pinned {
            self.pinned_bytes = self.pinned_bytes.saturating_add(row.bytes);
        }
    }

    /// An entry went.
    pub(super) fn subtract(&mut self, row: &Row) {
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(row.bytes);
        if row.pinned {
            self.pinned_bytes = self.pinned_bytes.saturating_sub(row.bytes);
        }
    }
}

/// Key of a row of [`ORDER`]; big-endian, so that the oldest comes first.
pub(super) fn order_key(tick: u64, entry: &[u8]) -> Vec<u8> {
    let mut key = tick.to_be_bytes().to_vec();
    key.extend_from_slice(entry);
    key
}

/// First and last key that begin with `prefix`; every key of the tables is shorter than the filling.
pub(super) fn with_prefix(prefix: &[u8]) -> (Vec<u8>, Vec<u8>) {
    const FILLING: [u8; 80] = [u8::MAX; 80];
    (prefix.to_vec(), [prefix, &FILLING].concat())
}
