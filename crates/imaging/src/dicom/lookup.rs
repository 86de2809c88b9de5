//! Lookup tables: descriptor and data. Source: DICOM PS3.3 C.11.1.1 (modality), C.11.2.1.1 (VOI), C.7.6.3.1.5,
//! C.7.6.3.1.6 and C.7.9.2 (palettes).

use super::image_pixel::{missing, wrong};
use super::tags::Tag;
use super::value::{Dataset, Value};
use crate::error::ImagingError;

/// One table. Values below the first entry take the first, those beyond the last take the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lookup {
    first: i32,
    /// Bits of an entry: 8 to 16.
    pub(crate) bits: u32,
    /// At least one.
    pub(crate) entries: Vec<u16>,
}

impl Lookup {
    /// `signed`: whether the first stored value mapped is two's complement.
    /// Errors: `DicomMissing`, `DicomElement`.
    pub(crate) fn of(
        dataset: &Dataset,
        descriptor: Tag,
        data: Tag,
        signed: bool,
    ) -> Result<Self, ImagingError> {
        let (count, first, bits) = read_descriptor(dataset, descriptor, signed)?;
        let value =
            dataset.get(data).ok_or_else(|| missing(data, "values cannot be looked up without it"))?;
        let entries = match bits {
            8 if value.bytes.len() < count * 2 => bytes(value),
            _ => value.words(),
        };
        Self::of_entries(entries, count, first, bits, data)
    }

    /// Of a palette that may be segmented.
    pub(crate) fn of_palette(
        dataset: &Dataset,
        descriptor: Tag,
        data: Tag,
        segmented: Tag,
    ) -> Result<Self, ImagingError> {
        let Some(value) = dataset.get(segmented).filter(|_| dataset.get(data).is_none()) else {
            return Self::of(dataset, descriptor, data, false);
        };
        let (count, first, bits) = read_descriptor(dataset, descriptor, false)?;
        let words = if bits == 8 { bytes(value) } else { value.words() };
        let entries = expand(&words, bits, count).ok_or_else(|| {
            let got = format!("{} bytes that are not", value.bytes.len());
            wrong(segmented, "discrete, linear and indirect segments", got)
        })?;
        Self::of_entries(entries, count, first, bits, segmented)
    }

    fn of_entries(
        mut entries: Vec<u16>,
        count: usize,
        first: i32,
        bits: u32,
        data: Tag,
    ) -> Result<Self, ImagingError> {
        if entries.len() < count {
            return Err(wrong(
                data,
                "as many entries as its descriptor says",
                format!("{} of {count}", entries.len()),
            ));
        }
        entries.truncate(count);
        Ok(Self { first, bits, entries })
    }

    /// The entry for a value.
    pub(crate) fn at(&self, value: i32) -> u16 {
        let place = i64::from(value) - i64::from(self.first);
        self.entries[place.clamp(0, self.entries.len() as i64 - 1) as usize]
    }

    /// The largest value that an entry can have.
    pub(crate) fn top(&self) -> f64 {
        f64::from((1_u32 << self.bits) - 1)
    }
}

/// Number of entries, first value mapped, bits of an entry.
fn read_descriptor(dataset: &Dataset, tag: Tag, signed: bool) -> Result<(usize, i32, u32), ImagingError> {
    let numbers =
        dataset.numbers(tag).ok_or_else(|| missing(tag, "a lookup table cannot be read without it"))?;
    let [count, first, bits] = numbers[..] else {
        return Err(wrong(tag, "3 values", numbers.len().to_string()));
    };
    // They come out of 16 bits; some writers store all three as signed.
    let count = (count as i64 & 0xFFFF) as usize;
    let count = if count == 0 { 1 << 16 } else { count };
    let first = first as i64 as u16;
    let first = if signed { i32::from(first as i16) } else { i32::from(first) };
    if !(8.0..=16.0).contains(&bits) {
        return Err(wrong(tag, "8 to 16 bits for an entry", bits.to_string()));
    }
    Ok((count, first, bits as u32))
}

/// Entries of 8 bits, two to a word.
fn bytes(value: &Value) -> Vec<u16> {
    if value.big_endian && value.vr == *b"OW" {
        return value.words().iter().flat_map(|word| [word & 0xFF, word >> 8]).collect();
    }
    value.bytes.iter().map(|byte| u16::from(*byte)).collect()
}

/// Expand a segmented palette to `count` entries. `None`: it breaks the rules.
/// Source: DICOM PS3.3 C.7.9.2.
fn expand(words: &[u16], bits: u32, count: usize) -> Option<Vec<u16>> {
    let mut entries = Vec::with_capacity(count);
    let mut at = 0;
    while at < words.len() && entries.len() < count {
        let [opcode, length] = *words.get(at..at + 2)?.first_chunk::<2>()?;
        if opcode < 2 {
            at = segment(words, at, count, &mut entries)?;
            continue;
        }
        if opcode > 2 {
            return None;
        }
        // Offset of the segments to repeat, in bytes, lowest part first.
        let (parts, width) = if bits == 8 { (4, 8) } else { (2, 16) };
        let offset = words.get(at + 2..at + 2 + parts)?.iter().rev();
        let offset = offset.fold(0_usize, |offset, part| offset << width | usize::from(*part));
        let mut from = if bits == 8 { offset } else { offset / 2 };
        for _ in 0..length {
            from = segment(words, from, count, &mut entries)?;
        }
        at += 2 + parts;
    }
    Some(entries)
}

/// Append one discrete (0) or linear (1) segment; returns where the next begins. Beyond `count` entries nothing
/// is appended.
fn segment(words: &[u16], at: usize, count: usize, entries: &mut Vec<u16>) -> Option<usize> {
    let [opcode, length] = *words.get(at..at.checked_add(2)?)?.first_chunk::<2>()?;
    let length = usize::from(length);
    let room = count.saturating_sub(entries.len());
    match opcode {
        0 => {
            let values = words.get(at + 2..at + 2 + length)?;
            entries.extend(values.iter().take(room));
            Some(at + 2 + length)
        }
        1 => {
            let (from, to) = (f64::from(*entries.last()?), f64::from(*words.get(at + 2)?));
            let step = (to - from) / length as f64;
            entries.extend((1..=length.min(room)).map(|i| (from + step * i as f64).round() as u16));
            Some(at + 3)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tags;
    use super::*;

    fn table(descriptor: [u16; 3], data: &[u8]) -> Dataset {
        let value = |vr: &[u8; 2], bytes: &[u8]| Value { vr: *vr, bytes: bytes.to_vec(), ..Value::default() };
        let descriptor = value(b"US", &descriptor.map(u16::to_le_bytes).concat());
        let values = [(tags::LUT_DESCRIPTOR.code, descriptor), (tags::LUT_DATA.code, value(b"OW", data))];
        Dataset { values: values.into() }
    }

    fn read(descriptor: [u16; 3], data: &[u8], signed: bool) -> Result<Lookup, ImagingError> {
        Lookup::of(&table(descriptor, data), tags::LUT_DESCRIPTOR, tags::LUT_DATA, signed)
    }

    #[test]
    fn values_outside_take_the_ends() {
        let lookup = read([3, 10, 8], &[5, 6, 7, 0], false).unwrap();
        assert_eq!([9, 10, 11, 12, 13, -5].map(|value| lookup.at(value)), [5, 5, 6, 7, 7, 5]);
        // The same as words, and with a first value below 0.
        let lookup = read([3, 0xFFFF, 8], &[5, 0, 6, 0, 7, 0], true).unwrap();
        assert_eq!([-1, 0, 1].map(|value| lookup.at(value)), [5, 6, 7]);
        assert_eq!(read([0, 0, 16], &[1; 1 << 17], false).unwrap().entries.len(), 1 << 16);
    }

    #[test]
    fn tables_that_lie_are_refused() {
        for (descriptor, data) in
            [([4, 0, 16], &[0; 6][..]), ([0, 0, 16], &[0; 6]), ([1, 0, 7], &[0; 2]), ([1, 0, 17], &[0; 2])]
        {
            assert!(read(descriptor, data, false).is_err(), "{descriptor:?}");
        }
    }

    #[test]
    fn segments_are_expanded() {
        struct Case {
            words: &'static [u16],
            bits: u32,
            entries: Option<&'static [u16]>,
        }
        let cases = [
            Case { words: &[0, 2, 5, 9], bits: 16, entries: Some(&[5, 9]) },
            Case { words: &[0, 1, 10, 1, 4, 30], bits: 16, entries: Some(&[10, 15, 20, 25, 30]) },
            Case { words: &[0, 1, 10, 1, 2, 0, 2, 1, 0, 0], bits: 16, entries: Some(&[10, 5, 0, 10]) },
            Case { words: &[0, 1, 7, 2, 1, 0, 0, 0, 0], bits: 8, entries: Some(&[7, 7]) },
            Case { words: &[1, 1, 7], bits: 16, entries: None },
            Case { words: &[0, 3, 7], bits: 16, entries: None },
            Case { words: &[3, 1, 7], bits: 16, entries: None },
            Case { words: &[0, 1, 7, 2, 1, 0xFFFF, 0xFFFF], bits: 16, entries: None },
            // A segment that repeats itself repeats no indirect one.
            Case { words: &[2, 0xFFFF, 0, 0], bits: 16, entries: None },
            Case { words: &[0], bits: 16, entries: None },
        ];
        for Case { words, bits, entries } in cases {
            assert_eq!(expand(words, bits, 8).as_deref(), entries, "{words:?}");
        }
        assert_eq!(expand(&[0, 1, 7, 1, 0xFFFF, 9], 16, 3).unwrap().len(), 3);
    }
}
