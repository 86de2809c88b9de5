//! Any header before some data: no panic, and what is accepted can be viewed.
#![no_main]

use bedside_weights::{Model, Source, Summary};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (header, data) = bytes.split_at(bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len()));
    let file = [&(header.len() as u64).to_le_bytes(), header, data].concat();
    let Ok(model) = Model::from_source(Source::from_bytes("fuzz", file)) else { return };
    for info in model.tensors() {
        let view = model.view(info).expect("an accepted tensor can be viewed");
        if info.shape.elements() > 0 {
            view.row(0).expect("there is a first row");
        }
    }
    Summary::of(&model);
});
