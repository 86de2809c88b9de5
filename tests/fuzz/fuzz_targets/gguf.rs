//! Any bytes behind GGUF's magic: no panic, and what is accepted can be used.
#![no_main]

use bedside_weights::{Model, Source, Summary};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let file = [b"GGUF", bytes].concat();
    let Ok(model) = Model::from_source(Source::from_bytes("fuzz", file)) else { return };
    for info in model.tensors() {
        let view = model.view(info).expect("an accepted tensor can be viewed");
        if info.dtype.is_supported() && info.shape.elements() > 0 {
            let mut row = vec![0.0; info.shape.row_len() as usize];
            let blocks = view.row(0).expect("there is a first row");
            info.dtype.dequantize(blocks, &mut row).expect("the row holds whole blocks");
        }
    }
    Summary::of(&model);
});
