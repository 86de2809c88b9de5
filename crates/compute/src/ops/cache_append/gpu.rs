//! One word of the cache to a thread; numbers that its format cannot keep are refused.

use super::CacheAppend;
use crate::error::Mismatch;
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Resource, Shapes, Source, Work, params, simple};
use crate::kv::KvFormat;

params! {
    /// Twin of the shader's struct.
    struct CacheAppendParams {
        words: u32,
        start: u32,
        end: u32,
        scales: u32,
    }
}

pub(super) fn run(_: &CacheAppend, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let Some(cache) = call.inputs[0].cache else {
        return Err(Mismatch::new("state", "a KV cache", "another value"));
    };
    let flag = match cache.format {
        KvFormat::F32 => "KV_F32",
        KvFormat::F16 => "KV_F16",
        KvFormat::Q8_0 => "KV_Q8_0",
    };
    let source = Source::new().flag(flag, true);
    let kernel = simple::kernel(call, "cache_append", source, include_str!("cache_append.wgsl"))?;
    let bindings = vec![
        Binding::new(1, "cache", Resource::Input(0)),
        Binding::new(2, "x", Resource::Input(1)),
        Binding::new(3, "status", Resource::Status),
    ];
    let dispatch = Dispatch::new(kernel, bindings, move |shapes| {
        let elements: usize = shapes.inputs[1].iter().product();
        let end: usize = shapes.output.iter().product();
        let start = end - elements;
        let words = match cache.format {
            KvFormat::F32 => elements,
            KvFormat::F16 => end.div_ceil(2) - start / 2,
            KvFormat::Q8_0 => end.div_ceil(64) - start / 64,
        };
        let params = CacheAppendParams {
            first_group: 0,
            words: count(words)?,
            start: count(start)?,
            end: count(end)?,
            scales: count((cache.elements / 4) as usize)?,
        };
        Ok(Work::new(&params, if elements == 0 { 0 } else { simple::groups(words) }))
    });
    let fault = |_: u32, _: &Shapes<'_>| {
        Mismatch::new("rows for the cache", "finite numbers", "NaN, infinity or overflow")
    };
    Ok(vec![dispatch.refusing(fault).twin(CacheAppendParams::MEMBERS)])
}
