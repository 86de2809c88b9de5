//! Terms of use, as far as the files name them.

use serde::Serialize;

use crate::model::{Model, Role};

/// What is said about the licence, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Licence {
    /// The licence's name or SPDX expression as written; `None` where there is only its text.
    pub id: Option<String>,
    /// Metadata key or file name.
    pub source: String,
}

impl Licence {
    pub(super) fn of(model: &Model) -> Option<Self> {
        const KEY: &str = "general.license";
        if let Ok(Some(id)) = model.metadata().str(KEY) {
            return Some(Self { id: Some(id.to_owned()), source: KEY.to_owned() });
        }
        if let Some(id) = model.file("README.md").and_then(|file| front_matter_licence(file.source.bytes())) {
            return Some(Self { id: Some(id), source: "README.md".to_owned() });
        }
        let is_text = |name: &str| name.starts_with("LICEN");
        let file = model.files().iter().find(|file| file.role == Role::Document && is_text(&file.name))?;
        Some(Self { id: None, source: file.name.clone() })
    }
}

/// `license: …` between the `---` lines that a Hugging Face model card begins with.
fn front_matter_licence(card: &[u8]) -> Option<String> {
    /// Bytes looked at; real front matter takes less than 4 kB.
    const LOOKED_AT: usize = 64 << 10;
    let card = String::from_utf8_lossy(&card[..card.len().min(LOOKED_AT)]);
    let mut lines = card.lines();
    lines.next().filter(|line| line.trim_end() == "---")?;
    let mut matter = lines.take_while(|line| line.trim_end() != "---");
    let id = matter.find_map(|line| line.strip_prefix("license:"))?;
    let id = id.trim().trim_matches(['"', '\'']);
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_licence_of_a_model_card() {
        struct Case {
            card: &'static str,
            id: Option<&'static str>,
        }
        let cases = [
            Case { card: "---\ntags: [x]\nlicense: \"apache-2.0\"\n---\n# A", id: Some("apache-2.0") },
            Case { card: "---\r\nlicense: mit\r\n---\r\n", id: Some("mit") },
            Case { card: "---\ntags: [x]\n---\nlicense: mit", id: None },
            Case { card: "license: mit", id: None },
            Case { card: "---\nlicense:\n---", id: None },
            Case { card: "", id: None },
        ];
        for case in cases {
            assert_eq!(front_matter_licence(case.card.as_bytes()).as_deref(), case.id, "{}", case.card);
        }
    }
}
