//! A disk in memory that remembers what was synced, so that a test can cut the power at every operation.
//!
//! Stricter than most file systems: nothing survives but what was synced, a name only when its folder was; whatever
//! was not synced may be lost, kept, or torn at sectors of 512 bytes, each write by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Access, Disk, DiskFile, Lock};

const SECTOR: usize = 512;

/// One change of a file's bytes that was not synced.
#[derive(Debug, Clone)]
enum Change {
    Write(u64, Arc<[u8]>),
    SetLen(u64),
}

/// One change of names that was not synced.
#[derive(Debug, Clone)]
enum NameChange {
    Folder(PathBuf),
    Create(PathBuf, u64),
    Remove(PathBuf),
    RemoveFolder(PathBuf),
    Rename(PathBuf, PathBuf),
}

#[derive(Debug, Clone, Default)]
struct Node {
    durable: Arc<Vec<u8>>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone, Default)]
struct Names {
    files: BTreeMap<PathBuf, u64>,
    folders: BTreeSet<PathBuf>,
}

/// What is on the disk and what is on its way, at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    nodes: BTreeMap<u64, Node>,
    durable: Names,
    pending: Vec<NameChange>,
}

#[derive(Debug, Default)]
struct State {
    disk: Snapshot,
    /// File contents and names as a running process sees them.
    contents: BTreeMap<u64, Vec<u8>>,
    names: Names,
    operations: u64,
    /// From this operation on, writing fails in this way.
    fails: Option<(u64, io::ErrorKind)>,
    history: Option<Vec<Snapshot>>,
}

/// The disk; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct FakeDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct FakeFile(FakeDisk, u64);

#[derive(Debug)]
struct FakeLock;
impl Lock for FakeLock {}

/// What survives of the unsynced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Survival {
    /// Nothing.
    Lost,
    /// Everything.
    Kept,
    /// Every write by chance: lost, kept, or some of its sectors; of the names a first part.
    Torn(u64),
}

impl NameChange {
    fn touches(&self, folder: &Path) -> bool {
        match self {
            Self::Folder(path) | Self::Create(path, _) | Self::Remove(path) | Self::RemoveFolder(path) => {
                path.parent() == Some(folder)
            }
            Self::Rename(from, to) => from.parent() == Some(folder) || to.parent() == Some(folder),
        }
    }

    fn apply(&self, names: &mut Names) {
        match self {
            Self::Folder(path) => {
                names.folders.insert(path.clone());
            }
            Self::Create(path, node) => {
                names.files.insert(path.clone(), *node);
            }
            Self::Remove(path) => {
                names.files.remove(path);
            }
            Self::RemoveFolder(path) => {
                names.files.retain(|file, _| !file.starts_with(path));
                names.folders.retain(|folder| !folder.starts_with(path));
            }
            Self::Rename(from, to) => {
                let moved = |path: &PathBuf| match path.strip_prefix(from) {
                    Ok(rest) if rest.as_os_str().is_empty() => to.clone(),
                    Ok(rest) => to.join(rest),
                    Err(_) => path.clone(),
                };
                if names.files.contains_key(from) {
                    names.files.remove(to);
                }
                names.files = names.files.iter().map(|(path, node)| (moved(path), *node)).collect();
                names.folders = names.folders.iter().map(moved).collect();
            }
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => {
                let (start, end) = (*offset as usize, *offset as usize + data.len());
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[start..end].copy_from_slice(data);
            }
            Self::SetLen(len) => bytes.resize(*len as usize, 0),
        }
    }

    /// Some of the sectors that a write touches.
    fn apply_torn(&self, bytes: &mut Vec<u8>, chance: &mut Chance) {
        let Self::Write(offset, data) = self else { return self.apply(bytes) };
        let mut at = 0;
        while at < data.len() {
            let room = SECTOR - (*offset as usize + at) % SECTOR;
            let take = room.min(data.len() - at);
            if chance.next().is_multiple_of(2) {
                Self::Write(offset + at as u64, data[at..at + take].into()).apply(bytes);
            }
            at += take;
        }
    }
}

/// A small generator (SplitMix64): the same seed gives the same disk.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Snapshot {
    /// The disk after a power cut at this moment.
    pub(crate) fn recover(&self, survival: Survival) -> FakeDisk {
        let mut chance = Chance(match survival {
            Survival::Torn(seed) => seed,
            _ => 0,
        });
        let mut names = self.durable.clone();
        let kept = match survival {
            Survival::Lost => 0,
            Survival::Kept => self.pending.len(),
            Survival::Torn(_) => chance.next() as usize % (self.pending.len() + 1),
        };
        self.pending[..kept].iter().for_each(|change| change.apply(&mut names));
        names.files = std::mem::take(&mut names.files)
            .into_iter()
            .filter(|(path, _)| path.parent().is_some_and(|folder| names.folders.contains(folder)))
            .collect();
        let mut state = State { names: names.clone(), ..State::default() };
        state.disk.durable = names;
        for (id, node) in &self.nodes {
            let mut bytes = node.durable.to_vec();
            for change in &node.pending {
                match survival {
                    Survival::Lost => {}
                    Survival::Kept => change.apply(&mut bytes),
                    Survival::Torn(_) => match chance.next() % 3 {
                        0 => {}
                        1 => change.apply(&mut bytes),
                        _ => change.apply_torn(&mut bytes, &mut chance),
                    },
                }
            }
            let durable = Arc::new(bytes.clone());
            state.disk.nodes.insert(*id, Node { durable, pending: Vec::new() });
            state.contents.insert(*id, bytes);
        }
        FakeDisk(Arc::new(Mutex::new(state)))
    }
}

impl FakeDisk {
    /// An empty disk that keeps a snapshot before every operation.
    pub(crate) fn recording() -> Self {
        let disk = Self::default();
        disk.record();
        disk
    }

    /// From now on keeps a snapshot before every operation.
    pub(crate) fn record(&self) {
        self.state().history = Some(Vec::new());
    }

    /// Operations that changed or synced something so far.
    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// The snapshots, one before every operation and one now.
    pub(crate) fn history(&self) -> Vec<Snapshot> {
        let mut state = self.state();
        let mut history = state.history.take().unwrap_or_default();
        history.push(state.disk.clone());
        history
    }

    /// From operation `at` on, every change fails with `kind`.
    pub(crate) fn fail_from(&self, at: u64, kind: io::ErrorKind) {
        self.state().fails = Some((at, kind));
    }

    /// Changes succeed again.
    pub(crate) fn heal(&self) {
        self.state().fails = None;
    }

    /// Every file and its bytes.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.state();
        state.names.files.iter().map(|(path, id)| (path.clone(), state.contents[id].clone())).collect()
    }

    /// Puts other bytes into a file, as someone with access to the disk does.
    pub(crate) fn overwrite(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let id = state.names.files[path];
        state.contents.insert(id, bytes.to_vec());
        state.disk.nodes.insert(id, Node { durable: Arc::new(bytes.to_vec()), pending: Vec::new() });
    }

    /// An independent copy of everything as it is now, all of it synced.
    pub(crate) fn copy(&self) -> Self {
        let state = self.state();
        let mut snapshot = state.disk.clone();
        snapshot.durable = state.names.clone();
        snapshot.pending.clear();
        snapshot.recover(Survival::Kept)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    /// Counts an operation; fails when it is due to.
    fn step(&mut self) -> io::Result<()> {
        let disk = &self.disk;
        if let Some(history) = &mut self.history {
            history.push(disk.clone());
        }
        let at = self.operations;
        self.operations += 1;
        match self.fails {
            Some((from, kind)) if at >= from => Err(kind.into()),
            _ => Ok(()),
        }
    }

    fn rename_or_remove(&mut self, change: NameChange) -> io::Result<()> {
        self.step()?;
        change.apply(&mut self.names);
        self.disk.pending.push(change);
        Ok(())
    }

    fn change(&mut self, id: u64, change: Change) -> io::Result<()> {
        self.step()?;
        change.apply(self.contents.get_mut(&id).unwrap());
        self.disk.nodes.get_mut(&id).unwrap().pending.push(change);
        Ok(())
    }
}

impl DiskFile for FakeFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.state().contents[&self.1].len() as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.state();
        let bytes = &state.contents[&self.1];
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = from.checked_add(out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes.get(from..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.state().change(self.1, Change::Write(offset, bytes.into()))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.state().change(self.1, Change::SetLen(len))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.0.state();
        state.step()?;
        let bytes = Arc::new(state.contents[&self.1].clone());
        state.disk.nodes.insert(self.1, Node { durable: bytes, pending: Vec::new() });
        Ok(())
    }
}

impl Disk for FakeDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        let id = match (state.names.files.get(path).copied(), access) {
            (Some(id), Access::Read | Access::Write) => id,
            (Some(_), Access::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (None, Access::Read | Access::Write) => return Err(io::ErrorKind::NotFound.into()),
            (None, Access::CreateNew) => {
                if !path.parent().is_some_and(|folder| state.names.folders.contains(folder)) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                let id = state.contents.keys().last().map_or(1, |last| last + 1);
                state.rename_or_remove(NameChange::Create(path.to_path_buf(), id))?;
                state.contents.insert(id, Vec::new());
                state.disk.nodes.insert(id, Node::default());
                id
            }
        };
        Ok(Arc::new(FakeFile(self.clone(), id)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.names.files.contains_key(from) && !state.names.folders.contains(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename_or_remove(NameChange::Rename(from.to_path_buf(), to.to_path_buf()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.names.files.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename_or_remove(NameChange::Remove(path.to_path_buf()))
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.state().rename_or_remove(NameChange::RemoveFolder(path.to_path_buf()))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let missing: Vec<PathBuf> = {
            let state = self.state();
            path.ancestors().filter(|f| !state.names.folders.contains(*f)).map(Path::to_path_buf).collect()
        };
        let mut state = self.state();
        missing.into_iter().rev().try_for_each(|folder| state.rename_or_remove(NameChange::Folder(folder)))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let (done, waiting) =
            state.disk.pending.drain(..).partition::<Vec<_>, _>(|change| change.touches(folder));
        done.iter().for_each(|change| change.apply(&mut state.disk.durable));
        state.disk.pending = waiting;
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let paths = state.names.files.keys().chain(&state.names.folders);
        let mut names: Vec<String> = paths
            .filter(|path| path.parent() == Some(folder))
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let state = self.state();
        Ok(state.names.files.contains_key(path) || state.names.folders.contains(path))
    }

    fn permissions(&self, _path: &Path) -> io::Result<Option<u32>> {
        Ok(Some(0o600))
    }

    fn try_lock(&self, _path: &Path) -> io::Result<Result<Box<dyn Lock>, Option<u32>>> {
        Ok(Ok(Box::new(FakeLock)))
    }
}

#[test]
fn only_what_was_synced_survives_for_sure() {
    let disk = FakeDisk::recording();
    let folder = Path::new("/v");
    disk.create_folder(folder).unwrap();
    disk.sync_folder(Path::new("/")).unwrap();
    let (a, b) = (folder.join("a"), folder.join("b"));
    let file = disk.open(&a, Access::CreateNew).unwrap();
    file.write_at(0, &[1; 2000]).unwrap();
    file.sync().unwrap();
    disk.sync_folder(folder).unwrap();
    file.write_at(100, &[2; 1500]).unwrap();
    disk.open(&b, Access::CreateNew).unwrap();
    let now = disk.history().pop().unwrap();
    let lost = now.recover(Survival::Lost).files();
    assert_eq!(lost.keys().collect::<Vec<_>>(), [&a]);
    assert_eq!(lost[&a], vec![1; 2000]);
    let kept = now.recover(Survival::Kept).files();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[&a][99..1601].iter().filter(|byte| **byte == 2).count(), 1500);
    let torn = |seed| now.recover(Survival::Torn(seed)).files()[&a].clone();
    let some = (0..50).map(torn).filter(|bytes| *bytes != lost[&a] && *bytes != kept[&a]).count();
    assert!(some > 0, "some seed tears the write");
    assert_eq!(torn(3), torn(3));
}
