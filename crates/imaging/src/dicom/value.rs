//! A data set as far as it is read: values of the attributes in `tags.rs`, and the items of their sequences.

use std::collections::BTreeMap;

use super::tags::Tag;

/// One value, as its bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Value {
    /// That of the file; that of the table where the file does not say, or says `UN`.
    pub(crate) vr: [u8; 2],
    pub(crate) big_endian: bool,
    pub(crate) bytes: Vec<u8>,
    pub(crate) items: Vec<Dataset>,
}

/// The values of one data set or item.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dataset {
    pub(crate) values: BTreeMap<u32, Value>,
}

impl Value {
    /// As 16-bit words.
    pub(crate) fn words(&self) -> Vec<u16> {
        let word = |bytes: &[u8; 2]| {
            if self.big_endian { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) }
        };
        self.bytes.as_chunks().0.iter().map(word).collect()
    }

    /// As numbers. `None`: there is none, or one that is not understood.
    /// Source: DICOM PS3.5 section 6.2.
    fn numbers(&self) -> Option<Vec<f64>> {
        fn each<const N: usize>(value: &Value, of: impl Fn([u8; N]) -> f64) -> Option<Vec<f64>> {
            let (chunks, rest) = value.bytes.as_chunks::<N>();
            let ordered = |chunk: &[u8; N]| {
                let mut chunk = *chunk;
                if value.big_endian {
                    chunk.reverse();
                }
                of(chunk)
            };
            (rest.is_empty() && !chunks.is_empty()).then(|| chunks.iter().map(ordered).collect())
        }
        match &self.vr {
            b"US" | b"OW" => each(self, |bytes| u16::from_le_bytes(bytes).into()),
            b"SS" => each(self, |bytes| i16::from_le_bytes(bytes).into()),
            b"UL" | b"OL" => each(self, |bytes| u32::from_le_bytes(bytes).into()),
            b"SL" => each(self, |bytes| i32::from_le_bytes(bytes).into()),
            b"FL" | b"OF" => each(self, |bytes| f32::from_le_bytes(bytes).into()),
            b"FD" | b"OD" => each(self, f64::from_le_bytes),
            b"DS" | b"IS" => {
                let numbers = self.text()?.split('\\').map(|part| part.trim().parse::<f64>());
                let numbers: Vec<f64> = numbers.collect::<Result<_, _>>().ok()?;
                numbers.iter().all(|number| number.is_finite()).then_some(numbers)
            }
            _ => None,
        }
    }

    /// As text without its padding. `None`: it is empty, or not ASCII (the attributes that are read are).
    pub(crate) fn text(&self) -> Option<&str> {
        let text = str::from_utf8(&self.bytes).ok().filter(|text| text.is_ascii())?;
        Some(text.trim_matches([' ', '\0'])).filter(|text| !text.is_empty())
    }
}

impl Dataset {
    pub(crate) fn get(&self, tag: Tag) -> Option<&Value> {
        self.values.get(&tag.code)
    }

    /// All numbers of an attribute. `None`: absent, empty or not understood.
    pub(crate) fn numbers(&self, tag: Tag) -> Option<Vec<f64>> {
        self.get(tag)?.numbers()
    }

    /// The first number of an attribute.
    pub(crate) fn number(&self, tag: Tag) -> Option<f64> {
        self.numbers(tag)?.first().copied()
    }

    /// The first number of an attribute, if it is whole.
    pub(crate) fn integer(&self, tag: Tag) -> Option<i64> {
        let number = self.number(tag)?;
        (number.fract() == 0.0 && number.abs() < 9.0e15).then_some(number as i64)
    }

    /// All texts of an attribute, padding removed.
    pub(crate) fn texts(&self, tag: Tag) -> Vec<&str> {
        let text = self.get(tag).and_then(Value::text);
        text.map_or_else(Vec::new, |text| text.split('\\').map(|part| part.trim_matches(' ')).collect())
    }

    /// The first text of an attribute.
    pub(crate) fn text(&self, tag: Tag) -> Option<&str> {
        self.texts(tag).first().copied().filter(|text| !text.is_empty())
    }

    /// The items of a sequence; none where it is absent.
    pub(crate) fn items(&self, tag: Tag) -> &[Dataset] {
        self.get(tag).map_or(&[], |value| &value.items)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tags;
    use super::*;

    #[test]
    fn numbers_are_read_by_their_representation_or_not_at_all() {
        struct Case {
            vr: &'static [u8; 2],
            big_endian: bool,
            bytes: &'static [u8],
            numbers: Option<&'static [f64]>,
        }
        let cases = [
            Case { vr: b"US", big_endian: false, bytes: &[1, 2], numbers: Some(&[513.0]) },
            Case { vr: b"US", big_endian: true, bytes: &[1, 2, 0, 9], numbers: Some(&[258.0, 9.0]) },
            Case { vr: b"SS", big_endian: false, bytes: &[0xFF, 0xFF], numbers: Some(&[-1.0]) },
            Case { vr: b"US", big_endian: false, bytes: &[1], numbers: None },
            Case { vr: b"US", big_endian: false, bytes: &[], numbers: None },
            Case { vr: b"DS", big_endian: false, bytes: b"1.5\\-2e1 ", numbers: Some(&[1.5, -20.0]) },
            Case { vr: b"DS", big_endian: false, bytes: b"1.5\\", numbers: None },
            Case { vr: b"DS", big_endian: false, bytes: b"inf", numbers: None },
            Case { vr: b"DS", big_endian: false, bytes: b"\xc3\xa9", numbers: None },
            Case {
                vr: b"FD",
                big_endian: true,
                bytes: &[0x3F, 0xF0, 0, 0, 0, 0, 0, 0],
                numbers: Some(&[1.0]),
            },
            Case { vr: b"PN", big_endian: false, bytes: b"7", numbers: None },
        ];
        for Case { vr, big_endian, bytes, numbers } in cases {
            let value = Value { vr: *vr, big_endian, bytes: bytes.to_vec(), items: Vec::new() };
            let dataset = Dataset { values: [(tags::ROWS.code, value)].into() };
            assert_eq!(dataset.numbers(tags::ROWS).as_deref(), numbers, "{vr:?} {bytes:?}");
        }
    }
}
