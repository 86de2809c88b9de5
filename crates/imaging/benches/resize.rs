//! Resize of a camera-sized picture to a model's size, and of a small one to SmolVLM's.
//! `cargo bench -p bedside-imaging`; Pillow in the same minutes, on one core:
//! `python3 -m timeit -s "from PIL import Image; i = Image.effect_noise((1024, 768), 99).convert('RGB')" \
//! "i.resize((224, 224), 3)"` (3 is bicubic, 1 Lanczos).

use std::hint::black_box;

use bedside_imaging::{Filter, Pixels, resize};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn picture(width: u32, height: u32, channels: u8) -> Pixels {
    let length = width * height * u32::from(channels);
    // Any bytes that are not constant: the time does not depend on them.
    let bytes = (0..length).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    Pixels::new(width, height, channels, bytes).expect("within the limits")
}

fn shrink(c: &mut Criterion) {
    let mut group = c.benchmark_group("1024x768 to 224x224");
    for (name, channels) in [("RGB", 3), ("grey", 1)] {
        let picture = picture(1024, 768, channels);
        group.throughput(Throughput::Elements(1024 * 768));
        for filter in [Filter::Nearest, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
            group.bench_function(format!("{name} {}", filter.name()), |b| {
                b.iter(|| resize(black_box(&picture), 224, 224, filter).expect("within the limits"));
            });
        }
    }
    group.finish();
}

fn enlarge(c: &mut Criterion) {
    let mut group = c.benchmark_group("640x480 to 2048x1536");
    let picture = picture(640, 480, 3);
    group.throughput(Throughput::Elements(2048 * 1536)).sample_size(20);
    for filter in [Filter::Bicubic, Filter::Lanczos] {
        group.bench_function(format!("RGB {}", filter.name()), |b| {
            b.iter(|| resize(black_box(&picture), 2048, 1536, filter).expect("within the limits"));
        });
    }
    group.finish();
}

criterion_group!(benches, shrink, enlarge);
criterion_main!(benches);
