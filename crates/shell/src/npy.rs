//! NumPy's file of one array, format version 1.0.
//! Source: numpy.lib.format, "Format Version 1.0".

/// Everything before the numbers is padded to a multiple of this.
const ALIGNMENT: usize = 64;

/// Magic, version, length of the header.
const PREAMBLE: usize = 10;

/// An array of f32, (rows, width) in C order. `rows`: each of `width` numbers.
pub(crate) fn array<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]>, width: usize) -> Vec<u8> {
    let mut out = header(&[rows.len(), width]);
    rows.for_each(|row| out.extend(row.iter().flat_map(|value| value.to_le_bytes())));
    out
}

/// An array of f32 of any shape, in C order.
pub(crate) fn tensor(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let mut out = header(shape);
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    out
}

fn header(shape: &[usize]) -> Vec<u8> {
    let mut sides: String = shape.iter().map(|side| format!("{side}, ")).collect();
    // Python's way of writing a tuple: a comma behind a single number, none behind several.
    sides.truncate(sides.len() - if shape.len() == 1 { 1 } else { 2.min(sides.len()) });
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sides}), }}");
    // The header ends with a line end.
    let end = (PREAMBLE + header.len() + 1).next_multiple_of(ALIGNMENT);
    header.push_str(&" ".repeat(end - PREAMBLE - header.len() - 1));
    header.push('\n');
    let length = u16::try_from(header.len()).expect("a few numbers make no 64 KiB");
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend(length.to_le_bytes());
    out.extend(header.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_numpys() {
        let rows = [[1.0f32, -2.0], [0.5, 3.0], [0.0, 1.0]];
        let file = array(rows.iter().map(|row| &row[..]), 2);
        assert_eq!(&file[..10], b"\x93NUMPY\x01\x00\x76\x00");
        assert!(file[10..].starts_with(b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }  "));
        assert_eq!((file[127], file.len()), (b'\n', 128 + 24));
        assert_eq!(&file[132..136], &(-2.0f32).to_le_bytes());
        assert_eq!(file, tensor(&[3, 2], &rows.concat()));
        for (shape, tuple) in [(&[4][..], "(4,)"), (&[1, 2, 2], "(1, 2, 2)"), (&[], "()")] {
            let file = tensor(shape, &[0.0; 4]);
            let header = String::from_utf8_lossy(&file[10..128]).into_owned();
            assert!(header.contains(&format!("'shape': {tuple}, ")), "{header}");
        }
    }
}
