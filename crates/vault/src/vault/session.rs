//! Reports kept for the session only: those without a patient, in memory, bounded, gone with the process.

use std::collections::{HashMap, VecDeque};

use zeroize::Zeroizing;

use crate::store::{EntryKey, Header};

/// One report in memory.
pub(super) struct SessionReport {
    pub(super) header: Header,
    /// The report, then its attachments in the header's order.
    pub(super) values: Vec<Zeroizing<Vec<u8>>>,
}

/// The reports of this session, oldest first out.
#[derive(Default)]
pub(super) struct Session {
    reports: HashMap<EntryKey, SessionReport>,
    sources: HashMap<[u8; 32], EntryKey>,
    order: VecDeque<EntryKey>,
    bytes: u64,
}

impl SessionReport {
    fn bytes(&self) -> u64 {
        self.values.iter().map(|value| value.len() as u64).sum()
    }
}

impl Session {
    pub(super) fn len(&self) -> usize {
        self.reports.len()
    }

    pub(super) fn get(&self, key: &EntryKey) -> Option<&SessionReport> {
        self.reports.get(key)
    }

    pub(super) fn source(&self, source: &[u8; 32]) -> Option<EntryKey> {
        self.sources.get(source).copied()
    }

    /// Keeps a report; the oldest go when there is no room. One larger than the whole session is not kept.
    pub(super) fn put(&mut self, key: EntryKey, report: SessionReport, max_bytes: u64) {
        self.remove(&key);
        self.bytes += report.bytes();
        for source in &report.header.sources {
            self.sources.insert(source.0, key);
        }
        self.order.push_back(key);
        self.reports.insert(key, report);
        while self.bytes > max_bytes {
            let Some(oldest) = self.order.front().copied() else { break };
            self.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, key: &EntryKey) {
        if let Some(report) = self.reports.remove(key) {
            self.bytes -= report.bytes();
            self.order.retain(|other| other != key);
            self.sources.retain(|_, other| other != key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Level;
    use crate::{Digest, Stamp};

    #[test]
    fn the_oldest_goes_when_the_session_is_full() {
        let key = |i: u8| EntryKey::new(Level::Report, &[i; 32]);
        let report = |i: u8, len: usize| SessionReport {
            header: Header {
                computed_at: Stamp { unix_ms: 0, verified: true },
                exported: false,
                dependencies: Vec::new(),
                pixels: None,
                patient: None,
                sources: vec![Digest([i; 32])],
                attachments: Vec::new(),
            },
            values: vec![Zeroizing::new(vec![i; len])],
        };
        let mut session = Session::default();
        for i in 0..5 {
            session.put(key(i), report(i, 4), 10);
        }
        let present =
            |session: &Session| (0..6).filter(|i| session.get(&key(*i)).is_some()).collect::<Vec<_>>();
        assert_eq!(present(&session), [3, 4]);
        assert_eq!((session.source(&[3; 32]), session.source(&[2; 32])), (Some(key(3)), None));
        session.put(key(3), report(3, 6), 10);
        assert_eq!(present(&session), [3, 4], "one that replaces itself counts once");
        session.put(key(5), report(5, 11), 10);
        assert_eq!(present(&session), [] as [u8; 0], "one that is longer than everything is not kept");
        assert_eq!(session.bytes, 0);
    }
}
