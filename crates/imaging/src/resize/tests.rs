//! Pillow's resize against plain loops, and its refusals.

use proptest::prelude::*;

use super::*;

/// One direction the plain way: for each output byte all weights anew, sums in i64.
fn slow_pass(lines: &[Vec<u8>], out_size: usize, kernel: filter::Kernel) -> Vec<Vec<u8>> {
    let in_size = lines[0].len();
    let scale = in_size as f64 / out_size as f64;
    let filter_scale = if scale < 1.0 { 1.0 } else { scale };
    let byte = |line: &Vec<u8>, out: usize| {
        let center = (out as f64 + 0.5) * scale;
        let support = kernel.support * filter_scale;
        let (from, to) = ((center - support + 0.5).trunc() as i64, (center + support + 0.5).trunc() as i64);
        let inside: Vec<i64> = (from..to).filter(|x| *x >= 0 && *x < in_size as i64).collect();
        let weight = |x: &i64| (kernel.weight)((*x as f64 - center + 0.5) * (1.0 / filter_scale));
        let sum: f64 = inside.iter().map(weight).sum();
        let fixed = |x: &i64| {
            let scaled = weight(x) / sum * 4194304.0;
            if scaled < 0.0 { (scaled - 0.5).trunc() as i64 } else { (scaled + 0.5).trunc() as i64 }
        };
        let total: i64 = inside.iter().map(|x| fixed(x) * i64::from(line[*x as usize])).sum();
        (total + (1 << 21)).div_euclid(1 << 22).clamp(0, 255) as u8
    };
    lines.iter().map(|line| (0..out_size).map(|out| byte(line, out)).collect()).collect()
}

fn transposed(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    (0..lines[0].len()).map(|x| lines.iter().map(|line| line[x]).collect()).collect()
}

/// The whole resize, channel by channel.
fn slow_resize(pixels: &Pixels, width: usize, height: usize, kernel: filter::Kernel) -> Vec<u8> {
    let (in_width, in_height, channels) = pixels.dims();
    let mut bytes = vec![0; width * height * channels];
    for channel in 0..channels {
        let line = |y| pixels.row(y).iter().skip(channel).step_by(channels).copied().collect();
        let mut lines: Vec<Vec<u8>> = (0..in_height).map(line).collect();
        let across = |lines: Vec<Vec<u8>>| match width == in_width {
            true => lines,
            false => slow_pass(&lines, width, kernel),
        };
        let down = |lines: Vec<Vec<u8>>| match height == in_height {
            true => lines,
            false => transposed(&slow_pass(&transposed(&lines), height, kernel)),
        };
        let lost = |before: usize, after: usize| before as i64 - after as i64;
        let down_first = lost(in_height, height) > 2 * lost(in_width, width) && height < in_height;
        lines = if down_first { across(down(lines)) } else { down(across(lines)) };
        for (i, byte) in lines.concat().into_iter().enumerate() {
            bytes[i * channels + channel] = byte;
        }
    }
    bytes
}

fn any_picture() -> impl Strategy<Value = Pixels> {
    let size = (1..40_u32, 1..40_u32, prop_oneof![Just(1_u8), Just(3)]);
    size.prop_flat_map(|(width, height, channels)| {
        let length = (width * height * u32::from(channels)) as usize;
        // Extreme bytes too: there the sums overshoot.
        let byte = prop_oneof![Just(0_u8), Just(255), any::<u8>()];
        let bytes = prop::collection::vec(byte, length);
        bytes.prop_map(move |bytes| Pixels::new(width, height, channels, bytes).unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_size_and_filter_equals_the_plain_loops(
        pixels in any_picture(),
        width in 1..60_u32,
        height in 1..60_u32,
        filter in prop::sample::select(Filter::ALL.to_vec()),
    ) {
        let got = resize(&pixels, width, height, filter).unwrap();
        prop_assert_eq!((got.width(), got.height(), got.channels()), (width, height, pixels.channels()));
        let (columns, rows) = (width as usize, height as usize);
        if let Some(kernel) = filter.kernel() {
            prop_assert_eq!(got.bytes(), slow_resize(&pixels, columns, rows, kernel));
        }
    }
}

#[test]
fn one_colour_stays_one_colour() {
    let pixels = Pixels::new(37, 23, 3, [9, 130, 255].repeat(37 * 23)).unwrap();
    for filter in Filter::ALL {
        let got = resize(&pixels, 11, 64, filter).unwrap();
        assert_eq!(got.bytes(), [9, 130, 255].repeat(11 * 64), "{filter:?}");
        assert_eq!(resize(&pixels, 37, 23, filter).unwrap(), pixels);
    }
}

#[test]
fn sums_of_more_columns_than_are_taken_at_a_time_are_right() {
    // A row of 16384 bytes is summed in spans.
    let bytes: Vec<u8> = (0..2 * 16384_u32).map(|i| (i % 251) as u8).collect();
    let pixels = Pixels::new(16384, 2, 1, bytes).unwrap();
    let got = resize(&pixels, 16384, 1, Filter::Box).unwrap();
    let mean = |x: usize| (u32::from(pixels.row(0)[x]) + u32::from(pixels.row(1)[x])).div_ceil(2) as u8;
    assert!(got.bytes().iter().enumerate().all(|(x, byte)| *byte == mean(x)));
}

#[test]
fn sizes_beyond_the_limits_are_refused() {
    struct Case {
        from: (u32, u32),
        to: (u32, u32),
        error: &'static str,
    }
    let cases = [
        Case {
            from: (1, 1),
            to: (0, 5),
            error: "resize: expected at least one column and one row, got 0 x 5",
        },
        Case {
            from: (1, 1),
            to: (5, 0),
            error: "resize: expected at least one column and one row, got 5 x 0",
        },
        Case {
            from: (1, 1),
            to: (16385, 1),
            error: "columns after resizing: at most 16384 are supported, got 16385",
        },
        Case {
            from: (1, 1),
            to: (1, u32::MAX),
            error: "rows after resizing: at most 16384 are supported, got 4294967295",
        },
        Case {
            from: (1, 1),
            to: (16384, 8192),
            error: "pixels after resizing: at most 67108864 are supported, got 134217728",
        },
    ];
    for Case { from, to, error } in cases {
        let pixels = Pixels::new(from.0, from.1, 1, vec![0; (from.0 * from.1) as usize]).unwrap();
        let got = resize(&pixels, to.0, to.1, Filter::Bicubic).unwrap_err();
        assert_eq!(got.to_string(), error);
    }
}

/// SHA-256 of what Pillow 13.0.0 makes of a grey picture of (7x + 13y + xy) mod 251: pictures that lose many
/// more rows than columns, and two just at the border between the orders.
#[test]
fn tall_pictures_are_resized_as_pillow_13_does() {
    let cases = [
        (
            [161, 211],
            [112, 112],
            Filter::Bicubic,
            "14305e81003ae390a5df7d9052bd74d9205dfc0e0998d999ff367dbe3fbca4e0",
        ),
        (
            [60, 300],
            [60, 100],
            Filter::Lanczos,
            "41fed750ab6a81d9cec452f9c01b1bd83538b8fb35f3623b6b52a2b42040df99",
        ),
        (
            [100, 400],
            [40, 20],
            Filter::Bilinear,
            "f62b39706def647102dbfb686b113319b91aee8f5df867499d1c4b2bda00cbaa",
        ),
        (
            [50, 501],
            [60, 250],
            Filter::Bicubic,
            "8e94fb1061896b47962aa28b7c0aba310436a7d9b060ec961a4d8d5dd220dda7",
        ),
        (
            [100, 220],
            [60, 140],
            Filter::Hamming,
            "8a7bfd5133434b0c43f67a8959ea0fb50465aaa7734c2acf98e3e0f388cd2170",
        ),
        (
            [100, 221],
            [60, 140],
            Filter::Hamming,
            "141650419c7b7ddf408231d6508d2e22ffc3130562deebb75fb719fab720124a",
        ),
        ([30, 90], [31, 80], Filter::Box, "ed1c639d3e846674ad87739decc313a6383bf2517dd3f968fa0527ff92cd9d03"),
    ];
    for ([width, height], [columns, rows], filter, expected) in cases {
        let byte = |i: u32| ((i % width * 7 + i / width * 13 + (i % width) * (i / width)) % 251) as u8;
        let pixels = Pixels::new(width, height, 1, (0..width * height).map(byte).collect()).unwrap();
        let got = resize(&pixels, columns, rows, filter).unwrap();
        use sha2::Digest;
        let digest: String = sha2::Sha256::digest(got.bytes()).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(digest, expected, "{width} x {height} to {columns} x {rows}, {filter:?}");
    }
}
