//! Texts of a step, of which images each is true, and which of them say where to look.

use bedside_compute::HostTensor;
use bedside_models::DualEncoder;

use crate::AdaptError;
use crate::draw::{Draw, Purpose};
use crate::frames::{FrameFacts, STRUCTURES};
use crate::statements::{PHRASES, truth};
use crate::vocabulary::PADDING;

/// Captions of a step beside two sentences about each finding.
const CAPTIONS: usize = 12;

/// Texts of a step. Of finding `k` row `2k` says that it is there, row `2k + 1` that it is not; then captions.
pub(crate) struct Words {
    /// (texts, tokens).
    pub(crate) ids: HostTensor,
    /// 0 where the id is padding.
    pub(crate) mask: HostTensor,
    /// (texts, images).
    pub(crate) truth: Vec<Option<bool>>,
}

/// Draw the texts of a step for these images. Errors: those of the tokenizer.
pub(crate) fn words(
    tokenizer: &DualEncoder,
    facts: &[&FrameFacts],
    (seed, step): (u64, u64),
) -> Result<Words, AdaptError> {
    let mut draw = Draw::new(seed, Purpose::Words, step);
    let (mut texts, mut truths) = (Vec::new(), Vec::new());
    for (k, phrases) in PHRASES.iter().enumerate() {
        for present in [true, false] {
            texts.push(phrases.sentence(present, &mut draw));
            truths.extend(facts.iter().map(|facts| truth(facts.presence[k], present)));
        }
    }
    for _ in 0..CAPTIONS.min(facts.len()) {
        let own = draw.index(facts.len());
        let captions: Vec<&String> = facts[own].captions.iter().collect();
        let Some(caption) = captions.get(draw.index(captions.len())) else { continue };
        texts.push((*caption).clone());
        truths.extend(facts.iter().map(|other| caption_truth(facts[own], caption, other)));
    }
    let (ids, mask) = token_ids(tokenizer, &texts)?;
    Ok(Words { ids, mask, truth: truths })
}

/// Ids and mask of texts, no longer than the longest. Errors: those of the tokenizer.
pub(crate) fn token_ids(
    tokenizer: &DualEncoder,
    texts: &[impl AsRef<str>],
) -> Result<(HostTensor, HostTensor), AdaptError> {
    let ids = texts.iter().map(|text| tokenizer.tokenize(text.as_ref()));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let used = |ids: &Vec<u32>| ids.iter().rposition(|id| *id != PADDING).map_or(1, |last| last + 1);
    let tokens = ids.iter().map(used).max().unwrap_or(1);
    let cut: Vec<u32> = ids.iter().flat_map(|ids| &ids[..tokens]).copied().collect();
    let mask = cut.iter().map(|id| u32::from(*id != PADDING)).collect();
    let dims = [ids.len(), tokens];
    Ok((HostTensor::u32(&dims, cut)?, HostTensor::u32(&dims, mask)?))
}

/// Whether a caption of `own` is true of `other`: yes where both show the same, no where something it says is not
/// there, else not to be told (a caption may be true of a frame that shows more).
fn caption_truth(own: &FrameFacts, caption: &str, other: &FrameFacts) -> Option<bool> {
    if std::ptr::eq(own, other) {
        return Some(true);
    }
    if own.said == other.said && own.base_view == other.base_view {
        let count = own.b_lines;
        let counted = if count == 1 { "one B-line".to_owned() } else { format!("{count} B-lines") };
        return (own.b_lines == other.b_lines || !caption.contains(&counted)).then_some(true);
    }
    let absent = |k: usize| truth(other.presence[k], true) == Some(false);
    let wrong =
        PHRASES.iter().enumerate().any(|(k, phrases)| own.said.contains(&phrases.finding) && absent(k));
    wrong.then_some(false)
}

/// Index among [`STRUCTURES`] of where a finding of [`PHRASES`] lies.
pub(crate) fn structure_of(finding: usize) -> Option<usize> {
    let structure = PHRASES.get(finding)?.finding.structure()?;
    STRUCTURES.iter().position(|known| *known == structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bedside_phantom::{Finding, Presence};

    fn facts(said: &[Finding], b_lines: u32) -> FrameFacts {
        let presence = |finding| if said.contains(&finding) { Presence::Present } else { Presence::Absent };
        FrameFacts {
            seed: 0,
            presence: PHRASES.iter().map(|phrases| presence(phrases.finding)).collect(),
            base_view: false,
            b_lines,
            captions: Vec::new(),
            said: said.to_vec(),
        }
    }

    #[test]
    fn captions_are_true_of_frames_that_show_the_same() {
        let (a, b) = (Finding::ALines, Finding::BLines);
        let one = facts(&[a, b], 1);
        struct Case {
            caption: &'static str,
            other: FrameFacts,
            expected: Option<bool>,
        }
        let cases = [
            Case { caption: "A-lines and a few B-lines", other: facts(&[a, b], 2), expected: Some(true) },
            Case { caption: "A-lines and one B-line", other: facts(&[a, b], 2), expected: None },
            Case { caption: "A-lines and one B-line", other: facts(&[a, b], 1), expected: Some(true) },
            Case { caption: "A-lines and a few B-lines", other: facts(&[a], 0), expected: Some(false) },
            Case {
                caption: "A-lines and a few B-lines",
                other: facts(&[a, b, Finding::Consolidation], 1),
                expected: None,
            },
        ];
        for case in cases {
            assert_eq!(caption_truth(&one, case.caption, &case.other), case.expected, "{}", case.caption);
        }
        assert_eq!(caption_truth(&one, "one B-line", &one), Some(true));
    }

    #[test]
    fn every_finding_of_a_prompt_has_a_place() {
        for k in 0..PHRASES.len() {
            assert!(structure_of(k).is_some(), "{k}");
        }
        assert_eq!(structure_of(PHRASES.len()), None);
    }
}
