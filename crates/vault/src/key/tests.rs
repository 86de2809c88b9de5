//! The key file: made once, refused when exposed, cut, changed, or opened in another way.

use std::path::PathBuf;

use super::*;
use crate::digest::from_hex;

/// A cost that keeps tests fast; the default's own bounds are tested beside it.
const CHEAP: PassphraseCost = PassphraseCost { memory_kib: 64, passes: 1, lanes: 1 };

/// Wraps by exclusive or with a byte that the "platform" keeps.
struct PlatformDouble {
    name: &'static str,
    secret: u8,
}

impl Sealer for PlatformDouble {
    fn name(&self) -> &str {
        self.name
    }

    fn seal(&self, key: &[u8; MASTER_KEY_BYTES]) -> Result<Vec<u8>, SealerError> {
        Ok(key.iter().map(|byte| byte ^ self.secret).collect())
    }

    fn unseal(&self, sealed: &[u8]) -> Result<MasterKey, SealerError> {
        let mut key = MasterKey::default();
        if sealed.len() != key.len() {
            return Err("not a key of this platform".into());
        }
        key.iter_mut().zip(sealed).for_each(|(out, byte)| *out = byte ^ self.secret);
        Ok(key)
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(KEY_FILE_NAME);
    (folder, path)
}

#[test]
fn a_key_is_made_once_and_opens_only_as_it_was_kept() {
    let tpm = PlatformDouble { name: "tpm", secret: 0x5a };
    let with = |passphrase| Unlock::Passphrase { passphrase, cost: CHEAP };
    let ways = [Unlock::KeyFile, with(b"salt water"), Unlock::Platform(&tpm)];
    for (made_as, way) in ways.iter().enumerate() {
        let (_folder, path) = folder();
        assert!(open(&RealDisk, &path, *way).unwrap().is_none());
        let key = make(&RealDisk, &path, *way).unwrap();
        assert_ne!(*key, [0; 32]);
        for (opened_as, other) in ways.iter().enumerate() {
            let opened = open(&RealDisk, &path, *other);
            if made_as == opened_as {
                assert_eq!(*opened.unwrap().unwrap(), *key);
            } else {
                assert!(matches!(opened, Err(VaultError::KeyKind { .. })), "{made_as} {opened_as}");
            }
        }
    }
}

#[test]
fn a_wrong_passphrase_or_platform_is_told_apart_from_damage() {
    let (_folder, path) = folder();
    let with = |passphrase| Unlock::Passphrase { passphrase, cost: CHEAP };
    make(&RealDisk, &path, with(b"right")).unwrap();
    assert!(matches!(open(&RealDisk, &path, with(b"wrong")), Err(VaultError::WrongPassphrase)));
    assert!(matches!(open(&RealDisk, &path, with(b"")), Err(VaultError::PassphraseLength { got: 0, .. })));
    let long = vec![b'x'; crate::limits::PASSPHRASE_MAX_BYTES + 1];
    assert!(matches!(open(&RealDisk, &path, with(&long)), Err(VaultError::PassphraseLength { .. })));

    let here = PlatformDouble { name: "tpm", secret: 1 };
    make(&RealDisk, &path, Unlock::Platform(&here)).unwrap();
    let there = PlatformDouble { name: "tpm", secret: 2 };
    assert!(matches!(open(&RealDisk, &path, Unlock::Platform(&there)), Err(VaultError::KeyDamaged { .. })));
}

#[test]
fn rewrapping_keeps_the_key() {
    let (folder, path) = folder();
    let key = make(&RealDisk, &path, Unlock::KeyFile).unwrap();
    let pass = Unlock::Passphrase { passphrase: b"tide", cost: CHEAP };
    rewrap(folder.path(), Unlock::KeyFile, pass).unwrap();
    assert!(matches!(open(&RealDisk, &path, Unlock::KeyFile), Err(VaultError::KeyKind { .. })));
    assert_eq!(*open(&RealDisk, &path, pass).unwrap().unwrap(), *key);
}

#[test]
#[cfg(unix)]
fn a_key_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = folder();
    make(&RealDisk, &path, Unlock::KeyFile).unwrap();
    let set = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(RealDisk.permissions(&path).unwrap(), Some(0o600));
    for mode in [0o640, 0o604, 0o660, 0o610, 0o666] {
        set(mode);
        let refused = open(&RealDisk, &path, Unlock::KeyFile);
        assert!(matches!(refused, Err(VaultError::KeyPermissions { mode: got, .. }) if got == mode));
    }
    set(0o400);
    assert!(open(&RealDisk, &path, Unlock::KeyFile).unwrap().is_some());
}

#[test]
fn every_cut_and_every_changed_bit_of_a_key_file_is_refused() {
    let tpm = PlatformDouble { name: "tpm", secret: 3 };
    let pass = Unlock::Passphrase { passphrase: b"tide", cost: CHEAP };
    for way in [Unlock::KeyFile, pass, Unlock::Platform(&tpm)] {
        let (_folder, path) = folder();
        make(&RealDisk, &path, way).unwrap();
        let good = std::fs::read(&path).unwrap();
        for len in 0..good.len() {
            std::fs::write(&path, &good[..len]).unwrap();
            assert!(open(&RealDisk, &path, way).is_err(), "cut to {len}");
        }
        std::fs::write(&path, [&good[..], b"x"].concat()).unwrap();
        assert!(open(&RealDisk, &path, way).is_err(), "one byte more");
        for at in 0..good.len() {
            let mut changed = good.clone();
            changed[at] ^= 1 << (at % 8);
            std::fs::write(&path, &changed).unwrap();
            assert!(open(&RealDisk, &path, way).is_err(), "byte {at}");
        }
    }
}

#[test]
fn costs_out_of_a_file_are_bounded() {
    for (memory_kib, passes, lanes, good) in [
        (64 << 10, 3, 4, true),
        (8, 1, 1, true),
        (1 << 20, 64, 16, true),
        (7, 1, 1, false),
        (31, 1, 4, false),
        ((1 << 20) + 1, 1, 1, false),
        (u32::MAX, 1, 1, false),
        (64, 0, 1, false),
        (64, 65, 1, false),
        (64, 1, 0, false),
        (1 << 20, 1, 17, false),
        (64, 1, u32::MAX, false),
    ] {
        let checked = PassphraseCost::checked(memory_kib, passes, lanes);
        assert_eq!(checked.is_ok(), good, "{memory_kib} {passes} {lanes}");
    }
    let cost = PassphraseCost::default();
    assert_eq!(PassphraseCost::checked(cost.memory_kib, cost.passes, cost.lanes).unwrap(), cost);
}

/// Each parameter reaches Argon2id: another value of it derives another key.
#[test]
fn the_cost_is_part_of_the_wrapping() {
    let key = MasterKey::new([4; 32]);
    let mut wrapped = passphrase::Wrapped::make(&key, b"tide", CHEAP).unwrap();
    assert_eq!(*wrapped.open(b"tide").unwrap(), *key);
    for cost in [
        PassphraseCost { memory_kib: 72, ..CHEAP },
        PassphraseCost { passes: 2, ..CHEAP },
        PassphraseCost { lanes: 2, ..CHEAP },
    ] {
        wrapped.cost = cost;
        assert!(matches!(wrapped.open(b"tide"), Err(VaultError::WrongPassphrase)));
    }
}

/// Fixed for ever: a change here makes every stored result unreadable.
#[test]
fn subkeys_are_the_ones_of_version_one() {
    let keys = Subkeys::new(&MasterKey::new([1; 32]));
    let expected = |context: &str| blake3::derive_key(context, &[1; 32]);
    assert_eq!(keys.values, expected("bedside vault 2026-11 values"));
    assert_eq!(keys.names, expected("bedside vault 2026-11 names"));
    assert_eq!(from_hex::<8>(&keys.id_text()), Some(keys.id));
    let all = [keys.values, keys.names, keys.file_seal, keys.audit_seed];
    assert!((0..4).all(|i| (0..i).all(|j| all[i] != all[j])));
}

#[test]
fn hashed_fields_do_not_run_together() {
    let keys = Subkeys::new(&MasterKey::new([1; 32]));
    let all = [
        keys.hash("patient", &[Some(b"ab"), Some(b"c")]),
        keys.hash("patient", &[Some(b"a"), Some(b"bc")]),
        keys.hash("patient", &[Some(b"abc")]),
        keys.hash("patient", &[None, Some(b"abc")]),
        keys.hash("patient", &[Some(b""), Some(b"abc")]),
        keys.hash("study", &[Some(b"abc")]),
        Subkeys::new(&MasterKey::new([2; 32])).hash("study", &[Some(b"abc")]),
    ];
    assert!((0..all.len()).all(|i| (0..i).all(|j| all[i] != all[j])));
}
