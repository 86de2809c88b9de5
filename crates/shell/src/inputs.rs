//! Inputs one after the other: those that are refused are set aside and named, the others are worked on.

use anyhow::anyhow;
use serde::Serialize;

use crate::exit::{Code, Failure};
use crate::{output, progress, text};

/// An input that was refused.
#[derive(Debug, Serialize)]
pub(crate) struct Refused {
    input: String,
    error: String,
}

/// What became of all inputs, each in the order of the command line.
pub(crate) struct Worked<T> {
    pub(crate) done: Vec<(String, T)>,
    pub(crate) refused: Vec<Refused>,
}

impl<T> Worked<T> {
    /// Whether all inputs were worked on.
    pub(crate) fn code(&self) -> Code {
        if self.refused.is_empty() { Code::Done } else { Code::SomeFailed }
    }
}

/// Do `work` on each of `inputs`, given by its name. What is refused is said on standard error.
/// Errors: the first failure that is not the input's; code 3 if every input was refused.
pub(crate) fn each<I, T>(
    inputs: impl ExactSizeIterator<Item = (String, I)>,
    mut work: impl FnMut(I) -> Result<T, Failure>,
) -> Result<Worked<T>, Failure> {
    let bar = progress::counted("inputs", inputs.len() as u64);
    let mut worked = Worked { done: Vec::new(), refused: Vec::new() };
    for (name, input) in inputs {
        match work(input) {
            Ok(value) => worked.done.push((name, value)),
            Err(Failure { code: Code::Input, error }) => {
                worked.refused.push(Refused { input: name, error: format!("{error:#}") });
            }
            Err(failure) => return Err(failure.at(&text::name(&name))),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let lines: Vec<String> =
        worked.refused.iter().map(|r| format!("{}: {}", text::name(&r.input), r.error)).collect();
    match (&lines[..], worked.done.len()) {
        ([only], 0) => Err(Failure::new(Code::Input, anyhow!("{only}"))),
        ([_, ..], 0) => {
            let all = lines.join("; ");
            Err(Failure::new(Code::Input, anyhow!("all {} inputs were refused: {all}", lines.len())))
        }
        _ => {
            lines.iter().for_each(|line| output::warn(&format!("bedside: {line}")));
            Ok(worked)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(inputs: &[i32]) -> Result<Worked<i32>, Failure> {
        let inputs = inputs.iter().map(|i| (i.to_string(), *i));
        each(inputs, |i| match i {
            0 => Err(Failure::new(Code::Input, anyhow!("nought"))),
            9 => Err(Failure::new(Code::Device, anyhow!("broken"))),
            i => Ok(i),
        })
    }

    #[test]
    fn some_all_and_fatal_failures_differ() {
        let some = work(&[1, 0, 2]).unwrap();
        assert_eq!((some.code(), some.done.len(), some.refused.len()), (Code::SomeFailed, 2, 1));
        assert_eq!(work(&[1]).unwrap().code(), Code::Done);
        for (inputs, code, message) in [
            (&[0][..], Code::Input, "0: nought"),
            (&[0, 0], Code::Input, "all 2 inputs were refused: 0: nought; 0: nought"),
            (&[1, 9], Code::Device, "9: broken"),
        ] {
            let failure = work(inputs).err().unwrap();
            assert_eq!((failure.code, failure.error.to_string()), (code, message.to_owned()));
        }
    }
}
