//! The whole exam, with a stand-in for a model where a score has to be known, and with a golden model.

mod folders;
mod golden_model;
mod protocols;
mod reports;

use bedside_imaging::{Frame, Pixels};
use bedside_models::{Attribution, ModelsError};
use bedside_phantom::{Finding, Ranges, Scene, Simulator};

use crate::codes::FindingCode;
use crate::protocol::Calibration;
use crate::{
    CalibrationCase, Cohort, Domain, Encoder, Exam, FitSettings, Given, Looked, Protocol, Report, ScanInput,
    fit,
};

/// Identity of the stand-in.
const MODEL: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Two findings that say the opposite, by the brightness of the picture.
const PROTOCOL: &str = r#"
schema = "bedside.protocol/1"
name = "test"
intended_use = "demonstration"
not_assessed = ["pneumothorax"]
zones = ["right_upper_anterior", "left_upper_anterior", "left_lower_lateral"]
body_parts = ["LUNG"]

[preprocessing]
crop = "sector_square"

[cine]
most_frames = 8
aggregation = { kind = "max" }

[still]
brightness_percent = [80, 125]
border_percent = [5]

[quality]
least_usable_frames = 1
least_usable_share = 0.5
accept_doubtful = true

[conformal]
error_rate = 0.1

[localisation]
least_pointing = 0.8
least_lesions = 10

[[finding]]
code = "consolidation"
role = { kind = "screening", least_sensitivity = 0.9 }
positive = ["bright"]
negative = ["dark"]

[[finding]]
code = "a_lines"
role = { kind = "confirmation", least_specificity = 0.9 }
positive = ["dark"]
negative = ["bright"]
"#;

/// Sees brightness: a text that begins with `bright` lies along the first axis, any other along the second.
struct StandIn;

impl Encoder for StandIn {
    fn embed_texts(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelsError> {
        let of = |text: &&str| if text.starts_with("bright") { vec![1.0, 0.0] } else { vec![0.0, 1.0] };
        Ok(texts.iter().map(of).collect())
    }

    fn look(&mut self, picture: &Pixels) -> Result<Looked, ModelsError> {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let step = usize::from(picture.channels());
        let mut sums = [(0.0, 0.0); 4];
        for (at, value) in picture.bytes().iter().step_by(step).enumerate() {
            let place = (at / width * 2 / height) * 2 + at % width * 2 / width;
            sums[place].0 += f64::from(*value) / 255.0;
            sums[place].1 += 1.0;
        }
        let places: Vec<[f64; 2]> = sums.map(|(sum, count)| [sum / count, 1.0 - sum / count]).to_vec();
        let mean = |axis: usize| places.iter().map(|place| place[axis]).sum::<f64>() / 4.0;
        let length = mean(0).hypot(mean(1));
        Ok(Looked {
            embedding: [0, 1].map(|axis| (mean(axis) / length) as f32).to_vec(),
            attribution: Attribution::Additive,
            grid: [2, 2],
            area: [0.0, 0.0, width as f64, height as f64],
            places: places.iter().flatten().map(|v| (v / length) as f32).collect(),
        })
    }

    fn logit_scale(&self) -> f64 {
        10.0
    }
}

fn phantom_frames(finding: Finding, seed: u64, count: u32) -> Vec<Frame> {
    let scene = Scene::draw(&Ranges::training().only(finding), seed).unwrap();
    let simulator = Simulator::new(&scene).unwrap();
    (0..count).map(|index| Frame::new(simulator.frame(index).unwrap().pixels, index)).collect()
}

fn given(domain: Domain) -> Given {
    Given { domain, zone: None, executor: "test".to_owned() }
}

fn exam(text: &str) -> Exam {
    Exam::new(Protocol::parse(text).unwrap(), &mut StandIn, MODEL).unwrap()
}

fn report_of(exam: &Exam, frames: &[Frame], domain: Domain) -> Report {
    let frames: Vec<&Frame> = frames.iter().collect();
    let given = given(domain);
    let input = ScanInput { frames: &frames, frames_in_scan: frames.len() as u32, given: &given };
    exam.report(&mut StandIn, &input).unwrap()
}

/// Patients whose scores lie at ±`gap` and spread by one around it, for both findings: consolidation grows with the
/// score, A-lines likewise.
fn cases(patients: u64, gap: f64) -> Vec<CalibrationCase> {
    let one = |patient: u64, finding| {
        let present = patient.is_multiple_of(2);
        // Spread evenly over −1 to 1, in an order that has nothing to do with the class.
        let spread = (patient * 7 % patients) as f64 / patients as f64 * 2.0 - 1.0;
        let score = if present { gap } else { -gap } + spread;
        CalibrationCase { patient, finding, score, present }
    };
    let all = [FindingCode::Consolidation, FindingCode::ALines];
    (0..patients).flat_map(|patient| all.map(|finding| one(patient, finding))).collect()
}

fn cohort(domain: Domain) -> Cohort {
    Cohort { domain, note: "made for a test".to_owned() }
}

fn calibration(cases: &[CalibrationCase], domain: Domain) -> Calibration {
    let protocol = Protocol::parse(PROTOCOL).unwrap();
    fit(&protocol, MODEL, &cohort(domain), cases, &[], FitSettings::default()).unwrap()
}
