//! The master key: made at first start, kept in one file, opened in one of three ways.

mod file;
mod passphrase;
mod subkeys;
#[cfg(test)]
mod tests;

use std::path::Path;

use zeroize::Zeroizing;

pub use passphrase::PassphraseCost;
pub(crate) use subkeys::Subkeys;

use crate::VaultError;
use crate::disk::{Disk, RealDisk, read_whole, write_whole};
use crate::limits::{KEY_FILE_MAX_BYTES, SEALED_KEY_MAX_BYTES, SEALER_NAME_MAX_BYTES};
use file::KeyFile;

/// What a key file on the same disk is worth, in the words shown to whoever sets a device up.
pub const KEY_FILE_PROTECTION: &str = "\
The results on this device are encrypted with a random key that lies beside them, in a file only this user may read.
It protects: results copied without the key (a backup of the store alone, a file sent by mistake), results after the
key file is destroyed, and every stored result against being changed or exchanged unseen.
It does not protect: against whoever has the whole disk, the unlocked device or this user's account, for the key is
there too. Use full-disk encryption, a passphrase (`Unlock::Passphrase`), or the platform's key store for that.";

/// Length of the master key in bytes.
pub const MASTER_KEY_BYTES: usize = 32;

/// The master key, wiped when dropped.
pub type MasterKey = Zeroizing<[u8; MASTER_KEY_BYTES]>;

/// Why a platform's key store failed.
pub type SealerError = Box<dyn std::error::Error + Send + Sync>;

/// A platform's way to keep the master key: a TPM, a secure element, Android's keystore, the login keychain.
/// None is built in; a device brings its own.
pub trait Sealer {
    /// A name that is written into the key file, so that another sealer refuses it. 1 to 64 bytes.
    fn name(&self) -> &str;
    /// Wraps the key; what is returned (at most 16 KiB) is stored as it is.
    /// Errors: the platform's; shown to the user, so they must not hold the key.
    fn seal(&self, key: &[u8; MASTER_KEY_BYTES]) -> Result<Vec<u8>, SealerError>;
    /// Unwraps what `seal` returned; the vault checks that the key is the right one.
    /// Errors: the platform's.
    fn unseal(&self, sealed: &[u8]) -> Result<MasterKey, SealerError>;
}

/// How the master key is opened, and how it is kept if it is made now.
#[derive(Clone, Copy)]
pub enum Unlock<'a> {
    /// A key file that only the user may read. See [`KEY_FILE_PROTECTION`].
    KeyFile,
    /// A key wrapped with a passphrase by Argon2id; `cost` is used when the key is made.
    Passphrase {
        /// The passphrase's bytes, as typed.
        passphrase: &'a [u8],
        /// Cost of Argon2id for a new key.
        cost: PassphraseCost,
    },
    /// A key that the platform wraps.
    Platform(&'a dyn Sealer),
}

impl Unlock<'_> {
    fn describe(&self) -> String {
        match self {
            Self::KeyFile => "no passphrase".to_owned(),
            Self::Passphrase { .. } => "a passphrase".to_owned(),
            Self::Platform(sealer) => format!("the platform's {}", sealer.name()),
        }
    }
}

/// Opens the key at `path`; `None` when there is none.
pub(crate) fn open(
    disk: &dyn Disk,
    path: &Path,
    unlock: Unlock<'_>,
) -> Result<Option<MasterKey>, VaultError> {
    if !disk.exists(path).map_err(|source| VaultError::disk("find", path, source))? {
        return Ok(None);
    }
    let mode = disk.permissions(path).map_err(|source| VaultError::disk("look at", path, source))?;
    if let Some(mode) = mode.filter(|mode| mode & 0o077 != 0) {
        return Err(VaultError::KeyPermissions { path: path.to_path_buf(), mode });
    }
    let Some(bytes) = read_whole(disk, path, "a key file", KEY_FILE_MAX_BYTES)? else { return Ok(None) };
    let bytes = Zeroizing::new(bytes);
    let file = KeyFile::decode(path, &bytes)?;
    let key = match (&file, unlock) {
        (KeyFile::Plain(key), Unlock::KeyFile) => key.clone(),
        (KeyFile::Passphrase(wrapped), Unlock::Passphrase { passphrase, .. }) => wrapped.open(passphrase)?,
        (KeyFile::Platform { name, sealed, check }, Unlock::Platform(sealer)) if name == sealer.name() => {
            let key =
                sealer.unseal(sealed).map_err(|source| VaultError::Sealer { name: name.clone(), source })?;
            if Subkeys::check(&key) != *check {
                let what = "the platform unsealed another key";
                return Err(VaultError::KeyDamaged { path: path.to_path_buf(), what });
            }
            key
        }
        (file, unlock) => {
            return Err(VaultError::KeyKind {
                path: path.to_path_buf(),
                stored: file.describe(),
                given: unlock.describe(),
            });
        }
    };
    Ok(Some(key))
}

/// Makes a random key and keeps it as `unlock` says. When it returns, the file survives a power cut.
pub(crate) fn make(disk: &dyn Disk, path: &Path, unlock: Unlock<'_>) -> Result<MasterKey, VaultError> {
    let mut key = MasterKey::default();
    getrandom::fill(key.as_mut()).map_err(VaultError::Random)?;
    keep(disk, path, &key, unlock)?;
    Ok(key)
}

/// Keeps an existing key in another way: from a key file to a passphrase, to a new passphrase, to the platform.
/// The key itself, and so every stored result, stays. The vault must not be open.
/// `folder`: the vault's folder. Errors: what opening or writing a key gives; on any, the old key file stays.
pub fn rewrap(folder: &Path, from: Unlock<'_>, to: Unlock<'_>) -> Result<(), VaultError> {
    let path = folder.join(KEY_FILE_NAME);
    let key = open(&RealDisk, &path, from)?.ok_or_else(|| VaultError::KeyMissing { path: path.clone() })?;
    keep(&RealDisk, &path, &key, to)
}

/// Name of the key file in the vault's folder.
pub(crate) const KEY_FILE_NAME: &str = "key";

fn keep(disk: &dyn Disk, path: &Path, key: &MasterKey, unlock: Unlock<'_>) -> Result<(), VaultError> {
    let file = match unlock {
        Unlock::KeyFile => KeyFile::Plain(key.clone()),
        Unlock::Passphrase { passphrase, cost } => {
            KeyFile::Passphrase(passphrase::Wrapped::make(key, passphrase, cost)?)
        }
        Unlock::Platform(sealer) => {
            let name = sealer.name().to_owned();
            let sealed =
                sealer.seal(key).map_err(|source| VaultError::Sealer { name: name.clone(), source })?;
            limit("a platform's sealed key", sealed.len(), SEALED_KEY_MAX_BYTES)?;
            limit("the name of a platform's key store", name.len(), SEALER_NAME_MAX_BYTES)?;
            KeyFile::Platform { name, sealed, check: Subkeys::check(key) }
        }
    };
    write_whole(disk, path, &file.encode())
}

fn limit(what: &'static str, got: usize, max: usize) -> Result<(), VaultError> {
    if got > max {
        return Err(VaultError::TooLarge { what, got: got as u64, max: max as u64 });
    }
    Ok(())
}
