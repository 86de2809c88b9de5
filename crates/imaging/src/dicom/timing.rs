//! When each frame was taken. Source: DICOM PS3.3 C.7.6.5 (Cine), C.7.6.6 (Multi-frame).

use serde::Serialize;

use super::tags;
use super::value::Dataset;

/// Where the time between frames was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TimingSource {
    /// `FrameTimeVector` (0018,1065).
    FrameTimeVector,
    /// `FrameTime` (0018,1063).
    FrameTime,
    /// `CineRate` (0018,0040).
    CineRate,
    /// `RecommendedDisplayFrameRate` (0008,2144): how it is meant to be played, not how it was taken.
    RecommendedDisplayFrameRate,
}

/// Times in ms and rates in 1/s; what lies outside is not meant.
const PLAUSIBLE: std::ops::RangeInclusive<f64> = 1e-3..=1e7;

/// Times of a cine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    /// Where they were read.
    pub source: TimingSource,
    /// Mean time between frames, in ms, above 0.
    pub frame_time_ms: f64,
    /// Time of each frame since the first, where they differ.
    #[serde(skip)]
    times_ms: Option<Vec<f64>>,
}

impl Timing {
    /// Of a data set with that many frames. `None`: it has one frame, or states no time that is above 0.
    pub(crate) fn of(dataset: &Dataset, frames: u32) -> Option<Self> {
        if frames < 2 {
            return None;
        }
        let positive = |tag| dataset.number(tag).filter(|number| PLAUSIBLE.contains(number));
        if let Some(times_ms) = vector(dataset, frames) {
            let frame_time_ms = times_ms.last()? / f64::from(frames - 1);
            let source = TimingSource::FrameTimeVector;
            return Some(Self { source, frame_time_ms, times_ms: Some(times_ms) });
        }
        let even = |source, frame_time_ms| Self { source, frame_time_ms, times_ms: None };
        let rate = |tag| positive(tag).map(|rate| 1000.0 / rate);
        positive(tags::FRAME_TIME)
            .map(|time| even(TimingSource::FrameTime, time))
            .or_else(|| rate(tags::CINE_RATE).map(|time| even(TimingSource::CineRate, time)))
            .or_else(|| {
                let time = rate(tags::RECOMMENDED_DISPLAY_FRAME_RATE)?;
                Some(even(TimingSource::RecommendedDisplayFrameRate, time))
            })
    }

    /// Frames per second.
    pub fn rate(&self) -> f64 {
        1000.0 / self.frame_time_ms
    }

    /// Time of a frame since the first, in ms.
    pub fn time_ms(&self, index: u32) -> f64 {
        let listed = self.times_ms.as_ref().and_then(|times| times.get(index as usize));
        listed.copied().unwrap_or(f64::from(index) * self.frame_time_ms)
    }
}

/// Sums of the increments; the first is 0 by the standard, and is not counted whatever it is.
fn vector(dataset: &Dataset, frames: u32) -> Option<Vec<f64>> {
    let increments = dataset.numbers(tags::FRAME_TIME_VECTOR)?;
    if increments.len() != frames as usize
        || increments.iter().any(|increment| !(0.0..=1e7).contains(increment))
    {
        return None;
    }
    let mut time = 0.0;
    let mut times = vec![0.0];
    for increment in &increments[1..] {
        time += increment;
        times.push(time);
    }
    (time > 0.0).then_some(times)
}

#[cfg(test)]
mod tests {
    use super::super::tags::Tag;
    use super::super::value::Value;
    use super::*;

    #[test]
    fn the_most_exact_statement_is_taken() {
        struct Case {
            values: &'static [(Tag, &'static str)],
            expected: Option<(TimingSource, f64, f64)>,
        }
        let cases = [
            Case { values: &[], expected: None },
            Case {
                values: &[(tags::FRAME_TIME_VECTOR, "0\\10\\30"), (tags::FRAME_TIME, "5")],
                expected: Some((TimingSource::FrameTimeVector, 20.0, 40.0)),
            },
            Case {
                values: &[(tags::FRAME_TIME_VECTOR, "0\\10"), (tags::FRAME_TIME, "33.5")],
                expected: Some((TimingSource::FrameTime, 33.5, 67.0)),
            },
            Case {
                values: &[(tags::FRAME_TIME, "0"), (tags::CINE_RATE, "25")],
                expected: Some((TimingSource::CineRate, 40.0, 80.0)),
            },
            Case { values: &[(tags::FRAME_TIME, "-3"), (tags::CINE_RATE, "0")], expected: None },
            Case {
                values: &[(tags::RECOMMENDED_DISPLAY_FRAME_RATE, "50")],
                expected: Some((TimingSource::RecommendedDisplayFrameRate, 20.0, 40.0)),
            },
        ];
        for Case { values, expected } in cases {
            let value = |(tag, text): &(Tag, &str)| {
                (tag.code, Value { vr: tag.vr, bytes: text.as_bytes().to_vec(), ..Value::default() })
            };
            let dataset = Dataset { values: values.iter().map(value).collect() };
            let timing = Timing::of(&dataset, 3);
            let got = timing.map(|timing| (timing.source, timing.frame_time_ms, timing.time_ms(2)));
            assert_eq!(got, expected);
            assert_eq!(Timing::of(&dataset, 1), None);
        }
    }
}
