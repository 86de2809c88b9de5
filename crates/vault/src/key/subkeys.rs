//! One key per use, derived from the master key by BLAKE3's key derivation.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::MasterKey;
use crate::digest::to_hex;

/// The keys that the vault works with. Each context string is its own function of the master key; changing one
/// loses everything stored under it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Subkeys {
    /// Encrypts values, blobs and rows.
    pub(crate) values: [u8; 32],
    /// Hashes keys, patients and UIDs, so that neither the database nor the audit log names them.
    pub(crate) names: [u8; 32],
    /// Seals the database file against changes between two runs.
    pub(crate) file_seal: [u8; 32],
    /// Seed of the Ed25519 key that signs the audit log.
    pub(crate) audit_seed: [u8; 32],
    /// Replaces UIDs of exported scans, the same way in every file of this device.
    pub(crate) uids: [u8; 32],
    /// Public name of the master key.
    #[zeroize(skip)]
    pub(crate) id: [u8; 8],
}

impl Subkeys {
    pub(crate) fn new(master: &MasterKey) -> Self {
        let of = |context| blake3::derive_key(context, master.as_ref());
        let mut id = [0; 8];
        id.copy_from_slice(&of("bedside vault 2026-11 key id")[..8]);
        Self {
            values: of("bedside vault 2026-11 values"),
            names: of("bedside vault 2026-11 names"),
            file_seal: of("bedside vault 2026-11 database file seal"),
            audit_seed: of("bedside vault 2026-11 audit signing seed"),
            uids: of("bedside vault 2026-11 exported UIDs"),
            id,
        }
    }

    /// A value that tells the right master key from a wrong one and says nothing else about it.
    pub(super) fn check(master: &MasterKey) -> [u8; 16] {
        let digest = Zeroizing::new(blake3::derive_key("bedside vault 2026-11 key check", master.as_ref()));
        let mut check = [0; 16];
        check.copy_from_slice(&digest[..16]);
        check
    }

    /// The public id as text.
    pub(crate) fn id_text(&self) -> String {
        to_hex(&self.id)
    }

    /// A keyed hash of a list of fields: domain, then each field with a mark for present and its length.
    pub(crate) fn hash(&self, domain: &str, fields: &[Option<&[u8]>]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.names);
        hasher.update(&(domain.len() as u64).to_le_bytes()).update(domain.as_bytes());
        for field in fields {
            match field {
                None => {
                    hasher.update(&[0]);
                }
                Some(bytes) => {
                    hasher.update(&[1]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
                }
            }
        }
        *hasher.finalize().as_bytes()
    }
}
