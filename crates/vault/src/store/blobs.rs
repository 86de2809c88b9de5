//! Long values as encrypted files. A file is written whole under a temporary name before the database speaks of it;
//! it is removed after the database has forgotten it.

use std::path::PathBuf;

use super::entry::BlobReference;
use crate::VaultError;
use crate::cipher::{Cipher, SEAL_BYTES};
use crate::digest::{from_hex, to_hex};
use crate::disk::{Disk, make_folder, read_whole, write_whole};
use crate::limits::VALUE_MAX_BYTES;

/// Name of the folder of the files.
pub(super) const BLOBS_NAME: &str = "blobs";
/// What a value's seal is bound to, beside its part and its name.
const TABLE: &str = "blob";

/// Files in one folder.
pub(super) struct Blobs<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) folder: PathBuf,
    pub(super) cipher: &'a Cipher,
}

impl Blobs<'_> {
    /// Encrypts `value` for `part` into a new file; when it returns, the file survives a power cut.
    pub(super) fn write(&self, part: &[u8; 34], value: &[u8]) -> Result<BlobReference, VaultError> {
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(VaultError::Random)?;
        let sealed = self.cipher.seal(TABLE, &bound_to(part, &name), value)?;
        let path = self.path(&name);
        make_folder(self.disk, &self.folder)?;
        write_whole(self.disk, &path, &sealed)?;
        let digest = *blake3::hash(&sealed).as_bytes();
        Ok(BlobReference { name, sealed_len: sealed.len() as u64, digest })
    }

    /// The value, or `None` when the file is missing or anything of it was changed.
    pub(super) fn read(
        &self,
        part: &[u8; 34],
        reference: &BlobReference,
    ) -> Result<Option<Vec<u8>>, VaultError> {
        let max = VALUE_MAX_BYTES + SEAL_BYTES as u64;
        let sealed = match read_whole(self.disk, &self.path(&reference.name), "a stored file", max) {
            Ok(Some(sealed)) => sealed,
            Ok(None) | Err(VaultError::TooLarge { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if sealed.len() as u64 != reference.sealed_len
            || *blake3::hash(&sealed).as_bytes() != reference.digest
        {
            return Ok(None);
        }
        Ok(self.cipher.open(TABLE, &bound_to(part, &reference.name), &sealed))
    }

    /// Removes a file that nothing refers to any more; one that is gone already is fine.
    pub(super) fn remove(&self, name: &[u8; 16]) -> Result<(), VaultError> {
        let path = self.path(name);
        match self.disk.remove(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(VaultError::disk("remove", &path, source))
            }
            _ => Ok(()),
        }
    }

    /// Every file there is: its name, or its path where the name is none of ours (an unfinished one).
    pub(super) fn all(&self) -> Result<Vec<Result<[u8; 16], PathBuf>>, VaultError> {
        let list = self.disk.list(&self.folder);
        let list = list.map_err(|source| VaultError::disk("list", &self.folder, source))?;
        let files = list.iter().map(|file| from_hex(file).ok_or_else(|| self.folder.join(file))).collect();
        Ok(files)
    }

    pub(super) fn path(&self, name: &[u8; 16]) -> PathBuf {
        self.folder.join(to_hex(name))
    }
}

fn bound_to(part: &[u8; 34], name: &[u8; 16]) -> Vec<u8> {
    [part.as_slice(), name.as_slice()].concat()
}
