//! Embeddings and logits of a dual encoder as JSON, to hold against another implementation's.
//!
//! `cargo run --release -p bedside-models --example embeddings -- MODEL PATH...`
//!
//! MODEL is a folder or a converted GGUF file, each PATH a PNG or JPEG; texts come from standard input, one
//! a line.

use std::error::Error;
use std::path::Path;

use bedside_imaging::decode;
use bedside_models::{DualEncoder, LoadSettings, cosine};
use bedside_weights::Model;
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().ok_or("which model? MODEL PATH...")?;
    let mut encoder = DualEncoder::open(&Model::open(Path::new(&model))?, &LoadSettings::default())?;

    let prepare = |path: String| Ok(encoder.prepare(&decode(&std::fs::read(path)?)?.pixels)?);
    let images = arguments.map(prepare).collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let texts = std::io::read_to_string(std::io::stdin())?;
    let texts: Vec<&str> = texts.lines().collect();

    let image_embeddings = encoder.embed_images(&images)?;
    let text_embeddings = encoder.embed_texts(&texts)?;
    let logits: Vec<Vec<f64>> = image_embeddings
        .embeds()
        .map(|image| {
            text_embeddings.embeds().map(|text| encoder.scores().logit(cosine(image, text))).collect()
        })
        .collect();
    let report = json!({
        "architecture": encoder.architecture(),
        "images": image_embeddings.embeds().collect::<Vec<_>>(),
        "texts": text_embeddings.embeds().collect::<Vec<_>>(),
        "logits": logits,
    });
    println!("{report}");
    Ok(())
}
