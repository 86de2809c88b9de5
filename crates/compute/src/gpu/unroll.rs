//! Repeated lines of WGSL. Sums that must stay in registers are variables of their own, not an array in a loop: naga
//! bounds every loop by a counter, which keeps drivers from unrolling it, and an array indexed in a loop lies in memory
//! (measured on lavapipe: twice as slow).
//!
//! Lines between `//# for r in ROWS` and `//# next` are repeated with `$r` = 0, 1, … up to the constant ROWS, or up to
//! a number; they nest.

/// `text` with its repetitions written out. `constants`: how often; a name that is not among them repeats nothing.
pub(crate) fn unroll(text: &str, constants: &[(&str, u32)]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::with_capacity(4 * text.len());
    for line in repeated(&lines, constants) {
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// Variable and count of a line that begins a repetition.
fn begins<'l>(line: &'l str, constants: &[(&str, u32)]) -> Option<(&'l str, u32)> {
    let (name, count) = line.trim().strip_prefix("//# for ")?.split_once(" in ")?;
    let named = constants.iter().find(|(constant, _)| *constant == count).map(|(_, n)| *n);
    Some((name, count.parse().ok().or(named).unwrap_or(0)))
}

fn repeated<L: AsRef<str>>(lines: &[L], constants: &[(&str, u32)]) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at).map(AsRef::as_ref) {
        at += 1;
        let Some((name, count)) = begins(line, constants) else {
            out.push(line.to_owned());
            continue;
        };
        let start = at;
        let mut depth = 1;
        while let (true, Some(line)) = (depth > 0, lines.get(at).map(AsRef::as_ref)) {
            depth += i32::from(begins(line, constants).is_some()) - i32::from(line.trim() == "//# next");
            at += 1;
        }
        let end = if depth == 0 { at - 1 } else { at };
        let variable = format!("${name}");
        for i in 0..count {
            let number = i.to_string();
            let body: Vec<String> =
                lines[start..end].iter().map(|line| line.as_ref().replace(&variable, &number)).collect();
            out.extend(repeated(&body, constants));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::unroll;

    #[test]
    fn repetitions_nest() {
        let text = "a\n//# for r in ROWS\n  r$r\n//# for c in 2\n  s_$r_$c\n//# next\n//# next\nb";
        assert_eq!(unroll(text, &[("ROWS", 2)]), "a\n  r0\n  s_0_0\n  s_0_1\n  r1\n  s_1_0\n  s_1_1\nb\n");
        assert_eq!(unroll(text, &[("ROWS", 0)]), "a\nb\n");
    }
}
