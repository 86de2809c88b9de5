//! The frames decoded last, up to a number of bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::frame::Frame;
use crate::limits::MAX_CACHED_BYTES;

/// Oldest first.
#[derive(Debug, Default)]
pub(super) struct Cache(VecDeque<Arc<Frame>>);

/// The cache, also after a panic in another thread: it is whole between calls.
pub(super) fn lock(cache: &Mutex<Cache>) -> MutexGuard<'_, Cache> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    pub(super) fn get(&self, index: u32) -> Option<Arc<Frame>> {
        self.0.iter().find(|frame| frame.index == index).cloned()
    }

    pub(super) fn put(&mut self, frame: Arc<Frame>) {
        if self.get(frame.index).is_some() {
            return;
        }
        self.0.push_back(frame);
        let mut bytes: usize = self.0.iter().map(|frame| frame.pixels.bytes().len()).sum();
        while bytes > MAX_CACHED_BYTES && self.0.len() > 1 {
            let oldest = self.0.pop_front();
            bytes -= oldest.map_or(0, |frame| frame.pixels.bytes().len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Pixels;

    #[test]
    fn the_oldest_go_when_the_bytes_are_full() {
        let mut cache = Cache::default();
        let frame = |index| {
            let pixels = Pixels::new(4096, 4096, 1, vec![0; 1 << 24]).unwrap();
            Arc::new(Frame::new(pixels, index))
        };
        (0..5).for_each(|index| cache.put(frame(index)));
        cache.put(frame(4));
        let kept: Vec<u32> = cache.0.iter().map(|frame| frame.index).collect();
        assert_eq!(kept, [1, 2, 3, 4]);
        assert!(cache.get(0).is_none() && cache.get(4).is_some());
    }
}
