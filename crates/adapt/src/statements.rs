//! TABLE: what a text may say of a frame, finding by finding: that it is there, that it is not, in several wordings.
//!
//! Some wordings are held out: training never sees them, and the evaluation asks whether the model understands them
//! all the same. They use words that training knows in other sentences.

use bedside_phantom::{Finding, Presence};

use crate::draw::Draw;

/// Wordings about one finding.
#[derive(Debug)]
pub struct Phrases {
    /// Which.
    pub finding: Finding,
    /// It is there.
    pub present: &'static [&'static str],
    /// It is not there.
    pub absent: &'static [&'static str],
    /// It is there, in words for the evaluation only.
    pub held_present: &'static [&'static str],
    /// It is not there, likewise.
    pub held_absent: &'static [&'static str],
}

/// Which wordings are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Those of training.
    In,
    /// Those held out.
    Out,
}

/// Sentences round a wording.
pub(crate) const FRAMES: &[&str] = &[
    "{}",
    "{}",
    "lung ultrasound with {}",
    "lung ultrasound showing {}",
    "an ultrasound image of the lung with {}",
    "point-of-care lung scan: {}",
    "this lung ultrasound shows {}",
    "there is {}",
    "ultrasound of the chest, {}",
    "B-mode image of the lung, {}",
];

/// All findings that prompts are trained for.
pub const PHRASES: &[Phrases] = &[
    Phrases {
        finding: Finding::ALines,
        present: &[
            "A-lines",
            "horizontal A-lines",
            "A-lines below the pleura",
            "reverberation A-lines",
            "repeating horizontal lines below the pleural line",
            "A-lines at multiples of the pleural depth",
            "horizontal reverberation artefacts",
            "an A-line pattern",
            "A lines present",
        ],
        absent: &[
            "no A-lines",
            "without A-lines",
            "absent A-lines",
            "A-lines are not seen",
            "no horizontal reverberation artefacts",
            "no repeating horizontal lines",
        ],
        held_present: &["visible A-lines", "horizontal lines at multiples of the pleural depth"],
        held_absent: &["no visible A-lines", "A lines absent"],
    },
    Phrases {
        finding: Finding::BLines,
        present: &[
            "B-lines",
            "at least one B-line",
            "one or more B-lines",
            "vertical B-lines",
            "B-lines present",
            "vertical artefacts from the pleura to the bottom",
            "comet-tail B-lines reaching the bottom",
            "any B-lines",
            "B lines from the pleural line",
        ],
        absent: &[
            "no B-lines",
            "without B-lines",
            "absent B-lines",
            "B-lines are not seen",
            "no vertical artefacts from the pleura",
            "not a single B-line",
        ],
        held_present: &["visible B-lines", "B lines present below the pleura"],
        held_absent: &["no visible B-lines", "B lines absent"],
    },
    Phrases {
        finding: Finding::BLinesSeveral,
        present: &[
            "several B-lines",
            "multiple B-lines",
            "three or more B-lines",
            "many separate vertical B-lines",
            "multiple vertical artefacts reaching the bottom",
            "at least three B-lines",
            "numerous B-lines",
            "more than two B-lines",
            "many B lines",
        ],
        absent: &[
            "fewer than three B-lines",
            "no more than two B-lines",
            "at most two B-lines",
            "no multiple B-lines",
            "without several B-lines",
            "not many B-lines",
        ],
        held_present: &["numerous vertical B-lines", "multiple B lines from the pleura"],
        held_absent: &["no several B-lines", "fewer than three vertical artefacts"],
    },
    Phrases {
        finding: Finding::BLinesConfluent,
        present: &[
            "confluent B-lines",
            "coalescent B-lines",
            "white lung",
            "B-lines running together",
            "diffuse confluent vertical artefacts",
            "B-lines that merge over most of the pleura",
            "a white lung pattern",
            "merged B-lines",
            "coalescing B-lines",
        ],
        absent: &[
            "no confluent B-lines",
            "without confluent B-lines",
            "no white lung",
            "B-lines are not confluent or absent",
            "no coalescent B-lines",
            "without merged B-lines",
        ],
        held_present: &["diffuse white lung", "B lines that are confluent"],
        held_absent: &["no coalescing B-lines", "without white lung"],
    },
    Phrases {
        finding: Finding::Consolidation,
        present: &[
            "consolidation",
            "lung consolidation",
            "subpleural consolidation",
            "a consolidation under the pleura",
            "airless lung with a shredded border",
            "a hypoechoic consolidated area",
            "lung consolidation with an irregular deep border",
            "consolidated lung",
            "airless lung tissue",
        ],
        absent: &[
            "no consolidation",
            "without consolidation",
            "absent consolidation",
            "consolidation is not seen",
            "no consolidated lung",
            "no airless lung",
        ],
        held_present: &["a hypoechoic subpleural consolidation", "consolidated lung tissue"],
        held_absent: &["no lung consolidation", "without consolidated lung"],
    },
    Phrases {
        finding: Finding::PleuralEffusion,
        present: &[
            "pleural effusion",
            "a pleural effusion",
            "fluid in the pleural space",
            "an anechoic pleural collection",
            "free pleural fluid",
            "pleural fluid",
            "an effusion between the pleural layers",
            "anechoic fluid above the diaphragm or lung",
            "an effusion",
        ],
        absent: &[
            "no pleural effusion",
            "without pleural effusion",
            "without pleural fluid",
            "absent effusion",
            "no fluid in the pleural space",
            "pleural effusion is not seen",
        ],
        held_present: &["an anechoic pleural effusion", "a collection of pleural fluid"],
        held_absent: &["no pleural fluid", "no effusion"],
    },
    Phrases {
        finding: Finding::AirBronchograms,
        present: &[
            "air bronchograms",
            "bright branching air bronchograms",
            "echogenic air in the bronchi",
            "consolidation with visible air bronchograms",
        ],
        absent: &["no air bronchograms", "without air bronchograms", "no visible air bronchograms"],
        held_present: &["echogenic air bronchograms"],
        held_absent: &["absent air bronchograms"],
    },
    Phrases {
        finding: Finding::IrregularPleura,
        present: &[
            "an irregular pleural line",
            "a thickened pleural line",
            "a rough, broken pleura",
            "pleural line irregularities",
        ],
        absent: &["a smooth pleural line", "a thin, regular pleural line", "no pleural line irregularities"],
        held_present: &["an irregular, thickened pleura"],
        held_absent: &["a smooth, thin pleura"],
    },
];

impl Phrases {
    /// Wordings that the finding is there (`true`) or not.
    pub fn wordings(&self, present: bool, held: Held) -> &'static [&'static str] {
        match (present, held) {
            (true, Held::In) => self.present,
            (false, Held::In) => self.absent,
            (true, Held::Out) => self.held_present,
            (false, Held::Out) => self.held_absent,
        }
    }

    /// A sentence of training's.
    pub(crate) fn sentence(&self, present: bool, draw: &mut Draw) -> String {
        let wording = draw.pick(self.wordings(present, Held::In));
        draw.pick(FRAMES).replace("{}", wording)
    }
}

/// Whether a sentence that says `present` is true of a frame; `None` where the frame cannot tell.
pub(crate) fn truth(presence: Presence, present: bool) -> Option<bool> {
    match presence {
        Presence::Present => Some(present),
        Presence::Absent => Some(!present),
        Presence::NotAssessable => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn held_out_wordings_are_new_sentences_of_known_words() {
        let words = |text: &str| -> HashSet<String> {
            text.to_lowercase().split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect()
        };
        let mut known: HashSet<String> = FRAMES.iter().flat_map(|frame| words(frame)).collect();
        let mut seen = HashSet::new();
        for phrases in PHRASES {
            for wording in phrases.present.iter().chain(phrases.absent) {
                known.extend(words(wording));
                assert!(seen.insert(*wording), "{wording} twice");
            }
        }
        for phrases in PHRASES {
            for wording in phrases.held_present.iter().chain(phrases.held_absent) {
                assert!(!seen.contains(wording), "{wording} is trained");
                let new: Vec<String> = words(wording).difference(&known).cloned().collect();
                assert!(new.is_empty(), "{wording}: {new:?}");
            }
        }
    }

    #[test]
    fn a_sentence_is_true_false_or_not_to_be_told() {
        assert_eq!(truth(Presence::Present, true), Some(true));
        assert_eq!(truth(Presence::Present, false), Some(false));
        assert_eq!(truth(Presence::Absent, true), Some(false));
        assert_eq!(truth(Presence::Absent, false), Some(true));
        assert_eq!(truth(Presence::NotAssessable, true), None);
    }
}
