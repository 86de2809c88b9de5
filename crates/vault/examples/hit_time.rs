//! Measures what a second look at a scan costs: opening the vault with a key file and one hit, for a growing store.
//!
//! `cargo run --release -p bedside-vault --example hit_time [REPORTS…]`
//!
//! Prints median and worst of 50 rounds, each a new opening; wall time and what closing adds.

use std::time::Instant;

use bedside_vault::*;

/// Length of a typical report as JSON.
const REPORT_BYTES: usize = 6_000;
/// Length of an embedding of 512 floats.
const EMBEDDING_BYTES: usize = 2_048;
const ROUNDS: usize = 50;

fn main() -> Result<(), VaultError> {
    let counts: Vec<usize> = std::env::args().skip(1).filter_map(|count| count.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![1, 100, 1_000] } else { counts };
    for count in counts {
        measure(count)?;
    }
    Ok(())
}

fn clock() -> ClockReading {
    ClockReading { unix_ms: 1_763_942_400_000, trusted: true }
}

fn digest(domain: &str, number: usize) -> Digest {
    Digest::of(format!("{domain} {number}").as_bytes())
}

fn embedding_key(number: usize) -> EmbeddingKey {
    EmbeddingKey {
        pixels: digest("pixels", number),
        model: digest("model", 0),
        preprocessing: digest("preprocessing", 0),
        executor: digest("executor", 0),
    }
}

fn source(number: usize) -> SourceKey {
    SourceKey { file: digest("file", number), settings: digest("settings", 0) }
}

fn fill(vault: &mut Vault, count: usize) -> Result<(), VaultError> {
    for number in 0..count {
        let key = ReportKey {
            embedding: embedding_key(number),
            patient: Some(Patient { issuer: None, id: format!("P-{number}") }),
            study_instance_uid: None,
            sop_instance_uid: None,
            laterality: None,
            zone: None,
            language: "en".into(),
            protocol: digest("protocol", 0),
            calibration: None,
        };
        let report = NewReport {
            key: &key,
            source: Some(&source(number)),
            bytes: &[b'x'; REPORT_BYTES],
            attachments: &[],
            device_verdict: None,
            keep_without_patient: false,
        };
        vault.put_report(&report, clock())?;
        vault.put_embedding(&embedding_key(number), &[0; EMBEDDING_BYTES], clock())?;
    }
    Ok(())
}

fn measure(count: usize) -> Result<(), VaultError> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let open = || Vault::open(folder.path(), Unlock::KeyFile, Options::default(), clock());
    let mut vault = open()?;
    let began = Instant::now();
    fill(&mut vault, count)?;
    let put_ms = began.elapsed().as_secs_f64() * 1e3 / count as f64;
    vault.close(clock())?;
    let database = std::fs::metadata(folder.path().join("results.redb")).map_or(0, |data| data.len());
    let (mut opens, mut hits, mut closes) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let began = Instant::now();
        let mut vault = open()?;
        opens.push(began.elapsed().as_secs_f64() * 1e3);
        let found = vault.report_by_source(&source(round % count), clock())?;
        assert!(found.hit().is_some_and(|report| report.bytes.len() == REPORT_BYTES));
        hits.push(began.elapsed().as_secs_f64() * 1e3);
        let began = Instant::now();
        vault.close(clock())?;
        closes.push(began.elapsed().as_secs_f64() * 1e3);
    }
    println!(
        "{count} reports, database {} KiB: open {}, open + hit {}, close {}, report + embedding put {put_ms:.2} ms",
        database >> 10,
        show(&mut opens),
        show(&mut hits),
        show(&mut closes)
    );
    Ok(())
}

fn show(times_ms: &mut [f64]) -> String {
    times_ms.sort_by(f64::total_cmp);
    format!("{:.2} ms (worst {:.2})", times_ms[times_ms.len() / 2], times_ms[times_ms.len() - 1])
}
