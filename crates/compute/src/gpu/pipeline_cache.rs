//! Pipelines that outlive the process: the driver's own bytes, wrapped in a header that says whose they are.
//! The only module here with `unsafe`: wgpu cannot prove where the bytes come from, so we do, as far as a
//! header, a key and a checksum can.

use super::adapter::Adapter;
use super::{digest, kernel_digest};

const MAGIC: &[u8; 8] = b"bdsdpipe";

/// Magic, key and checksum.
const HEADER_BYTES: usize = 24;

/// Largest cache that is read or kept: far above what a plan's kernels take.
const MAX_BYTES: usize = 64 << 20;

/// wgpu's pipeline cache, where the adapter has one.
pub(super) struct PipelineStore {
    cache: Option<wgpu::PipelineCache>,
    key: u64,
}

impl PipelineStore {
    /// Begin with what an earlier process kept, if it is this adapter's, this driver's and of these kernels.
    pub(super) fn new(device: &wgpu::Device, adapter: &Adapter, kept: Option<&[u8]>) -> Self {
        let key = key(adapter);
        if !adapter.keeps_pipelines {
            return Self { cache: None, key };
        }
        let data = kept.and_then(|bytes| match unwrapped(bytes, key) {
            Ok(data) => Some(data),
            Err(reason) => {
                log::warn!("kept GPU pipelines are ignored: {reason}");
                None
            }
        });
        Self { cache: Some(create(device, data)), key }
    }

    pub(super) fn cache(&self) -> Option<&wgpu::PipelineCache> {
        self.cache.as_ref()
    }

    /// The bytes to keep.
    pub(super) fn kept(&self) -> Option<Vec<u8>> {
        let data = self.cache.as_ref()?.get_data()?;
        (data.len() <= MAX_BYTES).then(|| wrapped(&data, self.key))
    }
}

#[expect(unsafe_code, reason = "wgpu trusts the caller with the bytes of a pipeline cache")]
fn create(device: &wgpu::Device, data: Option<&[u8]>) -> wgpu::PipelineCache {
    let descriptor = wgpu::PipelineCacheDescriptor { label: Some("bedside"), data, fallback: true };
    // SAFETY: `data` is the payload of bytes whose header names this adapter, driver and these kernels and whose
    // checksum fits, so it is what `get_data` gave an earlier process, unless somebody forged it on purpose, who
    // could as well replace the program. wgpu checks its own header of the payload again, and the driver its own.
    unsafe { device.create_pipeline_cache(&descriptor) }
}

fn key(adapter: &Adapter) -> u64 {
    let Adapter { name, backend, driver, driver_info, vendor, device, .. } = adapter;
    let kernels = kernel_digest();
    digest::of(format!("{name}|{backend}|{driver}|{driver_info}|{vendor}|{device}|{kernels}").as_bytes())
}

fn wrapped(data: &[u8], key: u64) -> Vec<u8> {
    [&MAGIC[..], &key.to_le_bytes(), &digest::of(data).to_le_bytes(), data].concat()
}

fn unwrapped(bytes: &[u8], key: u64) -> Result<&[u8], &'static str> {
    if bytes.len() > MAX_BYTES + HEADER_BYTES {
        return Err("larger than any cache of ours");
    }
    let (header, data) = bytes.split_at_checked(HEADER_BYTES).ok_or("too short")?;
    let number = |at: usize| header[at..at + 8].iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
    match () {
        () if header[..8] != MAGIC[..] => Err("no cache of ours"),
        () if number(8) != key => Err("of another adapter, driver or build"),
        () if number(16) != digest::of(data) => Err("damaged"),
        () => Ok(data),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_wrapped_for_the_same_key_is_unwrapped() {
        let kept = wrapped(b"pipelines", 7);
        assert_eq!(unwrapped(&kept, 7), Ok(&b"pipelines"[..]));
        assert_eq!(unwrapped(&kept, 8), Err("of another adapter, driver or build"));
        for at in 0..kept.len() {
            let mut damaged = kept.clone();
            damaged[at] ^= 1;
            assert!(unwrapped(&damaged, 7).is_err(), "byte {at}");
        }
        for length in 0..kept.len() {
            assert!(unwrapped(&kept[..length], 7).is_err(), "{length} bytes");
        }
    }
}
