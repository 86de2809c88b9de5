//! The words of the text tower: a WordPiece `tokenizer.json` made of the words of training, some more of the exam's,
//! endings, and single letters for everything else.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::statements::{FRAMES, PHRASES};

/// Fills short texts up. Its id is 0.
pub(crate) const PADDING: u32 = 0;
/// Special tokens, in the order of their ids.
const SPECIAL: [&str; 4] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];
/// Most letters of a word that is taken apart.
const MAX_WORD: u32 = 64;

/// Words of the simulator's captions and of the exam, beside those of the statements.
const MORE_WORDS: &str = "absent abnormal above air airless an and anechoic anterior any are area artefact artefacts \
    artifact artifacts assessed at atelectasis b base between black bottom branching bright broken bronchi bronchogram \
    bronchograms chest comet consolidated costophrenic count curtain dark deep demonstrating depth diaphragm diffuse does \
    dry edge few findings fluid free from frame has hepatisation hepatization horizontal image in intercostal \
    interstitial irregular irregularities is isolated jerk kidney large lateral left line lines liver lower lung lungs \
    mild moderate no none normal of oedema edema one only or over pattern plain pleura pleural pneumonia pneumothorax \
    point present probe pulse recess region rib ribs right rockets scan scattered sector seen severe shadow side sign \
    single sliding slide small space sparse spleen syndrome tail tails that the there thickened thin thoracic tissue two \
    three four five ultrasound under upper vertical view wet white with without zone";
/// Endings that words of the exam share.
const ENDINGS: [&str; 13] =
    ["es", "ed", "ing", "ion", "ions", "al", "ity", "ities", "ly", "er", "ent", "ic", "ous"];

/// The file, as `tokenizers` reads it, and how many tokens it has. The same bytes for the same build.
pub(crate) fn tokenizer_json() -> (String, u64) {
    let mut vocabulary = Map::new();
    let mut add = |token: String| {
        let id = vocabulary.len();
        vocabulary.entry(token).or_insert(Value::from(id));
    };
    SPECIAL.into_iter().for_each(|token| add(token.to_owned()));
    let letters = || ('a'..='z').chain('0'..='9');
    letters().for_each(|letter| add(letter.to_string()));
    letters().for_each(|letter| add(format!("##{letter}")));
    "-.,:;()/+%'".chars().for_each(|mark| add(mark.to_string()));
    words().into_iter().for_each(&mut add);
    ENDINGS.into_iter().for_each(|ending| add(format!("##{ending}")));
    let tokens = vocabulary.len() as u64;
    let special = |(id, content): (usize, &str)| {
        json!({ "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true })
    };
    let around = |id: &str| json!({ "SpecialToken": { "id": id, "type_id": 0 } });
    let text = |id: &str| json!({ "Sequence": { "id": id, "type_id": 0 } });
    let placed = |id: usize| json!({ "id": SPECIAL[id], "ids": [id], "tokens": [SPECIAL[id]] });
    let file = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": SPECIAL.into_iter().enumerate().map(special).collect::<Vec<_>>(),
        "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": true, "lowercase": true },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": { "type": "TemplateProcessing",
            "single": [around("[CLS]"), text("A"), around("[SEP]")],
            "pair": [around("[CLS]"), text("A"), around("[SEP]"), text("B"), around("[SEP]")],
            "special_tokens": { "[CLS]": placed(2), "[SEP]": placed(3) } },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": MAX_WORD, "vocab": vocabulary },
    });
    (file.to_string(), tokens)
}

/// Words of two letters or more, in alphabetical order.
fn words() -> BTreeSet<String> {
    let wordings = PHRASES.iter().flat_map(|phrases| phrases.present.iter().chain(phrases.absent));
    let texts = wordings.chain(FRAMES).copied().chain([MORE_WORDS]);
    let split = |text: &'static str| text.split(|c: char| !c.is_ascii_alphanumeric());
    texts.flat_map(split).filter(|word| word.len() > 1).map(str::to_ascii_lowercase).collect()
}
