//! The database's file under its seal: a keyed hash of every 64 KiB, so that a byte changed between two runs is seen
//! when it is first read, and opening costs no more than what is read.
//!
//! redb trusts a file that was closed in order, and says that one changed since may make it panic. Its own checksums
//! have no key. So no byte reaches it that the seal does not vouch for, or that redb itself wrote or checked in this
//! run.

use std::fmt;
use std::io;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};
use zeroize::Zeroizing;

use crate::disk::DiskFile;

/// Bytes under one hash.
const CHUNK_BYTES: u64 = 64 << 10;
/// Longest seal read: that of a database of 32 GiB.
pub(super) const SEAL_MAX_BYTES: u64 = 16 << 20;
const HASH_BYTES: usize = 32;

/// The hashes of a file that was closed in order.
pub(super) struct Seal {
    len: u64,
    chunks: Vec<[u8; HASH_BYTES]>,
}

impl Seal {
    /// Length of the file it belongs to.
    pub(super) fn file_len(&self) -> u64 {
        self.len
    }

    /// Length (8), hashes (32 each), keyed hash of all that (32).
    pub(super) fn encode(&self, key: &[u8; 32]) -> Vec<u8> {
        let mut bytes = self.len.to_le_bytes().to_vec();
        bytes.extend(self.chunks.iter().flatten());
        let check = whole_hash(key, &bytes);
        bytes.extend_from_slice(&check);
        bytes
    }

    /// `None` when anything of it was changed.
    pub(super) fn decode(bytes: &[u8], key: &[u8; 32]) -> Option<Self> {
        let (covered, check) = bytes.split_last_chunk::<HASH_BYTES>()?;
        if whole_hash(key, covered) != *check {
            return None;
        }
        let (len, hashes) = covered.split_first_chunk::<8>()?;
        let (chunks, rest) = hashes.as_chunks::<HASH_BYTES>();
        let len = u64::from_le_bytes(*len);
        let fits = rest.is_empty() && chunks.len() as u64 == len.div_ceil(CHUNK_BYTES);
        fits.then(|| Self { len, chunks: chunks.to_vec() })
    }
}

fn whole_hash(key: &[u8; 32], bytes: &[u8]) -> [u8; HASH_BYTES] {
    *blake3::Hasher::new_keyed(key).update(b"seal").update(bytes).finalize().as_bytes()
}

/// Bound to the place, so that two chunks cannot change places.
fn chunk_hash(key: &[u8; 32], index: u64, bytes: &[u8]) -> [u8; HASH_BYTES] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(b"chunk").update(&index.to_le_bytes()).update(bytes);
    *hasher.finalize().as_bytes()
}

/// What is known of one chunk.
#[derive(Clone, Copy)]
enum Chunk {
    /// It must have this hash; nobody has looked yet.
    Vouched([u8; HASH_BYTES]),
    /// It had this hash when it was read in this run.
    Seen([u8; HASH_BYTES]),
    /// redb wrote or checked it in this run; hashed when the file is sealed.
    Ours,
}

struct State {
    len: u64,
    chunks: Vec<Chunk>,
    /// Whether a chunk did not have its hash.
    broken: bool,
}

/// A file as redb reads and writes it.
pub(super) struct SealedFile {
    file: Arc<dyn DiskFile>,
    key: Zeroizing<[u8; 32]>,
    state: Mutex<State>,
}

impl fmt::Debug for SealedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SealedFile").field(&self.file).finish()
    }
}

impl SealedFile {
    /// `seal`: what the file must be; `None` for one that redb makes or checks in this run.
    pub(super) fn new(file: Arc<dyn DiskFile>, key: &[u8; 32], seal: Option<Seal>) -> io::Result<Self> {
        let len = file.len()?;
        let chunks = match seal {
            Some(seal) => seal.chunks.into_iter().map(Chunk::Vouched).collect(),
            None => vec![Chunk::Ours; chunk_count(len)],
        };
        let state = Mutex::new(State { len, chunks, broken: false });
        Ok(Self { file, key: Zeroizing::new(*key), state })
    }

    /// The same knowledge over the file opened anew, for writing.
    pub(super) fn reopened(&self, file: Arc<dyn DiskFile>) -> Self {
        let state = self.state();
        let state = State { len: state.len, chunks: state.chunks.clone(), broken: state.broken };
        Self { file, key: self.key.clone(), state: Mutex::new(state) }
    }

    /// Whether something was read that the seal does not vouch for: redb must check the whole file.
    pub(super) fn is_broken(&self) -> bool {
        self.state().broken
    }

    /// The seal of the file as it is now. Only what changed is read.
    pub(super) fn seal(&self) -> io::Result<Seal> {
        let state = self.state();
        let mut chunks = Vec::with_capacity(state.chunks.len());
        for (index, chunk) in (0..).zip(&state.chunks) {
            chunks.push(match chunk {
                Chunk::Vouched(hash) | Chunk::Seen(hash) => *hash,
                Chunk::Ours => self.hash_of(&state, index)?,
            });
        }
        Ok(Seal { len: state.len, chunks })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic leaves nothing half done here: chunks are only ever marked after the work.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hash_of(&self, state: &State, index: u64) -> io::Result<[u8; HASH_BYTES]> {
        let start = index * CHUNK_BYTES;
        let len = usize::try_from((state.len - start).min(CHUNK_BYTES)).expect("at most 64 KiB");
        let mut bytes = vec![0; len];
        self.file.read_at(start, &mut bytes)?;
        Ok(chunk_hash(&self.key, index, &bytes))
    }

    /// Looks at the chunks `range` that nobody has looked at.
    fn look_at(&self, state: &mut State, range: Range<u64>) -> io::Result<()> {
        for index in range {
            let place = usize::try_from(index).map_err(|_| io::ErrorKind::UnexpectedEof)?;
            let Some(Chunk::Vouched(hash)) = state.chunks.get(place).copied() else { continue };
            if self.hash_of(state, index)? != hash {
                state.broken = true;
                return Err(io::Error::new(io::ErrorKind::InvalidData, "changed since it was sealed"));
            }
            state.chunks[place] = Chunk::Seen(hash);
        }
        Ok(())
    }
}

fn chunk_count(len: u64) -> usize {
    usize::try_from(len.div_ceil(CHUNK_BYTES)).expect("a file's chunks fit into memory's addresses")
}

/// The chunks that bytes `offset..end` lie in.
fn chunks_of(offset: u64, end: u64) -> Range<u64> {
    offset / CHUNK_BYTES..end.div_ceil(CHUNK_BYTES)
}

fn end_of(offset: u64, len: usize) -> io::Result<u64> {
    Ok(offset.checked_add(len as u64).ok_or(io::ErrorKind::UnexpectedEof)?)
}

/// As redb wants a file. Locks are granted: the vault's own lock keeps other processes out.
#[derive(Debug, Clone)]
pub(super) struct Backend(pub(super) Arc<SealedFile>);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let range = chunks_of(offset, end_of(offset, out.len())?);
        self.0.look_at(&mut self.0.state(), range)?;
        self.0.file.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.0.state();
        // The chunk at the shorter end changes its bytes or its length.
        let edge = state.len.min(len);
        let at_edge = edge / CHUNK_BYTES..edge.div_ceil(CHUNK_BYTES);
        self.0.look_at(&mut state, at_edge.clone())?;
        self.0.file.set_len(len)?;
        state.len = len;
        state.chunks.resize(chunk_count(len), Chunk::Ours);
        mark_ours(&mut state, at_edge);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.file.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = end_of(offset, data.len())?;
        let mut state = self.0.state();
        // What stays of a chunk beside the written bytes will be sealed as ours, so it must be looked at first.
        self.0.look_at(&mut state, chunks_of(offset, end))?;
        self.0.file.write_at(offset, data)?;
        if end > state.len {
            state.len = end;
            state.chunks.resize(chunk_count(end), Chunk::Ours);
        }
        mark_ours(&mut state, chunks_of(offset, end));
        Ok(())
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn try_lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn query_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(false)
    }
}

fn mark_ours(state: &mut State, range: Range<u64>) {
    for (_, chunk) in (0..).zip(&mut state.chunks).filter(|(index, _)| range.contains(index)) {
        *chunk = Chunk::Ours;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::fake::FakeDisk;
    use crate::disk::{Access, Disk};

    const KEY: [u8; 32] = [3; 32];
    const CHUNK: usize = CHUNK_BYTES as usize;

    fn file(len: usize) -> (FakeDisk, Arc<dyn DiskFile>) {
        let disk = FakeDisk::default();
        disk.create_folder(Path::new("/v")).unwrap();
        let file = disk.open(Path::new("/v/f"), Access::CreateNew).unwrap();
        file.write_at(0, &(0..len).map(|i| (i / 251) as u8).collect::<Vec<_>>()).unwrap();
        (disk, file)
    }

    fn sealed(file: &Arc<dyn DiskFile>, seal: Option<&[u8]>) -> Backend {
        let seal = seal.map(|seal| Seal::decode(seal, &KEY).unwrap());
        Backend(Arc::new(SealedFile::new(Arc::clone(file), &KEY, seal).unwrap()))
    }

    #[test]
    fn a_seal_kept_up_to_date_is_the_seal_of_the_whole() {
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17] {
            let (_disk, file) = file(len);
            let first = sealed(&file, None).0.seal().unwrap().encode(&KEY);
            let backend = sealed(&file, Some(&first));
            assert_eq!(backend.0.seal().unwrap().encode(&KEY), first);
            backend.set_len((len + CHUNK + 5) as u64).unwrap();
            backend.write(len as u64 / 2, &[9; 700]).unwrap();
            backend.write((len + CHUNK) as u64, &[8; 5]).unwrap();
            let kept = backend.0.seal().unwrap().encode(&KEY);
            assert_eq!(kept, sealed(&file, None).0.seal().unwrap().encode(&KEY), "grown from {len}");
            let backend = sealed(&file, Some(&kept));
            backend.set_len((len / 2) as u64).unwrap();
            let kept = backend.0.seal().unwrap().encode(&KEY);
            assert_eq!(kept, sealed(&file, None).0.seal().unwrap().encode(&KEY), "cut from {len}");
        }
    }

    #[test]
    fn a_changed_chunk_is_seen_by_whoever_touches_it_and_by_nobody_else() {
        let len = 3 * CHUNK + 17;
        for at in [0, CHUNK - 1, CHUNK, 2 * CHUNK + 5, len - 1] {
            let (_disk, file) = file(len);
            let seal = sealed(&file, None).0.seal().unwrap().encode(&KEY);
            let mut byte = [0];
            file.read_at(at as u64, &mut byte).unwrap();
            file.write_at(at as u64, &[byte[0] ^ 1]).unwrap();
            let touched = at / CHUNK;
            for chunk in 0..4 {
                let offset = (chunk * CHUNK + 3) as u64;
                let backend = sealed(&file, Some(&seal));
                assert_eq!(backend.read(offset, &mut [0; 9]).is_err(), chunk == touched, "{at} {chunk}");
                assert_eq!(backend.0.is_broken(), chunk == touched);
                let backend = sealed(&file, Some(&seal));
                assert_eq!(backend.write(offset, &[1; 9]).is_err(), chunk == touched, "{at} {chunk}");
            }
            assert!(sealed(&file, Some(&seal)).read(0, &mut vec![0; len]).is_err());
        }
    }

    #[test]
    fn a_changed_seal_is_none() {
        let (_disk, file) = file(CHUNK + 1);
        let seal = sealed(&file, None).0.seal().unwrap().encode(&KEY);
        assert!(Seal::decode(&seal, &KEY).is_some_and(|seal| seal.file_len() == CHUNK_BYTES + 1));
        assert!(Seal::decode(&seal, &[4; 32]).is_none());
        for at in 0..seal.len() {
            let mut changed = seal.clone();
            changed[at] ^= 4;
            assert!(Seal::decode(&changed, &KEY).is_none(), "byte {at}");
            assert!(Seal::decode(&seal[..at], &KEY).is_none(), "cut at {at}");
        }
    }
}
