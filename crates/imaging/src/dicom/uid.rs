//! UIDs made from content: the same content has the same UID, other content another one.
//!
//! `2.25.` and a UUID of version 8 as a decimal number; the UUID is the beginning of a BLAKE3 digest. Nothing is
//! drawn at random and no clock is read. Source: DICOM PS3.5 B.2 (UUID derived UIDs), RFC 9562 section 5.8.

/// Keeps these digests apart from any other use of BLAKE3.
const CONTEXT: &str = "Bedside 2026-11-24 DICOM UID of content";

/// A UID in the making.
#[derive(Debug, Clone)]
pub(crate) struct ContentUid(blake3::Hasher);

impl ContentUid {
    /// `purpose`: what the UID is for; the same content has another UID for another purpose.
    pub(crate) fn new(purpose: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&(purpose.len() as u64).to_le_bytes()).update(purpose.as_bytes());
        Self(hasher)
    }

    pub(crate) fn add(mut self, content: &[u8]) -> Self {
        self.0.update(content);
        self
    }

    pub(crate) fn uid(&self) -> String {
        of_digest(self.0.finalize())
    }
}

/// The UID of `content` for a purpose (`"study"`, `"series"`, …): 44 characters at most. Whoever knows the content
/// can make the same UID: where that must not be, use what is secret as content.
/// Source: DICOM PS3.5 B.2.
pub fn content_uid(purpose: &str, content: &[u8]) -> String {
    ContentUid::new(purpose).add(content).uid()
}

/// What stands for `uid` under a key: consistent, and not to be undone without the key.
pub(crate) fn replaced(key: &[u8; 32], uid: &str) -> String {
    of_digest(blake3::keyed_hash(key, uid.as_bytes()))
}

fn of_digest(digest: blake3::Hash) -> String {
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&digest.as_bytes()[..16]);
    uuid[6] = uuid[6] & 0x0F | 0x80; // version 8
    uuid[8] = uuid[8] & 0x3F | 0x80; // variant of RFC 9562
    format!("2.25.{}", u128::from_be_bytes(uuid))
}

/// Whether a text is a UID. Source: DICOM PS3.5 section 9.1.
pub(crate) fn is_uid(text: &str) -> bool {
    let component = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits && (part == "0" || !part.starts_with('0'))
    };
    text.len() <= 64 && text.contains('.') && text.split('.').all(component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_depend_on_purpose_and_content_and_nothing_else() {
        let uid = content_uid("study", b"content");
        assert_eq!(uid, content_uid("study", b"content"));
        assert_eq!(uid, ContentUid::new("study").add(b"con").add(b"tent").uid());
        let others = [
            content_uid("series", b"content"),
            content_uid("study", b"Content"),
            content_uid("stud", b"ycontent"),
        ];
        for other in &others {
            assert_ne!(&uid, other);
        }
        for uid in others.iter().chain([&uid]) {
            assert!(is_uid(uid), "{uid}");
            let uuid: u128 = uid.strip_prefix("2.25.").unwrap().parse().unwrap();
            assert_eq!((uuid >> 76 & 15, uuid >> 62 & 3), (8, 2));
        }
        let key = [7; 32];
        assert_eq!(replaced(&key, "1.2.3"), replaced(&key, "1.2.3"));
        assert_ne!(replaced(&key, "1.2.3"), replaced(&[8; 32], "1.2.3"));
    }

    #[test]
    fn what_is_no_uid_is_told() {
        for text in ["", "1", "1.", ".1", "1..2", "1.02", "1.a", "PLANTED", "1.2 "] {
            assert!(!is_uid(text), "{text}");
        }
        assert!(is_uid("1.0.2") && !is_uid(&format!("1.{}", "2".repeat(63))));
    }
}
