//! Captions: the labels of a frame in words, in several phrasings, for contrastive training.

use crate::error::PhantomError;
use crate::findings::{Finding, Labels, Presence};
use crate::limits::MAX_CAPTIONS;
use crate::random::{Part, Stream};

/// `count` captions of a frame, each drawn anew; the first `n` do not depend on `count`.
/// Errors: `Count` above [`MAX_CAPTIONS`].
pub fn captions(labels: &Labels, seed: u64, count: usize) -> Result<Vec<String>, PhantomError> {
    if count > MAX_CAPTIONS {
        return Err(PhantomError::Count { what: "captions", limit: MAX_CAPTIONS, got: count });
    }
    Ok((0..count).map(|n| caption(labels, &mut Stream::new(seed, Part::Captions, n as u32))).collect())
}

fn caption(labels: &Labels, random: &mut Stream) -> String {
    let mut phrases: Vec<String> =
        said(labels).into_iter().map(|f| pick(random, present(f)).to_owned()).collect();
    if labels.presence(Finding::BLines) == Presence::Present && random.chance(0.25) {
        phrases.push(counted(labels.b_line_count));
    }
    if phrases.is_empty() {
        phrases.push(pick(random, NOTHING).to_owned());
    }
    for start in (1..phrases.len()).rev() {
        phrases.swap(start, random.index(start + 1));
    }
    if random.chance(0.35) {
        let absent: Vec<Finding> =
            DENIED.into_iter().filter(|f| labels.presence(*f) == Presence::Absent).collect();
        if !absent.is_empty() {
            let finding = absent[random.index(absent.len())];
            phrases.push(pick(random, denied(finding)).to_owned());
        }
    }
    let joined = join(&phrases);
    let opening = pick(random, if labels.base_view { BASE_OPENINGS } else { OPENINGS });
    let mut text = opening.replace("{}", &joined);
    if random.chance(0.2) {
        text = format!("{text}, {} side", labels.zone.laterality());
    }
    text
}

/// What a caption mentions: of nested findings only the most specific.
fn said(labels: &Labels) -> Vec<Finding> {
    let present: Vec<Finding> = labels.present().collect();
    let has = |finding| present.contains(&finding);
    let implied = |finding: &Finding| match finding {
        Finding::BLines => has(Finding::BLinesSeveral) || has(Finding::BLinesConfluent),
        Finding::BLinesSeveral => has(Finding::BLinesConfluent),
        Finding::AbsentSliding => has(Finding::LungPulse),
        _ => false,
    };
    present.iter().filter(|finding| !implied(finding)).copied().collect()
}

fn pick<'a>(random: &mut Stream, choices: &[&'a str]) -> &'a str {
    choices[random.index(choices.len())]
}

fn join(phrases: &[String]) -> String {
    match phrases {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn counted(count: u32) -> String {
    if count == 1 { "one B-line".into() } else { format!("{count} B-lines") }
}

const OPENINGS: &[&str] = &[
    "lung ultrasound showing {}",
    "lung ultrasound with {}",
    "an ultrasound image of the lung with {}",
    "intercostal view with {}",
    "point-of-care lung scan: {}",
    "{}",
    "B-mode lung image, {}",
    "thoracic ultrasound demonstrating {}",
];
const BASE_OPENINGS: &[&str] = &[
    "lung base above the diaphragm showing {}",
    "ultrasound of the costophrenic recess with {}",
    "view of the lung base with diaphragm: {}",
    "{} at the lung base",
];
const NOTHING: &[&str] =
    &["none of the assessed findings", "a plain pleural line", "no artefact lines below the pleura"];
/// Findings a caption may deny.
const DENIED: [Finding; 4] =
    [Finding::ALines, Finding::BLines, Finding::Consolidation, Finding::PleuralEffusion];

fn present(finding: Finding) -> &'static [&'static str] {
    match finding {
        Finding::ALines => &[
            "A-lines",
            "horizontal A-lines",
            "repeating horizontal lines below the pleura",
            "A-lines at multiples of the pleural depth",
            "reverberation A-lines",
        ],
        Finding::BLines => &[
            "a few B-lines",
            "an isolated B-line pattern",
            "sparse vertical B-lines",
            "one or two vertical artefacts from the pleura",
        ],
        Finding::BLinesSeveral => &[
            "several B-lines",
            "multiple B-lines",
            "three or more B-lines",
            "many separate vertical B-lines",
            "multiple vertical artefacts reaching the bottom",
        ],
        Finding::BLinesConfluent => &[
            "confluent B-lines",
            "coalescent B-lines",
            "white lung",
            "B-lines running together",
            "diffuse confluent vertical artefacts",
        ],
        Finding::Consolidation => &[
            "consolidation",
            "subpleural consolidation",
            "airless lung with a shredded border",
            "a hypoechoic consolidated area",
            "lung consolidation with an irregular deep border",
        ],
        Finding::AirBronchograms => {
            &["air bronchograms", "bright branching air bronchograms", "echogenic air in the bronchi"]
        }
        Finding::PleuralEffusion => &[
            "pleural effusion",
            "a pleural effusion",
            "fluid in the pleural space",
            "an anechoic pleural collection",
            "free pleural fluid",
        ],
        Finding::IrregularPleura => &[
            "an irregular pleural line",
            "a thickened pleural line",
            "a rough, broken pleura",
            "pleural line irregularities",
        ],
        Finding::AbsentSliding => &["absent lung sliding", "no lung sliding", "a pleura that does not slide"],
        Finding::LungPulse => &["a lung pulse without sliding", "lung pulse"],
    }
}

fn denied(finding: Finding) -> &'static [&'static str] {
    match finding {
        Finding::ALines => &["no A-lines", "without A-lines"],
        Finding::BLines => &["no B-lines", "without B-lines"],
        Finding::Consolidation => &["no consolidation", "without consolidation"],
        _ => &["no pleural effusion", "without pleural fluid"],
    }
}
